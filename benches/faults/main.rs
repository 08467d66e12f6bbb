//! What happens to TPPs when something breaks, as a table: `cargo bench --bench faults`, with `-- --only NAME,..` for some, `-- --list` for
//! their names. Two replicas on one durable PostgreSQL serve a load that remembers every answer; a fault is put in and taken away;
//! afterwards every token that was given must be alive and every one that was taken back dead.
//!
//! Ends with 1 where any answer was wrong or anything acknowledged is lost. As root on Linux for the disks, networks and clocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clock;
mod crowd;
mod disk;
#[path = "../../tests/it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the integration tests")]
mod harness;
mod kills;
mod ledger;
mod load;
mod network;
mod patroni;
mod reload;
mod site;
mod upgrade;

use ledger::Summary;
use std::{env, future::Future, pin::Pin, time::Instant};

/// Why a fault cannot be made on this machine.
pub type Outcome = Result<Summary, String>;
type Scenario = fn() -> Pin<Box<dyn Future<Output = Outcome>>>;

macro_rules! scenarios {
    ($($name:literal => $function:path,)*) => {
        [$(($name, (|| Box::pin($function())) as Scenario),)*]
    };
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("this is a benchmark: cargo bench --bench faults");
        return;
    }
    let scenarios = scenarios! {
        "nothing" => kills::nothing,
        "kill -9 of a replica" => kills::replica,
        "kill -9 of PostgreSQL" => kills::postgres,
        "kill -9 of the primary under Patroni" => patroni::primary,
        "the primary under Patroni hangs, and comes back" => patroni::hung,
        "full disk" => disk::full,
        "slow disk" => disk::slow,
        "network partition" => network::partition,
        "packet loss" => network::loss,
        "clock an hour ahead" => clock::ahead,
        "clock an hour behind" => clock::behind,
        "connection storm" => crowd::storm,
        "slowloris" => crowd::slowloris,
        "a TPP at 100x its rate" => crowd::greedy,
        "certificates reloaded" => reload::certificates,
        "migration under load" => upgrade::migration,
        "two versions side by side" => upgrade::side_by_side,
    };
    if arguments.iter().any(|argument| argument == "--list") {
        scenarios.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    let chosen = |name: &str| only.is_none_or(|only| only.split(',').any(|part| name.contains(part)));
    site::allow_many_connections();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{}", Summary::HEAD);
    let mut bad = 0;
    for (name, scenario) in scenarios.into_iter().filter(|(name, _)| chosen(name)) {
        let began = Instant::now();
        match runtime.block_on(scenario()) {
            Ok(summary) => {
                bad += usize::from(!summary.is_good());
                println!("{}", summary.row(name));
                summary.wrong.iter().take(3).for_each(|wrong| println!("    wrong: {wrong}"));
            }
            Err(why) => println!("| {name} | not here: {why} |"),
        }
        eprintln!("{name}: {:.0} s", began.elapsed().as_secs_f64());
    }
    if bad > 0 {
        println!("\n{bad} of them did harm");
        std::process::exit(1);
    }
}
