//! What the handlers of one brand share, and what goes with each request.

use super::body::BodyLimits;
use crate::{
    app::App,
    oauth::{
        brand::{Brand, BrandId, Lang},
        error::OAuthError,
    },
    pages::{Look, Site as PageSite},
    telemetry::request,
};
use serde_json::Value;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use uuid::Uuid;

/// Bounds of the HTTP layer; those of connections are the listener's.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    pub body: BodyLimits,
    /// From the request's head to the answer's.
    pub request: Duration,
    /// More at once are answered 503 with Retry-After.
    pub requests_in_flight: usize,
    /// Asked about in one introspection; more are refused.
    pub tokens_per_introspection: usize,
}

impl HttpLimits {
    pub const fn new(body: BodyLimits, request: Duration, requests_in_flight: usize, tokens_per_introspection: usize) -> Self {
        Self { body, request, requests_in_flight, tokens_per_introspection }
    }
}

/// One brand at one counter: the state of its routes.
pub struct Site {
    pub app: App,
    pub brand: Arc<Brand>,
    pub limits: HttpLimits,
    /// The brand's OpenAPI document, built when first asked for.
    pub document: OnceLock<Value>,
    pub look: Look,
}

impl Site {
    /// Brands of one host share their customers' cookie: it lasts as long as any of their journeys may.
    pub fn longest_journey(&self) -> time::Duration {
        let here = self.app.brands.iter().filter(|brand| brand.psu_origin == self.brand.psu_origin);
        here.map(|brand| brand.interaction_lifetime).max().unwrap_or(self.brand.interaction_lifetime)
    }

    pub fn page(&self, lang: Lang) -> PageSite<'_> {
        PageSite { lang, brand: &self.brand.display_name, sandbox: self.brand.sandbox, look: Some(&self.look) }
    }
}

/// The bank's own systems see all brands.
pub struct InternalSite {
    pub app: App,
    pub limits: HttpLimits,
}

impl InternalSite {
    /// The brand that the path names.
    pub fn brand(&self, id: &str) -> Result<&Brand, OAuthError> {
        let brand = self.app.brand(&BrandId::new(id)).ok_or(OAuthError::NO_SUCH_BRAND)?;
        request::note(|facts| facts.brand = Some(brand.id.clone()));
        Ok(brand)
    }
}

/// What a request is called in the log, in the answer's `X-Request-Id` and on error pages.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub Uuid);
