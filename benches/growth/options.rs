//! What the command line asks for.

use crate::memory;
use clap::Parser;
use std::time::Duration;

/// Measures the server on data sets of different sizes; prints Markdown
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench growth --")]
pub struct Options {
    /// Said by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// A smoke test: small sizes, everything once and shortly
    #[arg(long)]
    quick: bool,
    /// Live tokens of each data set, the smallest first [default: 10000,1000000,10000000]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1000..))]
    sizes: Vec<i64>,
    /// Rounds of everything that is measured by turns [default: 5]
    #[arg(long)]
    rounds: Option<u32>,
    /// PostgreSQL's, in MiB: a quarter of the memory, as its manual recommends, if not said
    #[arg(long)]
    shared_buffers: Option<u64>,
    /// Reserve huge pages for it in the kernel, as root, until the end
    #[arg(long)]
    huge_pages: bool,
    /// Only fill the database of --database-url with so many live tokens
    #[arg(long, requires = "database_url", value_parser = clap::value_parser!(i64).range(1000..))]
    generate: Option<i64>,
    /// A migrated database without grants, for measuring only: everybody knows the secrets that come into it
    #[arg(long, requires = "generate")]
    database_url: Option<String>,
}

pub struct Generate {
    pub tokens: i64,
    pub database_url: String,
}

pub fn parse() -> Options {
    Options::parse()
}

impl Options {
    pub fn generate(&self) -> Option<Generate> {
        let (tokens, database_url) = self.generate.zip(self.database_url.clone())?;
        Some(Generate { tokens, database_url })
    }

    pub fn sizes(&self) -> Vec<i64> {
        match (self.sizes.is_empty(), self.quick) {
            (false, _) => self.sizes.clone(),
            (true, true) => vec![1000, 10_000],
            (true, false) => vec![10_000, 1_000_000, 10_000_000],
        }
    }

    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// Of one measurement.
    pub fn time(&self) -> Duration {
        Duration::from_millis(if self.quick { 500 } else { 2000 })
    }

    pub fn huge_pages(&self) -> bool {
        self.huge_pages
    }

    /// In MiB.
    pub fn shared_buffers(&self) -> u64 {
        self.shared_buffers.unwrap_or_else(|| if self.quick { 128 } else { memory::of_machine() / 4 })
    }
}
