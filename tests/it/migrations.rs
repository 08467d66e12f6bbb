//! The schema is brought up while servers go on: what a migration locks is told before, and is true; what it cannot have it does not
//! wait for at everybody's cost; a release goes on with what the next one left.

use crate::harness::{
    Bank, BankOptions,
    bank::{database, empty_database},
    command::printed,
};
use guichet::storage::{Db, LockMode, MIGRATOR, MigrationFailure, Patience, SchemaState, Statement, statements};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row, postgres::PgConnectOptions};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The release from which on releases follow one another without a pause.
const FIRST: i64 = 23;

type Locks = BTreeMap<String, LockMode>;

/// What this connection holds on tables that were there before it began, where others would wait.
async fn held(connection: &mut PgConnection, before: &[String]) -> Locks {
    let rows = sqlx::query(
        "select c.relname::text, l.mode from pg_locks l join pg_class c on c.oid = l.relation
         where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relkind in ('r', 'p') and c.relname = any($1)",
    );
    let mut strongest = Locks::new();
    for row in rows.bind(before).fetch_all(connection).await.unwrap() {
        let (table, mode): (String, String) = (row.get(0), row.get(1));
        let mode = LockMode::ALL.into_iter().find(|known| known.name() == mode).unwrap();
        if mode.stops_writers() {
            let known = strongest.entry(table).or_insert(mode);
            *known = mode.max(*known);
        }
    }
    strongest
}

/// What the plan says, likewise.
fn told(statements: &[Statement], before: &[String]) -> Locks {
    let mut strongest = Locks::new();
    for (table, (mode, _)) in statements.iter().filter_map(|s| s.locks.as_ref()).flatten() {
        if mode.stops_writers() && before.contains(table) {
            let known = strongest.entry(table.clone()).or_insert(*mode);
            *known = (*mode).max(*known);
        }
    }
    strongest
}

#[tokio::test]
async fn a_migration_locks_what_its_plan_says() {
    let mut connection = PgConnection::connect_with(&empty_database().await).await.unwrap();
    let mut compared = 0;
    for migration in MIGRATOR.iter() {
        let before: Vec<String> =
            sqlx::query_scalar("select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let mut tx = connection.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(migration.sql.as_str().to_owned())).execute(&mut *tx).await.unwrap();
        let held = held(&mut tx, &before).await;
        tx.commit().await.unwrap();
        let statements = statements(migration.sql.as_str());
        // a block of code is not read: whoever plans is told to try it on a copy
        if statements.iter().all(|statement| statement.locks.is_some()) {
            assert_eq!(told(&statements, &before), held, "migration {}: told, held", migration.version);
            compared += held.len();
        }
    }
    assert!(compared >= 8, "only {compared} locks were compared");
}

/// What takes away raises `oldest`, or says in the migration why nobody misses it.
#[test]
fn a_migration_leaves_the_release_before_what_it_needs() {
    let newer: Vec<_> = MIGRATOR.iter().filter(|migration| migration.version >= FIRST).collect();
    assert!(!newer.is_empty());
    for migration in newer {
        let sql = migration.sql.as_str();
        let contracts: Vec<_> = statements(sql).into_iter().filter(|s| s.contracts).map(|s| s.text).collect();
        let excused = sql.contains("update schema_compatibility set oldest") || sql.contains("-- the release before goes on:");
        assert!(contracts.is_empty() || excused, "migration {}: {contracts:?}", migration.version);
    }
}

fn hasty() -> Patience {
    Patience { lock: Duration::from_millis(100), attempts: 3, pause: Duration::from_millis(10), ..Patience::default() }
}

async fn execute(database: &PgConnectOptions, sql: &'static str) {
    PgConnection::connect_with(database).await.unwrap().execute_all(sql).await;
}

trait ExecuteAll {
    async fn execute_all(&mut self, sql: &'static str);
}

impl ExecuteAll for PgConnection {
    async fn execute_all(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self).await.unwrap();
    }
}

/// As it was before the migration that made this table.
const UNDONE: &str = "drop table schema_compatibility; delete from _sqlx_migrations where version = 28";

#[tokio::test]
async fn a_lock_that_others_hold_is_not_waited_for_at_everybodys_cost() {
    let options = database().await;
    execute(&options, UNDONE).await;
    let db = Db::new(PgPool::connect_with(options.clone()).await.unwrap());
    let mut other = PgConnection::connect_with(&options).await.unwrap();
    other.execute_all("begin; lock table _sqlx_migrations in access exclusive mode").await;
    let began = Instant::now();
    let failure = db.migrate(hasty(), |_| {}).await.unwrap_err();
    assert!(matches!(failure, MigrationFailure::Busy(_)), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(10), "it gave up");
    other.execute_all("rollback").await;
    let SchemaState::Older { .. } = db.schema_state().await.unwrap() else { panic!("it was not migrated") };
    // held for a moment only: tried again
    other.execute_all("begin; lock table _sqlx_migrations in access exclusive mode").await;
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.execute_all("rollback").await;
    };
    let (migrated, ()) = tokio::join!(db.migrate(Patience { attempts: 100, ..hasty() }, |_| {}), release);
    migrated.unwrap();
    assert!(matches!(db.schema_state().await.unwrap(), SchemaState::Current { .. }));
}

#[tokio::test]
async fn two_that_migrate_at_once_do_it_once() {
    let options = empty_database().await;
    let dbs = [PgPool::connect_with(options.clone()).await.unwrap(), PgPool::connect_with(options).await.unwrap()].map(Db::new);
    let (one, other) = tokio::join!(dbs[0].migrate(Patience::default(), |_| {}), dbs[1].migrate(Patience::default(), |_| {}));
    one.unwrap();
    other.unwrap();
    assert!(matches!(dbs[0].schema_state().await.unwrap(), SchemaState::Current { .. }));
}

/// What the next release might add.
const NEXT: &str = "create table of_the_next_release (a int);
    alter table grants add column of_the_next_release text not null default 'x';
    insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9000, 'next', true, '', 0)";

#[tokio::test]
async fn a_release_starts_on_the_next_ones_schema_unless_that_says_otherwise() {
    let bank = Bank::unserved(BankOptions::default()).await;
    execute(&bank.database, NEXT).await;
    let own = MIGRATOR.iter().map(|migration| migration.version).max().unwrap();
    let run = |verb: &[&str]| bank.command(verb).output().unwrap();
    let said = printed(&run(&["migrate", "status"]));
    assert!(said.contains(&format!("version 9000, newer than this program's {own}; this program goes on")), "{said}");
    let said = printed(&run(&["migrate", "up"]));
    assert!(said.starts_with("nothing to do"), "{said}");
    assert_eq!(printed(&run(&["migrate", "plan"])), "nothing to do\n");
    let served = crate::harness::Process::serve(&bank).await;
    served.kill_9();
    execute(&bank.database, "update schema_compatibility set oldest = 9000").await;
    for verb in [&["migrate", "status"][..], &["migrate", "up"], &["migrate", "plan"], &["serve"]] {
        let output = run(verb);
        assert_eq!(output.status.code(), Some(4), "{verb:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("run a newer guichet"), "{verb:?}: {said}");
    }
}

#[tokio::test]
async fn a_plan_names_locks_tables_and_sizes() {
    let bank = Bank::unserved(BankOptions::default()).await;
    execute(&bank.database, "drop schema public cascade; create schema public").await;
    let plan = || printed(&bank.command(&["migrate", "plan"]).output().unwrap());
    let said = plan();
    assert!(said.contains("0001_clients: ") && said.contains("nobody waits"), "{said}");
    MIGRATOR.run_to(18, &PgPool::connect_with(bank.database.clone()).await.unwrap()).await.unwrap();
    let said = plan();
    assert!(!said.contains("0018_scripts"), "{said}");
    for line in [
        "AccessExclusiveLock on interactions (about 0 rows, 0 MB), whatever its size: readers and writers wait",
        "takes away what the release before may need: stop that one first",
        "what it locks cannot be told from its text: try it on a copy",
        "    until its end: interactions (readers and writers wait)",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}
