//! Whether an entry of a trusted list may vouch for a QWAC (ETSI TS 119 615 s4, in the terms of TS 119 612 s5.5).
//!
//! Asked at two times, as the standard has it: now, and when the certificate was issued. A qualification of the list that
//! speaks for a certificate never replaces what the certificate must say itself; one that speaks against it counts.

use super::certificate::Leaf;
use super::found::ListedAs;
use super::reason::Reason;
use super::trusted_list::{AcceptedList, Criteria, Period, Qualification, Qualifier, Service, ServiceStatus, Use};
use time::{Duration, OffsetDateTime};

/// One entry for an authority's key.
pub(super) struct Entry {
    listed: ListedAs,
    periods: Vec<Period>,
}

/// An entry by which a certificate is accepted.
pub(super) struct Vouched {
    pub listed: ListedAs,
    /// Before the next change of the service that the list already announces.
    pub until: Option<OffsetDateTime>,
}

impl Entry {
    pub fn new(list: &AcceptedList, service: &Service) -> Self {
        let listed = ListedAs {
            territory: list.territory.clone(),
            provider: service.provider.clone(),
            service: service.name.clone(),
            list_sequence: list.sequence,
            since: list.issued_at,
            next_update: list.next_update,
        };
        Self { listed, periods: service.periods.clone() }
    }

    /// The first thing that speaks against the entry, or what it vouches with.
    pub fn judge(&self, leaf: &Leaf<'_>, now: OffsetDateTime) -> Result<Vouched, Reason> {
        if let (Some(newest), false) = (self.periods.first(), self.periods.iter().any(is_for_web)) {
            self.for_web(newest)?;
        }
        let current = self.granted_now(self.at(now))?;
        let issued = self.at(leaf.x509.not_before).filter(|period| period.status == ServiceStatus::Granted);
        let issued = issued.ok_or_else(|| Reason::ServiceNotGrantedAtIssuance(self.name()))?;
        for period in [issued, current] {
            self.for_web(period)?;
            self.understood(period)?;
            self.qualifications(period, leaf)?;
        }
        let changes = self.periods.iter().map(|period| period.from).filter(|from| *from > now);
        let until = changes.min().map(|from| from - Duration::NANOSECOND);
        Ok(Vouched { listed: ListedAs { since: current.from, ..self.listed.clone() }, until })
    }

    fn at(&self, time: OffsetDateTime) -> Option<&Period> {
        self.periods.iter().find(|period| period.from <= time)
    }

    /// A service withdrawn today vouches for nothing, not even for what it issued before.
    fn granted_now<'a>(&self, current: Option<&'a Period>) -> Result<&'a Period, Reason> {
        match current {
            Some(period) if period.status == ServiceStatus::Granted => Ok(period),
            Some(period) if period.status == ServiceStatus::Withdrawn => Err(Reason::ServiceWithdrawn(self.name())),
            Some(_) | None => Err(Reason::ServiceNotGranted(self.name())),
        }
    }

    fn for_web(&self, period: &Period) -> Result<(), Reason> {
        if is_for_web(period) {
            return Ok(());
        }
        let uses: Vec<_> = period.uses.iter().map(|usage| word(*usage)).collect();
        let uses = if uses.is_empty() { "no use is named".to_owned() } else { format!("it is for {}", uses.join(" and ")) };
        Err(Reason::ServiceNotForWeb(format!("{}; {uses}", self.name())))
    }

    /// TS 119 612 s5.5.9: a critical extension that is not understood forbids to rely on the service.
    fn understood(&self, period: &Period) -> Result<(), Reason> {
        let not_understood = |what| Reason::ServiceNotUnderstood(format!("{}; extension {what}", self.name()));
        period.unknown_critical.as_ref().map_or(Ok(()), |what| Err(not_understood(what)))
    }

    /// TS 119 615 s4.4: what the list says of the certificates that its criteria fit overrides what they say themselves.
    fn qualifications(&self, period: &Period, leaf: &Leaf<'_>) -> Result<(), Reason> {
        let mut said = Vec::new();
        for Qualification { qualifiers, criteria } in &period.qualifications {
            match fits(criteria, leaf) {
                Fit::Yes => said.extend(qualifiers),
                Fit::No => {}
                Fit::Unknown(_) if !qualifiers.iter().any(|qualifier| speaks_against(*qualifier)) => {}
                Fit::Unknown(what) => return Err(Reason::ServiceNotUnderstood(format!("{}; criterion {what}", self.name()))),
            }
        }
        self.weigh(&said)
    }

    fn weigh(&self, said: &[Qualifier]) -> Result<(), Reason> {
        let says = |qualifier| said.contains(&qualifier);
        let other_use = says(Qualifier::QcForSeal) || says(Qualifier::QcForSignature);
        let refused = |why: &str| Err(Reason::NotQualifiedByList(format!("{}; {why}", self.name())));
        if says(Qualifier::NotQualified) && says(Qualifier::QcStatement) {
            refused("it calls the certificate qualified and not qualified")
        } else if says(Qualifier::NotQualified) {
            refused("NotQualified")
        } else if other_use && says(Qualifier::QcForWebSiteAuthentication) {
            refused("it names two uses for the certificate")
        } else if other_use {
            refused("it calls the certificate one for seals or signatures")
        } else {
            Ok(())
        }
    }

    fn name(&self) -> String {
        format!("{}: {}, {}", self.listed.territory, self.listed.provider, self.listed.service)
    }
}

fn is_for_web(period: &Period) -> bool {
    period.uses.contains(&Use::WebSiteAuthentication)
}

const fn word(usage: Use) -> &'static str {
    match usage {
        Use::WebSiteAuthentication => "website authentication",
        Use::Seals => "seals",
        Use::Signatures => "signatures",
    }
}

const fn speaks_against(qualifier: Qualifier) -> bool {
    match qualifier {
        Qualifier::NotQualified | Qualifier::QcForSeal | Qualifier::QcForSignature => true,
        Qualifier::QcStatement | Qualifier::QcForWebSiteAuthentication | Qualifier::Other => false,
    }
}

/// Whether a certificate is one that criteria speak of.
#[derive(Debug, PartialEq, Eq)]
enum Fit<'a> {
    Yes,
    No,
    /// It hangs on this criterion.
    Unknown(&'a str),
}

impl From<bool> for Fit<'_> {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

fn fits<'a>(criteria: &'a Criteria, leaf: &Leaf<'_>) -> Fit<'a> {
    let all = |wanted: &[String], found: Vec<String>| Fit::from(wanted.iter().all(|one| found.contains(one)));
    match criteria {
        Criteria::All(list) => first(list, leaf, &Fit::No).unwrap_or(Fit::Yes),
        Criteria::AtLeastOne(list) => first(list, leaf, &Fit::Yes).unwrap_or(Fit::No),
        Criteria::None(list) => match first(list, leaf, &Fit::Yes) {
            Some(Fit::Yes) => Fit::No,
            Some(unknown) => unknown,
            None => Fit::Yes,
        },
        Criteria::KeyUsage(bits) => bits.iter().all(|(bit, wanted)| leaf.has_key_usage(*bit) == *wanted).into(),
        Criteria::PolicySet(wanted) => all(wanted, leaf.policies()),
        Criteria::ExtendedKeyUsage(wanted) => all(wanted, leaf.extended_key_usages()),
        Criteria::SubjectAttributes(wanted) => all(wanted, leaf.subject_attributes()),
        Criteria::Unknown(what) => Fit::Unknown(what),
    }
}

/// The answer that decides a list of criteria wherever it stands, else one that is not known; none if there is neither.
fn first<'a>(list: &'a [Criteria], leaf: &Leaf<'_>, decides: &Fit<'a>) -> Option<Fit<'a>> {
    let mut unknown = None;
    for criteria in list {
        match fits(criteria, leaf) {
            fit if fit == *decides => return Some(fit),
            Fit::Unknown(what) => unknown = Some(Fit::Unknown(what)),
            Fit::Yes | Fit::No => {}
        }
    }
    unknown
}
