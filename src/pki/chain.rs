//! Certificates as they were presented, with the one digest that look-ups go by.

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A client's certificates, leaf first. The digest is made once for a connection, so that a request on it costs a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedChain {
    certificates: Arc<[CertificateDer<'static>]>,
    digest: [u8; 32],
}

impl PresentedChain {
    pub fn new(certificates: impl Into<Arc<[CertificateDer<'static>]>>) -> Self {
        let certificates = certificates.into();
        let mut hash = Sha256::new();
        for certificate in certificates.iter() {
            hash.update(certificate.len().to_be_bytes());
            hash.update(certificate);
        }
        Self { digest: hash.finalize().into(), certificates }
    }

    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// SHA-256 over lengths and contents.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }
}

impl Default for PresentedChain {
    /// None was presented.
    fn default() -> Self {
        Self::new([])
    }
}
