//! Who asked when: the bank is spared pages that look more often than it makes sense.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const APART: Duration = Duration::seconds(1);
/// With more than this, those whose second is over are forgotten.
const ROOM: usize = 4_096;

#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Uuid, OffsetDateTime>>);

impl Turns {
    /// Whether it is this one's turn; it is then taken.
    pub(super) fn take(&self, of: Uuid, now: OffsetDateTime) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |at: OffsetDateTime| at <= now && now - at < APART;
        if taken.get(&of).is_some_and(|at| waits(*at)) {
            return false;
        }
        if taken.len() >= ROOM {
            taken.retain(|_, at| waits(*at));
        }
        taken.insert(of, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_a_second_for_each() {
        let (turns, start) = (Turns::default(), OffsetDateTime::UNIX_EPOCH);
        let at = |millis: i64| start + Duration::milliseconds(millis);
        for (of, millis, its_turn) in
            [(1, 0, true), (1, 0, false), (1, 999, false), (2, 999, true), (1, 1_000, true), (1, 1_001, false), (1, 0, true)]
        {
            assert_eq!(turns.take(Uuid::from_u128(of), at(millis)), its_turn, "{of} at {millis}");
        }
        for of in 10..20_000 {
            turns.take(Uuid::from_u128(of), at(of as i64 * 1_000));
        }
        assert!(turns.0.lock().unwrap().len() <= ROOM, "bounded");
    }
}
