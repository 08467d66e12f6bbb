//! A register's export: bytes in, rows out, or every mistake with its line. Two forms, told apart by the first character:
//! CSV with a header, and a JSON array of objects. Only the command line reads them, in a process of its own.

mod csv;
mod json;
#[cfg(test)]
mod tests;

use crate::{
    oauth::tpp::{OrganisationId, PspRole},
    standing::{Country, Entry, Roles, Status},
};
use std::{collections::HashMap, fmt};

/// Larger files are not read.
pub const LARGEST_FILE: u64 = 64 << 20;
/// All institutions of the EBA's register, with their agents, are some 150,000.
pub const MOST_ROWS: usize = 200_000;
/// More mistakes than these are only counted.
const MOST_MISTAKES: usize = 200;
/// The upper bound of nCAName and the like in ETSI TS 119 495, in bytes.
const LONGEST_TEXT: usize = 256;

/// One institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub organisation: OrganisationId,
    pub name: String,
    pub entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1; of JSON, where the object begins.
    pub line: u64,
    pub what: String,
}

/// All that is wrong with a file; never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    pub listed: Vec<Mistake>,
    /// Beside the listed ones.
    pub more: usize,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Mistake { line, what }) in self.listed.iter().enumerate() {
            write!(f, "{}line {line}: {what}", if at == 0 { "" } else { "\n" })?;
        }
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl Mistakes {
    fn note(&mut self, line: u64, what: impl Into<String>) {
        if self.listed.len() < MOST_MISTAKES {
            self.listed.push(Mistake { line, what: what.into() });
        } else {
            self.more += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

/// Reads an export in either form.
///
/// # Errors
/// With every mistake; no row is taken from a file that has one.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, Mistakes> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut sheet = Sheet::default();
    if bytes.len() as u64 > LARGEST_FILE {
        sheet.mistakes.note(1, format!("the file is larger than {} MiB", LARGEST_FILE >> 20));
    } else {
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => sheet.mistakes.note(1, "the file is empty"),
            Some(b'[' | b'{') => json::read(bytes, &mut sheet),
            Some(_) => csv::read(bytes, &mut sheet),
        }
    }
    if sheet.mistakes.is_empty() && sheet.rows.is_empty() {
        sheet.mistakes.note(1, "there is no institution in it");
    }
    if sheet.mistakes.is_empty() { Ok(sheet.rows) } else { Err(sheet.mistakes) }
}

/// What was read so far.
#[derive(Default)]
struct Sheet {
    rows: Vec<Row>,
    mistakes: Mistakes,
    /// Where each organisation stands.
    seen: HashMap<OrganisationId, u64>,
}

/// An institution as the file has it, before it was judged. `None`: the file has no such column or member.
#[derive(Default)]
struct Written<'a> {
    organisation: Option<&'a str>,
    nca: Option<&'a str>,
    number: Option<&'a str>,
    name: Option<&'a str>,
    roles: Option<Vec<&'a str>>,
    status: Option<&'a str>,
    hosts: Option<Vec<&'a str>>,
}

impl Sheet {
    /// Is there room for one more? Said once.
    fn has_room(&mut self, line: u64) -> bool {
        let room = self.seen.len() < MOST_ROWS;
        if !room {
            self.mistakes.note(line, format!("more than {MOST_ROWS} institutions"));
        }
        room
    }

    fn take(&mut self, line: u64, written: &Written<'_>) {
        let organisation = organisation(written).map_err(|why| self.mistakes.note(line, why)).ok();
        let name = plain("name", written.name.unwrap_or_default()).map_err(|why| self.mistakes.note(line, why)).ok();
        let roles = self.items(line, written.roles.as_deref().unwrap_or_default(), role).into_iter().collect::<Roles>();
        let status = match written.status.map(|text| (text, Status::parse(text))) {
            Some((_, Some(status))) => Some(status),
            Some((text, None)) => {
                self.mistakes.note(line, format!("status: {} is not authorised, suspended or withdrawn", shown(text)));
                None
            }
            None => {
                self.mistakes.note(line, "status: missing");
                None
            }
        };
        if roles.is_empty() && status == Some(Status::Authorised) && written.roles.as_ref().is_none_or(Vec::is_empty) {
            self.mistakes.note(line, "roles: an authorised institution has at least one");
        }
        let hosts = written.hosts.as_deref().map(|hosts| self.items(line, hosts, host).into());
        let (Some(organisation), Some(name), Some(status)) = (organisation, name, status) else { return };
        if let Some(first) = self.seen.insert(organisation.clone(), line) {
            self.mistakes.note(line, format!("{} stands on line {first} already", shown(organisation.as_str())));
        }
        // once something is wrong, nothing will be taken: spare the memory
        if self.mistakes.is_empty() {
            self.rows.push(Row { organisation, name, entry: Entry { roles, status, hosts } });
        }
    }

    fn items<T>(&mut self, line: u64, items: &[&str], read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut values = vec![];
        for item in items {
            match read(item) {
                Ok(value) => values.push(value),
                Err(why) => self.mistakes.note(line, why),
            }
        }
        values
    }
}

/// Either the identifier as a QWAC has it, or its two halves.
fn organisation(written: &Written<'_>) -> Result<OrganisationId, String> {
    let text = match (written.organisation, written.nca, written.number) {
        (Some(id), None, None) => id.to_owned(),
        (None, Some(nca), Some(number)) => {
            if !is_nca(nca) {
                return Err(format!("ncaId: {} is not a country and an authority, such as FR-ACPR", shown(nca)));
            }
            format!("PSD{nca}-{number}")
        }
        (None, None, None) => return Err("organizationIdentifier: missing".into()),
        (None, None, Some(_)) => return Err("ncaId: missing".into()),
        (None, Some(_), None) => return Err("authorisationNumber: missing".into()),
        (Some(_), _, _) => return Err("organizationIdentifier: beside ncaId and authorisationNumber it is one too many".into()),
    };
    plain("organizationIdentifier", &text)?;
    if is_identifier(&text) {
        Ok(OrganisationId::new(text))
    } else {
        Err(format!("organizationIdentifier: {} is not of the form PSDFR-ACPR-12345", shown(&text)))
    }
}

/// `FR-ACPR` (ETSI TS 119 495 s5.2.3).
fn is_nca(text: &str) -> bool {
    let capitals = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    text.split_once('-').is_some_and(|(country, id)| country.len() == 2 && (2..=8).contains(&id.len()) && capitals(country) && capitals(id))
}

/// ETSI EN 319 412-1 s5.1.4: three letters, a country, a hyphen, the reference; `PSD` with the authority before it.
fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    let general = bytes.len() > 6 && bytes[..5].iter().all(u8::is_ascii_uppercase) && bytes[5] == b'-';
    let number =
        |rest: &str| rest.match_indices('-').nth(1).is_some_and(|(at, _)| is_nca(&rest[..at]) && !rest[at + 1..].trim().is_empty());
    general && text.strip_prefix("PSD").is_none_or(number)
}

fn role(text: &str) -> Result<PspRole, String> {
    PspRole::ALL
        .into_iter()
        .find(|role| role.name() == text)
        .ok_or_else(|| format!("roles: {} is none of PSP_AS, PSP_PI, PSP_AI, PSP_IC", shown(text)))
}

fn host(text: &str) -> Result<Country, String> {
    Country::parse(text).ok_or_else(|| format!("hostCountries: {} is no country code of two capital letters", shown(text)))
}

/// Text that can be stored, compared and shown.
fn plain(what: &str, text: &str) -> Result<String, String> {
    if text.len() > LONGEST_TEXT {
        return Err(format!("{what}: longer than {LONGEST_TEXT} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what}: holds a control character"));
    }
    Ok(text.to_owned())
}

/// Foreign text in a message: short, on one line, nothing in it that steers a terminal.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("`{}{}`", short.escape_debug(), if short.len() < text.len() { ".." } else { "" })
}
