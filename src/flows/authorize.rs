//! The authorization endpoint: whom may we answer, what is asked, and a journey begins or goes on. A browser's request and the one
//! that the bank's app hands in are judged here alike.

use super::{
    answer,
    certificate::check_watched,
    client::{Reading, find},
    count, request_object, standing,
};
use crate::{
    app::App,
    audit::AuditKind,
    limits::Limit,
    oauth::{
        authorize::{AuthorizationRequest, AuthorizeRefusal, Way, request_digest},
        brand::{Brand, Lang, PsuAuthentication},
        channel::Channel,
        client::{Client, ClientId},
        error::OAuthError,
        fault::FaultSide,
        home,
        interaction::{BegunBy, BrowserKey, Interaction, InteractionId, Stage, State},
        lodging,
        params::Params,
        pushed::{self, PushedRequest},
        redirect::{NoRedirect, TrustedRedirect},
        sca::ScaFailure,
        secret::Digest,
    },
    storage::{Beginning, NewInteraction, Outage},
    telemetry::request::{self, Facts},
};
use std::{borrow::Cow, sync::Arc};
use time::OffsetDateTime;

/// An authorization request and who brings it.
pub struct Brought<'a> {
    pub channel: &'a Channel,
    pub params: &'a Params,
    /// The journey's language, from the request's `ui_locales` and what the bringer says.
    pub lang: &'a (dyn Fn(Option<&str>) -> Lang + Sync),
    pub by: Bringer<'a>,
}

#[derive(Clone, Copy)]
pub enum Bringer<'a> {
    /// `known`: it was here before, and brought its cookie.
    Browser { key: &'a BrowserKey, known: bool },
    /// The bank's app took the URL from the phone, and its back end hands it in.
    App { key: &'a BrowserKey },
}

impl Bringer<'_> {
    const fn key(&self) -> &BrowserKey {
        match self {
            Self::Browser { key, .. } | Self::App { key } => key,
        }
    }

    /// Where a journey of his begins, or why it ends at once. The app authenticates the customer itself.
    fn first_state(&self, channel: &Channel, brand: &Brand) -> Result<State, ScaFailure> {
        match self {
            Self::Browser { .. } => State::first(channel, brand),
            Self::App { .. } => Ok(State::HandedOff),
        }
    }
}

/// What the request came to.
pub enum Begun {
    /// Nobody to answer to: a page, never a redirect.
    Page(NoRedirect),
    /// The TPP's redirect URI, with the error in it.
    GoHome(String),
    /// The same, because there are too many of the client's just now.
    Crowded(String),
    /// Begun, or the same browser's that goes on.
    Journey(Interaction),
    /// The bank's app was expected: its page is shown where the browser is, under the URL that the app claims.
    OpenApp { interaction: Interaction, client: Arc<Client> },
    /// The bank does not serve this TPP at present: the customer is told so, and the way home carries the error.
    NotServed {
        client: Arc<Client>,
        /// What the operator has to say to customers.
        notice: Option<String>,
        home: String,
    },
}

pub async fn begin(app: &App, brand: &Brand, brought: &Brought<'_>) -> Result<Begun, Outage> {
    check_watched(app)?;
    let id = brought.params.get("client_id").and_then(ClientId::parse);
    let pushed = match brought.params.get("request_uri").and_then(pushed::parse) {
        None => None,
        Some(handle) => match app.db.find_pushed_request(&brand.id, &handle).await? {
            Some(pushed) => Some(pushed),
            None => return Ok(Begun::Page(NoRedirect::RequestUri)),
        },
    };
    let mut reading = Reading::Remembered;
    loop {
        let client = match id {
            Some(id) => find(app, brand, id, reading).await?,
            None => None,
        };
        match (attempt(app, brand, brought, pushed.as_ref(), client.as_ref()).await?, reading) {
            (Some(begun), Reading::Fresh) | (Some(begun @ (Begun::Journey(_) | Begun::OpenApp { .. } | Begun::Crowded(_))), _) => {
                return Ok(begun);
            }
            (None, Reading::Fresh) => return Ok(Begun::Page(NoRedirect::UnknownClient)),
            // the client may have changed since it was remembered: refuse only on a fresh reading
            (Some(Begun::Page(_) | Begun::GoHome(_) | Begun::NotServed { .. }) | None, Reading::Remembered) => {
                request::note(Facts::reconsider);
                reading = Reading::Fresh;
            }
        }
    }
}

/// The way home with an error: as much the TPP's fault as if it were told by a status.
fn refuse(app: &App, redirect: &TrustedRedirect, error: &OAuthError, now: OffsetDateTime) -> Result<String, Outage> {
    request::note(|facts| facts.verdict(error.reason, Some(FaultSide::Tpp)));
    let body = error.body();
    answer::location(app, &redirect.refuse(body.error, &body.error_description), now)
}

/// `None`: the client is no longer as it was judged.
async fn attempt(
    app: &App,
    brand: &Brand,
    brought: &Brought<'_>,
    pushed: Option<&PushedRequest>,
    client: Option<&Arc<Client>>,
) -> Result<Option<Begun>, Outage> {
    let Brought { channel, lang, by, .. } = *brought;
    let now = app.clock.now();
    let signs = answer::signs(app, brand, now);
    if pushed.is_some_and(|pushed| client.is_some_and(|client| client.id != pushed.client)) {
        return Ok(Some(Begun::Page(NoRedirect::RequestUri)));
    }
    let (asked, way) = match (pushed, client) {
        // RFC 9126 s4: whatever stands beside the name of a pushed request counts for nothing
        (Some(pushed), _) => (Ok(Cow::Borrowed(&pushed.params)), Way::Pushed),
        (None, Some(client)) if !brand.needs_pushed_requests(client) => {
            (request_object::open(app, brand, client, brought.params, now).await, Way::Query)
        }
        (None, _) => (Ok(Cow::Borrowed(brought.params)), Way::Query),
    };
    let digest = request_digest(brand, channel, brought.params);
    // an object may end while the journey that began with it goes on, as a pushed request may
    if let (Err(_), Some(client), Bringer::Browser { key, known: true }) = (&asked, client, by)
        && let Some(begun) = resume(app, brand, client, &digest, key).await?
    {
        return Ok(Some(begun));
    }
    // RFC 9101 s6: of an object that counts for nothing, nothing is believed; what stands beside it may name a registered redirect URI
    let params = asked.as_ref().map_or(brought.params, Cow::as_ref);
    let (redirect, client) = match (TrustedRedirect::resolve(client.map(Arc::as_ref), params, brand, signs), client) {
        (Ok(redirect), Some(client)) => (redirect, client),
        (Err(nobody), _) => {
            return Ok(Some(Begun::Page(asked.err().map_or(nobody, NoRedirect::RequestObject))));
        }
        (Ok(_), None) => return Ok(Some(Begun::Page(NoRedirect::UnknownClient))),
    };
    request::note(|facts| {
        facts.client = Some(client.id);
        facts.by(&client.organisation);
    });
    let params = match &asked {
        Ok(params) => params.as_ref(),
        Err(refusal) => return Ok(Some(Begun::GoHome(refuse(app, &redirect, &(*refusal).into(), now)?))),
    };
    let request = match AuthorizationRequest::parse(params, way, client, brand, signs) {
        Ok(request) => request,
        Err(refusal) => return Ok(Some(Begun::GoHome(refuse(app, &redirect, &refusal.into(), now)?))),
    };
    request::note(|facts| facts.about(&request.scope));
    // the bank's own app brings no crowd
    if let Bringer::Browser { .. } = by
        && app.limits.take(Limit::ClientAuthorize, &brand.id, client.id).is_err()
    {
        return Ok(Some(crowded(app, &redirect, now)?));
    }
    // without both, the URL may be everybody's, and the next customer of a shared browser must not meet the last one's journey
    let is_ones_own = pushed.is_some() || redirect.state().is_some() || request.challenge.is_some();
    if let Bringer::Browser { key, known: true } = by
        && is_ones_own
        && let Some(begun) = resume(app, brand, client, &digest, key).await?
    {
        return Ok(Some(begun));
    }
    if pushed.is_some_and(|pushed| !pushed.may_begin(now)) {
        return Ok(Some(Begun::Page(NoRedirect::RequestUri)));
    }
    let payment = match request.payment {
        Some(id) => match lodging::may_begin(app.db.find_payment(&brand.id, id).await?.as_ref(), client, now) {
            Ok(version) => Some(version),
            Err(refusal) => {
                return Ok(Some(Begun::GoHome(refuse(app, &redirect, &AuthorizeRefusal::from(refusal).into(), now)?)));
            }
        },
        None => None,
    };
    if let Err(refusal) = standing::may_receive(app, brand, client, &request.scope, now) {
        standing::tell(app, standing::of_client(app, brand, client, &refusal, now), now).await?;
        let home = refuse(app, &redirect, &OAuthError::PROVIDER_REFUSED, now)?;
        return Ok(Some(Begun::NotServed { client: client.clone(), notice: refusal.notice(), home }));
    }
    let state = match by.first_state(channel, brand) {
        Ok(state) => state,
        Err(failure) => {
            count::sca_failure(brand, &channel.name, failure);
            request::note(|facts| facts.verdict(failure.name(), Some(FaultSide::of_sca(failure))));
            let failed = redirect.refuse(channel.wire_code(failure), failure.description());
            return Ok(Some(Begun::GoHome(answer::location(app, &failed, now)?)));
        }
    };
    let id = InteractionId(home::told_by(app.entropy.uuid(now), &by.key().digest()));
    let (begun_by, handed_off) = match by {
        Bringer::Browser { .. } => (BegunBy::Browser, matches!(brand.psu_authentication, PsuAuthentication::Portal { .. })),
        Bringer::App { .. } => (BegunBy::App, true),
    };
    let interaction = Interaction {
        id,
        begun_by,
        ticket: handed_off.then(|| by.key().ticket(id).0.digest),
        payment,
        pushed: pushed.map(|pushed| pushed.id),
        fallback: false,
        conclusion: None,
        // a browser's that is everybody's is nobody's: neither resumed, nor taken for what the app has answered
        request: (is_ones_own || begun_by == BegunBy::App).then_some(digest),
        created_at: now,
        channel: channel.name.clone(),
        client: client.id,
        redirect_uri: redirect.uri().to_owned(),
        redirect_uri_sent: request.redirect_uri_sent,
        tpp_state: redirect.state().map(str::to_owned),
        response_mode: redirect.mode(),
        scope: request.scope,
        details: request.details,
        challenge: request.challenge,
        lang: lang(params.get("ui_locales")),
        browser: by.key().digest(),
        state,
        expires_at: now + brand.interaction_lifetime,
        active_at: now,
    };
    let event = app.event(now, brand, AuditKind::InteractionBegun);
    let new = NewInteraction {
        interaction: &interaction,
        brand: &brand.id,
        client_revision: client.revision,
        event: &event,
        most_open: app.limits.policy().open_journeys_of_client,
    };
    match app.db.begin_interaction(&new).await? {
        Beginning::Begun => {}
        Beginning::Stale => return Ok(None),
        Beginning::Crowded => {
            app.limits.count_open_journeys();
            return Ok(Some(crowded(app, &redirect, now)?));
        }
    }
    count::stage(brand, &interaction, count::Stage::Begun);
    Ok(Some(match interaction.state {
        State::AppOffered => Begun::OpenApp { interaction, client: client.clone() },
        State::HandedOff
        | State::SignIn { .. }
        | State::Accounts(_)
        | State::Consent(_)
        | State::Methods(_)
        | State::Challenged(..)
        | State::Approved { .. }
        | State::Done
        | State::Failed(_) => Begun::Journey(interaction),
    }))
}

/// RFC 6749 s4.1.2.1: the redirect cannot carry a status, so it carries the code that stands for it.
fn crowded(app: &App, redirect: &TrustedRedirect, now: OffsetDateTime) -> Result<Begun, Outage> {
    Ok(Begun::Crowded(refuse(app, redirect, &OAuthError::TOO_MANY_JOURNEYS, now)?))
}

/// The journey that this browser began with this very request, if it is still under way: a killed tab, the back button, a reload.
async fn resume(app: &App, brand: &Brand, client: &Arc<Client>, request: &Digest, browser: &BrowserKey) -> Result<Option<Begun>, Outage> {
    let now = app.clock.now();
    let mut tx = app.db.begin("resume_journey").await?;
    let Some(id) = tx.find_interaction_of_request(request, &browser.digest()).await? else { return Ok(None) };
    let Some(interaction) = tx.lock_interaction(&brand.id, id).await? else { return Ok(None) };
    let begun = match interaction.stage(brand, now) {
        Stage::AppOffered if tx.answered_in_app(request, interaction.created_at).await? => Begun::Journey(interaction),
        Stage::AppOffered => {
            tx.set_interaction_state(id, &interaction.state, now).await?;
            Begun::OpenApp { interaction, client: client.clone() }
        }
        Stage::HandedOff | Stage::SignIn | Stage::Accounts(_) | Stage::Consent(_) | Stage::Methods(_) | Stage::Challenged(..) => {
            Begun::Journey(interaction)
        }
        Stage::Deliver(grant) if now < interaction.expires_at && tx.code_was_used(grant).await? != Some(true) => {
            Begun::Journey(interaction)
        }
        // over: the customer came to try again
        Stage::Deliver(_) | Stage::Done | Stage::Fail(_) => return Ok(None),
    };
    tx.commit().await?;
    Ok(Some(begun))
}
