//! A certificate's status by the word of its issuer or of a delegate, asked for now (RFC 6960, profile of RFC 5019).

use super::certificate::{self, Leaf};
use super::der::{self, DerError, Element, Reader};
use super::found::Issuer;
use super::oid;
use super::signature::{self, SignatureFault, Signed};
use super::status::{self, Answer, RevocationReason, SKEW, Said, Serial};
use super::x509::{self, Extension};
use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use std::fmt;
use time::{Duration, OffsetDateTime};

/// Larger than any answer seen, several certificates included.
pub const MAX_ANSWER: usize = 64 * 1024;
pub const REQUEST_TYPE: &str = "application/ocsp-request";
/// RFC 6960 s4.2.2.1: without nextUpdate newer information is always at hand; so old may the answer be, and so long it is kept.
const WITHOUT_NEXT_UPDATE: Duration = Duration::minutes(10);
const MAX_CERTIFICATES: usize = 8;

const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const CONTEXT_2: u8 = 0xa2;
const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;
const UNKNOWN: u8 = 0x82;

/// How CertID names the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// What responders expect (RFC 5019 s2.1.1); nothing rests on its strength, the answer is signed.
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    const fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
        }
    }

    fn of(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

/// Why an answer says nothing of the certificate. Codes are stable: they are labels of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspError {
    TooLarge,
    Malformed(&'static str),
    /// OCSPResponseStatus is not successful: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized.
    NotSuccessful(u8),
    /// Not id-pkix-ocsp-basic.
    OtherType,
    /// It speaks of other certificates only.
    OtherCertificate,
    NonceMismatch,
    UnknownCriticalExtension,
    /// Neither the issuer nor a certificate that came along is its signer.
    ResponderUnknown,
    /// The signer's certificate is not signed by the very issuer.
    DelegateOfOtherIssuer,
    /// It lacks id-kp-OCSPSigning, or its keyUsage digitalSignature.
    DelegateNotAuthorised,
    DelegateOutOfDate,
    AlgorithmNotAllowed,
    SignatureInvalid,
    NotYet,
    Expired,
    /// Its times contradict each other.
    Contradiction,
}

impl OcspError {
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "OCSP_TOO_LARGE",
            Self::Malformed(_) => "OCSP_MALFORMED",
            Self::NotSuccessful(_) => "OCSP_NOT_SUCCESSFUL",
            Self::OtherType => "OCSP_OTHER_TYPE",
            Self::OtherCertificate => "OCSP_OTHER_CERTIFICATE",
            Self::NonceMismatch => "OCSP_NONCE_MISMATCH",
            Self::UnknownCriticalExtension => "OCSP_UNKNOWN_CRITICAL_EXTENSION",
            Self::ResponderUnknown => "OCSP_RESPONDER_UNKNOWN",
            Self::DelegateOfOtherIssuer => "OCSP_DELEGATE_OF_OTHER_ISSUER",
            Self::DelegateNotAuthorised => "OCSP_DELEGATE_NOT_AUTHORISED",
            Self::DelegateOutOfDate => "OCSP_DELEGATE_OUT_OF_DATE",
            Self::AlgorithmNotAllowed => "OCSP_ALGORITHM_NOT_ALLOWED",
            Self::SignatureInvalid => "OCSP_SIGNATURE_INVALID",
            Self::NotYet => "OCSP_NOT_YET",
            Self::Expired => "OCSP_EXPIRED",
            Self::Contradiction => "OCSP_CONTRADICTION",
        }
    }
}

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "{}: {why}", self.code()),
            Self::NotSuccessful(status) => write!(f, "{} ({status})", self.code()),
            Self::TooLarge
            | Self::OtherType
            | Self::OtherCertificate
            | Self::NonceMismatch
            | Self::UnknownCriticalExtension
            | Self::ResponderUnknown
            | Self::DelegateOfOtherIssuer
            | Self::DelegateNotAuthorised
            | Self::DelegateOutOfDate
            | Self::AlgorithmNotAllowed
            | Self::SignatureInvalid
            | Self::NotYet
            | Self::Expired
            | Self::Contradiction => f.write_str(self.code()),
        }
    }
}

impl std::error::Error for OcspError {}

impl From<DerError> for OcspError {
    fn from(DerError(why): DerError) -> Self {
        Self::Malformed(why)
    }
}

impl From<SignatureFault> for OcspError {
    fn from(fault: SignatureFault) -> Self {
        match fault {
            SignatureFault::Algorithm => Self::AlgorithmNotAllowed,
            SignatureFault::Invalid => Self::SignatureInvalid,
        }
    }
}

/// Who signed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responder {
    Issuer,
    /// `no_check`: its certificate says that it needs no status of its own (id-pkix-ocsp-nocheck), as EN 319 411-2 asks.
    Delegate {
        no_check: bool,
    },
}

/// What is asked of one certificate, and what an answer is judged by.
pub struct Question<'a> {
    pub issuer: &'a Issuer,
    pub serial: Serial,
    /// Sent along if there is one. Few responders return it; where it comes back it must be the same (RFC 8954).
    pub nonce: Option<&'a [u8]>,
}

impl Question<'_> {
    /// OCSPRequest (RFC 6960 s4.1.1), unsigned.
    ///
    /// # Errors
    /// When the issuer's key does not read.
    pub fn request(&self, hash: Hash) -> Result<Vec<u8>, DerError> {
        let sequence = |parts: &[&[u8]]| der::wrapped(der::SEQUENCE, &parts.concat());
        let (name, key) = self.issuer_hashes(hash)?;
        let algorithm = sequence(&[&der::wrapped(der::OBJECT_IDENTIFIER, hash.oid()), &der::wrapped(der::NULL, &[])]);
        let certificate = sequence(&[
            &algorithm,
            &der::wrapped(der::OCTET_STRING, name.as_ref()),
            &der::wrapped(der::OCTET_STRING, key.as_ref()),
            &der::wrapped(der::INTEGER, &self.serial.integer()),
        ]);
        let requests = sequence(&[&sequence(&[&certificate])]);
        let extensions = self.nonce.map(|nonce| {
            let value = der::wrapped(der::OCTET_STRING, &der::wrapped(der::OCTET_STRING, nonce));
            let nonce = sequence(&[&der::wrapped(der::OBJECT_IDENTIFIER, oid::OCSP_NONCE), &value]);
            der::wrapped(CONTEXT_2, &sequence(&[&nonce]))
        });
        Ok(sequence(&[&sequence(&[&requests, extensions.as_deref().unwrap_or_default()])]))
    }

    /// What an answer says, if its signature is the issuer's or a delegate's and it counts at `now`.
    ///
    /// # Errors
    /// When it says nothing that counts.
    pub fn judge(&self, answer: &[u8], now: OffsetDateTime) -> Result<(Answer, Responder), OcspError> {
        if answer.len() > MAX_ANSWER {
            return Err(OcspError::TooLarge);
        }
        let basic = basic_response(answer)?;
        let mut parts = Reader::new(der::only(basic, der::SEQUENCE)?);
        let signed = Signed::read(&mut parts)?;
        let certificates = parts.optional(CONTEXT_0)?.map(|list| der::only(list, der::SEQUENCE)).transpose()?;
        parts.finish()?;
        let data = ResponseData::read(signed.message)?;
        let responder = self.responder(&signed, &data, certificates.unwrap_or_default(), now)?;
        self.check_nonce(&data.extensions)?;
        let single = data.singles.iter().filter(|single| self.is_meant(single)).max_by_key(|single| severity(&single.said));
        let answer = single.ok_or(OcspError::OtherCertificate)?.at(data.produced_at, now)?;
        Ok((answer, responder))
    }

    fn issuer_hashes(&self, hash: Hash) -> Result<(digest::Digest, digest::Digest), DerError> {
        let (_, key) = signature::key(&self.issuer.spki)?;
        Ok((hash.of(&self.issuer.name), hash.of(key)))
    }

    /// RFC 6960 s4.1.1: name, key and number; a serial alone names nobody.
    fn is_meant(&self, single: &Single<'_>) -> bool {
        let Some(hash) = Hash::ALL.into_iter().find(|hash| hash.oid() == single.hash) else { return false };
        single.serial == Some(self.serial)
            && self.issuer_hashes(hash).is_ok_and(|(name, key)| name.as_ref() == single.name_hash && key.as_ref() == single.key_hash)
    }

    fn check_nonce(&self, extensions: &[Extension<'_>]) -> Result<(), OcspError> {
        let returned = extensions.iter().find(|extension| extension.id == oid::OCSP_NONCE);
        let (Some(sent), Some(returned)) = (self.nonce, returned) else { return Ok(()) };
        let returned = der::only(returned.value, der::OCTET_STRING)?;
        if returned == sent { Ok(()) } else { Err(OcspError::NonceMismatch) }
    }

    /// RFC 6960 s4.2.2.2: the issuer itself, or whom it made a responder by a certificate of its own.
    fn responder(
        &self,
        signed: &Signed<'_>,
        data: &ResponseData<'_>,
        certificates: &[u8],
        now: OffsetDateTime,
    ) -> Result<Responder, OcspError> {
        if data.responder.is(&self.issuer.name, &self.issuer.spki) {
            signed.verify(&self.issuer.spki)?;
            return Ok(Responder::Issuer);
        }
        let mut list = Reader::new(certificates);
        for _ in 0..MAX_CERTIFICATES {
            if list.is_empty() {
                break;
            }
            let der = list.whole()?;
            let Ok(delegate) = certificate::read(der) else { continue };
            let (name, spki) = (der::wrapped(der::SEQUENCE, delegate.x509.subject), delegate.x509.key.spki());
            if data.responder.is(&name, &spki) {
                self.check_delegate(der, &delegate, now)?;
                signed.verify(&spki)?;
                return Ok(Responder::Delegate { no_check: delegate.x509.extension(oid::OCSP_NO_CHECK).is_some() });
            }
        }
        Err(OcspError::ResponderUnknown)
    }

    fn check_delegate(&self, der: &[u8], delegate: &Leaf<'_>, now: OffsetDateTime) -> Result<(), OcspError> {
        let mut parts = Reader::new(der::only(der, der::SEQUENCE)?);
        let signed = Signed::read(&mut parts)?;
        if der::wrapped(der::SEQUENCE, delegate.x509.issuer) != self.issuer.name || signed.verify(&self.issuer.spki).is_err() {
            return Err(OcspError::DelegateOfOtherIssuer);
        }
        let signs_answers = delegate.extended_key_usage.as_ref().is_some_and(|ids| ids.contains(&oid::OCSP_SIGNING));
        let signs = delegate.key_usage.as_ref().is_none_or(|usage| usage.digital_signature() || usage.non_repudiation());
        let known = [oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE, oid::BASIC_CONSTRAINTS, oid::OCSP_NO_CHECK, oid::CERTIFICATE_POLICIES];
        let understood = delegate.x509.extensions.iter().all(|one| !one.critical || known.contains(&one.id));
        if !signs_answers || !signs || !understood {
            return Err(OcspError::DelegateNotAuthorised);
        }
        let valid = (delegate.x509.not_before - SKEW..=delegate.x509.not_after).contains(&now);
        if valid { Ok(()) } else { Err(OcspError::DelegateOutOfDate) }
    }
}

/// The BasicOCSPResponse of a successful OCSPResponse.
fn basic_response(answer: &[u8]) -> Result<&[u8], OcspError> {
    let mut parts = Reader::new(der::only(answer, der::SEQUENCE)?);
    let [status] = parts.expect(der::ENUMERATED)? else { return Err(OcspError::Malformed("its status is no number of one octet")) };
    let bytes = parts.optional(CONTEXT_0)?;
    parts.finish()?;
    if *status != 0 {
        return Err(OcspError::NotSuccessful(*status));
    }
    let bytes = bytes.ok_or(OcspError::Malformed("it is successful and says nothing"))?;
    let mut parts = Reader::new(der::only(bytes, der::SEQUENCE)?);
    if parts.expect(der::OBJECT_IDENTIFIER)? != oid::OCSP_BASIC {
        return Err(OcspError::OtherType);
    }
    let basic = parts.expect(der::OCTET_STRING)?;
    parts.finish()?;
    Ok(basic)
}

/// ResponderID: who says that it signs.
enum ResponderId<'a> {
    /// DER of the Name.
    Name(&'a [u8]),
    /// SHA-1 over the key.
    Key(&'a [u8]),
}

impl ResponderId<'_> {
    fn is(&self, name: &[u8], spki: &[u8]) -> bool {
        match self {
            Self::Name(named) => *named == name,
            Self::Key(hash) => signature::key(spki).is_ok_and(|(_, key)| Hash::Sha1.of(key).as_ref() == *hash),
        }
    }
}

struct ResponseData<'a> {
    responder: ResponderId<'a>,
    produced_at: OffsetDateTime,
    singles: Vec<Single<'a>>,
    extensions: Vec<Extension<'a>>,
}

impl<'a> ResponseData<'a> {
    fn read(der: &'a [u8]) -> Result<Self, OcspError> {
        let mut parts = Reader::new(der::only(der, der::SEQUENCE)?);
        if let Some(version) = parts.optional(CONTEXT_0)?
            && der::only(version, der::INTEGER)? != [0]
        {
            return Err(OcspError::Malformed("it is of another version than 1"));
        }
        let responder = match parts.any()? {
            Element { tag: CONTEXT_1, value } => ResponderId::Name(value),
            Element { tag: CONTEXT_2, value } => ResponderId::Key(der::only(value, der::OCTET_STRING)?),
            Element { .. } => return Err(OcspError::Malformed("its responder is named in no known way")),
        };
        let produced_at = generalized(&mut parts)?;
        let (mut list, mut singles) = (Reader::new(parts.expect(der::SEQUENCE)?), Vec::new());
        while !list.is_empty() {
            singles.push(Single::read(list.expect(der::SEQUENCE)?)?);
        }
        let extensions = understood(parts.optional(CONTEXT_1)?, &[oid::OCSP_NONCE])?;
        parts.finish()?;
        Ok(Self { responder, produced_at, singles, extensions })
    }
}

/// SingleResponse: of one certificate.
struct Single<'a> {
    hash: &'a [u8],
    name_hash: &'a [u8],
    key_hash: &'a [u8],
    serial: Option<Serial>,
    said: Said,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
}

impl<'a> Single<'a> {
    fn read(contents: &'a [u8]) -> Result<Self, OcspError> {
        let mut parts = Reader::new(contents);
        let mut id = Reader::new(parts.expect(der::SEQUENCE)?);
        let mut algorithm = Reader::new(id.expect(der::SEQUENCE)?);
        let hash = algorithm.expect(der::OBJECT_IDENTIFIER)?;
        let (name_hash, key_hash) = (id.expect(der::OCTET_STRING)?, id.expect(der::OCTET_STRING)?);
        let serial = Serial::from_der(id.expect(der::INTEGER)?);
        id.finish()?;
        let said = said(parts.any()?)?;
        let this_update = generalized(&mut parts)?;
        let next_update = parts.optional(CONTEXT_0)?.map(|time| generalized(&mut Reader::new(time))).transpose()?;
        understood(parts.optional(CONTEXT_1)?, &[])?;
        parts.finish()?;
        Ok(Self { hash, name_hash, key_hash, serial, said, this_update, next_update })
    }

    /// RFC 6960 s4.2.2.1, clocks differing by [`SKEW`].
    fn at(&self, produced_at: OffsetDateTime, now: OffsetDateTime) -> Result<Answer, OcspError> {
        let until = self.next_update.unwrap_or(self.this_update.max(produced_at) + WITHOUT_NEXT_UPDATE);
        if self.next_update.is_some_and(|next| next < self.this_update) || produced_at + SKEW < self.this_update {
            return Err(OcspError::Contradiction);
        }
        if self.this_update > now + SKEW || produced_at > now + SKEW {
            return Err(OcspError::NotYet);
        }
        if until + SKEW < now {
            return Err(OcspError::Expired);
        }
        Ok(Answer { said: self.said, this_update: self.this_update, until })
    }
}

/// Where an answer speaks twice of one certificate, the worst counts.
const fn severity(said: &Said) -> u8 {
    match said {
        Said::Good => 0,
        Said::Unknown => 1,
        Said::Revoked { .. } => 2,
    }
}

fn said(Element { tag, value }: Element<'_>) -> Result<Said, OcspError> {
    match tag {
        GOOD if value.is_empty() => Ok(Said::Good),
        UNKNOWN if value.is_empty() => Ok(Said::Unknown),
        REVOKED => {
            let mut parts = Reader::new(value);
            let at = generalized(&mut parts)?;
            let reason = parts.optional(CONTEXT_0)?.map(|reason| der::only(reason, der::ENUMERATED)).transpose()?;
            parts.finish()?;
            // a reason that is none of RFC 5280's does not make it less revoked
            let reason = match reason {
                Some([code]) => RevocationReason::from_code(*code).unwrap_or(RevocationReason::Unspecified),
                Some(_) | None => RevocationReason::Unspecified,
            };
            Ok(Said::Revoked { at, reason })
        }
        _ => Err(OcspError::Malformed("a status is none of good, revoked and unknown")),
    }
}

fn generalized(parts: &mut Reader<'_>) -> Result<OffsetDateTime, DerError> {
    let element = parts.any()?;
    if element.tag == der::GENERALIZED_TIME { x509::time(element) } else { Err(DerError("a time is no GeneralizedTime")) }
}

/// `[1] EXPLICIT Extensions OPTIONAL`, none critical but the known ones (RFC 6960 s4.4).
fn understood<'a>(explicit: Option<&'a [u8]>, known: &[&[u8]]) -> Result<Vec<Extension<'a>>, OcspError> {
    let Some(explicit) = explicit else { return Ok(Vec::new()) };
    let extensions = status::extensions(der::only(explicit, der::SEQUENCE)?)?;
    let unknown = extensions.iter().any(|one| one.critical && !known.contains(&one.id));
    if unknown { Err(OcspError::UnknownCriticalExtension) } else { Ok(extensions) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::tests::real;
    use time::macros::datetime;

    /// What real responders say, whoever signed it.
    #[test]
    fn real_answers_are_read_whole() {
        let revoked = |at, reason| Said::Revoked { at, reason };
        let superseded = revoked(datetime!(2020-01-31 14:20:56 UTC), RevocationReason::Superseded);
        let no_reason = revoked(datetime!(2019-10-07 20:30:39 UTC), RevocationReason::Unspecified);
        for (file, by_key, expected) in [
            ("harica.ocsp.der", true, vec![Said::Good]),
            ("ocsp-response-sha256.der", false, vec![Said::Good]),
            ("ocsp-response-eucrt-sha1.der", false, vec![Said::Good]),
            ("ocsp-response-revoked-sha256.der", true, vec![no_reason]),
            ("ocsp-response-multi3-qv-sha256.der", false, vec![superseded, Said::Good, Said::Good]),
        ] {
            let Some(answer) = real(file) else { continue };
            let basic = basic_response(&answer).unwrap();
            let signed = Signed::read(&mut Reader::new(der::only(basic, der::SEQUENCE).unwrap())).unwrap();
            let data = ResponseData::read(signed.message).unwrap();
            let said: Vec<Said> = data.singles.iter().map(|single| single.said).collect();
            println!("{file:<44} {said:?}");
            assert_eq!(said, expected, "{file}");
            assert_eq!(matches!(data.responder, ResponderId::Key(_)), by_key, "{file}");
            let single = &data.singles[0];
            let next = single.next_update.unwrap();
            assert!(single.at(data.produced_at, single.this_update).is_ok(), "{file}");
            assert_eq!(single.at(data.produced_at, next + SKEW + Duration::SECOND), Err(OcspError::Expired), "{file}");
            assert_eq!(single.at(data.produced_at, single.this_update - SKEW - Duration::SECOND), Err(OcspError::NotYet), "{file}");
        }
    }
}
