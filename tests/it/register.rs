//! RFC 7591: what may be registered, what comes back, and which member is wrong.

use crate::harness::{Bank, Brand, CIC, LBP, Reply, Tpp, bank::BRANDS, bank::pki, tpp::CALLBACK};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use guichet::{
    oauth::tpp::PspRole::{self, AccountInformation, AccountServicing, CardIssuing, PaymentInitiation},
    pki::{TrustPolicy, judge_content},
    tls::files::load_certificates,
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::Duration;

/// RFC 7638 s3.1, with its thumbprint.
pub const RSA_THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

pub fn rsa_key() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
              tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr\
              n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    })
}

fn ec_key() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    })
}

/// A key as the first bank's documentation has it: the QSealC, and no `kid`. With the `kid` that the bank assigns.
fn seal_key() -> (Value, String) {
    let leaf = load_certificates(&pki().1.file("qsealc.pem")).unwrap().remove(0);
    let key = json!({ "kty": "EC", "crv": "P-256", "x": ec_key()["x"], "y": ec_key()["y"], "kid": null, "x5c": [STANDARD.encode(&leaf)] });
    (key, URL_SAFE_NO_PAD.encode(Sha256::digest(&leaf)))
}

/// Changes some members of an object; `null` takes one away.
pub fn with(mut body: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
            value => body[name] = value.clone(),
        }
    }
    body
}

/// Reasons of the audit trail's events of one kind, oldest first.
pub async fn audited(bank: &Bank, kind: &str) -> Vec<String> {
    let rows = sqlx::query_scalar("select coalesce(reason, '') from audit_events where kind = $1 order by at, id").bind(kind);
    rows.fetch_all(&bank.pool().await).await.unwrap()
}

#[track_caller]
fn named(reply: &Reply, error: &str, field: &str, case: &Value) {
    assert_eq!((reply.status, reply.error().as_str()), (400, error), "{case}: {reply:?}");
    assert!(reply.description().starts_with(&format!("{field}: ")), "{case}: {reply:?}");
    assert!(reply.header("cache-control").contains("no-store"), "{reply:?}");
}

#[tokio::test]
async fn a42_b01_b06_b07_all_that_is_registered_is_answered() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp(PspRole::ALL);
        let (seal, seal_kid) = seal_key();
        let redirect_uris =
            if brand.basic { json!([CALLBACK]) } else { json!([CALLBACK, "https://tpp.example/b?c=d", "http://127.0.0.1/cb"]) };
        let kept = json!({
            "redirect_uris": redirect_uris,
            "token_endpoint_auth_method": "tls_client_auth",
            "grant_types": brand.grant_types(),
            "response_types": ["code"],
            "client_name": "My accounts",
            "client_name#fr": "Mes comptes",
            "client_name#de-AT": "Meine Konten",
            "tos_uri#fr": "https://tpp.example/cgu",
            "scope": "aisp extended_transaction_history pisp",
            "contacts": ["mailto:dev@tpp.example", "+33 1 23 45 67 89"],
            "description": "All accounts \u{e9} \u{1F3E6}",
            "client_uri": "https://tpp.example/",
            "logo_uri": "https://tpp.example/logo.png",
            "tos_uri": "https://tpp.example/tos",
            "policy_uri": "https://tpp.example/privacy",
            "software_id": "4NRB1-0XZABZI9E6-5SM3R",
            "software_version": "2.1",
            "provider_legal_id": tpp.organisation,
        });
        let asked = with(
            kept.clone(),
            json!({
                "jwks": { "keys": [seal, rsa_key()], "note": "ours" },
                "tls_client_auth_subject_dn": "CN=whatever",
                "client_id": "psu_0123",
                "client_secret": "chosen",
                "registration_access_token": "chosen",
                "a_member_nobody_knows": { "of": ["any", "kind", null] },
                "another#fr": 1,
            }),
        );
        let reply = tpp.try_register(brand, &asked).await.ok(201);
        assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
        assert_eq!(reply.header("content-type"), "application/json");
        let told = reply.json();
        let id = told["client_id"].as_str().unwrap().to_owned();
        assert!(uuid::Uuid::parse_str(&id).is_ok(), "opaque, and never a customer's reference: {id}");
        let token = told["registration_access_token"].as_str().unwrap();
        assert!(token.starts_with("gurg_") && token.len() > 60);
        let mut expected = with(
            kept,
            json!({
                "client_id": id,
                "client_id_issued_at": time::OffsetDateTime::unix_timestamp(guichet::clock::Clock::now(&*bank.clock)),
                "registration_access_token": token,
                "registration_client_uri": format!("{}/{id}", tpp.registration_url(brand)),
                "tls_client_auth_subject_dn": judge_content(&tpp.chain[0], &TrustPolicy::default()).facts.unwrap().subject_dn,
                "jwks": { "keys": [with(seal_key().0, json!({})), rsa_key()] },
            }),
        );
        expected["jwks"]["keys"][0]["kid"] = seal_kid.into();
        expected["jwks"]["keys"][1]["kid"] = RSA_THUMBPRINT.into();
        if brand.basic {
            let secret = told["client_secret"].as_str().unwrap();
            assert!(secret.starts_with("gucs_") && secret.len() == 48, "256 random bits");
            expected["client_secret"] = secret.into();
            expected["client_secret_expires_at"] = 0.into();
        }
        assert_eq!(told, expected);
    }
    let references: Vec<String> =
        sqlx::query_scalar("select reference from sandbox_customers").fetch_all(&bank.pool().await).await.unwrap();
    assert!(!references.is_empty() && references.iter().all(|r| uuid::Uuid::parse_str(r).is_err()), "no subject looks like a client_id");
}

#[tokio::test]
async fn b04_the_customer_reads_the_name_in_their_language() {
    let bank = Bank::start().await;
    let names = json!({ "client_name": "My accounts", "client_name#fr": "Mes comptes", "client_name#de-AT": "Meine Konten" });
    let client = bank.tpp([AccountInformation]).register_as(CIC, &with(Tpp::metadata(CIC), names)).await;
    for (lang, name) in [("fr", "Mes comptes"), ("de", "Meine Konten"), ("en", "My accounts"), ("es", "My accounts")] {
        let url = client.authorize_url("web", "aisp", &[]).replace("/fr/", &format!("/{lang}/"));
        let page = crate::harness::psu::Psu::open(&bank, CIC, &url).await.page.ok(200);
        for other in ["Mes comptes", "Meine Konten", "My accounts"] {
            assert_eq!(page.body.contains(other), other == name, "{lang}: {other}");
        }
    }
}

#[tokio::test]
async fn what_is_not_said_has_a_default() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation]);
        let told = tpp.try_register(brand, &json!({ "redirect_uris": [CALLBACK], "client_name": null, "jwks": null })).await.ok(201).json();
        for (name, value) in [
            ("token_endpoint_auth_method", json!("tls_client_auth")),
            ("grant_types", json!(["authorization_code"])),
            ("response_types", json!(["code"])),
            ("scope", json!("aisp extended_transaction_history")),
            ("client_name", json!(format!("Société {}", tpp.organisation))),
            ("provider_legal_id", json!(tpp.organisation)),
        ] {
            assert_eq!(told[name], value, "{name}");
        }
        for absent in ["contacts", "description", "client_uri", "jwks", "jwks_uri", "software_id", "software_statement"] {
            assert!(told.get(absent).is_none(), "{absent}");
        }
        let machine = json!({ "grant_types": ["client_credentials"], "scope": "pisp" });
        let told = bank.tpp([PaymentInitiation]).try_register(brand, &machine).await.ok(201).json();
        assert_eq!((&told["response_types"], &told["redirect_uris"]), (&json!([]), &json!([])), "no customer, no redirect");
    }
}

#[tokio::test]
async fn scope_is_capped_by_the_roles() {
    let bank = Bank::start().await;
    let everything = "aisp extended_transaction_history cbpii pisp";
    let table: [(&[PspRole], Value, Result<&str, &str>); 10] = [
        (&[AccountInformation], json!(null), Ok("aisp extended_transaction_history")),
        (&[CardIssuing], json!(null), Ok("cbpii")),
        (&[AccountInformation, PaymentInitiation], json!("pisp cbpii aisp"), Ok("aisp pisp")),
        (&PspRole::ALL, json!(null), Ok(everything)),
        (&[AccountServicing, AccountInformation], json!("aisp"), Ok("aisp")),
        (&[AccountServicing], json!(null), Err("scope: ROLE_INVALID")),
        (&[AccountServicing], json!("aisp"), Err("scope: ROLE_INVALID")),
        (&[AccountInformation], json!("pisp"), Err("scope: ROLE_INVALID")),
        (&[AccountInformation], json!("aisp openid"), Err("scope: unknown")),
        (&[AccountInformation], json!(""), Err("scope: empty")),
    ];
    for brand in BRANDS {
        for (roles, scope, expected) in &table {
            let body = with(json!({ "redirect_uris": [CALLBACK] }), json!({ "scope": scope }));
            let reply = bank.tpp(roles.iter().copied()).try_register(brand, &body).await;
            match expected {
                Ok(scope) => assert_eq!(reply.ok(201).json()["scope"], *scope, "{roles:?}"),
                Err(why) => assert!(reply.clone().refused(400, "invalid_client_metadata").description().starts_with(why), "{reply:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_bank_names_keys_and_keeps_several() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let kids = async |keys: Value| {
        let body = with(Tpp::metadata(CIC), json!({ "jwks": { "keys": keys } }));
        let told = tpp.try_register(CIC, &body).await.ok(201).json();
        told["jwks"]["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (seal, seal_kid) = seal_key();
    for kid in [json!(null), json!("mine"), json!(7)] {
        assert_eq!(kids(json!([with(rsa_key(), json!({})), with(seal.clone(), json!({ "kid": kid }))])).await, [RSA_THUMBPRINT, &seal_kid]);
    }
    let only_certificate = json!({ "x5c": seal["x5c"] });
    assert_eq!(kids(json!([only_certificate])).await, [seal_kid.as_str()]);
    let mut first = kids(json!([ec_key()])).await;
    let both = kids(json!([ec_key(), rsa_key()])).await;
    first.push(RSA_THUMBPRINT.to_owned());
    assert_eq!(both, first, "a second key leaves the first its name");
    assert_eq!(kids(json!([])).await, [""; 0]);
    let uri = with(Tpp::metadata(CIC), json!({ "jwks_uri": "https://tpp.example/jwks" }));
    assert_eq!(tpp.try_register(CIC, &uri).await.ok(201).json()["jwks_uri"], "https://tpp.example/jwks");
}

/// Member, what it is sent as, which field the answer names.
fn mistakes() -> Vec<(&'static str, Value, &'static str)> {
    let long = "x".repeat(501);
    let mut table = vec![
        ("token_endpoint_auth_method", json!("client_secret_basic"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!("none"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!("self_signed_tls_client_auth"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!(5), "token_endpoint_auth_method"),
        ("grant_types", json!("authorization_code"), "grant_types"),
        ("grant_types", json!([]), "grant_types"),
        ("grant_types", json!(["refresh_token"]), "grant_types"),
        ("grant_types", json!(["implicit"]), "grant_types[0]"),
        ("grant_types", json!(["authorization_code", "password"]), "grant_types[1]"),
        ("grant_types", json!(["authorization_code", 1]), "grant_types[1]"),
        ("grant_types", json!(vec!["client_credentials"; 9]), "grant_types"),
        ("grant_types", json!(["client_credentials"]), "response_types"),
        ("response_types", json!(["token"]), "response_types[0]"),
        ("response_types", json!(["code", "code id_token"]), "response_types[1]"),
        ("response_types", json!([]), "response_types"),
        ("response_types", json!("code"), "response_types"),
        ("contacts", json!("dev@tpp.example"), "contacts"),
        ("contacts", json!(vec!["x"; 11]), "contacts"),
        ("contacts", json!(["x", 1]), "contacts[1]"),
        ("contacts", json!(["x\u{0}"]), "contacts[0]"),
        ("client_name#fr", json!(5), "client_name#fr"),
        ("client_name#fr", json!("a\u{0}b"), "client_name#fr"),
        ("client_name#", json!("x"), "client_name#"),
        ("client_name#f\u{0}r", json!("x"), "client_name#f?r"),
        ("client_name#waytoolong", json!("x"), "client_name#waytoolong"),
        ("tos_uri#fr", json!("http://tpp.example/"), "tos_uri#fr"),
        ("provider_legal_id", json!("PSDFR-ACPR-1"), "provider_legal_id"),
        ("tls_client_auth_san_dns", json!("tpp.example"), "tls_client_auth_san_dns"),
        ("tls_client_auth_san_ip", json!("192.0.2.1"), "tls_client_auth_san_ip"),
        ("scope", json!(["aisp"]), "scope"),
        ("scope", json!("aisp\u{0}"), "scope"),
        ("jwks", json!("x"), "jwks"),
        ("jwks", json!({}), "jwks"),
        ("jwks", json!({ "keys": {} }), "jwks"),
        ("jwks", json!({ "keys": vec![ec_key(); 11] }), "jwks.keys"),
        ("jwks", json!({ "keys": [ec_key(), 1] }), "jwks.keys[1]"),
        ("jwks", json!({ "keys": [ec_key(), ec_key()] }), "jwks.keys[1]"),
        ("jwks_uri", json!("http://tpp.example/jwks"), "jwks_uri"),
        ("jwks_uri", json!("https://"), "jwks_uri"),
    ];
    for name in ["client_name", "description", "software_id", "software_version"] {
        for value in [json!(5), json!(""), json!(long), json!("a\u{0}b"), json!("a\nb"), json!("\u{7f}"), json!(["a"]), json!({})] {
            table.push((name, value, name));
        }
    }
    for name in ["client_uri", "logo_uri", "tos_uri", "policy_uri"] {
        for value in ["http://tpp.example/", "javascript:alert(1)", "tpp.example", "/x", "https://tpp.example/\u{0}"] {
            table.push((name, json!(value), name));
        }
    }
    let bad_keys = [
        json!({}),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "XYZ" }),
        with(ec_key(), json!({ "d": "AAAA" })),
        with(ec_key(), json!({ "y": null })),
        with(ec_key(), json!({ "crv": "P-192" })),
        with(ec_key(), json!({ "crv": "secp256k1" })),
        json!({ "kty": "OKP", "crv": "X25519", "x": "AAAA" }),
        with(rsa_key(), json!({ "n": URL_SAFE_NO_PAD.encode([0xff; 255]) })),
        with(rsa_key(), json!({ "n": URL_SAFE_NO_PAD.encode([&[0; 9][..], &[0x7f; 256]].concat()) })),
        with(rsa_key(), json!({ "n": "not base64!" })),
        json!({ "x5c": ["?"] }),
        with(ec_key(), json!({ "use": "a\u{0}b" })),
        with(ec_key(), json!({ "mine": { "deep": [{ "a\u{0}": 1 }] } })),
    ];
    table.extend(bad_keys.into_iter().map(|key| ("jwks", json!({ "keys": [key] }), "jwks.keys[0]")));
    table.push(("jwks", json!({ "keys": [{ "x5c": ["AAAA"] }] }), "jwks.keys[0].x5c"));
    table
}

#[tokio::test]
async fn a03_a27_a32_b02_b03_b09_b36_every_mistake_is_named() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
        let mut reasons = vec![];
        let mut refuse = async |changes: Value, error: &str, field: &str| {
            let reply =
                tpp.try_register(brand, &with(Tpp::metadata(brand), with(json!({ "response_types": ["code"] }), changes.clone()))).await;
            named(&reply, error, field, &changes);
            reasons.push(format!("{error}: {field}"));
        };
        for (member, value, field) in mistakes() {
            let field = if !brand.refresh && value == json!(["refresh_token"]) { "grant_types[0]" } else { field };
            refuse(json!({ member: value }), "invalid_client_metadata", field).await;
        }
        let both = json!({ "jwks": { "keys": [ec_key()] }, "jwks_uri": "https://tpp.example/jwks" });
        refuse(both, "invalid_client_metadata", "jwks_uri").await;
        let subjects = json!({ "tls_client_auth_subject_dn": "CN=a", "tls_client_auth_san_uri": "https://a.example" });
        refuse(subjects, "invalid_client_metadata", "tls_client_auth_san_uri").await;
        refuse(json!({ "software_statement": "a.b.c" }), "unapproved_software_statement", "software_statement").await;
        for (uris, field) in [
            (json!([]), "redirect_uris"),
            (json!(CALLBACK), "redirect_uris"),
            (json!([1]), "redirect_uris[0]"),
            (json!([""]), "redirect_uris[0]"),
            (json!(["http://tpp.example/cb"]), "redirect_uris[0]"),
            (json!(["http://localhost/cb"]), "redirect_uris[0]"),
            (json!(["http://127.0.0.1:80@tpp.example/cb"]), "redirect_uris[0]"),
            (json!(["https://tpp.example/cb#top"]), "redirect_uris[0]"),
            (json!(["https://tpp.example/cb\u{0}"]), "redirect_uris[0]"),
            (json!(["/cb"]), "redirect_uris[0]"),
            (json!(["tpp.app:/cb"]), "redirect_uris[0]"),
            (json!(vec![CALLBACK; 21]), "redirect_uris"),
        ] {
            refuse(json!({ "redirect_uris": uris }), "invalid_redirect_uri", field).await;
        }
        let second = if brand.basic { "redirect_uris" } else { "redirect_uris[1]" };
        refuse(json!({ "redirect_uris": [CALLBACK, "http://tpp.example/cb"] }), "invalid_redirect_uri", second).await;
        if !brand.refresh {
            refuse(json!({ "grant_types": ["authorization_code", "refresh_token"] }), "invalid_client_metadata", "grant_types[1]").await;
        }
        let mut kept = audited(&bank, "registration_refused").await;
        for reason in reasons {
            let at = kept.iter().position(|r| *r == reason).unwrap_or_else(|| panic!("{reason} is not in the audit trail"));
            kept.swap_remove(at);
        }
    }
}

#[tokio::test]
async fn a_body_is_one_bounded_json_object() {
    let bank = Bank::start().await;
    let (tpp, url) = (bank.tpp([AccountInformation]), bank.tpp([]).registration_url(CIC));
    let good = Tpp::metadata(CIC).to_string();
    let padded = |bytes: usize| format!("{}{good}", " ".repeat(bytes - good.len()));
    let nested = format!("{{\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let not_json = ("invalid_client_metadata", "the body is not JSON");
    for (kind, body, status, (error, description)) in [
        ("text/plain", good.clone().into_bytes(), 415, ("invalid_request", "Content-Type: must be application/json")),
        (
            "application/x-www-form-urlencoded",
            good.clone().into_bytes(),
            415,
            ("invalid_request", "Content-Type: must be application/json"),
        ),
        ("", good.clone().into_bytes(), 415, ("invalid_request", "Content-Type: must be application/json")),
        ("application/json", b"[]".to_vec(), 400, ("invalid_client_metadata", "the body is not a JSON object")),
        ("application/json", b"\"{}\"".to_vec(), 400, ("invalid_client_metadata", "the body is not a JSON object")),
        ("application/json", b"".to_vec(), 400, not_json),
        ("application/json", b"{".to_vec(), 400, not_json),
        ("application/json", format!("{good}{good}").into_bytes(), 400, not_json),
        ("application/json", b"{\"client_name\":\"\xff\"}".to_vec(), 400, not_json),
        ("application/json", b"{\"client_name\":\"\\ud800\"}".to_vec(), 400, not_json),
        ("application/json", b"{\"client_name\":1e999}".to_vec(), 400, not_json),
        ("application/json", nested.into_bytes(), 400, not_json),
        ("application/json", padded((64 << 10) + 1).into_bytes(), 413, ("invalid_request", "the body is too large")),
    ] {
        let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
        let reply = tpp.wire.send(Method::POST, &url, &[("content-type", kind)], body).await;
        assert_eq!((reply.status, reply.error().as_str(), reply.description().as_str()), (status, error, description), "{kind} {shown}");
    }
    let kinds = ["application/json", "Application/JSON; charset=utf-8"];
    for (kind, body) in kinds.into_iter().zip([padded(64 << 10), good.clone()]) {
        tpp.wire.send(Method::POST, &url, &[("content-type", kind)], body).await.ok(201);
    }
    let wrong_method = tpp.wire.get(&url).await.ok(405);
    assert_eq!(wrong_method.header("allow"), "POST");
}

/// The client that was answered, and all of the answer.
async fn register_again(tpp: &Tpp<'_>, brand: Brand, body: &Value) -> (String, Value) {
    let told = tpp.try_register(brand, body).await.ok(201).json();
    (told["client_id"].as_str().unwrap().to_owned(), told)
}

#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([PaymentInitiation]);
        let body = Tpp::metadata(brand);
        let first = tpp.register_as(brand, &body).await;
        let again = tpp.register_as(brand, &body).await;
        assert_eq!(first.id, again.id);
        assert_ne!(first.information["registration_access_token"], again.information["registration_access_token"]);
        for client in [&first, &again] {
            client.client_credentials().await.ok(200);
            let bearer = format!("Bearer {}", client.information["registration_access_token"].as_str().unwrap());
            tpp.wire.send(Method::GET, client.registration_uri(), &[("authorization", &bearer)], "").await.ok(200);
        }
        if brand.basic {
            assert_ne!(first.secret, again.secret, "stored as a digest, so it cannot be told again");
        }
        assert_eq!(audited(&bank, "client_registered").await.iter().filter(|r| *r == "retry").count(), if brand.basic { 3 } else { 1 });

        let other = with(body.clone(), json!({ "client_name": "Another" }));
        let (other, _) = register_again(&tpp, brand, &other).await;
        assert_ne!(first.id, other, "other metadata, other client");
        let (stranger, _) = register_again(&bank.tpp([PaymentInitiation]), brand, &body).await;
        assert_ne!(first.id, stranger);
        if brand.update {
            let changed = with(body.clone(), json!({ "client_id": first.id, "client_name": "Changed" }));
            first.manage(Method::PUT, &changed).await.ok(200);
            let (fresh, _) = register_again(&tpp, brand, &body).await;
            assert_ne!(first.id, fresh, "a client that is another by now is left alone");
        }
        bank.clock.advance(Duration::seconds(601));
        let tpp = bank.tpp_named(&tpp.organisation, [PaymentInitiation]);
        let (late, _) = register_again(&tpp, brand, &body).await;
        assert_ne!(first.id, late, "after the window it is meant");
        let late = tpp.register_as(brand, &body).await;
        late.delete().await.ok(204);
        assert_ne!(late.id, register_again(&tpp, brand, &body).await.0, "what was deleted stays so");
    }
}

#[tokio::test]
async fn retries_at_once_make_one_client() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    for brand in BRANDS {
        let body = Tpp::metadata(brand);
        let one = || register_again(&tpp, brand, &body);
        let (a, b, c, d, e, f, g, h) = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
        let ids: std::collections::BTreeSet<_> = [a, b, c, d, e, f, g, h].into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 1, "{}", brand.id);
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from clients").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(stored, 2);
}

#[tokio::test]
async fn b10_nothing_a_client_names_is_fetched() {
    let bank = Bank::start().await;
    let target = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = |name: &str| format!("https://127.0.0.1:{}/{name}", target.local_addr().unwrap().port());
    let body = with(
        Tpp::metadata(CIC),
        json!({
            "jwks_uri": uri("jwks"), "logo_uri": uri("logo"), "policy_uri": uri("policy"), "tos_uri": uri("tos"), "client_uri": uri(""),
        }),
    );
    let client = bank.tpp([AccountInformation]).register_as(CIC, &body).await;
    let tokens = client.tokens("web", "aisp").await;
    client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200);
    let visited = tokio::time::timeout(std::time::Duration::ZERO, target.accept()).await;
    assert!(visited.is_err(), "somebody came: {visited:?}");
}

#[tokio::test]
async fn an_organisation_has_several_clients_but_not_without_end() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let named = |i: usize| with(Tpp::metadata(LBP), json!({ "client_name": format!("App {i}") }));
    let (a, b) = (tpp.register_as(LBP, &named(1)).await, tpp.register_as(LBP, &named(2)).await);
    assert_ne!(a.id, b.id);
    let copies = "insert into clients (id, brand, organisation, legal_name, metadata, scope, secret_digests, registration_token_digests, fingerprint,
        created_at, updated_at) select gen_random_uuid(), brand, organisation, legal_name, metadata, scope, '{}', '{}', '', created_at, updated_at
        from clients, generate_series(1, 198) where id = $1::uuid";
    assert_eq!(sqlx::query(copies).bind(&a.id).execute(&bank.pool().await).await.unwrap().rows_affected(), 198);
    let reply = tpp.try_register(LBP, &named(3)).await.refused(400, "invalid_client_metadata");
    assert_eq!(reply.description(), "client_id: this organisation has 200 clients already");
    assert_eq!(tpp.register_as(LBP, &named(2)).await.id, b.id, "a retry is no new client");
    bank.tpp([AccountInformation]).register(LBP).await;
}
