//! What a connection proved, put into the extensions of every request on it.

use super::front_proxy::Hop;
use crate::pki::PresentedChain;
use std::net::SocketAddr;

/// Which counter a connection stands at. Chosen by the listening socket, or by SNI where tpp and psu share a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    Tpp,
    Psu,
    Internal,
    Ops,
}

impl Counter {
    /// The name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tpp => "tpp",
            Self::Psu => "psu",
            Self::Internal => "internal",
            Self::Ops => "ops",
        }
    }
}

/// The certificates are those whose key the peer proved to hold in this very handshake: nothing is resumed. On a front
/// proxy's connection the HTTP layer puts in their place what the proxy hands over with each request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who comes: as a trusted balancer's PROXY header announced, else the socket's.
    pub address: SocketAddr,
    /// The other end of the socket, as the kernel says.
    pub socket: SocketAddr,
    pub counter: Counter,
    pub hop: Hop,
    /// As sent. Empty: none was sent.
    pub chain: PresentedChain,
}
