//! Every route of each counter. A brand's paths are its data; a channel is a row.

use super::{
    admin, app_links,
    authorize::{self, request_id},
    certificate,
    endpoints::{Endpoint, endpoints},
    events, exchange,
    extract::ClientRequest,
    grants, interactions, introspect, metadata, openapi, ops, payments, permissions, register, respond, revoke, sandbox,
    site::{HttpLimits, InternalSite, Route, Site},
    token,
};
use crate::{
    app::App,
    oauth::{brand::Lang, error::OAuthError},
    pages::{Look, NoticeKind, Site as PageSite, common_assets},
    tls::peer::Counter,
};
use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, RawPathParams, State},
    middleware::{self, Next},
    response::Response,
    routing::{MethodRouter, delete, get, post, put},
};
use http::{Request, StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};
use tower_http::catch_panic::CatchPanicLayer;

type ByHost = HashMap<String, Router>;

/// The routes of the tpp and psu counters, by host.
pub fn sites(app: &App, limits: &HttpLimits) -> (ByHost, ByHost) {
    let (mut tpp, mut psu) = (ByHost::new(), ByHost::new());
    // a name is its content's hash: all brands' files can lie side by side
    let mut assets = common_assets();
    for brand in &app.brands {
        let look = Look::of(&brand.theme, brand.default_language);
        assets.extend(look.assets.clone());
        let site = Arc::new(Site { app: app.clone(), brand: brand.clone(), limits: *limits, document: OnceLock::new(), look });
        if !psu.contains_key(&host_of(&brand.psu_origin)) {
            merge(&mut psu, &brand.psu_origin, short_addresses(&site));
        }
        merge(&mut tpp, &brand.tpp_origin, routes(&site, Counter::Tpp));
        merge(&mut psu, &brand.psu_origin, routes(&site, Counter::Psu));
    }
    let assets = Router::new().route("/assets/{name}", get(authorize::asset)).with_state::<()>(Arc::new(assets));
    let finish = |table: ByHost, fallback: fn(Router) -> Router| {
        table.into_iter().map(|(host, routes)| (host, observed(fallback(routes.merge(assets.clone()))))).collect()
    };
    // the one page at the counter of machines needs them, too
    (finish(tpp, machine_fallbacks), finish(psu, page_fallbacks))
}

/// What a host has once, whatever the number of its brands: its first brand answers.
fn short_addresses(site: &Arc<Site>) -> Router {
    Router::new()
        .route("/{lang}/certificate", get(certificate::form).post(certificate::check))
        .route("/.well-known/apple-app-site-association", get(app_links::apple))
        .route("/.well-known/assetlinks.json", get(app_links::android))
        .with_state(site.clone())
}

fn merge(table: &mut ByHost, origin: &str, routes: Router) {
    let host = host_of(origin);
    let known = table.remove(&host).unwrap_or_default();
    table.insert(host, known.merge(routes));
}

/// `https://host:port` -> `host`.
pub fn host_of(origin: &str) -> String {
    let authority = origin.strip_prefix("https://").unwrap_or(origin);
    authority.parse::<http::uri::Authority>().map_or_else(|_| authority.to_owned(), |a| a.host().to_ascii_lowercase())
}

/// What `endpoints` lists of a counter, each with its handler.
fn routes(site: &Arc<Site>, counter: Counter) -> Router {
    let listed = endpoints(&site.brand);
    let at_counter = listed.into_iter().filter(|endpoint| endpoint.counter() == counter);
    at_counter.fold(Router::new(), |routes, endpoint| routes.route(&endpoint.path(&site.brand), handler(endpoint))).with_state(site.clone())
}

fn handler(endpoint: Endpoint<'_>) -> MethodRouter<Arc<Site>> {
    match endpoint {
        Endpoint::Register => post(register::create),
        Endpoint::ReadClient => get(register::read),
        Endpoint::UpdateClient => put(register::update),
        Endpoint::DeleteClient => delete(register::delete),
        Endpoint::Token(channel) => {
            // cloned with its handler for each request
            let channel = Arc::new(channel.clone());
            post(async move |State(site): State<Arc<Site>>, request: ClientRequest| token::token(&site, &channel, request).await)
        }
        Endpoint::Revoke => post(revoke::revoke),
        Endpoint::Authorize(channel) => {
            let channel = Arc::new(channel.clone());
            get(async move |State(site): State<Arc<Site>>, path: RawPathParams, request: Request<Body>| {
                authorize::authorize(&site, &channel, path, request).await
            })
        }
        Endpoint::Journey => get(authorize::look),
        Endpoint::JourneyStep => post(authorize::step),
        Endpoint::JourneyReturn => get(authorize::go_home),
        Endpoint::JourneyStatus => get(authorize::status),
        Endpoint::Metadata => get(metadata::metadata),
        Endpoint::Jwks => get(metadata::jwks),
        Endpoint::Document => get(openapi::document_of_site),
        Endpoint::Developers => get(openapi::page),
        Endpoint::Customers => get(sandbox::page),
        Endpoint::PermissionsOpen => get(permissions::open),
        Endpoint::Permissions => get(permissions::list),
        Endpoint::Permission => get(permissions::one),
        Endpoint::PermissionEnd => post(permissions::end),
        Endpoint::CertificateForm => get(certificate::form),
        Endpoint::CertificateCheck => post(certificate::check),
        Endpoint::PresentedCertificate => get(certificate::presented),
    }
}

/// RFC 7662, the events and the document of this counter.
pub fn internal(app: &App, limits: &HttpLimits) -> Router {
    let site = Arc::new(InternalSite { app: app.clone(), limits: *limits });
    let routes = Router::new()
        .route("/brands/{brand}/introspect", post(introspect::introspect))
        .route("/v1/brands/{brand}/introspections", post(introspect::batch))
        .route("/v1/brands/{brand}/interactions", post(exchange::begin))
        .route("/v1/brands/{brand}/interactions/{ticket}", get(interactions::read))
        .route("/v1/brands/{brand}/interactions/{ticket}/complete", post(interactions::complete))
        .route("/v1/brands/{brand}/interactions/{ticket}/fail", post(interactions::fail))
        .route("/v1/brands/{brand}/payments", post(payments::lodge))
        .route("/v1/brands/{brand}/payments/{id}", get(payments::read).put(payments::change).delete(payments::withdraw))
        .route("/v1/brands/{brand}/payments/{id}/use", post(payments::execute))
        .route("/events", get(events::page))
        .route("/v1/brands/{brand}/grants/search", post(grants::search))
        .route("/v1/brands/{brand}/grants/{grant_id}/withdraw", post(grants::withdraw))
        .route("/v1/brands/{brand}/permissions", post(grants::invite))
        .route("/v1/brands/{brand}/sandbox/customers", get(sandbox::list))
        .route("/v1/brands/{brand}/sandbox/customers/{login}", put(sandbox::put).delete(sandbox::delete))
        .route("/openapi.json", get(openapi::internal))
        .merge(admin::routes(&site))
        .with_state(site);
    observed(machine_fallbacks(routes))
}

pub fn ops(app: &App, metrics: PrometheusHandle) -> Router {
    let app = app.clone();
    let routes = Router::new()
        .route("/livez", get(ops::live))
        .route("/readyz", get(move || ops::ready(app.clone())))
        .route("/metrics", get(async move || ops::metrics(metrics.render()).await));
    observed(machine_fallbacks(routes))
}

fn machine_fallbacks(routes: Router) -> Router {
    routes
        .fallback(async || respond::error(&OAuthError::NO_SUCH_ENDPOINT))
        .method_not_allowed_fallback(async || respond::error(&OAuthError::NO_SUCH_METHOD))
}

fn page_fallbacks(routes: Router) -> Router {
    routes
        .fallback(async |request: Request<Body>| plain_notice(StatusCode::NOT_FOUND, NoticeKind::NotFound, &request))
        .method_not_allowed_fallback(async |request: Request<Body>| {
            plain_notice(StatusCode::METHOD_NOT_ALLOWED, NoticeKind::MethodNotAllowed, &request)
        })
}

/// A page of no brand: English, unless the browser says otherwise.
fn plain_notice(status: StatusCode, kind: NoticeKind, request: &Request<Body>) -> Response {
    let accept = request.headers().get(http::header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let lang = accept.split(',').find_map(|tag| Lang::from_tag(tag.trim())).unwrap_or(Lang::En);
    respond::notice(status, PageSite { lang, brand: "", sandbox: false, look: None }, kind, &request_id(request))
}

/// A panic is answered 500 and counted; the matched pattern goes with the answer to the log.
fn observed(routes: Router) -> Router {
    routes
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            metrics::counter!("guichet_panics_total").increment(1);
            respond::error(&OAuthError::INTERNAL)
        }))
        .route_layer(middleware::from_fn(note_route))
}

async fn note_route(request: Request<Body>, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned().map(Route);
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}
