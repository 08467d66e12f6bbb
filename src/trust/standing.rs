//! Today's standing of the TPPs, and what was told of it a moment ago.

use crate::{
    oauth::{brand::BrandId, client::ClientId},
    standing::{Admitted, Blocks, Merges, Purpose, Register, RegisterPolicy, RegisterUse, Standing, StandingRefusal, Subject},
};
use arc_swap::{ArcSwap, Guard};
use quick_cache::sync::Cache;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
};
use time::{Duration, OffsetDateTime};

/// A refusal is kept once in this time for each that it concerns: who keeps trying must not fill the audit trail.
const TOLD: Duration = Duration::minutes(1);
const CACHED_TOLD: usize = 20_000;

/// What is known of TPPs, and how each brand uses the register.
pub struct StandingDesk {
    memory: Arc<Memory>,
    policies: HashMap<BrandId, RegisterPolicy>,
}

/// What no change of the settings touches.
struct Memory {
    /// Blocks, register and merges as one value, swapped as one.
    today: ArcSwap<Standing>,
    told: Cache<Told, OffsetDateTime>,
    /// The day on which the register's age was last logged, as a Julian day.
    age_told: AtomicI64,
    /// A register is being read.
    reading: Arc<AtomicBool>,
}

/// Of whom something was told, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    pub brand: BrandId,
    pub who: Who,
    pub what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// By SHA-256.
    Certificate([u8; 32]),
    Client(ClientId),
}

/// The reading of a register, until this is dropped.
pub struct Turn(Arc<AtomicBool>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

impl StandingDesk {
    pub fn new(policies: HashMap<BrandId, RegisterPolicy>) -> Self {
        let memory = Memory {
            today: ArcSwap::default(),
            told: Cache::new(CACHED_TOLD),
            age_told: AtomicI64::new(i64::MIN),
            reading: Arc::default(),
        };
        Self { memory: Arc::new(memory), policies }
    }

    /// The same memory under other policies.
    pub fn under(&self, policies: HashMap<BrandId, RegisterPolicy>) -> Self {
        Self { memory: self.memory.clone(), policies }
    }

    /// From the next request on, also on connections that are open.
    pub fn set_blocks(&self, blocks: Blocks) {
        self.memory.today.rcu(|today| Standing { blocks: blocks.clone(), ..Standing::clone(today) });
    }

    pub fn set_merges(&self, merges: Merges) {
        self.memory.today.rcu(|today| Standing { merges: merges.clone(), ..Standing::clone(today) });
    }

    pub fn set_register(&self, register: Option<Register>) {
        let register = register.map(Arc::new);
        self.memory.today.rcu(|today| Standing { register: register.clone(), ..Standing::clone(today) });
    }

    /// One at a time. `None`: a register is being read already.
    pub fn begin_reading(&self) -> Option<Turn> {
        (!self.memory.reading.swap(true, Relaxed)).then(|| Turn(self.memory.reading.clone()))
    }

    pub fn today(&self) -> Guard<Arc<Standing>> {
        self.memory.today.load()
    }

    /// `None`: no such brand here.
    pub fn policy(&self, brand: &BrandId) -> Option<&RegisterPolicy> {
        self.policies.get(brand)
    }

    pub fn policies(&self) -> impl Iterator<Item = &RegisterPolicy> {
        self.policies.values()
    }

    /// Whether any answer but yes is possible: where nothing is blocked and no register asked, nobody need be looked up.
    pub fn asks(&self, brand: &BrandId) -> bool {
        !self.memory.today.load().blocks.is_empty() || self.policies.get(brand).is_some_and(|policy| policy.register != RegisterUse::Off)
    }

    pub fn judge(&self, who: &Subject<'_>, brand: &BrandId, purpose: Purpose, now: OffsetDateTime) -> Result<Admitted, StandingRefusal> {
        self.with_policy(brand, |policy| self.memory.today.load().judge(who, brand, policy, purpose, now))
    }

    /// Where the subject's roles are all needed.
    pub fn judge_all(&self, who: &Subject<'_>, brand: &BrandId, now: OffsetDateTime) -> Result<Admitted, StandingRefusal> {
        self.with_policy(brand, |policy| self.memory.today.load().judge_all(who, brand, policy, now))
    }

    fn with_policy<T>(&self, brand: &BrandId, judge: impl FnOnce(&RegisterPolicy) -> T) -> T {
        match self.policies.get(brand) {
            Some(policy) => judge(policy),
            None => judge(&RegisterPolicy::default()),
        }
    }

    /// Whether it was told a moment ago.
    pub fn was_told(&self, told: &Told, now: OffsetDateTime) -> bool {
        self.memory.told.get(told).is_some_and(|at| (at..at + TOLD).contains(&now))
    }

    /// Stored or counted: only then, or an outage would have swallowed it.
    pub fn note_told(&self, told: Told, now: OffsetDateTime) {
        self.memory.told.insert(told, now);
    }

    /// True once a day.
    pub fn tells_age(&self, now: OffsetDateTime) -> bool {
        let day = i64::from(now.to_julian_day());
        self.memory.age_told.swap(day, Relaxed) != day
    }
}
