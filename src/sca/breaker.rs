//! Nobody waits for a back end that is known to be away: after some failures in a row it is asked once in a while only.

use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// Failures in a row that open it.
const MOST_FAILURES: u32 = 5;
/// Between two probes while it is open.
const PAUSE: Duration = Duration::seconds(10);

#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// When the next question goes through; only what failed often enough has one.
    probe_at: Option<OffsetDateTime>,
}

impl Breaker {
    /// Whether to ask. While it is open one question in a while is the probe; one that never ends holds up no other.
    pub(super) fn admits(&self, now: OffsetDateTime) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.probe_at {
            None => true,
            Some(at) if now < at => false,
            Some(_) => {
                state.probe_at = Some(now + PAUSE);
                true
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).probe_at.is_some()
    }

    /// Whether it is open now.
    pub(super) fn note(&self, answered: bool, now: OffsetDateTime) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = if answered { 0 } else { state.failures.saturating_add(1) };
        state.probe_at = (state.failures >= MOST_FAILURES).then_some(now + PAUSE);
        state.probe_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_probes_once_in_a_while() {
        let (breaker, start) = (Breaker::default(), OffsetDateTime::UNIX_EPOCH);
        let at = |seconds: i64| start + Duration::seconds(seconds);
        for answered in [false, false, false, false, true, false, false, false, false] {
            assert!(breaker.admits(start));
            assert!(!breaker.note(answered, start), "not five in a row");
        }
        assert!(breaker.note(false, start));
        assert!(!breaker.admits(at(9)));
        assert!(breaker.admits(at(10)), "the probe");
        assert!(!breaker.admits(at(10)), "one at a time");
        assert!(breaker.note(false, at(11)));
        assert!(!breaker.admits(at(20)) && breaker.admits(at(21)));
        assert!(!breaker.note(true, at(21)));
        assert!(breaker.admits(at(21)) && breaker.admits(at(21)), "closed");
        // a probe whose answer never came
        for _ in 0..5 {
            breaker.note(false, at(30));
        }
        assert!(breaker.admits(at(40)) && !breaker.admits(at(49)) && breaker.admits(at(50)));
    }
}
