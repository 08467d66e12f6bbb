//! `[brand.sca]`: who authenticates the brand's customers, and how the bank's back end is reached.

use super::{
    names,
    reader::{Reader, choice},
    settings::Context,
};
use crate::oauth::brand::PsuAuthentication;
use std::{path::PathBuf, time::Duration};

/// The bank's SCA back end, as a driver reaches it: mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverSettings {
    /// https, without `/` at the end.
    pub url: String,
    /// PEM: who issues the back end's certificate.
    pub ca_file: PathBuf,
    /// PEM: what we show to it.
    pub client_certificate_file: PathBuf,
    pub client_key_file: PathBuf,
    /// For one exchange, connection included.
    pub deadline: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Simulator,
    Driver,
    Portal,
    None,
}

/// `None`s: the table says nothing, or not enough.
pub(super) fn read(table: &mut Reader<'_>, sandbox: bool, context: &Context<'_>) -> (Option<PsuAuthentication>, Option<DriverSettings>) {
    let words = [("simulator", Mode::Simulator), ("driver", Mode::Driver), ("portal", Mode::Portal), ("none", Mode::None)];
    let mode = table.need("mode", |v| choice(v, &words));
    if mode == Some(Mode::Simulator) && !sandbox {
        table.note("mode", "`brand.sca.mode = \"simulator\"` is for sandboxes: its customers have published passwords");
    }
    let driver = (mode == Some(Mode::Driver)).then(|| DriverSettings {
        url: table.need("driver_url", names::https_url).unwrap_or_default(),
        ca_file: context.file(table, "ca_file"),
        client_certificate_file: context.file(table, "client_certificate_file"),
        client_key_file: context.file(table, "client_key_file"),
        deadline: Duration::from_secs(table.optional_number("deadline_seconds", 1..=10).unwrap_or(3)),
    });
    let portal = if mode == Some(Mode::Portal) { table.need("portal_url", names::https_url) } else { None };
    table.finish();
    let authentication = match mode {
        None => None,
        Some(Mode::Simulator) => Some(PsuAuthentication::Simulator),
        Some(Mode::Driver) => Some(PsuAuthentication::Driver),
        Some(Mode::Portal) => portal.map(|url| PsuAuthentication::Portal { url }),
        Some(Mode::None) => Some(PsuAuthentication::None),
    };
    (authentication, driver)
}
