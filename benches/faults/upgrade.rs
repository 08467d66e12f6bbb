//! The schema brought up, and two releases at once.

use crate::{
    Outcome,
    harness::{Process, previous},
    ledger::Ledger,
    load::{Load, around},
    site::{Cluster, Replica, SECOND, Site},
};
use tokio::time::sleep;

/// Served by the release before, twice.
async fn former() -> (Site, std::path::PathBuf) {
    let program = tokio::task::spawn_blocking(previous::program).await.unwrap();
    let cluster = Cluster::start().await;
    let (one, other) = (Site::another(&cluster).await, Site::another(&cluster).await);
    assert!(one.command_of(&program, &["migrate", "up"]).output().unwrap().status.success());
    let mut replicas = vec![];
    for bank in [one, other] {
        let process = Process::serve_with(&bank, &program).await;
        replicas.push(Replica::start(bank, Some(process)).await);
    }
    (Site { cluster, replicas }, program)
}

/// This release migrates while the former one serves.
pub async fn migration() -> Outcome {
    let ((site, _program), ledger) = (former().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let mut command = site.bank(0).command(&["migrate", "up"]);
    let fault = async move { tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap() };
    let (output, injected, healed) = around(&load, &site, &ledger, fault).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(ledger.close(&site, injected, healed).await)
}

/// And then one replica after the other becomes this release's.
pub async fn side_by_side() -> Outcome {
    let ((mut site, _program), ledger) = (former().await, Ledger::default());
    assert!(site.bank(0).command(&["migrate", "up"]).output().unwrap().status.success());
    let load = Load::prepare(&site).await;
    let old = std::cell::RefCell::new(site.replicas[1].process.take());
    let bank = site.bank(1);
    let fault = async {
        let mut former = old.take().unwrap();
        former.signal(nix::sys::signal::Signal::SIGTERM);
        tokio::task::spawn_blocking(move || former.ended(60 * SECOND)).await.unwrap();
        old.replace(Some(Process::serve(bank).await));
        sleep(5 * SECOND).await;
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    Ok(ledger.close(&site, injected, healed).await)
}
