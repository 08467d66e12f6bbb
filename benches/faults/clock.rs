//! One replica's clock jumps by an hour, and back.

use crate::{
    Outcome,
    harness::{Process, command::ensure},
    ledger::Ledger,
    load::{Load, around},
    site::{Cluster, Replica, SECOND, Site},
};
use std::{fs, path::Path};
use tokio::time::sleep;

pub async fn ahead() -> Outcome {
    jump("+3600").await
}

pub async fn behind() -> Outcome {
    jump("-3600").await
}

/// libfaketime reads the offset from a file, each time that the clock is asked.
async fn jump(offset: &str) -> Outcome {
    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    ensure(&["test", "-e", LIBRARY], &["faketime"]).await;
    if !Path::new(LIBRARY).exists() {
        return Err("no libfaketime".to_owned());
    }
    let cluster = Cluster::start().await;
    let right = Site::another(&cluster).await;
    assert!(right.command(&["migrate", "up"]).output().unwrap().status.success());
    let wrong = Site::another(&cluster).await;
    let file = wrong.folder().join("offset");
    fs::write(&file, "+0").unwrap();
    let mut command = wrong.command(&["serve"]);
    command.env("LD_PRELOAD", LIBRARY).env("FAKETIME_TIMESTAMP_FILE", &file).env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
    let process = Process::start(&wrong, command).await;
    let site = Site { cluster, replicas: vec![Replica::start(right, None).await, Replica::start(wrong, Some(process)).await] };
    let (load, ledger) = (Load::prepare(&site).await, Ledger::default());
    let fault = async {
        fs::write(&file, offset).unwrap();
        sleep(6 * SECOND).await;
        let health = site.bank(1).browser().get(&format!("http://{}/readyz", site.bank(1).ops)).await.json();
        let seen = health["checks"]["clock"]["state"] == "degraded";
        fs::write(&file, "+0").unwrap();
        seen
    };
    let (seen, injected, healed) = around(&load, &site, &ledger, fault).await;
    let note = if seen { "its /readyz said so" } else { "its /readyz did not notice" };
    Ok(ledger.close(&site, injected, healed).await.noting(note.to_owned()))
}
