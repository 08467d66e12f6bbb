//! Grants as their customers see them, when they were last used, and visits to the page that shows them.

use super::{Db, Outage, Tx, timed};
use crate::oauth::{
    brand::{BrandId, Lang},
    client::ClientId,
    client_metadata::ClientMetadata,
    grant::{EndReason, GrantId, PsuReference},
    payment::{PaymentId, PaymentKind},
    permission::{Permission, PermissionState, Revoked},
    scope::Scope,
    secret::{Digest, Handle},
    tpp::OrganisationId,
    visit::{Opened, Visit},
};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Which of a customer's grants.
pub struct PermissionQuery<'a> {
    pub brand: &'a BrandId,
    pub psu: &'a PsuReference,
    pub state: PermissionState,
    pub now: OffsetDateTime,
    /// Those that ended before are left out.
    pub ended_after: OffsetDateTime,
    /// Older than this one.
    pub before: Option<GrantId>,
    pub limit: i64,
}

struct Row {
    id: Uuid,
    client_id: Uuid,
    channel: String,
    scope: String,
    accounts: Option<Vec<String>>,
    payment_id: Option<Uuid>,
    payment_kind: Option<String>,
    created_at: OffsetDateTime,
    sca_at: OffsetDateTime,
    sca_method: Option<String>,
    last_used_at: Option<OffsetDateTime>,
    expires_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
    revoked_reason: Option<String>,
    revoked_note: Option<String>,
    sca_forced_at: Option<OffsetDateTime>,
    organisation: String,
    legal_name: String,
    metadata: Json<ClientMetadata>,
}

impl TryFrom<Row> for Permission {
    type Error = Outage;

    fn try_from(row: Row) -> Result<Self, Outage> {
        let reason = EndReason::from_stored(row.revoked_reason.as_deref());
        let kind = row.payment_kind.map(|name| PaymentKind::from_name(&name).ok_or(Outage::unreadable("payments.kind"))).transpose()?;
        Ok(Self {
            grant: GrantId(row.id),
            client: ClientId(row.client_id),
            metadata: row.metadata.0,
            legal_name: row.legal_name,
            organisation: OrganisationId::new(row.organisation),
            channel: row.channel,
            scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("grants.scope"))?,
            accounts: row.accounts,
            payment: row.payment_id.zip(kind).map(|(id, kind)| (PaymentId(id), kind)),
            since: row.created_at,
            sca_at: row.sca_at,
            sca_method: row.sca_method,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            revoked: match (row.revoked_at, row.sca_forced_at) {
                (Some(at), None) => Some(Revoked { at, reason, note: row.revoked_note }),
                (Some(at), Some(_)) if at < row.expires_at => Some(Revoked { at, reason, note: row.revoked_note }),
                (_, Some(_)) => Some(Revoked { at: row.expires_at, reason: EndReason::ScaForced, note: None }),
                (None, None) => None,
            },
        })
    }
}

impl Db {
    /// Newest first. A deleted client is still told of.
    pub async fn permissions(&self, query: &PermissionQuery<'_>) -> Result<Vec<Permission>, Outage> {
        let alive = match query.state {
            PermissionState::Active => Some(true),
            PermissionState::Ended => Some(false),
            PermissionState::All => None,
        };
        let rows = sqlx::query_as!(
            Row,
            r#"select g.id, g.client_id, g.channel, g.scope, g.accounts, g.payment_id, g.created_at, g.sca_at, g.sca_method, g.last_used_at,
                      g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note, g.sca_forced_at, c.organisation, c.legal_name, c.metadata as "metadata: _",
                      (select p.kind from payments p where p.id = g.payment_id) as payment_kind
               from grants g join clients c on c.id = g.client_id
               where g.brand = $1 and g.psu = $2 and g.id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                 and ($4::bool is null or (g.revoked_at is null and g.expires_at > $5) = $4) and least(g.revoked_at, g.expires_at) > $6
               order by g.id desc limit $7"#,
            query.brand.as_str(),
            query.psu.as_str(),
            query.before.map(|grant| grant.0),
            alive,
            query.now,
            query.ended_after,
            query.limit,
        );
        timed("permissions", rows.fetch_all(&self.pool)).await?.into_iter().map(Permission::try_from).collect()
    }

    pub async fn find_permission(&self, brand: &BrandId, psu: &PsuReference, grant: GrantId) -> Result<Option<Permission>, Outage> {
        let row = sqlx::query_as!(
            Row,
            r#"select g.id, g.client_id, g.channel, g.scope, g.accounts, g.payment_id, g.created_at, g.sca_at, g.sca_method, g.last_used_at,
                      g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note, g.sca_forced_at, c.organisation, c.legal_name, c.metadata as "metadata: _",
                      (select p.kind from payments p where p.id = g.payment_id) as payment_kind
               from grants g join clients c on c.id = g.client_id where g.id = $1 and g.brand = $2 and g.psu = $3"#,
            grant.0,
            brand.as_str(),
            psu.as_str(),
        );
        timed("find_permission", row.fetch_optional(&self.pool)).await?.map(Permission::try_from).transpose()
    }

    /// When grants were last used, in one statement. One that was written down less than `every` before stays as it is, whichever
    /// process wrote it; one that somebody is changing just now is passed over, so that nobody waits for another. The commit does not
    /// wait for the disk: what a crash of PostgreSQL loses is noted again at the next use, and nothing rests on it.
    pub async fn note_uses(&self, uses: &[(GrantId, OffsetDateTime)], every: Duration) -> Result<u64, Outage> {
        let (ids, times): (Vec<_>, Vec<_>) = uses.iter().map(|(grant, at)| (grant.0, *at)).unzip();
        let done = sqlx::query!(
            "with loose as (select set_config('synchronous_commit', 'off', true)),
             due as (
                 select g.id, used.at
                 from loose, unnest($1::uuid[], $2::timestamptz[]) as used (id, at) join grants g on g.id = used.id
                 where g.last_used_at is null or g.last_used_at <= used.at - make_interval(mins => $3)
                 for no key update of g skip locked)
             update grants set last_used_at = due.at from due where grants.id = due.id",
            &ids,
            &times,
            i32::try_from(every.whole_minutes()).unwrap_or(i32::MAX),
        );
        Ok(timed("note_uses", done.execute(&self.pool)).await?.rows_affected())
    }
}

impl Tx {
    /// Held: two withdrawals take turns, and so do a withdrawal and a refresh.
    pub async fn lock_permission(&mut self, brand: &BrandId, psu: &PsuReference, grant: GrantId) -> Result<Option<Permission>, Outage> {
        let row = sqlx::query_as!(
            Row,
            r#"select g.id, g.client_id, g.channel, g.scope, g.accounts, g.payment_id, g.created_at, g.sca_at, g.sca_method, g.last_used_at,
                      g.expires_at, g.revoked_at, g.revoked_reason, g.revoked_note, g.sca_forced_at, c.organisation, c.legal_name, c.metadata as "metadata: _",
                      (select p.kind from payments p where p.id = g.payment_id) as payment_kind
               from grants g join clients c on c.id = g.client_id where g.id = $1 and g.brand = $2 and g.psu = $3 for update of g"#,
            grant.0,
            brand.as_str(),
            psu.as_str(),
        );
        row.fetch_optional(&mut *self.inner).await?.map(Permission::try_from).transpose()
    }

    pub async fn insert_visit(&mut self, visit: &Visit) -> Result<(), Outage> {
        sqlx::query!(
            "insert into permission_visits (id, brand, psu, lang, link_digest, link_until) values ($1, $2, $3, $4, $5, $6)",
            visit.id,
            visit.brand.as_str(),
            visit.psu.as_str(),
            visit.lang.tag(),
            visit.link.as_bytes(),
            visit.link_until,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Held: two who open one link take turns, and the second finds it used.
    pub async fn lock_visit(&mut self, brand: &BrandId, handle: &Handle) -> Result<Option<Visit>, Outage> {
        let row = sqlx::query!(
            "select psu, lang, link_digest, link_until, key_digest, opened_at, active_at from permission_visits
             where id = $1 and brand = $2 for update",
            handle.id,
            brand.as_str(),
        );
        let Some(row) = row.fetch_optional(&mut *self.inner).await? else { return Ok(None) };
        let digest = |bytes: &[u8]| Digest::from_stored(bytes).ok_or(Outage::unreadable("permission_visits.*_digest"));
        let opened = match (row.key_digest, row.opened_at, row.active_at) {
            (Some(key), Some(at), Some(active_at)) => Some(Opened { key: digest(&key)?, at, active_at }),
            _ => None,
        };
        Ok(Some(Visit {
            id: handle.id,
            brand: brand.clone(),
            psu: PsuReference::new(row.psu),
            lang: Lang::from_tag(&row.lang).ok_or(Outage::unreadable("permission_visits.lang"))?,
            link: digest(&row.link_digest)?,
            link_until: row.link_until,
            opened,
        }))
    }

    /// Opened, or another sign of life.
    pub async fn set_visit(&mut self, id: Uuid, opened: &Opened) -> Result<(), Outage> {
        sqlx::query!(
            "update permission_visits set key_digest = $2, opened_at = $3, active_at = $4 where id = $1",
            id,
            opened.key.as_bytes(),
            opened.at,
            opened.active_at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// At most `limit`; says how many.
    pub async fn forget_visits(&mut self, before: OffsetDateTime, limit: i64) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from permission_visits where id = any (array(select id from permission_visits where link_until < $1 order by link_until limit $2))",
            before,
            limit,
        );
        Ok(done.execute(&mut *self.inner).await?.rows_affected())
    }
}
