//! What each client still lacks for FAPI 2.0.

use super::{Call, answered, or_refuse, organisation, page_of, query, served};
use crate::{
    flows::admin::conformance::{self, Search},
    http::{respond, site::InternalSite},
    oauth::{client::ClientId, error::OAuthError, params::Params},
};
use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use std::sync::Arc;
use time::{Date, OffsetDateTime, macros::format_description};

/// `GET /v1/brands/{brand}/conformance`.
pub async fn list(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, RawQuery(text): RawQuery) -> Response {
    answered(page(&site, &brand, text).await)
}

async fn page(site: &InternalSite, brand: &str, text: Option<String>) -> Call {
    let brand = or_refuse!(served(site, brand));
    let params = or_refuse!(query(text));
    let (after, limit) = or_refuse!(page_of(&params));
    let since = or_refuse!(since(&params, site.app.clock.now()));
    let of = or_refuse!(params.get("organisation").map(organisation).transpose());
    let search = Search { brand: Some(&brand.id), organisation: of.as_ref(), since, after, limit };
    Ok(Ok(respond::json(StatusCode::OK, &conformance::page(&site.app.db, &site.app.brands, &search).await?)))
}

/// `GET /v1/brands/{brand}/clients/{client_id}/conformance`.
pub async fn show(
    State(site): State<Arc<InternalSite>>,
    Path((brand, client)): Path<(String, String)>,
    RawQuery(text): RawQuery,
) -> Response {
    answered(found(&site, &brand, &client, text).await)
}

async fn found(site: &InternalSite, brand: &str, client: &str, text: Option<String>) -> Call {
    let brand = or_refuse!(served(site, brand));
    let id = or_refuse!(ClientId::parse(client).ok_or(OAuthError::NO_SUCH_CLIENT));
    let since = or_refuse!(query(text).and_then(|params| since(&params, site.app.clock.now())));
    let found = conformance::of_one(&site.app.db, &site.app.brands, Some(&brand.id), id, since).await?;
    Ok(found.map(|page| respond::json(StatusCode::OK, &page)).ok_or(OAuthError::NO_SUCH_CLIENT))
}

fn since(params: &Params, now: OffsetDateTime) -> Result<OffsetDateTime, OAuthError> {
    let Some(day) = params.get("since") else { return Ok(now - conformance::USUAL) };
    let day = Date::parse(day, format_description!("[year]-[month]-[day]")).map_err(|_| OAuthError::DAY_MALFORMED)?;
    Ok(day.midnight().assume_utc())
}
