//! Processes that end without a word.

use crate::{
    Outcome,
    harness::Process,
    ledger::Ledger,
    load::{Load, around},
    site::{SECOND, Site},
};
use std::{cell::RefCell, time::Duration};
use tokio::time::sleep;

/// What the others are compared with.
pub async fn nothing() -> Outcome {
    let (site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let ((), injected, healed) = around(&load, &site, &ledger, async { sleep(5 * SECOND).await }).await;
    Ok(ledger.close(&site, injected, healed).await)
}

pub async fn replica() -> Outcome {
    let (mut site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let process = RefCell::new(site.replicas[1].process.take());
    let bank = site.bank(1);
    let fault = async {
        process.take().unwrap().kill_9();
        sleep(3 * SECOND).await;
        process.replace(Some(Process::serve(bank).await));
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    Ok(ledger.close(&site, injected, healed).await)
}

pub async fn postgres() -> Outcome {
    let (mut site, ledger) = (Site::start().await, Ledger::default());
    let load = Load::prepare(&site).await;
    let mut cluster = std::mem::replace(&mut site.cluster, crate::site::Cluster::none());
    let fault = async {
        cluster.kill_9();
        sleep(3 * SECOND).await;
        cluster.restart().await;
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    sleep(Duration::from_millis(100)).await;
    Ok(ledger.close(&site, injected, healed).await)
}
