//! Load from connections that ask again as soon as they are answered: what a server does when it is full.

use crate::{
    process::Program,
    wire::{KeptAlive, Target},
};
use std::time::{Duration, Instant};

/// What one connection sends, one after the other, from the beginning again at the end.
pub struct Line {
    pub target: Target,
    pub requests: Vec<Vec<u8>>,
}

/// What was measured in one round.
pub struct Measured {
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// The server's user and system time, in microseconds an operation.
    pub cpu: f64,
}

/// Loads the server for so long. `once`: no request may be sent again.
pub async fn measure(program: &Program, lines: Vec<Line>, time: Duration, once: bool) -> Measured {
    let mut ready = vec![];
    for line in lines {
        let mut connection = KeptAlive::open(&line.target).await;
        // the first answer of a connection is not measured: its certificate may be judged anew
        connection.ask(&line.requests[0]).await;
        ready.push((connection, line.requests));
    }
    let (began, cpu) = (Instant::now(), program.cpu());
    let load = ready.into_iter().map(|(mut connection, requests)| {
        tokio::spawn(async move {
            let mut times = vec![];
            while began.elapsed() < time {
                let next = times.len() + 1;
                assert!(!once || next < requests.len(), "the rows of this round are used up");
                let asked = Instant::now();
                connection.ask(&requests[next % requests.len()]).await;
                times.push(asked.elapsed());
            }
            times
        })
    });
    let mut times: Vec<Duration> = vec![];
    for connection in load.collect::<Vec<_>>() {
        times.extend(connection.await.unwrap());
    }
    let (elapsed, cpu) = (began.elapsed(), program.cpu() - cpu);
    times.sort_unstable();
    let operations = u32::try_from(times.len()).map(f64::from).unwrap();
    Measured {
        per_second: operations / elapsed.as_secs_f64(),
        p50: quantile(&times, 500).as_secs_f64() * 1e3,
        p99: quantile(&times, 990).as_secs_f64() * 1e3,
        cpu: cpu.as_secs_f64() * 1e6 / operations,
    }
}

/// Of times in order.
pub fn quantile(sorted: &[Duration], of_a_thousand: usize) -> Duration {
    sorted[(sorted.len() * of_a_thousand / 1000).min(sorted.len() - 1)]
}
