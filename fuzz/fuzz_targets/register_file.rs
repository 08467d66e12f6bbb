//! The reader of register exports never panics; what it takes can be stored and compared, what it refuses can be printed.
#![no_main]

use guichet::register_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match register_file::read(bytes) {
        Ok(rows) => {
            assert!(!rows.is_empty() && rows.len() <= bytes.len());
            let texts = rows.iter().flat_map(|row| [row.organisation.as_str(), &row.name]);
            assert!(texts.flat_map(str::chars).all(|c| !c.is_control()));
            assert_eq!(register_file::read(bytes), Ok(rows));
        }
        Err(mistakes) => assert!(!mistakes.to_string().chars().any(|c| c.is_control() && c != '\n')),
    }
});
