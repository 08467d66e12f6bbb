//! RFC 7591 s3.2.2: every mistake in client metadata, and the member that the answer names.

use crate::{
    harness::{Bank, Reply, Tpp, bank::BRANDS, tpp::CALLBACK},
    register::{audited, ec_key, rsa_key, with},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use serde_json::{Value, json};

#[track_caller]
fn named(reply: &Reply, error: &str, field: &str, case: &Value) {
    assert_eq!((reply.status, reply.error().as_str()), (400, error), "{case}: {reply:?}");
    assert!(reply.description().starts_with(&format!("{field}: ")), "{case}: {reply:?}");
    assert!(reply.header("cache-control").contains("no-store"), "{reply:?}");
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
