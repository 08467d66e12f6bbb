//! Who stands behind a connection at the tpp counter.

use super::Answer;
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{brand::Brand, error::OAuthError, tpp::Tpp},
    pki::PresentedChain,
};
use std::sync::Arc;
use time::Duration;

/// What the certificate is shown for: some policies are stricter with who is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new client (RFC 7591).
    Registration,
    /// Anything that a registered client does.
    Use,
}

/// A refused certificate is kept once in this time: a TPP that keeps trying must not fill the audit trail.
const REFUSAL_KEPT: Duration = Duration::minutes(1);
/// An accepted one is written down once in this time, for its last use.
const USE_KEPT: Duration = Duration::hours(1);

/// The TPP behind a request at the tpp counter, judged now: trust is a matter of the request, not of the handshake.
pub async fn identify(app: &App, brand: &Brand, chain: &PresentedChain, _purpose: Purpose) -> Answer<Arc<Tpp>> {
    if chain.is_empty() {
        return Ok(Err(OAuthError::CERTIFICATE_MISSING));
    }
    let now = app.clock.now();
    let judged = app.trust.judge(&brand.id, chain, now);
    match &judged.verdict {
        Ok(accepted) => {
            if !judged.is_noted(now, USE_KEPT) {
                let der: Vec<Vec<u8>> = chain.certificates().iter().map(|c| c.to_vec()).collect();
                app.db.remember_certificate(&accepted.tpp, &der, now).await?;
                judged.note(now);
            }
            Ok(Ok(accepted.tpp.clone()))
        }
        Err(refusal) => {
            if !judged.is_noted(now, REFUSAL_KEPT) {
                metrics::counter!("guichet_certificates_refused_total").increment(1);
                app.db.record(&app.event(now, brand, AuditKind::CertificateRefused).reason(refusal.to_string())).await?;
                judged.note(now);
            }
            Ok(Err(OAuthError::certificate(&refusal.to_string())))
        }
    }
}
