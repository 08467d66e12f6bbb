//! The tables that tokens live in: each process looks which there are, makes what will be needed in some days, and drops what is over.

use super::Turns;
use crate::{
    app::{App, Current},
    flows::Outage,
    oauth::partition::Partition,
    storage::TableChange,
};
use std::{collections::BTreeSet, time::Duration as Wait};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const EVERY: Duration = Duration::MINUTE;
/// After an outage, or where somebody held a lock.
const RETRY: Duration = Duration::seconds(5);
/// A table stays for so long after its tokens: another server's clock may be behind.
const GRACE: Duration = Duration::DAY;
/// One process in this time drops what is over.
const TURN: Duration = Duration::seconds(30);
/// How often a table is tried to be dropped in one run, and how soon again.
const TRIES: usize = 10;
const BETWEEN: Wait = Wait::from_millis(20);
const TASK: &str = "partitions";

/// Until `stop`.
pub async fn run(current: Current, stop: CancellationToken) {
    let mut turns = Turns::new(current, stop.clone());
    while let Some((app, now)) = turns.next().await {
        let next = match stop.run_until_cancelled(look(&app, now)).await {
            None => return,
            Some(Ok(TableChange::Busy)) => now + RETRY,
            Some(Ok(TableChange::Done | TableChange::Needless | TableChange::Alive)) => now + EVERY,
            Some(Err(outage)) => {
                tracing::error!(error = %outage, "the tables of tokens were not looked after");
                now + RETRY
            }
        };
        turns.again(next);
    }
}

/// One run. What came of making tables.
pub async fn look(app: &App, now: OffsetDateTime) -> Result<TableChange, Outage> {
    let prepared = prepare(app, now).await;
    // most of all where none could be made
    watch_strays(app, now).await?;
    let (added, tables) = prepared?;
    drop_ended(app, &tables, now).await?;
    Ok(added)
}

/// Every table that is needed is there, and known to this process, as far as can be.
pub async fn prepare(app: &App, now: OffsetDateTime) -> Result<(TableChange, BTreeSet<Partition>), Outage> {
    let needed = Partition::needed(app.brands.iter().map(AsRef::as_ref), now);
    let tables = read(app, &needed, now).await?;
    let missing: BTreeSet<_> = needed.difference(&tables).copied().collect();
    if missing.is_empty() {
        return Ok((TableChange::Needless, tables));
    }
    let added = app.db.add_token_tables(&missing).await?;
    if added == TableChange::Done {
        tracing::info!(tables = %names(&missing), "tables of tokens made");
    }
    Ok((added, read(app, &needed, now).await?))
}

async fn read(app: &App, needed: &BTreeSet<Partition>, now: OffsetDateTime) -> Result<BTreeSet<Partition>, Outage> {
    let tables = app.db.token_tables().await?;
    // no statement is to be about one that may be dropped at any moment
    app.db.know_token_tables(&tables.iter().copied().filter(|table| !is_over(*table, now)).collect());
    count(&tables, needed.difference(&tables).count());
    Ok(tables)
}

async fn watch_strays(app: &App, now: OffsetDateTime) -> Result<(), Outage> {
    app.db.forget_tokens_in_default(now - GRACE).await?;
    let strays = app.db.count_tokens_in_default().await?;
    metrics::gauge!("guichet_tokens_in_default_partition").set(gauge(strays));
    if strays > 0 {
        tracing::error!(
            strays,
            "tokens are in tokens_default because they have no table of their own; \"Tables of tokens\" in docs/database.md says how to make it"
        );
    }
    Ok(())
}

fn is_over(table: Partition, now: OffsetDateTime) -> bool {
    table.ends_at() + GRACE <= now
}

/// A table that somebody reads, for a backup say, waits for the next run, and nobody waits for it.
async fn drop_ended(app: &App, tables: &BTreeSet<Partition>, now: OffsetDateTime) -> Result<(), Outage> {
    let ended: Vec<_> = tables.iter().copied().filter(|table| is_over(*table, now)).collect();
    if ended.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin("partitions").await?;
    if !tx.take_turn(TASK, TURN, now).await? {
        return Ok(());
    }
    tx.commit().await?;
    for table in ended {
        match drop_soon(app, table).await? {
            TableChange::Done => tracing::info!(table = table.table(), "table of tokens dropped, all of them over"),
            TableChange::Needless => {}
            TableChange::Busy => tracing::info!(table = table.table(), "table of tokens not dropped yet: somebody reads it"),
            TableChange::Alive => {
                tracing::error!(
                    table = table.table(),
                    "table of tokens not dropped: it is over by this server's clock, and not by the database's"
                );
            }
        }
    }
    Ok(())
}

/// Whoever writes tokens at this moment holds the lock for no longer than his statement takes.
async fn drop_soon(app: &App, table: Partition) -> Result<TableChange, Outage> {
    for _ in 1..TRIES {
        match app.db.drop_token_table(table).await? {
            TableChange::Busy => tokio::time::sleep(BETWEEN).await,
            change @ (TableChange::Done | TableChange::Needless | TableChange::Alive) => return Ok(change),
        }
    }
    app.db.drop_token_table(table).await
}

fn names(tables: &BTreeSet<Partition>) -> String {
    tables.iter().map(|table| table.table()).collect::<Vec<_>>().join(" ")
}

fn count(tables: &BTreeSet<Partition>, missing: usize) {
    metrics::gauge!("guichet_token_tables_missing").set(gauge(missing));
    for (kind, is_week) in [("day", false), ("week", true)] {
        let of_kind = || tables.iter().filter(|table| table.is_week() == is_week);
        metrics::gauge!("guichet_token_tables", "kind" => kind).set(gauge(of_kind().count()));
        let until = of_kind().next_back().map_or(0, |table| table.ends_at().unix_timestamp());
        metrics::gauge!("guichet_token_tables_until_seconds", "kind" => kind).set(until as f64);
    }
}

fn gauge(count: impl TryInto<i32>) -> f64 {
    count.try_into().map_or(f64::from(i32::MAX), f64::from)
}
