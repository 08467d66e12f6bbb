//! What an operator does to the blocks: each change in one transaction with its audit event and the number that tells every process.

use crate::{
    audit::{AuditEvent, AuditKind, EVERY_BRAND},
    clock::Entropy,
    oauth::brand::BrandId,
    standing::{Block, BlockId, Lifted, Notification},
    storage::{Db, Outage, Subject, Tx},
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

/// `actor`: who of the bank, as the audit trail has it.
pub async fn block(tx: &mut Tx, entropy: &dyn Entropy, block: Block, actor: &str) -> Result<Blocked, Outage> {
    if !tx.insert_block(&block).await?
        && let Some(known) = tx.find_live_block(&block).await?
    {
        return Ok(Blocked::Already(known));
    }
    let event = event(entropy, &block, AuditKind::BlockAdded, block.since, actor);
    tx.record(&event.reason(format!("{}: {}", block.target, block.reason))).await?;
    tx.bump(Subject::Standing).await?;
    Ok(Blocked::Added(block))
}

pub async fn lift(tx: &mut Tx, entropy: &dyn Entropy, id: BlockId, lifted: Lifted, actor: &str) -> Result<Change, Outage> {
    let Some(block) = tx.lock_block(id).await? else { return Ok(Change::Unknown) };
    if block.lifted.is_some() {
        return Ok(Change::AlreadyLifted(block));
    }
    tx.lift_block(id, &lifted).await?;
    let event = event(entropy, &block, AuditKind::BlockLifted, lifted.at, actor);
    tx.record(&event.reason(format!("{}: {}", block.target, lifted.why))).await?;
    tx.bump(Subject::Standing).await?;
    Ok(Change::Done(Block { lifted: Some(lifted), ..block }))
}

/// Those in force, oldest first.
pub async fn live(db: &Db) -> Result<Vec<Block>, Outage> {
    let mut live = db.live_blocks().await?;
    live.sort_by_key(|block| block.since);
    Ok(live)
}

/// Lifted or not.
pub async fn find(db: &Db, id: BlockId) -> Result<Option<Block>, Outage> {
    db.find_block(id).await
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
    match (block.target.organisation(), block.target.client()) {
        (Some(organisation), _) => event.organisation(organisation),
        (None, Some(client)) => event.client(client),
        (None, None) => event,
    }
}
