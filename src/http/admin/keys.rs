//! The bank's signing keys.

use super::{Call, PlainOrder, answered, or_refuse, order, read};
use crate::{
    admin::{Act, Algorithm, KeyView},
    flows::admin::keys,
    http::{respond, site::InternalSite},
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Keys of files, then those of the database in the order in which they sign, retired ones last.
#[derive(Serialize, ToSchema)]
pub struct KeyList {
    pub keys: Vec<KeyView>,
}

/// How the next key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateOrder {
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// `signing.algorithm` by default.
    #[serde(default)]
    pub algorithm: Option<Algorithm>,
    /// It signs now: whoever keeps the former set of keys meets an unknown one.
    #[serde(default)]
    pub at_once: bool,
}

/// `GET /v1/admin/keys`.
pub async fn list(State(site): State<Arc<InternalSite>>) -> Response {
    answered(all(&site).await)
}

async fn all(site: &InternalSite) -> Call {
    let stored = keys::list(&site.app.db, &[], site.app.clock.now()).await?;
    let keys = site.app.signing.files().into_iter().chain(stored).collect();
    Ok(Ok(respond::json(StatusCode::OK, &KeyList { keys })))
}

/// `POST /v1/admin/keys/rotate`.
pub async fn rotate(State(site): State<Arc<InternalSite>>, request: Request<Body>) -> Response {
    answered(rotated(&site, request).await)
}

async fn rotated(site: &InternalSite, request: Request<Body>) -> Call {
    let (asked, account) = or_refuse!(read::<RotateOrder>(site, request).await);
    let act = Act::RotateKey { algorithm: asked.algorithm, at_once: asked.at_once };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `POST /v1/admin/keys/{kid}/retire`.
pub async fn retire(State(site): State<Arc<InternalSite>>, Path(kid): Path<String>, request: Request<Body>) -> Response {
    answered(retired(&site, kid, request).await)
}

async fn retired(site: &InternalSite, kid: String, request: Request<Body>) -> Call {
    let (asked, account) = or_refuse!(read::<PlainOrder>(site, request).await);
    if kid.contains('\0') {
        return Ok(Err(crate::oauth::error::OAuthError::NO_SUCH_KEY));
    }
    order(site, Act::RetireKey { kid }, &asked.by, &asked.reason, account).await
}
