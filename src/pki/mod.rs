//! Judging a QWAC: bytes, trust and a time in; a verdict out (ETSI TS 119 495, EN 319 412-1 to -5, TS 119 615).
//!
//! Nothing here waits, reads a clock or logs. TLS proves possession of the key before; the flows act after.

mod algorithms;
mod anchors;
mod certificate;
mod chain;
mod content;
pub mod crl;
mod der;
mod describe;
pub mod forwarded;
mod found;
mod name;
pub mod ocsp;
mod oid;
mod organisation;
mod path;
mod pointers;
mod proven_key;
pub mod qc_statements;
mod reading;
mod reason;
mod report;
pub mod revocation;
mod rules;
mod sent;
mod services;
mod signature;
pub mod staleness;
pub mod status;
pub mod trusted_list;
mod x509;

pub use anchors::{Anchors, AnchorsError};
pub use certificate::{CertificateFacts, PublicKey, not_after, subject};
pub use chain::PresentedChain;
pub use content::{Content, judge_content};
pub use der::DerError;
pub use describe::describe;
pub use found::{FoundPath, Issuer, ListedAs};
pub use organisation::{PsdIdentifier, psd_identifier, visible};
pub use path::{Crl, CrlError, Purpose, chain_from_pem_or_der};
pub use pointers::Pointers;
pub use proven_key::{CertifiedKey, KeyMembers, NoKey};
pub use reading::{holds_private_key, read_chain};
pub use reason::{Family, Reason, Warning};
pub use report::{Finding, Report, ReportedCertificate, ReportedPath, ReportedRule, ReportedService};
pub use rules::{Asked, Assessed, Outcome, Rule, assess};

use crate::oauth::tpp::{CertificateIssuer, OrganisationId, Tpp};
use path::Moment;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use staleness::{StalePolicy, Staleness};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;

/// Larger than any QWAC seen; bounds what is parsed before anything is trusted.
const MAX_CERTIFICATE: usize = 16 * 1024;
const MAX_CHAIN: usize = 48 * 1024;
const MAX_CERTIFICATES: usize = 8;

/// ISO 3166 codes of the EEA. The United Kingdom lost the passport at the end of 2020.
#[rustfmt::skip]
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT",
    "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// What a bank decides about certificates that the standards leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Countries whose authorities' authorisations are accepted.
    pub nca_countries: BTreeSet<String>,
    /// Accept extendedKeyUsage serverAuth without clientAuth, with a warning.
    pub accept_server_auth_only: bool,
    /// How old a trusted list may get.
    pub stale: StalePolicy,
    /// organizationIdentifiers of another form than `PSD..`, accepted by their exact value.
    pub other_organisation_ids: BTreeSet<String>,
}

impl Default for TrustPolicy {
    /// The EEA's authorities, clientAuth, and no other identifiers.
    fn default() -> Self {
        Self {
            nca_countries: EEA.iter().map(|country| (*country).to_owned()).collect(),
            accept_server_auth_only: false,
            stale: StalePolicy::default(),
            other_organisation_ids: BTreeSet::new(),
        }
    }
}

/// All that a verdict depends on beside the certificate and the time. Built once, shared behind an `Arc`.
pub struct Trust {
    pub anchors: Anchors,
    pub policy: TrustPolicy,
    /// Asked for the leaf only. An issuer that none covers is not asked about; an expired one is used with a warning.
    pub crls: Vec<Crl>,
    /// NextUpdate of the trusted lists that the anchors are of.
    pub next_updates: Vec<Option<OffsetDateTime>>,
}

/// How far a trust can be relied on, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustState {
    /// Names with a key.
    pub authorities: usize,
    /// Some of them stand in a file of the configuration.
    pub configured: bool,
    pub lists: usize,
    /// Past their time, whatever they are still good for.
    pub stale: usize,
    /// No longer good for anything.
    pub refused: usize,
    /// Of the lists that have one.
    pub first_next_update: Option<OffsetDateTime>,
}

impl TrustState {
    /// Somebody's certificate may be accepted.
    pub const fn is_usable(&self) -> bool {
        self.authorities > 0 && (self.configured || self.refused < self.lists)
    }
}

impl Trust {
    pub const fn new(anchors: Anchors, policy: TrustPolicy) -> Self {
        Self { anchors, policy, crls: Vec::new(), next_updates: Vec::new() }
    }

    pub fn state(&self, now: OffsetDateTime) -> TrustState {
        let count = |least: Staleness| self.next_updates.iter().filter(|at| self.policy.stale.judge(**at, now) >= least).count();
        TrustState {
            authorities: self.anchors.len(),
            configured: self.anchors.has_configured(),
            lists: self.next_updates.len(),
            stale: count(Staleness::Warn),
            refused: count(Staleness::Refuse),
            first_next_update: self.next_updates.iter().flatten().min().copied(),
        }
    }

    /// Accepts no certificate.
    pub fn nobody() -> Self {
        Self::new(Anchors::none(), TrustPolicy::default())
    }

    /// # Errors
    /// When one of the lists cannot be parsed.
    pub fn with_crls(mut self, lists: &[Vec<u8>]) -> Result<Self, CrlError> {
        self.crls = lists.iter().map(|der| Crl::from_der(der)).collect::<Result<_, _>>()?;
        Ok(self)
    }
}

/// What was found. Every check is run where possible, so `reasons` lists all that is wrong, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// None when the certificate could not be parsed.
    pub facts: Option<CertificateFacts>,
    /// Empty if and only if the certificate is accepted.
    pub reasons: Vec<Reason>,
    pub warnings: Vec<Warning>,
    /// The way to an anchor, if one was found.
    pub path: Option<FoundPath>,
}

/// Judges a client's chain, leaf first, at a time.
pub fn judge(chain: &[CertificateDer<'_>], trust: &Trust, now: OffsetDateTime) -> Verdict {
    let mut verdict = Verdict { facts: None, reasons: size_reasons(chain), warnings: Vec::new(), path: None };
    let Some(first) = chain.first().filter(|_| verdict.reasons.is_empty()) else { return verdict };
    let leaf = match certificate::read(first) {
        Ok(leaf) => leaf,
        Err(error) => return Verdict::refused(Reason::Malformed(error.0)),
    };
    let content = content::judge(&leaf, first, &trust.policy);
    verdict.facts = content.facts;
    verdict.reasons = content.reasons;
    verdict.warnings = content.warnings;
    let (not_before, not_after) = (leaf.x509.not_before, leaf.x509.not_after);
    verdict.add(validity_reason(not_before, not_after, now));
    // Where the leaf is out of date, its path is judged at the nearest time at which it was not.
    let at = now.clamp(not_before, not_after);
    let moment = Moment { now, at, purpose: purpose(&verdict.reasons, &trust.policy) };
    let path = path::judge(&leaf, chain, &trust.anchors, &trust.crls, &moment);
    verdict.add(path.reason);
    verdict.warnings.extend(path.warnings);
    verdict.path = path.found;
    verdict.reasons.sort_by_key(Reason::step);
    verdict
}

/// Path validation alone: whether a chain, leaf first, leads to an authority that may vouch for it.
///
/// # Errors
/// With the first thing that is wrong.
pub fn validate_path(chain: &[CertificateDer<'_>], trust: &Trust, now: OffsetDateTime, purpose: Purpose) -> Result<(), Reason> {
    let first = chain.first().ok_or(Reason::CertificateMissing)?;
    let leaf = certificate::read(first).map_err(|error| Reason::Malformed(error.0))?;
    let path = path::judge(&leaf, chain, &trust.anchors, &trust.crls, &Moment { now, at: now, purpose });
    match (path.reason, path.found) {
        (Some(reason), _) => Err(reason),
        (None, Some(_)) => Ok(()),
        // What cannot be read is named by the rules on contents, which are not asked here.
        (None, None) => Err(Reason::Malformed("path building cannot read it")),
    }
}

impl Verdict {
    /// The verdict where there is nothing to judge.
    pub fn refused(reason: Reason) -> Self {
        Self { facts: None, reasons: vec![reason], warnings: Vec::new(), path: None }
    }

    /// The subject of the anchor that the path reached.
    pub fn anchor(&self) -> Option<&str> {
        self.path.as_ref()?.chain.last().map(String::as_str)
    }

    /// The holder and what its status hangs on, if nothing is wrong.
    ///
    /// # Errors
    /// With every reason why not.
    pub fn accepted(self) -> Result<Accepted, CertificateRefusal> {
        if !self.reasons.is_empty() {
            return Err(CertificateRefusal { reasons: self.reasons });
        }
        let incomplete = || CertificateRefusal { reasons: vec![Reason::Malformed("it does not say who holds it")] };
        let (facts, path) = self.facts.zip(self.path).ok_or_else(incomplete)?;
        let tpp = Arc::new(holder(&facts, &path).ok_or_else(incomplete)?);
        Ok(Accepted { tpp, facts, path, warnings: self.warnings })
    }

    /// Adds what is not said yet; that path building cannot read it says nothing beside a fault of the envelope.
    fn add(&mut self, reason: Option<Reason>) {
        let unreadable =
            |reason: &Reason| matches!(reason, Reason::Malformed(_)) && self.reasons.iter().any(|other| other.step() == reason.step());
        self.reasons.extend(reason.filter(|reason| !unreadable(reason) && !self.reasons.contains(reason)));
    }
}

/// A certificate that passed every check of its own; only [`Verdict::accepted`] makes one.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub tpp: Arc<Tpp>,
    pub facts: CertificateFacts,
    pub path: FoundPath,
    pub warnings: Vec<Warning>,
}

/// Why a certificate is not accepted; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRefusal {
    pub reasons: Vec<Reason>,
}

impl fmt::Display for CertificateRefusal {
    /// The codes, joined by a comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, reason) in self.reasons.iter().enumerate() {
            write!(f, "{}{reason}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for CertificateRefusal {}

fn size_reasons(chain: &[CertificateDer<'_>]) -> Vec<Reason> {
    let rules = [
        (chain.is_empty(), Reason::CertificateMissing),
        (chain.first().is_some_and(|leaf| leaf.len() > MAX_CERTIFICATE), Reason::CertificateTooLarge),
        (chain.len() > MAX_CERTIFICATES, Reason::ChainTooLong),
        (chain.iter().map(|certificate| certificate.len()).sum::<usize>() > MAX_CHAIN, Reason::ChainTooLarge),
    ];
    rules.into_iter().filter_map(|(broken, reason)| broken.then_some(reason)).collect()
}

/// RFC 5280 s4.1.2.5: both ends included.
fn validity_reason(not_before: OffsetDateTime, not_after: OffsetDateTime, now: OffsetDateTime) -> Option<Reason> {
    if now < not_before { Some(Reason::NotYetValid) } else { (now > not_after).then_some(Reason::Expired) }
}

fn purpose(reasons: &[Reason], policy: &TrustPolicy) -> Purpose {
    let refused_for_usage = |reason: &Reason| matches!(reason, Reason::EkuAny | Reason::EkuTlsBinding | Reason::EkuNoClientAuth);
    if reasons.iter().any(refused_for_usage) {
        Purpose::Any
    } else if policy.accept_server_auth_only {
        Purpose::ClientOrServerAuth
    } else {
        Purpose::ClientAuth
    }
}

fn holder(facts: &CertificateFacts, path: &FoundPath) -> Option<Tpp> {
    Some(Tpp {
        organisation: OrganisationId::new(facts.organisation_id.clone()?),
        legal_name: facts.organisation_name.clone()?,
        roles: Some(&facts.roles).filter(|roles| !roles.is_empty())?.clone(),
        nca_id: facts.nca_id.clone()?,
        subject_dn: facts.subject_dn.clone(),
        alternative_names: facts.alternative_names.clone(),
        thumbprint: facts.thumbprint,
        issuer: CertificateIssuer { name: facts.issuer.clone(), key: Sha256::digest(&path.issuer.spki).into() },
    })
}

#[cfg(test)]
mod tests;
