//! What OCSP answers and revocation lists have in common: whom they speak of, and what they can say.

use super::der::{self, DerError, Reader};
use super::x509::Extension;
use time::{Duration, OffsetDateTime};

/// Clocks of responders and ours may differ by this much.
pub const SKEW: Duration = Duration::minutes(5);

/// Longer than any serial number of an accepted certificate: RFC 5280 s4.1.2.2 allows 20 octets.
const LONGEST: usize = 21;

/// A certificate's serial number, the same value whatever zeros led it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; LONGEST]);

impl Serial {
    /// From an INTEGER's contents. None: negative, or longer than any that a certificate may have.
    pub fn from_der(contents: &[u8]) -> Option<Self> {
        if contents.first().is_none_or(|first| first & 0x80 != 0) {
            return None;
        }
        Self::from_magnitude(contents)
    }

    /// As [`Self::magnitude`] gives it.
    pub fn from_magnitude(octets: &[u8]) -> Option<Self> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let significant = octets.get(zeros..)?;
        let mut serial = [0; LONGEST];
        serial.get_mut(LONGEST.checked_sub(significant.len())?..)?.copy_from_slice(significant);
        Some(Self(serial))
    }

    /// From [`super::CertificateFacts::serial`].
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let octets: Option<Vec<u8>> =
            digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2)).collect();
        Self::from_der(&octets?)
    }

    /// Without leading zeros.
    pub fn magnitude(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|octet| **octet == 0).count();
        self.0.split_at(zeros).1
    }

    /// The contents of the INTEGER.
    pub(super) fn integer(&self) -> Vec<u8> {
        let magnitude = self.magnitude();
        let sign = magnitude.first().is_none_or(|first| first & 0x80 != 0);
        [if sign { &[0][..] } else { &[] }, magnitude].concat()
    }
}

impl std::fmt::Debug for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.magnitude().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// What an issuer or its delegate says of a certificate, verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub said: Said,
    pub this_update: OffsetDateTime,
    /// The answer counts until then, skew not included.
    pub until: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Good,
    Revoked {
        at: OffsetDateTime,
        reason: RevocationReason,
    },
    /// OCSP only: the responder does not know the certificate.
    Unknown,
}

/// CRLReason (RFC 5280 s5.3.1). `removeFromCRL` is no state of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    /// The only one that may be taken back.
    CertificateHold,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl RevocationReason {
    pub const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// CRLReason's number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    pub const fn is_final(self) -> bool {
        !matches!(self, Self::CertificateHold)
    }

    /// As RFC 5280 spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

/// Of a list, an entry or an answer; none twice. `contents`: of the SEQUENCE OF.
pub(super) fn extensions(contents: &[u8]) -> Result<Vec<Extension<'_>>, DerError> {
    let (mut list, mut found) = (Reader::new(contents), Vec::new());
    while !list.is_empty() {
        let mut parts = Reader::new(list.expect(der::SEQUENCE)?);
        let id = parts.expect(der::OBJECT_IDENTIFIER)?;
        let critical = parts.optional(der::BOOLEAN)?.is_some_and(|octets| octets != [0]);
        let value = parts.expect(der::OCTET_STRING)?;
        parts.finish()?;
        if found.iter().any(|known: &Extension<'_>| known.id == id) {
            return Err(DerError("an extension stands twice"));
        }
        found.push(Extension { id, critical, value });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_its_value() {
        for (contents, magnitude, integer) in
            [(&[0, 0x80, 1][..], &[0x80, 1][..], &[0, 0x80, 1][..]), (&[0x7f], &[0x7f], &[0x7f]), (&[0], &[], &[0]), (&[0, 1], &[1], &[1])]
        {
            let serial = Serial::from_der(contents).unwrap();
            assert_eq!((serial.magnitude(), serial.integer().as_slice()), (magnitude, integer));
            assert_eq!(Serial::from_magnitude(magnitude), Some(serial));
        }
        let long = [&[0u8][..], &[0xff; 20]].concat();
        assert_eq!(Serial::from_der(&long).unwrap().magnitude(), [0xff; 20]);
        assert_eq!(Serial::from_hex("0080ab"), Serial::from_magnitude(&[0x80, 0xab]));
        for wrong in [&[0x80u8][..], &[], &[1; 22]] {
            assert_eq!(Serial::from_der(wrong), None);
        }
        for wrong in ["8", "0g", "é", ""] {
            assert_eq!(Serial::from_hex(wrong), None, "{wrong}");
        }
    }
}
