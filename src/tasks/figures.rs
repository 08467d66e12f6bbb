//! Writes down what this process saw for the regulator's figures, and keeps old days in short.

use super::ticks;
use crate::{
    app::{App, Current},
    figures::{LEAD, SECONDS_A_DAY, Span, availability},
    flows::Outage,
};
use std::time::Duration as Wait;
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const WRITE_EVERY: Duration = Duration::seconds(10);
/// How often that clock is looked at.
const TICK: Wait = Wait::from_millis(500);
const FORGET_EVERY: Duration = Duration::HOUR;
/// Marks of seconds; after that a day is kept as its figures.
const MARKS_KEPT: i64 = 400 * SECONDS_A_DAY;
/// Days put into short in one run.
const MOST_DAYS: i64 = 31;
/// A process that did not write for so long is gone.
const SILENT: Duration = Duration::days(7);
const TASK: &str = "figures";

/// Until `stop`. What was seen meanwhile is written after that, when no request is left (`write`).
pub async fn run(current: Current, stop: CancellationToken) {
    let mut ticks = ticks(TICK);
    let mut next = [OffsetDateTime::UNIX_EPOCH; 2];
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let app = current.app();
        let now = app.clock.now();
        if now >= next[0] {
            next[0] = now + WRITE_EVERY;
            if let Err(outage) = write(&app).await {
                tracing::warn!(error = %outage, "the regulator's figures are not written down yet");
            }
        }
        if now >= next[1] {
            next[1] = now + FORGET_EVERY;
            if let Err(outage) = forget(&app, now).await {
                tracing::warn!(error = %outage, "old marks of the regulator's figures stay for now");
            }
        }
    }
}

/// All that waits. After an outage it waits on.
pub async fn write(app: &App) -> Result<(), Outage> {
    let now = app.clock.now();
    app.figures.alive(now.unix_timestamp());
    if let Some(batch) = app.figures.give() {
        app.db.add_figures(app.process, &batch, now).await?;
        app.figures.written(batch.number);
    }
    Ok(())
}

/// Done by whoever has the turn.
pub async fn forget(app: &App, now: OffsetDateTime) -> Result<(), Outage> {
    let mut tx = app.db.begin("figures").await?;
    let turn = tx.take_turn(TASK, FORGET_EVERY, now).await?;
    tx.commit().await?;
    if !turn {
        return Ok(());
    }
    let end = (now.unix_timestamp() - MARKS_KEPT).div_euclid(SECONDS_A_DAY);
    let days = end - MOST_DAYS..end;
    let span = Span { start: days.start * SECONDS_A_DAY - LEAD, end: end * SECONDS_A_DAY };
    for brand in &app.brands {
        let evidence = app.db.figures(&brand.id, span).await?;
        app.db.forget_marks(&brand.id, &availability(&evidence, days.clone()), span.end - LEAD).await?;
    }
    app.db.forget_alive(span.end - LEAD, now - SILENT).await
}
