use super::{extract::ClientRequest, respond, site::Site};
use crate::flows;
use axum::{extract::State, response::Response};
use http::StatusCode;
use std::sync::Arc;

/// RFC 7009 s2: 200 also for a token nobody knows; 503 means that it may still be alive.
pub async fn revoke(State(site): State<Arc<Site>>, request: ClientRequest) -> Response {
    match flows::revoke::answer(&site.app, &request.0).await {
        Ok(Ok(())) => respond::status(StatusCode::OK),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}
