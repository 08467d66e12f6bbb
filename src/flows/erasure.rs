//! A customer whom the bank must forget (GDPR art. 17): his key in the audit trail is destroyed and the tables lose his reference;
//! the trail stays as it was sealed.

use super::permissions::{self, Withdrawal};
use crate::{
    admin::{Act, Decided, Decision, ErasureRefusal},
    audit::{AuditEvent, AuditKind, psu::PsuDigestKey},
    clock::Entropy,
    oauth::{brand::BrandId, grant::PsuReference, permission::Withdrawer},
    standing::fingerprint,
    storage::{Db, Outage, Tx},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A customer whom somebody names; nothing that is stored of an act does. Has no `Debug`.
pub struct Customer {
    psu: PsuReference,
    key: PsuDigestKey,
}

impl Customer {
    pub async fn of(db: &Db, entropy: &dyn Entropy, psu: PsuReference) -> Result<Self, Outage> {
        Ok(Self { psu, key: db.psu_digest_key(entropy.bytes()).await? })
    }

    /// What leads to his key in the audit trail.
    pub fn digest(&self, brand: &BrandId) -> [u8; 32] {
        self.key.digest(brand, &self.psu)
    }

    /// As an act has it.
    pub fn has_digest(&self, brand: &BrandId, digest: &str) -> bool {
        fingerprint::read(digest).is_some_and(|digest| self.key.is_of(&digest, brand, &self.psu))
    }

    /// The act that forgets him.
    pub fn erasure(&self, brand: &BrandId, end_consents: bool) -> Act {
        Act::ErasePsu { brand: brand.to_string(), psu: fingerprint::hex(&self.digest(brand)), end_consents }
    }
}

pub struct Erasure<'a> {
    pub brand: &'a BrandId,
    pub customer: &'a Customer,
    /// Consents that are alive are ended; without, they are a reason to refuse.
    pub end_consents: bool,
    /// As the audit trail has it.
    pub by: &'a str,
    pub reason: &'a str,
}

/// What was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The audit trail had something of him.
    pub key: Option<Uuid>,
    pub ended: usize,
    pub grants: u64,
}

/// All of it, or nothing: what is refused is not to be committed.
pub async fn erase(
    tx: &mut Tx,
    entropy: &dyn Entropy,
    erasure: &Erasure<'_>,
    now: OffsetDateTime,
) -> Result<Result<Erased, ErasureRefusal>, Outage> {
    let Erasure { brand, customer, .. } = *erasure;
    let psu = &customer.psu;
    let mut news = vec![];
    loop {
        let alive = tx.lock_live_grants(brand, psu, now).await?;
        if alive.is_empty() {
            break;
        }
        if !erasure.end_consents {
            return Ok(Err(ErasureRefusal::ConsentsAlive(alive.len())));
        }
        for grant in alive {
            let Some(mut permission) = tx.lock_permission(brand, psu, grant).await? else { continue };
            let withdrawal = Withdrawal { by: Withdrawer::Bank, note: None, through: "erasure" };
            let event = permissions::withdrawal_event(entropy, brand, &permission, &withdrawal, now);
            news.push(permissions::end(tx, brand, &mut permission, &withdrawal, &event).await?);
        }
    }
    if let Some(refusal) = journeys(tx, brand, psu, now).await? {
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
    let key = tx.destroy_psu_key(brand, &customer.digest(brand)).await?;
    if key.is_none() && grants == 0 {
        return Ok(Err(ErasureRefusal::Unknown));
    }
    close_acts(tx, brand, customer, now).await?;
    let event = AuditEvent::new(entropy.uuid(now), now, brand, AuditKind::PsuErased).actor(erasure.by).reason(erasure.reason.to_owned());
    let event = match key {
        Some(key) => event.subject(key.to_string()),
        None => event,
    };
    tx.record(&event).await?;
    // last: publishers take turns until commit
    tx.publish(&news, now).await?;
    Ok(Ok(Erased { key, ended: news.len(), grants }))
}

/// Whatever was proposed of him and waits is void, and says no more of whom it was. An approval that is under way has the last word on
/// its own act.
async fn close_acts(tx: &mut Tx, brand: &BrandId, customer: &Customer, now: OffsetDateTime) -> Result<(), Outage> {
    let digests = [false, true].map(|end_consents| customer.erasure(brand, end_consents).digest().to_vec());
    let why = Some("the customer was forgotten".to_owned());
    let decided = Decided { decision: Decision::Expired, at: now, by: None, why, outcome: None };
    for id in tx.lock_open_acts(&digests).await? {
        tx.decide_act(id, &decided).await?;
    }
    Ok(())
}

/// Those that are over forget him; one that is under way needs to know him for some minutes yet.
async fn journeys(tx: &mut Tx, brand: &BrandId, psu: &PsuReference, now: OffsetDateTime) -> Result<Option<ErasureRefusal>, Outage> {
    let mut after = Uuid::nil();
    while let Some((last, under_way)) = tx.forget_customer_of_interactions(brand, psu, after, now).await? {
        if under_way > 0 {
            return Ok(Some(ErasureRefusal::JourneysUnderWay));
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
