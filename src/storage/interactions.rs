use super::{Db, Outage, Tx, timed};
use crate::{
    audit::AuditEvent,
    oauth::{
        brand::{BrandId, Lang},
        client::ClientId,
        details::AuthorizationDetails,
        grant::{GrantId, PsuReference},
        interaction::{BegunBy, Challenge, Interaction, InteractionId, SignedIn, State},
        method::{Account, Method},
        payment::{PaymentId, PaymentVersion},
        pkce::CodeChallenge,
        response_mode::ResponseMode,
        sca::ScaFailure,
        scope::Scope,
        secret::Digest,
    },
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a journey begins with.
pub struct NewInteraction<'a> {
    pub interaction: &'a Interaction,
    pub brand: &'a BrandId,
    /// The client as it was judged: a changed or deleted one begins nothing.
    pub client_revision: i64,
    /// Kept at once where the bank's app begins it. What a browser begins is no event until the customer acts: anybody can send a GET.
    pub event: &'a AuditEvent,
    /// Of this client's, in which nobody has signed in.
    pub most_open: u32,
}

/// What became of a journey that was to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Begun,
    /// The client has changed since it was judged, or the app's back end has begun one with this key already.
    Stale,
    /// The client has as many open ones as it may.
    Crowded,
}

/// A journey's row, whoever looks for it.
pub(super) struct Row {
    pub(super) brand: String,
    pub(super) id: Uuid,
    pub(super) channel: String,
    pub(super) client_id: Uuid,
    pub(super) redirect_uri: String,
    pub(super) redirect_uri_sent: bool,
    pub(super) tpp_state: Option<String>,
    pub(super) response_mode: Option<String>,
    pub(super) scope: String,
    pub(super) challenge: Option<String>,
    pub(super) lang: String,
    pub(super) browser_digest: Vec<u8>,
    pub(super) state: String,
    pub(super) attempts: i16,
    pub(super) psu: Option<String>,
    pub(super) grant_id: Option<Uuid>,
    pub(super) failure: Option<String>,
    pub(super) begun_by: String,
    pub(super) ticket_digest: Option<Vec<u8>>,
    pub(super) payment_id: Option<Uuid>,
    pub(super) payment_revision: Option<i32>,
    pub(super) pushed_id: Option<Uuid>,
    pub(super) authorization_details: Option<Json<AuthorizationDetails>>,
    pub(super) fallback: bool,
    pub(super) facts: Option<Json<Facts>>,
    pub(super) conclusion_digest: Option<Vec<u8>>,
    pub(super) request_digest: Option<Vec<u8>>,
    pub(super) created_at: OffsetDateTime,
    pub(super) active_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
}

/// What is true in a state beside its columns.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Facts {
    methods: Vec<Method>,
    accounts: Vec<Account>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<Challenge>,
}

impl Facts {
    fn of(who: &SignedIn, challenge: Option<&Challenge>) -> Self {
        Self { methods: who.methods.clone(), accounts: who.accounts.clone(), challenge: challenge.cloned() }
    }
}

impl Row {
    pub(super) fn with_brand(self) -> Result<(BrandId, Interaction), Outage> {
        let brand = BrandId::new(&self.brand);
        self.read().map(|interaction| (brand, interaction)).ok_or(Outage::unreadable("interactions"))
    }

    fn read(self) -> Option<Interaction> {
        let Facts { methods, accounts, challenge: asked } = self.facts.map(|Json(facts)| facts).unwrap_or_default();
        let who = || Some(SignedIn { psu: PsuReference::new(self.psu.clone()?), methods: methods.clone(), accounts: accounts.clone() });
        let state = match self.state.as_str() {
            "app_offered" => State::AppOffered,
            "handed_off" => State::HandedOff,
            "sign_in" => State::SignIn { attempts: self.attempts },
            "accounts" => State::Accounts(who()?),
            "consent" => State::Consent(who()?),
            "methods" => State::Methods(who()?),
            "challenged" => State::Challenged(who()?, asked?),
            "done" => State::Done,
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
            begun_by: if self.begun_by == "app" { BegunBy::App } else { BegunBy::Browser },
            ticket: digest(self.ticket_digest)?,
            payment: self.payment_id.zip(self.payment_revision).map(|(id, revision)| PaymentVersion { id: PaymentId(id), revision }),
            pushed: self.pushed_id,
            details: self.authorization_details.map(|Json(details)| details),
            fallback: self.fallback,
            conclusion: digest(self.conclusion_digest)?,
            request: digest(self.request_digest)?,
            created_at: self.created_at,
            channel: self.channel,
            client: ClientId(self.client_id),
            redirect_uri: self.redirect_uri,
            redirect_uri_sent: self.redirect_uri_sent,
            tpp_state: self.tpp_state,
            response_mode: ResponseMode::from_stored(self.response_mode.as_deref())?,
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

/// The outer `None`: one that does not read.
fn digest(stored: Option<Vec<u8>>) -> Option<Option<Digest>> {
    stored.map_or(Some(None), |bytes| Digest::from_stored(&bytes).map(Some))
}

/// Columns of a state: name, attempts, psu, grant, failure, facts.
type Columns<'s> = (&'static str, Option<i16>, Option<&'s str>, Option<Uuid>, Option<&'static str>, Option<Facts>);

fn columns(state: &State) -> Columns<'_> {
    let signed_in = |name, who, challenge| {
        let who: &SignedIn = who;
        (name, None, Some(who.psu.as_str()), None, None, Some(Facts::of(who, challenge)))
    };
    match state {
        State::AppOffered => ("app_offered", None, None, None, None, None),
        State::HandedOff => ("handed_off", None, None, None, None, None),
        State::SignIn { attempts } => ("sign_in", Some(*attempts), None, None, None, None),
        State::Accounts(who) => signed_in("accounts", who, None),
        State::Consent(who) => signed_in("consent", who, None),
        State::Methods(who) => signed_in("methods", who, None),
        State::Challenged(who, challenge) => signed_in("challenged", who, Some(challenge)),
        State::Approved { grant } => ("approved", None, None, Some(grant.0), None, None),
        State::Done => ("done", None, None, None, None, None),
        State::Failed(failure) => ("failed", None, None, None, Some(failure.name()), None),
    }
}

impl Db {
    /// The bound on open ones is kept by each statement as it sees the table: those under way at the same time may pass it together,
    /// as many as there are connections.
    pub async fn begin_interaction(&self, new: &NewInteraction<'_>) -> Result<Beginning, Outage> {
        let i = new.interaction;
        let by_browser = i.begun_by == BegunBy::Browser;
        let insert = sqlx::query!(
            r#"with client as (select id, organisation from clients where id = $4 and revision = $14 and deleted_at is null),
               nobody_signed_in as (
                   select count(*) as journeys from (
                       select from interactions
                       where client_id = $4 and expires_at > $12
                         and begun_by = 'browser' and psu is null and grant_id is null and conclusion_digest is null
                       limit $23) of_client),
               begun as (
                   insert into interactions (id, brand, channel, client_id, redirect_uri, redirect_uri_sent, tpp_state, scope, challenge,
                                             lang, browser_digest, state, created_at, active_at, expires_at,
                                             begun_by, ticket_digest, payment_id, payment_revision, request_digest, pushed_id, response_mode,
                                             authorization_details)
                   select $1, $2, $3, id, $5, $6, $7, $8, $9, $10, $11, $17, $12, $12, $13, $18, $19, $20, $21, $22, $24, $25, $26 from client
                   where $18 = 'app' or (select journeys from nobody_signed_in) < $23
                   on conflict (browser_digest) where begun_by = 'app' do nothing returning client_id),
               audit as (
                   insert into audit_events (id, at, brand, kind, client_id, organisation)
                   select $15, $12, $2, $16, id, organisation from client where $18 = 'app' and exists (select from begun))
               select (select count(*) from begun) = 1 as "begun!", $18 = 'browser' and (select journeys from nobody_signed_in) >= $23 as "crowded!""#,
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
            columns(&i.state).0,
            if by_browser { "browser" } else { "app" },
            i.ticket.as_ref().map(Digest::as_bytes),
            i.payment.map(|payment| payment.id.0),
            i.payment.map(|payment| payment.revision),
            i.request.as_ref().map(Digest::as_bytes),
            i64::from(new.most_open),
            i.pushed,
            i.response_mode.stored(),
            i.details.as_ref().map(Json) as _,
        );
        let row = timed("begin_interaction", insert.fetch_one(&self.pool)).await?;
        Ok(match (row.begun, row.crowded) {
            (true, _) => Beginning::Begun,
            (false, true) => Beginning::Crowded,
            (false, false) => Beginning::Stale,
        })
    }
}

impl Tx {
    /// Two answers of one journey take turns: a double click meets what the first one did.
    pub async fn lock_interaction(&mut self, brand: &BrandId, id: InteractionId) -> Result<Option<Interaction>, Outage> {
        let row = sqlx::query_as!(
            Row,
            r#"select brand, id, channel, client_id, redirect_uri, redirect_uri_sent, tpp_state, scope, challenge, lang, browser_digest, state,
                      attempts, psu, grant_id, failure, begun_by, ticket_digest, payment_id, payment_revision, fallback, facts as "facts: Json<Facts>",
                      conclusion_digest, request_digest, pushed_id, response_mode,
                      authorization_details as "authorization_details: Json<AuthorizationDetails>", created_at, active_at, expires_at
               from interactions where id = $1 and brand = $2 for update"#,
            id.0,
            brand.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(|row| row.read().ok_or(Outage::unreadable("interactions"))).transpose()
    }

    /// The latest one that this browser began with this request.
    pub async fn find_interaction_of_request(&mut self, request: &Digest, browser: &Digest) -> Result<Option<InteractionId>, Outage> {
        let id = sqlx::query_scalar!(
            "select id from interactions where request_digest = $1 and browser_digest = $2 and begun_by = 'browser'
             order by created_at desc limit 1",
            request.as_bytes(),
            browser.as_bytes(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(id.map(InteractionId))
    }

    /// The one that the app's back end began with this key.
    pub async fn find_interaction_of_app(&mut self, key: &Digest) -> Result<Option<InteractionId>, Outage> {
        let id = sqlx::query_scalar!("select id from interactions where browser_digest = $1 and begun_by = 'app'", key.as_bytes())
            .fetch_optional(&mut *self.inner)
            .await?;
        Ok(id.map(InteractionId))
    }

    /// The bank's app took this request, since a browser brought it, and there is an answer.
    pub async fn answered_in_app(&mut self, request: &Digest, since: OffsetDateTime) -> Result<bool, Outage> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from interactions where request_digest = $1 and begun_by <> 'browser'
                              and created_at >= $2 and state in ('approved', 'done', 'failed')) as "answered!""#,
            request.as_bytes(),
            since,
        )
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// The customer goes on in the browser where the bank's app was expected.
    pub async fn set_fallback(&mut self, id: InteractionId) -> Result<(), Outage> {
        sqlx::query!("update interactions set fallback = true where id = $1", id.0).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// What a state no longer says is forgotten: the facts of the former one go.
    pub async fn set_interaction_state(&mut self, id: InteractionId, state: &State, now: OffsetDateTime) -> Result<(), Outage> {
        let (name, attempts, psu, grant, failure, facts) = columns(state);
        sqlx::query!(
            "update interactions set state = $2, attempts = coalesce($3, attempts), psu = coalesce($4, psu), grant_id = coalesce($5, grant_id),
                    failure = coalesce($6, failure), facts = $7, active_at = $8
             where id = $1",
            id.0,
            name,
            attempts,
            psu,
            grant,
            failure,
            facts.map(Json) as _,
            now,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    pub async fn set_interaction_conclusion(&mut self, id: InteractionId, conclusion: &Digest) -> Result<(), Outage> {
        sqlx::query!("update interactions set conclusion_digest = $2 where id = $1", id.0, conclusion.as_bytes())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
