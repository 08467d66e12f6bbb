//! The judge over certificates made by others: real QWACs, linters' cases, sandbox dialects, each with its expected verdict.
//!
//! The whole collection is read from `GUICHET_QWAC_DATA` or `../shared/data/qwac`; where neither exists, from the
//! permissively licensed sample in `fixtures/qwac`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::harness::lists::{Collection as RealLists, judge as verify_and_read};
use guichet::pki::trusted_list::{AcceptedList, Period, Service, ServiceStatus, Snapshot, Use, Verification};
use guichet::pki::{
    Anchors, Content, ListedAs, Reason, Trust, TrustPolicy, Verdict, chain_from_pem_or_der, describe, judge, judge_content,
};
use guichet::trusted_lists::{List, Offer, Signer};
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate};

/// The manifest's words for a fault, and the codes that say the same.
const SAME: [(&str, &[&str]); 21] = [
    ("unknown-critical-extension", &["UNKNOWN_CRITICAL_EXTENSION"]),
    ("no-psd2-statement", &["PSD2_STATEMENT_MISSING"]),
    ("orgid-missing", &["ORGANISATION_ID_MISSING"]),
    ("orgid-multiple", &["ORGANISATION_ID_REPEATED"]),
    // Where there is none at all, it has not the PSD form either.
    ("orgid-not-psd-form", &["ORGANISATION_ID_NOT_PSD", "ORGANISATION_ID_MISSING"]),
    ("orgid-nca-mismatch", &["NCA_MISMATCH"]),
    ("ncaid-grammar", &["NCA_ID_MALFORMED"]),
    ("ncaid-country", &["NCA_COUNTRY_NOT_ACCEPTED"]),
    ("eku-absent", &["EKU_MISSING"]),
    ("eku-no-clientauth", &["EKU_NO_CLIENT_AUTH"]),
    ("keyusage-no-digitalsignature", &["KEY_USAGE_NO_DIGITAL_SIGNATURE"]),
    ("qcstatements-malformed", &["QC_STATEMENTS_MALFORMED"]),
    ("qcstatements-missing", &["QC_STATEMENTS_MISSING"]),
    ("qcstatements-critical", &["QC_STATEMENTS_CRITICAL"]),
    ("no-qccompliance", &["QC_COMPLIANCE_MISSING"]),
    ("no-qctype", &["QC_TYPE_MISSING"]),
    ("qctype-not-web-only", &["QC_TYPE_NOT_WEB", "QSEAL_CERTIFICATE"]),
    ("qc-cclegislation-non-eu", &["QC_CC_LEGISLATION_PRESENT"]),
    ("psd2-no-roles", &["ROLE_MISSING"]),
    ("psd2-role-name-mismatch", &["ROLE_NAME_MISMATCH"]),
    ("psd2-role-oid-unknown", &["ROLE_UNKNOWN", "ROLE_UNSPECIFIED"]),
];
const SAME_TOO: [(&str, &[&str]); 2] = [("weak-key", &["WEAK_KEY"]), ("sha1-signature", &["SIGNATURE_ALGORITHM_NOT_ALLOWED"])];

struct Collection {
    folder: PathBuf,
    manifest: Value,
    /// The national lists as they are; none in the sample.
    lists: Option<&'static Snapshot>,
}

impl Collection {
    fn find() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let whole = std::env::var_os("GUICHET_QWAC_DATA").map_or_else(|| here.join("../shared/data/qwac"), PathBuf::from);
        if whole.join("manifest.json").is_file() {
            return Self::read(whole);
        }
        eprintln!("\n*** {} IS ABSENT: only the sample in tests/it/fixtures/qwac is judged ***\n", whole.display());
        Self::sample()
    }

    fn sample() -> Self {
        Self::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/qwac"))
    }

    fn read(folder: PathBuf) -> Self {
        let manifest = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
        let lists = folder.join("tl").is_dir().then(|| &*LISTS);
        Self { folder, manifest, lists }
    }

    /// Trusts whoever the lists name. In the sample: the files of its anchors.
    fn trust(&self, policy: TrustPolicy) -> Trust {
        let certificates = || files(&self.folder.join("anchors")).into_iter().map(|file| fs::read(file).unwrap());
        let anchors = match self.lists {
            Some(lists) => Anchors::from_snapshot(lists),
            None => certificates().fold(Anchors::none(), |anchors, pem| anchors.with_pem(&pem).unwrap()),
        };
        Trust::new(anchors, policy)
    }

    fn certificate(&self, entry: &Value) -> CertificateDer<'static> {
        chain_from_pem_or_der(&fs::read(self.folder.join(entry["file"].as_str().unwrap())).unwrap()).unwrap().remove(0)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The lists of 2025, each verified by a signer that the list of lists names. Of the German one two entries are known.
static LISTS: LazyLock<Snapshot> = LazyLock::new(|| {
    let collection = RealLists::find().unwrap();
    let lotl = collection.lotl_370().lotl;
    let pointers = lotl.pointers.iter().filter(|pointer| pointer.territory != "DE");
    let verified = pointers.map(|pointer| {
        let xml = collection.list(&format!("2025-08-08/{}", pointer.territory));
        verify_and_read(&xml, &Signer::all(&pointer.signers)).unwrap()
    });
    let mut lists: Vec<_> = verified.map(accepted).collect();
    let mut german = lists[0].clone();
    german.territory = "DE".to_owned();
    german.services = [("d-trust-ca-2-1", Use::WebSiteAuthentication), ("d-trust-ca-2-2", Use::Seals)]
        .map(|(begins, usage)| german_entry(&collection, begins, usage))
        .into();
    lists.push(german);
    Snapshot { lists }
});

fn accepted(list: List) -> AcceptedList {
    let verification = Verification::Assumed { by: "this test".into() };
    Offer { list, source: String::new(), verification }.accepted(datetime!(2025-08-08 12:00 UTC))
}

/// As the manifest describes it.
fn german_entry(collection: &RealLists, begins: &str, usage: Use) -> Service {
    let certificates = collection.signers(begins).iter().map(|certificate| certificate.der().to_vec()).collect();
    let from = datetime!(2019-05-08 22:00 UTC);
    let period = Period { from, status: ServiceStatus::Granted, uses: vec![usage], qualifications: vec![], unknown_critical: None };
    Service { provider: "D-Trust GmbH".into(), name: begins.into(), certificates, periods: vec![period] }
}

/// The British authority counted while the certificates of the collection were valid.
fn policy_of_then() -> TrustPolicy {
    let mut policy = TrustPolicy::default();
    policy.nca_countries.insert("GB".to_owned());
    policy
}

fn codes(reasons: &[Reason]) -> Vec<&'static str> {
    reasons.iter().map(Reason::code).collect()
}

/// The middle of the time at which the expected verdict holds, or else of the certificate's validity.
fn moment(entry: &Value) -> OffsetDateTime {
    let (from, to) = match entry["expected"]["valid_at"].as_str().and_then(|range| range.split_once("..")) {
        Some((from, to)) => (format!("{}T00:00:00Z", &from[..10]), format!("{}T00:00:00Z", &to[..10])),
        None => (entry["facts"]["notBefore"].as_str().unwrap().to_owned(), entry["facts"]["notAfter"].as_str().unwrap().to_owned()),
    };
    let (from, to) = (OffsetDateTime::parse(&from, &Rfc3339).unwrap(), OffsetDateTime::parse(&to, &Rfc3339).unwrap());
    from + (to - from) / 2
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What is not as the manifest says; empty if all is.
fn disagreement(entry: &Value, content: &Content, judged: &[&'static str], roles: &[&str]) -> Option<String> {
    let expected = &entry["expected"];
    let said = codes(&content.reasons);
    match expected["psd2_qwac_profile"].as_str().unwrap() {
        "accept" if !judged.is_empty() => Some("should be accepted".to_owned()),
        "accept" if roles != sorted(words(&entry["facts"]["roles"])) => Some(format!("roles {roles:?}")),
        "accept" => None,
        "accept-profile" if !said.is_empty() => Some("the contents should be accepted".to_owned()),
        "accept-profile" if !matches!(judged, ["ISSUER_NOT_TRUSTED" | "SIGNATURE_INVALID"]) => Some("only trust should fail".to_owned()),
        "accept-profile" => None,
        "refuse" if said.is_empty() => Some("should be refused".to_owned()),
        "refuse" => words(&expected["reasons"]).into_iter().find(|word| !is_said(word, &said)).map(|word| format!("`{word}` is not said")),
        other => Some(format!("unknown verdict {other}")),
    }
    .or_else(|| {
        let tolerable = expected["apart_from_critical_extension"].as_str().is_some_and(|text| text.starts_with("accept-profile"));
        (tolerable && said != ["UNKNOWN_CRITICAL_EXTENSION"]).then(|| "nothing but the critical extension is wrong".to_owned())
    })
}

fn listed(verdict: &Verdict) -> Option<&ListedAs> {
    verdict.path.as_ref().and_then(|path| path.listed.as_ref())
}

/// What is not as the manifest says of the issuer, asked of the real lists; empty if all is, or if nothing is said.
fn distrust(entry: &Value, verdict: &Verdict) -> Option<String> {
    let trust = &entry["expected"]["trust"];
    let territory = listed(verdict).map(|listed| listed.territory.as_str());
    let as_said = match trust["result"].as_str() {
        Some("chains to a granted service") => territory.is_some() && territory == trust["territory"].as_str(),
        Some("unknown issuer") => verdict.path.is_none(),
        Some(_) | None => true,
    };
    (!as_said).then(|| format!("its issuer: {trust}, but listed in {territory:?}"))
}

fn sorted(mut roles: Vec<&str>) -> Vec<&str> {
    let order = ["PSP_AS", "PSP_PI", "PSP_AI", "PSP_IC"];
    roles.sort_by_key(|role| order.iter().position(|other| other == role));
    roles
}

fn is_said(word: &str, said: &[&str]) -> bool {
    let word = word.split(':').next().unwrap();
    let (_, codes) = SAME.iter().chain(&SAME_TOO).find(|(known, _)| *known == word).unwrap_or_else(|| panic!("no code for `{word}`"));
    codes.iter().any(|code| said.contains(code))
}

fn judge_all(collection: &Collection) -> Vec<String> {
    let trust = collection.trust(policy_of_then());
    println!("{} authorities", trust.anchors.len());
    // Three OCSP responders and time-stamp units, a certificate without cA, and a withdrawn one whose cA is not DER.
    assert!(trust.anchors.unusable() <= 5, "{}", trust.anchors.unusable());
    let mut disagreements = Vec::new();
    for entry in collection.manifest["certificates"].as_array().unwrap() {
        let certificate = collection.certificate(entry);
        let content = judge_content(&certificate, &trust.policy);
        let verdict = judge(&[certificate], &trust, moment(entry));
        assert!(!describe(&verdict).is_empty());
        let judged = codes(&verdict.reasons);
        let roles: Vec<_> = verdict.facts.iter().flat_map(|facts| &facts.roles).map(|role| role.name()).collect();
        let wrong = disagreement(entry, &content, &judged, &roles).or_else(|| collection.lists.and_then(|_| distrust(entry, &verdict)));
        let file = entry["file"].as_str().unwrap();
        println!("{:<4}{file:<95}{}", if wrong.is_none() { "ok" } else { "NOT" }, judged.join(" "));
        if let Some(ListedAs { territory, list_sequence, provider, service, .. }) = listed(&verdict) {
            println!("    listed: {territory} {list_sequence}, {provider}, {service}");
        }
        disagreements.extend(wrong.map(|why| format!("{file}: {why}: {judged:?} {:?}", codes(&content.reasons))));
    }
    disagreements
}

#[test]
fn every_verdict_is_the_manifests() {
    let disagreements = judge_all(&Collection::find());
    assert!(disagreements.is_empty(), "{disagreements:#?}");
}

#[test]
fn every_verdict_of_the_sample_is_its_manifests() {
    let disagreements = judge_all(&Collection::sample());
    assert!(disagreements.is_empty(), "{disagreements:#?}");
}

/// The reader here is the project's own: another one must read the same.
#[test]
fn what_a_certificate_says_another_reader_reads_too() {
    let collection = Collection::find();
    let mut compared = 0;
    for entry in collection.manifest["certificates"].as_array().unwrap() {
        let certificate = collection.certificate(entry);
        let Some(facts) = judge_content(&certificate, &TrustPolicy::default()).facts else { continue };
        let (_, other) = X509Certificate::from_der(&certificate).unwrap();
        let validity = (other.validity().not_before.to_datetime(), other.validity().not_after.to_datetime());
        assert_eq!((facts.not_before, facts.not_after), validity);
        assert_eq!(facts.serial, other.raw_serial().iter().map(|octet| format!("{octet:02x}")).collect::<String>());
        assert_eq!(facts.signature_algorithm, other.signature_algorithm.algorithm.to_id_string());
        let named = |attribute: &AttributeTypeAndValue<'_>| {
            attribute.as_str().is_ok_and(|text| facts.subject.contains(&text.escape_debug().to_string()))
        };
        assert!(other.subject().iter_attributes().filter(|attribute| attribute.as_str().is_ok()).all(named), "{}", facts.subject);
        let usage = other.key_usage().unwrap().map(|usage| usage.value.to_string());
        assert_eq!(facts.key_usage.map(|names| names.len()), usage.map(|names| names.split(", ").count()));
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn today_a_british_authority_is_the_only_thing_wrong_with_an_old_good_certificate() {
    let collection = Collection::find();
    let trust = collection.trust(TrustPolicy::default());
    let entries = collection.manifest["certificates"].as_array().unwrap();
    let british =
        entries.iter().find(|entry| entry["facts"]["ncaId"] == "GB-FCA" && entry["expected"]["psd2_qwac_profile"] == "accept").unwrap();
    let verdict = judge(&[collection.certificate(british)], &trust, moment(british));
    assert_eq!(codes(&verdict.reasons), ["NCA_COUNTRY_NOT_ACCEPTED"]);
}

#[test]
fn no_flipped_bit_of_a_real_certificate_is_accepted() {
    let collection = Collection::find();
    let trust = collection.trust(policy_of_then());
    let entries = collection.manifest["certificates"].as_array().unwrap();
    let good = entries.iter().find(|entry| entry["expected"]["psd2_qwac_profile"] == "accept").unwrap();
    let der = collection.certificate(good);
    for at in 0..der.len() {
        let mut bytes = der.to_vec();
        bytes[at] ^= 1 << (at % 8);
        assert!(!judge(&[CertificateDer::from(bytes)], &trust, moment(good)).reasons.is_empty(), "byte {at}");
    }
}

/// RFC 4055 s2.1 lets the hash identifiers of RSASSA-PSS lack their NULL parameter, and one QTSP does.
#[test]
fn a_pss_signature_without_null_parameters_verifies() {
    let collection = Collection::find();
    let anchor = collection.folder.join("anchors/d-trust-ca-2-2-2019-eseal.pem");
    if !anchor.is_file() {
        return eprintln!("\n*** {} IS ABSENT: RSASSA-PSS without NULL is not tested ***\n", anchor.display());
    }
    let trust = Trust::new(Anchors::from_pem(&fs::read(anchor).unwrap()).unwrap(), TrustPolicy::default());
    let entries = collection.manifest["certificates"].as_array().unwrap();
    let sealing = entries.iter().find(|entry| entry["file"] == "certs/real__dtrust-ing-qsealc-pss.pem").unwrap();
    let listed = judge(&[collection.certificate(sealing)], &collection.trust(TrustPolicy::default()), moment(sealing));
    assert!(codes(&listed.reasons).contains(&"SERVICE_NOT_FOR_WEB"), "{:?}", listed.reasons);
    let verdict = judge(&[collection.certificate(sealing)], &trust, moment(sealing));
    assert_eq!(codes(&verdict.reasons), ["KEY_USAGE_NO_DIGITAL_SIGNATURE", "EKU_MISSING", "QSEAL_CERTIFICATE"]);
    assert!(verdict.anchor().is_some());
}
