//! The tables of a month: made before they are needed, dropped when the bank need no longer keep what is in them.

use crate::{
    audit::{AuditEvent, AuditKind, month::Month},
    clock::Entropy,
    storage::{Db, Outage, TableChange},
};
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// What there is, after those that are missing were made as far as can be.
pub async fn prepare(db: &Db, now: OffsetDateTime) -> Result<(TableChange, BTreeSet<Month>), Outage> {
    let mut change = TableChange::Needless;
    let there = db.audit_months().await?;
    for month in Month::ahead(now).filter(|month| !there.contains(month)) {
        change = db.add_audit_month(month).await?;
        match change {
            TableChange::Done => tracing::info!(table = month.table(), "table of audit events made"),
            TableChange::Needless => {}
            TableChange::Busy | TableChange::Alive => break,
        }
    }
    Ok((change, if change == TableChange::Needless { there } else { db.audit_months().await? }))
}

/// Those that retention no longer asks for, the oldest first.
pub fn over(there: &BTreeSet<Month>, keep_months: i32, now: OffsetDateTime) -> Vec<Month> {
    let kept_from = Month::of(now).before(keep_months);
    there.iter().copied().filter(|month| *month < kept_from).collect()
}

/// With all that is in it, and an event that says so; both or neither.
pub async fn drop_month(db: &Db, entropy: &dyn Entropy, month: Month, why: &str, now: OffsetDateTime) -> Result<TableChange, Outage> {
    let event =
        AuditEvent::of_all_brands(entropy.uuid(now), now, AuditKind::AuditMonthDropped).subject(month.to_string()).reason(why.to_owned());
    let mut tx = db.begin("drop_audit_month").await?;
    let change = tx.drop_audit_month(month, event.id).await?;
    if change == TableChange::Done {
        tx.record(&event).await?;
        tx.commit().await?;
    }
    Ok(change)
}
