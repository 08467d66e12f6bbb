//! The bank's signing keys: published as a JWK set (RFC 7517 s5), named by their thumbprints (RFC 7638); one of them signs.

mod files;
mod wrap;

pub use files::{KeyFileError, load as load_files};
pub use wrap::{Locked, WrappingKey, WrappingKeyError};

use crate::{
    admin::{Algorithm, KeyState, KeyView, Sealed, StoredKey},
    jose::{self, JoseRefusal, JwsAlgorithm, KeySet, Signed},
};
use arc_swap::ArcSwap;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    EncodingKey, Header,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// A key with its private half. No `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    public: Value,
    private: EncodingKey,
}

/// No such key, or not of this algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl SigningKey {
    /// PKCS #8.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, NoKey> {
        let read = || {
            let private = match algorithm {
                Algorithm::Es256 => EncodingKey::from_ec_pem(pem)?,
                Algorithm::Ps256 => EncodingKey::from_rsa_pem(pem)?,
                Algorithm::EdDsa => EncodingKey::from_ed_pem(pem)?,
            };
            let mut jwk = Jwk::from_encoding_key(&private, jose(algorithm))?;
            jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            Ok((private, jwk))
        };
        let (private, jwk) = read().map_err(|_: jsonwebtoken::errors::Error| NoKey)?;
        Ok(Self { algorithm, public: serde_json::to_value(jwk).map_err(|_| NoKey)?, private })
    }

    fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, NoKey> {
        let body: Vec<String> = STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        // RFC 7468 s10
        const LABEL: &str = "PRIVATE KEY";
        Self::from_pem(algorithm, format!("-----BEGIN {LABEL}-----\n{}\n-----END {LABEL}-----\n", body.join("\n")).as_bytes())
    }

    pub fn kid(&self) -> &str {
        self.public["kid"].as_str().unwrap_or_default()
    }
}

const fn jose(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

/// A new key, its private half wrapped already.
pub struct Made {
    pub kid: String,
    pub algorithm: Algorithm,
    pub public: Value,
    pub sealed: Sealed,
}

/// What making and using keys of the database needs.
#[derive(Debug, Default)]
pub struct KeyMaker {
    /// `None`: keys of the database are published, and none signs.
    pub wrapping: Option<WrappingKey>,
    pub policy: KeyPolicy,
}

/// What a rotation goes by where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    pub algorithm: Algorithm,
    /// For so long a key is published before it signs, and after.
    pub overlap: Duration,
    /// Servers make the next key by themselves once the newest one is so old. `None`: only people do.
    pub rotate_after: Option<Duration>,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { algorithm: Algorithm::Es256, overlap: Duration::hours(48), rotate_after: None }
    }
}

impl WrappingKey {
    /// `nonce`: random.
    pub fn make(&self, algorithm: Algorithm, nonce: [u8; 12]) -> Option<Made> {
        let pkcs8 = generate(algorithm)?;
        let key = SigningKey::from_pkcs8(algorithm, &pkcs8).ok()?;
        let sealed = self.seal(key.kid(), algorithm, &pkcs8, nonce)?;
        Some(Made { kid: key.kid().to_owned(), algorithm, public: key.public, sealed })
    }
}

fn generate(algorithm: Algorithm) -> Option<Vec<u8>> {
    let random = SystemRandom::new();
    Some(match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).ok()?.as_ref().to_vec(),
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&random).ok()?.as_ref().to_vec(),
        Algorithm::Ps256 => {
            let pair = rsa::KeyPair::generate(KeySize::Rsa3072).ok()?;
            AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?.as_ref().to_vec()
        }
    })
}

/// Why nothing is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSigned {
    /// There is no active key.
    NoKey,
    /// The active key's private half does not open here.
    Locked,
}

/// A key of the database, opened where it could be.
struct Stored {
    key: StoredKey,
    public: KeySet,
    private: Option<Arc<SigningKey>>,
}

#[derive(Default)]
struct Ring {
    files: Vec<(Arc<SigningKey>, Arc<KeySet>)>,
    stored: Vec<Stored>,
}

/// The key that signs at one time, to be had before what it signs is known. Whatever is rotated meanwhile, it signs.
pub struct Signer(Arc<SigningKey>);

impl Signer {
    /// A compact JWS (RFC 7515), `typ` as RFC 8725 s3.11 asks for it.
    pub fn sign(&self, claims: &impl Serialize, typ: &str) -> Result<String, NotSigned> {
        let mut header = Header::new(jose(self.0.algorithm));
        (header.typ, header.kid) = (Some(typ.to_owned()), Some(self.0.kid().to_owned()));
        jsonwebtoken::encode(&header, claims, &self.0.private).map_err(|_| NotSigned::Locked)
    }
}

/// The keys of this process: replaced as a whole when they change.
#[derive(Default)]
pub struct SigningDesk {
    ring: ArcSwap<Ring>,
    pub maker: KeyMaker,
}

impl SigningDesk {
    pub fn new(files: Vec<SigningKey>, maker: KeyMaker) -> Self {
        let files = files.into_iter().map(|key| (alone(&key.public), Arc::new(key))).map(|(public, key)| (key, Arc::new(public))).collect();
        Self { ring: ArcSwap::from_pointee(Ring { files, stored: vec![] }), maker }
    }

    /// Other settings, and what was read from the database.
    pub fn under(&self, files: Vec<SigningKey>, maker: KeyMaker) -> Self {
        let desk = Self::new(files, maker);
        desk.set_stored(self.ring.load().stored.iter().map(|stored| stored.key.clone()).collect());
        desk
    }

    /// Keys of the database, read anew; those that do not open here, and why.
    pub fn set_stored(&self, keys: Vec<StoredKey>) -> Vec<(String, Locked)> {
        let mut locked = vec![];
        let stored = keys.into_iter().map(|key| {
            let opened = key.sealed.as_ref().zip(self.maker.wrapping.as_ref()).map(|(sealed, wrapping)| {
                let pkcs8 = wrapping.open(&key.kid, key.algorithm, sealed)?;
                SigningKey::from_pkcs8(key.algorithm, &pkcs8).map_err(|NoKey| Locked::Tampered)
            });
            let private = match opened {
                Some(Ok(private)) => Some(Arc::new(private)),
                Some(Err(why)) => {
                    locked.push((key.kid.clone(), why));
                    None
                }
                None => None,
            };
            Stored { public: alone(&key.public), key, private }
        });
        let stored = stored.collect();
        let files = self.ring.load().files.clone();
        self.ring.store(Arc::new(Ring { files, stored }));
        locked
    }

    /// RFC 7517 s5: what may have signed, signs or will sign. No `kid` is there twice.
    pub fn published(&self, now: OffsetDateTime) -> Value {
        let ring = self.ring.load();
        let stored: Vec<&StoredKey> = ring.stored.iter().map(|stored| &stored.key).filter(|key| is_published(key, now)).collect();
        let files = ring.files.iter().map(|(file, _)| file).filter(|file| !stored.iter().any(|key| key.kid == file.kid()));
        let keys: Vec<&Value> = files.map(|key| &key.public).chain(stored.iter().map(|key| &key.public)).collect();
        json!({ "keys": keys })
    }

    /// Keys of the settings' files, for the list.
    pub fn files(&self) -> Vec<KeyView> {
        self.ring.load().files.iter().map(|(key, _)| file_view(key)).collect()
    }

    /// The active key. One of the database comes before one of a file.
    pub fn signer(&self, now: OffsetDateTime) -> Result<Signer, NotSigned> {
        let ring = self.ring.load();
        let active = ring.stored.iter().filter(|stored| stored.key.times.state(now) == KeyState::Active);
        let key = match active.max_by_key(|stored| stored.key.times.signs_from) {
            Some(stored) => stored.private.as_ref().ok_or(NotSigned::Locked)?,
            None => ring.files.first().map(|(key, _)| key).ok_or(NotSigned::NoKey)?,
        };
        Ok(Signer(key.clone()))
    }

    /// What one of the published keys signed, and no other: of a key that was retired nothing is good any more.
    pub fn verify(&self, compact: &str, now: OffsetDateTime) -> Result<Signed, JoseRefusal> {
        let ring = self.ring.load();
        let stored = ring.stored.iter().filter(|stored| is_published(&stored.key, now)).map(|stored| &stored.public);
        // the one that it names; ours always name theirs
        for key in stored.chain(ring.files.iter().map(|(_, public)| &**public)) {
            let verdict = jose::verify(compact, key, &JwsAlgorithm::ALL);
            if !matches!(verdict, Err(JoseRefusal::NoKey)) {
                return verdict;
            }
        }
        Err(JoseRefusal::NoKey)
    }

    /// What [`Self::sign`] signs with now. `None`: nothing does.
    pub fn algorithm(&self, now: OffsetDateTime) -> Option<Algorithm> {
        self.signer(now).ok().map(|signer| signer.0.algorithm)
    }

    /// The door for whatever is signed at once.
    pub fn sign(&self, claims: &impl Serialize, typ: &str, now: OffsetDateTime) -> Result<String, NotSigned> {
        self.signer(now)?.sign(claims, typ)
    }
}

fn alone(public: &Value) -> KeySet {
    KeySet::read(&json!({ "keys": [public] }))
}

fn is_published(key: &StoredKey, now: OffsetDateTime) -> bool {
    match key.times.state(now) {
        KeyState::Next | KeyState::Active | KeyState::Retiring => true,
        KeyState::Retired | KeyState::File => false,
    }
}

/// A key of a file, as the list shows it.
pub fn file_view(key: &SigningKey) -> KeyView {
    KeyView {
        kid: key.kid().to_owned(),
        algorithm: key.algorithm,
        state: KeyState::File,
        made_at: None,
        made_by: None,
        signs_from: None,
        signs_until: None,
        published_until: None,
        can_sign: true,
    }
}

#[cfg(test)]
mod tests;
