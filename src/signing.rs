//! The bank's signing keys: read from PEM files, published as a JWK set (RFC 7517 s5), named by their thumbprints (RFC 7638).

use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub struct KeyFileError {
    file: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Unreadable(io::Error),
    NotEs256,
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unreadable(error) => write!(f, "{}: {error}", self.file.display()),
            Problem::NotEs256 => write!(f, "{}: no ES256 key in it (PKCS#8 PEM of a P-256 key)", self.file.display()),
        }
    }
}

impl std::error::Error for KeyFileError {}

/// The public halves, in the order of the files. A key that stands in two files is published once: no `kid` is there twice.
pub fn published(files: &[PathBuf]) -> Result<JwkSet, KeyFileError> {
    let mut keys: Vec<Jwk> = vec![];
    for file in files {
        let key = public_half(file)?;
        if !keys.iter().any(|known| known.common.key_id == key.common.key_id) {
            keys.push(key);
        }
    }
    Ok(JwkSet { keys })
}

fn public_half(file: &Path) -> Result<Jwk, KeyFileError> {
    let fail = |problem| KeyFileError { file: file.into(), problem };
    let pem = fs::read(file).map_err(|error| fail(Problem::Unreadable(error)))?;
    let read = || {
        let key = EncodingKey::from_ec_pem(&pem)?;
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(jwk)
    };
    read().map_err(|_: jsonwebtoken::errors::Error| fail(Problem::NotEs256))
}
