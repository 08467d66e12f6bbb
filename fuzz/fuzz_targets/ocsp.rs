//! No bytes are an issuer's answer unless it signed them; and what it signed is judged without a panic, whatever it is. Seed
//! with real answers in DER, and with their ResponseData alone.
#![no_main]

use guichet::{
    dev::{
        der,
        qwac::{Ca, Signer, Validity},
    },
    pki::{
        Issuer,
        ocsp::{Hash, OcspError, Question},
        status::Serial,
    },
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use time::macros::datetime;

const BASIC: [u64; 10] = [1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const ECDSA_WITH_SHA256: [u64; 7] = [1, 2, 840, 10045, 4, 3, 2];

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let validity = Validity { not_before: datetime!(2025-01-01 00:00 UTC), not_after: datetime!(2035-01-01 00:00 UTC) };
    Ca::root("Fuzzed", validity).and_then(|ca| ca.signer()).expect("an authority")
});

fuzz_target!(|bytes: &[u8]| {
    let issuer = Issuer { name: SIGNER.name.clone(), spki: SIGNER.spki.clone() };
    let serial = Serial::from_magnitude(&[1]).expect("short");
    let question = Question { issuer: &issuer, serial, nonce: Some(b"nonce") };
    let now = datetime!(2025-11-07 12:00 UTC);
    assert!(question.judge(bytes, now).is_err(), "nobody can sign by chance");
    let signature = SIGNER.sign(bytes).expect("a signature");
    let basic = der::sequence([bytes.to_vec(), der::sequence([der::oid(&ECDSA_WITH_SHA256)]), der::bits(&signature)]);
    let inner = der::sequence([der::oid(&BASIC), der::octets(&basic)]);
    let verdict = question.judge(&der::sequence([der::enumerated(0), der::explicit(0, &inner)]), now);
    assert_ne!(verdict, Err(OcspError::SignatureInvalid));
    assert!(question.request(Hash::Sha1).is_ok());
});
