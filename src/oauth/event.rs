//! What the bank's own systems are told: events, read in order from a cursor.

use super::{brand::BrandId, grant::EndedBy, tpp::OrganisationId};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The last certificate that an organisation was seen with ends soon, or has ended.
    CertificateExpiring,
    /// A customer or the bank took a grant back: the TPP may be told.
    GrantWithdrawn,
}

impl EventKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CertificateExpiring => "certificate_expiring",
            Self::GrantWithdrawn => "grant_withdrawn",
        }
    }
}

/// An event to be published.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub kind: EventKind,
    pub organisation: Option<OrganisationId>,
    pub brand: Option<BrandId>,
    pub payload: Value,
    /// Unique within the kind: the same happens once, whoever notices it.
    pub occasion: String,
}

/// The payload of `certificate_expiring`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificateExpiring {
    /// SHA-256 over the DER, hexadecimal.
    pub thumbprint: String,
    /// Hexadecimal.
    pub serial: String,
    pub legal_name: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Whole days that are left; 0 on the last day and after.
    pub days: i64,
    /// The threshold that was reached: 30, 14, 7 or 1 day, 0 when the certificate has ended. Each is told once.
    pub threshold: i64,
    /// Where the certificate was accepted: another one that was seen there and lasts longer would have been a renewal.
    pub brands: Vec<String>,
    /// `contacts` of the organisation's clients at these brands (RFC 7591 s2), as the TPP registered them; none twice.
    pub contacts: Vec<String>,
}

/// The payload of `grant_withdrawn`. It does not name the customer: whoever mails the TPP has no use for that.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GrantWithdrawn {
    /// As introspection told it.
    pub grant_id: String,
    pub client_id: String,
    /// Space-delimited.
    pub scope: String,
    pub by: EndedBy,
    /// `contacts` of the client (RFC 7591 s2), as the TPP registered them.
    pub contacts: Vec<String>,
}

/// By the event's `kind`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum EventPayload {
    CertificateExpiring(CertificateExpiring),
    GrantWithdrawn(GrantWithdrawn),
}

/// An event as it is read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// Rises in the order of publication; not without gaps.
    pub id: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Today `certificate_expiring` or `grant_withdrawn`. Skip kinds you do not know.
    pub kind: String,
    /// organizationIdentifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Absent where the event concerns all brands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[schema(value_type = EventPayload)]
    pub payload: Value,
}

/// Events after a cursor, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventPage {
    pub events: Vec<Event>,
    /// Send it as `after` next time. Unchanged where there was nothing new.
    pub next: i64,
}

impl EventPage {
    pub fn new(events: Vec<Event>, after: i64) -> Self {
        Self { next: events.last().map_or(after, |event| event.id), events }
    }
}
