//! The leaf as a plain struct: what it says, before any rule is applied.

use super::der::{self, DerError, Reader};
use super::pointers::Pointers;
use super::{name, oid};
use crate::oauth::tpp::PspRole;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::nom::Parser;
use x509_parser::prelude::{ASN1Time, SubjectPublicKeyInfo, X509Certificate, X509CertificateParser, X509Version};

/// What a certificate says, for display and for the checks; nothing in it is to be trusted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// For people; see `subject_dn` for comparing.
    pub subject: String,
    /// RFC 4514 string of the subject.
    pub subject_dn: String,
    pub issuer: String,
    /// Hexadecimal, as in the DER.
    pub serial: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    pub key: PublicKey,
    /// In dots.
    pub signature_algorithm: String,
    /// RFC 5280's bit names; none if the extension is absent.
    pub key_usage: Option<Vec<&'static str>>,
    /// In dots; none if the extension is absent.
    pub extended_key_usage: Option<Vec<String>>,
    pub organisation_name: Option<String>,
    /// organizationIdentifier, if there is exactly one.
    pub organisation_id: Option<String>,
    /// nCAId and nCAName of the PSD2 statement.
    pub nca_id: Option<String>,
    pub nca_name: Option<String>,
    /// The roles that are one of the four pairs; sorted, none twice.
    pub roles: Vec<PspRole>,
    /// Where the status of the certificate and its issuer are published.
    pub pointers: Pointers,
    /// SHA-256 over the DER.
    pub thumbprint: [u8; 32],
}

/// The subject's public key, as far as the rules tell keys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// With the modulus' length in bits.
    Rsa(u32),
    P256,
    P384,
    P521,
    Other,
}

/// A parsed certificate beside its raw extensions, for the rules.
pub(super) struct Leaf<'a> {
    pub x509: X509Certificate<'a>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<Vec<&'a [u8]>>,
    pub is_ca: bool,
}

/// The bits of keyUsage that a rule asks for, and all their names.
pub(super) struct KeyUsage {
    pub digital_signature: bool,
    pub key_cert_sign: bool,
    pub names: Vec<&'static str>,
}

#[rustfmt::skip]
const KEY_USAGE_NAMES: [&str; 9] = [
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly",
    "decipherOnly",
];

/// Parses one certificate of the profile of RFC 5280; the sentence of the error says what is not.
pub(super) fn read(certificate: &[u8]) -> Result<Leaf<'_>, DerError> {
    der::check(certificate)?;
    let parsed = X509CertificateParser::new().with_deep_parse_extensions(false).parse(certificate);
    let (rest, x509) = parsed.map_err(|_| DerError("it has not the structure of a certificate"))?;
    if !rest.is_empty() {
        return Err(DerError("bytes follow the certificate"));
    }
    profile(&x509)?;
    let value = |id: &[u8]| x509.extensions().iter().find(|extension| extension.oid.as_bytes() == id).map(|extension| extension.value);
    let key_usage = value(oid::KEY_USAGE).map(key_usage).transpose()?;
    let extended_key_usage = value(oid::EXTENDED_KEY_USAGE).map(oids).transpose()?;
    let is_ca = value(oid::BASIC_CONSTRAINTS).map(is_ca).transpose()?.unwrap_or(false);
    Ok(Leaf { key_usage, extended_key_usage, is_ca, x509 })
}

impl Leaf<'_> {
    /// The facts that the certificate's own fields give; the rules fill in what qcStatements and subject say.
    pub fn facts(&self, certificate: &[u8]) -> CertificateFacts {
        CertificateFacts {
            subject: name::readable(self.x509.subject()),
            subject_dn: name::rfc4514(self.x509.subject()),
            issuer: name::readable(self.x509.issuer()),
            serial: self.x509.raw_serial().iter().map(|octet| format!("{octet:02x}")).collect(),
            not_before: self.x509.validity().not_before.to_datetime(),
            not_after: self.x509.validity().not_after.to_datetime(),
            key: public_key(self.x509.public_key()),
            signature_algorithm: der::dotted(self.x509.signature_algorithm.algorithm.as_bytes()),
            key_usage: self.key_usage.as_ref().map(|usage| usage.names.clone()),
            extended_key_usage: self.extended_key_usage.as_ref().map(|ids| ids.iter().map(|id| der::dotted(id)).collect()),
            organisation_name: None,
            organisation_id: None,
            nca_id: None,
            nca_name: None,
            roles: Vec::new(),
            pointers: Pointers::default(),
            thumbprint: Sha256::digest(certificate).into(),
        }
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::P256 => f.write_str("ECDSA P-256"),
            Self::P384 => f.write_str("ECDSA P-384"),
            Self::P521 => f.write_str("ECDSA P-521"),
            Self::Other => f.write_str("another algorithm or curve"),
        }
    }
}

/// RFC 5280 s4.1.2.1 to s4.1.2.5.
fn profile(x509: &X509Certificate<'_>) -> Result<(), DerError> {
    let serial = x509.raw_serial();
    let validity = x509.validity();
    let rules = [
        (x509.version() == X509Version::V3, "it is not of version 3"),
        (serial.first().is_some_and(|octet| octet & 0x80 == 0), "its serial number is negative"),
        (serial.iter().any(|octet| *octet != 0), "its serial number is zero"),
        (serial.len() <= 21, "its serial number is longer than 20 octets"),
        (x509.signature_algorithm == x509.tbs_certificate.signature, "it names two signature algorithms"),
        (
            right_time(&validity.not_before) && right_time(&validity.not_after),
            "a time is not UTCTime until 2049, GeneralizedTime from 2050",
        ),
        (validity.not_before <= validity.not_after, "its notAfter is before its notBefore"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, broken)| Err(DerError(broken)))
}

fn right_time(time: &ASN1Time) -> bool {
    time.is_utctime() == (time.to_datetime().year() < 2050)
}

fn key_usage(extension_value: &[u8]) -> Result<KeyUsage, DerError> {
    der::check(extension_value)?;
    let bits = der::only(extension_value, der::BIT_STRING)?.get(1..).unwrap_or_default();
    let set = |at: usize| bits.get(at / 8).is_some_and(|octet| octet & (0x80 >> (at % 8)) != 0);
    let names = KEY_USAGE_NAMES.into_iter().enumerate().filter(|(at, _)| set(*at)).map(|(_, name)| name).collect();
    Ok(KeyUsage { digital_signature: set(0), key_cert_sign: set(5), names })
}

fn oids(extension_value: &[u8]) -> Result<Vec<&[u8]>, DerError> {
    der::check(extension_value)?;
    let mut list = Reader::new(der::only(extension_value, der::SEQUENCE)?);
    let mut ids = Vec::new();
    while !list.is_empty() {
        ids.push(list.expect(der::OBJECT_IDENTIFIER)?);
    }
    if ids.is_empty() { Err(DerError("its extendedKeyUsage is empty")) } else { Ok(ids) }
}

pub(super) fn is_ca(extension_value: &[u8]) -> Result<bool, DerError> {
    der::check(extension_value)?;
    let mut parts = Reader::new(der::only(extension_value, der::SEQUENCE)?);
    let is_ca = parts.optional(der::BOOLEAN)?.is_some_and(|octets| octets == [0xff]);
    parts.optional(der::INTEGER)?;
    parts.finish()?;
    Ok(is_ca)
}

fn public_key(spki: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let algorithm = spki.algorithm.algorithm.as_bytes();
    let key: &[u8] = &spki.subject_public_key.data;
    if algorithm == oid::RSA_ENCRYPTION {
        return rsa_bits(key).map_or(PublicKey::Other, PublicKey::Rsa);
    }
    let curve = spki.algorithm.parameters.as_ref().filter(|any| any.tag().0 == u32::from(der::OBJECT_IDENTIFIER)).map(|any| any.data);
    let uncompressed = |octets: usize| key.first() == Some(&4) && key.len() == 1 + 2 * octets;
    let compressed = |octets: usize| matches!(key.first(), Some(2 | 3)) && key.len() == 1 + octets;
    let point = |octets: usize| uncompressed(octets) || compressed(octets);
    match curve {
        Some(oid::P256) if algorithm == oid::EC_PUBLIC_KEY && point(32) => PublicKey::P256,
        Some(oid::P384) if algorithm == oid::EC_PUBLIC_KEY && point(48) => PublicKey::P384,
        Some(oid::P521) if algorithm == oid::EC_PUBLIC_KEY && point(66) => PublicKey::P521,
        Some(_) | None => PublicKey::Other,
    }
}

/// The modulus' length; none if the key is not a positive modulus and an odd exponent above 1 (RFC 8017 s3.1).
fn rsa_bits(key: &[u8]) -> Option<u32> {
    der::check(key).ok()?;
    let mut parts = Reader::new(der::only(key, der::SEQUENCE).ok()?);
    let (modulus, exponent) = (parts.expect(der::INTEGER).ok()?, parts.expect(der::INTEGER).ok()?);
    parts.finish().ok()?;
    let positive = |number: &[u8]| number.first().is_some_and(|octet| octet & 0x80 == 0);
    let odd = exponent.last().is_some_and(|octet| octet & 1 == 1);
    if !positive(modulus) || !positive(exponent) || !odd || exponent == [1] {
        return None;
    }
    let significant: &[u8] = if modulus.first() == Some(&0) { modulus.get(1..)? } else { modulus };
    let octets = u32::try_from(significant.len()).ok()?;
    Some(octets * 8 - significant.first().map_or(0, |octet| octet.leading_zeros()))
}
