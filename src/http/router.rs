//! Every route of each counter. A brand's paths are its data; a channel is a row.

use super::{
    admin, admission, app_links,
    authorize::{self, request_id},
    certificate,
    endpoints::{Endpoint, endpoints},
    events, exchange,
    extract::ClientRequest,
    grants, interactions, introspect, metadata, openapi, ops, payments, permissions, place, pushed, register, resource, respond, revoke,
    sandbox,
    site::{HttpLimits, InternalSite, Site},
    token,
};
use crate::{
    app::{App, Shared},
    flows::health::Health,
    oauth::{brand::Lang, error::OAuthError, fault::Asker},
    pages::{Look, NoticeKind, Site as PageSite, common_assets},
    telemetry::request::Place,
    tls::peer::Counter,
};
use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, State},
    middleware,
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
    let asset = place::at(place("asset", "/assets/{name}", Asker::Psu), get(authorize::asset));
    let assets = Router::new().route("/assets/{name}", asset).with_state::<()>(Arc::new(assets));
    let finish = |table: ByHost, fallback: fn(Router) -> Router| {
        table.into_iter().map(|(host, routes)| (host, unbroken(fallback(routes.merge(assets.clone()))))).collect()
    };
    // the one page at the counter of machines needs them, too
    (finish(tpp, machine_fallbacks), finish(psu, page_fallbacks))
}

/// What a host has once, whatever the number of its brands: its first brand answers.
fn short_addresses(site: &Arc<Site>) -> Router {
    let limited = |endpoint| admission::limited(endpoint, handler(endpoint), site);
    let rows = [
        (Endpoint::CertificateForm.name(), "/{lang}/certificate", limited(Endpoint::CertificateForm)),
        (Endpoint::CertificateCheck.name(), "/{lang}/certificate", limited(Endpoint::CertificateCheck)),
        ("app_links", "/.well-known/apple-app-site-association", get(app_links::apple)),
        ("app_links", "/.well-known/assetlinks.json", get(app_links::android)),
    ];
    listed(rows, Asker::Psu).with_state(site.clone())
}

/// Rows of a word for log and metrics, a path and what answers there.
fn listed<S: Clone + Send + Sync + 'static, const N: usize>(rows: [(&'static str, &str, MethodRouter<S>); N], asker: Asker) -> Router<S> {
    let add = |routes: Router<S>, (endpoint, path, handler)| routes.route(path, place::at(place(endpoint, path, asker), handler));
    rows.into_iter().fold(Router::new(), add)
}

/// Of a row that is no brand's.
fn place(endpoint: &'static str, route: &str, asker: Asker) -> Place {
    Place { endpoint, route: route.into(), brand: None, channel: None, asker }
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
    let add = |routes: Router<Arc<Site>>, endpoint: Endpoint<'_>| {
        let path = endpoint.path(&site.brand);
        let place = Place {
            endpoint: endpoint.name(),
            route: path.as_str().into(),
            brand: Some(site.brand.id.clone()),
            channel: endpoint.channel().map(|channel| channel.name.as_str().into()),
            asker: endpoint.asker(),
        };
        routes.route(&path, place::at(place, admission::limited(endpoint, handler(endpoint), site)))
    };
    at_counter.fold(Router::new(), add).with_state(site.clone())
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
        Endpoint::Push => post(pushed::push),
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
        Endpoint::SandboxResource => get(resource::read),
    }
}

/// RFC 7662, the events and the document of this counter.
pub fn internal(app: &App, limits: &HttpLimits) -> Router {
    let rows = [
        ("introspect", "/brands/{brand}/introspect", post(introspect::introspect)),
        ("introspect_batch", "/v1/brands/{brand}/introspections", post(introspect::batch)),
        ("app_begin", "/v1/brands/{brand}/interactions", post(exchange::begin)),
        ("interaction_read", "/v1/brands/{brand}/interactions/{ticket}", get(interactions::read)),
        ("interaction_complete", "/v1/brands/{brand}/interactions/{ticket}/complete", post(interactions::complete)),
        ("interaction_fail", "/v1/brands/{brand}/interactions/{ticket}/fail", post(interactions::fail)),
        ("payment_lodge", "/v1/brands/{brand}/payments", post(payments::lodge)),
        ("payment_read", "/v1/brands/{brand}/payments/{id}", get(payments::read)),
        ("payment_change", "/v1/brands/{brand}/payments/{id}", put(payments::change)),
        ("payment_withdraw", "/v1/brands/{brand}/payments/{id}", delete(payments::withdraw)),
        ("payment_use", "/v1/brands/{brand}/payments/{id}/use", post(payments::execute)),
        ("events", "/events", get(events::page)),
        ("grant_search", "/v1/brands/{brand}/grants/search", post(grants::search)),
        ("grant_withdraw", "/v1/brands/{brand}/grants/{grant_id}/withdraw", post(grants::withdraw)),
        ("permissions_invite", "/v1/brands/{brand}/permissions", post(grants::invite)),
        ("sandbox_list", "/v1/brands/{brand}/sandbox/customers", get(sandbox::list)),
        ("sandbox_put", "/v1/brands/{brand}/sandbox/customers/{login}", put(sandbox::put)),
        ("sandbox_delete", "/v1/brands/{brand}/sandbox/customers/{login}", delete(sandbox::delete)),
        ("internal_document", "/openapi.json", get(openapi::internal)),
    ];
    let site = Arc::new(InternalSite { app: app.clone(), limits: *limits });
    let guard = middleware::from_fn_with_state(site.clone(), admission::at_internal);
    let guarded = |(word, path, handler): admin::Row| (word, path, handler.route_layer(guard.clone()));
    let routes = listed(rows.map(guarded), Asker::Aspsp).merge(listed(admin::rows(&site).map(guarded), Asker::Aspsp)).with_state(site);
    unbroken(machine_fallbacks(routes))
}

pub fn ops(shared: &Arc<Shared>, health: &Arc<Health>, metrics: PrometheusHandle) -> Router {
    let (shared, started, ready) = (shared.clone(), health.clone(), health.clone());
    let rows = [
        ("live", "/livez", get(ops::live)),
        ("started", "/startedz", get(async move || ops::started(&started))),
        ("ready", "/readyz", get(async move || ops::ready(&ready).await)),
        ("metrics", "/metrics", get(async move || ops::metrics(&shared, &metrics))),
    ];
    unbroken(machine_fallbacks(listed(rows, Asker::Aspsp)))
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

/// A panic is answered 500 and counted.
fn unbroken(routes: Router) -> Router {
    routes.layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        metrics::counter!("guichet_panics_total").increment(1);
        respond::error(&OAuthError::INTERNAL)
    }))
}
