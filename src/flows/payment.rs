//! What the bank's payment API lodges, changes, withdraws and executes, and what a journey shows of it.

use super::Answer;
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::Brand,
        client::ClientId,
        grant::{EndReason, GrantId},
        home,
        interaction::Interaction,
        lodging::{self, Execution, Lodged, LodgedState, LodgingRefusal, PaymentRequest, PaymentStatus},
        payment::{Payment, PaymentId},
        payment_fields::{self, Members},
        sca::ScaFailure,
        scope::{Scope, ScopeToken},
    },
    storage::{Outage, Tx},
};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

type Body = Map<String, Value>;

/// A lodged request, and whether this call made it.
pub struct LodgedNow {
    pub request: PaymentRequest,
    pub new: bool,
}

/// The same again gives the same answer; the same payment with other content is refused, because a change must be meant.
pub async fn lodge(app: &App, brand: &Brand, body: &Body) -> Answer<LodgedNow> {
    let now = app.clock.now();
    let mut tx = app.db.begin("lodge_payment").await?;
    let (client, payment) = match read(&mut tx, brand, body, now).await? {
        Ok(read) => read,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let before = tx.lock_lodging(&brand.id, &payment).await?;
    if let Some(before) = before {
        if !before.status(now).is_over() {
            let same = before.client == client && before.payment == payment;
            let request = PaymentRequest::new(&before, brand, now);
            return Ok(if same { Ok(LodgedNow { request, new: false }) } else { Err(LodgingRefusal::Differs.into()) });
        }
        tx.replace_payment(before.id).await?;
    }
    let lodged = Lodged {
        id: PaymentId(home::told_by(app.entropy.uuid(now), &payment.key(&brand.id))),
        client,
        payment,
        revision: 1,
        lodged_at: now,
        expires_at: now + lifetime(brand),
        state: LodgedState::Open,
        invalidated: None,
    };
    tx.insert_payment(&lodged, &brand.id).await?;
    tx.record(&event(app, brand, &lodged, AuditKind::PaymentLodged, now)).await?;
    tx.commit().await?;
    count("lodged");
    Ok(Ok(LodgedNow { request: PaymentRequest::new(&lodged, brand, now), new: true }))
}

pub async fn find(app: &App, brand: &Brand, id: &str) -> Answer<PaymentRequest> {
    let now = app.clock.now();
    let found = match PaymentId::parse(id) {
        Some(id) => app.db.find_payment(&brand.id, id).await?,
        None => None,
    };
    Ok(found.map(|lodged| PaymentRequest::new(&lodged, brand, now)).ok_or(LodgingRefusal::Unknown.into()))
}

/// Whoever saw or approved the former content approved something else: journeys on it fail, its grant is revoked.
pub async fn change(app: &App, brand: &Brand, id: &str, body: &Body) -> Answer<PaymentRequest> {
    let now = app.clock.now();
    let mut tx = app.db.begin("change_payment").await?;
    let (client, payment) = match read(&mut tx, brand, body, now).await? {
        Ok(read) => read,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let Some(lodged) = lock(&mut tx, brand, id).await? else { return Ok(Err(LodgingRefusal::Unknown.into())) };
    let same_payment = lodged.payment.kind == payment.kind && lodged.payment.payment_id == payment.payment_id;
    if lodged.client != client || !same_payment {
        return Ok(Err(LodgingRefusal::OtherPayment.into()));
    }
    match lodged.status(now) {
        PaymentStatus::Lodged | PaymentStatus::Approved => {}
        over @ (PaymentStatus::Used | PaymentStatus::Withdrawn | PaymentStatus::Expired) => {
            return Ok(Err(LodgingRefusal::Over(over).into()));
        }
    }
    if lodged.payment == payment {
        return Ok(Ok(PaymentRequest::new(&lodged, brand, now)));
    }
    let ended = end_approval(app, brand, &mut tx, &lodged, EndReason::PaymentChanged, now).await?;
    let changed = Lodged {
        payment,
        revision: lodged.revision + 1,
        expires_at: now + lifetime(brand),
        state: LodgedState::Open,
        invalidated: ended.or(lodged.invalidated),
        ..lodged
    };
    tx.change_payment(&changed).await?;
    tx.record(&event(app, brand, &changed, AuditKind::PaymentChanged, now)).await?;
    tx.commit().await?;
    count("changed");
    Ok(Ok(PaymentRequest::new(&changed, brand, now)))
}

/// Nobody can approve it any more; an approval that was given is revoked. Withdrawing twice is withdrawing once.
pub async fn withdraw(app: &App, brand: &Brand, id: &str) -> Answer<PaymentRequest> {
    let now = app.clock.now();
    let mut tx = app.db.begin("withdraw_payment").await?;
    let Some(lodged) = lock(&mut tx, brand, id).await? else { return Ok(Err(LodgingRefusal::Unknown.into())) };
    match lodged.status(now) {
        PaymentStatus::Withdrawn => return Ok(Ok(PaymentRequest::new(&lodged, brand, now))),
        PaymentStatus::Used => return Ok(Err(LodgingRefusal::Over(PaymentStatus::Used).into())),
        PaymentStatus::Lodged | PaymentStatus::Approved | PaymentStatus::Expired => {}
    }
    end_approval(app, brand, &mut tx, &lodged, EndReason::PaymentWithdrawn, now).await?;
    tx.withdraw_payment(lodged.id, now).await?;
    tx.record(&event(app, brand, &lodged, AuditKind::PaymentWithdrawn, now)).await?;
    tx.commit().await?;
    count("withdrawn");
    Ok(Ok(PaymentRequest::new(&Lodged { state: LodgedState::Withdrawn, ..lodged }, brand, now)))
}

/// The approval is spent on one execution, and its tokens with it. `reference` tells a retry from a second execution.
pub async fn execute(app: &App, brand: &Brand, id: &str, body: &Body) -> Answer<PaymentRequest> {
    let now = app.clock.now();
    let mut members = Members::new(body);
    let reference = members.need("reference", payment_fields::identifier);
    let faults = members.finish();
    let Some(reference) = reference.filter(|_| faults.is_empty()) else { return Ok(Err(LodgingRefusal::Faults(faults).into())) };
    let mut tx = app.db.begin("use_payment").await?;
    let Some(lodged) = lock(&mut tx, brand, id).await? else { return Ok(Err(LodgingRefusal::Unknown.into())) };
    let approval = match (&lodged.state, lodged.status(now)) {
        (LodgedState::Used(_, before), _) if before.reference == reference => {
            return Ok(Ok(PaymentRequest::new(&lodged, brand, now)));
        }
        (LodgedState::Used(..), _) => return Ok(Err(LodgingRefusal::UsedOtherwise.into())),
        (LodgedState::Approved(approval), PaymentStatus::Approved) => approval.clone(),
        (_, PaymentStatus::Lodged) => return Ok(Err(LodgingRefusal::NotApproved.into())),
        (_, over) => return Ok(Err(LodgingRefusal::Over(over).into())),
    };
    let execution = Execution { at: now, reference: reference.to_owned() };
    tx.use_payment(lodged.id, &execution).await?;
    tx.revoke_grant(approval.grant, EndReason::PaymentUsed, now).await?;
    tx.record(&event(app, brand, &lodged, AuditKind::PaymentUsed, now).grant(approval.grant)).await?;
    tx.commit().await?;
    count("used");
    Ok(Ok(PaymentRequest::new(&Lodged { state: LodgedState::Used(approval, execution), ..lodged }, brand, now)))
}

/// What the customer of this journey is asked for, if it is still what the journey began with.
pub async fn of_journey(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    now: OffsetDateTime,
) -> Result<Result<Option<Payment>, ScaFailure>, Outage> {
    let Some(version) = interaction.payment else { return Ok(Ok(interaction.instructed())) };
    let lodged = tx.find_payment(&brand.id, version.id).await?;
    match lodging::may_approve(lodged, interaction, now) {
        Ok(lodged) => Ok(Ok(lodged.map(|lodged| lodged.payment))),
        Err(why) => {
            let event = app.event(now, brand, AuditKind::PaymentRefused).client(interaction.client);
            tx.record(&event.subject(version.id.to_string()).reason(why.name())).await?;
            Ok(Err(why.failure()))
        }
    }
}

pub(super) fn count(event: &'static str) {
    metrics::counter!("guichet_payments_total", "event" => event).increment(1);
}

/// Client and payment, or all that is wrong with them.
async fn read(tx: &mut Tx, brand: &Brand, body: &Body, now: OffsetDateTime) -> Result<Result<(ClientId, Payment), LodgingRefusal>, Outage> {
    let mut members = Members::new(body);
    let id = members.need("client_id", |text| ClientId::parse(text).ok_or("no client of this brand"));
    if let Some(id) = id
        && let Err(why) = lodging::may_lodge(tx.find_client(&brand.id, id).await?.as_ref())
    {
        members.fault("client_id", why);
    }
    let payment = payment_fields::read(&mut members, now);
    let faults = members.finish();
    Ok(match (id, payment) {
        (Some(client), Some(payment)) if faults.is_empty() => Ok((client, payment)),
        _ => Err(LodgingRefusal::Faults(faults)),
    })
}

async fn lock(tx: &mut Tx, brand: &Brand, id: &str) -> Result<Option<Lodged>, Outage> {
    match PaymentId::parse(id) {
        Some(id) => tx.lock_payment(&brand.id, id).await,
        None => Ok(None),
    }
}

/// Every token under the approval is dead at once, and no code of it becomes one.
async fn end_approval(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    lodged: &Lodged,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<Option<GrantId>, Outage> {
    let LodgedState::Approved(approval) = &lodged.state else { return Ok(None) };
    tx.revoke_grant(approval.grant, reason, now).await?;
    tx.record(&event(app, brand, lodged, AuditKind::GrantRevoked, now).grant(approval.grant).reason(reason.name())).await?;
    Ok(Some(approval.grant))
}

fn lifetime(brand: &Brand) -> Duration {
    let pisp: Scope = [ScopeToken::Pisp].into_iter().collect();
    brand.policy(&pisp).map_or(Duration::ZERO, |policy| policy.payment_request_lifetime)
}

fn event(app: &App, brand: &Brand, lodged: &Lodged, kind: AuditKind, now: OffsetDateTime) -> AuditEvent {
    app.event(now, brand, kind).client(lodged.client).subject(lodged.id.to_string())
}
