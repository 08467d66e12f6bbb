//! Does the audit trail say what was sealed? Rows in order of position go in, seals beside them; what is wrong comes out. It holds
//! some seals of each brand at a time, however long the trail is.

use super::{
    chain::{Hash, Head, Leaf, Recorded, Seal, leaf_hash},
    finding::{Finding, Place},
    month::Month,
};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// So many findings are named, the others counted.
pub const MOST_NAMED: usize = 1000;
/// A position that was changed is looked for among so many.
const MOST_TRIED: i64 = 100_000;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub events: u64,
    pub seals: u64,
    /// Sealed, dropped with their month, and recorded as such.
    pub dropped: u64,
    /// Too young to be sealed.
    pub open: u64,
    pub findings: u64,
}

/// The whole trail, or what comes after some seals.
pub struct Verifier {
    chains: BTreeMap<String, Chain>,
    /// Everything below it is sealed.
    horizon: i64,
    /// No event before this month need be there any more: a later event says so.
    kept_from: Option<Month>,
    findings: Vec<Finding>,
    missing_by_month: BTreeMap<Month, u64>,
    counts: Counts,
}

/// One brand's.
#[derive(Default)]
struct Chain {
    /// Events below it are not looked at.
    begins_at: i64,
    head: Option<Head>,
    ahead: VecDeque<Seal>,
    open: Option<Open>,
    /// There are no more seals to come.
    ended: bool,
}

/// The seal that rows are being compared with.
struct Open {
    place: Place,
    from: i64,
    to: i64,
    last_id: Uuid,
    events: u64,
    leaves: Option<Vec<Leaf>>,
    seen: Vec<bool>,
    next: usize,
}

impl Verifier {
    pub fn new(horizon: i64, kept_from: Option<Month>) -> Self {
        Self { horizon, kept_from, chains: BTreeMap::new(), findings: vec![], missing_by_month: BTreeMap::new(), counts: Counts::default() }
    }

    /// The chain is looked at from behind this seal on; without, from its begin.
    pub fn begin(&mut self, head: Head) {
        self.chains.insert(head.brand.clone(), Chain { begins_at: head.to, head: Some(head), ..Chain::default() });
    }

    /// After which seal to go on reading before an event of this brand and position can be judged. `None`: it can.
    pub fn wants_seals(&self, brand: &str, position: i64) -> Option<i64> {
        let Some(chain) = self.chains.get(brand) else { return Some(0) };
        let reaches = chain.ahead.back().map(|seal| seal.to).or(chain.open.as_ref().map(|open| open.to)).is_some_and(|to| position < to);
        if chain.ended || reaches { None } else { Some(chain.head.as_ref().map_or(0, |head| head.number)) }
    }

    /// More seals of a brand, in order; none: that were all. What ends below `position` has met all its events.
    pub fn seals(&mut self, brand: &str, seals: Vec<Seal>, position: i64) {
        let mut chain = self.chains.remove(brand).unwrap_or_default();
        chain.ended = seals.is_empty();
        for seal in seals {
            self.link(chain.head.as_ref(), &seal);
            chain.head = Some(seal.head());
            chain.ahead.push_back(seal);
        }
        self.advance(&mut chain, position);
        self.chains.insert(brand.to_owned(), chain);
    }

    fn link(&mut self, before: Option<&Head>, seal: &Seal) {
        self.counts.seals += 1;
        let at = || Place { brand: seal.brand.clone(), number: seal.number };
        if !seal.is_sound() {
            self.find(Finding::SealChanged { at: at() });
        }
        let none = Head::none(&seal.brand);
        let before = before.unwrap_or(&none);
        if before.number + 1 < seal.number {
            self.find(Finding::SealsMissing { brand: seal.brand.clone(), first: before.number + 1, last: seal.number - 1 });
        } else if seal.previous != before.hash || seal.from != before.to {
            self.find(Finding::SealOutOfPlace { at: at() });
        }
    }

    /// In order of position and id. [`Verifier::wants_seals`] must have been satisfied.
    pub fn event(&mut self, event: &Recorded) {
        let mut chain = self.chains.remove(&event.brand).unwrap_or_default();
        if event.position < chain.begins_at {
            self.chains.insert(event.brand.clone(), chain);
            return;
        }
        self.counts.events += 1;
        self.advance(&mut chain, event.position);
        match &mut chain.open {
            Some(open) if (open.from..open.to).contains(&event.position) => {
                let found = open.judge(event);
                found.into_iter().for_each(|finding| self.find(finding));
            }
            // of a seal that is missing itself
            Some(open) if event.position < open.from => {}
            Some(_) | None if event.position < self.horizon => {
                self.find(Finding::NotSealed { id: event.id, brand: event.brand.clone() });
            }
            Some(_) | None => self.counts.open += 1,
        }
        self.chains.insert(event.brand.clone(), chain);
    }

    fn advance(&mut self, chain: &mut Chain, position: i64) {
        while chain.open.as_ref().is_none_or(|open| open.to <= position) {
            let Some(next) = chain.ahead.pop_front() else { return };
            if let Some(open) = chain.open.replace(Open::new(next)) {
                self.close(open);
            }
        }
    }

    fn close(&mut self, open: Open) {
        let Open { place, leaves, seen, last_id, events, .. } = open;
        let Some(leaves) = leaves else {
            if Month::of_id(&last_id) >= self.kept_from.unwrap_or(Month::of_id(&Uuid::nil())) {
                self.find(Finding::LeavesGone { at: place });
            } else {
                self.counts.dropped += events;
            }
            return;
        };
        for (leaf, _) in leaves.iter().zip(seen).filter(|(_, seen)| !seen) {
            let month = Month::of_id(&leaf.id);
            if self.kept_from.is_some_and(|kept| month < kept) {
                self.counts.dropped += 1;
            } else {
                *self.missing_by_month.entry(month).or_default() += 1;
                self.find(Finding::Missing { id: leaf.id, at: place.clone() });
            }
        }
    }

    fn find(&mut self, finding: Finding) {
        self.counts.findings += 1;
        if self.findings.len() < MOST_NAMED {
            self.findings.push(finding);
        }
    }

    /// Brands whose chains have seals to come that no event asked for.
    pub fn unfinished(&self) -> Option<(String, i64)> {
        let (brand, chain) = self.chains.iter().find(|(_, chain)| !chain.ended)?;
        Some((brand.clone(), chain.head.as_ref().map_or(0, |head| head.number)))
    }

    /// What was told outside against the seal that there is; `None`: there is none of this number.
    pub fn anchor(&mut self, told: &Head, is: Option<Hash>, head: i64) {
        let at = Place { brand: told.brand.clone(), number: told.number };
        match is {
            Some(is) if is == told.hash => {}
            Some(is) => self.find(Finding::Rewritten { at, told: told.hash, is }),
            None => self.find(Finding::CutOff { at, head }),
        }
    }

    /// At the end. `kept_from` once more, since a month may have been dropped meanwhile; `tables`: the months that there are.
    pub fn finish(mut self, kept_from: Option<Month>, tables: &[Month]) -> (Vec<Finding>, Counts) {
        self.kept_from = kept_from.max(self.kept_from);
        let brands: Vec<_> = self.chains.keys().cloned().collect();
        for brand in brands {
            self.seals(&brand, vec![], i64::MAX);
            if let Some(open) = self.chains.remove(&brand).and_then(|chain| chain.open) {
                self.close(open);
            }
        }
        let dropped_meanwhile = |month: Month| self.kept_from.is_some_and(|kept| month < kept);
        let gone: Vec<_> = self.missing_by_month.iter().filter(|(month, _)| !tables.contains(month)).map(|(m, n)| (*m, *n)).collect();
        let whole = |id: &Uuid| gone.iter().any(|(month, _)| *month == Month::of_id(id));
        let named = std::mem::take(&mut self.findings);
        let (missing, others): (Vec<_>, Vec<_>) = named.into_iter().partition(|finding| matches!(finding, Finding::Missing { .. }));
        let mut places: BTreeMap<Uuid, Place> = missing
            .into_iter()
            .filter_map(|finding| if let Finding::Missing { id, at } = finding { Some((id, at)) } else { None })
            .collect();
        let mut findings: Vec<Finding> = others
            .into_iter()
            .map(|finding| {
                let Finding::Added { id, at } = finding else { return finding };
                match places.remove(&id) {
                    Some(from) => {
                        self.counts.findings -= 1;
                        Finding::Moved { id, from, to: at }
                    }
                    None => Finding::Added { id, at },
                }
            })
            .collect();
        findings.extend(places.into_iter().filter(|(id, _)| !whole(id)).map(|(id, at)| Finding::Missing { id, at }));
        for (month, events) in gone {
            self.counts.findings -= events;
            if dropped_meanwhile(month) {
                self.counts.dropped += events;
            } else {
                self.counts.findings += 1;
                findings.push(Finding::MonthGone { month, events });
            }
        }
        (findings, self.counts)
    }
}

impl Open {
    fn new(seal: Seal) -> Self {
        Self {
            place: Place { brand: seal.brand, number: seal.number },
            from: seal.from,
            to: seal.to,
            last_id: seal.last_id,
            events: u64::try_from(seal.events).unwrap_or(0),
            seen: vec![false; seal.leaves.as_ref().map_or(0, Vec::len)],
            leaves: seal.leaves,
            next: 0,
        }
    }

    fn judge(&mut self, event: &Recorded) -> Option<Finding> {
        let at = || self.place.clone();
        let Some(leaves) = &self.leaves else { return Some(Finding::Added { id: event.id, at: at() }) };
        let expected = leaves.get(self.next).filter(|leaf| leaf.id == event.id).map(|_| self.next);
        let Some(index) = expected.or_else(|| leaves.iter().position(|leaf| leaf.id == event.id)) else {
            return Some(Finding::Added { id: event.id, at: at() });
        };
        self.seen[index] = true;
        self.next = index + 1;
        let (content, sealed) = (event.content(), leaves[index].hash);
        if leaf_hash(event.position, &content) == sealed {
            return None;
        }
        let tried = self.from.max(self.to - MOST_TRIED)..self.to;
        Some(match tried.into_iter().find(|position| leaf_hash(*position, &content) == sealed) {
            Some(was) => Finding::Reordered { id: event.id, at: at(), was, is: event.position },
            None => Finding::Changed { id: event.id, at: at() },
        })
    }
}
