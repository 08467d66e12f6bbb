//! Whom certificates may lead to: the authorities of configured files and of the trusted lists.

use super::certificate::{self, Leaf};
use super::reason::Reason;
use super::services::{Entry, Vouched};
use super::trusted_list::Snapshot;
use super::{der, name, oid};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, Der, TrustAnchor};
use std::collections::HashMap;
use std::fmt;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Every authority that is known, by subject and key. Anchors may be intermediates: nothing above them is looked at.
///
/// Services of the lists that may not vouch for a QWAC are kept as well: the authority nearest to a certificate decides,
/// and the refusal can say what it is listed as.
#[derive(Default)]
pub struct Anchors {
    authorities: Vec<Authority>,
    /// Subject (contents of the DER) to places in `authorities`: one name may have many keys.
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    unusable: usize,
}

/// A name with a key.
pub(super) struct Authority {
    /// One for each set of name constraints that its certificates have.
    anchors: Vec<TrustAnchor<'static>>,
    subject: String,
    key_identifier: Option<Vec<u8>>,
    /// It stands in a file of the configuration: trusted whatever the lists say.
    configured: bool,
    entries: Vec<Entry>,
}

/// Why a file of anchors cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorsError {
    /// Not PEM.
    NotPem,
    /// No certificate in it.
    Empty,
    /// The certificate at this place (from 1) cannot be parsed.
    Unreadable(usize),
    /// The certificate at this place (from 1) is not a certification authority's.
    NotAnAuthority(usize),
}

/// How an authority came to be known.
enum Known {
    Configured,
    Listed(Entry),
}

impl Anchors {
    /// Lead nowhere.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads every certificate of a PEM file.
    ///
    /// # Errors
    /// When one cannot be used: a file is taken whole or not at all.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AnchorsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::from_certificates(&certificates.map_err(|_| AnchorsError::NotPem)?)
    }

    /// The same for certificates already in DER.
    ///
    /// # Errors
    /// As [`Anchors::from_pem`].
    pub fn from_certificates(certificates: &[CertificateDer<'_>]) -> Result<Self, AnchorsError> {
        let mut anchors = Self::default();
        for (at, certificate) in certificates.iter().enumerate() {
            anchors.add(certificate, Known::Configured).map_err(|unfit| match unfit {
                Unfit::Unreadable => AnchorsError::Unreadable(at + 1),
                Unfit::NotAnAuthority => AnchorsError::NotAnAuthority(at + 1),
            })?;
        }
        if anchors.is_empty() { Err(AnchorsError::Empty) } else { Ok(anchors) }
    }

    /// The services of accepted lists. A certificate that cannot be used is left out and counted: it can only cost its own
    /// service.
    pub fn from_snapshot(snapshot: &Snapshot) -> Self {
        let mut anchors = Self::default();
        for list in &snapshot.lists {
            for service in &list.services {
                for certificate in &service.certificates {
                    let known = Known::Listed(Entry::new(list, service));
                    anchors.unusable += usize::from(anchors.add(&CertificateDer::from_slice(certificate), known).is_err());
                }
            }
        }
        anchors
    }

    /// These and the authorities of a PEM bundle.
    ///
    /// # Errors
    /// As [`Anchors::from_pem`].
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Self, AnchorsError> {
        for more in Self::from_pem(pem)?.authorities {
            self.merge(more);
        }
        Ok(self)
    }

    /// Authorities: names with a key.
    pub fn len(&self) -> usize {
        self.authorities.len()
    }

    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// Some are trusted whatever the lists say.
    pub fn has_configured(&self) -> bool {
        self.authorities.iter().any(|authority| authority.configured)
    }

    /// Certificates of listed services that could not be used.
    pub const fn unusable(&self) -> usize {
        self.unusable
    }

    /// The anchors' subjects, for people.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.authorities.iter().map(|authority| authority.subject.as_str())
    }

    /// Those with this subject (contents of the DER).
    pub(super) fn named(&self, subject: &[u8]) -> impl Iterator<Item = &Authority> {
        self.by_subject.get(subject).into_iter().flatten().filter_map(|at| self.authorities.get(*at))
    }

    /// The one with this subject and key (contents of the DER).
    pub(super) fn find(&self, subject: &[u8], spki: &[u8]) -> Option<&Authority> {
        self.named(subject).find(|authority| authority.spki() == spki)
    }

    fn add(&mut self, certificate: &CertificateDer<'_>, known: Known) -> Result<(), Unfit> {
        let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(|_| Unfit::Unreadable)?.to_owned();
        let (_, x509) = X509Certificate::from_der(certificate).map_err(|_| Unfit::Unreadable)?;
        let value = |id: &[u8]| x509.extensions().iter().find(|one| one.oid.as_bytes() == id).map(|one| one.value);
        if !value(oid::BASIC_CONSTRAINTS).is_some_and(|value| certificate::is_ca(value) == Ok(true)) {
            return Err(Unfit::NotAnAuthority);
        }
        let key_identifier = value(oid::SUBJECT_KEY_IDENTIFIER).and_then(|value| der::only(value, der::OCTET_STRING).ok());
        let (configured, entries) = match known {
            Known::Configured => (true, Vec::new()),
            Known::Listed(entry) => (false, vec![entry]),
        };
        let subject = name::readable(&anchor.subject);
        self.merge(Authority { anchors: vec![anchor], subject, key_identifier: key_identifier.map(<[u8]>::to_vec), configured, entries });
        Ok(())
    }

    fn merge(&mut self, new: Authority) {
        let same_key = |at: &&usize| self.authorities.get(**at).is_some_and(|old| old.spki() == new.spki());
        let same = self.by_subject.get(new.name()).into_iter().flatten().find(same_key).copied();
        if let Some(old) = same.and_then(|at| self.authorities.get_mut(at)) {
            old.absorb(new);
        } else {
            self.by_subject.entry(new.name().to_vec()).or_default().push(self.authorities.len());
            self.authorities.push(new);
        }
    }
}

enum Unfit {
    Unreadable,
    NotAnAuthority,
}

impl Authority {
    /// Whether what it issues is accepted. None: it is trusted by configuration.
    pub fn judge(&self, leaf: &Leaf<'_>, now: OffsetDateTime) -> Result<Option<Vouched>, Reason> {
        if self.configured {
            return Ok(None);
        }
        let mut refusal: Option<Reason> = None;
        for entry in &self.entries {
            match entry.judge(leaf, now) {
                Ok(vouched) => return Ok(Some(vouched)),
                // Of several entries the one that is nearest to vouching tells most.
                Err(reason) => refusal = refusal.filter(|other| nearness(other) >= nearness(&reason)).or(Some(reason)),
            }
        }
        Err(refusal.unwrap_or(Reason::UntrustedIssuer(self.subject.clone())))
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Borrowed, as path building takes them.
    pub fn trust_anchors(&self) -> impl Iterator<Item = TrustAnchor<'_>> {
        self.anchors.iter().map(|anchor| TrustAnchor {
            subject: Der::from_slice(&anchor.subject),
            subject_public_key_info: Der::from_slice(&anchor.subject_public_key_info),
            name_constraints: anchor.name_constraints.as_ref().map(|constraints| Der::from_slice(constraints)),
        })
    }

    /// Whether its certificate names its key by this identifier (RFC 5280 s4.2.1.2).
    pub fn has_key_identifier(&self, identifier: &[u8]) -> bool {
        self.key_identifier.as_deref() == Some(identifier)
    }

    /// Whether it is known not to be that key's.
    pub fn has_other_key_than(&self, identifier: &[u8]) -> bool {
        self.key_identifier.as_deref().is_some_and(|own| own != identifier)
    }

    fn name(&self) -> &[u8] {
        self.anchors.first().map_or(&[], |anchor| &anchor.subject)
    }

    fn spki(&self) -> &[u8] {
        self.anchors.first().map_or(&[], |anchor| &anchor.subject_public_key_info)
    }

    fn absorb(&mut self, same: Self) {
        self.configured |= same.configured;
        self.entries.extend(same.entries);
        for anchor in same.anchors {
            if !self.anchors.contains(&anchor) {
                self.anchors.push(anchor);
            }
        }
        self.key_identifier = self.key_identifier.take().or(same.key_identifier);
    }
}

/// How far an entry got towards vouching, by what stopped it.
#[allow(clippy::wildcard_enum_match_arm, reason = "entries give only these reasons")]
const fn nearness(reason: &Reason) -> u8 {
    match reason {
        Reason::NotQualifiedByList(_) => 5,
        Reason::ServiceNotUnderstood(_) => 4,
        Reason::ServiceWithdrawn(_) => 3,
        Reason::ServiceNotGrantedAtIssuance(_) => 2,
        Reason::ServiceNotForWeb(_) => 1,
        _ => 0,
    }
}

impl fmt::Display for AnchorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("the file is not PEM"),
            Self::Empty => f.write_str("the file has no certificate"),
            Self::Unreadable(at) => write!(f, "certificate {at} of the file cannot be parsed"),
            Self::NotAnAuthority(at) => write!(f, "certificate {at} of the file is not a certification authority's"),
        }
    }
}

impl std::error::Error for AnchorsError {}
