//! The reader of settings never panics; what it takes reads again from what it told of it, what it refuses has a place.
#![no_main]

use guichet::config::{differences, parse};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let read = || parse("fuzz.toml", text, Path::new("/nonexistent"), &|_| Some("postgres:///guichet".into()));
    match (read(), read()) {
        (Ok(settings), Ok(again)) => {
            assert!(!settings.brands.is_empty());
            assert!(differences(&settings.effective, &again.effective).is_empty());
            assert!(settings.effective.iter().all(|(_, value)| !value.shown.to_string().contains(char::is_control)));
        }
        (Err(mistakes), Err(again)) => assert!(mistakes.iter().next().is_some() && mistakes == again),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => panic!("read twice, it is something else"),
    }
});
