//! `guichet config`: what holds and why, what a key means, what a change would change.

use super::{ConfigFile, Failure, settings};
use crate::config::{self, Difference, Effective, Entry, Origin, Reference, Shown, Value};
use clap::Subcommand;
use serde_json::json;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Two configurations that differ.
const DIFFERENT: u8 = 12;

#[derive(Subcommand)]
pub enum ConfigStep {
    /// What differs from the defaults, and where each value is from; secrets are not shown
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// Every value, the defaults and those of the banks' files too
        #[arg(long)]
        all: bool,
        /// The same as JSON
        #[arg(long)]
        json: bool,
    },
    /// What a key means and takes, and what holds where nothing is said; with --config what holds there
    Explain {
        /// Such as limits.request_seconds, brand.cic.authorization.code_seconds or GUICHET_LOG__LEVEL; or a section
        key: String,
        /// TOML file; with it, the value that holds is told
        #[arg(long, value_name = "FILE", env = "GUICHET_CONFIG")]
        config: Option<PathBuf>,
    },
    /// What a change of files would change, key by key, and whether a reload takes it up; variables are left aside
    Diff {
        /// The file as it is, with conf.d beside it
        old: PathBuf,
        /// As it would be, with conf.d beside it
        new: PathBuf,
        /// The same as JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(step: &ConfigStep) -> Result<ExitCode, Failure> {
    match step {
        ConfigStep::Show { config, all, json } => show(&config.path, *all, *json),
        ConfigStep::Explain { key, config } => explain(key, config.as_deref()),
        ConfigStep::Diff { old, new, json } => diff(old, new, *json),
    }
}

/// Leftovers of editors and the like: an operator may miss what he wrote into them.
pub fn tell_ignored(effective: &Effective) {
    for path in effective.ignored() {
        eprintln!("guichet: {} is ignored: only files whose names end in .toml are read", path.display());
    }
}

fn show(file: &Path, all: bool, json: bool) -> Result<ExitCode, Failure> {
    let effective = settings(file)?.effective;
    tell_ignored(&effective);
    let shown = effective.iter().filter(|(_, value)| all || value.differs_from_default());
    if json {
        let shown: serde_json::Map<_, _> = shown.map(|(key, value)| (key.to_owned(), value_as_json(value))).collect();
        return print_json(&shown.into());
    }
    for (key, value) in shown {
        say!("{key} = {}  # {}", value.shown, value.origin);
    }
    Ok(ExitCode::SUCCESS)
}

fn value_as_json(value: &Value) -> serde_json::Value {
    let origin = match &value.origin {
        Origin::Default => json!({ "kind": "default" }),
        Origin::File { file, line } => json!({ "kind": "file", "file": file, "line": line }),
        Origin::Bank { file, line } => json!({ "kind": "bank", "file": file, "line": line }),
        Origin::Variable(name) => json!({ "kind": "variable", "variable": name }),
    };
    let default = value.default.as_deref().map(as_json);
    json!({ "value": shown_as_json(&value.shown), "secret": value.is_secret(), "default": default, "origin": origin })
}

fn shown_as_json(shown: &Shown) -> Option<serde_json::Value> {
    match shown {
        Shown::Toml(text) => Some(as_json(text)),
        Shown::Secret(_) => None,
    }
}

/// Strings, numbers and arrays of both are written alike.
fn as_json(toml: &str) -> serde_json::Value {
    serde_json::from_str(toml).unwrap_or_else(|_| toml.into())
}

fn print_json(value: &serde_json::Value) -> Result<ExitCode, Failure> {
    say!("{}", serde_json::to_string_pretty(value).map_err(Failure::unexpected)?);
    Ok(ExitCode::SUCCESS)
}

fn explain(asked: &str, file: Option<&Path>) -> Result<ExitCode, Failure> {
    let reference = Reference::new();
    let key = match asked.strip_prefix("GUICHET_") {
        Some(name) => name.replace("__", ".").to_ascii_lowercase(),
        None => asked.trim_matches(['[', ']']).to_owned(),
    };
    let Some(entry) = reference.find(&key) else {
        let section = reference.section(&key);
        if section.is_empty() {
            return Err(Failure(2, format!("no key `{asked}`; the nearest are `{}`", reference.nearest(&key).join("`, `"))));
        }
        say!("{}", described_section(&section).trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    say!("{}", described(entry).trim_end());
    if let Some(file) = file {
        let effective = settings(file)?.effective;
        // without a brand's id all brands are meant
        let is_meant = |name: &str| name == key || key == entry.key() && reference.find(name).is_some_and(|known| known.key() == key);
        let held: Vec<_> = effective.iter().filter(|(name, _)| is_meant(name)).collect();
        for (name, value) in &held {
            say!("{:<10}{name} = {}  # {}", "here", value.shown, value.origin);
        }
        if held.is_empty() {
            say!("{:<10}not set", "here");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writing to a String does not fail.
fn described(entry: &Entry) -> String {
    let mut text = format!("{}\n", entry.key());
    let section = if entry.only_banks { format!("{} of a bank's file", entry.written.section) } else { entry.written.section.clone() };
    for (label, doc) in [("", entry.written.doc.as_str()), (section.trim(), entry.written.section_doc.as_str())] {
        if !doc.is_empty() {
            let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
            let _ = writeln!(text, "  {label}{doc}");
        }
    }
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10}{value}");
    };
    let unit = entry.unit().map(|unit| format!(", in {unit}")).unwrap_or_default();
    let allowed = entry.allowed.as_ref().map(|allowed| format!(": {allowed}")).unwrap_or_default();
    row("takes", &format!("{}{allowed}{unit}", entry.kind()));
    row("default", &default(entry));
    row("example", &entry.written.example);
    match config::variable(&entry.written) {
        Some(name) => row("variable", &name),
        None => row("variable", "none: a row of an array; a file in conf.d may bring it"),
    }
    row("change", &format!("taken up by a {}", entry.taken_up()));
    text
}

fn default(entry: &Entry) -> String {
    let banks: Vec<_> = entry.banks.iter().map(|(bank, value)| format!("{value} ({bank})")).collect();
    match (&entry.written.default, banks.is_empty()) {
        (_, false) => banks.join(", "),
        (Some(value), true) => value.clone(),
        (None, true) if entry.required => "none: must be given where its section is used".to_owned(),
        (None, true) => "not set".to_owned(),
    }
}

fn described_section(entries: &[&Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{}  # {}", entry.key(), entry.written.doc);
    }
    text
}

fn diff(old: &Path, new: &Path, json: bool) -> Result<ExitCode, Failure> {
    let read = |file: &Path| config::load_unserved(file).map_err(|mistakes| mistakes.to_string());
    let (old, new) = match (read(old), read(new)) {
        (Ok(old), Ok(new)) => (old.effective, new.effective),
        (old, new) => {
            let mistakes: Vec<_> = [old.err(), new.err()].into_iter().flatten().collect();
            return Err(Failure(3, mistakes.join("\n")));
        }
    };
    tell_ignored(&old);
    tell_ignored(&new);
    let found = config::differences(&old, &new);
    if json {
        print_json(&found.iter().map(difference_as_json).collect())?;
    } else {
        found.iter().for_each(|difference| say!("{difference}  ({})", difference.taken_up));
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

fn difference_as_json(difference: &Difference) -> serde_json::Value {
    let side = |shown: &Option<Shown>| shown.as_ref().and_then(shown_as_json);
    json!({
        "key": difference.key,
        "old": side(&difference.old),
        "new": side(&difference.new),
        "taken_up": difference.taken_up.name(),
    })
}
