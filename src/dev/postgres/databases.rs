//! A database of its own for each test, copied from a template that is made once.

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{error, fmt};

/// Why there is no fresh database.
#[derive(Debug)]
pub enum FreshDatabaseError<E> {
    Database(sqlx::Error),
    /// What `prepare` answered.
    Prepare(E),
    /// Not a plain name: lower-case letters, digits and underscores, a letter first, 50 at most.
    TemplateName(String),
}

impl<E: fmt::Display> fmt::Display for FreshDatabaseError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "fresh database: {error}"),
            Self::Prepare(error) => write!(f, "preparing the template database: {error}"),
            Self::TemplateName(name) => write!(f, "not a name for a template database: {name}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> error::Error for FreshDatabaseError<E> {}

impl<E> From<sqlx::Error> for FreshDatabaseError<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Creates a database nobody else uses and returns how to reach it.
///
/// `template` is filled by `prepare` when it does not exist yet; many processes may ask at once, one of them prepares.
/// Whoever changes what `prepare` does changes the name (a digest of the migrations, say).
pub async fn fresh_database<E>(
    options_for: impl Fn(&str) -> PgConnectOptions,
    template: &str,
    prepare: impl AsyncFnOnce(PgPool) -> Result<(), E>,
) -> Result<PgConnectOptions, FreshDatabaseError<E>> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if template.len() > 50 || !template.starts_with(|c: char| c.is_ascii_lowercase()) || !template.chars().all(plain) {
        return Err(FreshDatabaseError::TemplateName(template.into()));
    }
    let mut admin = PgConnection::connect_with(&options_for("postgres")).await?;
    if !exists(&mut admin, template).await? {
        make_template(&mut admin, &options_for, template, prepare).await?;
    }
    let name: String = sqlx::query_scalar("select 't_' || replace(gen_random_uuid()::text, '-', '')").fetch_one(&mut admin).await?;
    execute(&mut admin, format!("create database {name} template {template}")).await?;
    admin.close().await?;
    Ok(options_for(&name))
}

/// Under another name until it is complete, so that one that was cut short is never copied.
async fn make_template<E>(
    admin: &mut PgConnection,
    options_for: &impl Fn(&str) -> PgConnectOptions,
    template: &str,
    prepare: impl AsyncFnOnce(PgPool) -> Result<(), E>,
) -> Result<(), FreshDatabaseError<E>> {
    sqlx::query("select pg_advisory_lock(hashtext($1))").bind(template).execute(&mut *admin).await?;
    if !exists(admin, template).await? {
        let unfinished = format!("{template}_unfinished");
        execute(admin, format!("drop database if exists {unfinished} with (force)")).await?;
        execute(admin, format!("create database {unfinished} template template0")).await?;
        let pool = PgPoolOptions::new().max_connections(4).connect_with(options_for(&unfinished)).await?;
        let prepared = prepare(pool.clone()).await;
        pool.close().await;
        prepared.map_err(FreshDatabaseError::Prepare)?; // the session ends with `admin`, and the lock with it
        execute(admin, format!("alter database {unfinished} rename to {template}")).await?;
    }
    sqlx::query("select pg_advisory_unlock(hashtext($1))").bind(template).execute(&mut *admin).await?;
    Ok(())
}

async fn exists(admin: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)").bind(name).fetch_one(admin).await
}

async fn execute(admin: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(statement)).execute(admin).await.map(drop)
}
