//! The public keys of a client, as far as they may be registered (RFC 7591 s2 `jwks`, `jwks_uri`).

use super::{
    brand::Brand,
    client_metadata::AuthMethod,
    registrant::reasons,
    registration::{Admitted, RegistrationRefusal},
};
use crate::jose::{JwsAlgorithm, KeySet};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use url::{Host, Url};

const MOST_KEYS: usize = 10;
const LONGEST_KID: usize = 256;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Who names a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kids {
    /// The bank, as its interface says.
    Assigned,
    /// The client, where it did: its signatures name the key by it.
    Kept,
}

/// By value, or by where they are. Never both (RFC 7591 s2).
pub struct Keys {
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
}

impl Keys {
    /// RFC 8705 s2.2.2: who is known by keys registers some. Whether certificates come with them is the flows' to look at.
    pub fn must_be_there(&self, method: AuthMethod) -> Admitted<()> {
        match method {
            AuthMethod::SelfSignedTlsClientAuth if self.jwks.is_none() && self.jwks_uri.is_none() => {
                Err(RegistrationRefusal::metadata("jwks", reasons::KEYS_MISSING))
            }
            // private_key_jwt: as its signatures are looked at
            AuthMethod::SelfSignedTlsClientAuth | AuthMethod::TlsClientAuth | AuthMethod::PrivateKeyJwt => Ok(()),
        }
    }

    /// What a client signs can be verified: with `algorithm`, or with any. Keys behind a URL are looked at when they are needed.
    pub fn must_verify(&self, algorithm: Option<JwsAlgorithm>) -> Admitted<()> {
        let usable = match (&self.jwks, &self.jwks_uri) {
            (None, None) => return Err(RegistrationRefusal::metadata("jwks", "missing: private_key_jwt needs jwks or jwks_uri")),
            (None, Some(_)) => true,
            (Some(jwks), _) => {
                let keys = KeySet::read(jwks);
                JwsAlgorithm::ALL.into_iter().any(|kind| algorithm.is_none_or(|only| only == kind) && keys.can_verify(kind))
            }
        };
        if usable { Ok(()) } else { Err(RegistrationRefusal::metadata("jwks", "no key that verifies PS256, ES256 or EdDSA as registered")) }
    }
}

/// A key set by value, each key with its `kid`.
pub fn admit(jwks: &Value, kids: Kids) -> Admitted<Value> {
    let keys = jwks.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| RegistrationRefusal::metadata("jwks", "must be an object with an array of keys"))?;
    if keys.len() > MOST_KEYS {
        return Err(RegistrationRefusal::metadata("jwks.keys", format!("more than {MOST_KEYS}")));
    }
    let (mut assigned, mut named): (Vec<String>, Vec<Value>) = (vec![], vec![]);
    for (i, key) in keys.iter().enumerate() {
        let field = format!("jwks.keys[{i}]");
        let (kid, key) = with_kid(&field, key, kids)?;
        if let Some(same) = assigned.iter().position(|known| *known == kid) {
            return Err(RegistrationRefusal::metadata(field, format!("the same key as jwks.keys[{same}]")));
        }
        assigned.push(kid);
        named.push(key);
    }
    Ok(json!({ "keys": named }))
}

/// https; in a sandbox that offers FAPI 2.0 also http on a loopback address, where a developer's own machine is the client.
pub fn keys_uri(text: &str, brand: &Brand) -> Admitted<()> {
    if Url::parse(text).is_err() {
        return Err(RegistrationRefusal::metadata("jwks_uri", "not an absolute URI"));
    }
    if may_be_fetched(text, brand) { Ok(()) } else { Err(RegistrationRefusal::metadata("jwks_uri", "must be https")) }
}

/// FAPI 2.0 s5.4.2: keys come over TLS.
pub fn may_be_fetched(text: &str, brand: &Brand) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    url.scheme() == "https" || brand.sandbox && brand.profiles.offer_fapi2() && url.scheme() == "http" && loopback
}

/// The `kid` that the bank assigns, and the key with that or its own: the certificate's SHA-256 where the key comes with one (`x5c`),
/// else the RFC 7638 thumbprint.
fn with_kid(field: &str, key: &Value, kids: Kids) -> Admitted<(String, Value)> {
    let refuse = |why: &str| RegistrationRefusal::metadata(field, why);
    if has_control_characters(key) {
        return Err(refuse("has control characters"));
    }
    let mut key = key.as_object().cloned().ok_or_else(|| refuse("must be an object"))?;
    if ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|secret| key.contains_key(*secret)) {
        return Err(refuse("holds a private or symmetric key"));
    }
    let member = |name: &str| key.get(name).and_then(Value::as_str).ok_or_else(|| refuse(&format!("{name} missing")));
    let leaf = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
    let digest: [u8; 32] = match leaf {
        Some(base64) => Sha256::digest(STANDARD.decode(base64).map_err(|_| refuse("x5c is not base64"))?).into(),
        None => {
            // RFC 7638 s3.2: required members only, in lexicographic order, no white space
            let required = match member("kty")? {
                "RSA" => vec!["e", "kty", "n"],
                "EC" => vec!["crv", "kty", "x", "y"],
                "OKP" => vec!["crv", "kty", "x"],
                _ => return Err(refuse("kty not supported")),
            };
            let members = required.into_iter().map(|n| Ok((n, member(n)?))).collect::<Admitted<BTreeMap<_, _>>>()?;
            Sha256::digest(serde_json::to_vec(&members).unwrap_or_default()).into()
        }
    };
    if key.contains_key("kty") && !is_strong(&key) {
        return Err(refuse("not a key of RSA with 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519"));
    }
    let assigned = URL_SAFE_NO_PAD.encode(digest);
    let own = key.get("kid").and_then(Value::as_str).filter(|kid| kids == Kids::Kept && !kid.is_empty() && kid.len() <= LONGEST_KID);
    let kid = own.map_or_else(|| assigned.clone(), str::to_owned);
    key.insert("kid".into(), kid.into());
    Ok((assigned, key.into()))
}

/// What is kept as it came must be text that a database keeps: in names and values, at any depth.
fn has_control_characters(value: &Value) -> bool {
    let in_text = |text: &str| text.chars().any(char::is_control);
    match value {
        Value::String(text) => in_text(text),
        Value::Array(items) => items.iter().any(has_control_characters),
        Value::Object(members) => members.iter().any(|(name, value)| in_text(name) || has_control_characters(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// FAPI 2.0 s5.4.1: RSA of 2048 bits and more, elliptic curves of 224 bits and more. A key that is only in its certificate is judged there.
fn is_strong(key: &Map<String, Value>) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    match (text("kty"), text("n"), text("crv")) {
        (Some("RSA"), Some(modulus), _) => URL_SAFE_NO_PAD.decode(modulus).is_ok_and(|bytes| {
            let significant = bytes.iter().position(|b| *b != 0).map_or(&[][..], |first| &bytes[first..]);
            let unused = significant.first().map_or(0, |b| b.leading_zeros() as usize);
            RSA_BITS.contains(&(significant.len() * 8 - unused))
        }),
        (Some("EC"), _, Some(curve)) => ["P-256", "P-384", "P-521"].contains(&curve),
        (Some("OKP"), _, Some(curve)) => curve == "Ed25519",
        // without its members the certificate beside it says all
        (Some("RSA" | "EC" | "OKP"), None, None) => true,
        _ => false,
    }
}
