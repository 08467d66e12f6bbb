//! Requests that clients sign (RFC 9101, FAPI 2.0 Message Signing s5.3): pushed and, of clients that need not push, in the query.

use crate::{
    harness::{
        Bank, BankOptions, CIC, Reply,
        key_server::KeyServer,
        keys::Key,
        psu::Psu,
        tpp::{CALLBACK, CHALLENGE, Client, STATE, Tpp},
        wire::encode,
    },
    jarm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::{clock::Clock, jose::JwsAlgorithm, oauth::tpp::PspRole};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::Duration;

const ROLES: [PspRole; 2] = [PspRole::AccountInformation, PspRole::PaymentInitiation];

async fn bank() -> Bank {
    Bank::with(BankOptions::fapi2()).await
}

fn es256() -> Key {
    Key::new(JwsAlgorithm::Es256, "own")
}

pub async fn client<'a>(bank: &'a Bank, key: &Key, more: &Value) -> Client<'a> {
    let mut metadata = Tpp::metadata(CIC);
    metadata["jwks"] = key.set();
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bank.tpp(ROLES).register_as(CIC, &metadata).await
}

/// Held to FAPI 2.0.
pub fn fapi2() -> Value {
    json!({ "security_profile": "fapi2" })
}

/// What a good request object says, with some claims changed; `null` takes one away.
fn claims(client: &Client<'_>, changes: &Value) -> Value {
    let now = client.tpp.bank.clock.now().unix_timestamp();
    let mut claims = json!({
        "iss": client.id, "aud": client.tpp.bank.issuer(CIC), "nbf": now, "iat": now, "exp": now + 300, "jti": "1",
        "client_id": client.id, "response_type": "code", "redirect_uri": CALLBACK, "scope": "aisp", "state": STATE,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    let members = claims.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    claims
}

pub fn object(client: &Client<'_>, key: &Key, changes: &Value) -> String {
    key.sign_with(&claims(client, changes), |header| header.typ = None)
}

pub async fn push(client: &Client<'_>, object: &str) -> Reply {
    client.post("/cic/par", &[("request", object)]).await
}

fn url(client: &Client<'_>, query: &[(&str, &str)]) -> String {
    format!("{}{}?{}", client.tpp.bank.origin(CIC.psu_host), CIC.channel("web").1, encode(query))
}

pub async fn open_pushed(client: &Client<'_>, pushed: &Reply) -> Psu {
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    Psu::open(client.tpp.bank, CIC, &url(client, &[("client_id", &client.id), ("request_uri", &request_uri)])).await
}

/// A page, and no redirect.
#[track_caller]
fn nobody_is_told(psu: &Psu) {
    let page = &psu.page;
    assert!(page.status == 400 && page.header("location").is_empty() && page.body.contains("<html"), "{page:?}");
}

#[tokio::test]
async fn a31_b50_only_what_was_signed_counts() {
    let bank = bank().await;
    for algorithm in JwsAlgorithm::ALL {
        let key = Key::new(algorithm, "own");
        let client = client(&bank, &key, &json!({ "security_profile": "fapi2", "request_object_signing_alg": algorithm.name() })).await;
        assert_eq!(client.information["request_object_signing_alg"], algorithm.name());
        let object = object(&client, &key, &json!({ "ui_locales": "fr" }));
        let beside = [
            ("request", object.as_str()),
            ("scope", "pisp"),
            ("state", "other"),
            ("redirect_uri", "https://evil.example/"),
            ("response_type", "token"),
        ];
        let pushed = client.post("/cic/par", &beside).await.ok(201);
        let kept: Value = sqlx::query_scalar("select parameters from pushed_requests order by expires_at desc, id desc limit 1")
            .fetch_one(&bank.pool().await)
            .await
            .unwrap();
        let names: BTreeSet<_> = kept.as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state", "ui_locales"]
        );
        let landing = open_pushed(&client, &pushed).await.approve().await;
        assert_eq!((landing.uri.as_str(), landing.get("state")), (CALLBACK, STATE));
        let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
        assert_eq!(tokens["scope"], "aisp");
    }
    // what is missing inside is missing, whatever stands beside it
    let key = es256();
    let client = client(&bank, &key, &fapi2()).await;
    for (name, error) in [
        ("scope", "invalid_scope"),
        ("redirect_uri", "invalid_request"),
        ("response_type", "invalid_request"),
        ("code_challenge", "invalid_request"),
    ] {
        let lacking = object(&client, &key, &json!({ name: null }));
        let value = claims(&client, &json!({}))[name].as_str().unwrap().to_owned();
        client.post("/cic/par", &[("request", &lacking), (name, &value)]).await.refused(400, error);
    }
}

#[tokio::test]
async fn b50_an_object_is_its_clients_for_this_bank_and_of_this_hour() {
    let bank = bank().await;
    let key = es256();
    let client = client(&bank, &key, &fapi2()).await;
    let other = self::client(&bank, &es256(), &fapi2()).await;
    let (now, issuer) = (bank.clock.now().unix_timestamp(), bank.issuer(CIC));
    for changes in [
        json!({ "client_id": null }),
        json!({ "client_id": other.id }),
        json!({ "iss": null }),
        json!({ "iss": other.id }),
        json!({ "iss": issuer }),
        json!({ "aud": null }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{}/cic/par", bank.origin(CIC.tpp_host)) }),
        json!({ "exp": null }),
        json!({ "exp": now }),
        json!({ "exp": now + 3601 }),
        json!({ "nbf": null }),
        json!({ "nbf": now - 3601, "exp": now + 60 }),
        json!({ "nbf": now - 60, "exp": now + 3541 }),
        json!({ "nbf": now + 61 }),
        json!({ "request": "eyJ" }),
        json!({ "request_uri": "urn:ietf:params:oauth:request_uri:x" }),
        json!({ "state": "a\0b" }),
    ] {
        push(&client, &object(&client, &key, &changes)).await.refused(400, "invalid_request_object");
    }
    let nulled = key.sign(&{
        let mut all = claims(&client, &json!({}));
        all["state"] = Value::Null;
        all
    });
    push(&client, &nulled).await.refused(400, "invalid_request_object");
    // somebody else's object, whoever brings it
    let foreign = object(&other, &key, &json!({}));
    push(&client, &foreign).await.refused(400, "invalid_request_object");
    push(&other, &foreign).await.refused(400, "invalid_request_object");
    let kept = bank.audited_kind("push_refused").await;
    assert_eq!(kept, 21);
    for changes in [
        json!({ "aud": [issuer] }),
        json!({ "aud": ["https://other.example", issuer] }),
        json!({ "nbf": now + 10, "iat": now + 10 }),
        json!({ "nbf": now - 3600, "exp": now }),
        json!({ "sub": "anybody", "nonce": "n" }),
    ] {
        let reply = push(&client, &object(&client, &key, &changes)).await;
        assert_eq!(reply.status == 201, changes.get("exp").is_none(), "{changes} {reply:?}");
    }
}

#[tokio::test]
async fn a31_a53_b51_its_header_is_believed_as_far_as_a_registered_key_goes() {
    let bank = bank().await;
    let (key, rsa, stranger) = (es256(), Key::rsa(aws_lc_rs::rsa::KeySize::Rsa2048, Algorithm::RS256, "rsa"), es256());
    let jwks = json!({ "keys": [key.public, { "kty": "RSA", "kid": "rsa", "n": rsa.public["n"], "e": rsa.public["e"] }] });
    let client = client(&bank, &key, &json!({ "security_profile": "fapi2", "jwks": jwks })).await;
    let all = claims(&client, &json!({}));
    for typ in [None, Some("oauth-authz-req+jwt"), Some("JWT"), Some("jwt"), Some("application/oauth-authz-req+jwt")] {
        push(&client, &key.sign_with(&all, |header| header.typ = typ.map(str::to_owned))).await.ok(201);
    }
    let refused = async |object: String| push(&client, &object).await.refused(400, "invalid_request_object");
    for typ in ["at+jwt", "token-introspection+jwt", ""] {
        refused(key.sign_with(&all, |header| header.typ = Some(typ.to_owned()))).await;
    }
    let payload = URL_SAFE_NO_PAD.encode(all.to_string());
    for alg in ["none", "NONE", "HS256"] {
        refused(format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string()))).await;
    }
    refused(rsa.sign(&all)).await;
    refused(stranger.sign(&all)).await;
    refused(stranger.sign_with(&all, |header| {
        header.jku = Some("https://evil.example/keys".into());
        header.jwk = Some(serde_json::from_value(stranger.public.clone()).unwrap());
    }))
    .await;
    let good = key.sign(&all);
    refused(good[..good.len() - 4].to_owned()).await;
    // encrypted: five parts
    refused(format!("{}.AA.AA.{payload}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#))).await;
    for broken in ["e30.e30.", "x", "....", "https://tpp.example/request.jwt"] {
        refused(broken.to_owned()).await;
    }
    // a few kilobytes fit, more than 16 are refused and not cut off
    let long = |length| json!({ "state": "s".repeat(4096), "details": "d".repeat(length) });
    push(&client, &object(&client, &key, &long(7000))).await.ok(201);
    refused(object(&client, &key, &long(9000))).await;
    // nobody's key
    let keyless = bank
        .tpp(ROLES)
        .register_as(CIC, &{
            let mut all = Tpp::metadata(CIC);
            all["security_profile"] = json!("fapi2");
            all
        })
        .await;
    push(&keyless, &object(&keyless, &key, &json!({}))).await.refused(400, "invalid_request_object");
}

#[tokio::test]
async fn who_registers_that_it_signs_is_held_to_it() {
    let bank = bank().await;
    let key = es256();
    let plain = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "aisp"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for more in [json!({ "require_signed_request_object": true }), json!({ "request_object_signing_alg": "ES256" })] {
        let client = client(&bank, &key, &more).await;
        let echoed = client.information.as_object().unwrap();
        assert!(more.as_object().unwrap().iter().all(|(name, value)| echoed.get(name) == Some(value)), "{echoed:?}");
        client.post("/cic/par", &plain).await.refused(400, "invalid_request");
        let landing = Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[])).await.landed();
        assert_eq!((landing.get("error"), landing.get("state")), ("invalid_request", STATE));
        push(&client, &object(&client, &key, &json!({}))).await.ok(201);
        // a pushed one was judged when it was pushed
        let pushed = push(&client, &object(&client, &key, &json!({}))).await.ok(201);
        open_pushed(&client, &pushed).await.approve().await.code();
    }
    // with this algorithm, and no other that it has a key for
    let ps256 = client(&bank, &key, &json!({ "request_object_signing_alg": "PS256" })).await;
    push(&ps256, &object(&ps256, &key, &json!({}))).await.refused(400, "invalid_request_object");
    for wrong in [
        json!({ "request_object_signing_alg": "RS256" }),
        json!({ "request_object_signing_alg": "none" }),
        json!({ "require_signed_request_object": "yes" }),
    ] {
        let mut metadata = Tpp::metadata(CIC);
        metadata.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        bank.tpp(ROLES).try_register(CIC, &metadata).await.refused(400, "invalid_client_metadata");
    }
    // the dialect alone: algorithms are members like any unknown ones, a stricter rule is not forgotten
    let dialect = Bank::with(BankOptions { brands: vec![CIC], ..BankOptions::default() }).await;
    let client =
        client(&dialect, &key, &json!({ "request_object_signing_alg": "RS256", "authorization_signed_response_alg": "RS256" })).await;
    assert!(client.information.get("request_object_signing_alg").or(client.information.get("authorization_signed_response_alg")).is_none());
    let mut strict = Tpp::metadata(CIC);
    strict["require_signed_request_object"] = json!(true);
    dialect.tpp(ROLES).try_register(CIC, &strict).await.refused(400, "invalid_client_metadata");
    let landing = Psu::open(&dialect, CIC, &client.authorize_url("web", "aisp", &[("request", Some("e30.e30."))])).await.landed();
    assert_eq!(landing.get("error"), "request_not_supported");
}

#[tokio::test]
async fn b50_who_need_not_push_may_sign_what_the_browser_brings() {
    let bank = bank().await;
    let key = es256();
    let client = client(&bank, &key, &json!({ "request_object_signing_alg": "ES256" })).await;
    let object = |changes: Value| object(&client, &key, &changes);
    let open = async |query: &[(&str, &str)]| Psu::open(&bank, CIC, &url(&client, query)).await;
    let id = ("client_id", client.id.as_str());
    let good = object(json!({}));
    let beside = [
        id,
        ("request", good.as_str()),
        ("scope", "pisp"),
        ("state", "other"),
        ("redirect_uri", "https://evil.example/"),
        ("response_mode", "jwt"),
    ];
    let landing = open(&beside).await.approve().await;
    assert_eq!((landing.uri.as_str(), landing.get("state")), (CALLBACK, STATE));
    client.redeem("web", "aisp", landing.code()).await.ok(200);
    // it ends, and the journey that began with it goes on
    let brief = object(json!({ "exp": bank.clock.now().unix_timestamp() + 30 }));
    let brought = url(&client, &[id, ("request", &brief)]);
    let journey = Psu::open(&bank, CIC, &brought).await;
    bank.clock.advance(Duration::minutes(1));
    let again = Psu::open_with(&bank, CIC, &brought, &[("cookie", &journey.cookie)]).await;
    assert_eq!(again.journey, journey.journey);
    assert_eq!(Psu::open(&bank, CIC, &brought).await.landed().get("error"), "invalid_request_object");
    let good = object(json!({}));
    // what is wrong inside goes home as the inside says
    let landing = open(&[id, ("request", &object(json!({ "scope": "openid" }))), ("state", "other")]).await.landed();
    assert_eq!((landing.get("error"), landing.get("state")), ("invalid_scope", STATE));
    nobody_is_told(
        &open(&[id, ("request", &object(json!({ "redirect_uri": "https://evil.example/" }))), ("redirect_uri", CALLBACK)]).await,
    );
    // of an object that counts for nothing, nothing is believed: the registered URI is told, with the state beside it
    let bad = object(json!({ "exp": 0, "redirect_uri": "https://evil.example/" }));
    for beside in [&[("redirect_uri", CALLBACK)][..], &[]] {
        let query = [&[id, ("request", bad.as_str()), ("state", "beside")], beside].concat();
        let landing = open(&query).await.landed();
        assert_eq!((landing.uri.as_str(), landing.get("error"), landing.get("state")), (CALLBACK, "invalid_request_object", "beside"));
    }
    nobody_is_told(&open(&[id, ("request", &bad), ("redirect_uri", "https://evil.example/")]).await);
    let landing = open(&[id, ("request", &good), ("request_uri", "https://tpp.example/r")]).await.landed();
    assert_eq!(landing.get("error"), "invalid_request");
    let landing = open(&[id, ("request", &good), ("request", &good)]).await.landed();
    assert_eq!(landing.get("error"), "invalid_request");
    nobody_is_told(&open(&[("request", &good)]).await);
    // several redirect URIs: without one beside the object, nobody knows where
    let several = self::client(
        &bank,
        &key,
        &json!({ "require_signed_request_object": true, "redirect_uris": [CALLBACK, "https://tpp.example/other"] }),
    )
    .await;
    nobody_is_told(&Psu::open(&bank, CIC, &url(&several, &[("client_id", &several.id), ("request", &bad)])).await);
    // who must push is not heard otherwise
    let pushing = self::client(&bank, &key, &fapi2()).await;
    let own = self::object(&pushing, &key, &json!({}));
    let landing = Psu::open(&bank, CIC, &url(&pushing, &[("client_id", &pushing.id), ("request", &own)])).await.landed();
    assert_eq!(landing.get("error"), "invalid_request");
}

#[tokio::test]
async fn a_new_key_is_known_at_once_and_an_old_one_no_more() {
    let bank = bank().await;
    let (old, new) = (es256(), es256());
    let client = client(&bank, &old, &fapi2()).await;
    push(&client, &object(&client, &old, &json!({}))).await.ok(201);
    let mut metadata = Tpp::metadata(CIC);
    metadata
        .as_object_mut()
        .unwrap()
        .extend(json!({ "security_profile": "fapi2", "jwks": new.set(), "client_id": client.id }).as_object().unwrap().clone());
    client.manage(reqwest::Method::PUT, &metadata).await.ok(200);
    push(&client, &object(&client, &new, &json!({}))).await.ok(201);
    push(&client, &object(&client, &old, &json!({}))).await.refused(400, "invalid_request_object");
}

#[tokio::test]
async fn where_the_brand_asks_for_it_every_request_is_signed_and_so_is_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let bank_file = include_str!("../../config/banks/cic.toml")
        .replace("certificate_bound_access_tokens = false", "certificate_bound_access_tokens = true");
    let strict = BankOptions::secured("profile = \"fapi2\"\nsigned_requests = \"required\"").signing(folder.path());
    let bank = Bank::with(BankOptions { bank_file: Some((CIC, bank_file)), ..strict }).await;
    let told = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC))).await.ok(200).json();
    assert_eq!((&told["require_signed_request_object"], &told["request_parameter_supported"]), (&json!(true), &json!(true)));
    assert_eq!(told["request_object_signing_alg_values_supported"], json!(["PS256", "ES256", "EdDSA"]));
    assert_eq!(told["request_uri_parameter_supported"], false);
    let key = es256();
    let client = client(&bank, &key, &json!({})).await;
    let plain = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "aisp"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    client.post("/cic/par", &plain).await.refused(400, "invalid_request");
    let pushed = push(&client, &object(&client, &key, &json!({ "response_mode": "jwt" }))).await.ok(201);
    let landing = open_pushed(&client, &pushed).await.approve().await;
    let answer = jarm::opened(&client, &landing).await;
    assert_eq!(answer["state"], STATE);
    client.redeem("web", "aisp", answer["code"].as_str().unwrap()).await.ok(200);
    // and none of the dialect alone
    let plain = Bank::with(BankOptions { brands: vec![CIC], ..BankOptions::default() }).await;
    let told = plain.browser().get(&format!("{}/.well-known/oauth-authorization-server", plain.issuer(CIC))).await.ok(200).json();
    for name in [
        "require_signed_request_object",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "request_object_signing_alg_values_supported",
        "authorization_signing_alg_values_supported",
    ] {
        assert!(told.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_header_with_more_than_it_should_have_is_read_as_far_as_it_matters() {
    let bank = bank().await;
    let key = es256();
    let client = client(&bank, &key, &fapi2()).await;
    let with = |edit: fn(&mut Header)| key.sign_with(&claims(&client, &json!({})), edit);
    push(&client, &with(|header| header.x5t_s256 = Some("AA".into()))).await.ok(201);
    push(&client, &with(|header| header.x5u = Some("https://evil.example/chain".into()))).await.ok(201);
    push(&client, &with(|header| header.kid = Some("unknown".into()))).await.refused(400, "invalid_request_object");
}

#[tokio::test]
async fn keys_at_a_clients_own_server_verify_what_it_pushes_and_what_its_customers_bring() {
    let (first, second) = (es256(), Key::new(JwsAlgorithm::EdDsa, "next"));
    let server = KeyServer::start(&first.set()).await;
    let extra = format!("[outbound]\nprivate_hosts = {:?}\n", [&server.host]);
    let bank = Bank::with(BankOptions { extra, ..BankOptions::fapi2() }).await;
    let client = client(&bank, &first, &json!({ "jwks": null, "jwks_uri": server.uri(), "require_signed_request_object": true })).await;
    push(&client, &object(&client, &first, &json!({}))).await.ok(201);
    let brought = object(&client, &first, &json!({}));
    Psu::open(&bank, CIC, &url(&client, &[("client_id", &client.id), ("request", &brought)])).await.approve().await.code();
    assert_eq!(server.asked(), 1);
    // a rotation needs no notice
    server.has(&second.set());
    bank.clock.advance(Duration::minutes(1));
    push(&client, &object(&client, &second, &json!({}))).await.ok(201);
    push(&client, &object(&client, &first, &json!({}))).await.refused(400, "invalid_request_object");
    assert_eq!(server.asked(), 2);
    // and a server that is away is told as such
    server.says(500, "");
    bank.clock.advance(Duration::hours(2));
    let reply = push(&client, &object(&client, &second, &json!({}))).await.refused(400, "invalid_request_object");
    assert_eq!(reply.description(), "request: jwks_uri: no answer with status 200 in time");
}
