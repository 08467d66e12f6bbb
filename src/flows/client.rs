//! From credentials to a client that proved who it is.

use super::{Answer, Caller, certificate::merged_meanwhile, standing};
use crate::{
    app::App,
    audit::AuditKind,
    limits::Limit,
    oauth::{
        brand::Brand,
        client::{self, AuthenticatedClient, Client, ClientId, ClientRefusal, Credentials},
        error::OAuthError,
    },
    storage::Outage,
    telemetry::request,
};
use std::sync::Arc;

/// May a client read a moment ago be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Only where the write that follows names the revision it relied on.
    Remembered,
    Fresh,
}

/// The client as stored, or as remembered.
pub async fn find(app: &App, brand: &Brand, id: ClientId, reading: Reading) -> Result<Option<Arc<Client>>, Outage> {
    if reading == Reading::Remembered
        && let Some(known) = app.clients.get(&id).filter(|c| c.brand == brand.id)
    {
        return Ok(Some(known));
    }
    let found = app.db.find_client(&brand.id, id).await?.map(Arc::new);
    match &found {
        Some(client) => app.clients.insert(id, client.clone()),
        None => drop(app.clients.remove(&id)),
    }
    Ok(found)
}

/// RFC 6749 s2.3. A refusal is kept: somebody with a valid QWAC tried to be this client. It is counted, too: a secret has 256 random bits,
/// so that tries are no danger to it, but each costs an audit event. An organisation's other clients go on.
pub async fn authenticate(app: &App, caller: &Caller, reading: Reading) -> Answer<AuthenticatedClient> {
    let now = app.clock.now();
    let (brand, organisation) = (&caller.brand.id, &caller.tpp.organisation);
    let (claimed, refusal) = match Credentials::read(&caller.brand, caller.authorization.as_deref(), &caller.params) {
        Err(refusal) => (None, refusal),
        Ok(presented) => {
            request::note(|facts| facts.client = Some(presented.client_id));
            match check(app, caller, &presented, reading).await? {
                Ok(client) => {
                    if let Some(refusal) = standing::blocked(app, &caller.brand, client.client()) {
                        let telling = standing::of_client(app, &caller.brand, client.client(), &refusal, now);
                        standing::tell(app, telling, now).await?;
                        return Ok(Err(ClientRefusal::Blocked.into()));
                    }
                    // the second look of one request is no second request
                    let taken = match reading {
                        Reading::Remembered => app.limits.take(Limit::ClientToken, brand, presented.client_id),
                        Reading::Fresh => Ok(()),
                    };
                    return Ok(taken.map(|()| client).map_err(OAuthError::from));
                }
                Err(refusal) => (Some(presented.client_id), refusal),
            }
        }
    };
    if let Err(too_many) = app.limits.take(Limit::OrganisationRefused, brand, organisation) {
        return Ok(Err(too_many.into()));
    }
    let event = app.event(now, &caller.brand, AuditKind::ClientRefused).organisation(&caller.tpp.organisation);
    let event = event.reason(refusal.name());
    app.db
        .record(&match claimed {
            Some(client) => event.client(client),
            None => event,
        })
        .await?;
    Ok(Err(refusal.into()))
}

async fn check(
    app: &App,
    caller: &Caller,
    presented: &Credentials,
    reading: Reading,
) -> Result<Result<AuthenticatedClient, ClientRefusal>, Outage> {
    let mut known = find(app, &caller.brand, presented.client_id, reading).await?;
    let mut verdict = client::authenticate(known.clone(), presented, caller.tpp.clone());
    if verdict.is_err() && reading == Reading::Remembered {
        // it may have changed since: refuse only on a fresh reading
        known = find(app, &caller.brand, presented.client_id, Reading::Fresh).await?;
        verdict = client::authenticate(known.clone(), presented, caller.tpp.clone());
    }
    if matches!(verdict, Err(ClientRefusal::OtherOrganisation))
        && let Some(tpp) = merged_meanwhile(app, &caller.tpp, app.clock.now()).await?
    {
        verdict = client::authenticate(known, presented, tpp);
    }
    Ok(verdict)
}
