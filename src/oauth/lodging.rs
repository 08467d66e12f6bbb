//! What the bank's payment API lodged, and what may become of it: approved once, as it was shown, in time.

use super::{
    brand::Brand,
    channel::Channel,
    client::{Client, ClientId},
    grant::{GrantId, PsuReference},
    interaction::Interaction,
    payment::{Payment, PaymentId, PaymentVersion},
    payment_fields::Fault,
    sca::ScaFailure,
    scope::ScopeToken,
};
use serde::Serialize;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A lodged request.
#[derive(Clone, Debug)]
pub struct Lodged {
    pub id: PaymentId,
    pub client: ClientId,
    pub payment: Payment,
    /// Rises with each change.
    pub revision: i32,
    pub lodged_at: OffsetDateTime,
    /// Unless approved by then.
    pub expires_at: OffsetDateTime,
    pub state: LodgedState,
    /// The last approval that a change made worthless.
    pub invalidated: Option<GrantId>,
}

#[derive(Clone, Debug)]
pub enum LodgedState {
    Open,
    Approved(PaymentApproval),
    Used(PaymentApproval, Execution),
    Withdrawn,
    /// Over, and lodged anew under another id.
    Replaced,
}

/// Who approved it, and until when that is worth something.
#[derive(Clone, Debug)]
pub struct PaymentApproval {
    pub grant: GrantId,
    pub psu: PsuReference,
    pub accounts: Vec<String>,
    pub at: OffsetDateTime,
    pub until: OffsetDateTime,
    pub revoked: bool,
}

#[derive(Clone, Debug)]
pub struct Execution {
    pub at: OffsetDateTime,
    pub reference: String,
}

/// Where a lodged request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Waits for its customer.
    Lodged,
    /// Approved, and not yet used.
    Approved,
    /// Executed.
    Used,
    Withdrawn,
    /// Not approved in time, or approved and not used in time, or the approval was withdrawn.
    Expired,
}

impl PaymentStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lodged => "lodged",
            Self::Approved => "approved",
            Self::Used => "used",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// Nothing can come of it any more, so the same payment may be lodged anew.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Withdrawn | Self::Expired => true,
            Self::Lodged | Self::Approved | Self::Used => false,
        }
    }
}

/// Why a customer cannot approve it, now or any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unapprovable {
    /// Or not this client's: nobody learns of another's.
    Unknown,
    Expired,
    Withdrawn,
    /// By this customer or by another, used or not.
    Approved,
    /// The journey began with another revision: what the customer saw is no longer what is asked.
    Changed,
}

impl Unapprovable {
    /// The stable name in the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "payment_unknown",
            Self::Expired => "payment_expired",
            Self::Withdrawn => "payment_withdrawn",
            Self::Approved => "payment_approved_already",
            Self::Changed => "payment_changed",
        }
    }

    /// How the journey ends that met it. The TPP may send the customer again: then he sees the payment of today, or it learns exactly why not.
    pub const fn failure(self) -> ScaFailure {
        match self {
            Self::Expired => ScaFailure::TimedOut,
            Self::Unknown | Self::Withdrawn | Self::Approved | Self::Changed => ScaFailure::Technical,
        }
    }
}

impl Lodged {
    /// What an authorization request told itself, at the time of its approval (RFC 9396). Nobody else ever began with it.
    pub const fn instructed(id: PaymentId, client: ClientId, payment: Payment, now: OffsetDateTime) -> Self {
        Self { id, client, payment, revision: 1, lodged_at: now, expires_at: now, state: LodgedState::Open, invalidated: None }
    }

    pub const fn version(&self) -> PaymentVersion {
        PaymentVersion { id: self.id, revision: self.revision }
    }

    /// Expiry is a comparison: of the request before the approval, of the grant after it.
    pub fn status(&self, now: OffsetDateTime) -> PaymentStatus {
        match &self.state {
            LodgedState::Open if now < self.expires_at => PaymentStatus::Lodged,
            LodgedState::Approved(approval) if !approval.revoked && now < approval.until => PaymentStatus::Approved,
            LodgedState::Open | LodgedState::Approved(_) | LodgedState::Replaced => PaymentStatus::Expired,
            LodgedState::Used(..) => PaymentStatus::Used,
            LodgedState::Withdrawn => PaymentStatus::Withdrawn,
        }
    }

    pub const fn approval(&self) -> Option<&PaymentApproval> {
        match &self.state {
            LodgedState::Approved(approval) | LodgedState::Used(approval, _) => Some(approval),
            LodgedState::Open | LodgedState::Withdrawn | LodgedState::Replaced => None,
        }
    }

    fn open_for(&self, client: ClientId, now: OffsetDateTime) -> Result<(), Unapprovable> {
        if self.client != client {
            return Err(Unapprovable::Unknown);
        }
        match (&self.state, self.status(now)) {
            (_, PaymentStatus::Lodged) => Ok(()),
            // once approved it stays so, whatever became of the approval
            (LodgedState::Approved(_), _) | (_, PaymentStatus::Approved | PaymentStatus::Used) => Err(Unapprovable::Approved),
            (_, PaymentStatus::Withdrawn) => Err(Unapprovable::Withdrawn),
            (_, PaymentStatus::Expired) => Err(Unapprovable::Expired),
        }
    }
}

/// A journey of `client` may begin about it.
pub fn may_begin(lodged: Option<&Lodged>, client: &Client, now: OffsetDateTime) -> Result<PaymentVersion, Unapprovable> {
    let lodged = lodged.ok_or(Unapprovable::Unknown)?;
    lodged.open_for(client.id, now)?;
    Ok(lodged.version())
}

/// The journey may go on, and end in an approval of what it began with.
pub fn may_approve(lodged: Option<Lodged>, interaction: &Interaction, now: OffsetDateTime) -> Result<Option<Lodged>, Unapprovable> {
    let Some(began_with) = interaction.payment else { return Ok(None) };
    let lodged = lodged.ok_or(Unapprovable::Unknown)?;
    lodged.open_for(interaction.client, now)?;
    if lodged.version() == began_with { Ok(Some(lodged)) } else { Err(Unapprovable::Changed) }
}

/// Only of a client that could send a customer here.
pub fn may_lodge(client: Option<&Client>) -> Result<(), &'static str> {
    match client {
        None => Err("no client of this brand"),
        Some(client) if !client.scope.contains(ScopeToken::Pisp) => Err("has no scope pisp"),
        Some(_) => Ok(()),
    }
}

/// Why the bank's payment API is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LodgingRefusal {
    /// Each wrong member.
    Faults(Vec<Fault>),
    Unknown,
    /// Lodged with other content before: a change must be meant.
    Differs,
    /// A change names another payment than the one that was lodged.
    OtherPayment,
    /// It is not open to this any more.
    Over(PaymentStatus),
    NotApproved,
    /// Used under another reference.
    UsedOtherwise,
}

impl LodgingRefusal {
    /// The stable name in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Faults(_) => "payment_faulty",
            Self::Unknown => "payment_unknown",
            Self::Differs => "payment_differs",
            Self::OtherPayment => "other_payment",
            Self::Over(_) => "payment_over",
            Self::NotApproved => "payment_not_approved",
            Self::UsedOtherwise => "payment_used_otherwise",
        }
    }
}

/// What the payment API hands to the TPP, which appends only `redirect_uri`, `state` and its challenge.
fn consent_approval_url(brand: &Brand, channel: &Channel, lodged: &Lodged) -> String {
    let path = channel.authorize_path.replace("{lang}", brand.default_language.tag());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &lodged.client.to_string())
        .append_pair("scope", ScopeToken::Pisp.as_str())
        .append_pair("payment_request", &lodged.id.to_string())
        .finish();
    format!("{}{path}?{query}", brand.psu_origin)
}

/// A lodged request as the bank's payment API sees it.
#[derive(Serialize, ToSchema)]
pub struct PaymentRequest {
    /// Opaque. What `introspect` calls `payment_request`, too.
    pub payment_request: String,
    pub client_id: String,
    pub payment: Payment,
    /// Rises with each change.
    pub revision: i32,
    pub state: PaymentStatus,
    #[serde(with = "time::serde::rfc3339")]
    pub lodged_at: OffsetDateTime,
    /// Unless approved by then.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// For a browser. The TPP appends `redirect_uri`, `state`, `code_challenge` and `code_challenge_method`, and nothing else.
    pub consent_approval_url: String,
    /// By channel: the same request, for the bank's app where the TPP knows that the customer has it.
    pub consent_approval_urls: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalInformation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionInformation>,
    /// An earlier approval was given to something else, and is worth nothing: its grant is revoked, its tokens are dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidated_grant_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ApprovalInformation {
    pub grant_id: String,
    /// The customer's opaque reference.
    pub sub: String,
    #[serde(with = "time::serde::rfc3339")]
    pub approved_at: OffsetDateTime,
    /// Must be used by then.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// The bank's ids of the accounts that the customer chose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ExecutionInformation {
    #[serde(with = "time::serde::rfc3339")]
    pub used_at: OffsetDateTime,
    pub reference: String,
}

impl PaymentRequest {
    pub fn new(lodged: &Lodged, brand: &Brand, now: OffsetDateTime) -> Self {
        let browser = brand.channels.iter().find(|channel| channel.app.is_none()).or(brand.channels.first());
        let execution = match &lodged.state {
            LodgedState::Used(_, execution) => Some(execution),
            LodgedState::Open | LodgedState::Approved(_) | LodgedState::Withdrawn | LodgedState::Replaced => None,
        };
        Self {
            payment_request: lodged.id.to_string(),
            client_id: lodged.client.to_string(),
            payment: lodged.payment.clone(),
            revision: lodged.revision,
            state: lodged.status(now),
            lodged_at: lodged.lodged_at,
            expires_at: lodged.expires_at,
            consent_approval_url: browser.map_or_else(String::new, |channel| consent_approval_url(brand, channel, lodged)),
            consent_approval_urls: brand
                .channels
                .iter()
                .map(|channel| (channel.name.clone(), consent_approval_url(brand, channel, lodged)))
                .collect(),
            approval: lodged.approval().map(|approval| ApprovalInformation {
                grant_id: approval.grant.0.to_string(),
                sub: approval.psu.as_str().to_owned(),
                approved_at: approval.at,
                until: approval.until,
                accounts: approval.accounts.clone(),
            }),
            execution: execution.map(|e| ExecutionInformation { used_at: e.at, reference: e.reference.clone() }),
            invalidated_grant_id: lodged.invalidated.map(|grant| grant.0.to_string()),
        }
    }
}
