//! Rows: `[[key]]`.

use super::{Found, Layer, Reader, wrong_type};
use crate::config::mistakes::{Source, Spot};
use toml::{Spanned, de::DeValue};

impl<'a> Reader<'a> {
    /// The rows of `[[key]]`, of the layer that wins; at least one is required.
    pub fn rows(&mut self, key: &'static str) -> Vec<Self> {
        let found = self.ask(key);
        self.rows_of(key, found.as_slice())
    }

    /// The rows of `[[key]]` of all layers, those of the lowest first; at least one is required.
    pub fn all_rows(&mut self, key: &'static str) -> Vec<Self> {
        self.know(key);
        let found: Vec<_> = self.layers.iter().rev().filter_map(|layer| layer.find(key)).collect();
        self.rows_of(key, &found)
    }

    fn rows_of(&self, key: &str, found: &[Found<'a>]) -> Vec<Self> {
        let mut rows = Vec::new();
        let mut none = true;
        for Found { spot, value } in found {
            let DeValue::Array(items) = value else {
                self.wrong(key, spot, wrong_type(value, &format!("written [[{}]]", self.path_of(key))));
                none = false;
                continue;
            };
            none &= items.is_empty();
            rows.extend(items.iter().filter_map(|item| self.row(key, spot.source, item)));
        }
        if none {
            let home = found.first().map_or(&self.home, |found| &found.spot);
            self.findings.at(home, format!("at least one [[{}]] is needed", self.path_of(key)));
        }
        rows
    }

    fn row(&self, key: &str, source: &'a Source, item: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        let home = Spot { source, at: item.span() };
        let Some(table) = item.get_ref().as_table() else {
            self.wrong(key, &home, wrong_type(item.get_ref(), "a table"));
            return None;
        };
        Some(Self { layers: vec![Layer { source, table }], home, path: self.path_of(key), known: Vec::new(), findings: self.findings })
    }
}
