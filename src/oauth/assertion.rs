//! What a client says of itself and signs (RFC 7523 s3, OpenID Connect Core s9): for whom it is meant, when, and once.

use super::{brand::Brand, client::Client, secret::Digest};
use crate::jose::{JoseRefusal, Signed};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

/// RFC 7523 s2.2 `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Of `iat` and `nbf`: FAPI 2.0 s5.3.2.1-13 asks for 10 s at least and 60 s at most.
const AHEAD: i64 = 30;
/// Common libraries write an hour. So long a `jti` is remembered.
const LONGEST_LIFE: i64 = 3_600;
const LONGEST_ID: usize = 256;
/// RFC 8725 s3.11: what was signed for another purpose, a request object say, is no assertion. RFC 7523 names none.
const KINDS: [&str; 2] = ["jwt", "client-authentication+jwt"];

/// Why an assertion proves nothing. Told to the holder of a QWAC of the client's own organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefusal {
    /// The client registered `private_key_jwt`.
    Missing,
    Type,
    Jws(JoseRefusal),
    /// Of another algorithm than the client registered.
    OtherAlgorithm,
    Kind,
    /// `iss`, `sub` and, where it is sent, `client_id` name one client.
    Subject,
    Audience,
    ExpiryMissing,
    Expired,
    LivesTooLong,
    /// `iat` or `nbf` lie too far ahead.
    Ahead,
    /// A time that is no number.
    Time,
    IdMissing,
    /// It was said before.
    Replayed,
    Keys(KeysFault),
}

/// Why a client's `jwks_uri` gives no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysFault {
    /// Strangers' servers are asked on public addresses alone, and not through redirects.
    Forbidden,
    Unreachable,
    /// Too large, or no key set.
    Unreadable,
}

impl KeysFault {
    pub const ALL: [Self; 3] = [Self::Forbidden, Self::Unreachable, Self::Unreadable];
}

impl AssertionRefusal {
    pub fn all() -> Vec<Self> {
        let own = [
            Self::Missing,
            Self::Type,
            Self::OtherAlgorithm,
            Self::Kind,
            Self::Subject,
            Self::Audience,
            Self::ExpiryMissing,
            Self::Expired,
            Self::LivesTooLong,
            Self::Ahead,
            Self::Time,
            Self::IdMissing,
            Self::Replayed,
        ];
        own.into_iter().chain(JoseRefusal::ALL.map(Self::Jws)).chain(KeysFault::ALL.map(Self::Keys)).collect()
    }

    /// The stable name in audit trail and log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "assertion_missing",
            Self::Type => "assertion_type",
            Self::Jws(refusal) => refusal.name(),
            Self::OtherAlgorithm => "assertion_algorithm",
            Self::Kind => "assertion_kind",
            Self::Subject => "assertion_subject",
            Self::Audience => "assertion_audience",
            Self::ExpiryMissing => "assertion_expiry_missing",
            Self::Expired => "assertion_expired",
            Self::LivesTooLong => "assertion_lives_too_long",
            Self::Ahead => "assertion_ahead",
            Self::Time => "assertion_time",
            Self::IdMissing => "assertion_id_missing",
            Self::Replayed => "assertion_replayed",
            Self::Keys(KeysFault::Forbidden) => "client_keys_forbidden",
            Self::Keys(KeysFault::Unreachable) => "client_keys_unreachable",
            Self::Keys(KeysFault::Unreadable) => "client_keys_unreadable",
        }
    }

    /// For the client's developers.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Missing => "missing: this client registered private_key_jwt",
            Self::Type => "client_assertion_type: must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            Self::Jws(refusal) => refusal.description(),
            Self::OtherAlgorithm => "alg: not the registered token_endpoint_auth_signing_alg",
            Self::Kind => "typ: signed for another purpose",
            Self::Subject => "iss and sub must be the client_id",
            Self::Audience => "aud: not meant for this server: take the issuer, as one string",
            Self::ExpiryMissing => "exp: missing",
            Self::Expired => "exp: it has expired",
            Self::LivesTooLong => "exp: more than an hour ahead",
            Self::Ahead => "iat or nbf: too far ahead",
            Self::Time => "exp, iat, nbf: must be numbers",
            Self::IdMissing => "jti: missing, or longer than 256 bytes",
            Self::Replayed => "jti: used before",
            Self::Keys(KeysFault::Forbidden) => "jwks_uri: only https at a public address and port 443, without redirects",
            Self::Keys(KeysFault::Unreachable) => "jwks_uri: no answer with status 200 in time",
            Self::Keys(KeysFault::Unreadable) => "jwks_uri: the answer is too large, or no key set",
        }
    }
}

impl From<JoseRefusal> for AssertionRefusal {
    fn from(refusal: JoseRefusal) -> Self {
        Self::Jws(refusal)
    }
}

/// What an assertion is known by until it ends: its client says it once.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// Of client and `jti`.
    pub digest: Digest,
    pub until: OffsetDateTime,
}

/// Whom an assertion must be meant for.
#[derive(Clone, Debug)]
pub enum Audience {
    /// FAPI 2.0 s5.3.2.1-8: the issuer, as a string of its own.
    Issuer(String),
    /// RFC 7523 s3, RFC 9126 s2: any of these, alone or among others.
    AnyOf(Vec<String>),
}

impl Audience {
    pub(super) fn is_met_by(&self, aud: Option<&Value>) -> bool {
        let known = |value: &Value| value.as_str().is_some_and(|text| self.holds(text));
        match (self, aud) {
            (Self::AnyOf(_), Some(Value::Array(several))) => several.iter().any(known),
            (Self::Issuer(_) | Self::AnyOf(_), Some(one)) => known(one),
            (Self::Issuer(_) | Self::AnyOf(_), None) => false,
        }
    }

    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Issuer(issuer) => issuer == text,
            Self::AnyOf(urls) => urls.iter().any(|url| url == text),
        }
    }
}

/// What is known of the client before.
#[derive(Clone, Debug)]
pub struct Expected {
    pub client_id: String,
    /// The one that it registered, if it did.
    pub algorithm: Option<String>,
    pub audience: Audience,
}

impl Expected {
    pub fn of(client: &Client, brand: &Brand) -> Self {
        let audience = if brand.profile_of(client).takes_issuer_alone_as_audience() {
            Audience::Issuer(brand.issuer.clone())
        } else {
            Audience::AnyOf(brand.audiences())
        };
        Self { client_id: client.id.to_string(), algorithm: client.metadata.token_endpoint_auth_signing_alg.clone(), audience }
    }
}

/// Of an assertion whose signature is the client's.
pub fn judge(signed: &Signed, expected: &Expected, now: OffsetDateTime) -> Result<Occasion, AssertionRefusal> {
    let claims = &signed.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if expected.algorithm.as_deref().is_some_and(|registered| registered != signed.algorithm.name()) {
        return Err(AssertionRefusal::OtherAlgorithm);
    }
    if signed.typ.as_deref().is_some_and(|typ| !KINDS.contains(&typ)) {
        return Err(AssertionRefusal::Kind);
    }
    if [text("iss"), text("sub")] != [Some(expected.client_id.as_str()); 2] {
        return Err(AssertionRefusal::Subject);
    }
    if !expected.audience.is_met_by(claims.get("aud")) {
        return Err(AssertionRefusal::Audience);
    }
    let until = judge_times(claims, now.unix_timestamp())?;
    let id = text("jti").filter(|id| (1..=LONGEST_ID).contains(&id.len())).ok_or(AssertionRefusal::IdMissing)?;
    let digest = Digest::of(format!("{} {id}", expected.client_id).as_bytes());
    Ok(Occasion { digest, until })
}

/// When it ends.
fn judge_times(claims: &Map<String, Value>, now: i64) -> Result<OffsetDateTime, AssertionRefusal> {
    for name in ["iat", "nbf"] {
        if seconds(claims, name)?.is_some_and(|at| at > now + AHEAD) {
            return Err(AssertionRefusal::Ahead);
        }
    }
    let until = seconds(claims, "exp")?.ok_or(AssertionRefusal::ExpiryMissing)?;
    if until <= now {
        return Err(AssertionRefusal::Expired);
    }
    if until > now + LONGEST_LIFE + AHEAD {
        return Err(AssertionRefusal::LivesTooLong);
    }
    OffsetDateTime::from_unix_timestamp(until).map_err(|_| AssertionRefusal::Time)
}

/// RFC 7519 s2 NumericDate: whole seconds here.
pub(super) fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, AssertionRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
    number.map(Some).ok_or(AssertionRefusal::Time)
}

/// After its end, for clocks that differ.
pub const REMEMBERED: Duration = Duration::HOUR;

#[cfg(test)]
mod tests;
