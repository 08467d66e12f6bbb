//! Who stands behind a connection at the tpp counter.

use super::{Answer, revocation, standing::admit};
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{brand::Brand, error::OAuthError, tpp::Tpp},
    pki::PresentedChain,
    storage::Outage,
};
use std::{sync::Arc, time::Instant};
use time::Duration;

pub use crate::standing::Purpose;

/// A refused certificate is kept once in this time: a TPP that keeps trying must not fill the audit trail.
const REFUSAL_KEPT: Duration = Duration::minutes(1);
/// An accepted one is written down once in this time, for its last use.
const USE_KEPT: Duration = Duration::hours(1);

/// The TPP behind a request at the tpp counter, judged now: trust is a matter of the request, not of the handshake.
pub async fn identify(app: &App, brand: &Brand, chain: &PresentedChain, purpose: Purpose) -> Answer<Arc<Tpp>> {
    if chain.is_empty() {
        return Ok(Err(OAuthError::CERTIFICATE_MISSING));
    }
    check_watched(app)?;
    let now = app.clock.now();
    let judged = app.trust.judge(&brand.id, chain, now);
    match &judged.verdict {
        Ok(accepted) => {
            let tpp = match admit(app, brand, &accepted.tpp, purpose, now).await? {
                Ok(tpp) => tpp,
                Err(refused) => return Ok(Err(refused)),
            };
            if let Err(refused) = revocation::admit(app, brand, accepted, judged.status_key.as_ref(), purpose, now).await? {
                return Ok(Err(refused));
            }
            if !judged.is_noted(now, USE_KEPT) {
                let der: Vec<Vec<u8>> = chain.certificates().iter().map(|c| c.to_vec()).collect();
                app.db.remember_certificate(&accepted.tpp, &der, now).await?;
                judged.note(now);
            }
            Ok(Ok(tpp))
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

/// Deny by default: what others decided a while ago, a block among it, is not known here.
pub(super) fn check_watched(app: &App) -> Result<(), Outage> {
    if app.trust.watched.is_recent(Instant::now()) {
        Ok(())
    } else {
        Err(Outage::contended("today's trust could not be compared with the database for 10 s"))
    }
}
