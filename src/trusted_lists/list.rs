use super::{
    Envelope, Refusal,
    services::services,
    xml::{TSL, child_text, down, text},
};
use crate::pki::trusted_list::Service;
use roxmltree::Node;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// TSLType (TS 119 612 s5.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// EUgeneric.
    National,
    /// EUlistofthelists.
    ListOfLists,
}

/// What a list says of itself and its services. Whether it is its operator's is for [`super::verify`] to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub kind: ListType,
    pub territory: String,
    pub version: u8,
    pub sequence: u64,
    pub issued_at: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
    /// SHA-256 over the file, hexadecimal.
    pub sha256: String,
    /// Of type CA/QC.
    pub services: Vec<Service>,
}

impl List {
    pub fn read(envelope: &Envelope<'_>) -> Result<Self, Refusal> {
        let scheme = scheme(envelope)?;
        Ok(Self {
            kind: kind(scheme)?,
            territory: territory(scheme)?,
            version: version(scheme)?,
            sequence: sequence(scheme)?,
            issued_at: time(child_text(scheme, TSL, "ListIssueDateTime")).ok_or(Refusal::Malformed("ListIssueDateTime"))?,
            next_update: next_update(scheme)?,
            sha256: envelope.sha256().to_owned(),
            services: services(envelope.root())?,
        })
    }

    /// The territory that a file claims, to find who may sign it.
    pub fn claimed_territory(envelope: &Envelope<'_>) -> Result<String, Refusal> {
        territory(scheme(envelope)?)
    }

    /// The number that a file claims.
    pub fn claimed_sequence(envelope: &Envelope<'_>) -> Result<u64, Refusal> {
        sequence(scheme(envelope)?)
    }
}

pub(super) fn scheme<'a, 'i: 'a>(envelope: &'a Envelope<'i>) -> Result<Node<'a, 'i>, Refusal> {
    down(envelope.root(), &["SchemeInformation"]).ok_or(Refusal::Malformed("SchemeInformation"))
}

pub(super) fn sequence(scheme: Node<'_, '_>) -> Result<u64, Refusal> {
    let number = child_text(scheme, TSL, "TSLSequenceNumber").and_then(|text| text.parse().ok());
    // the database's numbers are signed
    number.filter(|number| (1..=i64::MAX.unsigned_abs()).contains(number)).ok_or(Refusal::Malformed("TSLSequenceNumber"))
}

pub(super) fn kind(scheme: Node<'_, '_>) -> Result<ListType, Refusal> {
    kind_of(&child_text(scheme, TSL, "TSLType").unwrap_or_default()).ok_or(Refusal::Malformed("TSLType"))
}

pub(super) fn kind_of(uri: &str) -> Option<ListType> {
    match uri.strip_prefix("http://uri.etsi.org/TrstSvc/TrustedList/TSLType/")? {
        "EUgeneric" => Some(ListType::National),
        "EUlistofthelists" => Some(ListType::ListOfLists),
        _ => None,
    }
}

fn territory(scheme: Node<'_, '_>) -> Result<String, Refusal> {
    let read = child_text(scheme, TSL, "SchemeTerritory").filter(|text| is_territory(text));
    read.ok_or(Refusal::Malformed("SchemeTerritory"))
}

pub(super) fn is_territory(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn version(scheme: Node<'_, '_>) -> Result<u8, Refusal> {
    match child_text(scheme, TSL, "TSLVersionIdentifier").unwrap_or_default().as_str() {
        "5" => Ok(5),
        "6" => Ok(6),
        other => Err(Refusal::Version(other.chars().take(20).collect())),
    }
}

/// An element without content means a closed list (s5.3.15); one that is not there is a mistake.
fn next_update(scheme: Node<'_, '_>) -> Result<Option<OffsetDateTime>, Refusal> {
    let element = down(scheme, &["NextUpdate"]).ok_or(Refusal::Malformed("NextUpdate"))?;
    let Some(date) = down(element, &["dateTime"]).map(text).filter(|text| !text.is_empty()) else { return Ok(None) };
    time(Some(date)).map(Some).ok_or(Refusal::Malformed("NextUpdate"))
}

/// xs:dateTime; without a zone it is UTC, as TS 119 612 s5.1.3 wants all of them.
pub(super) fn time(text: Option<String>) -> Option<OffsetDateTime> {
    let text = text?;
    let read = OffsetDateTime::parse(&text, &Rfc3339).or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339));
    read.ok().map(|time| time.to_offset(time::UtcOffset::UTC))
}
