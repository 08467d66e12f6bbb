//! Goes on with the ending of many grants that somebody began and nobody is at: a command that was killed, or a call of the internal
//! API, which does not wait for it.

use super::ticks;
use crate::{
    app::{App, Current},
    flows::{Outage, admin::sweeps},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often somebody looks whether there is any.
const EVERY: Duration = Duration::from_secs(1);

/// Until `stop`.
pub async fn run(current: Current, stop: CancellationToken) {
    let mut ticks = ticks(EVERY);
    let mut failing = false;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match stop.run_until_cancelled(go_on(&current.app())).await {
            None => return,
            Some(Ok(())) => failing = false,
            Some(Err(outage)) if !failing => {
                tracing::error!(error = %outage, "grants that are to be ended are not; trying on");
                failing = true;
            }
            Some(Err(_)) => {}
        }
    }
}

/// The oldest one, until it is finished or another process is at it.
async fn go_on(app: &App) -> Result<(), Outage> {
    let Some(id) = app.db.open_sweep().await? else { return Ok(()) };
    while let Some(sweep) = sweeps::step(&app.db, &*app.entropy, id, app.clock.now()).await? {
        if sweep.finished_at.is_some() {
            tracing::info!(sweep = %id, grants = sweep.grants, "grants ended");
            return Ok(());
        }
        // others' statements come between
        tokio::task::yield_now().await;
    }
    Ok(())
}
