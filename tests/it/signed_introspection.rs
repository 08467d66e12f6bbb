//! RFC 9701: introspection's answers under the bank's signature.

use crate::{
    admin_keys::{options, rotate, until},
    harness::{
        Bank, BankOptions, CIC, LBP, Reply,
        bank::{Brand, pki},
        wire::Wire,
    },
};
use guichet::{
    clock::Clock,
    jose::{self, JwsAlgorithm, KeySet, Signed},
    oauth::tpp::PspRole::AccountInformation,
    tls::files::load_certificates,
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// What anybody may verify the bank's signatures with.
pub async fn published(bank: &Bank, brand: Brand) -> KeySet {
    KeySet::read(&bank.browser().get(&format!("{}/{}/jwks", bank.issuer(brand), brand.id)).await.ok(200).json())
}

/// By the published keys and nothing else.
pub async fn verified(bank: &Bank, brand: Brand, compact: &str) -> Signed {
    jose::verify(compact, &published(bank, brand).await, &JwsAlgorithm::ALL).unwrap()
}

/// A bank whose command line knows its settings.
pub async fn start(options: BankOptions) -> Bank {
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    bank
}

/// With a key that signs, whose name is told.
pub async fn with_key(bank: &Bank) -> String {
    let kid = rotate(bank, &["--at-once"]).await["kid"].as_str().unwrap().to_owned();
    until(bank, &[&kid]).await;
    kid
}

async fn ask(bank: &Bank, brand: Brand, accept: &str, token: &str) -> Reply {
    let url = format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), brand.id);
    bank.gateway().form(&url, &[("accept", accept)], &[("token", token)]).await
}

async fn signed(bank: &Bank, brand: Brand, token: &str) -> Value {
    let reply = ask(bank, brand, MEDIA_TYPE, token).await.ok(200);
    assert_eq!(reply.header("content-type"), MEDIA_TYPE);
    let signed = verified(bank, brand, &reply.body).await;
    assert_eq!(signed.typ.as_deref(), Some("token-introspection+jwt"));
    Value::Object(signed.claims)
}

/// The subject of the gateway's certificate.
fn gateway() -> String {
    guichet::pki::subject(&load_certificates(&pki().1.file("gateway.pem")).unwrap()[0]).unwrap()
}

#[tokio::test]
async fn b28_an_answer_is_signed_for_the_system_that_asked_and_says_what_json_says() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(BankOptions { brand_extra: "introspection_cache_seconds = 5".into(), ..options(&folder) }).await;
    with_key(&bank).await;
    for brand in [CIC, LBP] {
        let client = bank.tpp([AccountInformation]).register(brand).await;
        let token = client.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
        let told = client.introspect(&token).await;
        assert_eq!(told["active"], true);
        let expected = json!({
            "iss": bank.issuer(brand), "aud": gateway(), "iat": bank.clock.now().unix_timestamp(), "token_introspection": told,
        });
        assert_eq!(signed(&bank, brand, &token).await, expected, "neither sub nor exp: no token of any kind");
        let (json, jwt) = (ask(&bank, brand, "*/*", &token).await, ask(&bank, brand, MEDIA_TYPE, &token).await);
        assert_eq!((json.header("cache-control"), json.header("pragma")), (jwt.header("cache-control"), jwt.header("pragma")));
        assert_eq!(jwt.header("cache-control"), "private, max-age=5");
    }
}

#[tokio::test]
async fn b24_b28_a_signed_inactive_answer_says_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(options(&folder)).await;
    with_key(&bank).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let token = client.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
    let inactive = json!({ "active": false });
    assert_eq!(signed(&bank, CIC, "x").await["token_introspection"], inactive);
    assert_eq!(signed(&bank, LBP, &token).await["token_introspection"], inactive, "another brand's");
    client.revoke(&token).await.ok(200);
    let reply = ask(&bank, CIC, MEDIA_TYPE, &token).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    let claims = verified(&bank, CIC, &reply.body).await.claims;
    assert_eq!(claims["token_introspection"], inactive);
    assert_eq!(
        claims.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        ["aud", "iat", "iss", "token_introspection"].into()
    );
}

#[tokio::test]
async fn b28_a_signed_answer_is_never_an_access_token() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(options(&folder)).await;
    with_key(&bank).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let token = client.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
    let answer = ask(&bank, CIC, MEDIA_TYPE, &token).await.ok(200).body;
    assert!(!client.is_active(&answer).await);
    client.revoke(&answer).await.ok(200);
    assert!(client.is_active(&token).await, "nor does it lead to one");
}

#[tokio::test]
async fn b28_json_is_for_all_that_do_not_ask_for_more_and_without_a_key_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(options(&folder)).await;
    let kinds = async |expected: [&str; 4]| {
        let both = format!("application/json, {MEDIA_TYPE}");
        for (accept, expected) in ["*/*", "application/json", "text/html", &both].into_iter().zip(expected) {
            let reply = ask(&bank, CIC, accept, "x").await.ok(200);
            assert_eq!(reply.header("content-type"), expected, "{accept}");
        }
    };
    let json = "application/json";
    kinds([json; 4]).await;
    let refused = ask(&bank, CIC, MEDIA_TYPE, "x").await.refused(406, "invalid_request");
    assert!(refused.description().starts_with("Accept: "));
    assert_eq!(ask(&bank, CIC, &format!("{MEDIA_TYPE}, application/json;q=0"), "x").await.status, 406);

    with_key(&bank).await;
    kinds([json, json, json, MEDIA_TYPE]).await;
    // refusals are JSON, whatever is accepted
    let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
    bank.gateway().form(&url, &[("accept", MEDIA_TYPE)], &[]).await.refused(400, "invalid_request");
    bank.gateway()
        .form(&url.replace("/cic/", "/nobody/"), &[("accept", MEDIA_TYPE)], &[("token", "x")])
        .await
        .refused(404, "invalid_request");
    // and a certificate stands before it all
    let sent = Wire::internal(&bank, None).try_send(Method::POST, &url, &[("accept", MEDIA_TYPE)], "token=x").await;
    assert!(sent.is_err(), "{sent:?}");
}

#[tokio::test]
async fn a51_b28_what_a_former_key_signed_is_verified_on_and_a_locked_key_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(options(&folder)).await;
    let first = with_key(&bank).await;
    let before = ask(&bank, CIC, MEDIA_TYPE, "x").await.ok(200).body;
    let second = rotate(&bank, &[]).await["kid"].as_str().unwrap().to_owned();
    until(&bank, &[&first, &second]).await;
    bank.clock.advance(Duration::hours(25));
    let after = ask(&bank, CIC, MEDIA_TYPE, "x").await.ok(200).body;
    let kid = |compact: &str| jsonwebtoken::decode_header(compact).unwrap().kid.unwrap();
    assert_eq!((kid(&before), kid(&after)), (first, second));
    for compact in [before, after] {
        assert_eq!(verified(&bank, CIC, &compact).await.claims["token_introspection"], json!({ "active": false }));
    }
    // another server of the same database, without the wrapping key
    let locked = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    locked.clock.advance(bank.clock.now() - locked.clock.now());
    ask(&locked, CIC, MEDIA_TYPE, "x").await.refused(503, "temporarily_unavailable");
    assert_eq!(ask(&locked, CIC, &format!("{MEDIA_TYPE}, */*;q=0.1"), "x").await.ok(200).body, "{\"active\":false}");
}
