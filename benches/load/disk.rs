//! How long a commit takes. The disk of the machine decides it; a slower one is stood for by PostgreSQL waiting before each flush.

use crate::{operation::Operation, postgres::Postgres};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disk {
    /// The machine's own.
    Own,
    /// One whose flush takes 2.5 ms longer.
    Slow,
}

/// Microseconds.
const DELAY: &str = "2500";

impl Disk {
    pub const ALL: [Self; 2] = [Self::Own, Self::Slow];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "the machine's own disk",
            Self::Slow => "a disk that takes 2.5 ms longer to flush",
        }
    }

    pub async fn insert(self, postgres: &mut Postgres) {
        let delay = match self {
            Self::Own => "0",
            Self::Slow => DELAY,
        };
        // siblings 0: also for a single transaction
        postgres.set(&[("commit_delay", delay), ("commit_siblings", "0")]).await;
    }

    /// Whether it matters to the operation.
    pub const fn bounds(self, operation: Operation) -> bool {
        match self {
            Self::Own => true,
            Self::Slow => operation.writes() > 0,
        }
    }
}
