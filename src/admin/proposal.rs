//! Four eyes: an act that waits for a second person.

use super::{
    act::{Act, ActKind},
    person::Person,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

/// How the bank's own people may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPolicy {
    /// Acts that a second person has to approve.
    pub four_eyes: BTreeSet<ActKind>,
    /// A proposal that nobody decided by then is dead.
    pub proposal_lifetime: Duration,
    /// People may share an account of the operating system: then their names alone tell them apart.
    pub shared_accounts: bool,
    /// Subjects of the certificates that may use the administrative part of the internal API.
    pub api_certificates: BTreeSet<String>,
}

impl Default for AdminPolicy {
    fn default() -> Self {
        let (four_eyes, api_certificates) = (BTreeSet::new(), BTreeSet::new());
        Self { four_eyes, proposal_lifetime: Duration::hours(24), shared_accounts: false, api_certificates }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approved,
    Rejected,
    /// Nobody decided in time, and the same was proposed again; or another act did what it was to do.
    Expired,
}

impl Decision {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// What [`Self::name`] wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Approved, Self::Rejected, Self::Expired].into_iter().find(|decision| decision.name() == name)
    }
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    Open,
    Approved,
    Rejected,
    Expired,
}

/// Who decided, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub decision: Decision,
    pub at: OffsetDateTime,
    /// `None`: time.
    pub by: Option<Person>,
    pub why: Option<String>,
    /// What doing it came to.
    pub outcome: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub id: Uuid,
    pub act: Act,
    pub reason: String,
    pub at: OffsetDateTime,
    pub by: Person,
    pub expires_at: OffsetDateTime,
    pub decided: Option<Decided>,
}

/// Why somebody may not decide. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionRefusal {
    Unknown,
    /// It is decided, or nobody decided in time.
    Closed(ProposalState),
    /// The one who proposed it.
    SamePerson,
    /// Another name, typed from the proposer's account.
    SameAccount,
}

impl fmt::Display for DecisionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there is no act with this id",
            Self::Closed(ProposalState::Approved) => "it was approved before, and done",
            Self::Closed(ProposalState::Rejected) => "it was rejected",
            Self::Closed(ProposalState::Expired | ProposalState::Open) => "it has expired: propose it again",
            Self::SamePerson => "whoever proposed it cannot approve it: that takes another person",
            Self::SameAccount => {
                "it was proposed from this account of the operating system: approve from another one, or let `admin.shared_accounts` say that people share it"
            }
        })
    }
}

impl Proposal {
    pub fn state(&self, now: OffsetDateTime) -> ProposalState {
        match &self.decided {
            Some(decided) => match decided.decision {
                Decision::Approved => ProposalState::Approved,
                Decision::Rejected => ProposalState::Rejected,
                Decision::Expired => ProposalState::Expired,
            },
            None if now >= self.expires_at => ProposalState::Expired,
            None => ProposalState::Open,
        }
    }

    fn check_open(&self, now: OffsetDateTime) -> Result<(), DecisionRefusal> {
        match self.state(now) {
            ProposalState::Open => Ok(()),
            state @ (ProposalState::Approved | ProposalState::Rejected | ProposalState::Expired) => Err(DecisionRefusal::Closed(state)),
        }
    }

    /// Another person only.
    pub fn may_approve(&self, who: &Person, policy: &AdminPolicy, now: OffsetDateTime) -> Result<(), DecisionRefusal> {
        self.check_open(now)?;
        if who.has_name_of(&self.by) {
            return Err(DecisionRefusal::SamePerson);
        }
        if who.shares_account_with(&self.by) && !policy.shared_accounts {
            return Err(DecisionRefusal::SameAccount);
        }
        Ok(())
    }

    /// Anybody, the proposer too: he takes it back.
    pub fn may_reject(&self, now: OffsetDateTime) -> Result<(), DecisionRefusal> {
        self.check_open(now)
    }

    pub fn view(&self, now: OffsetDateTime) -> ProposalView {
        let decided = self.decided.as_ref();
        ProposalView {
            act_id: self.id,
            act: self.act.kind(),
            state: self.state(now),
            brand: self.act.brand().map(str::to_owned),
            what: self.act.to_string(),
            arguments: self.act.arguments(),
            reason: self.reason.clone(),
            proposed_at: self.at,
            proposed_by: self.by.clone(),
            expires_at: self.expires_at,
            decided_at: decided.map(|decided| decided.at),
            decided_by: decided.and_then(|decided| decided.by.clone()),
            decided_why: decided.and_then(|decided| decided.why.clone()),
            outcome: decided.and_then(|decided| decided.outcome.clone()),
        }
    }
}

/// An act that waits for a second person, or waited.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProposalView {
    pub act_id: Uuid,
    pub act: ActKind,
    pub state: ProposalState,
    /// Absent: every brand's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// In words.
    #[schema(example = "block client 5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11 at cic")]
    pub what: String,
    #[schema(value_type = Object)]
    pub arguments: Value,
    pub reason: String,
    #[serde(with = "time::serde::rfc3339")]
    pub proposed_at: OffsetDateTime,
    pub proposed_by: Person,
    /// Nobody can approve it from then on.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_why: Option<String>,
    /// What doing it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Value>,
}

/// Newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActPage {
    pub acts: Vec<ProposalView>,
    /// There may be more: send it as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Through::{Api, Cli};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

    fn person(name: &str, through: crate::admin::Through, account: &str) -> Person {
        Person { name: name.into(), through, account: account.into() }
    }

    fn proposal(by: Person) -> Proposal {
        let act = Act::RetireKey { kid: "k".into() };
        Proposal { id: Uuid::nil(), act, reason: "r".into(), at: NOW, by, expires_at: NOW + Duration::HOUR, decided: None }
    }

    #[test]
    fn only_another_person_approves_and_only_in_time() {
        use DecisionRefusal::{Closed, SameAccount, SamePerson};
        let (strict, shared) = (AdminPolicy::default(), AdminPolicy { shared_accounts: true, ..AdminPolicy::default() });
        let open = proposal(person("Ines Moreau", Cli, "ines"));
        for (who, policy, at, verdict) in [
            (person("Paul", Cli, "paul"), &strict, NOW, Ok(())),
            (person(" ines  MOREAU", Cli, "paul"), &strict, NOW, Err(SamePerson)),
            (person("Ines Moreau", Api, "CN=app"), &strict, NOW, Err(SamePerson)),
            (person("Paul", Cli, "ines"), &strict, NOW, Err(SameAccount)),
            (person("Paul", Cli, "ines"), &shared, NOW, Ok(())),
            (person("Paul", Api, "ines"), &strict, NOW, Ok(())),
            (person("Paul", Cli, "paul"), &strict, NOW + Duration::minutes(59), Ok(())),
            (person("Paul", Cli, "paul"), &strict, NOW + Duration::HOUR, Err(Closed(ProposalState::Expired))),
        ] {
            assert_eq!(open.may_approve(&who, policy, at), verdict, "{who} {at}");
        }
        let by_app = proposal(person("Ines", Api, "CN=app"));
        assert_eq!(by_app.may_approve(&person("Paul", Api, "CN=app"), &strict, NOW), Ok(()), "an application vouches for its people");
    }

    #[test]
    fn what_is_decided_is_decided_and_the_proposer_may_take_it_back() {
        let decided = |decision| {
            let decided = Decided { decision, at: NOW, by: None, why: None, outcome: None };
            Proposal { decided: Some(decided), ..proposal(person("Ines", Cli, "ines")) }
        };
        assert_eq!(proposal(person("Ines", Cli, "ines")).may_reject(NOW), Ok(()));
        for (decision, state) in [
            (Decision::Approved, ProposalState::Approved),
            (Decision::Rejected, ProposalState::Rejected),
            (Decision::Expired, ProposalState::Expired),
        ] {
            let proposal = decided(decision);
            let policy = AdminPolicy::default();
            assert_eq!(proposal.may_approve(&person("Paul", Cli, "paul"), &policy, NOW), Err(DecisionRefusal::Closed(state)));
            assert_eq!(proposal.may_reject(NOW), Err(DecisionRefusal::Closed(state)));
            assert_eq!(Decision::from_name(decision.name()), Some(decision));
        }
    }
}
