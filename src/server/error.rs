//! Why a server does not start, or does not take new settings up.

use crate::storage::{Outage, SchemaState};
use std::fmt;

/// Each kind has its exit code.
#[derive(Debug)]
pub enum StartError {
    /// Files or settings are wrong: one mistake a line.
    Configuration(String),
    /// The database has another schema than this program.
    Schema(SchemaState),
    /// The database is away, or an address is taken.
    Unavailable(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(why) | Self::Unavailable(why) => f.write_str(why),
            Self::Schema(state) => state.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<Outage> for StartError {
    fn from(outage: Outage) -> Self {
        Self::Unavailable(outage.to_string())
    }
}

/// What is wrong, gathered so that one mistake does not hide the next.
#[derive(Default)]
pub(super) struct Wrong(Vec<String>);

impl Wrong {
    pub(super) fn note<T>(&mut self, read: Result<T, impl fmt::Display>) -> Option<T> {
        read.map_err(|why| self.0.push(why.to_string())).ok()
    }

    /// `None` only where something was noted.
    pub(super) fn judge<T>(mut self, value: Option<T>) -> Result<T, StartError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => {
                // two listeners may name one file
                self.0.dedup();
                Err(StartError::Configuration(self.0.join("\n")))
            }
        }
    }
}
