//! Since when this process knows nothing of what others decided.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// A process that is cut off from what others decide, a block among it, for longer answers nobody.
const LONGEST: Duration = Duration::from_secs(10);

/// When today's trust was last compared with the database.
pub struct Watched {
    began: Instant,
    /// Milliseconds since `began`.
    last: AtomicU64,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Everything is as the database has it, at this time.
    pub fn note(&self, at: Instant) {
        self.last.store(self.since_began(at), Relaxed);
    }

    pub fn age(&self, at: Instant) -> Duration {
        Duration::from_millis(self.since_began(at).saturating_sub(self.last.load(Relaxed)))
    }

    /// Recent enough to let anybody in.
    pub fn is_recent(&self, at: Instant) -> bool {
        self.age(at) < LONGEST
    }

    fn since_began(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_without_a_look_are_too_many() {
        let watched = Watched::new();
        let at = |seconds| watched.began + Duration::from_millis(seconds);
        assert!(watched.is_recent(at(9_999)) && !watched.is_recent(at(10_000)));
        watched.note(at(20_000));
        assert!(watched.is_recent(at(29_999)) && !watched.is_recent(at(30_000)));
        assert_eq!(watched.age(at(21_500)), Duration::from_millis(1_500));
        assert_eq!(watched.age(at(19_000)), Duration::ZERO, "a look may end after a question began");
    }
}
