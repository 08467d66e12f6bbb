//! Keys with which TPPs sign.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::jose::JwsAlgorithm;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::sync::Arc;

/// A key that its client calls as it likes.
#[derive(Clone)]
pub struct Key {
    private: Arc<EncodingKey>,
    pub algorithm: Algorithm,
    pub kid: String,
    pub public: Value,
}

impl Key {
    pub fn new(algorithm: JwsAlgorithm, kid: &str) -> Self {
        match algorithm {
            JwsAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
                Self::of(EncodingKey::from_ec_der(pair.as_ref()), Algorithm::ES256, kid)
            }
            JwsAlgorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
                Self::of(EncodingKey::from_ed_der(pair.as_ref()), Algorithm::EdDSA, kid)
            }
            JwsAlgorithm::Ps256 => Self::rsa(KeySize::Rsa2048, Algorithm::PS256, kid),
        }
    }

    /// Also with algorithms that nobody here takes.
    pub fn rsa(size: KeySize, algorithm: Algorithm, kid: &str) -> Self {
        let pair = rsa::KeyPair::generate(size).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let label = "PRIVATE KEY";
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der.as_ref()));
        Self::of(EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), algorithm, kid)
    }

    fn of(private: EncodingKey, algorithm: Algorithm, kid: &str) -> Self {
        let mut public = serde_json::to_value(Jwk::from_encoding_key(&private, algorithm).unwrap()).unwrap();
        public["kid"] = json!(kid);
        public["use"] = json!("sig");
        Self { private: private.into(), algorithm, kid: kid.to_owned(), public }
    }

    /// The set that a client with this key alone registers.
    pub fn set(&self) -> Value {
        json!({ "keys": [self.public] })
    }

    /// As a compact JWS, its header with the key's `kid`.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(claims, |_| {})
    }

    pub fn sign_with(&self, claims: &Value, edit: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        edit(&mut header);
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}
