//! The one table from refusals to what the wire says. Reasons stay inside, codes go outside.

pub use super::error_code::ErrorCode;
use super::{
    app_url::AppUrlRefusal,
    authorize::AuthorizeRefusal,
    client::ClientRefusal,
    conclusion::ConclusionRefusal,
    fault::FaultSide,
    lodging::{LodgingRefusal, PaymentStatus},
    params::ParamsRefusal,
    payment_fields::Fault,
    redirect::NoRedirect,
    registration::RegistrationRefusal,
    sca::ScaFailure,
    token::TokenRefusal,
};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// What a refused request is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
    /// Overrides the code's own status: 405, 413, 415, 429.
    pub status: Option<u16>,
    /// In so many seconds it is worth another try.
    pub retry_after: Option<u64>,
    /// The stable name in log and metrics, where it says more than the code.
    pub reason: &'static str,
    /// Where another side is to blame than status and asker tell.
    pub fault: Option<FaultSide>,
}

/// Refusals that no verdict of the core stands behind: what is wrong with the request as HTTP, or with who sent it.
impl OAuthError {
    pub const BODY_BROKEN: Self = Self::new(ErrorCode::InvalidRequest, "the body broke off").named("body_broken");
    pub const BODY_TOO_LARGE: Self = Self::new(ErrorCode::InvalidRequest, "the body is too large").with_status(413).named("body_too_large");
    pub const BODY_TOO_SLOW: Self = Self::new(ErrorCode::InvalidRequest, "the body took too long").with_status(408).named("body_too_slow");
    pub const NOT_A_FORM: Self = Self::new(ErrorCode::InvalidRequest, "Content-Type: must be application/x-www-form-urlencoded")
        .with_status(415)
        .named("not_a_form");
    pub const NOT_OF_TYPE_JSON: Self =
        Self::new(ErrorCode::InvalidRequest, "Content-Type: must be application/json").with_status(415).named("not_of_type_json");
    pub const NOT_JSON: Self = Self::new(ErrorCode::InvalidClientMetadata, "the body is not JSON").named("not_json");
    pub const NOT_A_JSON_OBJECT: Self =
        Self::new(ErrorCode::InvalidClientMetadata, "the body is not a JSON object").named("not_a_json_object");
    /// Of endpoints that read any other JSON than client metadata.
    pub const NO_JSON_OBJECT: Self = Self::new(ErrorCode::InvalidRequest, "the body is not a JSON object").named("no_json_object");
    pub const BODY_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "the body is not the object described: a member is missing, unknown or of another type")
            .named("body_malformed");
    pub const SUBJECT_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "subject: must have 1 to 255 bytes and no control characters").named("subject_malformed");
    pub const IDEMPOTENCY_KEY_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "Idempotency-Key: must be sent once, with 1 to 255 visible ASCII characters")
            .named("idempotency_key_malformed");
    pub const IDEMPOTENCY_KEY_USED: Self = Self::new(ErrorCode::InvalidRequest, "Idempotency-Key: used before, for another authorize_url")
        .with_status(409)
        .named("idempotency_key_used");
    pub const LANGUAGE_UNKNOWN: Self =
        Self::new(ErrorCode::InvalidRequest, "language: not offered by this brand").named("language_unknown");
    pub const PAGE_LIMIT: Self = Self::new(ErrorCode::InvalidRequest, "limit: must be 1 to 100").named("page_limit");
    pub const REASON_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "reason: must have 1 to 200 characters, on one line").named("reason_malformed");
    pub const REASON_MISSING: Self = Self::new(ErrorCode::InvalidRequest, "reason: the bank has to give one").named("reason_missing");
    pub const NO_SUCH_GRANT: Self =
        Self::new(ErrorCode::InvalidRequest, "no such grant of this customer").with_status(404).named("no_such_grant");
    pub const NO_SUCH_SANDBOX: Self =
        Self::new(ErrorCode::InvalidRequest, "no sandbox: this brand has no scripted customers").with_status(404).named("no_such_sandbox");
    pub const SANDBOX_LOGIN: Self =
        Self::new(ErrorCode::InvalidRequest, "login: must have 1 to 64 of A-Z, a-z, 0-9, '_', '-' and '.'").named("sandbox_login");
    pub const SANDBOX_PASSWORD: Self =
        Self::new(ErrorCode::InvalidRequest, "password: must have 1 to 64 characters, on one line").named("sandbox_password");
    pub const SANDBOX_BUILT_IN: Self =
        Self::new(ErrorCode::InvalidRequest, "login: a built-in customer stays as it is").with_status(409).named("sandbox_built_in");
    pub const SANDBOX_FULL: Self =
        Self::new(ErrorCode::InvalidRequest, "there are 200 scripted customers already").with_status(409).named("sandbox_full");
    pub const NO_SUCH_ENDPOINT: Self = Self::new(ErrorCode::InvalidRequest, "no such endpoint").with_status(404).named("no_such_endpoint");
    pub const NO_SUCH_METHOD: Self =
        Self::new(ErrorCode::InvalidRequest, "this endpoint does not answer this method").with_status(405).named("no_such_method");
    pub const NO_SUCH_BRAND: Self = Self::new(ErrorCode::InvalidRequest, "no such brand").with_status(404).named("no_such_brand");
    /// The administrative part of the internal counter.
    pub const NOT_ADMINISTRATIVE: Self =
        Self::new(ErrorCode::AccessDenied, "this certificate may not administer: admin.api_certificates does not name it")
            .with_status(403)
            .named("not_administrative");
    pub const BY_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "by: must have 1 to 256 bytes and no control characters").named("by_malformed");
    pub const WHY_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "reason: must have 1 to 2000 bytes and no control characters but line breaks")
            .named("why_malformed");
    pub const PSU_NOTICE_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "psu_notice: must have 1 to 2000 bytes and no control characters but line breaks")
            .named("psu_notice_malformed");
    pub const AFTER_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "after: must be what the page before told as next").named("after_malformed");
    pub const STATE_UNKNOWN: Self = Self::new(ErrorCode::InvalidRequest, "state: none of those described").named("state_unknown");
    pub const STAGE_UNKNOWN: Self = Self::new(ErrorCode::InvalidRequest, "stage: none of those described").named("stage_unknown");
    pub const CLIENT_ID_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "client_id: none that was ever given out").named("client_id_malformed");
    pub const ORGANISATION_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "organisation: must have 1 to 500 characters, all of them visible")
            .named("organisation_malformed");
    pub const TIME_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "since, until: must be times of RFC 3339, the earlier first").named("time_malformed");
    pub const WHOSE_GRANTS: Self =
        Self::new(ErrorCode::InvalidRequest, "whose grants: exactly one of subject, client_id and organisation").named("whose_grants");
    pub const TARGET_MALFORMED: Self = Self::new(
        ErrorCode::InvalidRequest,
        "target, value, of: name nothing that could be blocked, or a client: that has a call of its own",
    )
    .named("target_malformed");
    pub const AUTHORITY_INCOMPLETE: Self =
        Self::new(ErrorCode::InvalidRequest, "authority: the day on which it was told, and what it calls it, of 1 to 256 bytes")
            .named("authority_incomplete");
    pub const OVERLAP_DAYS: Self = Self::new(ErrorCode::InvalidRequest, "overlap_days: must be 0 to 400").named("overlap_days");
    pub const FORCED_IDENTIFIER: Self =
        Self::new(ErrorCode::InvalidRequest, "into: with force it must be of the form PSDcc-AUTHORITY-NUMBER").named("forced_identifier");
    pub const NO_SUCH_CLIENT: Self =
        Self::new(ErrorCode::InvalidRequest, "no such client of this brand").with_status(404).named("no_such_client");
    pub const NO_SUCH_GRANT_HERE: Self =
        Self::new(ErrorCode::InvalidRequest, "no such grant of this brand").with_status(404).named("no_such_grant_here");
    pub const NO_SUCH_JOURNEY: Self =
        Self::new(ErrorCode::InvalidRequest, "no such journey of this brand").with_status(404).named("no_such_journey");
    pub const NO_SUCH_ORGANISATION: Self =
        Self::new(ErrorCode::InvalidRequest, "nothing is known of this organisation, or it has no client")
            .with_status(404)
            .named("no_such_organisation");
    pub const NO_SUCH_BLOCK: Self = Self::new(ErrorCode::InvalidRequest, "no such block").with_status(404).named("no_such_block");
    pub const NO_SUCH_ACT: Self = Self::new(ErrorCode::InvalidRequest, "no such act").with_status(404).named("no_such_act");
    pub const NO_SUCH_SWEEP: Self = Self::new(ErrorCode::InvalidRequest, "no such sweep").with_status(404).named("no_such_sweep");
    pub const NO_SUCH_KEY: Self =
        Self::new(ErrorCode::InvalidRequest, "no such signing key in the database").with_status(404).named("no_such_key");
    pub const CLIENT_NOT_BLOCKED: Self =
        Self::new(ErrorCode::InvalidRequest, "nothing blocks this client itself").with_status(409).named("client_not_blocked");
    pub const ACT_CLOSED: Self = Self::new(ErrorCode::InvalidRequest, "the act is approved, rejected or expired already: read it")
        .with_status(409)
        .named("act_closed");
    pub const ACT_OF_SAME_PERSON: Self =
        Self::new(ErrorCode::AccessDenied, "whoever proposed an act cannot approve it: that takes another person")
            .with_status(403)
            .named("act_of_same_person");
    pub const ACT_AT_COMMAND_LINE: Self = Self::new(
        ErrorCode::InvalidRequest,
        "this act takes the customer's reference, which is not sent here: approve it with guichet act approve ID --reference-file FILE",
    )
    .with_status(409)
    .named("act_at_command_line");
    pub const KEY_SIGNS: Self =
        Self::new(ErrorCode::InvalidRequest, "this key signs: make a successor first, at_once where it must stop now")
            .with_status(409)
            .named("key_signs");
    pub const NEXT_KEY_THERE: Self = Self::new(ErrorCode::InvalidRequest, "the next key is there already; at_once has it sign now")
        .with_status(409)
        .named("next_key_there");
    pub const NO_WRAPPING_KEY: Self =
        Self::new(ErrorCode::InvalidRequest, "signing.wrapping_key_file names no key that private halves could be wrapped with")
            .with_status(409)
            .named("no_wrapping_key");
    pub const TOO_MANY_KEYS: Self = Self::new(ErrorCode::InvalidRequest, "too many signing keys are published already: retire some")
        .with_status(409)
        .named("too_many_keys");
    pub const MERGE_SAME: Self =
        Self::new(ErrorCode::InvalidRequest, "an organisation is not merged into itself").with_status(409).named("merge_same");
    pub const MERGE_INTO_UNKNOWN: Self =
        Self::new(ErrorCode::InvalidRequest, "into: nothing is known of it: check the identifier, then send force")
            .with_status(409)
            .named("merge_into_unknown");
    pub const MERGE_TURNED: Self =
        Self::new(ErrorCode::InvalidRequest, "one of the two became another organisation itself, or that one this: read their merges")
            .with_status(409)
            .named("merge_turned");
    pub const EVENTS_AFTER: Self = Self::new(ErrorCode::InvalidRequest, "after: must be the id of an event, or 0").named("events_after");
    pub const EVENTS_LIMIT: Self = Self::new(ErrorCode::InvalidRequest, "limit: must be 1 to 500").named("events_limit");
    pub const NO_HOST: Self = Self::new(ErrorCode::InvalidRequest, "Host: missing or malformed").named("no_host");
    pub const OTHER_CONNECTION: Self =
        Self::new(ErrorCode::InvalidRequest, "this host is served on another connection").with_status(421).named("other_connection");
    pub const NO_SUCH_HOST: Self = Self::new(ErrorCode::InvalidRequest, "no such host here").with_status(421).named("no_such_host");
    pub const UNAVAILABLE: Self = Self::new(ErrorCode::TemporarilyUnavailable, "try again in a moment").named("unavailable");
    /// RFC 6749 has no code for it. What its s4.1.2.1 says of an overloaded server is true of a server that has enough of one of many,
    /// and the status tells which (RFC 6585 s4).
    pub const TOO_MANY_OF_ADDRESS: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many requests of this address: wait as Retry-After says")
            .with_status(429)
            .named("too_many_of_address");
    pub const TOO_MANY_OF_ORGANISATION: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many requests of this organisation: wait as Retry-After says")
            .with_status(429)
            .named("too_many_of_organisation");
    pub const TOO_MANY_OF_CLIENT: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many requests of this client: wait as Retry-After says")
            .with_status(429)
            .named("too_many_of_client");
    pub const TOO_MANY_OF_CALLER: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many requests of this system: wait as Retry-After says")
            .with_status(429)
            .named("too_many_of_caller");
    pub const TOO_MANY_REFUSED: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many failed client authentications: wait as Retry-After says")
            .with_status(429)
            .named("too_many_refused");
    pub const TOO_MANY_AT_ONCE: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many requests at the same time: wait for the answers of others")
            .with_status(429)
            .named("too_many_at_once");
    /// RFC 6749 s4.1.2.1, at the redirect URI.
    pub const TOO_MANY_JOURNEYS: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "too many authorization requests of this client: try again in some minutes")
            .named("too_many_journeys");
    pub const INTERNAL: Self = Self::new(ErrorCode::ServerError, "an internal error").named("internal");
    pub const AUTHORIZATION_MALFORMED: Self =
        Self::new(ErrorCode::InvalidRequest, "Authorization: malformed or sent more than once").named("authorization_malformed");
    pub const NOT_A_BEARER_TOKEN: Self =
        Self::new(ErrorCode::InvalidToken, "Authorization: must be a Bearer token").named("not_a_bearer_token");
    pub const CERTIFICATE_MISSING: Self =
        Self::new(ErrorCode::InvalidClient, "CERTIFICATE_MISSING: a client certificate (QWAC) is required").named("CERTIFICATE_MISSING");
    /// Nobody can say now whether the certificate is revoked: an outage, not a refusal.
    /// An outage of the bank's, not a fault of the certificate.
    pub const TRUSTED_LIST_STALE: Self = Self::new(
        ErrorCode::TemporarilyUnavailable,
        "TRUSTED_LIST_STALE: the trusted list that names the certificate's issuer is out of date here",
    )
    .named("TRUSTED_LIST_STALE");
    pub const STATUS_UNAVAILABLE: Self = Self::new(
        ErrorCode::TemporarilyUnavailable,
        "CERTIFICATE_STATUS_UNAVAILABLE: whether the certificate is revoked cannot be learnt now",
    )
    .named("CERTIFICATE_STATUS_UNAVAILABLE");
    /// Whether a software statement is its issuer's.
    pub const STATEMENT_KEYS_UNAVAILABLE: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "software_statement: the keys of its issuer cannot be learnt now")
            .named("statement_keys_unavailable");
    /// The bank's keys are there, and this process cannot use the one that signs.
    pub const NOT_SIGNING: Self =
        Self::new(ErrorCode::TemporarilyUnavailable, "the bank's signing key cannot be used now").named("not_signing");
    /// RFC 9110 s15.5.7: whoever takes signed answers alone gets none while there is no key.
    pub const NOTHING_SIGNED: Self = Self::new(ErrorCode::InvalidRequest, "Accept: no key signs answers here; application/json is served")
        .with_status(406)
        .named("nothing_signed");
    /// `codes` are the reasons, joined by a comma, and `first` the one that the log names.
    pub fn certificate(first: &'static str, codes: &str) -> Self {
        Self::described(ErrorCode::InvalidClient, codes.to_owned()).named(first)
    }

    /// RFC 6749 s4.1.2.1, at the redirect URI: the TPP is blocked, or refused for what the register says.
    pub const PROVIDER_REFUSED: Self =
        Self::new(ErrorCode::AccessDenied, "the bank does not serve this provider at present").named("provider_refused");

    /// An act on a client that is not the bank's own to change.
    pub const CLIENT_OF_TPP: Self =
        Self::new(ErrorCode::InvalidRequest, "client_id: registered by its TPP, with a QWAC").with_status(409).named("client_of_tpp");
    /// Of an act: what is to be registered is not admitted.
    pub fn metadata_of_act(field: &str, why: &str) -> Self {
        Self::described(ErrorCode::InvalidClientMetadata, format!("{field}: {why}"))
    }

    /// RFC 7592 s2: the same for a client that is unknown, deleted, another organisation's, or for a wrong token.
    pub const CLIENT_NOT_MANAGED: Self = Self::new(ErrorCode::InvalidToken, "no such client, or not yours").named("client_not_managed");
    /// RFC 7009 s2.1 and RFC 7662 s2.1.
    pub const REQUEST_URI_PUSHED: Self =
        Self::new(ErrorCode::InvalidRequest, "request_uri: must not be in a pushed request").named("request_uri_pushed");
    pub const REDIRECT_URI_MISSING: Self = Self::new(ErrorCode::InvalidRequest, "redirect_uri: missing").named("redirect_uri_missing");
    pub const TOKEN_MISSING: Self = Self::new(ErrorCode::InvalidRequest, "token: missing").named("token_missing");
    /// Of a request about several.
    pub fn too_many_tokens(most: usize) -> Self {
        Self::described(ErrorCode::InvalidRequest, format!("tokens: at most {most} in one request")).named("too_many_tokens")
    }
    pub const TOKEN_OF_OTHER_CLIENT: Self =
        Self::new(ErrorCode::InvalidGrant, "the token was not issued to this client").named("token_of_other_client");
}

impl OAuthError {
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description), status: None, retry_after: None, reason: code.as_str(), fault: None }
    }

    pub fn described(code: ErrorCode, description: String) -> Self {
        Self { code, description: Cow::Owned(description), status: None, retry_after: None, reason: code.as_str(), fault: None }
    }

    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub const fn named(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }

    pub const fn with_fault(mut self, side: FaultSide) -> Self {
        self.fault = Some(side);
        self
    }

    pub const fn status(&self) -> u16 {
        match self.status {
            Some(status) => status,
            None => self.code.status(),
        }
    }

    pub fn body(&self) -> ErrorBody {
        ErrorBody { error: self.code.as_str(), error_description: printable(&self.description) }
    }
}

/// RFC 6749 s5.2: `error_description` holds only %x20-21, %x23-5B, %x5D-7E.
fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '\'' }).collect()
}

/// RFC 6749 s5.2: the JSON of every refusal at a machine endpoint.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    #[schema(example = "invalid_grant")]
    pub error: &'static str,
    /// Stable text: one per reason, listed in the error table.
    pub error_description: String,
}

impl From<ParamsRefusal> for OAuthError {
    fn from(refusal: ParamsRefusal) -> Self {
        use ErrorCode::InvalidRequest;
        let name = refusal.name();
        let error = match refusal {
            ParamsRefusal::Malformed => Self::new(InvalidRequest, "the parameters are not form-encoded UTF-8"),
            ParamsRefusal::TooMany => Self::new(InvalidRequest, "too many parameters"),
            ParamsRefusal::Repeated(name) => Self::described(InvalidRequest, format!("{}: sent more than once", shown_name(&name))),
        };
        error.named(name)
    }
}

/// A parameter name from outside, fit to be repeated in `error_description`: RFC 6749 s5.2 names the characters.
fn shown_name(name: &str) -> String {
    name.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).take(64).collect()
}

/// Every wrong member, each with what is wrong with it.
fn all_of(faults: &[Fault]) -> String {
    let all: Vec<_> = faults.iter().map(|fault| format!("{}: {}", shown_name(&fault.member), fault.why)).collect();
    all.join("; ")
}

impl From<ClientRefusal> for OAuthError {
    fn from(refusal: ClientRefusal) -> Self {
        use ErrorCode::{InvalidClient, InvalidRequest};
        let name = refusal.name();
        let error = match refusal {
            ClientRefusal::IdMissing => Self::new(InvalidClient, "client_id: missing"),
            ClientRefusal::SecretMissing => {
                Self::new(InvalidClient, "HTTP Basic authentication with client_id and client_secret is required")
            }
            ClientRefusal::UnexpectedMethod => Self::new(InvalidClient, "this client authenticates with its certificate alone"),
            ClientRefusal::TwoMethods => Self::new(InvalidRequest, "more than one way of client authentication"),
            ClientRefusal::OtherSubject => {
                Self::new(InvalidClient, "the certificate's subject is not the one that this client registered (RFC 8705 s2.1.2)")
            }
            ClientRefusal::NotAccepted | ClientRefusal::OtherKey => Self::new(InvalidClient, "the certificate is not accepted"),
            ClientRefusal::Assertion(refusal) => {
                let why = refusal.description();
                Self::described(InvalidClient, format!("client_assertion: {why}"))
            }
            ClientRefusal::Blocked => Self::new(InvalidClient, "CLIENT_BLOCKED: the bank does not serve this client at present"),
            ClientRefusal::Unknown | ClientRefusal::WrongSecret | ClientRefusal::OtherOrganisation => {
                Self::new(InvalidClient, "client authentication failed")
            }
        };
        error.named(name)
    }
}

impl From<TokenRefusal> for OAuthError {
    fn from(refusal: TokenRefusal) -> Self {
        use ErrorCode::{InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType};
        let name = refusal.name();
        let error = match refusal {
            TokenRefusal::Missing(name) => Self::described(InvalidRequest, format!("{name}: missing")),
            TokenRefusal::Malformed(name) => Self::described(InvalidRequest, format!("{name}: malformed")),
            TokenRefusal::UnsupportedGrantType => Self::new(UnsupportedGrantType, "grant_type: not offered here"),
            TokenRefusal::GrantTypeNotRegistered => Self::new(UnauthorizedClient, "grant_type: not registered for this client"),
            TokenRefusal::CodeUnknown
            | TokenRefusal::CodeReplayed
            | TokenRefusal::CodeOfOtherClient
            | TokenRefusal::CodeOfOtherChannel
            | TokenRefusal::GrantEnded => Self::new(InvalidGrant, "the code is unknown, used up or not yours"),
            TokenRefusal::CodeExpired => Self::new(InvalidGrant, "the code has expired"),
            TokenRefusal::OtherRedirectUri => Self::new(InvalidGrant, "redirect_uri: not the one of the authorization request"),
            TokenRefusal::VerifierMissing => Self::new(InvalidGrant, "code_verifier: missing"),
            TokenRefusal::VerifierUnexpected => Self::new(InvalidGrant, "code_verifier: the code was issued without a challenge"),
            TokenRefusal::VerifierWrong => Self::new(InvalidGrant, "code_verifier: does not fit the challenge"),
            TokenRefusal::RefreshTokenUnknown
            | TokenRefusal::RefreshTokenReplayed
            | TokenRefusal::RefreshTokenOfOtherClient
            | TokenRefusal::RefreshTokenOfOtherChannel => Self::new(InvalidGrant, "the refresh token is unknown, ended or not yours"),
            TokenRefusal::RefreshTokenExpired => {
                Self::new(InvalidGrant, "the refresh token has expired: the customer must authenticate again")
            }
            TokenRefusal::ScopeUnknown => Self::new(InvalidScope, "scope: not offered here"),
            TokenRefusal::ScopeNotGranted => Self::new(InvalidScope, "scope: more than was granted"),
            TokenRefusal::ScopeMustMatch => Self::new(InvalidScope, "scope: must be the one of the authorization request"),
            TokenRefusal::ScopeNotRegistered => Self::new(InvalidScope, "scope: not registered for this client"),
            TokenRefusal::RoleMissing => Self::new(InvalidScope, "ROLE_INVALID: the certificate lacks the role that this scope needs"),
            TokenRefusal::OtherResource => Self::new(InvalidTarget, "resource: tokens of this brand are for another"),
        };
        error.named(name)
    }
}

impl From<AuthorizeRefusal> for OAuthError {
    fn from(refusal: AuthorizeRefusal) -> Self {
        use ErrorCode::{
            InvalidAuthorizationDetails, InvalidRequest, InvalidScope, InvalidTarget, RequestNotSupported, RequestUriNotSupported,
            UnauthorizedClient, UnsupportedResponseType,
        };
        let name = refusal.name();
        let error = match refusal {
            AuthorizeRefusal::Repeated(name) => Self::described(InvalidRequest, format!("{}: sent more than once", shown_name(&name))),
            AuthorizeRefusal::ResponseTypeMissing => Self::new(InvalidRequest, "response_type: missing"),
            AuthorizeRefusal::ResponseTypeUnsupported => Self::new(UnsupportedResponseType, "response_type: only code"),
            AuthorizeRefusal::ResponseModeUnsupported => Self::new(InvalidRequest, "response_mode: only query"),
            AuthorizeRefusal::ResponseModeUnknown => Self::new(InvalidRequest, "response_mode: only query, jwt and query.jwt"),
            AuthorizeRefusal::ResponseUnsigned => {
                Self::new(InvalidRequest, "response_mode: no key of the bank signs by the algorithm registered: see the metadata")
            }
            AuthorizeRefusal::RequestObject => Self::new(RequestNotSupported, "request: not supported"),
            AuthorizeRefusal::RequestUri => Self::new(RequestUriNotSupported, "request_uri: not supported"),
            AuthorizeRefusal::NotPushed => Self::new(InvalidRequest, "request_uri: missing: this client pushes its requests (RFC 9126)"),
            AuthorizeRefusal::StateTooLong => Self::new(InvalidRequest, "state: too long"),
            AuthorizeRefusal::GrantTypeNotRegistered => {
                Self::new(UnauthorizedClient, "authorization_code is not registered for this client")
            }
            AuthorizeRefusal::OtherResource => Self::new(InvalidTarget, "resource: tokens of this brand are for another"),
            AuthorizeRefusal::Details(faults) => Self::described(InvalidAuthorizationDetails, all_of(&faults)),
            AuthorizeRefusal::ScopeMissing => Self::new(InvalidScope, "scope: missing"),
            AuthorizeRefusal::ScopeUnknown => Self::new(InvalidScope, "scope: not offered here"),
            AuthorizeRefusal::ScopeMixed => Self::new(InvalidScope, "scope: aisp, cbpii and pisp each need an authorization of their own"),
            AuthorizeRefusal::ExtendedHistoryAlone => Self::new(InvalidScope, "scope: extended_transaction_history needs aisp"),
            AuthorizeRefusal::ScopeNotRegistered => Self::new(InvalidScope, "scope: not registered for this client"),
            AuthorizeRefusal::ChallengeMissing => Self::new(InvalidRequest, "code_challenge: missing"),
            AuthorizeRefusal::ChallengeMethod => Self::new(InvalidRequest, "code_challenge_method: only S256"),
            AuthorizeRefusal::ChallengeMalformed => Self::new(InvalidRequest, "code_challenge: malformed"),
            AuthorizeRefusal::PaymentMissing => {
                Self::new(InvalidRequest, "payment_request: missing: begin with the consentApproval URL of the payment")
            }
            AuthorizeRefusal::PaymentOfOtherScope => Self::new(InvalidRequest, "payment_request: goes with scope pisp only"),
            AuthorizeRefusal::PaymentUnknown => Self::new(InvalidRequest, "payment_request: unknown, or not of this client"),
            AuthorizeRefusal::PaymentExpired => Self::new(InvalidRequest, "payment_request: expired"),
            AuthorizeRefusal::PaymentWithdrawn => Self::new(InvalidRequest, "payment_request: withdrawn by the bank"),
            AuthorizeRefusal::PaymentApproved => Self::new(InvalidRequest, "payment_request: approved already"),
        };
        error.named(name)
    }
}

impl From<LodgingRefusal> for OAuthError {
    fn from(refusal: LodgingRefusal) -> Self {
        use ErrorCode::InvalidRequest;
        let name = refusal.name();
        let error = match refusal {
            LodgingRefusal::Faults(faults) => Self::described(InvalidRequest, all_of(&faults)),
            LodgingRefusal::Unknown => Self::new(InvalidRequest, "no such payment request").with_status(404),
            LodgingRefusal::Differs => {
                Self::new(InvalidRequest, "payment_id: lodged before with other content: change that request").with_status(409)
            }
            LodgingRefusal::OtherPayment => {
                Self::new(InvalidRequest, "client_id, kind and payment_id: must be those of the lodged request").with_status(409)
            }
            LodgingRefusal::Over(PaymentStatus::Used) => Self::new(InvalidRequest, "the payment is used already").with_status(409),
            LodgingRefusal::Over(PaymentStatus::Withdrawn) => {
                Self::new(InvalidRequest, "the payment request was withdrawn").with_status(409)
            }
            LodgingRefusal::Over(PaymentStatus::Lodged | PaymentStatus::Approved | PaymentStatus::Expired) => {
                Self::new(InvalidRequest, "the payment request has expired").with_status(409)
            }
            LodgingRefusal::NotApproved => Self::new(InvalidRequest, "the customer has not approved the payment").with_status(409),
            LodgingRefusal::UsedOtherwise => {
                Self::new(InvalidRequest, "reference: the payment was used under another one").with_status(409)
            }
        };
        error.named(name)
    }
}

/// For the bank's app: in a browser a page says it.
impl From<NoRedirect> for OAuthError {
    fn from(refusal: NoRedirect) -> Self {
        use ErrorCode::{InvalidRequest, InvalidRequestUri};
        let name = refusal.name();
        let error = match refusal {
            NoRedirect::UnknownClient => Self::new(InvalidRequest, "client_id: unknown to this brand"),
            NoRedirect::Ambiguous => Self::new(InvalidRequest, "client_id or redirect_uri: sent more than once"),
            NoRedirect::RedirectUriMissing => Self::new(InvalidRequest, "redirect_uri: missing, and the client has several"),
            NoRedirect::RedirectUriUnknown => Self::new(InvalidRequest, "redirect_uri: not one of the client's"),
            NoRedirect::RequestUri => Self::new(InvalidRequestUri, "request_uri: unknown, expired, used, or of another client"),
            NoRedirect::RequestObject(refusal) => return refusal.into(),
        };
        error.named(name)
    }
}

impl From<AppUrlRefusal> for OAuthError {
    fn from(refusal: AppUrlRefusal) -> Self {
        use ErrorCode::InvalidRequest;
        let name = refusal.name();
        let error = match refusal {
            AppUrlRefusal::NotAUrl => Self::new(InvalidRequest, "authorize_url: not an absolute URL"),
            AppUrlRefusal::OtherHost => Self::new(InvalidRequest, "authorize_url: not on the brand's host for customers"),
            AppUrlRefusal::NotAnAppsEndpoint => Self::new(InvalidRequest, "authorize_url: no authorization endpoint of an app"),
            AppUrlRefusal::MalformedQuery => Self::new(InvalidRequest, "authorize_url: the query is not form-encoded UTF-8, or too long"),
        };
        error.named(name)
    }
}

impl From<ConclusionRefusal> for OAuthError {
    fn from(refusal: ConclusionRefusal) -> Self {
        use ErrorCode::{
            AlreadyConcluded, ApprovalVoid, InteractionTimedOut, InvalidRequest, LinkedHashMismatch, ProviderNotServed,
            RequirementsMissing, UnknownInteraction,
        };
        let name = refusal.name();
        let error = match refusal {
            ConclusionRefusal::Unknown => Self::new(UnknownInteraction, "no such interaction"),
            ConclusionRefusal::Malformed(wrong) => Self::described(InvalidRequest, format!("{}: {}", shown_name(&wrong.member), wrong.why)),
            ConclusionRefusal::UnknownReason => {
                let names = ScaFailure::ALL.map(ScaFailure::name).join(", ");
                Self::described(InvalidRequest, format!("reason: must be one of {names}"))
            }
            ConclusionRefusal::OneAccountOnly => Self::new(InvalidRequest, "accounts: the customer chooses one"),
            ConclusionRefusal::Missing(_) => Self::new(RequirementsMissing, "not all that is required was done"),
            ConclusionRefusal::ScaOfAnotherTime => Self::new(RequirementsMissing, "sca.at: not within this journey"),
            ConclusionRefusal::OtherLinkedHash => Self::new(LinkedHashMismatch, "sca.linked_hash: not what this journey is linked to"),
            ConclusionRefusal::Late => Self::new(InteractionTimedOut, "the deadline of the interaction has passed"),
            ConclusionRefusal::NotServed => Self::new(ProviderNotServed, "the bank does not serve this provider at present"),
            ConclusionRefusal::Void => Self::new(ApprovalVoid, "what was approved is no longer there to be approved"),
            ConclusionRefusal::AlreadyConcluded => Self::new(AlreadyConcluded, "the interaction was concluded, and otherwise"),
        };
        error.named(name)
    }
}

impl From<RegistrationRefusal> for OAuthError {
    fn from(refusal: RegistrationRefusal) -> Self {
        Self::described(refusal.code, format!("{}: {}", refusal.field, refusal.why))
    }
}
