//! What a customer allowed: told to the bank's permission dashboard or shown on the page that stands ready, and taken back.

use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    clock::Entropy,
    oauth::{
        brand::{Brand, BrandId, Lang},
        event::{EventKind, GrantWithdrawn, NewEvent},
        grant::{EndReason, GrantId, PsuReference},
        permission::{HISTORY, Permission, PermissionState, Revoked, Withdrawer},
        secret::{Handle, HandleKind, Secret},
        tpp::OrganisationId,
        visit::{LINK_LIFETIME, LinkRefusal, Opened, Visit, VisitKey},
    },
    storage::{Outage, PermissionQuery, Tx},
};
use time::OffsetDateTime;

/// One page of a customer's grants, and when they were looked at.
pub struct Found {
    pub permissions: Vec<Permission>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<GrantId>,
    pub now: OffsetDateTime,
}

/// Newest first; what ended is told for two years.
pub async fn search(
    app: &App,
    brand: &Brand,
    psu: &PsuReference,
    state: PermissionState,
    before: Option<GrantId>,
    limit: i64,
) -> Result<Found, Outage> {
    let now = app.clock.now();
    // one more than is shown: is there a next page?
    let query = PermissionQuery { brand: &brand.id, psu, state, now, ended_after: now - HISTORY, before, limit: limit + 1 };
    let mut permissions = app.db.permissions(&query).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = permissions.len() > shown;
    permissions.truncate(shown);
    let next = permissions.last().filter(|_| more).map(|last| last.grant);
    Ok(Found { permissions, next, now })
}

/// Who takes a grant back, and what he says to it.
pub struct Withdrawal<'a> {
    pub by: Withdrawer,
    pub note: Option<&'a str>,
    /// Which of our ways it came by, for the audit trail.
    pub through: &'static str,
}

/// The grant as it stands after that: with every token under it dead, whoever ended it first. `None`: this customer has none such.
pub async fn withdraw(
    app: &App,
    brand: &Brand,
    psu: &PsuReference,
    grant: GrantId,
    withdrawal: &Withdrawal<'_>,
) -> Result<Option<(Permission, OffsetDateTime)>, Outage> {
    let now = app.clock.now();
    let mut tx = app.db.begin("withdraw_grant").await?;
    let Some(mut permission) = tx.lock_permission(&brand.id, psu, grant).await? else { return Ok(None) };
    let alive = permission.end(now).is_none();
    if alive {
        let event = withdrawal_event(&*app.entropy, &brand.id, &permission, withdrawal, now);
        let event = app.of_customer(&mut tx, brand, event, psu).await?;
        let news = end(&mut tx, &brand.id, &mut permission, withdrawal, &event).await?;
        // last: publishers take turns until commit
        tx.publish(&[news], now).await?;
    }
    tx.commit().await?;
    if alive {
        metrics::counter!("guichet_grants_withdrawn_total", "by" => withdrawal.by.name()).increment(1);
    }
    Ok(Some((permission, now)))
}

pub(super) fn withdrawal_event(
    entropy: &dyn Entropy,
    brand: &BrandId,
    permission: &Permission,
    withdrawal: &Withdrawal<'_>,
    now: OffsetDateTime,
) -> AuditEvent {
    let event = AuditEvent::new(entropy.uuid(now), now, brand, AuditKind::GrantWithdrawn).client(permission.client);
    let event = event.organisation(&permission.organisation).grant(permission.grant);
    event.actor(withdrawal.by.name()).subject(withdrawal.through).reason(withdrawal.by.reason().name())
}

/// Ends it and says so; what is to be published is the caller's to publish, at his end.
pub(super) async fn end(
    tx: &mut Tx,
    brand: &BrandId,
    permission: &mut Permission,
    withdrawal: &Withdrawal<'_>,
    event: &AuditEvent,
) -> Result<NewEvent, Outage> {
    let (at, reason) = (event.at, withdrawal.by.reason());
    tx.end_grant(permission.grant, reason, withdrawal.note, at).await?;
    tx.record(event).await?;
    permission.revoked = Some(Revoked { at, reason, note: withdrawal.note.map(str::to_owned) });
    Ok(withdrawn(brand, permission, reason))
}

/// For whoever tells the TPP.
fn withdrawn(brand: &BrandId, permission: &Permission, reason: EndReason) -> NewEvent {
    let payload = GrantWithdrawn {
        grant_id: permission.grant.0.to_string(),
        client_id: permission.client.to_string(),
        scope: permission.scope.to_string(),
        by: reason.by(),
        contacts: permission.metadata.contacts.clone(),
    };
    news_of_withdrawal(&permission.organisation, brand, payload)
}

/// Once for each grant, whoever ends it.
pub fn news_of_withdrawal(organisation: &OrganisationId, brand: &BrandId, payload: GrantWithdrawn) -> NewEvent {
    NewEvent {
        kind: EventKind::GrantWithdrawn,
        organisation: Some(organisation.clone()),
        brand: Some(brand.clone()),
        occasion: payload.grant_id.clone(),
        payload: serde_json::to_value(payload).unwrap_or_default(),
    }
}

/// A link to the customer's own page, to be shown once.
pub struct Invitation {
    pub link: Secret,
    pub until: OffsetDateTime,
}

/// The bank knows who the customer is: it has just asked for this on his behalf.
pub async fn invite(app: &App, brand: &Brand, psu: PsuReference, lang: Lang) -> Result<Invitation, Outage> {
    let now = app.clock.now();
    let id = app.entropy.uuid(now);
    let (handle, link) = Handle::mint(HandleKind::PermissionsLink, id, &app.entropy.bytes());
    let until = now + LINK_LIFETIME;
    let visit = Visit { id, brand: brand.id.clone(), psu, lang, link: handle.digest, link_until: until, opened: None };
    let mut tx = app.db.begin("invite_to_permissions").await?;
    tx.insert_visit(&visit).await?;
    let event = app.event(now, brand, AuditKind::PermissionsLinkMade).subject(id.to_string());
    let event = app.of_customer(&mut tx, brand, event, &visit.psu).await?;
    tx.record(&event).await?;
    tx.commit().await?;
    Ok(Invitation { link, until })
}

/// The browser gets a key of its own; the link is worth nothing from then on. A second click in the same browser goes on with the key
/// that it has.
pub async fn open(
    app: &App,
    brand: &Brand,
    link: &Handle,
    browser: Option<&VisitKey>,
) -> Result<Result<Option<VisitKey>, LinkRefusal>, Outage> {
    let now = app.clock.now();
    let mut tx = app.db.begin("open_permissions").await?;
    let Some(visit) = tx.lock_visit(&brand.id, link).await? else { return Ok(Err(LinkRefusal::Unknown)) };
    match visit.admit(link, now) {
        Err(LinkRefusal::Used) if browser.is_some_and(|key| visit.is_open_to(&key.handle, brand.psu_session, now)) => Ok(Ok(None)),
        Err(refusal) => Ok(Err(refusal)),
        Ok(()) => {
            let (handle, secret) = Handle::mint(HandleKind::PermissionsVisit, visit.id, &app.entropy.bytes());
            tx.set_visit(visit.id, &Opened { key: handle.digest, at: now, active_at: now }).await?;
            let event = app.event(now, brand, AuditKind::PermissionsOpened).subject(visit.id.to_string());
            let event = app.of_customer(&mut tx, brand, event, &visit.psu).await?;
            tx.record(&event).await?;
            tx.commit().await?;
            Ok(Ok(Some(VisitKey::new(handle, secret))))
        }
    }
}

/// The visit that this browser is on; with that the customer has shown signs of life.
pub async fn visit(app: &App, brand: &Brand, browser: Option<&VisitKey>) -> Result<Option<Visit>, Outage> {
    let Some(key) = browser else { return Ok(None) };
    let now = app.clock.now();
    let mut tx = app.db.begin("visit_permissions").await?;
    let Some(visit) = tx.lock_visit(&brand.id, &key.handle).await? else { return Ok(None) };
    if !visit.is_open_to(&key.handle, brand.psu_session, now) {
        return Ok(None);
    }
    see(&mut tx, &visit, now).await?;
    tx.commit().await?;
    Ok(Some(visit))
}

async fn see(tx: &mut Tx, visit: &Visit, now: OffsetDateTime) -> Result<(), Outage> {
    match &visit.opened {
        Some(opened) => tx.set_visit(visit.id, &Opened { active_at: now, ..opened.clone() }).await,
        None => Ok(()),
    }
}

/// One of the customer's own grants.
pub async fn find(app: &App, brand: &Brand, psu: &PsuReference, grant: GrantId) -> Result<Option<(Permission, OffsetDateTime)>, Outage> {
    let now = app.clock.now();
    Ok(app.db.find_permission(&brand.id, psu, grant).await?.map(|permission| (permission, now)))
}
