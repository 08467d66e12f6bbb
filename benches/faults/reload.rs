//! Certificates that are exchanged while requests are under way.

use crate::{
    Outcome,
    ledger::Ledger,
    load::{Load, around},
    site::{SECOND, Site},
};
use nix::sys::signal::Signal;
use tokio::time::sleep;

/// Every replica reads everything anew, ten times.
pub async fn certificates() -> Outcome {
    let (site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let fault = async {
        for _ in 0..10 {
            site.replicas.iter().for_each(|replica| replica.process().signal(Signal::SIGHUP));
            sleep(SECOND / 2).await;
        }
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    let reloads: usize = site.replicas.iter().map(|replica| replica.process().log().matches("settings taken up").count()).sum();
    Ok(ledger.close(&site, injected, healed).await.noting(format!("{reloads} reloads")))
}
