//! Grants of a client or of an organisation that are ended some at a time.

use super::{Db, Outage, Tx, timed};
use crate::{
    admin::{Ending, Sweep, Whose},
    audit::EVERY_BRAND,
    oauth::{
        brand::BrandId,
        client::ClientId,
        grant::{EndReason, GrantId},
        tpp::OrganisationId,
    },
};
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    brand: String,
    kind: String,
    client_id: Option<Uuid>,
    organisation: Option<String>,
    reason: String,
    psu_notice: Option<String>,
    begun_by: String,
    begun_at: OffsetDateTime,
    at_client: Option<Uuid>,
    at_grant: Option<Uuid>,
    clients: i64,
    grants: i64,
    finished_at: Option<OffsetDateTime>,
}

impl Row {
    fn read(self) -> Option<Sweep> {
        let brand = (self.brand != EVERY_BRAND).then_some(self.brand);
        let whose = match (self.client_id, self.organisation) {
            (Some(client), _) => Whose::Client { client: ClientId(client), brand: brand? },
            (None, Some(organisation)) => Whose::Organisation { organisation: OrganisationId::new(organisation), brand },
            (None, None) => return None,
        };
        Some(Sweep {
            id: self.id,
            ending: Ending::from_name(&self.kind)?,
            whose,
            reason: self.reason,
            psu_notice: self.psu_notice,
            by: self.begun_by,
            begun_at: self.begun_at,
            at_client: self.at_client.map(ClientId),
            at_grant: self.at_grant,
            clients: self.clients,
            grants: self.grants,
            finished_at: self.finished_at,
        })
    }

    fn sweep(self) -> Result<Sweep, Outage> {
        self.read().ok_or(Outage::unreadable("grant_sweeps"))
    }
}

/// A grant about to be ended.
pub struct LiveGrant {
    pub id: GrantId,
    pub brand: BrandId,
    pub scope: String,
}

impl Db {
    pub async fn find_sweep(&self, id: Uuid) -> Result<Option<Sweep>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, brand, kind, client_id, organisation, reason, psu_notice, begun_by, begun_at, at_client, at_grant, clients, grants,
                    finished_at
             from grant_sweeps where id = $1",
            id,
        );
        timed("find_sweep", row.fetch_optional(&self.pool)).await?.map(Row::sweep).transpose()
    }

    /// Newest first, those before `before`.
    pub async fn sweeps_before(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<Sweep>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "select id, brand, kind, client_id, organisation, reason, psu_notice, begun_by, begun_at, at_client, at_grant, clients, grants,
                    finished_at
             from grant_sweeps where id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $2",
            before,
            limit,
        );
        timed("sweeps_before", rows.fetch_all(&self.pool)).await?.into_iter().map(Row::sweep).collect()
    }

    /// The oldest that is not finished; ordered as its index is.
    pub async fn open_sweep(&self) -> Result<Option<Uuid>, Outage> {
        let id = sqlx::query_scalar!("select id from grant_sweeps where finished_at is null order by finished_at, id limit 1");
        Ok(timed("open_sweep", id.fetch_optional(&self.pool)).await?)
    }
}

impl Tx {
    pub async fn insert_sweep(&mut self, sweep: &Sweep) -> Result<(), Outage> {
        let (client, organisation) = match &sweep.whose {
            Whose::Client { client, .. } => (Some(client.0), None),
            Whose::Organisation { organisation, .. } => (None, Some(organisation.as_str())),
        };
        sqlx::query!(
            "insert into grant_sweeps (id, brand, kind, client_id, organisation, reason, psu_notice, begun_by, begun_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            sweep.id,
            sweep.whose.brand().unwrap_or(EVERY_BRAND),
            sweep.ending.name(),
            client,
            organisation,
            sweep.reason,
            sweep.psu_notice,
            sweep.by,
            sweep.begun_at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Held, so that one process at a time goes on with it. `None`: finished, or another one is at it.
    pub async fn take_sweep(&mut self, id: Uuid) -> Result<Option<Sweep>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, brand, kind, client_id, organisation, reason, psu_notice, begun_by, begun_at, at_client, at_grant, clients, grants,
                    finished_at
             from grant_sweeps where id = $1 and finished_at is null for update skip locked",
            id,
        );
        row.fetch_optional(&mut *self.inner).await?.map(Row::sweep).transpose()
    }

    /// The organisation's client after one, in the order of ids; deleted ones have no grants any more.
    pub async fn client_after(
        &mut self,
        organisation: &OrganisationId,
        brand: Option<&BrandId>,
        after: Option<ClientId>,
    ) -> Result<Option<ClientId>, Outage> {
        let id = sqlx::query_scalar!(
            "select id from clients
             where organisation = $1 and deleted_at is null and ($2::text is null or brand = $2)
               and id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
             order by id limit 1",
            organisation.as_str(),
            brand.map(BrandId::as_str),
            after.map(|client| client.0),
        );
        Ok(id.fetch_optional(&mut *self.inner).await?.map(ClientId))
    }

    /// Live grants of a client that were given before a time, after one, oldest first. Held: who refreshes meanwhile comes before
    /// or after.
    pub async fn lock_grants_of_client(
        &mut self,
        client: ClientId,
        given_by: OffsetDateTime,
        after: Option<Uuid>,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<LiveGrant>, Outage> {
        let rows = sqlx::query!(
            "select id, brand, scope from grants
             where client_id = $1 and id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
               and revoked_at is null and expires_at > $3 and created_at <= $4
             order by id limit $5 for update",
            client.0,
            after,
            now,
            given_by,
            limit,
        );
        let rows = rows.fetch_all(&mut *self.inner).await?;
        Ok(rows.into_iter().map(|row| LiveGrant { id: GrantId(row.id), brand: BrandId::new(&row.brand), scope: row.scope }).collect())
    }

    /// With every token under them.
    pub async fn end_grants(&mut self, grants: &[Uuid], note: Option<&str>, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "update grants set revoked_at = $2, revoked_reason = $3, revoked_note = $4 where id = any ($1) and revoked_at is null",
            grants,
            now,
            EndReason::EndedByBank.name(),
            note,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Their last SCA counts no more: they expire now.
    pub async fn force_sca(&mut self, grants: &[Uuid], why: &str, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "update grants set expires_at = $2, sca_forced_at = $2, sca_forced_why = $3
             where id = any ($1) and revoked_at is null and expires_at > $2",
            grants,
            now,
            why,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    pub async fn advance_sweep(&mut self, sweep: &Sweep) -> Result<(), Outage> {
        sqlx::query!(
            "update grant_sweeps set at_client = $2, at_grant = $3, clients = $4, grants = $5, finished_at = $6 where id = $1",
            sweep.id,
            sweep.at_client.map(|client| client.0),
            sweep.at_grant,
            sweep.clients,
            sweep.grants,
            sweep.finished_at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
