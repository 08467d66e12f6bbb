//! Events for the bank's own systems.

use super::{respond, site::InternalSite};
use crate::{
    flows::events,
    oauth::{error::OAuthError, params::Params},
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::StatusCode;
use std::sync::Arc;

/// Where nothing is said.
const USUAL: i64 = 100;
pub const MOST: i64 = 500;

/// `GET /events?after={id}&limit={n}`: a reader keeps `next` and comes again.
pub async fn page(State(site): State<Arc<InternalSite>>, RawQuery(query): RawQuery) -> Response {
    let (after, limit) = match read(query.as_deref().unwrap_or_default()) {
        Ok(read) => read,
        Err(error) => return respond::error(&error),
    };
    match events::page(&site.app, after, limit).await {
        Ok(page) => respond::json(StatusCode::OK, &page),
        Err(outage) => respond::outage(&outage),
    }
}

fn read(query: &str) -> Result<(i64, i64), OAuthError> {
    let params = Params::parse(query.as_bytes()).map_err(OAuthError::from)?;
    let number = |name: &str, usual| params.get(name).map_or(Some(usual), |text| text.parse::<i64>().ok());
    let after = number("after", 0).filter(|after| *after >= 0).ok_or(OAuthError::EVENTS_AFTER)?;
    let limit = number("limit", USUAL).filter(|limit| (1..=MOST).contains(limit)).ok_or(OAuthError::EVENTS_LIMIT)?;
    Ok((after, limit))
}
