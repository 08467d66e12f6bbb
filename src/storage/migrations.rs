//! The schema's versions: forward only, one subject a file, compiled in. The release that serves goes on while the next one
//! migrates, and beside it afterwards.

mod plan;
mod statement;

pub use plan::{Extent, Plan, PlannedMigration, PlannedStatement};
pub use statement::{LockMode, Relation, Statement, Work, statements};

use super::Db;
use super::Outage;
use sqlx::{
    Connection, PgConnection,
    migrate::{MigrateError, Migrator},
};
use std::{collections::BTreeSet, fmt, time::Duration};

pub static MIGRATOR: Migrator = sqlx::migrate!();

/// How the database's schema compares to the one this program was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    Current {
        version: i64,
    },
    /// A newer release migrated it, and took away nothing that this one needs.
    Ahead {
        found: i64,
        own: i64,
    },
    /// Run `guichet migrate up` first.
    Older {
        found: i64,
        needed: i64,
    },
    /// A newer release migrated it, and this one cannot go on.
    Newer {
        found: i64,
        needed: i64,
    },
}

impl SchemaState {
    /// `oldest`: the oldest release that can go on with it, by that one's newest migration; `None`: the database does not say.
    fn judge(own: &BTreeSet<i64>, applied: &BTreeSet<i64>, oldest: Option<i64>) -> Self {
        let (needed, found) = (own.last().copied().unwrap_or(0), applied.last().copied().unwrap_or(0));
        if own.is_subset(applied) {
            return match own.len() == applied.len() {
                true => Self::Current { version: found },
                false if oldest.is_some_and(|oldest| oldest <= needed) => Self::Ahead { found, own: needed },
                false => Self::Newer { found, needed },
            };
        }
        match found > needed {
            true => Self::Newer { found, needed },
            false => Self::Older { found, needed },
        }
    }

    /// What keeps this program from working with the database, if anything does.
    pub fn fault(self) -> Option<Self> {
        match self {
            Self::Current { .. } | Self::Ahead { .. } => None,
            Self::Older { .. } | Self::Newer { .. } => Some(self),
        }
    }
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current { version } => write!(f, "the database's schema has version {version}, as this program needs"),
            Self::Ahead { found, own } => {
                write!(f, "the database's schema has version {found}, newer than this program's {own}; this program goes on with it")
            }
            Self::Older { found, needed } => {
                write!(f, "the database's schema has version {found}, this program needs {needed}: run `guichet migrate up --config FILE`")
            }
            Self::Newer { found, needed } => {
                write!(f, "the database's schema has version {found}, this program knows {needed}: run a newer guichet")
            }
        }
    }
}

/// How patient a migration is. What it waits for, everybody who comes after it waits for, too.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one lock.
    pub lock: Duration,
    /// For one statement.
    pub statement: Duration,
    /// A lock that was not to be had is asked for again.
    pub attempts: u32,
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lock: Duration::from_secs(2), statement: Duration::from_secs(600), attempts: 30, pause: Duration::from_secs(1) }
    }
}

/// Why the schema was not brought up.
#[derive(Debug)]
pub enum MigrationFailure {
    /// Others held what it takes, each time.
    Busy(String),
    Failed(MigrateError),
}

impl fmt::Display for MigrationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(why) => {
                write!(f, "somebody held what the migration needs, each time it was tried ({why}); nothing of it remains: try again")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MigrationFailure {}

/// lock_not_available
const LOCK_NOT_AVAILABLE: &str = "55P03";

impl Db {
    pub async fn schema_state(&self) -> Result<SchemaState, Outage> {
        let own = MIGRATOR.iter().map(|migration| migration.version).collect();
        let applied = self.applied_migrations().await?;
        Ok(SchemaState::judge(&own, &applied, self.oldest_release().await?))
    }

    async fn applied_migrations(&self) -> Result<BTreeSet<i64>, Outage> {
        if !self.exists("_sqlx_migrations").await? {
            return Ok(BTreeSet::new());
        }
        let versions: Vec<i64> = sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(&self.watch).await?;
        Ok(versions.into_iter().collect())
    }

    async fn oldest_release(&self) -> Result<Option<i64>, Outage> {
        if !self.exists("schema_compatibility").await? {
            return Ok(None);
        }
        Ok(sqlx::query_scalar("select oldest from schema_compatibility").fetch_optional(&self.watch).await?)
    }

    async fn exists(&self, table: &str) -> Result<bool, Outage> {
        Ok(sqlx::query_scalar("select to_regclass($1) is not null").bind(table).fetch_one(&self.watch).await?)
    }

    /// Applies what is missing. Two at once: the second waits for the first's advisory lock, then finds nothing to do.
    /// `busy` is told of each attempt that found a lock taken.
    pub async fn migrate(&self, patience: Patience, busy: impl Fn(u32)) -> Result<(), MigrationFailure> {
        let mut attempt = 1;
        loop {
            match self.try_to_migrate(patience).await {
                Err(error) if attempt < patience.attempts && is_busy(&error) => {
                    busy(attempt);
                    tokio::time::sleep(patience.pause).await;
                    attempt += 1;
                }
                Err(error) if is_busy(&error) => return Err(MigrationFailure::Busy(error.to_string())),
                done => return done.map_err(MigrationFailure::Failed),
            }
        }
    }

    /// On a connection of its own, which is closed whatever happens: its locks and settings end with it.
    async fn try_to_migrate(&self, patience: Patience) -> Result<(), MigrateError> {
        let millis = |time: Duration| time.as_millis().to_string();
        let options = self.pool.connect_options();
        let options = options.as_ref().clone().options([
            ("lock_timeout", millis(patience.lock)),
            ("statement_timeout", millis(patience.statement)),
            ("enable_seqscan", "on".to_owned()),
        ]);
        let mut connection = PgConnection::connect_with(&options).await?;
        let done = MIGRATOR.run_direct(None, &mut connection, false).await;
        let closed = connection.close().await;
        done.and(closed.map_err(MigrateError::from))
    }
}

fn is_busy(error: &MigrateError) -> bool {
    let (MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) = error else { return false };
    source.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_goes_on_with_a_newer_schema_that_keeps_what_it_needs() {
        let set = |versions: &[i64]| versions.iter().copied().collect::<BTreeSet<_>>();
        let own = set(&[1, 2, 3]);
        let state = |applied: &[i64], oldest| SchemaState::judge(&own, &set(applied), oldest);
        assert_eq!(state(&[1, 2, 3], None), SchemaState::Current { version: 3 });
        assert_eq!(state(&[1, 2], Some(1)), SchemaState::Older { found: 2, needed: 3 });
        assert_eq!(state(&[], None), SchemaState::Older { found: 0, needed: 3 });
        assert_eq!(state(&[1, 2, 3, 4], Some(3)), SchemaState::Ahead { found: 4, own: 3 });
        assert_eq!(state(&[1, 2, 3, 4], Some(4)), SchemaState::Newer { found: 4, needed: 3 });
        assert_eq!(state(&[1, 2, 3, 4], None), SchemaState::Newer { found: 4, needed: 3 });
        // one of ours is missing below a newer release's
        assert_eq!(state(&[1, 2, 4], Some(1)), SchemaState::Newer { found: 4, needed: 3 });
    }
}
