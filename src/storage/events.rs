//! Events for the bank's own systems, and turns at the work that one process does for all.

use super::{Db, Outage, Tx, timed};
use crate::oauth::event::{Event, NewEvent};
use sqlx::types::{Json, JsonValue};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};

impl Db {
    /// Oldest first.
    pub async fn events_after(&self, id: i64, limit: i64) -> Result<Vec<Event>, Outage> {
        let page = sqlx::query_as!(
            Event,
            "select id, at, kind, organisation, brand, payload from events where id > $1 order by id limit $2",
            id,
            limit,
        );
        Ok(timed("events_after", page.fetch_all(&self.pool)).await?)
    }
}

impl Tx {
    /// Publishes those that did not happen before; the occasions of these. Publishers take turns until commit, so that ids
    /// become visible in their order and a reader's cursor passes none over.
    pub async fn publish(&mut self, events: &[NewEvent], now: OffsetDateTime) -> Result<BTreeSet<String>, Outage> {
        if events.is_empty() {
            return Ok(BTreeSet::new());
        }
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('events', 0))").execute(&mut *self.inner).await?;
        let rows: JsonValue = events.iter().map(row).collect();
        let new = sqlx::query_scalar!(
            "insert into events (at, kind, organisation, brand, payload, occasion)
             select $1, kind, organisation, brand, payload, occasion
             from jsonb_to_recordset($2) as e (kind text, organisation text, brand text, payload jsonb, occasion text)
             on conflict (kind, occasion) do nothing returning occasion",
            now,
            Json(&rows) as _,
        );
        Ok(new.fetch_all(&mut *self.inner).await?.into_iter().collect())
    }

    /// At most `limit`; says how many.
    pub async fn forget_events(&mut self, before: OffsetDateTime, limit: i64) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from events where id = any (array(select id from events where at < $1 order by at limit $2))",
            before,
            limit,
        );
        Ok(done.execute(&mut *self.inner).await?.rows_affected())
    }

    /// Whether this process does the work now: it was last done `every` ago, and nobody else is at it. The turn is taken at commit.
    /// One that was taken far in the future, by a clock that was wrong, is no turn.
    pub async fn take_turn(&mut self, task: &str, every: Duration, now: OffsetDateTime) -> Result<bool, Outage> {
        let done = sqlx::query!(
            "update task_turns set taken_at = $2
             where task = (select task from task_turns where task = $1 and (taken_at <= $3 or taken_at > $4) for update skip locked)",
            task,
            now,
            now - every,
            now + every,
        );
        Ok(done.execute(&mut *self.inner).await?.rows_affected() == 1)
    }
}

fn row(event: &NewEvent) -> JsonValue {
    let text = |value: Option<&str>| value.map_or(JsonValue::Null, JsonValue::from);
    [
        ("kind".to_owned(), JsonValue::from(event.kind.name())),
        ("organisation".to_owned(), text(event.organisation.as_ref().map(|o| o.as_str()))),
        ("brand".to_owned(), text(event.brand.as_ref().map(|b| b.as_str()))),
        ("payload".to_owned(), event.payload.clone()),
        ("occasion".to_owned(), JsonValue::from(event.occasion.as_str())),
    ]
    .into_iter()
    .collect()
}
