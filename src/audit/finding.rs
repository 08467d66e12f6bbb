//! What is wrong with an audit trail, in words.

use super::{chain::Hash, month::Month};
use std::fmt;
use uuid::Uuid;

/// A seal's place in the chains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub brand: String,
    pub number: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seal {} of {}", self.number, self.brand)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The event is not what was sealed.
    Changed { id: Uuid, at: Place },
    /// It is what was sealed, and stands elsewhere in the order.
    Reordered { id: Uuid, at: Place, was: i64, is: i64 },
    /// The seal has it, the table has not.
    Missing { id: Uuid, at: Place },
    /// It stands where everything was sealed, and no seal has it.
    Added { id: Uuid, at: Place },
    /// One seal has it, and it stands among the events of another one.
    Moved { id: Uuid, from: Place, to: Place },
    /// All events of a month are gone, and nothing says that it was dropped.
    MonthGone { month: Month, events: u64 },
    /// Below the horizon, and behind the last seal of its brand.
    NotSealed { id: Uuid, brand: String },
    /// Its hash is not that of what it says.
    SealChanged { at: Place },
    /// Seals between two others.
    SealsMissing { brand: String, first: i64, last: i64 },
    /// It does not name the one before it.
    SealOutOfPlace { at: Place },
    /// It no longer says which events it stands over, though their months were not dropped.
    LeavesGone { at: Place },
    /// The chain ends before what was told outside.
    CutOff { at: Place, head: i64 },
    /// The chain is another one than was told outside.
    Rewritten { at: Place, told: Hash, is: Hash },
}

impl Finding {
    /// A word for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "event_changed",
            Self::Reordered { .. } => "event_reordered",
            Self::Missing { .. } => "event_missing",
            Self::Added { .. } => "event_added",
            Self::Moved { .. } => "event_moved",
            Self::MonthGone { .. } => "month_missing",
            Self::NotSealed { .. } => "event_not_sealed",
            Self::SealChanged { .. } => "seal_changed",
            Self::SealsMissing { .. } => "seal_missing",
            Self::SealOutOfPlace { .. } => "seal_out_of_place",
            Self::LeavesGone { .. } => "seal_without_events",
            Self::CutOff { .. } => "chain_cut_off",
            Self::Rewritten { .. } => "chain_rewritten",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Self::Changed { id, at } => write!(f, "event {id} is not what {at} stands over"),
            Self::Reordered { id, at, was, is } => write!(f, "event {id} of {at} had the position {was} and has {is}"),
            Self::Missing { id, at } => write!(f, "event {id} of {at} is gone"),
            Self::Added { id, at } => write!(f, "event {id} stands among those of {at}, which does not have it"),
            Self::Moved { id, from, to } => write!(f, "event {id} of {from} stands among those of {to}"),
            Self::MonthGone { month, events } => {
                write!(f, "all {events} events of {month} are gone, and no event says that it was dropped")
            }
            Self::NotSealed { id, brand } => write!(f, "event {id} of {brand} stands where everything is sealed, and no seal has it"),
            Self::SealChanged { at } => write!(f, "the hash of {at} is not that of what it says"),
            Self::SealsMissing { brand, first, last } if first == last => write!(f, "seal {first} of {brand} is gone"),
            Self::SealsMissing { brand, first, last } => write!(f, "seals {first} to {last} of {brand} are gone"),
            Self::SealOutOfPlace { at } => write!(f, "{at} does not follow the one before it"),
            Self::LeavesGone { at } => write!(f, "{at} no longer says which events it stands over, and their month was not dropped"),
            Self::CutOff { at, head } => write!(f, "{at} was told outside, and the chain ends with {head}"),
            Self::Rewritten { at, told, is } => write!(f, "{at} was told outside as {told}, and is {is}"),
        }
    }
}
