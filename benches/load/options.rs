//! What the command line asks for.

use crate::operation::Operation;
use clap::{Parser, ValueEnum};
use std::time::Duration;

/// Measures the server beside a floor, pgbench and a peer; prints Markdown.
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench load --")]
pub struct Options {
    /// Said by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// A smoke test: everything once and shortly
    #[arg(long)]
    quick: bool,
    /// Only these operations
    #[arg(long, value_delimiter = ',')]
    only: Vec<Operation>,
    /// Only these parts
    #[arg(long, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Rounds of everything that is measured by turns [default: 5]
    #[arg(long)]
    rounds: Option<u32>,
    /// Without the peer
    #[arg(long)]
    pub no_peer: bool,
    /// Twenty minutes at half of the peak, memory and descriptors looked at meanwhile, and nothing else
    #[arg(long)]
    soak: bool,
    /// Of the soak
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Start,
    Rounds,
    Memory,
    Latency,
    Handshakes,
}

pub fn parse() -> Options {
    Options::parse()
}

impl Options {
    pub fn has(&self, part: Part) -> bool {
        if self.soak { part == Part::Latency } else { self.parts.is_empty() || self.parts.contains(&part) }
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(|operation| self.only.is_empty() || self.only.contains(operation))
    }

    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// Of one measurement in a round.
    pub fn seconds(&self) -> u64 {
        if self.quick { 1 } else { 2 }
    }

    /// Of the load at half of the peak.
    pub fn paced(&self) -> Duration {
        let seconds = match (self.soak, self.quick) {
            (true, _) => 60 * self.minutes,
            (false, true) => 2,
            (false, false) => 20,
        };
        Duration::from_secs(seconds)
    }

    /// When the process is looked at, in minutes: after its start, in the middle, at the end.
    pub fn looks(&self) -> Vec<u64> {
        let looks = [self.minutes.div_ceil(10), self.minutes / 2, self.minutes];
        if self.soak { looks.into_iter().filter(|minute| *minute > 0).collect() } else { vec![] }
    }

    /// How many are open while memory is looked at.
    pub fn many_connections(&self) -> usize {
        if self.quick { 200 } else { 1000 }
    }

    /// How many tokens are added before memory is looked at again.
    pub fn many_tokens(&self) -> u32 {
        if self.quick { 16_000 } else { 1_000_000 }
    }
}
