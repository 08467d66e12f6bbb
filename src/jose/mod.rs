//! What others signed (RFC 7515): a compact JWS and the signer's keys -> its claims, or why they count for nothing. What a header says
//! of where to find keys (`jku`, `x5u`, `jwk`) is never looked at (RFC 8725 s3.10, FAPI 2.0 s5.4.2).

mod keys;

pub use keys::KeySet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::crypto;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Of a whole JWS, in bytes. A request object with a payment in it has two or three thousand.
pub const LONGEST: usize = 16 * 1024;

/// What may have signed (FAPI 2.0 s5.4.1): neither `none`, nor RSASSA-PKCS1, nor a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum JwsAlgorithm {
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "ES256")]
    Es256,
    /// With Ed25519 alone.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl JwsAlgorithm {
    pub const ALL: [Self; 3] = [Self::Ps256, Self::Es256, Self::EdDsa];

    /// RFC 7518 s3.1, RFC 8037 s3.1.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// RFC 9864 s2.2 calls EdDSA with Ed25519 `Ed25519`, and libraries have begun to.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "Ed25519" { Some(Self::EdDsa) } else { Self::ALL.into_iter().find(|algorithm| algorithm.name() == name) }
    }

    const fn jose(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// Why a JWS counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoseRefusal {
    TooLong,
    /// Not three parts of base64url, or no JSON objects in them.
    Malformed,
    /// None of those that the caller takes.
    Algorithm,
    /// RFC 7515 s4.1.11: it asks for what nobody here understands.
    Critical,
    /// None of the signer's keys fits what the header says.
    NoKey,
    Signature,
}

impl JoseRefusal {
    pub const ALL: [Self; 6] = [Self::TooLong, Self::Malformed, Self::Algorithm, Self::Critical, Self::NoKey, Self::Signature];

    /// The stable name in audit trail and log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "jws_too_long",
            Self::Malformed => "jws_malformed",
            Self::Algorithm => "jws_algorithm",
            Self::Critical => "jws_critical",
            Self::NoKey => "jws_no_key",
            Self::Signature => "jws_signature",
        }
    }

    /// For the signer's developers.
    pub const fn description(self) -> &'static str {
        match self {
            Self::TooLong => "longer than 16384 bytes",
            Self::Malformed => "not a signed JWT in compact form",
            Self::Algorithm => "alg: must be PS256, ES256 or EdDSA, as registered",
            Self::Critical => "crit: not understood",
            Self::NoKey => "no registered key fits its kid and alg",
            Self::Signature => "the signature is not that of a registered key",
        }
    }
}

/// The claims of a JWS whose signature fits. Nothing is said of times, issuer or audience.
#[derive(Clone)]
pub struct Signed {
    pub claims: Map<String, Value>,
    pub algorithm: JwsAlgorithm,
    /// RFC 8725 s3.11: in lower case, without `application/`.
    pub typ: Option<String>,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What is not yet known to be signed by anybody: only for choosing whose keys to try.
#[derive(Clone)]
pub struct Unverified(Map<String, Value>);

impl Unverified {
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }

    /// For whoever knows that it was verified before.
    pub fn into_claims(self) -> Map<String, Value> {
        self.0
    }
}

struct Parts<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// What is signed.
    message: &'a str,
    signature: &'a str,
}

fn read(compact: &str) -> Result<Parts<'_>, JoseRefusal> {
    if compact.len() > LONGEST {
        return Err(JoseRefusal::TooLong);
    }
    let (message, signature) = compact.rsplit_once('.').ok_or(JoseRefusal::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(JoseRefusal::Malformed)?;
    Ok(Parts { header: object(header)?, claims: object(claims)?, message, signature })
}

fn object(part: &str) -> Result<Map<String, Value>, JoseRefusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JoseRefusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JoseRefusal::Malformed)
}

/// Claims that anybody may have written.
pub fn peek(compact: &str) -> Result<Unverified, JoseRefusal> {
    read(compact).map(|parts| Unverified(parts.claims))
}

/// With one of `keys`, by one of `allowed`.
pub fn verify(compact: &str, keys: &KeySet, allowed: &[JwsAlgorithm]) -> Result<Signed, JoseRefusal> {
    let Parts { header, claims, message, signature } = read(compact)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let algorithm = text("alg").and_then(JwsAlgorithm::parse).filter(|found| allowed.contains(found)).ok_or(JoseRefusal::Algorithm)?;
    // RFC 7797's `b64` would have to be in it, too
    if header.contains_key("crit") {
        return Err(JoseRefusal::Critical);
    }
    let mut refusal = JoseRefusal::NoKey;
    for key in keys.fitting(algorithm, text("kid")) {
        if crypto::verify(signature, message.as_bytes(), key, algorithm.jose()).is_ok_and(|fits| fits) {
            let typ = text("typ").map(|typ| typ.to_ascii_lowercase());
            let typ = typ.map(|typ| typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ));
            return Ok(Signed { claims, algorithm, typ });
        }
        refusal = JoseRefusal::Signature;
    }
    Err(refusal)
}

#[cfg(test)]
mod tests;
