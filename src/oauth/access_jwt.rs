//! RFC 9068: access tokens that say themselves what they are good for, for resource servers that verify rather than ask.
//!
//! Such a token is stored like any other, and what is stored decides: it is revoked, blocked and asked about in the same way. `jti` leads
//! to its row. It is the row's id with 256 random bits, of which the row has a digest, as of an opaque token's secret. So a token counts
//! here only if it was both signed and stored: a signing key that became known makes none. And a `jti` that somebody reads in a log is
//! nothing by itself: without the signature it is no token, and as a handle it has another digest.

use super::{
    brand::Brand,
    client::ClientId,
    details::AuthorizationDetails,
    grant::GrantId,
    introspection::Confirmation,
    params::Params,
    scope::Scope,
    secret::{Handle, Secret},
};
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// RFC 9068 s2.1.
pub const TYP: &str = "at+jwt";

/// What a brand's access tokens look like, and for which API they are: its name is `aud` of a token, as of its introspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessTokenForm {
    Opaque {
        audience: Option<String>,
    },
    /// RFC 9068.
    Jwt {
        audience: String,
    },
}

impl AccessTokenForm {
    pub fn audience(&self) -> Option<&str> {
        match self {
            Self::Opaque { audience } => audience.as_deref(),
            Self::Jwt { audience } => Some(audience),
        }
    }

    /// It needs a key of the bank's.
    pub const fn is_signed(&self) -> bool {
        match self {
            Self::Opaque { .. } => false,
            Self::Jwt { .. } => true,
        }
    }

    /// RFC 8707 s2: tokens are for the one API, so that another cannot be asked for. A brand that names none knows no `resource`.
    pub fn serves(&self, params: &Params) -> bool {
        match (self.audience(), params.get("resource")) {
            (Some(own), Some(asked)) => own == asked,
            (None, _) | (_, None) => true,
        }
    }
}

/// A token as it was stored.
pub struct Issued<'a> {
    pub brand: &'a Brand,
    pub client: ClientId,
    /// `None`: the client's own, by client_credentials.
    pub grant: Option<GrantId>,
    pub scope: &'a Scope,
    /// SHA-256 of the certificate that it is bound to.
    pub certificate: Option<&'a [u8]>,
    pub details: Option<&'a AuthorizationDetails>,
    pub issued_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// RFC 9068 s2.2. The client can read it, so that nothing of the customer is in it but what the token's response tells the client anyway:
/// `sub` is the consent's id, or the client's own (s5).
#[derive(Serialize)]
pub struct AccessTokenClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    sub: String,
    client_id: String,
    jti: &'a str,
    scope: String,
    /// RFC 9396 s9.1: who only verifies must not serve more than these.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<&'a AuthorizationDetails>,
    /// RFC 8705 s3.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

impl<'a> AccessTokenClaims<'a> {
    /// `jti`: as it was minted.
    pub fn new(token: &Issued<'a>, audience: &'a str, jti: &'a Secret) -> Self {
        let client_id = token.client.to_string();
        Self {
            iss: &token.brand.issuer,
            aud: audience,
            exp: token.expires_at.unix_timestamp(),
            iat: token.issued_at.unix_timestamp(),
            sub: token.grant.map_or_else(|| client_id.clone(), |grant| grant.0.to_string()),
            client_id,
            jti: jti.reveal(),
            scope: token.scope.to_string(),
            authorization_details: token.details,
            cnf: token.certificate.map(Confirmation::of),
        }
    }
}

/// What leads to the row, of a JWT that the bank signed. `None`: it signed it as something else (RFC 8725 s3.11).
pub fn handle(typ: Option<&str>, claims: &Map<String, Value>) -> Option<Handle> {
    if typ != Some(TYP) {
        return None;
    }
    Handle::of_jti(claims.get("jti")?.as_str()?)
}
