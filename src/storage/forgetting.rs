//! Rows that nobody may read any more, a few a statement, so that none is long and none holds many. Each says how many it deleted.

use super::{Db, Outage, timed};
use time::OffsetDateTime;
use uuid::Uuid;

/// Ids are ordered by the millisecond of their making: none that was made before then is as large.
fn first_id_of(at: OffsetDateTime) -> Uuid {
    let millis = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

impl Db {
    /// Journeys begun before then.
    pub async fn forget_interactions(&self, before: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from interactions where id = any (array(select id from interactions where id < $1 order by id limit 200))",
            first_id_of(before),
        );
        Ok(timed("forget_interactions", done.execute(&self.pool)).await?.rows_affected())
    }

    /// Journeys that ended by then and in which nobody ever signed in.
    pub async fn forget_open_journeys(&self, by: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from interactions where id = any (array(
                 select id from interactions
                 where expires_at < $1 and begun_by = 'browser' and psu is null and grant_id is null and conclusion_digest is null
                 order by expires_at limit 200))",
            by,
        );
        Ok(timed("forget_open_journeys", done.execute(&self.pool)).await?.rows_affected())
    }

    /// Pushed requests whose journeys are over, if any began.
    pub async fn forget_pushed_requests(&self, by: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from pushed_requests where id = any (array(select id from pushed_requests where id < $1 order by id limit 200))",
            first_id_of(by),
        );
        Ok(timed("forget_pushed_requests", done.execute(&self.pool)).await?.rows_affected())
    }

    /// Assertions that had expired by then.
    pub async fn forget_client_assertions(&self, by: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from client_assertions where digest = any (array(
                 select digest from client_assertions where expires_at < $1 order by expires_at limit 200))",
            by,
        );
        Ok(timed("forget_client_assertions", done.execute(&self.pool)).await?.rows_affected())
    }

    /// Payments that nobody approved until then, and nobody could since.
    pub async fn forget_payments_not_approved(&self, by: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from payments where id = any (array(
                 select id from payments where expires_at < $1 and grant_id is null and invalidated_grant_id is null
                 order by expires_at limit 200))",
            by,
        );
        Ok(timed("forget_payments_not_approved", done.execute(&self.pool)).await?.rows_affected())
    }

    /// Payments lodged before then, whatever became of them.
    pub async fn forget_payments(&self, before: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from payments where id = any (array(select id from payments where id < $1 order by id limit 200))",
            first_id_of(before),
        );
        Ok(timed("forget_payments", done.execute(&self.pool)).await?.rows_affected())
    }

    /// Grants that had ended by then at the latest.
    pub async fn forget_grants(&self, by: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from grants where id = any (array(select id from grants where expires_at < $1 order by expires_at limit 200))",
            by,
        );
        Ok(timed("forget_grants", done.execute(&self.pool)).await?.rows_affected())
    }

    /// What was offered as a trusted list before then.
    pub async fn forget_list_imports(&self, before: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from trusted_list_imports where id = any (array(select id from trusted_list_imports where id < $1 order by id limit 200))",
            first_id_of(before),
        );
        Ok(timed("forget_list_imports", done.execute(&self.pool)).await?.rows_affected())
    }
}
