//! Clients and grants as the bank's own people look for them.

use super::{Db, Outage, Tx, clients::held_to, timed};
use crate::{
    admin::{ClientState, GrantState, GrantView, GrantsOf},
    oauth::{
        brand::BrandId,
        client::ClientId,
        client_metadata::ClientMetadata,
        grant::{EndReason, GrantId, PsuReference},
        profile::SecurityProfile,
        tpp::OrganisationId,
    },
};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// A client with what the bank's people may know of it.
pub struct KnownClient {
    pub id: ClientId,
    pub brand: BrandId,
    pub organisation: OrganisationId,
    pub legal_name: String,
    pub metadata: ClientMetadata,
    pub scope: String,
    pub registered_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub deleted_at: Option<OffsetDateTime>,
    /// What the bank holds it to.
    pub held_to: Option<SecurityProfile>,
}

struct ClientRow {
    id: Uuid,
    brand: String,
    organisation: String,
    legal_name: String,
    metadata: Json<ClientMetadata>,
    scope: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    deleted_at: Option<OffsetDateTime>,
    held_to: Option<String>,
}

impl TryFrom<ClientRow> for KnownClient {
    type Error = Outage;

    fn try_from(row: ClientRow) -> Result<Self, Outage> {
        Ok(Self {
            id: ClientId(row.id),
            brand: BrandId::new(&row.brand),
            organisation: OrganisationId::new(row.organisation),
            legal_name: row.legal_name,
            metadata: row.metadata.0,
            scope: row.scope,
            registered_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            held_to: row.held_to.as_deref().map(held_to).transpose()?,
        })
    }
}

/// Which clients. `blocked`: those that may be shut out, where only these are asked for.
pub struct ClientQuery<'a> {
    pub brand: Option<&'a BrandId>,
    pub organisation: Option<&'a OrganisationId>,
    pub state: ClientState,
    pub blocked_clients: &'a [Uuid],
    pub blocked_organisations: &'a [String],
    pub after: Option<Uuid>,
    pub limit: i64,
    /// So many are looked at, whatever they are.
    pub scan: i64,
}

/// Those that fit, and the last one that was looked at.
pub struct ClientsFound {
    pub fitting: Vec<KnownClient>,
    /// `None`: all were looked at.
    pub seen: Option<Uuid>,
}

impl ClientsFound {
    /// After whom the next page begins, this one having at most `limit`; `None`: it was the last.
    pub fn next(&self, limit: usize) -> Option<Uuid> {
        if self.fitting.len() < limit { self.seen } else { self.fitting.last().map(|last| last.id.0) }
    }
}

pub struct GrantQuery<'a> {
    pub brand: &'a BrandId,
    pub of: &'a GrantsOf,
    pub state: GrantState,
    pub now: OffsetDateTime,
    /// Older than this one.
    pub before: Option<Uuid>,
    pub limit: i64,
}

struct GrantRow {
    id: Uuid,
    brand: String,
    client_id: Uuid,
    organisation: String,
    client_name: Option<String>,
    channel: String,
    scope: String,
    payment_id: Option<Uuid>,
    created_at: OffsetDateTime,
    sca_at: OffsetDateTime,
    sca_method: Option<String>,
    last_used_at: Option<OffsetDateTime>,
    expires_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
    revoked_reason: Option<String>,
    revoked_note: Option<String>,
    sca_forced_at: Option<OffsetDateTime>,
    sca_forced_why: Option<String>,
}

impl GrantRow {
    fn view(self, now: OffsetDateTime) -> GrantView {
        let revoked = self.revoked_at.map(|at| (at, EndReason::from_stored(self.revoked_reason.as_deref())));
        let (state, end) = GrantView::ended(revoked, self.sca_forced_at.is_some(), self.expires_at, now);
        GrantView {
            grant_id: self.id,
            state,
            brand: self.brand,
            client_id: ClientId(self.client_id),
            organisation: OrganisationId::new(self.organisation),
            client_name: self.client_name.unwrap_or_default(),
            channel: self.channel,
            scope: self.scope,
            payment_request: self.payment_id,
            since: self.created_at,
            last_sca_at: self.sca_at,
            sca_method: self.sca_method,
            last_used_at: self.last_used_at,
            until: self.expires_at,
            ended_at: end.map(|(at, ..)| at),
            ended_by: end.map(|(_, by, _)| by),
            why: end.map(|(.., why)| why),
            note: self.revoked_note,
            sca_forced_why: self.sca_forced_why,
        }
    }
}

/// The states that a query lets through: alive, ended before its time, ended by time.
const fn wanted(state: GrantState) -> Option<&'static str> {
    match state {
        GrantState::Live => Some("live"),
        GrantState::Ended => Some("ended"),
        GrantState::Expired => Some("expired"),
        GrantState::All => None,
    }
}

/// How often a client's grants are used, as far as that was counted.
pub struct GrantCount {
    pub live: i64,
    pub last_used_at: Option<OffsetDateTime>,
}

impl Db {
    /// Oldest first.
    pub async fn known_clients(&self, query: &ClientQuery<'_>) -> Result<ClientsFound, Outage> {
        let deleted = match query.state {
            ClientState::Live | ClientState::Blocked => Some(false),
            ClientState::Deleted => Some(true),
            ClientState::All => None,
        };
        let only_blocked = query.state == ClientState::Blocked;
        let after = query.after.unwrap_or(Uuid::nil());
        let last =
            sqlx::query_scalar!("select id from clients where id > $1 order by id offset $2 limit 1", after, query.scan.saturating_sub(1));
        let seen = timed("known_clients", last.fetch_optional(&self.pool)).await?;
        let rows = sqlx::query_as!(
            ClientRow,
            r#"select id, brand, organisation, legal_name, metadata as "metadata: _", scope, created_at, updated_at, deleted_at, held_to
               from clients
               where id > $1 and id <= $2 and ($3::text is null or brand = $3)
                 and ($4::text is null or organisation = $4) and ($5::bool is null or (deleted_at is not null) = $5)
                 and (not $6::bool or id = any ($7) or organisation = any ($8))
               order by id limit $9"#,
            after,
            seen.unwrap_or(Uuid::max()),
            query.brand.map(BrandId::as_str),
            query.organisation.map(OrganisationId::as_str),
            deleted,
            only_blocked,
            query.blocked_clients,
            query.blocked_organisations,
            query.limit,
        );
        let rows = timed("known_clients", rows.fetch_all(&self.pool)).await?;
        Ok(ClientsFound { fitting: rows.into_iter().map(KnownClient::try_from).collect::<Result<_, _>>()?, seen })
    }

    /// Deleted or not.
    pub async fn known_client(&self, id: ClientId) -> Result<Option<KnownClient>, Outage> {
        let row = sqlx::query_as!(
            ClientRow,
            r#"select id, brand, organisation, legal_name, metadata as "metadata: _", scope, created_at, updated_at, deleted_at, held_to
               from clients where id = $1"#,
            id.0,
        );
        timed("known_client", row.fetch_optional(&self.pool)).await?.map(KnownClient::try_from).transpose()
    }

    /// Live grants of a client, counted so far and no further; the last use of its newest ones.
    pub async fn count_grants(&self, client: ClientId, most: i64, newest: i64, now: OffsetDateTime) -> Result<GrantCount, Outage> {
        let row = sqlx::query!(
            r#"select (select count(*) from (select from grants where client_id = $1 and revoked_at is null and expires_at > $2 limit $3) alive)
                      as "live!",
                      (select max(last_used_at) from (select last_used_at from grants where client_id = $1 order by id desc limit $4) newest)
                      as last_used_at"#,
            client.0,
            now,
            most,
            newest,
        );
        let row = timed("count_grants", row.fetch_one(&self.pool)).await?;
        Ok(GrantCount { live: row.live, last_used_at: row.last_used_at })
    }

    /// Newest first.
    pub async fn grants_of(&self, query: &GrantQuery<'_>) -> Result<Vec<GrantView>, Outage> {
        let rows = match query.of {
            GrantsOf::Customer(psu) => self.grants_of_customer(query, psu).await?,
            GrantsOf::Client(client) => self.grants_of_client(query, *client).await?,
            GrantsOf::Organisation(organisation) => self.grants_of_organisation(query, organisation).await?,
        };
        Ok(rows.into_iter().map(|row| row.view(query.now)).collect())
    }

    async fn grants_of_customer(&self, query: &GrantQuery<'_>, psu: &PsuReference) -> Result<Vec<GrantRow>, Outage> {
        let rows = sqlx::query_as!(
            GrantRow,
            r#"select g.id, g.brand, g.client_id, c.organisation, c.metadata ->> 'client_name' as client_name, g.channel, g.scope, g.payment_id,
                      g.created_at, g.sca_at, g.sca_method, g.last_used_at, g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note,
                      g.sca_forced_at, g.sca_forced_why
               from grants g join clients c on c.id = g.client_id
               where g.brand = $1 and g.psu = $2 and g.id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                 and ($4::text is null or $4 = case when g.revoked_at < g.expires_at or g.sca_forced_at is not null then 'ended'
                                                    when g.expires_at > $5 then 'live' else 'expired' end)
               order by g.id desc limit $6"#,
            query.brand.as_str(),
            psu.as_str(),
            query.before,
            wanted(query.state),
            query.now,
            query.limit,
        );
        Ok(timed("grants_of_customer", rows.fetch_all(&self.pool)).await?)
    }

    async fn grants_of_client(&self, query: &GrantQuery<'_>, client: ClientId) -> Result<Vec<GrantRow>, Outage> {
        let rows = sqlx::query_as!(
            GrantRow,
            r#"select g.id, g.brand, g.client_id, c.organisation, c.metadata ->> 'client_name' as client_name, g.channel, g.scope, g.payment_id,
                      g.created_at, g.sca_at, g.sca_method, g.last_used_at, g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note,
                      g.sca_forced_at, g.sca_forced_why
               from grants g join clients c on c.id = g.client_id
               where g.client_id = $1 and g.brand = $2 and g.id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                 and ($4::text is null or $4 = case when g.revoked_at < g.expires_at or g.sca_forced_at is not null then 'ended'
                                                    when g.expires_at > $5 then 'live' else 'expired' end)
               order by g.id desc limit $6"#,
            client.0,
            query.brand.as_str(),
            query.before,
            wanted(query.state),
            query.now,
            query.limit,
        );
        Ok(timed("grants_of_client", rows.fetch_all(&self.pool)).await?)
    }

    /// Of each live client the newest, and of those the newest.
    async fn grants_of_organisation(&self, query: &GrantQuery<'_>, organisation: &OrganisationId) -> Result<Vec<GrantRow>, Outage> {
        let rows = sqlx::query_as!(
            GrantRow,
            r#"select g.id, g.brand, g.client_id, c.organisation, c.metadata ->> 'client_name' as client_name, g.channel, g.scope, g.payment_id,
                      g.created_at, g.sca_at, g.sca_method, g.last_used_at, g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note,
                      g.sca_forced_at, g.sca_forced_why
               from clients c cross join lateral (
                   select * from grants own
                   where own.client_id = c.id and own.id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                     and ($4::text is null or $4 = case when own.revoked_at < own.expires_at or own.sca_forced_at is not null then 'ended'
                                                        when own.expires_at > $5 then 'live' else 'expired' end)
                   order by own.id desc limit $6) g
               where c.brand = $1 and c.organisation = $2 and c.deleted_at is null
               order by g.id desc limit $6"#,
            query.brand.as_str(),
            organisation.as_str(),
            query.before,
            wanted(query.state),
            query.now,
            query.limit,
        );
        Ok(timed("grants_of_organisation", rows.fetch_all(&self.pool)).await?)
    }

    pub async fn find_grant_view(&self, grant: GrantId, now: OffsetDateTime) -> Result<Option<GrantView>, Outage> {
        let row = sqlx::query_as!(
            GrantRow,
            r#"select g.id, g.brand, g.client_id, c.organisation, c.metadata ->> 'client_name' as client_name, g.channel, g.scope, g.payment_id,
                      g.created_at, g.sca_at, g.sca_method, g.last_used_at, g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note,
                      g.sca_forced_at, g.sca_forced_why
               from grants g join clients c on c.id = g.client_id where g.id = $1"#,
            grant.0,
        );
        Ok(timed("find_grant_view", row.fetch_optional(&self.pool)).await?.map(|row| row.view(now)))
    }
}

impl Tx {
    /// Held: two who end it take turns, and so do they and a refresh.
    pub async fn lock_grant_view(&mut self, brand: &BrandId, grant: GrantId, now: OffsetDateTime) -> Result<Option<GrantView>, Outage> {
        let row = sqlx::query_as!(
            GrantRow,
            r#"select g.id, g.brand, g.client_id, c.organisation, c.metadata ->> 'client_name' as client_name, g.channel, g.scope, g.payment_id,
                      g.created_at, g.sca_at, g.sca_method, g.last_used_at, g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note,
                      g.sca_forced_at, g.sca_forced_why
               from grants g join clients c on c.id = g.client_id where g.id = $1 and g.brand = $2 for update of g"#,
            grant.0,
            brand.as_str(),
        );
        Ok(row.fetch_optional(&mut *self.inner).await?.map(|row| row.view(now)))
    }

    /// A live client of any brand, and whose it is.
    pub async fn find_live_client(&mut self, id: ClientId) -> Result<Option<(BrandId, OrganisationId)>, Outage> {
        let row = sqlx::query!("select brand, organisation from clients where id = $1 and deleted_at is null", id.0);
        let row = row.fetch_optional(&mut *self.inner).await?;
        Ok(row.map(|row| (BrandId::new(&row.brand), OrganisationId::new(row.organisation))))
    }

    /// Whom a client may be written to (RFC 7591 s2).
    pub async fn contacts_of(&mut self, id: ClientId) -> Result<Vec<String>, Outage> {
        let contacts = sqlx::query_scalar!(
            r#"select coalesce(array(select jsonb_array_elements_text(metadata -> 'contacts')), '{}') as "contacts!" from clients where id = $1"#,
            id.0,
        );
        Ok(contacts.fetch_optional(&mut *self.inner).await?.unwrap_or_default())
    }
}
