//! A customer whom the bank must forget (GDPR art. 17): his key in the audit trail is destroyed and the tables lose his reference;
//! the trail stays as it was sealed.

use super::permissions::{self, Withdrawal};
use crate::{
    audit::{AuditEvent, AuditKind},
    clock::Entropy,
    oauth::{brand::BrandId, grant::PsuReference, permission::Withdrawer},
    storage::{Db, Outage, Tx},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub struct Erasure<'a> {
    pub brand: &'a BrandId,
    pub psu: &'a PsuReference,
    /// Consents that are alive are ended; without, they are a reason to refuse.
    pub end_consents: bool,
    pub by: &'a str,
    pub reason: &'a str,
}

/// Why nothing was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing here is about this customer.
    Unknown,
    ConsentsAlive(usize),
    JourneysUnderWay,
}

/// What was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The audit trail had something of him.
    pub key: Option<Uuid>,
    pub ended: usize,
    pub grants: u64,
}

/// All of it, or nothing.
pub async fn erase(db: &Db, entropy: &dyn Entropy, erasure: &Erasure<'_>, now: OffsetDateTime) -> Result<Result<Erased, Refusal>, Outage> {
    let Erasure { brand, psu, .. } = *erasure;
    let digest = db.psu_digest_key(entropy.bytes()).await?.digest(brand, psu);
    let mut tx = db.begin("erase_psu").await?;
    let mut news = vec![];
    loop {
        let alive = tx.lock_live_grants(brand, psu, now).await?;
        if alive.is_empty() {
            break;
        }
        if !erasure.end_consents {
            return Ok(Err(Refusal::ConsentsAlive(alive.len())));
        }
        for grant in alive {
            let Some(mut permission) = tx.lock_permission(brand, psu, grant).await? else { continue };
            let withdrawal = Withdrawal { by: Withdrawer::Bank, note: None, through: "erasure" };
            let event = permissions::withdrawal_event(entropy, brand, &permission, &withdrawal, now);
            news.push(permissions::end(&mut tx, brand, &mut permission, &withdrawal, &event).await?);
        }
    }
    if let Some(refusal) = journeys(&mut tx, brand, psu, now).await? {
        return Ok(Err(refusal));
    }
    let mut after = Uuid::nil();
    while let Some(last) = tx.forget_customer_of_visits(brand, psu, after).await? {
        after = last;
    }
    let mut grants = 0;
    loop {
        match tx.forget_customer_of_grants(brand, psu).await? {
            0 => break,
            some => grants += some,
        }
    }
    let key = tx.destroy_psu_key(brand, &digest).await?;
    if key.is_none() && grants == 0 {
        return Ok(Err(Refusal::Unknown));
    }
    let event = AuditEvent::new(entropy.uuid(now), now, brand, AuditKind::PsuErased).actor(erasure.by).reason(erasure.reason.to_owned());
    let event = match key {
        Some(key) => event.subject(key.to_string()),
        None => event,
    };
    tx.record(&event).await?;
    // last: publishers take turns until commit
    tx.publish(&news, now).await?;
    tx.commit().await?;
    Ok(Ok(Erased { key, ended: news.len(), grants }))
}

/// Those that are over forget him; one that is under way needs to know him for some minutes yet.
async fn journeys(tx: &mut Tx, brand: &BrandId, psu: &PsuReference, now: OffsetDateTime) -> Result<Option<Refusal>, Outage> {
    let mut after = Uuid::nil();
    while let Some((last, under_way)) = tx.forget_customer_of_interactions(brand, psu, after, now).await? {
        if under_way > 0 {
            return Ok(Some(Refusal::JourneysUnderWay));
        }
        after = last;
    }
    Ok(None)
}

/// Of whom an event is, for whoever must know and says why. `None`: no such event, of no customer, or he was forgotten.
pub async fn reveal(
    db: &Db,
    entropy: &dyn Entropy,
    id: Uuid,
    by: &str,
    reason: &str,
    now: OffsetDateTime,
) -> Result<Option<PsuReference>, Outage> {
    let Some(event) = db.find_audit_event(id).await? else { return Ok(None) };
    let (Some(of), Some(sealed)) = (event.psu_key, &event.psu) else { return Ok(None) };
    let Some(psu) = db.psu_key_of(of).await?.and_then(|key| key.open(id, sealed)) else { return Ok(None) };
    let look = AuditEvent::new(entropy.uuid(now), now, &BrandId::new(&event.brand), AuditKind::PsuRevealed);
    db.record(&look.actor(by).reason(reason.to_owned()).subject(id.to_string())).await?;
    Ok(Some(psu))
}
