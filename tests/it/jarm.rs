//! Answers to authorization requests that the bank signs (JARM, FAPI 2.0 Message Signing s5.4).

use crate::{
    app2app::{approved_in_app, exchange, with_bank_file},
    harness::{
        Bank, BankOptions, Brand, CIC, LBP, Landing,
        fapi2::REQUEST,
        psu::Psu,
        tpp::{CALLBACK, Client, STATE, Tpp},
    },
};
use guichet::{
    clock::Clock,
    jose::{JwsAlgorithm, KeySet, verify},
    oauth::tpp::PspRole,
};
use serde_json::{Map, Value, json};
use std::time::Instant;
use time::Duration;

const ROLES: [PspRole; 2] = [PspRole::AccountInformation, PspRole::PaymentInitiation];

async fn client<'a>(bank: &'a Bank, brand: Brand, more: &Value) -> Client<'a> {
    let mut metadata = Tpp::metadata(brand);
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bank.tpp(ROLES).register_as(brand, &metadata).await
}

async fn metadata(bank: &Bank, brand: Brand) -> Value {
    bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(brand))).await.ok(200).json()
}

/// What the bank signed, verified as its client does: by the published keys, and nothing beside it.
pub async fn opened(client: &Client<'_>, landing: &Landing) -> Map<String, Value> {
    let (bank, brand) = (client.tpp.bank, client.brand);
    assert_eq!((landing.uri.as_str(), landing.params.len()), (CALLBACK, 1), "{landing:?}");
    let told = metadata(bank, brand).await;
    let keys = bank.browser().get(told["jwks_uri"].as_str().unwrap()).await.ok(200).json();
    let algorithm = JwsAlgorithm::parse(told["authorization_signing_alg_values_supported"][0].as_str().unwrap()).unwrap();
    let signed = verify(landing.get("response"), &KeySet::read(&keys), &[algorithm]).unwrap();
    assert_eq!(signed.typ.as_deref(), Some("jwt"));
    let mut claims = signed.claims;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(bank.issuer(brand)), &json!(client.id)));
    let lives = claims["exp"].as_i64().unwrap() - bank.clock.now().unix_timestamp();
    assert!((60..=600).contains(&lives), "{lives}");
    for checked in ["iss", "aud", "exp"] {
        claims.remove(checked);
    }
    claims
}

async fn pushed(client: &Client<'_>, mode: &str) -> String {
    let form = [&REQUEST[..], &[("response_mode", mode)]].concat();
    let request_uri = client.post("/cic/par", &form).await.ok(201).json()["request_uri"].as_str().unwrap().to_owned();
    let query = crate::harness::wire::encode(&[("client_id", &client.id), ("request_uri", &request_uri)]);
    format!("{}{}?{query}", client.tpp.bank.origin(CIC.psu_host), CIC.channel("web").1)
}

#[tokio::test]
async fn b52_a_signed_answer_has_iss_and_everything_else_inside() {
    let folder = tempfile::tempdir().unwrap();
    let bank = Bank::with(BankOptions::fapi2().signing(folder.path())).await;
    let fapi2 = client(&bank, CIC, &json!({ "security_profile": "fapi2", "authorization_signed_response_alg": "ES256" })).await;
    assert_eq!(fapi2.information["authorization_signed_response_alg"], "ES256");
    for mode in ["jwt", "query.jwt"] {
        let landing = Psu::open(&bank, CIC, &pushed(&fapi2, mode).await).await.approve().await;
        let claims = opened(&fapi2, &landing).await;
        assert_eq!((claims.len(), &claims["state"]), (2, &json!(STATE)), "{claims:?}");
        fapi2.redeem("web", "aisp", claims["code"].as_str().unwrap()).await.ok(200);
        // how it failed is signed, too
        let landing = Psu::open(&bank, CIC, &pushed(&fapi2, mode).await).await.cancel().await;
        let claims = opened(&fapi2, &landing).await;
        assert_eq!((claims.len(), &claims["error"], &claims["state"]), (3, &json!("access_denied"), &json!(STATE)), "{claims:?}");
    }
    // who does not ask for it gets what there ever was
    let landing = Psu::open(&bank, CIC, &pushed(&fapi2, "query").await).await.approve().await;
    assert!(landing.params.len() == 3 && landing.get("iss") == bank.issuer(CIC), "{landing:?}");
}

#[tokio::test]
async fn b52_a_refusal_at_once_is_signed_and_so_is_what_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let bank = Bank::with(BankOptions::fapi2().signing(folder.path())).await;
    // also of a client of the dialect, where the brand has both
    let client = client(&bank, CIC, &json!({})).await;
    let jwt = ("response_mode", Some("jwt"));
    for (change, error) in [
        (("scope", Some("openid")), "invalid_scope"),
        (("response_type", Some("token")), "unsupported_response_type"),
        (("code_challenge_method", Some("plain")), "invalid_request"),
        (("request_uri", Some("https://tpp.example/r")), "request_uri_not_supported"),
        (("state", None), "invalid_scope"),
    ] {
        let scope = if change.0 == "state" { "cbpii" } else { "aisp" };
        let landing = Psu::open(&bank, CIC, &client.authorize_url("web", scope, &[jwt, change])).await.landed();
        let claims = opened(&client, &landing).await;
        assert_eq!(claims["error"], error, "{claims:?}");
        assert_eq!(claims.contains_key("state"), change.0 != "state");
    }
    let journey = Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[jwt])).await;
    bank.clock.advance(Duration::minutes(11));
    let claims = opened(&client, &journey.fetch_answer().await).await;
    assert!(claims.contains_key("error") && claims["state"] == STATE, "{claims:?}");
    // a mode sent twice is no mode
    let twice = format!("{}&response_mode=query", client.authorize_url("web", "aisp", &[jwt]));
    assert_eq!(Psu::open(&bank, CIC, &twice).await.landed().get("error"), "invalid_request");
    for unknown in ["fragment.jwt", "form_post.jwt", "form_post", "fragment", "JWT"] {
        let landing = Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[("response_mode", Some(unknown))])).await.landed();
        assert_eq!((landing.get("error"), landing.get("iss")), ("invalid_request", bank.issuer(CIC).as_str()), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a31_what_cannot_be_signed_is_refused_before_the_customer_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let keyless = Bank::with(BankOptions::fapi2()).await;
    let told = metadata(&keyless, CIC).await;
    assert_eq!((&told["response_modes_supported"], told.get("authorization_signing_alg_values_supported")), (&json!(["query"]), None));
    let wish = |algorithm: Value| {
        let mut metadata = Tpp::metadata(CIC);
        metadata["authorization_signed_response_alg"] = algorithm;
        metadata
    };
    let tpp = keyless.tpp(ROLES);
    tpp.try_register(CIC, &wish(json!("ES256"))).await.refused(400, "invalid_client_metadata");
    let unsigned = client(&keyless, CIC, &json!({})).await;
    let url = |client: &Client<'_>| client.authorize_url("web", "aisp", &[("response_mode", Some("jwt"))]);
    let landing = Psu::open(&keyless, CIC, &url(&unsigned)).await.landed();
    assert_eq!((landing.get("error"), landing.get("state")), ("invalid_request", STATE));

    let options = BankOptions::fapi2().signing(folder.path());
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let told = metadata(&bank, CIC).await;
    assert_eq!(told["response_modes_supported"], json!(["query", "jwt", "query.jwt"]));
    assert_eq!(told["authorization_signing_alg_values_supported"], json!(["ES256"]));
    for wrong in [json!("EdDSA"), json!("PS256"), json!("RS256"), json!("none"), json!(1), json!(["ES256"])] {
        bank.tpp(ROLES).try_register(CIC, &wish(wrong)).await.refused(400, "invalid_client_metadata");
    }
    let client = client(&bank, CIC, &json!({ "authorization_signed_response_alg": "ES256" })).await;
    Psu::open(&bank, CIC, &url(&client)).await.approve().await.get("response");
    // another key, by another algorithm: not what this client believes
    bank.operator(&["key", "rotate", "--at-once", "--algorithm", "EdDSA", "--reason", "yearly"]).await;
    bank.clock.advance(Duration::minutes(10));
    let began = Instant::now();
    while metadata(&bank, CIC).await["authorization_signing_alg_values_supported"] != json!(["EdDSA"]) {
        assert!(began.elapsed().as_secs() < 5);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let landing = Psu::open(&bank, CIC, &url(&client)).await.landed();
    assert_eq!((landing.get("error"), landing.get("iss")), ("invalid_request", bank.issuer(CIC).as_str()));
    // who registered none believes the metadata
    let any = self::client(&bank, CIC, &json!({})).await;
    let claims = opened(&any, &Psu::open(&bank, CIC, &url(&any)).await.approve().await).await;
    any.redeem("web", "aisp", claims["code"].as_str().unwrap()).await.ok(200);
}

#[tokio::test]
async fn an_answer_that_cannot_be_signed_is_not_sent_otherwise_and_waits_for_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let signing = BankOptions::fapi2().signing(folder.path());
    let bank = Bank::with(signing.clone()).await;
    let client = client(&bank, CIC, &json!({})).await;
    let mut psu = Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[("response_mode", Some("jwt"))])).await;
    psu.sign_in("approves").await;
    psu.post(&[("decision", "approve")]).await;
    bank.reload_with(&BankOptions::fapi2()).await;
    let reply = psu.answer().await.ok(503);
    assert!(reply.header("location").is_empty(), "{reply:?}");
    bank.reload_with(&signing).await;
    let claims = opened(&client, &psu.fetch_answer().await).await;
    client.redeem("web", "aisp", claims["code"].as_str().unwrap()).await.ok(200);
}

#[tokio::test]
async fn b52_what_the_banks_app_takes_home_is_signed_too() {
    let folder = tempfile::tempdir().unwrap();
    let certificate_alone = |text: &str| text.replace("tls_client_auth+client_secret_basic", "tls_client_auth");
    let options = BankOptions {
        brands: vec![LBP],
        one_brand_extra: Some((LBP, "[brand.security]\nclients_may_choose = \"fapi2\"".into())),
        ..with_bank_file(certificate_alone)
    };
    let bank = Bank::with(options.signing(folder.path())).await;
    let client = client(&bank, LBP, &json!({})).await;
    let url = |scope: &str| client.authorize_url("pph", scope, &[("response_mode", Some("jwt"))]);
    let refused = exchange(&bank, &url("openid"), &[]).await.ok(200).json();
    let claims = opened(&client, &Landing::read(refused["redirect_to"].as_str().unwrap())).await;
    assert_eq!(claims["error"], "invalid_scope");
    let claims = opened(&client, &approved_in_app(&bank, &url("aisp")).await).await;
    client.redeem("pph", "aisp", claims["code"].as_str().unwrap()).await.ok(200);
}
