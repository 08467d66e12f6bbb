//! The public keys of a client: as it registered them, or from where it keeps them.

use super::certified_keys;
use crate::{
    app::App,
    jose::KeySet,
    oauth::{assertion::KeysFault, brand::Brand, client::Client, registered_keys::may_be_fetched},
    outbound::{Fetch, FetchError},
    trust::client_keys::ClientKeySet,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Of a key set; ten RSA keys with certificates have half of it.
pub(super) const MOST_BYTES: usize = 32 * 1024;
/// A request waits for so long, its turn and the answer together.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What is known already of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// As they are at hand.
    AtHand,
    /// They did not fit: the client may have others by now.
    Missed,
}

/// Never within a transaction: a stranger's server may be asked.
pub async fn of(app: &App, brand: &Brand, client: &Client, known: Keys) -> Result<Arc<ClientKeySet>, KeysFault> {
    let metadata = &client.metadata;
    let Some(uri) = &metadata.jwks_uri else {
        return Ok(Arc::new(metadata.jwks.as_ref().map(|set| read(set, client)).unwrap_or_default()));
    };
    let shelf = app.client_keys.shelf(client.id, uri);
    let mut held = shelf.open().await;
    let now = app.clock.now();
    if held.must_ask(known == Keys::Missed, now) {
        held.asking(now);
        let answer = fetch(app, brand, client, uri).await;
        metrics::counter!("guichet_client_keys_fetched_total", "outcome" => outcome(&answer)).increment(1);
        held.answered(answer, now);
    }
    held.keys(now)
}

/// There is something to look at again: keys by value are as they are.
pub const fn may_have_changed(client: &Client) -> bool {
    client.metadata.jwks_uri.is_some()
}

async fn fetch(app: &App, brand: &Brand, client: &Client, uri: &str) -> Result<ClientKeySet, KeysFault> {
    if !may_be_fetched(uri, brand) {
        return Err(KeysFault::Forbidden);
    }
    let ends = Instant::now() + PATIENCE;
    let [own, all] = app.client_keys.turns(&client.organisation);
    let _turns = timeout_at(ends, async { (own.acquire().await, all.acquire().await) }).await.map_err(|_| KeysFault::Unreachable)?;
    let deadline = ends.saturating_duration_since(Instant::now());
    let fetched = app.outbound.fetch(Fetch { url: uri, post: None, max_bytes: MOST_BYTES, deadline }).await;
    let body = fetched.map_err(|error| {
        tracing::info!(client = %client.id, %error, "a client's key set was not read");
        fault(error)
    })?;
    let set = serde_json::from_slice(&body).map_err(|_| KeysFault::Unreadable)?;
    let keys = read(&set, client);
    if keys.is_empty() { Err(KeysFault::Unreadable) } else { Ok(keys) }
}

fn read(set: &Value, client: &Client) -> ClientKeySet {
    let known_by_keys = !client.metadata.token_endpoint_auth_method.needs_qwac();
    ClientKeySet { signing: KeySet::read(set).into(), certified: if known_by_keys { certified_keys::read(set) } else { vec![] } }
}

pub(super) const fn fault(error: FetchError) -> KeysFault {
    match error {
        FetchError::Forbidden | FetchError::Redirected => KeysFault::Forbidden,
        FetchError::TimedOut | FetchError::Status(_) | FetchError::Failed => KeysFault::Unreachable,
        FetchError::TooLarge => KeysFault::Unreadable,
    }
}

/// The word in the metrics.
pub(super) const fn outcome(answer: &Result<ClientKeySet, KeysFault>) -> &'static str {
    match answer {
        Ok(_) => "read",
        Err(KeysFault::Forbidden) => "forbidden",
        Err(KeysFault::Unreachable) => "unreachable",
        Err(KeysFault::Unreadable) => "unreadable",
    }
}
