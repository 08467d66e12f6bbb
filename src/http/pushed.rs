use super::{extract::ClientRequest, respond, site::Site};
use crate::flows;
use axum::{extract::State, response::Response};
use http::StatusCode;
use std::sync::Arc;

/// RFC 9126 s2.
pub async fn push(State(site): State<Arc<Site>>, request: ClientRequest) -> Response {
    match flows::pushed::push(&site.app, &request.0).await {
        Ok(Ok(response)) => respond::json(StatusCode::CREATED, &response),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}
