//! The way from a leaf to an authority that is known (RFC 5280 s6), and whether that authority may vouch for it.

use super::algorithms::ALGORITHMS;
use super::anchors::{Anchors, Authority};
use super::certificate::{self, Leaf};
use super::found::{FoundPath, Issuer};
use super::reason::{Reason, Warning};
use super::sent::Sent;
use super::{der, oid};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, Der, TrustAnchor, UnixTime};
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use webpki::{
    Cert, CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

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

    /// By when its issuer publishes the next one.
    pub const fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }
}

/// The bytes are not a revocation list that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlError;

/// What is asked of a chain, beside the certificates and the trust.
pub(super) struct Moment {
    /// The present, for the services of the lists.
    pub now: OffsetDateTime,
    /// When the certificates must be valid: now, or the nearest time at which the leaf is.
    pub at: OffsetDateTime,
    pub purpose: Purpose,
}

/// What the path building found.
#[derive(Default)]
pub(super) struct PathVerdict {
    pub reason: Option<Reason>,
    pub warnings: Vec<Warning>,
    /// Also where the authority at its end may not vouch for the leaf.
    pub found: Option<FoundPath>,
}

/// Builds a path and, where there is one, looks the leaf up in the configured revocation lists.
pub(super) fn judge(leaf: &Leaf<'_>, chain: &[CertificateDer<'_>], anchors: &Anchors, crls: &[Crl], moment: &Moment) -> PathVerdict {
    let Some((first, sent)) = chain.split_first() else { return PathVerdict::default() };
    let certificate = match EndEntityCert::try_from(first) {
        Ok(certificate) => certificate,
        Err(error) => return PathVerdict { reason: leaf_reason(&error), ..PathVerdict::default() },
    };
    let search = Search { leaf, certificate: &certificate, anchors, moment };
    match search.find(sent) {
        Err(reason) => PathVerdict { reason: Some(reason), ..PathVerdict::default() },
        Ok(Way { mut found, refusal }) => {
            let revocation = search.revocation(&found.issuer, crls);
            found.crl_covers_until = revocation.covers_until;
            PathVerdict { reason: refusal.or(revocation.reason), warnings: revocation.warnings, found: Some(found) }
        }
    }
}

/// Which extendedKeyUsage the certificates of a path must allow, where they have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
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
    leaf: &'a Leaf<'a>,
    certificate: &'a EndEntityCert<'a>,
    anchors: &'a Anchors,
    moment: &'a Moment,
}

/// A path whose certificates are in order.
struct Way {
    found: FoundPath,
    /// Why its authority may not vouch for the leaf.
    refusal: Option<Reason>,
}

enum Failure {
    /// There are ways, but a certificate between makes each unusable.
    Unusable(Reason),
    NoWay(Error),
}

impl Search<'_> {
    /// First without what was sent: a client need not send anything if its issuer is known, and whose key signed the leaf is
    /// settled then. The known authority that is nearest to the leaf decides, whatever stands above it.
    fn find(&self, sent: &[CertificateDer<'_>]) -> Result<Way, Reason> {
        let likely = self.likely();
        if !likely.is_empty() {
            match self.run(&likely, &Sent::default()) {
                Ok(way) => return Ok(way),
                Err(Failure::Unusable(reason)) => return Err(reason),
                Err(Failure::NoWay(error)) if !is_of_another_key(&error) => return Err(self.reason(&error, &Sent::default())),
                Err(Failure::NoWay(_)) => {}
            }
        }
        let sent = Sent::read(sent, self.certificate);
        if sent.is_entangled(self.certificate) {
            return Err(Reason::IssuerInvalid(ENTANGLED));
        }
        self.run(&self.possible(&sent), &sent).map_err(|failure| match failure {
            Failure::Unusable(reason) => reason,
            Failure::NoWay(error) => self.reason(&error, &sent),
        })
    }

    /// Who issued the leaf by name and, where that tells several keys of one name apart, by the identifier of the key.
    fn likely(&self) -> Vec<&Authority> {
        let mut named: Vec<_> = self.anchors.named(self.certificate.issuer()).collect();
        let key = self.leaf.authority_key_identifier().filter(|_| named.len() > 1);
        let key = key.filter(|key| named.iter().any(|authority| authority.has_key_identifier(key)));
        named.retain(|authority| key.is_none_or(|key| authority.has_key_identifier(key)));
        named
    }

    /// Whoever could have issued the leaf or something that was sent.
    fn possible(&self, sent: &Sent<'_>) -> Vec<&Authority> {
        let mut names: Vec<&[u8]> = sent.issuers().chain([self.certificate.issuer()]).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().flat_map(|name| self.anchors.named(name)).collect()
    }

    /// One search of webpki.
    fn run(&self, authorities: &[&Authority], sent: &Sent<'_>) -> Result<Way, Failure> {
        let owned = |authority: &&'_ Authority| authority.trust_anchors().count();
        let owners: Vec<&Authority> = authorities.iter().flat_map(|one| std::iter::repeat_n(*one, owned(one))).collect();
        let anchors: Vec<TrustAnchor<'_>> = authorities.iter().flat_map(|authority| authority.trust_anchors()).collect();
        let best = RefCell::new(None);
        let verify = |path: &VerifiedPath<'_>| {
            let at = anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
            let authority = at.and_then(|at| owners.get(at)).ok_or(Error::UnknownIssuer)?;
            let way = self.walk(path, authority);
            let accepted = way.as_ref().is_ok_and(|way| way.refusal.is_none());
            // If no way is accepted, the first that was found is told.
            let mut best = best.borrow_mut();
            if accepted || best.is_none() {
                *best = Some(way);
            }
            if accepted { Ok(()) } else { Err(Error::UnknownIssuer) }
        };
        let (time, purpose) = (unix(self.moment.at), self.moment.purpose);
        let built = self.certificate.verify_for_usage(&ALGORITHMS, &anchors, &sent.certificates, time, purpose, None, Some(&verify));
        let error = built.err();
        match best.into_inner() {
            Some(way) => way.map_err(Failure::Unusable),
            None => Err(Failure::NoWay(error.unwrap_or(Error::UnknownIssuer))),
        }
    }

    /// What webpki does not ask of the certificates between, and what the authorities say of the leaf.
    fn walk(&self, path: &VerifiedPath<'_>, authority: &Authority) -> Result<Way, Reason> {
        let mut found = FoundPath {
            issuer: issuer(path),
            chain: Vec::with_capacity(4),
            holds_until: self.leaf.x509.not_after,
            configured: false,
            listed: None,
            crl_covers_until: None,
        };
        let mut nearest = None;
        for certificate in path.intermediate_certificates() {
            let der = certificate.der();
            let between = certificate::read(&der).map_err(|error| Reason::IssuerInvalid(error.0))?;
            if !between.key_usage.is_some_and(certificate::KeyUsage::key_cert_sign) {
                return Err(Reason::IssuerInvalid("its keyUsage does not allow it to sign certificates"));
            }
            found.holds_until = found.holds_until.min(between.x509.not_after);
            found.chain.push(between.subject.readable());
            nearest = nearest.or_else(|| self.known(certificate));
        }
        found.chain.push(authority.subject().to_owned());
        let refusal = match nearest.unwrap_or(authority).judge(self.leaf, self.moment.now) {
            Err(reason) => Some(reason),
            Ok(None) => {
                found.configured = true;
                None
            }
            Ok(Some(vouched)) => {
                found.holds_until = vouched.until.map_or(found.holds_until, |until| until.min(found.holds_until));
                found.listed = Some(vouched.listed);
                None
            }
        };
        Ok(Way { found, refusal })
    }

    fn known(&self, certificate: &Cert<'_>) -> Option<&Authority> {
        self.anchors.named(certificate.subject()).next()?;
        let spki = certificate.subject_public_key_info();
        self.anchors.find(certificate.subject(), der::only(&spki, der::SEQUENCE).ok()?)
    }

    /// Each list by itself: webpki asks only the first that fits.
    fn revocation(&self, issuer: &Issuer, crls: &[Crl]) -> Revocation {
        let mut found = Revocation::default();
        for crl in crls.iter().filter(|crl| crl.list.issuer() == self.certificate.issuer()) {
            match self.look_up(issuer, &crl.list) {
                Ok(()) => found.covers_until = found.covers_until.max(crl.next_update),
                // Its scope is not this certificate.
                Err(Error::UnknownRevocationStatus) => {}
                Err(Error::CertRevoked) => found.reason = Some(Reason::Revoked),
                Err(_) => found.warnings.push(Warning::CrlUnusable),
            }
            if crl.next_update.is_some_and(|next_update| next_update <= self.moment.at) {
                found.warnings.push(Warning::CrlExpired);
            }
        }
        found
    }

    fn look_up(&self, issuer: &Issuer, list: &CertRevocationList<'_>) -> Result<(), Error> {
        let contents = |whole| der::only(whole, der::SEQUENCE).map(Der::from_slice).map_err(|_| Error::BadDer);
        let anchors =
            [TrustAnchor { subject: contents(&issuer.name)?, subject_public_key_info: contents(&issuer.spki)?, name_constraints: None }];
        let (lists, time) = ([list], unix(self.moment.at));
        let options = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        self.certificate.verify_for_usage(&ALGORITHMS, &anchors, &[], time, self.moment.purpose, options, None).map(|_| ())
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "a foreign enum that grows")]
    fn reason(&self, error: &Error, sent: &Sent<'_>) -> Reason {
        match error {
            Error::UnknownIssuer => self.unknown_issuer(sent),
            Error::UnsupportedSignatureAlgorithmContext(context)
                if context.signature_algorithm_id == self.leaf.x509.signature_algorithm =>
            {
                Reason::SignatureAlgorithmNotAllowed
            }
            Error::InvalidSignatureForPublicKey | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => self.another_key(sent),
            Error::CaUsedAsEndEntity => Reason::CaCertificate,
            other => Reason::IssuerInvalid(fault(other)),
        }
    }

    fn unknown_issuer(&self, sent: &Sent<'_>) -> Reason {
        let missing = || Reason::UntrustedIssuer(sent.end(self.leaf).issuer);
        sent.unreadable.as_ref().map_or_else(missing, |error| Reason::IssuerInvalid(fault(error)))
    }

    /// An authority of the right name is known, but its key signed nothing here. If the certificate names another key of it,
    /// that one is missing; otherwise somebody uses its name.
    fn another_key(&self, sent: &Sent<'_>) -> Reason {
        if sent.has_weak_key() {
            return Reason::IssuerInvalid("its key is too weak or of an algorithm that is not allowed");
        }
        let end = sent.end(self.leaf);
        let Some(key) = end.issuer_key else { return Reason::SignatureInvalid };
        if self.anchors.named(&end.issuer_name).all(|authority| authority.has_other_key_than(&key)) {
            Reason::UntrustedIssuer(format!("{}, by its key {}", end.issuer, der::hexadecimal(&key)))
        } else {
            Reason::SignatureInvalid
        }
    }
}

const ENTANGLED: &str = "the certificates sent can be arranged in too many ways";

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

#[allow(clippy::wildcard_enum_match_arm, reason = "a foreign enum that grows")]
const fn is_of_another_key(error: &Error) -> bool {
    matches!(error, Error::UnknownIssuer | Error::InvalidSignatureForPublicKey | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_))
}

/// A leaf that path building cannot even read: critical extensions are named by the content rules.
fn leaf_reason(error: &Error) -> Option<Reason> {
    if *error == Error::UnsupportedCriticalExtension { None } else { Some(Reason::Malformed("path building cannot read it")) }
}

/// What is wrong with a certificate between leaf and authority.
#[allow(clippy::wildcard_enum_match_arm, reason = "a foreign enum that grows")]
const fn fault(error: &Error) -> &'static str {
    match error {
        Error::UnsupportedSignatureAlgorithmContext(_) => "it is signed by an algorithm that is not allowed",
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => "it is outside its validity",
        Error::NameConstraintViolation => "its name constraints do not allow this subject",
        Error::PathLenConstraintViolated => "its path length does not allow this certificate",
        Error::EndEntityUsedAsCa => "it is not a certification authority's",
        Error::EmptyEkuExtension => "its extendedKeyUsage does not allow client authentication",
        Error::UnsupportedCriticalExtension => "it has a critical extension that is not understood",
        Error::MaximumSignatureChecksExceeded | Error::MaximumPathBuildCallsExceeded | Error::MaximumPathDepthExceeded => ENTANGLED,
        _ => "path building cannot use it",
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

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a complete, direct revocation list of version 2 in DER")
    }
}

impl std::error::Error for CrlError {}
