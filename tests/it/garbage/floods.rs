//! Connections and bodies that never end, at every port at once, and a client that is served meanwhile.

use super::{FORM, ROLES, SECOND, counters, serve, unharmed};
use crate::harness::{
    CIC, Client,
    raw::{Target, hear, statuses},
    together,
};
use guichet::server::raise_descriptor_limit;
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{sleep, timeout},
};

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
