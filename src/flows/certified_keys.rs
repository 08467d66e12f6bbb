//! Keys of a JWK set that come with a certificate (RFC 7517 s4.7): a client without a QWAC is known by them (RFC 8705 s2.2.2).

use crate::{
    oauth::registration::RegistrationRefusal,
    pki::{CertifiedKey, KeyMembers, NoKey},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;

/// More keys than this are no rotation.
const MOST: usize = 20;
/// Of a certificate in base64: more is none that TLS would let through.
const LONGEST: usize = 22 << 10;

/// Why a key is none that its client could be known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    NoCertificate,
    Certificate(NoKey),
    /// RFC 7517 s4.7: the certificate must be of the key that the other members say.
    OtherKey,
}

impl Unfit {
    pub const fn why(self) -> &'static str {
        match self {
            Self::NoCertificate => "x5c missing: a client without a QWAC is known by the certificates of its keys",
            Self::Certificate(NoKey::Unreadable) => "x5c: is not a certificate",
            Self::Certificate(NoKey::Weak) => "x5c: not a key of RSA with 2048 to 8192 bits, P-256, P-384 or P-521",
            Self::OtherKey => "x5c: the certificate is of another key than the other members say (RFC 7517 s4.7)",
        }
    }
}

/// What a client registers by value: some key that it can be known by, and no certificate that is another key's.
pub fn check(set: &Value) -> Result<(), RegistrationRefusal> {
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut certified = false;
    for (i, key) in keys.iter().enumerate() {
        match read_key(key) {
            Ok(_) => certified = true,
            // for what it signs
            Err(Unfit::NoCertificate) if key.get("x5c").is_none() => {}
            Err(unfit) => return Err(RegistrationRefusal::metadata(format!("jwks.keys[{i}]"), unfit.why())),
        }
    }
    if certified { Ok(()) } else { Err(RegistrationRefusal::metadata("jwks", Unfit::NoCertificate.why())) }
}

/// SHA-256 over the SubjectPublicKeyInfo of each that fits; whatever does not is left out: a client may have other keys, too.
pub fn read(set: &Value) -> Vec<[u8; 32]> {
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    keys.iter().take(MOST).filter_map(|key| read_key(key).ok()).collect()
}

/// The first certificate's key is what counts; those after it vouch for nothing here.
pub fn read_key(key: &Value) -> Result<[u8; 32], Unfit> {
    let leaf = key["x5c"][0].as_str().filter(|text| text.len() <= LONGEST).ok_or(Unfit::NoCertificate)?;
    let certificate = STANDARD.decode(leaf).map_err(|_| Unfit::Certificate(NoKey::Unreadable))?;
    let certified = CertifiedKey::read(&certificate).map_err(Unfit::Certificate)?;
    if says(key, &certified.members) { Ok(certified.digest) } else { Err(Unfit::OtherKey) }
}

fn says(key: &Value, members: &KeyMembers) -> bool {
    let octets = |name: &str| key[name].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    match members {
        // some write the octet for the sign
        KeyMembers::Rsa { n, e } => {
            let number = |name| octets(name).map(|octets| octets.strip_prefix(&[0]).map(<[u8]>::to_vec).unwrap_or(octets));
            key["kty"] == "RSA" && number("n").as_ref() == Some(n) && number("e").as_ref() == Some(e)
        }
        KeyMembers::Ec { crv, x, y } => {
            key["kty"] == "EC" && key["crv"] == **crv && octets("x").as_ref() == Some(x) && octets("y").as_ref() == Some(y)
        }
    }
}
