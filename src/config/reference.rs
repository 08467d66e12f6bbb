//! What every key means, from the comments of `default.toml` and of the shipped banks' files, and what it takes, from its reader.

mod text;

pub use text::{Written, explained, in_full};

use super::{
    DEFAULT, SHIPPED_BANKS,
    allowed::Allowed,
    bank,
    context::{Context, Opened},
    layers::Layers,
    mistakes::{Findings, nearest},
    restart::TakenUp,
};
use std::{collections::BTreeMap, path::PathBuf};

/// The language whose texts `default.toml` shows: it stands for all of them.
const SHOWN_LANGUAGE: &str = "fr";
/// After these a key names one of several rows.
const ROWS: [&str; 4] = ["app", "android_apps", "channel", "software_statement_issuer"];
/// A section whose keys a brand may say again: `default.toml` explains them once.
const SAID_AGAIN: &str = "rate_limits";
/// In the order of a sentence: what a key's last word counts.
const UNITS: [(&str, &str); 7] = [
    ("_seconds", "s"),
    ("_minutes", "min"),
    ("_hours", "h"),
    ("_days", "days"),
    ("_bytes", "bytes"),
    ("_percent", "%"),
    ("_milliseconds", "ms"),
];

/// Every key, in the order of the files that explain it: the settings, then what only banks' files say.
pub struct Reference {
    pub entries: Vec<Entry>,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub struct Entry {
    pub written: Written,
    /// Without it, its section is a mistake.
    pub required: bool,
    pub allowed: Option<Allowed>,
    /// What the shipped banks' files say, by bank: it holds for their brands where the settings say nothing.
    pub banks: Vec<(&'static str, String)>,
    /// Said in a bank's file alone.
    pub only_banks: bool,
}

/// The keys of the settings as `default.toml` explains them.
pub fn of_settings() -> Vec<Written> {
    explained(DEFAULT)
}

impl Reference {
    pub fn new() -> Self {
        let (full, allowed) = (in_full(DEFAULT), allowed());
        let entry = |written: Written, only_banks: bool| Entry {
            required: !only_banks && is_required(&full, &written),
            // a bank's file is read on its own, where its keys do not begin with `brand.`
            allowed: allowed.get(&written.key).or_else(|| allowed.get(written.key.strip_prefix("brand.")?)).cloned(),
            banks: Vec::new(),
            written,
            only_banks,
        };
        let mut entries: Vec<_> = of_settings().into_iter().map(|written| entry(written, false)).collect();
        for bank in SHIPPED_BANKS {
            for written in of_bank(bank) {
                let known = entries.iter().position(|known| known.written.key == written.key);
                let at = known.unwrap_or(entries.len());
                let value = written.example.clone();
                if known.is_none() {
                    entries.push(entry(written, true));
                }
                match entries[at].banks.iter_mut().find(|(other, _)| *other == bank) {
                    Some((_, values)) if !values.contains(&value) => *values += &format!(", {value}"),
                    Some(_) => {}
                    None => entries[at].banks.push((bank, value)),
                }
            }
        }
        Self { entries }
    }

    /// The entry of a key as it is written in a file, or as `Effective` has it, with the brand's id.
    pub fn find(&self, key: &str) -> Option<&Entry> {
        forms(key).iter().find_map(|form| self.entries.iter().find(|entry| entry.written.key == *form))
    }

    pub fn section(&self, name: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.written.key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))).collect()
    }

    /// The keys that are most like what was asked for.
    pub fn nearest(&self, key: &str) -> Vec<&str> {
        nearest(key, self.entries.iter().map(|entry| entry.written.key.as_str()), 3)
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    pub fn key(&self) -> &str {
        &self.written.key
    }

    /// As the value in its file is.
    pub fn kind(&self) -> &'static str {
        let example = &self.written.example;
        match example.chars().next() {
            Some('[') if example.starts_with("[[") => "array of pairs",
            Some('[') if example.starts_with('[') => "array of strings",
            Some('{') => "string, or one for production and one for sandbox",
            Some('t' | 'f') => "true or false",
            Some('0'..='9') => "integer",
            Some(_) | None => "string",
        }
    }

    pub fn unit(&self) -> Option<&'static str> {
        UNITS.into_iter().find(|(ending, _)| self.key().ends_with(ending)).map(|(_, unit)| unit)
    }

    pub fn taken_up(&self) -> TakenUp {
        TakenUp::of(self.key())
    }
}

/// What a key of an installation may be called in the reference: without the brand's id and the names of rows.
fn forms(key: &str) -> Vec<String> {
    let whole: Vec<&str> = key.split('.').collect();
    let mut forms = vec![whole.clone()];
    if let ["brand", _, rest @ ..] = whole.as_slice()
        && !rest.is_empty()
    {
        forms.push([&["brand"], rest].concat());
        if rest.first() == Some(&SAID_AGAIN) {
            forms.push(rest.to_vec());
        }
    }
    for at in 0..forms.len() {
        let mut general = forms[at].clone();
        for rows in ROWS {
            if let Some(at) = general.iter().position(|word| *word == rows).filter(|at| at + 2 < general.len()) {
                general.remove(at + 1);
            }
        }
        if let Some(at) = general.windows(2).position(|pair| pair == ["theme", "text"]).filter(|at| at + 2 < general.len()) {
            general[at + 2] = SHOWN_LANGUAGE;
        }
        forms.push(general);
    }
    forms.into_iter().map(|form| form.join(".")).collect()
}

fn of_bank(bank: &str) -> Vec<Written> {
    let explained = bank::source(bank).map(|source| explained(&source.text)).unwrap_or_default();
    explained.into_iter().map(|written| Written { key: format!("brand.{}", written.key), in_rows: true, ..written }).collect()
}

fn context() -> Context {
    Context { folder: PathBuf::new(), opened: Opened::Banks, database_url: None }
}

/// What the readers allow where every key is there.
fn allowed() -> BTreeMap<String, Allowed> {
    let findings = Findings::with_allowed();
    Layers::of_text("", &in_full(DEFAULT), &PathBuf::new()).read(&context(), &findings);
    findings.into_allowed()
}

/// The reader misses it where everything else is there.
fn is_required(full: &str, written: &Written) -> bool {
    // of several ways a section can be used, the example shows one
    if written.default.is_some() || written.doc.starts_with("mode ") {
        return false;
    }
    let without: String =
        full.lines().enumerate().map(|(at, line)| if at == written.line { "\n".to_owned() } else { format!("{line}\n") }).collect();
    let findings = Findings::default();
    let read = Layers::of_text("", &without, &PathBuf::new()).read(&context(), &findings);
    let missed = format!("missing key `{}`", written.key);
    findings.judge(read).is_err_and(|mistakes| mistakes.iter().any(|mistake| mistake.message.starts_with(&missed)))
}
