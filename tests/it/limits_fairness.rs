//! One TPP's storm is not another's: whoever keeps to its usual rate is answered all the same.

use crate::harness::{
    Bank, BankOptions, CIC, Process, Tpp,
    traffic::{Identity, Line, Request},
};
use guichet::{
    clock::{Clock, System},
    dev::qwac::{Issued, QwacSpec, Validity},
    oauth::tpp::PspRole::PaymentInitiation,
};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::interval};

/// Between the honest TPP's requests; the storm's come a hundred times as fast.
const PAUSE: Duration = Duration::from_millis(50);
const STORMING_LINES: usize = 16;
const MEASURED: Duration = Duration::from_secs(4);

fn identity(organisation: &str) -> (Issued, Identity) {
    let now = System::new().now();
    let validity = Validity { not_before: now - time::Duration::DAY, not_after: now + time::Duration::days(365) };
    Identity::issue(&QwacSpec::new(organisation, organisation, &[PaymentInitiation], validity))
}

/// One request each `PAUSE`: how long each took. Every one of them is answered 200.
async fn usual(line: &mut Line, request: &Request, for_so_long: Duration) -> Vec<Duration> {
    let (mut beats, began, mut took) = (interval(PAUSE), Instant::now(), vec![]);
    while began.elapsed() < for_so_long {
        beats.tick().await;
        let sent = Instant::now();
        assert_eq!(line.ask(request).await, "200");
        took.push(sent.elapsed());
    }
    took.sort_unstable();
    took
}

fn shown(took: &[Duration]) -> (String, f64) {
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    (format!("{} answered, p50 {:.1} ms, p99 {:.1} ms, largest {:.1} ms", took.len(), at(0.5), at(0.99), at(1.0)), at(0.5))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tpp_at_a_hundred_times_its_rate_keeps_no_other_waiting() {
    let extra = "[rate_limits]\norganisation_token = \"100/s burst 200\"\nclient_token = \"off\"\n".to_owned();
    let bank = Bank::unserved(BankOptions { extra, ..BankOptions::default() }).await;
    // a line for each of thousands of requests would be most of what is measured
    let settings = fs::read_to_string(bank.config_file()).unwrap();
    fs::write(bank.config_file(), settings.replace("level = \"trace\"", "level = \"warn\"")).unwrap();
    let process = Process::serve(&bank).await;
    let mut parts = vec![];
    for organisation in ["PSDFR-ACPR-70001", "PSDFR-ACPR-70002"] {
        let (issued, identity) = identity(organisation);
        let tpp: Tpp<'_> = bank.tpp_issued(issued, organisation);
        parts.push((Request::client_credentials(&tpp.register(CIC).await), identity));
    }
    let [(calm, calm_identity), (storm, storm_identity)] = parts.try_into().ok().unwrap();
    let mut line = Line::open(&bank, CIC, &calm_identity).await;
    let quiet = usual(&mut line, &calm, MEASURED).await;

    // 20 requests a second are usual; as many as a hundred TPPs' come on these lines
    let (stop, counted) = (Arc::new(AtomicBool::new(false)), Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]));
    let mut storming = JoinSet::new();
    for _ in 0..STORMING_LINES {
        let mut line = Line::open(&bank, CIC, &storm_identity).await;
        let (request, stop, counted) = (storm.clone(), stop.clone(), counted.clone());
        storming.spawn(async move {
            let mut beats = interval(PAUSE * STORMING_LINES as u32 / 100);
            while !stop.load(Relaxed) {
                beats.tick().await;
                let said = line.ask(&request).await;
                assert!(said == "200" || said == "429 too", "{said}");
                counted[usize::from(said != "200")].fetch_add(1, Relaxed);
            }
        });
    }
    let stormy = usual(&mut line, &calm, MEASURED).await;
    stop.store(true, Relaxed);
    while let Some(ended) = storming.join_next().await {
        ended.unwrap();
    }
    let ((quiet, before), (stormy, meanwhile)) = (shown(&quiet), shown(&stormy));
    let [served, limited] = [&counted[0], &counted[1]].map(|count| count.load(Relaxed));
    println!("alone: {quiet}");
    println!("beside a storm of {} requests in {MEASURED:?} ({served} served, {limited} limited): {stormy}", served + limited);
    println!("none of the usual requests was refused; median {:.2} times as long", meanwhile / before);
    assert!(limited > served, "the storm was none");
    drop(process);
}
