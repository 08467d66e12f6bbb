//! The only SQL. One function a question; every lookup has its index; an outage never looks like "not found".

mod acts;
mod administration;
mod assertions;
mod audit;
mod audit_chain;
mod audit_months;
mod certificates;
mod clients;
mod doctor;
mod events;
mod figures;
mod forgetting;
mod grants;
mod interactions;
mod introspection;
mod journeys;
mod merges;
mod migrations;
mod organisations;
mod partitions;
mod payments;
mod permissions;
mod pool;
mod practices;
mod psu;
mod pushed;
mod revocation;
mod rotation;
mod sandbox;
mod session;
mod signing_keys;
mod standing;
mod sweeps;
mod tokens;
mod trusted_lists;
mod versions;
mod vitals;

pub use administration::{ClientQuery, ClientsFound, GrantCount, GrantQuery, KnownClient};
pub use audit_chain::{ExportQuery, Exported};
pub use certificates::{EndingCertificate, EndingCursor, Sighting};
pub use clients::RegistrationRetry;
pub use doctor::{IdleSlot, RoleFacts, ServerFacts};
pub use grants::NewGrant;
pub use interactions::{Beginning, NewInteraction};
pub use journeys::{JourneyQuery, JourneysFound};
pub use merges::RunningMerge;
pub use migrations::{
    Extent, LockMode, MIGRATOR, MigrationFailure, Patience, Plan, PlannedMigration, PlannedStatement, SchemaState, Statement, Work,
    statements,
};
pub use partitions::{TableChange, TokenStatement};
pub use permissions::PermissionQuery;
pub use revocation::{StatusChange, StoredStatus};
pub use sandbox::{CustomerRecord, NewCustomer, StoredCustomer};
pub use standing::NamedEntry;
pub use sweeps::LiveGrant;
pub use tokens::{CodeTerms, GivenBack, Issued, NewToken, RefreshTerms, Stored};
pub use trusted_lists::ListImport;
pub use versions::{Subject, Versions};
pub use vitals::Vitals;

use crate::telemetry::request;
use partitions::Tables;
use pool::{Lease, Pool};
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{future::Future, time::Duration};
use tokio::time::Instant;

/// The database did not answer, or not in time. 503 with Retry-After, never a refusal.
#[derive(Debug)]
pub struct Outage(Box<sqlx::Error>);

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "database: {}", self.0)
    }
}

impl std::error::Error for Outage {}

impl From<sqlx::Error> for Outage {
    fn from(error: sqlx::Error) -> Self {
        Self(Box::new(error))
    }
}

impl Outage {
    /// Others changed what this request needs, again and again: it may well succeed in a moment.
    pub fn contended(what: &'static str) -> Self {
        sqlx::Error::Protocol(what.into()).into()
    }

    /// The bank's key signed when the request was taken, and nothing signs its answer now.
    pub fn unsigned() -> Self {
        sqlx::Error::Protocol("nothing signs the answer that the client asked for".into()).into()
    }

    /// A stored value that no longer reads: somebody changed the row by hand.
    fn unreadable(column: &'static str) -> Self {
        sqlx::Error::Decode(format!("{column} does not read").into()).into()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    pub max_connections: u32,
    /// How long a request waits for a connection before it is answered 503.
    pub acquire_timeout: Duration,
    /// PostgreSQL ends a statement that runs longer.
    pub statement_timeout: Duration,
    /// Idle connections are given back after this.
    pub idle_timeout: Duration,
}

/// Of the connections that requests share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    pub used: u32,
    pub idle: u32,
    /// That there may be.
    pub most: u32,
    /// Requests that wait for one.
    pub waiting: u32,
}

#[derive(Clone)]
pub struct Db {
    pool: Pool,
    /// Connections that no request waits for: one for what others changed, one for probes.
    watch: Pool,
    tables: Tables,
}

/// Prepared statements that a connection keeps: all there are, those about tokens for each of their tables.
const STATEMENTS: usize = 512;

/// A transaction with a name: the label of its time in the metrics.
pub struct Tx {
    inner: Lease,
    /// After the transaction, however it ends.
    _stopwatch: Stopwatch,
}

/// Measures until it is dropped.
struct Stopwatch {
    name: &'static str,
    began: Instant,
}

impl Db {
    /// Another way to the database of a pool, for tools and tests: with the settings of its user.
    pub fn new(pool: PgPool) -> Self {
        let (max_connections, second) = (pool.options().get_max_connections(), Duration::from_secs(1));
        let settings =
            PoolSettings { max_connections, acquire_timeout: 30 * second, statement_timeout: 60 * second, idle_timeout: 600 * second };
        Self::with(pool.connect_options().as_ref().clone(), settings, String::new())
    }

    /// Connects lazily where the database is away: `serve` answers 503 until it is back.
    pub fn connect(options: PgConnectOptions, settings: &PoolSettings) -> Self {
        let statement = settings.statement_timeout.as_millis();
        // said in each session: a pooler between would not take them at the start
        let opening = [
            ("statement_timeout", statement.to_string()),
            ("lock_timeout", statement.to_string()),
            ("idle_in_transaction_session_timeout", (statement * 2).to_string()),
            ("timezone", "'UTC'".to_owned()),
            // each statement is planned once a connection, for whatever it is asked with
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            // a table that is small when that happens may be large soon after
            ("enable_seqscan", "off".to_owned()),
            ("jit", "off".to_owned()),
        ];
        let opening = opening.iter().map(|(name, value)| format!("set {name} = {value}; ")).collect();
        // of no use since PostgreSQL 12, and what a pooler refuses
        let options = options.application_name("guichet").extra_float_digits(None);
        Self::with(options.statement_cache_capacity(STATEMENTS), *settings, opening)
    }

    fn with(options: PgConnectOptions, settings: PoolSettings, opening: String) -> Self {
        let watch = Pool::new(options.clone(), PoolSettings { max_connections: 2, ..settings }, opening.clone());
        Self { pool: Pool::new(options, settings, opening), watch, tables: Tables::default() }
    }

    pub async fn begin(&self, name: &'static str) -> Result<Tx, Outage> {
        let stopwatch = Stopwatch::start(name);
        let mut inner = self.pool.take().await?;
        inner.begin().await?;
        Ok(Tx { inner, _stopwatch: stopwatch })
    }

    pub async fn ping(&self) -> Result<(), Outage> {
        timed("ping", sqlx::query("select 1").execute(&self.pool)).await?;
        Ok(())
    }

    pub fn pool_state(&self) -> PoolState {
        self.pool.state()
    }

    pub async fn close(&self) {
        self.watch.close().await;
        self.pool.close().await;
    }
}

impl Tx {
    pub async fn commit(mut self) -> Result<(), Outage> {
        self.inner.commit().await?;
        Ok(())
    }
}

/// Measures a statement that is its own transaction.
async fn timed<T, E>(name: &'static str, statement: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let _stopwatch = Stopwatch::start(name);
    statement.await
}

impl Stopwatch {
    fn start(name: &'static str) -> Self {
        Self { name, began: Instant::now() }
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let time = self.began.elapsed();
        metrics::histogram!("guichet_database_seconds", "statement" => self.name).record(time.as_secs_f64());
        request::note(|facts| facts.waited_for_database(time));
    }
}
