//! Who stands behind a connection at the tpp counter, and why a certificate is accepted or refused.

use super::Answer;
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{brand::Brand, error::OAuthError, tpp::Tpp},
    pki::{self, Reason, Verdict},
};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use time::OffsetDateTime;

/// The TPP behind a request at the tpp counter, judged now: trust is a matter of the request, not of the handshake.
pub async fn identify(app: &App, brand: &Brand, chain: &[CertificateDer<'static>]) -> Answer<Arc<Tpp>> {
    if chain.is_empty() {
        return Ok(Err(OAuthError::CERTIFICATE_MISSING));
    }
    let now = app.clock.now();
    let judgement = app.trust.judge(chain, now);
    let noted = judgement.is_noted();
    match judgement.verdict() {
        Ok(tpp) => {
            if !noted {
                let der: Vec<Vec<u8>> = chain.iter().map(|c| c.to_vec()).collect();
                app.db.remember_certificate(&tpp, &der, now).await?;
                judgement.note();
            }
            Ok(Ok(tpp))
        }
        Err(refusal) => {
            // once a minute and certificate: a TPP that keeps trying must not fill the audit trail
            if !noted {
                metrics::counter!("guichet_certificates_refused_total").increment(1);
                app.db.record(&app.event(now, brand, AuditKind::CertificateRefused).reason(refusal.to_string())).await?;
                judgement.note();
            }
            Ok(Err(OAuthError::certificate(&refusal.to_string())))
        }
    }
}

/// The whole verdict on a certificate, for its holder's developers.
pub struct Explained {
    pub verdict: Verdict,
    pub at: OffsetDateTime,
}

/// Why there is nothing to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    NoCertificate,
    /// Nothing of it was looked at.
    PrivateKey,
}

/// What would be said of a certificate that somebody pasted, if it were presented now. It is not: nothing is remembered,
/// stored or audited, and the counter tells only how many ended how.
///
/// # Errors
/// When there is no certificate to judge.
pub async fn explain(app: &App, brand: &Brand, pasted: &[u8]) -> Result<Explained, Unjudged> {
    if pki::holds_private_key(pasted) {
        count_explained("private_key");
        return Err(Unjudged::PrivateKey);
    }
    match pki::read_chain(pasted) {
        Ok(chain) => Ok(explain_chain(app, brand, &chain).await),
        Err(_) => {
            count_explained("no_certificate");
            Err(Unjudged::NoCertificate)
        }
    }
}

/// The same about the certificate of a connection, and about having none.
pub async fn explain_presented(app: &App, brand: &Brand, chain: &[CertificateDer<'static>]) -> Explained {
    if chain.is_empty() {
        count_explained("no_certificate");
        return Explained { verdict: Verdict::refused(Reason::CertificateMissing), at: app.clock.now() };
    }
    explain_chain(app, brand, chain).await
}

async fn explain_chain(app: &App, _brand: &Brand, chain: &[CertificateDer<'static>]) -> Explained {
    // never closed
    let _turn = app.explanations.acquire().await;
    let at = app.clock.now();
    let verdict = app.trust.explain(chain, at);
    count_explained(if verdict.reasons.is_empty() { "accepted" } else { "refused" });
    Explained { verdict, at }
}

fn count_explained(outcome: &'static str) {
    metrics::counter!("guichet_certificates_explained_total", "outcome" => outcome).increment(1);
}
