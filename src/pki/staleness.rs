//! What an accepted trusted list is still good for when its scheme operator is late (ETSI TS 119 612 s5.3.15).

use std::time::Duration;
use time::OffsetDateTime;

const DAY: Duration = Duration::from_secs(86_400);

/// Counted from a list's NextUpdate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StalePolicy {
    pub warn_after: Duration,
    /// Certificates of its issuers no longer register clients.
    pub refuse_registrations_after: Duration,
    /// They are no longer accepted at all.
    pub refuse_after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Staleness {
    Fresh,
    Warn,
    RefuseRegistrations,
    Refuse,
}

impl Default for StalePolicy {
    fn default() -> Self {
        Self { warn_after: Duration::ZERO, refuse_registrations_after: DAY * 14, refuse_after: DAY * 30 }
    }
}

impl StalePolicy {
    /// A list without NextUpdate is closed: nobody keeps it up.
    pub fn judge(&self, next_update: Option<OffsetDateTime>, now: OffsetDateTime) -> Staleness {
        let Some(next_update) = next_update else { return Staleness::Refuse };
        let past = |limit: Duration| next_update.checked_add(limit.try_into().unwrap_or(time::Duration::MAX)).is_some_and(|end| end < now);
        match [self.refuse_after, self.refuse_registrations_after, self.warn_after].map(past) {
            [true, _, _] => Staleness::Refuse,
            [_, true, _] => Staleness::RefuseRegistrations,
            [_, _, true] => Staleness::Warn,
            [false, false, false] => Staleness::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_list_is_good_for_less_the_older_it_is() {
        let next_update = datetime!(2026-06-01 12:00:00 UTC);
        let cases = [
            (datetime!(2026-06-01 12:00:00 UTC), Staleness::Fresh),
            (datetime!(2026-06-01 12:00:01 UTC), Staleness::Warn),
            (datetime!(2026-06-15 12:00:00 UTC), Staleness::Warn),
            (datetime!(2026-06-15 12:00:01 UTC), Staleness::RefuseRegistrations),
            (datetime!(2026-07-01 12:00:00 UTC), Staleness::RefuseRegistrations),
            (datetime!(2026-07-01 12:00:01 UTC), Staleness::Refuse),
        ];
        for (now, expected) in cases {
            assert_eq!(StalePolicy::default().judge(Some(next_update), now), expected, "{now}");
        }
        assert_eq!(StalePolicy::default().judge(None, next_update), Staleness::Refuse, "a closed list");
    }
}
