//! Revocation lists that were read a moment ago: one list speaks of many certificates.

use crate::pki::crl::RevocationList;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// In octets, of all lists together as they are kept.
const ROOM: usize = 64 * 1024 * 1024;
/// A list is in memory whole while it is read. Requests do not wait for what is read ahead of need.
const READ_AT_ONCE: usize = 4;

/// The URL, and SHA-256 over the key that the list's signature was verified by.
type ListKey = (String, [u8; 32]);

pub struct Lists {
    held: Mutex<HashMap<ListKey, Held>>,
    pub readers: Semaphore,
    pub urgent_readers: Semaphore,
}

#[derive(Clone)]
struct Held {
    list: Arc<RevocationList>,
    fetched_at: OffsetDateTime,
}

impl Default for Lists {
    fn default() -> Self {
        Self { held: Mutex::default(), readers: Semaphore::new(READ_AT_ONCE), urgent_readers: Semaphore::new(READ_AT_ONCE) }
    }
}

impl Lists {
    /// A list that was fetched since then.
    pub fn get(&self, url: &str, issuer: [u8; 32], since: OffsetDateTime) -> Option<Arc<RevocationList>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&(url.to_owned(), issuer)).filter(|held| held.fetched_at > since).map(|held| held.list.clone())
    }

    /// Where the room does not suffice, the longest held go first.
    pub fn put(&self, url: &str, issuer: [u8; 32], list: Arc<RevocationList>, fetched_at: OffsetDateTime) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert((url.to_owned(), issuer), Held { list, fetched_at });
        while held.values().map(|held| held.list.size()).sum::<usize>() > ROOM {
            let oldest = held.iter().min_by_key(|(_, held)| held.fetched_at).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            held.remove(&oldest);
        }
    }
}
