//! The primary of a PostgreSQL under Patroni, as `deploy/ha` starts it, with two replicas of the program before it.

use crate::{
    Outcome,
    harness::patroni::Patroni,
    ledger::Ledger,
    load::{Load, around},
    site::{Cluster, Replica, SECOND, Site},
};
use nix::sys::signal::Signal;
use tokio::time::sleep;

/// Killed with all its processes, until another one is the primary.
pub async fn primary() -> Outcome {
    lost(Signal::SIGKILL, false).await
}

/// Stopped as a whole, like a machine that hangs, until another one is the primary; then it goes on where it was.
pub async fn hung() -> Outcome {
    lost(Signal::SIGSTOP, true).await
}

async fn lost(signal: Signal, comes_back: bool) -> Outcome {
    let patroni = tokio::task::spawn_blocking(Patroni::start).await.map_err(|_| "deploy/ha did not start".to_owned())?;
    let front = patroni.bank(0);
    let replicas = vec![Replica::watch(patroni.bank(1)), Replica::watch(patroni.bank(2))];
    let site = Site { cluster: Cluster::none(), replicas };
    let (load, ledger) = (Load::prepare(&site).await, Ledger::default());
    let former = patroni.primary(&front, None).await;
    let fault = async {
        patroni.signal(former, signal);
        patroni.primary(&front, Some(former)).await;
        while site.ready(0).is_none() {
            sleep(SECOND / 10).await;
        }
        if comes_back {
            sleep(3 * SECOND).await;
            patroni.signal(former, Signal::SIGCONT);
            sleep(10 * SECOND).await;
        }
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    Ok(ledger.close(&site, injected, healed).await)
}
