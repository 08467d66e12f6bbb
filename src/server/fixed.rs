//! What was settled when the process began: sockets are bound, connections opened. Another value of it needs a restart.

use crate::config::{DatabaseSettings, LogFormat, Settings};
use std::net::SocketAddr;

pub(super) struct Fixed {
    tpp: SocketAddr,
    psu: SocketAddr,
    internal: Option<SocketAddr>,
    ops: SocketAddr,
    database: DatabaseSettings,
    log_format: LogFormat,
}

impl Fixed {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            tpp: settings.tpp.address,
            psu: settings.psu.address,
            internal: settings.internal.as_ref().map(|internal| internal.listener.address),
            ops: settings.ops,
            database: settings.database.clone(),
            log_format: settings.log.format,
        }
    }

    /// tpp's socket serves psu, too: SNI tells them apart.
    pub(super) fn one_socket(&self) -> bool {
        self.tpp == self.psu
    }

    /// The keys whose new values count after a restart only.
    pub(super) fn differences(&self, settings: &Settings) -> Vec<&'static str> {
        let new = Self::of(settings);
        let internal = match (self.internal, new.internal) {
            (Some(old), Some(new)) if old != new => Some("internal.address"),
            (Some(_), None) | (None, Some(_)) => Some("internal"),
            (Some(_), Some(_)) | (None, None) => None,
        };
        let mut keys: Vec<_> = [
            ("tpp.address", self.tpp != new.tpp),
            ("psu.address", self.psu != new.psu),
            ("ops.address", self.ops != new.ops),
            ("log.format", self.log_format != new.log_format),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect();
        keys.extend(internal);
        keys.extend(self.database.differences(&new.database));
        keys
    }
}
