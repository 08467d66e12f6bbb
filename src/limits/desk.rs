//! Who is let in just now.

use super::{
    address::{Subscriber, listed},
    buckets::Buckets,
    policy::{Limit, Policy},
    shares::{Place, Room, Shares},
};
use crate::{clock::Clock, oauth::brand::BrandId};
use arc_swap::{ArcSwap, Guard};
use metrics::counter;
use std::{fmt, hash::Hash, net::IpAddr, sync::Arc};

/// What this process knows of who took how much. A restart forgets it: each begins with a new bucket.
pub struct Limits {
    clock: Arc<dyn Clock>,
    policy: ArcSwap<Policy>,
    buckets: Buckets,
    tpp: Arc<Shares>,
    psu: Arc<Shares>,
}

/// Nothing was looked at and nothing decided: the same request again, a while later, is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    pub of: Crowd,
    /// Seconds, rounded up.
    pub retry_after: u64,
}

/// What there are too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    Rate(Limit),
    /// Requests of one organisation or address at the same time.
    AtOnce,
}

/// A place is given back in the time of a request: nobody knows when, and a second is long.
const WHEN_CROWDED: u64 = 1;

impl Limits {
    pub fn new(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            policy: ArcSwap::from_pointee(policy),
            buckets: Buckets::new(),
            tpp: Shares::of_counter("tpp"),
            psu: Shares::of_counter("psu"),
        }
    }

    /// From the next request on. What was taken stays taken.
    pub fn replace(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    pub fn policy(&self) -> Guard<Arc<Policy>> {
        self.policy.load()
    }

    /// One more of `who` at this brand.
    pub fn take(&self, limit: Limit, brand: &BrandId, who: impl Hash) -> Result<(), TooMany> {
        self.look(limit, Some(brand), who, true)
    }

    /// Whether one more would be let in.
    pub fn has_room(&self, limit: Limit, brand: &BrandId, who: impl Hash) -> Result<(), TooMany> {
        self.look(limit, Some(brand), who, false)
    }

    /// One more from this address.
    pub fn take_of_address(&self, limit: Limit, brand: &BrandId, address: IpAddr) -> Result<(), TooMany> {
        if self.is_exempt(address) { Ok(()) } else { self.take(limit, brand, Subscriber::of(address)) }
    }

    pub fn address_has_room(&self, limit: Limit, brand: &BrandId, address: IpAddr) -> Result<(), TooMany> {
        if self.is_exempt(address) { Ok(()) } else { self.has_room(limit, brand, Subscriber::of(address)) }
    }

    /// One more of one of the bank's own systems.
    pub fn take_of_caller(&self, caller: impl Hash) -> Result<(), TooMany> {
        self.look(Limit::Internal, None, caller, true)
    }

    fn look(&self, limit: Limit, brand: Option<&BrandId>, who: impl Hash, counts: bool) -> Result<(), TooMany> {
        let rate = self.policy.load().rate(limit, brand);
        let (key, now) = ((limit, brand, who), nanos(&*self.clock));
        let looked = if counts { self.buckets.take(key, rate, now) } else { self.buckets.has_room(key, rate, now) };
        looked.map_err(|wait| {
            counted(limit.of().name(), limit.endpoint());
            TooMany { of: Crowd::Rate(limit), retry_after: wait.div_ceil(1_000_000_000).max(1) }
        })
    }

    /// The database said that a client has as many open journeys as it may.
    pub fn count_open_journeys(&self) {
        counted("open_journeys", Limit::ClientAuthorize.endpoint());
    }

    /// A place at the tpp counter, for a request of this organisation, or of nobody known from this address.
    pub fn enter_tpp(&self, who: impl Hash) -> Result<Place, TooMany> {
        self.enter(&self.tpp, who, "tpp")
    }

    /// `None`: an address that stands for many takes no place of its own.
    pub fn enter_psu(&self, address: IpAddr) -> Result<Option<Place>, TooMany> {
        if self.is_exempt(address) { Ok(None) } else { self.enter(&self.psu, Subscriber::of(address), "psu").map(Some) }
    }

    fn enter(&self, shares: &Arc<Shares>, who: impl Hash, counter: &'static str) -> Result<Place, TooMany> {
        let room = self.policy.load().room();
        shares.enter(who, room).ok_or_else(|| {
            counted("at_once", counter);
            TooMany { of: Crowd::AtOnce, retry_after: WHEN_CROWDED }
        })
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        listed(&self.policy.load().exempt, address)
    }

    /// For one listening socket with so many connections.
    pub fn gate(self: &Arc<Self>, connections: usize) -> Gate {
        Gate { limits: self.clone(), connections: Arc::default(), max: connections }
    }
}

fn nanos(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.monotonic().as_nanos()).unwrap_or(u64::MAX)
}

fn counted(limit: &'static str, endpoint: &'static str) {
    counter!("guichet_limited_total", "limit" => limit, "endpoint" => endpoint).increment(1);
}

/// Before TLS, which is what a connection costs: how fast an address may come, and how many connections it may hold.
#[derive(Clone)]
pub struct Gate {
    limits: Arc<Limits>,
    connections: Arc<Shares>,
    max: usize,
}

impl Gate {
    /// The same with another number of connections.
    pub fn of(&self, connections: usize) -> Self {
        Self { max: connections, ..self.clone() }
    }

    /// `None`: an address that stands for many.
    pub fn enter(&self, address: IpAddr) -> Result<Option<Place>, TooMany> {
        if self.limits.is_exempt(address) {
            return Ok(None);
        }
        let who = Subscriber::of(address);
        self.limits.look(Limit::AddressHandshakes, None, who, true)?;
        let place = self.connections.enter(who, Room { all: self.max, of_one: usize::MAX });
        place.map(Some).ok_or_else(|| {
            counted("at_once", Limit::AddressHandshakes.endpoint());
            TooMany { of: Crowd::AtOnce, retry_after: WHEN_CROWDED }
        })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("max", &self.max).finish_non_exhaustive()
    }
}
