//! Clients without a QWAC, whom the bank lets in itself: known by a key that they registered (RFC 8705 s2.2), and by nothing else.

use crate::harness::{
    Bank, BankOptions, CIC, Client, Reply, Tpp,
    own_key::{OwnKey, metadata, options, valid_for},
    tpp::introspect,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use guichet::{
    dev::qwac::{Ca, KeyKind, QwacSpec, Validity},
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
    pki::{CertifiedKey, KeyMembers, NoKey},
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

const YEAR: Duration = Duration::days(365);
const SUBJECT: &str = "api.acme.example";

pub async fn bank(scopes: &str) -> Bank {
    let options = options(scopes);
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    bank
}

fn thumbprint(tpp: &Tpp<'_>) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(&tpp.chain[0]))
}

/// What a gateway learns of a token that came with this certificate.
pub async fn introspected(client: &Client<'_>, token: &str, tpp: &Tpp<'_>) -> Value {
    let certificate = STANDARD.encode(&tpp.chain[0]);
    introspect(client.tpp.bank, CIC, &[("token", token), ("certificate", &certificate)]).await.ok(200).json()
}

#[tokio::test]
async fn b38_a_client_without_a_qwac_goes_the_whole_way_by_its_registered_key() {
    let bank = bank("[\"aisp\"]").await;
    let key = OwnKey::default();
    let certificate = key.certificate(SUBJECT, valid_for(&bank, YEAR));
    let holder = key.holder(&bank, &certificate);
    let client = bank.register_without_qwac(CIC, &metadata(&[key.jwk(&certificate)]), &holder).await;
    assert_eq!((&client.information["organisation"], &client.information["scope"]), (&json!("local:acme"), &json!("aisp")));

    let psu = client.authorize("web", "aisp").await;
    assert!(psu.page.body.contains("Acme SA") && !psu.page.body.contains("local:"), "{:?}", psu.page);
    let landing = psu.approve().await;
    let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
    let access = tokens["access_token"].as_str().unwrap();
    let told = introspected(&client, access, &holder).await;
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!(client.id)), "{told}");
    assert_eq!(told["cnf"]["x5t#S256"], thumbprint(&holder), "{told}");

    let refreshed = client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json();
    assert_eq!(introspected(&client, refreshed["access_token"].as_str().unwrap(), &holder).await["active"], true);
    client.revoke(refreshed["access_token"].as_str().unwrap()).await.ok(200);
    assert!(!client.is_active(refreshed["access_token"].as_str().unwrap()).await);
}

/// A client with one key, registered with a certificate of it.
pub struct Registered<'a> {
    pub key: OwnKey,
    pub client: Client<'a>,
}

pub async fn registered<'a>(bank: &'a Bank, more: &Value) -> Registered<'a> {
    let key = OwnKey::default();
    let certificate = key.certificate(SUBJECT, valid_for(bank, YEAR));
    let mut metadata = metadata(&[key.jwk(&certificate)]);
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let client = bank.register_without_qwac(CIC, &metadata, &key.holder(bank, &certificate)).await;
    Registered { key, client }
}

/// What a certificate that is nobody's is told, whatever client it names.
#[track_caller]
pub fn stranger(reply: Reply) {
    let reply = reply.refused(401, "invalid_client");
    assert!(reply.description().contains("CERTIFICATE_UNTRUSTED") || reply.description().contains("ISSUER"), "{reply:?}");
}

#[tokio::test]
async fn b38_the_key_counts_and_nothing_else_that_such_a_certificate_says() {
    let bank = bank("[\"aisp\", \"pisp\"]").await;
    let Registered { key, client } = registered(&bank, &json!({})).await;
    let year = valid_for(&bank, YEAR);
    client.client_credentials().await.ok(200);
    // a new certificate of the same key: another subject, other dates, a while ago or not yet
    let gone = Validity { not_before: year.not_before - YEAR * 2, not_after: year.not_before - YEAR };
    let to_come = Validity { not_before: year.not_after, not_after: year.not_after + YEAR };
    for (subject, validity) in [(SUBJECT, year), ("somebody.else.example", year), (SUBJECT, gone), (SUBJECT, to_come)] {
        let renewed = client.over(&key.holder(&bank, &key.certificate(subject, validity)));
        let token = renewed.client_credentials().await.ok(200).json();
        let told = introspected(&client, token["access_token"].as_str().unwrap(), &renewed.tpp).await;
        assert_eq!((&told["active"], &told["cnf"]["x5t#S256"]), (&json!(true), &json!(thumbprint(&renewed.tpp))), "{subject} {validity:?}");
    }
    // the same subject with another key, also where the registered certificate follows it
    let other = OwnKey::default();
    let impostor = client.over(&other.holder(&bank, &other.certificate(SUBJECT, year)));
    stranger(impostor.client_credentials().await);
    let chain = vec![impostor.tpp.chain[0].clone(), client.tpp.chain[0].clone()];
    stranger(client.over(&other.holder_of(&bank, chain)).client_credentials().await);
    bank.expect_audit("client_refused", "other_key").await;
    // no more is told of a client that is there than of one that is not
    let nobody = Client { id: "01890000-0000-7000-8000-000000000000".into(), ..impostor.clone() };
    let (there, absent) = (impostor.client_credentials().await, nobody.client_credentials().await);
    assert_eq!((there.status, &there.body), (absent.status, &absent.body));
    // nothing at all
    let none = client.over(&Tpp { wire: bank.browser(), ..client.tpp.clone() });
    assert_eq!(none.client_credentials().await.refused(401, "invalid_client").description().split(':').next(), Some("CERTIFICATE_MISSING"));
}

#[tokio::test]
async fn b38_a_refresh_token_is_its_clients_whichever_registered_key_comes() {
    let bank = bank("[\"aisp\"]").await;
    let (first, second) = (OwnKey::default(), OwnKey::of(&rcgen::PKCS_ECDSA_P384_SHA384));
    let [a, b] = [&first, &second].map(|key| key.certificate(SUBJECT, valid_for(&bank, YEAR)));
    let client = bank.register_without_qwac(CIC, &metadata(&[first.jwk(&a), second.jwk(&b)]), &first.holder(&bank, &a)).await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let renewed = client.over(&second.holder(&bank, &b));
    let refreshed = renewed.refresh(refresh).await.ok(200).json();
    // an access token works with the certificate that it was issued to (RFC 8705 s3)
    for (token, tpp, active) in [
        (access, &client.tpp, true),
        (access, &renewed.tpp, false),
        (refreshed["access_token"].as_str().unwrap(), &renewed.tpp, true),
        (refreshed["access_token"].as_str().unwrap(), &client.tpp, false),
    ] {
        assert_eq!(introspected(&client, token, tpp).await["active"], active);
        let named = hex(&Sha256::digest(&tpp.chain[0]));
        let told = introspect(&bank, CIC, &[("token", token), ("certificate_thumbprint", &named)]).await.ok(200).json();
        assert_eq!(told["active"], active, "by its SHA-256 alone");
    }
    // a QWAC is no certificate of theirs
    let tpp = bank.tpp([AccountInformation]);
    assert_eq!(introspected(&client, access, &tpp).await["active"], false);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn b38_neither_kind_of_certificate_stands_for_a_client_of_the_other() {
    let bank = bank("[\"aisp\", \"pisp\"]").await;
    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let licensed = tpp.register(CIC).await;
    let Registered { key, client } = registered(&bank, &json!({})).await;
    // a client that is known by its QWAC: a self-signed certificate is a stranger's, also one of the TPP's very name
    stranger(licensed.over(&client.tpp).client_credentials().await);
    stranger(licensed.over(&client.tpp).revoke("x").await);
    let named = key.certificate(&tpp.organisation, valid_for(&bank, YEAR));
    stranger(licensed.over(&key.holder(&bank, &named)).client_credentials().await);
    // and an accepted QWAC stands for its organisation, even where the bank registered its key
    let reply = client.over(&tpp).client_credentials().await.refused(401, "invalid_client");
    assert_eq!(reply.description(), "client authentication failed");
    let KeyMembers::Ec { crv, x, y } = CertifiedKey::read(&tpp.chain[0]).unwrap().members else { panic!("an EC key") };
    let [x, y] = [x, y].map(|octets| URL_SAFE_NO_PAD.encode(octets));
    let of_qwac = json!({ "kty": "EC", "crv": crv, "x": x, "y": y, "x5c": [STANDARD.encode(&tpp.chain[0])] });
    let keyed = bank.register_without_qwac(CIC, &metadata(&[of_qwac]), &tpp).await;
    keyed.client_credentials().await.refused(401, "invalid_client");
    licensed.client_credentials().await.ok(200);
    client.client_credentials().await.ok(200);
    // a token of one is worth nothing with the certificate of the other
    let (of_tpp, of_client) = (licensed.client_credentials().await.ok(200).json(), client.client_credentials().await.ok(200).json());
    let access = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(introspected(&licensed, &access(&of_tpp), &client.tpp).await["active"], false);
    assert_eq!(introspected(&licensed, &access(&of_tpp), &tpp).await["active"], true);
    assert_eq!(introspected(&client, &access(&of_client), &tpp).await["active"], false);
    assert_eq!(introspected(&client, &access(&of_client), &client.tpp).await["active"], true);
}

#[tokio::test]
async fn b38_a_brand_that_does_not_take_them_refuses_as_before_and_says_nothing_of_them() {
    let bank = bank("[\"aisp\"]").await;
    let methods = async |bank: &Bank| {
        let url = format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC));
        let told = bank.browser().get(&url).await.ok(200).json();
        assert_eq!(told["token_endpoint_auth_methods_supported"], told["revocation_endpoint_auth_methods_supported"]);
        told["token_endpoint_auth_methods_supported"].clone()
    };
    assert_eq!(methods(&bank).await, json!(["tls_client_auth", "private_key_jwt", "self_signed_tls_client_auth"]));
    let Registered { client, .. } = registered(&bank, &json!({})).await;
    let tokens = client.tokens("web", "aisp").await;
    let access = tokens["access_token"].as_str().unwrap();
    assert!(client.is_active(access).await);
    // the bank changes its mind: nothing of what it gave is worth anything
    let off = BankOptions { brands: vec![CIC], ..BankOptions::default() };
    bank.reload_with(&off).await;
    bank.write_config(&off);
    assert_eq!(methods(&bank).await, json!(["tls_client_auth"]));
    assert!(!client.is_active(access).await);
    stranger(client.refresh(tokens["refresh_token"].as_str().unwrap()).await);
    let psu = crate::harness::Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[])).await;
    assert!(format!("{:?}", psu.page).contains("invalid_scope"), "{:?}", psu.page);
    let args = bank.registering(CIC, &metadata(&[]), "off.json");
    let (code, error) = bank.operator_refused(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(code == 7 && error.contains("no client without a QWAC is taken here"), "{code} {error}");
    // and back
    bank.reload_with(&options("[\"aisp\"]")).await;
    assert!(client.is_active(access).await);
}

#[tokio::test]
async fn nobody_without_a_qwac_registers_or_manages_a_client() {
    let bank = bank("[\"aisp\"]").await;
    let Registered { client, .. } = registered(&bank, &json!({})).await;
    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let asked = metadata(&[OwnKey::default().jwk(&client.tpp.chain[0])]);
    stranger(client.tpp.try_register(CIC, &Tpp::metadata(CIC)).await);
    stranger(client.tpp.try_register(CIC, &asked).await);
    let url = format!("{}/{}", client.tpp.registration_url(CIC), client.id);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        stranger(client.tpp.wire.json(method.clone(), &url, &[], &Tpp::metadata(CIC)).await);
        let reply = tpp.wire.json(method, &url, &[], &Tpp::metadata(CIC)).await;
        assert_eq!(reply.error(), "invalid_token", "not a TPP's either: {reply:?}");
    }
    // a TPP has its QWAC
    let reply = tpp.try_register(CIC, &asked).await.refused(400, "invalid_client_metadata");
    assert_eq!(reply.description(), "token_endpoint_auth_method: only tls_client_auth or private_key_jwt");
    client.tokens("web", "aisp").await;
}

#[tokio::test]
async fn b38_the_bank_says_what_is_given_without_a_qwac_and_is_told_what_it_may_not_say() {
    let bank = bank("[\"aisp\"]").await;
    let key = OwnKey::default();
    let certificate = key.certificate(SUBJECT, valid_for(&bank, YEAR));
    let good = key.jwk(&certificate);
    let with = |name: &str, value: Value| {
        let mut metadata = metadata(std::slice::from_ref(&good));
        metadata[name] = value;
        metadata
    };
    let changed = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        with("jwks", json!({ "keys": [key] }))
    };
    let ed25519 = OwnKey::of(&rcgen::PKCS_ED25519).certificate(SUBJECT, valid_for(&bank, YEAR));
    for (asked, why) in [
        (with("scope", json!("aisp pisp")), "scope: without a QWAC no more than aisp"),
        (with("scope", json!("pisp")), "scope: without a QWAC no more than aisp"),
        (with("scope", json!("openid")), "scope: unknown"),
        (with("token_endpoint_auth_method", json!("tls_client_auth")), "only self_signed_tls_client_auth"),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), "only self_signed_tls_client_auth"),
        (with("tls_client_auth_subject_dn", json!("CN=x")), "tls_client_auth_subject_dn: the client is known by its keys alone"),
        (with("provider_legal_id", json!("PSDFR-ACPR-1")), "provider_legal_id: is not the organisation"),
        (with("redirect_uris", json!([])), "redirect_uris: missing"),
        (with("jwks", Value::Null), "jwks: missing"),
        (with("jwks", json!({ "keys": [] })), "jwks: x5c missing"),
        (changed("x5c", Value::Null), "jwks.keys[0]: x5c missing"),
        (changed("x5c", json!([])), "jwks.keys[0]: x5c missing"),
        (changed("x5c", json!(["%"])), "x5c is not base64"),
        (changed("x5c", json!([STANDARD.encode("no certificate")])), "jwks.keys[0].x5c: is not a certificate"),
        (changed("x5c", json!([STANDARD.encode(&ed25519)])), "jwks.keys[0].x5c: not a key of RSA"),
        (changed("x", good["y"].clone()), "jwks.keys[0]: x5c: the certificate is of another key"),
        (changed("kty", json!("RSA")), "jwks.keys[0]"),
        (changed("d", json!("AA")), "jwks.keys[0]: holds a private"),
        (with("unknown", json!("a\0b")), "metadata: holds a NUL"),
    ] {
        let args = bank.registering(CIC, &asked, "asked.json");
        let (code, error) = bank.operator_refused(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(code == 7 && error.contains(why), "{why}: {code} {error}");
    }
    let bad = bank.registering(CIC, &metadata(std::slice::from_ref(&good)), "asked.json");
    let named = |name: &str| bad.iter().map(|arg| if arg == "acme" { name.to_owned() } else { arg.clone() }).collect::<Vec<_>>();
    for name in ["PSDFR-ACPR-12345", "Acme", "a b", "", &"a".repeat(65)] {
        let args = named(name);
        let (code, error) = bank.operator_refused(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(code == 2, "{name}: {code} {error}");
    }
    // at the customer's page no more than was registered
    let client = bank.register_without_qwac(CIC, &metadata(std::slice::from_ref(&good)), &key.holder(&bank, &certificate)).await;
    client.client_credentials().await.refused(400, "invalid_scope");
}

/// The certificate is another authority's, whom nobody trusts, and says that it is a TPP's: neither counts for anything.
#[tokio::test]
async fn b38_a_key_of_whatever_issuer_is_as_good_and_stands_for_nobody_whom_it_names() {
    let bank = bank("[\"pisp\"]").await;
    let tpp = bank.tpp([PaymentInitiation]);
    let licensed = tpp.register(CIC).await;
    let year = valid_for(&bank, YEAR);
    let spec = QwacSpec { key: KeyKind::Rsa2048, ..QwacSpec::new(&tpp.organisation, "Acme SA", &[PaymentInitiation], year) };
    let issued = Ca::root("Nobody's authority", year).unwrap().issue(&spec).unwrap();
    let KeyMembers::Rsa { n, e } = CertifiedKey::read(&issued.chain[0]).unwrap().members else { panic!("an RSA key") };
    assert_eq!((n.len(), &e[..]), (256, &[1, 0, 1][..]));
    let x5c: Vec<_> = issued.chain.iter().map(|one| STANDARD.encode(one)).collect();
    let jwk = json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e), "x5c": x5c });
    let holder = bank.tpp_issued(issued, "local:acme");
    let client = bank.register_without_qwac(CIC, &metadata(&[jwk]), &holder).await;
    client.client_credentials().await.ok(200);
    stranger(licensed.over(&holder).client_credentials().await);
    stranger(holder.try_register(CIC, &Tpp::metadata(CIC)).await);
}

#[test]
fn a32_no_bytes_make_the_reading_of_a_key_panic() {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let validity = Validity { not_before: now, not_after: now + YEAR };
    let good = OwnKey::default().certificate(SUBJECT, validity);
    let key = CertifiedKey::read(&good).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bent = good.to_vec();
            bent[at] ^= 1 << bit;
            // a certificate that still reads has this key, unless the key itself was bent; its own digest it never has
            let _ = CertifiedKey::read(&bent).map(|read| assert_ne!(read.thumbprint, key.thumbprint));
        }
        assert_eq!(CertifiedKey::read(&good[..at]), Err(NoKey::Unreadable));
    }
    let ed25519 = OwnKey::of(&rcgen::PKCS_ED25519).certificate(SUBJECT, validity);
    assert_eq!(CertifiedKey::read(&ed25519), Err(NoKey::Weak));
}
