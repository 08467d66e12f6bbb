//! Private halves at rest: AES-256-GCM under a key from a file, never in the database.

use crate::admin::{Algorithm, Sealed};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Of the file: 32 bytes in base64 and a line break are 45.
const LONGEST_FILE: u64 = 256;

#[derive(Debug)]
pub struct WrappingKeyError {
    file: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Unreadable(io::Error),
    NoKey,
}

impl fmt::Display for WrappingKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unreadable(error) => write!(f, "{}: {error}", self.file.display()),
            Problem::NoKey => {
                write!(
                    f,
                    "{}: no wrapping key in it: 32 random bytes in base64, as `openssl rand -base64 32` writes them",
                    self.file.display()
                )
            }
        }
    }
}

impl std::error::Error for WrappingKeyError {}

/// What private halves are wrapped with. `Debug` hides it.
pub struct WrappingKey {
    key: LessSafeKey,
    id: [u8; 16],
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(..)")
    }
}

/// The wrapping key is another one, or somebody changed the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    OtherWrappingKey,
    Tampered,
}

impl WrappingKey {
    pub fn load(file: &Path) -> Result<Self, WrappingKeyError> {
        let fail = |problem| WrappingKeyError { file: file.into(), problem };
        let mut text = String::new();
        let read = File::open(file).and_then(|opened| opened.take(LONGEST_FILE).read_to_string(&mut text));
        read.map_err(|error| fail(Problem::Unreadable(error)))?;
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.and_then(|bytes| Self::new(&bytes)).ok_or_else(|| fail(Problem::NoKey))
    }

    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?);
        let id = digest(&SHA256, bytes).as_ref().get(..16)?.try_into().ok()?;
        Some(Self { key, id })
    }

    /// `nonce`: random, and never twice.
    pub fn seal(&self, kid: &str, algorithm: Algorithm, private: &[u8], nonce: [u8; NONCE_LEN]) -> Option<Sealed> {
        let mut sealed = private.to_vec();
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), context(kid, algorithm), &mut sealed).ok()?;
        Some(Sealed { bytes: [&nonce[..], &sealed].concat(), wrapped_by: self.id })
    }

    pub fn open(&self, kid: &str, algorithm: Algorithm, sealed: &Sealed) -> Result<Vec<u8>, Locked> {
        if sealed.wrapped_by != self.id {
            return Err(Locked::OtherWrappingKey);
        }
        let (nonce, rest) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or(Locked::Tampered)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Locked::Tampered)?;
        let mut opened = rest.to_vec();
        let length = self.key.open_in_place(nonce, context(kid, algorithm), &mut opened).map_err(|_| Locked::Tampered)?.len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// A private half opens as what it was made for, in no other row.
fn context(kid: &str, algorithm: Algorithm) -> Aad<String> {
    Aad::from(format!("guichet signing key 1\0{}\0{kid}", algorithm.name()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_private_half_opens_with_its_own_key_as_what_it_is_and_whole_or_not_at_all() {
        let (key, other) = (WrappingKey::new(&[1; 32]).unwrap(), WrappingKey::new(&[2; 32]).unwrap());
        let sealed = key.seal("kid", Algorithm::Es256, b"private", [3; NONCE_LEN]).unwrap();
        assert!(!sealed.bytes.windows(7).any(|window| window == b"private"));
        assert_eq!(key.open("kid", Algorithm::Es256, &sealed).unwrap(), b"private");
        assert_eq!(other.open("kid", Algorithm::Es256, &sealed), Err(Locked::OtherWrappingKey));
        assert_eq!(key.open("other", Algorithm::Es256, &sealed), Err(Locked::Tampered));
        assert_eq!(key.open("kid", Algorithm::Ps256, &sealed), Err(Locked::Tampered));
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(key.open("kid", Algorithm::Es256, &changed), Err(Locked::Tampered), "byte {at}");
        }
        let cut = Sealed { bytes: sealed.bytes[..8].to_vec(), ..sealed };
        assert_eq!(key.open("kid", Algorithm::Es256, &cut), Err(Locked::Tampered));
        assert_eq!(format!("{key:?}"), "WrappingKey(..)");
    }
}
