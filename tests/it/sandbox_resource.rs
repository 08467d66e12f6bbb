//! The protected resource of a sandbox: RFC 6750 and RFC 8705 s3 as a bank's gateway has to do them.

use crate::{
    harness::{Bank, BankOptions, CIC, Reply, Tpp},
    openid_suite::parties::{Plan::Plain, Scene},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use time::Duration;

const RESOURCE: &str = "/cic/sandbox/resource";

async fn get(tpp: &Tpp<'_>, path: &str, authorization: &[&str]) -> Reply {
    let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
    tpp.wire.send(Method::GET, &format!("{}{path}", tpp.bank.origin(CIC.tpp_host)), &headers, "").await
}

async fn with(tpp: &Tpp<'_>, token: &str, scope: &str) -> Reply {
    get(tpp, &format!("{RESOURCE}/{scope}"), &[&format!("Bearer {token}")]).await
}

#[track_caller]
fn challenged(reply: &Reply, status: u16, challenge: &str) {
    assert_eq!((reply.status, reply.header("www-authenticate")), (status, challenge), "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store");
}

fn access(tokens: &serde_json::Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn a54_a_token_is_taken_from_the_header_alone() {
    let scene = Scene::new(Plain).await;
    let (bank, client) = (&scene.bank, scene.client().await);
    let tokens = client.tokens().await;
    let (token, path) = (access(&tokens), format!("{RESOURCE}/aisp"));
    let told = with(&client.tpp, token, "aisp").await.ok(200);
    assert_eq!((&told.json()["client_id"], &told.json()["scope"]), (&client.id.as_str().into(), &"aisp".into()));
    assert_eq!(told.header("cache-control"), "no-store");
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        get(&client.tpp, &path, &[&format!("{scheme} {token}")]).await.ok(200);
    }
    let header = format!("Bearer {token}");
    challenged(&get(&client.tpp, &format!("{path}?access_token={token}"), &[]).await, 400, "Bearer error=\"invalid_request\"");
    challenged(&get(&client.tpp, &format!("{path}?access_token={token}"), &[&header]).await, 400, "Bearer error=\"invalid_request\"");
    challenged(&get(&client.tpp, &path, &[&header, &header]).await, 400, "Bearer error=\"invalid_request\"");
    challenged(&get(&client.tpp, &path, &["Bearer"]).await, 400, "Bearer error=\"invalid_request\"");
    // who brings none is told how, and of no error
    challenged(&get(&client.tpp, &path, &[]).await, 401, "Bearer");
    challenged(&get(&client.tpp, &path, &["Basic dTpw"]).await, 401, "Bearer");
    let document = bank.browser().get(&format!("{}/cic/openapi.json", bank.issuer(CIC))).await.ok(200).json();
    assert!(document["paths"]["/cic/sandbox/resource/{scope}"]["get"].is_object());
    // a form's token is in no header
    let url = format!("{}{path}", bank.origin(CIC.tpp_host));
    client.tpp.wire.form(&url, &[], &[("access_token", token)]).await.ok(405);
}

#[tokio::test]
async fn a_bound_token_works_with_its_certificate_alone_and_a_bearer_token_with_any_of_its_organisation() {
    let scene = Scene::new(Plain).await;
    let (bank, client) = (&scene.bank, scene.client().await);
    let dialect = client.tpp.register(CIC).await;
    let renewed = bank.tpp_named(&client.tpp.organisation, [AccountInformation, PaymentInitiation]);
    let stranger = bank.tpp([AccountInformation, PaymentInitiation]);
    let none = Tpp { wire: bank.browser(), ..client.tpp.clone() };
    let (bound, bearer) = (client.tokens().await, dialect.tokens("web", "aisp").await);
    for (token, tpp, good) in [
        (&bound, &client.tpp, true),
        (&bound, &renewed, false),
        (&bound, &stranger, false),
        (&bound, &none, false),
        (&bearer, &client.tpp, true),
        (&bearer, &renewed, true),
        (&bearer, &stranger, false),
        (&bearer, &none, false),
    ] {
        let reply = with(tpp, access(token), "aisp").await;
        match good {
            true => assert_eq!(reply.status, 200, "{reply:?}"),
            false => challenged(&reply, 401, "Bearer error=\"invalid_token\""),
        }
    }
}

#[tokio::test]
async fn a_token_opens_what_its_scope_says_while_it_lasts() {
    let scene = Scene::new(Plain).await;
    let (bank, client) = (&scene.bank, scene.client().await);
    let first = client.tokens().await;
    let needs_more = |scope: &str| format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
    challenged(&with(&client.tpp, access(&first), "pisp").await, 403, &needs_more("pisp"));
    let payment = client.client_credentials().await.ok(200).json();
    challenged(&with(&client.tpp, access(&payment), "aisp").await, 403, &needs_more("aisp"));
    with(&client.tpp, access(&payment), "pisp").await.ok(200);
    with(&client.tpp, access(&first), "anything").await.ok(404);
    // what opens nothing: a refresh token, a token of nobody, one that is revoked, one that is over
    let invalid = "Bearer error=\"invalid_token\"";
    challenged(&with(&client.tpp, first["refresh_token"].as_str().unwrap(), "aisp").await, 401, invalid);
    challenged(&with(&client.tpp, "none", "aisp").await, 401, invalid);
    client.revoke(access(&first)).await.ok(200);
    challenged(&with(&client.tpp, access(&first), "aisp").await, 401, invalid);
    let second = client.tokens().await;
    bank.clock.advance(Duration::hours(3));
    challenged(&with(&client.tpp, access(&second), "aisp").await, 401, invalid);
}

#[tokio::test]
async fn there_is_none_outside_sandboxes_and_where_no_client_is_held_to_fapi_2() {
    let fapi2 = "[brand.security]\nclients_may_choose = \"fapi2\"".to_owned();
    let production = BankOptions { production: true, one_brand_extra: Some((CIC, fapi2)), ..BankOptions::default() };
    for options in [production, BankOptions::default()] {
        let bank = Bank::with(options).await;
        let tpp = bank.tpp([AccountInformation]);
        with(&tpp, "none", "aisp").await.ok(404);
    }
}
