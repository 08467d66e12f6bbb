//! RFC 4180 with a header line; comma or semicolon, whichever the header has.

use super::{Mistakes, Sheet, Written};
use csv::{ByteRecord, ReaderBuilder};

/// Every column by its name in the header.
const COLUMNS: [&str; 7] = ["organizationIdentifier", "ncaId", "authorisationNumber", "name", "roles", "status", "hostCountries"];

/// Where each column stands.
struct Header([Option<usize>; COLUMNS.len()]);

pub(super) fn read(bytes: &[u8], sheet: &mut Sheet) {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let delimiter = if first.contains(&b';') && !first.contains(&b',') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    let (mut record, mut header) = (ByteRecord::new(), None);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return sheet.mistakes.note(reader.position().line(), error.to_string()),
        }
        let line = record.position().map_or(0, csv::Position::line);
        match &header {
            None => match Header::read(&record, line, &mut sheet.mistakes) {
                Some(read) => header = Some((read, record.len())),
                // without its columns no row can be judged
                None => return,
            },
            Some((header, width)) => {
                if !sheet.has_room(line) {
                    return;
                }
                row(&record, line, header, *width, sheet);
            }
        }
    }
}

impl Header {
    fn read(record: &ByteRecord, line: u64, mistakes: &mut Mistakes) -> Option<Self> {
        let (mut places, mut wrong) = ([None; COLUMNS.len()], false);
        for (at, name) in record.iter().enumerate() {
            let name = String::from_utf8_lossy(name);
            let Some(known) = COLUMNS.iter().position(|column| *column == name.trim()) else {
                wrong = true;
                mistakes.note(line, format!("{} is no column; known are {}", super::shown(&name), COLUMNS.join(", ")));
                continue;
            };
            if places[known].replace(at).is_some() {
                wrong = true;
                mistakes.note(line, format!("column {} stands twice", COLUMNS[known]));
            }
        }
        let has = |name: &str| COLUMNS.iter().zip(places).any(|(column, place)| *column == name && place.is_some());
        let identified = has("organizationIdentifier") || (has("ncaId") && has("authorisationNumber"));
        if !identified {
            wrong = true;
            mistakes.note(line, "column organizationIdentifier, or ncaId and authorisationNumber, is missing");
        }
        for name in ["name", "roles", "status"].into_iter().filter(|name| !has(name)) {
            wrong = true;
            mistakes.note(line, format!("column {name} is missing"));
        }
        (!wrong).then_some(Self(places))
    }
}

fn row(record: &ByteRecord, line: u64, header: &Header, width: usize, sheet: &mut Sheet) {
    if record.len() != width {
        return sheet.mistakes.note(line, format!("{} fields, the header has {width}", record.len()));
    }
    let mut cells = [None; COLUMNS.len()];
    for (cell, place) in cells.iter_mut().zip(header.0) {
        let Some(bytes) = place.and_then(|at| record.get(at)) else { continue };
        match std::str::from_utf8(bytes) {
            Ok(text) => *cell = Some(text.trim()),
            Err(_) => return sheet.mistakes.note(line, "not UTF-8"),
        }
    }
    let [organisation, nca, number, name, roles, status, hosts] = cells;
    let [organisation, nca, number, status] = [organisation, nca, number, status].map(|cell| cell.filter(|text| !text.is_empty()));
    sheet.take(line, &Written { organisation, nca, number, name, roles: roles.map(items), status, hosts: hosts.map(items) });
}

/// `PSP_AI PSP_PI`, or with `|` between.
fn items(cell: &str) -> Vec<&str> {
    cell.split([' ', '|']).filter(|item| !item.is_empty()).collect()
}
