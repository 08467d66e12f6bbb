//! How revocation servers behave: who does not answer is left alone for a while, and nobody is asked by all of us at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;

const FIRST_REST: Duration = Duration::seconds(2);
const LONGEST_REST: Duration = Duration::seconds(30);
/// Beyond it those that answer are forgotten.
const HOSTS_AT_MOST: usize = 1_000;

/// What a host is asked for. One may fail while the other works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Ocsp,
    /// Megabytes, perhaps.
    List,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ocsp => "ocsp",
            Self::List => "crl",
        }
    }

    /// Questions to one host.
    const fn at_once(self) -> usize {
        match self {
            Self::Ocsp => 8,
            Self::List => 2,
        }
    }
}

#[derive(Default)]
pub struct Hosts(Mutex<HashMap<(Kind, String), Host>>);

struct Host {
    failures: u32,
    rests_until: OffsetDateTime,
    turns: Arc<Semaphore>,
}

impl Host {
    fn new(kind: Kind) -> Self {
        Self { failures: 0, rests_until: OffsetDateTime::UNIX_EPOCH, turns: Arc::new(Semaphore::new(kind.at_once())) }
    }
}

impl Hosts {
    /// The turns of a host. None: it failed a moment ago.
    pub fn turns(&self, kind: Kind, host: &str, now: OffsetDateTime) -> Option<Arc<Semaphore>> {
        self.with(kind, host, |host| (host.rests_until <= now).then(|| host.turns.clone()))
    }

    pub fn note(&self, kind: Kind, host: &str, answered: bool, now: OffsetDateTime) {
        self.with(kind, host, |host| {
            if answered {
                (host.failures, host.rests_until) = (0, OffsetDateTime::UNIX_EPOCH);
                return;
            }
            host.failures = host.failures.saturating_add(1);
            host.rests_until = now + (FIRST_REST * 2i32.pow(host.failures.min(6) - 1)).min(LONGEST_REST);
        })
    }

    fn with<T>(&self, kind: Kind, name: &str, act: impl FnOnce(&mut Host) -> T) -> T {
        let (mut hosts, key) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), (kind, name.to_owned()));
        if hosts.len() >= HOSTS_AT_MOST && !hosts.contains_key(&key) {
            hosts.retain(|_, host| host.failures > 0);
        }
        if hosts.len() >= HOSTS_AT_MOST * 2 {
            hosts.clear();
        }
        act(hosts.entry(key).or_insert_with(|| Host::new(kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_fails_rests_longer_each_time_until_it_answers() {
        let (hosts, now) = (Hosts::default(), OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let seconds = Duration::seconds;
        assert!(hosts.turns(Kind::Ocsp, "a", now).is_some());
        for rest in [2, 4, 8, 16, 30, 30] {
            hosts.note(Kind::Ocsp, "a", false, now);
            assert!(hosts.turns(Kind::Ocsp, "a", now + seconds(rest - 1)).is_none(), "{rest}");
            assert!(hosts.turns(Kind::Ocsp, "a", now + seconds(rest)).is_some(), "{rest}");
            assert!(hosts.turns(Kind::Ocsp, "b", now).is_some(), "another's failure");
            assert!(hosts.turns(Kind::List, "a", now).is_some(), "its lists");
        }
        hosts.note(Kind::Ocsp, "a", true, now);
        assert!(hosts.turns(Kind::Ocsp, "a", now).is_some());
        for at in 0..HOSTS_AT_MOST * 3 {
            hosts.note(Kind::Ocsp, &at.to_string(), false, now);
        }
        assert!(hosts.0.lock().unwrap().len() <= HOSTS_AT_MOST * 2);
    }
}
