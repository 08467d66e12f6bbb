//! The only doors for time and chance. Flows read each once; everything below takes values.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

pub trait Clock: Send + Sync {
    fn now(&self) -> OffsetDateTime;

    /// Since some moment of this process's own; never goes back, whatever is done to the clock. For rates, which are no dates.
    fn monotonic(&self) -> Duration {
        (self.now() - OffsetDateTime::UNIX_EPOCH).try_into().unwrap_or_default()
    }
}

pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's own.
pub struct System {
    random: SystemRandom,
    began: Instant,
}

impl System {
    pub fn new() -> Self {
        Self { random: SystemRandom::new(), began: Instant::now() }
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the one door for time")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Entropy for System {
    #[expect(clippy::expect_used, reason = "a machine without randomness must not go on")]
    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes).expect("the system's random source");
    }
}

impl dyn Entropy + '_ {
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// RFC 9562 s5.7: ordered by time, 74 random bits.
    pub fn uuid(&self, now: OffsetDateTime) -> Uuid {
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}
