//! The first thing behind every listener: which counter, which host, within which bounds.

use super::{
    answered::Answered,
    counted::{Received, counted},
    forwarded::Forwarded,
    identity::{Called, Tracing},
    respond, router,
    site::{HttpLimits, RequestId},
};
use crate::{
    app::{App, Shared},
    flows::health::{Health, Stage},
    oauth::{
        brand::{Brand, BrandId},
        error::OAuthError,
        params,
    },
    telemetry::request::{self, Facts},
    tls::peer::{Counter, Peer},
};
use arc_swap::ArcSwapOption;
use axum::{Router, body::Body, response::Response};
use http::{HeaderValue, Request, StatusCode, Version, header};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};
use tokio::time::Instant;
use tower::{Service, ServiceExt};

/// One service for all listeners: the connection's counter and the request's host choose the routes. The ops counter is open
/// from the start, the others as soon as there is something [`Inside`].
#[derive(Clone)]
pub struct Door(Arc<Frame>);

struct Frame {
    shared: Arc<Shared>,
    health: Arc<Health>,
    ops: Router,
    under_way: UnderWay,
    inside: ArcSwapOption<Inside>,
}

/// What the settings made of the routes. A reload puts another in its place; a request ends with the one that it began with.
pub struct Inside {
    brands: Vec<Arc<Brand>>,
    tpp: HashMap<String, Router>,
    psu: HashMap<String, Router>,
    internal: Router,
    limits: HttpLimits,
    forwarded: Forwarded,
    tracing: Tracing,
}

/// Requests under way, counted for each counter but ops: anybody may come to psu, even with bodies that trickle in, and
/// must not take the places of TPPs or of the bank's own systems.
#[derive(Default)]
struct UnderWay {
    tpp: AtomicUsize,
    psu: AtomicUsize,
    internal: AtomicUsize,
}

/// One of the requests under way, until it is dropped.
struct Slot<'a>(&'a AtomicUsize);

impl<'a> Slot<'a> {
    fn take(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let slot = Self(count);
        (count.fetch_add(1, Relaxed) < most).then_some(slot)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Inside {
    pub fn new(app: &App, limits: HttpLimits, forwarded: Forwarded, tracing: Tracing) -> Self {
        let (tpp, psu) = router::sites(app, &limits);
        Self { brands: app.brands.clone(), tpp, psu, internal: router::internal(app, &limits), limits, forwarded, tracing }
    }
}

impl Door {
    pub fn new(shared: Arc<Shared>, health: Arc<Health>, metrics: PrometheusHandle) -> Self {
        let ops = router::ops(&shared, &health, metrics);
        Self(Arc::new(Frame { shared, health, ops, under_way: UnderWay::default(), inside: ArcSwapOption::empty() }))
    }

    /// From the next request on, also on connections that are open.
    pub fn open(&self, inside: Inside) {
        self.0.inside.store(Some(Arc::new(inside)));
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

impl Frame {
    async fn answer(&self, mut request: Request<Body>) -> Response {
        let began = Instant::now();
        let at = self.shared.clock.now();
        let counter = request.extensions().get::<Peer>().map(|peer| peer.counter);
        let inside = self.inside.load_full();
        let called = match &inside {
            Some(inside) => Called::new(&self.shared, &inside.tracing, counter, at, request.headers()),
            None => Called::new(&self.shared, &Tracing::default(), counter, at, request.headers()),
        };
        request.extensions_mut().insert(RequestId(called.identity.event));
        let (host, method, version) = (host_of(&request), request.method().clone(), request.version());
        let (mut response, facts) = request::observed(Facts { identity: Some(called.identity.clone()), ..Facts::default() }, async {
            match inside.as_ref().map_or(Ok(()), |inside| inside.forwarded.settle(&mut request)) {
                Ok(()) => self.route(counter, host.as_deref(), inside.as_deref(), request).await,
                Err(refusal) => respond::error(&refusal),
            }
        })
        .await;
        if counter == Some(Counter::Psu) {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, respond::HSTS);
        }
        // RFC 9112 s9.6: the peer comes back elsewhere. HTTP/2 is told by GOAWAY when the listener closes
        if version <= Version::HTTP_11 && self.health.stage() == Stage::Stopping {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        called.answer(response.headers_mut());
        let answered = Answered { called, counter, method, status: response.status().as_u16(), began: at, time: began.elapsed() };
        answered.tell(&facts);
        // only where no route says it
        let missed = inside.filter(|_| response.status().is_server_error());
        let brands = missed.map_or_else(Vec::new, |inside| inside.brands_at(host.as_deref()));
        counted(&self.shared, Received { at, began, counter, brands }, &facts, response)
    }

    async fn route(&self, counter: Option<Counter>, host: Option<&str>, inside: Option<&Inside>, request: Request<Body>) -> Response {
        let count = match counter {
            Some(Counter::Ops) => return call(self.ops.clone(), request).await,
            Some(Counter::Tpp) => &self.under_way.tpp,
            Some(Counter::Psu) => &self.under_way.psu,
            Some(Counter::Internal) => &self.under_way.internal,
            None => return respond::status(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let (Some(inside), Some(counter)) = (inside, counter) else { return respond::unavailable("starting") };
        inside.route(counter, host, count, request).await
    }
}

impl Inside {
    fn brands_at(&self, host: Option<&str>) -> Vec<BrandId> {
        let here = |brand: &&Arc<Brand>| {
            [&brand.tpp_origin, &brand.psu_origin].iter().any(|origin| Some(router::host_of(origin).as_str()) == host)
        };
        self.brands.iter().filter(here).map(|brand| brand.id.clone()).collect()
    }

    async fn route(&self, counter: Counter, host: Option<&str>, count: &AtomicUsize, request: Request<Body>) -> Response {
        // RFC 9112 s3.2: a host is asked for also where there is only one
        let Some(host) = host else { return respond::error(&OAuthError::NO_HOST) };
        match counter {
            Counter::Tpp => self.of_host(host, [&self.tpp, &self.psu], count, request).await,
            Counter::Psu => self.of_host(host, [&self.psu, &self.tpp], count, request).await,
            Counter::Internal => self.bounded(count, self.internal.clone(), request).await,
            Counter::Ops => respond::error(&OAuthError::NO_SUCH_ENDPOINT),
        }
    }

    async fn of_host(
        &self,
        host: &str,
        [own, other]: [&HashMap<String, Router>; 2],
        count: &AtomicUsize,
        request: Request<Body>,
    ) -> Response {
        match own.get(host) {
            Some(routes) => self.bounded(count, routes.clone(), request).await,
            // RFC 9110 s15.5.20: a browser may reuse one HTTP/2 connection for two names of one certificate
            None if other.contains_key(host) => respond::error(&OAuthError::OTHER_CONNECTION),
            None => respond::error(&OAuthError::NO_SUCH_HOST),
        }
    }

    /// Sheds what is too much at once, and ends what takes too long.
    async fn bounded(&self, count: &AtomicUsize, routes: Router, request: Request<Body>) -> Response {
        if !is_legible(request.uri().path()) {
            return respond::error(&OAuthError::NO_SUCH_ENDPOINT);
        }
        let Some(_slot) = Slot::take(count, self.limits.requests_in_flight) else {
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
