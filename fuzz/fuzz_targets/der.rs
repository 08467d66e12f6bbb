//! The strict reader of DER: a certificate that it reads, another reader reads alike; pointers stay within their bounds.
//! Seed with `tests/it/fixtures/qwac/certs` in DER.
#![no_main]

use guichet::pki::{Pointers, TrustPolicy, judge_content};
use libfuzzer_sys::fuzz_target;
use x509_parser::prelude::{FromDer, X509Certificate};

fuzz_target!(|bytes: &[u8]| {
    let mut pointers = Pointers::default();
    let _ = pointers.read_information_access(bytes);
    let _ = pointers.read_distribution_points(bytes);
    for list in [&pointers.ocsp, &pointers.crl, &pointers.ca_issuers] {
        assert!(list.len() <= 4 && list.iter().all(|url| url.len() <= 1024 && url.bytes().all(|octet| octet.is_ascii_graphic())));
    }
    let Some(facts) = judge_content(bytes, &TrustPolicy::default()).facts else { return };
    let Ok((rest, other)) = X509Certificate::from_der(bytes) else { return };
    assert!(rest.is_empty());
    assert_eq!((facts.not_before, facts.not_after), (other.validity().not_before.to_datetime(), other.validity().not_after.to_datetime()));
    assert_eq!(facts.serial, other.raw_serial().iter().map(|octet| format!("{octet:02x}")).collect::<String>());
    assert_eq!(facts.subject.is_empty(), other.subject().iter_attributes().next().is_none());
});
