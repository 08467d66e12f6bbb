//! A certificate's status by its issuer's complete revocation list (RFC 5280 s5): read once, kept as sorted serials.

use super::der::{self, DerError, Reader};
use super::found::Issuer;
use super::oid;
use super::signature::{SignatureFault, Signed};
use super::status::{self, Answer, RevocationReason, SKEW, Said, Serial};
use super::x509;
use std::fmt;
use time::{Duration, OffsetDateTime};

/// Some authorities never split their lists.
pub const MAX_LIST: usize = 20 * 1024 * 1024;
/// Lists of version 1 may lack nextUpdate; so old may such a list be.
const WITHOUT_NEXT_UPDATE: Duration = Duration::hours(24);

const CONTEXT_0: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;
const URI: u8 = 0x86;

/// Why a list says nothing of the certificate. Codes are stable: they are labels of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlError {
    TooLarge,
    Malformed(&'static str),
    /// Issued under another name than the certificate.
    OtherIssuer,
    AlgorithmNotAllowed,
    SignatureInvalid,
    /// A delta: changes to another list only.
    Delta,
    /// It also lists certificates of other issuers.
    Indirect,
    /// onlySomeReasons: it does not list all that is revoked.
    SomeReasons,
    /// It lists certificates of authorities or attributes only.
    OtherScope,
    /// Its issuingDistributionPoint is none of the certificate's.
    OtherDistributionPoint,
    UnknownCriticalExtension,
    NotYet,
    Expired,
    Contradiction,
}

impl CrlError {
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "CRL_TOO_LARGE",
            Self::Malformed(_) => "CRL_MALFORMED",
            Self::OtherIssuer => "CRL_OTHER_ISSUER",
            Self::AlgorithmNotAllowed => "CRL_ALGORITHM_NOT_ALLOWED",
            Self::SignatureInvalid => "CRL_SIGNATURE_INVALID",
            Self::Delta => "CRL_DELTA_UNSUPPORTED",
            Self::Indirect => "CRL_INDIRECT_UNSUPPORTED",
            Self::SomeReasons => "CRL_SOME_REASONS_UNSUPPORTED",
            Self::OtherScope => "CRL_OTHER_SCOPE",
            Self::OtherDistributionPoint => "CRL_OTHER_DISTRIBUTION_POINT",
            Self::UnknownCriticalExtension => "CRL_UNKNOWN_CRITICAL_EXTENSION",
            Self::NotYet => "CRL_NOT_YET",
            Self::Expired => "CRL_EXPIRED",
            Self::Contradiction => "CRL_CONTRADICTION",
        }
    }
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        if let Self::Malformed(why) = self { write!(f, ": {why}") } else { Ok(()) }
    }
}

impl std::error::Error for CrlError {}

impl From<DerError> for CrlError {
    fn from(DerError(why): DerError) -> Self {
        Self::Malformed(why)
    }
}

impl From<SignatureFault> for CrlError {
    fn from(fault: SignatureFault) -> Self {
        match fault {
            SignatureFault::Algorithm => Self::AlgorithmNotAllowed,
            SignatureFault::Invalid => Self::SignatureInvalid,
        }
    }
}

/// A complete, direct list with a good signature. About 28 octets for each entry.
#[derive(Debug)]
pub struct RevocationList {
    pub this_update: OffsetDateTime,
    pub until: OffsetDateTime,
    scope: Scope,
    /// By serial.
    entries: Box<[Entry]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    serial: Serial,
    /// CRLReason's number.
    reason: u8,
    /// Seconds since the epoch; such dates end in 2106.
    at: u32,
}

/// issuingDistributionPoint's names; none: every certificate of the issuer.
#[derive(Debug, Default)]
struct Scope {
    points: Option<Vec<Vec<u8>>>,
}

impl RevocationList {
    /// # Errors
    /// When the list is not this issuer's, or not one that says of every certificate whether it is revoked.
    pub fn read(der: &[u8], issuer: &Issuer) -> Result<Self, CrlError> {
        if der.len() > MAX_LIST {
            return Err(CrlError::TooLarge);
        }
        let mut parts = Reader::new(der::only(der, der::SEQUENCE)?);
        let signed = Signed::read(&mut parts)?;
        parts.finish()?;
        let list = TbsCertList::read(&signed)?;
        if list.issuer != issuer.name {
            return Err(CrlError::OtherIssuer);
        }
        let scope = scope(list.extensions)?;
        signed.verify(&issuer.spki)?;
        let until = list.next_update.unwrap_or(list.this_update + WITHOUT_NEXT_UPDATE);
        if until < list.this_update {
            return Err(CrlError::Contradiction);
        }
        Ok(Self { this_update: list.this_update, until, scope, entries: entries(list.revoked)? })
    }

    /// What it says at `now` of a certificate with these cRLDistributionPoints.
    ///
    /// # Errors
    /// When the list does not count now, or is not about that certificate.
    pub fn answer(&self, serial: Serial, points: &[String], now: OffsetDateTime) -> Result<Answer, CrlError> {
        if self.this_update > now + SKEW {
            return Err(CrlError::NotYet);
        }
        if self.until + SKEW < now {
            return Err(CrlError::Expired);
        }
        if !self.scope.covers(points) {
            return Err(CrlError::OtherDistributionPoint);
        }
        let found = self.entries.binary_search_by_key(&serial, |entry| entry.serial).ok().and_then(|at| self.entries.get(at));
        let said = found.map_or(Said::Good, |entry| Said::Revoked {
            at: OffsetDateTime::UNIX_EPOCH + Duration::seconds(entry.at.into()),
            reason: RevocationReason::from_code(entry.reason).unwrap_or(RevocationReason::Unspecified),
        });
        Ok(Answer { said, this_update: self.this_update, until: self.until })
    }

    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// About what it occupies, in octets.
    pub const fn size(&self) -> usize {
        size_of::<Self>() + self.entries.len() * size_of::<Entry>()
    }
}

impl Scope {
    /// RFC 5280 s6.3.3 (b)(2)(i): a name in common.
    fn covers(&self, points: &[String]) -> bool {
        self.points.as_ref().is_none_or(|own| points.iter().any(|point| own.iter().any(|name| name == point.as_bytes())))
    }
}

/// TBSCertList as it stands.
struct TbsCertList<'a> {
    issuer: &'a [u8],
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    /// Contents of revokedCertificates.
    revoked: &'a [u8],
    /// Contents of crlExtensions' SEQUENCE OF.
    extensions: &'a [u8],
}

impl<'a> TbsCertList<'a> {
    fn read(signed: &Signed<'a>) -> Result<Self, CrlError> {
        let mut parts = Reader::new(der::only(signed.message, der::SEQUENCE)?);
        let is_v2 = match parts.optional(der::INTEGER)? {
            None => false,
            Some([1]) => true,
            Some(_) => return Err(CrlError::Malformed("it is of another version than 1 and 2")),
        };
        if parts.expect(der::SEQUENCE)? != signed.algorithm() {
            return Err(CrlError::Malformed("it names two signature algorithms"));
        }
        let issuer = parts.whole()?;
        let this_update = x509::time(parts.any()?)?;
        let next_update = match parts.peek() {
            Some(der::UTC_TIME | der::GENERALIZED_TIME) => Some(x509::time(parts.any()?)?),
            Some(_) | None => None,
        };
        let revoked = parts.optional(der::SEQUENCE)?.unwrap_or_default();
        let extensions = parts.optional(CONTEXT_0)?.map(|list| der::only(list, der::SEQUENCE)).transpose()?;
        parts.finish()?;
        if extensions.is_some() && !is_v2 {
            return Err(CrlError::Malformed("it has extensions, but is of version 1"));
        }
        if next_update.is_none() && is_v2 {
            return Err(CrlError::Malformed("it has no nextUpdate"));
        }
        Ok(Self { issuer, this_update, next_update, revoked, extensions: extensions.unwrap_or_default() })
    }
}

/// RFC 5280 s5.2.
fn scope(contents: &[u8]) -> Result<Scope, CrlError> {
    let mut scope = Scope::default();
    for extension in status::extensions(contents)? {
        match extension.id {
            oid::DELTA_CRL_INDICATOR => return Err(CrlError::Delta),
            oid::ISSUING_DISTRIBUTION_POINT => scope.points = distribution_point(extension.value)?,
            oid::CRL_NUMBER | oid::AUTHORITY_KEY_IDENTIFIER => {}
            _ if extension.critical => return Err(CrlError::UnknownCriticalExtension),
            _ => {}
        }
    }
    Ok(scope)
}

/// IssuingDistributionPoint (RFC 5280 s5.2.5): its URLs, or why the list is not for us.
fn distribution_point(value: &[u8]) -> Result<Option<Vec<Vec<u8>>>, CrlError> {
    const ONLY_USER: u8 = 0x81;
    const ONLY_CA: u8 = 0x82;
    const SOME_REASONS: u8 = 0x83;
    const INDIRECT: u8 = 0x84;
    const ONLY_ATTRIBUTES: u8 = 0x85;
    let mut parts = Reader::new(der::only(value, der::SEQUENCE)?);
    let name = parts.optional(CONTEXT_0)?;
    let mut is_set = |tag| parts.optional(tag).map(|octets| octets.is_some_and(|octets| octets != [0]));
    let (_only_user, only_ca) = (is_set(ONLY_USER)?, is_set(ONLY_CA)?);
    let some_reasons = parts.optional(SOME_REASONS)?.is_some();
    let mut is_set = |tag| parts.optional(tag).map(|octets| octets.is_some_and(|octets| octets != [0]));
    let (indirect, only_attributes) = (is_set(INDIRECT)?, is_set(ONLY_ATTRIBUTES)?);
    parts.finish()?;
    if indirect {
        return Err(CrlError::Indirect);
    }
    if some_reasons {
        return Err(CrlError::SomeReasons);
    }
    if only_ca || only_attributes {
        return Err(CrlError::OtherScope);
    }
    let Some(name) = name else { return Ok(None) };
    let mut name = Reader::new(name);
    let full_name = name.optional(FULL_NAME)?.ok_or(CrlError::OtherDistributionPoint)?;
    let (mut names, mut points) = (Reader::new(full_name), Vec::new());
    while !names.is_empty() {
        let name = names.any()?;
        if name.tag == URI {
            points.push(name.value.to_vec());
        }
    }
    Ok(Some(points))
}

/// Sorted by serial; of a serial that stands twice, an entry that cannot be taken back.
fn entries(contents: &[u8]) -> Result<Box<[Entry]>, CrlError> {
    let (mut list, mut entries) = (Reader::new(contents), Vec::new());
    while !list.is_empty() {
        let mut parts = Reader::new(list.expect(der::SEQUENCE)?);
        let serial = Serial::from_der(parts.expect(der::INTEGER)?);
        let at = x509::time(parts.any()?)?;
        let reason = parts.optional(der::SEQUENCE)?.map_or(Ok(Some(RevocationReason::Unspecified)), reason)?;
        parts.finish()?;
        // a number that no certificate here can have, or one whose revocation was taken back
        let (Some(serial), Some(reason)) = (serial, reason) else { continue };
        entries.push(Entry { serial, reason: reason.code(), at: u32::try_from(at.unix_timestamp().max(0)).unwrap_or(u32::MAX) });
    }
    let held = |entry: &Entry| entry.reason == RevocationReason::CertificateHold.code();
    entries.sort_unstable_by_key(|entry| (entry.serial, held(entry), entry.at));
    entries.dedup_by_key(|entry| entry.serial);
    Ok(entries.into_boxed_slice())
}

/// crlEntryExtensions (RFC 5280 s5.3). None: removeFromCRL.
fn reason(contents: &[u8]) -> Result<Option<RevocationReason>, CrlError> {
    const REMOVE_FROM_CRL: u8 = 8;
    let mut reason = Some(RevocationReason::Unspecified);
    for extension in status::extensions(contents)? {
        match extension.id {
            oid::REASON_CODE => {
                reason = match der::only(extension.value, der::ENUMERATED)? {
                    [REMOVE_FROM_CRL] => None,
                    [code] => Some(RevocationReason::from_code(*code).unwrap_or(RevocationReason::Unspecified)),
                    _ => return Err(CrlError::Malformed("a reason is no number of one octet")),
                }
            }
            oid::CERTIFICATE_ISSUER => return Err(CrlError::Indirect),
            oid::INVALIDITY_DATE => {}
            _ if extension.critical => return Err(CrlError::UnknownCriticalExtension),
            _ => {}
        }
    }
    Ok(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::tests::real;

    /// What lists of real authorities say, whoever signed them.
    #[test]
    fn real_lists_are_read_whole() {
        for (file, expected) in [
            ("DS_NA2_CA-B1.crl.der", Ok(0)),
            ("d-trust_root_ca_1_2017.crl.der", Ok(0)),
            ("eidc201631.crl.der", Ok(9257)),
            ("root_issued_CRL.crl.der", Ok(0)),
            // it lists certificates of authorities only
            ("pt_crl_with_critical_extension.crl.der", Err(CrlError::OtherScope)),
        ] {
            let Some(der) = real(file) else { continue };
            let mut parts = Reader::new(der::only(&der, der::SEQUENCE).unwrap());
            let list = TbsCertList::read(&Signed::read(&mut parts).unwrap()).unwrap();
            let read = entries(list.revoked).unwrap();
            let found = scope(list.extensions).map(|_| read.len());
            println!("{file:<44} {found:?}");
            assert_eq!(found, expected, "{file}");
            assert!(list.next_update.is_some_and(|next| next > list.this_update), "{file}");
            assert!(read.windows(2).all(|two| two[0].serial < two[1].serial), "{file}: sorted");
        }
    }
}
