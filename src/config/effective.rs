//! The settings as they came out: each value with where it came from, and what differs between two of them.

use super::{reference, restart::TakenUp};
use crate::oauth::secret::Digest;
use std::{collections::BTreeMap, fmt, path::PathBuf};

/// Every value that holds, by its dotted key; those of a brand by its id: `brand.cic.authorization.interaction_seconds`.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    values: BTreeMap<String, Value>,
    ignored: Vec<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Value {
    pub shown: Shown,
    pub origin: Origin,
    /// What holds where nobody at this installation says otherwise.
    pub default: Option<String>,
}

/// A value as it may be shown.
#[derive(Clone, Debug)]
pub enum Shown {
    /// As TOML, in one line; paths start at the folder of the operator's file.
    Toml(String),
    /// Only compared.
    Secret(Digest),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        file: String,
        line: usize,
    },
    /// The file that describes a brand's bank.
    Bank {
        file: String,
        line: usize,
    },
    Variable(String),
}

/// One key that two settings do not agree about. A brand that only one of them has is one difference: its bank.
#[derive(Clone, Debug)]
pub struct Difference {
    pub key: String,
    pub old: Option<Shown>,
    pub new: Option<Shown>,
    pub taken_up: TakenUp,
}

impl Effective {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Entries of `conf.d` that are no settings: editors' leftovers and the like.
    pub fn ignored(&self) -> &[PathBuf] {
        &self.ignored
    }

    pub(super) fn insert(&mut self, key: String, value: Value) {
        self.values.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.values.remove(key);
    }

    /// Adds what the walk over the sources does not see.
    pub(super) fn complete(&mut self, ignored: Vec<PathBuf>) {
        self.ignored = ignored;
        for written in reference::of_settings() {
            let Some((parent, word)) = written.key.rsplit_once('.') else { continue };
            let Some(default) = written.default else { continue };
            for parent in self.tables_like(parent) {
                let value = Value { shown: Shown::Toml(default.clone()), origin: Origin::Default, default: Some(default.clone()) };
                self.values.entry(format!("{parent}.{word}")).or_insert(value);
            }
        }
    }

    /// The tables that are there under a name of the reference: those of every brand for one of `brand`.
    fn tables_like(&self, name: &str) -> Vec<String> {
        let below = |table: &str| self.values.keys().any(|key| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')));
        let names = match name.strip_prefix("brand") {
            Some(rest) if rest.is_empty() || rest.starts_with('.') => self.brands().map(|brand| format!("{brand}{rest}")).collect(),
            Some(_) | None => vec![name.to_owned()],
        };
        names.into_iter().filter(|name| below(name)).collect()
    }

    /// `brand.cic` for each brand.
    fn brands(&self) -> impl Iterator<Item = &str> {
        self.values.keys().filter_map(|key| key.strip_suffix(".bank")).filter(|brand| brand.starts_with("brand."))
    }
}

impl Value {
    pub fn is_secret(&self) -> bool {
        matches!(self.shown, Shown::Secret(_))
    }

    /// From what the program and its banks say.
    pub fn differs_from_default(&self) -> bool {
        match &self.shown {
            Shown::Toml(text) => self.default.as_ref() != Some(text),
            Shown::Secret(_) => true,
        }
    }
}

impl Shown {
    pub(super) fn secret(text: &str) -> Self {
        Self::Secret(Digest::of(text.as_bytes()))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Toml(a), Self::Toml(b)) => a == b,
            (Self::Secret(a), Self::Secret(b)) => a.matches(b),
            (Self::Toml(_), Self::Secret(_)) | (Self::Secret(_), Self::Toml(_)) => false,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml(text) => f.write_str(text),
            Self::Secret(_) => f.write_str("(secret)"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } | Self::Bank { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// `limits.request_seconds: 15 -> 10`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |side: &Option<Shown>| side.as_ref().map_or_else(|| "(not set)".to_owned(), Shown::to_string);
        write!(f, "{}: {} -> {}", self.key, shown(&self.old), shown(&self.new))
    }
}

/// What a change from `old` to `new` changes, by key.
pub fn differences(old: &Effective, new: &Effective) -> Vec<Difference> {
    let (only_old, only_new) = (brands_without(old, new), brands_without(new, old));
    let is_gone = |key: &str| {
        only_old.iter().chain(&only_new).any(|brand| key.strip_prefix(brand.as_str()).is_some_and(|rest| rest.starts_with('.')))
    };
    let mut found: Vec<_> = old.values.keys().chain(new.values.keys()).filter(|key| !is_gone(key)).cloned().collect();
    found.sort();
    found.dedup();
    let differ = |key: String| {
        let (old, new) = (old.get(&key).map(|v| v.shown.clone()), new.get(&key).map(|v| v.shown.clone()));
        let same = match (&old, &new) {
            (Some(a), Some(b)) => a.is(b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        (!same).then(|| Difference { taken_up: TakenUp::of(&key), key, old, new })
    };
    let mut differences: Vec<_> = found.into_iter().filter_map(differ).collect();
    let bank = |side: &Effective, brand: &String| side.get(&format!("{brand}.bank")).map(|value| value.shown.clone());
    for brand in only_old.into_iter().chain(only_new) {
        let (old, new) = (bank(old, &brand), bank(new, &brand));
        differences.push(Difference { taken_up: TakenUp::of(&brand), key: brand, old, new });
    }
    differences.sort_by(|a, b| a.key.cmp(&b.key));
    differences
}

/// `brand.cic` for each brand that `other` has not.
fn brands_without(of: &Effective, other: &Effective) -> Vec<String> {
    of.brands().filter(|brand| other.get(&format!("{brand}.bank")).is_none()).map(str::to_owned).collect()
}
