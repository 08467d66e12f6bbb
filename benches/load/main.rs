//! How much the program costs: operations per second, their times and the server's CPU over mutual TLS, beside what
//! PostgreSQL alone does with the same SQL in the same run. `cargo bench --bench load`, with `-- --quick` for a smoke test.
//!
//! Nothing is asserted of speed: the machine decides it. `docs/performance.md` says how to read the table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the integration tests")]
mod harness;
mod operations;
mod pgbench;
mod site;
mod supply;
mod table;
mod wire;

use operations::Operation;
use site::Site;
use std::{env, time::Duration};

/// Connections of the load and clients of pgbench.
pub const CONNECTIONS: usize = 16;

/// How long it takes.
struct Plan {
    rounds: u32,
    seconds: u64,
}

fn main() {
    if !env::args().any(|arg| arg == "--bench") {
        println!("this is a benchmark: cargo bench --bench load");
        return;
    }
    let quick = env::args().any(|arg| arg == "--quick");
    let plan = if quick { Plan { rounds: 1, seconds: 1 } } else { Plan { rounds: 5, seconds: 2 } };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(&plan));
}

async fn run(plan: &Plan) {
    let pgbench = pgbench::find();
    if pgbench.is_none() {
        println!("pgbench is absent (Debian: package postgresql-15 or postgresql-contrib): its columns stay empty");
    }
    let mut site = Site::open().await;
    let statements = operations::statements(&mut site).await;
    let mut rows = Operation::ALL.map(|operation| table::Row::new(operation, statements[&operation].len()));
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for row in &mut rows {
            // two supplies: the program and pgbench use up rows of their own
            let (ours, theirs) = (round * 2, round * 2 + 1);
            row.operation.supply(&mut site, ours).await;
            row.server.push(operations::measure(&site, row.operation, ours, Duration::from_secs(plan.seconds)).await);
            if let Some(pgbench) = &pgbench {
                row.operation.supply(&mut site, theirs).await;
                let names = row.operation.names(&site, theirs);
                let space = row.operation.space();
                let script = pgbench::script(&mut site.sql, &statements[&row.operation], &names, theirs, space).await;
                row.pgbench.push(pgbench::run(pgbench, &site, &script, plan.seconds, row.operation.most()));
            }
        }
    }
    table::print(&rows);
}
