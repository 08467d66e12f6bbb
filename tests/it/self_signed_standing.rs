//! What else befalls a client without a QWAC: its keys change, the bank shuts it out, a second person is asked, limits count it, a
//! balancer stands before it.

use crate::{
    admin_acts::propose,
    front_proxy::{Balancer, LISTED},
    harness::{
        Bank, BankOptions, CIC, Client, Psu, Reply, Tpp,
        fapi2::REQUEST,
        key_server::KeyServer,
        own_key::{OwnKey, metadata, options, valid_for},
        wire::{Wire, encode},
    },
    self_signed_clients::{Registered, bank, introspected, registered, stranger},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{oauth::tpp::PspRole::PaymentInitiation, pki::forwarded::Format};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use time::Duration;

const SUBJECT: &str = "api.acme.example";
const YEAR: Duration = Duration::days(365);
const PAR: &str = "/cic/par";

/// Asked again until the servers have heard of it, as they do within a second.
async fn until(client: &Client<'_>, status: u16) -> Reply {
    loop {
        let reply = client.client_credentials().await;
        if reply.status == status {
            return reply;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn b38_under_fapi_2_it_pushes_its_requests_and_its_tokens_open_what_they_are_for() {
    let bank = bank("[\"aisp\"]").await;
    let Registered { key, client } = registered(&bank, &json!({ "security_profile": "fapi2" })).await;
    let other = OwnKey::default();
    let impostor = client.over(&other.holder(&bank, &other.certificate(SUBJECT, valid_for(&bank, YEAR))));
    stranger(impostor.post(PAR, &REQUEST).await);
    let pushed = client.post(PAR, &REQUEST).await.ok(201).json();
    let query = encode(&[("client_id", &client.id), ("request_uri", pushed["request_uri"].as_str().unwrap())]);
    let psu = Psu::open(&bank, CIC, &format!("{}{}?{query}", bank.origin(CIC.psu_host), CIC.channel("web").1)).await;
    let landing = psu.approve().await;
    stranger(impostor.redeem("web", "aisp", landing.code()).await);
    let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
    let header = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let renewed = key.holder(&bank, &key.certificate(SUBJECT, valid_for(&bank, YEAR)));
    for (tpp, status) in [(&client.tpp, 200), (&renewed, 401), (&impostor.tpp, 401)] {
        let url = format!("{}/cic/sandbox/resource/aisp", bank.origin(CIC.tpp_host));
        assert_eq!(tpp.wire.send(Method::GET, &url, &[("authorization", &header)], "").await.status, status);
    }
}

#[tokio::test]
async fn b38_a_client_that_keeps_its_keys_itself_rotates_them_without_a_word_to_the_bank() {
    let (old, new) = (OwnKey::default(), OwnKey::default());
    let keys = KeyServer::start(&json!({ "keys": [] })).await;
    let options = BankOptions { extra: format!("[outbound]\nprivate_hosts = [{:?}]\n", keys.host), ..options("[\"pisp\"]") };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let [before, after] = [&old, &new].map(|key| key.certificate(SUBJECT, valid_for(&bank, YEAR)));
    keys.has(&json!({ "keys": [old.jwk(&before)] }));
    let mut asked = metadata(&[]);
    asked["jwks"] = Value::Null;
    asked["jwks_uri"] = json!(keys.uri());
    let client = bank.register_without_qwac(CIC, &asked, &old.holder(&bank, &before)).await;
    let renewed = client.over(&new.holder(&bank, &after));
    client.client_credentials().await.ok(200);
    stranger(renewed.client_credentials().await);
    let questions = keys.asked();
    // whoever comes with whatever key, the client's server is asked once a minute
    stranger(renewed.client_credentials().await);
    assert_eq!(keys.asked(), questions);
    keys.has(&json!({ "keys": [new.jwk(&after), { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "x5c": ["AA"] }] }));
    bank.clock.advance(Duration::MINUTE);
    renewed.client_credentials().await.ok(200);
    bank.clock.advance(Duration::MINUTE);
    stranger(client.client_credentials().await);
    // where a key says another than its certificate, none of them counts
    let mut lying = old.jwk(&before);
    lying["x"] = new.jwk(&after)["x"].clone();
    keys.has(&json!({ "keys": [lying] }));
    bank.clock.advance(Duration::minutes(10));
    stranger(client.client_credentials().await);
    keys.is_silent();
    bank.clock.advance(Duration::HOUR);
    stranger(renewed.client_credentials().await);
    bank.expect_audit("client_refused", "client_keys_unreachable").await;
}

#[tokio::test]
async fn whatever_a_block_names_shuts_it_out_and_nothing_is_revoked() {
    let bank = bank("[\"aisp\", \"pisp\"]").await;
    let Registered { client, .. } = registered(&bank, &json!({})).await;
    let token = until(&client, 200).await.json()["access_token"].as_str().unwrap().to_owned();
    let thumbprint: String = Sha256::digest(&client.tpp.chain[0]).iter().map(|byte| format!("{byte:02x}")).collect();
    for flags in [vec!["--organisation", "local:acme"], vec!["--certificate", &thumbprint], vec!["--role", "PSP_PI"]] {
        let id = bank.block(&flags).await;
        let told = until(&client, if flags[0] == "--role" { 400 } else { 401 }).await.description();
        assert!(told.starts_with(if flags[0] == "--role" { "ROLE_INVALID" } else { "CLIENT_BLOCKED" }), "{flags:?}: {told}");
        assert_eq!(introspected(&client, &token, &client.tpp).await["active"], false, "{flags:?}");
        bank.unblock(&id).await;
        until(&client, 200).await;
        assert_eq!(introspected(&client, &token, &client.tpp).await["active"], true, "{flags:?}");
    }
    bank.operator(&["client", "block", &client.id, "--reason", "x"]).await;
    assert!(until(&client, 401).await.description().starts_with("CLIENT_BLOCKED"));
    bank.operator(&["client", "unblock", &client.id, "--reason", "x"]).await;
    until(&client, 200).await;
    // it is nobody whom a merger could reach
    let tpp = bank.tpp([PaymentInitiation]);
    tpp.register(CIC).await;
    for (old, new) in [("local:acme", tpp.organisation.as_str()), (tpp.organisation.as_str(), "local:acme")] {
        let (code, error) = bank.operator_refused(&["tpp", "merge", old, new, "--reason", "x"]).await;
        assert!(code == 7 && error.contains("has no QWAC"), "{code} {error}");
    }
    let listed = bank.operator(&["tpp", "list"]).await;
    assert!(listed.contains("local:acme"), "{listed}");
}

#[tokio::test]
async fn a_register_of_providers_says_nothing_of_whom_the_bank_named() {
    let options = BankOptions { extra: "[trust.register]\npolicy = \"refuse\"\ncountry = \"FR\"\n".into(), ..options("[\"aisp\"]") };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let Registered { client, .. } = registered(&bank, &json!({})).await;
    let told = bank.tpp([PaymentInitiation]).try_register(CIC, &Tpp::metadata(CIC)).await.refused(401, "invalid_client");
    assert_eq!(told.description(), "REGISTER_MISSING");
    let tokens = client.tokens("web", "aisp").await;
    assert!(client.is_active(tokens["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn two_persons_let_it_in_replace_its_keys_and_take_it_out() {
    let four_eyes = "[admin]\nfour_eyes = [\"client.register\", \"client.delete\"]\nshared_accounts = true\n";
    let options = BankOptions { extra: four_eyes.into(), ..options("[\"aisp\"]") };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let (first, second) = (OwnKey::default(), OwnKey::default());
    let [a, b] = [&first, &second].map(|key| key.certificate(SUBJECT, valid_for(&bank, YEAR)));
    let args = async |key: &OwnKey, certificate, more: &[&str]| {
        let args = bank.registering(CIC, &metadata(&[key.jwk(certificate)]), "client.json");
        let args: Vec<_> = args.iter().map(String::as_str).filter(|arg| *arg != "--json").chain(more.iter().copied()).collect();
        propose(&bank, &[&args[..], &["--by", "Ines"]].concat()).await
    };
    let id = args(&first, &a, &[]).await;
    assert!(!bank.operator(&["client", "list"]).await.contains("local:acme"), "nothing is done yet");
    let (code, error) = bank.operator_refused(&["act", "approve", &id, "--by", "ines"]).await;
    assert!(code == 7 && error.contains("another person"), "{error}");
    bank.operator(&["act", "approve", &id, "--by", "Paul"]).await;
    let listed: Value = serde_json::from_str(&bank.operator(&["client", "list", "--json"]).await).unwrap();
    let information = listed["clients"][0].clone();
    let client_id = information["client_id"].as_str().unwrap().to_owned();
    let client = Client { tpp: first.holder(&bank, &a), brand: CIC, id: client_id.clone(), secret: None, key: None, information };
    let tokens = client.tokens("web", "aisp").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let event = bank.audit().await.into_iter().find(|event| event.kind == "client_registered").unwrap();
    assert!(event.client.as_deref() == Some(&client_id) && event.reason == "contract 4711", "{event:?}");
    assert!(event.text.contains("Ines") && event.text.contains("Paul") && event.text.contains("local:acme"), "{event:?}");

    // other keys: the old one is worth nothing any more, the consents stay
    let id = args(&second, &b, &["--replace", &client_id]).await;
    client.refresh(refresh).await.ok(200);
    bank.operator(&["act", "approve", &id, "--by", "Paul"]).await;
    let renewed = client.over(&second.holder(&bank, &b));
    renewed.refresh(refresh).await.ok(200);
    let old = client.refresh(refresh).await;
    stranger(old);
    assert_eq!(bank.audited_kind("client_updated").await, 1);

    let id = propose(&bank, &["client", "delete", &client_id, "--reason", "contract ended", "--by", "Ines"]).await;
    bank.operator(&["act", "approve", &id, "--by", "Paul"]).await;
    stranger(renewed.refresh(refresh).await);
    assert!(!client.is_active(tokens["access_token"].as_str().unwrap()).await);
    // a TPP's own client is the TPP's to change
    let tpp = bank.tpp([PaymentInitiation]).register(CIC).await;
    let (code, error) = bank.operator_refused(&["client", "delete", &tpp.id, "--reason", "x"]).await;
    assert!(code == 7 && error.contains("registered by its TPP"), "{code} {error}");
}

#[tokio::test]
async fn the_back_office_lets_it_in_by_the_internal_counter_too() {
    let options = BankOptions { extra: "[admin]\napi_certificates = [\"O=Test bank, CN=gateway\"]\n".into(), ..options("[\"pisp\"]") };
    let bank = Bank::with(options).await;
    let key = OwnKey::default();
    let certificate = key.certificate(SUBJECT, valid_for(&bank, YEAR));
    let base = format!("https://localhost:{}/v1/brands/cic/clients", bank.internal.port());
    let post = async |path: &str, body: Value| bank.gateway().json(Method::POST, &format!("{base}{path}"), &[], &body).await;
    let order = |organisation: &str, metadata: Value| json!({ "by": "Ines", "reason": "contract", "organisation": organisation, "legal_name": "Acme SA", "metadata": metadata });
    let good = metadata(&[key.jwk(&certificate)]);
    post("", order("PSDFR-ACPR-1", good.clone())).await.refused(400, "invalid_request");
    let mut much = good.clone();
    much["scope"] = json!("aisp");
    let told = post("", order("acme", much)).await.refused(400, "invalid_client_metadata");
    assert!(told.description().starts_with("scope: without a QWAC no more than pisp"), "{told:?}");
    let done = post("", order("acme", good.clone())).await.ok(200).json();
    let id = done["client"]["client_id"].as_str().unwrap().to_owned();
    let client = Client { tpp: key.holder(&bank, &certificate), brand: CIC, id: id.clone(), secret: None, key: None, information: done };
    client.client_credentials().await.ok(200);
    let told = post(&format!("/{id}/replace"), order("other", good.clone())).await.refused(400, "invalid_client_metadata");
    assert_eq!(told.description(), "organisation: the client is of local:acme");
    post(&format!("/{id}/replace"), order("local:acme", good)).await.ok(200);
    client.client_credentials().await.ok(200);
    let tpp = bank.tpp([PaymentInitiation]).register(CIC).await;
    let why = json!({ "by": "Ines", "reason": "contract ended" });
    post(&format!("/{}/delete", tpp.id), why.clone()).await.ok(409);
    assert_eq!(
        post(&format!("/{id}/delete"), why).await.ok(200).json(),
        json!({ "done": "client_deleted", "client": { "client_id": id } })
    );
    stranger(client.client_credentials().await);
}

#[tokio::test]
async fn once_it_is_known_its_requests_are_no_strangers() {
    let options = BankOptions {
        extra: "[rate_limits]\nexempt_addresses = []\naddress_handshakes = \"off\"\naddress_refused = \"1/h burst 4\"\naudit_refused = \"1/h burst 2\"\n".into(),
        ..options("[\"pisp\"]")
    };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let Registered { client, .. } = registered(&bank, &json!({})).await;
    for _ in 0..20 {
        client.client_credentials().await.ok(200);
    }
    // of all others at its address there are few, and the trail keeps fewer
    let other = OwnKey::default();
    let mut answers = vec![];
    for _ in 0..6 {
        let impostor = client.over(&other.holder(&bank, &other.certificate(SUBJECT, valid_for(&bank, YEAR))));
        answers.push(impostor.client_credentials().await.status);
    }
    assert_eq!(answers, [401, 401, 401, 429, 429, 429]);
    assert!(bank.audited("client_refused", "other_key").await + bank.audited_kind("certificate_refused").await <= 2);
    client.client_credentials().await.ok(200);
}

#[tokio::test]
async fn b38_a_balancer_hands_its_certificate_over() {
    let balancer = Balancer::new();
    let options = BankOptions { extra: balancer.settings(Format::Rfc9440, ""), ..options("[\"aisp\"]") };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let Registered { client, .. } = registered(&bank, &json!({})).await;
    let own = balancer.certificate();
    let handed = |tpp: &Tpp<'_>| {
        let headers =
            HeaderMap::from_iter([("client-cert".parse().unwrap(), format!(":{}:", STANDARD.encode(&tpp.chain[0])).parse().unwrap())]);
        Wire::from(&bank, IpAddr::from(LISTED), Some((&own.chain[..], &own.key)), headers)
    };
    let behind = client.over(&Tpp { wire: handed(&client.tpp), ..client.tpp.clone() });
    let tokens = behind.tokens("web", "aisp").await;
    assert_eq!(introspected(&client, tokens["access_token"].as_str().unwrap(), &client.tpp).await["active"], true);
    behind.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200);
    let other = OwnKey::default();
    let impostor = other.holder(&bank, &other.certificate(SUBJECT, valid_for(&bank, YEAR)));
    stranger(client.over(&Tpp { wire: handed(&impostor), ..impostor.clone() }).refresh(tokens["refresh_token"].as_str().unwrap()).await);
    // the header counts from the balancer alone
    let headers =
        HeaderMap::from_iter([("client-cert".parse().unwrap(), format!(":{}:", STANDARD.encode(&client.tpp.chain[0])).parse().unwrap())]);
    let from = Wire::from(&bank, IpAddr::from([127, 0, 0, 1]), None, headers);
    client.over(&Tpp { wire: from, ..client.tpp.clone() }).refresh("x").await.refused(401, "invalid_client");
}
