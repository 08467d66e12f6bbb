//! What the server needs of the machine's memory: at rest, with a thousand connections under load, and after many more tokens.

use crate::{
    CONNECTIONS,
    closed::Line,
    contender::{Contender, Others, lines},
    ids::Lot,
    operation::Operation,
    options::Options,
    process::Program,
    server::Server,
    table,
    wire::KeptAlive,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

const LOOK: Duration = Duration::from_millis(250);
/// Past every lot of the rounds.
const MORE: u16 = 0xfff;

pub async fn run(server: &mut Server, others: &Others, options: &Options) {
    let mut rows = vec![];
    rows.push(row("server", at_rest(server).await, loaded(server, options).await));
    rows.push(row("floor", others.rest.0, loaded(&others.floor, options).await));
    if let (Some(peer), Some(rest)) = (&others.peer, others.rest.1) {
        rows.push(row("peer", rest, loaded(peer, options).await));
    }
    let tokens = options.many_tokens();
    server.add_tokens(Lot { number: MORE, rows: tokens / u32::try_from(CONNECTIONS).unwrap() }).await;
    // loaded first: the process that has issued all of those before
    let (loaded, rest) = (loaded(server, options).await, at_rest(server).await);
    rows.push(row(&format!("server, {tokens} tokens later"), rest, loaded));
    table::print("Memory (PSS), MiB", &["", "at rest", &format!("{} connections under load", options.many_connections())], &rows);
}

fn row(name: &str, rest: f64, loaded: f64) -> Vec<String> {
    vec![name.to_owned(), format!("{rest:.1}"), format!("{loaded:.1}")]
}

/// Of one that was started just now.
async fn at_rest(server: &mut Server) -> f64 {
    server.restart();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.program().pss()
}

/// The most that was seen while so many connections, all of them in use, asked for tokens, a few at a time.
async fn loaded(contender: &impl Contender, options: &Options) -> f64 {
    let lines = lines(contender, Operation::ClientCredentials, Lot::NONE);
    let each = options.many_connections().div_ceil(lines.len());
    let (open, over) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let groups = u32::try_from(lines.len()).unwrap();
    let start = |line| tokio::spawn(ask_on_each(line, each, open.clone(), over.clone()));
    let load: Vec<_> = lines.into_iter().map(start).collect();
    drop(open.acquire_many(groups).await.unwrap());
    let most = most(contender.program(), Duration::from_secs(options.seconds() * 2)).await;
    over.store(true, Ordering::Relaxed);
    for group in load {
        group.await.unwrap();
    }
    most
}

/// Goes on until it is over; `open` gets a permit once all connections are.
async fn ask_on_each(line: Line, connections: usize, open: Arc<Semaphore>, over: Arc<AtomicBool>) {
    let mut opened = vec![];
    for _ in 0..connections {
        opened.push(KeptAlive::open(&line.target).await);
    }
    open.add_permits(1);
    while !over.load(Ordering::Relaxed) {
        for connection in &mut opened {
            connection.ask(&line.requests[0]).await;
        }
    }
}

async fn most(program: &Program, time: Duration) -> f64 {
    let (began, mut most) = (Instant::now(), 0.0);
    while began.elapsed() < time {
        tokio::time::sleep(LOOK).await;
        most = program.pss().max(most);
    }
    most
}
