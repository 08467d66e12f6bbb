//! No bytes are a statement of an issuer without keys; and whatever an issuer signs is judged without a panic, ends, and wins over what the
//! client says. Seed with a compact JWS, and with the claims of a good statement alone.
#![no_main]

use guichet::{
    jose::{JwsAlgorithm, KeySet, Signed},
    oauth::{
        software_statement::{IssuerKeys, Presented, Statement, StatementIssuer, StatementPolicy, judge},
        tpp::OrganisationId,
    },
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use time::{Duration, macros::datetime};

const DIRECTORY: &str = "https://directory.example";
const BANK: &str = "https://bank.example";

fn issuer(max_age: Option<Duration>) -> StatementIssuer {
    StatementIssuer {
        issuer: DIRECTORY.into(),
        keys: IssuerKeys::Held(Arc::new(KeySet::default())),
        algorithms: JwsAlgorithm::ALL.to_vec(),
        max_age,
        organisation_claim: Some("org_id".into()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (now, organisation) = (datetime!(2026-06-01 12:00 UTC), OrganisationId::new("PSDFR-ACPR-1"));
    let policy = StatementPolicy { issuers: vec![issuer(None)], required: false };
    let sent = Value::from(text);
    if let Ok(presented) = Presented::read(&sent, &policy) {
        assert!(presented.verify(&KeySet::default()).is_err(), "nobody's keys");
    }
    if let Ok(statement) = Statement::registered(text.to_owned()) {
        let asked = json!({ "client_name": "mine", "client_name#fr": "le mien", "software_statement": text });
        let merged = statement.over(asked.as_object().expect("an object"));
        assert!(!merged.contains_key("software_statement") && merged.contains_key("client_name"));
    }
    let Ok(claims) = serde_json::from_str::<Map<_, _>>(text) else { return };
    let signed = Signed { claims, algorithm: JwsAlgorithm::Es256, typ: None };
    for max_age in [None, Some(Duration::hours(1))] {
        if judge(&signed, &issuer(max_age), BANK, &organisation, now).is_ok() {
            assert!(signed.claims["iss"] == DIRECTORY && signed.claims["org_id"] == "PSDFR-ACPR-1");
            assert!(signed.claims.contains_key(if max_age.is_some() { "iat" } else { "exp" }));
        }
    }
});
