//! How much the network may cost us.

use crate::limits::Gate;
use std::time::Duration;

/// Bounds of one listening socket. The process needs about `max_waiting + max_connections` file descriptors for it.
#[derive(Clone, Debug)]
pub struct ListenerLimits {
    /// Connections accepted but not yet in their handshake. One more cuts the oldest of them: a peer that never speaks
    /// costs a socket for a while and keeps nobody out.
    pub max_waiting: usize,
    /// Handshakes at the same time, those left out that their peers stall. The next ones wait, within their `handshake` time.
    pub max_handshakes: usize,
    /// Connections in their handshake or speaking HTTP. At the cap the next ones wait, within their `handshake` time.
    pub max_connections: usize,
    /// From the accepted connection to the end of its handshake; in the clear, to the first byte.
    pub handshake: Duration,
    /// HTTP/1.1: for a whole request head, the idle time before it included. HTTP/2: a connection on which nothing
    /// began or is under way ends after one to two of these.
    pub idle: Duration,
    /// Of a request's head, in bytes (HTTP/2: RFC 9113 s6.5.2 SETTINGS_MAX_HEADER_LIST_SIZE). Above: 431.
    pub max_header_bytes: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub max_streams: u32,
    /// After this a connection finishes what it is at and ends, so that balancers can spread peers again and no
    /// client certificate is shown once for ever.
    pub max_age: Duration,
    /// What requests under way get when the server stops or a connection comes of age. Then they are cut.
    pub drain: Duration,
    /// What one address may take of it. `None`: all.
    pub gate: Option<Gate>,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_waiting: 1024,
            max_handshakes: 256,
            max_connections: 4096,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(15),
            max_header_bytes: 32 << 10,
            max_streams: 64,
            max_age: Duration::from_secs(600),
            drain: Duration::from_secs(20),
            gate: None,
        }
    }
}
