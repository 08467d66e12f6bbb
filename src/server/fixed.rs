//! What was settled when the process began: sockets are bound, connections opened. Another value of it needs a restart.

use crate::config::{Effective, Settings, TakenUp, differences};

pub(super) struct Fixed {
    /// The settings that the process began with.
    began_with: Effective,
    one_socket: bool,
}

impl Fixed {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { began_with: settings.effective.clone(), one_socket: settings.tpp.address == settings.psu.address }
    }

    /// tpp's socket serves psu, too: SNI tells them apart.
    pub(super) const fn one_socket(&self) -> bool {
        self.one_socket
    }

    /// The keys whose new values count after a restart only.
    pub(super) fn differences(&self, settings: &Settings) -> Vec<String> {
        let differences = differences(&self.began_with, &settings.effective).into_iter();
        differences.filter(|difference| difference.taken_up == TakenUp::Restart).map(|difference| difference.key).collect()
    }
}
