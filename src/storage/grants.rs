use super::{Outage, Tx};
use crate::oauth::{
    brand::BrandId,
    client::ClientId,
    grant::{EndReason, Grant, GrantId, PsuReference, ScaEvidence},
    payment::PaymentId,
    pkce::CodeChallenge,
    scope::Scope,
    secret::{Digest, Handle},
    token::CodeRecord,
};
use time::OffsetDateTime;

/// A grant, what it is about and how that is known.
pub struct NewGrant<'a> {
    pub grant: &'a Grant,
    pub brand: &'a BrandId,
    pub payment: Option<PaymentId>,
    /// `None`: as the bank's rule says.
    pub accounts: Option<&'a [String]>,
    pub evidence: &'a ScaEvidence,
}

impl Tx {
    pub async fn insert_grant(&mut self, new: &NewGrant<'_>, now: OffsetDateTime) -> Result<(), Outage> {
        let grant = new.grant;
        sqlx::query!(
            "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, payment_id, accounts, sca_method,
                                 sca_reference)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
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
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The one code of a grant; asked for again before it was used, it is replaced. `false`: it was used already.
    pub async fn put_code(&mut self, code: &Handle, record: &CodeRecord) -> Result<bool, Outage> {
        let done = sqlx::query!(
            "insert into codes (id, digest, grant_id, redirect_uri, redirect_uri_sent, challenge, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (grant_id) do update set id = excluded.id, digest = excluded.digest, expires_at = excluded.expires_at
             where codes.consumed_at is null",
            code.id,
            code.digest.as_bytes(),
            record.grant.id.0,
            record.redirect_uri,
            record.redirect_uri_sent,
            record.challenge.as_ref().map(CodeChallenge::as_str),
            record.expires_at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Two redemptions of one code take turns: the second finds it consumed.
    pub async fn lock_code(&mut self, brand: &BrandId, code: &Handle) -> Result<Option<CodeRecord>, Outage> {
        let row = sqlx::query!(
            r#"select c.digest, c.redirect_uri, c.redirect_uri_sent, c.challenge, c.expires_at, c.consumed_at,
                      g.id as grant_id, g.client_id, g.channel, g.scope, g.psu, g.sca_at, g.expires_at as grant_expires_at, g.revoked_at
               from codes c join grants g on g.id = c.grant_id
               where c.id = $1 and g.brand = $2 for update of c, g"#,
            code.id,
            brand.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let challenge =
            row.challenge.as_deref().map(|c| CodeChallenge::parse(c).ok_or(Outage::unreadable("codes.challenge"))).transpose()?;
        Ok(Some(CodeRecord {
            digest: Digest::from_stored(&row.digest).ok_or(Outage::unreadable("codes.digest"))?,
            grant: Grant {
                id: GrantId(row.grant_id),
                client: ClientId(row.client_id),
                channel: row.channel,
                scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("grants.scope"))?,
                psu: PsuReference::new(row.psu),
                sca_at: row.sca_at,
                expires_at: row.grant_expires_at,
                revoked_at: row.revoked_at,
            },
            redirect_uri: row.redirect_uri,
            redirect_uri_sent: row.redirect_uri_sent,
            challenge,
            expires_at: row.expires_at,
            consumed_at: row.consumed_at,
        }))
    }

    pub async fn consume_code(&mut self, grant: GrantId, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!("update codes set consumed_at = $2 where grant_id = $1 and consumed_at is null", grant.0, now)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Was the grant's code redeemed? `None`: none was ever minted.
    pub async fn code_was_used(&mut self, grant: GrantId) -> Result<Option<bool>, Outage> {
        Ok(sqlx::query_scalar!(r#"select consumed_at is not null as "used!" from codes where grant_id = $1"#, grant.0)
            .fetch_optional(&mut *self.inner)
            .await?)
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
