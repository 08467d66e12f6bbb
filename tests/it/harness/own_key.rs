//! Clients without a QWAC: a key of their own, and certificates that they make of it themselves.

use super::{
    Bank, Brand,
    bank::{BankOptions, CIC},
    command::{printed, run},
    tpp::{Client, Tpp},
    wire::Wire,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use guichet::{clock::Clock, dev::qwac::Validity};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::{fs, sync::Arc};
use time::Duration;

/// P-256, unless said otherwise.
#[derive(Clone)]
pub struct OwnKey(Arc<KeyPair>);

impl Default for OwnKey {
    fn default() -> Self {
        Self::of(&rcgen::PKCS_ECDSA_P256_SHA256)
    }
}

impl OwnKey {
    pub fn of(algorithm: &'static SignatureAlgorithm) -> Self {
        Self(KeyPair::generate_for(algorithm).unwrap().into())
    }

    /// A self-signed certificate of this subject, new each time.
    pub fn certificate(&self, subject: &str, validity: Validity) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        (params.not_before, params.not_after) = (validity.not_before, validity.not_after);
        params.self_signed(&*self.0).unwrap().der().clone()
    }

    /// The key with this certificate (RFC 7517 s4.7).
    pub fn jwk(&self, certificate: &CertificateDer<'_>) -> Value {
        let point = self.0.der_bytes();
        let (x, y) = point[1..].split_at(point.len() / 2);
        let crv = if x.len() == 32 { "P-256" } else { "P-384" };
        let encoded = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        json!({ "kty": "EC", "crv": crv, "x": encoded(x), "y": encoded(y), "x5c": [STANDARD.encode(certificate)] })
    }

    /// Whoever holds this key comes with this certificate.
    pub fn holder<'a>(&self, bank: &'a Bank, certificate: &CertificateDer<'static>) -> Tpp<'a> {
        self.holder_of(bank, vec![certificate.clone()])
    }

    pub fn holder_of<'a>(&self, bank: &'a Bank, chain: Vec<CertificateDer<'static>>) -> Tpp<'a> {
        let key = PrivateKeyDer::try_from(self.0.serialize_der()).unwrap();
        let wire = Wire::with_certificate(bank, &chain, &key);
        Tpp { bank, organisation: "local:acme".into(), chain, wire }
    }
}

/// From a day ago on, for so long.
pub fn valid_for(bank: &Bank, time: Duration) -> Validity {
    let now = bank.clock.now();
    Validity { not_before: now - Duration::DAY, not_after: now + time }
}

/// What is registered of a client that is known by these keys.
pub fn metadata(keys: &[Value]) -> Value {
    let mut metadata = Tpp::metadata(CIC);
    metadata["token_endpoint_auth_method"] = json!("self_signed_tls_client_auth");
    metadata["jwks"] = json!({ "keys": keys });
    metadata
}

/// A brand that gives these scopes to clients without a QWAC.
pub fn options(scopes: &str) -> BankOptions {
    let security = format!("[brand.security]\nclients_may_choose = \"fapi2\"\nself_signed_scopes = {scopes}");
    BankOptions { brands: vec![CIC], one_brand_extra: Some((CIC, security)), ..BankOptions::default() }
}

impl Bank {
    /// What `guichet client register` takes.
    pub fn registering(&self, brand: Brand, metadata: &Value, file: &str) -> Vec<String> {
        let path = self.folder().join(file);
        fs::write(&path, metadata.to_string()).unwrap();
        let path = path.display().to_string();
        ["client", "register", "--brand", brand.id, "--organisation", "acme", "--legal-name", "Acme SA", "--metadata-file", &path]
            .into_iter()
            .chain(["--reason", "contract 4711", "--json"])
            .map(str::to_owned)
            .collect()
    }

    /// The bank's own people register a client; it comes with `holder`'s certificate.
    pub async fn register_without_qwac<'a>(&'a self, brand: Brand, metadata: &Value, holder: &Tpp<'a>) -> Client<'a> {
        let args = self.registering(brand, metadata, "client.json");
        let mut command = self.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        command.env("USER", "operator");
        let done: Value = serde_json::from_str(&printed(&run(command, "").await)).unwrap();
        assert_eq!(done["done"], "client_registered", "{done}");
        let information = done["client"].clone();
        let id = information["client_id"].as_str().unwrap().to_owned();
        Client { tpp: holder.clone(), brand, id, secret: None, key: None, information }
    }
}
