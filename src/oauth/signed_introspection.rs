//! RFC 9701: what introspection told whom and when, in a form that proves it later.

use super::{brand::Brand, introspection::IntrospectionResponse};
use serde::Serialize;
use time::OffsetDateTime;

pub const MEDIA_TYPE: &str = "application/token-introspection+jwt";
/// Of the header. No access token says this (RFC 9701 s8.1).
pub const TYP: &str = "token-introspection+jwt";

/// RFC 9701 s5. Neither `sub` nor `exp`, nor any claim of a token's own at this level: nobody takes it for one.
#[derive(Serialize)]
pub struct SignedIntrospection<'a> {
    /// The brand's issuer.
    pub iss: &'a str,
    /// The system that asked: the subject of its certificate.
    pub aud: &'a str,
    /// When it was told.
    pub iat: i64,
    pub token_introspection: &'a IntrospectionResponse,
}

impl<'a> SignedIntrospection<'a> {
    pub fn new(told: &'a IntrospectionResponse, brand: &'a Brand, asker: &'a str, now: OffsetDateTime) -> Self {
        Self { iss: &brand.issuer, aud: asker, iat: now.unix_timestamp(), token_introspection: told }
    }
}
