//! What the verbs of an operator share: who acts, on which database, in texts that fit a row and a terminal.

use super::{ConfigFile, Failure, StartError};
use crate::{
    admin::{self, Person, Through},
    config::Settings,
    oauth::brand::BrandId,
    storage::{Db, Outage},
};
use clap::Args;
use nix::unistd::{Uid, User};
use serde::Serialize;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};
use uuid::Uuid;

pub use crate::admin::{LONG, SHORT};

/// Pages that are looked through for one list.
const MOST_PAGES: usize = 50;

/// Who does it: kept with the change.
#[derive(Args)]
pub struct Author {
    /// Who does it
    #[arg(long = "by", value_name = "NAME", env = "USER", hide_env_values = true)]
    by: String,
}

impl Author {
    pub fn name(&self) -> Result<String, Failure> {
        text("--by", &self.by, SHORT)
    }

    /// With the account of the operating system, which nobody types.
    pub fn person(&self) -> Result<Person, Failure> {
        Ok(Person { name: self.name()?, through: Through::Cli, account: account() })
    }
}

/// Who runs this process; under sudo also who asked for it.
fn account() -> String {
    let uid = Uid::current();
    let own = User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| user.name);
    match std::env::var("SUDO_USER") {
        Ok(asked) if uid.is_root() && text("SUDO_USER", &asked, SHORT).is_ok() => format!("{own} by sudo of {}", asked.trim()),
        Ok(_) | Err(_) => own,
    }
}

impl ConfigFile {
    pub fn settings(&self) -> Result<Settings, Failure> {
        super::settings(&self.path)
    }
}

impl From<Outage> for Failure {
    fn from(outage: Outage) -> Self {
        StartError::from(outage).into()
    }
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    super::runtime()
}

/// The database, where its schema is this program's.
pub async fn connect(settings: &Settings) -> Result<Db, Failure> {
    let db = super::connect(settings)?;
    match db.schema_state().await?.fault() {
        None => Ok(db),
        Some(fault) => Err(StartError::Schema(fault).into()),
    }
}

pub fn choose_brand(id: &str, settings: &Settings) -> Result<BrandId, Failure> {
    let known: Vec<_> = settings.brands.iter().map(|brand| brand.id.as_str()).collect();
    if known.contains(&id) { Ok(BrandId::new(id)) } else { Err(Failure(2, format!("no brand {id:?}; there are {}", known.join(", ")))) }
}

/// Not empty, not too long, without controls but line breaks.
pub fn text(flag: &str, value: &str, most: usize) -> Result<String, Failure> {
    admin::text(value, most).map_err(|why| Failure(2, format!("{flag} {why}")))
}

/// Of `--psu-notice`.
pub fn notice(value: Option<&str>) -> Result<Option<String>, Failure> {
    value.map(|value| text("--psu-notice", value, LONG)).transpose()
}

/// At most `limit` of what comes in pages, and after which one there are more. A page may hold fewer than it was asked for.
pub async fn pages<T>(
    limit: usize,
    after: Option<Uuid>,
    page: impl AsyncFn(Option<Uuid>, usize) -> Result<(Vec<T>, Option<Uuid>), Failure>,
) -> Result<(Vec<T>, Option<Uuid>), Failure> {
    let (mut found, mut next) = (vec![], after);
    for _ in 0..MOST_PAGES {
        let (more, after) = page(next, limit - found.len()).await?;
        found.extend(more);
        next = after;
        if next.is_none() || found.len() >= limit {
            break;
        }
    }
    Ok((found, next))
}

pub fn day(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "a day is written 2026-11-27".to_owned())
}

pub fn moment(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    say!("{}", serde_json::to_string_pretty(value).map_err(Failure::unexpected)?);
    Ok(())
}

/// Stored text on a terminal: nothing in it may steer it; further lines are set in.
pub fn plain(text: &str) -> String {
    let deceptive = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
    let shown = |c: char| match c {
        '\n' => "\n            ".to_owned(),
        c if deceptive(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}
