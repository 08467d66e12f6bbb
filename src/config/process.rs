//! `[outbound]`, `[audit]` and `[reload]`: what a process does beside answering.

use super::{names, reader::Reader};
use std::time::Duration;

/// How strangers' servers are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundSettings {
    /// http or https, without user and password.
    pub proxy_url: Option<String>,
    /// `host:port`, reached though their addresses are private, and without the proxy.
    pub private_hosts: Vec<String>,
}

/// How the audit trail is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Events stay so many months after that of their making.
    pub keep_months: i32,
    /// How often the heads of the chains are told to the outside.
    pub anchor: Duration,
}

/// When the settings are read anew without being told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadSettings {
    /// As soon as one of their files changed.
    pub watch: bool,
    /// How often these are looked at.
    pub every: Duration,
}

pub(super) fn outbound(table: &mut Reader<'_>) -> OutboundSettings {
    let read = OutboundSettings {
        proxy_url: table.may("proxy_url", names::proxy_url),
        private_hosts: table.list("private_hosts", names::host_and_port),
    };
    table.finish();
    read
}

pub(super) fn audit(table: &mut Reader<'_>) -> AuditSettings {
    let read = AuditSettings {
        keep_months: i32::try_from(table.number("keep_months", 2..=1_200)).unwrap_or_default(),
        anchor: Duration::from_secs(table.number("anchor_minutes", 1..=10_080) * 60),
    };
    table.finish();
    read
}

pub(super) fn reload(table: &mut Reader<'_>) -> ReloadSettings {
    let read = ReloadSettings { watch: table.flag("watch"), every: table.seconds("watch_seconds", 3_600) };
    table.finish();
    read
}
