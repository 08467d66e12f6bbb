//! What nobody should send, at every port: exact errors where HTTP was spoken, bounded memory, no panic, and a client
//! that is served meanwhile.

mod floods;
mod http2;
mod texts;

use crate::harness::{
    Bank, BankOptions, CIC, LBP, Process,
    raw::{Target, hear, statuses},
    together,
};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

const SECOND: Duration = Duration::from_secs(1);
/// No further answer comes after this silence.
const QUIET: Duration = Duration::from_millis(300);
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];

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
    assert!(metrics.contains("\nguichet_panics_total 0\n"), "{metrics}");
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
