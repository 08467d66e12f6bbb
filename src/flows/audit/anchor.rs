//! The heads of the chains, told to the outside: whoever keeps them holds the bank to its trail.

use crate::{
    audit::chain::Head,
    storage::{Db, Outage},
};
use time::OffsetDateTime;

/// Writes down what is told now.
pub async fn anchor(db: &Db, now: OffsetDateTime) -> Result<Vec<Head>, Outage> {
    let heads = db.audit_heads().await?;
    let mut tx = db.begin("anchor_audit").await?;
    for head in &heads {
        tx.put_audit_anchor(head, now).await?;
    }
    tx.commit().await?;
    Ok(heads)
}

/// Into the log, if this process has the turn.
pub async fn tell(db: &Db, every: time::Duration, now: OffsetDateTime) -> Result<(), Outage> {
    let mut tx = db.begin("anchor_audit").await?;
    if !tx.take_turn("audit_anchors", every, now).await? {
        return Ok(());
    }
    tx.commit().await?;
    for Head { brand, number, hash, .. } in anchor(db, now).await? {
        tracing::info!(brand, number, %hash, "audit anchor");
    }
    Ok(())
}
