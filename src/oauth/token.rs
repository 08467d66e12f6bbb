//! The token endpoint's judgement (RFC 6749 s4.1.3, s4.4, s6; RFC 7636 s4.6).

use super::{
    brand::{Brand, ExchangeScope, ScopePolicy},
    channel::Channel,
    client::AuthenticatedClient,
    client_metadata::GrantType,
    details::AuthorizationDetails,
    grant::Grant,
    params::Params,
    pkce::{CodeChallenge, CodeVerifier},
    rotation::{Place, RefreshChain, RefreshToken, SuccessionKey},
    scope::{Scope, ScopeToken},
    secret::{Digest, Handle, HandleKind, Secret},
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

/// A token request, read once.
#[derive(Debug)]
pub enum TokenRequest {
    AuthorizationCode(CodeExchange),
    RefreshToken(RefreshExchange),
    ClientCredentials { scope: Option<Scope> },
}

/// Everything a code is bound to: whoever adds a field must say how it compares.
#[derive(Debug)]
pub struct CodeExchange {
    /// `None`: not a code of this server.
    pub code: Option<Handle>,
    pub redirect_uri: Option<String>,
    pub verifier: Option<CodeVerifier>,
    pub scope: Option<Scope>,
}

#[derive(Debug)]
pub struct RefreshExchange {
    /// `None`: not a refresh token of this server.
    pub token: Option<RefreshToken>,
    pub scope: Option<Scope>,
}

/// Why there is no token. The audit trail keeps which; the wire says less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    Missing(&'static str),
    Malformed(&'static str),
    UnsupportedGrantType,
    GrantTypeNotRegistered,
    CodeUnknown,
    CodeExpired,
    CodeReplayed,
    CodeOfOtherClient,
    CodeOfOtherChannel,
    GrantEnded,
    OtherRedirectUri,
    VerifierMissing,
    VerifierUnexpected,
    VerifierWrong,
    RefreshTokenUnknown,
    RefreshTokenExpired,
    RefreshTokenReplayed,
    RefreshTokenOfOtherClient,
    RefreshTokenOfOtherChannel,
    ScopeUnknown,
    ScopeNotGranted,
    ScopeMustMatch,
    ScopeNotRegistered,
    RoleMissing,
    /// RFC 8707 s2.
    OtherResource,
}

impl TokenRefusal {
    /// Every reason, with each parameter that may be missing or malformed.
    pub const ALL: [Self; 27] = [
        Self::Missing("grant_type"),
        Self::Missing("code"),
        Self::Missing("refresh_token"),
        Self::Malformed("code_verifier"),
        Self::UnsupportedGrantType,
        Self::GrantTypeNotRegistered,
        Self::CodeUnknown,
        Self::CodeExpired,
        Self::CodeReplayed,
        Self::CodeOfOtherClient,
        Self::CodeOfOtherChannel,
        Self::GrantEnded,
        Self::OtherRedirectUri,
        Self::VerifierMissing,
        Self::VerifierUnexpected,
        Self::VerifierWrong,
        Self::RefreshTokenUnknown,
        Self::RefreshTokenExpired,
        Self::RefreshTokenReplayed,
        Self::RefreshTokenOfOtherClient,
        Self::RefreshTokenOfOtherChannel,
        Self::ScopeUnknown,
        Self::ScopeNotGranted,
        Self::ScopeMustMatch,
        Self::ScopeNotRegistered,
        Self::RoleMissing,
        Self::OtherResource,
    ];

    /// The stable name in the audit trail, the log and the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing(_) => "parameter_missing",
            Self::Malformed(_) => "parameter_malformed",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::GrantTypeNotRegistered => "grant_type_not_registered",
            Self::CodeUnknown => "code_unknown",
            Self::CodeExpired => "code_expired",
            Self::CodeReplayed => "code_replayed",
            Self::CodeOfOtherClient => "code_of_other_client",
            Self::CodeOfOtherChannel => "code_of_other_channel",
            Self::GrantEnded => "grant_ended",
            Self::OtherRedirectUri => "other_redirect_uri",
            Self::VerifierMissing => "verifier_missing",
            Self::VerifierUnexpected => "verifier_unexpected",
            Self::VerifierWrong => "verifier_wrong",
            Self::RefreshTokenUnknown => "refresh_token_unknown",
            Self::RefreshTokenExpired => "refresh_token_expired",
            Self::RefreshTokenReplayed => "refresh_token_replayed",
            Self::RefreshTokenOfOtherClient => "refresh_token_of_other_client",
            Self::RefreshTokenOfOtherChannel => "refresh_token_of_other_channel",
            Self::ScopeUnknown => "scope_unknown",
            Self::ScopeNotGranted => "scope_not_granted",
            Self::ScopeMustMatch => "scope_must_match",
            Self::ScopeNotRegistered => "scope_not_registered",
            Self::RoleMissing => "role_missing",
            Self::OtherResource => "other_resource",
        }
    }
}

impl TokenRequest {
    pub fn parse(params: &Params, channel: &Channel, brand: &Brand) -> Result<Self, TokenRefusal> {
        let asked = params.get("grant_type").ok_or(TokenRefusal::Missing("grant_type"))?;
        let grant_type = GrantType::parse(asked).filter(|g| g.is_offered_by(brand)).ok_or(TokenRefusal::UnsupportedGrantType)?;
        if !brand.access_tokens.serves(params) {
            return Err(TokenRefusal::OtherResource);
        }
        let scope = params.get("scope").map(Scope::parse).transpose().map_err(|_| TokenRefusal::ScopeUnknown)?;
        let required = |name| params.get(name).ok_or(TokenRefusal::Missing(name));
        Ok(match grant_type {
            GrantType::AuthorizationCode => Self::AuthorizationCode(CodeExchange {
                code: Handle::parse(HandleKind::Code, required("code")?),
                redirect_uri: params.get("redirect_uri").map(str::to_owned),
                verifier: params
                    .get("code_verifier")
                    .map(|text| CodeVerifier::parse(text).ok_or(TokenRefusal::Malformed("code_verifier")))
                    .transpose()?,
                scope,
            }),
            GrantType::RefreshToken => {
                Self::RefreshToken(RefreshExchange { token: RefreshToken::parse(required("refresh_token")?), scope })
            }
            GrantType::ClientCredentials if channel.client_credentials => Self::ClientCredentials { scope },
            GrantType::ClientCredentials => return Err(TokenRefusal::UnsupportedGrantType),
        })
    }

    pub const fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
            Self::RefreshToken(_) => GrantType::RefreshToken,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
        }
    }
}

/// A code as it was given out.
#[derive(Debug)]
pub struct CodeRecord {
    pub digest: Digest,
    pub grant: Grant,
    pub expires_at: OffsetDateTime,
    pub state: CodeState,
}

/// Whether a code may still be used.
#[derive(Debug)]
pub enum CodeState {
    Unused(CodeBinding),
    Used,
}

/// What the exchange must repeat (RFC 6749 s4.1.3, RFC 7636 s4.6).
#[derive(Clone, Debug)]
pub struct CodeBinding {
    pub redirect_uri: String,
    /// It was in the authorization request, not the one that is registered.
    pub redirect_uri_sent: bool,
    pub challenge: Option<CodeChallenge>,
}

/// What to do about a presented code.
#[derive(Debug)]
pub enum Redemption {
    Issue(Issue),
    /// Nothing is known of it, so nothing changes.
    Refuse(TokenRefusal),
    /// The code is spent by the attempt.
    RefuseAndConsume(TokenRefusal),
    /// RFC 6749 s4.1.2: a code used twice revokes what it gave.
    RefuseAndRevoke(TokenRefusal),
}

/// What a token request gives, before anything is stored. No token outlives its grant, whatever the lifetime: the write sees to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What the grant must be about.
    pub granted: Scope,
    pub scope: Scope,
    /// Of the access token.
    pub lifetime: Duration,
    pub refresh_token: bool,
    /// A refresh tells the refresh token's successor.
    pub rotate: bool,
}

/// Client, channel, redirect URI, challenge, scope and time must all be those the code was asked for with.
pub fn redeem(
    code: Option<&CodeRecord>,
    exchange: &CodeExchange,
    client: &AuthenticatedClient,
    channel: &Channel,
    brand: &Brand,
    now: OffsetDateTime,
) -> Redemption {
    let known = code.zip(exchange.code.as_ref()).filter(|(record, presented)| record.digest.matches(&presented.digest));
    let Some((record, _)) = known else { return Redemption::Refuse(TokenRefusal::CodeUnknown) };
    let CodeState::Unused(binding) = &record.state else {
        return Redemption::RefuseAndRevoke(TokenRefusal::CodeReplayed);
    };
    let bound = check_bindings(record, binding, exchange, client, channel, now);
    match bound.and_then(|()| exchange_for(&record.grant.scope, exchange, client, brand)) {
        Ok(issue) => Redemption::Issue(issue),
        Err(refusal) => Redemption::RefuseAndConsume(refusal),
    }
}

fn check_bindings(
    record: &CodeRecord,
    binding: &CodeBinding,
    exchange: &CodeExchange,
    client: &AuthenticatedClient,
    channel: &Channel,
    now: OffsetDateTime,
) -> Result<(), TokenRefusal> {
    if record.grant.client != client.client().id {
        return Err(TokenRefusal::CodeOfOtherClient);
    }
    if record.grant.channel != channel.name {
        return Err(TokenRefusal::CodeOfOtherChannel);
    }
    if now >= record.expires_at {
        return Err(TokenRefusal::CodeExpired);
    }
    if !record.grant.is_alive(now) {
        return Err(TokenRefusal::GrantEnded);
    }
    // RFC 6749 s4.1.3: required if it was in the authorization request, and identical
    match &exchange.redirect_uri {
        Some(sent) if *sent != binding.redirect_uri => return Err(TokenRefusal::OtherRedirectUri),
        None if binding.redirect_uri_sent => return Err(TokenRefusal::OtherRedirectUri),
        Some(_) | None => {}
    }
    match (&binding.challenge, &exchange.verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
        (Some(_), Some(_)) => Err(TokenRefusal::VerifierWrong),
        (Some(_), None) => Err(TokenRefusal::VerifierMissing),
        // RFC 9700 s2.1.1: otherwise an attacker could strip the challenge
        (None, Some(_)) => Err(TokenRefusal::VerifierUnexpected),
    }
}

/// What a code of a grant with this scope gives, if everything it is bound to is as it should be.
pub fn exchange_for(granted: &Scope, exchange: &CodeExchange, client: &AuthenticatedClient, brand: &Brand) -> Result<Issue, TokenRefusal> {
    match (brand.exchange_scope_of(client.client()), &exchange.scope) {
        (ExchangeScope::MustMatch, asked) if asked.as_ref() != Some(granted) => return Err(TokenRefusal::ScopeMustMatch),
        (ExchangeScope::Optional, Some(asked)) if !asked.is_within(granted) => return Err(TokenRefusal::ScopeNotGranted),
        (ExchangeScope::MustMatch | ExchangeScope::Optional, _) => {}
    }
    let scope = exchange.scope.as_ref().unwrap_or(granted);
    let (scope, policy) = today(scope, client, brand)?;
    Ok(issue(granted, scope, policy, client, brand))
}

/// What is left of a scope after the certificate's roles of today and the registration had their say.
fn today<'b>(scope: &Scope, client: &AuthenticatedClient, brand: &'b Brand) -> Result<(Scope, &'b ScopePolicy), TokenRefusal> {
    let allowed = client.may_have(scope);
    if allowed.is_empty() {
        return Err(TokenRefusal::RoleMissing);
    }
    let registered: Scope = allowed.iter().filter(|t| client.client().scope.contains(*t)).collect();
    if registered.family().is_none() {
        return Err(TokenRefusal::ScopeNotRegistered);
    }
    let policy = brand.policy(&registered).ok_or(TokenRefusal::ScopeUnknown)?;
    Ok((registered, policy))
}

fn issue(granted: &Scope, scope: Scope, policy: &ScopePolicy, client: &AuthenticatedClient, brand: &Brand) -> Issue {
    let refresh_token = policy.refresh_token && client.client().may_use(GrantType::RefreshToken);
    let rotate = policy.refresh_token_rotation && brand.profile_of(client.client()).may_rotate();
    Issue { granted: granted.clone(), scope, lifetime: policy.access_token_lifetime, refresh_token, rotate }
}

/// The refresh tokens of a grant, which live as long.
#[derive(Debug)]
pub struct RefreshRecord {
    pub chain: RefreshChain,
    pub grant: Grant,
}

/// What to do about a presented refresh token.
#[derive(Debug)]
pub enum Renewal {
    /// `Place`: of the token in its grant's chain, one of the two that are good.
    Issue(Issue, Place),
    Refuse(TokenRefusal),
    /// RFC 9700 s4.14.2: it came back after its successor was used, so one of the two who have it is not its client.
    RefuseAndRevoke(TokenRefusal),
}

/// RFC 6749 s6: never more than was granted; extended history only right after an SCA, so never here.
pub fn refresh(
    record: Option<&RefreshRecord>,
    exchange: &RefreshExchange,
    key: &SuccessionKey,
    client: &AuthenticatedClient,
    channel: &Channel,
    brand: &Brand,
    now: OffsetDateTime,
) -> Renewal {
    let Some((record, token)) = record.zip(exchange.token.as_ref()) else { return Renewal::Refuse(TokenRefusal::RefreshTokenUnknown) };
    match (record.chain.live(&token.digest()), check_refresh(&record.grant, client, channel, now)) {
        (Some(_), Err(refusal)) => Renewal::Refuse(refusal),
        (Some(place), Ok(())) => match refresh_for(&record.grant.scope, exchange, client, brand) {
            Ok(issue) => Renewal::Issue(issue, place),
            Err(refusal) => Renewal::Refuse(refusal),
        },
        // only its own client, while there is something to end: others must neither end it nor make us search
        (None, Ok(())) if record.chain.is_former(token, key) => Renewal::RefuseAndRevoke(TokenRefusal::RefreshTokenReplayed),
        (None, Ok(()) | Err(_)) => Renewal::Refuse(TokenRefusal::RefreshTokenUnknown),
    }
}

fn check_refresh(grant: &Grant, client: &AuthenticatedClient, channel: &Channel, now: OffsetDateTime) -> Result<(), TokenRefusal> {
    if grant.client != client.client().id {
        return Err(TokenRefusal::RefreshTokenOfOtherClient);
    }
    if grant.channel != channel.name {
        return Err(TokenRefusal::RefreshTokenOfOtherChannel);
    }
    if grant.revoked_at.is_some() {
        return Err(TokenRefusal::RefreshTokenUnknown);
    }
    if now >= grant.expires_at {
        return Err(TokenRefusal::RefreshTokenExpired);
    }
    Ok(())
}

/// What the refresh token of a grant with this scope gives, if it is good.
pub fn refresh_for(
    granted: &Scope,
    exchange: &RefreshExchange,
    client: &AuthenticatedClient,
    brand: &Brand,
) -> Result<Issue, TokenRefusal> {
    let asked = exchange.scope.as_ref().unwrap_or(granted);
    if !asked.is_within(granted) {
        return Err(TokenRefusal::ScopeNotGranted);
    }
    let refreshable = asked.without(ScopeToken::ExtendedTransactionHistory);
    if refreshable.is_empty() {
        return Err(TokenRefusal::ScopeNotGranted);
    }
    let (scope, policy) = today(&refreshable, client, brand)?;
    if !policy.refresh_token {
        return Err(TokenRefusal::UnsupportedGrantType);
    }
    Ok(issue(granted, scope, policy, client, brand))
}

/// RFC 6749 s4.4: no customer, so no refresh token; only for scopes whose policy offers it.
pub fn client_credentials(asked: Option<&Scope>, client: &AuthenticatedClient, brand: &Brand) -> Result<Issue, TokenRefusal> {
    let offered: Scope = brand.scopes.iter().filter(|p| p.client_credentials_lifetime.is_some()).map(|p| p.family).collect();
    let asked = asked.unwrap_or(&offered);
    if !asked.is_within(&offered) {
        return Err(TokenRefusal::ScopeNotGranted);
    }
    let (scope, policy) = today(asked, client, brand)?;
    let lifetime = policy.client_credentials_lifetime.ok_or(TokenRefusal::ScopeNotGranted)?;
    Ok(Issue { granted: asked.clone(), scope, lifetime, refresh_token: false, rotate: false })
}

/// Was this grant type registered (RFC 7591 s2)?
pub fn check_grant_type(request: &TokenRequest, client: &AuthenticatedClient) -> Result<(), TokenRefusal> {
    if client.client().may_use(request.grant_type()) { Ok(()) } else { Err(TokenRefusal::GrantTypeNotRegistered) }
}

/// RFC 6749 s5.1.
#[derive(Serialize, ToSchema)]
pub struct TokenResponse {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Always said, also where it equals what was asked for.
    pub scope: String,
    /// RFC 9396 s7: as granted, where it was asked for by `authorization_details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<AuthorizationDetails>,
}

impl TokenResponse {
    /// `lifetime`: what is left of the grant's, where that is less.
    pub fn new(
        scope: &Scope,
        access_token: &Secret,
        refresh_token: Option<&Secret>,
        lifetime: Duration,
        authorization_details: Option<AuthorizationDetails>,
    ) -> Self {
        Self {
            access_token: access_token.reveal().to_owned(),
            token_type: "Bearer",
            expires_in: lifetime.whole_seconds(),
            refresh_token: refresh_token.map(|t| t.reveal().to_owned()),
            scope: scope.to_string(),
            authorization_details,
        }
    }
}
