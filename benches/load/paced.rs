//! How long answers take at half of what the server can do. Each connection asks at its own fixed times, whether it was answered or
//! not, and a time counts from when the request was to be sent: a slow answer makes those behind it late, and that is seen.

use crate::{
    closed::{self, Line, quantile},
    contender::{self, Contender},
    ids::Lot,
    operation::Operation,
    options::Options,
    process::{Held, held},
    server::Server,
    table,
    wire::KeptAlive,
};
use nix::sys::prctl::set_timerslack;
use std::{
    thread,
    time::{Duration, Instant},
};

/// Who asks what: a TPP's calls are introspected, so half of the connections are the gateway's.
const MIX: [(Operation, usize); 3] = [(Operation::ClientCredentials, 4), (Operation::Refresh, 4), (Operation::Introspection, 8)];
const PEAK: Duration = Duration::from_secs(3);

pub async fn run(server: &Server, options: &Options) {
    let peaks = peaks(server).await;
    let mut threads = vec![];
    let began = Instant::now() + Duration::from_millis(500);
    for ((operation, peak), (_, connections)) in peaks.iter().zip(MIX) {
        let interval = Duration::from_secs_f64(f64::from(u32::try_from(connections).unwrap()) / (peak / 2.0));
        for (n, line) in lines(server, *operation, connections).into_iter().enumerate() {
            let first = began + interval * u32::try_from(n).unwrap() / u32::try_from(connections).unwrap();
            let pace = Pace { first, interval, until: began + options.paced() };
            threads.push((*operation, thread::spawn(move || pace.ask(&line))));
        }
    }
    let (id, looks) = (server.program().id(), options.looks());
    let looker = thread::spawn(move || looks.into_iter().map(|minute| (minute, look(id, began, minute))).collect::<Vec<_>>());
    let mut answered: Vec<(Operation, Vec<Duration>)> = MIX.map(|(operation, _)| (operation, vec![])).into();
    for (operation, thread) in threads {
        let times = thread.join().unwrap();
        answered.iter_mut().find(|(o, _)| *o == operation).unwrap().1.extend(times);
    }
    print(&peaks, answered, options);
    let row = |(minute, held): (u64, Held)| {
        vec![minute.to_string(), format!("{:.1}", held.resident_mib), held.descriptors.to_string(), held.threads.to_string()]
    };
    let rows: Vec<_> = looker.join().unwrap().into_iter().map(row).collect();
    if !rows.is_empty() {
        table::print("The server meanwhile", &["minute", "resident MiB", "descriptors", "threads"], &rows);
    }
}

/// A moment before the load ends with its last minute.
fn look(id: u32, began: Instant, minute: u64) -> Held {
    let at = began + Duration::from_secs(60 * minute) - Duration::from_secs(2);
    thread::sleep(at.saturating_duration_since(Instant::now()));
    held(id)
}

/// What each operation of the mix reaches while all ask as fast as they can.
async fn peaks(server: &Server) -> Vec<(Operation, f64)> {
    let all = MIX.map(|(operation, connections)| {
        let lines = lines(server, operation, connections);
        async move { (operation, closed::measure(server.program(), lines, PEAK, false).await.per_second) }
    });
    crate::harness::together(all).await
}

fn lines(server: &Server, operation: Operation, connections: usize) -> Vec<Line> {
    let mut lines = contender::lines(server, operation, Lot::NONE);
    lines.truncate(connections);
    lines
}

/// When one connection asks.
struct Pace {
    first: Instant,
    interval: Duration,
    until: Instant,
}

impl Pace {
    /// A thread of its own, since the timer of an asynchronous runtime counts in milliseconds.
    fn ask(&self, line: &Line) -> Vec<Duration> {
        set_timerslack(1).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut connection = runtime.block_on(KeptAlive::open(&line.target));
        // as in a closed loop, the first answer does not count
        runtime.block_on(connection.ask(&line.requests[0]));
        let (mut times, mut due) = (vec![], self.first);
        for request in line.requests.iter().cycle() {
            if due >= self.until {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            runtime.block_on(connection.ask_for_ever(&line.target, request));
            times.push(due.elapsed());
            due += self.interval;
        }
        times
    }
}

fn print(peaks: &[(Operation, f64)], answered: Vec<(Operation, Vec<Duration>)>, options: &Options) {
    let row = |((operation, mut times), (_, peak)): ((Operation, Vec<Duration>), &(Operation, f64))| {
        times.sort_unstable();
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let [p50, p99, p999] = [500, 990, 999].map(|of_a_thousand| millis(quantile(&times, of_a_thousand)));
        let largest = millis(*times.last().unwrap());
        vec![
            operation.name().to_owned(),
            format!("{peak:.0}"),
            times.len().to_string(),
            format!("{p50:.2}"),
            format!("{p99:.2}"),
            format!("{p999:.2}"),
            format!("{largest:.1}"),
            format!("{:.1}", p99 / p50),
            format!("{:.1}", p999 / p50),
        ]
    };
    let title = format!("At half of the peak, for {} seconds", options.paced().as_secs());
    let columns = ["operation", "peak requests/s", "requests", "p50 ms", "p99 ms", "p99.9 ms", "largest ms", "p99/p50", "p99.9/p50"];
    table::print(&title, &columns, &answered.into_iter().zip(peaks).map(row).collect::<Vec<_>>());
}
