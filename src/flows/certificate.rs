//! Who stands behind a connection: the certificate judged against today's trust, remembered for a moment.

use super::Answer;
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{
        brand::Brand,
        error::OAuthError,
        tpp::Tpp,
    },
    pki::{self, CertificateRefusal, Trust},
};
use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// A verdict is used again for at most this long, so that expiry and a change of trust are met soon.
const REMEMBERED: Duration = Duration::seconds(60);
const CACHED_VERDICTS: usize = 20_000;

/// Today's trust, and the verdicts of the last minute.
pub struct TrustDesk {
    trust: ArcSwap<Trust>,
    verdicts: Cache<[u8; 32], Judged>,
}

#[derive(Clone)]
struct Judged {
    verdict: Result<Arc<Tpp>, Arc<CertificateRefusal>>,
    at: OffsetDateTime,
}

impl TrustDesk {
    pub fn new(trust: Trust) -> Self {
        Self { trust: ArcSwap::from_pointee(trust), verdicts: Cache::new(CACHED_VERDICTS) }
    }

    /// From the next request on, also on connections that are open.
    pub fn replace(&self, trust: Trust) {
        self.trust.store(Arc::new(trust));
        self.verdicts.clear();
    }

    /// The verdict, and whether it was reached just now.
    fn judge(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> (Judged, bool) {
        let key = digest_of(chain);
        if let Some(known) = self.verdicts.get(&key).filter(|j| now >= j.at && now - j.at < REMEMBERED) {
            return (known, false);
        }
        let verdict = pki::judge(chain, &self.trust.load(), now).tpp().map(Arc::new).map_err(Arc::new);
        let judged = Judged { verdict, at: now };
        self.verdicts.insert(key, judged.clone());
        (judged, true)
    }

    /// For callers that only ask, as introspection does.
    pub fn holder(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<Arc<Tpp>, Arc<CertificateRefusal>> {
        self.judge(chain, now).0.verdict
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
