//! Certificates near their end: counted by every process, told of once by one of them, forgotten long after. Rows that nobody may
//! read any more go the same way.

use super::Turns;
use crate::{
    app::{App, Current},
    flows::Outage,
    oauth::{
        assertion,
        event::{CertificateExpiring, EventKind, NewEvent},
        organisation::{ExpiryThreshold, days_left},
        tpp::OrganisationId,
    },
    storage::{Db, EndingCertificate, EndingCursor},
};
use std::collections::{BTreeMap, BTreeSet};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

/// By the server's clock.
const EVERY: Duration = Duration::HOUR;
/// After an outage.
const RETRY: Duration = Duration::MINUTE;
/// An end that nobody told of for so long is no news.
const LOOK_BACK: Duration = Duration::days(30);
/// Certificates that ended and events that happened before this are forgotten.
const KEPT: Duration = Duration::days(400);
/// Certificates of one page.
const PAGE: i64 = 200;
/// Rows forgotten in one run.
const MOST_FORGOTTEN: i64 = 10_000;
/// A journey is over within an hour; for so long whoever took part in it may ask how it ended, and its keys stay taken.
const JOURNEYS_KEPT: Duration = Duration::days(31);
/// One in which nobody signed in, after its end: somebody may want to know where a customer stopped.
const OPEN_JOURNEYS_KEPT: Duration = Duration::DAY;
/// From the push: ten minutes to begin with it, an hour to end.
const PUSHED_KEPT: Duration = Duration::hours(2);
/// A payment that nobody approved, after its time.
const LODGINGS_KEPT: Duration = Duration::days(31);
/// Customers are told of what they allowed until two years after its end.
const GRANTS_KEPT: Duration = Duration::days(732);
/// A payment was approved within days, and its grant lives for 180 at most: its grant is gone by then.
const PAYMENTS_KEPT: Duration = Duration::days(3 * 366);
/// Each takes some rows of each kind.
const MOST_ROUNDS: usize = 500;
const TASK: &str = "expiry";
/// Organisations with a series of their own in this process; the number of all that expire is always exact.
const MOST_SERIES: usize = 200;

/// A certificate and the threshold that it reached.
struct Due {
    certificate: EndingCertificate,
    threshold: ExpiryThreshold,
    days: i64,
}

/// Until `stop`.
pub async fn run(current: Current, stop: CancellationToken) {
    let (mut turns, mut board) = (Turns::new(current, stop.clone()), Board::default());
    while let Some((app, now)) = turns.next().await {
        if let Some(Err(outage)) = stop.run_until_cancelled(board.look(&app, now)).await {
            tracing::warn!(error = %outage, "which organisations must renew is not known");
        }
        let next = match stop.run_until_cancelled(look(&app, now)).await {
            None => return,
            Some(Ok(())) => now + EVERY,
            Some(Err(outage)) => {
                tracing::error!(error = %outage, "expiring certificates were not looked for");
                now + RETRY
            }
        };
        turns.again(next);
    }
}

/// The organisations that this process has named in its metrics: a series cannot be taken back.
#[derive(Default)]
pub struct Board(BTreeSet<OrganisationId>);

impl Board {
    /// When the last certificate of each organisation with clients ends, if that is within 30 days. 0: no longer, it has renewed.
    pub async fn look(&mut self, app: &App, now: OffsetDateTime) -> Result<(), Outage> {
        let from = EndingCursor { not_after: now, thumbprint: vec![] };
        let mut tx = app.db.begin("expiry_board").await?;
        let ending = tx.ending_certificates(&from, now + Duration::days(ExpiryThreshold::Month.days()), PAGE).await?;
        tx.commit().await?;
        let mut ends: BTreeMap<OrganisationId, OffsetDateTime> = BTreeMap::new();
        for certificate in ending {
            ends.entry(certificate.organisation).or_insert(certificate.not_after);
        }
        for organisation in ends.keys() {
            if self.0.len() < MOST_SERIES {
                self.0.insert(organisation.clone());
            }
        }
        for organisation in &self.0 {
            let end = ends.get(organisation).map_or(0, |end| end.unix_timestamp());
            metrics::gauge!("guichet_organisation_expires_seconds", "organisation" => organisation.to_string()).set(end as f64);
        }
        Ok(())
    }
}

/// One run. Its count is this process's own, the rest is done by whoever has the turn.
pub async fn look(app: &App, now: OffsetDateTime) -> Result<(), Outage> {
    let [week, month] = app.db.count_ending(now, [now + Duration::days(7), now + Duration::days(30)]).await?;
    metrics::gauge!("guichet_organisations_expiring", "within" => "7d").set(gauge(week));
    metrics::gauge!("guichet_organisations_expiring", "within" => "30d").set(gauge(month));
    let mut tx = app.db.begin("expiry").await?;
    if !tx.take_turn(TASK, EVERY, now).await? {
        return Ok(());
    }
    let mut told = vec![];
    let mut cursor = EndingCursor { not_after: now - LOOK_BACK, thumbprint: vec![] };
    loop {
        let page = tx.ending_certificates(&cursor, now + Duration::days(ExpiryThreshold::Month.days()), PAGE).await?;
        let Some(last) = page.last() else { break };
        cursor = EndingCursor { not_after: last.not_after, thumbprint: last.thumbprint.clone() };
        let due: Vec<Due> = page.into_iter().filter_map(|certificate| due(certificate, now)).collect();
        let events: Vec<NewEvent> = due.iter().map(event).collect();
        let new = tx.publish(&events, now).await?;
        told.extend(due.into_iter().filter(|due| new.contains(&occasion(due))));
    }
    tx.forget_certificates(now - KEPT, MOST_FORGOTTEN).await?;
    tx.forget_events(now - KEPT, MOST_FORGOTTEN).await?;
    tx.forget_visits(now - Duration::DAY, MOST_FORGOTTEN).await?;
    tx.commit().await?;
    told.iter().for_each(log);
    forget(&app.db, now).await
}

/// What nobody may read any more. Each statement is short and its own transaction, so that nobody waits for it.
async fn forget(db: &Db, now: OffsetDateTime) -> Result<(), Outage> {
    // to their end: how many there are is for strangers to say
    while db.forget_open_journeys(now - OPEN_JOURNEYS_KEPT).await? > 0 {}
    while db.forget_pushed_requests(now - PUSHED_KEPT).await? > 0 {}
    while db.forget_client_assertions(now - assertion::REMEMBERED).await? > 0 {}
    for _ in 0..MOST_ROUNDS {
        let forgotten = db.forget_interactions(now - JOURNEYS_KEPT).await?
            + db.forget_payments_not_approved(now - LODGINGS_KEPT).await?
            + db.forget_payments(now - PAYMENTS_KEPT).await?
            + db.forget_grants(now - GRANTS_KEPT).await?
            + db.forget_list_imports(now - KEPT).await?;
        if forgotten == 0 {
            break;
        }
    }
    Ok(())
}

fn gauge(count: i64) -> f64 {
    i32::try_from(count).map_or(f64::from(i32::MAX), f64::from)
}

fn due(certificate: EndingCertificate, now: OffsetDateTime) -> Option<Due> {
    let threshold = ExpiryThreshold::reached(certificate.not_after, now)?;
    Some(Due { days: days_left(certificate.not_after, now).max(0), certificate, threshold })
}

/// Each threshold of a certificate is told of once.
fn occasion(due: &Due) -> String {
    format!("{}/{}", hex(&due.certificate.thumbprint), due.threshold.days())
}

fn event(due: &Due) -> NewEvent {
    let Due { certificate, threshold, days } = due;
    let payload = CertificateExpiring {
        thumbprint: hex(&certificate.thumbprint),
        serial: certificate.serial.clone(),
        legal_name: certificate.legal_name.clone(),
        not_after: certificate.not_after,
        days: *days,
        threshold: threshold.days(),
        brands: certificate.brands.clone(),
        contacts: certificate.contacts.clone(),
    };
    NewEvent {
        kind: EventKind::CertificateExpiring,
        organisation: Some(certificate.organisation.clone()),
        brand: None,
        payload: serde_json::to_value(payload).unwrap_or_default(),
        occasion: occasion(due),
    }
}

/// Whoever reads the log needs no contacts.
fn log(due: &Due) {
    let Due { certificate, threshold, days } = due;
    let (organisation, serial, not_after) =
        (certificate.organisation.as_str(), &certificate.serial, certificate.not_after.unix_timestamp());
    match threshold {
        ExpiryThreshold::Expired => tracing::warn!(organisation, serial, not_after, threshold = 0, "certificate has expired"),
        ExpiryThreshold::Day | ExpiryThreshold::Week | ExpiryThreshold::Fortnight | ExpiryThreshold::Month => {
            tracing::warn!(organisation, serial, not_after, days, threshold = threshold.days(), "certificate expires soon");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}
