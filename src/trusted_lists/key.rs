//! The key of a pinned signer: which algorithms it may be used with, and the check itself.

use super::{Refusal, Signer};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::{
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION, OID_PKCS1_RSASSAPSS,
    },
    prelude::{FromDer, X509Certificate},
    x509::SubjectPublicKeyInfo,
};
use xml_sec::xmldsig::{DigestAlgorithm, DsigError, SignatureAlgorithm, SignatureVerificationError, VerifyingKey};

const SMALLEST_RSA: usize = 2048;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With PKCS #1 v1.5 and PSS.
    Rsa,
    /// id-RSASSA-PSS: with nothing else (RFC 4055 s1.2).
    RsaPss,
    P256,
    P384,
    P521,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

pub(super) struct SignerKey {
    kind: Kind,
    /// RSAPublicKey, or the point.
    key: Vec<u8>,
}

impl SignerKey {
    pub(super) fn of(signer: &Signer) -> Result<Self, Refusal> {
        let unreadable = || Refusal::SignerKey("the certificate does not read".into());
        let (_, certificate) = X509Certificate::from_der(signer.der()).map_err(|_| unreadable())?;
        let spki = certificate.public_key();
        let key = spki.subject_public_key.data.to_vec();
        Ok(Self { kind: kind(spki)?, key })
    }

    /// `None`: this key is not used with this algorithm.
    fn check(&self, algorithm: SignatureAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
        use SignatureAlgorithm as Named;
        if let Some(pss) = algorithm.rsa_pss_parameters() {
            // the salt's length is the hash's, as everybody writes it
            let usual = pss.digest == pss.mgf_digest && pss.salt_len == pss.digest.output_len();
            let hash = hash_of(pss.digest).filter(|_| usual && matches!(self.kind, Kind::Rsa | Kind::RsaPss))?;
            return Some(match hash {
                Hash::Sha256 => &RSA_PSS_2048_8192_SHA256,
                Hash::Sha384 => &RSA_PSS_2048_8192_SHA384,
                Hash::Sha512 => &RSA_PSS_2048_8192_SHA512,
            });
        }
        match (algorithm, self.kind) {
            (Named::RsaSha256, Kind::Rsa) => Some(&RSA_PKCS1_2048_8192_SHA256),
            (Named::RsaSha384, Kind::Rsa) => Some(&RSA_PKCS1_2048_8192_SHA384),
            (Named::RsaSha512, Kind::Rsa) => Some(&RSA_PKCS1_2048_8192_SHA512),
            (Named::EcdsaSha256, kind) => ecdsa(kind, Hash::Sha256),
            (Named::EcdsaSha384, kind) => ecdsa(kind, Hash::Sha384),
            (Named::EcdsaSha512, kind) => ecdsa(kind, Hash::Sha512),
            (_, Kind::Rsa | Kind::RsaPss | Kind::P256 | Kind::P384 | Kind::P521) => None,
        }
    }
}

impl VerifyingKey for SignerKey {
    fn verify(&self, algorithm: SignatureAlgorithm, signed: &[u8], signature: &[u8]) -> Result<bool, DsigError> {
        let Some(check) = self.check(algorithm) else {
            return Err(SignatureVerificationError::KeyAlgorithmMismatch { uri: algorithm.uri().to_owned() }.into());
        };
        let signature = match self.kind {
            Kind::Rsa | Kind::RsaPss => signature.to_vec(),
            Kind::P256 | Kind::P384 | Kind::P521 => ecdsa_der(signature),
        };
        Ok(UnparsedPublicKey::new(check, &self.key).verify(signed, &signature).is_ok())
    }
}

fn kind(spki: &SubjectPublicKeyInfo<'_>) -> Result<Kind, Refusal> {
    let unknown = || Refusal::SignerKey("neither RSA nor ECDSA on P-256, P-384 or P-521".into());
    let algorithm = &spki.algorithm.algorithm;
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).ok_or_else(unknown)?;
        let known = [(OID_EC_P256, Kind::P256), (OID_NIST_EC_P384, Kind::P384), (OID_NIST_EC_P521, Kind::P521)];
        return known.into_iter().find(|(oid, _)| *oid == curve).map(|(_, kind)| kind).ok_or_else(unknown);
    }
    let kinds = [(OID_PKCS1_RSAENCRYPTION, Kind::Rsa), (OID_PKCS1_RSASSAPSS, Kind::RsaPss)];
    let kind = kinds.into_iter().find(|(oid, _)| oid == algorithm).map(|(_, kind)| kind).ok_or_else(unknown)?;
    let bits = rsa_bits(&spki.subject_public_key.data).ok_or_else(unknown)?;
    if bits < SMALLEST_RSA { Err(Refusal::SignerKey(format!("RSA of {bits} bits"))) } else { Ok(kind) }
}

fn rsa_bits(key: &[u8]) -> Option<usize> {
    let (_, sequence) = x509_parser::der_parser::der::parse_der_sequence(key).ok()?;
    let modulus = sequence.as_sequence().ok()?.first()?.as_slice().ok()?;
    let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
    let first = modulus.iter().find(|byte| **byte != 0)?;
    Some(significant * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

fn hash_of(digest: DigestAlgorithm) -> Option<Hash> {
    let known = [(DigestAlgorithm::Sha256, Hash::Sha256), (DigestAlgorithm::Sha384, Hash::Sha384), (DigestAlgorithm::Sha512, Hash::Sha512)];
    known.into_iter().find(|(named, _)| *named == digest).map(|(_, hash)| hash)
}

fn ecdsa(kind: Kind, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, hash) {
        (Kind::P256, Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
        (Kind::P256, Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
        (Kind::P256, Hash::Sha512) => &ECDSA_P256_SHA512_ASN1,
        (Kind::P384, Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
        (Kind::P384, Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
        (Kind::P384, Hash::Sha512) => &ECDSA_P384_SHA512_ASN1,
        (Kind::P521, Hash::Sha256) => &ECDSA_P521_SHA256_ASN1,
        (Kind::P521, Hash::Sha384) => &ECDSA_P521_SHA384_ASN1,
        (Kind::P521, Hash::Sha512) => &ECDSA_P521_SHA512_ASN1,
        (Kind::Rsa | Kind::RsaPss, _) => return None,
    })
}

/// XML writes r and s side by side (RFC 4050 s3.3), aws-lc takes every hash with every curve only in DER.
fn ecdsa_der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let body = [integer(r), integer(s)].concat();
    let mut der = vec![0x30];
    // two integers of at most 67 bytes: the length has one or two bytes
    if body.len() > 127 {
        der.push(0x81);
    }
    der.push(u8::try_from(body.len()).unwrap_or(u8::MAX));
    der.extend(body);
    der
}

fn integer(big_endian: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = big_endian.iter().copied().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    let mut der = vec![0x02, u8::try_from(content.len()).unwrap_or(u8::MAX)];
    der.extend(content);
    der
}
