//! Accept loop: bounded handshakes off the loop, HTTP/1.1 and HTTP/2 with deadlines, drain.

use super::{
    config::{Side, TlsSet},
    front_proxy::Hop,
    limits::{Bounds, ListenerLimits, Stop},
    linger::Lingering,
    peer::{Counter, Peer},
    proxy_protocol::{self, HeaderRefusal},
    waiting::Seat,
};
use crate::{limits::Place, pki::PresentedChain};
use arc_swap::ArcSwap;
use axum::{body::Body, response::Response};
use http::Request;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use metrics::{counter, gauge};
use rustls::server::Acceptor;
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

/// Rests the loop when the system has no descriptor or memory for another connection.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Waiting connections cut each time the system has no descriptor left.
const EVICTED_PER_FAILURE: usize = 16;
/// A handshake counts among those at the same time for this long. One that takes longer waits for its peer and costs no
/// CPU: peers that stall must not keep the others out.
const HANDSHAKE_TURN: Duration = Duration::from_secs(1);
/// At a stop, what a peer gets to send the request that may be on its way: HTTP/1.1 has no other word for an end than the last
/// answer's `Connection: close`.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Of what is read or to be written, for each connection (HTTP/2: for each stream).
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// HTTP/2: what a peer may send of a body, for each stream, before somebody reads it; four times that for a connection.
const WINDOW_BYTES: u32 = 64 << 10;

/// Serves HTTP on `listener` until `stop.drain`, then lets requests under way finish within the drain time.
///
/// With `tls`, each connection's counter and configuration come from the set as it is at that moment. Without, the
/// socket is the ops counter: HTTP/1.1 in the clear. Every request carries its [`Peer`] in the extensions.
pub async fn serve<S>(listener: TcpListener, tls: Option<Arc<ArcSwap<TlsSet>>>, service: S, bounds: Bounds, stop: Stop)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Stop { drain: stop, cut } = stop;
    let desk = Arc::new(Desk { tls, bounds, stop });
    // cut here, at the end of the drain time, or from outside
    let (tasks, cut) = (TaskTracker::new(), cut.child_token());
    while let Some(accepted) = desk.stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((tcp, address)) => {
                let (desk, service, cut, seat) = (desk.clone(), service.clone(), cut.clone(), desk.bounds.waiting().enter());
                tasks.spawn(async move { cut.run_until_cancelled(desk.attend(tcp, address, seat, service)).await });
            }
            Err(error) => desk.rest(&error).await,
        }
    }
    drop(listener);
    tasks.close();
    let drain = desk.bounds.limits().drain;
    if let Some(Err(_)) = cut.run_until_cancelled(timeout(drain, tasks.wait())).await {
        tracing::warn!(connections = tasks.len(), "cut at the end of the drain time");
        cut.cancel();
    }
    tasks.wait().await;
}

/// What all connections of one socket share.
struct Desk {
    tls: Option<Arc<ArcSwap<TlsSet>>>,
    bounds: Bounds,
    stop: CancellationToken,
}

/// How a connection ended before it spoke HTTP.
enum Refusal {
    /// The bytes were no acceptable handshake, or the peer left.
    Failed(io::Error),
    /// A balancer did not say for whom it comes.
    Unannounced(HeaderRefusal),
    /// Its address came too often, or has its share of the connections.
    TooMany,
    /// `ListenerLimits::handshake` passed.
    TimedOut,
    /// Others came while it kept silent, and the room was full.
    Evicted,
    Stopped,
}

impl Refusal {
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Unannounced(_) => "unannounced",
            Self::TooMany => "too_many",
            Self::TimedOut => "timed_out",
            Self::Evicted => "evicted",
            Self::Stopped => "stopped",
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The two kinds of counters: behind TLS, and in the clear. `SocketAddr`: whom a PROXY header announced.
enum Opened {
    Tls(Box<TlsStream<TcpStream>>, Side, Option<SocketAddr>),
    Clear(TcpStream),
}

/// What a connection holds until its end: one of all, and of its address's share.
struct Slot {
    _one: OwnedSemaphorePermit,
    _share: Option<Place>,
}

impl Desk {
    /// A failed accept is most often a lack of descriptors: free some, and do not spin.
    async fn rest(&self, error: &io::Error) {
        tracing::warn!(%error, "accept");
        counter!("guichet_accept_errors_total").increment(1);
        self.bounds.waiting().evict(EVICTED_PER_FAILURE);
        sleep(ACCEPT_REST).await;
    }

    /// One connection, from its acceptance to its end.
    async fn attend<S>(&self, tcp: TcpStream, address: SocketAddr, seat: Seat, service: S)
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        // boxed: what a handshake needs would else be kept as long as the connection
        let opened = Box::pin(self.open(tcp, address.ip(), seat)).await;
        let outcome = opened.as_ref().map_or_else(Refusal::outcome, |_| "done");
        counter!("guichet_handshakes_total", "outcome" => outcome).increment(1);
        let socket = SocketAddr::new(address.ip().to_canonical(), address.port());
        match opened {
            Ok((Opened::Tls(stream, side, announced), _slot)) => {
                let session = stream.get_ref().1;
                let h2 = session.alpn_protocol() == Some(b"h2");
                let chain: Vec<_> = session.peer_certificates().unwrap_or_default().iter().map(|leaf| leaf.clone().into_owned()).collect();
                let chain = PresentedChain::new(chain);
                let hop = side.hop(socket.ip(), chain.certificates());
                if let Hop::Unproved(doubt) = hop {
                    tracing::warn!(%socket, ?doubt, "a front proxy's address without the proof that it is one");
                }
                let peer = Peer { address: announced.unwrap_or(socket), socket, counter: side.counter, hop, chain };
                self.converse(stream, h2, peer, service).await;
            }
            Ok((Opened::Clear(tcp), _slot)) => {
                let peer = Peer { address: socket, socket, counter: Counter::Ops, hop: Hop::Direct, chain: PresentedChain::default() };
                self.converse(tcp, false, peer, service).await;
            }
            Err(Refusal::Unannounced(why)) => {
                counter!("guichet_proxy_headers_refused_total", "reason" => why.name()).increment(1);
                tracing::warn!(%socket, ?why, "PROXY header");
            }
            Err(Refusal::Failed(error)) => tracing::debug!(%error, "handshake"),
            Err(Refusal::TooMany | Refusal::TimedOut | Refusal::Evicted | Refusal::Stopped) => {}
        }
    }

    /// Up to the end of the handshake. The seat is kept until a handshake and a connection are free for the peer, so
    /// that whoever waits is bounded by the room.
    async fn open(&self, tcp: TcpStream, socket: IpAddr, seat: Seat) -> Result<(Opened, Slot), Refusal> {
        let deadline = Instant::now() + self.bounds.limits().handshake;
        let opening = async {
            tcp.set_nodelay(true)?;
            let hello = tokio::select! {
                hello = self.hear(tcp, socket) => hello?,
                () = seat.lost() => return Err(Refusal::Evicted),
                () = self.stop.cancelled() => return Err(Refusal::Stopped),
            };
            drop(seat);
            // not cut by a stop: in TLS 1.3 a client's first request follows the last word of its handshake
            Ok(hello.finish().await?)
        };
        timeout_at(deadline, opening).await.unwrap_or(Err(Refusal::TimedOut))
    }

    /// The peer's first words (TLS: a PROXY header where one is due, and its whole ClientHello), then the permits to answer.
    async fn hear(&self, mut tcp: TcpStream, socket: IpAddr) -> Result<Heard<'_>, Refusal> {
        tcp.peek(&mut [0]).await?; // no buffer for a silent peer
        let closed = |_| io::Error::other("the semaphore is closed");
        let Some(tls) = &self.tls else {
            let one = self.bounds.connections().clone().acquire_owned().await.map_err(closed)?;
            return Ok(Heard::Clear(tcp, Slot { _one: one, _share: None }));
        };
        // boxed: its buffer would else be part of every connection that waits
        let announced = match tls.load().is_announced(socket) {
            true => Box::pin(proxy_protocol::read(&mut tcp)).await.map_err(Refusal::Unannounced)?,
            false => None,
        };
        // before TLS, which is what a connection costs
        let address = announced.map_or(socket, |announced| announced.ip());
        let share = self.bounds.limits().gate.as_ref().map_or(Ok(None), |gate| gate.enter(address)).map_err(|_| Refusal::TooMany)?;
        let hello = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let slot = Slot { _one: self.bounds.connections().clone().acquire_owned().await.map_err(closed)?, _share: share };
        let handshake = (self.bounds.handshakes().acquire().await.map_err(closed)?, Counted::new(gauge!("guichet_handshakes_under_way")));
        let side = tls.load().side(hello.client_hello().server_name()).clone();
        Ok(Heard::Hello { hello: Box::new(hello), side, announced, slot, handshake })
    }

    /// HTTP until the peer, its age, its silence or `stop` ends it.
    async fn converse<S, I>(&self, stream: I, h2: bool, peer: Peer, service: S)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let limits = Arc::clone(&self.bounds.limits());
        let open = gauge!("guichet_connections", "counter" => peer.counter.name());
        let _open = Counted::new(open);
        let activity = Activity::default();
        let answer = {
            let activity = activity.clone();
            service_fn(move |request: Request<hyper::body::Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer.clone());
                let (answer, under_way) = (service.clone().oneshot(request), activity.begin());
                async move {
                    let response = answer.await;
                    drop(under_way);
                    response
                }
            })
        };
        if h2 {
            let connection = http2(&limits).serve_connection(TokioIo::new(stream), answer);
            // boxed: it would else be part of every connection, and most are HTTP/1.1
            Box::pin(self.until_over(connection, http2::Connection::graceful_shutdown, &activity, &limits, Duration::ZERO)).await;
        } else {
            let connection = http1(&limits).serve_connection(Lingering::new(stream), answer);
            self.until_over(connection, http1::Connection::graceful_shutdown, &activity, &limits, LAST_WORD.min(limits.drain)).await;
        }
    }

    async fn until_over<C: Future<Output = hyper::Result<()>>>(
        &self,
        connection: C,
        end: impl FnOnce(Pin<&mut C>),
        activity: &Activity,
        limits: &ListenerLimits,
        last_word: Duration,
    ) {
        let mut connection = pin!(connection);
        let mut ended = tokio::select! {
            ended = connection.as_mut() => Ok(ended),
            () = self.stop.cancelled() => timeout(last_word, connection.as_mut()).await,
            () = activity.ceased(limits.idle) => timeout(Duration::ZERO, connection.as_mut()).await,
            () = sleep(limits.max_age) => timeout(Duration::ZERO, connection.as_mut()).await,
        };
        if ended.is_err() {
            end(connection.as_mut());
            ended = timeout(limits.drain, connection).await; // an h2 peer that never sent its preface would wait for ever
        }
        if let Ok(Err(error)) = ended {
            tracing::debug!(%error, "connection");
        }
    }
}

fn http1(limits: &ListenerLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.idle);
    builder.max_header_size(limits.max_header_bytes).max_buf_size(MAX_BUFFER_BYTES);
    builder
}

fn http2(limits: &ListenerLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(limits.idle).keep_alive_timeout(limits.idle);
    builder.max_concurrent_streams(limits.max_streams).max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX));
    builder.max_send_buf_size(MAX_BUFFER_BYTES).initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(4 * WINDOW_BYTES);
    builder
}

/// A peer that spoke, with what it needs to be answered.
enum Heard<'a> {
    Hello {
        hello: Box<tokio_rustls::StartHandshake<TcpStream>>,
        side: Side,
        announced: Option<SocketAddr>,
        slot: Slot,
        handshake: (tokio::sync::SemaphorePermit<'a>, Counted),
    },
    Clear(TcpStream, Slot),
}

impl Heard<'_> {
    async fn finish(self) -> io::Result<(Opened, Slot)> {
        match self {
            Self::Clear(tcp, slot) => Ok((Opened::Clear(tcp), slot)),
            Self::Hello { hello, side, announced, slot, handshake } => {
                let mut shaking = pin!(hello.into_stream(side.config.clone()));
                let shaken = timeout(HANDSHAKE_TURN, &mut shaking).await;
                drop(handshake);
                let stream = match shaken {
                    Ok(stream) => stream?,
                    Err(_) => shaking.await?,
                };
                Ok((Opened::Tls(Box::new(stream), side, announced), slot))
            }
        }
    }
}

/// Requests begun on a connection; its clones are the requests under way.
#[derive(Clone, Default)]
struct Activity(Arc<AtomicU64>);

impl Activity {
    fn begin(&self) -> Self {
        self.0.fetch_add(1, Relaxed);
        self.clone()
    }

    /// hyper cuts a silent HTTP/1.1 peer by itself, but never an HTTP/2 one.
    async fn ceased(&self, idle: Duration) {
        let mut seen = 0;
        loop {
            sleep(idle).await;
            let begun = self.0.load(Relaxed);
            // two holders: this one and the service
            if begun == seen && Arc::strong_count(&self.0) == 2 {
                return;
            }
            seen = begun;
        }
    }
}

/// A gauge that is one higher as long as this lives.
struct Counted(metrics::Gauge);

impl Counted {
    fn new(gauge: metrics::Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
