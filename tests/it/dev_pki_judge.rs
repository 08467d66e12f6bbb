//! The judge reads the test PKI as it is meant.

use guichet::{
    dev::{
        pki::{Flaw, QWACS, TestPki},
        qwac::{Ca, KeyKind, QwacSpec, Validity},
    },
    oauth::tpp::PspRole,
    pki::{Anchors, Reason, Trust, TrustPolicy, chain_from_pem_or_der, judge},
};
use std::fs;
use time::{Duration, OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

#[test]
fn the_judge_agrees_with_every_test_qwac() {
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::load_or_create(dir.path(), &["localhost"], NOW).unwrap();
    let anchors = Anchors::from_pem(&fs::read(pki.file("qtsp.pem")).unwrap()).unwrap();
    let trust = Trust::new(anchors, TrustPolicy::default()).with_crls(&[fs::read(pki.file("qtsp.crl")).unwrap()]).unwrap();
    for one in &QWACS {
        let chain = chain_from_pem_or_der(&fs::read(pki.file(&format!("{}.pem", one.name))).unwrap()).unwrap();
        let verdict = judge(&chain, &trust, NOW);
        let expected: &[&str] = match one.flaw {
            Flaw::None => &[],
            Flaw::Seal => &["KEY_USAGE_NO_DIGITAL_SIGNATURE", "EKU_MISSING", "QSEAL_CERTIFICATE"],
            Flaw::Expired => &["CERTIFICATE_EXPIRED"],
            Flaw::Revoked => &["CERTIFICATE_REVOKED"],
            Flaw::Untrusted => &["ISSUER_NOT_TRUSTED"],
        };
        let codes: Vec<_> = verdict.reasons.iter().map(Reason::code).collect();
        assert_eq!((&codes[..], &verdict.warnings[..]), (expected, &[][..]), "{}", one.name);
        if let Ok(tpp) = verdict.accepted().map(|accepted| accepted.tpp) {
            assert_eq!((tpp.organisation.as_str(), tpp.legal_name.as_str()), (one.organisation, one.legal_name));
            assert!(one.roles.iter().eq(&tpp.roles), "{:?}", tpp.roles);
        }
    }
}

#[test]
fn every_key_is_accepted() {
    let validity = Validity { not_before: NOW - Duration::days(1), not_after: NOW + Duration::days(9) };
    let ca = Ca::root("QTSP", validity).unwrap();
    let trust = Trust::new(Anchors::from_certificates(&[ca.certificate().clone()]).unwrap(), TrustPolicy::default());
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048] {
        let spec = QwacSpec { key, ..QwacSpec::new("PSDMT-MFSA-A 12345", "Malta", &PspRole::ALL, validity) };
        let verdict = judge(&ca.issue(&spec).unwrap().chain, &trust, NOW);
        assert_eq!((verdict.reasons, verdict.warnings), (vec![], vec![]), "{key:?}");
    }
}
