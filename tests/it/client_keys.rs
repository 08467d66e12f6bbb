//! Clients that keep their keys at servers of their own (RFC 7591 s2 `jwks_uri`): what is fetched, how often, and what comes of it when
//! there is nothing to fetch.

use crate::harness::{
    Bank, BankOptions, CIC, Key, Process, Reply,
    bank::pki,
    key_server::KeyServer,
    together,
    tpp::{Client, Tpp},
};
use guichet::{
    jose::JwsAlgorithm,
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
};
use serde_json::{Value, json};
use std::time::Instant;
use time::Duration;

const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];

/// A bank that reaches the servers at these hosts.
async fn bank(hosts: &[&str]) -> Bank {
    Bank::with(BankOptions { extra: format!("[outbound]\nprivate_hosts = {hosts:?}\n"), ..BankOptions::fapi2() }).await
}

/// A key of its own kind each, so that only its name tells it from another.
fn key(kid: &str) -> Key {
    Key::new(JwsAlgorithm::Es256, kid)
}

async fn client<'a>(bank: &'a Bank, key: &Key, uri: &str) -> Client<'a> {
    bank.tpp(ROLES).register_with_key(CIC, key, &json!({ "jwks": null, "jwks_uri": uri })).await
}

fn set(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| &key.public).collect::<Vec<_>>() })
}

fn with<'a>(client: &Client<'a>, key: &Key) -> Client<'a> {
    Client { key: Some(key.clone()), ..client.clone() }
}

#[track_caller]
fn refused(reply: Reply, why: &str) {
    let reply = reply.refused(401, "invalid_client");
    assert_eq!(reply.description(), format!("client_assertion: {why}"));
}

const UNREACHABLE: &str = "jwks_uri: no answer with status 200 in time";
const UNREADABLE: &str = "jwks_uri: the answer is too large, or no key set";
const FORBIDDEN: &str = "jwks_uri: only https at a public address and port 443, without redirects";
const NO_KEY: &str = "no registered key fits its kid and alg";

#[tokio::test]
async fn b10_keys_are_fetched_when_they_are_needed_and_kept() {
    let (first, second) = (key("1"), key("2"));
    let server = KeyServer::start(&set(&[&first])).await;
    let bank = bank(&[&server.host]).await;
    let client = client(&bank, &first, &server.uri()).await;
    assert_eq!((server.asked(), &client.information["jwks_uri"]), (0, &json!(server.uri())));
    // many at once, one question
    for reply in together((0..6).map(|_| client.client_credentials())).await {
        reply.ok(200);
    }
    assert_eq!(server.asked(), 1);

    // a new key: one early question, and a minute between two
    server.has(&set(&[&first, &second]));
    refused(with(&client, &second).client_credentials().await, NO_KEY);
    assert_eq!(server.asked(), 1, "within the first minute");
    bank.clock.advance(Duration::minutes(1));
    with(&client, &second).client_credentials().await.ok(200);
    assert_eq!(server.asked(), 2);
    client.client_credentials().await.ok(200);
    for _ in 0..5 {
        refused(with(&client, &key("3")).client_credentials().await, NO_KEY);
    }
    assert_eq!(server.asked(), 2);

    // a key that was taken away is over in ten minutes
    server.has(&set(&[&second]));
    bank.clock.advance(Duration::minutes(9));
    client.client_credentials().await.ok(200);
    bank.clock.advance(Duration::minutes(1));
    refused(client.client_credentials().await, NO_KEY);
    assert_eq!(server.asked(), 3);

    // another address is another set
    let moved = KeyServer::start(&set(&[&first])).await;
    let mut metadata = Tpp::metadata(CIC);
    metadata
        .as_object_mut()
        .unwrap()
        .extend([("token_endpoint_auth_method".to_owned(), json!("private_key_jwt")), ("jwks_uri".to_owned(), json!(moved.uri()))]);
    client.manage(reqwest::Method::PUT, &metadata).await.ok(200);
    refused(client.client_credentials().await, FORBIDDEN);
    assert_eq!(moved.asked(), 0, "not among the hosts that the bank reaches");
}

#[tokio::test]
async fn b10_a_servers_outage_is_its_clients_and_costs_nobody_else() {
    let own = key("1");
    let server = KeyServer::start(&set(&[&own])).await;
    let bank = bank(&[&server.host]).await;
    let (client, neighbour) = (client(&bank, &own, &server.uri()).await, bank.tpp(ROLES).register_with_key(CIC, &own, &json!({})).await);
    client.client_credentials().await.ok(200);
    // for an hour what was read before counts
    server.says(500, "");
    bank.clock.advance(Duration::minutes(59));
    client.client_credentials().await.ok(200);
    bank.clock.advance(Duration::minutes(2));
    refused(client.client_credentials().await, UNREACHABLE);
    bank.expect_audit("client_refused", "client_keys_unreachable").await;
    for (status, body, why) in [
        (404, String::new(), UNREACHABLE),
        (302, String::new(), FORBIDDEN),
        (200, "no JSON".into(), UNREADABLE),
        (200, "[]".into(), UNREADABLE),
        (200, json!({ "keys": [] }).to_string(), UNREADABLE),
        (200, json!({ "keys": [own.public], "more": "x".repeat(32 * 1024) }).to_string(), UNREADABLE),
    ] {
        server.says(status, &body);
        bank.clock.advance(Duration::minutes(1));
        let asked = server.asked();
        refused(client.client_credentials().await, why);
        // remembered for a minute: a broken server is not asked by each request
        refused(client.client_credentials().await, why);
        assert_eq!(server.asked(), asked + 1, "{status} {body:.20}");
    }
    // who says nothing is waited for, and others are not
    server.is_silent();
    bank.clock.advance(Duration::minutes(1));
    let began = Instant::now();
    let waiting = async { (client.client_credentials().await, began.elapsed()) };
    let others = async { (neighbour.client_credentials().await, began.elapsed()) };
    let ((reply, waited), (other, soon)) = tokio::join!(waiting, others);
    refused(reply, UNREACHABLE);
    other.ok(200);
    assert!(soon < waited && waited.as_secs() < 10, "{soon:?} {waited:?}");
    // and it is back
    server.has(&set(&[&own]));
    bank.clock.advance(Duration::minutes(1));
    client.client_credentials().await.ok(200);
}

#[tokio::test]
async fn a52_b10_private_addresses_and_plain_http_are_not_visited() {
    let own = key("1");
    let server = KeyServer::start(&set(&[&own])).await;
    let bank = bank(&[]).await;
    // a sandbox lets a loopback address be registered; its door stays shut unless the operator opens it
    let local = client(&bank, &own, &server.uri()).await;
    refused(local.client_credentials().await, FORBIDDEN);
    for uri in ["https://169.254.169.254/latest", "https://[::1]/keys", "https://localhost/keys", "https://tpp.example:8443/keys"] {
        refused(client(&bank, &own, uri).await.client_credentials().await, FORBIDDEN);
    }
    assert_eq!(server.asked(), 0);
    for uri in ["http://tpp.example/keys", "http://10.0.0.1/keys", "http://localhost/keys", "ftp://tpp.example/keys"] {
        let mut metadata = Tpp::metadata(CIC);
        metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
        metadata["jwks_uri"] = json!(uri);
        bank.tpp(ROLES).try_register(CIC, &metadata).await.refused(400, "invalid_client_metadata");
    }
    // outside a sandbox not even loopback
    let production = Bank::with(BankOptions { production: true, ..BankOptions::fapi2() }).await;
    let mut metadata = Tpp::metadata(CIC);
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks_uri"] = json!(server.uri());
    let url = format!("{}/cic/oauth2/registrations", production.origin(CIC.tpp_host));
    production.tpp(ROLES).wire.json(reqwest::Method::POST, &url, &[], &metadata).await.refused(400, "invalid_client_metadata");
}

/// The server is a process of its own, whose authorities a test chooses.
#[tokio::test]
async fn a48_a52_keys_come_over_tls_of_the_right_name() {
    let own = key("1");
    let server = KeyServer::start_tls(&set(&[&own])).await;
    let by_address = server.host.replace("localhost", "127.0.0.1");
    let extra = format!("[outbound]\nprivate_hosts = {:?}\n", [&server.host, &by_address]);
    let bank = Bank::unserved(BankOptions { extra, ..BankOptions::fapi2() }).await;
    let serve = async |authorities: &str| {
        let mut command = bank.command(&["serve"]);
        command.env("SSL_CERT_FILE", pki().1.file(authorities)).env_remove("SSL_CERT_DIR");
        Process::start(&bank, command).await
    };
    let serving = serve("server-ca.pem").await;
    let (named, addressed) = (client(&bank, &own, &server.uri()).await, client(&bank, &own, &format!("https://{by_address}/keys")).await);
    named.client_credentials().await.ok(200);
    refused(addressed.client_credentials().await, UNREACHABLE);
    drop(serving);
    // of an authority that nobody here trusts
    let _serving = serve("bank-ca.pem").await;
    refused(named.client_credentials().await, UNREACHABLE);
}
