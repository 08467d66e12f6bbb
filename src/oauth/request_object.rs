//! A request object (RFC 9101, FAPI 2.0 Message Signing s5.3.1): what a JWT says of an authorization request, once its signature fits.

use super::{
    assertion::{AssertionRefusal, KeysFault},
    client::ClientId,
    error::OAuthError,
    error_code::ErrorCode,
    params::{self, Params},
};
use crate::jose::JoseRefusal;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

/// FAPI 2.0 Message Signing s5.3.1: since `nbf`, and from `nbf` to `exp`.
const LONGEST_LIFE: Duration = Duration::minutes(60);
/// FAPI 2.0 s5.3.2.1-13: how far a client's clock may run ahead.
const LONGEST_AHEAD: Duration = Duration::seconds(30);
/// RFC 7519 s4.1: of the JWT, and no parameters of the request.
const OF_THE_JWT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Why a request counts for nothing, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestObjectRefusal {
    /// There is none, and requests of this client are signed (RFC 9101 s10.5).
    Missing,
    /// RFC 9101 s5: one or the other.
    BesideRequestUri,
    Encrypted,
    Jws(JoseRefusal),
    Keys(KeysFault),
    /// RFC 9101 s10.8: a JWT of another kind. None at all is no mistake.
    Typ,
    /// RFC 9101 s4: another request inside.
    Nested,
    /// RFC 9101 s6.3: not the client that brings it.
    Client,
    Issuer,
    Audience,
    ExpiryMissing,
    Expired,
    NotBeforeMissing,
    NotYet,
    TooOld,
    LivesTooLong,
    /// What no parameter of a query could be.
    Member,
    TooMany,
}

impl RequestObjectRefusal {
    /// In the order of the checks.
    pub fn all() -> impl Iterator<Item = Self> {
        let first = [Self::Missing, Self::BesideRequestUri, Self::Encrypted].into_iter();
        first.chain(JoseRefusal::ALL.map(Self::Jws)).chain(KeysFault::ALL.map(Self::Keys)).chain([
            Self::Typ,
            Self::Nested,
            Self::Client,
            Self::Issuer,
            Self::Audience,
            Self::ExpiryMissing,
            Self::Expired,
            Self::NotBeforeMissing,
            Self::NotYet,
            Self::TooOld,
            Self::LivesTooLong,
            Self::Member,
            Self::TooMany,
        ])
    }

    /// The stable name in audit trail and log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "request_object_missing",
            Self::BesideRequestUri => "request_object_beside_request_uri",
            Self::Encrypted => "request_object_encrypted",
            Self::Jws(refusal) => refusal.name(),
            Self::Keys(fault) => AssertionRefusal::Keys(fault).name(),
            Self::Typ => "request_object_typ",
            Self::Nested => "request_object_nested",
            Self::Client => "request_object_client",
            Self::Issuer => "request_object_issuer",
            Self::Audience => "request_object_audience",
            Self::ExpiryMissing => "request_object_exp_missing",
            Self::Expired => "request_object_expired",
            Self::NotBeforeMissing => "request_object_nbf_missing",
            Self::NotYet => "request_object_not_yet",
            Self::TooOld => "request_object_too_old",
            Self::LivesTooLong => "request_object_lives_too_long",
            Self::Member => "request_object_member",
            Self::TooMany => "too_many_parameters",
        }
    }
}

impl From<JoseRefusal> for RequestObjectRefusal {
    fn from(refusal: JoseRefusal) -> Self {
        Self::Jws(refusal)
    }
}

impl From<KeysFault> for RequestObjectRefusal {
    fn from(fault: KeysFault) -> Self {
        Self::Keys(fault)
    }
}

impl From<RequestObjectRefusal> for OAuthError {
    fn from(refusal: RequestObjectRefusal) -> Self {
        use ErrorCode::{InvalidRequest, InvalidRequestObject};
        let name = refusal.name();
        let error = match refusal {
            RequestObjectRefusal::Missing => OAuthError::new(InvalidRequest, "request: missing: this client signs its requests (RFC 9101)"),
            RequestObjectRefusal::BesideRequestUri => {
                OAuthError::new(InvalidRequest, "request: must not be sent together with request_uri")
            }
            RequestObjectRefusal::Encrypted => OAuthError::new(InvalidRequestObject, "request: encrypted objects are not supported"),
            RequestObjectRefusal::Jws(refusal) => {
                let why = refusal.description();
                OAuthError::described(InvalidRequestObject, format!("request: {why}"))
            }
            RequestObjectRefusal::Keys(fault) => {
                let why = AssertionRefusal::Keys(fault).description();
                OAuthError::described(InvalidRequestObject, format!("request: {why}"))
            }
            RequestObjectRefusal::Typ => {
                OAuthError::new(InvalidRequestObject, "request: typ must be oauth-authz-req+jwt, JWT, or left out")
            }
            RequestObjectRefusal::Nested => OAuthError::new(InvalidRequestObject, "request: must not have request or request_uri in it"),
            RequestObjectRefusal::Client => OAuthError::new(InvalidRequestObject, "request: client_id must be in it, and be the client's"),
            RequestObjectRefusal::Issuer => OAuthError::new(InvalidRequestObject, "request: iss must be the client_id"),
            RequestObjectRefusal::Audience => OAuthError::new(InvalidRequestObject, "request: aud must be the issuer, or an array with it"),
            RequestObjectRefusal::ExpiryMissing => OAuthError::new(InvalidRequestObject, "request: exp must be in it, a number"),
            RequestObjectRefusal::Expired => OAuthError::new(InvalidRequestObject, "request: has expired"),
            RequestObjectRefusal::NotBeforeMissing => OAuthError::new(InvalidRequestObject, "request: nbf must be in it, a number"),
            RequestObjectRefusal::NotYet => {
                OAuthError::new(InvalidRequestObject, "request: nbf or iat lies in the future, or is no number: look at your clock")
            }
            RequestObjectRefusal::TooOld => OAuthError::new(InvalidRequestObject, "request: nbf is more than 60 minutes ago"),
            RequestObjectRefusal::LivesTooLong => OAuthError::new(InvalidRequestObject, "request: exp is more than 60 minutes after nbf"),
            RequestObjectRefusal::Member => {
                OAuthError::new(InvalidRequestObject, "request: a member is null or has a NUL in it: leave it out instead")
            }
            RequestObjectRefusal::TooMany => OAuthError::new(InvalidRequestObject, "request: too many members"),
        };
        error.named(name)
    }
}

/// RFC 7516 s7.1: five parts.
pub fn is_encrypted(compact: &str) -> bool {
    compact.bytes().filter(|byte| *byte == b'.').count() == 4
}

/// The parameters that `client` signed. The signature was verified before; `typ` is in lower case, without `application/`.
pub fn read(
    claims: &Map<String, Value>,
    typ: Option<&str>,
    client: ClientId,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<Params, RequestObjectRefusal> {
    match typ {
        None | Some("oauth-authz-req+jwt" | "jwt") => {}
        Some(_) => return Err(RequestObjectRefusal::Typ),
    }
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(RequestObjectRefusal::Nested);
    }
    let id = client.to_string();
    if claims.get("client_id").and_then(Value::as_str) != Some(&id) {
        return Err(RequestObjectRefusal::Client);
    }
    if claims.get("iss").and_then(Value::as_str) != Some(&id) {
        return Err(RequestObjectRefusal::Issuer);
    }
    if !claims.get("aud").is_some_and(|audience| is_for(audience, issuer)) {
        return Err(RequestObjectRefusal::Audience);
    }
    check_times(claims, now.unix_timestamp())?;
    parameters(claims)
}

fn is_for(audience: &Value, issuer: &str) -> bool {
    match audience {
        Value::String(one) => one == issuer,
        Value::Array(several) => several.iter().any(|one| one == issuer),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), RequestObjectRefusal> {
    let [life, ahead] = [LONGEST_LIFE, LONGEST_AHEAD].map(Duration::whole_seconds);
    let expires = claims.get("exp").and_then(numeric_date).ok_or(RequestObjectRefusal::ExpiryMissing)?;
    if now >= expires {
        return Err(RequestObjectRefusal::Expired);
    }
    let not_before = claims.get("nbf").and_then(numeric_date).ok_or(RequestObjectRefusal::NotBeforeMissing)?;
    let issued = claims.get("iat").map_or(Some(now), numeric_date);
    if not_before > now + ahead || issued.is_none_or(|issued| issued > now + ahead) {
        return Err(RequestObjectRefusal::NotYet);
    }
    if not_before < now - life {
        return Err(RequestObjectRefusal::TooOld);
    }
    if expires > not_before + life {
        return Err(RequestObjectRefusal::LivesTooLong);
    }
    Ok(())
}

/// RFC 7519 s2: seconds since the epoch, perhaps with a fraction, of a time that a clock may show.
fn numeric_date(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds, within the years that are let through")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))?;
    (0..=253_402_300_799).contains(&seconds).then_some(seconds)
}

/// RFC 9101 s4: strings as they are, numbers in digits; an object or an array is a parameter that is JSON (RFC 9396 s2).
fn parameters(claims: &Map<String, Value>) -> Result<Params, RequestObjectRefusal> {
    let own = claims.iter().filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str()));
    let pairs: Vec<_> =
        own.map(|(name, value)| Some((text_of(name)?, parameter(value)?))).collect::<Option<_>>().ok_or(RequestObjectRefusal::Member)?;
    if pairs.len() > params::MOST {
        return Err(RequestObjectRefusal::TooMany);
    }
    Ok(Params::from_pairs(pairs))
}

fn parameter(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => text_of(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

/// No NUL: PostgreSQL's text cannot hold it, and no query brings it (`params`).
fn text_of(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::json;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);
    const ISSUER: &str = "https://auth.bank.example";
    const CLIENT: ClientId = ClientId(Uuid::from_u128(7));

    fn claims(changes: Value) -> Map<String, Value> {
        let (now, id) = (NOW.unix_timestamp(), CLIENT.to_string());
        let Value::Object(mut claims) = json!({ "iss": id, "client_id": id, "aud": ISSUER, "nbf": now, "exp": now + 300 }) else {
            unreachable!()
        };
        let Value::Object(changes) = changes else { unreachable!() };
        claims.extend(changes);
        claims
    }

    fn verdict(changes: Value) -> Result<(), RequestObjectRefusal> {
        read(&claims(changes), None, CLIENT, ISSUER, NOW).map(drop)
    }

    #[test]
    fn a30_b50_an_object_is_of_this_client_for_this_bank_and_of_this_hour() {
        use RequestObjectRefusal::*;
        let at = |seconds: i64| NOW.unix_timestamp() + seconds;
        for (changes, expected) in [
            (json!({}), Ok(())),
            (json!({ "client_id": null }), Err(Client)),
            (json!({ "client_id": Uuid::nil() }), Err(Client)),
            (json!({ "client_id": 7 }), Err(Client)),
            (json!({ "iss": Uuid::nil() }), Err(Issuer)),
            (json!({ "iss": null }), Err(Issuer)),
            (json!({ "aud": [ISSUER] }), Ok(())),
            (json!({ "aud": ["https://other.example", ISSUER] }), Ok(())),
            (json!({ "aud": [[ISSUER]] }), Err(Audience)),
            (json!({ "aud": { "iss": ISSUER } }), Err(Audience)),
            (json!({ "aud": format!("{ISSUER}/") }), Err(Audience)),
            (json!({ "aud": [] }), Err(Audience)),
            (json!({ "aud": null }), Err(Audience)),
            (json!({ "exp": null }), Err(ExpiryMissing)),
            (json!({ "exp": "300" }), Err(ExpiryMissing)),
            (json!({ "exp": 1e300 }), Err(ExpiryMissing)),
            (json!({ "exp": u64::MAX }), Err(ExpiryMissing)),
            (json!({ "exp": -1 }), Err(ExpiryMissing)),
            (json!({ "exp": at(0) }), Err(Expired)),
            (json!({ "exp": at(1) }), Ok(())),
            (json!({ "exp": at(3600) }), Ok(())),
            (json!({ "exp": at(3600), "nbf": at(-1) }), Err(LivesTooLong)),
            (json!({ "exp": at(3601) }), Err(LivesTooLong)),
            (json!({ "nbf": null }), Err(NotBeforeMissing)),
            (json!({ "nbf": at(10) }), Ok(())),
            (json!({ "nbf": at(31) }), Err(NotYet)),
            (json!({ "iat": at(10) }), Ok(())),
            (json!({ "iat": at(31) }), Err(NotYet)),
            (json!({ "iat": "now" }), Err(NotYet)),
            (json!({ "nbf": at(-3600), "exp": at(0) }), Err(Expired)),
            (json!({ "nbf": at(-3600), "exp": at(1) }), Err(LivesTooLong)),
            (json!({ "nbf": at(-3601), "exp": at(1) }), Err(TooOld)),
            (json!({ "request": "eyJ" }), Err(Nested)),
            (json!({ "request_uri": null }), Err(Nested)),
            (json!({ "state": null }), Err(Member)),
            (json!({ "state": "a\0" }), Err(Member)),
            (json!({ "a\0": "a" }), Err(Member)),
        ] {
            assert_eq!(verdict(changes.clone()), expected, "{changes}");
        }
        let many: Map<_, _> = (0..=params::MOST).map(|n| (format!("p{n}"), json!("a"))).collect();
        assert_eq!(verdict(Value::Object(many)), Err(TooMany));
    }

    #[test]
    fn b51_an_object_needs_no_typ_but_is_of_no_other_kind() {
        for (typ, fits) in
            [(None, true), (Some("oauth-authz-req+jwt"), true), (Some("jwt"), true), (Some("at+jwt"), false), (Some(""), false)]
        {
            assert_eq!(read(&claims(json!({})), typ, CLIENT, ISSUER, NOW).is_ok(), fits, "{typ:?}");
        }
    }

    #[test]
    fn parameters_that_are_json_are_told_as_their_text() {
        let details = json!([{ "type": "payment", "amount": 1 }]);
        let asked = claims(json!({ "authorization_details": details, "max_age": 7, "flag": true, "state": "a b" }));
        let params = read(&asked, None, CLIENT, ISSUER, NOW).unwrap();
        let told = |name| params.get(name);
        assert_eq!(told("authorization_details").map(|text| serde_json::from_str::<Value>(text).unwrap()), Some(details));
        assert_eq!((told("max_age"), told("flag"), told("state"), told("aud")), (Some("7"), Some("true"), Some("a b"), None));
    }

    #[test]
    fn five_parts_are_encrypted() {
        for (text, encrypted) in [("", false), ("a.b.c", false), ("a.b.c.d.e", true), ("....", true), ("a.b.c.d.e.f", false)] {
            assert_eq!(is_encrypted(text), encrypted, "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn each_member_is_one_parameter_or_the_object_is_refused(members in btree_map("[a-z_]{1,12}", any_json(), 0..20)) {
            let asked = claims(Value::Object(members.into_iter().filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str())).collect()));
            let Ok(params) = read(&asked, None, CLIENT, ISSUER, NOW) else { return Ok(()) };
            prop_assert_eq!(params.pairs().len(), asked.len() - 4);
            prop_assert!(params.repeated().is_none());
            for (name, text) in params.pairs() {
                match &asked[name] {
                    Value::String(own) => prop_assert_eq!(own, text),
                    other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => prop_assert_eq!(other, &serde_json::from_str::<Value>(text).unwrap()),
                }
            }
        }

        #[test]
        fn any_members_are_judged(members in btree_map("(iss|aud|exp|nbf|iat|client_id|request|scope)", any_json(), 0..8), typ in proptest::option::of("\\PC{0,20}")) {
            let _ = read(&members.into_iter().collect(), typ.as_deref(), CLIENT, ISSUER, NOW);
        }
    }
}
