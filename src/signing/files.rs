//! Keys that stand in PEM files: published beside those of the database.

use super::SigningKey;
use crate::admin::Algorithm;
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

/// In the order of the files. A key that stands in two is taken once: no `kid` is published twice.
pub fn load(files: &[PathBuf]) -> Result<Vec<SigningKey>, KeyFileError> {
    let mut keys: Vec<SigningKey> = vec![];
    for file in files {
        let key = read(file)?;
        if !keys.iter().any(|known| known.kid() == key.kid()) {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn read(file: &Path) -> Result<SigningKey, KeyFileError> {
    let fail = |problem| KeyFileError { file: file.into(), problem };
    let pem = fs::read(file).map_err(|error| fail(Problem::Unreadable(error)))?;
    SigningKey::from_pem(Algorithm::Es256, &pem).map_err(|_| fail(Problem::NotEs256))
}
