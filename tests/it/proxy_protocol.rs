//! Balancers that forward bytes say for whom they come; nobody else is heard on that.
//!
//! They come from 127.0.0.2, everybody else from other addresses of the loopback network.

use crate::{
    front_proxy::{Balancer, LISTED},
    harness::{
        Bank, BankOptions, CIC,
        bank::pki,
        hello::{Hello, exchange, status},
    },
};
use arc_swap::ArcSwap;
use axum::{Extension, Router, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    oauth::tpp::PspRole,
    pki::forwarded::Format,
    tls::{
        config::{TlsSet, psu_config, tpp_config},
        files::load_chain_and_key,
        limits::{Bounds, ListenerLimits, Stop},
        listener::serve,
        peer::{Counter, Peer},
    },
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const SECOND: Duration = Duration::from_secs(1);
const OTHER: [u8; 4] = [127, 0, 0, 3];
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const WHO: &str = "GET /who HTTP/1.1\r\nHost: x\r\n\r\n";

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    [SIGNATURE, &[command, family], &u16::try_from(rest.len()).unwrap().to_be_bytes(), rest].concat()
}

/// For TCP over IPv4 from this address, port 32768.
fn proxied(client: [u8; 4]) -> Vec<u8> {
    header(0x21, 0x11, &[&client[..], &[10, 0, 0, 1, 0x80, 0, 1, 187]].concat())
}

fn proxied_v6() -> Vec<u8> {
    let (mut rest, source) = ([0; 36], [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    rest[..16].copy_from_slice(&source);
    rest[32] = 0x80;
    header(0x21, 0x21, &rest)
}

/// A listener for tpp and psu on one socket, that says who came.
async fn start(limits: ListenerLimits) -> SocketAddr {
    let identity = || load_chain_and_key(&pki().1.file("server.pem"), &pki().1.file("server.key")).unwrap();
    let set = TlsSet::new(Counter::Tpp, tpp_config(identity()).unwrap())
        .with_names([CIC.psu_host], Counter::Psu, psu_config(identity()).unwrap())
        .announced_from(vec!["127.0.0.2/32".parse().unwrap()]);
    let who = |Extension(peer): Extension<Peer>| async move { format!("{} {} {}", peer.counter.name(), peer.address, peer.socket.ip()) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/who", get(who));
    tokio::spawn(serve(listener, Some(Arc::new(ArcSwap::from_pointee(set))), routes, Bounds::new(limits), Stop::default()));
    address
}

async fn tcp(from: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

async fn tls(mut tcp: TcpStream, said: &[u8], name: &'static str, hello: Hello) -> io::Result<TlsStream<TcpStream>> {
    tcp.write_all(said).await?;
    TlsConnector::from(hello.config()).connect(name.try_into().unwrap(), tcp).await
}

async fn who(from: [u8; 4], address: SocketAddr, said: &[u8], name: &'static str) -> io::Result<String> {
    let mut stream = tls(tcp(from, address).await, said, name, Hello::default()).await?;
    Ok(exchange(&mut stream, WHO).await?.1)
}

/// Until the server closed.
async fn cut_after(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let _ = timeout(10 * SECOND, stream.read_to_end(&mut vec![])).await.expect("the connection is cut");
    began.elapsed()
}

/// Of this thread, which server and clients of a test share.
fn metrics() -> (PrometheusHandle, impl Drop) {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    (recorder.handle(), metrics::set_default_local_recorder(recorder))
}

#[tokio::test]
async fn a_listed_balancer_says_for_whom_it_comes() {
    let address = start(ListenerLimits::default()).await;
    let tlvs = header(0x21, 0x11, &[203, 0, 113, 7, 10, 0, 0, 1, 0x80, 0, 1, 187, 4, 0, 2, 0, 0]);
    for (said, expected) in [
        (proxied([203, 0, 113, 7]), "203.0.113.7:32768 127.0.0.2"),
        (tlvs, "203.0.113.7:32768 127.0.0.2"),
        (proxied_v6(), "[2001:db8::9]:32768 127.0.0.2"),
    ] {
        for (name, counter) in [(CIC.tpp_host, "tpp"), (CIC.psu_host, "psu")] {
            assert_eq!(who(LISTED, address, &said, name).await.unwrap(), format!("{counter} {expected}"));
        }
    }
    for local in [header(0x20, 0, &[]), header(0x20, 0x11, &[203, 0, 113, 7, 10, 0, 0, 1, 0x80, 0, 1, 187])] {
        let said = who(LISTED, address, &local, CIC.tpp_host).await.unwrap();
        assert!(said.starts_with("tpp 127.0.0.2:") && said.ends_with(" 127.0.0.2"), "{said}");
    }
    let plain = who(OTHER, address, &[], CIC.tpp_host).await.unwrap();
    assert!(plain.starts_with("tpp 127.0.0.3:") && plain.ends_with(" 127.0.0.3"), "{plain}");
}

#[tokio::test]
async fn without_its_header_a_listed_balancer_is_cut_and_counted() {
    let (metrics, _guard) = metrics();
    let address = start(ListenerLimits::default()).await;
    let mut closed = 0;
    for (said, reason) in [
        (vec![], "missing"), // the ClientHello comes at once
        (b"PROXY TCP4 203.0.113.7 10.0.0.1 32768 443\r\n".to_vec(), "missing"),
        (header(0x31, 0x11, &[0; 12]), "malformed"),
        (header(0x21, 0x11, &[0; 11]), "malformed"),
        (header(0x21, 0x11, &[0; 521]), "too_long"),
        (header(0x21, 0x00, &[]), "no_address"),
        (header(0x21, 0x31, &[0; 216]), "no_address"),
    ] {
        let before = refused(&metrics, reason);
        assert!(who(LISTED, address, &said, CIC.tpp_host).await.is_err(), "{said:?}");
        assert_eq!(refused(&metrics, reason), before + 1, "{said:?}");
        closed += 1;
    }
    let text = metrics.render();
    assert!(text.contains(&format!("guichet_handshakes_total{{outcome=\"unannounced\"}} {closed}\n")), "{text}");
}

fn refused(metrics: &PrometheusHandle, reason: &str) -> u64 {
    let line = format!("guichet_proxy_headers_refused_total{{reason=\"{reason}\"}} ");
    metrics.render().lines().find_map(|l| l.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn from_an_unlisted_peer_the_header_is_no_tls() {
    let (metrics, _guard) = metrics();
    let address = start(ListenerLimits::default()).await;
    assert!(who(OTHER, address, &proxied([127, 0, 0, 2]), CIC.tpp_host).await.is_err());
    let text = metrics.render();
    assert!(text.contains("guichet_handshakes_total{outcome=\"failed\"} 1"), "{text}");
    assert!(!text.contains("guichet_proxy_headers_refused_total"), "{text}");
}

#[tokio::test]
async fn a_slow_header_has_the_handshakes_deadline() {
    let address = start(ListenerLimits { handshake: SECOND / 2, ..ListenerLimits::default() }).await;
    for said in [&[][..], &SIGNATURE[..5], &proxied([203, 0, 113, 7])[..20], &proxied([203, 0, 113, 7])] {
        let mut peer = tcp(LISTED, address).await;
        peer.write_all(said).await.unwrap();
        let took = cut_after(&mut peer).await;
        assert!(took >= SECOND / 3 && took < 5 * SECOND, "{said:?}: {took:?}");
    }
    // in pieces, it is one
    let mut peer = tcp(LISTED, address).await;
    for byte in proxied([203, 0, 113, 7]) {
        peer.write_all(&[byte]).await.unwrap();
        peer.flush().await.unwrap();
    }
    let mut stream = tls(peer, &[], CIC.tpp_host, Hello::default()).await.unwrap();
    assert_eq!(exchange(&mut stream, WHO).await.unwrap().1, "tpp 203.0.113.7:32768 127.0.0.2");
}

#[tokio::test]
async fn silent_balancers_keep_nobody_out() {
    let address = start(ListenerLimits { max_waiting: 8, handshake: 5 * SECOND, ..ListenerLimits::default() }).await;
    let mut crowd = vec![];
    for _ in 0..64 {
        let mut peer = tcp(LISTED, address).await;
        peer.write_all(&SIGNATURE[..6]).await.unwrap();
        crowd.push(peer);
    }
    let began = Instant::now();
    who(LISTED, address, &proxied([203, 0, 113, 7]), CIC.tpp_host).await.unwrap();
    assert!(began.elapsed() < 2 * SECOND);
}

/// A front proxy is known by its socket: whom a header announces proves nothing.
#[tokio::test]
async fn a47_an_announced_address_makes_no_front_proxy() {
    let balancer = Balancer::new();
    let options = BankOptions {
        extra: balancer.settings(Format::Rfc9440, ""),
        listener_extra: "proxy_protocol_from = ['127.0.0.2', '127.0.0.3']".into(),
        internal_extra: "proxy_protocol_from = ['127.0.0.2']".into(),
        ..BankOptions::default()
    };
    let bank = Bank::with(options).await;
    let tpp = bank.tpp(PspRole::ALL);
    let uri = tpp.register(CIC).await.registration_uri().to_owned();
    let path = uri.strip_prefix(&bank.origin(CIC.tpp_host)).unwrap();
    let leaf = STANDARD.encode(&tpp.chain[0]);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nClient-Cert: :{leaf}:\r\n\r\n", CIC.tpp_host);
    for (from, client, expected) in
        [(LISTED, [203, 0, 113, 7], 200), (LISTED, [127, 0, 0, 3], 200), (OTHER, LISTED, 401), (OTHER, [203, 0, 113, 7], 401)]
    {
        let proof = balancer.certificate();
        let hello = Hello { identity: Some((proof.chain, proof.key)), ..Hello::default() };
        let mut stream = tls(tcp(from, bank.address).await, &proxied(client), CIC.tpp_host, hello).await.unwrap();
        let (head, body) = exchange(&mut stream, &request).await.unwrap();
        assert_eq!(status(&head), expected, "{from:?} for {client:?}: {body}");
    }
    let internal = |said: Vec<u8>| async move { tls(tcp(LISTED, bank.internal).await, &said, "localhost", Hello::with("gateway")).await };
    let nothing = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut stream = internal(proxied([203, 0, 113, 7])).await.unwrap();
    assert_eq!(status(&exchange(&mut stream, nothing).await.unwrap().0), 404);
    let plain = internal(vec![]).await;
    assert!(plain.is_err(), "the header is required at the internal counter, too");
}
