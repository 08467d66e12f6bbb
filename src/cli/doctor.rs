//! `guichet doctor`: says what is wrong with an installation, and what to do.

use super::{ConfigFile, Failure, connect, operator, runtime};
use crate::{
    clock::System,
    config::{self, Environment},
    doctor::{self, Asked, Check, Finding, Gravity, Told},
};
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

/// Something was found.
const FOUND: u8 = 11;

#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    config: ConfigFile,
    /// Look from outside, too, as a client: at all hosts of the brands, or at these (https://host[:port])
    #[arg(long, value_name = "URL", num_args = 0..)]
    from_outside: Option<Vec<String>>,
    /// From outside only: this machine need not reach files or database
    #[arg(long, requires = "from_outside")]
    only_outside: bool,
    /// Connect there whatever the hosts' names say: a balancer, or a server behind it
    #[arg(long, value_name = "HOST:PORT", requires = "from_outside")]
    connect: Option<String>,
    /// Ask this resolver whether the hosts' names are signed (DNSSEC), instead of the system's
    #[arg(long, value_name = "HOST:PORT", requires = "from_outside")]
    resolver: Option<String>,
    /// PEM: whom clients believe; default: the system's authorities
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How many processes serve with these settings
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replicas: u32,
    /// The same as JSON
    #[arg(long)]
    json: bool,
}

/// 11 where something was found that is more than a remark.
pub fn run(asked: Doctor) -> Result<ExitCode, Failure> {
    let found = match config::load(&asked.config.path, &Environment::of_process()) {
        Ok(settings) => runtime()?.block_on(look(&settings, &asked))?,
        Err(mistakes) => mistakes.iter().map(|mistake| Finding::new(Check::Settings, &mistake.file, mistake.to_string())).collect(),
    };
    if asked.json {
        operator::json(&found.iter().map(Told::from).collect::<Vec<_>>())?;
    } else {
        print(&found);
    }
    let all_well = found.iter().all(|finding| finding.check.gravity() == Gravity::Remark);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

async fn look(settings: &config::Settings, asked: &Doctor) -> Result<Vec<Finding>, Failure> {
    let how =
        Asked { replicas: asked.replicas, authorities: asked.ca.clone(), connect: asked.connect.clone(), resolver: asked.resolver.clone() };
    let wrong = |why| Failure(2, why);
    let mut found = vec![];
    if !asked.only_outside {
        let db = connect(settings)?;
        found = doctor::inside(settings, &db, &how, &System::new()).await.map_err(wrong)?;
        db.close().await;
    }
    if let Some(origins) = &asked.from_outside {
        found.extend(doctor::outside(settings, origins, &how).await.map_err(wrong)?);
    }
    Ok(found)
}

fn print(found: &[Finding]) {
    for finding in found {
        let check = finding.check;
        say!("{:8}{}  {}: {}", check.gravity().name(), check.code(), operator::plain(&finding.about), operator::plain(&finding.seen));
        say!("        {}", check.meaning());
        say!("        do: {}", check.advice());
    }
    let of = |gravity| found.iter().filter(|finding| finding.check.gravity() == gravity).count();
    let remarks = match of(Gravity::Remark) {
        0 => String::new(),
        some => format!(", {some} remarks"),
    };
    say!("{} faults, {} warnings{remarks}", of(Gravity::Fault), of(Gravity::Warning));
}
