//! An orderly end: not ready first, then nobody new, then what is under way, and who is waited for no longer than was said. And
//! what a supervisor is told of it.

use crate::harness::{
    Bank, BankOptions, CIC, Process,
    hello::{Hello, exchange, status},
    raw::{Target, hear, statuses},
    together,
};
use axum::body::Body;
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::signal::Signal;
use std::{
    convert::Infallible,
    os::unix::net::UnixDatagram,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::mpsc::{Receiver, channel},
    time::sleep,
};

/// A body that comes as it is sent.
struct Parts(Receiver<&'static str>);

impl hyper::body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|part| part.map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes())))))
    }
}

const SECOND: Duration = Duration::from_secs(1);
const METADATA: &str = "/.well-known/oauth-authorization-server";

async fn serving(delay: u64, drain: u64) -> (Bank, Process) {
    let extra = format!("[limits]\nshutdown_delay_seconds = {delay}\ndrain_seconds = {drain}\n");
    let bank = Bank::unserved(BankOptions { extra, ..BankOptions::default() }).await;
    let process = Process::serve(&bank).await;
    (bank, process)
}

/// An introspection whose body is on its way.
async fn under_way(bank: &Bank) -> crate::harness::raw::Stream {
    let mut slow = Target::internal(bank, "http/1.1").connect().await.unwrap();
    let head = "POST /brands/cic/introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    slow.write_all(format!("{head}Content-Length: 7\r\n\r\ntok").as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    sleep(SECOND / 4).await;
    slow
}

async fn until_closed(bank: &Bank, within: Duration) {
    let deadline = Instant::now() + within;
    while TcpStream::connect(bank.address).await.is_ok() {
        assert!(Instant::now() < deadline, "nobody new is let in");
        sleep(SECOND / 100).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_it_is_not_ready_and_serves_on_until_balancers_have_noticed() {
    let (bank, mut process) = serving(2, 5).await;
    let request = format!("GET {METADATA} HTTP/1.1\r\nHost: {}\r\n\r\n", CIC.psu_host);
    let mut before = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    let (head, _) = exchange(&mut before, &request).await.unwrap();
    assert!(status(&head) == 200 && !head.to_lowercase().contains("connection: close"), "{head}");
    let began = Instant::now();
    process.signal(Signal::SIGTERM);
    bank.until_ready(503).await;
    let said = bank.browser().get(&format!("http://{}/readyz", bank.ops)).await;
    assert_eq!(said.json()["status"], "stopping");
    assert_eq!((bank.ops_status("/livez").await, bank.ops_status("/startedz").await), (200, 200));
    // open connections and new ones, each told to come back elsewhere
    let mut after = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    for stream in [&mut before, &mut after] {
        let (head, _) = exchange(stream, &request).await.unwrap();
        assert!(status(&head) == 200 && head.to_lowercase().contains("connection: close"), "{head}");
    }
    assert!(began.elapsed() < 2 * SECOND, "too slow a machine to see it");
    until_closed(&bank, 4 * SECOND).await;
    assert!(began.elapsed() >= 2 * SECOND, "{:?}", began.elapsed());
    assert_eq!(process.ended(3 * SECOND).code(), Some(0), "{}", process.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_by_who_heeds_connection_close() {
    let (bank, mut process) = serving(1, 5).await;
    let request = format!("GET {METADATA} HTTP/1.1\r\nHost: {}\r\n\r\n", CIC.psu_host);
    let peer = async |_: usize| {
        let mut answered = 0;
        'connections: loop {
            // refused, or reset in the backlog: nothing was sent
            let Ok(mut stream) = Hello::default().connect(bank.address, CIC.psu_host).await else { return answered };
            loop {
                let (head, _) = exchange(&mut stream, &request).await.unwrap_or_else(|error| panic!("request lost: {error}"));
                assert_eq!(status(&head), 200);
                answered += 1;
                if head.to_lowercase().contains("connection: close") {
                    continue 'connections;
                }
                sleep(SECOND / 200).await;
            }
        }
    };
    let ending = async {
        sleep(SECOND / 2).await;
        process.signal(Signal::SIGTERM);
    };
    let (answered, ()) = tokio::join!(together((0..8).map(peer)), ending);
    println!("{answered:?} requests answered by a server that ended meanwhile");
    assert!(answered.iter().all(|count| *count > 10), "{answered:?}");
    assert_eq!(process.ended(3 * SECOND).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_told_by_goaway_and_finishes_what_it_began() {
    let (bank, mut process) = serving(0, 5).await;
    let stream = Hello { alpn: b"h2", ..Hello::with("gateway") }.connect(bank.internal, "localhost").await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let (part, body) = channel(1);
    let body = Body::new(Parts(body));
    let request = http::Request::post("https://localhost/brands/cic/introspect")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .unwrap();
    part.send("tok").await.unwrap();
    let answer = tokio::spawn(sender.send_request(request));
    sleep(SECOND / 4).await;
    process.signal(Signal::SIGTERM);
    until_closed(&bank, 2 * SECOND).await;
    part.send("en=x").await.unwrap();
    drop(part);
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    assert!(driver.await.unwrap().is_ok(), "closed in order");
    assert_eq!(process.ended(3 * SECOND).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_too_long_is_cut_and_a_second_signal_cuts_at_once() {
    for (drain, second, within) in [(1, false, 3 * SECOND), (60, true, 2 * SECOND)] {
        let (bank, mut process) = serving(0, drain).await;
        let mut slow = under_way(&bank).await;
        process.signal(Signal::SIGTERM);
        until_closed(&bank, 2 * SECOND).await;
        let began = Instant::now();
        if second {
            process.signal(Signal::SIGTERM);
        }
        assert_eq!(process.ended(within).code(), Some(0), "{}", process.log());
        println!("cut after {:?}", began.elapsed());
        assert_eq!(hear(&mut slow, SECOND).await, "", "no half answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_delay_too_and_the_keyboard_waits_for_none() {
    for signals in [&[Signal::SIGTERM, Signal::SIGTERM][..], &[Signal::SIGINT]] {
        let (bank, mut process) = serving(60, 60).await;
        for (at, signal) in signals.iter().enumerate() {
            if at > 0 {
                bank.until_ready(503).await;
            }
            process.signal(*signal);
        }
        assert_eq!(process.ended(3 * SECOND).code(), Some(0), "{signals:?}: {}", process.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_though_others_are_turned_away() {
    let (bank, mut process) = serving(0, 10).await;
    let mut slow = under_way(&bank).await;
    process.signal(Signal::SIGTERM);
    until_closed(&bank, 2 * SECOND).await;
    assert_eq!(bank.ops_status("/readyz").await, 503, "the ops counter goes on until the last of them");
    slow.write_all(b"en=x").await.unwrap();
    let answer = hear(&mut slow, 2 * SECOND).await;
    assert!(statuses(&answer) == [200] && answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(process.ended(3 * SECOND).code(), Some(0));
}

/// What the supervisor was told, until something of it satisfies.
fn heard(socket: &UnixDatagram, so: impl Fn(&str) -> bool) -> Vec<String> {
    let (mut all, deadline) = (vec![], Instant::now() + 20 * SECOND);
    loop {
        let mut buffer = [0; 512];
        assert!(Instant::now() < deadline, "never told: {all:?}");
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        all.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        if so(all.last().unwrap()) {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_supervisor_is_told_of_each_step_and_of_signs_of_life() {
    let bank = Bank::unserved(BankOptions { extra: "[limits]\nshutdown_delay_seconds = 1\n".into(), ..BankOptions::default() }).await;
    let path = bank.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(SECOND / 10)).unwrap();
    let name = path.display().to_string();
    let mut process = Process::begin(&bank, &[("NOTIFY_SOCKET", &name), ("WATCHDOG_USEC", "400000")]);
    tokio::task::block_in_place(|| {
        let start = heard(&socket, |told| told.starts_with("READY=1"));
        assert!(start.iter().any(|told| told == "STATUS=the database's schema"), "{start:?}");
        for _ in 0..3 {
            heard(&socket, |told| told == "WATCHDOG=1");
        }
        process.signal(Signal::SIGHUP);
        let reload = heard(&socket, |told| told.starts_with("RELOADING=1"));
        assert!(reload.last().unwrap().contains("\nMONOTONIC_USEC="), "{reload:?}");
        heard(&socket, |told| told.starts_with("READY=1"));
        process.signal(Signal::SIGTERM);
        heard(&socket, |told| told.starts_with("STOPPING=1"));
        heard(&socket, |told| told == "WATCHDOG=1");
        assert_eq!(process.ended(5 * SECOND).code(), Some(0), "{}", process.log());
    });
}
