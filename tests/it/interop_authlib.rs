//! Python's Authlib over requests, as a TPP of both banks.

use crate::harness::{
    Bank, Brand, CIC, LBP,
    bank::pki,
    command::{ensure, printed, run},
};
use serde_json::{Value, json};
use std::process::{Command, Output};

/// Debian's own: another Python would not see Debian's packages.
const PYTHON: &str = "/usr/bin/python3";
const PACKAGES: [&str; 3] = ["python3", "python3-authlib", "python3-requests"];
const SCRIPT: &str = include_str!("interop/authlib_journey.py");

async fn python(script: &str, input: &str) -> Output {
    let mut command = Command::new(PYTHON);
    // requests lets the environment's proxies and authorities override a session's own
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.args(["-I", "-c", script]);
    run(command, input).await
}

async fn journey(brand: Brand, channel: &str) -> Value {
    ensure(&[PYTHON, "-c", "import authlib, requests"], &PACKAGES).await;
    let bank = Bank::start().await;
    let file = |name: &str| pki().1.file(name).display().to_string();
    let plan = json!({
        "issuer": bank.issuer(brand),
        "channel": channel,
        "ca": file("server-ca.pem"),
        "qwac": [file("aisp.pem"), file("aisp.key")],
        "gateway_ca": file("bank-ca.pem"),
        "gateway": [file("gateway.pem"), file("gateway.key")],
        "introspection": format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), brand.id),
    });
    serde_json::from_str(&printed(&python(SCRIPT, &plan.to_string()).await)).unwrap()
}

#[tokio::test]
async fn cic() {
    let told = journey(CIC, "web").await;
    assert_eq!(told, json!({"scope": "aisp", "secret": false, "refreshed": true, "dead": [true, true], "refusal": "invalid_grant"}));
}

#[tokio::test]
async fn labanquepostale() {
    let told = journey(LBP, "pmo").await;
    assert_eq!(told, json!({"scope": "aisp", "secret": true, "refreshed": false, "dead": [true], "refusal": "invalid_grant"}));
}
