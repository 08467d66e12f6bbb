//! What `guichet migrate up` would do to this database: which locks, on tables of which size, and whether the release that serves
//! goes on.

use super::{LockMode, MIGRATOR, Relation, Statement, Work, statements};
use crate::storage::{Db, Outage};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// A table as it is now. PostgreSQL's estimate of its rows, and its bytes with indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub rows: i64,
    pub bytes: i64,
}

/// The migrations that this database has not had.
#[derive(Debug)]
pub struct Plan(pub Vec<PlannedMigration>);

#[derive(Debug)]
pub struct PlannedMigration {
    pub version: i64,
    pub name: String,
    /// Otherwise each statement commits by itself.
    pub in_transaction: bool,
    pub statements: Vec<PlannedStatement>,
}

#[derive(Debug)]
pub struct PlannedStatement {
    pub text: String,
    /// Of tables that are there now; on others nobody waits. `None`: it cannot be told from the text.
    pub locks: Option<Vec<(Relation, LockMode, Work, Extent)>>,
    /// It takes away what a release before may need.
    pub contracts: bool,
}

impl PlannedMigration {
    /// The strongest lock of each table, held until the migration's end.
    pub fn strongest(&self) -> BTreeMap<&str, LockMode> {
        let mut strongest = BTreeMap::new();
        for (table, mode, _, _) in self.statements.iter().filter_map(|s| s.locks.as_ref()).flatten() {
            let known = strongest.entry(table.as_str()).or_insert(*mode);
            *known = (*known).max(*mode);
        }
        strongest
    }
}

impl Db {
    pub async fn migration_plan(&self) -> Result<Plan, Outage> {
        let (applied, mut extents) = (self.applied_migrations().await?, BTreeMap::new());
        let mut planned = vec![];
        for migration in MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version)) {
            let mut steps = vec![];
            for statement in statements(migration.sql.as_str()) {
                steps.push(self.planned(statement, &mut extents).await?);
            }
            let (name, in_transaction) = (migration.description.replace(' ', "_"), !migration.no_tx);
            planned.push(PlannedMigration { version: migration.version, name, in_transaction, statements: steps });
        }
        Ok(Plan(planned))
    }

    async fn planned(&self, statement: Statement, extents: &mut BTreeMap<Relation, Option<Extent>>) -> Result<PlannedStatement, Outage> {
        let Statement { text, locks, contracts } = statement;
        let Some(locks) = locks else { return Ok(PlannedStatement { text, locks: None, contracts }) };
        let mut there = vec![];
        for (table, (mode, work)) in locks {
            let extent = match extents.get(&table) {
                Some(known) => *known,
                None => *extents.entry(table.clone()).or_insert(self.extent(&table).await?),
            };
            if let Some(extent) = extent {
                there.push((table, mode, work, extent));
            }
        }
        Ok(PlannedStatement { text, locks: Some(there), contracts })
    }

    /// With its partitions. `None`: no such table.
    async fn extent(&self, table: &str) -> Result<Option<Extent>, Outage> {
        let text = "select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
                    from pg_class c where to_regclass($1) is not null
                      and (c.oid = to_regclass($1) or c.oid in (select inhrelid from pg_inherits where inhparent = to_regclass($1)))
                    having count(*) > 0";
        let row: Option<(i64, i64)> = sqlx::query_as(AssertSqlSafe(text)).bind(table).fetch_optional(&self.pool).await?;
        Ok(row.map(|(rows, bytes)| Extent { rows, bytes }))
    }
}
