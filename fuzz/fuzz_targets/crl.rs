//! No bytes are an issuer's list unless it signed them; and what it signed is read without a panic, whatever it is. Seed with
//! real lists in DER, and with their TBSCertList alone.
#![no_main]

use guichet::{
    dev::{
        der,
        qwac::{Ca, Signer, Validity},
    },
    pki::{
        Issuer,
        crl::{CrlError, RevocationList},
        status::Serial,
    },
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use time::macros::datetime;

const ECDSA_WITH_SHA256: [u64; 7] = [1, 2, 840, 10045, 4, 3, 2];

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let validity = Validity { not_before: datetime!(2025-01-01 00:00 UTC), not_after: datetime!(2035-01-01 00:00 UTC) };
    Ca::root("Fuzzed", validity).and_then(|ca| ca.signer()).expect("an authority")
});

fuzz_target!(|bytes: &[u8]| {
    let issuer = Issuer { name: SIGNER.name.clone(), spki: SIGNER.spki.clone() };
    assert!(RevocationList::read(bytes, &issuer).is_err(), "nobody can sign by chance");
    let signature = SIGNER.sign(bytes).expect("a signature");
    let list = der::sequence([bytes.to_vec(), der::sequence([der::oid(&ECDSA_WITH_SHA256)]), der::bits(&signature)]);
    match RevocationList::read(&list, &issuer) {
        Ok(list) => {
            let serial = Serial::from_magnitude(&[1]).expect("short");
            let _ = list.answer(serial, &[], datetime!(2025-11-07 12:00 UTC));
        }
        Err(error) => assert_ne!(error, CrlError::SignatureInvalid),
    }
});
