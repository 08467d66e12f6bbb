//! The settings: TOML in, checked values out. Every mistake is told at once, with its place; secrets come from files or the environment.
//!
//! `config/default.toml` is compiled in and lies below the operator's file: it is both the defaults and their documentation.
//! Above it lie the files of `conf.d` beside it, and above them the variables.

mod admin;
mod allowed;
mod bank;
mod brands;
mod collisions;
mod context;
mod database;
mod effective;
mod environment;
mod layers;
mod limits;
mod listeners;
mod mistakes;
mod names;
mod process;
mod proxies;
mod rates;
mod reader;
mod reference;
mod restart;
mod revocation;
mod sca;
mod segments;
mod settings;
mod statements;
mod telemetry;
mod theme;
mod trust;
mod trusted_lists;

pub use crate::pki::staleness::{StalePolicy, Staleness};
pub use admin::SigningSettings;
pub use allowed::Allowed;
pub use bank::{BrandPlace, SHIPPED_BANKS};
pub use database::DatabaseSettings;
pub use effective::{Difference, Effective, Origin, Shown, Value, differences};
pub use environment::{DATABASE_URL, Environment, variable};
pub use limits::Limits;
pub use listeners::{Internal, Listener};
pub use mistakes::{Mistake, Mistakes};
pub use process::{AuditSettings, OutboundSettings, ReloadSettings};
pub use proxies::FrontProxySettings;
pub use reference::{Entry, Reference, Written};
pub use restart::{NEEDS_RESTART, TakenUp};
pub use revocation::RevocationSettings;
pub use sca::DriverSettings;
pub use settings::Settings;
pub use telemetry::{Log, LogFormat, TracingSettings};
pub use trust::TrustSettings;
pub use trusted_lists::TrustedLists;

use crate::oauth::brand::Brand;
use context::{Context, Opened};
use layers::Layers;
use mistakes::Findings;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

const DEFAULT: &str = include_str!("../../config/default.toml");
/// No file of settings is longer.
pub const LONGEST_FILE: u64 = 1 << 20;

/// What the files said, and all the files that this depends on, also where something is wrong with them.
#[derive(Debug)]
pub struct Reading {
    pub settings: Result<Settings, Mistakes>,
    pub files: BTreeSet<PathBuf>,
}

/// The settings in the file at `path`, in `conf.d` beside it, and in the environment. Relative paths start at the folder of the file
/// that names them, those of variables at that of `path`. Every named file must be there and readable.
pub fn load(path: &Path, environment: &Environment) -> Result<Settings, Mistakes> {
    read(path, environment).settings
}

/// Like [`load`], for whoever wants to know of changes.
pub fn read(path: &Path, environment: &Environment) -> Reading {
    layered(path, environment, Opened::All)
}

/// Like [`load`], to be compared and not to be served: of the files that are named only those of banks are opened, and which
/// database is meant may be left open.
pub fn load_unserved(path: &Path) -> Result<Settings, Mistakes> {
    layered(path, &Environment::default(), Opened::Banks).settings
}

/// Like [`load`] for a text that is at hand, alone. Of the files it names, only bank files and `database.url_file` are opened.
pub fn parse(name: &str, text: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Mistakes> {
    let findings = Findings::default();
    let context = Context { folder: folder.to_path_buf(), opened: Opened::Settings, database_url: env(DATABASE_URL) };
    let settings = Layers::of_text(name, text, folder).settings(&context, &findings);
    findings.judge(settings)
}

fn layered(path: &Path, environment: &Environment, opened: Opened) -> Reading {
    let findings = Findings::default();
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let layers = Layers::of_files(path, &findings).below(environment, &folder, &findings);
    let context = Context { folder, opened, database_url: environment.database_url(&findings) };
    let settings = layers.settings(&context, &findings);
    Reading { files: findings.files(), settings: findings.judge(settings) }
}

/// A bank that comes with the program, `cic` or `labanquepostale`, at a place of the caller's choice.
pub fn shipped_brand(bank: &str, place: BrandPlace) -> Result<Brand, Mistakes> {
    let findings = Findings::default();
    let brand = bank::shipped(bank, place, &findings);
    findings.judge(brand)
}

/// The shipped banks in production, at hosts of no real bank: what the committed documents describe.
pub fn example_brands() -> Vec<Brand> {
    let place = |bank: &str| BrandPlace {
        id: None,
        sandbox: false,
        issuer: format!("https://auth.{bank}.example"),
        tpp_origin: format!("https://api.{bank}.example"),
        psu_origin: format!("https://auth.{bank}.example"),
        psu_authentication: None,
    };
    SHIPPED_BANKS.into_iter().filter_map(|bank| shipped_brand(bank, place(bank)).ok()).collect()
}

/// Why not, without the path: the caller names it.
fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|f| f.take(LONGEST_FILE + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > LONGEST_FILE => Err(format!("is longer than {LONGEST_FILE} bytes")),
        Ok(_) => Ok(text),
        Err(e) => Err(format!("cannot be read: {}", reason(&e))),
    }
}

fn reason(error: &io::Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests;
