//! What the bank's own people are shown: no secret, no key, no customer.

use crate::{
    oauth::{
        client::ClientId,
        client_metadata::{ClientMetadata, GrantType},
        grant::{EndReason, EndedBy, PsuReference},
        profile::SecurityProfile,
        tpp::OrganisationId,
    },
    standing::Block,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    /// Registered, blocked or not.
    #[default]
    Live,
    /// Registered, and shut out: itself or its organisation.
    Blocked,
    /// By its TPP (RFC 7592 s2.3).
    Deleted,
    All,
}

impl ClientState {
    pub const ALL: [(&'static str, Self); 4] =
        [("live", Self::Live), ("blocked", Self::Blocked), ("deleted", Self::Deleted), ("all", Self::All)];
}

/// What shuts a client out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveBlock {
    pub block_id: Uuid,
    /// What is blocked: the client, or its organisation.
    #[schema(example = "client 5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11")]
    pub target: String,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    pub by: String,
    pub reason: String,
}

impl From<&Block> for LiveBlock {
    fn from(block: &Block) -> Self {
        Self {
            block_id: block.id.0,
            target: block.target.to_string(),
            since: block.since,
            by: block.by.clone(),
            reason: block.reason.clone(),
        }
    }
}

/// One line of the list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClientSummary {
    #[schema(value_type = String)]
    pub client_id: ClientId,
    pub brand: String,
    /// organizationIdentifier.
    #[schema(value_type = String)]
    pub organisation: OrganisationId,
    pub legal_name: String,
    pub client_name: String,
    pub scope: String,
    #[serde(with = "time::serde::rfc3339")]
    pub registered_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<LiveBlock>,
}

/// Oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClientPage {
    pub clients: Vec<ClientSummary>,
    /// There may be more: send it as `after`. A page may hold fewer than asked for, even none, and not be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

/// A client, and what the bank holds it to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeldClient {
    #[schema(value_type = String)]
    pub client_id: ClientId,
    pub brand: String,
    /// `None`: what it registered.
    pub held_to: Option<SecurityProfile>,
}

/// A certificate that its organisation showed at this brand.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificateView {
    /// SHA-256 over the DER, hexadecimal.
    pub thumbprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
}

/// A client with all that is registered of it but its keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RegisteredClient {
    #[serde(flatten)]
    pub client: ClientSummary,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<GrantType>,
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// The subject of the QWAC that registered or last updated it (RFC 4514).
    pub certificate_subject: String,
    /// How many keys it registered; `jwks_uri` where it named a place instead.
    pub registered_keys: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What it chose to be held to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<SecurityProfile>,
    /// What the bank holds it to, over that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_to: Option<SecurityProfile>,
    /// Those that end last come first, 20 at most.
    pub certificates: Vec<CertificateView>,
    /// Counted up to `live_grants_counted_to`.
    pub live_grants: i64,
    pub live_grants_counted_to: i64,
    /// Of its newest 1000 grants, right to within ten minutes.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<OffsetDateTime>,
}

/// What a view takes of the registration.
impl RegisteredClient {
    pub fn registered_keys(metadata: &ClientMetadata) -> usize {
        metadata.jwks.as_ref().and_then(|set| set["keys"].as_array()).map_or(0, Vec::len)
    }
}

/// Which grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    Live,
    /// Before its time: by the customer, the TPP, the bank or a replay.
    Ended,
    /// By time.
    Expired,
    #[default]
    All,
}

impl GrantState {
    pub const ALL: [(&'static str, Self); 4] =
        [("live", Self::Live), ("ended", Self::Ended), ("expired", Self::Expired), ("all", Self::All)];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::All => "all",
        }
    }
}

/// Whose grants.
#[derive(Clone)]
pub enum GrantsOf {
    Customer(PsuReference),
    Client(ClientId),
    Organisation(OrganisationId),
}

/// A grant; whose it is, is not told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GrantView {
    pub grant_id: Uuid,
    /// `live`, `ended` or `expired`.
    pub state: GrantState,
    pub brand: String,
    #[schema(value_type = String)]
    pub client_id: ClientId,
    #[schema(value_type = String)]
    pub organisation: OrganisationId,
    pub client_name: String,
    pub channel: String,
    pub scope: String,
    /// The lodged payment that it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_request: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_sca_at: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sca_method: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<OffsetDateTime>,
    /// Where its customer was to be authenticated anew: when that was.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
    /// Such as `withdrawn_by_customer`, `ended_by_bank`, `sca_forced`, `expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// What the customer is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The bank's own words, where the customer was to be authenticated anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sca_forced_why: Option<String>,
}

impl GrantView {
    /// State, end, whose doing and why.
    pub fn ended(
        revoked: Option<(OffsetDateTime, EndReason)>,
        sca_forced: bool,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> (GrantState, Option<(OffsetDateTime, EndedBy, &'static str)>) {
        let by = |at, reason: EndReason| (GrantState::Ended, Some((at, reason.by(), reason.name())));
        match revoked {
            Some((at, reason)) if at < until => by(at, reason),
            Some(_) | None if sca_forced => by(until, EndReason::ScaForced),
            None if now < until => (GrantState::Live, None),
            Some(_) | None => (GrantState::Expired, Some((until, EndedBy::Expiry, "expired"))),
        }
    }
}

/// Newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GrantPage {
    pub grants: Vec<GrantView>,
    /// There may be more: send it as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

/// How far a journey has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JourneyStage {
    /// A browser came where the bank's app was expected.
    AppOffered,
    /// The bank's portal, or its app's back end, has it.
    HandedOff,
    SignIn,
    Accounts,
    Consent,
    Methods,
    /// Being authenticated.
    Challenged,
    /// Approved; whether the browser fetched the code is not told.
    Approved,
    /// Approved, and no code is given for it.
    Done,
    Failed,
}

impl JourneyStage {
    pub const ALL: [(&'static str, Self); 10] = [
        ("app_offered", Self::AppOffered),
        ("handed_off", Self::HandedOff),
        ("sign_in", Self::SignIn),
        ("accounts", Self::Accounts),
        ("consent", Self::Consent),
        ("methods", Self::Methods),
        ("challenged", Self::Challenged),
        ("approved", Self::Approved),
        ("done", Self::Done),
        ("failed", Self::Failed),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, stage)| *stage == self).map_or("", |(name, _)| name)
    }
}

/// A customer's journey: where it stands or stopped, and nothing of the customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JourneyView {
    /// As the log and `interaction_id` of the portal's view have it.
    pub interaction_id: Uuid,
    pub brand: String,
    pub channel: String,
    #[schema(value_type = String)]
    pub client_id: ClientId,
    pub stage: JourneyStage,
    /// Of a failed one: why, as in the bank's table of failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Of a failed one that nobody concluded: where it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<JourneyStage>,
    /// `browser` or `app`.
    pub begun_by: &'static str,
    /// Went on in the browser where the bank's app was expected.
    pub fallback: bool,
    pub language: &'static str,
    pub scope: String,
    /// Passwords that were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i16>,
    /// How the customer is being authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<ChallengeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_request: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// The customer's last sign of life.
    #[serde(with = "time::serde::rfc3339")]
    pub active_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub deadline: OffsetDateTime,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChallengeView {
    /// The bank's id of the method.
    pub method: String,
    #[serde(with = "time::serde::rfc3339")]
    pub asked_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Codes that were sent to the bank.
    pub tried: i16,
    /// Looks in a row that the bank's systems did not answer.
    pub unanswered: i16,
}

/// Newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JourneyPage {
    pub interactions: Vec<JourneyView>,
    /// There may be more: send it as `after`. A page may hold fewer than asked for, even none, and not be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    #[test]
    fn a_grant_ends_once_and_by_what_came_first() {
        const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);
        let at = |hours| NOW + Duration::hours(hours);
        let bank = |hours| Some((at(hours), EndReason::EndedByBank));
        for (revoked, forced, until, state, why) in [
            (None, false, at(1), GrantState::Live, None),
            (None, false, at(0), GrantState::Expired, Some("expired")),
            (bank(-1), false, at(1), GrantState::Ended, Some("ended_by_bank")),
            (bank(-1), false, at(-2), GrantState::Expired, Some("expired")),
            (None, true, at(-1), GrantState::Ended, Some("sca_forced")),
            (bank(0), true, at(-1), GrantState::Ended, Some("sca_forced")),
            (bank(-2), true, at(-1), GrantState::Ended, Some("ended_by_bank")),
        ] {
            let (found, end) = GrantView::ended(revoked, forced, until, NOW);
            assert_eq!((found, end.map(|(_, _, why)| why)), (state, why), "{revoked:?} {forced} {until}");
        }
    }
}
