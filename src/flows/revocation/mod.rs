//! Whether a certificate that is in order has been revoked. Known: a look-up in memory. Met for the first time: the request
//! waits, for a moment, while the issuer is asked. Everything else is asked ahead of need (`tasks::revocation`).

mod ask;

pub use ask::{AHEAD, Patience};

use super::{Answer, Outage};
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{
        brand::{Brand, BrandId},
        error::OAuthError,
        tpp::PspRole,
    },
    pki::{
        Accepted,
        revocation::{Checked, Evidence, Mode, Record, Standing, Status, StatusKey, judge},
    },
    standing::Purpose,
    storage::{StatusChange, StoredStatus},
    trust::revocation::{Flight, Known},
};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};

/// What a request waits at most for a certificate that was never met.
const FIRST_TIME: Duration = Duration::from_secs(2);
/// For what another process is asking right now.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Longer than any question takes: who took it on and is gone no longer keeps others from asking.
pub const LEASE: time::Duration = time::Duration::seconds(40);
/// A certificate is asked about ahead of need for so long after its last use.
pub const IN_USE: time::Duration = time::Duration::days(7);

/// What is said of one certificate is said once in this time.
const SAID_AGAIN: time::Duration = time::Duration::MINUTE;

/// Lets a certificate pass that is in order and, as far as the brand's policy asks, not revoked.
pub async fn admit(
    app: &App,
    brand: &Brand,
    accepted: &Accepted,
    key: Option<&StatusKey>,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Answer<()> {
    // an accepted certificate has one
    let Some(key) = key else { return Ok(Err(OAuthError::STATUS_UNAVAILABLE)) };
    let (standing, known) = standing(app, brand, accepted, key, purpose, now).await?;
    let speak = || known.as_ref().is_none_or(|known| known.note(now, SAID_AGAIN));
    match standing {
        Standing::Fine => Ok(Ok(())),
        Standing::Tolerated(tolerance) => {
            metrics::counter!("guichet_revocation_tolerated_total", "brand" => brand.id.shared()).increment(1);
            if speak() {
                tracing::warn!(brand = %brand.id, organisation = accepted.tpp.organisation.as_str(), %tolerance, "accepted all the same");
            }
            Ok(Ok(()))
        }
        Standing::Refused(reason) => {
            if speak() {
                metrics::counter!("guichet_certificates_refused_total", "brand" => brand.id.shared(), "reason" => reason.code())
                    .increment(1);
                let event = app.event(now, brand, AuditKind::CertificateRefused).organisation(&accepted.tpp.organisation);
                app.db.record(&event.reason(reason.to_string())).await?;
            }
            Ok(Err(OAuthError::certificate(reason.code(), reason.code())))
        }
        Standing::Unavailable => {
            metrics::counter!("guichet_revocation_unavailable_total", "brand" => brand.id.shared()).increment(1);
            if speak() {
                tracing::error!(brand = %brand.id, organisation = accepted.tpp.organisation.as_str(), "no fresh revocation status: 503");
            }
            Ok(Err(OAuthError::STATUS_UNAVAILABLE))
        }
    }
}

async fn standing(
    app: &App,
    brand: &Brand,
    accepted: &Accepted,
    key: &StatusKey,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<(Standing, Option<Arc<Known>>), Outage> {
    let Some(policies) = app.statuses.policies(&brand.id) else { return Ok((Standing::Fine, None)) };
    let pays = accepted.tpp.roles.contains(&PspRole::PaymentInitiation);
    let policy = policies.of(purpose == Purpose::Registration, pays);
    if policy.mode == Mode::Off {
        return Ok((Standing::Fine, None));
    }
    let pointers = &accepted.facts.pointers;
    let has_pointers = !pointers.ocsp.is_empty() || !pointers.crl.is_empty();
    let known = match app.statuses.get(key) {
        Some(known) => Some(known),
        None if has_pointers => first_time(app, accepted, key, now).await,
        None => Some(app.statuses.put(*key, Record::default(), now)),
    };
    if let Some(known) = &known {
        known.see(now);
    }
    let status = known.as_ref().map_or(Status::NotWarm, |known| known.record.status());
    let evidence = Evidence { status, has_pointers, crl_covers_until: accepted.path.crl_covers_until };
    Ok((judge(&evidence, &policy, now), known))
}

/// For callers that only look: what is known to be revoked.
pub fn is_known_as_revoked(app: &App, brand: &BrandId, key: &StatusKey) -> bool {
    let asks = app.statuses.policies(brand).is_some_and(|policies| policies.usual.mode != Mode::Off);
    asks && app.statuses.get(key).is_some_and(|known| matches!(known.record.status(), Status::Revoked(_)))
}

/// One question for all who have it. None: nobody knows yet.
async fn first_time(app: &App, accepted: &Accepted, key: &StatusKey, now: OffsetDateTime) -> Option<Arc<Known>> {
    let began = Instant::now();
    let mut landed = match app.statuses.board(*key) {
        Flight::Full => return None,
        Flight::Follow(landed) => landed,
        Flight::Lead(lead, landed) => {
            let checked = Checked {
                issuer: accepted.path.issuer.clone(),
                serial: key.serial,
                pointers: accepted.facts.pointers.clone(),
                not_after: accepted.facts.not_after,
            };
            let app = app.clone();
            // a task of its own: what was asked is stored, also when the TPP hangs up
            tokio::spawn(async move {
                if let Err(outage) = ask_first(&app, checked, now).await {
                    tracing::error!(error = %outage, "a certificate's status could not be stored");
                }
                drop(lead);
            });
            landed
        }
    };
    // an error says that the flight is over
    let _ = timeout(FIRST_TIME, landed.changed()).await;
    metrics::histogram!("guichet_revocation_wait_seconds").record(began.elapsed().as_secs_f64());
    app.statuses.get(key)
}

async fn ask_first(app: &App, checked: Checked, now: OffsetDateTime) -> Result<(), Outage> {
    let (key, began) = (checked.key(), Instant::now());
    loop {
        let stored = app.db.meet_certificate(&checked, now).await?;
        if is_usable(&stored, app, now) {
            app.statuses.put(key, stored.record, now);
            return Ok(());
        }
        if app.db.lease_status(&key, now, now + LEASE).await? {
            return refresh(app, &stored, ask::FOR_A_REQUEST).await;
        }
        if began.elapsed() > FIRST_TIME {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether what another process or an earlier run stored spares the question.
fn is_usable(stored: &StoredStatus, app: &App, now: OffsetDateTime) -> bool {
    let age = app.statuses.max_age().unwrap_or_default();
    match stored.record.status() {
        Status::Revoked(_) => stored.record.is_final() || stored.record.learnt.is_some_and(|learnt| learnt.at + age > now),
        Status::Good(good) => good.until >= now && good.learnt_at + age > now,
        Status::Unreachable { .. } | Status::Unknown | Status::NotWarm => false,
    }
}

/// Asks, and stores what came of it; a change of verdict reaches every process within a second.
pub async fn refresh(app: &App, stored: &StoredStatus, patience: Patience) -> Result<(), Outage> {
    let key = stored.checked.key();
    let asked = ask::ask(app, &stored.checked, patience).await;
    let now = app.clock.now();
    let mut tx = app.db.begin("store_status").await?;
    let Some(before) = tx.lock_status(&key).await? else { return Ok(()) };
    let record = match &asked {
        Ok((answer, _)) => before.record.answered(*answer, now),
        Err(_) => before.record.failed(now),
    };
    let change = StatusChange {
        key: &key,
        record: &record,
        via: asked.as_ref().ok().map(|(_, url)| url.as_str()),
        failure: asked.as_ref().err().copied(),
        next_check_at: record.next_check(&key, app.statuses.max_age().unwrap_or(time::Duration::HOUR), now),
        is_news: record.differs(&before.record),
    };
    tx.write_status(&change).await?;
    tx.commit().await?;
    tell(&key, &before.record, &record);
    app.statuses.put(key, record, before.seen_at);
    Ok(())
}

fn tell(key: &StatusKey, before: &Record, after: &Record) {
    let serial = format!("{:?}", key.serial);
    match (before.status(), after.status()) {
        (Status::Revoked(_), Status::Revoked(_)) => {}
        (_, Status::Revoked(reason)) => tracing::warn!(serial, reason = reason.name(), "a certificate is revoked"),
        (Status::Revoked(_), _) => tracing::warn!(serial, "a certificate's hold was lifted"),
        (_, Status::Unknown) => tracing::warn!(serial, "a certificate is unknown to its issuer's responder"),
        (_, Status::Good(_) | Status::Unreachable { .. } | Status::NotWarm) => {}
    }
}
