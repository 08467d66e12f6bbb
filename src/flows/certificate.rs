//! Who stands behind a connection at the tpp counter.

use super::Answer;
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{brand::Brand, error::OAuthError, tpp::Tpp},
};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

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
