//! The authorization request (RFC 6749 s4.1.1, RFC 7636): what is asked of whom we may answer.

use super::{
    brand::Brand,
    channel::Channel,
    client::Client,
    client_metadata::GrantType,
    details::{AuthorizationDetails, DetailsType},
    lodging::Unapprovable,
    params::Params,
    payment::PaymentId,
    payment_fields::Fault,
    pkce::CodeChallenge,
    response_mode::ResponseMode,
    scope::{Scope, ScopeRefusal, ScopeToken},
    secret::Digest,
};
use crate::jose::JwsAlgorithm;

/// Longer states are refused, and still echoed.
pub const LONGEST_STATE: usize = 4096;

/// What the TPP is told at its redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizeRefusal {
    Repeated(String),
    ResponseTypeMissing,
    ResponseTypeUnsupported,
    ResponseModeUnsupported,
    /// Of a brand that offers more than the query.
    ResponseModeUnknown,
    /// JARM was asked for, and no key signs by the client's algorithm.
    ResponseUnsigned,
    RequestObject,
    RequestUri,
    NotPushed,
    StateTooLong,
    GrantTypeNotRegistered,
    /// RFC 8707 s2.
    OtherResource,
    /// RFC 9396 s5: each wrong member.
    Details(Vec<Fault>),
    ScopeMissing,
    ScopeUnknown,
    ScopeMixed,
    ExtendedHistoryAlone,
    ScopeNotRegistered,
    ChallengeMissing,
    ChallengeMethod,
    ChallengeMalformed,
    PaymentMissing,
    PaymentOfOtherScope,
    PaymentUnknown,
    PaymentExpired,
    PaymentWithdrawn,
    PaymentApproved,
}

impl AuthorizeRefusal {
    /// The stable name in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "parameter_repeated",
            Self::ResponseTypeMissing => "response_type_missing",
            Self::ResponseTypeUnsupported => "response_type_unsupported",
            Self::ResponseModeUnsupported => "response_mode_unsupported",
            Self::ResponseModeUnknown => "response_mode_unknown",
            Self::ResponseUnsigned => "response_unsigned",
            Self::RequestObject => "request_object",
            Self::RequestUri => "request_uri",
            Self::NotPushed => "request_not_pushed",
            Self::StateTooLong => "state_too_long",
            Self::GrantTypeNotRegistered => "grant_type_not_registered",
            Self::Details(_) => "authorization_details_faulty",
            Self::OtherResource => "other_resource",
            Self::ScopeMissing => "scope_missing",
            Self::ScopeUnknown => "scope_unknown",
            Self::ScopeMixed => "scope_mixed",
            Self::ExtendedHistoryAlone => "extended_history_alone",
            Self::ScopeNotRegistered => "scope_not_registered",
            Self::ChallengeMissing => "challenge_missing",
            Self::ChallengeMethod => "challenge_method",
            Self::ChallengeMalformed => "challenge_malformed",
            Self::PaymentMissing => "payment_missing",
            Self::PaymentOfOtherScope => "payment_of_other_scope",
            Self::PaymentUnknown => "payment_unknown",
            Self::PaymentExpired => "payment_expired",
            Self::PaymentWithdrawn => "payment_withdrawn",
            Self::PaymentApproved => "payment_approved",
        }
    }

    /// Every reason, in the order of the checks; `repeated` is a parameter that was sent twice.
    pub fn all(repeated: &str) -> [Self; 27] {
        [
            Self::Repeated(repeated.to_owned()),
            Self::NotPushed,
            Self::RequestObject,
            Self::RequestUri,
            Self::ResponseTypeUnsupported,
            Self::ResponseTypeMissing,
            Self::ResponseModeUnsupported,
            Self::ResponseModeUnknown,
            Self::ResponseUnsigned,
            Self::StateTooLong,
            Self::GrantTypeNotRegistered,
            Self::OtherResource,
            Self::Details(vec![AuthorizationDetails::type_fault("must be account_information or payment_initiation")]),
            Self::ScopeMissing,
            Self::ScopeUnknown,
            Self::ScopeMixed,
            Self::ExtendedHistoryAlone,
            Self::ScopeNotRegistered,
            Self::ChallengeMissing,
            Self::ChallengeMethod,
            Self::ChallengeMalformed,
            Self::PaymentOfOtherScope,
            Self::PaymentMissing,
            Self::PaymentUnknown,
            Self::PaymentExpired,
            Self::PaymentWithdrawn,
            Self::PaymentApproved,
        ]
    }
}

impl From<Unapprovable> for AuthorizeRefusal {
    fn from(refusal: Unapprovable) -> Self {
        match refusal {
            // a change is met by journeys that began before it, never by a new one
            Unapprovable::Unknown | Unapprovable::Changed => Self::PaymentUnknown,
            Unapprovable::Expired => Self::PaymentExpired,
            Unapprovable::Withdrawn => Self::PaymentWithdrawn,
            Unapprovable::Approved => Self::PaymentApproved,
        }
    }
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client itself (RFC 9126).
    Pushed,
    /// In the query, by the customer's browser or the bank's app.
    Query,
}

/// A valid request, whichever way it came.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    pub scope: Scope,
    pub challenge: Option<CodeChallenge>,
    /// What is asked for in so many words (RFC 9396).
    pub details: Option<AuthorizationDetails>,
    /// The lodged payment that the customer is to approve. Whether there is one, and of whom, is judged when it is found.
    pub payment: Option<PaymentId>,
    /// The client named its redirect URI, so the token request must repeat it (RFC 6749 s4.1.3).
    pub redirect_uri_sent: bool,
}

impl AuthorizationRequest {
    /// Judged against what the client registered; the certificate's roles are judged again at the token endpoint.
    /// `signs`: as of [`ResponseMode::asked`].
    pub fn parse(params: &Params, way: Way, client: &Client, brand: &Brand, signs: Option<JwsAlgorithm>) -> Result<Self, AuthorizeRefusal> {
        if let Some(name) = params.repeated() {
            return Err(AuthorizeRefusal::Repeated(name.to_owned()));
        }
        if way == Way::Query && brand.needs_pushed_requests(client) {
            return Err(AuthorizeRefusal::NotPushed);
        }
        if params.get("request").is_some() {
            return Err(AuthorizeRefusal::RequestObject);
        }
        if params.get("request_uri").is_some() {
            return Err(AuthorizeRefusal::RequestUri);
        }
        match params.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(AuthorizeRefusal::ResponseTypeUnsupported),
            None => return Err(AuthorizeRefusal::ResponseTypeMissing),
        }
        ResponseMode::asked(params, client, brand, signs)?;
        if params.get("state").is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(AuthorizeRefusal::StateTooLong);
        }
        if !client.may_use(GrantType::AuthorizationCode) {
            return Err(AuthorizeRefusal::GrantTypeNotRegistered);
        }
        if !brand.access_tokens.serves(params) {
            return Err(AuthorizeRefusal::OtherResource);
        }
        let details = read_details(params, client, brand).map_err(AuthorizeRefusal::Details)?;
        let scope = read_scope(params, details.as_ref(), client, brand)?;
        let challenge = read_challenge(params, brand.pkce_required || brand.profile_of(client).needs_challenge())?;
        Ok(Self {
            payment: read_payment(params, details.as_ref(), &scope, brand)?,
            details,
            scope,
            challenge,
            redirect_uri_sent: params.get("redirect_uri").is_some(),
        })
    }
}

/// The same request again is the same digest: brand, channel and every parameter, whatever their order.
pub fn request_digest(brand: &Brand, channel: &Channel, params: &Params) -> Digest {
    let place = [("", brand.id.as_str()), ("", channel.name.as_str())];
    let mut bytes = Vec::new();
    for (name, value) in place.into_iter().chain(params.sorted()) {
        for text in [name, value] {
            bytes.extend(text.len().to_be_bytes());
            bytes.extend(text.as_bytes());
        }
    }
    Digest::of(&bytes)
}

/// A brand that does not offer them knows no such parameter (RFC 6749 s3.1).
fn read_details(params: &Params, client: &Client, brand: &Brand) -> Result<Option<AuthorizationDetails>, Vec<Fault>> {
    let Some(text) = params.get("authorization_details").filter(|_| brand.profiles.offer_fapi2()) else { return Ok(None) };
    let details = AuthorizationDetails::read(text)?;
    let (kind, registered) = (details.kind(), &client.metadata.authorization_details_types);
    if !kind.is_offered_by(brand) {
        return Err(vec![AuthorizationDetails::type_fault("not offered here")]);
    }
    // RFC 9396 s10: who named none may use all
    if !registered.is_empty() && !registered.iter().any(|name| DetailsType::from_name(name) == Some(kind)) {
        return Err(vec![AuthorizationDetails::type_fault("not registered for this client")]);
    }
    Ok(Some(details))
}

/// Of a request without one it is what its details stand for; with both they must agree.
fn read_scope(params: &Params, details: Option<&AuthorizationDetails>, client: &Client, brand: &Brand) -> Result<Scope, AuthorizeRefusal> {
    let meant = details.map(|details| details.kind().scope());
    let scope = match (params.get("scope"), meant) {
        (Some(asked), _) => Scope::parse(asked).and_then(Scope::for_one_consent).map_err(|refusal| match refusal {
            ScopeRefusal::Unknown => AuthorizeRefusal::ScopeUnknown,
            ScopeRefusal::Mixed => AuthorizeRefusal::ScopeMixed,
            ScopeRefusal::ExtendedAlone => AuthorizeRefusal::ExtendedHistoryAlone,
        })?,
        (None, Some(meant)) => [meant].into_iter().collect(),
        (None, None) => return Err(AuthorizeRefusal::ScopeMissing),
    };
    if meant.is_some_and(|meant| scope.family() != Some(meant)) {
        return Err(AuthorizeRefusal::Details(vec![AuthorizationDetails::type_fault("does not go with the scope that is sent")]));
    }
    if brand.policy(&scope).is_none() {
        return Err(AuthorizeRefusal::ScopeUnknown);
    }
    if !scope.is_within(&client.scope) {
        return Err(AuthorizeRefusal::ScopeNotRegistered);
    }
    Ok(scope)
}

fn read_payment(
    params: &Params,
    details: Option<&AuthorizationDetails>,
    scope: &Scope,
    brand: &Brand,
) -> Result<Option<PaymentId>, AuthorizeRefusal> {
    let instructed = details.is_some_and(|details| details.kind() == DetailsType::PaymentInitiation);
    match params.get("payment_request") {
        Some(_) if instructed => {
            Err(AuthorizeRefusal::Details(vec![AuthorizationDetails::type_fault("must not come with a payment_request")]))
        }
        None if instructed => Ok(None),
        None if brand.policy(scope).is_some_and(|policy| policy.payment_required) => Err(AuthorizeRefusal::PaymentMissing),
        None => Ok(None),
        Some(_) if !scope.contains(ScopeToken::Pisp) => Err(AuthorizeRefusal::PaymentOfOtherScope),
        Some(text) => PaymentId::parse(text).map(Some).ok_or(AuthorizeRefusal::PaymentUnknown),
    }
}

fn read_challenge(params: &Params, required: bool) -> Result<Option<CodeChallenge>, AuthorizeRefusal> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, _) if required => Err(AuthorizeRefusal::ChallengeMissing),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(AuthorizeRefusal::ChallengeMissing),
        // RFC 7636 s4.3: no method means plain, which is not offered
        (Some(_), method) if method != Some("S256") => Err(AuthorizeRefusal::ChallengeMethod),
        (Some(challenge), _) => CodeChallenge::parse(challenge).map(Some).ok_or(AuthorizeRefusal::ChallengeMalformed),
    }
}
