//! Organisations: there is no table of them. One is known by its clients or by the certificates it was seen with.

use super::{Db, Outage, timed};
use crate::oauth::{
    brand::BrandId,
    client::ClientId,
    organisation::{ClientOfOrganisation, OrganisationSummary, SeenCertificate},
    tpp::OrganisationId,
};
use time::OffsetDateTime;

impl Db {
    /// Identifiers after one, in their order.
    pub async fn organisations(&self, after: &str, limit: i64) -> Result<Vec<String>, Outage> {
        let page = sqlx::query_scalar!(
            r#"select organisation as "organisation!" from (
                   (select distinct organisation from certificates where organisation > $1 order by organisation limit $2)
                   union
                   (select distinct organisation from clients where organisation > $1 and deleted_at is null order by organisation limit $2)
               ) known order by organisation limit $2"#,
            after,
            limit,
        );
        Ok(timed("list_organisations", page.fetch_all(&self.pool)).await?)
    }

    /// Organisations with clients whose last certificate is still valid and ends by a time; nearest end first.
    pub async fn organisations_ending(&self, now: OffsetDateTime, by: OffsetDateTime, limit: i64) -> Result<Vec<String>, Outage> {
        let page = sqlx::query_scalar!(
            "select c.organisation from certificates c
             where c.not_after >= $1 and c.not_after <= $2
               and not exists (select 1 from certificates other where other.organisation = c.organisation and other.brands && c.brands
                               and (other.not_after, other.thumbprint) > (c.not_after, c.thumbprint))
               and exists (select 1 from clients k where k.organisation = c.organisation and k.brand = any (c.brands) and k.deleted_at is null)
             order by c.not_after, c.thumbprint limit $3",
            now,
            by,
            limit,
        );
        Ok(timed("list_ending", page.fetch_all(&self.pool)).await?)
    }

    /// A line for each, in the order asked for; nothing for one that is not known.
    pub async fn summaries(&self, organisations: &[String], now: OffsetDateTime) -> Result<Vec<OrganisationSummary>, Outage> {
        let rows = sqlx::query!(
            r#"select asked.organisation as "organisation!", own.clients as "clients!", seen.certificates as "certificates!",
                      seen.first_end, seen.last_end, seen.last_seen_at,
                      coalesce((select legal_name from certificates where organisation = asked.organisation and legal_name is not null
                                order by not_after desc limit 1), own.legal_name) as legal_name
               from unnest($1::text[]) with ordinality asked (organisation, at)
               cross join lateral (
                   select count(*) as certificates, min(not_after) filter (where not_after >= $2) as first_end, max(not_after) as last_end,
                          max(last_seen_at) as last_seen_at
                   from certificates where organisation = asked.organisation) seen
               cross join lateral (
                   select count(*) as clients, max(legal_name) as legal_name
                   from clients where organisation = asked.organisation and deleted_at is null) own
               where own.clients > 0 or seen.certificates > 0
               order by asked.at"#,
            organisations,
            now,
        );
        let rows = timed("summarise_organisations", rows.fetch_all(&self.pool)).await?;
        let summaries = rows.into_iter().map(|row| OrganisationSummary {
            organisation: OrganisationId::new(row.organisation),
            legal_name: row.legal_name,
            clients: row.clients,
            certificates: row.certificates,
            first_end: row.first_end,
            last_end: row.last_end,
            last_seen_at: row.last_seen_at,
        });
        Ok(summaries.collect())
    }

    /// Live ones, brand by brand, oldest first.
    pub async fn clients_of(&self, organisation: &OrganisationId, limit: i64) -> Result<Vec<ClientOfOrganisation>, Outage> {
        let rows = sqlx::query!(
            "select id, brand, legal_name, scope, created_at, metadata ->> 'client_name' as name
             from clients where organisation = $1 and deleted_at is null order by brand, created_at, id limit $2",
            organisation.as_str(),
            limit,
        );
        let rows = timed("clients_of_organisation", rows.fetch_all(&self.pool)).await?;
        let clients = rows.into_iter().map(|row| ClientOfOrganisation {
            id: ClientId(row.id),
            brand: BrandId::new(&row.brand),
            name: row.name.unwrap_or_default(),
            legal_name: row.legal_name,
            scope: row.scope,
            registered_at: row.created_at,
        });
        Ok(clients.collect())
    }

    /// Those that end last come first.
    pub async fn certificates_of(&self, organisation: &OrganisationId, limit: i64) -> Result<Vec<SeenCertificate>, Outage> {
        let rows = sqlx::query_as!(
            SeenCertificate,
            "select thumbprint, issuer, serial, not_before, not_after, roles, brands, first_seen_at, last_seen_at
             from certificates where organisation = $1 order by not_after desc, thumbprint limit $2",
            organisation.as_str(),
            limit,
        );
        Ok(timed("certificates_of_organisation", rows.fetch_all(&self.pool)).await?)
    }
}
