//! Certificates and keys from PEM files, with errors that name the file.

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use std::{
    error, fmt, fs, io,
    path::{Path, PathBuf},
};

const MAX_FILE_BYTES: u64 = 1 << 20;

/// A chain and the key of its leaf. The Debug of both halves shows no key.
#[derive(Debug)]
pub struct Identity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// Why a file could not be used.
#[derive(Debug)]
pub struct TlsFileError {
    pub file: PathBuf,
    pub problem: TlsFileProblem,
}

#[derive(Debug)]
pub enum TlsFileProblem {
    Unreadable(io::Error),
    /// Above 1 MiB.
    TooLarge,
    NotPem(pem::Error),
    /// PEM, but no CERTIFICATE in it.
    NoCertificate,
    /// PEM, but no PRIVATE KEY (PKCS#8), RSA PRIVATE KEY or EC PRIVATE KEY in it.
    NoKey,
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.problem)
    }
}

impl fmt::Display for TlsFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::TooLarge => write!(f, "larger than {MAX_FILE_BYTES} bytes"),
            Self::NotPem(_) => f.write_str("not well-formed PEM"),
            Self::NoCertificate => f.write_str("no certificate in it (PEM, -----BEGIN CERTIFICATE-----)"),
            Self::NoKey => f.write_str("no private key in it (PEM of PKCS#8, SEC 1 or PKCS#1, not encrypted)"),
        }
    }
}

impl error::Error for TlsFileError {}

/// The server's chain (leaf first) and its key. Whether they belong together is checked where a configuration is made of them.
pub fn load_chain_and_key(cert: &Path, key: &Path) -> Result<Identity, TlsFileError> {
    Ok(Identity { chain: load_certificates(cert)?, key: load_key(key)? })
}

/// Every certificate of a PEM file: a chain, or a bundle of authorities. At least one.
pub fn load_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let fail = |problem| TlsFileError { file: file.into(), problem };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    let found = found.map_err(|error| fail(TlsFileProblem::NotPem(error)))?;
    if found.is_empty() { Err(fail(TlsFileProblem::NoCertificate)) } else { Ok(found) }
}

fn load_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| {
        let problem = if matches!(error, pem::Error::NoItemsFound) { TlsFileProblem::NoKey } else { TlsFileProblem::NotPem(error) };
        TlsFileError { file: file.into(), problem }
    })
}

fn read(file: &Path) -> Result<Vec<u8>, TlsFileError> {
    let fail = |problem| TlsFileError { file: file.into(), problem };
    let unreadable = |error| fail(TlsFileProblem::Unreadable(error));
    if fs::metadata(file).map_err(unreadable)?.len() > MAX_FILE_BYTES {
        return Err(fail(TlsFileProblem::TooLarge));
    }
    fs::read(file).map_err(unreadable)
}
