//! The schema's versions: forward only, one subject a file, compiled in.

use super::{Db, Outage};
use sqlx::migrate::{MigrateError, Migrator};

pub static MIGRATOR: Migrator = sqlx::migrate!();

/// How the database's schema compares to the one this program was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    Current {
        version: i64,
    },
    /// Run `guichet migrate up` first.
    Older {
        found: i64,
        needed: i64,
    },
    /// A newer release migrated it.
    Newer {
        found: i64,
        needed: i64,
    },
}

impl Db {
    pub async fn schema_state(&self) -> Result<SchemaState, Outage> {
        let needed = MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0);
        let exists: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&self.watch).await?;
        let found: i64 = if exists {
            sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations where success").fetch_one(&self.watch).await?
        } else {
            0
        };
        Ok(match found.cmp(&needed) {
            std::cmp::Ordering::Less => SchemaState::Older { found, needed },
            std::cmp::Ordering::Equal => SchemaState::Current { version: found },
            std::cmp::Ordering::Greater => SchemaState::Newer { found, needed },
        })
    }

    /// Applies what is missing. Two at once: the second waits for the first's advisory lock, then finds nothing to do.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        MIGRATOR.run(&self.pool).await
    }
}
