#![allow(clippy::unwrap_used)]
use super::*;
use crate::admin::KeyTimes;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

fn stored(wrapping: &WrappingKey, algorithm: Algorithm, from: i64, until: Option<i64>, published: Option<i64>) -> StoredKey {
    let at = |hours| NOW + Duration::hours(hours);
    let made = wrapping.make(algorithm, [9; 12]).unwrap();
    StoredKey {
        kid: made.kid,
        algorithm,
        public: made.public,
        sealed: Some(made.sealed),
        made_at: NOW,
        made_by: "me".into(),
        times: KeyTimes { signs_from: at(from), signs_until: until.map(at), published_until: published.map(at) },
    }
}

fn desk() -> SigningDesk {
    SigningDesk::new(vec![], KeyMaker { wrapping: WrappingKey::new(&[7; 32]), policy: KeyPolicy::default() })
}

fn kids(set: &Value) -> Vec<&str> {
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect()
}

#[test]
fn whatever_signs_is_verified_by_the_published_set_alone() {
    for algorithm in Algorithm::ALL {
        let desk = desk();
        let key = stored(desk.maker.wrapping.as_ref().unwrap(), algorithm, -1, None, None);
        assert_eq!(desk.sign(&json!({}), "JWT", NOW), Err(NotSigned::NoKey));
        assert!(desk.set_stored(vec![key]).is_empty());
        let token = desk.sign(&json!({ "sub": "me" }), "token-introspection+jwt", NOW).unwrap();
        let (header, published) = (decode_header(&token).unwrap(), desk.published(NOW));
        let jwk = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header.kid.as_deref().unwrap()).unwrap();
        let jwk: Jwk = serde_json::from_value(jwk.clone()).unwrap();
        assert_eq!((header.alg, header.typ.as_deref()), (jose(algorithm), Some("token-introspection+jwt")));
        assert!(published.to_string().contains(algorithm.name()) && !published.to_string().contains("\"d\""), "{published}");
        let mut rules = Validation::new(jose(algorithm));
        rules.required_spec_claims.clear();
        let read = decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &rules).unwrap();
        assert_eq!(read.claims["sub"], "me");
    }
}

#[test]
fn each_second_has_one_signer_and_nobody_meets_a_signature_of_an_unpublished_key() {
    let desk = desk();
    let wrapping = desk.maker.wrapping.as_ref().unwrap();
    let old = stored(wrapping, Algorithm::Es256, -100, Some(10), Some(20));
    let new = stored(wrapping, Algorithm::Es256, 10, None, None);
    let (first, second) = (old.kid.clone(), new.kid.clone());
    desk.set_stored(vec![old, new]);
    for (hours, signer, published) in [
        (0, &first, vec![first.as_str(), &second]),
        (9, &first, vec![&first, &second]),
        (10, &second, vec![&first, &second]),
        (19, &second, vec![&first, &second]),
        (20, &second, vec![&second]),
    ] {
        let now = NOW + Duration::hours(hours);
        let header = decode_header(desk.sign(&json!({}), "JWT", now).unwrap()).unwrap();
        assert_eq!((header.kid.as_ref(), kids(&desk.published(now))), (Some(signer), published), "{hours}");
    }
}

#[test]
fn a_key_that_does_not_open_is_published_and_does_not_sign() {
    let desk = desk();
    let other = WrappingKey::new(&[8; 32]).unwrap();
    let key = stored(&other, Algorithm::Es256, -1, None, None);
    let kid = key.kid.clone();
    assert_eq!(desk.set_stored(vec![key]), [(kid.clone(), Locked::OtherWrappingKey)]);
    assert_eq!(kids(&desk.published(NOW)), [kid.as_str()]);
    assert_eq!(desk.sign(&json!({}), "JWT", NOW), Err(NotSigned::Locked));
}
