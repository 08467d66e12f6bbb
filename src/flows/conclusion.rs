//! How a journey ends, whoever authenticated the customer: our pages with the bank's SCA, the bank's portal, its app.

use super::{
    count::{self, Stage},
    payment,
};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::Brand,
        grant::{Grant, GrantId, PsuReference, ScaEvidence},
        home,
        interaction::{Interaction, State},
        lodging::{self, Lodged},
        method::Account,
        payment::PaymentKind,
        sca::ScaFailure,
    },
    storage::{NewGrant, Outage, Tx},
};
use time::OffsetDateTime;

/// What the bank vouches for: who approved this very journey, when, and how that is known.
pub struct Approval {
    pub psu: PsuReference,
    pub sca_at: OffsetDateTime,
    pub evidence: ScaEvidence,
    /// Empty: as the bank's rule says.
    pub accounts: Vec<Account>,
}

/// The grant, or why the customer's yes is worth nothing any more. The caller holds the journey's row.
pub async fn approve(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    approval: Approval,
    now: OffsetDateTime,
) -> Result<State, Outage> {
    approve_by(app, brand, tx, interaction, approval, None, now).await
}

/// `by`: the bank's system that says so.
pub async fn approve_by(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    approval: Approval,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<State, Outage> {
    // deleted meanwhile: nobody is left to consent to
    let client = tx.find_client(&brand.id, interaction.client).await?;
    let Some(policy) = client.and_then(|_| brand.policy(&interaction.scope)) else {
        return fail_by(app, brand, tx, interaction, ScaFailure::Technical, by, now).await;
    };
    if let Some(pushed) = interaction.pushed
        && !tx.spend_pushed_request(pushed, now).await?
    {
        // the same request was answered in another journey (RFC 9126 s4)
        return fail_by(app, brand, tx, interaction, ScaFailure::Technical, by, now).await;
    }
    let lodged = match interaction.payment {
        Some(version) => tx.lock_payment(&brand.id, version.id).await?,
        None => None,
    };
    let lodged = match lodging::may_approve(lodged, interaction, now) {
        Ok(lodged) => lodged,
        Err(why) => {
            tx.record(&event(app, brand, interaction, AuditKind::PaymentRefused, by, now).reason(why.name())).await?;
            return fail_by(app, brand, tx, interaction, why.failure(), by, now).await;
        }
    };
    let of_payment = interaction.payment_id();
    let family = of_payment.map_or(interaction.id.0, |payment| payment.0);
    let grant = Grant {
        id: GrantId(home::beside(GrantId::new(&interaction.scope, now, &app.entropy.bytes()).0, &family)),
        client: interaction.client,
        channel: interaction.channel.clone(),
        scope: interaction.scope.clone(),
        psu: approval.psu,
        sca_at: approval.sca_at,
        expires_at: Grant::end(policy, approval.sca_at),
        revoked_at: None,
    };
    let details = interaction.details.as_ref().map(|details| details.granted(&approval.accounts));
    let accounts: Vec<_> = approval.accounts.into_iter().map(|account| account.id).collect();
    let new = NewGrant {
        grant: &grant,
        brand: &brand.id,
        payment: of_payment,
        accounts: Some(accounts.as_slice()).filter(|accounts| !accounts.is_empty()),
        details: details.as_ref(),
        evidence: &approval.evidence,
    };
    if let Some((id, instructed)) = of_payment.zip(interaction.instructed()) {
        // from here on it is as any that the bank's payment API lodged: told at introspection, and spent once
        tx.insert_payment(&Lodged::instructed(id, interaction.client, instructed, now), &brand.id).await?;
        tx.record(&event(app, brand, interaction, AuditKind::PaymentLodged, by, now)).await?;
        payment::count("lodged");
    }
    tx.insert_grant(&new, now).await?;
    if let Some(id) = of_payment {
        tx.approve_payment(id, grant.id, now).await?;
        payment::count("approved");
    }
    let state = match lodged {
        // the grant is the evidence, and what the bank executes it by; no token will ever be under it
        Some(lodged) if lodged.payment.kind == PaymentKind::Cancellation && !policy.cancellation_token => State::Done,
        Some(_) | None => State::Approved { grant: grant.id },
    };
    tx.set_interaction_state(interaction.id, &state, now).await?;
    note_first_act(app, brand, tx, interaction, now).await?;
    let event = event(app, brand, interaction, AuditKind::InteractionApproved, by, now).grant(grant.id);
    let event = app.of_customer(tx, brand, event, &grant.psu).await?;
    tx.record(&event).await?;
    count::stage(brand, interaction, Stage::Approved);
    app.practices.note(interaction.client, interaction.practices(), now);
    Ok(state)
}

/// Before what somebody does in a journey is kept: if it is the first that anybody does, that it was begun is kept, too. A browser that only
/// asks for one leaves no audit event, since anybody can ask without end.
pub async fn note_first_act(app: &App, brand: &Brand, tx: &mut Tx, interaction: &Interaction, now: OffsetDateTime) -> Result<(), Outage> {
    if interaction.is_untouched() {
        tx.record(&event(app, brand, interaction, AuditKind::InteractionBegun, None, now)).await?;
    }
    Ok(())
}

/// Ends the journey badly; the customer goes home with the channel's code for it.
pub async fn fail(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    failure: ScaFailure,
    now: OffsetDateTime,
) -> Result<State, Outage> {
    fail_by(app, brand, tx, interaction, failure, None, now).await
}

/// `by`: the bank's system that says so.
pub async fn fail_by(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    failure: ScaFailure,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<State, Outage> {
    let state = State::Failed(failure);
    tx.set_interaction_state(interaction.id, &state, now).await?;
    // that nobody came is nobody's doing
    let nobody_came = failure == ScaFailure::TimedOut && by.is_none() && interaction.is_untouched();
    if let Some(pushed) = interaction.pushed {
        tx.spend_pushed_request(pushed, now).await?;
    }
    if !nobody_came {
        note_first_act(app, brand, tx, interaction, now).await?;
        let event = event(app, brand, interaction, AuditKind::InteractionFailed, by, now).reason(failure.name());
        let event = match interaction.psu() {
            Some(psu) => app.of_customer(tx, brand, event, psu).await?,
            None => event,
        };
        tx.record(&event).await?;
    }
    count::sca_failure(brand, &interaction.channel, failure);
    count::stage(brand, interaction, Stage::Failed);
    Ok(state)
}

fn event(app: &App, brand: &Brand, interaction: &Interaction, kind: AuditKind, by: Option<&str>, now: OffsetDateTime) -> AuditEvent {
    let event = app.event(now, brand, kind).client(interaction.client);
    let event = match by {
        Some(system) => event.actor(system),
        None => event,
    };
    match interaction.payment_id() {
        Some(payment) => event.subject(payment.to_string()),
        None => event,
    }
}
