//! Every refusal an operation may answer with, as the code that refuses spells it.

use super::certificates::REASONS;
use crate::{
    oauth::{
        brand::{Brand, ClientAuth, ExchangeScope},
        channel::Channel,
        client::ClientRefusal,
        client_metadata::{AuthMethod, GrantType},
        error::OAuthError,
        params::ParamsRefusal,
        token::TokenRefusal,
    },
    pki::CertificateRefusal,
};

/// An answer, and what stands behind it where the answer is terse.
#[derive(Clone)]
pub struct Refusal {
    pub error: OAuthError,
    pub why: Option<&'static str>,
}

impl<T: Into<OAuthError>> From<T> for Refusal {
    fn from(refusal: T) -> Self {
        Self { error: refusal.into(), why: None }
    }
}

/// Statuses that do not depend on the operation: name in the document, and what is answered.
pub const SHARED: [(&str, &[OAuthError]); 10] = [
    ("NotFound", &[OAuthError::NO_SUCH_ENDPOINT]),
    ("MethodNotAllowed", &[OAuthError::NO_SUCH_METHOD]),
    ("BodyTooSlow", &[OAuthError::BODY_TOO_SLOW]),
    ("BodyTooLarge", &[OAuthError::BODY_TOO_LARGE]),
    ("NotAForm", &[OAuthError::NOT_A_FORM]),
    ("NotJson", &[OAuthError::NOT_OF_TYPE_JSON]),
    ("OtherHost", &[OAuthError::OTHER_CONNECTION, OAuthError::NO_SUCH_HOST]),
    (
        "TooManyRequests",
        &[
            OAuthError::TOO_MANY_OF_ADDRESS,
            OAuthError::TOO_MANY_OF_ORGANISATION,
            OAuthError::TOO_MANY_OF_CLIENT,
            OAuthError::TOO_MANY_OF_CALLER,
            OAuthError::TOO_MANY_REFUSED,
            OAuthError::TOO_MANY_AT_ONCE,
        ],
    ),
    ("ServerError", &[OAuthError::INTERNAL]),
    ("Unavailable", &[OAuthError::UNAVAILABLE]),
];

/// The certificate's reasons in full: at registration, where a new one is first shown.
pub fn any_certificate() -> Vec<Refusal> {
    let reasons = REASONS.iter().map(|reason| {
        let error = OAuthError::certificate(reason.code(), &CertificateRefusal { reasons: vec![reason.clone()] }.to_string());
        Refusal { error, why: Some(reason.explanation()) }
    });
    [OAuthError::CERTIFICATE_MISSING.into()].into_iter().chain(reasons).collect()
}

/// Those that a certificate which was once accepted may meet.
pub fn known_certificate() -> Vec<Refusal> {
    let later = [
        "CERTIFICATE_MISSING",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_BLOCKED",
        "ISSUER_NOT_TRUSTED",
        "NCA_COUNTRY_NOT_ACCEPTED",
        "AUTHORISATION_",
        "NOT_IN_REGISTER",
        "NOT_PASSPORTED",
        "REGISTER_",
    ];
    let named = |refusal: &Refusal| later.iter().any(|code| refusal.error.description.starts_with(code));
    any_certificate().into_iter().filter(named).collect()
}

/// What makes a form unreadable, whatever it asks for.
pub fn form() -> Vec<Refusal> {
    unreadable([OAuthError::NO_HOST, OAuthError::BODY_BROKEN], "client_id")
}

/// What makes a query unreadable.
pub fn query() -> Vec<Refusal> {
    unreadable([OAuthError::NO_HOST], "after")
}

fn unreadable<const N: usize>(broken: [OAuthError; N], name: &str) -> Vec<Refusal> {
    let readings = [ParamsRefusal::Malformed, ParamsRefusal::TooMany, ParamsRefusal::Repeated(name.into())];
    broken.into_iter().map(Refusal::from).chain(readings.into_iter().map(Refusal::from)).collect()
}

/// Client authentication as this brand does it.
pub fn client(brand: &Brand) -> Vec<Refusal> {
    let secret = brand.client_auth == ClientAuth::TlsAndSecretBasic;
    let may_happen = |refusal: &ClientRefusal| match refusal {
        ClientRefusal::IdMissing | ClientRefusal::UnexpectedMethod => !secret,
        ClientRefusal::SecretMissing | ClientRefusal::WrongSecret => secret,
        ClientRefusal::Assertion(_) | ClientRefusal::OtherSubject => AuthMethod::PrivateKeyJwt.is_offered_by(brand),
        // answered as any certificate that is not accepted
        ClientRefusal::NotAccepted | ClientRefusal::OtherKey => false,
        ClientRefusal::TwoMethods | ClientRefusal::Unknown | ClientRefusal::OtherOrganisation | ClientRefusal::Blocked => true,
    };
    let refusals = ClientRefusal::all().into_iter().filter(may_happen).map(Refusal::from);
    known_certificate().into_iter().chain([OAuthError::AUTHORIZATION_MALFORMED.into()]).chain(refusals).collect()
}

/// What the token endpoint of this channel may refuse.
pub fn token(brand: &Brand, channel: &Channel) -> Vec<Refusal> {
    let refresh = GrantType::RefreshToken.is_offered_by(brand);
    let must_match = brand.exchange_scope == ExchangeScope::MustMatch;
    let may_happen = |refusal: &TokenRefusal| match refusal {
        TokenRefusal::Missing(name) => *name != "refresh_token" || refresh,
        TokenRefusal::RefreshTokenUnknown
        | TokenRefusal::RefreshTokenExpired
        | TokenRefusal::RefreshTokenReplayed
        | TokenRefusal::RefreshTokenOfOtherClient
        | TokenRefusal::RefreshTokenOfOtherChannel => refresh,
        TokenRefusal::ScopeNotGranted => !must_match || brand.profiles.offer_fapi2() || refresh || channel.client_credentials,
        TokenRefusal::ScopeMustMatch => must_match,
        TokenRefusal::OtherResource => brand.access_tokens.audience().is_some(),
        TokenRefusal::Malformed(_)
        | TokenRefusal::UnsupportedGrantType
        | TokenRefusal::GrantTypeNotRegistered
        | TokenRefusal::CodeUnknown
        | TokenRefusal::CodeExpired
        | TokenRefusal::CodeReplayed
        | TokenRefusal::CodeOfOtherClient
        | TokenRefusal::CodeOfOtherChannel
        | TokenRefusal::GrantEnded
        | TokenRefusal::OtherRedirectUri
        | TokenRefusal::VerifierMissing
        | TokenRefusal::VerifierUnexpected
        | TokenRefusal::VerifierWrong
        | TokenRefusal::ScopeUnknown
        | TokenRefusal::ScopeNotRegistered
        | TokenRefusal::RoleMissing => true,
    };
    TokenRefusal::ALL.into_iter().filter(may_happen).map(Refusal::from).collect()
}
