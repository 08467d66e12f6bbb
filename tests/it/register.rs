//! RFC 7591: what may be registered, what comes back, and which member is wrong.

use crate::harness::{Bank, CIC, LBP, Tpp, bank::BRANDS, bank::pki, tpp::CALLBACK};
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

pub fn ec_key() -> Value {
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
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

/// Reasons of the audit trail's events of one kind, oldest first.
pub async fn audited(bank: &Bank, kind: &str) -> Vec<String> {
    let rows = sqlx::query_scalar("select coalesce(reason, '') from audit_events where kind = $1 order by at, id").bind(kind);
    rows.fetch_all(&bank.pool().await).await.unwrap()
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
    assert_eq!(reply.description(), "client_id: this organisation has as many clients as it may");
    assert_eq!(tpp.register_as(LBP, &named(2)).await.id, b.id, "a retry is no new client");
    bank.tpp([AccountInformation]).register(LBP).await;
}
