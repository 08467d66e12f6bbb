//! Path validation over the cases of C2SP/x509-limbo (Apache-2.0; origin in `fixtures/limbo/README.md`).
//!
//! The suite speaks of TLS servers' names as well, and asks pedantry that harms nobody here. What is judged otherwise than it
//! expects is frozen below, each with its reason: an upgrade that moves one is seen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use guichet::pki::{Anchors, Purpose, Reason, Trust, TrustPolicy, validate_path};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

/// Where a case leaves it open.
const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// A client's certificate is not compared with a name, and its subjectAltName decides nothing here.
const NAMES: &str = "names";
/// Not the path's to judge: the rules on contents refuse such a leaf (keys, key usage, extended key usage, names).
const CONTENTS: &str = "contents";
/// An authority that a list or the operator names is taken for its name and key: its own certificate is not judged.
const ANCHOR: &str = "anchor";
/// A rule for issuers that harms nobody who relies on the certificate.
const PEDANTRY: &str = "pedantry";
/// Configured revocation lists: webpki asks neither for a number nor for cRLSign of an anchor.
const CRLS: &str = "crls";
/// The bound here is webpki's own, not one that a caller sets.
const DEPTH: &str = "depth";
/// An authority's certificate is no client's.
const CA_LEAF: &str = "ca leaf";
/// webpki counts self-issued certificates like others.
const SELF_ISSUED: &str = "self issued";
/// webpki refuses every name constraint on directory names and mail addresses: fails closed. No authority listed for website authentication in 2025 has one.
const NAME_FORMS: &str = "name forms";
/// Of 54 kB: refused by its size before.
const SIZE: &str = "size";

/// Case, verdict here, group.
#[rustfmt::skip]
const DIFFERENCES: [(&str, &str, &str); 80] = [
    ("rfc5280::nc::invalid-dnsname-leading-period", "accepted", NAMES),
    ("rfc5280::san::noncritical-with-empty-subject", "accepted", NAMES),
    ("rfc5280::san::underscore-dns", "accepted", NAMES),
    ("rfc5280::san::ip-in-dns", "accepted", NAMES),
    ("webpki::cn::ipv4-hex-mismatch", "accepted", NAMES),
    ("webpki::cn::ipv4-leading-zeros-mismatch", "accepted", NAMES),
    ("webpki::cn::ipv6-uppercase-mismatch", "accepted", NAMES),
    ("webpki::cn::ipv6-uncompressed-mismatch", "accepted", NAMES),
    ("webpki::cn::ipv6-non-rfc5952-mismatch", "accepted", NAMES),
    ("webpki::cn::punycode-not-in-san", "accepted", NAMES),
    ("webpki::cn::utf8-vs-punycode-mismatch", "accepted", NAMES),
    ("webpki::cn::not-in-san", "accepted", NAMES),
    ("webpki::cn::case-mismatch", "accepted", NAMES),
    ("webpki::san::mismatch-domain-san", "accepted", NAMES),
    ("webpki::san::mismatch-subdomain-san", "accepted", NAMES),
    ("webpki::san::mismatch-subdomain-apex-san", "accepted", NAMES),
    ("webpki::san::mismatch-apex-subdomain-san", "accepted", NAMES),
    ("webpki::san::public-suffix-wildcard-san", "accepted", NAMES),
    ("webpki::san::public-suffix-multi-label-wildcard-san", "accepted", NAMES),
    ("webpki::san::public-suffix-private-namespace-wildcard-san", "accepted", NAMES),
    ("webpki::san::wildcard-embedded-leftmost-san", "accepted", NAMES),
    ("webpki::san::wildcard-not-in-leftmost-san", "accepted", NAMES),
    ("webpki::san::wildcard-match-across-labels-san", "accepted", NAMES),
    ("webpki::san::wildcard-embedded-ulabel-san", "accepted", NAMES),
    ("webpki::san::unicode-emoji-san", "accepted", NAMES),
    ("webpki::san::no-san", "accepted", NAMES),
    ("webpki::san::san-critical-with-nonempty-subject", "accepted", NAMES),
    ("webpki::san::san-wildcard-only", "accepted", NAMES),
    ("webpki::san::san-wildcard-only-tld", "accepted", NAMES),
    ("rfc5280::eku::ee-wrong-eku", "accepted", CONTENTS),
    ("rfc5280::leaf-ku-keycertsign", "accepted", CONTENTS),
    ("webpki::eku::ee-anyeku", "accepted", CONTENTS),
    ("webpki::eku::ee-critical-eku", "accepted", PEDANTRY),
    ("webpki::eku::ee-without-eku", "accepted", CONTENTS),
    ("webpki::forbidden-p192-leaf", "accepted", CONTENTS),
    ("webpki::forbidden-dsa-leaf", "accepted", CONTENTS),
    ("webpki::forbidden-weak-rsa-in-leaf", "accepted", CONTENTS),
    ("webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf", "accepted", PEDANTRY),
    ("rfc5280::aki::cross-signed-root-missing-aki", "accepted", ANCHOR),
    ("rfc5280::ski::root-missing-ski", "accepted", ANCHOR),
    ("rfc5280::validity::expired-root", "accepted", ANCHOR),
    ("rfc5280::unknown-critical-extension-root", "accepted", ANCHOR),
    ("rfc5280::root-non-critical-basic-constraints", "accepted", ANCHOR),
    ("rfc5280::root-inconsistent-ca-extensions", "accepted", ANCHOR),
    ("webpki::aki::root-with-aki-missing-keyidentifier", "accepted", ANCHOR),
    ("webpki::aki::root-with-aki-authoritycertissuer", "accepted", ANCHOR),
    ("webpki::aki::root-with-aki-authoritycertserialnumber", "accepted", ANCHOR),
    ("webpki::aki::root-with-aki-all-fields", "accepted", ANCHOR),
    ("webpki::aki::root-with-aki-ski-mismatch", "accepted", ANCHOR),
    ("webpki::eku::root-has-eku", "accepted", ANCHOR),
    ("webpki::forbidden-rsa-not-divisible-by-8-in-root", "accepted", ANCHOR),
    ("rfc5280::aki::critical-aki", "accepted", PEDANTRY),
    ("rfc5280::aki::leaf-missing-aki", "accepted", PEDANTRY),
    ("rfc5280::aki::intermediate-missing-aki", "accepted", PEDANTRY),
    ("rfc5280::nc::permitted-dns-match-noncritical", "accepted", PEDANTRY),
    ("rfc5280::nc::not-allowed-in-ee-noncritical", "accepted", PEDANTRY),
    ("rfc5280::nc::not-allowed-in-ee-critical", "accepted", PEDANTRY),
    ("rfc5280::pc::ica-noncritical-pc", "accepted", PEDANTRY),
    ("rfc5280::ski::critical-ski", "accepted", PEDANTRY),
    ("rfc5280::ski::intermediate-missing-ski", "accepted", PEDANTRY),
    ("rfc5280::ca-empty-subject", "accepted", PEDANTRY),
    ("webpki::nc::intermediate-permitted-excluded-subtrees-both-null", "accepted", PEDANTRY),
    ("webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences", "accepted", PEDANTRY),
    ("webpki::malformed-aia", "accepted", PEDANTRY),
    ("crl::crlnumber-missing", "accepted", CRLS),
    ("crl::crlnumber-critical", "accepted", CRLS),
    ("crl::issuer-missing-crlsign", "accepted", CRLS),
    ("pathlen::max-chain-depth-0-exhausted", "accepted", DEPTH),
    ("pathlen::max-chain-depth-1-exhausted", "accepted", DEPTH),
    ("pathlen::validation-ignores-pathlen-in-leaf", "CA_CERTIFICATE", CA_LEAF),
    ("rfc5280::ca-as-leaf", "CA_CERTIFICATE", CA_LEAF),
    ("pathlen::self-issued-certs-pathlen", "SIGNATURE_INVALID", SELF_ISSUED),
    ("rfc5280::nc::permitted-self-issued", "SIGNATURE_INVALID", SELF_ISSUED),
    ("rfc5280::nc::permitted-dn-match", "its name constraints do not allow this subject", NAME_FORMS),
    ("rfc5280::nc::nc-permits-email-exact", "its name constraints do not allow this subject", NAME_FORMS),
    ("rfc5280::nc::nc-permits-email-domain", "its name constraints do not allow this subject", NAME_FORMS),
    ("rfc5280::nc::nc-permits-email-literal-asterisk-exact-match", "its name constraints do not allow this subject", NAME_FORMS),
    ("rfc5280::nc::nc-permits-email-literal-double-asterisk", "its name constraints do not allow this subject", NAME_FORMS),
    ("rfc5280::nc::nc-permits-email-literal-mid-asterisk", "its name constraints do not allow this subject", NAME_FORMS),
    ("pathological::nc-dos-3", "accepted", SIZE),
];

fn cases() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/limbo/x509-limbo-core.json.gz");
    let json: Value = serde_json::from_reader(flate2::read::GzDecoder::new(File::open(file).unwrap())).unwrap();
    json["testcases"].as_array().unwrap().clone()
}

fn certificates(list: &Value) -> Vec<CertificateDer<'static>> {
    let pems = list.as_array().unwrap().iter().map(|pem| pem.as_str().unwrap());
    pems.map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).collect()
}

/// `accepted`, or why not.
fn verdict(case: &Value) -> String {
    let anchors = match Anchors::from_certificates(&certificates(&case["trusted_certs"])) {
        Ok(anchors) => anchors,
        Err(error) => return error.to_string(),
    };
    let lists = case["crls"].as_array().unwrap().iter().map(|pem| pem.as_str().unwrap().as_bytes());
    let lists: Vec<Vec<u8>> = lists.map(|pem| CertificateRevocationListDer::from_pem_slice(pem).unwrap().to_vec()).collect();
    let trust = match Trust::new(anchors, TrustPolicy::default()).with_crls(&lists) {
        Ok(trust) => trust,
        Err(error) => return error.to_string(),
    };
    let mut chain = vec![CertificateDer::from_pem_slice(case["peer_certificate"].as_str().unwrap().as_bytes()).unwrap()];
    chain.extend(certificates(&case["untrusted_intermediates"]));
    let at = case["validation_time"].as_str().map_or(NOW, |time| OffsetDateTime::parse(time, &Rfc3339).unwrap());
    let purpose = match case["validation_kind"].as_str().unwrap() {
        "CLIENT" => Purpose::ClientAuth,
        "SERVER" => Purpose::ClientOrServerAuth,
        other => panic!("{other}"),
    };
    match validate_path(&chain, &trust, at, purpose) {
        Ok(()) => "accepted".to_owned(),
        Err(Reason::Malformed(why) | Reason::IssuerInvalid(why)) => why.to_owned(),
        Err(reason) => reason.code().to_owned(),
    }
}

#[test]
fn every_case_is_judged_as_expected_or_as_frozen() {
    let cases = cases();
    assert_eq!(cases.len(), 194);
    let mut moved = Vec::new();
    for case in &cases {
        let (id, got) = (case["id"].as_str().unwrap(), verdict(case));
        let agreed = (case["expected_result"] == "SUCCESS") == (got == "accepted");
        let frozen = DIFFERENCES.iter().find(|(known, ..)| *known == id);
        let as_expected = frozen.map_or(agreed, |(_, verdict, _)| !agreed && *verdict == got);
        if !as_expected {
            moved.push(format!("{id}: expected {}, got {got}", case["expected_result"]));
        }
    }
    assert!(moved.is_empty(), "{moved:#?}");
    let unknown: Vec<_> = DIFFERENCES.iter().filter(|(id, ..)| !cases.iter().any(|case| case["id"] == *id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for (id, verdict, group) in DIFFERENCES {
        println!("{group:<12}{id:<75}{verdict}");
    }
    println!("{} cases, {} of them judged otherwise than the suite expects", cases.len(), DIFFERENCES.len());
}
