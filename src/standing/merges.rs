//! Organisations that became others: for a while the certificates of the old one stand for the clients of the new.

use crate::oauth::tpp::OrganisationId;
use std::{collections::HashMap, fmt};
use time::OffsetDateTime;

/// Longer chains of mergers within one overlap are not followed.
const LONGEST_CHAIN: usize = 16;

/// The merges that still stand. Of each old organisation at most one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merges(HashMap<OrganisationId, Link>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    new: OrganisationId,
    until: OffsetDateTime,
}

/// A merge that an operator asks for, with what is known of both sides.
#[derive(Clone, Debug)]
pub struct MergeAsked<'a> {
    pub old: &'a OrganisationId,
    pub new: &'a OrganisationId,
    /// A client of it is registered, or a certificate of it was seen.
    pub old_is_known: bool,
    pub new_is_known: bool,
    /// Merge into an organisation that nobody has seen yet.
    pub forced: bool,
}

/// What must be done with merges that still stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    None,
    /// It turns an earlier one round, which ends.
    EndsTheReverse,
}

/// Why two organisations are not merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeRefusal {
    SameOrganisation,
    /// The bank named one of them: no certificate stands for it, so that none could stand for the other.
    Local,
    /// Nothing of it is here: most likely a slip of the pen.
    OldUnknown,
    NewUnknown,
    /// It became another one itself, which is the one to merge into.
    NewBecame(OrganisationId),
    /// Its certificates stand for another organisation already.
    OldBecame(OrganisationId),
    /// The chain of merges from the new organisation leads back to the old one.
    Circle,
}

impl fmt::Display for MergeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameOrganisation => f.write_str("an organisation is not merged into itself"),
            Self::Local => f.write_str("an organisation that the bank itself named has no QWAC, and is not merged with others"),
            Self::OldUnknown => f.write_str("nothing is known of the old organisation: no client, no certificate"),
            Self::NewUnknown => {
                f.write_str("nothing is known of the new organisation: no client, no certificate. Check the identifier, then use --force")
            }
            Self::NewBecame(other) => {
                write!(f, "the new organisation itself was merged into {other:?}: merge into that one", other = other.as_str())
            }
            Self::OldBecame(other) => {
                write!(
                    f,
                    "the old organisation was merged into {other:?} and its certificates stand for that one still",
                    other = other.as_str()
                )
            }
            Self::Circle => {
                f.write_str("the new organisation was merged into the old one by way of others: turn the last of these merges round first")
            }
        }
    }
}

impl Merges {
    pub fn new(running: impl IntoIterator<Item = (OrganisationId, OrganisationId, OffsetDateTime)>) -> Self {
        Self(running.into_iter().map(|(old, new, until)| (old, Link { new, until })).collect())
    }

    fn step(&self, organisation: &OrganisationId, now: OffsetDateTime) -> Option<&OrganisationId> {
        self.0.get(organisation).filter(|link| now < link.until).map(|link| &link.new)
    }

    /// Whom a certificate of this organisation stands for now, if not for itself. Chains are followed to their end.
    pub fn resolve(&self, organisation: &OrganisationId, now: OffsetDateTime) -> Option<&OrganisationId> {
        let next = |organisation: &&OrganisationId| self.step(organisation, now);
        std::iter::successors(self.step(organisation, now), next).take(LONGEST_CHAIN).last()
    }

    /// May it be done, beside the merges that stand?
    ///
    /// # Errors
    /// With why not.
    pub fn judge(&self, asked: &MergeAsked<'_>, now: OffsetDateTime) -> Result<Consequence, MergeRefusal> {
        if asked.old == asked.new {
            return Err(MergeRefusal::SameOrganisation);
        }
        if asked.old.is_local() || asked.new.is_local() {
            return Err(MergeRefusal::Local);
        }
        if !asked.old_is_known {
            return Err(MergeRefusal::OldUnknown);
        }
        if !asked.new_is_known && !asked.forced {
            return Err(MergeRefusal::NewUnknown);
        }
        let consequence = match self.step(asked.new, now) {
            None => Consequence::None,
            Some(old) if old == asked.old => Consequence::EndsTheReverse,
            Some(_) if self.leads_to(asked.new, asked.old, now) => return Err(MergeRefusal::Circle),
            Some(other) => return Err(MergeRefusal::NewBecame(other.clone())),
        };
        match self.step(asked.old, now).filter(|other| *other != asked.new) {
            Some(other) => Err(MergeRefusal::OldBecame(other.clone())),
            None => Ok(consequence),
        }
    }

    fn leads_to(&self, from: &OrganisationId, to: &OrganisationId, now: OffsetDateTime) -> bool {
        let next = |organisation: &&OrganisationId| self.step(organisation, now);
        std::iter::successors(self.step(from, now), next).take(LONGEST_CHAIN).any(|organisation| organisation == to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);
    const LATER: OffsetDateTime = datetime!(2026-07-01 12:00:00 UTC);

    fn id(name: &str) -> OrganisationId {
        OrganisationId::new(format!("PSDFR-ACPR-{name}"))
    }

    /// Old, new, until.
    type Links<'a> = &'a [(&'a str, &'a str, OffsetDateTime)];

    fn merges(links: Links<'_>) -> Merges {
        Merges::new(links.iter().map(|(old, new, until)| (id(old), id(new), *until)))
    }

    #[test]
    fn a_certificate_stands_for_the_end_of_the_chain_while_every_link_stands() {
        let ended = NOW;
        let cases: [(Links<'_>, Option<&str>); 6] = [
            (&[], None),
            (&[("A", "B", LATER)], Some("B")),
            (&[("A", "B", ended)], None),
            (&[("A", "B", LATER), ("B", "C", LATER)], Some("C")),
            (&[("A", "B", LATER), ("B", "C", ended)], Some("B")),
            (&[("B", "A", LATER)], None),
        ];
        for (links, expected) in cases {
            assert_eq!(merges(links).resolve(&id("A"), NOW), expected.map(id).as_ref(), "{links:?}");
        }
        assert!(merges(&[("A", "B", LATER), ("B", "A", LATER)]).resolve(&id("A"), NOW).is_some(), "a circle, which nobody can make, ends");
    }

    #[test]
    fn what_may_be_merged() {
        let known = (true, true, false);
        let standing: Links<'_> = &[("A", "B", LATER), ("B", "C", LATER), ("D", "E", NOW), ("F", "G", LATER)];
        let cases = [
            (("X", "Y"), known, Ok(Consequence::None)),
            (("X", "X"), known, Err(MergeRefusal::SameOrganisation)),
            (("X", "Y"), (false, true, true), Err(MergeRefusal::OldUnknown)),
            (("X", "Y"), (true, false, false), Err(MergeRefusal::NewUnknown)),
            (("X", "Y"), (true, false, true), Ok(Consequence::None)),
            (("G", "F"), known, Ok(Consequence::EndsTheReverse)),
            (("B", "A"), known, Err(MergeRefusal::OldBecame(id("C")))),
            (("C", "A"), known, Err(MergeRefusal::Circle)),
            (("X", "A"), known, Err(MergeRefusal::NewBecame(id("B")))),
            (("A", "X"), known, Err(MergeRefusal::OldBecame(id("B")))),
            (("A", "B"), known, Err(MergeRefusal::NewBecame(id("C")))),
            (("B", "C"), known, Ok(Consequence::None)),
            (("E", "D"), known, Ok(Consequence::None)),
            (("D", "X"), known, Ok(Consequence::None)),
            (("C", "X"), known, Ok(Consequence::None)),
        ];
        for ((old, new), (old_is_known, new_is_known, forced), expected) in cases {
            let asked = MergeAsked { old: &id(old), new: &id(new), old_is_known, new_is_known, forced };
            assert_eq!(merges(standing).judge(&asked, NOW), expected, "{old} into {new}");
        }
    }
}
