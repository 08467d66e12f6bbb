//! Rows and JSON on a terminal: the texts are strangers', so nothing in them may steer it.

use super::operator::moment;
use crate::pki::visible;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

/// JSON is read on terminals, too: what steers them is written as an escape, which in JSON's strings means the same.
pub fn print_json(value: &impl Serialize) {
    let text = format!("{:#}", serde_json::to_value(value).unwrap_or(Value::Null));
    let lines: Vec<String> = text.lines().map(|line| line.chars().map(json_character).collect()).collect();
    say!("{}", lines.join("\n"));
}

fn json_character(character: char) -> String {
    if visible(character.encode_utf8(&mut [0; 4])).starts_with('\\') && character != '\\' {
        format!("\\u{:04x}", u32::from(character))
    } else {
        character.to_string()
    }
}

/// Columns as wide as what stands in them.
pub fn print_table(head: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let rows: Vec<Vec<String>> = [head.iter().map(|cell| (*cell).to_owned()).collect()]
        .into_iter()
        .chain(rows.into_iter().map(|row| row.iter().map(|cell| visible(cell)).collect()))
        .collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        say!("{}", cells.join("  ").trim_end());
    }
}

/// A name and a value a line; what is not there is left out.
pub fn print_facts(facts: &[(&str, Option<String>)]) {
    let width = facts.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in facts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        say!("{name:<width$}  {}", visible(value));
    }
}

pub fn maybe(at: Option<OffsetDateTime>) -> String {
    at.map_or_else(|| "-".to_owned(), moment)
}

pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
