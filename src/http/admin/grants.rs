//! Grants of a brand, as the bank's own people look for them. A customer is named in the body: paths and queries end up in logs.

use super::{Call, MOST, NoticedOrder, PlainOrder, USUAL, answered, notice, or_refuse, order, organisation, read, served};
use crate::{
    admin::{Act, GrantState, GrantsOf},
    flows::admin::grants::{self, Search},
    http::{respond, site::InternalSite},
    oauth::{
        client::ClientId,
        error::OAuthError,
        grant::{GrantId, PsuReference},
        permission::is_subject,
    },
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whose grants: exactly one of `subject`, `client_id` and `organisation`. May hold whom it is about, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantFind {
    /// The customer's opaque reference.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub subject: Option<String>,
    #[serde(default)]
    pub client_id: Option<String>,
    /// organizationIdentifier: of all its clients.
    #[serde(default)]
    pub organisation: Option<String>,
    #[serde(default)]
    pub state: GrantState,
    /// 1 to 100; 50 by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<Uuid>,
}

/// `POST /v1/brands/{brand}/grants/find`.
pub async fn find(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    answered(page(&site, &brand, request).await)
}

async fn page(site: &InternalSite, brand: &str, request: Request<Body>) -> Call {
    let brand = or_refuse!(served(site, brand));
    let (asked, _) = or_refuse!(read::<GrantFind>(site, request).await);
    let limit = asked.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Ok(Err(OAuthError::PAGE_LIMIT));
    }
    let of = or_refuse!(whose(&asked));
    let search = Search { brand: &brand.id, of: &of, state: asked.state, after: asked.after, limit };
    let page = grants::search(&site.app.db, &search, site.app.clock.now()).await?;
    Ok(Ok(respond::json(StatusCode::OK, &page)))
}

fn whose(asked: &GrantFind) -> Result<GrantsOf, OAuthError> {
    match (&asked.subject, &asked.client_id, &asked.organisation) {
        (Some(subject), None, None) if is_subject(subject) => Ok(GrantsOf::Customer(PsuReference::new(subject))),
        (Some(_), None, None) => Err(OAuthError::SUBJECT_MALFORMED),
        (None, Some(client), None) => ClientId::parse(client).map(GrantsOf::Client).ok_or(OAuthError::CLIENT_ID_MALFORMED),
        (None, None, Some(id)) => organisation(id).map(GrantsOf::Organisation),
        (_, _, _) => Err(OAuthError::WHOSE_GRANTS),
    }
}

/// `GET /v1/brands/{brand}/grants/{grant_id}`.
pub async fn show(State(site): State<Arc<InternalSite>>, Path((brand, grant)): Path<(String, String)>) -> Response {
    answered(found(&site, &brand, &grant).await)
}

async fn found(site: &InternalSite, brand: &str, grant: &str) -> Call {
    let brand = or_refuse!(served(site, brand));
    let id = or_refuse!(id(grant));
    let found = grants::show(&site.app.db, Some(&brand.id), id, site.app.clock.now()).await?;
    Ok(found.map(|grant| respond::json(StatusCode::OK, &grant)).ok_or(OAuthError::NO_SUCH_GRANT_HERE))
}

fn id(grant: &str) -> Result<GrantId, OAuthError> {
    Uuid::try_parse(grant).map(GrantId).map_err(|_| OAuthError::NO_SUCH_GRANT_HERE)
}

/// `POST .../revoke`: again tells how it ended.
pub async fn revoke(
    State(site): State<Arc<InternalSite>>,
    Path((brand, grant)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(revoked(&site, &brand, &grant, request).await)
}

async fn revoked(site: &InternalSite, brand: &str, grant: &str, request: Request<Body>) -> Call {
    let brand = or_refuse!(served(site, brand)).id.to_string();
    let grant = or_refuse!(id(grant));
    let (asked, account) = or_refuse!(read::<NoticedOrder>(site, request).await);
    let psu_notice = or_refuse!(notice(asked.psu_notice.as_deref()));
    order(site, Act::RevokeGrant { brand, grant, psu_notice }, &asked.by, &asked.reason, account).await
}

/// `POST .../force-sca`: again tells how it ended.
pub async fn force_sca(
    State(site): State<Arc<InternalSite>>,
    Path((brand, grant)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(forced(&site, &brand, &grant, request).await)
}

async fn forced(site: &InternalSite, brand: &str, grant: &str, request: Request<Body>) -> Call {
    let brand = or_refuse!(served(site, brand)).id.to_string();
    let grant = or_refuse!(id(grant));
    let (asked, account) = or_refuse!(read::<PlainOrder>(site, request).await);
    order(site, Act::ForceScaOfGrant { brand, grant }, &asked.by, &asked.reason, account).await
}
