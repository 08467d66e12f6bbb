//! RFC 7662 on the internal counter: is this token good, now, for whoever presented it?

use crate::{
    harness::{
        Bank, BankOptions, Brand, CIC, LBP, Reply, Tpp,
        bank::{BRANDS, pki},
        tpp::introspect,
        wire::Wire,
    },
    register::with,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use guichet::{
    clock::Clock,
    dev::qwac::{QwacSpec, Validity},
    oauth::tpp::PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation},
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use time::Duration;

fn url(bank: &Bank, brand: Brand) -> String {
    format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), brand.id)
}

fn inactive() -> Value {
    json!({ "active": false })
}

/// Exactly this, and nothing around it.
#[track_caller]
fn is_inactive(reply: &Reply, case: &str) {
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"active\":false}"), "{case}");
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn b23_b43_the_caller_shows_a_certificate_of_the_banks_own() {
    let bank = Bank::start().await;
    for name in [None, Some("aisp"), Some("all"), Some("untrusted"), Some("server")] {
        let wire = Wire::internal(&bank, name);
        let sent = wire.try_send(Method::POST, &url(&bank, CIC), &[("content-type", "application/x-www-form-urlencoded")], "token=x").await;
        assert!(sent.is_err(), "{name:?} got in: {sent:?}");
    }
    is_inactive(&introspect(&bank, CIC, &[("token", "x")]).await, "the gateway gets in");
    // and the other way round: the bank's own certificate is no QWAC
    let reply = Wire::with_file(&bank, "gateway").json(Method::POST, &bank.tpp([]).registration_url(CIC), &[], &Tpp::metadata(CIC)).await;
    assert!(reply.refused(401, "invalid_client").description().contains("ISSUER_NOT_TRUSTED"));
}

#[tokio::test]
async fn b26_post_with_a_token_only() {
    let bank = Bank::start().await;
    let (gateway, url) = (bank.gateway(), url(&bank, CIC));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(gateway.send(method, &format!("{url}?token=x"), &[], "").await.ok(405).header("allow"), "POST");
    }
    gateway.form(&url, &[], &[]).await.refused(400, "invalid_request");
    gateway.form(&format!("{url}?token=x"), &[], &[]).await.refused(400, "invalid_request");
    gateway.form(&url, &[], &[("token", "a"), ("token", "b")]).await.refused(400, "invalid_request");
    gateway.json(Method::POST, &url, &[], &json!({ "token": "x" })).await.refused(415, "invalid_request");
    gateway.form(&url.replace("/cic/", "/nobody/"), &[], &[("token", "x")]).await.refused(404, "invalid_request");
}

#[tokio::test]
async fn a55_b24_whatever_is_not_alive_is_only_inactive() {
    let bank = Bank::start().await;
    for (brand, other) in [(CIC, LBP), (LBP, CIC)] {
        let client = bank.tpp([AccountInformation, PaymentInitiation]).register(brand).await;
        let tokens = client.tokens("web", "aisp").await;
        let access = tokens["access_token"].as_str().unwrap();
        let pisp = client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
        let forged = format!("{}{}", &access[..access.len() - 4], if access.ends_with("AAAA") { "BBBB" } else { "AAAA" });
        let code = client.approved("web", "aisp").await;
        for (case, token) in [
            ("garbage", "x"),
            ("a prefix", "guat_"),
            ("not base64", "guat_\u{e9}"),
            ("a wrong secret", &forged),
            ("another kind", &access.replace("guat_", "gurt_")),
            ("a code", code.code()),
            ("a registration token", client.information["registration_access_token"].as_str().unwrap()),
            ("very long", &"x".repeat(20_000)),
        ] {
            is_inactive(&introspect(&bank, brand, &[("token", token)]).await, case);
        }
        is_inactive(&introspect(&bank, other, &[("token", access)]).await, "another brand's");
        assert!(client.is_active(access).await && client.is_active(&pisp).await);
        assert!(introspect(&bank, brand, &[("token", access), ("token_type_hint", "refresh_token")]).await.json()["active"] == true);
        let exp = client.introspect(&pisp).await["exp"].as_i64().unwrap();
        bank.clock.advance(Duration::seconds(exp - bank.clock.now().unix_timestamp() - 1));
        assert!(client.is_active(&pisp).await, "to its last second");
        bank.clock.advance(Duration::seconds(1));
        is_inactive(&introspect(&bank, brand, &[("token", &pisp)]).await, "expired");
    }
}

#[tokio::test]
async fn all_that_an_active_token_tells() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let began = bank.clock.now().unix_timestamp();
        let references: Vec<String> = sqlx::query_scalar("select reference from sandbox_customers where brand = $1 and login = 'approves'")
            .bind(brand.id)
            .fetch_all(&bank.pool().await)
            .await
            .unwrap();
        for (channel, ..) in brand.channels {
            let landing = client.approved(channel, "aisp").await;
            bank.clock.advance(Duration::seconds(20));
            let tokens = client.redeem(channel, "aisp", landing.code()).await.ok(200).json();
            let told = client.introspect(tokens["access_token"].as_str().unwrap()).await;
            let issued = bank.clock.now().unix_timestamp();
            let expected = json!({
                "active": true,
                "scope": "aisp",
                "client_id": client.id,
                "token_type": "Bearer",
                "token_use": "access_token",
                "iat": issued,
                "exp": issued + tokens["expires_in"].as_i64().unwrap(),
                "iss": bank.issuer(brand),
                "sub": references[0],
                "organisation": client.tpp.organisation,
                "roles": ["PSP_AI"],
                "brand": brand.id,
                "channel": channel,
                "grant_id": told["grant_id"],
                "auth_time": issued - 20,
            });
            assert_eq!(told, expected);
            assert!(told["grant_id"].is_string() && issued > began);
            if let Some(refresh) = tokens["refresh_token"].as_str() {
                let told = client.introspect(refresh).await;
                let exp = issued - 20 + 180 * 86_400;
                let changes = json!({ "token_type": null, "token_use": "refresh_token", "exp": exp });
                assert_eq!(told, with(expected, changes), "counts from the SCA, not from the exchange");
            }
        }
        let token = client.client_credentials().await.ok(200).json();
        let told = client.introspect(token["access_token"].as_str().unwrap()).await;
        let now = bank.clock.now().unix_timestamp();
        assert_eq!(
            told,
            json!({
                "active": true, "scope": "pisp", "client_id": client.id, "token_type": "Bearer", "token_use": "access_token", "iat": now,
                "exp": now + token["expires_in"].as_i64().unwrap(), "iss": bank.issuer(brand), "sub": client.id,
                "organisation": client.tpp.organisation, "roles": ["PSP_PI"], "brand": brand.id, "channel": "web",
            })
        );
    }
}

/// The random half of what was given out; the other one is its id.
fn secret_of(handle: &str) -> [u8; 32] {
    let bytes = URL_SAFE_NO_PAD.decode(handle.split_once('_').unwrap().1).unwrap();
    bytes[bytes.len() - 32..].try_into().unwrap()
}

#[tokio::test]
async fn a26_all_that_is_given_out_carries_256_random_bits() {
    let bank = Bank::start().await;
    let mut secrets = vec![];
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        secrets.extend(client.secret.iter().map(|s| secret_of(s)));
        secrets.push(secret_of(client.information["registration_access_token"].as_str().unwrap()));
        for _ in 0..2 {
            let landing = client.approved("web", "aisp").await;
            let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
            secrets.extend([landing.code(), tokens["access_token"].as_str().unwrap()].map(secret_of));
            secrets.extend(tokens["refresh_token"].as_str().map(secret_of));
            secrets.push(secret_of(client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap()));
        }
    }
    for (i, a) in secrets.iter().enumerate() {
        for b in &secrets[..i] {
            let apart: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
            // 128 expected; below 60 once in 10^17 pairs
            assert!(apart > 60, "{apart} bits of 256 differ, all at the same time");
        }
    }
}

pub fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[tokio::test]
async fn a55_token_and_certificate_are_judged_together() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let client = tpp.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let access = tokens["access_token"].as_str().unwrap();
    let ask =
        async |name: &str, value: &str| introspect(&bank, CIC, &[("token", access), (name, value)]).await.ok(200).json()["active"] == true;

    let now = bank.clock.now();
    let brief = Validity { not_before: now - Duration::days(1), not_after: now + Duration::hours(1) };
    let expiring = bank.tpp_with(&QwacSpec::new(&tpp.organisation, "Test", &[AccountInformation], brief));
    let renewed = bank.tpp_named(&tpp.organisation, [AccountInformation, CardIssuing]);
    let lost = bank.tpp_named(&tpp.organisation, [PaymentInitiation]);
    let stranger = bank.tpp([AccountInformation]);
    for (case, who, good) in [
        ("its own", &tpp, true),
        ("the renewed one of the same organisation", &renewed, true),
        ("one that still lasts an hour", &expiring, true),
        ("one that lost the role", &lost, false),
        ("another organisation's", &stranger, false),
    ] {
        let leaf = &who.chain[0];
        let chain = who.chain.iter().map(|c| pem(c)).collect::<String>();
        assert_eq!(ask("certificate", &pem(leaf)).await, good, "{case}, PEM");
        assert_eq!(ask("certificate", &chain).await, good, "{case}, PEM chain");
        assert_eq!(ask("certificate", &STANDARD.encode(leaf)).await, good, "{case}, base64 DER");
        let sha256 = Sha256::digest(leaf);
        let (base64url, hex) = (URL_SAFE_NO_PAD.encode(sha256), hex(&sha256));
        if who.organisation == tpp.organisation && case != "its own" {
            assert!(!ask("certificate_thumbprint", &base64url).await, "{case}: never seen here");
        }
        who.wire.get(&format!("{}/x", who.registration_url(CIC))).await.refused(401, "invalid_token");
        for text in [&base64url, &hex, &hex.to_uppercase()] {
            assert_eq!(ask("certificate_thumbprint", text).await, good, "{case}, seen: {text}");
        }
    }
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&tpp.chain[0]));
    let read = |name: &str| fs::read_to_string(pki().1.file(&format!("{name}.pem"))).unwrap();
    for (name, value) in [
        ("certificate", "x"),
        ("certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("certificate", &read("expired")),
        ("certificate", &read("revoked")),
        ("certificate", &read("untrusted")),
        ("certificate", &read("qsealc")),
        ("certificate", &read("aisp")),
        ("certificate_thumbprint", "x"),
        ("certificate_thumbprint", &format!("{thumbprint}=")),
        ("certificate_thumbprint", &"0".repeat(64)),
        ("certificate_thumbprint", &"+f".repeat(32)),
    ] {
        assert!(!ask(name, value).await, "{name}={value}");
    }
    let both = [("token", access), ("certificate_thumbprint", &thumbprint), ("certificate", &pem(&tpp.chain[0]))];
    assert_eq!(introspect(&bank, CIC, &both).await.ok(200).json(), inactive(), "one or the other");
    bank.clock.advance(Duration::hours(2));
    assert!(client.is_active(access).await);
    assert!(ask("certificate", &pem(&renewed.chain[0])).await);
    assert!(!ask("certificate", &pem(&expiring.chain[0])).await, "expired meanwhile");
    let seen = URL_SAFE_NO_PAD.encode(Sha256::digest(&expiring.chain[0]));
    assert!(!ask("certificate_thumbprint", &seen).await);
}

/// The first bank once more, with RFC 8705 s3 switched on and an issuer with a path.
pub const BOUND: Brand = Brand {
    id: "bound",
    registration: "/sandbox/bound/oauth2/registrations",
    revocation: "/sandbox/bound/oauth2/revoke",
    channels: &[("web", "/bound/signin.html", "/sandbox/bound/oauth2/token")],
    ..CIC
};

/// A bank with a third brand, whose access tokens are bound to their certificate.
pub async fn with_bound_brand(folder: &std::path::Path) -> Bank {
    bound_brand(folder, "").await
}

/// `more`: TOML inside its `[[brand]]`.
pub async fn bound_brand(folder: &std::path::Path, more: &str) -> Bank {
    let shipped = include_str!("../../config/banks/cic.toml");
    let text = shipped
        .replace("name = \"cic\"", "name = \"bound\"")
        .replace("certificate_bound_access_tokens = false", "certificate_bound_access_tokens = true")
        .replace("/cic/", "/bound/")
        .replace("/oauth2/{lang}/sandbox/signin.html", "/bound/signin.html");
    let file = folder.join("bound.toml");
    fs::write(&file, text).unwrap();
    let row = format!(
        "[[brand]]\nbank = {:?}\nsandbox = true\nissuer = \"https://{psu}/tenants/bound\"\ntpp_host = \"{tpp}\"\npsu_host = \"{psu}\"\n{more}",
        file.display().to_string(),
        psu = CIC.psu_host,
        tpp = CIC.tpp_host,
    );
    Bank::with(BankOptions { extra: row, ..BankOptions::default() }).await
}

#[tokio::test]
async fn b27_b40_b42_a_bound_token_works_with_its_certificate_and_refresh_survives_renewal() {
    let folder = tempfile::tempdir().unwrap();
    let bank = with_bound_brand(folder.path()).await;
    let tpp = bank.tpp([AccountInformation]);
    let client = tpp.register(BOUND).await;
    let tokens = client.tokens("web", "aisp").await;
    let access = tokens["access_token"].as_str().unwrap();
    let thumbprint = |who: &Tpp<'_>| URL_SAFE_NO_PAD.encode(Sha256::digest(&who.chain[0]));
    assert_eq!(client.introspect(access).await["cnf"], json!({ "x5t#S256": thumbprint(&tpp) }));
    assert_eq!(client.introspect(tokens["refresh_token"].as_str().unwrap()).await.get("cnf"), None, "the client's, not the certificate's");
    let with_certificate = async |token: &str, who: &Tpp<'_>| {
        introspect(&bank, BOUND, &[("token", token), ("certificate", &pem(&who.chain[0]))]).await.ok(200).json()["active"] == true
    };
    let renewed = bank.tpp_named(&tpp.organisation, [AccountInformation]);
    assert!(with_certificate(access, &tpp).await);
    assert!(!with_certificate(access, &renewed).await, "the old token dies with its certificate");
    let refreshed = client.over(&renewed).refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json();
    let fresh = refreshed["access_token"].as_str().unwrap();
    assert_eq!(client.introspect(fresh).await["cnf"], json!({ "x5t#S256": thumbprint(&renewed) }));
    assert!(with_certificate(fresh, &renewed).await && !with_certificate(fresh, &tpp).await);
}
