//! What holds of a table, key by key: the walk goes over all its layers, whatever was asked of them.

use super::{Found, Layer, Reader};
use crate::config::{
    effective::{Effective, Origin, Shown, Value},
    mistakes::{Spot, Writer},
};
use std::{borrow::Cow, collections::BTreeSet, path::Path};
use toml::de::{DeTable, DeValue};

/// Rows are told apart by the first of these that they have.
const NAMES: [&str; 3] = ["name", "channel", "package"];

pub struct Walk<'w> {
    /// Where shown paths start.
    pub base: &'w Path,
    /// Which of `{ production = .., sandbox = .. }` holds, in a brand.
    pub sandbox: Option<bool>,
    pub into: &'w mut Effective,
}

impl Reader<'_> {
    /// Tells `walk` every value that holds here and below, but for the keys of `except`.
    pub fn leaves(&self, prefix: &str, except: &[&str], walk: &mut Walk<'_>) {
        walk.table(&self.layers, prefix, except);
    }
}

impl Walk<'_> {
    fn table(&mut self, layers: &[Layer<'_>], path: &str, except: &[&str]) {
        let keys: BTreeSet<&str> = layers.iter().flat_map(|layer| layer.table.keys().map(|key| key.get_ref().as_ref())).collect();
        for key in keys.into_iter().filter(|key| !except.contains(key)) {
            let found: Vec<_> = layers.iter().filter_map(|layer| layer.find(key)).collect();
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            self.value(&found, key, path);
        }
    }

    fn value(&mut self, found: &[Found<'_>], key: &str, path: String) {
        let Some(top) = found.first() else { return };
        match top.value {
            DeValue::Table(table) => match self.by_place(table) {
                Some(place) => {
                    self.leaf(&[Found { spot: Spot { source: top.spot.source, at: place.span() }, value: place.get_ref() }], key, path)
                }
                None => {
                    let tables = found.iter().filter_map(|f| Some(Layer { source: f.spot.source, table: f.value.as_table()? }));
                    self.table(&tables.collect::<Vec<_>>(), &path, &[]);
                }
            },
            DeValue::Array(items) if !items.is_empty() && items.iter().all(|item| item.get_ref().is_table()) => {
                for (at, table) in items.iter().filter_map(|item| item.get_ref().as_table()).enumerate() {
                    let name = NAMES.into_iter().find_map(|name| table.get(name)?.get_ref().as_str().map(str::to_owned));
                    let row = Layer { source: top.spot.source, table };
                    self.table(&[row], &format!("{path}.{}", name.unwrap_or_else(|| at.to_string())), &[]);
                }
            }
            DeValue::Array(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => self.leaf(found, key, path),
        }
    }

    fn by_place<'t>(&self, table: &'t DeTable<'t>) -> Option<&'t toml::Spanned<DeValue<'t>>> {
        let (production, sandbox) = (table.get("production")?, table.get("sandbox")?);
        (table.len() == 2).then_some(if self.sandbox? { sandbox } else { production })
    }

    fn leaf(&mut self, found: &[Found<'_>], key: &str, path: String) {
        let Some(top) = found.first() else { return };
        let default = found.iter().rev().find(|f| f.spot.source.writer.comes_with_the_program()).map(|f| self.text(f, key));
        self.into.insert(path, Value { shown: Shown::Toml(self.text(top, key)), origin: origin(&top.spot), default });
    }

    /// As TOML. A path is told from the folder of the operator's file, wherever it was written.
    fn text(&self, found: &Found<'_>, key: &str) -> String {
        let is_path = key.ends_with("_file")
            || key.ends_with("_files")
            || key == "bank" && found.value.as_str().is_some_and(|bank| bank.contains(['.', '/']));
        let Some(folder) = found.spot.source.folder.as_deref().filter(|folder| is_path && *folder != self.base) else {
            return toml_text(found.value, &|text| Cow::Borrowed(text));
        };
        toml_text(found.value, &|text| {
            let path = folder.join(text);
            Cow::Owned(path.strip_prefix(self.base).unwrap_or(&path).display().to_string())
        })
    }
}

fn origin(spot: &Spot<'_>) -> Origin {
    let (file, line) = (&spot.source.name, || spot.line_and_column().0);
    match spot.source.writer {
        Writer::Program => Origin::Default,
        Writer::ShippedBank | Writer::Bank => Origin::Bank { file: file.clone(), line: line() },
        Writer::Operator => Origin::File { file: file.clone(), line: line() },
        Writer::Environment => Origin::Variable(file.clone()),
    }
}

/// In one line, numbers without underscores.
pub fn toml_text(value: &DeValue<'_>, string: &dyn Fn(&str) -> Cow<'_, str>) -> String {
    match value {
        DeValue::String(text) => quoted(&string(text)),
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| number.to_string(), |n| n.to_string())
        }
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| toml_text(item.get_ref(), string)).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => {
            let pairs: Vec<_> = table.iter().map(|(k, v)| format!("{} = {}", key(k.get_ref()), toml_text(v.get_ref(), string))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// Bare where it can be.
fn key(text: &str) -> Cow<'_, str> {
    let is_bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_bare { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
