//! Buckets by key, as many as there is room for. None is ever let go that says more than a new one would.

use super::rate::{Bucket, Rate};
use metrics::gauge;
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

const SHARDS: usize = 64;
/// 65,536 in all: who wants to use them up needs that many addresses, and with the shipped rates as many requests a second.
const KEYS_OF_SHARD: usize = 1024;
/// A full shard is looked through for idle buckets once in this time.
const SWEPT_EVERY: u64 = 250_000_000;

/// By a keyed hash: nobody can choose keys that meet, or know in which shard they lie.
pub struct Buckets {
    shards: Box<[Mutex<Shard>]>,
    seed: RandomState,
    keys_of_shard: usize,
}

#[derive(Default)]
struct Shard {
    buckets: HashMap<u64, Bucket>,
    /// Of all who find no place, one for each rate. So a crowd of keys resets nobody's bucket; it shares one.
    shared: HashMap<Rate, Bucket>,
    swept_at: Option<u64>,
}

impl Buckets {
    pub fn new() -> Self {
        Self::with_room(KEYS_OF_SHARD)
    }

    fn with_room(keys_of_shard: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), seed: RandomState::new(), keys_of_shard }
    }

    /// One more of this key, or in how many nanoseconds there is room for it.
    pub fn take(&self, key: impl Hash, rate: Rate, now: u64) -> Result<(), u64> {
        self.look(&key, rate, now, true)
    }

    /// Whether one more would be admitted; nothing is counted.
    pub fn has_room(&self, key: impl Hash, rate: Rate, now: u64) -> Result<(), u64> {
        self.look(&key, rate, now, false)
    }

    fn look(&self, key: &impl Hash, rate: Rate, now: u64, counts: bool) -> Result<(), u64> {
        if rate.is_off() {
            return Ok(());
        }
        let key = self.seed.hash_one(key);
        let mut shard = self.shard(key);
        let has_place = shard.has_place(key, now, self.keys_of_shard);
        let known = if has_place { shard.buckets.get(&key) } else { shard.shared.get(&rate) };
        let next = known.copied().unwrap_or_default().admit(now, rate)?;
        match (counts, has_place) {
            (true, true) => shard.put(key, next),
            (true, false) => {
                shard.shared.insert(rate, next);
            }
            (false, _) => {}
        }
        Ok(())
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        self.shards[key as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn has_place(&mut self, key: u64, now: u64, room: usize) -> bool {
        if self.buckets.contains_key(&key) || self.buckets.len() < room {
            return true;
        }
        if self.swept_at.is_none_or(|at| now.abs_diff(at) >= SWEPT_EVERY) {
            let before = self.buckets.len();
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
            gauge!("guichet_limit_keys").decrement((before - self.buckets.len()) as f64);
            self.swept_at = Some(now);
        }
        self.buckets.len() < room
    }

    fn put(&mut self, key: u64, bucket: Bucket) {
        if self.buckets.insert(key, bucket).is_none() {
            gauge!("guichet_limit_keys").increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> Rate {
        Rate::parse("1/s burst 3").unwrap()
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_crowd_of_keys_resets_nobody_and_takes_no_more_room() {
        let (buckets, now) = (Buckets::with_room(2), 9 * SECOND);
        for _ in 0..3 {
            buckets.take("greedy", rate(), now).unwrap();
        }
        let crowd = (0..10_000).filter(|n| buckets.take(n, rate(), now).is_ok()).count();
        assert!(buckets.take("greedy", rate(), now).is_err(), "it is as used up as before");
        assert!(crowd <= SHARDS * (2 + 3), "{crowd}: those without a place share one bucket of a shard");
        let kept: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().buckets.len()).sum();
        assert!(kept <= SHARDS * 2, "{kept}");
        // a second later the crowd's own are idle, and others have room again
        let later = now + 4 * SECOND;
        assert!((0..50).all(|n| buckets.take(("new", n), rate(), later).is_ok()));
    }

    #[test]
    fn a_look_counts_nothing() {
        let buckets = Buckets::new();
        for _ in 0..9 {
            buckets.has_room(1, rate(), 0).unwrap();
        }
        for _ in 0..3 {
            buckets.take(1, rate(), 0).unwrap();
        }
        assert_eq!(buckets.has_room(1, rate(), 0), Err(SECOND));
        assert_eq!((buckets.take(2, rate(), 0), buckets.take(1, Rate::OFF, 0)), (Ok(()), Ok(())));
    }
}
