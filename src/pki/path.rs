//! The way from a leaf to a configured anchor (RFC 5280 s6), with the anchors and revocation lists it goes by.

use super::found::{FoundPath, Issuer};
use super::reason::{Reason, Warning};
use super::trusted_list::{ServiceStatus, Snapshot, Use};
use super::{certificate, der, name, oid};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor, UnixTime, alg_id,
};
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use webpki::aws_lc_rs as algorithms;
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// RSA (PKCS #1 and PSS) and ECDSA with SHA-2 (ETSI TS 119 312).
static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 18] = [
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    &PssWithoutNull(0),
    &PssWithoutNull(1),
    &PssWithoutNull(2),
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
];

/// The services that may issue a QWAC, by their certificates. Anchors may be intermediates: nothing above them is looked at.
pub struct Anchors {
    trusted: Vec<TrustAnchor<'static>>,
    subjects: Vec<String>,
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

impl Anchors {
    /// Reads every certificate of a PEM file.
    ///
    /// # Errors
    /// When one cannot be used: a file is taken whole or not at all.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AnchorsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::from_certificates(&certificates.map_err(|_| AnchorsError::NotPem)?)
    }

    /// Leads nowhere.
    pub const fn none() -> Self {
        Self { trusted: Vec::new(), subjects: Vec::new() }
    }

    /// The services that the trusted lists grant for website authentication. A certificate that does not parse is left out.
    pub fn from_snapshot(snapshot: &Snapshot) -> Self {
        let mut anchors = Self::none();
        let services = snapshot.lists.iter().flat_map(|list| &list.services);
        let granted = services.filter(|service| {
            let current = service.periods.first();
            current.is_some_and(|p| p.status == ServiceStatus::Granted && p.uses.contains(&Use::WebSiteAuthentication))
        });
        for certificate in granted.flat_map(|service| &service.certificates) {
            let _ = anchors.add(&CertificateDer::from(certificate.as_slice()), 0);
        }
        anchors
    }

    /// These and the authorities of a PEM bundle.
    ///
    /// # Errors
    /// As [`Anchors::from_pem`].
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Self, AnchorsError> {
        let more = Self::from_pem(pem)?;
        self.trusted.extend(more.trusted);
        self.subjects.extend(more.subjects);
        Ok(self)
    }

    /// The same for certificates already in DER.
    ///
    /// # Errors
    /// As [`Anchors::from_pem`].
    pub fn from_certificates(certificates: &[CertificateDer<'_>]) -> Result<Self, AnchorsError> {
        let mut anchors = Self { trusted: Vec::new(), subjects: Vec::new() };
        for (at, certificate) in certificates.iter().enumerate() {
            anchors.add(certificate, at + 1)?;
        }
        if anchors.trusted.is_empty() { Err(AnchorsError::Empty) } else { Ok(anchors) }
    }

    pub fn len(&self) -> usize {
        self.trusted.len()
    }

    pub fn is_empty(&self) -> bool {
        self.trusted.is_empty()
    }

    /// The anchors' subjects, for people.
    pub fn subjects(&self) -> &[String] {
        &self.subjects
    }

    fn add(&mut self, certificate: &CertificateDer<'_>, at: usize) -> Result<(), AnchorsError> {
        let trusted = webpki::anchor_from_trusted_cert(certificate).map_err(|_| AnchorsError::Unreadable(at))?.to_owned();
        let (_, x509) = X509Certificate::from_der(certificate).map_err(|_| AnchorsError::Unreadable(at))?;
        let basic = x509.extensions().iter().find(|extension| extension.oid.as_bytes() == oid::BASIC_CONSTRAINTS);
        if !basic.is_some_and(|extension| certificate::is_ca(extension.value) == Ok(true)) {
            return Err(AnchorsError::NotAnAuthority(at));
        }
        self.trusted.push(trusted);
        self.subjects.push(name::readable(x509.subject()));
        Ok(())
    }
}

/// A revocation list, parsed once. Whom it is signed by is checked at each use.
pub struct Crl {
    list: CertRevocationList<'static>,
    next_update: Option<OffsetDateTime>,
}

impl Crl {
    /// # Errors
    /// When it is not a complete, direct list of version 2 in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        let list = OwnedCertRevocationList::from_der(der).map_err(|_| CrlError)?;
        let (_, parsed) = CertificateRevocationList::from_der(der).map_err(|_| CrlError)?;
        Ok(Self { list: list.into(), next_update: parsed.next_update().map(|time| time.to_datetime()) })
    }
}

/// The bytes are not a revocation list that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlError;

/// What the path building found.
#[derive(Default)]
pub(super) struct PathVerdict {
    pub reason: Option<Reason>,
    pub warnings: Vec<Warning>,
    pub found: Option<FoundPath>,
}

/// What of the leaf and its surroundings decides on the path beside the certificates.
pub(super) struct Moment {
    pub at: OffsetDateTime,
    /// notAfter of the leaf.
    pub leaf_end: OffsetDateTime,
    /// What the certificates between leaf and anchor must allow; the leaf's own is judged with its contents.
    pub purpose: Purpose,
}

/// Builds a path at a time and, where there is one, looks the leaf up in the revocation lists.
pub(super) fn judge(chain: &[CertificateDer<'_>], anchors: &Anchors, crls: &[Crl], moment: &Moment) -> PathVerdict {
    let Some((leaf, intermediates)) = chain.split_first() else { return PathVerdict::default() };
    let leaf = match EndEntityCert::try_from(leaf) {
        Ok(leaf) => leaf,
        Err(error) => return PathVerdict { reason: leaf_reason(&error), ..PathVerdict::default() },
    };
    let search = Search { leaf: &leaf, intermediates, anchors, time: unix(moment.at), leaf_end: moment.leaf_end, purpose: moment.purpose };
    match search.run(None) {
        Err(error) => PathVerdict { reason: Some(path_reason(&error)), ..PathVerdict::default() },
        Ok(path) => {
            let revocation = search.revocation(crls, moment.at);
            let mut found = search.found(&path);
            found.crl_covers_until = revocation.covers_until;
            PathVerdict { reason: revocation.reason, warnings: revocation.warnings, found: Some(found) }
        }
    }
}

/// Which extendedKeyUsage a path must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    ClientAuth,
    ClientOrServerAuth,
    /// Only to name the issuer's faults of a leaf that is refused for its own usage.
    Any,
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, ids: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let allows = |id: KeyPurposeId<'_>| {
            id == KeyPurposeId::new(oid::CLIENT_AUTH)
                || id == KeyPurposeId::new(oid::ANY_EXTENDED_KEY_USAGE)
                || (*self == Self::ClientOrServerAuth && id == KeyPurposeId::new(oid::SERVER_AUTH))
        };
        let (mut absent, mut allowed) = (true, *self == Self::Any);
        for id in ids {
            absent = false;
            allowed |= allows(id?);
        }
        if absent || allowed { Ok(()) } else { Err(Error::EmptyEkuExtension) }
    }
}

struct Search<'a> {
    leaf: &'a EndEntityCert<'a>,
    intermediates: &'a [CertificateDer<'a>],
    anchors: &'a Anchors,
    time: UnixTime,
    leaf_end: OffsetDateTime,
    purpose: Purpose,
}

impl Search<'_> {
    fn run(&self, crl: Option<&CertRevocationList<'_>>) -> Result<VerifiedPath<'_>, Error> {
        let lists: Vec<_> = crl.into_iter().collect();
        let options = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        self.leaf.verify_for_usage(&ALGORITHMS, &self.anchors.trusted, self.intermediates, self.time, self.purpose, options, None)
    }

    fn found(&self, path: &VerifiedPath<'_>) -> FoundPath {
        let between: Vec<_> = path.intermediate_certificates().map(|certificate| certificate.der()).collect();
        let between: Vec<_> = between.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, x509)| x509).collect();
        let anchor = self.anchors.trusted.iter().position(|trusted| trusted == path.anchor());
        let anchor = anchor.and_then(|index| self.anchors.subjects.get(index)).cloned();
        FoundPath {
            issuer: issuer(path),
            chain: between.iter().map(|x509| name::readable(x509.subject())).chain(anchor).collect(),
            holds_until: between.iter().map(|x509| x509.validity().not_after.to_datetime()).fold(self.leaf_end, OffsetDateTime::min),
            listed: None,
            crl_covers_until: None,
        }
    }

    /// Each list by itself: webpki asks only the first that fits.
    fn revocation(&self, crls: &[Crl], at: OffsetDateTime) -> Revocation {
        let mut found = Revocation::default();
        for crl in crls.iter().filter(|crl| crl.list.issuer() == self.leaf.issuer()) {
            match self.run(Some(&crl.list)) {
                Ok(_) => found.covers_until = found.covers_until.max(crl.next_update),
                // Its scope is not this certificate.
                Err(Error::UnknownRevocationStatus) => {}
                Err(Error::CertRevoked) => found.reason = Some(Reason::Revoked),
                Err(_) => found.warnings.push(Warning::CrlUnusable),
            }
            if crl.next_update.is_some_and(|next_update| next_update <= at) {
                found.warnings.push(Warning::CrlExpired);
            }
        }
        found
    }
}

#[derive(Default)]
struct Revocation {
    reason: Option<Reason>,
    warnings: Vec<Warning>,
    covers_until: Option<OffsetDateTime>,
}

fn issuer(path: &VerifiedPath<'_>) -> Issuer {
    let anchor = path.anchor();
    path.intermediate_certificates().next().map_or_else(
        || Issuer {
            name: der::wrapped(der::SEQUENCE, &anchor.subject),
            spki: der::wrapped(der::SEQUENCE, &anchor.subject_public_key_info),
        },
        |issuer| Issuer { name: der::wrapped(der::SEQUENCE, issuer.subject()), spki: issuer.subject_public_key_info().to_vec() },
    )
}

/// RSASSA-PSS whose hash identifiers lack the NULL parameter, as some QTSPs write it (RFC 4055 s2.1 asks to accept both).
#[derive(Debug)]
struct PssWithoutNull(usize);

/// AlgorithmIdentifier contents for SHA-256, SHA-384 and SHA-512, salt as long as the hash.
const PSS_WITHOUT_NULL: [AlgorithmIdentifier; 3] = [
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\xa2\x03\x02\x01\x20"),
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\xa2\x03\x02\x01\x30"),
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\xa2\x03\x02\x01\x40"),
];

impl PssWithoutNull {
    fn with_null(&self) -> &'static dyn SignatureVerificationAlgorithm {
        match self.0 {
            0 => algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            1 => algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            _ => algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        }
    }
}

impl SignatureVerificationAlgorithm for PssWithoutNull {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.with_null().verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        PSS_WITHOUT_NULL[self.0.min(2)]
    }
}

/// A leaf that path building cannot even read: critical extensions are named by the content rules.
fn leaf_reason(error: &Error) -> Option<Reason> {
    if *error == Error::UnsupportedCriticalExtension { None } else { Some(Reason::Malformed("path building cannot read it")) }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "a foreign enum that grows")]
fn path_reason(error: &Error) -> Reason {
    match error {
        Error::UnknownIssuer => Reason::UntrustedIssuer,
        Error::InvalidSignatureForPublicKey => Reason::SignatureInvalid,
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Reason::SignatureAlgorithmNotAllowed
        }
        Error::CaUsedAsEndEntity => Reason::CaCertificate,
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => Reason::IssuerInvalid("it is outside its validity"),
        Error::NameConstraintViolation => Reason::IssuerInvalid("its name constraints do not allow this subject"),
        Error::PathLenConstraintViolated => Reason::IssuerInvalid("its path length does not allow this certificate"),
        Error::EndEntityUsedAsCa => Reason::IssuerInvalid("it is not a certification authority's"),
        Error::EmptyEkuExtension => Reason::IssuerInvalid("its extendedKeyUsage does not allow client authentication"),
        Error::UnsupportedCriticalExtension => Reason::IssuerInvalid("it has a critical extension that is not understood"),
        Error::MaximumSignatureChecksExceeded | Error::MaximumPathBuildCallsExceeded | Error::MaximumPathDepthExceeded => {
            Reason::IssuerInvalid("the certificates sent can be arranged in too many ways")
        }
        _ => Reason::IssuerInvalid("path building cannot use it"),
    }
}

fn unix(at: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap_or(0)))
}

/// The certificates of a file: PEM, or one in DER.
///
/// # Errors
/// `CertificateMissing` when there is none, `Malformed` when the bytes are neither.
pub fn chain_from_pem_or_der(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Reason> {
    if bytes.first() == Some(&der::SEQUENCE) {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(Reason::CertificateMissing),
        Ok(chain) => Ok(chain),
        Err(_) => Err(Reason::Malformed("the file is neither PEM nor DER")),
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

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a complete, direct revocation list of version 2 in DER")
    }
}

impl std::error::Error for CrlError {}
