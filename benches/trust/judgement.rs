//! What judging a QWAC costs with a warm snapshot, in units of the bare verifications of its chain's signatures: both timed in
//! turn in one run, so the machine's speed cancels out.

use guichet::dev::qwac::{Ca, KeyKind, QwacSpec, Validity};
use guichet::oauth::tpp::PspRole;
use guichet::pki::trusted_list::{AcceptedList, Period, Service, ServiceStatus, Snapshot, Use, Verification};
use guichet::pki::{Anchors, Trust, TrustPolicy, judge};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use std::hint::black_box;
use std::time::Instant;
use time::OffsetDateTime;
use time::macros::datetime;
use webpki::{EndEntityCert, aws_lc_rs as algorithms};
use x509_parser::prelude::{FromDer, X509Certificate};

/// As the national lists of August 2025 had: services of type CA/QC, and those of them that are granted for the web.
const SERVICES: usize = 1_383;
const FOR_WEB: usize = 114;
const ROUNDS: usize = 4_000;
/// The goal that is held: judging costs at most this many times the bare verifications.
const GOAL: f64 = 1.5;

const VALIDITY: Validity = Validity { not_before: datetime!(2026-01-01 00:00 UTC), not_after: datetime!(2027-01-01 00:00 UTC) };
const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

pub fn run() {
    let others: Vec<Service> =
        (0..SERVICES).map(|at| service(&Ca::root(&format!("Authority {at}"), VALIDITY).unwrap(), at < FOR_WEB)).collect();
    println!("\njudging a QWAC, {SERVICES} services of which {FOR_WEB} for the web; medians of {ROUNDS} rounds in turn\n");
    println!("| key of the issuers | path | signatures alone, us | lookup and judgement, us | ratio | goal |\n|---|---|---|---|---|---|");
    let kinds: [(&str, KeyKind, &'static dyn SignatureVerificationAlgorithm); 3] = [
        ("ECDSA P-256", KeyKind::P256, algorithms::ECDSA_P256_SHA256),
        ("RSA 2048", KeyKind::Rsa2048, algorithms::RSA_PKCS1_2048_8192_SHA256),
        ("RSA 4096", KeyKind::Rsa4096, algorithms::RSA_PKCS1_2048_8192_SHA512),
    ];
    for (name, kind, algorithm) in kinds {
        let root = Ca::root_with(kind, "Root", VALIDITY).unwrap();
        let between = root.subordinate_with(kind, "Between", VALIDITY).unwrap();
        let trust = trust(&others, &root);
        for (path, issuers) in [("leaf, service", vec![&root]), ("leaf, intermediate, service", vec![&between, &root])] {
            let (alone, judged) = measure(&issuers, &trust, algorithm);
            let ratio = judged / alone;
            let verdict = if ratio <= GOAL { "met" } else { "MISSED" };
            println!("| {name} | {path} | {alone:.1} | {judged:.1} | {ratio:.2} | {verdict} |");
        }
    }
}

fn trust(others: &[Service], root: &Ca) -> Trust {
    let mut services = others.to_vec();
    services.insert(FOR_WEB / 2, service(root, true));
    let list = AcceptedList {
        territory: "FR".into(),
        version: 6,
        sequence: 1,
        issued_at: VALIDITY.not_before,
        next_update: Some(VALIDITY.not_after),
        sha256: String::new(),
        source: "generated".into(),
        accepted_at: VALIDITY.not_before,
        verification: Verification::Assumed { by: "benchmark".into() },
        services,
    };
    Trust::new(Anchors::from_snapshot(&Snapshot { lists: vec![list] }), TrustPolicy::default())
}

fn service(ca: &Ca, for_web: bool) -> Service {
    let uses = vec![if for_web { Use::WebSiteAuthentication } else { Use::Signatures }];
    let from = datetime!(2020-01-01 00:00 UTC);
    let period = Period { from, status: ServiceStatus::Granted, uses, qualifications: vec![], unknown_critical: None };
    Service { provider: "QTSP".into(), name: "CA".into(), certificates: vec![ca.certificate().to_vec()], periods: vec![period] }
}

/// Medians, in microseconds. `issuers` from the leaf's to the service.
fn measure(issuers: &[&Ca], trust: &Trust, algorithm: &dyn SignatureVerificationAlgorithm) -> (f64, f64) {
    let roles = [PspRole::AccountInformation, PspRole::PaymentInitiation];
    let chain = issuers[0].issue(&QwacSpec::new("PSDFR-ACPR-10001", "Tiers de confiance", &roles, VALIDITY)).unwrap().chain;
    let signed: Vec<_> = chain.iter().take(issuers.len()).map(parts).collect();
    let keys: Vec<_> = issuers.iter().map(|issuer| EndEntityCert::try_from(issuer.certificate()).unwrap()).collect();
    let (mut alone, mut judged) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(timed(|| {
            keys.iter().zip(&signed).all(|(key, (tbs, signature))| key.verify_signature(algorithm, tbs, signature).is_ok())
        }));
        judged.push(timed(|| judge(black_box(&chain), trust, NOW).accepted().is_ok()));
    }
    (median(alone), median(judged))
}

fn parts(certificate: &CertificateDer<'_>) -> (Vec<u8>, Vec<u8>) {
    let (_, x509) = X509Certificate::from_der(certificate).unwrap();
    (x509.tbs_certificate.as_ref().to_vec(), x509.signature_value.data.to_vec())
}

fn timed(work: impl FnOnce() -> bool) -> f64 {
    let started = Instant::now();
    assert!(black_box(work()));
    started.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
