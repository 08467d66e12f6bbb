//! RFC 8259: one array of objects, read one after the other, so that a mistake in one does not hide those of the next.

use super::{Sheet, Written};
use serde_json::{Deserializer, Map, Value};

const MEMBERS: [&str; 7] = ["organizationIdentifier", "ncaId", "authorisationNumber", "name", "roles", "status", "hostCountries"];

pub(super) fn read(bytes: &[u8], sheet: &mut Sheet) {
    let mut place = Place { bytes, at: 0, line: 1 };
    if place.next() != Some(b'[') {
        return sheet.mistakes.note(place.line, "must be an array of objects: [{..}, ..]");
    }
    place.step();
    if place.next() == Some(b']') {
        return end(place, sheet);
    }
    loop {
        place.next();
        let (line, rest) = (place.line, &bytes[place.at..]);
        if !sheet.has_room(line) {
            return;
        }
        let mut values = Deserializer::from_slice(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => object(&value, line, sheet),
            // serde_json counts from where it was set down
            Some(Err(error)) => return sheet.mistakes.note(line + error.line().saturating_sub(1) as u64, syntax(&error)),
            None => return sheet.mistakes.note(line, "the array does not end"),
        }
        place.advance(values.byte_offset());
        match place.next() {
            Some(b',') => place.step(),
            Some(b']') => return end(place, sheet),
            Some(_) => return sheet.mistakes.note(place.line, "`,` or `]` expected"),
            None => return sheet.mistakes.note(place.line, "the array does not end"),
        }
    }
}

fn end(mut place: Place<'_>, sheet: &mut Sheet) {
    place.step();
    if place.next().is_some() {
        sheet.mistakes.note(place.line, "something follows the array");
    }
}

/// Without its own line and column, which count from elsewhere.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    format!("no JSON: {}", text.split(" at line ").next().unwrap_or(&text))
}

/// Where the reading stands.
struct Place<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Place<'_> {
    /// The next byte that is not white space; stays before it.
    fn next(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                other => return Some(*other),
            }
            self.at += 1;
        }
        None
    }

    const fn step(&mut self) {
        self.at += 1;
    }

    fn advance(&mut self, by: usize) {
        let passed = self.bytes.get(self.at..self.at + by).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at += by;
    }
}

fn object(value: &Value, line: u64, sheet: &mut Sheet) {
    let Value::Object(members) = value else { return sheet.mistakes.note(line, "not an object") };
    for name in members.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        sheet.mistakes.note(line, format!("{} is no member; known are {}", super::shown(name), MEMBERS.join(", ")));
    }
    let texts = Texts { line, members };
    let written = Written {
        organisation: texts.one("organizationIdentifier", sheet),
        nca: texts.one("ncaId", sheet),
        number: texts.one("authorisationNumber", sheet),
        name: texts.one("name", sheet),
        roles: texts.many("roles", sheet),
        status: texts.one("status", sheet),
        hosts: texts.many("hostCountries", sheet),
    };
    if written.name.is_none() {
        sheet.mistakes.note(line, "name: missing");
    }
    sheet.take(line, &written);
}

struct Texts<'a> {
    line: u64,
    members: &'a Map<String, Value>,
}

impl<'a> Texts<'a> {
    fn one(&self, name: &str, sheet: &mut Sheet) -> Option<&'a str> {
        match self.members.get(name)? {
            Value::String(text) => Some(text.trim()),
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                sheet.mistakes.note(self.line, format!("{name}: not a string"));
                None
            }
        }
    }

    fn many(&self, name: &str, sheet: &mut Sheet) -> Option<Vec<&'a str>> {
        let texts = match self.members.get(name)? {
            Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
            Value::Null => return None,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
        };
        if texts.is_none() {
            sheet.mistakes.note(self.line, format!("{name}: not an array of strings"));
        }
        texts
    }
}
