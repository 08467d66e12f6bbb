//! Any bytes as a JWS are refused by a client without keys, and any members of a request object are parameters or one refusal.
#![no_main]

use guichet::{
    jose::{JwsAlgorithm, KeySet, verify},
    oauth::{client::ClientId, request_object::read},
};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

const CLIENT: &str = "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11";
const ISSUER: &str = "https://auth.bank.example";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(verify(text, &KeySet::default(), &JwsAlgorithm::ALL).is_err());
    let (Ok(mut claims), Some(client)) = (serde_json::from_str::<serde_json::Map<_, _>>(text), ClientId::parse(CLIENT)) else { return };
    let now = datetime!(2026-11-28 12:00 UTC);
    let _ = read(&claims, None, client, ISSUER, now);
    // the same of a sound object
    for (name, value) in [("iss", CLIENT), ("client_id", CLIENT), ("aud", ISSUER)] {
        claims.insert(name.to_owned(), value.into());
    }
    for (name, ahead) in [("nbf", 0), ("exp", 300)] {
        claims.insert(name.to_owned(), (now.unix_timestamp() + ahead).into());
    }
    let Ok(params) = read(&claims, None, client, ISSUER, now) else { return };
    assert!(params.pairs().iter().all(|(name, text)| claims.contains_key(name) && !name.contains('\0') && !text.contains('\0')));
    assert!(params.get("iss").is_none() && params.get("request").is_none() && params.get("request_uri").is_none());
});
