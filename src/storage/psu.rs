//! The keys of customers in the audit trail, and what is forgotten of one who must be forgotten.

use super::{Db, Outage, Tx, timed};
use crate::{
    audit::{
        chain::Recorded,
        psu::{PsuDigestKey, PsuKey},
    },
    oauth::{
        brand::BrandId,
        grant::{GrantId, PsuReference},
    },
};
use time::OffsetDateTime;
use uuid::Uuid;

fn key(id: Uuid, bytes: &[u8]) -> Result<PsuKey, Outage> {
    Ok(PsuKey::new(id, bytes.try_into().map_err(|_| Outage::unreadable("psu_keys.key"))?))
}

impl Db {
    /// The deployment's one key. Whoever asks first brings it; of those who come at the same time one wins, and all are told his.
    pub async fn psu_digest_key(&self, fresh: [u8; 32]) -> Result<PsuDigestKey, Outage> {
        let put = sqlx::query!("insert into psu_digest_key (key) values ($1) on conflict do nothing", &fresh[..]);
        timed("put_psu_digest_key", put.execute(&self.pool)).await?;
        let get = sqlx::query_scalar!("select key from psu_digest_key");
        let stored = timed("get_psu_digest_key", get.fetch_one(&self.pool)).await?;
        let bytes = stored.as_slice().try_into().map_err(|_| Outage::unreadable("psu_digest_key.key"))?;
        Ok(PsuDigestKey::new(bytes))
    }

    pub async fn find_psu_key(&self, brand: &BrandId, digest: &[u8; 32]) -> Result<Option<PsuKey>, Outage> {
        let row = sqlx::query!("select id, key from psu_keys where brand = $1 and digest = $2", brand.as_str(), &digest[..]);
        timed("find_psu_key", row.fetch_optional(&self.pool)).await?.map(|row| key(row.id, &row.key)).transpose()
    }

    pub async fn psu_key_of(&self, id: Uuid) -> Result<Option<PsuKey>, Outage> {
        let row = sqlx::query_scalar!("select key from psu_keys where id = $1", id);
        timed("psu_key_of", row.fetch_optional(&self.pool)).await?.map(|bytes| key(id, &bytes)).transpose()
    }

    /// In order of time, a page behind an event.
    pub async fn audit_events_of_customer(&self, of: Uuid, after: Uuid) -> Result<Vec<Recorded>, Outage> {
        let rows = sqlx::query_as!(
            super::audit_chain::EventRow,
            "select id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, position, psu_key, psu
             from audit_events where psu_key = $1 and id > $2 order by id limit 200",
            of,
            after,
        );
        Ok(timed("audit_events_of_customer", rows.fetch_all(&self.pool)).await?.into_iter().map(Recorded::from).collect())
    }

    pub async fn find_audit_event(&self, id: Uuid) -> Result<Option<Recorded>, Outage> {
        let row = sqlx::query_as!(
            super::audit_chain::EventRow,
            "select id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, position, psu_key, psu
             from audit_events where id = $1",
            id,
        );
        Ok(timed("find_audit_event", row.fetch_optional(&self.pool)).await?.map(Recorded::from))
    }
}

impl Tx {
    /// The customer's key, made now where there is none. One that somebody makes at the same moment is waited for.
    pub async fn psu_key(&mut self, brand: &BrandId, digest: &[u8; 32], fresh: &PsuKey, now: OffsetDateTime) -> Result<PsuKey, Outage> {
        let row = sqlx::query!(
            r#"with found as (select id, key from psu_keys where brand = $1 and digest = $2),
               made as (
                   insert into psu_keys (id, brand, digest, key, made_at) select $3, $1, $2, $4, $5 where not exists (select from found)
                   on conflict (brand, digest) do nothing returning id, key)
               select id as "id!", key as "key!" from found union all select id, key from made"#,
            brand.as_str(),
            &digest[..],
            fresh.id,
            &fresh.as_bytes()[..],
            now,
        );
        if let Some(row) = row.fetch_optional(&mut *self.inner).await? {
            return key(row.id, &row.key);
        }
        // somebody else made it between the look and the insert
        let row = sqlx::query!("select id, key from psu_keys where brand = $1 and digest = $2", brand.as_str(), &digest[..]);
        match row.fetch_optional(&mut *self.inner).await? {
            Some(row) => key(row.id, &row.key),
            None => Err(Outage::contended("the customer is being forgotten")),
        }
    }

    /// Which key it was. `None`: there is none.
    pub async fn destroy_psu_key(&mut self, brand: &BrandId, digest: &[u8; 32]) -> Result<Option<Uuid>, Outage> {
        let id = sqlx::query_scalar!("delete from psu_keys where brand = $1 and digest = $2 returning id", brand.as_str(), &digest[..]);
        Ok(id.fetch_optional(&mut *self.inner).await?)
    }

    /// Consents that are alive, and hold them.
    pub async fn lock_live_grants(&mut self, brand: &BrandId, psu: &PsuReference, now: OffsetDateTime) -> Result<Vec<GrantId>, Outage> {
        let ids = sqlx::query_scalar!(
            "select id from grants where brand = $1 and psu = $2 and revoked_at is null and expires_at > $3 order by id limit 200 for update",
            brand.as_str(),
            psu.as_str(),
            now,
        );
        Ok(ids.fetch_all(&mut *self.inner).await?.into_iter().map(GrantId).collect())
    }

    /// Of ended grants the customer, his accounts and what was said of him, and of their payments whom and from where he paid; some
    /// at a time, says of how many.
    pub async fn forget_customer_of_grants(&mut self, brand: &BrandId, psu: &PsuReference) -> Result<u64, Outage> {
        let done = sqlx::query_scalar!(
            r#"with mine as (select id, payment_id from grants where brand = $1 and psu = $2 order by id limit 200 for update),
               paid as (
                   update payments p
                   set payment = (p.payment || '{"creditor_name": "", "creditor_account": ""}'::jsonb) - '{debtor_account,remittance_information}'::text[]
                   from mine where p.id = mine.payment_id),
               blank as (
                   update grants g set psu = '', accounts = null, authorization_details = null, sca_reference = null, revoked_note = null from mine where g.id = mine.id
                   returning g.id)
               select count(*) as "count!" from blank"#,
            brand.as_str(),
            psu.as_str(),
        );
        Ok(u64::try_from(done.fetch_one(&mut *self.inner).await?).unwrap_or(0))
    }

    /// Goes through a page of journeys: those of the customer that are over forget him. The last id, how many were his, how many are
    /// under way. `None`: that was the end.
    pub async fn forget_customer_of_interactions(
        &mut self,
        brand: &BrandId,
        psu: &PsuReference,
        after: Uuid,
        now: OffsetDateTime,
    ) -> Result<Option<(Uuid, i64)>, Outage> {
        let row = sqlx::query!(
            r#"with page as (select id, brand, psu, state, expires_at from interactions where id > $3 order by id limit 200),
               blank as (
                   update interactions i set psu = null, facts = null, authorization_details = null
                   from page where i.id = page.id and page.brand = $1 and page.psu = $2
                     and (page.state in ('approved', 'done', 'failed') or page.expires_at <= $4))
               select (select id from page order by id desc limit 1) as last,
                      (select count(*) from page where brand = $1 and psu = $2 and state not in ('approved', 'done', 'failed')
                       and expires_at > $4) as "under_way!""#,
            brand.as_str(),
            psu.as_str(),
            after,
            now,
        );
        let row = row.fetch_one(&mut *self.inner).await?;
        Ok(row.last.map(|last| (last, row.under_way)))
    }

    /// Goes through a page of visits; the last id. `None`: that was the end.
    pub async fn forget_customer_of_visits(&mut self, brand: &BrandId, psu: &PsuReference, after: Uuid) -> Result<Option<Uuid>, Outage> {
        let last = sqlx::query_scalar!(
            r#"with page as (select id, brand, psu from permission_visits where id > $3 order by id limit 200),
               gone as (delete from permission_visits v using page where v.id = page.id and page.brand = $1 and page.psu = $2)
               select id as "id!" from page order by id desc limit 1"#,
            brand.as_str(),
            psu.as_str(),
            after,
        );
        Ok(last.fetch_optional(&mut *self.inner).await?)
    }
}
