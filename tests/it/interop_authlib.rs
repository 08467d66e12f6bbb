//! Python's Authlib over requests, as a TPP of both banks.

use crate::harness::{
    Bank, Brand, CIC, LBP,
    bank::pki,
    command::{printed, run},
};
use guichet::dev::install::install;
use serde_json::{Value, json};
use std::process::{Command, Output};
use tokio::sync::OnceCell;

/// Debian's own: another Python would not see Debian's packages.
const PYTHON: &str = "/usr/bin/python3";
const PACKAGES: [&str; 3] = ["python3", "python3-authlib", "python3-requests"];
const SCRIPT: &str = include_str!("interop/authlib_journey.py");

async fn python(script: &str, input: &str) -> Output {
    let mut command = Command::new("/bin/sh");
    // requests lets the environment's proxies and authorities override a session's own
    command.env_clear().env("PATH", "/usr/bin:/bin");
    // a missing interpreter is an exit code, too
    command.args(["-c", r#"exec "$@""#, "sh", PYTHON, "-I", "-c", script]);
    run(command, input).await
}

/// Installs the packages where that needs no question.
async fn ensure_authlib() {
    static READY: OnceCell<()> = OnceCell::const_new();
    let has = async || python("import authlib, requests", "").await.status.success();
    READY
        .get_or_init(async || {
            if has().await {
                return;
            }
            let tried = tokio::task::spawn_blocking(|| install(&PACKAGES, "")).await.unwrap();
            let packages = PACKAGES.join(" ");
            assert!(has().await, "this test needs the Debian packages {packages} (apt-get install -y {packages}). Tried: {tried:?}");
        })
        .await;
}

async fn journey(brand: Brand, channel: &str) -> Value {
    ensure_authlib().await;
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
