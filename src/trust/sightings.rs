//! Which certificates were written down lately: a use is stored once an hour, not once a request.

use quick_cache::sync::Cache;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};
use time::{Duration, OffsetDateTime};

/// A certificate in use is written down once in this time.
const EVERY: Duration = Duration::hours(1);
const REMEMBERED: usize = 20_000;
const NEVER: i64 = i64::MIN;

/// By the leaf's SHA-256, when it was last written down by this process; seconds since the epoch. Outlives changes of the trust.
pub struct Sightings(Cache<[u8; 32], Arc<AtomicI64>>);

/// Whoever holds this writes the certificate down. Dropped before [`Turn::done`], the next request has its turn: an outage or a
/// request that was given up must not swallow it.
pub struct Turn {
    noted_at: Arc<AtomicI64>,
    before: i64,
}

impl Sightings {
    pub fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    /// None: it was written down within the hour, or is being so.
    pub fn turn(&self, thumbprint: &[u8; 32], now: OffsetDateTime) -> Option<Turn> {
        let Ok(noted_at) = self.0.get_or_insert_with(thumbprint, || Ok::<_, Infallible>(Arc::new(AtomicI64::new(NEVER))));
        let (before, now) = (noted_at.load(Relaxed), now.unix_timestamp());
        let due = before == NEVER || now.saturating_sub(before) >= EVERY.whole_seconds();
        (due && noted_at.compare_exchange(before, now, Relaxed, Relaxed).is_ok()).then_some(Turn { noted_at, before })
    }
}

impl Default for Sightings {
    fn default() -> Self {
        Self::new()
    }
}

impl Turn {
    /// It is stored.
    pub fn done(mut self) {
        self.before = self.noted_at.load(Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.noted_at.store(self.before, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_it_down_once_an_hour() {
        let (sightings, start) = (Sightings::new(), OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let at = |minutes| sightings.turn(&[1; 32], start + Duration::minutes(minutes));
        let first = at(0).unwrap();
        assert!(at(0).is_none(), "one at a time");
        drop(first);
        at(1).expect("it was not done").done();
        for minutes in [1, 2, 60] {
            assert!(at(minutes).is_none(), "{minutes}");
        }
        assert!(sightings.turn(&[2; 32], start).is_some(), "another certificate");
        at(61).unwrap().done();
        assert!(at(120).is_none() && at(121).is_some());
    }
}
