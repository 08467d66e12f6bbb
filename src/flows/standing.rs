//! Where the standing of a TPP is asked for, and how it comes into memory.

use super::{Answer, organisation::load_merges};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::Brand,
        client::{Client, Proof},
        error::OAuthError,
        fault::FaultSide,
        scope::{Scope, ScopeToken},
        tpp::Tpp,
    },
    pki::Reason,
    standing::{Age, Blocks, CertificateRef, Purpose, Register, RegisterFault, RegisterUse, StandingRefusal, Subject},
    storage::{Db, Outage, Tx},
    trust::standing::{Told, Who},
};
use std::sync::Arc;
use time::OffsetDateTime;

/// A register that keeps being superseded while it is read is read at the next look.
const MOST_READINGS: usize = 3;

/// Whether what is in memory is all that the database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Complete,
    /// A register is being read, or has to be: look again.
    RegisterOnItsWay,
}

/// At the start: all of it, before anybody is answered.
pub async fn load(app: &App) -> Result<(), Outage> {
    if reload_blocks(app).await? == Reading::RegisterOnItsWay {
        load_register(app).await?;
    }
    Ok(())
}

/// Blocks and merges anew. A register of another id is read beside that, by a task of its own: it may be large, and no block
/// waits for it. Meanwhile the last one counts.
pub async fn reload(app: &App) -> Result<Reading, Outage> {
    let reading = reload_blocks(app).await?;
    if reading == Reading::RegisterOnItsWay
        && let Some(turn) = app.standing.begin_reading()
    {
        let app = app.clone();
        tokio::spawn(async move {
            if let Err(error) = load_register(&app).await {
                tracing::error!(%error, "the register kept as it was; trying on");
            }
            drop(turn);
        });
    }
    Ok(reading)
}

async fn reload_blocks(app: &App) -> Result<Reading, Outage> {
    let blocks: Blocks = app.db.live_blocks().await?.into_iter().collect();
    let head = app.db.register_in_force().await?;
    metrics::gauge!("guichet_blocks").set(blocks.len() as f64);
    app.standing.set_merges(load_merges(app).await?);
    app.standing.set_blocks(blocks);
    let known = app.standing.today().register.as_ref().map(|register| register.head.id);
    Ok(if head.map(|head| head.id) == known { Reading::Complete } else { Reading::RegisterOnItsWay })
}

async fn load_register(app: &App) -> Result<(), Outage> {
    let register = read_register(&app.db).await?;
    if let Some(register) = &register {
        let as_of = register.head.as_of.midnight().assume_utc();
        metrics::gauge!("guichet_register_as_of_seconds").set(as_of.unix_timestamp() as f64);
        tracing::info!(as_of = %register.head.as_of, institutions = register.head.entries, "register read");
    }
    app.standing.set_register(register);
    Ok(())
}

async fn read_register(db: &Db) -> Result<Option<Register>, Outage> {
    for _ in 0..MOST_READINGS {
        let Some(head) = db.register_in_force().await? else { return Ok(None) };
        let entries = db.register_entries(head.id).await?;
        if entries.len() == head.entries {
            return Ok(Some(Register::new(head, entries)));
        }
    }
    Err(Outage::contended("the register kept changing"))
}

/// The holder of an accepted certificate, with the roles that are left to it today.
pub async fn admit(app: &App, brand: &Brand, tpp: &Arc<Tpp>, purpose: Purpose, now: OffsetDateTime) -> Answer<Arc<Tpp>> {
    let who = Subject::holder(tpp);
    match app.standing.judge(&who, &brand.id, purpose, now) {
        Ok(admitted) => {
            if let Some(fault) = admitted.warning {
                warn(app, brand, tpp, fault, now);
            }
            tell_age(app, brand, now);
            if admitted.roles == who.roles {
                return Ok(Ok(tpp.clone()));
            }
            Ok(Ok(Arc::new(Tpp { roles: admitted.roles.iter().collect(), ..Tpp::clone(tpp) })))
        }
        Err(refusal) => {
            let reason = reason(&refusal);
            let told = Told { brand: brand.id.clone(), who: Who::Certificate(tpp.thumbprint), what: reason.code() };
            let event = app.event(now, brand, AuditKind::StandingRefused).organisation(&tpp.organisation);
            tell(app, telling(app, told, event, &refusal, now), now).await?;
            let error = OAuthError::certificate(reason.code(), reason.code());
            Ok(Err(if is_banks_own(&refusal) { error.with_fault(FaultSide::Aspsp) } else { error }))
        }
    }
}

/// At the customer's side, where no certificate is shown: may this client's organisation be given this scope today?
pub fn may_receive(app: &App, brand: &Brand, client: &Client, scope: &Scope, now: OffsetDateTime) -> Result<(), StandingRefusal> {
    let who = Subject {
        organisation: &client.organisation,
        client: Some(client.id),
        certificate: None,
        roles: scope.iter().map(ScopeToken::role).collect(),
    };
    app.standing.judge_all(&who, &brand.id, now).map(drop)
}

/// A refusal at the customer's side, to be kept where it was not told a moment ago.
pub fn of_client(app: &App, brand: &Brand, client: &Client, refusal: &StandingRefusal, now: OffsetDateTime) -> Option<Telling> {
    let event = app.event(now, brand, AuditKind::StandingRefused).client(client.id).organisation(&client.organisation);
    telling(app, Told { brand: brand.id.clone(), who: Who::Client(client.id), what: code(refusal) }, event, refusal, now)
}

/// A client that proved who it is, at a machine endpoint: its certificate was admitted before.
pub fn blocked(app: &App, brand: &Brand, client: &Client) -> Option<StandingRefusal> {
    app.standing.today().blocks.client(client.id, &brand.id).cloned().map(StandingRefusal::Blocked)
}

/// A client that proved who it is, with what is left to it today. The holder of a QWAC was admitted with that, so only a block of the
/// client itself is asked for; of one without, its certificate, its organisation and the roles behind its scopes are as well.
pub fn left_to(app: &App, brand: &Brand, proof: Proof, now: OffsetDateTime) -> Result<Proof, (Arc<Client>, StandingRefusal)> {
    let Some(thumbprint) = proof.self_signed() else {
        return match blocked(app, brand, proof.client()) {
            Some(refusal) => Err((proof.shared_client(), refusal)),
            None => Ok(proof),
        };
    };
    let client = proof.client();
    let who = Subject {
        organisation: &client.organisation,
        client: Some(client.id),
        certificate: Some(CertificateRef { sha256: thumbprint, issuer_name: None, issuer_key: None }),
        roles: client.scope.iter().map(ScopeToken::role).collect(),
    };
    match app.standing.judge(&who, &brand.id, Purpose::Use, now) {
        Ok(admitted) => {
            let roles: Vec<_> = admitted.roles.iter().collect();
            let left = client.scope.iter().filter(|token| roles.contains(&token.role())).collect();
            Ok(proof.within(&left))
        }
        Err(refusal) => Err((proof.shared_client(), refusal)),
    }
}

/// A refusal with its audit event. Dropped before [`Telling::done`], it is told again.
pub struct Telling {
    event: AuditEvent,
    told: Told,
}

impl Telling {
    /// The event is stored.
    fn done(self, app: &App, now: OffsetDateTime) {
        metrics::counter!("guichet_standing_refusals_total", "reason" => self.told.what).increment(1);
        app.standing.note_told(self.told, now);
    }
}

fn telling(app: &App, told: Told, event: AuditEvent, refusal: &StandingRefusal, now: OffsetDateTime) -> Option<Telling> {
    if app.standing.was_told(&told, now) {
        return None;
    }
    let event = event.reason(told.what);
    Some(Telling {
        event: match refusal.block() {
            Some(block) => event.subject(block.id.to_string()),
            None => event,
        },
        told,
    })
}

/// Keeps it in a statement of its own.
pub async fn tell(app: &App, telling: Option<Telling>, now: OffsetDateTime) -> Result<(), Outage> {
    if let Some(telling) = telling {
        app.db.record(&telling.event).await?;
        telling.done(app, now);
    }
    Ok(())
}

/// Keeps it in the transaction at hand, and ends that: it is told once it is stored.
pub async fn tell_and_commit(app: &App, telling: Option<Telling>, mut tx: Tx, now: OffsetDateTime) -> Result<(), Outage> {
    if let Some(telling) = &telling {
        tx.record(&telling.event).await?;
    }
    tx.commit().await?;
    if let Some(telling) = telling {
        telling.done(app, now);
    }
    Ok(())
}

/// Under the policy "warn": what "refuse" would have refused.
fn warn(app: &App, brand: &Brand, tpp: &Tpp, fault: RegisterFault, now: OffsetDateTime) {
    let told = Told { brand: brand.id.clone(), who: Who::Certificate(tpp.thumbprint), what: fault.name() };
    if !app.standing.was_told(&told, now) {
        tracing::warn!(brand = %brand.id, organisation = %tpp.organisation, fault = fault.name(), "the register would refuse");
        metrics::counter!("guichet_register_warnings_total", "fault" => fault.name()).increment(1);
        app.standing.note_told(told, now);
    }
}

/// An old register is told in the log, each day that somebody relies on it.
fn tell_age(app: &App, brand: &Brand, now: OffsetDateTime) {
    let Some(policy) = app.standing.policy(&brand.id).filter(|policy| policy.register != RegisterUse::Off) else { return };
    let today = app.standing.today();
    let Some(days) = today.register.as_ref().map(|register| register.head.age(now)) else { return };
    if policy.age(days) > Age::Fresh && app.standing.tells_age(now) {
        tracing::warn!(days, refused_after = policy.refuse_after, "the register is old: import a newer export");
    }
}

/// The stable name of a refusal at a client's side.
fn code(refusal: &StandingRefusal) -> &'static str {
    match refusal.block().and_then(|block| block.target.client()) {
        Some(_) => "CLIENT_BLOCKED",
        None => reason(refusal).code(),
    }
}

/// The TPP can do nothing about a register that the bank did not read.
const fn is_banks_own(refusal: &StandingRefusal) -> bool {
    match refusal {
        StandingRefusal::Register(RegisterFault::Missing | RegisterFault::TooOld) => true,
        StandingRefusal::Blocked(_)
        | StandingRefusal::Register(
            RegisterFault::NotListed
            | RegisterFault::Withdrawn
            | RegisterFault::Suspended
            | RegisterFault::NotPassported
            | RegisterFault::RoleNotListed,
        ) => false,
    }
}

/// The row of the one table of reasons.
pub const fn reason(refusal: &StandingRefusal) -> Reason {
    match refusal {
        StandingRefusal::Blocked(_) => Reason::Blocked,
        StandingRefusal::Register(fault) => match fault {
            RegisterFault::Missing => Reason::RegisterMissing,
            RegisterFault::TooOld => Reason::RegisterTooOld,
            RegisterFault::NotListed => Reason::NotInRegister,
            RegisterFault::Withdrawn => Reason::AuthorisationWithdrawn,
            RegisterFault::Suspended => Reason::AuthorisationSuspended,
            RegisterFault::NotPassported => Reason::NotPassported,
            RegisterFault::RoleNotListed => Reason::RoleNotInRegister,
        },
    }
}
