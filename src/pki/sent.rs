//! The certificates that a client sent beside its own: in any order, superfluous, twice, or signing each other in circles.

use super::certificate::{self, Leaf, PublicKey};
use super::{name, oid};
use rustls::pki_types::CertificateDer;
use webpki::{EndEntityCert, Error};

/// How many steps a search through them may take. An honest chain needs as many as it has certificates, and a few more where
/// some are cross-signed; the names alone, before any signature, show whether it is one.
const MAX_STEPS: usize = 32;
/// Certificates between leaf and anchor, as webpki bounds them.
const MAX_DEPTH: usize = 6;

/// Those that can be read, each once.
#[derive(Default)]
pub(super) struct Sent<'a> {
    pub certificates: Vec<CertificateDer<'a>>,
    parsed: Vec<EndEntityCert<'a>>,
    /// Why one of them could not be read.
    pub unreadable: Option<Error>,
}

/// Where the names lead from the leaf: to an issuer that was not sent.
pub(super) struct End {
    /// For people.
    pub issuer: String,
    /// Contents of the DER.
    pub issuer_name: Vec<u8>,
    /// The identifier of the issuer's key, if the certificate below says it.
    pub issuer_key: Option<Vec<u8>>,
}

impl<'a> Sent<'a> {
    pub fn read(sent: &'a [CertificateDer<'a>], leaf: &EndEntityCert<'_>) -> Self {
        let mut read = Self::default();
        for der in sent {
            if *der == leaf.der() || read.certificates.contains(der) {
                continue;
            }
            match EndEntityCert::try_from(der) {
                Ok(parsed) => {
                    read.certificates.push(CertificateDer::from_slice(der));
                    read.parsed.push(parsed);
                }
                Err(error) => read.unreadable = Some(error),
            }
        }
        read
    }

    /// Names (contents of the DER) of who issued them.
    pub fn issuers(&self) -> impl Iterator<Item = &[u8]> {
        self.parsed.iter().map(|certificate| certificate.issuer())
    }

    /// Whether they can be arranged in more ways than any honest chain.
    pub fn is_entangled(&self, leaf: &EndEntityCert<'_>) -> bool {
        let keys: Vec<_> = self.parsed.iter().map(|certificate| certificate.subject_public_key_info()).collect();
        let same = |one: usize, other: usize| keys.get(one) == keys.get(other) && self.subject(one) == self.subject(other);
        !self.walk(leaf.issuer(), &same, &mut Vec::new(), &mut MAX_STEPS.clone())
    }

    /// Follows the names depth-first; false when the steps are used up.
    fn walk(&self, issuer: &[u8], same: &dyn Fn(usize, usize) -> bool, path: &mut Vec<usize>, left: &mut usize) -> bool {
        for (at, certificate) in self.parsed.iter().enumerate() {
            if certificate.subject() != issuer || path.len() >= MAX_DEPTH || path.iter().any(|before| same(*before, at)) {
                continue;
            }
            let Some(fewer) = left.checked_sub(1) else { return false };
            *left = fewer;
            path.push(at);
            let fine = self.walk(certificate.issuer(), same, path, left);
            path.pop();
            if !fine {
                return false;
            }
        }
        true
    }

    fn subject(&self, at: usize) -> Option<&[u8]> {
        self.parsed.get(at).map(|certificate| certificate.subject())
    }

    /// Follows the names from the leaf upwards, each certificate once.
    pub fn end(&self, leaf: &Leaf<'_>) -> End {
        let key = leaf.authority_key_identifier().map(<[u8]>::to_vec);
        let mut end = End { issuer: name::readable(leaf.x509.issuer), issuer_name: leaf.x509.issuer.to_vec(), issuer_key: key };
        let mut left: Vec<_> = self.parsed.iter().collect();
        while let Some(at) = left.iter().position(|one| one.subject() == end.issuer_name) {
            let above = left.remove(at);
            let der = above.der();
            let key = certificate::read(&der).ok().and_then(|read| read.authority_key_identifier().map(<[u8]>::to_vec));
            // A certificate that is signed by its own key need not name it.
            let own = end.issuer_key.take().filter(|_| above.issuer() == above.subject());
            end = End { issuer: name::readable(above.issuer()), issuer_name: above.issuer().to_vec(), issuer_key: key.or(own) };
        }
        end
    }

    /// One of them has a key with which nothing may be signed (ETSI TS 119 312 s8).
    pub fn has_weak_key(&self) -> bool {
        self.certificates.iter().filter_map(|der| certificate::read(der).ok()).any(|read| match read.key() {
            PublicKey::Rsa(bits) => !(2048..=8192).contains(&bits),
            PublicKey::Other => read.x509.key.algorithm != oid::RSASSA_PSS,
            PublicKey::P256 | PublicKey::P384 | PublicKey::P521 => false,
        })
    }
}
