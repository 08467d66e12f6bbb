//! A pushed authorization request (RFC 9126): judged when it is pushed, and again when the customer's browser brings its name.

use super::{
    authorize::{AuthorizationRequest, AuthorizeRefusal, Way},
    brand::Brand,
    client::{Client, ClientId},
    error::OAuthError,
    params::Params,
    redirect::{NoRedirect, TrustedRedirect},
    request_object::RequestObjectRefusal,
    secret::{Handle, HandleKind, Secret},
};
use crate::jose::JwsAlgorithm;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// RFC 9126 s2.2, in the namespace of RFC 6755.
const URN: &str = "urn:ietf:params:oauth:request_uri:";
/// What authenticates a client is no part of its request.
const OF_THE_CLIENT: [&str; 3] = ["client_assertion", "client_assertion_type", "client_secret"];

/// Why nothing was kept; told to the client, who is authenticated by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushRefusal {
    /// RFC 9126 s3.
    Object(RequestObjectRefusal),
    /// RFC 9126 s2.1: `request_uri` must not be in it.
    RequestUri,
    /// FAPI 2.0 s5.3.2.2-6.
    RedirectUriMissing,
    Redirect(NoRedirect),
    Request(AuthorizeRefusal),
}

impl PushRefusal {
    /// The stable name in audit trail and log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Object(refusal) => refusal.name(),
            Self::RequestUri => "request_uri_pushed",
            Self::RedirectUriMissing => "redirect_uri_missing",
            Self::Redirect(nobody) => nobody.name(),
            Self::Request(refusal) => refusal.name(),
        }
    }
}

impl From<PushRefusal> for OAuthError {
    fn from(refusal: PushRefusal) -> Self {
        let name = refusal.name();
        let error = match refusal {
            PushRefusal::Object(refusal) => refusal.into(),
            PushRefusal::RequestUri => Self::REQUEST_URI_PUSHED,
            PushRefusal::RedirectUriMissing => Self::REDIRECT_URI_MISSING,
            PushRefusal::Redirect(nobody) => nobody.into(),
            PushRefusal::Request(refusal) => refusal.into(),
        };
        error.named(name)
    }
}

/// Pushed by a client and kept for its customer's browser.
pub struct PushedRequest {
    pub id: Uuid,
    pub client: ClientId,
    pub params: Params,
    pub expires_at: OffsetDateTime,
    /// A journey that began with it was answered.
    pub spent: bool,
}

/// What may be kept of `params`: the request alone, as it was judged. `signs`: what the bank's key signs with now.
pub fn admit(params: &Params, client: &Client, brand: &Brand, signs: Option<JwsAlgorithm>) -> Result<Params, PushRefusal> {
    if params.get("request_uri").is_some() {
        return Err(PushRefusal::RequestUri);
    }
    if params.get("redirect_uri").is_none() && brand.profile_of(client).needs_pushed_requests() {
        return Err(PushRefusal::RedirectUriMissing);
    }
    TrustedRedirect::resolve(Some(client), params, brand, signs).map_err(PushRefusal::Redirect)?;
    AuthorizationRequest::parse(params, Way::Pushed, client, brand, signs).map_err(PushRefusal::Request)?;
    Ok(params.without(&OF_THE_CLIENT))
}

impl PushedRequest {
    /// May a journey begin with it? A page that is loaded again does not end it, the answer to its journey does.
    pub fn may_begin(&self, now: OffsetDateTime) -> bool {
        !self.spent && now < self.expires_at
    }
}

/// RFC 9126 s2.2.
#[derive(Serialize, ToSchema)]
pub struct PushedResponse {
    #[schema(example = "urn:ietf:params:oauth:request_uri:gupr_AZrK...")]
    pub request_uri: String,
    /// Seconds.
    pub expires_in: i64,
}

/// The stored half and the name that the client gets, from 32 random bytes.
pub fn mint(id: Uuid, random: &[u8; 32]) -> (Handle, String) {
    let (handle, secret): (Handle, Secret) = Handle::mint(HandleKind::PushedRequest, id, random);
    (handle, format!("{URN}{}", secret.reveal()))
}

/// A `request_uri` of this server. `None`: of somebody else.
pub fn parse(request_uri: &str) -> Option<Handle> {
    Handle::parse(HandleKind::PushedRequest, request_uri.strip_prefix(URN)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_nobody_elses_is() {
        let id = Uuid::from_u128(7);
        let (minted, name) = mint(id, &[9; 32]);
        let read = parse(&name).expect("reads back");
        assert!(read.id == id && read.digest.matches(&minted.digest));
        for foreign in ["", "https://tpp.example/request.jwt", URN, &name[URN.len()..], &name[..name.len() - 1]] {
            assert!(parse(foreign).is_none(), "{foreign}");
        }
    }
}
