use super::{extract::ClientRequest, respond, site::Site};
use crate::{flows, oauth::channel::Channel};
use axum::response::Response;
use http::StatusCode;

/// RFC 6749 s3.2.
pub async fn token(site: &Site, channel: &Channel, request: ClientRequest) -> Response {
    match flows::token::answer(&site.app, &request.0, channel).await {
        Ok(Ok(response)) => respond::json(StatusCode::OK, &response),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}
