//! Writes down when grants were last used: in batches, so that a use itself costs nothing.

use super::Turns;
use crate::{
    app::{App, Current},
    flows::Outage,
    uses::EVERY,
};
use time::Duration;
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const WRITE_EVERY: Duration = Duration::seconds(30);
/// Grants of one statement.
const BATCH: usize = 500;

/// Until `stop`. What was used meanwhile is written after that, when no request is left (`write`).
pub async fn run(current: Current, stop: CancellationToken) {
    let mut turns = Turns::new(current, stop);
    while let Some((app, now)) = turns.next().await {
        turns.again(now + WRITE_EVERY);
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
