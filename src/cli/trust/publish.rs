//! What was accepted is stored in one transaction with its audit, and every process learns of it; refusals are written down.

use super::desk::{Desk, Judged, Outcome};
use crate::{
    audit::{AuditEvent, AuditKind},
    cli::Failure,
    clock::{Entropy, System},
    storage::{Db, ListImport, Subject, Tx},
};

pub(super) async fn publish(db: &Db, desk: &Desk, judged: Vec<Judged>) -> Result<(), Failure> {
    let nothing = |one: &Judged| !one.is_refused() && !matches!(one.outcome, Outcome::Accepted { .. });
    if judged.iter().all(nothing) && desk.dropped().next().is_none() {
        return Ok(());
    }
    let mut tx = db.begin("accept_trusted_lists").await?;
    if tx.lock_version(Subject::Snapshot).await? != desk.version {
        return Err(Failure::unexpected("other lists were accepted meanwhile: run it again"));
    }
    let mut changed = drop_excluded(&mut tx, desk).await?;
    for one in judged {
        changed |= matches!(one.outcome, Outcome::Accepted { .. });
        write(&mut tx, desk, one).await?;
    }
    if changed {
        tx.bump(Subject::Snapshot).await?;
    }
    Ok(tx.commit().await?)
}

/// What the configuration excludes since counts no longer.
async fn drop_excluded(tx: &mut Tx, desk: &Desk) -> Result<bool, Failure> {
    let system = System::new();
    let entropy: &dyn Entropy = &system;
    let mut any = false;
    for list in desk.dropped() {
        any = true;
        tx.drop_lists(&list.territory).await?;
        let event = AuditEvent::of_all_brands(entropy.uuid(desk.now), desk.now, AuditKind::TrustedListDropped);
        tx.record(&event.reason(format!("{} {}", list.territory, list.sequence))).await?;
    }
    Ok(any)
}

async fn write(tx: &mut Tx, desk: &Desk, one: Judged) -> Result<(), Failure> {
    let (outcome, detail) = match &one.outcome {
        Outcome::Accepted { .. } => ("accepted", None),
        Outcome::Refused(refusal) => (refusal.code(), Some(refusal.to_string())),
        Outcome::Unreachable(error) => ("LIST_UNREACHABLE", Some(error.to_string())),
        Outcome::Unchanged | Outcome::Excluded | Outcome::Unused => return Ok(()),
    };
    let system = System::new();
    let entropy: &dyn Entropy = &system;
    let (territory, sequence) =
        one.claims.as_ref().map_or((None, None), |(territory, sequence)| (Some(territory.as_str()), Some(*sequence)));
    tx.log_list_import(&ListImport {
        id: entropy.uuid(desk.now),
        at: desk.now,
        source: &one.source,
        territory,
        sequence,
        outcome,
        detail: detail.as_deref(),
    })
    .await?;
    let kind = if one.is_refused() { AuditKind::TrustedListRefused } else { AuditKind::TrustedListAccepted };
    let of = territory.map_or_else(|| "?".to_owned(), |territory| format!("{territory} {}", sequence.unwrap_or(0)));
    let reason = if one.is_refused() { format!("{of} {outcome}") } else { of };
    tx.record(&AuditEvent::of_all_brands(entropy.uuid(desk.now), desk.now, kind).reason(reason)).await?;
    if let (Outcome::Accepted { .. }, Some(vouched)) = (&one.outcome, one.vouched) {
        tx.accept_list(&vouched.offer.accepted(desk.now), vouched.pointers.as_deref()).await?;
    }
    Ok(())
}
