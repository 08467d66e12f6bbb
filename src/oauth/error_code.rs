//! The closed vocabulary of `error`.

/// `error` values of RFC 6749 s4.1.2.1 and s5.2, RFC 9101 s6.2 and s6.3, RFC 7009 s2.2.1, RFC 7591 s3.2.2, RFC 6750 s3.1, RFC 9396 s5, RFC 8707 s2, OpenID Connect Core s3.1.2.6;
/// those of the internal counter are our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    AccessDenied,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    InvalidToken,
    InvalidRedirectUri,
    InvalidClientMetadata,
    InvalidSoftwareStatement,
    UnapprovedSoftwareStatement,
    RequestNotSupported,
    RequestUriNotSupported,
    InvalidRequestUri,
    InvalidRequestObject,
    InvalidAuthorizationDetails,
    InvalidTarget,
    TemporarilyUnavailable,
    ServerError,
    UnknownInteraction,
    RequirementsMissing,
    LinkedHashMismatch,
    InteractionTimedOut,
    ProviderNotServed,
    ApprovalVoid,
    AlreadyConcluded,
}

impl ErrorCode {
    pub const ALL: [Self; 28] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::AccessDenied,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::InvalidToken,
        Self::InvalidRedirectUri,
        Self::InvalidClientMetadata,
        Self::InvalidSoftwareStatement,
        Self::UnapprovedSoftwareStatement,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::InvalidRequestUri,
        Self::InvalidRequestObject,
        Self::InvalidAuthorizationDetails,
        Self::InvalidTarget,
        Self::TemporarilyUnavailable,
        Self::ServerError,
        Self::UnknownInteraction,
        Self::RequirementsMissing,
        Self::LinkedHashMismatch,
        Self::InteractionTimedOut,
        Self::ProviderNotServed,
        Self::ApprovalVoid,
        Self::AlreadyConcluded,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidTarget => "invalid_target",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
            Self::UnknownInteraction => "unknown_interaction",
            Self::RequirementsMissing => "requirements_missing",
            Self::LinkedHashMismatch => "linked_hash_mismatch",
            Self::InteractionTimedOut => "interaction_timed_out",
            Self::ProviderNotServed => "provider_not_served",
            Self::ApprovalVoid => "approval_void",
            Self::AlreadyConcluded => "already_concluded",
        }
    }

    /// The HTTP status where the answer is JSON.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::AccessDenied => 403,
            Self::UnknownInteraction => 404,
            Self::RequirementsMissing
            | Self::LinkedHashMismatch
            | Self::InteractionTimedOut
            | Self::ProviderNotServed
            | Self::ApprovalVoid
            | Self::AlreadyConcluded => 409,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::InvalidRedirectUri
            | Self::InvalidClientMetadata
            | Self::InvalidSoftwareStatement
            | Self::UnapprovedSoftwareStatement
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::InvalidRequestUri
            | Self::InvalidRequestObject
            | Self::InvalidAuthorizationDetails
            | Self::InvalidTarget => 400,
        }
    }
}
