use super::sha256_hex;
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// A certificate that may sign a list. It is pinned as it is: no path, no validity, no names (TS 119 615 s4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    der: Vec<u8>,
    sha256: String,
}

impl Signer {
    pub fn new(der: Vec<u8>) -> Self {
        let sha256 = sha256_hex(&der);
        Self { der, sha256 }
    }

    pub fn all(ders: &[Vec<u8>]) -> Vec<Self> {
        ders.iter().cloned().map(Self::new).collect()
    }

    /// Every certificate of a PEM file; `None` where one does not read or there is none.
    pub fn from_pem(pem: &[u8]) -> Option<Vec<Self>> {
        let signers: Option<Vec<Self>> =
            CertificateDer::pem_slice_iter(pem).map(|one| one.ok().map(|der| Self::new(der.to_vec()))).collect();
        signers.filter(|signers| !signers.is_empty())
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}
