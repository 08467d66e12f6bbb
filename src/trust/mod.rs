//! Today's trust of each brand, and the verdicts that rest on it.

pub mod client_keys;
pub mod hosts;
mod lists;
pub mod revocation;
mod sightings;
pub mod standing;
mod watched;

pub use sightings::Sightings;
pub use watched::Watched;

use crate::{
    oauth::{brand::BrandId, tpp::OrganisationId},
    pki::{
        self, Accepted, CertificateRefusal, PresentedChain, Trust,
        revocation::StatusKey,
        staleness::{StalePolicy, Staleness},
        status::Serial,
    },
};
use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};
use time::{Duration, OffsetDateTime};

/// An accepted certificate is not judged again for at most this long, and never past the first end of validity on its path.
const REMEMBERED: Duration = Duration::minutes(10);
/// A refused one may be fine soon: its time may come.
const REFUSAL_REMEMBERED: Duration = Duration::minutes(1);
const CACHED_VERDICTS: usize = 20_000;
/// Clients without a QWAC are few.
const CACHED_KNOWN: usize = 2_000;

/// Whom each brand trusts. Brands with the same sources share one trust and its verdicts; others never meet.
pub type Trusts = HashMap<BrandId, Arc<Today>>;

/// The trust of every brand, swapped as one value.
pub struct TrustDesk {
    trusts: ArcSwap<Trusts>,
    pub watched: Arc<Watched>,
    /// Who was known a while ago by a certificate that no trust vouches for.
    known: Cache<(BrandId, [u8; 32]), OrganisationId>,
}

/// A trust with the verdicts that rest on it: both leave together, so no verdict outlives its trust.
pub struct Today {
    trust: Trust,
    judgements: AtomicU64,
    verdicts: Cache<[u8; 32], Arc<Judged>>,
}

/// A verdict that may be used again.
#[derive(Debug)]
pub struct Judged {
    pub verdict: Result<Accepted, CertificateRefusal>,
    policy: StalePolicy,
    /// By which its revocation status is found; only of an accepted one.
    pub status_key: Option<StatusKey>,
    at: OffsetDateTime,
    until: OffsetDateTime,
    /// When it was last met at the tpp counter and what is kept of that was stored; seconds since the epoch.
    noted_at: AtomicI64,
}

impl Judged {
    fn new(verdict: pki::Verdict, policy: StalePolicy, now: OffsetDateTime) -> Self {
        let verdict = verdict.accepted();
        let until = match &verdict {
            Ok(accepted) => accepted.path.holds_until.min(now + REMEMBERED),
            Err(_) => now + REFUSAL_REMEMBERED,
        };
        let status_key = verdict
            .as_ref()
            .ok()
            .and_then(|accepted| Some(StatusKey::new(&accepted.path.issuer, Serial::from_hex(&accepted.facts.serial)?)));
        Self { policy, status_key, verdict, at: now, until, noted_at: AtomicI64::new(i64::MIN) }
    }

    /// How far the list that vouches for it can still be relied on. An authority that the settings name does not age.
    pub fn staleness(&self, now: OffsetDateTime) -> Staleness {
        let listed = self.verdict.as_ref().ok().and_then(|accepted| accepted.path.listed.as_ref());
        listed.map_or(Staleness::Fresh, |listed| self.policy.judge(listed.next_update, now))
    }

    /// Whether it was noted within this time.
    pub fn is_noted(&self, now: OffsetDateTime, within: Duration) -> bool {
        self.noted_at.load(Relaxed) > (now - within).unix_timestamp()
    }

    /// Stored: only then, or an outage would have swallowed it.
    pub fn note(&self, now: OffsetDateTime) {
        self.noted_at.store(now.unix_timestamp(), Relaxed);
    }
}

impl Today {
    /// When the first of its files with revocation lists is to be replaced.
    pub fn crls_until(&self) -> Option<OffsetDateTime> {
        self.trust.crls.iter().filter_map(pki::Crl::next_update).min()
    }

    pub fn new(trust: Trust) -> Self {
        Self { trust, judgements: AtomicU64::new(0), verdicts: Cache::new(CACHED_VERDICTS) }
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// How often a path was built and its signatures verified.
    pub fn judgements(&self) -> u64 {
        self.judgements.load(Relaxed)
    }

    fn judge(&self, chain: &PresentedChain, now: OffsetDateTime) -> Arc<Judged> {
        if let Some(judged) = self.verdicts.get(chain.digest()).filter(|j| (j.at..=j.until).contains(&now)) {
            return judged;
        }
        self.judgements.fetch_add(1, Relaxed);
        metrics::counter!("guichet_certificate_judgements_total").increment(1);
        let judged = Arc::new(Judged::new(pki::judge(chain.certificates(), &self.trust, now), self.trust.policy.stale, now));
        self.verdicts.insert(*chain.digest(), judged.clone());
        judged
    }
}

impl TrustDesk {
    pub fn new(trusts: Trusts) -> Self {
        Self { trusts: ArcSwap::from_pointee(trusts), watched: Arc::new(Watched::new()), known: Cache::new(CACHED_KNOWN) }
    }

    /// Other trusts, compared with the database when these were.
    pub fn with(&self, trusts: Trusts) -> Self {
        Self { trusts: ArcSwap::from_pointee(trusts), watched: self.watched.clone(), known: Cache::new(CACHED_KNOWN) }
    }

    /// From the next request on, also on connections that are open.
    pub fn replace(&self, trusts: Trusts) {
        self.trusts.store(Arc::new(trusts));
    }

    /// None: no such brand here.
    pub fn of(&self, brand: &BrandId) -> Option<Arc<Today>> {
        self.trusts.load().get(brand).cloned()
    }

    /// Whether the last verdict on it was that, however long ago, as far as it is remembered. It proves nothing: a hint that there
    /// is somebody whom to judge again.
    pub fn accepted_before(&self, brand: &BrandId, chain: &PresentedChain) -> bool {
        let known = self.trusts.load().get(brand).and_then(|today| today.verdicts.get(chain.digest()));
        known.is_some_and(|judged| judged.verdict.is_ok())
    }

    /// Whose certificate it was when a client last proved itself by its key alone. It proves nothing: a hint whose requests these are.
    pub fn known(&self, brand: &BrandId, chain: &PresentedChain) -> Option<OrganisationId> {
        self.known.get(&(brand.clone(), *chain.digest()))
    }

    pub fn note_known(&self, brand: &BrandId, chain: &PresentedChain, organisation: &OrganisationId) {
        if self.known(brand, chain).as_ref() != Some(organisation) {
            self.known.insert((brand.clone(), *chain.digest()), organisation.clone());
        }
    }

    pub fn forget_known(&self, brand: &BrandId, chain: &PresentedChain) {
        self.known.remove(&(brand.clone(), *chain.digest()));
    }

    /// A brand that is not served trusts nobody.
    pub fn judge(&self, brand: &BrandId, chain: &PresentedChain, now: OffsetDateTime) -> Arc<Judged> {
        match self.trusts.load().get(brand) {
            Some(today) => today.judge(chain, now),
            None => Arc::new(Judged::new(pki::judge(&[], &Trust::nobody(), now), StalePolicy::default(), now)),
        }
    }
}
