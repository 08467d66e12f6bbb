//! One operation, asked for by all connections as fast as they are answered.

use crate::{
    calls::{self, Line},
    operation::Operation,
    site::Site,
    wire::KeptAlive,
};
use std::time::{Duration, Instant};

/// Requests of each connection before anything is measured, where there are enough.
const WARM_UP: usize = 16;

/// What was measured in one round.
pub struct Measured {
    pub per_second: f64,
    /// Milliseconds.
    pub p99: f64,
    /// User and system time in microseconds an operation.
    pub server_cpu: f64,
    pub postgres_cpu: f64,
    /// Bytes of write-ahead log an operation.
    pub wal: f64,
}

/// Loads the server for so long, or as long as there is something to present.
pub async fn measure(site: &mut Site, operation: Operation, time: Duration) -> Measured {
    let lines = calls::lines(site, operation).await;
    let (mut ready, wal) = (vec![], site.wal().await);
    for Line { target, requests } in lines.into_iter().filter(|line| !line.requests.is_empty()) {
        ready.push((KeptAlive::open(&target).await, requests));
    }
    let mut before = 0;
    for (connection, requests) in &mut ready {
        let warm_up = if operation.spends() { 1 } else { WARM_UP };
        for n in 0..warm_up {
            let answer = connection.ask(&requests[n % requests.len()]).await;
            let active = answer.windows(13).any(|part| part == b"\"active\":true");
            assert!(active || operation != Operation::Introspection, "not active: {}", String::from_utf8_lossy(answer));
        }
        let asked = warm_up % requests.len();
        requests.rotate_left(asked);
        if operation.spends() {
            requests.pop();
        }
        before += warm_up;
    }
    let (began, server, postgres) = (Instant::now(), site.program.cpu(), site.postgres_cpu());
    let load = ready.into_iter().map(|(mut connection, requests)| {
        tokio::spawn(async move {
            let mut times = vec![];
            let again = usize::from(!operation.spends()) * (usize::MAX - 1) + 1;
            for request in requests.iter().cycle().take(requests.len().saturating_mul(again)) {
                if began.elapsed() >= time {
                    break;
                }
                let asked = Instant::now();
                connection.ask(request).await;
                times.push(asked.elapsed());
            }
            times
        })
    });
    let mut times: Vec<Duration> = vec![];
    for connection in load.collect::<Vec<_>>() {
        times.extend(connection.await.unwrap());
    }
    let (elapsed, server, postgres) = (began.elapsed(), site.program.cpu() - server, site.postgres_cpu().saturating_sub(postgres));
    times.sort_unstable();
    let operations = f64::from(u32::try_from(times.len()).unwrap());
    let written = f64::from(i32::try_from(site.wal().await - wal).unwrap());
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / operations;
    Measured {
        per_second: operations / elapsed.as_secs_f64(),
        p99: times[(times.len() * 99 / 100).min(times.len() - 1)].as_secs_f64() * 1e3,
        server_cpu: each(server),
        postgres_cpu: each(postgres),
        wal: written / (operations + f64::from(u32::try_from(before).unwrap())),
    }
}
