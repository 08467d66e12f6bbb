//! The national register: who is authorised, for what, and until when the export in hand is believed.

use super::roles::Roles;
use crate::oauth::tpp::OrganisationId;
use serde::Serialize;
use std::{collections::HashMap, fmt};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// ISO 3166-1 alpha-2, as national authorities' ids begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Two capital letters.
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }

    /// The authority's country in an organizationIdentifier (ETSI EN 319 412-1 s5.1.4: three letters, then the country).
    pub fn of(organisation: &OrganisationId) -> Option<Self> {
        Self::parse(organisation.as_str().get(3..5)?)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// What the authority says of an authorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Authorised,
    Suspended,
    Withdrawn,
}

impl Status {
    pub const ALL: [Self; 3] = [Self::Authorised, Self::Suspended, Self::Withdrawn];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorised => "authorised",
            Self::Suspended => "suspended",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == text)
    }
}

/// What a judgement needs of a row of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub roles: Roles,
    pub status: Status,
    /// Countries that it is passported into, beside its own; `None`: the export does not say.
    pub hosts: Option<Box<[Country]>>,
}

/// An export, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterHead {
    pub id: Uuid,
    /// The day it describes.
    pub as_of: Date,
    /// Where it was taken from, in the operator's words.
    pub source: String,
    /// SHA-256 over the file.
    pub sha256: [u8; 32],
    pub entries: usize,
    pub imported_at: OffsetDateTime,
    pub imported_by: String,
}

impl RegisterHead {
    /// Days; never negative.
    pub fn age(&self, now: OffsetDateTime) -> i64 {
        (now.date() - self.as_of).whole_days().max(0)
    }
}

/// Why an export should not take another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepBack {
    /// It describes an earlier day than the one in force.
    Older { in_force: Date },
    /// It has less than half as many institutions: more likely half a file than half a country without licence.
    MuchSmaller { had: usize },
}

impl RegisterHead {
    pub fn may_follow(&self, in_force: &Self) -> Result<(), StepBack> {
        if self.as_of < in_force.as_of {
            return Err(StepBack::Older { in_force: in_force.as_of });
        }
        if self.entries < in_force.entries.div_ceil(2) {
            return Err(StepBack::MuchSmaller { had: in_force.entries });
        }
        Ok(())
    }
}

/// The register in force.
#[derive(Clone, Debug)]
pub struct Register {
    pub head: RegisterHead,
    entries: HashMap<OrganisationId, Entry>,
}

impl Register {
    pub fn new(head: RegisterHead, entries: impl IntoIterator<Item = (OrganisationId, Entry)>) -> Self {
        Self { head, entries: entries.into_iter().collect() }
    }

    pub fn find(&self, organisation: &OrganisationId) -> Option<&Entry> {
        self.entries.get(organisation)
    }
}

/// What a brand does with the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterUse {
    /// It is not looked at.
    Off,
    /// What it would refuse is counted and logged.
    Warn,
    Refuse,
}

impl RegisterUse {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

/// `[trust.register]` of a brand. Ages are in days, and rise in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterPolicy {
    pub register: RegisterUse,
    /// The bank's country: who is authorised elsewhere must be passported into it.
    pub country: Option<Country>,
    pub warn_after: i64,
    pub refuse_registrations_after: i64,
    pub refuse_after: i64,
}

impl Default for RegisterPolicy {
    fn default() -> Self {
        Self { register: RegisterUse::Off, country: None, warn_after: 7, refuse_registrations_after: 30, refuse_after: 90 }
    }
}

/// How an export's age is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    Fresh,
    /// Used, loudly.
    Old,
    /// Registers nobody any more; who is registered goes on.
    TooOldForRegistrations,
    /// Worth nothing.
    TooOld,
}

impl RegisterPolicy {
    pub const fn age(&self, days: i64) -> Age {
        if days >= self.refuse_after {
            Age::TooOld
        } else if days >= self.refuse_registrations_after {
            Age::TooOldForRegistrations
        } else if days >= self.warn_after {
            Age::Old
        } else {
            Age::Fresh
        }
    }
}
