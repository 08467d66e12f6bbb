//! What is signed and by whom: the same three parts in a certificate, a revocation list and an OCSP answer.

use super::algorithms::ALGORITHMS;
use super::der::{self, DerError, Reader};

/// `SEQUENCE { what is signed, AlgorithmIdentifier, BIT STRING }`, and what may follow.
pub(super) struct Signed<'a> {
    /// With its header: the bytes that were signed.
    pub message: &'a [u8],
    /// Contents of the AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureFault {
    /// Neither RSA nor ECDSA with SHA-2, or not for this kind of key.
    Algorithm,
    Invalid,
}

impl<'a> Signed<'a> {
    pub fn read(parts: &mut Reader<'a>) -> Result<Self, DerError> {
        let message = parts.whole()?;
        let algorithm = parts.expect(der::SEQUENCE)?;
        Ok(Self { message, algorithm, signature: bits(parts.expect(der::BIT_STRING)?)? })
    }

    /// The algorithm as it must stand inside the signed part, too (RFC 5280 s5.1.1.2).
    pub const fn algorithm(&self) -> &'a [u8] {
        self.algorithm
    }

    /// `spki`: DER of the signer's SubjectPublicKeyInfo.
    pub fn verify(&self, spki: &[u8]) -> Result<(), SignatureFault> {
        let (kind, key) = key(spki).map_err(|_| SignatureFault::Algorithm)?;
        let fits =
            ALGORITHMS.iter().filter(|one| one.signature_alg_id().as_ref() == self.algorithm && one.public_key_alg_id().as_ref() == kind);
        let mut fault = SignatureFault::Algorithm;
        for algorithm in fits {
            match algorithm.verify_signature(key, self.message, self.signature) {
                Ok(()) => return Ok(()),
                Err(_) => fault = SignatureFault::Invalid,
            }
        }
        Err(fault)
    }
}

/// A SubjectPublicKeyInfo's AlgorithmIdentifier contents and its key's octets.
pub(super) fn key(spki: &[u8]) -> Result<(&[u8], &[u8]), DerError> {
    let mut parts = Reader::new(der::only(spki, der::SEQUENCE)?);
    let kind = parts.expect(der::SEQUENCE)?;
    let key = bits(parts.expect(der::BIT_STRING)?)?;
    parts.finish()?;
    Ok((kind, key))
}

/// The octets of a BIT STRING of whole octets.
fn bits(value: &[u8]) -> Result<&[u8], DerError> {
    match value.split_first() {
        Some((0, octets)) => Ok(octets),
        Some(_) | None => Err(DerError("a bit string is not of whole octets")),
    }
}
