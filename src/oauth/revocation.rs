//! RFC 7009: who may end a token, and what ends with it.

use super::{
    brand::Brand,
    client::{AuthenticatedClient, ClientId},
    grant::GrantId,
    params::Params,
    scope::{Scope, ScopeToken},
    secret::{Digest, Handle, HandleKind},
};
use uuid::Uuid;

/// `token_type_hint` is accepted and not needed: the token itself tells its kind (RFC 7009 s2.1).
#[derive(Debug)]
pub struct RevocationRequest {
    /// `None`: no token of this server, so already as good as revoked.
    pub token: Option<(HandleKind, Handle)>,
}

/// `token` is missing (RFC 7009 s2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMissing;

impl RevocationRequest {
    /// `signed`: what leads to the row of an access token that is a JWT.
    pub fn parse(params: &Params, signed: impl Fn(&str) -> Option<Handle>) -> Result<Self, TokenMissing> {
        let text = params.get("token").ok_or(TokenMissing)?;
        let kinds = [HandleKind::AccessToken, HandleKind::RefreshToken];
        let opaque = kinds.into_iter().find_map(|kind| Handle::parse(kind, text).map(|handle| (kind, handle)));
        Ok(Self { token: opaque.or_else(|| signed(text).map(|handle| (HandleKind::AccessToken, handle))) })
    }
}

/// A stored token, as far as revocation asks.
#[derive(Debug)]
pub struct TokenRecord {
    pub id: Uuid,
    pub digest: Digest,
    pub kind: HandleKind,
    pub client: ClientId,
    pub grant: Option<GrantId>,
    pub scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Unknown or not this client's: nothing happens, and the answer is the same 200 (RFC 7009 s2.2).
    Nothing,
    /// RFC 7009 s2.1: another client's token is refused, which tells no more than that.
    OtherClient,
    AccessToken(Uuid),
    /// RFC 7009 s2.1: a refresh token takes the access tokens of its grant along. Where the brand gives none for the scope, the one
    /// access token is all that the grant ever gives: without it the customer must not be told that he still allows something.
    Grant(GrantId),
}

/// Scopes for which the brand gives no refresh token, as they are stored: with its access token such a grant ends.
pub fn scopes_of_one_token(brand: &Brand) -> Vec<String> {
    let alone = brand.scopes.iter().filter(|policy| !policy.refresh_token).map(|policy| Scope::from_iter([policy.family]));
    let extended = |scope: &Scope| scope.contains(ScopeToken::Aisp).then(|| scope.with(ScopeToken::ExtendedTransactionHistory));
    alone.flat_map(|scope| extended(&scope).into_iter().chain([scope])).map(|scope| scope.to_string()).collect()
}

pub fn revoke(token: Option<&TokenRecord>, presented: &Handle, client: &AuthenticatedClient, brand: &Brand) -> Revocation {
    let Some(token) = token.filter(|t| t.digest.matches(&presented.digest)) else { return Revocation::Nothing };
    if token.client != client.client().id {
        return Revocation::OtherClient;
    }
    match (token.kind, token.grant) {
        (HandleKind::RefreshToken, Some(grant)) => Revocation::Grant(grant),
        (HandleKind::AccessToken, Some(grant)) if brand.policy(&token.scope).is_some_and(|policy| !policy.refresh_token) => {
            Revocation::Grant(grant)
        }
        (
            HandleKind::AccessToken
            | HandleKind::RefreshToken
            | HandleKind::Code
            | HandleKind::Registration
            | HandleKind::Ticket
            | HandleKind::PermissionsLink
            | HandleKind::PermissionsVisit
            | HandleKind::PushedRequest,
            _,
        ) => Revocation::AccessToken(token.id),
    }
}
