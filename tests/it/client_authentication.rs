//! Who is calling: the QWAC, `client_id`, and HTTP Basic where the brand asks for it (RFC 6749 s2.3, RFC 8705 s2).

use crate::harness::{
    Bank, CIC, LBP, Reply,
    bank::BRANDS,
    tpp::{Client, Tpp},
    wire::Wire,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    dev::qwac::{QwacSpec, Validity},
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
};
use serde_json::json;
use time::Duration;

const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];

async fn token(wire: &Wire, client: &Client<'_>, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
    let form: Vec<_> = [("grant_type", "client_credentials"), ("scope", "pisp")].into_iter().chain(form.iter().copied()).collect();
    wire.form(&client.url(client.brand.channels[0].2), headers, &form).await
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// RFC 9110 s11.6.1: a 401 says how to do better.
#[track_caller]
fn unauthorized(reply: Reply) -> Reply {
    let reply = reply.refused(401, "invalid_client");
    assert_eq!(reply.header("www-authenticate"), "Basic realm=\"guichet\"", "{reply:?}");
    reply
}

#[tokio::test]
async fn a28_basic_has_one_right_form_and_every_other_its_refusal() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ROLES);
    let client = tpp.register(LBP).await;
    let other = bank.tpp(ROLES).register(LBP).await;
    let (id, secret) = (client.id.clone(), client.secret.clone().unwrap());
    let right = basic(&id, &secret);
    let encoded = STANDARD.encode(format!("{id}:{secret}"));
    // header, status, error, the audit's reason
    for (header, status, error, reason) in [
        (right.clone(), 200, "", ""),
        (format!("basic {encoded}"), 200, "", ""),
        (format!("BASIC   {encoded}"), 200, "", ""),
        (basic(&id.replace('-', "%2D"), &secret.replace('_', "%5F")), 200, "", ""),
        ("Basic".into(), 401, "invalid_client", "secret_missing"),
        ("Basic ".into(), 401, "invalid_client", "secret_missing"),
        ("Basic !!!".into(), 401, "invalid_client", "secret_missing"),
        (format!("Basic {}", &encoded[..encoded.len() - 3]), 401, "invalid_client", "secret_missing"),
        (format!("Basic {}", STANDARD.encode(&id)), 401, "invalid_client", "secret_missing"),
        (format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe])), 401, "invalid_client", "secret_missing"),
        (format!("Basic {}", STANDARD.encode(format!("{id}:%zz"))), 401, "invalid_client", "secret_missing"),
        (format!("Bearer {secret}"), 401, "invalid_client", "secret_missing"),
        (format!("Basic{encoded}"), 401, "invalid_client", "secret_missing"),
        (basic(&id, ""), 401, "invalid_client", "wrong_secret"),
        (basic(&id, "wrong"), 401, "invalid_client", "wrong_secret"),
        (basic(&id, &secret[..secret.len() - 1]), 401, "invalid_client", "wrong_secret"),
        (basic(&id, &format!("{secret}x")), 401, "invalid_client", "wrong_secret"),
        (basic(&id, other.secret.as_deref().unwrap()), 401, "invalid_client", "wrong_secret"),
        (basic(&other.id, &secret), 401, "invalid_client", "wrong_secret"),
        // everything right, but another organisation's certificate
        (basic(&other.id, other.secret.as_deref().unwrap()), 401, "invalid_client", "other_organisation"),
        (basic("", &secret), 401, "invalid_client", "unknown_client"),
        (basic("nobody", &secret), 401, "invalid_client", "unknown_client"),
        (basic(&id.to_uppercase(), &secret), 401, "invalid_client", "unknown_client"),
        (basic("0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee", &secret), 401, "invalid_client", "unknown_client"),
    ] {
        let before = bank.audited("client_refused", reason).await;
        let reply = token(&tpp.wire, &client, &[("authorization", &header)], &[]).await;
        assert_eq!(reply.status, status, "{header}: {reply:?}");
        if status != 200 {
            assert_eq!(reply.error(), error, "{header}");
            let reply = unauthorized(reply);
            assert!(!reply.body.contains(&secret) && !reply.body.contains(&id), "{reply:?}");
            assert_eq!(bank.audited("client_refused", reason).await, before + 1, "{header}: {reason}");
        }
    }
    // unknown, wrong and foreign look the same: nobody learns which clients exist
    let told = async |header: String| token(&tpp.wire, &client, &[("authorization", &header)], &[]).await.body;
    let unknown = told(basic("0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee", &secret)).await;
    assert_eq!(unknown, told(basic(&other.id, "wrong")).await);
    assert_eq!(unknown, told(basic(&other.id, other.secret.as_deref().unwrap())).await);

    unauthorized(token(&tpp.wire, &client, &[], &[]).await);
    unauthorized(token(&tpp.wire, &client, &[], &[("client_id", &id)]).await);
    token(&tpp.wire, &client, &[("authorization", &right)], &[("client_id", &id)]).await.ok(200);
    // RFC 6749 s2.3: one way at a time, one client at a time, one header at a time
    let two = async |headers: &[(&str, &str)], form: &[(&str, &str)]| {
        token(&tpp.wire, &client, headers, form).await.refused(400, "invalid_request")
    };
    two(&[("authorization", &right)], &[("client_secret", &secret)]).await;
    two(&[], &[("client_id", &id), ("client_secret", &secret)]).await;
    two(&[("authorization", &right)], &[("client_id", &other.id)]).await;
    two(&[("authorization", &right), ("authorization", &right)], &[]).await;
    two(&[("authorization", &right), ("authorization", "Basic x")], &[]).await;
    bank.expect_audit("client_refused", "two_methods").await;
    let mut request = tpp.wire.client().post(client.url("/token")).header("content-type", "application/x-www-form-urlencoded");
    request = request.header("authorization", reqwest::header::HeaderValue::from_bytes(b"Basic \xff\xfe").unwrap());
    assert_eq!(request.body("grant_type=client_credentials").send().await.unwrap().status(), 400);
    // in the URL it does not count
    let url = format!("{}?client_id={id}&client_secret={secret}", client.url("/token"));
    unauthorized(tpp.wire.form(&url, &[], &[("grant_type", "client_credentials")]).await);
}

#[tokio::test]
async fn b35_client_id_is_in_the_body_where_the_certificate_authenticates() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ROLES);
    let client = tpp.register(CIC).await;
    let other = bank.tpp(ROLES).register(CIC).await;
    let id = client.id.as_str();
    token(&tpp.wire, &client, &[], &[("client_id", id)]).await.ok(200);
    unauthorized(token(&tpp.wire, &client, &[], &[]).await);
    bank.expect_audit("client_refused", "client_id_missing").await;
    unauthorized(token(&tpp.wire, &client, &[], &[("client_id", "")]).await);
    unauthorized(token(&tpp.wire, &client, &[], &[("client_id", &other.id)]).await);
    unauthorized(token(&tpp.wire, &client, &[], &[("client_id", &id.to_uppercase())]).await);
    // Basic is no way here
    unauthorized(token(&tpp.wire, &client, &[("authorization", &basic(id, "secret"))], &[("client_id", id)]).await);
    bank.expect_audit("client_refused", "unexpected_method").await;
    token(&tpp.wire, &client, &[], &[("client_id", id), ("client_secret", "x")]).await.refused(400, "invalid_request");
    token(&tpp.wire, &client, &[], &[("client_id", id), ("client_id", id)]).await.refused(400, "invalid_request");
    // an assertion proves nothing here, and does no harm
    let assertion = [
        ("client_id", id),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "e30.e30."),
    ];
    token(&other.tpp.wire, &client, &[], &assertion).await.refused(401, "invalid_client");
}

/// RFC 8705: which certificate it is decides, whatever else is right.
#[tokio::test]
async fn b39_a_wrong_certificate_is_a_refusal_with_its_reason_and_never_an_error() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ROLES);
    for brand in BRANDS {
        let client = tpp.register(brand).await;
        let authorization = client.authorization();
        let headers: Vec<_> = authorization.iter().map(|basic| ("authorization", basic.as_str())).collect();
        for (name, code) in [
            ("expired", "CERTIFICATE_EXPIRED"),
            ("revoked", "CERTIFICATE_REVOKED"),
            ("untrusted", "ISSUER_NOT_TRUSTED"),
            ("qsealc", "QSEAL_CERTIFICATE"),
        ] {
            let wire = Wire::with_file(&bank, name);
            let reply = unauthorized(token(&wire, &client, &headers, &[("client_id", &client.id)]).await);
            let reasons = reply.description();
            assert!(reasons.split(", ").any(|reason| reason == code), "{name}: {reasons}");
            bank.expect_audit("certificate_refused", &reasons).await;
        }
        assert_eq!(bank.audited_kind("certificate_refused").await, 4, "once a minute, however often it is tried");
        // of another organisation
        let stranger = bank.tpp(ROLES);
        unauthorized(token(&stranger.wire, &client, &headers, &[("client_id", &client.id)]).await);
        // none at all
        let reply = unauthorized(token(&bank.browser(), &client, &headers, &[("client_id", &client.id)]).await);
        assert!(reply.description().starts_with("CERTIFICATE_MISSING"), "{reply:?}");
    }
    bank.expect_audit("client_refused", "other_organisation").await;
}

/// Judged at each request: a certificate that ends while its connection is open ends there.
#[tokio::test]
async fn b39_a_certificate_that_expires_on_an_open_connection_is_refused() {
    let bank = Bank::start().await;
    let now = guichet::clock::Clock::now(&*bank.clock);
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::hours(1) };
    let tpp = bank.tpp_with(&QwacSpec::new("PSDFR-ACPR-49001", "Bientôt Périmé SAS", &ROLES, validity));
    let client = tpp.register(CIC).await;
    client.client_credentials().await.ok(200);
    bank.clock.advance(Duration::minutes(62));
    unauthorized(client.client_credentials().await);
    // renewed: the same client goes on
    client.over(&bank.tpp_named("PSDFR-ACPR-49001", ROLES)).client_credentials().await.ok(200);
}

#[tokio::test]
async fn a27_a28_b36_only_confidential_clients_known_by_their_certificate() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        for method in ["none", "client_secret_post", "client_secret_jwt", "private_key_jwt", "self_signed_tls_client_auth"] {
            let mut metadata = Tpp::metadata(brand);
            metadata["token_endpoint_auth_method"] = json!(method);
            let reply = bank.tpp(ROLES).try_register(brand, &metadata).await.refused(400, "invalid_client_metadata");
            assert!(reply.description().starts_with("token_endpoint_auth_method"), "{reply:?}");
        }
        for fields in [
            &["tls_client_auth_san_dns"][..],
            &["tls_client_auth_san_uri"],
            &["tls_client_auth_san_ip"],
            &["tls_client_auth_san_email"],
            &["tls_client_auth_subject_dn", "tls_client_auth_san_dns"],
            &["tls_client_auth_san_dns", "tls_client_auth_san_uri"],
        ] {
            let mut metadata = Tpp::metadata(brand);
            for field in fields {
                metadata[*field] = json!("tpp.example");
            }
            bank.tpp(ROLES).try_register(brand, &metadata).await.refused(400, "invalid_client_metadata");
        }
        let client = bank.tpp(ROLES).register(brand).await;
        let subjects: Vec<_> = client.information.as_object().unwrap().keys().filter(|name| name.starts_with("tls_client_auth_")).collect();
        assert_eq!(subjects, ["tls_client_auth_subject_dn"], "exactly one");
    }
}
