//! How revocation servers behave: who does not answer is left alone for a while, and nobody is asked by all of us at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;

const AT_ONCE: usize = 8;
const FIRST_REST: Duration = Duration::seconds(2);
const LONGEST_REST: Duration = Duration::seconds(30);
/// Beyond it those that answer are forgotten.
const HOSTS_AT_MOST: usize = 1_000;

#[derive(Default)]
pub struct Hosts(Mutex<HashMap<String, Host>>);

struct Host {
    failures: u32,
    rests_until: OffsetDateTime,
    turns: Arc<Semaphore>,
}

impl Default for Host {
    fn default() -> Self {
        Self { failures: 0, rests_until: OffsetDateTime::UNIX_EPOCH, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Hosts {
    /// The turns of a host. None: it failed a moment ago.
    pub fn turns(&self, host: &str, now: OffsetDateTime) -> Option<Arc<Semaphore>> {
        self.with(host, |host| (host.rests_until <= now).then(|| host.turns.clone()))
    }

    pub fn note(&self, host: &str, answered: bool, now: OffsetDateTime) {
        self.with(host, |host| {
            if answered {
                (host.failures, host.rests_until) = (0, OffsetDateTime::UNIX_EPOCH);
                return;
            }
            host.failures = host.failures.saturating_add(1);
            host.rests_until = now + (FIRST_REST * 2i32.pow(host.failures.min(6) - 1)).min(LONGEST_REST);
        })
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= HOSTS_AT_MOST && !hosts.contains_key(name) {
            hosts.retain(|_, host| host.failures > 0);
        }
        if hosts.len() >= HOSTS_AT_MOST * 2 {
            hosts.clear();
        }
        act(hosts.entry(name.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_fails_rests_longer_each_time_until_it_answers() {
        let (hosts, now) = (Hosts::default(), OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let seconds = Duration::seconds;
        assert!(hosts.turns("a", now).is_some());
        for rest in [2, 4, 8, 16, 30, 30] {
            hosts.note("a", false, now);
            assert!(hosts.turns("a", now + seconds(rest - 1)).is_none(), "{rest}");
            assert!(hosts.turns("a", now + seconds(rest)).is_some(), "{rest}");
            assert!(hosts.turns("b", now).is_some(), "another's failure");
        }
        hosts.note("a", true, now);
        assert!(hosts.turns("a", now).is_some());
        for at in 0..HOSTS_AT_MOST * 3 {
            hosts.note(&at.to_string(), false, now);
        }
        assert!(hosts.0.lock().unwrap().len() <= HOSTS_AT_MOST * 2);
    }
}
