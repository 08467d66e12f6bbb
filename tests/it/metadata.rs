//! RFC 8414 and the key set: what a TPP's software reads before its first request.

use crate::{
    harness::{Bank, BankOptions, Brand, CIC, LBP, bank::BRANDS},
    introspect::with_bound_brand,
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

async fn metadata(bank: &Bank, brand: Brand) -> Value {
    let url = format!("{}/.well-known/oauth-authorization-server", bank.origin(brand.psu_host));
    let reply = bank.browser().get(&url).await.ok(200);
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/json", "public, max-age=300"));
    reply.json()
}

#[tokio::test]
async fn a08_a50_b29_b31_b33_b34_b53_each_brand_tells_all_of_itself() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let told = metadata(&bank, brand).await;
        let (psu, tpp) = (bank.origin(brand.psu_host), bank.origin(brand.tpp_host));
        let channels: Vec<_> = brand
            .channels
            .iter()
            .map(|(name, authorize, token)| json!({ "name": name, "authorization_endpoint": format!("{psu}{authorize}"), "token_endpoint": format!("{tpp}{token}") }))
            .collect();
        let machine = json!({
            "token_endpoint": format!("{tpp}{}", brand.channels[0].2),
            "registration_endpoint": format!("{tpp}{}", brand.registration),
            "revocation_endpoint": format!("{tpp}{}", brand.revocation),
        });
        let method = if brand.basic { "client_secret_basic" } else { "tls_client_auth" };
        let grants: &[&str] = if brand.refresh {
            &["authorization_code", "refresh_token", "client_credentials"]
        } else {
            &["authorization_code", "client_credentials"]
        };
        let mut expected = json!({
            "issuer": bank.issuer(brand),
            "authorization_endpoint": format!("{psu}{}", brand.channels[0].1),
            "mtls_endpoint_aliases": machine,
            "scopes_supported": ["aisp", "extended_transaction_history", "cbpii", "pisp"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": grants,
            "token_endpoint_auth_methods_supported": [method],
            "revocation_endpoint_auth_methods_supported": [method],
            "code_challenge_methods_supported": ["S256"],
            "ui_locales_supported": ["de", "en", "es", "fr"],
            "service_documentation": format!("{psu}/{}/developers", brand.id),
            "certificate_endpoint": format!("{tpp}/{}/certificate", brand.id),
            "authorization_response_iss_parameter_supported": true,
            "tls_client_certificate_bound_access_tokens": false,
            "channels": channels,
        });
        for (name, value) in machine.as_object().unwrap() {
            expected[name] = value.clone();
        }
        assert_eq!(told, expected);
        let issuer = url::Url::parse(told["issuer"].as_str().unwrap()).unwrap();
        assert_eq!((issuer.scheme(), issuer.query(), issuer.fragment()), ("https", None, None));
        assert_eq!(bank.browser().send(Method::POST, &format!("{psu}/.well-known/oauth-authorization-server"), &[], "").await.status, 405);
    }
}

#[tokio::test]
async fn b32_b41_nothing_empty_and_aliases_of_machine_endpoints_only() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let told = metadata(&bank, brand).await;
        for (name, value) in told.as_object().unwrap() {
            assert!(!value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()), "{name} is empty");
        }
        for (name, value) in told["mtls_endpoint_aliases"].as_object().unwrap() {
            assert!(name.ends_with("_endpoint") && name != "authorization_endpoint" && told[name] == *value, "{name}");
        }
    }
}

/// What is promised is there: each endpoint answers as itself, and is not a 404.
#[tokio::test]
async fn every_endpoint_that_is_told_answers() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let told = metadata(&bank, brand).await;
        let tpp = bank.tpp([AccountInformation]);
        for name in ["token_endpoint", "revocation_endpoint", "registration_endpoint"] {
            assert_eq!(tpp.wire.get(told[name].as_str().unwrap()).await.ok(405).header("allow"), "POST", "{name}");
        }
        for channel in told["channels"].as_array().unwrap() {
            bank.browser().get(channel["authorization_endpoint"].as_str().unwrap()).await.ok(400);
            assert_eq!(tpp.wire.get(channel["token_endpoint"].as_str().unwrap()).await.status, 405);
        }
        bank.browser().get(told["service_documentation"].as_str().unwrap()).await.ok(200);
    }
}

#[tokio::test]
async fn b30_an_issuer_with_a_path_has_its_well_known_part_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let bank = with_bound_brand(folder.path()).await;
    let origin = bank.origin(CIC.psu_host);
    let told = bank.browser().get(&format!("{origin}/.well-known/oauth-authorization-server/tenants/bound")).await.ok(200).json();
    assert_eq!(told["issuer"], format!("https://{}/tenants/bound", CIC.psu_host));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    bank.browser().get(&format!("{origin}/tenants/bound/.well-known/oauth-authorization-server")).await.ok(404);
    assert_eq!(metadata(&bank, CIC).await["issuer"], bank.issuer(CIC), "beside the one without");
}

#[tokio::test]
async fn a17_two_brands_share_nothing() {
    let bank = Bank::start().await;
    let (a, b) = (metadata(&bank, CIC).await, metadata(&bank, LBP).await);
    let endpoints = |told: &Value| -> BTreeSet<String> {
        let top = told.as_object().unwrap().iter().filter(|(name, _)| *name == "issuer" || name.ends_with("_endpoint"));
        let channels = told["channels"].as_array().unwrap().iter().flat_map(|c| c.as_object().unwrap().iter());
        top.chain(channels).map(|(_, value)| value.as_str().unwrap().to_owned()).filter(|value| value.starts_with("https://")).collect()
    };
    assert!(endpoints(&a).is_disjoint(&endpoints(&b)));

    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let (cic, lbp) = (tpp.register(CIC).await, tpp.register(LBP).await);
    let landing = cic.approved("web", "aisp").await;
    lbp.redeem("web", "aisp", landing.code()).await.refused(400, "invalid_grant");
    cic.redeem("web", "aisp", landing.code()).await.ok(200);
    let landing = lbp.approved("web", "aisp").await;
    cic.redeem("web", "aisp", landing.code()).await.refused(400, "invalid_grant");
    lbp.redeem("web", "aisp", landing.code()).await.ok(200);
    for (client, brand) in [(&cic, LBP), (&lbp, CIC)] {
        let foreign = crate::harness::Client { brand, secret: Some("x".into()), ..(*client).clone() };
        foreign.client_credentials().await.refused(401, "invalid_client");
        tpp.wire.get(&format!("{}/{}", tpp.registration_url(brand), client.id)).await.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn a52_the_key_set_has_no_kid_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![];
    for name in ["a", "b"] {
        let path = folder.path().join(format!("{name}.pem"));
        fs::write(&path, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        files.push(path.display().to_string());
    }
    files.push(files[0].clone());
    let bank = Bank::with(BankOptions { extra: format!("[signing]\nkey_files = {files:?}"), ..BankOptions::default() }).await;
    for brand in BRANDS {
        let told = metadata(&bank, brand).await;
        let keys = bank.browser().get(told["jwks_uri"].as_str().unwrap()).await.ok(200).json();
        let keys = keys["keys"].as_array().unwrap();
        let kids: BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
        assert_eq!((keys.len(), kids.len()), (2, 2));
        for key in keys {
            assert_eq!((&key["kty"], &key["crv"], &key["use"]), (&json!("EC"), &json!("P-256"), &json!("sig")));
            assert!(key.get("d").is_none(), "public halves only");
        }
    }
}
