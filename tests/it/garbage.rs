//! What nobody should send, at every port: exact errors where HTTP was spoken, bounded memory, no panic, and a client
//! that is served meanwhile.

use crate::harness::{
    Bank, BankOptions, CIC, Client, LBP, Process, Reply,
    raw::{Target, hear, statuses},
    together,
    tpp::{Tpp, introspect},
};
use guichet::{
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
    server::raise_descriptor_limit,
};
use proptest::{
    prelude::{Strategy, any, prop},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

const SECOND: Duration = Duration::from_secs(1);
/// No further answer comes after this silence.
const QUIET: Duration = Duration::from_millis(300);
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const ROLES: [guichet::oauth::tpp::PspRole; 2] = [AccountInformation, PaymentInitiation];

async fn serve(limits: &str) -> (Bank, Process) {
    let bank = Bank::unserved(BankOptions { extra: format!("[limits]\n{limits}\n"), ..BankOptions::default() }).await;
    let process = Process::serve(&bank).await;
    (bank, process)
}

/// Nothing panicked, and the main job is still done.
async fn unharmed(bank: &Bank, process: &Process) {
    let log = process.log();
    assert!(!log.contains("panicked"), "{log}");
    let metrics = bank.browser().get(&format!("http://{}/metrics", bank.ops)).await.ok(200).body;
    assert!(!metrics.contains("guichet_panics_total"), "{metrics}");
    assert!(metrics.contains("guichet_handshakes_total"), "counted at all");
    for brand in [CIC, LBP] {
        let client = bank.tpp(ROLES).register(brand).await;
        let token = client.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
        assert!(client.is_active(&token).await);
        client.delete().await.ok(204);
    }
}

/// Each counter, with a path there that takes a form.
fn counters(bank: &Bank, alpn: &str) -> [(Target, String); 3] {
    [
        (Target::tpp(bank, CIC.tpp_host, alpn), CIC.channel("web").2.to_owned()),
        (Target::psu(bank, CIC.psu_host, alpn), format!("/cic/journeys/{}", "0".repeat(32))),
        (Target::internal(bank, alpn), "/brands/cic/introspect".to_owned()),
    ]
}

/// Requests whose heads are wrong, the same at every counter. `{host}` and `{path}` are the counter's own.
const HEADS: &[(&str, &[u16])] = &[
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nX-\u{1}: y\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nX: a\0b\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost : {host}\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\n folded: y\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: a b\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999999\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n", &[400]),
    ("POST {path} HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("POST {path} HTTP/9.9\r\nHost: {host}\r\n\r\n", &[400]),
    ("POST {path}\r\n\r\n", &[400]),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]), // of the other protocol: closed
    ("\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n", &[400]),
    ("GET /../../etc/passwd HTTP/1.1\r\nHost: {host}\r\n\r\n", &[404]),
    ("GET /%00 HTTP/1.1\r\nHost: {host}\r\n\r\n", &[404]),
    ("GET /%FF%FE HTTP/1.1\r\nHost: {host}\r\n\r\n", &[404]),
    ("GET /% HTTP/1.1\r\nHost: {host}\r\n\r\n", &[404]),
    ("BREW {path} HTTP/1.1\r\nHost: {host}\r\n\r\n", &[405]),
    ("TRACE {path} HTTP/1.1\r\nHost: {host}\r\n\r\n", &[405]),
    ("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n", &[404]),
    ("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n", &[404]),
    // one after the other, answered in order
    (
        "GET /1 HTTP/1.1\r\nHost: {host}\r\n\r\nBREW {path} HTTP/1.1\r\nHost: {host}\r\n\r\nGET /3 HTTP/1.1\r\nHost: {host}\r\n\r\n",
        &[404, 405, 404],
    ),
];

/// The same, with bodies: of a form that is otherwise well sent.
fn bodies() -> Vec<(String, &'static [u16])> {
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    vec![
        ("Content-Length: 9223372036854775807\r\n\r\n".to_owned(), &[413][..]),
        (format!("Content-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000)), &[413]),
        (format!("Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(40)), &[413]),
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(), &[400]),
        ("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(), &[400]),
        ("Content-Length: 10\r\n\r\nx".to_owned(), &[408]),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n".to_owned(), &[408]),
        ("Expect: 100-continue\r\nContent-Length: 10\r\n\r\n".to_owned(), &[100, 408]),
        ("Content-Length: 3\r\n\r\na=%".to_owned(), &[400]),
        ("Content-Length: 5\r\n\r\na=%00".to_owned(), &[400]),
        ("Content-Length: 7\r\n\r\na=1&a=2".to_owned(), &[400]),
    ]
}

async fn check_heads(counter: &Target, path: &str) {
    let filled = |text: &str| text.replace("{host}", counter.host).replace("{path}", path);
    let cases = HEADS.iter().map(|(request, expected)| (filled(request), *expected));
    let bodies = bodies()
        .into_iter()
        .map(|(rest, expected)| (filled(&format!("POST {{path}} HTTP/1.1\r\nHost: {{host}}\r\n{FORM}{rest}")), expected));
    let typed = ["text/plain", "application/json", "application/x-www-form-urlencodedx", "", "\u{e9}"].map(|kind| {
        (filled(&format!("POST {{path}} HTTP/1.1\r\nHost: {{host}}\r\nContent-Type: {kind}\r\nContent-Length: 1\r\n\r\nx")), &[415][..])
    });
    let huge = (filled(&format!("GET / HTTP/1.1\r\nHost: {{host}}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20))), &[431][..]);
    let many = (filled(&format!("GET / HTTP/1.1\r\nHost: {{host}}\r\n{}\r\n", "X: y\r\n".repeat(4000))), &[431][..]);
    let elsewhere =
        (format!("GET {path} HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n"), if path.starts_with("/brands") { &[405][..] } else { &[421] });
    let all: Vec<_> = cases.chain(bodies).chain(typed).chain([huge, many, elsewhere]).collect();
    let wrong = together(all.iter().map(async |(request, expected)| {
        let patience = if expected.contains(&408) { 3 * SECOND } else { QUIET };
        let heard = counter.say(request.as_bytes(), patience).await;
        let shown: String = request.chars().take(200).collect();
        (statuses(&heard) != *expected)
            .then(|| format!("{shown:?}\n  expected {expected:?}, heard {:?}", heard.chars().take(300).collect::<String>()))
    }))
    .await;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "at {}:\n{}", counter.host, wrong.join("\n"));
}

/// RFC 9112 s6.3: of two lengths, chunked counts; the connection ends, so that what follows is never a request of its own.
async fn check_smuggling(counter: &Target, path: &str) {
    let (head, tail) = (format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{FORM}", counter.host), "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    for lengths in ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"] {
        let heard = counter.say(format!("{head}{lengths}\r\n\r\n0\r\n\r\n{tail}").as_bytes(), QUIET).await;
        assert!(statuses(&heard).len() == 1 && heard.contains("connection: close"), "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_malformed_request_has_its_answer_at_every_counter() {
    let (bank, process) = serve("body_seconds = 1").await;
    for (counter, path) in counters(&bank, "http/1.1") {
        check_heads(&counter, &path).await;
        check_smuggling(&counter, &path).await;
    }
    // the ops counter: in the clear, no bodies
    for (request, expected) in [
        ("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &[200][..]),
        ("GET /livez HTTP/1.1\r\n\r\n", &[200]),
        ("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n", &[405]),
        ("GET /%FF HTTP/1.1\r\nHost: x\r\n\r\n", &[404]),
        ("\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n", &[400]),
        (&format!("GET /livez HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)), &[431]),
    ] {
        let mut stream = TcpStream::connect(bank.ops).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        assert_eq!(statuses(&hear(&mut stream, QUIET).await), expected, "{:?}", request.chars().take(100).collect::<String>());
    }
    // HTTP where TLS is spoken
    for address in [bank.address, bank.internal] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(!hear(&mut stream, SECOND).await.contains("HTTP"), "an alert, no answer");
    }
    unharmed(&bank, &process).await;
}

/// RFC 9113 s4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat()
}

/// HPACK without compression: a POST (`0x83`), https (`0x87`), path (index 4), authority (index 1).
fn head_block(host: &str, path: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [&[0x83, 0x87, 0x04][..], &text(path), &[0x01], &text(host)].concat()
}

/// Frames that were answered to `bytes`, by kind, and whether the server ended the connection by `GOAWAY`.
async fn answered(counter: &Target, bytes: &[u8]) -> (Vec<(u8, u32)>, bool) {
    let mut stream = counter.connect().await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let mut heard = vec![];
    let reading = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(Ok(read @ 1..)) = timeout(SECOND, reader.read(&mut buffer)).await {
            heard.extend_from_slice(&buffer[..read]);
        }
    };
    tokio::join!(reading, async { drop(timeout(10 * SECOND, writer.write_all(bytes)).await) });
    let (mut frames, mut rest) = (vec![], &heard[..]);
    while let [a, b, c, kind, _, d, e, f, g, tail @ ..] = rest {
        frames.push((*kind, u32::from_be_bytes([*d, *e, *f, *g])));
        rest = tail.get(u32::from_be_bytes([0, *a, *b, *c]) as usize..).unwrap_or_default();
    }
    let goaway = frames.iter().any(|(kind, _)| *kind == GOAWAY);
    (frames, goaway)
}

async fn check_http2(counter: &Target, path: &str) {
    let block = head_block(counter.host, path);
    let odd = |i: u32| 2 * i + 1;
    // streams that nobody ends: all but `max_streams` of them are refused, none is remembered
    let open: Vec<u8> = (0..3000).flat_map(|i| frame(HEADERS, END_HEADERS, odd(i), &block)).collect();
    let (frames, goaway) = answered(counter, &[preface(), open].concat()).await;
    let reset = frames.iter().filter(|(kind, _)| *kind == RST_STREAM).count();
    assert!(goaway || reset >= 2900, "{}: {reset} of 3000 streams reset", counter.host);
    // CVE-2023-44487: begun and reset at once
    let rapid: Vec<u8> = (0..5000)
        .flat_map(|i| [frame(HEADERS, END_HEADERS | END_STREAM, odd(i), &block), frame(RST_STREAM, 0, odd(i), &[0, 0, 0, 8])].concat())
        .collect();
    assert!(answered(counter, &[preface(), rapid].concat()).await.1, "{}: rapid reset", counter.host);
    // CVE-2024-27316: a head that never ends
    let filler = [&[0x00, 0x01, b'x', 0x7f, 0x81, 0x7e][..], &[b'y'; 16_000]].concat(); // a value of 16,256 bytes, cut
    let endless: Vec<u8> = [frame(HEADERS, 0, 1, &block), frame(CONTINUATION, 0, 1, &filler).repeat(200)].concat();
    assert!(answered(counter, &[preface(), endless].concat()).await.1, "{}: endless head", counter.host);
    // not HTTP/2 at all, and frames of no kind or in no order
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(20_000);
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        [preface(), frame(0, 0, 7, b"data")].concat(),
        [preface(), vec![0xff; 100_000]].concat(),
        [preface(), pings].concat(),
    ] {
        answered(counter, &bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn floods_of_http2_are_cut() {
    let (bank, process) = serve("").await;
    unharmed(&bank, &process).await;
    let before = process.resident_kib();
    let counters = counters(&bank, "h2");
    together(counters.iter().map(|(counter, path)| check_http2(counter, path))).await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let heavy = client.tpp.wire.try_send(Method::GET, &client.url("/"), &[("x", &"x".repeat(1 << 20))], "").await;
    assert!(heavy.as_ref().map_or(true, |reply| reply.status == 431), "{heavy:?}");
    unharmed(&bank, &process).await;
    let after = process.resident_kib();
    println!("HTTP/2 floods: resident {before} KiB before, {after} KiB after");
    assert!(after < before + 60 * 1024, "{before} KiB, then {after} KiB");
}

/// What a text may hold at worst, percent-encoded.
const NOISE: &[&str] =
    &["%00", "a%00b", "%FF%FE", "%", "%zz", "%C3%28", "%E2%80%AE", "%0D%0ASet-Cookie:x=y", "..%2F..%2F", "%27%3B--", "%F0%9F%92%A3", "+++"];

fn exact(reply: &Reply, what: &str) {
    assert!((200..500).contains(&reply.status), "{what}: {reply:?}");
    assert!(!reply.headers.contains_key("x"), "{what}");
    if reply.header("content-type").starts_with("application/json") && reply.status >= 400 {
        assert!(!reply.error().is_empty(), "{what}: {reply:?}");
    }
}

/// Strings that are no text: each is a 400 wherever forms are read.
fn is_no_text(noise: &str) -> bool {
    ["%00", "a%00b", "%FF%FE", "%", "%zz", "%C3%28"].contains(&noise)
}

async fn send_noise(client: &Client<'_>, noise: &str) {
    let (bank, wire) = (client.tpp.bank, &client.tpp.wire);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for name in [
        "grant_type",
        "scope",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "client_id",
        "token",
        "token_type_hint",
        "certificate",
        "x",
    ] {
        for path in [CIC.channel("web").2, CIC.revocation] {
            let usual = if name == "grant_type" { "" } else { "&grant_type=authorization_code" };
            let reply = wire.send(Method::POST, &client.url(path), &form, format!("{name}={noise}{usual}")).await;
            exact(&reply, &format!("{name}={noise} at {path}"));
            assert!(!is_no_text(noise) || (reply.status == 400 && reply.error() == "invalid_request"), "{name}={noise}: {reply:?}");
        }
        let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
        exact(
            &bank.gateway().send(Method::POST, &url, &form, format!("{name}={noise}&token=t")).await,
            &format!("introspection {name}={noise}"),
        );
    }
    let path = noise.replace("%zz", "%25zz");
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let url = client.url(&format!("{}/{path}", CIC.registration));
        exact(&wire.json(method, &url, &[], &json!({})).await, &format!("path {noise}"));
    }
    exact(&bank.browser().get(&format!("{}/cic/journeys/{path}", bank.origin(CIC.psu_host))).await, &format!("journey {noise}"));
    exact(&bank.browser().get(&format!("{}/oauth2/{path}/sandbox/signin.html", bank.origin(CIC.psu_host))).await, &format!("lang {noise}"));
}

async fn send_noise_of_customers(client: &Client<'_>, noise: &str) {
    let bank = client.tpp.bank;
    let browser = bank.browser();
    for name in
        ["client_id", "redirect_uri", "scope", "state", "response_type", "code_challenge", "code_challenge_method", "ui_locales", "x"]
    {
        let url = format!("{}&{name}={noise}", client.authorize_url("web", "aisp", &[(name, None)]));
        let reply = browser.get(&url).await;
        exact(&reply, &format!("authorize {name}={noise}"));
        assert!(!is_no_text(noise) || reply.status == 400, "{name}={noise}: {reply:?}");
    }
    let psu = client.authorize("web", "aisp").await;
    for name in ["csrf", "decision", "outcome", "customer", "password"] {
        let body = format!("csrf=x&customer=y&password=z&{name}2=&{name}={noise}").replacen(&format!("{name}=x&"), "", 1);
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", psu.cookie.as_str())];
        exact(&browser.send(Method::POST, &psu.journey, &headers, body).await, &format!("journey {name}={noise}"));
    }
    // with the right csrf, so that the login is looked up
    exact(&psu.click(&[("decision", "sign_in"), ("customer", "a\0b"), ("password", "\0")]).await, "a login with NUL");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_no_text_is_refused_in_every_place_for_a_text() {
    let (bank, process) = serve("").await;
    let client = bank.tpp(ROLES).register(CIC).await;
    together(NOISE.iter().map(|noise| send_noise(&client, noise))).await;
    for noise in NOISE {
        send_noise_of_customers(&client, noise).await;
    }
    for (name, value) in [
        ("client_name", json!("a\0b")),
        ("client_name#fr", json!("\0")),
        ("client_name#\0", json!("x")),
        ("\0", json!("x")),
        ("redirect_uris", json!(["https://tpp.example/\0"])),
        ("contacts", json!(["\0"])),
        ("software_id", json!("\0")),
        ("scope", json!("aisp\0")),
        ("grant_types", json!(["\0"])),
        ("jwks", json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "\0", "y": "b" }] })),
        ("jwks", json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "a", "y": "b", "\0": [["\0"]] }] })),
        ("jwks", json!({ "keys": [], "\0": "\0" })),
    ] {
        let mut metadata = Tpp::metadata(CIC);
        metadata[name] = value;
        let reply = client.tpp.try_register(CIC, &metadata).await;
        exact(&reply, &format!("{name:?}"));
        assert!(reply.status == 400 || name == "\0" || name == "jwks" && reply.status == 201, "{name:?}: {reply:?}");
    }
    for cookie in ["__Host-guichet=\u{e9}", "__Host-guichet=", "=;;;=", &"x=y; ".repeat(2000)] {
        let psu = client.authorize("web", "aisp").await;
        exact(&bank.browser().send(Method::GET, &psu.journey, &[("cookie", cookie)], "").await, cookie);
    }
    for authorization in ["Basic", "Basic !!!", "Basic AA==", "Basic /////w==", "Bearer \u{e9}", "Basic OgBhOgBi"] {
        let lbp = bank.tpp(ROLES);
        let url = format!("{}{}", bank.origin(LBP.tpp_host), LBP.channel("web").2);
        let reply = lbp.wire.form(&url, &[("authorization", authorization)], &[("grant_type", "client_credentials")]).await;
        assert!([400, 401].contains(&reply.status), "{authorization}: {reply:?}");
    }
    unharmed(&bank, &process).await;
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("%{b:02X}")).collect()
}

/// Form bodies: any bytes, or parameters that are known with any value.
fn any_form() -> impl Strategy<Value = Vec<u8>> {
    let names = vec![
        "grant_type",
        "code",
        "redirect_uri",
        "scope",
        "client_id",
        "token",
        "refresh_token",
        "code_verifier",
        "state",
        "csrf",
        "decision",
        "customer",
        "certificate",
        "certificate_thumbprint",
    ];
    let values = one_of(vec!["authorization_code", "refresh_token", "client_credentials", "aisp", "sign_in", "guat_x", "gurt_y", "guac_z"]);
    let known = (prop::sample::select(names), values).prop_map(|(name, value)| [name.as_bytes(), b"=", &value].concat());
    let pairs = prop::collection::vec(known, 0..8).prop_map(|pairs| pairs.join(&b'&'));
    proptest::prop_oneof![prop::collection::vec(any::<u8>(), 0..400), pairs]
}

fn one_of(known: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    let encoded = prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| percent(&bytes).into_bytes());
    proptest::prop_oneof![prop::sample::select(known).prop_map(|text| text.as_bytes().to_vec()), encoded]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = proptest::prop_oneof![
        proptest::strategy::Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "https://[a-z./?#@:%0-9]{0,30}".prop_map(Value::from),
    ];
    let nested = |inner: proptest::strategy::BoxedStrategy<Value>| {
        proptest::prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("kty|keys|x5c|n|e|[a-z\0#]{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    };
    let value = leaf.prop_recursive(4, 32, 5, nested);
    let names = "redirect_uris|client_name|client_name#[a-z-]{0,5}|grant_types|response_types|scope|jwks|jwks_uri|contacts|logo_uri|client_id|software_id|[a-z_#]{0,10}";
    prop::collection::hash_map(names, value, 0..8).prop_map(|map| Value::Object(map.into_iter().collect()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_input_makes_the_server_fail() {
    let (bank, process) = serve("").await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let psu = client.authorize("web", "aisp").await;
    let mut runner = TestRunner::deterministic();
    let inputs: Vec<_> = (0..300)
        .map(|_| (any_form().new_tree(&mut runner).unwrap().current(), any_json().new_tree(&mut runner).unwrap().current()))
        .collect();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let attack = async |(bytes, metadata): &(Vec<u8>, Value)| {
        let token = client.url(CIC.channel("web").2);
        let said = [
            client.tpp.wire.send(Method::POST, &token, &form, bytes.clone()).await,
            client.tpp.wire.send(Method::POST, &token, &form, [b"client_id=", client.id.as_bytes(), b"&", bytes].concat()).await,
            client
                .tpp
                .wire
                .send(Method::POST, &client.url(CIC.revocation), &form, [b"client_id=", client.id.as_bytes(), b"&", bytes].concat())
                .await,
            introspect(&bank, CIC, &[("token", &String::from_utf8_lossy(bytes)), ("certificate", &String::from_utf8_lossy(bytes))]).await,
            bank.browser().get(&format!("{}&{}", client.authorize_url("web", "aisp", &[("state", None)]), percent(bytes))).await,
            bank.browser().send(Method::POST, &psu.journey, &[form[0], ("cookie", &psu.cookie)], bytes.clone()).await,
            client.tpp.try_register(CIC, metadata).await,
            client.manage(Method::PUT, metadata).await,
        ];
        said.iter()
            .enumerate()
            .find(|(_, r)| r.status >= 500)
            .map(|(i, r)| format!("{i}: {:?} or {metadata}: {r:?}", String::from_utf8_lossy(bytes)))
    };
    for some in inputs.chunks(25) {
        let failed: Vec<_> = together(some.iter().map(attack)).await.into_iter().flatten().collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
    unharmed(&bank, &process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bodies_that_trickle_in_take_no_places_of_others() {
    let (bank, process) = serve("requests_in_flight = 4\nbody_seconds = 2").await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let [_, (psu, path), _] = counters(&bank, "http/1.1");
    let request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{FORM}Content-Length: 10\r\n\r\nx", psu.host);
    let slow = together((0..4).map(async |_| {
        let mut stream = psu.connect().await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }))
    .await;
    sleep(SECOND / 4).await; // they are under way
    let metadata = format!("{}/.well-known/oauth-authorization-server", bank.origin(CIC.psu_host));
    let shed = bank.browser().get(&metadata).await;
    assert_eq!((shed.status, shed.header("retry-after")), (503, "2"), "{shed:?}");
    let token = client.client_credentials().await.ok(200).json();
    assert!(client.is_active(token["access_token"].as_str().unwrap()).await, "tpp and internal have places of their own");
    for mut stream in slow {
        assert_eq!(statuses(&hear(&mut stream, 3 * SECOND).await), [408]);
    }
    bank.browser().get(&metadata).await.ok(200);

    // a body that still comes when the answer is out: the answer arrives, the place is free, the connection ends
    let mut late = psu.connect().await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n", psu.host);
    late.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(statuses(&hear(&mut late, SECOND).await), [415]);
    let began = Instant::now();
    while late.write_all(&[b'x'; 100]).await.is_ok() && late.flush().await.is_ok() {
        assert!(began.elapsed() < 5 * SECOND, "nobody reads it for ever");
        sleep(SECOND / 20).await;
    }
    unharmed(&bank, &process).await;
}

/// Each attack holds its connections until `stop`, and counts those that it got.
async fn hold(address: SocketAddr, count: usize, first_words: &[u8], stop: &AtomicBool) -> usize {
    let mut crowd = Vec::with_capacity(count);
    for some in (0..count).collect::<Vec<_>>().chunks(200) {
        let connected = together(some.iter().map(async |_| {
            let mut stream = timeout(5 * SECOND, TcpStream::connect(address)).await.ok()?.ok()?;
            let _ = stream.write_all(first_words).await;
            Some(stream)
        }));
        crowd.extend(connected.await.into_iter().flatten());
    }
    while !stop.load(Ordering::SeqCst) {
        sleep(SECOND / 20).await;
    }
    crowd.len()
}

/// Random bytes, again and again.
async fn babble(address: SocketAddr, stop: &AtomicBool) -> usize {
    let (mut seed, mut count) = (1_u64, 0);
    while !stop.load(Ordering::SeqCst) {
        let mut bytes: Vec<u8> = (0..4096)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                seed.to_be_bytes()[0]
            })
            .collect();
        if count % 2 == 0 {
            bytes[..5].copy_from_slice(&[22, 3, 1, 0x40, 0]); // the head of a TLS record of 16 KiB
        }
        if let Ok(Ok(mut stream)) = timeout(SECOND, TcpStream::connect(address)).await {
            let _ = stream.write_all(&bytes).await;
        }
        count += 1;
        sleep(Duration::from_millis(5)).await;
    }
    count
}

/// TLS records without end, after a true ClientHello or none.
async fn pour(address: SocketAddr, hello: &[u8], stop: &AtomicBool) -> usize {
    let record = [&[22, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
    let mut poured = 0;
    while !stop.load(Ordering::SeqCst) {
        if let Ok(Ok(mut stream)) = timeout(SECOND, TcpStream::connect(address)).await {
            let _ = stream.write_all(hello).await;
            while let Ok(Ok(())) = timeout(SECOND, stream.write_all(&record)).await {
                poured += record.len();
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
    poured >> 10
}

/// How long a legitimate client waits meanwhile: on a connection that it has, and on a new one.
async fn customer(client: &Client<'_>, fresh: &Target, stop: &AtomicBool) -> [Vec<Duration>; 2] {
    let (mut kept, mut new) = (vec![], vec![]);
    let metadata = format!("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", fresh.host);
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        client.client_credentials().await.ok(200);
        kept.push(began.elapsed());
        let began = Instant::now();
        assert_eq!(statuses(&fresh.say(metadata.as_bytes(), 5 * SECOND).await), [200]);
        new.push(began.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    [kept, new]
}

fn summary(mut times: Vec<Duration>) -> (String, Duration) {
    times.sort_unstable();
    let worst = *times.last().unwrap();
    (format!("{} requests, median {:?}, worst {worst:?}", times.len(), times[times.len() / 2]), worst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_idle_connections_and_garbage_keep_nobody_out() {
    let allowed = usize::try_from(raise_descriptor_limit().unwrap()).unwrap();
    let idle = 10_000.min(allowed.saturating_sub(2000));
    if idle < 10_000 {
        println!("!!! ONLY {idle} IDLE CONNECTIONS INSTEAD OF 10,000: the hard limit of open files is {allowed}");
    }
    let (bank, process) = serve("").await;
    unharmed(&bank, &process).await; // whatever is made once is made
    let client = bank.tpp(ROLES).register(CIC).await;
    let [(tpp, _), (psu, _), (internal, _)] = counters(&bank, "http/1.1");
    let (before, stop) = (process.resident_kib(), AtomicBool::new(false));
    let (hello, inner_hello) = (tpp.hello(), internal.hello());
    let attacks = async {
        tokio::join!(
            async {
                together([
                    hold(bank.address, idle * 3 / 5, b"", &stop),
                    hold(bank.internal, idle / 5, b"", &stop),
                    hold(bank.ops, idle / 5, b"", &stop),
                ])
                .await
            },
            async {
                together([
                    hold(bank.address, 300, &hello, &stop),
                    hold(bank.internal, 300, &inner_hello, &stop),
                    hold(bank.ops, 300, b"GET /", &stop),
                ])
                .await
            },
            async { together([bank.address, bank.internal, bank.ops].map(|address| babble(address, &stop))).await },
            async { together([pour(bank.address, &hello, &stop), pour(bank.internal, b"", &stop), pour(bank.ops, b"", &stop)]).await },
        )
    };
    let time = async {
        sleep(8 * SECOND).await;
        let during = process.resident_kib();
        stop.store(true, Ordering::SeqCst);
        during
    };
    let (attacks, [kept, new], during) = tokio::join!(attacks, customer(&client, &psu, &stop), time);
    let ((kept, worst_kept), (new, worst_new)) = (summary(kept), summary(new));
    let held: usize = attacks.0.iter().sum();
    println!("idle {held}, half handshakes {:?}, random {:?}, KiB of records {:?}", attacks.1, attacks.2, attacks.3);
    println!("a client meanwhile: on its connection {kept}; on new ones {new}");
    unharmed(&bank, &process).await;
    let after = process.resident_kib();
    println!("resident: {before} KiB before, {during} KiB during, {after} KiB after");
    assert!(held >= idle * 99 / 100, "{held} of {idle}");
    assert!(worst_kept < 3 * SECOND && worst_new < 6 * SECOND, "{worst_kept:?}, {worst_new:?}");
    assert!(during < before + 60 * 1024 && after < before + 60 * 1024, "{before}, {during}, {after} KiB");
}
