//! Who stands behind a connection at the tpp counter.

use super::{Answer, revocation, standing::admit};
use crate::{
    app::App,
    audit::AuditKind,
    limits::Limit,
    oauth::{
        brand::Brand,
        error::OAuthError,
        presented::{Presented, Unjudged},
        tpp::{OrganisationId, Tpp},
    },
    pki::{Accepted, CertificateRefusal, CertifiedKey, PresentedChain, Reason, staleness::Staleness},
    storage::{Outage, Sighting},
    telemetry::request,
    trust::Judged,
};
use std::{sync::Arc, time::Instant};
use time::{Duration, OffsetDateTime};

pub use crate::standing::Purpose;

/// A refused certificate is kept once in this time: a TPP that keeps trying must not fill the audit trail.
const REFUSAL_KEPT: Duration = Duration::minutes(1);

/// The TPP behind a request at the tpp counter, judged now: trust is a matter of the request, not of the handshake.
pub async fn identify(app: &App, brand: &Brand, chain: &PresentedChain, purpose: Purpose) -> Answer<Arc<Tpp>> {
    if chain.is_empty() {
        return Ok(Err(OAuthError::CERTIFICATE_MISSING));
    }
    check_watched(app)?;
    let now = app.clock.now();
    let judged = app.trust.judge(&brand.id, chain, now);
    match &judged.verdict {
        Ok(accepted) => accept(app, brand, chain, (&judged, accepted), purpose, now).await,
        Err(refusal) => Ok(Err(refuse(app, brand, &judged, refusal, now).await?)),
    }
}

/// The same at an endpoint of clients. A brand may take clients without a QWAC: there a certificate that is refused goes on as a key
/// and nothing else, until it is known which client it is to stand for. That is for [`super::client::authenticate`] to find out.
pub async fn identify_client(app: &App, brand: &Brand, chain: &PresentedChain) -> Answer<Presented> {
    if brand.takes_self_signed() && !chain.is_empty() {
        check_watched(app)?;
        let refused = app.trust.judge(&brand.id, chain, app.clock.now()).verdict.is_err();
        if let Some(key) = refused.then(|| CertifiedKey::presented(chain)).flatten() {
            return Ok(Ok(Presented::Unjudged(Unjudged { key: key.digest, thumbprint: key.thumbprint })));
        }
    }
    Ok(identify(app, brand, chain, Purpose::Use).await?.map(Presented::Qwac))
}

/// A certificate that stands for no client of its key: what is wrong with it as a QWAC.
pub(super) async fn refuse_client(app: &App, brand: &Brand, chain: &PresentedChain, now: OffsetDateTime) -> Result<OAuthError, Outage> {
    let judged = app.trust.judge(&brand.id, chain, now);
    match &judged.verdict {
        Err(refusal) => refuse(app, brand, &judged, refusal, now).await,
        // its trust changed while it was looked at
        Ok(_) => Err(Outage::contended("the certificate's verdict kept changing")),
    }
}

async fn accept(
    app: &App,
    brand: &Brand,
    chain: &PresentedChain,
    (judged, accepted): (&Judged, &Accepted),
    purpose: Purpose,
    now: OffsetDateTime,
) -> Answer<Arc<Tpp>> {
    request::note(|facts| facts.by(&accepted.tpp.organisation));
    if let Err(stale) = check_list(brand, accepted, judged, purpose, now) {
        return Ok(Err(stale));
    }
    let tpp = match admit(app, brand, &accepted.tpp, purpose, now).await? {
        Ok(tpp) => tpp,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Err(refused) = revocation::admit(app, brand, accepted, judged.status_key.as_ref(), purpose, now).await? {
        return Ok(Err(refused));
    }
    note_sighting(app, brand, accepted, chain, now).await?;
    let tpp = standing_for(app, &tpp, now);
    request::note(|facts| facts.by(&tpp.organisation));
    Ok(Ok(tpp))
}

async fn refuse(
    app: &App,
    brand: &Brand,
    judged: &Judged,
    refusal: &CertificateRefusal,
    now: OffsetDateTime,
) -> Result<OAuthError, Outage> {
    let first = refusal.reasons.first().map_or("CERTIFICATE_INVALID", Reason::code);
    if !judged.is_noted(now, REFUSAL_KEPT) {
        metrics::counter!("guichet_certificates_refused_total", "brand" => brand.id.shared(), "reason" => first).increment(1);
        // anybody can make certificates without end: what is beyond a trail's use is counted only
        if app.limits.take(Limit::AuditRefused, &brand.id, ()).is_ok() {
            app.db.record(&app.event(now, brand, AuditKind::CertificateRefused).reason(refusal.to_string())).await?;
        }
        judged.note(now);
    }
    Ok(OAuthError::certificate(first, &refusal.to_string()))
}

/// The trusted list that vouches for it may be too old to be relied on: the bank's matter, not the TPP's.
fn check_list(brand: &Brand, accepted: &Accepted, judged: &Judged, purpose: Purpose, now: OffsetDateTime) -> Result<(), OAuthError> {
    let stale = judged.staleness(now);
    if stale == Staleness::Fresh {
        return Ok(());
    }
    let territory = accepted.path.listed.as_ref().map_or("", |listed| listed.territory.as_str());
    if !judged.is_noted(now, REFUSAL_KEPT) {
        tracing::warn!(brand = %brand.id, territory, "a certificate rests on a trusted list past its NextUpdate");
        judged.note(now);
    }
    let out = stale == Staleness::Refuse || (stale == Staleness::RefuseRegistrations && purpose == Purpose::Registration);
    if out {
        metrics::counter!("guichet_trusted_list_stale_total", "territory" => territory.to_owned()).increment(1);
        return Err(OAuthError::TRUSTED_LIST_STALE);
    }
    Ok(())
}

/// What the certificate says and that it is in use, once an hour.
async fn note_sighting(app: &App, brand: &Brand, accepted: &Accepted, chain: &PresentedChain, now: OffsetDateTime) -> Result<(), Outage> {
    let Some(turn) = app.sightings.turn(&accepted.tpp.thumbprint, &brand.id, now) else { return Ok(()) };
    let chain: Vec<Vec<u8>> = chain.certificates().iter().map(|c| c.to_vec()).collect();
    let facts = &accepted.facts;
    let sighting = Sighting {
        tpp: &accepted.tpp,
        brand: &brand.id,
        chain: &chain,
        issuer: &facts.issuer,
        serial: &facts.serial,
        not_before: facts.not_before,
        not_after: facts.not_after,
    };
    app.db.remember_certificate(&sighting, now).await?;
    turn.done();
    Ok(())
}

/// The organisation that the holder acts for: its own, or for a while after a merge the one that it became.
pub(super) fn standing_for(app: &App, tpp: &Arc<Tpp>, now: OffsetDateTime) -> Arc<Tpp> {
    match app.standing.today().merges.resolve(&tpp.organisation, now) {
        None => tpp.clone(),
        Some(new) => acting_for(tpp, new.clone()),
    }
}

/// Before a TPP is refused because another organisation owns what it asks for: a merge may have been committed that this
/// process has not heard of yet.
pub(super) async fn merged_meanwhile(app: &App, tpp: &Arc<Tpp>, now: OffsetDateTime) -> Result<Option<Arc<Tpp>>, Outage> {
    Ok(app.db.merged_into(&tpp.organisation, now).await?.map(|new| acting_for(tpp, new)))
}

pub(super) fn acting_for(tpp: &Tpp, organisation: OrganisationId) -> Arc<Tpp> {
    Arc::new(Tpp { organisation, ..tpp.clone() })
}

/// Deny by default: what others decided a while ago, a block among it, is not known here.
pub(super) fn check_watched(app: &App) -> Result<(), Outage> {
    if app.trust.watched.is_recent(Instant::now()) {
        Ok(())
    } else {
        Err(Outage::contended("today's trust could not be compared with the database for 10 s"))
    }
}
