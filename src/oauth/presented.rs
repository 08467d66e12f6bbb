//! What a connection proved at an endpoint of clients: an organisation, or a key and nothing else. One is never taken for the other.

use super::tpp::Tpp;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub enum Presented {
    /// The holder of an accepted QWAC.
    Qwac(Arc<Tpp>),
    /// Only at a brand that takes such, and for none but the client that registered its key.
    Unjudged(Unjudged),
}

/// A certificate that the rules on QWACs refuse. Its sender holds its key, and what it says is its sender's own word: nothing of that
/// is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// SHA-256 over the DER of its SubjectPublicKeyInfo.
    pub key: [u8; 32],
    /// SHA-256 over its DER (RFC 8705 s3.1).
    pub thumbprint: [u8; 32],
}
