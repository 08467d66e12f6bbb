//! The leaf as a plain struct: what it says, before any rule is applied.

use super::der::{self, DerError, Reader};
use super::name::{self, Name};
use super::oid;
use super::pointers::Pointers;
use super::x509::{Certificate, Key};
use crate::oauth::tpp::{AlternativeNames, PspRole};
use core::net::IpAddr;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// What a certificate says, for display and for the checks; nothing in it is to be trusted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// For people; see `subject_dn` for comparing.
    pub subject: String,
    /// RFC 4514 string of the subject.
    pub subject_dn: String,
    pub alternative_names: AlternativeNames,
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

/// A certificate with what the rules ask for.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub x509: Certificate<'a>,
    pub subject: Name<'a>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<Vec<&'a [u8]>>,
    pub is_ca: bool,
}

/// The first octets of the keyUsage extension's bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyUsage([u8; 2]);

#[rustfmt::skip]
const KEY_USAGE_NAMES: [&str; 9] = [
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly",
    "decipherOnly",
];
const DIGITAL_SIGNATURE: u8 = 0;
const NON_REPUDIATION: u8 = 1;
const KEY_CERT_SIGN: u8 = 5;

/// The subject for people, as a log or an audit event names its holder.
pub fn subject(certificate: &[u8]) -> Option<String> {
    read(certificate).ok().map(|leaf| leaf.subject.readable())
}

/// Until when it holds.
pub fn not_after(certificate: &[u8]) -> Option<OffsetDateTime> {
    read(certificate).ok().map(|leaf| leaf.x509.not_after)
}

/// Reads one certificate of the profile of RFC 5280; the sentence of the error says what is not.
pub(super) fn read(certificate: &[u8]) -> Result<Leaf<'_>, DerError> {
    let x509 = Certificate::read(certificate)?;
    Ok(Leaf {
        subject: Name::read(x509.subject)?,
        key_usage: x509.extension(oid::KEY_USAGE).map(key_usage).transpose()?,
        extended_key_usage: x509.extension(oid::EXTENDED_KEY_USAGE).map(oids).transpose()?,
        is_ca: x509.extension(oid::BASIC_CONSTRAINTS).map(is_ca).transpose()?.unwrap_or(false),
        x509,
    })
}

/// RFC 5280 s4.2.1.6. Nobody relies on entries that cannot be read: they are left out.
fn alternative_names(extension: &[u8]) -> AlternativeNames {
    const EMAIL: u8 = 0x81;
    const DNS: u8 = 0x82;
    const URI: u8 = 0x86;
    const ADDRESS: u8 = 0x87;
    let mut names = AlternativeNames::default();
    let mut entries = Reader::new(der::only(extension, der::SEQUENCE).unwrap_or_default());
    while let Ok(der::Element { tag, value }) = entries.any() {
        let text = || std::str::from_utf8(value).ok().filter(|text| text.is_ascii()).map(str::to_owned);
        match tag {
            EMAIL => names.emails.extend(text()),
            DNS => names.dns.extend(text()),
            URI => names.uris.extend(text()),
            ADDRESS => {
                let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
                names.addresses.extend(v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok());
            }
            _ => {}
        }
    }
    names
}

impl Leaf<'_> {
    /// The facts that the certificate's own fields give; the rules fill in what qcStatements and subject say.
    pub fn facts(&self, certificate: &[u8]) -> CertificateFacts {
        CertificateFacts {
            subject: self.subject.readable(),
            subject_dn: self.subject.rfc4514(),
            alternative_names: self.x509.extension(oid::SUBJECT_ALT_NAME).map(alternative_names).unwrap_or_default(),
            issuer: name::readable(self.x509.issuer),
            serial: der::hexadecimal(self.x509.serial),
            not_before: self.x509.not_before,
            not_after: self.x509.not_after,
            key: public_key(&self.x509.key),
            signature_algorithm: der::dotted(self.x509.signature_oid()),
            key_usage: self.key_usage.map(KeyUsage::names),
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

    /// The key's kind and size.
    pub fn key(&self) -> PublicKey {
        public_key(&self.x509.key)
    }

    /// A bit of keyUsage by its number (RFC 5280 s4.2.1.3); unset where there is no such extension.
    pub fn has_key_usage(&self, bit: u8) -> bool {
        self.key_usage.is_some_and(|usage| usage.has(bit))
    }

    /// The policies of certificatePolicies (RFC 5280 s4.2.1.4), in dots; none where the extension cannot be read.
    pub fn policies(&self) -> Vec<String> {
        self.x509.extension(oid::CERTIFICATE_POLICIES).and_then(|value| policies(value).ok()).unwrap_or_default()
    }

    /// In dots.
    pub fn extended_key_usages(&self) -> Vec<String> {
        self.extended_key_usage.iter().flatten().map(|id| der::dotted(id)).collect()
    }

    /// The types of the subject's attributes, in dots.
    pub fn subject_attributes(&self) -> Vec<String> {
        self.subject.attributes().map(|attribute| der::dotted(attribute.id)).collect()
    }

    /// keyIdentifier of authorityKeyIdentifier (RFC 5280 s4.2.1.1): which of an issuer's keys signed.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        const KEY_IDENTIFIER: u8 = 0x80; // [0] IMPLICIT
        let value = self.x509.extension(oid::AUTHORITY_KEY_IDENTIFIER)?;
        Reader::new(der::only(value, der::SEQUENCE).ok()?).optional(KEY_IDENTIFIER).ok()?
    }
}

impl KeyUsage {
    pub const fn digital_signature(self) -> bool {
        self.has(DIGITAL_SIGNATURE)
    }

    pub const fn non_repudiation(self) -> bool {
        self.has(NON_REPUDIATION)
    }

    pub const fn key_cert_sign(self) -> bool {
        self.has(KEY_CERT_SIGN)
    }

    const fn has(self, bit: u8) -> bool {
        bit < 16 && u16::from_be_bytes(self.0) & (0x8000 >> bit) != 0
    }

    fn names(self) -> Vec<&'static str> {
        (0..).zip(KEY_USAGE_NAMES).filter(|(bit, _)| self.has(*bit)).map(|(_, name)| name).collect()
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

fn key_usage(extension_value: &[u8]) -> Result<KeyUsage, DerError> {
    der::check(extension_value)?;
    let bits = der::only(extension_value, der::BIT_STRING)?.get(1..).unwrap_or_default();
    Ok(KeyUsage([bits.first().copied().unwrap_or(0), bits.get(1).copied().unwrap_or(0)]))
}

fn policies(extension_value: &[u8]) -> Result<Vec<String>, DerError> {
    let mut list = Reader::new(der::only(extension_value, der::SEQUENCE)?);
    let mut policies = Vec::new();
    while !list.is_empty() {
        policies.push(der::dotted(Reader::new(list.expect(der::SEQUENCE)?).expect(der::OBJECT_IDENTIFIER)?));
    }
    Ok(policies)
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

fn public_key(info: &Key<'_>) -> PublicKey {
    let (algorithm, key) = (info.algorithm, info.bits);
    if algorithm == oid::RSA_ENCRYPTION {
        return rsa_bits(key).map_or(PublicKey::Other, PublicKey::Rsa);
    }
    let curve = der::only(info.parameters, der::OBJECT_IDENTIFIER).ok();
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
