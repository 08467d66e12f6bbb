//! May this TPP act here and now, beside what its certificate says: the operator's blocks, the national register, merged
//! organisations. Values and a time in, a verdict out.

mod block;
pub mod fingerprint;
mod merges;
mod register;
mod roles;
mod subject;
#[cfg(test)]
mod tests;

pub use block::{Block, BlockId, Blocks, Lifted, Notification, Target, TargetRow};
pub use merges::{Consequence, MergeAsked, MergeRefusal, Merges};
pub use register::{Age, Country, Entry, Register, RegisterHead, RegisterPolicy, RegisterUse, Status, StepBack};
pub use roles::Roles;
pub use subject::{CertificateRef, Subject};

use crate::oauth::{
    brand::BrandId,
    tpp::{OrganisationId, PspRole},
};
use std::sync::Arc;
use time::OffsetDateTime;

/// What is known today. Replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub blocks: Blocks,
    pub register: Option<Arc<Register>>,
    pub merges: Merges,
}

/// What the TPP wants: an old register stops registrations first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new client (RFC 7591).
    Registration,
    /// Anything that a registered client does.
    Use,
}

/// What the register has against a TPP, or against being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterFault {
    /// None was ever imported.
    Missing,
    TooOld,
    NotListed,
    Withdrawn,
    Suspended,
    NotPassported,
    /// The certificate has a role that the register does not know.
    RoleNotListed,
}

impl RegisterFault {
    pub const ALL: [Self; 7] =
        [Self::Missing, Self::TooOld, Self::NotListed, Self::Withdrawn, Self::Suspended, Self::NotPassported, Self::RoleNotListed];

    /// The stable name in metrics and log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "register_missing",
            Self::TooOld => "register_too_old",
            Self::NotListed => "not_in_register",
            Self::Withdrawn => "authorisation_withdrawn",
            Self::Suspended => "authorisation_suspended",
            Self::NotPassported => "not_passported",
            Self::RoleNotListed => "role_not_in_register",
        }
    }
}

/// Why a TPP may not act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingRefusal {
    Blocked(Arc<Block>),
    Register(RegisterFault),
}

impl StandingRefusal {
    pub const fn block(&self) -> Option<&Arc<Block>> {
        match self {
            Self::Blocked(block) => Some(block),
            Self::Register(_) => None,
        }
    }

    /// What customers of the TPP are to be told, beside the page's own words.
    pub fn notice(&self) -> Option<String> {
        self.block()?.psu_notice.clone()
    }
}

/// The TPP may act, in these roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub roles: Roles,
    /// What the register would refuse, under "warn".
    pub warning: Option<RegisterFault>,
}

impl Standing {
    /// Blocks first: they are the bank's own word. Then the register, as the brand's policy has it.
    pub fn judge(
        &self,
        who: &Subject<'_>,
        brand: &BrandId,
        policy: &RegisterPolicy,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<Admitted, StandingRefusal> {
        let also = self.merges.resolve(who.organisation, now);
        if let Some(block) = self.blocks.whole(who, also, brand) {
            return Err(StandingRefusal::Blocked(block.clone()));
        }
        let unblocked = self.blocks.roles_left(who.roles, who.organisation, also, brand);
        let (listed, fault) = match self.ask_register(who, also, policy, purpose, now) {
            Ok(listed) => (listed, (!who.roles.minus(listed).is_empty()).then_some(RegisterFault::RoleNotListed)),
            Err(fault) => (Roles::NONE, Some(fault)),
        };
        match (policy.register, fault) {
            (RegisterUse::Off, _) | (_, None) => Ok(Admitted { roles: unblocked, warning: None }),
            (RegisterUse::Warn, warning) => Ok(Admitted { roles: unblocked, warning }),
            (RegisterUse::Refuse, Some(RegisterFault::RoleNotListed)) => Ok(Admitted { roles: unblocked.and(listed), warning: None }),
            (RegisterUse::Refuse, Some(fault)) => Err(StandingRefusal::Register(fault)),
        }
    }

    /// As [`Self::judge`], where the subject's roles are all needed: a role that is gone refuses.
    pub fn judge_all(
        &self,
        who: &Subject<'_>,
        brand: &BrandId,
        policy: &RegisterPolicy,
        now: OffsetDateTime,
    ) -> Result<Admitted, StandingRefusal> {
        let admitted = self.judge(who, brand, policy, Purpose::Use, now)?;
        match who.roles.minus(admitted.roles).iter().next() {
            None => Ok(admitted),
            Some(role) => Err(self.role_refusal(role, who.organisation, brand, now)),
        }
    }

    fn role_refusal(&self, role: PspRole, who: &OrganisationId, brand: &BrandId, now: OffsetDateTime) -> StandingRefusal {
        let block = self.blocks.role(role, who, self.merges.resolve(who, now), brand);
        block.map_or(StandingRefusal::Register(RegisterFault::RoleNotListed), |block| StandingRefusal::Blocked(block.clone()))
    }

    /// The roles that the register leaves, or what it has against the TPP.
    fn ask_register(
        &self,
        who: &Subject<'_>,
        also: Option<&OrganisationId>,
        policy: &RegisterPolicy,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<Roles, RegisterFault> {
        // a register of payment service providers says nothing of whom the bank itself named
        if policy.register == RegisterUse::Off || who.organisation.is_local() {
            return Ok(Roles::ALL);
        }
        let register = self.register.as_ref().ok_or(RegisterFault::Missing)?;
        match (policy.age(register.head.age(now)), purpose) {
            (Age::TooOld, _) | (Age::TooOldForRegistrations, Purpose::Registration) => return Err(RegisterFault::TooOld),
            (Age::Fresh | Age::Old | Age::TooOldForRegistrations, _) => {}
        }
        // a certificate of before a merger stands under its old number
        let (organisation, entry) = [Some(who.organisation), also]
            .into_iter()
            .flatten()
            .find_map(|id| Some((id, register.find(id)?)))
            .ok_or(RegisterFault::NotListed)?;
        match entry.status {
            Status::Withdrawn => return Err(RegisterFault::Withdrawn),
            Status::Suspended => return Err(RegisterFault::Suspended),
            Status::Authorised => {}
        }
        match (policy.country, &entry.hosts) {
            (Some(country), Some(hosts)) if Country::of(organisation) != Some(country) && !hosts.contains(&country) => {
                Err(RegisterFault::NotPassported)
            }
            (_, _) => Ok(entry.roles),
        }
    }
}
