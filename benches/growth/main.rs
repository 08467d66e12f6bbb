//! Whether cost grows with a bank: data sets of different sizes, made by `harness::mass`, each with the program in front of it, loaded
//! by turns with tokens and grants from all over them; what a token takes on disk; what dropping a day's tokens costs while others work.
//!
//! `cargo bench --bench growth`, with `-- --quick` for a smoke test. `-- --generate 10000000 --database-url URL` only fills a migrated
//! database, for any other experiment. `docs/performance.md` says how to read the tables.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the integration tests")]
mod harness;
#[path = "../load/operation.rs"]
#[allow(dead_code, reason = "shared with the load benchmark")]
mod operation;
#[path = "../load/postgres.rs"]
#[allow(dead_code, reason = "shared with the load benchmark")]
mod postgres;
#[path = "../load/process.rs"]
#[allow(dead_code, reason = "shared with the load benchmark")]
mod process;
#[path = "../load/wire.rs"]
#[allow(dead_code, reason = "shared with the load benchmark")]
mod wire;

mod calls;
mod drop;
mod figures;
mod load;
mod memory;
mod options;
mod pages;
mod site;
mod sizes;

use crate::harness::{CIC, mass::Mass};
use guichet::clock::{Clock, System};
use operation::Operation;
use options::{Generate, Options};
use site::{Parties, Site};
use sqlx::{Connection, PgConnection};
use std::os::unix::fs::PermissionsExt;

// as the program itself
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections of the load: one for each large organisation.
pub const CONNECTIONS: usize = 16;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("this is a benchmark: cargo bench --bench growth");
        return;
    }
    let options = options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match options.generate() {
        Some(generate) => runtime.block_on(fill(&generate)),
        None => runtime.block_on(run(&options)),
    }
}

/// Fills a database and says what can be presented to a server of it.
async fn fill(generate: &Generate) {
    let mass = Mass::new(generate.tokens, CIC.id, System::new().now());
    let mut db = PgConnection::connect(&generate.database_url).await.unwrap();
    let mut second = PgConnection::connect(&generate.database_url).await.unwrap();
    println!("{} tokens in {}", mass.tokens, mass.build(&mut db, &mut second).await);
    println!("{}", sizes::of(&mass, &mut db).await);
    calls::print_samples(&mass, &mut db).await;
}

async fn run(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap(); // PostgreSQL has a user of its own
    // given back when PostgreSQL is gone
    let _pages = options.huge_pages().then(|| memory::HugePages::reserve(options.shared_buffers()));
    let (mut postgres, parties) = (site::postgres(folder.path(), options.shared_buffers()).await, Parties::new());
    let mut sites = vec![];
    for tokens in options.sizes() {
        sites.push(Site::open(&mut postgres, &parties, folder.path(), tokens).await);
    }
    for site in &mut sites {
        site.fill_memory().await;
    }
    println!(
        "PostgreSQL: shared_buffers {} MB, {}",
        options.shared_buffers(),
        if memory::in_huge_pages() { "in huge pages" } else { "in small pages" }
    );
    let mut figures = figures::Figures::default();
    for round in 1..=options.rounds() {
        eprintln!("round {round} of {}", options.rounds());
        for operation in Operation::ALL {
            for site in &mut sites {
                let measured = load::measure(site, operation, options.time()).await;
                figures.add(operation, site.mass.tokens, measured);
            }
        }
        for site in &mut sites {
            site.tidy_up().await;
        }
    }
    sizes::print(&sites);
    pages::print(&mut sites).await;
    figures.print();
    let mut dropped = vec![];
    for site in &mut sites {
        dropped.push(drop::measure(site, options.time()).await);
    }
    drop::print(&dropped);
}
