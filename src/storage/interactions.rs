use super::{Db, Outage, Tx, timed};
use crate::{
    audit::AuditEvent,
    oauth::{
        brand::{BrandId, Lang},
        client::ClientId,
        grant::{GrantId, PsuReference},
        interaction::{Interaction, InteractionId, State},
        pkce::CodeChallenge,
        sca::ScaFailure,
        scope::Scope,
        secret::Digest,
    },
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a journey begins with.
pub struct NewInteraction<'a> {
    pub interaction: &'a Interaction,
    pub brand: &'a BrandId,
    /// The client as it was judged: a changed or deleted one begins nothing.
    pub client_revision: i64,
    pub event: &'a AuditEvent,
}

struct Row {
    id: Uuid,
    channel: String,
    client_id: Uuid,
    redirect_uri: String,
    redirect_uri_sent: bool,
    tpp_state: Option<String>,
    scope: String,
    challenge: Option<String>,
    lang: String,
    browser_digest: Vec<u8>,
    state: String,
    attempts: i16,
    psu: Option<String>,
    sca_at: Option<OffsetDateTime>,
    grant_id: Option<Uuid>,
    failure: Option<String>,
    active_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl Row {
    fn read(self) -> Option<Interaction> {
        let state = match self.state.as_str() {
            "sign_in" => State::SignIn { attempts: self.attempts },
            "consent" => State::Consent { psu: PsuReference::new(self.psu?), sca_at: self.sca_at? },
            "approved" => State::Approved { grant: GrantId(self.grant_id?) },
            "failed" => State::Failed(ScaFailure::from_name(&self.failure?)?),
            _ => return None,
        };
        let challenge = match self.challenge {
            Some(text) => Some(CodeChallenge::parse(&text)?),
            None => None,
        };
        Some(Interaction {
            id: InteractionId(self.id),
            channel: self.channel,
            client: ClientId(self.client_id),
            redirect_uri: self.redirect_uri,
            redirect_uri_sent: self.redirect_uri_sent,
            tpp_state: self.tpp_state,
            scope: Scope::parse(&self.scope).ok()?,
            challenge,
            lang: Lang::from_tag(&self.lang)?,
            browser: Digest::from_stored(&self.browser_digest)?,
            state,
            expires_at: self.expires_at,
            active_at: self.active_at,
        })
    }
}

impl Db {
    /// `false`: the client has changed since it was judged.
    pub async fn begin_interaction(&self, new: &NewInteraction<'_>) -> Result<bool, Outage> {
        let i = new.interaction;
        let insert = sqlx::query_scalar!(
            r#"with client as (select id, organisation from clients where id = $4 and revision = $14 and deleted_at is null),
               begun as (
                   insert into interactions (id, brand, channel, client_id, redirect_uri, redirect_uri_sent, tpp_state, scope, challenge,
                                             lang, browser_digest, state, created_at, active_at, expires_at)
                   select $1, $2, $3, id, $5, $6, $7, $8, $9, $10, $11, 'sign_in', $12, $12, $13 from client returning client_id),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation) select $15, $12, $2, $16, id, organisation from client)
               select count(*) as "count!" from begun"#,
            i.id.0,
            new.brand.as_str(),
            i.channel,
            i.client.0,
            i.redirect_uri,
            i.redirect_uri_sent,
            i.tpp_state,
            i.scope.to_string(),
            i.challenge.as_ref().map(CodeChallenge::as_str),
            i.lang.tag(),
            i.browser.as_bytes(),
            new.event.at,
            i.expires_at,
            new.client_revision,
            new.event.id,
            new.event.kind.name(),
        );
        Ok(timed("begin_interaction", insert.fetch_one(&self.pool)).await? == 1)
    }
}

impl Tx {
    /// Two answers of one journey take turns: a double click meets what the first one did.
    pub async fn lock_interaction(&mut self, brand: &BrandId, id: InteractionId) -> Result<Option<Interaction>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, channel, client_id, redirect_uri, redirect_uri_sent, tpp_state, scope, challenge, lang, browser_digest, state,
                    attempts, psu, sca_at, grant_id, failure, active_at, expires_at
             from interactions where id = $1 and brand = $2 for update",
            id.0,
            brand.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(|row| row.read().ok_or(Outage::unreadable("interactions"))).transpose()
    }

    pub async fn set_interaction_state(&mut self, id: InteractionId, state: &State, now: OffsetDateTime) -> Result<(), Outage> {
        let (name, attempts, psu, sca_at, grant, failure) = match state {
            State::SignIn { attempts } => ("sign_in", Some(*attempts), None, None, None, None),
            State::Consent { psu, sca_at } => ("consent", None, Some(psu.as_str()), Some(*sca_at), None, None),
            State::Approved { grant } => ("approved", None, None, None, Some(grant.0), None),
            State::Failed(failure) => ("failed", None, None, None, None, Some(failure.name())),
        };
        sqlx::query!(
            "update interactions set state = $2, attempts = coalesce($3, attempts), psu = coalesce($4, psu), sca_at = coalesce($5, sca_at),
                    grant_id = coalesce($6, grant_id), failure = coalesce($7, failure), active_at = $8
             where id = $1",
            id.0,
            name,
            attempts,
            psu,
            sca_at,
            grant,
            failure,
            now,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
