//! `guichet migrate`: the database's schema, brought up while servers go on.

use super::{ConfigFile, Failure, StartError, connect, runtime};
use crate::{
    clock::{Clock, System},
    config::Settings,
    oauth::partition::Partition,
    storage::{Db, Extent, MigrationFailure, Patience, Plan, PlannedMigration, PlannedStatement, SchemaState},
};
use clap::{Args, Subcommand};
use std::{process::ExitCode, time::Duration};

/// Of a statement, in the plan.
const SHOWN: usize = 100;

#[derive(Subcommand)]
pub enum Migrate {
    /// Apply the migrations that are missing; servers of this release and the one before go on meanwhile
    Up {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        patience: PatienceArgs,
    },
    /// Say which version the database has and which this program needs
    Status {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Say what `up` would do: each statement, what it locks, on how large a table, who waits meanwhile
    Plan {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Args)]
pub struct PatienceArgs {
    /// Wait so long for a lock: whoever comes after a migration that waits, waits behind it
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    lock_timeout: u64,
    /// End a statement that takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    statement_timeout: u64,
    /// Ask so often for a lock that others hold, a second between
    #[arg(long, value_name = "TIMES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    attempts: u32,
}

impl PatienceArgs {
    const fn patience(&self) -> Patience {
        Patience {
            lock: Duration::from_secs(self.lock_timeout),
            statement: Duration::from_secs(self.statement_timeout),
            attempts: self.attempts,
            pause: Duration::from_secs(1),
        }
    }
}

pub fn run(step: Migrate) -> Result<ExitCode, Failure> {
    let done = Ok(ExitCode::SUCCESS);
    match step {
        Migrate::Up { config, patience } => runtime()?.block_on(up(&config.settings()?, patience.patience())).and(done),
        Migrate::Status { config } => runtime()?.block_on(status(&config.settings()?)).and(done),
        Migrate::Plan { config } => runtime()?.block_on(plan(&config.settings()?)).and(done),
    }
}

async fn up(settings: &Settings, patience: Patience) -> Result<(), Failure> {
    let db = connect(settings)?;
    match db.schema_state().await? {
        ahead @ SchemaState::Ahead { .. } => say!("nothing to do: {ahead}"),
        newer @ SchemaState::Newer { .. } => return Err(StartError::Schema(newer).into()),
        SchemaState::Current { .. } | SchemaState::Older { .. } => {
            let busy =
                |attempt| eprintln!("guichet: somebody holds what the migration needs ({attempt} of {} attempts)", patience.attempts);
            db.migrate(patience, busy).await.map_err(|failure: MigrationFailure| Failure(5, failure.to_string()))?;
            say!("the schema is up to date");
        }
    }
    Ok(())
}

async fn status(settings: &Settings) -> Result<(), Failure> {
    let db = connect(settings)?;
    let state = db.schema_state().await?;
    if let Some(fault) = state.fault() {
        return Err(StartError::Schema(fault).into());
    }
    say!("{state}");
    token_tables(settings, &db).await
}

async fn plan(settings: &Settings) -> Result<(), Failure> {
    let db = connect(settings)?;
    if let SchemaState::Newer { .. } = db.schema_state().await? {
        return Err(StartError::Schema(db.schema_state().await?).into());
    }
    let Plan(migrations) = db.migration_plan().await?;
    if migrations.is_empty() {
        say!("nothing to do");
    }
    migrations.iter().for_each(show);
    Ok(())
}

fn show(migration: &PlannedMigration) {
    let how = if migration.in_transaction { "one transaction" } else { "no transaction" };
    say!("{:04}_{}: {} statements, {how}", migration.version, migration.name, migration.statements.len());
    migration.statements.iter().for_each(show_statement);
    if migration.in_transaction {
        let waits: Vec<_> = migration.strongest().into_iter().filter(|(_, mode)| mode.stops_writers()).collect();
        match waits.is_empty() {
            true => say!("    nobody waits"),
            false => {
                let waits = waits.iter().map(|(table, mode)| format!("{table} ({})", mode.keeps_out()));
                say!("    until its end: {}", waits.collect::<Vec<_>>().join(", "));
            }
        }
    }
}

fn show_statement(statement: &PlannedStatement) {
    let text: String = statement.text.chars().take(SHOWN).collect();
    let more = if text.len() < statement.text.len() { " .." } else { "" };
    say!("    {text}{more}");
    match &statement.locks {
        None => say!("        what it locks cannot be told from its text: try it on a copy"),
        Some(locks) => {
            for (table, mode, work, extent) in locks {
                say!("        {} on {table} ({}), {work}: {}", mode.name(), extent_of(*extent), mode.keeps_out());
            }
        }
    }
    if statement.contracts {
        say!("        takes away what the release before may need: stop that one first");
    }
}

fn extent_of(extent: Extent) -> String {
    format!("about {} rows, {} MB", extent.rows, extent.bytes.div_euclid(1_000_000))
}

/// A server makes what is missing; until one has run, all of them are.
async fn token_tables(settings: &Settings, db: &Db) -> Result<(), Failure> {
    let (tables, strays) = (db.token_tables().await?, db.count_tokens_in_default().await?);
    for (kind, is_week) in [("days", false), ("weeks", true)] {
        let of_kind = || tables.iter().filter(|table| table.is_week() == is_week);
        let until = of_kind().next_back().map_or_else(String::new, |table| format!(", the last until {}", table.ends_at().date()));
        say!("tables of tokens by {kind}: {}{until}", of_kind().count());
    }
    let missing: Vec<_> = Partition::needed(&settings.brands, System::new().now()).difference(&tables).map(|table| table.table()).collect();
    if !missing.is_empty() {
        say!("missing, to be made by the next server that runs: {}", missing.join(" "));
    }
    if strays > 0 {
        say!("tokens in tokens_default: {strays}; see \"Tables of tokens\" in docs/database.md");
    }
    Ok(())
}
