//! Certificates as they were met at the tpp counter.

use super::{Db, Outage, Tx, timed};
use crate::oauth::{
    brand::BrandId,
    tpp::{OrganisationId, Tpp},
};
use sqlx::types::JsonValue;
use std::collections::HashMap;
use time::OffsetDateTime;

/// An accepted certificate, and what its leaf says beside its holder.
pub struct Sighting<'a> {
    pub tpp: &'a Tpp,
    /// Where it was accepted.
    pub brand: &'a BrandId,
    /// DER, leaf first.
    pub chain: &'a [Vec<u8>],
    pub issuer: &'a str,
    pub serial: &'a str,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// The last certificate that an organisation with clients was accepted with at a brand, near its end.
pub struct EndingCertificate {
    pub thumbprint: Vec<u8>,
    pub organisation: OrganisationId,
    pub serial: String,
    pub legal_name: Option<String>,
    pub not_after: OffsetDateTime,
    /// Where it was accepted.
    pub brands: Vec<String>,
    /// Of its clients there.
    pub contacts: Vec<String>,
}

/// After which certificate a page begins.
pub struct EndingCursor {
    pub not_after: OffsetDateTime,
    pub thumbprint: Vec<u8>,
}

const MOST_CONTACTS: usize = 50;

impl Db {
    /// Keeps an accepted certificate: introspection can be asked about it by its SHA-256, operators who must renew.
    pub async fn remember_certificate(&self, seen: &Sighting<'_>, now: OffsetDateTime) -> Result<(), Outage> {
        let roles: Vec<String> = seen.tpp.roles.iter().map(|role| role.name().to_owned()).collect();
        let upsert = sqlx::query!(
            "insert into certificates (thumbprint, organisation, chain, issuer, serial, not_before, not_after, legal_name, roles,
                                       first_seen_at, last_seen_at, brands)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, array[$11])
             on conflict (thumbprint) do update
             set issuer = excluded.issuer, serial = excluded.serial, not_before = excluded.not_before, not_after = excluded.not_after,
                 legal_name = excluded.legal_name, roles = excluded.roles,
                 last_seen_at = greatest(certificates.last_seen_at, excluded.last_seen_at),
                 brands = case when certificates.brands @> excluded.brands then certificates.brands
                               else certificates.brands || excluded.brands end",
            &seen.tpp.thumbprint[..],
            seen.tpp.organisation.as_str(),
            seen.chain,
            seen.issuer,
            seen.serial,
            seen.not_before,
            seen.not_after,
            seen.tpp.legal_name,
            &roles,
            now,
            seen.brand.as_str(),
        );
        timed("remember_certificate", upsert.execute(&self.pool)).await?;
        Ok(())
    }

    pub async fn find_certificate(&self, thumbprint: &[u8; 32]) -> Result<Option<Vec<Vec<u8>>>, Outage> {
        let row = sqlx::query_scalar!("select chain from certificates where thumbprint = $1", &thumbprint[..]);
        Ok(timed("find_certificate", row.fetch_optional(&self.pool)).await?)
    }

    /// The same of several: those that were seen.
    pub async fn find_certificates(
        &self,
        thumbprints: impl IntoIterator<Item = [u8; 32]>,
    ) -> Result<HashMap<[u8; 32], Vec<Vec<u8>>>, Outage> {
        let thumbprints: Vec<Vec<u8>> = thumbprints.into_iter().map(Vec::from).collect();
        let rows = sqlx::query!("select thumbprint, chain from certificates where thumbprint = any ($1)", &thumbprints);
        let rows = timed("find_certificates", rows.fetch_all(&self.pool)).await?;
        rows.into_iter()
            .map(|row| Ok((row.thumbprint.try_into().map_err(|_| Outage::unreadable("certificates.thumbprint"))?, row.chain)))
            .collect()
    }

    /// Of how many organisations with clients the last certificate is still valid and ends by each of the two times.
    // `offset 0`: the few are looked up by index, each; without it all clients are read at once
    pub async fn count_ending(&self, now: OffsetDateTime, by: [OffsetDateTime; 2]) -> Result<[i64; 2], Outage> {
        let [sooner, later] = by;
        let row = sqlx::query!(
            r#"select count(*) filter (where c.not_after <= $2) as "sooner!", count(*) as "later!"
               from certificates c
               where c.not_after >= $1 and c.not_after <= $3
                 and not exists (select 1 from certificates other where other.organisation = c.organisation and other.brands && c.brands
                                 and (other.not_after, other.thumbprint) > (c.not_after, c.thumbprint))
                 and exists (select 1 from clients k where k.organisation = c.organisation and k.brand = any (c.brands) and k.deleted_at is null
                             offset 0)"#,
            now,
            sooner,
            later,
        );
        let row = timed("count_ending", row.fetch_one(&self.pool)).await?;
        Ok([row.sooner, row.later])
    }
}

impl Tx {
    /// The last certificates of organisations with clients that end, or ended, after the cursor and by a time; nearest end first.
    pub async fn ending_certificates(
        &mut self,
        after: &EndingCursor,
        by: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<EndingCertificate>, Outage> {
        let rows = sqlx::query!(
            r#"select c.thumbprint, c.organisation, c.serial as "serial!", c.legal_name, c.not_after as "not_after!", c.brands,
                      (select jsonb_agg(k.metadata -> 'contacts') from clients k
                       where k.organisation = c.organisation and k.brand = any (c.brands) and k.deleted_at is null) as contacts
               from certificates c
               where c.not_after >= $1 and c.not_after <= $2 and (c.not_after, c.thumbprint) > ($1, $3)
                 and not exists (select 1 from certificates other where other.organisation = c.organisation and other.brands && c.brands
                                 and (other.not_after, other.thumbprint) > (c.not_after, c.thumbprint))
                 and exists (select 1 from clients k where k.organisation = c.organisation and k.brand = any (c.brands) and k.deleted_at is null)
               order by c.not_after, c.thumbprint limit $4"#,
            after.not_after,
            by,
            after.thumbprint,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        let ending = rows.into_iter().map(|row| EndingCertificate {
            thumbprint: row.thumbprint,
            organisation: OrganisationId::new(row.organisation),
            serial: row.serial,
            legal_name: row.legal_name,
            not_after: row.not_after,
            brands: row.brands,
            contacts: contacts(row.contacts.as_ref()),
        });
        Ok(ending.collect())
    }

    /// Forgets certificates that ended before a time. At most `limit`; says how many.
    pub async fn forget_certificates(&mut self, ended_before: OffsetDateTime, limit: i64) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "delete from certificates where thumbprint = any (array(
                 select thumbprint from certificates where not_after < $1 order by not_after limit $2))",
            ended_before,
            limit,
        );
        Ok(done.execute(&mut *self.inner).await?.rows_affected())
    }
}

/// Lists of several clients as one, none twice.
fn contacts(lists: Option<&JsonValue>) -> Vec<String> {
    let lists = lists.and_then(JsonValue::as_array).into_iter().flatten();
    let mut all: Vec<String> = lists.filter_map(JsonValue::as_array).flatten().filter_map(|c| Some(c.as_str()?.to_owned())).collect();
    all.sort();
    all.dedup();
    all.truncate(MOST_CONTACTS);
    all
}
