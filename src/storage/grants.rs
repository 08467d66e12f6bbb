use super::{Db, Outage, Stored, Tx, timed};
use crate::{
    audit::AuditEvent,
    oauth::{
        brand::BrandId,
        client::ClientId,
        details::AuthorizationDetails,
        grant::{EndReason, Grant, GrantId, PsuReference, ScaEvidence},
        payment::PaymentId,
        pkce::CodeChallenge,
        rotation::RefreshChain,
        scope::Scope,
        secret::{Digest, Handle},
        token::{CodeBinding, CodeRecord, CodeState, RefreshRecord},
    },
};
use sqlx::types::Json;
use time::OffsetDateTime;

/// A grant, what it is about and how that is known.
pub struct NewGrant<'a> {
    pub grant: &'a Grant,
    pub brand: &'a BrandId,
    pub payment: Option<PaymentId>,
    /// `None`: as the bank's rule says.
    pub accounts: Option<&'a [String]>,
    /// As granted (RFC 9396).
    pub details: Option<&'a AuthorizationDetails>,
    pub evidence: &'a ScaEvidence,
}

impl Tx {
    pub async fn insert_grant(&mut self, new: &NewGrant<'_>, now: OffsetDateTime) -> Result<(), Outage> {
        let grant = new.grant;
        sqlx::query!(
            "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, payment_id, accounts, sca_method,
                                 sca_reference, authorization_details)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            grant.id.0,
            new.brand.as_str(),
            grant.client.0,
            grant.channel,
            grant.scope.to_string(),
            grant.psu.as_str(),
            grant.sca_at,
            now,
            grant.expires_at,
            new.payment.map(|payment| payment.0),
            new.accounts as _,
            new.evidence.method,
            new.evidence.reference,
            new.details.map(Json) as _,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The one code of a grant; asked for again before it was used, it is replaced. `false`: it was used already.
    pub async fn put_code(&mut self, code: &Handle, binding: &CodeBinding, expires_at: OffsetDateTime) -> Result<bool, Outage> {
        let done = sqlx::query!(
            "update grants set code_digest = $2, code_expires_at = $3, redirect_uri = $4, redirect_uri_sent = $5, challenge = $6
             where id = $1 and code_consumed_at is null",
            code.id,
            code.digest.as_bytes(),
            expires_at,
            binding.redirect_uri,
            binding.redirect_uri_sent,
            binding.challenge.as_ref().map(CodeChallenge::as_str),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Was the grant's code redeemed? `None`: none was ever minted.
    pub async fn code_was_used(&mut self, grant: GrantId) -> Result<Option<bool>, Outage> {
        let query = sqlx::query_scalar!(
            r#"select code_consumed_at is not null as "used!" from grants where id = $1 and code_digest is not null"#,
            grant.0,
        );
        Ok(query.fetch_optional(&mut *self.inner).await?)
    }

    /// One row, and every token under the grant is dead.
    pub async fn revoke_grant(&mut self, grant: GrantId, reason: EndReason, now: OffsetDateTime) -> Result<(), Outage> {
        self.end_grant(grant, reason, None, now).await
    }

    /// As [`Tx::revoke_grant`], with what whoever ended it said.
    pub async fn end_grant(&mut self, grant: GrantId, reason: EndReason, note: Option<&str>, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "update grants set revoked_at = $2, revoked_reason = $3, revoked_note = $4 where id = $1 and revoked_at is null",
            grant.0,
            now,
            reason.name(),
            note,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

impl Db {
    /// What there is of a code that gave nothing.
    pub async fn find_code(&self, brand: &BrandId, code: &Handle) -> Result<Option<CodeRecord>, Outage> {
        let query = sqlx::query!(
            r#"select id, client_id, channel, scope, psu, sca_at, expires_at, revoked_at, code_digest as "code_digest!",
                      code_expires_at as "code_expires_at!", code_consumed_at, redirect_uri, redirect_uri_sent, challenge
               from grants where id = $1 and brand = $2 and code_digest is not null and code_expires_at is not null"#,
            code.id,
            brand.as_str(),
        );
        let Some(row) = timed("find_code", query.fetch_optional(&self.pool)).await? else { return Ok(None) };
        let challenge =
            row.challenge.as_deref().map(|c| CodeChallenge::parse(c).ok_or(Outage::unreadable("grants.challenge"))).transpose()?;
        let state = match (row.code_consumed_at, row.redirect_uri, row.redirect_uri_sent) {
            (None, Some(redirect_uri), Some(redirect_uri_sent)) => {
                CodeState::Unused(CodeBinding { redirect_uri, redirect_uri_sent, challenge })
            }
            (None, ..) => return Err(Outage::unreadable("grants.redirect_uri")),
            (Some(_), ..) => CodeState::Used,
        };
        Ok(Some(CodeRecord {
            digest: Digest::from_stored(&row.code_digest).ok_or(Outage::unreadable("grants.code_digest"))?,
            grant: Grant {
                id: GrantId(row.id),
                client: ClientId(row.client_id),
                channel: row.channel,
                scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("grants.scope"))?,
                psu: PsuReference::new(row.psu),
                sca_at: row.sca_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
            },
            expires_at: row.code_expires_at,
            state,
        }))
    }

    /// A wrong attempt spends the code, unless the client that made it is no longer as it was judged, or the code is spent.
    pub async fn spend_code(&self, code: &Handle, client: ClientId, revision: i64, event: &AuditEvent) -> Result<Stored, Outage> {
        let query = sqlx::query_scalar!(
            r#"with client as (
                   select id from clients where id = $3 and revision = $4 and deleted_at is null),
               spent as (
                   update grants g set code_consumed_at = $5, redirect_uri = null, redirect_uri_sent = null, challenge = null
                   from client where g.id = $1 and g.code_digest = $2 and g.code_consumed_at is null returning g.id),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id, reason)
                   select $6, $5, $7, $8, $3, $9, id, $10 from spent)
               select count(*) as "count!" from spent"#,
            code.id,
            code.digest.as_bytes(),
            client.0,
            revision,
            event.at,
            event.id,
            event.brand.as_str(),
            event.kind.name(),
            event.organisation.as_ref().map(|o| o.as_str()),
            event.reason.as_deref(),
        );
        Ok(Stored::if_one(timed("spend_code", query.fetch_one(&self.pool)).await?))
    }

    /// What there is of a refresh token that gave nothing.
    pub async fn find_refresh_chain(&self, brand: &BrandId, grant: GrantId) -> Result<Option<RefreshRecord>, Outage> {
        let query = sqlx::query!(
            r#"select id, client_id, channel, scope, psu, sca_at, expires_at, revoked_at, refresh_digest as "refresh_digest!",
                      refresh_next_digest, refresh_generation
               from grants where id = $1 and brand = $2 and refresh_digest is not null"#,
            grant.0,
            brand.as_str(),
        );
        let Some(row) = timed("find_refresh_chain", query.fetch_optional(&self.pool)).await? else { return Ok(None) };
        let digest = |bytes: &[u8]| Digest::from_stored(bytes).ok_or(Outage::unreadable("grants.refresh_digest"));
        Ok(Some(RefreshRecord {
            chain: RefreshChain {
                current: digest(&row.refresh_digest)?,
                next: row.refresh_next_digest.as_deref().map(digest).transpose()?,
                generation: u32::try_from(row.refresh_generation).map_err(|_| Outage::unreadable("grants.refresh_generation"))?,
            },
            grant: Grant {
                id: GrantId(row.id),
                client: ClientId(row.client_id),
                channel: row.channel,
                scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("grants.scope"))?,
                psu: PsuReference::new(row.psu),
                sca_at: row.sca_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
            },
        }))
    }

    /// A grant, so every token under it, and the event that says why.
    pub async fn end_grant_of(&self, grant: GrantId, reason: EndReason, event: &AuditEvent) -> Result<(), Outage> {
        let query = sqlx::query!(
            "with ended as (update grants set revoked_at = $2, revoked_reason = $8 where id = $1 and revoked_at is null)
             insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id) values ($3, $2, $4, $5, $6, $7, $1)",
            grant.0,
            event.at,
            event.id,
            event.brand.as_str(),
            event.kind.name(),
            event.client.map(|c| c.0),
            event.organisation.as_ref().map(|o| o.as_str()),
            reason.name(),
        );
        timed("end_grant", query.execute(&self.pool)).await?;
        Ok(())
    }
}

impl Tx {
    /// The grant as the journey's end needs it.
    pub async fn find_grant(&mut self, grant: GrantId) -> Result<Option<Grant>, Outage> {
        let row = sqlx::query!("select client_id, channel, scope, psu, sca_at, expires_at, revoked_at from grants where id = $1", grant.0)
            .fetch_optional(&mut *self.inner)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Grant {
            id: grant,
            client: ClientId(row.client_id),
            channel: row.channel,
            scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("grants.scope"))?,
            psu: PsuReference::new(row.psu),
            sca_at: row.sca_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }))
    }
}
