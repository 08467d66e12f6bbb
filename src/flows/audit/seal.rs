//! Seals over what is complete. Writers know nothing of it: an event carries its transaction's number, and what is below the oldest
//! transaction that still runs can get no further event, whenever and in whatever order the others commit.

use crate::{
    audit::{AuditEvent, AuditKind, chain::Recorded},
    clock::Entropy,
    storage::{Db, Outage},
};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

/// Between two rounds, whoever of the servers does them.
pub const EVERY: Duration = Duration::milliseconds(900);
/// Positions of a round. Most hold one event.
const WINDOW: i64 = 4096;
const WIDEST: i64 = 1 << 20;
/// Where a window held fewer events the next is wider, where more, narrower.
const FEW: usize = 1000;
const MANY: usize = 8000;
/// So many empty positions are looked at again rather than noted: a quiet bank writes nothing.
const LAZY: i64 = 50_000;

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub events: usize,
    pub seals: usize,
    /// There is more that is complete.
    pub behind: bool,
    /// Positions are lower than those that are sealed: the trail came into another cluster.
    pub below: bool,
}

/// How many positions to look at in one go.
#[derive(Clone, Copy, Debug)]
pub struct Window(i64);

impl Default for Window {
    fn default() -> Self {
        Self(WINDOW)
    }
}

impl Window {
    pub fn after(self, from: i64) -> i64 {
        from.saturating_add(self.0)
    }

    #[must_use]
    pub fn adapted(self, events: usize) -> Self {
        match events {
            0..FEW => Self((self.0 * 4).min(WIDEST)),
            FEW..=MANY => self,
            _ => Self((self.0 / 2).max(1)),
        }
    }
}

/// One round, if nobody else is at it. `None`: somebody is, or was less than `every` ago.
pub async fn seal(db: &Db, window: Window, every: Duration, now: OffsetDateTime) -> Result<Option<Round>, Outage> {
    let mut tx = db.begin("seal_audit").await?;
    let Some(from) = tx.take_audit_horizon(every).await? else { return Ok(None) };
    let until = tx.audit_complete_until().await?;
    if until < from {
        return Ok(Some(Round { below: true, ..Round::default() }));
    }
    let to = until.min(window.after(from));
    let events = tx.audit_events_between(from, to).await?;
    if events.is_empty() && to == until && until - from < LAZY {
        return Ok(Some(Round::default()));
    }
    let mut round = Round { events: events.len(), behind: to < until, ..Round::default() };
    let mut brands: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for event in events {
        brands.entry(event.brand.clone()).or_default().push(event);
    }
    for (brand, mut events) in brands {
        let head = tx.audit_head(&brand).await?;
        if head.to > from {
            tracing::error!(brand, "the horizon of the audit trail was moved back by hand; what is sealed is not sealed again");
            events.retain(|event| event.position >= head.to);
        }
        if let Some(seal) = head.seal(&events, to, now) {
            tx.put_audit_seal(&seal).await?;
            round.seals += 1;
        }
    }
    tx.set_audit_horizon(to).await?;
    tx.commit().await?;
    Ok(Some(round))
}

/// Positions go on above those that were sealed in another cluster, and an event says so. Whether that was needed.
pub async fn resume(db: &Db, entropy: &dyn Entropy, now: OffsetDateTime) -> Result<bool, Outage> {
    let mut tx = db.begin("resume_audit").await?;
    if !tx.resume_audit_positions().await? {
        return Ok(false);
    }
    tx.record(&AuditEvent::of_all_brands(entropy.uuid(now), now, AuditKind::AuditResumed)).await?;
    tx.commit().await?;
    tracing::warn!("the database was restored into another cluster; positions of the audit trail go on above those that it had");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fits_what_it_holds() {
        let window = Window::default();
        assert_eq!((window.after(10), window.adapted(2000).after(0)), (WINDOW + 10, WINDOW));
        assert_eq!((window.adapted(3).after(0), window.adapted(9000).after(0)), (WINDOW * 4, WINDOW / 2));
        let widest = (0..40).fold(window, |window, _| window.adapted(0));
        let narrowest = (0..40).fold(window, |window, _| window.adapted(usize::MAX));
        assert_eq!((widest.after(0), narrowest.after(0)), (WIDEST, 1));
    }
}
