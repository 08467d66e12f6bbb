//! The tables that tokens live in, and the statements that name one.

use super::{Db, Outage, timed, tokens};
use crate::oauth::partition::Partition;
use sqlx::AssertSqlSafe;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use time::OffsetDateTime;

/// What every token statement calls the table it is about.
const PLACEHOLDER: &str = "{tokens}";

/// A statement about the tokens of one table. Prepared once a connection and table, and never through the parent, which costs
/// PostgreSQL four times the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatement {
    IssueClientCredentials,
    RedeemCode,
    Refresh,
    Rotate,
    Introspect,
    IntrospectEach,
    Revoke,
}

impl TokenStatement {
    pub const ALL: [Self; 7] =
        [Self::IssueClientCredentials, Self::RedeemCode, Self::Refresh, Self::Rotate, Self::Introspect, Self::IntrospectEach, Self::Revoke];

    /// With [`PLACEHOLDER`] for the table.
    const fn template(self) -> &'static str {
        match self {
            Self::IssueClientCredentials => tokens::ISSUE_CLIENT_CREDENTIALS,
            Self::RedeemCode => tokens::REDEEM_CODE,
            Self::Refresh => tokens::REFRESH,
            Self::Rotate => tokens::ROTATE,
            Self::Introspect => super::introspection::INTROSPECT,
            Self::IntrospectEach => super::introspection::INTROSPECT_EACH,
            Self::Revoke => tokens::REVOKE,
        }
    }

    /// The statement about this table.
    pub fn text(self, table: &str) -> String {
        self.template().replace(PLACEHOLDER, table)
    }
}

/// The tables that there are, as far as this process has looked, with their statements.
#[derive(Clone, Default)]
pub(super) struct Tables(Arc<RwLock<HashMap<Partition, Statements>>>);

struct Statements([Arc<str>; TokenStatement::ALL.len()]);

impl Statements {
    fn about(table: &str) -> Self {
        Self(TokenStatement::ALL.map(|statement| statement.text(table).into()))
    }
}

impl Tables {
    fn known(&self) -> RwLockReadGuard<'_, HashMap<Partition, Statements>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a table that is not known, through the parent: slower, and true all the same.
    pub(super) fn text(&self, partition: Partition, statement: TokenStatement) -> AssertSqlSafe<Arc<str>> {
        let known = self.known();
        let text = match known.get(&partition) {
            Some(statements) => statements.0[statement as usize].clone(),
            None => statement.text("tokens").into(),
        };
        AssertSqlSafe(text)
    }

    pub(super) fn all(&self) -> BTreeSet<Partition> {
        self.known().keys().copied().collect()
    }

    fn knowing(&self) -> RwLockWriteGuard<'_, HashMap<Partition, Statements>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these are known, and no others.
    fn know(&self, tables: &BTreeSet<Partition>) {
        let mut known = self.knowing();
        known.retain(|partition, _| tables.contains(partition));
        for partition in tables {
            known.entry(*partition).or_insert_with(|| Statements::about(&partition.table()));
        }
    }

    fn forget(&self, partition: Partition) {
        self.knowing().remove(&partition);
    }
}

/// What came of a change of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableChange {
    Done,
    /// Somebody else had done it already.
    Needless,
    /// Somebody holds what it takes; in a moment it may well be free.
    Busy,
    /// Not to be dropped: by the database's clock tokens in it may be alive.
    Alive,
}

impl TableChange {
    pub(super) fn of(changed: Result<bool, sqlx::Error>) -> Result<Self, Outage> {
        match changed {
            Ok(true) => Ok(Self::Done),
            Ok(false) => Ok(Self::Needless),
            Err(error) => match code(&error).as_deref() {
                // lock_not_available
                Some("55P03") => Ok(Self::Busy),
                // object_not_in_prerequisite_state
                Some("55000") => Ok(Self::Alive),
                Some(_) | None => Err(error.into()),
            },
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

impl Outage {
    /// The statement named a table that was dropped meanwhile (undefined_table), or came to the default one while its own
    /// was being made (check_violation).
    fn table_has_changed(&self) -> bool {
        matches!(code(&self.0).as_deref(), Some("42P01" | "23514"))
    }
}

impl Db {
    /// A statement about one table; where that is gone, once more through the parent, as if it had never been known.
    pub(super) async fn about<T, F>(&self, table: Partition, ask: impl Fn() -> F) -> Result<T, Outage>
    where
        F: Future<Output = Result<T, Outage>>,
    {
        match ask().await {
            Err(outage) if outage.table_has_changed() => {
                self.tables.forget(table);
                ask().await
            }
            answer => answer,
        }
    }

    /// Those that there are.
    pub async fn token_tables(&self) -> Result<BTreeSet<Partition>, Outage> {
        let names = sqlx::query_scalar::<_, String>(
            "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'tokens'::regclass",
        );
        let names = timed("token_tables", names.fetch_all(&self.pool)).await?;
        Ok(names.iter().filter_map(|name| Partition::of_table(name)).collect())
    }

    /// From now on statements name these tables, and no others.
    pub fn know_token_tables(&self, tables: &BTreeSet<Partition>) {
        self.tables.know(tables);
    }

    /// Makes all of them, or none.
    pub async fn add_token_tables(&self, tables: &BTreeSet<Partition>) -> Result<TableChange, Outage> {
        let numbers: Vec<_> = tables.iter().map(|partition| i32::from(partition.number())).collect();
        let added = sqlx::query_scalar!(
            r#"select coalesce(bool_or(add_tokens_partition(number)), false) as "added!" from unnest($1::int[]) as wanted (number)"#,
            &numbers,
        );
        TableChange::of(timed("add_token_tables", added.fetch_one(&self.pool)).await)
    }

    /// Drops the table with all that is in it.
    pub async fn drop_token_table(&self, partition: Partition) -> Result<TableChange, Outage> {
        let dropped = sqlx::query_scalar!(r#"select drop_tokens_partition($1) as "dropped!""#, i32::from(partition.number()));
        TableChange::of(timed("drop_token_table", dropped.fetch_one(&self.pool)).await)
    }

    /// Tokens without a table of their own. Of more than 200 it says 200.
    pub async fn count_tokens_in_default(&self) -> Result<i64, Outage> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!"
               from (select id from tokens_default where id > '00000000-0000-0000-0000-000000000000' order by id limit 200) as strays"#,
        );
        Ok(timed("count_tokens_in_default", count.fetch_one(&self.pool)).await?)
    }

    /// Those without a table that were over by then, a few at a time; says how many.
    pub async fn forget_tokens_in_default(&self, by: OffsetDateTime) -> Result<u64, Outage> {
        let [day, week] = Partition::both_of(by).map(Partition::first_id);
        let done = sqlx::query!(
            "delete from tokens_default where id = any (array(
                 (select id from tokens_default where id < $1 order by id limit 100)
                 union all
                 (select id from tokens_default where id >= '80000000-0000-0000-0000-000000000000' and id < $2 order by id limit 100)))",
            day,
            week,
        );
        Ok(timed("forget_tokens_in_default", done.execute(&self.pool)).await?.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    #[test]
    fn a_statement_names_its_table_while_that_is_known() {
        let (tables, now) = (Tables::default(), datetime!(2026-11-28 12:00 UTC));
        let [today, week] = [Duration::HOUR, Duration::days(90)].map(|lifetime| Partition::of(now, lifetime));
        let named = |partition| tables.text(partition, TokenStatement::Introspect).0.contains(&Partition::table(partition));
        assert!(!named(today) && !named(week));
        tables.know(&BTreeSet::from([today, week]));
        assert!(named(today) && named(week));
        tables.know(&BTreeSet::from([today]));
        assert!(named(today) && !named(week));
        tables.forget(today);
        assert!(!named(today));
        for statement in TokenStatement::ALL {
            let text = statement.text("the_table");
            assert!(text.contains("the_table") && !text.contains(['{', '}']), "{text}");
        }
    }
}
