//! A commented TOML file as documentation: `#key = value  # why` is a key without a default, `# text` is text.

use crate::config::reader::toml_text;
use std::{borrow::Cow, collections::BTreeMap};
use toml::de::{DeTable, DeValue};

/// A key, as a file explains it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Dotted, rows without their names: `brand.scope.aisp.grant_seconds`.
    pub key: String,
    /// As it is written: `[limits]`, `[[brand]]`.
    pub section: String,
    pub section_doc: String,
    pub doc: String,
    /// What holds where nothing is said, as TOML.
    pub default: Option<String>,
    /// The value that stands there, as TOML.
    pub example: String,
    /// Of rows, or below them: there may be many.
    pub in_rows: bool,
    /// From 0.
    pub line: usize,
}

/// The file with every commented-out key brought to life.
pub fn in_full(text: &str) -> String {
    let alive = |line: &str| line.strip_prefix('#').filter(|l| !l.is_empty() && !l.starts_with(' ')).map(str::to_owned);
    text.lines().map(|line| alive(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

/// Every key in the order of the file. Nothing of a file that is no TOML.
pub fn explained(text: &str) -> Vec<Written> {
    let full = in_full(text);
    let Ok(table) = DeTable::parse(&full) else { return Vec::new() };
    let mut values = Values { text: &full, by_line: BTreeMap::new() };
    values.table(table.get_ref(), "", false);
    let nothing = String::new;
    let mut reading = Reading {
        values: &values.by_line,
        found: vec![],
        section: nothing(),
        section_doc: nothing(),
        above: nothing(),
        above_is_said: false,
    };
    for (at, (line, original)) in full.lines().zip(text.lines()).enumerate() {
        reading.line(at, line, original);
    }
    reading.found
}

/// The values of a file, each with its key and where it ends.
struct Values<'t> {
    text: &'t str,
    by_line: BTreeMap<usize, Standing>,
}

struct Standing {
    key: String,
    value: String,
    /// What follows it on its line.
    rest: String,
    in_rows: bool,
}

impl Values<'_> {
    fn table(&mut self, table: &DeTable<'_>, path: &str, in_rows: bool) {
        for (key, value) in table {
            let path = format!("{path}{}", key.get_ref());
            let line = self.text[..key.span().start].matches('\n').count();
            match value.get_ref() {
                DeValue::Table(inner) if !inner.contains_key("production") => self.table(inner, &format!("{path}."), in_rows),
                DeValue::Array(items) if items.first().is_some_and(|item| item.get_ref().is_table()) => {
                    items.iter().filter_map(|item| item.get_ref().as_table()).for_each(|row| self.table(row, &format!("{path}."), true));
                }
                DeValue::Table(_)
                | DeValue::Array(_)
                | DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => {
                    let rest = self.text[value.span().end..].lines().next().unwrap_or_default().to_owned();
                    let value = toml_text(value.get_ref(), &|text| Cow::Borrowed(text));
                    self.by_line.insert(line, Standing { key: path, value, rest, in_rows });
                }
            }
        }
    }
}

struct Reading<'v> {
    values: &'v BTreeMap<usize, Standing>,
    found: Vec<Written>,
    section: String,
    section_doc: String,
    /// Comments that stand above what is next.
    above: String,
    /// A key has come since.
    above_is_said: bool,
}

impl Reading<'_> {
    fn line(&mut self, at: usize, line: &str, original: &str) {
        let comment = |text: &str| text.trim().trim_start_matches('#').trim().to_owned();
        if line.trim().is_empty() {
            self.above.clear();
        } else if line.starts_with('[') {
            let (header, doc) = line.split_once('#').unwrap_or((line, ""));
            self.section = header.trim().to_owned();
            self.section_doc = joined(&std::mem::take(&mut self.above), &comment(doc));
        } else if line.starts_with('#') {
            if std::mem::take(&mut self.above_is_said) {
                self.above.clear();
            }
            self.above = joined(&self.above, &comment(line));
        } else if line.trim_start().starts_with('#') {
            if let Some(last) = self.found.last_mut() {
                last.doc = joined(&last.doc, &comment(line));
            }
        } else if let Some(standing) = self.values.get(&at) {
            let doc = joined(&self.above, &comment(&standing.rest));
            // "Days after .. until:" is said of all that follow, up to the next such line
            self.above_is_said = true;
            if !self.above.ends_with(':') {
                self.above.clear();
            }
            let default = if original.starts_with('#') { documented_default(&doc) } else { Some(standing.value.clone()) };
            self.found.push(Written {
                key: standing.key.clone(),
                section: self.section.clone(),
                section_doc: self.section_doc.clone(),
                doc,
                default,
                example: standing.value.clone(),
                in_rows: standing.in_rows,
                line: at,
            });
        }
    }
}

fn joined(first: &str, second: &str) -> String {
    [first, second].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `optional, default: 443. The port ..` -> `443`, where it is a value and no description of one.
fn documented_default(doc: &str) -> Option<String> {
    let word = doc.split_once("default: ")?.1.split_whitespace().next()?.trim_end_matches(['.', ',', ';']);
    let is_value =
        word.parse::<u64>().is_ok() || ["true", "false"].contains(&word) || word.len() > 1 && word.starts_with('"') && word.ends_with('"');
    is_value.then(|| word.to_owned())
}
