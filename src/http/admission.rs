//! Requests that are too many are turned away before they are read: 429 with Retry-After (RFC 6585 s4).

use super::{
    authorize::request_id,
    endpoints::Endpoint,
    extract, respond,
    site::{InternalSite, Site},
};
use crate::{
    flows::admission,
    limits::{Limit, TooMany},
    oauth::error::OAuthError,
    pages::{NoticeKind, negotiate},
    telemetry::request,
    tls::peer::{Counter, Peer},
};
use axum::{
    body::Body,
    extract::{RawPathParams, State},
    middleware::{self, Next},
    response::Response,
    routing::MethodRouter,
};
use http::{HeaderValue, Request, StatusCode, header};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// What stands before an endpoint's handler.
#[derive(Clone)]
struct Usher {
    site: Arc<Site>,
    limit: Limit,
    /// Of the psu counter: what is asked by software rather than shown to somebody.
    machine: bool,
}

/// The endpoint's handler behind its limits.
pub fn limited(endpoint: Endpoint<'_>, handler: MethodRouter<Arc<Site>>, site: &Arc<Site>) -> MethodRouter<Arc<Site>> {
    let usher = Usher { site: site.clone(), limit: limit_of(endpoint), machine: is_machines(endpoint) };
    match endpoint.counter() {
        Counter::Tpp => handler.route_layer(middleware::from_fn_with_state(usher, at_tpp)),
        Counter::Psu | Counter::Internal | Counter::Ops => handler.route_layer(middleware::from_fn_with_state(usher, at_psu)),
    }
}

const fn limit_of(endpoint: Endpoint<'_>) -> Limit {
    match endpoint {
        Endpoint::Register | Endpoint::ReadClient | Endpoint::UpdateClient | Endpoint::DeleteClient => Limit::OrganisationRegistration,
        Endpoint::Token(_) | Endpoint::Push | Endpoint::SandboxResource => Limit::OrganisationToken,
        Endpoint::Revoke => Limit::OrganisationRevocation,
        Endpoint::PresentedCertificate => Limit::OrganisationCertificate,
        Endpoint::Authorize(_) => Limit::AddressAuthorize,
        Endpoint::CertificateCheck => Limit::AddressCertificate,
        Endpoint::Journey
        | Endpoint::JourneyStep
        | Endpoint::JourneyReturn
        | Endpoint::JourneyStatus
        | Endpoint::Metadata
        | Endpoint::Jwks
        | Endpoint::Document
        | Endpoint::Developers
        | Endpoint::Customers
        | Endpoint::PermissionsOpen
        | Endpoint::Permissions
        | Endpoint::Permission
        | Endpoint::PermissionEnd
        | Endpoint::CertificateForm => Limit::AddressPages,
    }
}

const fn is_machines(endpoint: Endpoint<'_>) -> bool {
    matches!(endpoint, Endpoint::JourneyStatus | Endpoint::Metadata | Endpoint::Jwks | Endpoint::Document)
}

async fn at_tpp(State(usher): State<Usher>, request: Request<Body>, next: Next) -> Response {
    let Usher { site, limit, .. } = usher;
    match admission::at_tpp(&site.app, &site.brand, &extract::chain(&request), address(&request), limit) {
        Ok(_place) => next.run(request).await,
        Err(too_many) => respond::error(&too_many.into()),
    }
}

async fn at_psu(State(usher): State<Usher>, path: RawPathParams, request: Request<Body>, next: Next) -> Response {
    match admission::at_psu(&usher.site.app, &usher.site.brand, address(&request), usher.limit) {
        Ok(_place) => next.run(request).await,
        Err(too_many) if usher.machine => respond::error(&too_many.into()),
        Err(too_many) => page(&usher.site, &path, &request, too_many),
    }
}

pub async fn at_internal(State(site): State<Arc<InternalSite>>, request: Request<Body>, next: Next) -> Response {
    match admission::at_internal(&site.app, &extract::chain(&request)) {
        Ok(()) => next.run(request).await,
        Err(too_many) => respond::error(&too_many.into()),
    }
}

fn page(site: &Site, path: &RawPathParams, request: &Request<Body>, too_many: TooMany) -> Response {
    let path_lang = path.iter().find(|(name, _)| *name == "lang").map(|(_, value)| value);
    let accept = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let lang = negotiate(path_lang, None, accept, &site.brand);
    let error = OAuthError::from(too_many);
    request::note(|facts| facts.verdict(error.reason, error.fault));
    let mut response = respond::notice(StatusCode::TOO_MANY_REQUESTS, site.page(lang), NoticeKind::TooMany, &request_id(request));
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// As a balancer announced it, else the socket's.
fn address(request: &Request<Body>) -> IpAddr {
    request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address.ip())
}
