//! Access tokens, and what becomes one. Each operation is one statement: it reads what it relies on, and where that is as
//! expected it writes the token and the event; otherwise nothing happens, and the caller looks at what there is.

use super::{Db, Outage, TokenStatement};
use crate::{
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::BrandId,
        client::ClientId,
        details::AuthorizationDetails,
        grant::{EndReason, GrantId},
        partition::Partition,
        pkce::CodeChallenge,
        revocation::TokenRecord,
        scope::Scope,
        secret::{Digest, Handle, HandleKind},
    },
};
use sqlx::{FromRow, Postgres, postgres::PgArguments, query::QueryAs};
use time::OffsetDateTime;

/// A token about to be stored, digest only, and the client as it was judged: if that changed meanwhile, nothing is stored.
pub struct NewToken<'a> {
    pub handle: &'a Handle,
    pub brand: &'a BrandId,
    pub client: ClientId,
    pub revision: i64,
    pub scope: &'a Scope,
    pub channel: &'a str,
    pub issued_at: OffsetDateTime,
    /// Or with its grant, if that ends sooner.
    pub expires_at: OffsetDateTime,
    pub certificate: Option<&'a [u8]>,
}

impl NewToken<'_> {
    fn partition(&self) -> Partition {
        Partition::of_id(&self.handle.id)
    }
}

/// What a presented code must have been given out for.
pub struct CodeTerms<'a> {
    pub code: &'a Handle,
    pub granted: &'a Scope,
    /// `None`: not sent, which is right where the authorization request had none.
    pub redirect_uri: Option<&'a str>,
    /// Of the verifier that was sent.
    pub challenge: Option<CodeChallenge>,
}

/// What a presented refresh token must stand for.
pub struct RefreshTerms<'a> {
    pub grant: GrantId,
    pub digest: Digest,
    pub granted: &'a Scope,
}

/// Whether a conditional write found what it relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Yes,
    /// The client, the grant or the token is not as it was expected to be: look, and judge again.
    Stale,
}

impl Stored {
    pub(super) fn if_one(rows: i64) -> Self {
        if rows == 1 { Self::Yes } else { Self::Stale }
    }
}

pub(super) const ISSUE_CLIENT_CREDENTIALS: &str = "\
with client as (
    select id, organisation from clients where id = $4 and revision = $11 and deleted_at is null),
token as (
    insert into {tokens} (id, digest, brand, client_id, scope, channel, issued_at, expires_at, certificate)
    select $1, $2, $3, id, $5, $6, $7, $8, $9 from client returning expires_at),
audit as (
    insert into audit_events (id, at, brand, kind, client_id, organisation)
    select $10, $7, $3, $12, id, organisation from client)
select expires_at, null::jsonb as authorization_details from token";

/// A digest is compared here as well as in the core: it is the hash of 256 random bits, which no timing can lead anybody to.
pub(super) const REDEEM_CODE: &str = "\
with client as (
    select id, organisation from clients where id = $4 and revision = $11 and deleted_at is null),
granted as (
    update grants g
    set code_consumed_at = $7, redirect_uri = null, redirect_uri_sent = null, challenge = null, refresh_digest = $18
    from client
    where g.id = $13 and g.brand = $3 and g.client_id = client.id and g.channel = $6 and g.scope = $14
      and g.code_digest = $15 and g.code_consumed_at is null and g.code_expires_at > $7
      and g.revoked_at is null and g.expires_at > $7
      and (g.redirect_uri = $16 or $16 is null and not g.redirect_uri_sent)
      and g.challenge is not distinct from $17
    returning g.id, g.client_id, g.expires_at, g.authorization_details, client.organisation),
token as (
    insert into {tokens} (id, digest, brand, client_id, grant_id, scope, channel, issued_at, expires_at, certificate)
    select $1, $2, $3, client_id, id, $5, $6, $7, least($8, expires_at), $9 from granted returning expires_at),
audit as (
    insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
    select $10, $7, $3, $12, client_id, organisation, id from granted)
select expires_at, (select authorization_details from granted) from token";

/// The grant's row is not held: a token that meets a revocation on its way is dead as soon as the grant is.
pub(super) const REFRESH: &str = "\
with granted as (
    select g.id, g.client_id, g.expires_at, g.authorization_details, c.organisation from grants g join clients c on c.id = g.client_id
    where g.id = $13 and g.brand = $3 and g.client_id = $4 and g.channel = $6 and g.scope = $14
      and g.refresh_digest = $15 and g.revoked_at is null and g.expires_at > $7
      and c.revision = $11 and c.deleted_at is null),
token as (
    insert into {tokens} (id, digest, brand, client_id, grant_id, scope, channel, issued_at, expires_at, certificate)
    select $1, $2, $3, client_id, id, $5, $6, $7, least($8, expires_at), $9 from granted returning expires_at),
audit as (
    insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
    select $10, $7, $3, $12, client_id, organisation, id from granted)
select expires_at, (select authorization_details from granted) from token";

/// As [`REFRESH`], and the chain goes on: what was presented is the current token from now on, and $16 the one to follow it. The
/// row is held, so that of two at once the second sees what the first one did. Without $16 the chain goes no further, and what was
/// told before stays good until it is used.
pub(super) const ROTATE: &str = "\
with granted as (
    update grants g
    set refresh_generation = g.refresh_generation + case when g.refresh_digest = $15 then 0 else 1 end, refresh_digest = $15,
        refresh_next_digest = coalesce($16, nullif(g.refresh_next_digest, $15))
    from clients c
    where g.id = $13 and g.brand = $3 and g.client_id = $4 and g.channel = $6 and g.scope = $14
      and $15 in (g.refresh_digest, g.refresh_next_digest) and g.revoked_at is null and g.expires_at > $7
      and c.id = g.client_id and c.revision = $11 and c.deleted_at is null
    returning g.id, g.client_id, g.expires_at, g.authorization_details, c.organisation),
token as (
    insert into {tokens} (id, digest, brand, client_id, grant_id, scope, channel, issued_at, expires_at, certificate)
    select $1, $2, $3, client_id, id, $5, $6, $7, least($8, expires_at), $9 from granted returning expires_at),
audit as (
    insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
    select $10, $7, $3, $12, client_id, organisation, id from granted)
select expires_at, (select authorization_details from granted) from token";

/// $9: the scopes whose grants end with their one access token. $1, not what was found by it: planned while the table is empty, the
/// update would read it from end to end for ever.
pub(super) const REVOKE: &str = "\
with token as (
    select t.id, t.client_id, c.organisation, case when t.scope = any($9) then t.grant_id end as whole
    from {tokens} t join clients c on c.id = t.client_id
    where t.id = $1 and t.digest = $2 and t.brand = $3 and t.client_id = $4 and c.revision = $5 and c.deleted_at is null),
ended as (
    update {tokens} t set revoked_at = $6 from token where t.id = $1 and token.whole is null and t.revoked_at is null),
whole as (
    update grants g set revoked_at = $6, revoked_reason = $10 from token where g.id = token.whole and g.revoked_at is null),
audit as (
    insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
    select $7, $6, $3, case when whole is null then $8 else $11 end, client_id, organisation, whole from token)
select count(*) from token";

type Issuing<'a> = QueryAs<'a, Postgres, Issued, PgArguments>;

/// What the database says of a token that it issued.
#[derive(FromRow)]
pub struct Issued {
    #[sqlx(rename = "expires_at")]
    pub until: OffsetDateTime,
    /// Of its grant (RFC 9396).
    #[sqlx(rename = "authorization_details", json(nullable))]
    pub details: Option<AuthorizationDetails>,
}

impl Db {
    /// `$1` to `$12` of every statement that issues a token.
    fn issuing<'a>(&self, statement: TokenStatement, token: &NewToken<'a>, event: &'a AuditEvent) -> Issuing<'a> {
        sqlx::query_as(self.tables.text(token.partition(), statement))
            .bind(token.handle.id)
            .bind(token.handle.digest.as_bytes())
            .bind(token.brand.as_str())
            .bind(token.client.0)
            .bind(token.scope.to_string())
            .bind(token.channel)
            .bind(token.issued_at)
            .bind(token.expires_at)
            .bind(token.certificate)
            .bind(event.id)
            .bind(token.revision)
            .bind(event.kind.name())
    }

    /// The one way in for a token, so that each finds its table, also one that was dropped or made meanwhile.
    async fn issue<'q>(
        &self,
        name: &'static str,
        token: &NewToken<'_>,
        statement: impl Fn() -> Issuing<'q>,
    ) -> Result<Option<Issued>, Outage> {
        let once = async || {
            let mut held = self.pool.hold(name).await?;
            let issued = statement().fetch_optional(held.connection()).await;
            Ok(held.done(issued)?)
        };
        self.about(token.partition(), once).await
    }

    /// client_credentials. `None`: the client is not as it was judged.
    pub async fn issue_client_credentials(&self, token: &NewToken<'_>, event: &AuditEvent) -> Result<Option<Issued>, Outage> {
        let statement = || self.issuing(TokenStatement::IssueClientCredentials, token, event);
        self.issue("issue_client_credentials", token, statement).await
    }

    /// A code is used: access token, refresh token (its handle) and event. `None`: something is not
    /// as expected, and nothing happened.
    pub async fn redeem_code(
        &self,
        terms: &CodeTerms<'_>,
        token: &NewToken<'_>,
        refresh: Option<&Handle>,
        event: &AuditEvent,
    ) -> Result<Option<Issued>, Outage> {
        let statement = || {
            self.issuing(TokenStatement::RedeemCode, token, event)
                .bind(terms.code.id)
                .bind(terms.granted.to_string())
                .bind(terms.code.digest.as_bytes())
                .bind(terms.redirect_uri)
                .bind(terms.challenge.as_ref().map(CodeChallenge::as_str))
                .bind(refresh.map(|handle| handle.digest.as_bytes()))
        };
        self.issue("redeem_code", token, statement).await
    }

    /// Another access token under a grant. `None`: something is not as expected, and nothing happened.
    pub async fn refresh(&self, terms: &RefreshTerms<'_>, token: &NewToken<'_>, event: &AuditEvent) -> Result<Option<Issued>, Outage> {
        let statement = || {
            self.issuing(TokenStatement::Refresh, token, event)
                .bind(terms.grant.0)
                .bind(terms.granted.to_string())
                .bind(terms.digest.as_bytes())
        };
        self.issue("refresh", token, statement).await
    }

    /// As [`Db::refresh`], for either of the grant's two refresh tokens; `next` is the one to follow it.
    pub async fn rotate(
        &self,
        terms: &RefreshTerms<'_>,
        next: Option<&Digest>,
        token: &NewToken<'_>,
        event: &AuditEvent,
    ) -> Result<Option<Issued>, Outage> {
        let statement = || {
            self.issuing(TokenStatement::Rotate, token, event)
                .bind(terms.grant.0)
                .bind(terms.granted.to_string())
                .bind(terms.digest.as_bytes())
                .bind(next.map(Digest::as_bytes))
        };
        self.issue("rotate", token, statement).await
    }
}

/// A token that its client gives back, and the client as it was judged.
pub struct GivenBack<'a> {
    pub token: &'a Handle,
    pub brand: &'a BrandId,
    pub client: ClientId,
    pub revision: i64,
}

impl Db {
    /// One access token; of a grant that gives no other (`scopes_of_one_token`), the grant, and the event is `of_grant`.
    pub async fn revoke_access_token(
        &self,
        given: &GivenBack<'_>,
        scopes_of_one_token: &[String],
        event: &AuditEvent,
        of_grant: AuditKind,
    ) -> Result<Stored, Outage> {
        let table = Partition::of_id(&given.token.id);
        let statement = || {
            sqlx::query_scalar(self.tables.text(table, TokenStatement::Revoke))
                .bind(given.token.id)
                .bind(given.token.digest.as_bytes())
                .bind(given.brand.as_str())
                .bind(given.client.0)
                .bind(given.revision)
                .bind(event.at)
                .bind(event.id)
                .bind(event.kind.name())
                .bind(scopes_of_one_token)
                .bind(EndReason::RevokedByClient.name())
                .bind(of_grant.name())
        };
        let revoke = || async {
            let mut held = self.pool.hold("revoke_access_token").await?;
            let rows = statement().fetch_one(held.connection()).await;
            Ok(Stored::if_one(held.done(rows)?))
        };
        self.about(table, revoke).await
    }

    /// A refresh token, so its grant and every token under it (RFC 7009 s2.1). The row is held and looked at again: a token whose
    /// successor is used meanwhile ends nothing.
    pub async fn revoke_refresh_token(&self, given: &GivenBack<'_>, event: &AuditEvent) -> Result<Stored, Outage> {
        let statement = sqlx::query_scalar!(
            r#"with ended as (
                   update grants g
                   set revoked_at = coalesce(g.revoked_at, $6), revoked_reason = case when g.revoked_at is null then $9 else g.revoked_reason end
                   from clients c
                   where g.id = $1 and $2 in (g.refresh_digest, g.refresh_next_digest) and g.brand = $3 and g.client_id = $4
                     and c.id = g.client_id and c.revision = $5 and c.deleted_at is null
                   returning g.id, g.client_id, c.organisation),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id)
                   select $7, $6, $3, $8, client_id, organisation, id from ended)
               select count(*) as "count!" from ended"#,
            given.token.id,
            given.token.digest.as_bytes(),
            given.brand.as_str(),
            given.client.0,
            given.revision,
            event.at,
            event.id,
            event.kind.name(),
            EndReason::RevokedByClient.name(),
        );
        let mut held = self.pool.hold("revoke_refresh_token").await?;
        let rows = statement.fetch_one(held.connection()).await;
        Ok(Stored::if_one(held.done(rows)?))
    }

    /// What there is of a token that somebody gave back, and could not.
    pub async fn find_token(&self, brand: &BrandId, kind: HandleKind, token: &Handle) -> Result<Option<TokenRecord>, Outage> {
        let scope = |text: &str| Scope::parse(text).map_err(|_| Outage::unreadable("scope"));
        let digest = |bytes: &[u8]| Digest::from_stored(bytes).ok_or(Outage::unreadable("digest"));
        if kind == HandleKind::RefreshToken {
            let row = sqlx::query!(
                r#"select case when refresh_next_digest = $3 then refresh_next_digest else refresh_digest end as "digest!", client_id, scope
                   from grants where id = $1 and brand = $2 and refresh_digest is not null"#,
                token.id,
                brand.as_str(),
                token.digest.as_bytes(),
            );
            let Some(row) = super::timed("find_token", row.fetch_optional(&self.pool)).await? else { return Ok(None) };
            let (client, grant) = (ClientId(row.client_id), Some(GrantId(token.id)));
            return Ok(Some(TokenRecord { id: token.id, digest: digest(&row.digest)?, kind, client, grant, scope: scope(&row.scope)? }));
        }
        let row =
            sqlx::query!("select digest, client_id, grant_id, scope from tokens where id = $1 and brand = $2", token.id, brand.as_str(),);
        let Some(row) = super::timed("find_token", row.fetch_optional(&self.pool)).await? else { return Ok(None) };
        let (client, grant) = (ClientId(row.client_id), row.grant_id.map(GrantId));
        Ok(Some(TokenRecord { id: token.id, digest: digest(&row.digest)?, kind, client, grant, scope: scope(&row.scope)? }))
    }
}
