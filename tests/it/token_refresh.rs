//! Refresh tokens, and how long anything under a consent lives (RFC 6749 s6, RFC 9700 s4.14, RTS art. 10a).

use crate::harness::{
    Bank, CIC, LBP,
    tpp::{Client, Tpp},
};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation};
use serde_json::{Value, json};
use time::Duration;

const ALL_ROLES: [PspRole; 3] = [AccountInformation, CardIssuing, PaymentInitiation];

fn text<'v>(tokens: &'v Value, name: &str) -> &'v str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

async fn refresh_with_scope(client: &Client<'_>, token: &str, scope: &str) -> crate::harness::Reply {
    client.token("web", &[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
}

/// RFC 6749 s6: the refresh token is its client's, and the client proves each time who it is.
#[tokio::test]
async fn a36_a_refresh_token_works_for_its_client_only() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ALL_ROLES);
    let client = tpp.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let refresh = text(&tokens, "refresh_token");
    let mut sister = Tpp::metadata(CIC);
    sister["client_name"] = json!("Another app of the same house");
    let sister = tpp.register_as(CIC, &sister).await;
    let stranger = bank.tpp(ALL_ROLES).register(CIC).await;
    for thief in [&sister, &stranger] {
        thief.refresh(refresh).await.refused(400, "invalid_grant");
    }
    // as the client, with another organisation's certificate
    client.over(&stranger.tpp).refresh(refresh).await.refused(401, "invalid_client");
    bank.expect_audit("token_refused", "refresh_token_of_other_client").await;
    bank.expect_audit("client_refused", "other_organisation").await;
    // other kinds of token are no refresh tokens, whatever they are called
    let access = text(&tokens, "access_token");
    let renamed = access.replace("guat_", "gurt_");
    for wrong in [access, &renamed, &refresh.replace("gurt_", "guat_"), "gurt_", "x", &refresh[..refresh.len() - 1]] {
        client.refresh(wrong).await.refused(400, "invalid_grant");
    }
    client.token("web", &[("grant_type", "refresh_token")]).await.refused(400, "invalid_request");
    client.refresh(refresh).await.ok(200);
}

#[tokio::test]
async fn a37_b42_no_rotation_and_a_renewed_certificate_goes_on() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ALL_ROLES);
    let client = tpp.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let refresh = text(&tokens, "refresh_token");
    let renewed = client.over(&bank.tpp_named(&tpp.organisation, ALL_ROLES));
    let mut seen = vec![text(&tokens, "access_token").to_owned()];
    // an answer that got lost is asked for again; old and new certificate side by side
    for now in [&client, &client, &renewed, &client, &renewed] {
        let again = now.refresh(refresh).await.ok(200).json();
        assert!(again["refresh_token"].is_null(), "the one it has stays good");
        assert!(!seen.contains(&text(&again, "access_token").to_owned()));
        seen.push(text(&again, "access_token").to_owned());
    }
    for token in &seen {
        assert!(client.is_active(token).await, "earlier tokens live on");
    }
    // everything else works with the renewed one, too
    renewed.tokens("web", "aisp").await;
    renewed.client_credentials().await.ok(200);
    renewed.revoke(refresh).await.ok(200);
    client.refresh(refresh).await.refused(400, "invalid_grant");
}

/// Asked for at authorize, asked for at the refresh, then what comes.
#[tokio::test]
async fn a39_a_refresh_never_widens_and_drops_extended_history() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    let long = "aisp extended_transaction_history";
    for (granted, cases) in [
        ("aisp", &[("", Some("aisp")), ("aisp", Some("aisp")), (long, None), ("pisp", None), ("aisp cbpii", None), ("openid", None)][..]),
        (long, &[("", Some("aisp")), (long, Some("aisp")), ("aisp", Some("aisp")), ("extended_transaction_history", None)]),
        ("cbpii", &[("", Some("cbpii")), ("cbpii", Some("cbpii")), ("aisp", None)]),
    ] {
        let tokens = client.tokens("web", granted).await;
        assert_eq!(tokens["scope"], granted);
        for (asked, answer) in cases {
            let reply = refresh_with_scope(&client, text(&tokens, "refresh_token"), asked).await;
            let Some(scope) = answer else {
                reply.refused(400, "invalid_scope");
                continue;
            };
            let again = reply.ok(200).json();
            assert_eq!(again["scope"], *scope, "the answer says what is left of {granted}");
            assert_eq!(client.introspect(text(&again, "access_token")).await["scope"], *scope);
        }
    }
    bank.expect_audit("token_refused", "scope_not_granted").await;
    // a payment is confirmed once: nothing to refresh
    assert!(client.tokens("web", "pisp").await["refresh_token"].is_null());
}

/// RTS art. 10a: counted from the SCA, not from the sign-in before it, the exchange after it, or a refresh.
#[tokio::test]
async fn a40_nothing_outlives_180_days_after_the_sca() {
    let bank = Bank::start().await;
    let day = Duration::days(1);
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    for scope in ["aisp", "cbpii"] {
        let mut psu = client.authorize("web", scope).await;
        psu.sign_in("approves").await;
        bank.clock.advance(Duration::seconds(200));
        psu.post(&[("decision", "approve")]).await;
        let sca_at = bank.clock.advanced();
        bank.clock.advance(Duration::seconds(200));
        let code = psu.go_home().await.code().to_owned();
        let tokens = client.redeem("web", scope, &code).await.ok(200).json();
        let refresh = text(&tokens, "refresh_token");
        assert_eq!(tokens["expires_in"], 10_800);
        let seen = client.introspect(refresh).await;
        assert_eq!(seen["exp"].as_i64().unwrap() - seen["auth_time"].as_i64().unwrap(), 180 * 86_400);
        bank.clock.advance(Duration::seconds(10_800));
        assert!(!client.is_active(text(&tokens, "access_token")).await, "its three hours are over");
        // long unused, still good
        bank.clock.advance(sca_at + 179 * day - bank.clock.advanced());
        assert_eq!(client.refresh(refresh).await.ok(200).json()["expires_in"], 10_800);
        bank.clock.advance(sca_at + 180 * day - Duration::seconds(100) - bank.clock.advanced());
        let last = client.refresh(refresh).await.ok(200).json();
        assert_eq!(last["expires_in"], 100, "no longer than the consent");
        bank.clock.advance(Duration::seconds(99));
        assert!(client.is_active(text(&last, "access_token")).await);
        bank.clock.advance(Duration::seconds(1));
        assert!(!client.is_active(text(&last, "access_token")).await);
        assert!(!client.is_active(refresh).await);
        let reply = client.refresh(refresh).await.refused(400, "invalid_grant");
        assert!(reply.description().contains("expired"), "the TPP must know to ask the customer: {reply:?}");
        bank.expect_audit("token_refused", "refresh_token_expired").await;
    }
}

#[tokio::test]
async fn labanquepostale_gives_one_long_access_token_and_nothing_to_refresh() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    for (scope, seconds) in [("aisp", 15_552_000), ("cbpii", 15_552_000), ("pisp", 600)] {
        let mut psu = client.authorize("pph", scope).await;
        psu.sign_in("approves").await;
        psu.post(&[("decision", "approve")]).await;
        bank.clock.advance(Duration::seconds(200));
        let code = psu.go_home().await.code().to_owned();
        let tokens = client.redeem("pph", scope, &code).await.ok(200).json();
        assert!(tokens["refresh_token"].is_null());
        assert_eq!(tokens["expires_in"], seconds - 200, "from the SCA on, for {scope}");
        bank.clock.advance(Duration::seconds(seconds - 201));
        assert!(client.is_active(text(&tokens, "access_token")).await, "{scope}");
        bank.clock.advance(Duration::seconds(1));
        assert!(!client.is_active(text(&tokens, "access_token")).await, "{scope}");
    }
    for (channel, ..) in LBP.channels {
        let form = [("grant_type", "refresh_token"), ("refresh_token", "gurt_x")];
        client.token(channel, &form).await.refused(400, "unsupported_grant_type");
    }
}

/// Withdrawn by the TPP or ended by the bank: dead at once.
#[tokio::test]
async fn a40_an_ended_consent_kills_its_tokens() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    let (gone, stays) = (client.tokens("web", "aisp").await, client.tokens("web", "aisp").await);
    let grant = client.introspect(text(&gone, "refresh_token")).await["grant_id"].as_str().unwrap().to_owned();
    sqlx::query("update grants set revoked_at = now(), revoked_reason = 'withdrawn' where id::text = $1")
        .bind(&grant)
        .execute(&bank.pool().await)
        .await
        .unwrap();
    for name in ["access_token", "refresh_token"] {
        assert_eq!(client.introspect(text(&gone, name)).await, json!({ "active": false }));
        assert!(client.is_active(text(&stays, name)).await);
    }
    client.refresh(text(&gone, "refresh_token")).await.refused(400, "invalid_grant");
    client.refresh(text(&stays, "refresh_token")).await.ok(200);
}

#[tokio::test]
async fn a_role_lost_stops_its_refreshes_and_no_others() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ALL_ROLES);
    let client = tpp.register(CIC).await;
    let (aisp, cbpii) = (client.tokens("web", "aisp").await, client.tokens("web", "cbpii").await);
    let without = client.over(&bank.tpp_named(&tpp.organisation, [CardIssuing]));
    let reply = without.refresh(text(&aisp, "refresh_token")).await.refused(400, "invalid_scope");
    assert!(reply.description().starts_with("ROLE_INVALID"), "{reply:?}");
    without.refresh(text(&cbpii, "refresh_token")).await.ok(200);
    // the consent itself is the customer's: with the role back, it goes on
    let regained = client.over(&bank.tpp_named(&tpp.organisation, ALL_ROLES));
    regained.refresh(text(&aisp, "refresh_token")).await.ok(200);
}

#[tokio::test]
async fn a_client_that_did_not_register_the_grant_type_gets_no_refresh_token() {
    let bank = Bank::start().await;
    let mut metadata = Tpp::metadata(CIC);
    metadata["grant_types"] = json!(["authorization_code"]);
    let tpp = bank.tpp(ALL_ROLES);
    let client = tpp.register_as(CIC, &metadata).await;
    assert!(client.tokens("web", "aisp").await["refresh_token"].is_null());
    client.refresh("gurt_x").await.refused(400, "unauthorized_client");
    bank.expect_audit("token_refused", "grant_type_not_registered").await;
}
