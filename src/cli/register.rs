//! `guichet register`: the national register.

use super::{
    ConfigFile, Failure,
    operator::{Author, SHORT, connect, day, json, moment, plain, runtime, text},
};
use crate::{
    clock::{Clock, Entropy, System},
    config::Settings,
    flows::register_import::{self, Import},
    oauth::tpp::OrganisationId,
    register_file::{self, LARGEST_FILE, Row},
    standing::{Age, RegisterHead, RegisterPolicy, Status, StepBack, fingerprint},
    storage::NamedEntry,
};
use clap::Subcommand;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};
use time::{Date, OffsetDateTime};

#[derive(Subcommand)]
pub enum RegisterStep {
    /// Take an export in the last one's place, on every replica within a second
    Import {
        #[command(flatten)]
        config: ConfigFile,
        /// CSV or JSON, as docs/tpps.md describes them
        file: PathBuf,
        /// The day that the export describes
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        as_of: Date,
        /// Where it was taken from
        #[arg(long)]
        source: String,
        #[command(flatten)]
        author: Author,
        /// Also where it is older than the one in force, or has less than half as many institutions
        #[arg(long)]
        force: bool,
    },
    /// What is in force, how old it is and what follows from that; or what it says of an organisation
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// organizationIdentifier
        organisation: Option<String>,
        #[arg(long)]
        json: bool,
    },
}

pub fn act(step: RegisterStep) -> Result<ExitCode, Failure> {
    match step {
        RegisterStep::Import { config, file, as_of, source, author, force } => {
            let settings = config.settings()?;
            let (by, source) = (author.name()?, text("--source", &source, SHORT)?);
            let system = System::new();
            let now = system.now();
            if as_of > now.date() {
                return Err(Failure(2, "--as-of is a day to come".into()));
            }
            let bytes = read_file(&file)?;
            let rows = register_file::read(&bytes).map_err(|mistakes| Failure(3, format!("{}:\n{mistakes}", file.display())))?;
            let entropy: &dyn Entropy = &system;
            let head = RegisterHead {
                id: entropy.uuid(now),
                as_of,
                source,
                sha256: Sha256::digest(&bytes).into(),
                entries: rows.len(),
                imported_at: now,
                imported_by: by,
            };
            runtime()?.block_on(import(&settings, &system, &head, &rows, force))
        }
        RegisterStep::Show { config, organisation, json } => {
            let settings = config.settings()?;
            runtime()?.block_on(show(&settings, organisation.map(OrganisationId::new), json))
        }
    }
}

/// No more of it than an export may have.
fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![];
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| Failure(3, format!("{}: {error}", path.display())))
}

async fn import(settings: &Settings, system: &System, head: &RegisterHead, rows: &[Row], force: bool) -> Result<ExitCode, Failure> {
    let db = connect(settings).await?;
    let named = rows.iter().map(|row| (&row.organisation, row.name.as_str(), &row.entry));
    match register_import::import(&db, system, head, named, force).await? {
        Import::Done { before } => {
            say!("in force\n\n{}", describe(head, system.now()));
            let count = |status| rows.iter().filter(|row| row.entry.status == status).count();
            say!("{:<13}{}", "of them", Status::ALL.map(|status| format!("{} {}", count(status), status.name())).join(", "));
            if let Some(before) = before {
                say!("{:<13}as of {}, {} institutions", "before", before.as_of, before.entries);
            }
            Ok(ExitCode::SUCCESS)
        }
        Import::Refused(StepBack::Older { in_force }) => {
            Err(Failure(3, format!("the register in force is of {in_force}, which is later; --force takes this one all the same")))
        }
        Import::Refused(StepBack::MuchSmaller { had }) => Err(Failure(
            3,
            format!("{} institutions where the register in force has {had}: is it whole? --force takes it all the same", head.entries),
        )),
    }
}

async fn show(settings: &Settings, organisation: Option<OrganisationId>, as_json: bool) -> Result<ExitCode, Failure> {
    let (db, now) = (connect(settings).await?, System::new().now());
    let head = db.register_in_force().await?;
    let entry = match (&head, &organisation) {
        (Some(head), Some(organisation)) => db.find_register_entry(head.id, organisation).await?,
        (_, _) => None,
    };
    if as_json {
        json(&document(settings, head.as_ref(), organisation.as_ref(), entry.as_ref(), now))?;
        return Ok(ExitCode::SUCCESS);
    }
    match &head {
        Some(head) => say!("{}", describe(head, now)),
        None => say!("no register was ever imported"),
    }
    for brand in &settings.brands {
        let policy = &settings.trust_of(&brand.id).register;
        say!("{:<13}{}: {}", "brand", brand.id, consequence(policy, head.as_ref(), now));
    }
    if let Some(organisation) = &organisation {
        say!("{:<13}{}", "organisation", plain(organisation.as_str()));
        say!("{}", entry.as_ref().map_or_else(|| "             not listed".to_owned(), describe_entry));
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(head: &RegisterHead, now: OffsetDateTime) -> String {
    let rows = [
        ("register", head.id.to_string()),
        ("as of", format!("{}, {} days ago", head.as_of, head.age(now))),
        ("source", head.source.clone()),
        ("SHA-256", fingerprint::hex(&head.sha256)),
        ("imported", format!("{} by {}", moment(head.imported_at), head.imported_by)),
        ("institutions", head.entries.to_string()),
    ];
    rows.iter().map(|(label, value)| format!("{label:<13}{}", plain(value))).collect::<Vec<_>>().join("\n")
}

fn describe_entry(named: &NamedEntry) -> String {
    let hosts = named.entry.hosts.as_deref();
    let passport = hosts.map_or_else(|| "not said".to_owned(), |hosts| hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let rows = [
        ("name", named.name.clone()),
        ("status", named.entry.status.name().to_owned()),
        ("roles", named.entry.roles.names()),
        ("passported", passport),
    ];
    rows.iter().map(|(label, value)| format!("{label:<13}{}", plain(value))).collect::<Vec<_>>().join("\n")
}

/// What the policy makes of the register today.
fn consequence(policy: &RegisterPolicy, head: Option<&RegisterHead>, now: OffsetDateTime) -> String {
    use crate::standing::RegisterUse::{Off, Refuse, Warn};
    let age = head.map(|head| policy.age(head.age(now)));
    let so = match (policy.register, age) {
        (Off, _) => "it is not looked at",
        (Warn, _) => "what it would refuse is counted and logged",
        (Refuse, None) => "everything is refused: REGISTER_MISSING",
        (Refuse, Some(Age::Fresh)) => "asked",
        (Refuse, Some(Age::Old)) => "asked; it is old, and the log says so daily",
        (Refuse, Some(Age::TooOldForRegistrations)) => "asked; it is old, new registrations are refused: REGISTER_TOO_OLD",
        (Refuse, Some(Age::TooOld)) => "it is too old, everything is refused: REGISTER_TOO_OLD",
    };
    format!("{}, {so}", policy.register.name())
}

fn document(
    settings: &Settings,
    head: Option<&RegisterHead>,
    organisation: Option<&OrganisationId>,
    entry: Option<&NamedEntry>,
    now: OffsetDateTime,
) -> Value {
    let register = head.map(|head| {
        json!({
            "id": head.id,
            "as_of": head.as_of.to_string(),
            "age_days": head.age(now),
            "source": head.source,
            "sha256": fingerprint::hex(&head.sha256),
            "institutions": head.entries,
            "imported_at": moment(head.imported_at),
            "imported_by": head.imported_by,
        })
    });
    let brands = settings.brands.iter().map(|brand| {
        let policy = &settings.trust_of(&brand.id).register;
        json!({
            "brand": brand.id.as_str(),
            "policy": policy.register.name(),
            "country": policy.country.map(|country| country.to_string()),
            "today": consequence(policy, head, now),
        })
    });
    let mut document = json!({ "register": register, "brands": brands.collect::<Vec<_>>() });
    if let Some(organisation) = organisation {
        document["organisation"] = json!(organisation.as_str());
        document["entry"] = json!(entry.map(|named| {
            json!({
                "name": named.name,
                "status": named.entry.status.name(),
                "roles": named.entry.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
                "hostCountries": named.entry.hosts.as_ref().map(|hosts| hosts.iter().map(ToString::to_string).collect::<Vec<_>>()),
            })
        }));
    }
    document
}
