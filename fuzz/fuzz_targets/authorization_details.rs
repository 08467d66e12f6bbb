//! The reader of `authorization_details` never panics; what it takes reads again from what it tells of it, what it refuses has a place.
#![no_main]

use guichet::oauth::details::AuthorizationDetails;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match AuthorizationDetails::read(text) {
    Ok(details) => {
        let told = serde_json::to_string(&details).unwrap();
        assert!(AuthorizationDetails::read(&told).is_ok_and(|again| again == details));
        assert!(serde_json::from_str::<AuthorizationDetails>(&told).unwrap() == details);
    }
    Err(faults) => assert!(!faults.is_empty()),
});
