//! How much the program costs, in one run and by turns with what it is compared with: a server that does only the necessary SQL
//! (the floor), PostgreSQL alone with the same statements (pgbench), and another authorization server (the peer).
//! `cargo bench --bench load`, with `-- --quick` for a smoke test and `-- --help` for the rest.
//!
//! Nothing is asserted of speed: the machine decides it. `docs/performance.md` says how to read the tables.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acceptor;
mod bare;
mod closed;
mod contender;
mod disk;
mod floor;
mod handshakes;
#[path = "../../tests/it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the integration tests")]
mod harness;
mod ids;
mod memory;
mod operation;
mod options;
mod paced;
mod parties;
mod peer;
mod pgbench;
mod postgres;
mod process;
mod rounds;
mod server;
mod start;
mod table;
mod wire;

use options::{Options, Part};
use parties::Parties;
use postgres::Postgres;
use server::Server;
use std::{env, os::unix::fs::PermissionsExt};

// as the program itself: floor and load are to be as cheap
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections of the load and clients of pgbench.
pub const CONNECTIONS: usize = 16;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(floor::CHILD) => return floor::serve(&arguments[2..]),
        Some(bare::CHILD) => return bare::serve(&arguments[2..]),
        Some(_) | None => {}
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("this is a benchmark: cargo bench --bench load");
        return;
    }
    let options = options::parse();
    process::allow_many_connections();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(&options));
}

async fn run(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap(); // PostgreSQL has a user of its own
    let mut postgres = Postgres::start(folder.path()).await;
    let parties = Parties::new(folder.path());
    let mut server = Server::start(&mut postgres, &parties).await;
    if options.has(Part::Start) {
        start::run(&mut server, options);
    }
    if options.has(Part::Rounds) || options.has(Part::Memory) {
        let mut others = contender::Others::start(&mut postgres, &parties, folder.path(), options).await;
        if options.has(Part::Rounds) {
            rounds::run(&mut postgres, &mut server, &mut others, options).await;
        }
        if options.has(Part::Memory) {
            memory::run(&mut server, &others, options).await;
        }
    }
    if options.has(Part::Latency) {
        paced::run(&server, options).await;
    }
    if options.has(Part::Handshakes) {
        handshakes::run(&server, &parties, folder.path(), options).await;
    }
}
