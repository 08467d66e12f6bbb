use super::*;
use crate::jose::JwsAlgorithm;
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const ME: &str = "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11";
const ISSUER: &str = "https://bank.example";
const TOKEN: &str = "https://api.bank.example/token";

fn fapi2() -> Expected {
    Expected { client_id: ME.into(), algorithm: None, issuer: ISSUER.into(), audience: Audience::Issuer(ISSUER.into()) }
}

fn legacy() -> Expected {
    Expected { audience: Audience::AnyOf(vec![ISSUER.into(), TOKEN.into()]), ..fapi2() }
}

/// Claims of a good assertion with some changed; `null` takes one away.
fn signed(changes: &Value) -> Signed {
    let now = NOW.unix_timestamp();
    let mut claims = json!({ "iss": ME, "sub": ME, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": "1" });
    let members = claims.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    Signed { claims: members.clone(), algorithm: JwsAlgorithm::Ps256, typ: None }
}

fn verdict(changes: &Value, expected: &Expected) -> Option<AssertionRefusal> {
    judge(&signed(changes), expected, NOW).err()
}

#[test]
fn a29_the_audience_is_the_issuer_as_one_string_and_the_dialect_takes_more() {
    use AssertionRefusal::Audience as Refused;
    for (aud, fapi, other) in [
        (json!(ISSUER), None, None),
        (json!([ISSUER]), Some(Refused), None),
        (json!([ISSUER, "https://other.example"]), Some(Refused), None),
        (json!(TOKEN), Some(Refused), None),
        (json!([TOKEN]), Some(Refused), None),
        (json!(format!("{ISSUER}/")), Some(Refused), Some(Refused)),
        (json!("https://other.example"), Some(Refused), Some(Refused)),
        (json!([[ISSUER]]), Some(Refused), Some(Refused)),
        (json!([]), Some(Refused), Some(Refused)),
        (json!(""), Some(Refused), Some(Refused)),
        (json!(7), Some(Refused), Some(Refused)),
        (json!({ "aud": ISSUER }), Some(Refused), Some(Refused)),
        (json!(null), Some(Refused), Some(Refused)),
    ] {
        let changes = json!({ "aud": aud });
        assert_eq!((verdict(&changes, &fapi2()), verdict(&changes, &legacy())), (fapi, other), "{aud}");
    }
}

#[test]
fn a30_ten_seconds_ahead_pass_and_a_minute_does_not() {
    use AssertionRefusal::{Ahead, Expired, ExpiryMissing, LivesTooLong, Time};
    let at = |seconds: i64| json!(NOW.unix_timestamp() + seconds);
    for (changes, expected) in [
        (json!({ "iat": at(10), "nbf": at(10) }), None),
        (json!({ "iat": at(30) }), None),
        (json!({ "iat": at(31) }), Some(Ahead)),
        (json!({ "nbf": at(31) }), Some(Ahead)),
        (json!({ "iat": at(61) }), Some(Ahead)),
        (json!({ "iat": at(-86_400) }), None),
        (json!({ "iat": null, "nbf": null }), None),
        (json!({ "iat": "now" }), Some(Time)),
        (json!({ "nbf": [] }), Some(Time)),
        (json!({ "iat": 1e300 }), Some(Ahead)),
        (json!({ "iat": u64::MAX }), Some(Ahead)),
        (json!({ "exp": at(1) }), None),
        (json!({ "exp": at(0) }), Some(Expired)),
        (json!({ "exp": at(-1) }), Some(Expired)),
        (json!({ "exp": NOW.unix_timestamp() as f64 + 1.5 }), None),
        (json!({ "exp": at(3_600) }), None),
        (json!({ "exp": at(3_631) }), Some(LivesTooLong)),
        (json!({ "exp": 1e300 }), Some(LivesTooLong)),
        (json!({ "exp": -1e300 }), Some(Expired)),
        (json!({ "exp": u64::MAX }), Some(LivesTooLong)),
        (json!({ "exp": null }), Some(ExpiryMissing)),
        (json!({ "exp": "2030-01-01" }), Some(Time)),
    ] {
        assert_eq!(verdict(&changes, &fapi2()), expected, "{changes}");
    }
}

#[test]
fn a_client_speaks_for_itself_with_its_own_algorithm_and_for_this_purpose() {
    use AssertionRefusal::{IdMissing, Kind, OtherAlgorithm, Subject};
    for (changes, expected) in [
        (json!({ "iss": "another" }), Some(Subject)),
        (json!({ "sub": "another" }), Some(Subject)),
        (json!({ "iss": "another", "sub": "another" }), Some(Subject)),
        (json!({ "iss": null }), Some(Subject)),
        (json!({ "sub": [ME] }), Some(Subject)),
        (json!({ "jti": null }), Some(IdMissing)),
        (json!({ "jti": "" }), Some(IdMissing)),
        (json!({ "jti": 1 }), Some(IdMissing)),
        (json!({ "jti": "j".repeat(256) }), None),
        (json!({ "jti": "j".repeat(257) }), Some(IdMissing)),
        (json!({ "anything": { "else": true } }), None),
    ] {
        assert_eq!(verdict(&changes, &fapi2()), expected, "{changes}");
    }
    let with_typ = |typ: &str| judge(&Signed { typ: Some(typ.into()), ..signed(&json!({})) }, &fapi2(), NOW).err();
    for (typ, expected) in
        [("jwt", None), ("client-authentication+jwt", None), ("oauth-authz-req+jwt", Some(Kind)), ("at+jwt", Some(Kind)), ("", Some(Kind))]
    {
        assert_eq!(with_typ(typ), expected, "{typ}");
    }
    let registered = |algorithm: &str| Expected { algorithm: Some(algorithm.into()), ..fapi2() };
    assert_eq!(verdict(&json!({}), &registered("PS256")), None);
    assert_eq!(verdict(&json!({}), &registered("ES256")), Some(OtherAlgorithm));
}

#[test]
fn whom_an_assertion_was_meant_for_is_told_beside_the_verdict() {
    for (aud, expected) in [(json!(ISSUER), true), (json!([ISSUER]), false), (json!(TOKEN), false), (json!([TOKEN, ISSUER]), false)] {
        assert_eq!(judge(&signed(&json!({ "aud": aud })), &legacy(), NOW).unwrap().for_issuer, expected, "{aud}");
    }
}

#[test]
fn an_occasion_is_of_one_client_and_one_id() {
    let occasion = |client: &str, id: &str| {
        let expected = Expected { client_id: client.into(), ..fapi2() };
        judge(&signed(&json!({ "iss": client, "sub": client, "jti": id })), &expected, NOW).unwrap()
    };
    let one = occasion(ME, "1");
    assert!(one.digest.matches(&occasion(ME, "1").digest) && one.until == NOW + Duration::MINUTE);
    assert!(!one.digest.matches(&occasion(ME, "2").digest) && !one.digest.matches(&occasion("another", "1").digest));
}

#[test]
fn every_refusal_has_a_name_and_words_of_its_own() {
    let all = AssertionRefusal::all();
    let names: std::collections::BTreeSet<_> = all.iter().map(|refusal| refusal.name()).collect();
    let words: std::collections::BTreeSet<_> = all.iter().map(|refusal| refusal.description()).collect();
    assert_eq!((names.len(), words.len()), (all.len(), all.len()));
}

proptest! {
    #[test]
    fn any_claims_are_judged(name in "iss|sub|aud|exp|iat|nbf|jti", number: i64, text in "\\PC{0,20}", kind in 0..4u8) {
        let value = match kind { 0 => json!(number), 1 => json!(text), 2 => json!([text, number]), _ => json!({ text.as_str(): number }) };
        let changes = json!({ name.as_str(): value });
        for expected in [fapi2(), legacy()] {
            if let Ok(occasion) = judge(&signed(&changes), &expected, NOW) {
                prop_assert!(occasion.until > NOW && occasion.until <= NOW + Duration::seconds(LONGEST_LIFE + AHEAD));
            }
        }
    }
}
