//! Acts of the bank's own people: done at once, or proposed to a second person. Each in one transaction with its audit events.

pub mod clients;
pub mod conformance;
pub mod grants;
pub mod journeys;
pub mod keys;
mod perform;
mod profiles;
mod registrations;
pub mod sweeps;

pub use perform::Done;

use crate::{
    admin::{ActRefusal, AdminPolicy, Decided, Decision, DecisionRefusal, Order, Person, Proposal, ProposalState},
    app::App,
    audit::{AuditEvent, AuditKind, EVERY_BRAND},
    clock::Entropy,
    flows::erasure::Customer,
    oauth::brand::{Brand, BrandId},
    signing::KeyMaker,
    storage::{Db, Outage, Tx},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What an act needs, whichever door it came by.
pub struct Desk<'a> {
    pub db: &'a Db,
    pub entropy: &'a dyn Entropy,
    pub now: OffsetDateTime,
    pub policy: &'a AdminPolicy,
    pub brands: Vec<&'a Brand>,
    pub keys: &'a KeyMaker,
    /// Of whom the act is, where it is of one: acts do not say it themselves.
    pub customer: Option<&'a Customer>,
}

impl<'a> Desk<'a> {
    pub fn of(app: &'a App) -> Self {
        let brands = app.brands.iter().map(|brand| &**brand).collect();
        let (now, keys) = (app.clock.now(), &app.signing.maker);
        Self { db: &app.db, entropy: &*app.entropy, now, policy: &app.admin, brands, keys, customer: None }
    }

    fn event(&self, brand: Option<&str>, kind: AuditKind, actor: &str) -> AuditEvent {
        AuditEvent::new(self.entropy.uuid(self.now), self.now, &BrandId::new(brand.unwrap_or(EVERY_BRAND)), kind).actor(actor)
    }
}

/// What became of an order.
pub enum Submitted {
    Done(Done),
    /// A second person has to approve it.
    Proposed(Proposal),
    /// The same waits already; the first proposal stays as it is.
    ProposedBefore(Proposal),
}

/// Done at once, unless the policy asks for a second person.
pub async fn submit(desk: &Desk<'_>, order: Order) -> Result<Result<Submitted, ActRefusal>, Outage> {
    let mut tx = desk.db.begin("act").await?;
    let done = match perform::perform(desk, &mut tx, &order, &order.by.to_string()).await? {
        Ok(done) => done,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if done.changes_nothing() || !desk.policy.four_eyes.contains(&order.act.kind()) {
        tx.commit().await?;
        done.count();
        return Ok(Ok(Submitted::Done(done)));
    }
    // it could be done, which is all that was asked: nothing of it stays
    drop(tx);
    Ok(Ok(propose(desk, order).await?))
}

async fn propose(desk: &Desk<'_>, order: Order) -> Result<Submitted, Outage> {
    let now = desk.now;
    let expires_at = now + desk.policy.proposal_lifetime;
    let Order { act, reason, by } = order;
    let proposal = Proposal { id: desk.entropy.uuid(now), act, reason, at: now, by, expires_at, decided: None };
    let mut tx = desk.db.begin("propose_act").await?;
    if let Some(same) = tx.lock_same_act(&proposal.act.digest()).await? {
        if same.state(now) == ProposalState::Open {
            return Ok(Submitted::ProposedBefore(same));
        }
        let decided = Decided { decision: Decision::Expired, at: now, by: None, why: None, outcome: None };
        tx.decide_act(same.id, &decided).await?;
    }
    if !tx.insert_act(&proposal).await? {
        return Err(Outage::contended("the same act was proposed a moment ago"));
    }
    tx.record(&told(desk, &proposal, AuditKind::ActProposed, &proposal.by, &proposal.reason)).await?;
    tx.commit().await?;
    Ok(Submitted::Proposed(proposal))
}

fn told(desk: &Desk<'_>, proposal: &Proposal, kind: AuditKind, who: &Person, why: &str) -> AuditEvent {
    let event = desk.event(proposal.act.brand(), kind, &who.to_string()).subject(proposal.id.to_string());
    event.reason(format!("{}: {}: {why}", proposal.act.kind(), proposal.act))
}

/// Why a proposal is not decided, or cannot be done. Nothing changed.
pub enum NotDecided {
    Decision(DecisionRefusal),
    /// It could be done when it was proposed; the proposal stays open.
    Act(ActRefusal),
}

/// Done once, in one transaction with the approval.
pub async fn approve(desk: &Desk<'_>, id: Uuid, who: Person) -> Result<Result<(Proposal, Done), NotDecided>, Outage> {
    let mut tx = desk.db.begin("approve_act").await?;
    let mut proposal = match waiting(&mut tx, id).await? {
        Ok(proposal) => proposal,
        Err(refusal) => return Ok(Err(NotDecided::Decision(refusal))),
    };
    if let Err(refusal) = proposal.may_approve(&who, desk.policy, desk.now) {
        return Ok(Err(NotDecided::Decision(refusal)));
    }
    tx.record(&told(desk, &proposal, AuditKind::ActApproved, &who, &proposal.reason)).await?;
    let order = Order { act: proposal.act.clone(), reason: proposal.reason.clone(), by: proposal.by.clone() };
    let done = match perform::perform(desk, &mut tx, &order, &format!("{}, {who}", proposal.by)).await? {
        Ok(done) => done,
        Err(refusal) => return Ok(Err(NotDecided::Act(refusal))),
    };
    let outcome = Some(done.json());
    let decided = Decided { decision: Decision::Approved, at: desk.now, by: Some(who), why: None, outcome };
    tx.decide_act(id, &decided).await?;
    tx.commit().await?;
    done.count();
    proposal.decided = Some(decided);
    Ok(Ok((proposal, done)))
}

pub async fn reject(desk: &Desk<'_>, id: Uuid, who: Person, why: String) -> Result<Result<Proposal, DecisionRefusal>, Outage> {
    let mut tx = desk.db.begin("reject_act").await?;
    let mut proposal = match waiting(&mut tx, id).await? {
        Ok(proposal) => proposal,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Err(refusal) = proposal.may_reject(desk.now) {
        return Ok(Err(refusal));
    }
    tx.record(&told(desk, &proposal, AuditKind::ActRejected, &who, &why)).await?;
    let decided = Decided { decision: Decision::Rejected, at: desk.now, by: Some(who), why: Some(why), outcome: None };
    tx.decide_act(id, &decided).await?;
    tx.commit().await?;
    proposal.decided = Some(decided);
    Ok(Ok(proposal))
}

async fn waiting(tx: &mut Tx, id: Uuid) -> Result<Result<Proposal, DecisionRefusal>, Outage> {
    Ok(tx.lock_act(id).await?.ok_or(DecisionRefusal::Unknown))
}

/// What waits, or waited.
pub async fn act(db: &Db, id: Uuid) -> Result<Option<Proposal>, Outage> {
    db.find_act(id).await
}

/// A page of proposals, and where the next one begins.
pub struct Acts {
    pub acts: Vec<Proposal>,
    pub next: Option<Uuid>,
}

/// Pages of which only those of a state are wanted; more are not looked through for one answer.
const MOST_PAGES: usize = 20;

/// Newest first; of all states, or of one.
pub async fn acts(db: &Db, state: Option<ProposalState>, before: Option<Uuid>, limit: usize, now: OffsetDateTime) -> Result<Acts, Outage> {
    let (mut acts, mut at) = (vec![], before);
    let page = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    for _ in 0..MOST_PAGES {
        let found = db.acts_before(at, page).await?;
        let more = found.len() > limit;
        for act in found.into_iter().take(limit) {
            at = Some(act.id);
            if state.is_none_or(|wanted| act.state(now) == wanted) {
                acts.push(act);
            }
            if acts.len() == limit {
                return Ok(Acts { acts, next: at });
            }
        }
        if !more {
            return Ok(Acts { acts, next: None });
        }
    }
    Ok(Acts { acts, next: at })
}
