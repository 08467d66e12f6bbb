//! HTTP/2 frames that a client would not send.

use super::{ROLES, SECOND, counters, serve, unharmed};
use crate::harness::{CIC, raw::Target, together};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

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
