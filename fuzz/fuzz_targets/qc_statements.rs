//! The DER reader of qcStatements never panics, and what it reads it reads again the same.
#![no_main]

use guichet::pki::qc_statements::{self, RoleOfPsp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(statements) = qc_statements::read(bytes) else { return };
    assert_eq!(qc_statements::read(bytes).as_ref(), Ok(&statements));
    let _ = statements.repeated();
    let roles = statements.psd2.iter().flat_map(|psd2| &psd2.roles).filter_map(|role| RoleOfPsp::role(role).ok());
    assert!(roles.count() <= bytes.len());
});
