//! A signer's public keys (RFC 7517 s5), as far as they may sign here.

use super::JwsAlgorithm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde_json::Value;

/// More keys than this are no rotation.
const MOST: usize = 20;
/// FAPI 2.0 s5.4.1; the upper end bounds what a verification costs.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

struct Key {
    kid: Option<String>,
    algorithm: JwsAlgorithm,
    public: DecodingKey,
}

/// Keys of other kinds, for other uses, or too short are not in it.
#[derive(Default)]
pub struct KeySet(Vec<Key>);

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (key.algorithm.name(), &key.kid))).finish()
    }
}

impl KeySet {
    /// A JWK set. Whatever cannot verify is left out: a client may also have keys for encryption.
    pub fn read(set: &Value) -> Self {
        let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self(keys.iter().take(MOST).filter_map(read_key).collect())
    }

    /// As [`Self::read`]; `None`: no JSON.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(|set| Self::read(&set))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn can_verify(&self, algorithm: JwsAlgorithm) -> bool {
        self.0.iter().any(|key| key.algorithm == algorithm)
    }

    /// Those that a header may mean. A `kid` need not be unique (FAPI 2.0 s5.4.3): what fits is tried; without one, all of the kind are.
    pub(super) fn fitting<'a>(&'a self, algorithm: JwsAlgorithm, kid: Option<&'a str>) -> impl Iterator<Item = &'a DecodingKey> {
        let means = move |key: &&Key| key.algorithm == algorithm && kid.is_none_or(|kid| key.kid.as_deref().is_none_or(|own| own == kid));
        self.0.iter().filter(means).map(|key| &key.public)
    }
}

fn read_key(key: &Value) -> Option<Key> {
    let text = |name: &str| key[name].as_str();
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    if let Some(operations) = key["key_ops"].as_array()
        && !operations.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    let (algorithm, public) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (n, e) = (URL_SAFE_NO_PAD.decode(text("n")?).ok()?, URL_SAFE_NO_PAD.decode(text("e")?).ok()?);
            let n = n.strip_prefix(&[0]).unwrap_or(&n);
            let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
            RSA_BITS.contains(&bits).then_some(())?;
            (JwsAlgorithm::Ps256, DecodingKey::from_rsa_raw_components(n, &e))
        }
        ("EC", Some("P-256")) => (JwsAlgorithm::Es256, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?),
        ("OKP", Some("Ed25519")) => (JwsAlgorithm::EdDsa, DecodingKey::from_ed_components(text("x")?).ok()?),
        _ => return None,
    };
    if text("alg").is_some_and(|own| JwsAlgorithm::parse(own) != Some(algorithm)) {
        return None;
    }
    Some(Key { kid: text("kid").map(str::to_owned), algorithm, public })
}
