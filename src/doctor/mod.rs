//! `guichet doctor`: what is wrong with an installation, seen from inside and from outside, and what to do about it.
//!
//! `look` gathers facts: files, the database, the names of hosts, what a client sees. The rest judges them: facts and a time
//! in, findings out. Nothing is changed anywhere.

mod brands;
mod certificates;
mod check;
mod database;
mod dnssec;
mod look;
mod outside;

pub use check::{Check, Gravity};
pub use look::{Asked, inside, outside};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub check: Check,
    /// The file, host, table or setting.
    pub about: String,
    /// What was seen.
    pub seen: String,
}

impl Finding {
    pub fn new(check: Check, about: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { check, about: about.into(), seen: seen.into() }
    }
}

/// A finding as programs read it.
#[derive(Serialize)]
pub struct Told<'a> {
    code: &'static str,
    gravity: &'static str,
    about: &'a str,
    seen: &'a str,
    advice: &'static str,
}

impl<'a> From<&'a Finding> for Told<'a> {
    fn from(finding: &'a Finding) -> Self {
        let (check, Finding { about, seen, .. }) = (finding.check, finding);
        Self { code: check.code(), gravity: check.gravity().name(), about, seen, advice: check.advice() }
    }
}

/// To the second.
fn moment(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_else(|_| time.unix_timestamp().to_string())
}
