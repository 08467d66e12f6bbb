//! What clients were seen to do, counted in memory until a task writes it down: noting costs a lookup and an addition, never a statement.
//! What a process that dies has not written yet is lost.

use crate::oauth::{
    client::ClientId,
    practice::{Noted, Practice, Seen},
};
use quick_cache::sync::Cache;
use std::{
    convert::Infallible,
    iter,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::SeqCst},
    },
};
use time::OffsetDateTime;

/// Clients whose counts are at hand.
const REMEMBERED: usize = 20_000;
/// Clients with something to write. While the database is away, more are let go.
const MOST_WAITING: usize = 20_000;

/// Of this process.
pub struct Practices {
    counted: Cache<ClientId, Arc<Counts>>,
    /// Whoever counts first for a client after it was written puts it here.
    waiting: Mutex<Vec<(ClientId, Arc<Counts>)>>,
}

/// Of one client, since it was last written.
#[derive(Default)]
struct Counts {
    waits: AtomicBool,
    of: [Count; Practice::COUNT],
}

#[derive(Default)]
struct Count {
    times: AtomicU32,
    /// Seconds since the epoch.
    last: AtomicI64,
}

impl Practices {
    pub fn new() -> Self {
        Self { counted: Cache::new(REMEMBERED), waiting: Mutex::default() }
    }

    pub fn note(&self, client: ClientId, practices: impl IntoIterator<Item = Practice>, now: OffsetDateTime) {
        let Ok(counts) = self.counted.get_or_insert_with(&client, || Ok::<_, Infallible>(Arc::default()));
        for practice in practices {
            counts.add(practice, 1, now);
        }
        self.wait(client, counts);
    }

    /// Of at most so many clients.
    pub fn take(&self, clients: usize) -> Vec<Noted> {
        let taken: Vec<_> = {
            let mut waiting = self.waiting();
            let end = waiting.len().min(clients);
            waiting.drain(..end).collect()
        };
        taken.into_iter().flat_map(|(client, counts)| counts.take(client)).collect()
    }

    /// Back to what waits: it could not be written.
    pub fn put(&self, noted: Vec<Noted>) {
        for Noted { client, practice, seen } in noted {
            let Ok(counts) = self.counted.get_or_insert_with(&client, || Ok::<_, Infallible>(Arc::default()));
            counts.add(practice, u32::try_from(seen.times).unwrap_or(u32::MAX), seen.last_at);
            self.wait(client, counts);
        }
    }

    fn wait(&self, client: ClientId, counts: Arc<Counts>) {
        if counts.waits.load(SeqCst) || counts.waits.swap(true, SeqCst) {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.len() < MOST_WAITING {
            waiting.push((client, counts));
        } else {
            drop(waiting);
            counts.take(client).for_each(drop);
            metrics::counter!("guichet_practices_dropped_total").increment(1);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(ClientId, Arc<Counts>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Practices {
    fn default() -> Self {
        Self::new()
    }
}

impl Counts {
    fn add(&self, practice: Practice, times: u32, at: OffsetDateTime) {
        let Some(count) = self.of.get(practice.index()) else { return };
        // the time first: who takes the count finds it
        let at = at.unix_timestamp();
        if count.last.load(SeqCst) < at {
            count.last.fetch_max(at, SeqCst);
        }
        count.times.fetch_add(times, SeqCst);
    }

    /// Whoever counts from now on has it wait again, so that nothing is left behind.
    fn take(self: Arc<Self>, client: ClientId) -> impl Iterator<Item = Noted> {
        self.waits.store(false, SeqCst);
        let mut left = Practice::ALL.into_iter();
        iter::from_fn(move || {
            left.by_ref().find_map(|practice| {
                let count = self.of.get(practice.index())?;
                let times = count.times.swap(0, SeqCst);
                let last = OffsetDateTime::from_unix_timestamp(count.last.load(SeqCst)).ok()?;
                (times > 0).then_some(Noted { client, practice, seen: Seen { times: times.into(), first_at: last, last_at: last } })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, thread};
    use time::Duration;
    use uuid::Uuid;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn client(n: usize) -> ClientId {
        ClientId(Uuid::from_u128(n as u128))
    }

    fn summed(noted: &[Noted]) -> BTreeMap<(ClientId, Practice), (i64, i64)> {
        noted.iter().map(|noted| ((noted.client, noted.practice), (noted.seen.times, noted.seen.last_at.unix_timestamp()))).collect()
    }

    #[test]
    fn what_is_seen_is_counted_until_it_is_taken_and_what_could_not_be_written_waits_on() {
        let practices = Practices::new();
        for seconds in [0, 60, 30] {
            practices.note(client(1), [Practice::BySecret, Practice::ChallengeSent], START + Duration::seconds(seconds));
        }
        practices.note(client(2), [Practice::BySecret], START);
        let expected = [((client(1), Practice::BySecret), (3, 60)), ((client(1), Practice::ChallengeSent), (3, 60))];
        let first = practices.take(1);
        assert_eq!(summed(&first), expected.into());
        assert_eq!(summed(&practices.take(9)), [((client(2), Practice::BySecret), (1, 0))].into());
        assert!(practices.take(9).is_empty());
        practices.put(first);
        practices.note(client(1), [Practice::ChallengeSent], START + Duration::seconds(90));
        let expected = [((client(1), Practice::BySecret), (3, 60)), ((client(1), Practice::ChallengeSent), (4, 90))];
        assert_eq!(summed(&practices.take(9)), expected.into());
    }

    #[test]
    fn clients_that_wait_are_bounded() {
        let practices = Practices::new();
        for n in 0..=MOST_WAITING {
            practices.note(client(n), [Practice::BySecret], START);
        }
        assert_eq!(practices.take(usize::MAX).len(), MOST_WAITING);
    }

    #[test]
    fn nothing_is_lost_or_doubled_between_who_counts_and_who_takes() {
        const EACH: u32 = 20_000;
        let practices = Practices::new();
        let taken = thread::scope(|scope| {
            let counting: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| (0..EACH).for_each(|n| practices.note(client(n as usize % 5), [Practice::BoundTokenUsed], START))))
                .collect();
            let mut taken = 0;
            while counting.iter().any(|thread| !thread.is_finished()) {
                taken += practices.take(9).iter().map(|noted| noted.seen.times).sum::<i64>();
            }
            taken
        });
        let rest: i64 = practices.take(9).iter().map(|noted| noted.seen.times).sum();
        assert_eq!(taken + rest, i64::from(3 * EACH));
    }
}
