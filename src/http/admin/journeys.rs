//! Journeys of a brand.

use super::{Call, answered, or_refuse, page_of, query, served};
use crate::{
    admin::JourneyStage,
    flows::admin::journeys::{self, Search},
    http::{respond, site::InternalSite},
    oauth::{client::ClientId, error::OAuthError, interaction::InteractionId, params::Params},
};
use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use std::sync::Arc;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// `GET /v1/brands/{brand}/journeys`.
pub async fn list(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, RawQuery(text): RawQuery) -> Response {
    answered(page(&site, &brand, text).await)
}

async fn page(site: &InternalSite, brand: &str, text: Option<String>) -> Call {
    let (brand, now) = (or_refuse!(served(site, brand)), site.app.clock.now());
    let params = or_refuse!(query(text));
    let (after, limit) = or_refuse!(page_of(&params));
    let (since, until) = or_refuse!(span(&params, now));
    let client = params.get("client_id").map(|text| ClientId::parse(text).ok_or(OAuthError::CLIENT_ID_MALFORMED)).transpose();
    let client = or_refuse!(client);
    let stage = params.get("stage").map(|word| {
        let found = JourneyStage::ALL.into_iter().find(|(name, _)| *name == word);
        found.map(|(_, stage)| stage).ok_or(OAuthError::STAGE_UNKNOWN)
    });
    let stage = or_refuse!(stage.transpose());
    let search = Search { brand: Some(&brand.id), client, stage, since, until, after, limit };
    let page = journeys::search(&site.app.db, &site.app.brands, &search, now).await?;
    Ok(Ok(respond::json(StatusCode::OK, &page)))
}

/// The last day, unless it is said.
fn span(params: &Params, now: OffsetDateTime) -> Result<(OffsetDateTime, OffsetDateTime), OAuthError> {
    let time =
        |name| params.get(name).map(|text| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| OAuthError::TIME_MALFORMED)).transpose();
    let until = time("until")?.unwrap_or(now + Duration::MINUTE);
    let since = match time("since")? {
        Some(since) => since,
        None => until.checked_sub(Duration::DAY).ok_or(OAuthError::TIME_MALFORMED)?,
    };
    if since <= until { Ok((since, until)) } else { Err(OAuthError::TIME_MALFORMED) }
}

/// `GET /v1/brands/{brand}/journeys/{id}`.
pub async fn show(State(site): State<Arc<InternalSite>>, Path((brand, id)): Path<(String, String)>) -> Response {
    answered(found(&site, &brand, &id).await)
}

async fn found(site: &InternalSite, brand: &str, id: &str) -> Call {
    let (brand, now) = (or_refuse!(served(site, brand)), site.app.clock.now());
    let id = or_refuse!(Uuid::try_parse(id).map(InteractionId).map_err(|_| OAuthError::NO_SUCH_JOURNEY));
    let found = journeys::show(&site.app.db, &site.app.brands, Some(&brand.id), id, now).await?;
    Ok(found.map(|journey| respond::json(StatusCode::OK, &journey)).ok_or(OAuthError::NO_SUCH_JOURNEY))
}
