//! `[brand.sca]`: who authenticates the brand's customers, and how the bank's back end is reached.

use super::{context::Context, names, reader::Reader};
use crate::oauth::brand::PsuAuthentication;
use std::{path::PathBuf, time::Duration};
use toml::de::DeValue;

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
pub(super) fn read(table: &mut Reader<'_>, sandbox: bool, context: &Context) -> (Option<PsuAuthentication>, Option<DriverSettings>) {
    let words = [("simulator", Mode::Simulator), ("driver", Mode::Driver), ("portal", Mode::Portal), ("none", Mode::None)];
    let mode = table.choice("mode", &words);
    if mode == Some(Mode::Simulator) && !sandbox {
        table.note("mode", "`brand.sca.mode = \"simulator\"` is for sandboxes: its customers have published passwords");
    }
    // what another mode needs is judged where it stands, and waits
    let file = |table: &mut Reader<'_>, needed, key| {
        if needed { Some(context.file(table, key)) } else { context.optional_file(table, key) }.unwrap_or_default()
    };
    let is_driver = mode == Some(Mode::Driver);
    let driver = DriverSettings {
        url: wanted(table, is_driver, "driver_url", names::https_url),
        ca_file: file(table, is_driver, "ca_file"),
        client_certificate_file: file(table, is_driver, "client_certificate_file"),
        client_key_file: file(table, is_driver, "client_key_file"),
        deadline: Duration::from_secs(table.optional_number("deadline_seconds", 1..=10).unwrap_or(3)),
    };
    let portal = wanted(table, mode == Some(Mode::Portal), "portal_url", names::https_url);
    table.finish();
    let authentication = match mode {
        None => None,
        Some(Mode::Simulator) => Some(PsuAuthentication::Simulator),
        Some(Mode::Driver) => Some(PsuAuthentication::Driver),
        Some(Mode::Portal) => Some(PsuAuthentication::Portal { url: portal }),
        Some(Mode::None) => Some(PsuAuthentication::None),
    };
    (authentication, is_driver.then_some(driver))
}

/// Required, or read all the same.
fn wanted<T: Default>(table: &mut Reader<'_>, needed: bool, key: &'static str, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> T {
    if needed { table.need(key, read) } else { table.may(key, read) }.unwrap_or_default()
}
