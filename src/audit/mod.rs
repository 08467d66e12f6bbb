//! What the bank must be able to prove later: one event a decision, written with it.

pub mod chain;
pub mod export;
pub mod finding;
pub mod month;
pub mod psu;
pub mod verify;

use crate::oauth::{brand::BrandId, client::ClientId, grant::GrantId, tpp::OrganisationId};
use psu::SealedPsu;
use std::borrow::Cow;
use time::OffsetDateTime;
use uuid::Uuid;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    CertificateRefused,
    ClientRefused,
    /// RFC 9126.
    PushRefused,
    ClientRegistered,
    ClientRead,
    ClientUpdated,
    ClientDeleted,
    /// The bank holds it to a profile, or to what it registered; `reason` says which and why.
    ClientProfileSet,
    /// An operator's merge made it another organisation's; `reason` is the former one.
    ClientMerged,
    /// `reason` is the organisation it became.
    OrganisationMerged,
    RegistrationRefused,
    InteractionBegun,
    /// The customer went on in the browser where the bank's app was expected.
    AppFallback,
    SignedIn,
    SignInFailed,
    InteractionApproved,
    InteractionFailed,
    /// The bank's SCA system was away or not to be believed; `reason` says how. `InteractionFailed` follows.
    ScaFault,
    CodeIssued,
    TokenIssued,
    TokenRefused,
    TokenRefreshed,
    ClientCredentialsIssued,
    CodeReplayed,
    /// A refresh token whose successor was used already: its grant ends.
    RefreshReplayed,
    TokenRevoked,
    GrantRevoked,
    /// By the customer or the bank (`actor`), not by the TPP.
    GrantWithdrawn,
    /// A link to a customer's own page was made; `subject` is the visit.
    PermissionsLinkMade,
    PermissionsOpened,
    RevocationRefused,
    TrustedListAccepted,
    TrustedListRefused,
    /// Its territory is excluded since.
    TrustedListDropped,
    /// Blocked, or refused for what the register says.
    StandingRefused,
    BlockAdded,
    BlockLifted,
    BlockNotified,
    /// It waits for a second person; `subject` is the act, `reason` what and why.
    ActProposed,
    /// `actor` is the second person. The act itself is recorded beside, with both.
    ActApproved,
    ActRejected,
    /// The bank has the customer authenticated anew; `reason` says why.
    ScaForced,
    /// All grants of a client or an organisation are being ended; `subject` is the sweep.
    GrantSweepBegun,
    GrantSweepFinished,
    /// `subject` is the key.
    SigningKeyMade,
    SigningKeyRetired,
    /// Private halves are under another wrapping key.
    SigningKeysRewrapped,
    RegisterImported,
    PaymentLodged,
    PaymentChanged,
    PaymentWithdrawn,
    PaymentUsed,
    /// A journey could not approve what it began with; `reason` says why.
    PaymentRefused,
    /// All events of a month went by retention; `subject` is the month.
    AuditMonthDropped,
    /// The trail came into another cluster, and its positions go on above those that there were.
    AuditResumed,
    /// A customer was forgotten; `subject` is the key that was destroyed.
    PsuErased,
    /// Somebody of the bank was told of whom an event is; `subject` is that event.
    PsuRevealed,
}

impl AuditKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CertificateRefused => "certificate_refused",
            Self::ClientRefused => "client_refused",
            Self::PushRefused => "push_refused",
            Self::ClientRegistered => "client_registered",
            Self::ClientRead => "client_read",
            Self::ClientUpdated => "client_updated",
            Self::ClientDeleted => "client_deleted",
            Self::ClientProfileSet => "client_profile_set",
            Self::ClientMerged => "client_merged",
            Self::OrganisationMerged => "organisation_merged",
            Self::RegistrationRefused => "registration_refused",
            Self::InteractionBegun => "interaction_begun",
            Self::AppFallback => "app_fallback",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::InteractionApproved => "interaction_approved",
            Self::InteractionFailed => "interaction_failed",
            Self::ScaFault => "sca_fault",
            Self::CodeIssued => "code_issued",
            Self::TokenIssued => "token_issued",
            Self::TokenRefused => "token_refused",
            Self::TokenRefreshed => "token_refreshed",
            Self::ClientCredentialsIssued => "client_credentials_issued",
            Self::CodeReplayed => "code_replayed",
            Self::RefreshReplayed => "refresh_replayed",
            Self::TokenRevoked => "token_revoked",
            Self::GrantRevoked => "grant_revoked",
            Self::GrantWithdrawn => "grant_withdrawn",
            Self::PermissionsLinkMade => "permissions_link_made",
            Self::PermissionsOpened => "permissions_opened",
            Self::RevocationRefused => "revocation_refused",
            Self::TrustedListAccepted => "trusted_list_accepted",
            Self::TrustedListRefused => "trusted_list_refused",
            Self::TrustedListDropped => "trusted_list_dropped",
            Self::StandingRefused => "standing_refused",
            Self::BlockAdded => "block_added",
            Self::BlockLifted => "block_lifted",
            Self::BlockNotified => "block_notified",
            Self::ActProposed => "act_proposed",
            Self::ActApproved => "act_approved",
            Self::ActRejected => "act_rejected",
            Self::ScaForced => "sca_forced",
            Self::GrantSweepBegun => "grant_sweep_begun",
            Self::GrantSweepFinished => "grant_sweep_finished",
            Self::SigningKeyMade => "signing_key_made",
            Self::SigningKeyRetired => "signing_key_retired",
            Self::SigningKeysRewrapped => "signing_keys_rewrapped",
            Self::RegisterImported => "register_imported",
            Self::PaymentLodged => "payment_lodged",
            Self::PaymentChanged => "payment_changed",
            Self::PaymentWithdrawn => "payment_withdrawn",
            Self::PaymentUsed => "payment_used",
            Self::PaymentRefused => "payment_refused",
            Self::AuditMonthDropped => "audit_month_dropped",
            Self::AuditResumed => "audit_resumed",
            Self::PsuErased => "psu_erased",
            Self::PsuRevealed => "psu_revealed",
        }
    }
}

/// Names ids and reason codes only: no secret, no login, and no customer but under his key.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    pub id: Uuid,
    pub at: OffsetDateTime,
    pub brand: BrandId,
    pub kind: AuditKind,
    pub client: Option<ClientId>,
    pub organisation: Option<OrganisationId>,
    pub grant: Option<GrantId>,
    pub reason: Option<Cow<'static, str>>,
    /// Who did it, where a person of the bank did.
    pub actor: Option<String>,
    /// What it is about, where no id above says it: a block, a register, a lodged payment.
    pub subject: Option<String>,
    /// Of which customer it is.
    pub psu: Option<SealedPsu>,
}

/// Stands in the brand's place where an event is every brand's.
pub const EVERY_BRAND: &str = "*";

impl AuditEvent {
    pub fn new(id: Uuid, at: OffsetDateTime, brand: &BrandId, kind: AuditKind) -> Self {
        Self {
            id,
            at,
            brand: brand.clone(),
            kind,
            client: None,
            organisation: None,
            grant: None,
            reason: None,
            actor: None,
            subject: None,
            psu: None,
        }
    }

    /// For what concerns every brand.
    pub fn of_all_brands(id: Uuid, at: OffsetDateTime, kind: AuditKind) -> Self {
        Self::new(id, at, &BrandId::new(EVERY_BRAND), kind)
    }

    pub fn client(mut self, client: ClientId) -> Self {
        self.client = Some(client);
        self
    }

    pub fn organisation(mut self, organisation: &OrganisationId) -> Self {
        self.organisation = Some(organisation.clone());
        self
    }

    pub fn grant(mut self, grant: GrantId) -> Self {
        self.grant = Some(grant);
        self
    }

    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    pub fn psu(mut self, psu: Option<SealedPsu>) -> Self {
        self.psu = psu;
        self
    }

    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}
