//! OCSP answers and revocation lists, right ones and every wrong one, written by hand (RFC 6960 s4.2.1, RFC 5280 s5.1).

use super::{der, qwac::Signer};
use rcgen::Error;
use sha2::Digest;
use time::{Duration, OffsetDateTime};

const ECDSA_WITH_SHA256: [u64; 7] = [1, 2, 840, 10045, 4, 3, 2];
const SHA1: [u64; 6] = [1, 3, 14, 3, 2, 26];
const SHA256: [u64; 9] = [2, 16, 840, 1, 101, 3, 4, 2, 1];
const BASIC: [u64; 10] = [1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const NONCE: [u64; 10] = [1, 3, 6, 1, 5, 5, 7, 48, 1, 2];
const REASON: [u64; 4] = [2, 5, 29, 21];
const CRL_NUMBER: [u64; 4] = [2, 5, 29, 20];
const NULL: [u8; 2] = [5, 0];

/// What is said of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    Good,
    /// With CRLReason's number.
    Revoked(OffsetDateTime, u8),
    Unknown,
}

/// An OCSP answer about certificates of one issuer.
pub struct OcspAnswer<'a> {
    pub issuer: &'a Signer,
    /// Signs; named as responder by its key where `by_key`, else by its name.
    pub responder: &'a Signer,
    pub by_key: bool,
    /// Sent along.
    pub certificates: Vec<&'a [u8]>,
    /// Serial magnitudes.
    pub statements: Vec<(Vec<u8>, Statement)>,
    pub this_update: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
    pub produced_at: OffsetDateTime,
    pub nonce: Option<Vec<u8>>,
    /// CertID by SHA-256 instead of SHA-1.
    pub sha256: bool,
    /// Encoded extensions of the answer, beside the nonce.
    pub extensions: Vec<Vec<u8>>,
}

impl<'a> OcspAnswer<'a> {
    /// By the issuer itself, about one certificate, good for a day.
    pub fn new(issuer: &'a Signer, serial: &[u8], statement: Statement, now: OffsetDateTime) -> Self {
        Self {
            issuer,
            responder: issuer,
            by_key: true,
            certificates: vec![],
            statements: vec![(serial.to_vec(), statement)],
            this_update: now,
            next_update: Some(now + Duration::days(1)),
            produced_at: now,
            nonce: None,
            sha256: false,
            extensions: vec![],
        }
    }

    pub fn der(&self) -> Result<Vec<u8>, Error> {
        let data = self.response_data();
        let signature = self.responder.sign(&data)?;
        let certificates = der::explicit(0, &der::sequence(&self.certificates));
        let certificates = if self.certificates.is_empty() { vec![] } else { certificates };
        let basic = der::sequence([data, der::sequence([der::oid(&ECDSA_WITH_SHA256)]), der::bits(&signature), certificates]);
        let bytes = der::sequence([der::oid(&BASIC), der::octets(&basic)]);
        Ok(der::sequence([der::enumerated(0), der::explicit(0, &bytes)]))
    }

    fn response_data(&self) -> Vec<u8> {
        let responder = match self.by_key {
            true => der::explicit(2, &der::octets(&sha1(key_of(&self.responder.spki)))),
            false => der::explicit(1, &self.responder.name),
        };
        let singles = self.statements.iter().map(|(serial, statement)| self.single(serial, *statement));
        let nonce = self.nonce.iter().map(|nonce| der::extension(&NONCE, false, &der::octets(nonce)));
        let extensions: Vec<_> = nonce.chain(self.extensions.iter().cloned()).collect();
        let extensions = if extensions.is_empty() { vec![] } else { der::explicit(1, &der::sequence(extensions)) };
        der::sequence([responder, der::generalized_time(self.produced_at), der::sequence(singles), extensions])
    }

    fn single(&self, serial: &[u8], statement: Statement) -> Vec<u8> {
        let (name, key) = (&self.issuer.name, key_of(&self.issuer.spki));
        let (hash, name, key) = match self.sha256 {
            true => (der::oid(&SHA256), sha2::Sha256::digest(name).to_vec(), sha2::Sha256::digest(key).to_vec()),
            false => (der::oid(&SHA1), sha1(name), sha1(key)),
        };
        let id = der::sequence([der::sequence([hash, NULL.to_vec()]), der::octets(&name), der::octets(&key), der::integer(serial)]);
        let status = match statement {
            Statement::Good => vec![0x80, 0],
            Statement::Unknown => vec![0x82, 0],
            Statement::Revoked(at, reason) => {
                der::element(0xa1, &[der::generalized_time(at), der::explicit(0, &der::enumerated(reason))].concat())
            }
        };
        let next = self.next_update.map_or_else(Vec::new, |next| der::explicit(0, &der::generalized_time(next)));
        der::sequence([id, status, der::generalized_time(self.this_update), next])
    }
}

/// An answer without an answer: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized.
pub fn unsuccessful(status: u8) -> Vec<u8> {
    der::sequence([der::enumerated(status)])
}

/// The serial number's magnitude and the nonce that an OCSPRequest asks for.
pub fn asked(request: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let inside = |content: &'_ [u8], at: usize| der::elements(content).get(at).map(|(_, value)| value.to_vec());
    let tbs = inside(&inside(request, 0)?, 0)?;
    let id = inside(&inside(&inside(&tbs, 0)?, 0)?, 0)?;
    let serial = inside(&id, 3)?;
    let nonce = der::elements(&tbs).get(1).and_then(|(_, extensions)| {
        let extension = inside(&inside(extensions, 0)?, 0)?;
        inside(&inside(&extension, 1)?, 0)
    });
    Some((serial.into_iter().skip_while(|octet| *octet == 0).collect(), nonce))
}

/// A revocation list.
pub struct List<'a> {
    pub issuer: &'a Signer,
    /// Of version 1: no extensions at all.
    pub v1: bool,
    pub this_update: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
    /// Serial magnitude, time, CRLReason's number.
    pub revoked: Vec<(Vec<u8>, OffsetDateTime, Option<u8>)>,
    /// Encoded extensions beside cRLNumber.
    pub extensions: Vec<Vec<u8>>,
    /// Encoded extensions of every entry, beside its reason.
    pub entry_extensions: Vec<Vec<u8>>,
}

impl<'a> List<'a> {
    /// An empty one, good for a day.
    pub fn new(issuer: &'a Signer, now: OffsetDateTime) -> Self {
        Self {
            issuer,
            v1: false,
            this_update: now,
            next_update: Some(now + Duration::days(1)),
            revoked: vec![],
            extensions: vec![],
            entry_extensions: vec![],
        }
    }

    pub fn der(&self) -> Result<Vec<u8>, Error> {
        let algorithm = der::sequence([der::oid(&ECDSA_WITH_SHA256)]);
        let number = der::extension(&CRL_NUMBER, false, &der::integer(&[1]));
        let extensions = der::explicit(0, &der::sequence([number].iter().chain(&self.extensions)));
        let revoked = if self.revoked.is_empty() { vec![] } else { der::sequence(self.revoked.iter().map(|entry| self.entry(entry))) };
        let list = der::sequence([
            if self.v1 { vec![] } else { der::integer(&[1]) },
            algorithm.clone(),
            self.issuer.name.clone(),
            der::generalized_time(self.this_update),
            self.next_update.map_or_else(Vec::new, der::generalized_time),
            revoked,
            if self.v1 { vec![] } else { extensions },
        ]);
        let signature = self.issuer.sign(&list)?;
        Ok(der::sequence([list, algorithm, der::bits(&signature)]))
    }

    fn entry(&self, (serial, at, reason): &(Vec<u8>, OffsetDateTime, Option<u8>)) -> Vec<u8> {
        let reason = reason.iter().map(|reason| der::extension(&REASON, false, &der::enumerated(*reason)));
        let extensions: Vec<_> = reason.chain(self.entry_extensions.iter().cloned()).collect();
        let extensions = if extensions.is_empty() { vec![] } else { der::sequence(extensions) };
        der::sequence([der::integer(serial), der::generalized_time(*at), extensions])
    }
}

/// The key's octets in a SubjectPublicKeyInfo.
fn key_of(spki: &[u8]) -> &[u8] {
    let inside = der::elements(spki).first().map_or(&[][..], |(_, value)| value);
    der::elements(inside).get(1).map_or(&[], |(_, bits)| bits.split_at(1).1)
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}
