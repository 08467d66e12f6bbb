//! What the EU trusted lists say of their services (ETSI TS 119 612), once read and verified. No XML here: values that were
//! accepted, as the database keeps them and as certificates are judged by them (TS 119 615).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The lists that count now: one of each territory, sorted by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub lists: Vec<AcceptedList>,
}

/// One national list, or the list of lists under the territory `EU`, which has no services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedList {
    /// SchemeTerritory (s5.3.10): ISO 3166-1, but `EL` for Greece and `UK` for the United Kingdom.
    pub territory: String,
    /// TSLVersionIdentifier (s5.3.1): 5 or 6.
    pub version: u8,
    /// TSLSequenceNumber (s5.3.2). Never goes back.
    pub sequence: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
    /// None: a closed list (s5.3.15).
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// SHA-256 over the file, hexadecimal.
    pub sha256: String,
    /// The URL or the file's name that it came from.
    pub source: String,
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    pub verification: Verification,
    /// Every service of type CA/QC, whatever it is for: a refusal can then name what the issuer is listed as.
    pub services: Vec<Service>,
}

/// A national list as the list of lists points to it (s5.3.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub territory: String,
    pub url: String,
    /// The certificates that may sign it, DER in base64.
    #[serde(with = "base64_list")]
    pub signers: Vec<Vec<u8>>,
}

/// How it was made sure that a list is its scheme operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Verification {
    /// By its XML signature.
    Signature {
        /// SHA-256 over the signer's certificate, hexadecimal.
        signer: String,
        /// URI of the signature algorithm.
        algorithm: String,
        /// Who named that signer: the list of lists and its sequence number, or the configuration.
        named_by: String,
    },
    /// An operator vouches for the file, which was verified elsewhere.
    Assumed { by: String },
}

/// A trust service of type CA/QC with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The provider's name, English where there is one.
    pub provider: String,
    /// The service's name as of now.
    pub name: String,
    /// ServiceDigitalIdentity (s5.5.3): the certificates of its key, DER in base64.
    #[serde(with = "base64_list")]
    pub certificates: Vec<Vec<u8>>,
    /// Newest first and never empty: the first is the current status, the others ServiceHistory (s5.6).
    pub periods: Vec<Period>,
}

/// What a service was from a time on, until the next newer period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    pub status: ServiceStatus,
    /// AdditionalServiceInformation (s5.5.9.4): ForWebSiteAuthentication, ForeSeals, ForeSignatures; sorted.
    pub uses: Vec<Use>,
    /// Qualifications extension (s5.5.9.2), in the order of the list.
    pub qualifications: Vec<Qualification>,
    /// A critical extension of the service that is not understood: the service cannot be relied on (s5.5.9).
    pub unknown_critical: Option<String>,
}

/// ServiceStatus (s5.5.4), as far as judging tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStatus {
    Granted,
    Withdrawn,
    /// Of the time before eIDAS, or national, or unknown: never relied on.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    WebSiteAuthentication,
    Seals,
    Signatures,
}

/// A QualificationElement (s5.5.9.2.2): what holds for the certificates that its criteria fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualification {
    pub qualifiers: Vec<Qualifier>,
    pub criteria: Criteria,
}

/// Qualifier (s5.5.9.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Qualifier {
    /// Qualified, though the certificate may not say so.
    QcStatement,
    NotQualified,
    QcForWebSiteAuthentication,
    QcForSeal,
    QcForSignature,
    /// About the device of the key, legal persons and the like: nothing that a QWAC's verdict depends on.
    Other,
}

/// CriteriaList and what may stand in it (s5.5.9.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criteria {
    All(Vec<Criteria>),
    AtLeastOne(Vec<Criteria>),
    None(Vec<Criteria>),
    /// Bits of keyUsage by number (RFC 5280 s4.2.1.3), each with the value that it must have.
    KeyUsage(Vec<(u8, bool)>),
    /// Policies that the certificate must all have, in dots.
    PolicySet(Vec<String>),
    /// extendedKeyUsage, all of these, in dots.
    ExtendedKeyUsage(Vec<String>),
    /// Attribute types that the subject must all have, in dots.
    SubjectAttributes(Vec<String>),
    /// A criterion that is not known here: whether it fits cannot be said.
    Unknown(String),
}

impl Service {
    /// The period that a time falls into; none before the oldest.
    pub fn at(&self, time: OffsetDateTime) -> Option<&Period> {
        self.periods.iter().find(|period| period.from <= time)
    }
}

mod base64_list {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|bytes| STANDARD.encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| STANDARD.decode(text).map_err(de::Error::custom)).collect()
    }
}
