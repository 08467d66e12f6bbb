//! The first thing behind every listener: which counter, which host, within which bounds.

use super::{
    answered::Answered,
    counted::{Received, counted},
    forwarded::Forwarded,
    respond, router,
    site::{HttpLimits, RequestId},
};
use crate::{
    app::App,
    oauth::{
        brand::{Brand, BrandId},
        error::OAuthError,
        params,
    },
    telemetry::request,
    tls::peer::{Counter, Peer},
};
use axum::{Router, body::Body, response::Response};
use http::{HeaderValue, Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{sync::Semaphore, time::Instant};
use tower::{Service, ServiceExt};

/// One service for all listeners: the connection's counter and the request's host choose the routes.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    app: App,
    tpp: HashMap<String, Router>,
    psu: HashMap<String, Router>,
    internal: Router,
    ops: Router,
    slots: Slots,
    limits: HttpLimits,
    forwarded: Forwarded,
}

/// Requests under way, counted for each counter but ops: anybody may come to psu, even with bodies that trickle in, and
/// must not take the places of TPPs or of the bank's own systems.
struct Slots {
    tpp: Semaphore,
    psu: Semaphore,
    internal: Semaphore,
}

impl Slots {
    fn new(each: usize) -> Self {
        Self { tpp: Semaphore::new(each), psu: Semaphore::new(each), internal: Semaphore::new(each) }
    }
}

impl Door {
    pub fn new(app: App, limits: HttpLimits, forwarded: Forwarded, metrics: PrometheusHandle) -> Self {
        let (tpp, psu) = router::sites(&app, &limits);
        let internal = router::internal(&app, &limits);
        let ops = router::ops(&app, metrics);
        Self(Arc::new(Inner { app, tpp, psu, internal, ops, slots: Slots::new(limits.requests_in_flight), limits, forwarded }))
    }
}

impl Service<Request<Body>> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = self.0.clone();
        Box::pin(async move { Ok(door.answer(request).await) })
    }
}

impl Inner {
    async fn answer(&self, mut request: Request<Body>) -> Response {
        let began = Instant::now();
        let at = self.app.clock.now();
        let id = RequestId(self.app.entropy.uuid(at));
        let counter = request.extensions().get::<Peer>().map(|peer| peer.counter);
        request.extensions_mut().insert(id);
        let host = host_of(&request);
        let method = request.method().clone();
        let (mut response, facts) = request::observed(async {
            match self.forwarded.settle(&mut request) {
                Ok(()) => self.route(counter, host.as_deref(), request).await,
                Err(refusal) => respond::error(&refusal),
            }
        })
        .await;
        if counter == Some(Counter::Psu) {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, respond::HSTS);
        }
        if let Ok(value) = HeaderValue::from_str(&id.0.simple().to_string()) {
            response.headers_mut().insert("x-request-id", value);
        }
        let answered = Answered { id, counter, method, status: response.status().as_u16(), time: began.elapsed() };
        answered.tell(&facts);
        // only where no route says it
        let brands = if response.status().is_server_error() { self.brands_at(host.as_deref()) } else { vec![] };
        counted(&self.app, Received { at, began, counter, brands }, &facts, response)
    }

    fn brands_at(&self, host: Option<&str>) -> Vec<BrandId> {
        let here = |brand: &&Arc<Brand>| {
            [&brand.tpp_origin, &brand.psu_origin].iter().any(|origin| Some(router::host_of(origin).as_str()) == host)
        };
        self.app.brands.iter().filter(here).map(|brand| brand.id.clone()).collect()
    }

    async fn route(&self, counter: Option<Counter>, host: Option<&str>, request: Request<Body>) -> Response {
        // RFC 9112 s3.2: a host is asked for also where there is only one
        match (counter, host) {
            (Some(Counter::Ops), _) => call(self.ops.clone(), request).await,
            (Some(Counter::Tpp | Counter::Psu | Counter::Internal), None) => respond::error(&OAuthError::NO_HOST),
            (Some(Counter::Tpp), Some(host)) => self.of_host(host, [&self.tpp, &self.psu], &self.slots.tpp, request).await,
            (Some(Counter::Psu), Some(host)) => self.of_host(host, [&self.psu, &self.tpp], &self.slots.psu, request).await,
            (Some(Counter::Internal), Some(_)) => self.bounded(&self.slots.internal, self.internal.clone(), request).await,
            (None, _) => respond::status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    async fn of_host(
        &self,
        host: &str,
        [own, other]: [&HashMap<String, Router>; 2],
        slots: &Semaphore,
        request: Request<Body>,
    ) -> Response {
        match own.get(host) {
            Some(routes) => self.bounded(slots, routes.clone(), request).await,
            // RFC 9110 s15.5.20: a browser may reuse one HTTP/2 connection for two names of one certificate
            None if other.contains_key(host) => respond::error(&OAuthError::OTHER_CONNECTION),
            None => respond::error(&OAuthError::NO_SUCH_HOST),
        }
    }

    /// Sheds what is too much at once, and ends what takes too long.
    async fn bounded(&self, slots: &Semaphore, routes: Router, request: Request<Body>) -> Response {
        if !is_legible(request.uri().path()) {
            return respond::error(&OAuthError::NO_SUCH_ENDPOINT);
        }
        let Ok(_slot) = slots.try_acquire() else {
            metrics::counter!("guichet_requests_shed_total").increment(1);
            return respond::unavailable("overloaded");
        };
        match tokio::time::timeout(self.limits.request, call(routes, request)).await {
            Ok(response) => response,
            Err(_) => respond::unavailable("too_slow"),
        }
    }
}

async fn call(routes: Router, request: Request<Body>) -> Response {
    match routes.oneshot(request).await {
        Ok(response) => response,
    }
}

/// Of a path that no route matches, so that no parameter of one holds what is no text.
fn is_legible(path: &str) -> bool {
    params::decode(path.as_bytes()).is_some()
}

/// HTTP/2's `:authority`, or the one `Host` header; without the port, in lower case.
fn host_of(request: &Request<Body>) -> Option<String> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let header = headers.next().map(HeaderValue::to_str).transpose().ok()?;
    if headers.next().is_some() {
        return None;
    }
    let authority: http::uri::Authority = match (request.uri().authority(), header) {
        (Some(authority), _) => authority.clone(),
        (None, header) => header?.parse().ok()?,
    };
    Some(authority.host().to_ascii_lowercase())
}
