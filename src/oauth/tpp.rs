//! What a QWAC says about its holder, in the core's words (ETSI TS 119 495).

use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A payment service provider's role. The OIDs and names are fixed pairs (ETSI TS 119 495 s5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PspRole {
    /// Account servicing (`PSP_AS`): a bank. Gives no TPP scope of its own.
    #[serde(rename = "PSP_AS")]
    AccountServicing,
    /// Payment initiation (`PSP_PI`).
    #[serde(rename = "PSP_PI")]
    PaymentInitiation,
    /// Account information (`PSP_AI`).
    #[serde(rename = "PSP_AI")]
    AccountInformation,
    /// Issuing of card-based payment instruments (`PSP_IC`).
    #[serde(rename = "PSP_IC")]
    CardIssuing,
}

impl PspRole {
    pub const ALL: [Self; 4] = [Self::AccountServicing, Self::PaymentInitiation, Self::AccountInformation, Self::CardIssuing];

    /// The name that stands beside the OID in the certificate.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountServicing => "PSP_AS",
            Self::PaymentInitiation => "PSP_PI",
            Self::AccountInformation => "PSP_AI",
            Self::CardIssuing => "PSP_IC",
        }
    }
}

impl fmt::Display for PspRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of organizationIdentifier (2.5.4.97): a TPP's identity, compared byte for byte.
///
/// Never the certificate's thumbprint or DN: both change at renewal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrganisationId(String);

/// Of an organisation that the bank itself named. A QWAC that is accepted says `PSD..`, so that the two never meet.
const LOCAL: &str = "local:";
const LONGEST_LOCAL: usize = 64;

impl OrganisationId {
    /// The bank's own word for somebody without a QWAC: small letters, digits and `-`.
    pub fn local(name: &str) -> Option<Self> {
        let name = name.strip_prefix(LOCAL).unwrap_or(name);
        let reads = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((1..=LONGEST_LOCAL).contains(&name.len()) && name.bytes().all(reads)).then(|| Self(format!("{LOCAL}{name}")))
    }

    /// The bank named it: no authority licensed it, no register knows it, no certificate says it.
    pub fn is_local(&self) -> bool {
        self.0.starts_with(LOCAL)
    }

    /// The grammar is the certificate reader's to check (`pki`); stored values were checked when they came in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `PSDFR-ACPR-12345` -> `12345`: the number the national authority gave (the third part, opaque). `None`: no authority did.
    pub fn authorisation_number(&self) -> Option<&str> {
        if self.is_local() { None } else { Some(self.0.splitn(3, '-').nth(2).unwrap_or(&self.0)) }
    }
}

impl fmt::Display for OrganisationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The holder of an accepted QWAC. Only `pki` makes one, from a certificate that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tpp {
    pub organisation: OrganisationId,
    /// The subject's organizationName: the legal name shown to the customer.
    pub legal_name: String,
    /// Sorted, none twice.
    pub roles: Vec<PspRole>,
    /// `CC-ID` of the national authority that licensed it, as in the PSD2 statement.
    pub nca_id: String,
    /// RFC 4514 string of the subject, for `tls_client_auth_subject_dn`.
    pub subject_dn: String,
    pub alternative_names: AlternativeNames,
    /// SHA-256 over the leaf's DER (RFC 8705 s3.1 `x5t#S256` before base64url).
    pub thumbprint: [u8; 32],
    pub issuer: CertificateIssuer,
}

/// The subjectAltName's entries of the kinds by which a client may be known (RFC 5280 s4.2.1.6, RFC 8705 s2.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlternativeNames {
    pub dns: Vec<String>,
    pub uris: Vec<String>,
    pub addresses: Vec<IpAddr>,
    pub emails: Vec<String>,
}

/// Who issued a QWAC, as an operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateIssuer {
    /// For people, as `guichet cert inspect` shows it.
    pub name: String,
    /// SHA-256 over the DER of the issuer's SubjectPublicKeyInfo.
    pub key: [u8; 32],
}

impl Tpp {
    pub fn has(&self, role: PspRole) -> bool {
        self.roles.contains(&role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bank_names_is_told_from_what_certificates_say() {
        for (name, kept) in [
            ("acme", Some("local:acme")),
            ("local:acme-2", Some("local:acme-2")),
            ("local:local:acme", None),
            ("Acme", None),
            ("PSDFR-ACPR-12345", None),
            ("a b", None),
            ("", None),
            ("local:", None),
        ] {
            assert_eq!(OrganisationId::local(name).as_ref().map(OrganisationId::as_str), kept, "{name}");
        }
        let (local, licensed) = (OrganisationId::local("acme-1-2").unwrap(), OrganisationId::new("PSDFR-ACPR-12-3"));
        assert_eq!((local.is_local(), local.authorisation_number()), (true, None));
        assert_eq!((licensed.is_local(), licensed.authorisation_number()), (false, Some("12-3")));
    }
}
