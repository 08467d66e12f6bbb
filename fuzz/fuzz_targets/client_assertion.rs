//! No bytes are an assertion that counts; and whatever claims a client signs are judged without a panic, for a bounded time. Seed with a
//! compact JWS, and with the claims of a good assertion alone.
#![no_main]

use guichet::{
    jose::{JwsAlgorithm, KeySet, Signed, peek, verify},
    oauth::assertion::{Audience, Expected, judge},
};
use libfuzzer_sys::fuzz_target;
use time::{Duration, macros::datetime};

const ME: &str = "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11";
const ISSUER: &str = "https://bank.example";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(claims) = peek(text) {
        let _ = claims.text("sub");
    }
    assert!(verify(text, &KeySet::default(), &JwsAlgorithm::ALL).is_err(), "nobody's keys");
    let Ok(claims) = serde_json::from_str(text) else { return };
    let signed = Signed { claims, algorithm: JwsAlgorithm::Es256, typ: None };
    let now = datetime!(2026-06-01 12:00 UTC);
    for audience in [Audience::Issuer(ISSUER.into()), Audience::AnyOf(vec![ISSUER.into()])] {
        let expected = Expected { client_id: ME.into(), algorithm: None, issuer: ISSUER.into(), audience };
        if let Ok(occasion) = judge(&signed, &expected, now) {
            assert!(signed.claims["iss"] == ME && signed.claims["sub"] == ME);
            assert!(occasion.until > now && occasion.until <= now + Duration::hours(2));
        }
    }
});
