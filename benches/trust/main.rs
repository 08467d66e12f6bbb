//! How much trust costs: `guichet trust import` of a full set of national lists into PostgreSQL, as a process of its own, with
//! its time and its peak of memory; and judging a QWAC by it. `cargo bench --bench trust`.
//!
//! Nothing is asserted of speed: the machine decides it. `docs/performance.md` says how to read the table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the integration tests")]
mod harness;
mod import;
mod judgement;

use std::env;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == import::CHILD) {
        return import::measure_child(&arguments[at + 1..]);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("this is a benchmark: cargo bench --bench trust");
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(import::run());
    judgement::run();
}
