//! What is known of certificates' revocation, in memory: a request on a warm connection only looks here.

use super::{hosts::Hosts, lists::Lists};
use crate::{
    oauth::brand::BrandId,
    pki::revocation::{Mode, Policies, Record, StatusKey},
};
use quick_cache::sync::Cache;
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

/// More than all QWACs for PSD2 in Europe.
const KNOWN_AT_MOST: usize = 20_000;
/// Certificates asked about for the first time, at once.
const FLIGHTS_AT_MOST: usize = 256;

/// What is known, and how strict each brand is.
pub struct StatusDesk {
    memory: Arc<Memory>,
    policies: HashMap<BrandId, Policies>,
}

/// What no change of the settings touches.
pub struct Memory {
    known: Cache<StatusKey, Arc<Known>>,
    flights: Mutex<HashMap<StatusKey, watch::Receiver<()>>>,
    pub hosts: Hosts,
    pub lists: Lists,
}

/// One certificate.
pub struct Known {
    pub record: Record,
    /// Seconds since the epoch: last met at the tpp counter, and last complained about.
    seen_at: AtomicI64,
    noted_at: AtomicI64,
}

impl Known {
    fn new(record: Record, seen_at: i64, noted_at: i64) -> Self {
        Self { record, seen_at: AtomicI64::new(seen_at), noted_at: AtomicI64::new(noted_at) }
    }

    pub fn see(&self, now: OffsetDateTime) {
        self.seen_at.fetch_max(now.unix_timestamp(), Relaxed);
    }

    /// Whether it is time to speak of it again, once in a while; the asking counts as speaking.
    pub fn note(&self, now: OffsetDateTime, every: Duration) -> bool {
        let (then, now) = (self.noted_at.load(Relaxed), now.unix_timestamp());
        let due = then <= now - every.whole_seconds();
        due && self.noted_at.compare_exchange(then, now, Relaxed, Relaxed).is_ok()
    }
}

/// A question that is under way for everybody who has it.
pub enum Flight {
    /// It is the caller's to ask; dropping the lead ends the flight.
    Lead(Lead, watch::Receiver<()>),
    Follow(watch::Receiver<()>),
    /// Too many at once.
    Full,
}

pub struct Lead {
    memory: Arc<Memory>,
    key: StatusKey,
    /// Its end is what the others wait for.
    _landing: watch::Sender<()>,
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.memory.flights().remove(&self.key);
    }
}

impl StatusDesk {
    pub fn new(policies: HashMap<BrandId, Policies>) -> Self {
        let memory =
            Memory { known: Cache::new(KNOWN_AT_MOST), flights: Mutex::default(), hosts: Hosts::default(), lists: Lists::default() };
        Self { memory: Arc::new(memory), policies }
    }

    /// The same memory under other policies.
    pub fn under(&self, policies: HashMap<BrandId, Policies>) -> Self {
        Self { memory: self.memory.clone(), policies }
    }

    /// A brand that is not served asks nothing.
    pub fn policies(&self, brand: &BrandId) -> Option<&Policies> {
        self.policies.get(brand)
    }

    /// How old an answer may be where it must be youngest. None: no brand asks.
    pub fn max_age(&self) -> Option<Duration> {
        self.policies.values().flat_map(Policies::all).filter(|policy| policy.mode != Mode::Off).map(|policy| policy.max_age).min()
    }

    pub fn board(&self, key: StatusKey) -> Flight {
        let mut flights = self.memory.flights();
        if let Some(under_way) = flights.get(&key) {
            return Flight::Follow(under_way.clone());
        }
        if flights.len() >= FLIGHTS_AT_MOST {
            return Flight::Full;
        }
        let (landing, landed) = watch::channel(());
        flights.insert(key, landed.clone());
        Flight::Lead(Lead { memory: self.memory.clone(), key, _landing: landing }, landed)
    }
}

impl Deref for StatusDesk {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl Memory {
    pub fn get(&self, key: &StatusKey) -> Option<Arc<Known>> {
        self.known.get(key)
    }

    /// What is older than what is known, or would take a final revocation back, is not taken.
    pub fn put(&self, key: StatusKey, record: Record, seen_at: OffsetDateTime) -> Arc<Known> {
        let before = self.known.get(&key);
        if let Some(known) = &before
            && (known.record.is_final() || known.record.learnt.map(|learnt| learnt.at) > record.learnt.map(|learnt| learnt.at))
        {
            return known.clone();
        }
        let seen = seen_at.unix_timestamp();
        let (seen, noted) = before.map_or((seen, i64::MIN), |known| (seen.max(known.seen_at.load(Relaxed)), known.noted_at.load(Relaxed)));
        let known = Arc::new(Known::new(record, seen, noted));
        self.known.insert(key, known.clone());
        known
    }

    /// Out of use: the next time it is met its status is asked for first.
    pub fn forget_unseen(&self, since: OffsetDateTime) {
        let old = |known: &Arc<Known>| known.seen_at.load(Relaxed) < since.unix_timestamp();
        let keys: Vec<StatusKey> = self.known.iter().filter(|(_, known)| old(known)).map(|(key, _)| key).collect();
        keys.iter().for_each(|key| drop(self.known.remove(key)));
    }

    /// Met at the counter since that moment.
    pub fn seen_since(&self, since: OffsetDateTime) -> Vec<StatusKey> {
        let seen = |known: &Arc<Known>| known.seen_at.load(Relaxed) >= since.unix_timestamp();
        self.known.iter().filter(|(_, known)| seen(known)).map(|(key, _)| key).collect()
    }

    pub fn records(&self) -> Vec<Record> {
        self.known.iter().map(|(_, known)| known.record).collect()
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<StatusKey, watch::Receiver<()>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
