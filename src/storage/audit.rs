use super::{Db, Outage, Tx, timed};
use crate::audit::AuditEvent;

impl Tx {
    /// Commits with the decision, or not at all.
    pub async fn record(&mut self, event: &AuditEvent) -> Result<(), Outage> {
        insert(&mut *self.inner, event).await
    }
}

impl Db {
    /// For a refusal that changed nothing else.
    pub async fn record(&self, event: &AuditEvent) -> Result<(), Outage> {
        timed("record_audit", insert(&self.pool, event)).await
    }
}

async fn insert(to: impl sqlx::PgExecutor<'_>, event: &AuditEvent) -> Result<(), Outage> {
    sqlx::query!(
        "insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, psu_key, psu)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        event.id,
        event.at,
        event.brand.as_str(),
        event.kind.name(),
        event.client.map(|c| c.0),
        event.organisation.as_ref().map(|o| o.as_str()),
        event.grant.map(|g| g.0),
        event.reason.as_deref(),
        event.actor.as_deref(),
        event.subject.as_deref(),
        event.psu.as_ref().map(|psu| psu.key),
        event.psu.as_ref().map(|psu| psu.bytes.as_slice()),
    )
    .execute(to)
    .await?;
    Ok(())
}
