//! Writes down what clients were seen to do: in batches, so that a request costs no statement.

use super::Turns;
use crate::{
    app::{App, Current},
    flows::Outage,
};
use time::Duration;
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const WRITE_EVERY: Duration = Duration::MINUTE;
/// Clients of one statement.
const BATCH: usize = 100;

/// Until `stop`. What was seen meanwhile is written after that, when no request is left (`write`).
pub async fn run(current: Current, stop: CancellationToken) {
    let mut turns = Turns::new(current, stop);
    while let Some((app, now)) = turns.next().await {
        turns.again(now + WRITE_EVERY);
        if let Err(outage) = write(&app).await {
            tracing::warn!(error = %outage, "what clients were seen to do is not written down yet");
        }
    }
}

/// All that waits. After an outage it waits on; where only the answer was lost, it is counted twice.
pub async fn write(app: &App) -> Result<(), Outage> {
    loop {
        let noted = app.practices.take(BATCH);
        if noted.is_empty() {
            return Ok(());
        }
        if let Err(outage) = app.db.add_practices(&noted).await {
            app.practices.put(noted);
            return Err(outage);
        }
    }
}
