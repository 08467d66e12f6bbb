//! Arguments, verbs and exit codes.

#[macro_use]
mod say;

mod act;
mod audit;
mod block;
mod client;
mod configuration;
mod conformance;
mod contract;
mod doctor;
mod figures;
mod grant;
mod health;
mod inspect;
mod interaction;
mod key;
mod migrate;
mod operator;
mod psu;
mod register;
mod table;
mod tpp;
mod trust;

use crate::{
    clock::System,
    config::{self, Environment, Settings},
    dev,
    server::{self, Server, Signals, Sockets, Source, StartError, Supervisor, Surroundings},
    storage::Db,
    tasks::load,
    telemetry,
};
use clap::{Args, Parser, Subcommand};
use secrecy::ExposeSecret;
use sqlx::postgres::PgConnectOptions;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or stopped as asked
  1  something unexpected
  2  wrong arguments
  3  mistakes in the configuration or in a file it names
  4  the database's schema is older or newer than this program
  5  the database is away, or an address is taken
  6  the certificate that was inspected is refused
  7  what was asked for is refused and nothing changed: a trusted list, a merge, an approval
  8  the SCA back end that was checked breaks the contract
  9  the audit trail is not what was sealed
  10  nothing is done yet: a second person has to approve it
  11  the doctor found something
  12  the two configurations that were compared differ";

/// OAuth 2.0 authorization server for PSD2 interfaces: mutual TLS, QWAC, registration, SCA, tokens.
#[derive(Parser)]
#[command(name = "guichet", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Try everything on this machine: a database, certificates, both shipped banks and scripted customers, made as needed
    Dev(dev::run::DevArgs),
    /// Act as a TPP against a running server and print the exchange, secrets masked
    Try(Box<crate::trial::TryArgs>),
    /// Serve with your own configuration
    Serve {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// List every mistake in a configuration: file, line, nearest valid key
    CheckConfig { file: PathBuf },
    /// Show the settings with their origins, explain a key, compare two configurations
    Config {
        #[command(subcommand)]
        step: configuration::ConfigStep,
    },
    /// The database's schema: compare it with this program's, say what bringing it up would lock, bring it up
    Migrate {
        #[command(subcommand)]
        step: migrate::Migrate,
    },
    /// Write the OpenAPI documents
    Openapi {
        /// Folder to write into
        #[arg(long, default_value = "openapi")]
        dir: PathBuf,
    },
    /// Look into a certificate
    Cert {
        #[command(subcommand)]
        step: Cert,
    },
    /// The EU trusted lists: fetch, import, look at and compare them
    Trust {
        #[command(subcommand)]
        step: trust::Trust,
    },
    /// Third-party providers: their clients, their certificates and when these end; merge two
    Tpp {
        #[command(subcommand)]
        step: Box<tpp::Tpp>,
    },
    /// Registered clients: look at them, shut one out, have its customers authenticated anew
    Client {
        #[command(subcommand)]
        step: Box<client::ClientStep>,
    },
    /// What customers allowed: find, look at, revoke
    Grant {
        #[command(subcommand)]
        step: Box<grant::GrantStep>,
    },
    /// Customers' journeys: where they stand or stopped
    Interaction {
        #[command(subcommand)]
        step: interaction::InteractionStep,
    },
    /// The bank's signing keys
    Key {
        #[command(subcommand)]
        step: key::KeyStep,
    },
    /// Four eyes: acts that wait for a second person
    Act {
        #[command(subcommand)]
        step: act::ActStep,
    },
    /// The kill switch: shut out an organisation, a certificate, an issuer or a role, and let it in again
    Block {
        #[command(subcommand)]
        step: block::BlockStep,
    },
    /// The national register of payment institutions
    Register {
        #[command(subcommand)]
        step: register::RegisterStep,
    },
    /// The audit trail: prove that it is what was sealed, export it, tell its heads
    Audit {
        #[command(subcommand)]
        step: audit::AuditStep,
    },
    /// A customer in the bank's evidence: forget him, find his events, learn of whom one is
    Psu {
        #[command(subcommand)]
        step: psu::PsuStep,
    },
    /// The regulator's figures: availability, performance and errors, by quarter (RTS art. 32, EBA/GL/2018/07)
    Figures {
        #[command(subcommand)]
        step: Box<figures::FiguresStep>,
    },
    /// Check a bank's own SCA back end against the driver's contract
    ContractCheck(Box<contract::ContractCheck>),
    /// Say what is wrong with an installation, from inside and outside, and what to do about it
    Doctor(doctor::Doctor),
    /// Ask the running server of these settings how it is: exit code 0 when it is well
    Health(health::Health),
    /// The tests' database server: runs until nobody uses it
    #[command(hide = true)]
    DevPostgres { dir: PathBuf },
}

#[derive(Args)]
struct ConfigFile {
    /// TOML file; the README shows the shortest one
    #[arg(long = "config", value_name = "FILE", env = "GUICHET_CONFIG")]
    path: PathBuf,
}

#[derive(Subcommand)]
enum Cert {
    /// What a certificate says, the chain found, each rule with pass or fail, and what to ask the QTSP for
    Inspect(inspect::Inspect),
}

/// A verb's bad end: what to say, and the exit code.
struct Failure(u8, String);

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::Configuration(_) => 3,
            StartError::Schema(_) => 4,
            StartError::Unavailable(_) => 5,
        };
        Self(code, error.to_string())
    }
}

impl Failure {
    fn unexpected(why: impl ToString) -> Self {
        Self(1, why.to_string())
    }
}

pub fn run(cli: Cli) -> ExitCode {
    match act(cli.verb) {
        Ok(code) => code,
        Err(Failure(code, why)) => {
            eprintln!("guichet: {why}");
            ExitCode::from(code)
        }
    }
}

fn act(verb: Verb) -> Result<ExitCode, Failure> {
    let done = Ok(ExitCode::SUCCESS);
    match verb {
        Verb::Dev(args) => runtime()?.block_on(dev::run::run(&args)).map_err(Failure::from).and(done),
        Verb::Try(args) => {
            let dir = dev::postgres::state_dir();
            runtime()?.block_on(crate::trial::run(&args, &dir, &mut std::io::stdout())).map_err(Failure::unexpected).and(done)
        }
        Verb::Serve { config } => {
            let source = Source::file(&config.path);
            let settings = source.read().map_err(|mistakes| Failure(3, mistakes.to_string()))?;
            let database = database(&settings)?;
            runtime()?.block_on(serve(settings, database, source)).and(done)
        }
        Verb::CheckConfig { file } => {
            configuration::tell_ignored(&settings(&file)?.effective);
            say!("{}: no mistakes", file.display());
            done
        }
        Verb::Config { step } => configuration::run(&step),
        Verb::Migrate { step } => migrate::run(step),
        Verb::Openapi { dir } => openapi(&dir).and(done),
        Verb::Cert { step: Cert::Inspect(asked) } => inspect::inspect(&asked),
        Verb::Trust { step } => trust::run(step),
        Verb::Block { step } => block::act(step),
        Verb::Register { step } => register::act(step),
        Verb::Tpp { step } => runtime()?.block_on(tpp::run(*step)),
        Verb::Client { step } => runtime()?.block_on(client::run(*step)),
        Verb::Grant { step } => runtime()?.block_on(grant::run(*step)),
        Verb::Interaction { step } => runtime()?.block_on(interaction::run(step)),
        Verb::Key { step } => runtime()?.block_on(key::run(step)),
        Verb::Act { step } => runtime()?.block_on(act::run(step)),
        Verb::Audit { step } => audit::act(step),
        Verb::Psu { step } => psu::act(step),
        Verb::Figures { step } => figures::act(*step),
        Verb::ContractCheck(args) => runtime()?.block_on(contract::run(*args)),
        Verb::Doctor(asked) => doctor::run(asked),
        Verb::Health(asked) => health::run(&asked),
        Verb::DevPostgres { dir } => dev::postgres::supervise(&dir).map_err(Failure::unexpected).and(done),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(Failure::unexpected)
}

fn settings(file: &Path) -> Result<Settings, Failure> {
    config::load(file, &Environment::of_process()).map_err(|mistakes| Failure(3, mistakes.to_string()))
}

fn database(settings: &Settings) -> Result<PgConnectOptions, Failure> {
    // the parser's message may repeat the URL, which may hold a password
    settings.database.url.expose_secret().parse().map_err(|_| Failure(3, "the database URL cannot be read".into()))
}

async fn serve(settings: Settings, database: PgConnectOptions, source: Source) -> Result<(), Failure> {
    telemetry::start_log(&settings.log);
    for path in settings.effective.ignored() {
        tracing::warn!(file = %path.display(), "ignored: only files whose names end in .toml are read");
    }
    #[cfg(feature = "otel")]
    telemetry::spans::start(&settings.tracing, tokio::runtime::Handle::current()).map_err(Failure::unexpected)?;
    let metrics = telemetry::start_metrics().map_err(Failure::unexpected)?;
    if let Err(error) = server::raise_descriptor_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let signals = Signals::listen().map_err(Failure::unexpected)?;
    let sockets = Sockets::bind(&settings).await?;
    let system = Arc::new(System::new());
    let supervisor = Supervisor::of_process(&|name| std::env::var_os(name));
    let around = Surroundings { database, clock: system.clone(), entropy: system, sockets, metrics, source, supervisor };
    let server = Server::start(settings, around).await?;
    tracing::info!("ready");
    server.until_told(signals).await;
    Ok(())
}

fn connect(settings: &Settings) -> Result<Db, Failure> {
    Ok(Db::connect(database(settings)?, &server::pool_settings(settings)))
}

fn openapi(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(Failure::unexpected)?;
    for (name, text) in crate::http::documents(&config::example_brands()) {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| Failure::unexpected(format!("{}: {error}", path.display())))?;
        say!("{}", path.display());
    }
    Ok(())
}
