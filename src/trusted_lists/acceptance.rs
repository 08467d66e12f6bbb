//! A list beside the one that counts until now: is it newer, current, and not suspiciously smaller?

use super::{List, ListType, Refusal};
use crate::pki::trusted_list::{AcceptedList, Service, ServiceStatus, Use, Verification};
use time::{Duration, OffsetDateTime};

/// Clocks differ.
const SKEW: Duration = Duration::hours(1);

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct Rules {
    /// A list past its NextUpdate for longer is refused.
    pub refuse_after: Duration,
    /// A list that lost more of its services granted for websites is refused.
    pub most_loss_percent: u64,
    /// Territories whose lists may lose any number of services, this once.
    pub accept_smaller: Vec<String>,
}

/// A list, where it is from, and who vouches for it.
pub struct Offer {
    pub list: List,
    pub source: String,
    pub verification: Verification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    New {
        /// NextUpdate was then, and still within what is allowed.
        stale_since: Option<OffsetDateTime>,
    },
    /// The accepted list itself.
    Unchanged,
}

pub fn accept(list: &List, before: Option<&AcceptedList>, rules: &Rules, now: OffsetDateTime) -> Result<Acceptance, Refusal> {
    if let Some(before) = before {
        if list.sequence < before.sequence {
            return Err(Refusal::Older { accepted: before.sequence, offered: list.sequence });
        }
        if list.sequence == before.sequence {
            let same = list.sha256 == before.sha256;
            return if same { Ok(Acceptance::Unchanged) } else { Err(Refusal::SameNumberOtherBytes(list.sequence)) };
        }
    }
    let next_update = current(list, rules, now)?;
    if let Some(before) = before
        && list.kind == ListType::National
    {
        not_smaller(list, before, rules, now)?;
    }
    Ok(Acceptance::New { stale_since: (next_update < now).then_some(next_update) })
}

fn current(list: &List, rules: &Rules, now: OffsetDateTime) -> Result<OffsetDateTime, Refusal> {
    if list.issued_at > now + SKEW {
        return Err(Refusal::IssuedInFuture(list.issued_at));
    }
    let next_update = list.next_update.ok_or(Refusal::Closed)?;
    let longest = next_update.checked_add(rules.refuse_after).unwrap_or(next_update);
    if longest < now { Err(Refusal::Expired(next_update)) } else { Ok(next_update) }
}

/// An emptied list, or one without most of its services, is more often a mistake or an attack than the truth.
fn not_smaller(list: &List, before: &AcceptedList, rules: &Rules, now: OffsetDateTime) -> Result<(), Refusal> {
    let (was, is) = (granted_for_web(&before.services, now), granted_for_web(&list.services, now));
    let lost = was.saturating_sub(is) as u64 * 100;
    let suspicious = was > 0 && (is == 0 || lost > was as u64 * rules.most_loss_percent);
    if suspicious && !rules.accept_smaller.contains(&list.territory) {
        return Err(Refusal::Smaller { before: was, after: is });
    }
    Ok(())
}

impl Offer {
    /// As it is kept once it was accepted.
    pub fn accepted(self, now: OffsetDateTime) -> AcceptedList {
        let Self { list, source, verification } = self;
        AcceptedList {
            territory: list.territory,
            version: list.version,
            sequence: list.sequence,
            issued_at: list.issued_at,
            next_update: list.next_update,
            sha256: list.sha256,
            source,
            accepted_at: now,
            verification,
            services: list.services,
        }
    }
}

/// How many services are granted for website authentication at a time.
pub fn granted_for_web(services: &[Service], at: OffsetDateTime) -> usize {
    let is_granted = |service: &&Service| {
        service.at(at).is_some_and(|p| p.status == ServiceStatus::Granted && p.uses.contains(&Use::WebSiteAuthentication))
    };
    services.iter().filter(is_granted).count()
}
