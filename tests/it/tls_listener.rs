//! The listener: what each counter accepts, and what it does not put up with.

use arc_swap::ArcSwap;
use axum::{
    Extension, Router,
    routing::{get, post},
};
use guichet::{
    dev::qwac::{Ca, Issued, KeyKind, QwacSpec, Validity},
    oauth::tpp::PspRole,
    tls::{
        config::{TlsSet, internal_config, psu_config, tpp_config},
        files::{Identity, load_chain_and_key},
        limits::{Bounds, ListenerLimits, Stop},
        listener::serve,
        peer::{Counter, Peer},
    },
};
use rustls::{
    CipherSuite, ClientConfig, HandshakeKind, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer},
    version::{TLS12, TLS13},
};
use std::{fs, io, net::SocketAddr, process::Command, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

const MTLS: &str = "mtls.bank.example";
const LOGIN: &str = "login.bank.example";
const SECOND: Duration = Duration::from_secs(1);

struct Server {
    address: SocketAddr,
    servers: Ca,
    qtsp: Ca,
    tls: Arc<ArcSwap<TlsSet>>,
    stop: CancellationToken,
    done: JoinHandle<()>,
}

/// Client and server of a TLS handshake look at the machine's clock, so the certificates are of today.
#[expect(clippy::disallowed_methods, reason = "the TLS library's own clock decides here")]
fn today() -> Validity {
    let now = OffsetDateTime::now_utc();
    Validity { not_before: now - time::Duration::days(1), not_after: now + time::Duration::days(30) }
}

fn identity(issued: Issued) -> Identity {
    Identity { chain: issued.chain, key: issued.key }
}

fn server_identity(servers: &Ca) -> Identity {
    identity(servers.issue_server(&[MTLS, LOGIN], today()).unwrap())
}

fn shared_set(servers: &Ca) -> TlsSet {
    let tpp = tpp_config(server_identity(servers)).unwrap();
    TlsSet::new(Counter::Tpp, tpp).with_names([LOGIN], Counter::Psu, psu_config(server_identity(servers)).unwrap())
}

fn routes() -> Router {
    let who = |Extension(peer): Extension<Peer>| async move {
        format!("{} {} {}", peer.counter.name(), peer.chain.certificates().len(), peer.address.ip())
    };
    let slow = async || {
        tokio::time::sleep(SECOND).await;
        "slow"
    };
    Router::new().route("/who", get(who)).route("/slow", get(slow)).route("/echo", post(|body: String| async { body }))
}

async fn start(limits: ListenerLimits) -> Server {
    let servers = Ca::root("Servers", today()).unwrap();
    let set = shared_set(&servers);
    start_with(limits, servers, set).await
}

async fn start_with(limits: ListenerLimits, servers: Ca, set: TlsSet) -> Server {
    let tls = Arc::new(ArcSwap::from_pointee(set));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let done =
        tokio::spawn(serve(listener, Some(tls.clone()), routes(), Bounds::new(limits), Stop { drain: stop.clone(), ..Stop::default() }));
    Server { address, servers, qtsp: Ca::root("QTSP", today()).unwrap(), tls, stop, done }
}

/// How a client comes.
struct Client<'a> {
    name: &'a str,
    version: &'static SupportedProtocolVersion,
    suites: Vec<SupportedCipherSuite>,
    certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    alpn: &'a [&'a [u8]],
}

impl Client<'_> {
    fn to(name: &str) -> Client<'_> {
        Client { name, version: &TLS13, suites: aws_lc_rs::ALL_CIPHER_SUITES.to_vec(), certificate: None, alpn: &[b"http/1.1"] }
    }

    fn with(mut self, issued: Issued) -> Self {
        self.certificate = Some((issued.chain, issued.key));
        self
    }

    fn config(self, server: &Server) -> Arc<ClientConfig> {
        let provider = CryptoProvider { cipher_suites: self.suites, ..aws_lc_rs::default_provider() };
        let mut roots = RootCertStore::empty();
        roots.add(server.servers.certificate().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[self.version]).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match self.certificate {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    async fn connect(self, server: &Server) -> io::Result<TlsStream<TcpStream>> {
        let name = self.name.to_owned();
        connect(self.config(server), &name, server).await
    }

    async fn get(self, server: &Server, path: &str) -> io::Result<String> {
        exchange(&mut self.connect(server).await?, path).await
    }
}

async fn connect(config: Arc<ClientConfig>, name: &str, server: &Server) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(server.address).await?;
    TlsConnector::from(config).connect(name.to_owned().try_into().unwrap(), tcp).await
}

/// One request, the connection's last; the body of its answer.
async fn exchange(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), path: &str) -> io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other(answer.clone()))?;
    if head.starts_with("HTTP/1.1 200") { Ok(body.into()) } else { Err(io::Error::other(head.to_owned())) }
}

fn qwac(server: &Server, key: KeyKind) -> Issued {
    let spec = QwacSpec::new("PSDFR-ACPR-1", "TPP", &[PspRole::AccountInformation], today());
    server.qtsp.issue(&QwacSpec { key, ..spec }).unwrap()
}

/// Waits until the peer closes, and says how long it took.
async fn cut_after(stream: &mut (impl AsyncReadExt + Unpin)) -> Duration {
    let began = Instant::now();
    let mut rest = vec![];
    let _ = timeout(10 * SECOND, stream.read_to_end(&mut rest)).await.expect("the connection is cut");
    began.elapsed()
}

#[tokio::test]
async fn the_name_says_the_counter_and_a_certificate_may_be_missing() {
    let server = start(ListenerLimits::default()).await;
    for version in [&TLS13, &TLS12] {
        let tpp = Client { version, ..Client::to(MTLS).with(qwac(&server, KeyKind::P256)) };
        assert_eq!(tpp.get(&server, "/who").await.unwrap(), "tpp 2 127.0.0.1");
        assert_eq!(Client { version, ..Client::to(MTLS) }.get(&server, "/who").await.unwrap(), "tpp 0 127.0.0.1");
        let psu = Client { version, ..Client::to(LOGIN).with(qwac(&server, KeyKind::P256)) };
        assert_eq!(psu.get(&server, "/who").await.unwrap(), "psu 0 127.0.0.1", "it is not even asked for");
    }
    let mut nameless = ClientConfig::clone(&Client::to(LOGIN).config(&server));
    nameless.enable_sni = false;
    let mut stream = connect(Arc::new(nameless), LOGIN, &server).await.unwrap();
    assert_eq!(exchange(&mut stream, "/who").await.unwrap(), "tpp 0 127.0.0.1");
    let upper = "LOGIN.bank.example";
    assert_eq!(Client::to(upper).get(&server, "/who").await.unwrap(), "psu 0 127.0.0.1");
}

#[tokio::test]
async fn every_kind_of_client_key_is_proved() {
    let server = start(ListenerLimits::default()).await;
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048] {
        for version in [&TLS13, &TLS12] {
            // on TLS 1.3 an RSA key signs with PSS (RFC 8446 s4.2.3)
            let client = Client { version, ..Client::to(MTLS).with(qwac(&server, key)) };
            assert_eq!(client.get(&server, "/who").await.unwrap(), "tpp 2 127.0.0.1", "{key:?} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_stolen_certificate_and_garbage_are_refused() {
    let server = start(ListenerLimits::default()).await;
    let (stolen, own) = (qwac(&server, KeyKind::P256), qwac(&server, KeyKind::P256));
    let thief = Issued { chain: stolen.chain, ..own };
    assert!(refused(&server, thief).await, "somebody else's key");
    let garbage = Issued { chain: vec![vec![0x30, 3, 2, 1, 1].into()], ..qwac(&server, KeyKind::P256) };
    assert!(refused(&server, garbage).await, "no certificate at all");
    let mut long = qwac(&server, KeyKind::P256);
    long.chain = vec![long.chain[0].clone(); 9];
    assert!(refused(&server, long).await, "nine certificates");
    let mut large = qwac(&server, KeyKind::P256);
    large.chain.push(vec![0; (16 << 10) + 1].into());
    assert!(refused(&server, large).await, "more than 16 KiB");
    assert_eq!(Client::to(MTLS).get(&server, "/who").await.unwrap(), "tpp 0 127.0.0.1", "and the server still stands");
}

/// rustls' client does not compare chain and key when a resolver hands them over.
async fn refused(server: &Server, issued: Issued) -> bool {
    #[derive(Debug)]
    struct Hand(Arc<rustls::sign::CertifiedKey>);
    impl rustls::client::ResolvesClientCert for Hand {
        fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let key = aws_lc_rs::sign::any_supported_type(&issued.key).unwrap();
    let mut config = ClientConfig::clone(&Client::to(MTLS).config(server));
    config.client_auth_cert_resolver = Arc::new(Hand(Arc::new(rustls::sign::CertifiedKey::new(issued.chain, key))));
    match connect(Arc::new(config), MTLS, server).await {
        Ok(mut stream) => exchange(&mut stream, "/who").await.is_err(),
        Err(_) => true,
    }
}

#[tokio::test]
async fn tls12_at_the_tpp_counter_is_ecdhe_with_aes_gcm_only() {
    let server = start(ListenerLimits::default()).await;
    let mut accepted = vec![];
    for suite in aws_lc_rs::ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none()) {
        let client = |name| Client { version: &TLS12, suites: vec![*suite], ..Client::to(name) };
        let ecdsa = format!("{:?}", suite.suite()).contains("ECDSA"); // the server's key
        assert_eq!(client(LOGIN).connect(&server).await.is_ok(), ecdsa);
        if client(MTLS).connect(&server).await.is_ok() {
            accepted.push(suite.suite());
        }
    }
    accepted.sort_by_key(|suite| u16::from(*suite));
    let expected = [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    assert_eq!(accepted, expected);
}

/// A ClientHello that offers nothing newer, written by hand: the libraries at hand do not write it any more.
#[tokio::test]
async fn tls11_is_refused() {
    let server = start(ListenerLimits::default()).await;
    for (version, suite) in [([3, 2], [0xc0, 0x0a]), ([3, 2], [0xc0, 0x2b]), ([3, 1], [0xc0, 0x0a])] {
        let mut hello = vec![version[0], version[1]];
        hello.extend([7; 32]); // random
        hello.extend([0, 0, 2, suite[0], suite[1], 1, 0]); // no session, one suite, no compression
        hello.extend([0, 16, 0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3]); // groups, signatures
        let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
        record.extend(hello);
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(&record).await.unwrap();
        let mut answer = vec![];
        tcp.read_to_end(&mut answer).await.unwrap();
        assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]), "fatal alert protocol_version (RFC 8446 s6.2)");
    }
}

#[tokio::test]
async fn nothing_is_resumed_where_a_certificate_was_shown() {
    let server = start(ListenerLimits::default()).await;
    for (name, expected) in [(MTLS, HandshakeKind::Full), (LOGIN, HandshakeKind::Resumed)] {
        for version in [&TLS13, &TLS12] {
            let config = Client { version, ..Client::to(name).with(qwac(&server, KeyKind::P256)) }.config(&server);
            let mut first = connect(config.clone(), name, &server).await.unwrap();
            exchange(&mut first, "/who").await.unwrap(); // reads the tickets, too
            let again = connect(config, name, &server).await.unwrap();
            assert_eq!(again.get_ref().1.handshake_kind(), Some(expected), "{name} {version:?}");
        }
    }
}

#[tokio::test]
async fn the_internal_counter_wants_the_banks_own_certificate() {
    let (servers, bank) = (Ca::root("Servers", today()).unwrap(), Ca::root("Bank", today()).unwrap());
    assert!(internal_config(server_identity(&servers), &[]).is_err(), "nobody to vouch for clients");
    let config = internal_config(server_identity(&servers), &[bank.certificate().clone()]).unwrap();
    let server = start_with(ListenerLimits::default(), servers, TlsSet::new(Counter::Internal, config)).await;
    let gateway = bank.issue_client("gateway", today()).unwrap();
    assert_eq!(Client::to(MTLS).with(gateway).get(&server, "/who").await.unwrap(), "internal 2 127.0.0.1");
    assert!(Client::to(MTLS).get(&server, "/who").await.is_err(), "none");
    assert!(Client::to(MTLS).with(qwac(&server, KeyKind::P256)).get(&server, "/who").await.is_err(), "another authority's");
    let ended = Validity { not_after: today().not_before + time::Duration::hours(1), ..today() };
    let expired = bank.issue_client("gateway", ended).unwrap();
    assert!(Client::to(MTLS).with(expired).get(&server, "/who").await.is_err(), "expired");
}

#[tokio::test]
async fn in_the_clear_is_the_ops_counter() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ListenerLimits { handshake: SECOND / 5, ..ListenerLimits::default() };
    tokio::spawn(serve(listener, None, routes(), Bounds::new(limits), Stop::default()));
    let mut tcp = TcpStream::connect(address).await.unwrap();
    assert_eq!(exchange(&mut tcp, "/who").await.unwrap(), "ops 0 127.0.0.1");
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert!(cut_after(&mut silent).await < SECOND);
}

#[tokio::test]
async fn a_reload_is_seen_by_the_next_connection_only() {
    let server = start(ListenerLimits::default()).await;
    let mut before = Client::to(MTLS).connect(&server).await.unwrap();
    server.tls.store(Arc::new(shared_set(&Ca::root("Others", today()).unwrap())));
    assert!(Client::to(MTLS).connect(&server).await.is_err(), "the new chain has another root");
    assert_eq!(exchange(&mut before, "/who").await.unwrap(), "tpp 0 127.0.0.1");
}

#[tokio::test]
async fn silent_peers_are_cut() {
    let limits = ListenerLimits { handshake: SECOND / 4, idle: SECOND / 2, drain: SECOND / 4, ..ListenerLimits::default() };
    let server = start(limits).await;
    let within = |took: Duration, least: Duration, what| assert!(took >= least && took < 3 * SECOND, "{what}: {took:?}");
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    within(cut_after(&mut tcp).await, SECOND / 5, "says nothing");
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(&[22, 3, 1, 1, 0, 1]).await.unwrap();
    within(cut_after(&mut tcp).await, SECOND / 5, "half a ClientHello");
    let mut tls = Client::to(MTLS).connect(&server).await.unwrap();
    within(cut_after(&mut tls).await, SECOND / 3, "a handshake, no more");
    let mut tls = Client::to(MTLS).connect(&server).await.unwrap();
    tls.write_all(b"GET /who HTTP/1.1\r\nX: ").await.unwrap();
    within(cut_after(&mut tls).await, SECOND / 3, "half a head");
    let mut tls = Client::to(MTLS).connect(&server).await.unwrap();
    tls.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    within(cut_after(&mut tls).await, SECOND / 3, "kept alive for nothing");
    let h2 = || Client { alpn: &[b"h2"], ..Client::to(MTLS) };
    let mut tls = h2().connect(&server).await.unwrap();
    within(cut_after(&mut tls).await, SECOND / 3, "HTTP/2 without a preface");
    let mut tls = h2().connect(&server).await.unwrap();
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    within(cut_after(&mut tls).await, SECOND / 3, "HTTP/2 without a request");
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_idle_is_given() {
    let server = start(ListenerLimits { idle: SECOND / 5, ..ListenerLimits::default() }).await;
    assert_eq!(Client::to(MTLS).get(&server, "/slow").await.unwrap(), "slow");
    assert_eq!(h2_get(&server, "/slow").await.unwrap(), "slow");
}

/// One HTTP/2 request.
async fn h2_get(server: &Server, path: &str) -> Result<String, reqwest::Error> {
    let config = ClientConfig::clone(&Client { alpn: &[b"h2"], ..Client::to(MTLS) }.config(server));
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).resolve(MTLS, server.address).no_proxy().build()?;
    let answer = client.get(format!("https://{MTLS}:{}{path}", server.address.port())).send().await?;
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    answer.error_for_status()?.text().await
}

#[tokio::test]
async fn a_crowd_that_never_speaks_keeps_nobody_out() {
    let limits = ListenerLimits { max_waiting: 64, handshake: 5 * SECOND, ..ListenerLimits::default() };
    let server = start(limits).await;
    let mut crowd = vec![];
    for _ in 0..500 {
        crowd.push(TcpStream::connect(server.address).await.unwrap());
    }
    let began = Instant::now();
    assert_eq!(Client::to(MTLS).get(&server, "/who").await.unwrap(), "tpp 0 127.0.0.1");
    assert!(began.elapsed() < 2 * SECOND, "served in {:?}", began.elapsed());
    let mut cut = 0;
    for peer in &mut crowd {
        let closed = timeout(SECOND / 100, peer.read(&mut [0])).await.is_ok();
        cut += usize::from(closed);
    }
    assert!((430..=450).contains(&cut), "all but about 64 were cut at once: {cut}");
    for mut peer in crowd {
        cut_after(&mut peer).await; // and these by the deadline
    }
}

#[tokio::test]
async fn at_the_cap_newcomers_wait_and_then_leave() {
    let limits = ListenerLimits { max_connections: 2, handshake: SECOND, idle: 5 * SECOND, ..ListenerLimits::default() };
    let server = start(limits).await;
    let one = Client::to(MTLS).connect(&server).await.unwrap();
    let _two = Client::to(MTLS).connect(&server).await.unwrap();
    let began = Instant::now();
    assert!(Client::to(MTLS).connect(&server).await.is_err(), "no place");
    assert!(began.elapsed() >= SECOND / 2, "it waited for one");
    let third = Client::to(MTLS);
    let (third, ()) = tokio::join!(third.get(&server, "/who"), async {
        tokio::time::sleep(SECOND / 4).await;
        drop(one);
    });
    assert_eq!(third.unwrap(), "tpp 0 127.0.0.1", "a place became free");
}

#[tokio::test]
async fn handshakes_wait_for_each_other() {
    let server = start(ListenerLimits { max_handshakes: 1, handshake: SECOND, ..ListenerLimits::default() }).await;
    // a peer that says hello and never goes on holds the only place, until its time is up
    let mut hello = rustls::ClientConnection::new(Client::to(MTLS).config(&server), MTLS.try_into().unwrap()).unwrap();
    let mut bytes = vec![];
    hello.write_tls(&mut bytes).unwrap();
    let mut staller = TcpStream::connect(server.address).await.unwrap();
    staller.write_all(&bytes).await.unwrap();
    staller.read_exact(&mut [0; 64]).await.unwrap(); // it is in its handshake
    let mut patient = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(SECOND / 2).await;
    patient.write_all(&bytes).await.unwrap();
    assert!(timeout(SECOND / 4, patient.read(&mut [0])).await.is_err(), "no answer yet");
    cut_after(&mut staller).await;
    timeout(SECOND, Client::to(MTLS).get(&server, "/who")).await.unwrap().unwrap();
}

#[tokio::test]
async fn huge_heads_get_431() {
    let server = start(ListenerLimits::default()).await;
    for (bytes, ok) in [(30 << 10, true), (40 << 10, false), (200 << 10, false)] {
        let path = "/who HTTP/1.1\r\nX-Filler: ".to_owned() + &"x".repeat(bytes) + "\r\nX:";
        let answer = Client::to(MTLS).get(&server, &path).await;
        match answer {
            Ok(body) => assert!(ok && body == "tpp 0 127.0.0.1", "{bytes}"),
            Err(error) => assert!(!ok && error.to_string().contains("431"), "{bytes}: {error}"),
        }
    }
    let config = ClientConfig::clone(&Client { alpn: &[b"h2"], ..Client::to(MTLS) }.config(&server));
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).resolve(MTLS, server.address).no_proxy().build().unwrap();
    let request = client.get(format!("https://{MTLS}:{}/who", server.address.port())).header("x-filler", "x".repeat(40 << 10));
    assert!(request.send().await.map_or(true, |answer| answer.status() == 431));
}

#[tokio::test]
async fn a_connection_of_age_finishes_its_request() {
    let server = start(ListenerLimits { max_age: SECOND / 2, ..ListenerLimits::default() }).await;
    let mut tls = Client::to(MTLS).connect(&server).await.unwrap();
    tls.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap(); // would be kept alive
    let mut answer = String::new();
    timeout(5 * SECOND, tls.read_to_string(&mut answer)).await.expect("it is closed").unwrap();
    assert!(answer.ends_with("slow") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_cuts_the_rest() {
    let server = start(ListenerLimits { drain: 5 * SECOND, ..ListenerLimits::default() }).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let _idle = Client::to(MTLS).get(&server, "/who").await.unwrap();
    let mut tls = Client::to(MTLS).connect(&server).await.unwrap();
    tls.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(SECOND / 4).await;
    server.stop.cancel();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("slow"), "{answer}");
    timeout(2 * SECOND, server.done).await.expect("it ends with the last request").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_drain_has_an_end() {
    let server = start(ListenerLimits { drain: SECOND / 4, ..ListenerLimits::default() }).await;
    let mut tls = Client::to(MTLS).connect(&server).await.unwrap();
    tls.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    tokio::time::sleep(SECOND / 4).await;
    server.stop.cancel();
    timeout(2 * SECOND, server.done).await.expect("a body that never ends does not hold it").unwrap();
}

/// Runs only with few descriptors, which [`a_lack_of_descriptors_is_survived`] sees to.
#[tokio::test]
async fn with_few_descriptors() {
    if std::env::var_os("GUICHET_TEST_FEW_DESCRIPTORS").is_none() {
        return;
    }
    let server = start(ListenerLimits { handshake: 30 * SECOND, ..ListenerLimits::default() }).await;
    let mut crowd = vec![];
    while let Ok(Ok(peer)) = timeout(SECOND, TcpStream::connect(server.address)).await {
        crowd.push(peer);
    }
    crowd.truncate(crowd.len() - 4); // descriptors for the client below, which shares them with the server
    assert_eq!(timeout(5 * SECOND, Client::to(MTLS).get(&server, "/who")).await.unwrap().unwrap(), "tpp 0 127.0.0.1");
}

#[test]
fn a_lack_of_descriptors_is_survived() {
    let run = "ulimit -n 128 && exec \"$0\" --exact tls_listener::with_few_descriptors";
    let out = Command::new("sh")
        .args(["-c", run])
        .arg(std::env::current_exe().unwrap())
        .env("GUICHET_TEST_FEW_DESCRIPTORS", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn unusable_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("server.pem"), dir.path().join("server.key"));
    let says = || load_chain_and_key(&cert, &key).map(drop).map_err(|error| error.to_string()).unwrap_err();
    assert!(says().contains("server.pem: No such file"), "{}", says());
    fs::write(&cert, "").unwrap();
    assert!(says().contains("server.pem: no certificate in it"), "{}", says());
    fs::write(&cert, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").unwrap();
    assert!(says().contains("server.pem: not well-formed PEM"), "{}", says());
    let ca = Ca::root("Servers", today()).unwrap();
    let (issued, other) = (ca.issue_server(&[MTLS], today()).unwrap(), ca.issue_server(&[MTLS], today()).unwrap());
    fs::write(&cert, &issued.pem).unwrap();
    fs::write(&key, &issued.pem).unwrap();
    assert!(says().contains("server.key: no private key in it"), "{}", says());
    fs::write(&key, vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(says().contains("server.key: larger than"), "{}", says());
    fs::write(&key, &other.key_pem).unwrap();
    let mismatch = tpp_config(load_chain_and_key(&cert, &key).unwrap()).unwrap_err().to_string();
    assert!(mismatch.contains("server certificate and key"), "{mismatch}");
    fs::write(&key, &issued.key_pem).unwrap();
    assert_eq!(load_chain_and_key(&cert, &key).unwrap().chain, issued.chain);
}
