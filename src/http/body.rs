//! Bodies with a bound: so many bytes, within so much time, of the type the endpoint reads.

use crate::oauth::error::OAuthError;
use axum::body::{Body, HttpBody};
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    pub bytes: usize,
    pub time: Duration,
}

/// The whole body, or 413 (at once where its length is announced), 408, 400.
pub async fn read(body: Body, limits: BodyLimits) -> Result<Vec<u8>, OAuthError> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limits.bytes) {
        return Err(OAuthError::BODY_TOO_LARGE);
    }
    let whole = Limited::new(body, limits.bytes).collect();
    match tokio::time::timeout(limits.time, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(OAuthError::BODY_TOO_LARGE),
        Ok(Err(_)) => Err(OAuthError::BODY_BROKEN),
        Err(_) => Err(OAuthError::BODY_TOO_SLOW),
    }
}

/// RFC 6749 s3.2: form-encoded only.
pub async fn form(request: Request<Body>, limits: BodyLimits) -> Result<Vec<u8>, OAuthError> {
    expect_type(request.headers(), "application/x-www-form-urlencoded", OAuthError::NOT_A_FORM)?;
    read(request.into_body(), limits).await
}

/// RFC 7591 s3.1: one JSON object.
pub async fn json_object(request: Request<Body>, limits: BodyLimits) -> Result<Map<String, Value>, OAuthError> {
    expect_type(request.headers(), "application/json", OAuthError::NOT_OF_TYPE_JSON)?;
    let bytes = read(request.into_body(), limits).await?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(OAuthError::NOT_A_JSON_OBJECT),
        Err(_) => Err(OAuthError::NOT_JSON),
    }
}

/// One JSON object, for the bank's own systems.
pub async fn json(request: Request<Body>, limits: BodyLimits) -> Result<Map<String, Value>, OAuthError> {
    expect_type(request.headers(), "application/json", OAuthError::NOT_OF_TYPE_JSON)?;
    let bytes = read(request.into_body(), limits).await?;
    serde_json::from_slice(&bytes).map_err(|_| OAuthError::NO_JSON_OBJECT)
}

/// The same, with the members that are known and no others.
pub async fn strict_json<T: DeserializeOwned>(request: Request<Body>, limits: BodyLimits) -> Result<T, OAuthError> {
    let object = Value::Object(json(request, limits).await?);
    if holds_nul(&object) { Err(OAuthError::BODY_MALFORMED) } else { described(object) }
}

/// The same, whatever its texts hold: for those that the database never sees.
pub async fn strict_json_of_any_text<T: DeserializeOwned>(request: Request<Body>, limits: BodyLimits) -> Result<T, OAuthError> {
    described(Value::Object(json(request, limits).await?))
}

fn described<T: DeserializeOwned>(object: Value) -> Result<T, OAuthError> {
    // its message may hold what was sent
    T::deserialize(object).map_err(|_| OAuthError::BODY_MALFORMED)
}

/// Which PostgreSQL's text cannot hold.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(members) => members.iter().any(|(name, member)| name.contains('\0') || holds_nul(member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

pub fn expect_type(headers: &HeaderMap, expected: &str, refusal: OAuthError) -> Result<(), OAuthError> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = sent.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(refusal) }
}
