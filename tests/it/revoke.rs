//! RFC 7009 at both banks.

use crate::{
    harness::{Bank, Client, bank::BRANDS},
    register::{audited, with},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::json;

async fn machine_token(client: &Client<'_>) -> String {
    client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn b18_b22_a_token_ends_at_once_and_a_refresh_token_takes_its_access_tokens_along() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp([AccountInformation, PaymentInitiation]).register(brand).await;
        let (other_grant, machine) = (client.tokens("web", "aisp").await, machine_token(&client).await);
        let tokens = client.tokens("web", "aisp").await;
        let access = tokens["access_token"].as_str().unwrap();
        if brand.refresh {
            let refresh = tokens["refresh_token"].as_str().unwrap();
            let second = client.refresh(refresh).await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
            client.revoke(access).await.ok(200);
            assert!(!client.is_active(access).await, "one access token");
            assert!(client.is_active(&second).await && client.is_active(refresh).await, "and no more than that");
            let third = client.refresh(refresh).await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
            let reply = client.revoke(refresh).await.ok(200);
            assert_eq!((reply.body.as_str(), reply.header("cache-control")), ("", "no-store"));
            for token in [&second, &third, refresh] {
                assert_eq!(client.introspect(token).await, json!({ "active": false }));
            }
            client.refresh(refresh).await.refused(400, "invalid_grant");
        } else {
            client.revoke(access).await.ok(200);
            assert_eq!(client.introspect(access).await, json!({ "active": false }));
        }
        for token in [other_grant["access_token"].as_str().unwrap(), &machine] {
            assert!(client.is_active(token).await, "another grant's tokens are untouched");
            client.revoke(token).await.ok(200);
            assert!(!client.is_active(token).await);
            client.revoke(token).await.ok(200);
        }
    }
}

#[tokio::test]
async fn b17_only_ones_own_tokens() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
        let (mine, theirs) = (tpp.register(brand).await, bank.tpp([AccountInformation, PaymentInitiation]).register(brand).await);
        let sibling = tpp.register_as(brand, &with(crate::harness::Tpp::metadata(brand), json!({ "client_name": "Sibling" }))).await;
        let tokens = mine.tokens("web", "aisp").await;
        let mut all = vec![tokens["access_token"].as_str().unwrap().to_owned(), machine_token(&mine).await];
        all.extend(tokens["refresh_token"].as_str().map(str::to_owned));
        for token in &all {
            for client in [&theirs, &sibling] {
                let reply = client.revoke(token).await.refused(400, "invalid_grant");
                assert_eq!(reply.description(), "the token was not issued to this client");
            }
            assert!(mine.is_active(token).await, "and nothing happened to it");
            // authentication comes first: with somebody else's certificate it is not even looked at
            mine.over(&theirs.tpp).revoke(token).await.refused(401, "invalid_client");
            assert!(mine.is_active(token).await);
        }
        let refused = audited(&bank, "revocation_refused").await;
        assert!(refused.len() >= 2 * all.len() && refused.iter().all(|r| r == "token_of_other_client"), "{refused:?}");
        // a token of the other bank is unknown here, and stays alive there
        let elsewhere = BRANDS.into_iter().find(|b| b.id != brand.id).unwrap();
        let foreign = tpp.register(elsewhere).await;
        let token = machine_token(&foreign).await;
        mine.revoke(&token).await.ok(200);
        assert!(foreign.is_active(&token).await);
    }
}

#[tokio::test]
async fn b19_b20_b35_hints_unknown_tokens_and_what_is_missing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp([AccountInformation, PaymentInitiation]).register(brand).await;
        for hint in ["access_token", "refresh_token", "urn:example:saml2", ""] {
            let token = machine_token(&client).await;
            client.post(brand.revocation, &[("token", &token), ("token_type_hint", hint)]).await.ok(200);
            assert!(!client.is_active(&token).await, "hint {hint:?}");
        }
        if let Some(refresh) = client.tokens("web", "aisp").await["refresh_token"].as_str() {
            client.post(brand.revocation, &[("token", refresh), ("token_type_hint", "access_token")]).await.ok(200);
            assert!(!client.is_active(refresh).await, "a wrong hint widens the search");
        }
        let live = machine_token(&client).await;
        let forged = format!("{}{}", &live[..live.len() - 4], if live.ends_with("AAAA") { "BBBB" } else { "AAAA" });
        let as_refresh = live.replace("guat_", "gurt_");
        for unknown in ["x", "guat_", "é\n", &forged, &as_refresh, &"x".repeat(10_000)] {
            client.revoke(unknown).await.ok(200);
        }
        assert!(client.is_active(&live).await, "a token is known by its secret, not its id");
        for form in [&[][..], &[("token", "")], &[("token_type_hint", "access_token")]] {
            let reply = client.post(brand.revocation, form).await.refused(400, "invalid_request");
            assert_eq!(reply.description(), "token: missing");
        }
        let reply = client.post(brand.revocation, &[("token", &live), ("token", "x")]).await.refused(400, "invalid_request");
        assert_eq!(reply.description(), "token: sent more than once");
        let url = client.url(brand.revocation);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            assert_eq!(client.tpp.wire.send(method, &url, &[], "").await.ok(405).header("allow"), "POST");
        }
        client.tpp.wire.json(Method::POST, &url, &[], &json!({ "token": live })).await.refused(415, "invalid_request");
        client.tpp.wire.form(&url, &[], &[("token", &live)]).await.refused(401, "invalid_client");
        if brand.basic {
            let id_alone =
                client.tpp.wire.form(&url, &[], &[("token", &live), ("client_id", &client.id)]).await.refused(401, "invalid_client");
            assert_eq!(id_alone.header("www-authenticate"), "Basic realm=\"guichet\"");
        }
        assert!(client.is_active(&live).await);
    }
}

#[tokio::test]
async fn b21_an_outage_is_503_and_the_token_still_valid() {
    let bank = Bank::start().await;
    let pool = bank.pool().await;
    for brand in BRANDS {
        let client = bank.tpp([PaymentInitiation]).register(brand).await;
        let token = machine_token(&client).await;
        sqlx::query("alter table clients rename to clients_away").execute(&pool).await.unwrap();
        let reply = client.revoke(&token).await.refused(503, "temporarily_unavailable");
        assert!(reply.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{reply:?}");
        let inquiry = crate::harness::tpp::introspect(&bank, brand, &[("token", &token)]).await.refused(503, "temporarily_unavailable");
        assert!(!inquiry.header("retry-after").is_empty());
        sqlx::query("alter table clients_away rename to clients").execute(&pool).await.unwrap();
        assert!(client.is_active(&token).await);
        client.revoke(&token).await.ok(200);
        assert!(!client.is_active(&token).await);
    }
}
