//! Writes down when grants were last used: in batches, so that a use itself costs nothing.

use super::ticks;
use crate::{
    app::{App, Current},
    flows::Outage,
    uses::EVERY,
};
use std::time::Duration as Wait;
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const WRITE_EVERY: Duration = Duration::seconds(30);
/// How often that clock is looked at.
const TICK: Wait = Wait::from_millis(500);
/// Grants of one statement.
const BATCH: usize = 500;

/// Until `stop`. What was used meanwhile is written after that, when no request is left (`write`).
pub async fn run(current: Current, stop: CancellationToken) {
    let mut ticks = ticks(TICK);
    let mut next = OffsetDateTime::UNIX_EPOCH;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let app = current.app();
        let now = app.clock.now();
        if now < next {
            continue;
        }
        next = now + WRITE_EVERY;
        if let Err(outage) = write(&app).await {
            tracing::warn!(error = %outage, "when grants were last used is not written down yet");
        }
    }
}

/// All that wait. After an outage they wait on.
pub async fn write(app: &App) -> Result<(), Outage> {
    loop {
        let batch = app.uses.take(BATCH);
        if batch.is_empty() {
            return Ok(());
        }
        if let Err(outage) = app.db.note_uses(&batch, EVERY).await {
            app.uses.put(batch);
            return Err(outage);
        }
    }
}
