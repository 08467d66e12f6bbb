//! Organisations that became others.

use super::{Db, Outage, Tx, timed};
use crate::oauth::{brand::BrandId, client::ClientId, organisation::MergeRecord, tpp::OrganisationId};
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Longer chains are not followed.
const LONGEST_CHAIN: i32 = 16;
/// More running at once is no merging of companies.
const MOST_RUNNING: i64 = 10_000;

struct Row {
    old: String,
    new: String,
    at: OffsetDateTime,
    by: String,
    reason: String,
    until: OffsetDateTime,
    clients: i64,
}

impl From<Row> for MergeRecord {
    fn from(row: Row) -> Self {
        Self {
            old: OrganisationId::new(row.old),
            new: OrganisationId::new(row.new),
            at: row.at,
            by: row.by,
            reason: row.reason,
            until: row.until,
            clients: row.clients,
        }
    }
}

/// Which merge still stands: old, new, until.
pub type RunningMerge = (OrganisationId, OrganisationId, OffsetDateTime);

async fn running(executor: impl sqlx::PgExecutor<'_>, now: OffsetDateTime) -> Result<Vec<RunningMerge>, Outage> {
    let rows = sqlx::query!(
        "select old, new, until from organisation_merges where until > $1 and ended_at is null order by until desc limit $2",
        now,
        MOST_RUNNING
    );
    let rows = rows.fetch_all(executor).await?;
    Ok(rows.into_iter().map(|row| (OrganisationId::new(row.old), OrganisationId::new(row.new), row.until)).collect())
}

impl Db {
    /// Merges whose old certificates still stand. Of each old organisation at most one.
    pub async fn running_merges(&self, now: OffsetDateTime) -> Result<Vec<RunningMerge>, Outage> {
        timed("running_merges", running(&self.pool, now)).await
    }

    /// What a process that has not yet heard of a merge asks before it refuses: whom this organisation's certificates stand for.
    pub async fn merged_into(&self, organisation: &OrganisationId, now: OffsetDateTime) -> Result<Option<OrganisationId>, Outage> {
        let merged = timed("merged_into", merged_into(&self.pool, &[organisation.to_string()], now)).await?;
        Ok(merged.into_values().next())
    }

    /// The same of several: those that became another.
    pub async fn merged_into_each(
        &self,
        organisations: impl IntoIterator<Item = &OrganisationId>,
        now: OffsetDateTime,
    ) -> Result<HashMap<OrganisationId, OrganisationId>, Outage> {
        let organisations: Vec<_> = organisations.into_iter().map(ToString::to_string).collect();
        timed("merged_into", merged_into(&self.pool, &organisations, now)).await
    }

    /// Merges of an organisation into another or of others into it, newest first.
    pub async fn merges_of(&self, organisation: &OrganisationId, limit: i64) -> Result<Vec<MergeRecord>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            r#"select old, new, at, by, reason, coalesce(ended_at, until) as "until!", clients
               from organisation_merges where old = $1 or new = $1 order by at desc limit $2"#,
            organisation.as_str(),
            limit,
        );
        let rows = timed("merges_of_organisation", rows.fetch_all(&self.pool)).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

async fn merged_into(
    executor: impl sqlx::PgExecutor<'_>,
    organisations: &[String],
    now: OffsetDateTime,
) -> Result<HashMap<OrganisationId, OrganisationId>, Outage> {
    let last = sqlx::query!(
        r#"select old as "old!", (
               with recursive chain (organisation, steps) as (
                   select old, 0
                   union all
                   select m.new, steps + 1
                   from chain join organisation_merges m on m.old = chain.organisation and m.until > $2 and m.ended_at is null
                   where steps < $3)
               select organisation from chain where steps > 0 order by steps desc limit 1) as new
           from unnest($1::text[]) old"#,
        organisations,
        now,
        LONGEST_CHAIN,
    );
    let rows = last.fetch_all(executor).await?;
    Ok(rows.into_iter().filter_map(|row| Some((OrganisationId::new(row.old), OrganisationId::new(row.new?)))).collect())
}

impl Tx {
    /// As [`Db::merged_into`], on the connection this transaction has already.
    pub async fn merged_into(&mut self, organisation: &OrganisationId, now: OffsetDateTime) -> Result<Option<OrganisationId>, Outage> {
        Ok(merged_into(&mut *self.inner, &[organisation.to_string()], now).await?.into_values().next())
    }

    /// Merges take turns until commit.
    pub async fn lock_merges(&mut self) -> Result<(), Outage> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('organisation_merges', 0))").execute(&mut *self.inner).await?;
        Ok(())
    }

    pub async fn running_merges(&mut self, now: OffsetDateTime) -> Result<Vec<RunningMerge>, Outage> {
        running(&mut *self.inner, now).await
    }

    /// Whether there is a client of it, or a certificate was seen.
    pub async fn knows_organisation(&mut self, organisation: &OrganisationId) -> Result<bool, Outage> {
        let known = sqlx::query_scalar!(
            r#"select exists (select 1 from certificates where organisation = $1)
                   or exists (select 1 from clients where organisation = $1 and deleted_at is null) as "known!""#,
            organisation.as_str(),
        );
        Ok(known.fetch_one(&mut *self.inner).await?)
    }

    /// Live clients of one become the other's, and are no longer what anybody remembers of them.
    pub async fn move_clients(&mut self, old: &OrganisationId, new: &OrganisationId) -> Result<Vec<(ClientId, BrandId)>, Outage> {
        let rows = sqlx::query!(
            "update clients set organisation = $2, revision = revision + 1 where organisation = $1 and deleted_at is null returning id, brand",
            old.as_str(),
            new.as_str(),
        );
        let rows = rows.fetch_all(&mut *self.inner).await?;
        Ok(rows.into_iter().map(|row| (ClientId(row.id), BrandId::new(&row.brand))).collect())
    }

    /// From now on certificates of `old` no longer stand for anybody else.
    pub async fn end_merges(&mut self, old: &OrganisationId, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!("update organisation_merges set ended_at = $2 where old = $1 and until > $2 and ended_at is null", old.as_str(), now)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    pub async fn insert_merge(&mut self, id: Uuid, merge: &MergeRecord) -> Result<(), Outage> {
        sqlx::query!(
            "insert into organisation_merges (id, old, new, at, by, reason, until, clients) values ($1, $2, $3, $4, $5, $6, $7, $8)",
            id,
            merge.old.as_str(),
            merge.new.as_str(),
            merge.at,
            merge.by,
            merge.reason,
            merge.until,
            merge.clients,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
