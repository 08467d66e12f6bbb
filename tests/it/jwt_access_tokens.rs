//! RFC 9068: access tokens that say themselves what they are good for, and are revoked like all others.

use crate::{
    admin_keys::{options, rotate, until},
    harness::{
        Bank, BankOptions, CIC, LBP,
        keys::Key,
        tpp::{Client, introspect},
    },
    request_objects,
    signed_introspection::{published, start, verified, with_key},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::{
    clock::Clock,
    config,
    jose::{self, JwsAlgorithm},
    oauth::tpp::PspRole::{self, AccountInformation},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, JwkSet},
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use tempfile::TempDir;
use time::Duration;

const API: &str = "https://api.cic.example";

/// cic signs its access tokens, the other bank does not.
fn jwt(folder: &TempDir) -> BankOptions {
    let row = format!("[brand.security]\naccess_tokens = \"jwt\"\naccess_token_audience = \"{API}\"");
    BankOptions { one_brand_extra: Some((CIC, row)), ..options(folder) }
}

/// The same, each token bound to its certificate.
fn bound(folder: &TempDir) -> BankOptions {
    let shipped = include_str!("../../config/banks/cic.toml");
    let text = shipped.replace("certificate_bound_access_tokens = false", "certificate_bound_access_tokens = true");
    BankOptions { bank_file: Some((CIC, text)), ..jwt(folder) }
}

fn access(tokens: &Value) -> String {
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// As an API reads it that knows nothing but the bank's metadata, with a library of others.
async fn read(bank: &Bank, token: &str) -> Value {
    let metadata = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC))).await.ok(200).json();
    let keys: JwkSet = serde_json::from_str(&bank.browser().get(metadata["jwks_uri"].as_str().unwrap()).await.ok(200).body).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let key: &Jwk = keys.find(header.kid.as_ref().unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&[API]);
    rules.set_issuer(&[metadata["issuer"].as_str().unwrap()]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // of a clock that moves only when told
    rules.validate_exp = false;
    jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).unwrap(), &rules).unwrap().claims
}

#[tokio::test]
async fn b40_b54_a_token_says_who_may_do_what_where_and_nothing_of_the_customer() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(bound(&folder)).await;
    with_key(&bank).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let (token, now) = (access(&tokens), bank.clock.now().unix_timestamp());
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(10_800)));
    let (claims, told) = (read(&bank, &token).await, client.introspect(&token).await);
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&client.tpp.chain[0]));
    let expected = json!({
        "iss": bank.issuer(CIC), "aud": API, "iat": now, "exp": now + 10_800, "sub": told["grant_id"], "client_id": client.id,
        "jti": claims["jti"], "scope": "aisp", "cnf": { "x5t#S256": thumbprint },
    });
    assert_eq!(claims, expected);
    assert!(claims["jti"].as_str().unwrap().len() == 64 && told["active"] == true && told["cnf"] == claims["cnf"], "{told}");
    for member in ["iss", "exp", "iat", "scope", "client_id"] {
        assert_eq!(told[member], claims[member]);
    }
    // the customer's reference is told to the bank's own systems alone
    assert!(told["sub"].as_str().unwrap().starts_with("psu_") && !claims.to_string().contains("psu_"));

    let refreshed = access(&client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json());
    let again = read(&bank, &refreshed).await;
    assert_eq!((&again["sub"], again["jti"] == claims["jti"]), (&claims["sub"], false));
    let own = access(&client.client_credentials().await.ok(200).json());
    let claims = read(&bank, &own).await;
    assert_eq!((&claims["sub"], &claims["client_id"], &claims["scope"]), (&json!(client.id), &json!(client.id), &json!("pisp")));
    assert!(client.is_active(&own).await);
}

#[tokio::test]
async fn what_was_granted_in_so_many_words_stands_in_the_token_for_apis_that_only_verify() {
    let folder = tempfile::tempdir().unwrap();
    let row = format!("[brand.security]\nclients_may_choose = \"fapi2\"\naccess_tokens = \"jwt\"\naccess_token_audience = \"{API}\"");
    let bank = start(BankOptions { one_brand_extra: Some((CIC, row)), ..jwt(&folder) }).await;
    with_key(&bank).await;
    let key = Key::new(JwsAlgorithm::Es256, "own");
    let client = request_objects::client(&bank, &key, &request_objects::fapi2()).await;
    // RFC 9396 s4: a JSON array in a request object, and no text
    let asked = json!({ "scope": null, "authorization_details": [{ "type": "account_information" }] });
    let pushed = request_objects::push(&client, &request_objects::object(&client, &key, &asked)).await.ok(201);
    let landing = request_objects::open_pushed(&client, &pushed).await.approve().await;
    let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
    let granted = json!([{ "type": "account_information", "actions": ["list_accounts", "read_balances", "read_transactions"] }]);
    assert_eq!(tokens["authorization_details"], granted, "{tokens}");
    let refreshed = client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json();
    for token in [access(&tokens), access(&refreshed)] {
        assert_eq!(read(&bank, &token).await["authorization_details"], granted);
    }
}

#[tokio::test]
async fn b54_a_token_is_revoked_by_its_client_alone_and_ends_when_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(jwt(&folder)).await;
    with_key(&bank).await;
    let (client, other) = (bank.tpp([AccountInformation]).register(CIC).await, bank.tpp([AccountInformation]).register(CIC).await);
    let token = access(&client.tokens("web", "aisp").await);
    let elsewhere = bank.tpp([AccountInformation]).register(LBP).await;
    elsewhere.revoke(&token).await.ok(200);
    other.revoke(&token).await.refused(400, "invalid_grant");
    assert!(client.is_active(&token).await && !elsewhere.is_active(&token).await, "of another brand it is nothing");
    client.revoke(&token).await.ok(200);
    client.revoke(&token).await.ok(200);
    assert_eq!(introspect(&bank, CIC, &[("token", &token)]).await.body, "{\"active\":false}");
    assert_eq!(read(&bank, &token).await["aud"], API, "its signature fits on: who must know asks");

    let token = access(&client.tokens("web", "aisp").await);
    let exp = read(&bank, &token).await["exp"].as_i64().unwrap();
    bank.clock.advance(Duration::seconds(exp - bank.clock.now().unix_timestamp() - 1));
    assert!(client.is_active(&token).await, "to its last second");
    bank.clock.advance(Duration::seconds(1));
    assert!(!client.is_active(&token).await);
}

#[tokio::test]
async fn a24_b54_a_replayed_code_ends_the_token_it_gave() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(jwt(&folder)).await;
    with_key(&bank).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let landing = client.approved("web", "aisp").await;
    let token = access(&client.redeem("web", "aisp", landing.code()).await.ok(200).json());
    assert!(client.is_active(&token).await);
    client.redeem("web", "aisp", landing.code()).await.refused(400, "invalid_grant");
    assert!(!client.is_active(&token).await);
}

/// Claims of the bank's own token, signed by somebody else.
fn forged(claims: &Value, kid: Option<String>) -> String {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
    let mut header = Header::new(Algorithm::ES256);
    (header.typ, header.kid) = (Some("at+jwt".into()), kid);
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_pem(key.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn b54_what_was_only_signed_or_only_stored_is_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(jwt(&folder)).await;
    let kid = with_key(&bank).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let token = access(&client.tokens("web", "aisp").await);
    let claims = read(&bank, &token).await;
    let (jti, app) = (claims["jti"].as_str().unwrap(), bank.server().app());
    let signed = |claims: &Value, typ: &str| app.signing.sign(claims, typ, app.clock.now()).unwrap();
    let edited = |jti: &str| crate::register::with(claims.clone(), json!({ "jti": jti }));
    // the same row, another secret
    let mut bytes = URL_SAFE_NO_PAD.decode(jti).unwrap();
    bytes[47] ^= 1;
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let other_claims = format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(edited("x").to_string()));
    let none =
        format!("{}.{}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"typ\":\"at+jwt\"}"), URL_SAFE_NO_PAD.encode(claims.to_string()));
    for (case, presented) in [
        ("the jti alone", jti.to_owned()),
        ("the jti as a handle", format!("guat_{jti}")),
        ("signed by a stranger", forged(&claims, None)),
        ("in the name of our key", forged(&claims, Some(kid))),
        ("unsigned", none),
        ("other claims under the signature", other_claims),
        ("signed by us as something else", signed(&claims, "JWT")),
        ("signed by us as an introspection's answer", signed(&claims, "token-introspection+jwt")),
        ("signed by us, and never stored", signed(&edited(&URL_SAFE_NO_PAD.encode([7; 48])), "at+jwt")),
        ("signed by us, with a row's id", signed(&edited(&URL_SAFE_NO_PAD.encode(bytes)), "at+jwt")),
        ("signed by us, without a jti", signed(&json!({ "iss": claims["iss"] }), "at+jwt")),
        ("cut", token[..token.len() - 1].to_owned()),
        ("too long", format!("{token}{}", "A".repeat(20_000))),
    ] {
        assert!(!client.is_active(&presented).await, "{case}");
        client.revoke(&presented).await.ok(200);
        assert!(client.is_active(&token).await, "{case}");
    }
    // of several at once, each as if it came alone
    let question = json!({ "tokens": [{ "token": token }, { "token": jti }, { "token": "x.y.z" }, { "token": token }] });
    let url = format!("https://localhost:{}/v1/brands/cic/introspections", bank.internal.port());
    let told = bank.gateway().json(Method::POST, &url, &[], &question).await.ok(200).json();
    let active: Vec<bool> = told["tokens"].as_array().unwrap().iter().map(|one| one["active"].as_bool().unwrap()).collect();
    assert_eq!(active, [true, false, false, true]);
}

#[tokio::test]
async fn a51_b54_tokens_of_a_former_key_stay_good_and_those_of_a_retired_one_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(jwt(&folder)).await;
    let first = with_key(&bank).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let old = access(&client.tokens("web", "aisp").await);
    // a second key signs at once, as when the first one became known
    let second = rotate(&bank, &["--at-once"]).await["kid"].as_str().unwrap().to_owned();
    until(&bank, &[&first, &second]).await;
    let new = access(&client.tokens("web", "aisp").await);
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_eq!((kid(&old), kid(&new)), (first.clone(), second.clone()));
    for token in [&old, &new] {
        assert!(client.is_active(token).await);
        assert_eq!(verified(&bank, CIC, token).await.claims["aud"], API);
    }
    bank.operator(&["key", "retire", &first, "--reason", "stolen"]).await;
    bank.clock.advance(Duration::minutes(1));
    until(&bank, &[&second]).await;
    assert!(!client.is_active(&old).await && client.is_active(&new).await);
    assert!(jose::verify(&old, &published(&bank, CIC).await, &JwsAlgorithm::ALL).is_err());
}

async fn signing(bank: &Bank) -> Value {
    bank.browser().get(&format!("http://{}/readyz", bank.ops)).await.ok(200).json()["checks"]["signing"].clone()
}

#[tokio::test]
async fn b54_without_a_key_nothing_is_issued_and_no_code_is_spent() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(jwt(&folder)).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let landing = client.approved("web", "aisp").await;
    client.redeem("web", "aisp", landing.code()).await.refused(503, "temporarily_unavailable");
    client.client_credentials().await.refused(503, "temporarily_unavailable");
    assert_eq!(signing(&bank).await, json!({ "state": "degraded", "why": "no_key" }));
    let other = bank.tpp([AccountInformation]).register(LBP).await;
    assert!(access(&other.tokens("web", "aisp").await).starts_with("guat_"), "another brand's are what they were");

    // by the machine's clock, of which the bank's lags a little behind
    let told: Value = serde_json::from_str(&bank.operator(&["key", "rotate", "--at-once", "--reason", "first", "--json"]).await).unwrap();
    bank.clock.advance(Duration::seconds(40));
    until(&bank, &[told["key"]["kid"].as_str().unwrap()]).await;
    let token = access(&client.redeem("web", "aisp", landing.code()).await.ok(200).json());
    assert!(client.is_active(&token).await);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(signing(&bank).await, json!({ "state": "well" }));
}

#[tokio::test]
async fn b54_tokens_of_before_a_change_of_the_form_stay_good_in_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let bank = start(jwt(&folder)).await;
    with_key(&bank).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let signed = access(&client.tokens("web", "aisp").await);
    bank.reload_with(&options(&folder)).await;
    let opaque = access(&client.tokens("web", "aisp").await);
    assert!(opaque.starts_with("guat_") && client.is_active(&opaque).await && client.is_active(&signed).await);
    bank.reload_with(&jwt(&folder)).await;
    assert!(client.is_active(&opaque).await && client.is_active(&signed).await);
    revoked(&client, &[&opaque, &signed]).await;
}

async fn revoked(client: &Client<'_>, tokens: &[&str]) {
    for token in tokens {
        client.revoke(token).await.ok(200);
        assert!(!client.is_active(token).await);
    }
}

#[test]
fn b54_settings_that_contradict_themselves_are_refused() {
    let read = |signing: &str, security: &str| {
        let text = format!(
            "[tpp]\ncertificate_file = 'a'\nkey_file = 'a'\n[psu]\ncertificate_file = 'a'\nkey_file = 'a'\n[database]\nurl = 'postgres:///g'\n\
             [trust]\nanchors_file = 'a'\n[signing]\n{signing}\n[[brand]]\nbank = 'cic'\nissuer = 'https://a.example'\ntpp_host = 'b.example'\n\
             psu_host = 'a.example'\n[brand.security]\n{security}\n"
        );
        config::parse("test.toml", &text, Path::new(""), &|_| None).map(drop).map_err(|mistakes| mistakes.to_string())
    };
    let jwt = "access_tokens = 'jwt'\naccess_token_audience = 'https://api.example'";
    let named = "access_token_audience = 'https://api.example'";
    for (signing, security) in [("", "access_tokens = 'opaque'"), ("", named), ("wrapping_key_file = 'k'", jwt), ("key_files = ['k']", jwt)]
    {
        assert_eq!(read(signing, security), Ok(()), "{signing} {security}");
    }
    for (signing, security, why) in [
        ("wrapping_key_file = 'k'", "access_tokens = 'jwt'", "needs `security.access_token_audience`"),
        ("wrapping_key_file = 'k'", "access_tokens = 'jwt'\naccess_token_audience = 'api'", "must be an https URL"),
        ("rotate_after_days = 9", "", "`signing.rotate_after_days` needs `signing.wrapping_key_file`"),
        ("", jwt, "needs `signing.wrapping_key_file` or `signing.key_files`"),
        ("wrapping_key_file = 'k'\noverlap_hours = 2", jwt, "`signing.overlap_hours` must be 3 at least"),
        ("", "access_tokens = 'jws'", "cannot be `jws`"),
    ] {
        let found = read(signing, security).unwrap_err();
        assert!(found.contains(why), "{found}");
    }
}
