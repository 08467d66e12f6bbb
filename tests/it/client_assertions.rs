//! Clients that sign who they are (RFC 7523, OpenID Connect Core s9), beside their QWAC.

use crate::harness::{
    Bank, BankOptions, CIC, Key, Reply,
    bank::BRANDS,
    together,
    tpp::{ASSERTION_TYPE, CALLBACK, CHALLENGE, Client, Tpp},
};
use aws_lc_rs::rsa::KeySize;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::{
    clock::Clock,
    jose::JwsAlgorithm,
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
    tasks::expiry,
};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use time::Duration;

const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];
const PAR: &str = "/cic/par";
const GRANT: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "pisp")];

/// A bank whose clients may choose to be held to FAPI 2.0.
fn options(database: Option<PgConnectOptions>) -> BankOptions {
    BankOptions { database, ..BankOptions::fapi2() }
}

async fn bank() -> Bank {
    Bank::with(options(None)).await
}

fn key() -> Key {
    Key::new(JwsAlgorithm::Es256, "mine")
}

async fn fapi2(bank: &Bank) -> Client<'_> {
    bank.tpp(ROLES).register_with_key(CIC, &key(), &json!({ "security_profile": "fapi2" })).await
}

async fn legacy(bank: &Bank) -> Client<'_> {
    bank.tpp(ROLES).register_with_key(CIC, &key(), &json!({})).await
}

/// A request for a token by whoever the assertion names.
async fn token(client: &Client<'_>, assertion: &str) -> Reply {
    client.post_asserting(CIC.channels[0].2, assertion, &GRANT).await
}

/// Refused for that reason, which the trail keeps.
async fn refused(client: &Client<'_>, assertion: &str, reason: &str, description: &str) {
    let before = client.tpp.bank.audited("client_refused", reason).await;
    let reply = token(client, assertion).await.refused(401, "invalid_client");
    assert!(reply.description().contains(description), "{reason}: {reply:?}");
    assert_eq!(client.tpp.bank.audited("client_refused", reason).await, before + 1, "{reason}");
}

#[tokio::test]
async fn a28_a31_b47_an_assertion_authenticates_wherever_a_client_does() {
    let bank = bank().await;
    for algorithm in JwsAlgorithm::ALL {
        let key = Key::new(algorithm, "its own name");
        let more = json!({ "security_profile": "fapi2", "token_endpoint_auth_signing_alg": algorithm.name() });
        let client = bank.tpp(ROLES).register_with_key(CIC, &key, &more).await;
        let told = &client.information;
        assert_eq!(
            (&told["token_endpoint_auth_method"], &told["jwks"]["keys"][0]["kid"]),
            (&json!("private_key_jwt"), &json!("its own name"))
        );
        assert_eq!(told["token_endpoint_auth_signing_alg"], algorithm.name());
        client.client_credentials().await.ok(200);
        let request = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "aisp"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let pushed = client.post(PAR, &request).await.ok(201).json();
        let url = format!(
            "{}{}?client_id={}&request_uri={}",
            bank.origin(CIC.psu_host),
            CIC.channel("web").1,
            client.id,
            pushed["request_uri"].as_str().unwrap()
        );
        let landing = crate::harness::Psu::open(&bank, CIC, &url).await.approve().await;
        let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
        let access = tokens["access_token"].as_str().unwrap();
        assert!(client.is_active(access).await);
        client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200);
        client.revoke(access).await.ok(200);
        assert!(!client.is_active(access).await);
    }
}

#[tokio::test]
async fn a29_the_audience_is_the_issuer_and_the_dialect_takes_endpoints_too() {
    let bank = bank().await;
    let (strict, lenient) = (fapi2(&bank).await, legacy(&bank).await);
    let (issuer, tpp) = (bank.issuer(CIC), bank.origin(CIC.tpp_host));
    let endpoints = [CIC.channels[0].2, CIC.revocation, PAR].map(|path| json!(format!("{tpp}{path}")));
    for aud in endpoints.iter().chain([&json!([issuer]), &json!([issuer, endpoints[0]])]) {
        let changes = json!({ "aud": aud });
        refused(&strict, &strict.assertion(&changes), "assertion_audience", "aud").await;
        token(&lenient, &lenient.assertion(&changes)).await.ok(200);
    }
    for aud in [json!(format!("{issuer}/")), json!("https://other.example"), json!(["https://other.example"]), json!(null)] {
        let changes = json!({ "aud": aud });
        refused(&strict, &strict.assertion(&changes), "assertion_audience", "aud").await;
        refused(&lenient, &lenient.assertion(&changes), "assertion_audience", "aud").await;
    }
    token(&strict, &strict.assertion(&json!({}))).await.ok(200);
}

#[tokio::test]
async fn a30_a_clock_may_be_ten_seconds_ahead_and_not_a_minute() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    let at = |seconds: i64| bank.clock.now().unix_timestamp() + seconds;
    for changes in [json!({ "iat": at(10) }), json!({ "nbf": at(10) }), json!({ "iat": at(10), "nbf": at(10) }), json!({ "iat": null })] {
        token(&client, &client.assertion(&changes)).await.ok(200);
    }
    for (changes, reason) in [
        (json!({ "iat": at(61) }), "assertion_ahead"),
        (json!({ "nbf": at(61) }), "assertion_ahead"),
        (json!({ "exp": null }), "assertion_expiry_missing"),
        (json!({ "exp": at(-1) }), "assertion_expired"),
        (json!({ "exp": at(86_400) }), "assertion_lives_too_long"),
        (json!({ "exp": "tomorrow" }), "assertion_time"),
        (json!({ "jti": null }), "assertion_id_missing"),
        (json!({ "jti": "j".repeat(300) }), "assertion_id_missing"),
        (json!({ "iss": "https://tpp.example" }), "assertion_subject"),
    ] {
        refused(&client, &client.assertion(&changes), reason, "client_assertion: ").await;
    }
}

#[tokio::test]
async fn a31_none_rs256_and_other_keys_prove_nothing() {
    let bank = bank().await;
    let rsa = Key::rsa(KeySize::Rsa2048, Algorithm::PS256, "mine");
    let client = bank.tpp(ROLES).register_with_key(CIC, &rsa, &json!({ "security_profile": "fapi2" })).await;
    let claims = || client.claims(&json!({}));
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    refused(&client, &format!("{}.{}.", part(json!({ "alg": "none" })), part(claims())), "jws_algorithm", "alg").await;
    for algorithm in [Algorithm::RS256, Algorithm::PS384, Algorithm::PS512] {
        refused(&client, &rsa.sign_with(&claims(), |header| header.alg = algorithm), "jws_algorithm", "alg").await;
    }
    let another = Key::rsa(KeySize::Rsa2048, Algorithm::PS256, "mine");
    refused(&client, &another.sign(&claims()), "jws_signature", "signature").await;
    refused(&client, &rsa.sign_with(&claims(), |header| header.kid = Some("other".into())), "jws_no_key", "kid").await;
    refused(&client, &key().sign(&claims()), "jws_no_key", "kid").await;
    // what was signed for another purpose
    refused(&client, &rsa.sign_with(&claims(), |header| header.typ = Some("oauth-authz-req+jwt".into())), "assertion_kind", "typ").await;
    // a key that the header brings along
    let embedded = another.sign_with(&claims(), |header| header.jwk = Some(serde_json::from_value(another.public.clone()).unwrap()));
    refused(&client, &embedded, "jws_signature", "signature").await;
    // without a kid every key of the kind is tried
    token(&client, &rsa.sign_with(&claims(), |header| header.kid = None)).await.ok(200);
    // registered for one algorithm, signed by another of its keys
    let both = json!({ "keys": [rsa.public, Key::new(JwsAlgorithm::EdDsa, "mine").public] });
    let only = json!({ "jwks": both, "token_endpoint_auth_signing_alg": "EdDSA" });
    let client = bank.tpp(ROLES).register_with_key(CIC, &rsa, &only).await;
    refused(&client, &client.assertion(&json!({})), "assertion_algorithm", "alg").await;
}

#[tokio::test]
async fn one_way_at_a_time_and_nobody_learns_which_clients_exist() {
    let bank = bank().await;
    let (client, certified) = (fapi2(&bank).await, bank.tpp(ROLES).register(CIC).await);
    let good = || client.assertion(&json!({}));
    let send = async |client: &Client<'_>, headers: &[(&str, &str)], form: &[(&str, &str)]| {
        client.tpp.wire.form(&client.url(CIC.channels[0].2), headers, &[&GRANT[..], form].concat()).await
    };
    let (assertion, basic) = (good(), "Basic eDp5");
    let own = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion.as_str())];
    send(&client, &[("authorization", basic)], &own).await.refused(400, "invalid_request");
    send(&client, &[], &[&own[..], &[("client_secret", "x")]].concat()).await.refused(400, "invalid_request");
    bank.expect_audit("client_refused", "two_methods").await;
    for form in [
        &[("client_assertion", assertion.as_str())][..],
        &[("client_assertion", assertion.as_str()), ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")],
        &[("client_assertion_type", ASSERTION_TYPE), ("client_id", client.id.as_str())],
        &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", "e30.e30")],
        &[own[0], own[1], ("client_id", certified.id.as_str())],
    ] {
        send(&client, &[], form).await.refused(401, "invalid_client");
    }
    // nothing of that used it up; client_id may stand beside it
    send(&client, &[], &[own[0], own[1], ("client_id", client.id.as_str())]).await.ok(200);

    // the certificate alone is not enough, and is, as registered
    let reply = send(&client, &[], &[("client_id", client.id.as_str())]).await.refused(401, "invalid_client");
    assert_eq!(reply.description(), "client_assertion: missing: this client registered private_key_jwt");
    let foreign = key().sign(&json!({ "iss": certified.id, "sub": certified.id }));
    let two = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", foreign.as_str())];
    send(&certified, &[], &two).await.refused(401, "invalid_client");
    bank.expect_audit("client_refused", "unexpected_method").await;

    // over another organisation's certificate: not a word of what is right or wrong with it
    let stranger = client.over(&bank.tpp(ROLES));
    let unknown = "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
    let told = token(&stranger, &stranger.assertion(&json!({ "iss": unknown, "sub": unknown }))).await.refused(401, "invalid_client");
    for assertion in [good(), client.assertion(&json!({ "aud": "x" })), foreign] {
        assert_eq!(token(&stranger, &assertion).await.body, told.body);
    }
    // and none at all
    bank.browser().form(&client.url(CIC.channels[0].2), &[], &[&GRANT[..], &own].concat()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn an_assertion_is_used_once_whichever_replica_is_asked() {
    let bank = bank().await;
    let beside = Bank::with(options(Some(bank.database.clone()))).await;
    let client = legacy(&bank).await;
    let there = beside.tpp_named(&client.tpp.organisation, ROLES);
    let there = Client { tpp: there, brand: CIC, id: client.id.clone(), secret: None, key: None, information: Value::Null };
    let for_both = |more: Value| {
        let mut changes = json!({ "aud": [bank.issuer(CIC), beside.issuer(CIC)] });
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.assertion(&changes)
    };
    for _ in 0..3 {
        let assertion = for_both(json!({}));
        let asked = (0..8).map(|i| token(if i % 2 == 0 { &client } else { &there }, &assertion));
        let statuses: Vec<_> = together(asked).await.into_iter().map(|reply| reply.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    }
    let again = for_both(json!({ "jti": "again" }));
    token(&client, &again).await.ok(200);
    let reply = token(&there, &again).await.refused(401, "invalid_client");
    assert_eq!(reply.description(), "client_assertion: jti: used before");
    bank.expect_audit("client_refused", "assertion_replayed").await;
    // signed anew under the same name, at another endpoint
    client
        .post_asserting(
            CIC.revocation,
            &for_both(json!({ "jti": "again", "exp": bank.clock.now().unix_timestamp() + 90 })),
            &[("token", "x")],
        )
        .await
        .refused(401, "invalid_client");
    // another client's names are its own
    let other = legacy(&bank).await;
    token(&other, &other.assertion(&json!({ "jti": "again" }))).await.ok(200);

    // forgotten when none of them counts any more, and not before
    let kept = async || sqlx::query_scalar::<_, i64>("select count(*) from client_assertions").fetch_one(&bank.pool().await).await.unwrap();
    let before = kept().await;
    assert_eq!(before, 5);
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(kept().await, before);
    bank.clock.advance(Duration::hours(2) + Duration::minutes(2));
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn one_request_that_looks_twice_uses_its_assertion_once() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    // refused on a fresh reading, and not for its second look
    let assertion = client.assertion(&json!({}));
    let form = [("grant_type", "authorization_code"), ("code", "unknown"), ("redirect_uri", CALLBACK)];
    client.post_asserting(CIC.channels[0].2, &assertion, &form).await.refused(400, "invalid_grant");
    token(&client, &assertion).await.refused(401, "invalid_client");
    let assertion = client.assertion(&json!({}));
    client.post_asserting(PAR, &assertion, &[("response_type", "token")]).await.refused(400, "invalid_request");
    token(&client, &assertion).await.refused(401, "invalid_client");
    bank.expect_audit("client_refused", "assertion_replayed").await;
    // who asserts nothing leaves nothing
    let certified = bank.tpp(ROLES).register(CIC).await;
    certified.client_credentials().await.ok(200);
    let kept: i64 = sqlx::query_scalar("select count(*) from client_assertions").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(kept, 2);
}

#[tokio::test]
async fn b42_a_renewed_certificate_and_a_renewed_key_cost_no_consent() {
    let bank = bank().await;
    let beside = Bank::with(options(Some(bank.database.clone()))).await;
    let client = legacy(&bank).await;
    let tokens = client.tokens("web", "aisp").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let renewed = client.over(&bank.tpp_named(&client.tpp.organisation, ROLES));
    renewed.refresh(refresh).await.ok(200);
    // at a replica that remembers the client with its old key
    let there = beside.tpp_named(&client.tpp.organisation, ROLES);
    let remembered =
        Client { tpp: there, brand: CIC, id: client.id.clone(), secret: None, key: client.key.clone(), information: Value::Null };
    remembered.refresh(refresh).await.ok(200);
    let new = Key::new(JwsAlgorithm::EdDsa, "next");
    let mut metadata = Tpp::metadata(CIC);
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks"] = new.set();
    client.manage(reqwest::Method::PUT, &metadata).await.ok(200);
    let changed = Client { key: Some(new), ..remembered };
    changed.refresh(refresh).await.ok(200);
    renewed.refresh(refresh).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a27_a32_a52_b02_what_a_client_that_signs_may_register() {
    let bank = bank().await;
    let good = Key::new(JwsAlgorithm::Ps256, "k");
    let short = json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xff; 128]) });
    let set = |keys: Value| json!({ "keys": keys });
    let ask = async |more: Value| {
        let mut metadata = Tpp::metadata(CIC);
        metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bank.tpp(ROLES).try_register(CIC, &metadata).await
    };
    for (more, member) in [
        (json!({}), "jwks: missing"),
        (json!({ "jwks": set(json!([])) }), "jwks: no key"),
        (json!({ "jwks": set(json!([short])) }), "jwks.keys[0]"),
        (json!({ "jwks": good.set(), "jwks_uri": "https://tpp.example/jwks" }), "jwks_uri"),
        (json!({ "jwks_uri": "http://tpp.example/jwks" }), "jwks_uri"),
        (json!({ "jwks": good.set(), "token_endpoint_auth_signing_alg": "RS256" }), "token_endpoint_auth_signing_alg"),
        (json!({ "jwks": good.set(), "token_endpoint_auth_signing_alg": "none" }), "token_endpoint_auth_signing_alg"),
        (json!({ "jwks": good.set(), "token_endpoint_auth_signing_alg": "ES256" }), "jwks: no key"),
        (json!({ "jwks": set(json!([good.public, good.public])) }), "jwks.keys[1]"),
        (json!({ "token_endpoint_auth_method": "none", "jwks": good.set() }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt", "jwks": good.set() }), "token_endpoint_auth_method"),
    ] {
        let reply = ask(more.clone()).await.refused(400, "invalid_client_metadata");
        assert!(reply.description().starts_with(member), "{more}: {reply:?}");
    }
    // one name for two keys of different kinds: both count
    let other = Key::new(JwsAlgorithm::Es256, "k");
    let tpp = bank.tpp(ROLES);
    let client = tpp.register_with_key(CIC, &good, &json!({ "jwks": set(json!([good.public, other.public])) })).await;
    client.client_credentials().await.ok(200);
    Client { key: Some(other), ..client }.client_credentials().await.ok(200);
    // the dialect's clients have their keys named by the bank
    let metadata = json!({ "redirect_uris": [CALLBACK], "jwks": good.set() });
    assert_ne!(tpp.try_register(CIC, &metadata).await.ok(201).json()["jwks"]["keys"][0]["kid"], "k");

    // and where nothing of FAPI 2.0 is offered, nobody signs
    let plain = Bank::start().await;
    for brand in BRANDS {
        let mut metadata = Tpp::metadata(brand);
        metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
        metadata["jwks"] = good.set();
        plain.tpp(ROLES).try_register(brand, &metadata).await.refused(400, "invalid_client_metadata");
    }
}

#[tokio::test]
async fn b33_b34_the_metadata_tell_methods_and_algorithms() {
    let bank = bank().await;
    let told = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC))).await.ok(200).json();
    for endpoint in ["token", "revocation"] {
        assert_eq!(told[format!("{endpoint}_endpoint_auth_methods_supported")], json!(["tls_client_auth", "private_key_jwt"]));
        assert_eq!(told[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")], json!(["PS256", "ES256", "EdDSA"]));
    }
}
