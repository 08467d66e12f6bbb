//! The figures of all rounds, as a Markdown table: medians, with the smallest and the largest.

use crate::{load::Measured, operation::Operation};

#[derive(Default)]
pub struct Figures {
    rows: Vec<Row>,
}

struct Row {
    operation: Operation,
    tokens: i64,
    rounds: Vec<Measured>,
}

impl Figures {
    pub fn add(&mut self, operation: Operation, tokens: i64, measured: Measured) {
        match self.rows.iter_mut().find(|row| (row.operation, row.tokens) == (operation, tokens)) {
            Some(row) => row.rounds.push(measured),
            None => self.rows.push(Row { operation, tokens, rounds: vec![measured] }),
        }
    }

    pub fn print(&self) {
        println!(
            "\n| operation | live tokens | requests/s | p99 ms | server CPU us/op | ratio | PostgreSQL CPU us/op | ratio | WAL bytes/op |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for row in &self.rows {
            let smallest = self.rows.iter().find(|first| first.operation == row.operation).unwrap();
            let of = |figure: fn(&Measured) -> f64| row.rounds.iter().map(figure).collect::<Vec<_>>();
            // of the same round, since the machine has better and worse moments
            let ratio = |figure: fn(&Measured) -> f64| {
                let pairs = row.rounds.iter().zip(&smallest.rounds);
                pairs.map(|(this, first)| figure(this) / figure(first)).collect::<Vec<_>>()
            };
            let (server, postgres): (fn(&Measured) -> f64, fn(&Measured) -> f64) = (|m| m.server_cpu, |m| m.postgres_cpu);
            println!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                row.operation.name(),
                power(row.tokens),
                spread(of(|m| m.per_second), 0),
                spread(of(|m| m.p99), 2),
                spread(of(server), 0),
                spread(ratio(server), 2),
                spread(of(postgres), 0),
                spread(ratio(postgres), 2),
                spread(of(|m| m.wal), 0),
            );
        }
    }
}

/// `10^6`, or the number itself.
pub fn power(number: i64) -> String {
    let digits = number.ilog10();
    if number == 10_i64.pow(digits) { format!("10^{digits}") } else { number.to_string() }
}

/// `median (smallest-largest)`
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return "-".to_owned() };
    let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
    format!("{median:.digits$} ({first:.digits$}-{last:.digits$})")
}
