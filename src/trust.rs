//! Today's trust: certificates judged against it, each verdict remembered for a moment.

use crate::{
    oauth::tpp::Tpp,
    pki::{self, CertificateRefusal, Trust, Verdict},
};
use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// A verdict is used again for at most this long, and never past the certificate's end.
const REMEMBERED: Duration = Duration::seconds(60);
const CACHED_VERDICTS: usize = 20_000;

/// Today's trust, and the verdicts of the last minute.
pub struct TrustDesk(ArcSwap<Today>);

/// A trust with the verdicts that rest on it: both leave together, so no verdict outlives its trust.
struct Today {
    trust: Trust,
    verdicts: Cache<[u8; 32], Judged>,
}

#[derive(Clone)]
struct Judged {
    verdict: Result<Arc<Tpp>, Arc<CertificateRefusal>>,
    at: OffsetDateTime,
    until: OffsetDateTime,
    /// It was met at the tpp counter, and what is kept of that is stored.
    noted: bool,
}

/// A verdict with where it came from.
pub struct Judgement {
    today: Arc<Today>,
    key: [u8; 32],
    judged: Judged,
}

impl Judgement {
    pub fn verdict(&self) -> Result<Arc<Tpp>, Arc<CertificateRefusal>> {
        self.judged.verdict.clone()
    }

    pub const fn is_noted(&self) -> bool {
        self.judged.noted
    }

    /// Stored: not again while the verdict is used. Before, an outage would have swallowed it for a minute.
    pub fn note(mut self) {
        self.judged.noted = true;
        self.today.verdicts.insert(self.key, self.judged);
    }
}

impl TrustDesk {
    pub fn new(trust: Trust) -> Self {
        Self(ArcSwap::from_pointee(Today::new(trust)))
    }

    /// From the next request on, also on connections that are open.
    pub fn replace(&self, trust: Trust) {
        self.0.store(Arc::new(Today::new(trust)));
    }

    pub fn judge(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Judgement {
        let (today, key) = (self.0.load_full(), digest_of(chain));
        if let Some(judged) = today.verdicts.get(&key).filter(|j| (j.at..=j.until).contains(&now)) {
            return Judgement { today, key, judged };
        }
        let verdict = pki::judge(chain, &today.trust, now);
        let end = verdict.facts.as_ref().map(|facts| facts.not_after).filter(|end| *end >= now);
        let until = end.map_or(now + REMEMBERED, |end| end.min(now + REMEMBERED));
        let judged = Judged { verdict: verdict.tpp().map(Arc::new).map_err(Arc::new), at: now, until, noted: false };
        today.verdicts.insert(key, judged.clone());
        Judgement { today, key, judged }
    }

    /// The whole verdict, for those who want to know why; neither remembered nor taken from memory.
    pub fn explain(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Verdict {
        pki::judge(chain, &self.0.load().trust, now)
    }

    /// For callers that only ask, as introspection does.
    pub fn holder(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<Arc<Tpp>, Arc<CertificateRefusal>> {
        self.judge(chain, now).verdict()
    }
}

impl Today {
    fn new(trust: Trust) -> Self {
        Self { trust, verdicts: Cache::new(CACHED_VERDICTS) }
    }
}

fn digest_of(chain: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for certificate in chain {
        hash.update(certificate.len().to_be_bytes());
        hash.update(certificate);
    }
    hash.finalize().into()
}
