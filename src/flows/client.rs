//! From credentials to a client that proved who it is.

use super::{Answer, Caller};
use crate::{
    app::App,
    oauth::{
        brand::Brand,
        client::{self, AuthenticatedClient, Client, ClientId, Credentials},
    },
    storage::Outage,
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

pub async fn authenticate(app: &App, caller: &Caller, reading: Reading) -> Answer<AuthenticatedClient> {
    let presented = match Credentials::read(&caller.brand, caller.authorization.as_deref(), &caller.params) {
        Ok(presented) => presented,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let known = find(app, &caller.brand, presented.client_id, reading).await?;
    let remembered = client::authenticate(known, &presented, caller.tpp.clone());
    match (remembered, reading) {
        (Ok(client), _) => Ok(Ok(client)),
        (Err(refusal), Reading::Fresh) => Ok(Err(refusal.into())),
        // it may have changed since: refuse only on a fresh reading
        (Err(_), Reading::Remembered) => {
            let fresh = find(app, &caller.brand, presented.client_id, Reading::Fresh).await?;
            Ok(client::authenticate(fresh, &presented, caller.tpp.clone()).map_err(Into::into))
        }
    }
}
