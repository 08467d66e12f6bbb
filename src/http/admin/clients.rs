//! Registered clients of a brand.

use super::{Call, NoticedOrder, PlainOrder, answered, notice, or_refuse, order, organisation, page_of, query, read, served};
use crate::{
    admin::{Act, ClientState, Whose},
    flows::admin::clients::{self, Search},
    http::{respond, site::InternalSite},
    oauth::{client::ClientId, error::OAuthError, profile::SecurityProfile},
    standing::Target,
};
use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// `GET /v1/brands/{brand}/clients`.
pub async fn list(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, RawQuery(asked): RawQuery) -> Response {
    answered(page(&site, &brand, asked).await)
}

async fn page(site: &InternalSite, brand: &str, asked: Option<String>) -> Call {
    let brand = or_refuse!(served(site, brand));
    let params = or_refuse!(query(asked));
    let (after, limit) = or_refuse!(page_of(&params));
    let state = params.get("state").map(|word| ClientState::ALL.into_iter().find(|(name, _)| *name == word));
    let state = or_refuse!(match state {
        None => Ok(ClientState::default()),
        Some(found) => found.map(|(_, state)| state).ok_or(OAuthError::STATE_UNKNOWN),
    });
    let of = or_refuse!(params.get("organisation").map(organisation).transpose());
    let search = Search { brand: Some(&brand.id), organisation: of.as_ref(), state, after, limit };
    let page = clients::list(&site.app.db, &search, site.app.clock.now()).await?;
    Ok(Ok(respond::json(StatusCode::OK, &page)))
}

/// `GET /v1/brands/{brand}/clients/{client_id}`.
pub async fn show(State(site): State<Arc<InternalSite>>, Path((brand, client)): Path<(String, String)>) -> Response {
    answered(found(&site, &brand, &client).await)
}

async fn found(site: &InternalSite, brand: &str, client: &str) -> Call {
    let brand = or_refuse!(served(site, brand));
    let id = or_refuse!(ClientId::parse(client).ok_or(OAuthError::NO_SUCH_CLIENT));
    let found = clients::show(&site.app.db, Some(&brand.id), id, site.app.clock.now()).await?;
    Ok(found.map(|client| respond::json(StatusCode::OK, &client)).ok_or(OAuthError::NO_SUCH_CLIENT))
}

/// To what the bank holds a client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileOrder {
    /// Absent or `null`: what it registered.
    #[serde(default)]
    pub security_profile: Option<SecurityProfile>,
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    /// For the bank's own people; never shown outside.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// `POST .../profile`.
pub async fn profile(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(held(&site, &brand, &client, request).await)
}

async fn held(site: &InternalSite, brand: &str, client: &str, request: Request<Body>) -> Call {
    let (client, brand) = or_refuse!(client_of(site, brand, client).await?);
    let (asked, account) = or_refuse!(read::<ProfileOrder>(site, request).await);
    let act = Act::HoldClient { client, brand, profile: asked.security_profile };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// The client of the path, where it is the brand's.
pub(super) async fn client_of(
    site: &InternalSite,
    brand: &str,
    client: &str,
) -> Result<Result<(ClientId, String), OAuthError>, crate::flows::Outage> {
    let brand = or_refuse!(served(site, brand));
    let id = or_refuse!(ClientId::parse(client).ok_or(OAuthError::NO_SUCH_CLIENT));
    let here = clients::is_of(&site.app.db, &brand.id, id).await?;
    Ok(if here { Ok((id, brand.id.to_string())) } else { Err(OAuthError::NO_SUCH_CLIENT) })
}

/// `POST .../block`: again is the same block.
pub async fn block(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(blocked(&site, &brand, &client, request).await)
}

async fn blocked(site: &InternalSite, brand: &str, client: &str, request: Request<Body>) -> Call {
    let (client, brand) = or_refuse!(client_of(site, brand, client).await?);
    let (asked, account) = or_refuse!(read::<NoticedOrder>(site, request).await);
    let psu_notice = or_refuse!(notice(asked.psu_notice.as_deref()));
    let act = Act::Block { target: Target::Client(client), brand: Some(brand), psu_notice, authority: None };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `POST .../unblock`.
pub async fn unblock(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(unblocked(&site, &brand, &client, request).await)
}

async fn unblocked(site: &InternalSite, brand: &str, client: &str, request: Request<Body>) -> Call {
    let (client, _) = or_refuse!(client_of(site, brand, client).await?);
    let (asked, account) = or_refuse!(read::<PlainOrder>(site, request).await);
    let block = clients::own_block(&site.app.db, client).await?;
    let block = or_refuse!(block.ok_or(OAuthError::CLIENT_NOT_BLOCKED));
    order(site, Act::Lift { block: block.id, of_client: true }, &asked.by, &asked.reason, account).await
}

/// `POST .../force-sca`.
pub async fn force_sca(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(forced(&site, &brand, &client, request).await)
}

async fn forced(site: &InternalSite, brand: &str, client: &str, request: Request<Body>) -> Call {
    let (client, brand) = or_refuse!(client_of(site, brand, client).await?);
    let (asked, account) = or_refuse!(read::<PlainOrder>(site, request).await);
    let act = Act::ForceSca { whose: Whose::Client { client, brand } };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `POST .../revoke-grants`.
pub async fn revoke_grants(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(revoked(&site, &brand, &client, request).await)
}

async fn revoked(site: &InternalSite, brand: &str, client: &str, request: Request<Body>) -> Call {
    let (client, brand) = or_refuse!(client_of(site, brand, client).await?);
    let (asked, account) = or_refuse!(read::<NoticedOrder>(site, request).await);
    let psu_notice = or_refuse!(notice(asked.psu_notice.as_deref()));
    let act = Act::RevokeAll { whose: Whose::Client { client, brand }, psu_notice };
    order(site, act, &asked.by, &asked.reason, account).await
}
