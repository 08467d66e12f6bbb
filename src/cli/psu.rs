//! `guichet psu`: a customer in the bank's evidence. His reference comes from a file or standard input, never from an argument, which
//! every user of the machine can read.

use super::{
    ConfigFile, Failure,
    act::carry_out_of,
    operator::{Author, LONG, choose_brand, connect, runtime, text},
};
use crate::{
    audit::export,
    clock::{Clock, System},
    flows::erasure::{self, Customer, Erased},
    oauth::{grant::PsuReference, permission::is_subject},
};
use clap::{Args, Subcommand};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};
use uuid::Uuid;

/// Bytes of a file with a reference.
const LONGEST: u64 = 4096;

#[derive(Subcommand)]
pub enum PsuStep {
    /// Forget a customer: destroys his key in the audit trail, which stays sound, and takes his reference out of the other tables
    Erase(EraseArgs),
    /// His events in the audit trail, as JSON lines
    Events(Box<WhoArgs>),
    /// Of whom an event is; asking is itself an event
    Reveal {
        #[command(flatten)]
        config: ConfigFile,
        /// Id of an event, as `audit export` has it
        event: Uuid,
        /// Why somebody must know
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
    },
}

#[derive(Args)]
pub struct WhoArgs {
    #[command(flatten)]
    config: ConfigFile,
    #[arg(long, value_name = "ID")]
    brand: String,
    /// Holds the bank's reference of the customer and nothing else; `-` is standard input
    #[arg(long, value_name = "FILE")]
    reference_file: PathBuf,
}

#[derive(Args)]
pub struct EraseArgs {
    #[command(flatten)]
    who: WhoArgs,
    /// End the consents that are alive, too
    #[arg(long)]
    end_consents: bool,
    /// Why, for the audit trail
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    author: Author,
}

pub fn act(step: PsuStep) -> Result<ExitCode, Failure> {
    let (system, runtime) = (System::new(), runtime()?);
    match step {
        PsuStep::Erase(args) => {
            let settings = args.who.config.settings()?;
            let (brand, psu) = (choose_brand(&args.who.brand, &settings)?, reference("--reference-file", &args.who.reference_file)?);
            runtime.block_on(async {
                let db = connect(&settings).await?;
                let customer = Customer::of(&db, &system, psu).await?;
                let act = customer.erasure(&brand, args.end_consents);
                carry_out_of(&customer, &settings, &db, act, &args.reason, &args.author).await
            })
        }
        PsuStep::Events(args) => {
            let settings = args.config.settings()?;
            let (brand, psu) = (choose_brand(&args.brand, &settings)?, reference("--reference-file", &args.reference_file)?);
            runtime.block_on(async {
                let db = connect(&settings).await?;
                let digest = Customer::of(&db, &system, psu).await?.digest(&brand);
                let Some(key) = db.find_psu_key(&brand, &digest).await? else { return Ok(()) };
                let mut after = Uuid::nil();
                loop {
                    let page = db.audit_events_of_customer(key.id, after).await?;
                    let Some(last) = page.last() else { return Ok::<_, Failure>(()) };
                    after = last.id;
                    page.iter().for_each(|event| say!("{}", export::object(event, None)));
                }
            })?;
            Ok(ExitCode::SUCCESS)
        }
        PsuStep::Reveal { config, event, reason, author } => {
            let settings = config.settings()?;
            let (by, reason) = (author.name()?, text("--reason", &reason, LONG)?);
            let found = runtime.block_on(async {
                Ok::<_, Failure>(erasure::reveal(&connect(&settings).await?, &system, event, &by, &reason, system.now()).await?)
            })?;
            let psu = found.ok_or_else(|| Failure(7, "there is no such event, it is of no customer, or he was forgotten".into()))?;
            say!("{}", psu.as_str());
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub fn tell_erased(Erased { key, ended, grants }: &Erased) {
    say!("forgotten: {grants} consents no longer name the customer, {ended} of them ended now");
    match key {
        Some(key) => say!("his key in the audit trail, {key}, is destroyed; backups hold it until they are gone"),
        None => say!("the audit trail had nothing of him"),
    }
}

/// `-` is standard input. What is wrong with it is told without it.
pub fn reference(flag: &str, file: &Path) -> Result<PsuReference, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure(2, format!("{flag} {}: {why}", file.display()));
    let mut text = String::new();
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        Some(_) | None => Box::new(File::open(file).map_err(|error| wrong(&error.kind()))?),
    };
    source.take(LONGEST).read_to_string(&mut text).map_err(|error| wrong(&error.kind()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if is_subject(text) { Ok(PsuReference::new(text)) } else { Err(wrong(&"holds no reference of a customer")) }
}
