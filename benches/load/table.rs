//! The figures, as a Markdown table: medians over the rounds, with the smallest and the largest.

use crate::operations::{Measured, Operation};

pub struct Row {
    pub operation: Operation,
    /// Sent to PostgreSQL for one operation, `begin` and `commit` included.
    statements: usize,
    pub server: Vec<Measured>,
    /// Transactions per second.
    pub pgbench: Vec<f64>,
}

impl Row {
    pub fn new(operation: Operation, statements: usize) -> Self {
        Self { operation, statements, server: vec![], pgbench: vec![] }
    }

    fn line(&self) -> String {
        let of = |figure: fn(&Measured) -> f64| self.server.iter().map(figure).collect::<Vec<_>>();
        let ratios = self.server.iter().zip(&self.pgbench).map(|(server, pgbench)| server.per_second / pgbench).collect();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.operation.name(),
            self.statements,
            spread(of(|m| m.per_second), 0),
            spread(of(|m| m.p50), 2),
            spread(of(|m| m.p99), 2),
            spread(of(|m| m.cpu), 0),
            spread(self.pgbench.clone(), 0),
            spread(ratios, 2),
        )
    }
}

/// `median (smallest-largest)`
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return "-".to_owned() };
    let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
    format!("{median:.digits$} ({first:.digits$}-{last:.digits$})")
}

pub fn print(rows: &[Row]) {
    println!("| operation | statements | requests/s | p50 ms | p99 ms | server CPU us/op | pgbench tps | server/pgbench |");
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        println!("{}", row.line());
    }
}
