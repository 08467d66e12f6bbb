//! The audit trail is sealed about once a second, by whichever server comes first; its months are made and dropped, its heads told.

use super::{Turns, ticks};
use crate::{
    app::{App, Current},
    audit::month::Month,
    config::AuditSettings,
    flows::{
        Outage,
        audit::{
            anchor, months,
            seal::{self, Round, Window},
        },
    },
    storage::TableChange,
};
use std::{collections::BTreeSet, time::Duration as Wait};
use time::{Duration, OffsetDateTime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// By real time: events come at whatever the server's clock says.
const SEAL: Wait = Wait::from_secs(1);
const AFTER_OUTAGE: Wait = Wait::from_secs(5);
/// By the server's clock.
const KEEP: Duration = Duration::MINUTE;
/// After an outage, or where somebody held a lock.
const RETRY: Duration = Duration::seconds(5);
/// One process in this time drops what is over.
const TURN: Duration = Duration::seconds(30);

/// Before the first event is written. What cannot be done now is done by the tasks.
pub async fn prepare(app: &App) {
    let now = app.clock.now();
    if let Err(outage) = seal::resume(&app.db, &*app.entropy, now).await {
        tracing::error!(error = %outage, "whether positions of the audit trail are as they should be is not known");
    }
    if let Err(outage) = app.psu_digest_key().await {
        tracing::error!(error = %outage, "the key of customers in the audit trail is read when it is first needed");
    }
    if let Err(outage) = months::prepare(&app.db, now).await {
        tracing::error!(error = %outage, "the tables of audit events were not looked after");
    }
}

/// Until `stop`.
pub async fn seal(current: Current, stop: CancellationToken) {
    let mut ticks = ticks(SEAL);
    let mut window = Window::default();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // a round under way is not broken off: it is short, and the next server would do it again
        if let Err(outage) = rounds(&current.app(), &mut window, &stop).await {
            tracing::error!(error = %outage, "audit events were not sealed");
            if stop.run_until_cancelled(sleep(AFTER_OUTAGE)).await.is_none() {
                return;
            }
        }
    }
}

async fn rounds(app: &App, window: &mut Window, stop: &CancellationToken) -> Result<(), Outage> {
    let mut every = seal::EVERY;
    while let Some(round) = seal::seal(&app.db, *window, every, app.clock.now()).await? {
        let Round { events, seals, behind, below } = round;
        *window = window.adapted(events);
        metrics::counter!("guichet_audit_sealed_events_total").increment(u64::try_from(events).unwrap_or(0));
        metrics::counter!("guichet_audit_seals_total").increment(u64::try_from(seals).unwrap_or(0));
        if below {
            seal::resume(&app.db, &*app.entropy, app.clock.now()).await?;
        }
        if !behind || stop.is_cancelled() {
            break;
        }
        every = Duration::ZERO;
    }
    let oldest = app.db.oldest_unsealed().await?;
    let age = oldest.map_or(0.0, |at| (app.clock.now() - at).as_seconds_f64().max(0.0));
    metrics::gauge!("guichet_audit_unsealed_age_seconds").set(age);
    Ok(())
}

/// Until `stop`.
pub async fn keep(current: Current, stop: CancellationToken) {
    let mut turns = Turns::new(current.clone(), stop.clone());
    while let Some((app, now)) = turns.next().await {
        let settings = current.installed().settings.audit;
        let next = match stop.run_until_cancelled(look(&app, settings, now)).await {
            None => return,
            Some(Ok(TableChange::Busy)) => now + RETRY,
            Some(Ok(TableChange::Done | TableChange::Needless | TableChange::Alive)) => now + KEEP,
            Some(Err(outage)) => {
                tracing::error!(error = %outage, "the audit trail was not looked after");
                now + RETRY
            }
        };
        turns.again(next);
    }
}

/// One run. What came of making tables.
pub async fn look(app: &App, settings: AuditSettings, now: OffsetDateTime) -> Result<TableChange, Outage> {
    let (made, tables) = months::prepare(&app.db, now).await?;
    let missing = Month::ahead(now).filter(|month| !tables.contains(month)).count();
    metrics::gauge!("guichet_audit_months_missing").set(gauge(missing));
    let strays = app.db.count_audit_events_in_default().await?;
    metrics::gauge!("guichet_audit_events_in_default_partition").set(gauge(strays));
    anchor::tell(&app.db, Duration::try_from(settings.anchor).unwrap_or(Duration::HOUR), now).await?;
    drop_over(app, settings, &tables, now).await?;
    Ok(made)
}

async fn drop_over(app: &App, settings: AuditSettings, tables: &BTreeSet<Month>, now: OffsetDateTime) -> Result<(), Outage> {
    let over = months::over(tables, settings.keep_months, now);
    let Some(last) = over.last() else { return Ok(()) };
    let mut tx = app.db.begin("audit_months").await?;
    if !tx.take_turn("audit_months", TURN, now).await? {
        return Ok(());
    }
    tx.commit().await?;
    let why = format!("kept for {} months", settings.keep_months);
    for month in &over {
        match months::drop_month(&app.db, &*app.entropy, *month, &why, now).await? {
            TableChange::Done => tracing::info!(table = month.table(), "table of audit events dropped: the bank need keep them no longer"),
            TableChange::Needless => {}
            TableChange::Busy => {
                tracing::info!(table = month.table(), "table of audit events not dropped yet: somebody reads it");
                return Ok(());
            }
            TableChange::Alive => {
                tracing::error!(
                    table = month.table(),
                    "table of audit events not dropped: it is too young by the database's clock, or not sealed"
                );
                return Ok(());
            }
        }
    }
    while app.db.forget_audit_leaves(last.next()).await? > 0 {}
    Ok(())
}

fn gauge(count: impl TryInto<i32>) -> f64 {
    count.try_into().map_or(f64::from(i32::MAX), f64::from)
}
