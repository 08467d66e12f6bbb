//! Walks a parsed TOML table by asking for keys. What was never asked for is unknown; what is wrong is noted and reading goes on.
//!
//! serde would stop at the first mistake; an operator wants all of them.

mod leaves;
mod rows;

pub use leaves::{Walk, toml_text};

use super::{
    allowed::Allowed,
    environment,
    mistakes::{Findings, Source, Spot, Writer, suggestion},
};
use std::{fmt::Display, ops::RangeInclusive, path::Path, time::Duration};
use toml::de::{DeTable, DeValue};

/// One table of one source.
#[derive(Clone)]
struct Layer<'a> {
    source: &'a Source,
    table: &'a DeTable<'a>,
}

/// A table as the settings see it: the layer that wins first, the defaults last.
#[derive(Clone)]
pub struct Reader<'a> {
    layers: Vec<Layer<'a>>,
    /// Where a missing key is missed.
    home: Spot<'a>,
    /// Dotted, for messages: `brand.scope.aisp`.
    path: String,
    known: Vec<&'static str>,
    findings: &'a Findings,
}

/// A value and where it stands.
struct Found<'a> {
    spot: Spot<'a>,
    value: &'a DeValue<'a>,
}

/// Parses a source; its syntax errors are noted, all of them.
pub fn parse<'a>(source: &'a Source, findings: &Findings) -> Option<DeTable<'a>> {
    if source.writer == Writer::Environment {
        return environment::table(source, findings);
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        findings.at(&Spot { source, at: error.span().unwrap_or(0..0) }, error.message().trim().replace('\n', "; "));
    }
    errors.is_empty().then(|| table.into_inner())
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a Source, table: &'a DeTable<'a>, findings: &'a Findings) -> Self {
        Self { layers: vec![Layer { source, table }], home: Spot { source, at: 0..0 }, path: String::new(), known: Vec::new(), findings }
    }

    /// Several sources as one table, the lowest first. What is missing is missed in the first that the operator wrote.
    pub fn layered(sources: impl DoubleEndedIterator<Item = (&'a Source, &'a DeTable<'a>)>, findings: &'a Findings) -> Option<Self> {
        let layers: Vec<_> = sources.rev().map(|(source, table)| Layer { source, table }).collect();
        let source = layers.iter().rev().find(|layer| layer.source.writer == Writer::Operator).or(layers.last())?.source;
        Some(Self { layers, home: Spot { source, at: 0..0 }, path: String::new(), known: Vec::new(), findings })
    }

    /// This table, and where it is silent the one below.
    pub fn over(mut self, below: Self) -> Self {
        self.layers.extend(below.layers);
        self
    }

    pub fn note(&self, key: &str, message: impl Into<String>) {
        self.findings.at(&self.spot(key), message);
    }

    pub fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// Where `key` is, or where it would be.
    fn spot(&self, key: &str) -> Spot<'a> {
        self.find(key).map_or_else(|| self.home.clone(), |f| f.spot)
    }

    /// Which of two keys was said last: in the upper layer, or the first of them.
    pub fn nearest<'k>(&self, keys: [&'k str; 2]) -> &'k str {
        let depth = |key: &str| self.layers.iter().position(|l| l.find(key).is_some()).unwrap_or(usize::MAX);
        let [first, second] = keys;
        if depth(second) < depth(first) { second } else { first }
    }

    pub fn has(&mut self, key: &'static str) -> bool {
        self.ask(key).is_some()
    }

    pub fn is_table(&mut self, key: &'static str) -> bool {
        self.ask(key).is_some_and(|f| f.value.is_table())
    }

    /// A required text, not empty.
    pub fn text(&mut self, key: &'static str) -> String {
        self.need(key, text).unwrap_or_default()
    }

    pub fn flag(&mut self, key: &'static str) -> bool {
        self.need(key, flag).unwrap_or_default()
    }

    pub fn number(&mut self, key: &'static str, allowed: RangeInclusive<u64>) -> u64 {
        self.allow(key, || Allowed::Range(allowed.clone()));
        self.need(key, |v| number(v, &allowed)).unwrap_or_default()
    }

    pub fn optional_number(&mut self, key: &'static str, allowed: RangeInclusive<u64>) -> Option<u64> {
        self.allow(key, || Allowed::Range(allowed.clone()));
        self.may(key, |v| number(v, &allowed))
    }

    pub fn size(&mut self, key: &'static str, allowed: RangeInclusive<u64>) -> usize {
        usize::try_from(self.number(key, allowed)).unwrap_or(usize::MAX)
    }

    /// From one second on.
    pub fn seconds(&mut self, key: &'static str, longest: u64) -> Duration {
        Duration::from_secs(self.number(key, 1..=longest))
    }

    /// One word of a closed vocabulary.
    pub fn choice<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.allow(key, || Allowed::words(words));
        self.need(key, |v| choice(v, words))
    }

    pub fn optional_choice<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.allow(key, || Allowed::words(words));
        self.may(key, |v| choice(v, words))
    }

    /// Every item that reads; the others are noted where they stand.
    pub fn list<T>(&mut self, key: &'static str, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> Vec<T> {
        self.list_in(key, |v, _| read(v))
    }

    /// Like `list`, with the folder where relative paths start.
    pub fn list_in<T>(&mut self, key: &'static str, read: impl Fn(&DeValue<'_>, &Path) -> Result<T, String>) -> Vec<T> {
        let Some(found) = self.required(key) else { return Vec::new() };
        let DeValue::Array(items) = found.value else {
            self.wrong(key, &found.spot, wrong_type(found.value, "an array"));
            return Vec::new();
        };
        let mut values = Vec::new();
        for item in items.iter() {
            let spot = Spot { source: found.spot.source, at: item.span() };
            match read(item.get_ref(), found.folder()) {
                Ok(value) => values.push(value),
                Err(why) => self.wrong(key, &spot, why),
            }
        }
        values
    }

    /// A required value.
    pub fn need<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        self.need_in(key, |v, _| read(v))
    }

    /// Like `need`, with the folder where relative paths start.
    pub fn need_in<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'_>, &Path) -> Result<T, String>) -> Option<T> {
        let found = self.required(key)?;
        self.judge(key, &found, read)
    }

    /// A value that may be absent.
    pub fn may<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        self.may_in(key, |v, _| read(v))
    }

    /// Like `may`, with the folder where relative paths start.
    pub fn may_in<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'_>, &Path) -> Result<T, String>) -> Option<T> {
        let found = self.ask(key)?;
        self.judge(key, &found, read)
    }

    /// A file that may be named, relative to the one that names it.
    pub fn file<T>(&mut self, key: &'static str, read: impl FnOnce(&Path) -> Result<T, String>) -> Option<T> {
        let findings = self.findings;
        self.may_in(key, |v, folder| {
            let path = folder.join(text(v)?);
            findings.reads(&path);
            read(&path)
        })
    }

    /// A section; when nobody wrote it, its required keys are missed here.
    pub fn table(&mut self, key: &'static str) -> Self {
        self.know(key);
        let mut layers = Vec::new();
        let mut home = None;
        for (depth, layer) in self.layers.iter().enumerate() {
            let Some(found) = layer.find(key) else { continue };
            let Some(table) = found.value.as_table() else {
                self.wrong(key, &found.spot, wrong_type(found.value, "a table"));
                continue;
            };
            layers.push(Layer { source: layer.source, table });
            // Below the first layer are files that the operator did not write; of those that he did, the lowest is the main one.
            if depth == 0 || layer.source.writer == Writer::Operator || home.is_none() && layer.source.writer == Writer::Environment {
                home = Some(found.spot);
            }
        }
        let home = home.unwrap_or_else(|| self.home.clone());
        Self { layers, home, path: self.path_of(key), known: Vec::new(), findings: self.findings }
    }

    pub fn optional_table(&mut self, key: &'static str) -> Option<Self> {
        self.has(key).then(|| self.table(key))
    }

    /// Where the table begins.
    pub fn place(&self) -> String {
        self.home.to_string()
    }

    /// Whose table it is.
    pub fn source(&self) -> &'a Source {
        self.home.source
    }

    /// Notes every key that nobody asked for.
    pub fn finish(&self) {
        for layer in &self.layers {
            for key in layer.table.keys().filter(|k| !self.known.contains(&k.get_ref().as_ref())) {
                let spot = Spot { source: layer.source, at: key.span() };
                let word = key.get_ref();
                self.findings.at(&spot, format!("unknown key `{}`{}", self.path_of(word), suggestion(word, &self.known)));
            }
        }
    }

    fn judge<T>(&self, key: &str, found: &Found<'a>, read: impl FnOnce(&DeValue<'_>, &Path) -> Result<T, String>) -> Option<T> {
        read(found.value, found.folder()).map_err(|why| self.wrong(key, &found.spot, why)).ok()
    }

    fn required(&mut self, key: &'static str) -> Option<Found<'a>> {
        let found = self.ask(key);
        if found.is_none() {
            self.findings.at(&self.home, format!("missing key `{}`", self.path_of(key)));
        }
        found
    }

    fn ask(&mut self, key: &'static str) -> Option<Found<'a>> {
        self.know(key);
        self.find(key)
    }

    fn allow(&self, key: &str, allowed: impl FnOnce() -> Allowed) {
        self.findings.allow(|| self.path_of(key), allowed);
    }

    fn know(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    fn find(&self, key: &str) -> Option<Found<'a>> {
        self.layers.iter().find_map(|l| l.find(key))
    }

    fn wrong(&self, key: &str, spot: &Spot<'_>, why: impl Display) {
        self.findings.at(spot, format!("`{}` {why}", self.path_of(key)));
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl Found<'_> {
    /// Where relative paths start.
    fn folder(&self) -> &Path {
        self.spot.source.folder.as_deref().unwrap_or(Path::new(""))
    }
}

impl<'a> Layer<'a> {
    fn find(&self, key: &str) -> Option<Found<'a>> {
        let value = self.table.get(key)?;
        Some(Found { spot: Spot { source: self.source, at: value.span() }, value: value.get_ref() })
    }
}

/// A text that is not empty.
pub fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value.as_str().ok_or_else(|| wrong_type(value, "a string"))? {
        "" => Err("must not be empty".into()),
        text => Ok(text.to_owned()),
    }
}

pub fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| wrong_type(value, "true or false"))
}

pub fn number(value: &DeValue<'_>, allowed: &RangeInclusive<u64>) -> Result<u64, String> {
    let integer = value.as_integer().ok_or_else(|| wrong_type(value, "an integer"))?;
    let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
    number.filter(|n| allowed.contains(n)).ok_or_else(|| format!("must be from {} to {}, not {integer}", allowed.start(), allowed.end()))
}

pub fn choice<T: Clone>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, String> {
    let text = text(value)?;
    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let hit = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| meaning.clone());
    hit.ok_or_else(|| format!("cannot be `{text}`{}", suggestion(&text, &known)))
}

pub fn wrong_type(value: &DeValue<'_>, wanted: &str) -> String {
    let article = if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
    format!("must be {wanted}, not {article} {}", value.type_str())
}
