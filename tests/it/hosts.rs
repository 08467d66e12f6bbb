//! One port, two counters: SNI chooses the TLS, Host must belong to it; and what TLS each listener speaks.

use crate::harness::{
    Bank, CIC, LBP,
    bank::BRANDS,
    hello::{Hello, connect, exchange, status},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    CipherSuite, HandshakeKind,
    crypto::aws_lc_rs,
    version::{TLS12, TLS13},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

fn tpp_path() -> String {
    format!("{}/x", CIC.registration)
}

const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Server name, Host, path, expected status.
fn table() -> Vec<(&'static str, String, String, u16)> {
    let mut rows = vec![
        (CIC.tpp_host, "nobody.example".into(), tpp_path(), 421),
        (CIC.psu_host, "nobody.example".into(), METADATA.into(), 421),
        (CIC.tpp_host, "127.0.0.1".into(), tpp_path(), 421),
        (CIC.psu_host, "localhost".into(), METADATA.into(), 421),
        ("localhost", CIC.tpp_host.into(), tpp_path(), 401),
        ("localhost", CIC.psu_host.into(), METADATA.into(), 421),
        (CIC.tpp_host, CIC.tpp_host.to_uppercase(), tpp_path(), 401),
        (CIC.tpp_host, format!("{}:1", CIC.tpp_host), tpp_path(), 401),
        (CIC.psu_host, format!("{}:443", CIC.psu_host), METADATA.into(), 200),
        (CIC.psu_host, LBP.psu_host.into(), METADATA.into(), 200),
        (CIC.psu_host, CIC.psu_host.into(), tpp_path(), 404),
        (CIC.tpp_host, CIC.tpp_host.into(), METADATA.into(), 404),
        (CIC.psu_host, LBP.psu_host.into(), CIC.channels[0].1.into(), 404),
    ];
    for brand in BRANDS {
        rows.push((brand.psu_host, brand.tpp_host.into(), format!("{}/x", brand.registration), 421));
        rows.push((brand.tpp_host, brand.psu_host.into(), METADATA.into(), 421));
        rows.push((brand.psu_host, brand.psu_host.into(), METADATA.into(), 200));
        rows.push((brand.tpp_host, brand.tpp_host.into(), format!("{}/x", brand.registration), 401));
    }
    rows
}

#[tokio::test]
async fn the_host_must_belong_to_the_connection() {
    let bank = Bank::start().await;
    for (name, host, path, expected) in table() {
        let mut stream = Hello::with("aisp").connect(bank.address, name).await.unwrap();
        let (head, body) = exchange(&mut stream, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.unwrap();
        assert_eq!(status(&head), expected, "HTTP/1.1 {name} {host} {path}: {body}");
        if expected == 421 {
            assert!(body.contains("\"invalid_request\""), "{body}");
        }
        // the connection lives on: the next request may be right
        let (host, path) =
            if name.contains("api") || name == "localhost" { (CIC.tpp_host, tpp_path()) } else { (CIC.psu_host, METADATA.into()) };
        let (head, _) = exchange(&mut stream, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.unwrap();
        assert!([200, 401].contains(&status(&head)), "{head}");
    }
}

#[tokio::test]
async fn http2_authorities_are_judged_alike() {
    let bank = Bank::start().await;
    for (name, host, path, expected) in table() {
        let stream = Hello { alpn: b"h2", ..Hello::with("aisp") }.connect(bank.address, name).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let request = http::Request::get(format!("https://{host}{path}")).body(axum::body::Body::empty()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), expected, "h2 {name} {host} {path}");
        driver.abort();
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let bank = Bank::start().await;
    let host = CIC.psu_host;
    for (request, expected) in [
        (format!("GET {METADATA} HTTP/1.1\r\n\r\n"), 400),
        (format!("GET {METADATA} HTTP/1.1\r\nHost:\r\n\r\n"), 400),
        (format!("GET {METADATA} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"), 400),
        (format!("GET {METADATA} HTTP/1.1\r\nHost: {host}\r\nHost: {}\r\n\r\n", CIC.tpp_host), 400),
        (format!("GET {METADATA} HTTP/1.1\r\nHost: a b\r\n\r\n"), 400),
        (format!("GET {METADATA} HTTP/1.1\r\nHost: \u{e9}.example\r\n\r\n"), 400),
        (format!("GET {METADATA} HTTP/1.0\r\n\r\n"), 400),
        (format!("GET https://{host}{METADATA} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 200),
        (format!("GET https://{}{METADATA} HTTP/1.1\r\nHost: {host}\r\n\r\n", CIC.tpp_host), 421),
    ] {
        let mut stream = Hello::default().connect(bank.address, host).await.unwrap();
        let (head, body) = exchange(&mut stream, &request).await.unwrap();
        assert_eq!(status(&head), expected, "{request:?}: {body}");
    }
}

#[tokio::test]
async fn nothing_is_resumed_at_a_machine_counter() {
    let bank = Bank::start().await;
    let internal = "localhost";
    for version in [&TLS13, &TLS12] {
        for (name, address, certificate) in
            [(CIC.tpp_host, bank.address, "aisp"), (LBP.tpp_host, bank.address, "all"), (internal, bank.internal, "gateway")]
        {
            let config = Hello { versions: vec![version], ..Hello::with(certificate) }.config();
            for _ in 0..3 {
                let mut stream = connect(config.clone(), address, name).await.unwrap();
                // an answer is read, so that a ticket would have come
                exchange(&mut stream, &format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n")).await.unwrap();
                assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "{name} {version:?}");
            }
        }
    }
}

#[tokio::test]
async fn a46_tls12_of_machines_is_ecdhe_with_aes_gcm() {
    let bank = Bank::start().await;
    let gcm = [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    for (name, address, certificate) in
        [(CIC.tpp_host, bank.address, "aisp"), (LBP.tpp_host, bank.address, "aisp"), ("localhost", bank.internal, "gateway")]
    {
        let mut accepted = vec![];
        for suite in aws_lc_rs::ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none()) {
            let hello = Hello { versions: vec![&TLS12], suites: vec![*suite], ..Hello::with(certificate) };
            if hello.connect(address, name).await.is_ok() {
                accepted.push(suite.suite());
            }
        }
        accepted.sort_by_key(|suite| u16::from(*suite));
        assert_eq!(accepted, gcm, "{name}");
    }
}

/// A ClientHello that offers nothing newer than `minor`, for `name`, written by hand.
fn old_hello(minor: u8, name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let length = u8::try_from(name.len()).unwrap();
    let mut extensions = vec![0, 0, 0, length + 5, 0, length + 3, 0, 0, length];
    extensions.extend(name);
    extensions.extend([0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3]); // groups, signatures
    let mut hello = vec![3, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x0a, 1, 0, 0, u8::try_from(extensions.len()).unwrap()]);
    hello.extend(extensions);
    let body = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 1, 0, body + 4, 1, 0, 0, body][..], &hello].concat()
}

async fn first_record(address: SocketAddr, hello: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(hello).await.unwrap();
    let mut record = vec![0; 7];
    timeout(Duration::from_secs(10), tcp.read_exact(&mut record)).await.unwrap().unwrap();
    record
}

#[tokio::test]
async fn a44_tls_1_0_and_1_1_are_refused_everywhere() {
    let bank = Bank::start().await;
    for (name, address) in
        [(CIC.tpp_host, bank.address), (CIC.psu_host, bank.address), (LBP.psu_host, bank.address), ("localhost", bank.internal)]
    {
        for minor in [1, 2] {
            let record = first_record(address, &old_hello(minor, name)).await;
            // RFC 8446 s6: alert, fatal, protocol_version
            assert_eq!((record[0], &record[5..]), (21, &[2, 70][..]), "{name} TLS 1.{}", minor - 1);
        }
        let record = first_record(address, &old_hello(3, name)).await;
        assert_eq!(record[0], 22, "the same hello with TLS 1.2 is answered by a handshake");
    }
}

#[tokio::test]
async fn a45_browsers_are_told_to_stay_on_https() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let origin = bank.origin(brand.psu_host);
        for path in [METADATA, brand.channels[0].1, "/nothing", &format!("/{}/developers", brand.id), &format!("/{}/jwks", brand.id)] {
            let reply = bank.browser().get(&format!("{origin}{path}")).await;
            assert_eq!(reply.header("strict-transport-security"), "max-age=31536000; includeSubDomains", "{path} {}", reply.status);
        }
    }
}
