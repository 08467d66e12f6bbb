//! The authorization endpoint: whom may we answer, what is asked, and a journey begins.

use super::{
    certificate::check_watched,
    client::{Reading, find},
    standing,
};
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{
        authorize::{AuthorizationRequest, AuthorizeRefusal},
        brand::{Brand, Lang, PsuAuthentication},
        channel::Channel,
        client::{Client, ClientId},
        error::OAuthError,
        interaction::{BegunBy, BrowserKey, Interaction, InteractionId, State},
        lodging,
        params::Params,
        redirect::{NoRedirect, TrustedRedirect},
        sca::ScaFailure,
    },
    storage::{NewInteraction, Outage},
};
use std::sync::Arc;

/// What the browser meets.
pub enum Begun {
    /// Nobody to answer to: a page, never a redirect.
    Page(NoRedirect),
    /// The TPP's redirect URI, with the error in it.
    GoHome(String),
    Journey(InteractionId),
    /// The bank does not serve this TPP at present: the customer is told so, and the way home carries the error.
    NotServed {
        client: Arc<Client>,
        /// What the operator has to say to customers.
        notice: Option<String>,
        home: String,
    },
}

pub async fn begin(
    app: &App,
    brand: &Brand,
    channel: &Channel,
    params: &Params,
    lang: Lang,
    browser: &BrowserKey,
) -> Result<Begun, Outage> {
    check_watched(app)?;
    let id = params.get("client_id").and_then(ClientId::parse);
    let mut reading = Reading::Remembered;
    loop {
        let client = match id {
            Some(id) => find(app, brand, id, reading).await?,
            None => None,
        };
        let begun = attempt(app, brand, channel, params, lang, browser, client.as_ref()).await?;
        match (begun, reading) {
            (Attempt::Done(begun), Reading::Fresh) | (Attempt::Done(begun @ Begun::Journey(_)), _) => {
                return Ok(begun);
            }
            (Attempt::Stale, Reading::Fresh) => return Ok(Begun::Page(NoRedirect::UnknownClient)),
            // the client may have changed since it was remembered: refuse only on a fresh reading
            (Attempt::Done(Begun::Page(_) | Begun::GoHome(_) | Begun::NotServed { .. }) | Attempt::Stale, Reading::Remembered) => {
                reading = Reading::Fresh
            }
        }
    }
}

enum Attempt {
    Done(Begun),
    Stale,
}

async fn attempt(
    app: &App,
    brand: &Brand,
    channel: &Channel,
    params: &Params,
    lang: Lang,
    browser: &BrowserKey,
    client: Option<&Arc<Client>>,
) -> Result<Attempt, Outage> {
    let (redirect, client) = match (TrustedRedirect::resolve(client.map(Arc::as_ref), params, brand), client) {
        (Ok(redirect), Some(client)) => (redirect, client),
        (Err(nobody), _) => return Ok(Attempt::Done(Begun::Page(nobody))),
        (Ok(_), None) => return Ok(Attempt::Done(Begun::Page(NoRedirect::UnknownClient))),
    };
    let request = match AuthorizationRequest::parse(params, client, brand) {
        Ok(request) => request,
        Err(refusal) => {
            let error = OAuthError::from(refusal).body();
            return Ok(Attempt::Done(Begun::GoHome(redirect.refuse(error.error, &error.error_description))));
        }
    };
    let now = app.clock.now();
    let payment = match request.payment {
        Some(id) => match lodging::may_begin(app.db.find_payment(&brand.id, id).await?.as_ref(), client, now) {
            Ok(version) => Some(version),
            Err(refusal) => {
                let error = OAuthError::from(AuthorizeRefusal::from(refusal)).body();
                return Ok(Attempt::Done(Begun::GoHome(redirect.refuse(error.error, &error.error_description))));
            }
        },
        None => None,
    };
    if let Err(refusal) = standing::may_receive(app, brand, client, &request.scope, now) {
        standing::tell(app, standing::of_client(app, brand, client, &refusal, now), now).await?;
        let error = OAuthError::PROVIDER_REFUSED.body();
        let home = redirect.refuse(error.error, &error.error_description);
        return Ok(Attempt::Done(Begun::NotServed { client: client.clone(), notice: refusal.notice(), home }));
    }
    if brand.psu_authentication == PsuAuthentication::None {
        let failure = ScaFailure::Technical;
        return Ok(Attempt::Done(Begun::GoHome(redirect.refuse(channel.wire_code(failure), failure.description()))));
    }
    let interaction = Interaction {
        id: InteractionId(app.entropy.uuid(now)),
        begun_by: BegunBy::Browser,
        ticket: None,
        payment,
        fallback: false,
        conclusion: None,
        created_at: now,
        channel: channel.name.clone(),
        client: client.id,
        redirect_uri: redirect.uri().to_owned(),
        redirect_uri_sent: request.redirect_uri_sent,
        tpp_state: redirect.state().map(str::to_owned),
        scope: request.scope,
        challenge: request.challenge,
        lang,
        browser: browser.digest(),
        state: State::SignIn { attempts: 0 },
        expires_at: now + brand.interaction_lifetime,
        active_at: now,
    };
    let event = app.event(now, brand, AuditKind::InteractionBegun);
    let new = NewInteraction { interaction: &interaction, brand: &brand.id, client_revision: client.revision, event: &event };
    if !app.db.begin_interaction(&new).await? {
        return Ok(Attempt::Stale);
    }
    metrics::counter!("guichet_interactions_total", "stage" => AuditKind::InteractionBegun.name()).increment(1);
    Ok(Attempt::Done(Begun::Journey(interaction.id)))
}
