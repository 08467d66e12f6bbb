//! Who stands behind a connection: the certificate judged against today's trust, remembered for a moment.

use super::Answer;
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{brand::Brand, error::OAuthError, tpp::Tpp},
    pki::{self, CertificateRefusal, Trust},
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
}

impl TrustDesk {
    pub fn new(trust: Trust) -> Self {
        Self(ArcSwap::from_pointee(Today::new(trust)))
    }

    /// From the next request on, also on connections that are open.
    pub fn replace(&self, trust: Trust) {
        self.0.store(Arc::new(Today::new(trust)));
    }

    /// The verdict, and whether it was reached just now.
    fn judge(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> (Judged, bool) {
        let (today, key) = (self.0.load(), digest_of(chain));
        if let Some(known) = today.verdicts.get(&key).filter(|j| (j.at..=j.until).contains(&now)) {
            return (known, false);
        }
        let verdict = pki::judge(chain, &today.trust, now);
        let end = verdict.facts.as_ref().map(|facts| facts.not_after).filter(|end| *end >= now);
        let until = end.map_or(now + REMEMBERED, |end| end.min(now + REMEMBERED));
        let judged = Judged { verdict: verdict.tpp().map(Arc::new).map_err(Arc::new), at: now, until };
        today.verdicts.insert(key, judged.clone());
        (judged, true)
    }

    /// For callers that only ask, as introspection does.
    pub fn holder(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<Arc<Tpp>, Arc<CertificateRefusal>> {
        self.judge(chain, now).0.verdict
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

/// The TPP behind a request at the tpp counter, judged now: trust is a matter of the request, not of the handshake.
pub async fn identify(app: &App, brand: &Brand, chain: &[CertificateDer<'static>]) -> Answer<Arc<Tpp>> {
    if chain.is_empty() {
        return Ok(Err(OAuthError::CERTIFICATE_MISSING));
    }
    let now = app.clock.now();
    let (judged, fresh) = app.trust.judge(chain, now);
    match judged.verdict {
        Ok(tpp) => {
            if fresh {
                let der: Vec<Vec<u8>> = chain.iter().map(|c| c.to_vec()).collect();
                app.db.remember_certificate(&tpp, &der, now).await?;
            }
            Ok(Ok(tpp))
        }
        Err(refusal) => {
            // once a minute and certificate: a TPP that keeps trying must not fill the audit trail
            if fresh {
                metrics::counter!("guichet_certificates_refused_total").increment(1);
                app.db.record(&app.event(now, brand, AuditKind::CertificateRefused).reason(refusal.to_string())).await?;
            }
            Ok(Err(OAuthError::certificate(&refusal.to_string())))
        }
    }
}
