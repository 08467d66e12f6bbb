//! The tables of a month that events live in, and the move into another cluster.

use super::{Db, Outage, TableChange, Tx, timed};
use crate::audit::month::Month;
use std::collections::BTreeSet;
use uuid::Uuid;

impl Db {
    /// Those that there are.
    pub async fn audit_months(&self) -> Result<BTreeSet<Month>, Outage> {
        let names = sqlx::query_scalar::<_, String>(
            "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'audit_events'::regclass",
        );
        let names = timed("audit_months", names.fetch_all(&self.pool)).await?;
        Ok(names.iter().filter_map(|name| Month::of_table(name)).collect())
    }

    pub async fn add_audit_month(&self, month: Month) -> Result<TableChange, Outage> {
        let added = sqlx::query_scalar!(r#"select add_audit_month($1) as "added!""#, month.number());
        TableChange::of(timed("add_audit_month", added.fetch_one(&self.pool)).await)
    }

    /// Events without a table of their month. Of more than 200 it says 200.
    pub async fn count_audit_events_in_default(&self) -> Result<i64, Outage> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from (select id from audit_events_default where id > $1 order by id limit 200) as strays"#,
            Uuid::nil(),
        );
        Ok(timed("count_audit_events_in_default", count.fetch_one(&self.pool)).await?)
    }

    /// The month from which on events are still there: those before were dropped, and an event says so. `None`: none ever was.
    pub async fn audit_kept_from(&self) -> Result<Option<Month>, Outage> {
        let dropped = sqlx::query_scalar!(
            r#"select e.subject as "month!" from audit_drops d join audit_events e on e.id = d.event_id
               where d.number >= 0 and e.kind = 'audit_month_dropped' and e.subject is not null order by d.number desc limit 1"#,
        );
        let month = timed("audit_kept_from", dropped.fetch_optional(&self.pool)).await?;
        Ok(month.as_deref().and_then(Month::parse).map(Month::next))
    }

    /// Of seals over dropped events alone, a few at a time; says of how many.
    pub async fn forget_audit_leaves(&self, before: Month) -> Result<i64, Outage> {
        let done = sqlx::query_scalar!(r#"select forget_audit_leaves($1) as "done!""#, before.number());
        Ok(timed("forget_audit_leaves", done.fetch_one(&self.pool)).await?)
    }
}

impl Tx {
    /// With all that is in it; the event that says so is the caller's to write.
    pub async fn drop_audit_month(&mut self, month: Month, event: Uuid) -> Result<TableChange, Outage> {
        let dropped = sqlx::query_scalar!(r#"select drop_audit_month($1, $2) as "dropped!""#, month.number(), event);
        TableChange::of(dropped.fetch_one(&mut *self.inner).await)
    }

    /// Whether positions had to be lifted, because the trail came into another cluster.
    pub async fn resume_audit_positions(&mut self) -> Result<bool, Outage> {
        let resumed = sqlx::query_scalar!(r#"select resume_audit_positions() as "resumed!""#);
        Ok(resumed.fetch_one(&mut *self.inner).await?)
    }
}
