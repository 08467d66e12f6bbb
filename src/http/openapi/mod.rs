//! The OpenAPI documents, from the brand's data and the core's wire shapes.

use super::{
    respond,
    router::{InternalSite, Site},
};
use crate::{oauth::brand::Brand, pages::Developers};
use axum::{extract::State, response::Response};
use http::StatusCode;
use std::sync::Arc;
use utoipa::openapi::OpenApi;

/// One brand's document: its own paths, grants and errors.
pub fn brand_document(_brand: &Brand) -> OpenApi {
    OpenApi::default()
}

/// The internal counter's.
pub fn internal_document() -> OpenApi {
    OpenApi::default()
}

/// File name and text of each committed document.
pub fn documents() -> Vec<(String, String)> {
    vec![]
}

pub async fn document(State(site): State<Arc<Site>>) -> Response {
    respond::document(&brand_document(&site.brand))
}

/// The same, to be read by people.
pub async fn page(State(site): State<Arc<Site>>) -> Response {
    let document = serde_json::to_value(brand_document(&site.brand)).unwrap_or_default();
    let html = Developers { brand: &site.brand.display_name, sandbox: site.brand.sandbox, document: &document }.render();
    respond::page(StatusCode::OK, site.page(crate::oauth::brand::Lang::En), html)
}

pub async fn internal(State(_): State<Arc<InternalSite>>) -> Response {
    respond::document(&internal_document())
}
