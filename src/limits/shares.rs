//! Places that many want at once. Who is alone may take half of them; when more than half are taken, nobody gets beyond an equal share.

use metrics::gauge;
use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many there are, in all and of one key.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub all: usize,
    pub of_one: usize,
}

#[derive(Default)]
pub struct Shares {
    taken: Mutex<Taken>,
    seed: RandomState,
    /// The counter in the metrics; of connections others keep one.
    counter: Option<&'static str>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_key: HashMap<u64, usize>,
}

/// Left by dropping it.
pub struct Place {
    shares: Arc<Shares>,
    key: u64,
}

impl Shares {
    pub fn of_counter(counter: &'static str) -> Arc<Self> {
        Arc::new(Self { counter: Some(counter), ..Self::default() })
    }

    /// `None`: there is no room for one more of this key.
    pub fn enter(self: &Arc<Self>, key: impl Hash, room: Room) -> Option<Place> {
        let key = self.seed.hash_one(key);
        let mut taken = self.lock();
        let own = taken.by_key.get(&key).copied().unwrap_or(0);
        let keys = taken.by_key.len() + usize::from(own == 0);
        if !has_room(room, taken.all, keys, own) {
            return None;
        }
        taken.all += 1;
        *taken.by_key.entry(key).or_default() += 1;
        drop(taken);
        if let Some(counter) = self.counter {
            gauge!("guichet_requests_at_once", "counter" => counter).increment(1);
        }
        Some(Place { shares: self.clone(), key })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `keys`: those that have a place, and the one that asks. What an equal share is falls with each newcomer, so he finds room as long
/// as anybody has more than his own.
fn has_room(room: Room, all: usize, keys: usize, own: usize) -> bool {
    let (share, half) = ((room.all / keys.max(1)).max(1), room.all.div_ceil(2));
    all < room.all && own < room.of_one && (all < half || own < share.min(half))
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all -= 1;
        if let Entry::Occupied(mut own) = taken.by_key.entry(self.key) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
        drop(taken);
        if let Some(counter) = self.shares.counter {
            gauge!("guichet_requests_at_once", "counter" => counter).decrement(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOM: Room = Room { all: 16, of_one: 12 };

    fn fill(shares: &Arc<Shares>, key: &str) -> Vec<Place> {
        std::iter::from_fn(|| shares.enter(key, ROOM)).collect()
    }

    #[test]
    fn one_alone_gets_half_and_others_get_an_equal_share_beside_it() {
        let shares = Arc::<Shares>::default();
        let storm = fill(&shares, "storm");
        assert_eq!(storm.len(), 8);
        let honest = fill(&shares, "honest");
        assert_eq!(honest.len(), 8);
        drop(honest);
        let crowd: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|key| shares.enter(key, ROOM).expect("a newcomer finds room")).collect();
        assert!(shares.enter("storm", ROOM).is_none());
        drop((storm, crowd));
        assert!(shares.lock().by_key.is_empty() && shares.lock().all == 0, "nothing is left of those that went");
        let (only, one) = (Arc::<Shares>::default(), Room { all: 1, of_one: 1 });
        let place = only.enter("first", one);
        assert!(place.is_some() && only.enter("second", one).is_none());
        let bound = Room { all: 16, of_one: 2 };
        let few: Vec<_> = std::iter::from_fn(|| shares.enter("bound", bound)).collect();
        assert_eq!(few.len(), 2);
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_all_and_a_storm_never_keeps_a_newcomer_out(
            all in 4_usize..200, moves in prop::collection::vec((0_u8..6, any::<bool>()), 1..400),
        ) {
            let (shares, room) = (Arc::<Shares>::default(), Room { all, of_one: usize::MAX });
            let mut held: HashMap<u8, Vec<Place>> = HashMap::new();
            for (key, comes) in moves {
                let own = held.entry(key).or_default();
                if comes {
                    own.extend(shares.enter(key, room));
                } else {
                    own.pop();
                }
                prop_assert!(shares.lock().all <= all);
                prop_assert!(held.values().all(|own| own.len() <= all / 2 + 1));
            }
            // one that takes all it can get, on an empty counter, leaves room
            held.clear();
            let storm: Vec<_> = std::iter::from_fn(|| shares.enter("storm", room)).collect();
            prop_assert!(storm.len() < all);
            prop_assert!(shares.enter("newcomer", room).is_some());
        }
    }
}
