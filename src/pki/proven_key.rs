//! The key of a certificate whose issuer, dates and names nobody looks at (RFC 8705 s2.2).

use super::{
    certificate::{self, PublicKey},
    chain::PresentedChain,
    der::{self, Reader},
    size_reasons,
    x509::Key,
};
use sha2::{Digest, Sha256};

/// What a certificate is known by where its key alone counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    /// SHA-256 over the DER of the SubjectPublicKeyInfo.
    pub digest: [u8; 32],
    /// SHA-256 over the DER of the certificate.
    pub thumbprint: [u8; 32],
    pub members: KeyMembers,
}

/// As a JWK has them (RFC 7518 s6), as octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMembers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { crv: &'static str, x: Vec<u8>, y: Vec<u8> },
}

/// Why a certificate's key counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// No certificate of RFC 5280's profile.
    Unreadable,
    /// FAPI 2.0 s5.4.1, and what a signature may cost: RSA of 2048 to 8192 bits, P-256, P-384, P-521.
    Weak,
}

impl CertifiedKey {
    /// Read as strictly as a QWAC.
    pub fn read(certificate: &[u8]) -> Result<Self, NoKey> {
        let leaf = certificate::read(certificate).map_err(|_| NoKey::Unreadable)?;
        let members = match leaf.key() {
            PublicKey::Rsa(2048..=8192) => rsa(&leaf.x509.key),
            PublicKey::P256 => ec("P-256", &leaf.x509.key),
            PublicKey::P384 => ec("P-384", &leaf.x509.key),
            PublicKey::P521 => ec("P-521", &leaf.x509.key),
            PublicKey::Rsa(_) | PublicKey::Other => None,
        };
        Ok(Self {
            members: members.ok_or(NoKey::Weak)?,
            digest: Sha256::digest(leaf.x509.key.spki()).into(),
            thumbprint: Sha256::digest(certificate).into(),
        })
    }

    /// Of the first of the certificates that a peer showed. `None`: there is none, or it is of no size or form to look at.
    pub fn presented(chain: &PresentedChain) -> Option<Self> {
        let certificates = chain.certificates();
        let leaf = certificates.first().filter(|_| size_reasons(certificates).is_empty())?;
        Self::read(leaf).ok()
    }
}

/// RFC 8017 A.1.1: two INTEGERs, which a JWK has without the octet for the sign.
fn rsa(key: &Key<'_>) -> Option<KeyMembers> {
    let mut parts = Reader::new(der::only(key.bits, der::SEQUENCE).ok()?);
    let mut number = || parts.expect(der::INTEGER).ok().map(|octets| octets.strip_prefix(&[0]).unwrap_or(octets).to_vec());
    Some(KeyMembers::Rsa { n: number()?, e: number()? })
}

/// Not compressed, or the coordinates of a JWK could not be told.
fn ec(crv: &'static str, key: &Key<'_>) -> Option<KeyMembers> {
    let [4, point @ ..] = key.bits else { return None };
    let (x, y) = point.split_at_checked(point.len() / 2)?;
    Some(KeyMembers::Ec { crv, x: x.to_vec(), y: y.to_vec() })
}
