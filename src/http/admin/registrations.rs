//! Clients without a QWAC, whom the bank lets in itself.

use super::{Call, PlainOrder, answered, clients::client_of, or_refuse, order, read, served};
use crate::{
    admin::{Act, SHORT, text},
    http::site::InternalSite,
    oauth::{client::ClientId, error::OAuthError, tpp::OrganisationId},
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::Request;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::ToSchema;

/// A client without a QWAC (RFC 8705 s2.2): who it is, and what is registered of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientOrder {
    /// What the bank calls who holds it: small letters, digits and `-`; kept as `local:NAME`.
    #[schema(min_length = 1, max_length = 70, example = "acme")]
    pub organisation: String,
    /// As the bank's customers are told.
    #[schema(min_length = 1, max_length = 256)]
    pub legal_name: String,
    /// RFC 7591 s2: `redirect_uris`, `jwks` or `jwks_uri`, `scope` and so on.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    /// Why it is let in; never shown outside.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// `POST /v1/brands/{brand}/clients`.
pub async fn register(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    answered(registered(&site, &brand, None, request).await)
}

/// `POST .../replace`: all that is registered.
pub async fn replace(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(registered(&site, &brand, Some(&client), request).await)
}

async fn registered(site: &InternalSite, brand: &str, client: Option<&str>, request: Request<Body>) -> Call {
    let brand = or_refuse!(served(site, brand)).id.to_string();
    let client = or_refuse!(client.map(|id| ClientId::parse(id).ok_or(OAuthError::NO_SUCH_CLIENT)).transpose());
    let (asked, account) = or_refuse!(read::<ClientOrder>(site, request).await);
    let ClientOrder { organisation, legal_name, metadata, by, reason } = asked;
    let organisation = or_refuse!(OrganisationId::local(&organisation).ok_or(OAuthError::ORGANISATION_MALFORMED));
    let legal_name = or_refuse!(text(&legal_name, SHORT).map_err(|why| OAuthError::metadata_of_act("legal_name", &why)));
    order(site, Act::RegisterClient { brand, client, organisation, legal_name, metadata }, &by, &reason, account).await
}

/// `POST .../delete`: of one that the bank registered.
pub async fn remove(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(removed(&site, &brand, &client, request).await)
}

async fn removed(site: &InternalSite, brand: &str, client: &str, request: Request<Body>) -> Call {
    let (client, brand) = or_refuse!(client_of(site, brand, client).await?);
    let (asked, account) = or_refuse!(read::<PlainOrder>(site, request).await);
    order(site, Act::DeleteClient { brand, client }, &asked.by, &asked.reason, account).await
}
