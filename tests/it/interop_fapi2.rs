//! Libraries written by others as TPPs that are held to FAPI 2.0: signed requests, pushed, signed answers, tokens bound to the QWAC.

use crate::harness::{
    Bank, BankOptions, CIC, Psu,
    bank::pki,
    command::converse,
    packages::{java, node},
};
use guichet::clock::{Clock, System};
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

/// The library goes the whole way once by each of these methods of authentication. Its customers do as it says, in a browser.
async fn walks((folder, command): (TempDir, Command), methods: &[&str]) {
    let bank = Bank::with(BankOptions::fapi2().signing(folder.path())).await;
    let file = |name: &str| pki().1.file(name).display().to_string();
    let plan = json!({
        "issuer": bank.issuer(CIC),
        "kid": "of its own",
        "ca": file("server-ca.pem"),
        "qwac": [file("aisp.pem"), file("aisp.key")],
        "gateway_ca": file("bank-ca.pem"),
        "gateway": [file("gateway.pem"), file("gateway.key")],
        "introspection": format!("https://localhost:{}/brands/cic/introspect", bank.internal.port()),
        "resource": format!("{}/cic/sandbox/resource/aisp", bank.origin(CIC.tpp_host)),
    });
    let told = converse(command, &plan, async |asked| {
        // the library reads the machine's clock
        bank.clock.advance(System::new().now() - bank.clock.now());
        let psu = Psu::open(&bank, CIC, asked["open"].as_str().unwrap()).await;
        let landing = match asked["customer"].as_str().unwrap() {
            "approves" => psu.approve().await,
            "cancels" => psu.cancel().await,
            other => panic!("{other}?"),
        };
        let names: Vec<_> = landing.params.keys().collect();
        assert_eq!(names, ["response"], "everything is in the signed answer");
        json!({ "landed": url::Url::parse_with_params(&landing.uri, &landing.params).unwrap().as_str() })
    });
    assert_eq!(told.await, methods.iter().copied().map(all_well).collect::<Value>());
}

fn all_well(method: &str) -> Value {
    json!({
        "method": method,
        "scope": "aisp",
        "bound": true,
        "resource": 200,
        "refreshed": true,
        "revoked": true,
        "denied": "access_denied",
        "scope_refused": "invalid_scope",
        "verifier_refused": "invalid_grant",
        "token_refused": "invalid_token",
    })
}

const BOTH: [&str; 2] = ["tls_client_auth", "private_key_jwt"];
const BANK: (&str, &str) = ("bank.mjs", include_str!("interop/node/bank.mjs"));

#[tokio::test]
async fn oauth4webapi() {
    let module = ("oauth4webapi.mjs", include_str!("interop/node/oauth4webapi.mjs"));
    walks(node(&[module, BANK]).await, &[BOTH[0], BOTH[1], BOTH[1]]).await;
}

#[tokio::test]
async fn openid_client() {
    let module = ("openid_client.mjs", include_str!("interop/node/openid_client.mjs"));
    walks(node(&[module, BANK]).await, &BOTH).await;
}

#[tokio::test]
async fn nimbus() {
    let hosts = [CIC.psu_host, CIC.tpp_host, "localhost"];
    walks(java("Nimbus.java", include_str!("interop/java/Nimbus.java"), &hosts).await, &BOTH).await;
}
