//! One durable PostgreSQL for all: a database each for the server, the floor and the peer.

use guichet::dev::postgres::{DevPostgres, Durability, SUPERUSER, ensure_installed};
use sqlx::{Connection, PgConnection};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::harness::sql::execute;

pub struct Postgres {
    pub sql: PgConnection,
    server: DevPostgres,
    dir: PathBuf,
}

impl Postgres {
    pub async fn start(folder: &Path) -> Self {
        ensure_installed().unwrap();
        let dir = folder.join("postgres");
        let server = DevPostgres::start(&dir, Durability::Durable).unwrap();
        let sql = PgConnection::connect_with(&server.options("postgres")).await.unwrap();
        let mut postgres = Self { sql, server, dir };
        // checkpoints come between the rounds or not at all, not to whose turn it happens to be
        postgres.set(&[("max_wal_size", "'16GB'"), ("checkpoint_timeout", "'1h'"), ("log_line_prefix", "'%a|'")]).await;
        postgres
    }

    /// A new database, and a connection to it.
    pub async fn database(&mut self, name: &str) -> PgConnection {
        execute(&mut self.sql, format!("create database {name}")).await;
        PgConnection::connect_with(&self.server.options(name)).await.unwrap()
    }

    pub fn server(&self) -> &DevPostgres {
        &self.server
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@localhost/{database}?host={}", self.server.socket().display())
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// Changes settings of the server, and of every session that there is.
    pub async fn set(&mut self, changes: &[(&str, &str)]) {
        for (name, value) in changes {
            execute(&mut self.sql, format!("alter system set {name} = {value}")).await;
        }
        execute(&mut self.sql, "select pg_reload_conf()".to_owned()).await;
        tokio::time::sleep(Duration::from_millis(300)).await; // each session learns of it by itself
    }

    /// Has PostgreSQL write down every statement, or no longer.
    pub async fn log_statements(&mut self, on: bool) {
        self.set(&[("log_statement", if on { "'all'" } else { "default" })]).await;
    }
}
