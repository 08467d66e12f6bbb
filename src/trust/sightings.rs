//! Which certificates were written down lately: a use is stored once an hour, not once a request.

use crate::oauth::brand::BrandId;
use quick_cache::sync::Cache;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

/// A certificate in use is written down once in this time.
const EVERY: Duration = Duration::hours(1);
const REMEMBERED: usize = 20_000;

/// By the leaf's SHA-256, what this process wrote down. Outlives changes of the trust.
pub struct Sightings(Cache<[u8; 32], Arc<Mutex<Noted>>>);

#[derive(Clone, Default)]
struct Noted {
    at: Option<OffsetDateTime>,
    /// Where it was met: the first time at another brand is written down, too.
    brands: Vec<BrandId>,
}

/// Whoever holds this writes the certificate down. Dropped before [`Turn::done`], the next request has its turn: an outage or a
/// request that was given up must not swallow it.
pub struct Turn {
    noted: Arc<Mutex<Noted>>,
    before: Option<Noted>,
}

impl Sightings {
    pub fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    /// None: it was written down within the hour, or is being so.
    pub fn turn(&self, thumbprint: &[u8; 32], brand: &BrandId, now: OffsetDateTime) -> Option<Turn> {
        let Ok(entry) = self.0.get_or_insert_with(thumbprint, || Ok::<_, Infallible>(Arc::default()));
        let mut noted = lock(&entry);
        let met = noted.brands.contains(brand);
        if met && noted.at.is_some_and(|at| now - at < EVERY) {
            return None;
        }
        let before = Some(noted.clone());
        noted.at = Some(now);
        if !met {
            noted.brands.push(brand.clone());
        }
        drop(noted);
        Some(Turn { noted: entry, before })
    }
}

fn lock(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Sightings {
    fn default() -> Self {
        Self::new()
    }
}

impl Turn {
    /// It is stored.
    pub fn done(mut self) {
        self.before = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            *lock(&self.noted) = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_it_down_once_an_hour() {
        let (sightings, start) = (Sightings::new(), OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let (cic, lbp) = (BrandId::new("cic"), BrandId::new("lbp"));
        let at = |minutes| sightings.turn(&[1; 32], &cic, start + Duration::minutes(minutes));
        let first = at(0).unwrap();
        assert!(at(0).is_none(), "one at a time");
        drop(first);
        at(1).expect("it was not done").done();
        for minutes in [1, 2, 60] {
            assert!(at(minutes).is_none(), "{minutes}");
        }
        assert!(sightings.turn(&[2; 32], &cic, start).is_some(), "another certificate");
        at(61).unwrap().done();
        assert!(at(120).is_none());
        at(121).unwrap().done();
        let elsewhere = |minutes| sightings.turn(&[1; 32], &lbp, start + Duration::minutes(minutes));
        elsewhere(130).expect("another brand").done();
        assert!(elsewhere(131).is_none() && at(150).is_none(), "one hour for both");
        at(190).unwrap().done();
        assert!(elsewhere(190).is_none());
    }
}
