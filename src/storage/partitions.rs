//! The tables that tokens live in, and the statements that name one.

use super::{Db, Outage, tokens};
use crate::oauth::partition::Partition;
use sqlx::AssertSqlSafe;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

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
}

impl Db {
    /// Makes the table. `false`: it is there already.
    pub async fn add_partition(&self, partition: Partition) -> Result<bool, Outage> {
        let added = sqlx::query_scalar!(r#"select add_tokens_partition($1) as "added!""#, i32::from(partition.number()));
        Ok(added.fetch_one(&self.pool).await?)
    }

    /// Drops the table with all that is in it. `false`: it is gone already.
    pub async fn drop_partition(&self, partition: Partition) -> Result<bool, Outage> {
        let dropped = sqlx::query_scalar!(r#"select drop_tokens_partition($1) as "dropped!""#, i32::from(partition.number()));
        Ok(dropped.fetch_one(&self.pool).await?)
    }
}
