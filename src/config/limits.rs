//! `[limits]`: what one process does at most, and how long it waits.

use super::reader::Reader;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of a listener.
    pub connections: usize,
    /// TLS handshakes under way at once.
    pub handshakes: usize,
    pub handshake: Duration,
    /// To read a request's head.
    pub header: Duration,
    /// To read a request's body.
    pub body: Duration,
    pub body_bytes: usize,
    pub header_bytes: usize,
    /// From head to answer.
    pub request: Duration,
    pub requests_in_flight: usize,
    /// Of them, those of one organisation, or at the psu counter of one address.
    pub requests_in_flight_of_one: usize,
    /// Live clients of one organisation at one brand.
    pub clients_of_organisation: u32,
    /// Journeys of one client under way in which nobody has signed in.
    pub open_journeys_of_client: u32,
    /// Asked about in one introspection.
    pub tokens_per_introspection: usize,
    /// An older connection is closed after its current request, so that its certificate is shown again.
    pub connection_age: Duration,
    /// Told to end, a process goes on for so long, not ready, so that balancers notice.
    pub shutdown_delay: Duration,
    /// What running requests get at shutdown.
    pub drain: Duration,
}

pub(super) fn read(table: &mut Reader<'_>) -> Limits {
    let read = Limits {
        connections: table.size("connections", 1..=1_000_000),
        handshakes: table.size("handshakes", 1..=1_000_000),
        handshake: table.seconds("handshake_seconds", 60),
        header: table.seconds("header_seconds", 60),
        body: table.seconds("body_seconds", 60),
        body_bytes: table.size("body_bytes", 1_024..=1 << 20),
        header_bytes: table.size("header_bytes", 4_096..=1 << 20),
        request: table.seconds("request_seconds", 300),
        requests_in_flight: table.size("requests_in_flight", 1..=1_000_000),
        requests_in_flight_of_one: table.size("requests_in_flight_of_one", 1..=1_000_000),
        clients_of_organisation: u32::try_from(table.number("clients_of_organisation", 1..=100_000)).unwrap_or(u32::MAX),
        open_journeys_of_client: u32::try_from(table.number("open_journeys_of_client", 1..=100_000)).unwrap_or(u32::MAX),
        tokens_per_introspection: table.size("tokens_per_introspection", 1..=1_000),
        connection_age: table.seconds("connection_age_seconds", 86_400),
        shutdown_delay: Duration::from_secs(table.number("shutdown_delay_seconds", 0..=600)),
        drain: table.seconds("drain_seconds", 600),
    };
    if read.handshakes > read.connections && read.connections > 0 {
        table.note("handshakes", "`limits.handshakes` is more than `limits.connections`");
    }
    if read.body > read.request && !read.request.is_zero() {
        table.note("body_seconds", "`limits.body_seconds` is longer than `limits.request_seconds`");
    }
    table.finish();
    read
}
