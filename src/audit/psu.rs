//! Of which customer an event is: readable while his key lives, and nobody's once it is destroyed. The event stays as it was sealed.

use crate::oauth::{brand::BrandId, grant::PsuReference};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    constant_time, hmac,
};
use std::fmt;
use uuid::Uuid;

/// A customer's own.
#[derive(Clone)]
pub struct PsuKey {
    pub id: Uuid,
    bytes: [u8; 32],
}

/// What an event says of its customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPsu {
    pub key: Uuid,
    /// Nonce, ciphertext, tag.
    pub bytes: Vec<u8>,
}

/// Leads from a reference to its key, for whoever holds the database; without it a digest tells nobody whose it is.
pub struct PsuDigestKey(hmac::Key);

impl fmt::Debug for PsuKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PsuKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for PsuDigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PsuDigestKey(..)")
    }
}

impl PsuDigestKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The same reference at two brands is two customers.
    pub fn digest(&self, brand: &BrandId, psu: &PsuReference) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(brand.as_str().as_bytes());
        context.update(&[0]);
        context.update(psu.as_str().as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    /// Whether it is the digest of this customer.
    pub fn is_of(&self, digest: &[u8; 32], brand: &BrandId, psu: &PsuReference) -> bool {
        constant_time::verify_slices_are_equal(digest, &self.digest(brand, psu)).is_ok()
    }
}

const NONCE: usize = 12;

impl PsuKey {
    pub const fn new(id: Uuid, bytes: [u8; 32]) -> Self {
        Self { id, bytes }
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.bytes).ok()?))
    }

    /// Bound to the event, so that it says nothing in another one's place. `None`: a length that no reference has.
    pub fn seal(&self, event: Uuid, psu: &PsuReference, nonce: [u8; NONCE]) -> Option<SealedPsu> {
        let mut text = psu.as_str().as_bytes().to_vec();
        let tag =
            self.cipher()?.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(event.as_bytes()), &mut text).ok()?;
        Some(SealedPsu { key: self.id, bytes: [&nonce[..], &text, tag.as_ref()].concat() })
    }

    /// `None`: sealed under another key, for another event, or changed since.
    pub fn open(&self, event: Uuid, sealed: &[u8]) -> Option<PsuReference> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let mut text = text.to_vec();
        let opened = self.cipher()?.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(event.as_bytes()), &mut text).ok()?;
        Some(PsuReference::new(std::str::from_utf8(opened).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_key_opens_an_event_and_only_that_event() {
        let (key, other) = (PsuKey::new(Uuid::from_u128(1), [1; 32]), PsuKey::new(Uuid::from_u128(1), [2; 32]));
        let (event, psu) = (Uuid::from_u128(7), PsuReference::new("psu_7f3a"));
        let sealed = key.seal(event, &psu, [9; NONCE]).unwrap();
        assert!(key.open(event, &sealed.bytes).as_ref() == Some(&psu) && sealed.key == key.id);
        assert!(!sealed.bytes.windows(4).any(|part| part == b"7f3a"));
        assert!(other.open(event, &sealed.bytes).is_none() && key.open(Uuid::nil(), &sealed.bytes).is_none());
        assert!(key.open(event, &sealed.bytes[1..]).is_none() && key.open(event, &[]).is_none());
        assert!(key.seal(event, &psu, [8; NONCE]).unwrap().bytes != sealed.bytes);
        assert!(!format!("{key:?}{:?}", PsuDigestKey::new(&[3; 32])).contains("[1, 1"));
    }

    #[test]
    fn a_digest_is_of_one_customer_of_one_brand() {
        let key = PsuDigestKey::new(&[3; 32]);
        let digest = |brand: &str, psu: &str| key.digest(&BrandId::new(brand), &PsuReference::new(psu));
        assert_eq!(digest("cic", "a"), digest("cic", "a"));
        assert!(
            digest("cic", "a") != digest("lbp", "a")
                && digest("cic", "a") != digest("cic", "b")
                && digest("cic", "a") != digest("ci", "c\0a")
        );
        let (cic, a) = (BrandId::new("cic"), PsuReference::new("a"));
        assert_ne!(digest("cic", "a"), PsuDigestKey::new(&[4; 32]).digest(&cic, &a));
        assert!(key.is_of(&digest("cic", "a"), &cic, &a));
        assert!(!key.is_of(&digest("cic", "b"), &cic, &a) && !key.is_of(&digest("lbp", "a"), &cic, &a) && !key.is_of(&[0; 32], &cic, &a));
    }
}
