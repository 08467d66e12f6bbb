//! The key sets that clients, and issuers of software statements, keep at their own servers (RFC 7591 s2 `jwks_uri`), as this process last
//! read them.

use crate::{
    jose::KeySet,
    oauth::{assertion::KeysFault, client::ClientId, tpp::OrganisationId},
};
use quick_cache::sync::Cache;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, MutexGuard, Semaphore};

/// A key that its client took away counts for at most this long after.
const FRESH: Duration = Duration::minutes(10);
/// So much longer while the client's server does not answer.
const KEPT: Duration = Duration::hours(1);
/// Between two questions to one client's server, whatever came of the first.
const SOONEST: Duration = Duration::MINUTE;
/// Each is as large as an answer may be, at most.
const SHELVES: usize = 2_000;
const ORGANISATIONS: usize = 1_000;
/// Those that the settings name, and a few that they named before.
const ISSUERS: usize = 100;
const AT_ONCE: usize = 16;
/// Of one organisation: one with many slow servers keeps nobody else waiting.
const AT_ONCE_OF_ONE: usize = 2;

pub struct ClientKeys {
    shelves: Cache<ClientId, Arc<Shelf>>,
    /// Of issuers of software statements, by where their keys are: whichever brands believe them.
    issuers: Cache<String, Arc<Shelf>>,
    turns: Arc<Semaphore>,
    turns_of: Cache<OrganisationId, Arc<Semaphore>>,
}

/// What a key set is good for.
#[derive(Default)]
pub struct ClientKeySet {
    /// What it signs is verified with these.
    pub signing: Arc<KeySet>,
    /// SHA-256 over the SubjectPublicKeyInfo of each certificate that came with a key (`x5c`): by these it is known without a QWAC.
    pub certified: Vec<[u8; 32]>,
}

impl From<KeySet> for ClientKeySet {
    /// Nobody is known by them.
    fn from(signing: KeySet) -> Self {
        Self { signing: signing.into(), certified: vec![] }
    }
}

impl ClientKeySet {
    pub fn is_empty(&self) -> bool {
        self.signing.is_empty() && self.certified.is_empty()
    }
}

/// Where one client's keys are put down.
pub struct Shelf {
    uri: String,
    held: Mutex<Held>,
}

/// What is known of one client's keys.
#[derive(Default)]
pub struct Held {
    keys: Option<(Arc<ClientKeySet>, OffsetDateTime)>,
    asked_at: Option<OffsetDateTime>,
    fault: Option<KeysFault>,
}

impl Default for ClientKeys {
    fn default() -> Self {
        Self {
            shelves: Cache::new(SHELVES),
            issuers: Cache::new(ISSUERS),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            turns_of: Cache::new(ORGANISATIONS),
        }
    }
}

impl ClientKeys {
    /// A client that moved its keys begins anew.
    pub fn shelf(&self, client: ClientId, uri: &str) -> Arc<Shelf> {
        if let Some(shelf) = self.shelves.get(&client).filter(|shelf| shelf.uri == uri) {
            return shelf;
        }
        let shelf = Arc::new(Shelf { uri: uri.to_owned(), held: Mutex::default() });
        self.shelves.insert(client, shelf.clone());
        shelf
    }

    pub fn issuers_shelf(&self, uri: &str) -> Arc<Shelf> {
        if let Some(shelf) = self.issuers.get(uri) {
            return shelf;
        }
        let shelf = Arc::new(Shelf { uri: uri.to_owned(), held: Mutex::default() });
        self.issuers.insert(uri.to_owned(), shelf.clone());
        shelf
    }

    /// The turns of an organisation, and those of all.
    pub fn turns(&self, organisation: &OrganisationId) -> [Arc<Semaphore>; 2] {
        if let Some(own) = self.turns_of.get(organisation) {
            return [own, self.turns.clone()];
        }
        let own = Arc::new(Semaphore::new(AT_ONCE_OF_ONE));
        self.turns_of.insert(organisation.clone(), own.clone());
        [own, self.turns.clone()]
    }
}

impl Shelf {
    /// One at a time: who waits for an answer finds it here.
    pub async fn open(&self) -> MutexGuard<'_, Held> {
        self.held.lock().await
    }
}

impl Held {
    /// Whether the client's server is to be asked. `missed`: the keys at hand do not fit what it signed.
    pub fn must_ask(&self, missed: bool, now: OffsetDateTime) -> bool {
        let past = |at: OffsetDateTime, wait: Duration| (now - at).abs() >= wait;
        let wanted = missed || self.keys.as_ref().is_none_or(|(_, at)| past(*at, FRESH));
        wanted && self.asked_at.is_none_or(|at| past(at, SOONEST))
    }

    /// Before the question: one that nobody waits for to its end counts, too.
    pub const fn asking(&mut self, now: OffsetDateTime) {
        self.asked_at = Some(now);
        self.fault = Some(KeysFault::Unreachable);
    }

    pub fn answered(&mut self, answer: Result<ClientKeySet, KeysFault>, now: OffsetDateTime) {
        self.fault = answer.as_ref().err().copied();
        if let Ok(keys) = answer {
            self.keys = Some((keys.into(), now));
        }
    }

    /// While the client's server does not answer, those that it gave a while ago.
    pub fn keys(&self, now: OffsetDateTime) -> Result<Arc<ClientKeySet>, KeysFault> {
        match &self.keys {
            Some((keys, at)) if (now - *at).abs() < KEPT => Ok(keys.clone()),
            Some(_) | None => Err(self.fault.unwrap_or(KeysFault::Unreachable)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    fn set() -> ClientKeySet {
        ClientKeySet::default()
    }

    #[test]
    fn a_server_is_asked_when_it_must_be_and_once_a_minute_at_most() {
        let (mut held, seconds) = (Held::default(), Duration::seconds);
        assert!(held.must_ask(false, NOW) && held.keys(NOW).is_err());
        held.asking(NOW);
        // nobody waited for the answer
        assert!(!held.must_ask(true, NOW + seconds(59)) && held.must_ask(false, NOW + seconds(60)));
        assert_eq!(held.keys(NOW).err(), Some(KeysFault::Unreachable));
        held.answered(Ok(set()), NOW);
        // kept for ten minutes, unless a signature asks for others
        for (after, missed, asks) in [(59, true, false), (60, true, true), (599, false, false), (600, false, true)] {
            assert_eq!(held.must_ask(missed, NOW + seconds(after)), asks, "{after} {missed}");
        }
        // a failure later on leaves what was there, for an hour
        held.asking(NOW + seconds(600));
        held.answered(Err(KeysFault::Forbidden), NOW + seconds(600));
        assert!(held.keys(NOW + seconds(3_599)).is_ok());
        assert_eq!(held.keys(NOW + seconds(3_600)).err(), Some(KeysFault::Forbidden));
        assert!(!held.must_ask(false, NOW + seconds(659)) && held.must_ask(false, NOW + seconds(660)));
    }

    #[tokio::test]
    async fn a_client_that_moves_its_keys_begins_anew() {
        let (desk, client) = (ClientKeys::default(), ClientId(Uuid::from_u128(1)));
        desk.shelf(client, "https://a.example/").open().await.answered(Ok(set()), NOW);
        assert!(desk.shelf(client, "https://a.example/").open().await.keys(NOW).is_ok());
        assert!(desk.shelf(client, "https://b.example/").open().await.keys(NOW).is_err());
        assert!(desk.shelf(client, "https://a.example/").open().await.keys(NOW).is_err());
    }

    #[test]
    fn turns_are_of_an_organisation_and_of_all() {
        let (desk, organisation) = (ClientKeys::default(), OrganisationId::new("PSDFR-ACPR-1"));
        let [own, all] = desk.turns(&organisation);
        assert_eq!((own.available_permits(), all.available_permits()), (AT_ONCE_OF_ONE, AT_ONCE));
        let [again, same] = desk.turns(&organisation);
        assert!(Arc::ptr_eq(&own, &again) && Arc::ptr_eq(&all, &same));
    }
}
