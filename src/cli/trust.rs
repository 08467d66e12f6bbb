//! `guichet trust`: the EU trusted lists are read, verified and accepted here, in a process of its own.

mod desk;
mod diff;
mod fetch;
mod files;
mod publish;
mod show;
mod words;

use super::{ConfigFile, Failure, operator, runtime, settings};
use crate::{
    clock::{Clock, System},
    config::Settings,
    storage::Db,
};
use clap::{Args, Subcommand};
use desk::{Desk, Judged, Voucher};
use std::{path::PathBuf, process::ExitCode};

/// A list was refused, or could not be reached.
const REFUSED: u8 = 7;

#[derive(Subcommand)]
pub(super) enum Trust {
    /// Fetch the list of lists, its pivots and all national lists, and accept what is newer
    Refresh {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        judging: Judging,
    },
    /// Accept lists from files, where the machine has no way out
    Import {
        /// Files (.xml, .xml.gz) or folders of them: list of lists, pivots, national lists, in any order
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        judging: Judging,
        /// Their signatures were verified elsewhere: they are not looked at
        #[arg(long, requires = "by")]
        assume_verified: bool,
        /// Who vouches for that
        #[arg(long, value_name = "NAME", requires = "assume_verified")]
        by: Option<String>,
    },
    /// The accepted lists: numbers, dates, how each was verified
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// Each service, too
        #[arg(long)]
        services: bool,
    },
    /// What files, or the lists of this moment, would change
    Diff {
        /// As for import; without any, the lists are fetched
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Args, Default)]
pub(super) struct Judging {
    /// Accept the list of this territory though it lost most of its services, this once
    #[arg(long, value_name = "TERRITORY")]
    accept_smaller: Vec<String>,
}

pub(super) fn run(step: Trust) -> Result<ExitCode, Failure> {
    runtime()?.block_on(async {
        match step {
            Trust::Refresh { config, judging } => refresh(&settings(&config.path)?, judging).await,
            Trust::Import { paths, config, judging, by, .. } => import(&settings(&config.path)?, &paths, judging, by).await,
            Trust::Show { config, services } => show(&settings(&config.path)?, services).await,
            Trust::Diff { paths, config } => diff(&settings(&config.path)?, &paths).await,
        }
    })
}

async fn refresh(settings: &Settings, judging: Judging) -> Result<ExitCode, Failure> {
    let db = operator::connect(settings).await?;
    let mut desk = Desk::open(settings, &db, System::new().now(), judging.accept_smaller, Voucher::Signatures).await?;
    let judged = fetch::all(settings, &mut desk).await?;
    publish(&db, &desk, judged).await
}

async fn import(settings: &Settings, paths: &[PathBuf], judging: Judging, by: Option<String>) -> Result<ExitCode, Failure> {
    let db = operator::connect(settings).await?;
    let voucher = by.map_or(Voucher::Signatures, Voucher::Operator);
    let mut desk = Desk::open(settings, &db, System::new().now(), judging.accept_smaller, voucher).await?;
    let judged = files::all(paths, &mut desk)?;
    publish(&db, &desk, judged).await
}

async fn publish(db: &Db, desk: &Desk, judged: Vec<Judged>) -> Result<ExitCode, Failure> {
    say_notes(desk);
    for line in judged.iter().filter(|one| !one.is_refused()) {
        say!("{}", words::line(line, desk));
    }
    for list in desk.dropped() {
        say!("{} {} dropped: its territory is excluded by the configuration", list.territory, list.sequence);
    }
    let refused = judged.iter().any(Judged::is_refused);
    for line in judged.iter().filter(|one| one.is_refused()) {
        eprintln!("guichet: {}", words::line(line, desk));
    }
    publish::publish(db, desk, judged).await?;
    Ok(ExitCode::from(if refused { REFUSED } else { 0 }))
}

fn say_notes(desk: &Desk) {
    desk.origin.iter().for_each(|line| say!("{line}"));
    desk.warnings.iter().for_each(|line| eprintln!("guichet: WARNING: {line}"));
}

async fn show(settings: &Settings, services: bool) -> Result<ExitCode, Failure> {
    let snapshot = operator::connect(settings).await?.accepted_snapshot().await?;
    show::print(snapshot.as_ref(), &settings.trust.stale, services, System::new().now());
    Ok(ExitCode::SUCCESS)
}

async fn diff(settings: &Settings, paths: &[PathBuf]) -> Result<ExitCode, Failure> {
    let db = operator::connect(settings).await?;
    let mut desk = Desk::open(settings, &db, System::new().now(), Vec::new(), Voucher::Signatures).await?;
    let judged = if paths.is_empty() { fetch::all(settings, &mut desk).await? } else { files::all(paths, &mut desk)? };
    say_notes(&desk);
    diff::print(&judged, &desk);
    Ok(ExitCode::from(if judged.iter().any(Judged::is_refused) { REFUSED } else { 0 }))
}
