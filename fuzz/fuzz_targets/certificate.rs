//! Any chain gives a verdict, and only reasons or a holder, never both. Seed with `tests/it/fixtures/qwac/certs` in DER.
#![no_main]

use guichet::pki::{Anchors, Trust, TrustPolicy, describe, judge};
use libfuzzer_sys::fuzz_target;
use rustls::pki_types::CertificateDer;
use std::sync::LazyLock;
use time::macros::datetime;

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let pem = include_bytes!("../../tests/it/fixtures/qwac/anchors/pt-multicert-ssl-ca-001.pem");
    Trust::new(Anchors::from_pem(pem).expect("the fixture is an anchor"), TrustPolicy::default())
});

fuzz_target!(|bytes: &[u8]| {
    // Certificates are cut where one DER header would end, so that a seed is a chain of one.
    let mut chain = Vec::new();
    let mut rest = bytes;
    while let [0x30, 0x82, high, low, ..] = rest {
        let end = (4 + usize::from(u16::from_be_bytes([*high, *low]))).min(rest.len());
        chain.push(CertificateDer::from(&rest[..end]));
        rest = &rest[end..];
    }
    if chain.is_empty() || !rest.is_empty() {
        chain.push(CertificateDer::from(rest));
    }
    let verdict = judge(&chain, &TRUST, datetime!(2020-06-01 00:00 UTC));
    assert!(!describe(&verdict).is_empty());
    let refused = !verdict.reasons.is_empty();
    assert_eq!(verdict.accepted().is_err(), refused);
});
