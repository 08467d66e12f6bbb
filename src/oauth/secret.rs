//! Secrets that are shown once and stored never.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Text that may be shown to its owner once. No `Serialize`, no `PartialEq`; `Debug` hides it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Where this is called, the secret leaves: an answer to its owner, or a digest.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// SHA-256 of a secret with at least 256 random bits: what is stored. Compared in constant time only.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The kind goes in: what was given out as one kind never passes for another.
    pub(super) fn of_secret(kind: HandleKind, secret: &[u8]) -> Self {
        Self::under(kind.prefix(), secret)
    }

    fn under(prefix: &str, secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(prefix).chain_update(secret).finalize().into())
    }

    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// What a handle opens. The prefix lets secret scanners find a leaked one and keeps kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleKind {
    AccessToken,
    RefreshToken,
    Code,
    Registration,
    /// What the bank's portal, or the back end of its app, names a journey by.
    Ticket,
    /// Opens a customer's own page once.
    PermissionsLink,
    /// What his browser is known by after that.
    PermissionsVisit,
    /// RFC 9126: in a `request_uri`.
    PushedRequest,
}

impl HandleKind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::AccessToken => "guat_",
            Self::RefreshToken => "gurt_",
            Self::Code => "guac_",
            Self::Registration => "gurg_",
            Self::Ticket => "guti_",
            Self::PermissionsLink => "gupl_",
            Self::PermissionsVisit => "gupv_",
            Self::PushedRequest => "gupr_",
        }
    }
}

/// A presented or freshly minted opaque token: `prefix` + base64url(`id` 16 bytes, secret 32 bytes).
///
/// The id is time-ordered, so that the index it is looked up by stays local; only the secret proves anything.
#[derive(Clone, Debug)]
pub struct Handle {
    pub id: Uuid,
    pub digest: Digest,
}

const HANDLE_BYTES: usize = 48;

/// What the digest behind a `jti` is made with: the same text as a handle of any kind has another.
const JTI: &str = "gujt_";

impl Handle {
    /// `None`: not of this kind or not of this server, so nothing to look up.
    pub fn parse(kind: HandleKind, text: &str) -> Option<Self> {
        let (id, secret) = Self::halves(kind, text)?;
        Some(Self { id, digest: Digest::of_secret(kind, &secret) })
    }

    /// For whoever needs the secret itself.
    pub(super) fn halves(kind: HandleKind, text: &str) -> Option<(Uuid, [u8; 32])> {
        Self::decoded(text.strip_prefix(kind.prefix())?)
    }

    fn decoded(encoded: &str) -> Option<(Uuid, [u8; 32])> {
        let mut bytes = [0; HANDLE_BYTES];
        (encoded.len() == HANDLE_BYTES * 4 / 3 && URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()? == HANDLE_BYTES).then_some(())?;
        let (id, secret) = bytes.split_at(16);
        Some((Uuid::from_slice(id).ok()?, secret.try_into().ok()?))
    }

    /// The stored half and the half that is shown, from 32 random bytes.
    pub fn mint(kind: HandleKind, id: Uuid, random: &[u8; 32]) -> (Self, Secret) {
        let text = format!("{}{}", kind.prefix(), Self::encoded(id, random));
        (Self { id, digest: Digest::of_secret(kind, random) }, Secret(text))
    }

    fn encoded(id: Uuid, random: &[u8; 32]) -> String {
        let mut bytes = [0; HANDLE_BYTES];
        bytes[..16].copy_from_slice(id.as_bytes());
        bytes[16..].copy_from_slice(random);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// As [`Self::mint`], for a JWT's `jti`.
    pub fn mint_jti(id: Uuid, random: &[u8; 32]) -> (Self, Secret) {
        (Self { id, digest: Digest::under(JTI, random) }, Secret(Self::encoded(id, random)))
    }

    /// Of a JWT whose signature fits.
    pub fn of_jti(text: &str) -> Option<Self> {
        let (id, secret) = Self::decoded(text)?;
        Some(Self { id, digest: Digest::under(JTI, &secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_back_and_only_as_its_kind() {
        let id = Uuid::from_u128(7);
        let (minted, secret) = Handle::mint(HandleKind::Code, id, &[9; 32]);
        let read = Handle::parse(HandleKind::Code, secret.reveal()).expect("reads back");
        assert!(read.id == id && read.digest.matches(&minted.digest));
        assert!(Handle::parse(HandleKind::AccessToken, secret.reveal()).is_none());
        let renamed = secret.reveal().replace("guac_", "guat_");
        assert!(!Handle::parse(HandleKind::AccessToken, &renamed).expect("reads").digest.matches(&minted.digest));
        let cut = &secret.reveal()[..secret.reveal().len() - 1];
        assert!(Handle::parse(HandleKind::Code, cut).is_none());
        assert_eq!(format!("{secret:?} {:?}", minted.digest), "Secret(..) Digest(..)");
    }

    #[test]
    fn a_jti_is_read_back_and_as_a_handle_it_opens_nothing() {
        let (minted, jti) = Handle::mint_jti(Uuid::from_u128(7), &[9; 32]);
        let read = Handle::of_jti(jti.reveal()).expect("reads back");
        assert!(read.id == minted.id && read.digest.matches(&minted.digest));
        let renamed = format!("guat_{}", jti.reveal());
        assert!(!Handle::parse(HandleKind::AccessToken, &renamed).expect("reads").digest.matches(&minted.digest));
        assert!(Handle::of_jti(&renamed).is_none() && Handle::of_jti("").is_none());
    }
}
