use super::{Db, Outage, Tx};
use crate::{
    audit::AuditEvent,
    oauth::{
        brand::BrandId,
        client::ClientId,
        grant::{EndReason, Grant, GrantId, PsuReference},
        revocation::TokenRecord,
        scope::Scope,
        secret::{Digest, Handle, HandleKind},
        token::RefreshRecord,
    },
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A token about to be stored: digest only.
pub struct NewToken<'a> {
    pub handle: &'a Handle,
    pub kind: HandleKind,
    pub brand: &'a BrandId,
    pub client: ClientId,
    pub grant: Option<GrantId>,
    pub scope: &'a Scope,
    pub channel: &'a str,
    pub issued_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub certificate: Option<&'a [u8]>,
}

/// Whether a conditional write found what it relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Yes,
    /// The client or the grant changed since it was read: judge again.
    Stale,
}

impl Stored {
    fn if_one(rows: i64) -> Self {
        if rows == 1 { Self::Yes } else { Self::Stale }
    }
}

fn letter(kind: HandleKind) -> i8 {
    let letter = if kind == HandleKind::RefreshToken { b'r' } else { b'a' };
    letter.cast_signed()
}

pub(super) fn kind_of(letter: i8) -> HandleKind {
    if letter.cast_unsigned() == b'r' { HandleKind::RefreshToken } else { HandleKind::AccessToken }
}

impl Db {
    /// client_credentials in one round trip: the client must be the one that was judged.
    pub async fn issue_client_credentials(&self, token: &NewToken<'_>, revision: i64, event: &AuditEvent) -> Result<Stored, Outage> {
        let statement = sqlx::query_scalar!(
            r#"with client as (
                   select id, organisation from clients where id = $5 and revision = $12 and deleted_at is null),
               token as (
                   insert into tokens (id, digest, kind, brand, client_id, scope, channel, issued_at, expires_at, certificate)
                   select $1, $2, $3, $4, id, $6, $7, $8, $9, $10 from client returning client_id),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation)
                   select $11, $8, $4, $13, id, organisation from client)
               select count(*) as "count!" from token"#,
            token.handle.id,
            token.handle.digest.as_bytes(),
            letter(token.kind),
            token.brand.as_str(),
            token.client.0,
            token.scope.to_string(),
            token.channel,
            token.issued_at,
            token.expires_at,
            token.certificate,
            event.id,
            revision,
            event.kind.name(),
        );
        let mut held = self.hand.hold("issue_client_credentials").await?;
        let rows = statement.fetch_one(held.connection()).await;
        Ok(Stored::if_one(held.done(rows)?))
    }

    pub async fn find_refresh_token(&self, brand: &BrandId, token: &Handle) -> Result<Option<RefreshRecord>, Outage> {
        let statement = sqlx::query!(
            "select t.digest, t.expires_at, t.revoked_at, g.id as grant_id, g.client_id, g.channel, g.scope, g.psu, g.sca_at,
                    g.expires_at as grant_expires_at, g.revoked_at as grant_revoked_at
             from tokens t join grants g on g.id = t.grant_id
             where t.id = $1 and t.brand = $2 and t.kind = 'r'",
            token.id,
            brand.as_str(),
        );
        let mut held = self.hand.hold("find_refresh_token").await?;
        let row = statement.fetch_optional(held.connection()).await;
        let Some(row) = held.done(row)? else { return Ok(None) };
        Ok(Some(RefreshRecord {
            digest: Digest::from_stored(&row.digest).ok_or(Outage::unreadable("tokens.digest"))?,
            grant: Grant {
                id: GrantId(row.grant_id),
                client: ClientId(row.client_id),
                channel: row.channel,
                scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("grants.scope"))?,
                psu: PsuReference::new(row.psu),
                sca_at: row.sca_at,
                expires_at: row.grant_expires_at,
                revoked_at: row.grant_revoked_at,
            },
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
        }))
    }

    /// A refreshed access token: client and grant must be those that were judged, alive still. The grant's row is held
    /// while it is written, so that a revocation at the same time comes before it or after it, never between.
    pub async fn issue_refreshed(&self, token: &NewToken<'_>, revision: i64, event: &AuditEvent) -> Result<Stored, Outage> {
        let statement = sqlx::query_scalar!(
            r#"with live as (
                   select g.id, c.organisation from grants g join clients c on c.id = g.client_id
                   where g.id = $6 and g.revoked_at is null and c.id = $5 and c.revision = $13 and c.deleted_at is null
                   for share of g),
               token as (
                   insert into tokens (id, digest, kind, brand, client_id, grant_id, scope, channel, issued_at, expires_at, certificate)
                   select $1, $2, $3, $4, $5, id, $7, $8, $9, $10, $11 from live returning grant_id),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
                   select $12, $9, $4, $14, $5, organisation, id from live)
               select count(*) as "count!" from token"#,
            token.handle.id,
            token.handle.digest.as_bytes(),
            letter(token.kind),
            token.brand.as_str(),
            token.client.0,
            token.grant.map(|g| g.0),
            token.scope.to_string(),
            token.channel,
            token.issued_at,
            token.expires_at,
            token.certificate,
            event.id,
            revision,
            event.kind.name(),
        );
        let mut held = self.hand.hold("issue_refreshed").await?;
        let rows = statement.fetch_one(held.connection()).await;
        Ok(Stored::if_one(held.done(rows)?))
    }
}

impl Tx {
    /// What a redeemed code gives, in one round trip: the code is consumed, the tokens and the event stored, or, when the
    /// client is no longer the one that was judged, nothing. The caller holds the code's row. `refresh`: handle and expiry.
    pub async fn issue_for_code(
        &mut self,
        access: &NewToken<'_>,
        refresh: Option<(&Handle, OffsetDateTime)>,
        revision: i64,
        event: &AuditEvent,
    ) -> Result<Stored, Outage> {
        let rows = sqlx::query_scalar!(
            r#"with client as (
                   select id, organisation from clients where id = $5 and revision = $12 and deleted_at is null),
               code as (
                   update codes set consumed_at = $9 from client where grant_id = $6 and consumed_at is null
                   returning grant_id, client.id as client_id, organisation),
               access as (
                   insert into tokens (id, digest, kind, brand, client_id, grant_id, scope, channel, issued_at, expires_at, certificate)
                   select $1, $2, $3, $4, client_id, grant_id, $7, $8, $9, $10, $11 from code returning id),
               refresh as (
                   insert into tokens (id, digest, kind, brand, client_id, grant_id, scope, channel, issued_at, expires_at)
                   select $15, $16, 'r', $4, client_id, grant_id, $7, $8, $9, $17 from code where $15::uuid is not null),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
                   select $13, $9, $4, $14, client_id, organisation, grant_id from code)
               select count(*) as "count!" from access"#,
            access.handle.id,
            access.handle.digest.as_bytes(),
            letter(access.kind),
            access.brand.as_str(),
            access.client.0,
            access.grant.map(|g| g.0),
            access.scope.to_string(),
            access.channel,
            access.issued_at,
            access.expires_at,
            access.certificate,
            revision,
            event.id,
            event.kind.name(),
            refresh.map(|(handle, _)| handle.id),
            refresh.map(|(handle, _)| handle.digest.as_bytes()),
            refresh.map(|(_, expires_at)| expires_at),
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(Stored::if_one(rows))
    }
}

impl Db {
    /// One lookup over both kinds (RFC 7009 s2.1: the hint is only a hint).
    pub async fn find_token(&self, brand: &BrandId, token: &Handle) -> Result<Option<TokenRecord>, Outage> {
        let statement = sqlx::query!(
            r#"select id, digest, kind as "kind: i8", client_id, grant_id, scope from tokens where id = $1 and brand = $2"#,
            token.id,
            brand.as_str(),
        );
        let mut held = self.hand.hold("find_token").await?;
        let row = statement.fetch_optional(held.connection()).await;
        let Some(row) = held.done(row)? else { return Ok(None) };
        Ok(Some(TokenRecord {
            id: row.id,
            digest: Digest::from_stored(&row.digest).ok_or(Outage::unreadable("tokens.digest"))?,
            kind: kind_of(row.kind),
            client: ClientId(row.client_id),
            grant: row.grant_id.map(GrantId),
            scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("tokens.scope"))?,
        }))
    }

    /// One access token, and the event that says so.
    pub async fn revoke_token(&self, token: Uuid, event: &AuditEvent) -> Result<(), Outage> {
        let statement = sqlx::query!(
            "with token as (update tokens set revoked_at = $2 where id = $1 and revoked_at is null)
             insert into audit_events (id, at, brand, kind, client_id, organisation) values ($3, $2, $4, $5, $6, $7)",
            token,
            event.at,
            event.id,
            event.brand.as_str(),
            event.kind.name(),
            event.client.map(|c| c.0),
            event.organisation.as_ref().map(|o| o.as_str()),
        );
        let mut held = self.hand.hold("revoke_token").await?;
        let done = statement.execute(held.connection()).await;
        held.done(done)?;
        Ok(())
    }

    /// A grant at its client's wish, so every token under it, and the event that says so.
    pub async fn revoke_grant_of_client(&self, grant: GrantId, event: &AuditEvent) -> Result<(), Outage> {
        let statement = sqlx::query!(
            "with ended as (update grants set revoked_at = $2, revoked_reason = $8 where id = $1 and revoked_at is null)
             insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id) values ($3, $2, $4, $5, $6, $7, $1)",
            grant.0,
            event.at,
            event.id,
            event.brand.as_str(),
            event.kind.name(),
            event.client.map(|c| c.0),
            event.organisation.as_ref().map(|o| o.as_str()),
            EndReason::RevokedByClient.name(),
        );
        let mut held = self.hand.hold("revoke_grant_of_client").await?;
        let done = statement.execute(held.connection()).await;
        held.done(done)?;
        Ok(())
    }
}
