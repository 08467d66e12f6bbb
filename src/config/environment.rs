//! Variables: `GUICHET_<SECTION>__<KEY>`, upper case, `__` between tables, above every file.

use super::{
    mistakes::{ENVIRONMENT, Findings, Source, Writer, nearest},
    reference::{self, Written},
};
use std::{borrow::Cow, collections::BTreeMap, env, ffi::OsString, path::Path};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub const PREFIX: &str = "GUICHET_";
/// Stands for `database.url_file`, and may hold a password.
pub const DATABASE_URL: &str = "GUICHET_DATABASE_URL";
const CONFIG: &str = "GUICHET_CONFIG";
/// Named after the program, and no settings: the file's name, what `contract-check` signs in with, and what the tests are told.
const OTHERS: [&str; 4] = [CONFIG, DATABASE_URL, "GUICHET_CHECK_PASSWORD", "GUICHET_CHECK_OTP"];
const OF_TESTS: [&str; 4] = ["GUICHET_IMAGE_", "GUICHET_QWAC_", "GUICHET_TEST_", "GUICHET_WRITE_"];

/// The variables whose names begin with `GUICHET_`. No `Debug`: one of them may hold a password.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    pub fn of_process() -> Self {
        Self::of(env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value)))
    }

    pub fn of<N: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(variables.filter(|(name, _)| name.starts_with(PREFIX)).collect())
    }

    /// The database's, where the environment has one.
    pub(super) fn database_url(&self, findings: &Findings) -> Option<String> {
        text(DATABASE_URL, self.0.get(DATABASE_URL)?, findings)
    }

    /// One source for each variable that is a setting; what is none, and nothing else that is known, is a mistake.
    pub(super) fn sources(&self, folder: &Path, findings: &Findings) -> Vec<Source> {
        let settings: Vec<_> = self.0.iter().filter(|(name, value)| !is_no_setting(name, value)).collect();
        if settings.is_empty() {
            return Vec::new();
        }
        let known = reference::of_settings();
        let mut sources = Vec::new();
        for (name, value) in settings {
            if let Err(why) = judge(name, &known) {
                findings.about(ENVIRONMENT, why);
            } else if let Some(value) = text(name, value, findings) {
                let text = Cow::Owned(value);
                sources.push(Source { name: name.clone(), text, folder: Some(folder.to_path_buf()), writer: Writer::Environment });
            }
        }
        sources
    }
}

/// The variable that sets a key; `None` where none can.
pub fn variable(key: &Written) -> Option<String> {
    (!key.in_rows).then(|| format!("{PREFIX}{}", key.key.replace('.', "__").to_ascii_uppercase()))
}

fn text(name: &str, value: &OsString, findings: &Findings) -> Option<String> {
    let text = value.to_str().map(str::to_owned);
    if text.is_none() {
        findings.about(ENVIRONMENT, format!("`{name}` is not UTF-8"));
    }
    text
}

fn is_no_setting(name: &str, value: &OsString) -> bool {
    OTHERS.contains(&name) || OF_TESTS.iter().any(|prefix| name.starts_with(prefix)) || is_service_link(name, value)
}

/// Kubernetes tells every container of the services around it: one whose name begins with `guichet` would stop the server.
fn is_service_link(name: &str, value: &OsString) -> bool {
    if name.contains("__") {
        return false;
    }
    let is_port = |rest: &str| rest.split('_').next().is_some_and(|port| port.parse::<u16>().is_ok());
    let of_port = name.match_indices("_PORT_").any(|(at, word)| is_port(&name[at + word.len()..]));
    let url = value.to_str().is_some_and(|value| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme)));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || of_port
        || name.ends_with("_PORT") && url
}

fn judge(name: &str, settings: &[Written]) -> Result<(), String> {
    let variables: Vec<_> = settings.iter().filter_map(variable).collect();
    if variables.iter().any(|known| known == name) {
        return Ok(());
    }
    let section = |known: &String, section: &str| known.strip_prefix(section).is_some_and(|rest| rest.starts_with("__"));
    let mut rows = settings.iter().filter(|key| key.in_rows).filter_map(|key| key.key.split('.').next());
    if let Some(rows) = rows.find(|rows| section(&format!("{name}__"), &format!("{PREFIX}{}", rows.to_ascii_uppercase()))) {
        return Err(format!("`{name}`: rows of [[{rows}]] are out of a variable's reach; write them into a file in conf.d"));
    }
    if let Some(key) = variables.iter().find(|known| section(known, name)) {
        return Err(format!("`{name}` is a section; a variable sets one key of it, such as `{key}`"));
    }
    let known = variables.iter().map(String::as_str).chain([DATABASE_URL, CONFIG]);
    let near = nearest(&name.to_ascii_uppercase(), known, 1).first().map_or_else(String::new, |near| format!("; the nearest is `{near}`"));
    Err(format!("unknown variable `{name}`{near}"))
}

/// The table that holds a variable's value alone, below its sections.
pub(super) fn table<'a>(source: &'a Source, findings: &Findings) -> Option<DeTable<'a>> {
    let value = match value(&source.text) {
        Ok(value) => value,
        Err(why) => {
            findings.about(ENVIRONMENT, format!("`{}` cannot be read as TOML: {why}; a text may stand in quotes", source.name));
            return None;
        }
    };
    let path = source.name.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let spanned = |key: &str, value| {
        let mut table = DeTable::new();
        table.insert(Spanned::new(0..0, Cow::Owned(key.to_owned())), Spanned::new(0..source.text.len(), value));
        table
    };
    let mut keys = path.rsplit("__");
    let innermost = spanned(keys.next()?, value);
    Some(keys.fold(innermost, |inner, key| spanned(key, DeValue::Table(inner))))
}

/// TOML; what begins with neither quote nor bracket and is no TOML is a text.
fn value(text: &str) -> Result<DeValue<'_>, String> {
    match DeValue::parse(text.trim()) {
        Ok(value) => Ok(value.into_inner()),
        Err(error) if text.trim_start().starts_with(['"', '\'', '[', '{']) => Err(error.message().trim().replace('\n', "; ")),
        Err(_) => Ok(DeValue::String(Cow::Borrowed(text))),
    }
}
