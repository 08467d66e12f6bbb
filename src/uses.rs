//! When grants were last used, kept in memory until a task writes it down: a use costs no statement. What a process that dies has
//! not written yet is lost, and is never older than [`EVERY`].

use crate::oauth::grant::GrantId;
use quick_cache::sync::Cache;
use std::sync::{Mutex, MutexGuard, PoisonError};
use time::{Duration, OffsetDateTime};

/// A grant's use is written down once in this time.
pub const EVERY: Duration = Duration::minutes(10);
/// Grants whose last noted use is remembered. One that fell out is noted again too early, which the database ignores.
const REMEMBERED: usize = 100_000;
/// Uses that wait to be written. While the database is away for long, more are let go.
const MOST_WAITING: usize = 100_000;

/// Of this process.
pub struct Uses {
    noted: Cache<GrantId, OffsetDateTime>,
    waiting: Mutex<Vec<(GrantId, OffsetDateTime)>>,
}

impl Uses {
    pub fn new() -> Self {
        Self { noted: Cache::new(REMEMBERED), waiting: Mutex::default() }
    }

    pub fn note(&self, grant: GrantId, now: OffsetDateTime) {
        if self.noted.get(&grant).is_some_and(|at| now - at < EVERY) {
            return;
        }
        self.noted.insert(grant, now);
        self.put([(grant, now)]);
    }

    /// At most `most`, the longest waiting first.
    pub fn take(&self, most: usize) -> Vec<(GrantId, OffsetDateTime)> {
        let mut waiting = self.waiting();
        let end = waiting.len().min(most);
        waiting.drain(..end).collect()
    }

    /// Back to those that wait: they could not be written.
    pub fn put(&self, uses: impl IntoIterator<Item = (GrantId, OffsetDateTime)>) {
        let mut waiting = self.waiting();
        for used in uses {
            if waiting.len() < MOST_WAITING {
                waiting.push(used);
            } else {
                metrics::counter!("guichet_grant_uses_dropped_total").increment(1);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(GrantId, OffsetDateTime)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Uses {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_use_is_noted_once_in_a_while_and_waits_within_bounds() {
        let (uses, start) = (Uses::new(), OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let grant = |n| GrantId(Uuid::from_u128(n));
        for seconds in [0, 1, 599] {
            uses.note(grant(1), start + Duration::seconds(seconds));
        }
        uses.note(grant(2), start);
        assert_eq!(uses.take(1), [(grant(1), start)]);
        assert_eq!(uses.take(9), [(grant(2), start)]);
        uses.note(grant(1), start + Duration::seconds(599));
        assert_eq!(uses.take(9), []);
        uses.note(grant(1), start + EVERY);
        let taken = uses.take(9);
        assert_eq!(taken, [(grant(1), start + EVERY)]);
        uses.put(taken.clone());
        assert_eq!(uses.take(9), taken);
        for n in 0..=MOST_WAITING {
            uses.put([(grant(n as u128), start)]);
        }
        assert_eq!(uses.take(usize::MAX).len(), MOST_WAITING);
    }
}
