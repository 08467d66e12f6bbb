//! The signature algorithms by which certificates may be signed (ETSI TS 119 312): RSA of 2048 to 8192 bits, PKCS #1 and
//! PSS, and ECDSA on P-256, P-384 and P-521, with SHA-2.

use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use webpki::aws_lc_rs as algorithms;

/// Scanned in this order, so the usual pairs of curve and hash come first.
pub(super) static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 33] = [
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    &Pss(Hash::Sha256, Null::Written, Key::Rsa),
    &Pss(Hash::Sha256, Null::Absent, Key::Rsa),
    &Pss(Hash::Sha256, Null::Written, Key::Pss),
    &Pss(Hash::Sha256, Null::Absent, Key::Pss),
    &Pss(Hash::Sha256, Null::Written, Key::PssRestricted),
    &Pss(Hash::Sha256, Null::Absent, Key::PssRestricted),
    &Pss(Hash::Sha384, Null::Written, Key::Rsa),
    &Pss(Hash::Sha384, Null::Absent, Key::Rsa),
    &Pss(Hash::Sha384, Null::Written, Key::Pss),
    &Pss(Hash::Sha384, Null::Absent, Key::Pss),
    &Pss(Hash::Sha384, Null::Written, Key::PssRestricted),
    &Pss(Hash::Sha384, Null::Absent, Key::PssRestricted),
    &Pss(Hash::Sha512, Null::Written, Key::Rsa),
    &Pss(Hash::Sha512, Null::Absent, Key::Rsa),
    &Pss(Hash::Sha512, Null::Written, Key::Pss),
    &Pss(Hash::Sha512, Null::Absent, Key::Pss),
    &Pss(Hash::Sha512, Null::Written, Key::PssRestricted),
    &Pss(Hash::Sha512, Null::Absent, Key::PssRestricted),
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA512,
];

/// RSASSA-PSS with a salt as long as the hash (RFC 4055 s3.1).
#[derive(Debug)]
struct Pss(Hash, Null, Key);

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// Whether the hash identifiers have their NULL parameter. RFC 4055 s2.1 asks to accept both, and QTSPs write both.
#[derive(Clone, Copy, Debug)]
enum Null {
    Written,
    Absent,
}

/// How the issuer's key is marked (RFC 4055 s1.2 and s3.1).
#[derive(Clone, Copy, Debug)]
enum Key {
    /// rsaEncryption.
    Rsa,
    /// id-RSASSA-PSS, for any of these hashes.
    Pss,
    /// id-RSASSA-PSS, for the signature's own parameters only.
    PssRestricted,
}

impl SignatureVerificationAlgorithm for Pss {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let marked_rsa = match self.0 {
            Hash::Sha256 => algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Hash::Sha384 => algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            Hash::Sha512 => algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        };
        marked_rsa.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.2 {
            Key::Rsa => alg_id::RSA_ENCRYPTION,
            Key::Pss => AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),
            Key::PssRestricted => self.signature_alg_id(),
        }
    }

    #[rustfmt::skip]
    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match (self.0, self.1) {
            (Hash::Sha256, Null::Written) => alg_id::RSA_PSS_SHA256,
            (Hash::Sha384, Null::Written) => alg_id::RSA_PSS_SHA384,
            (Hash::Sha512, Null::Written) => alg_id::RSA_PSS_SHA512,
            (Hash::Sha256, Null::Absent) => AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\xa2\x03\x02\x01\x20"),
            (Hash::Sha384, Null::Absent) => AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\xa2\x03\x02\x01\x30"),
            (Hash::Sha512, Null::Absent) => AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\xa2\x03\x02\x01\x40"),
        }
    }
}
