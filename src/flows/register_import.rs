//! An export of the national register takes the last one's place, in one transaction.

use crate::{
    audit::{AuditEvent, AuditKind, EVERY_BRAND},
    clock::Entropy,
    oauth::{brand::BrandId, tpp::OrganisationId},
    standing::{Entry, RegisterHead, StepBack},
    storage::{Db, Outage, Subject},
};

pub enum Import {
    /// With what was in force before.
    Done { before: Option<RegisterHead> },
    /// What was in force stays.
    Refused(StepBack),
}

/// `force`: also where it is older or much smaller than what is in force.
pub async fn import(
    db: &Db,
    entropy: &dyn Entropy,
    head: &RegisterHead,
    rows: impl Iterator<Item = (&OrganisationId, &str, &Entry)>,
    force: bool,
) -> Result<Import, Outage> {
    let now = head.imported_at;
    let mut tx = db.begin("import_register").await?;
    tx.lock_registers().await?;
    let before = tx.register_in_force().await?;
    if let Some(before) = &before {
        if let (Err(why), false) = (head.may_follow(before), force) {
            return Ok(Import::Refused(why));
        }
        tx.supersede_register(before.id, now).await?;
    }
    tx.insert_register(head).await?;
    tx.insert_register_entries(head.id, rows).await?;
    let event = AuditEvent::new(entropy.uuid(now), now, &BrandId::new(EVERY_BRAND), AuditKind::RegisterImported);
    let reason = format!("as of {}, {} institutions, from {}", head.as_of, head.entries, head.source);
    tx.record(&event.actor(head.imported_by.as_str()).subject(head.id.to_string()).reason(reason)).await?;
    tx.bump(Subject::Standing).await?;
    tx.commit().await?;
    Ok(Import::Done { before })
}
