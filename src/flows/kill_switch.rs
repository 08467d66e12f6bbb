//! What an operator does to the blocks: each change in one transaction with its audit event and the number that tells every process.

use crate::{
    audit::{AuditEvent, AuditKind, EVERY_BRAND},
    clock::Entropy,
    oauth::brand::BrandId,
    standing::{Block, BlockId, Lifted, Notification},
    storage::{Db, Outage, Subject},
};
use time::OffsetDateTime;

/// What a second identical block meets.
pub enum Blocked {
    Added(Block),
    Already(Block),
}

/// What an operator can do to a block that is there.
pub enum Change {
    Done(Block),
    Unknown,
    /// It was lifted before.
    AlreadyLifted(Block),
}

pub async fn block(db: &Db, entropy: &dyn Entropy, block: Block) -> Result<Blocked, Outage> {
    let mut tx = db.begin("block").await?;
    if !tx.insert_block(&block).await?
        && let Some(known) = tx.find_live_block(&block).await?
    {
        tx.commit().await?;
        return Ok(Blocked::Already(known));
    }
    let event = event(entropy, &block, AuditKind::BlockAdded, block.since, &block.by);
    tx.record(&event.reason(format!("{}: {}", block.target, block.reason))).await?;
    tx.bump(Subject::Standing).await?;
    tx.commit().await?;
    Ok(Blocked::Added(block))
}

pub async fn lift(db: &Db, entropy: &dyn Entropy, id: BlockId, lifted: Lifted) -> Result<Change, Outage> {
    let mut tx = db.begin("lift_block").await?;
    let Some(block) = tx.lock_block(id).await? else { return Ok(Change::Unknown) };
    if block.lifted.is_some() {
        return Ok(Change::AlreadyLifted(block));
    }
    tx.lift_block(id, &lifted).await?;
    let event = event(entropy, &block, AuditKind::BlockLifted, lifted.at, &lifted.by);
    tx.record(&event.reason(format!("{}: {}", block.target, lifted.why))).await?;
    tx.bump(Subject::Standing).await?;
    tx.commit().await?;
    Ok(Change::Done(Block { lifted: Some(lifted), ..block }))
}

/// PSD2 art. 68(6): that the authority was told, also after the block was lifted. Changes nothing for anybody, so nobody is told.
pub async fn notified(
    db: &Db,
    entropy: &dyn Entropy,
    id: BlockId,
    notified: Notification,
    by: &str,
    now: OffsetDateTime,
) -> Result<Change, Outage> {
    let mut tx = db.begin("note_notification").await?;
    let Some(block) = tx.lock_block(id).await? else { return Ok(Change::Unknown) };
    tx.note_notification(id, &notified).await?;
    let event = event(entropy, &block, AuditKind::BlockNotified, now, by);
    tx.record(&event.reason(format!("authority notified on {}: {}", notified.on, notified.reference))).await?;
    tx.commit().await?;
    Ok(Change::Done(Block { authority: Some(notified), ..block }))
}

fn event(entropy: &dyn Entropy, block: &Block, kind: AuditKind, now: OffsetDateTime, by: &str) -> AuditEvent {
    let brand = block.brand.clone().unwrap_or_else(|| BrandId::new(EVERY_BRAND));
    let event = AuditEvent::new(entropy.uuid(now), now, &brand, kind).actor(by).subject(block.id.to_string());
    match block.target.organisation() {
        Some(organisation) => event.organisation(organisation),
        None => event,
    }
}
