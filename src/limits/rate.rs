//! The generic cell rate algorithm (ITU-T I.371): a bucket is one point in time. Pure: times in, a verdict out.

use std::fmt;

/// So many at once, and one more whenever `interval` has passed. All times are nanoseconds of a clock that only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    interval: u64,
    burst: u32,
}

/// Longer spans are no rates: `1/h burst 1000` is six weeks.
const LONGEST_SPAN: u64 = 90 * 86_400 * 1_000_000_000;
const UNITS: [(&str, u64); 3] = [("s", 1_000_000_000), ("min", 60 * 1_000_000_000), ("h", 3_600 * 1_000_000_000)];

impl Rate {
    /// No limit.
    pub const OFF: Self = Self { interval: 0, burst: 0 };

    /// `20/s burst 100`, `1/min burst 10`, or `off`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::OFF);
        }
        let (rate, burst) = text.split_once(" burst ")?;
        let (count, unit) = rate.split_once('/')?;
        let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten();
        let (count, burst) = (number(count).filter(|n| *n > 0)?, number(burst).filter(|n| *n > 0)?);
        let (_, unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let rate = Self { interval: unit / u64::from(count), burst };
        (rate.interval > 0 && rate.span() <= LONGEST_SPAN).then_some(rate)
    }

    pub const fn is_off(&self) -> bool {
        self.interval == 0
    }

    /// What a bucket that was used up takes to be as good as new.
    const fn span(&self) -> u64 {
        self.interval.saturating_mul(self.burst as u64)
    }
}

/// For messages and the documents.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() {
            return f.write_str("off");
        }
        let count = |unit: u64| unit / self.interval;
        let (name, unit) = UNITS.into_iter().find(|(_, unit)| unit.checked_div(count(*unit)) == Some(self.interval)).unwrap_or(UNITS[2]);
        write!(f, "{}/{name} burst {}", count(unit), self.burst)
    }
}

/// When the bucket will be as good as new. One that is so by now says no more than none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket(pub u64);

impl Bucket {
    /// The bucket after one more, or in how many nanoseconds there is room for it.
    pub fn admit(self, now: u64, rate: Rate) -> Result<Self, u64> {
        let full = now.saturating_add(rate.span());
        // beyond full: the clock went back, or the rate has changed, and what was counted is of no use any more
        let used_until = if self.0 > full { now } else { self.0.max(now) };
        let next = used_until.saturating_add(rate.interval);
        if next <= full { Ok(Self(next)) } else { Err(next - full) }
    }

    pub const fn is_idle(self, now: u64) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_rate_is_written_as_people_say_it() {
        for text in ["20/s burst 100", "1/min burst 10", "90/min burst 5", "1/h burst 1", "off"] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!(Rate::parse(&rate.to_string()), Some(rate), "{text} and {rate}");
        }
        for text in [
            "",
            "20",
            "20/s",
            "0/s burst 1",
            "1/s burst 0",
            "+1/s burst 1",
            "1/d burst 1",
            "1/s burst 1 ",
            "2000000000/s burst 1000000000000",
            "1/h burst 9999",
        ] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_burst_at_once_then_one_after_the_other_and_the_wait_is_true() {
        let (rate, mut bucket) = (Rate::parse("2/s burst 3").unwrap(), Bucket::default());
        let now = 100 * SECOND;
        for _ in 0..3 {
            bucket = bucket.admit(now, rate).unwrap();
        }
        let wait = bucket.admit(now, rate).unwrap_err();
        assert_eq!(wait, SECOND / 2);
        assert!(bucket.admit(now + wait - 1, rate).is_err());
        bucket = bucket.admit(now + wait, rate).unwrap();
        assert!(bucket.admit(now + wait, rate).is_err());
        assert!(!bucket.is_idle(now + wait) && bucket.is_idle(now + wait + 3 * SECOND / 2));
        assert!(Bucket(u64::MAX).admit(now, Rate::OFF).is_ok());
    }

    #[test]
    fn a_clock_that_went_back_locks_nobody_out_for_longer_than_a_bucket() {
        let (rate, hour) = (Rate::parse("1/s burst 10").unwrap(), 3_600 * SECOND);
        let ahead = Bucket::default().admit(2 * hour, rate).unwrap();
        let (mut back, mut admitted) = (ahead, 0);
        while let Ok(next) = back.admit(hour, rate) {
            (back, admitted) = (next, admitted + 1);
        }
        assert_eq!((admitted, back.admit(hour, rate)), (10, Err(SECOND)), "a new bucket, and no more");
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_time_gives(
            interval in 1_u64..10_000, burst in 1_u32..50, steps in prop::collection::vec(0_u64..30_000, 1..200),
        ) {
            let rate = Rate { interval, burst };
            let (mut now, mut bucket, mut admitted) = (1_000_000_u64, Bucket::default(), vec![]);
            for step in steps {
                now += step;
                match bucket.admit(now, rate) {
                    Ok(next) => { prop_assert!(next >= bucket, "it only rises"); bucket = next; admitted.push(now); }
                    Err(wait) => {
                        prop_assert!(wait > 0 && wait <= interval, "never longer than the next one takes");
                        prop_assert!(bucket.admit(now + wait, rate).is_ok() && bucket.admit(now + wait - 1, rate).is_err());
                    }
                }
            }
            for (i, from) in admitted.iter().enumerate() {
                for (j, to) in admitted.iter().enumerate().skip(i) {
                    prop_assert!((j - i + 1) as u64 <= u64::from(burst) + (to - from) / interval, "{i}..{j}");
                }
            }
        }

        #[test]
        fn whoever_keeps_to_the_rate_is_never_refused(interval in 1_u64..10_000, burst in 1_u32..50, waits in prop::collection::vec(0_u64..9_000, 1..200)) {
            let rate = Rate { interval, burst };
            let (mut now, mut bucket) = (5_u64, Bucket::default());
            for wait in waits {
                now += interval + wait;
                bucket = bucket.admit(now, rate).unwrap();
            }
        }
    }
}
