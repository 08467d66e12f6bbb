//! `[database]`, and where its URL is from.

use super::{
    DATABASE_URL, Effective, Limits,
    context::{Context, Opened},
    effective::{Origin, Shown, Value},
    mistakes::ENVIRONMENT,
    names, read_text,
    reader::{Reader, text},
};
use secrecy::{ExposeSecret, SecretString};
use std::{path::PathBuf, time::Duration};

#[derive(Debug)]
pub struct DatabaseSettings {
    pub url: SecretString,
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    pub statement_timeout: Duration,
    /// Idle connections are closed after this.
    pub idle_timeout: Duration,
}

pub(super) fn read(table: &mut Reader<'_>, limits: &Limits, context: &Context) -> (DatabaseSettings, UrlOrigin) {
    let (url, origin) = url(table, context);
    let read = DatabaseSettings {
        url: url.unwrap_or_default(),
        max_connections: u32::try_from(table.number("max_connections", 1..=1_000)).unwrap_or_default(),
        acquire_timeout: table.seconds("acquire_timeout_seconds", 60),
        statement_timeout: table.seconds("statement_timeout_seconds", 60),
        idle_timeout: table.seconds("idle_timeout_seconds", 86_400),
    };
    if read.acquire_timeout.max(read.statement_timeout) > limits.request && !limits.request.is_zero() {
        let longer = if read.statement_timeout > limits.request { "statement_timeout_seconds" } else { "acquire_timeout_seconds" };
        table.note(longer, format!("`database.{longer}` is longer than `limits.request_seconds`: the request would be gone first"));
    }
    table.finish();
    (read, origin)
}

/// Where the database's URL is from.
pub(super) enum UrlOrigin {
    Variable,
    /// Of its own.
    File(PathBuf),
    /// Where it can be read by everybody, or nowhere.
    Settings,
}

impl UrlOrigin {
    pub(super) fn tell(self, url: &SecretString, effective: &mut Effective) {
        let origin = match self {
            Self::Settings => return,
            Self::Variable => {
                effective.remove("database.url_file");
                Origin::Variable(DATABASE_URL.to_owned())
            }
            Self::File(path) => Origin::File { file: path.display().to_string(), line: 1 },
        };
        effective.insert("database.url".to_owned(), Value { shown: Shown::secret(url.expose_secret()), origin, default: None });
    }
}

/// The environment, else the file, else a URL without password. All that are written are judged.
fn url(table: &mut Reader<'_>, context: &Context) -> (Option<SecretString>, UrlOrigin) {
    let from_env = context.database_url.as_ref();
    let from_file = table.file("url_file", |path| {
        // A variable that wins makes the file needless.
        if from_env.is_some() || context.opened == Opened::Banks {
            return Ok((String::new(), path.to_path_buf()));
        }
        let url = read_text(path).map_err(|why| format!("names {}, which {why}", path.display()))?;
        names::database_url(&url).map_err(|why| format!("names {}, whose content {why}", path.display()))?;
        Ok((url.trim().to_owned(), path.to_path_buf()))
    });
    let plain = table.may("url", |v| {
        let url = text(v)?;
        if names::has_password(&names::database_url(&url)?) {
            return Err("holds a password; put the URL into a file of its own and name it in `url_file`".to_owned());
        }
        Ok(url)
    });
    let (has_file, has_url) = (table.has("url_file"), table.has("url"));
    if has_file && has_url {
        table.note("url", "`database.url` and `database.url_file` exclude each other");
    }
    if let Some(url) = from_env {
        return match names::database_url(url) {
            Ok(_) => (Some(url.trim().into()), UrlOrigin::Variable),
            Err(why) => {
                table.findings().about(ENVIRONMENT, format!("`{DATABASE_URL}` {why}"));
                (None, UrlOrigin::Variable)
            }
        };
    }
    if !has_file && !has_url && context.opened != Opened::Banks {
        table.note("url_file", format!("missing key `database.url_file` (or the variable {DATABASE_URL})"));
    }
    match from_file {
        Some((url, path)) if context.opened != Opened::Banks => (Some(url.into()), UrlOrigin::File(path)),
        Some(_) | None => (plain.map(SecretString::from), UrlOrigin::Settings),
    }
}
