//! What phones ask a host for: which apps may take its URLs.

use super::{respond, router::host_of, site::Site};
use crate::oauth::{app_links, brand::Brand, error::OAuthError};
use axum::{extract::State, response::Response};
use serde_json::Value;
use std::sync::Arc;

/// Phones follow no redirect, and want `application/json`.
pub async fn apple(State(site): State<Arc<Site>>) -> Response {
    answer(app_links::apple_app_site_association(brands(&site)))
}

pub async fn android(State(site): State<Arc<Site>>) -> Response {
    answer(app_links::asset_links(brands(&site)))
}

/// Every brand of the host.
fn brands(site: &Site) -> impl Iterator<Item = &Brand> {
    let host = host_of(&site.brand.psu_origin);
    site.app.brands.iter().map(Arc::as_ref).filter(move |brand| host_of(&brand.psu_origin) == host)
}

fn answer(document: Option<Value>) -> Response {
    document.map_or_else(|| respond::error(&OAuthError::NO_SUCH_ENDPOINT), |document| respond::document(&document))
}
