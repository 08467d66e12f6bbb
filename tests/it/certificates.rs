//! Certificates over the wire: each fault is `invalid_client` with its own code, in the answer, the audit trail and `cert inspect`.

use crate::{
    harness::{
        Bank, CIC, Tpp,
        bank::{BRANDS, everywhere, pki},
        hello::{self, Hello, exchange, status},
        wire::Wire,
    },
    register::audited,
};
use guichet::{
    clock::Clock,
    dev::{
        pki::{Flaw, QWACS},
        qwac::{Ca, QcType, QwacSpec, Validity},
    },
    oauth::tpp::PspRole::AccountInformation,
    pki::{Anchors, Trust, TrustPolicy, describe, judge},
    tls::files::load_certificates,
};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use std::fs;
use time::Duration;

/// The trust that the test bank runs with.
fn trust() -> Trust {
    let read = |name: &str| fs::read(pki().1.file(name)).unwrap();
    Trust::new(Anchors::from_pem(&read("qtsp.pem")).unwrap(), TrustPolicy::default()).with_crls(&[read("qtsp.crl")]).unwrap()
}

/// Presents the certificate at an endpoint of the bank and compares every place that names the reasons.
async fn refused_everywhere(bank: &Bank, case: &str, chain: &[CertificateDer<'static>], wire: &Wire, codes: &[&str]) {
    bank.clock.advance(Duration::seconds(1)); // so that the audit trail has an order
    let url = format!("{}{}", bank.origin(CIC.tpp_host), CIC.registration);
    let reply = wire.json(Method::POST, &url, &[], &Tpp::metadata(CIC)).await;
    assert_eq!(reply.status, 401, "{case}: {reply:?}");
    let reply = reply.refused(401, "invalid_client");
    assert_eq!(reply.description(), codes.join(", "), "{case}");
    assert_eq!(audited(bank, "certificate_refused").await.last().unwrap(), &codes.join(", "), "{case}");
    let shown = describe(&judge(chain, &trust(), bank.clock.now()));
    let inspected: Vec<_> = shown.lines().filter_map(|l| l.strip_prefix("refused")?.split_whitespace().next()).collect();
    assert_eq!(inspected, codes, "{case}: {shown}");
}

#[tokio::test]
async fn b39_every_flawed_certificate_of_the_test_pki() {
    let bank = Bank::start().await;
    for one in &QWACS {
        let codes: &[&str] = match one.flaw {
            Flaw::None => continue,
            Flaw::Seal => &["KEY_USAGE_NO_DIGITAL_SIGNATURE", "EKU_MISSING", "QSEAL_CERTIFICATE"],
            Flaw::Expired => &["CERTIFICATE_EXPIRED"],
            Flaw::Revoked => &["CERTIFICATE_REVOKED"],
            Flaw::Untrusted => &["ISSUER_NOT_TRUSTED"],
        };
        let chain = load_certificates(&pki().1.file(&format!("{}.pem", one.name))).unwrap();
        refused_everywhere(&bank, one.name, &chain, &Wire::with_file(&bank, one.name), codes).await;
    }
    for name in ["aisp", "pisp", "cbpii", "all"] {
        let url = format!("{}{}", bank.origin(CIC.tpp_host), CIC.registration);
        Wire::with_file(&bank, name)
            .json(Method::POST, &url, &[], &serde_json::json!({ "redirect_uris": ["https://a.example/"] }))
            .await
            .ok(201);
    }
    let reply =
        bank.browser().json(Method::POST, &format!("{}{}", bank.origin(CIC.tpp_host), CIC.registration), &[], &Tpp::metadata(CIC)).await;
    assert_eq!(reply.refused(401, "invalid_client").description(), "CERTIFICATE_MISSING: a client certificate (QWAC) is required");
}

type Bend = fn(&mut QwacSpec);

/// One thing bent, and the codes for it.
const FAULTS: [(&str, Bend, &[&str]); 14] = [
    ("no extended key usage", |s| s.extended_key_usages.clear(), &["EKU_MISSING"]),
    ("for servers only", |s| s.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], &["EKU_NO_CLIENT_AUTH"]),
    ("for anything", |s| s.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any], &["EKU_ANY", "EKU_NO_CLIENT_AUTH"]),
    ("no key usage", |s| s.key_usages.clear(), &["KEY_USAGE_MISSING"]),
    ("not for signatures", |s| s.key_usages = vec![KeyUsagePurpose::KeyEncipherment], &["KEY_USAGE_NO_DIGITAL_SIGNATURE"]),
    ("for persons", |s| s.qc_type = QcType::Esign, &["QC_TYPE_NOT_WEB"]),
    ("not qualified", |s| s.qc_statements = Some(vec![]), &["QC_STATEMENTS_MISSING"]),
    ("no role", |s| s.roles.clear(), &["ROLE_MISSING"]),
    ("another authority", |s| s.nca_id = "FR-XYZ".into(), &["NCA_MISMATCH"]),
    ("no authority", |s| s.nca_id = "?".into(), &["NCA_ID_MALFORMED", "NCA_MISMATCH"]),
    ("a VAT number", |s| s.organisation = "VATFR-12345678901".into(), &["ORGANISATION_ID_NOT_PSD"]),
    ("not of the EEA", |s| *s = QwacSpec::new("PSDGB-FCA-123456", "London", &s.roles, s.validity), &["NCA_COUNTRY_NOT_ACCEPTED"]),
    ("not yet", |s| s.validity.not_before += Duration::days(2), &["CERTIFICATE_NOT_YET_VALID"]),
    (
        "no more, and for servers",
        |s| {
            s.validity.not_after = s.validity.not_before + Duration::hours(1);
            s.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        },
        &["CERTIFICATE_EXPIRED", "EKU_NO_CLIENT_AUTH"],
    ),
];

#[tokio::test]
async fn b39_every_fault_has_one_name_everywhere() {
    let bank = Bank::start().await;
    let now = bank.clock.now();
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(30) };
    for (case, bend, codes) in FAULTS {
        let mut spec = QwacSpec::new("PSDFR-ACPR-70001", "Test", &[AccountInformation], validity);
        bend(&mut spec);
        let tpp = bank.tpp_with(&spec);
        refused_everywhere(&bank, case, &tpp.chain, &tpp.wire, codes).await;
    }
    let garbage = QwacSpec {
        qc_statements: Some(vec![0x30, 0x03, 0x02, 0x01]),
        ..QwacSpec::new("PSDFR-ACPR-70001", "T", &[AccountInformation], validity)
    };
    let reply = bank.tpp_with(&garbage).try_register(CIC, &Tpp::metadata(CIC)).await.refused(401, "invalid_client");
    assert!(reply.description().contains("QC_STATEMENTS_MALFORMED"), "{reply:?}");
}

#[tokio::test]
async fn a_refused_certificate_is_recorded_once_a_minute() {
    let bank = Bank::start().await;
    let wire = Wire::with_file(&bank, "expired");
    let again = async || wire.get(&format!("{}{}/x", bank.origin(CIC.tpp_host), CIC.registration)).await.refused(401, "invalid_client");
    for _ in 0..5 {
        again().await;
    }
    assert_eq!(audited(&bank, "certificate_refused").await, ["CERTIFICATE_EXPIRED"]);
    bank.clock.advance(Duration::seconds(61));
    again().await;
    assert_eq!(audited(&bank, "certificate_refused").await.len(), 2);
}

/// A request on this very connection; status and body.
async fn ask(stream: &mut tokio_rustls::client::TlsStream<tokio::net::TcpStream>) -> (u16, String) {
    let request = format!("GET {}/x HTTP/1.1\r\nHost: {}\r\n\r\n", CIC.registration, CIC.tpp_host);
    let (head, body) = exchange(stream, &request).await.unwrap();
    (status(&head), body)
}

#[tokio::test]
async fn trust_is_a_matter_of_the_request_also_on_an_open_connection() {
    let bank = Bank::start().await;
    let mut stream = Hello::with("aisp").connect(bank.address, CIC.tpp_host).await.unwrap();
    let accepted = ask(&mut stream).await;
    assert_eq!(accepted.0, 401);
    assert!(accepted.1.contains("\"invalid_token\""), "the certificate is good, the client unknown: {accepted:?}");

    let life = Validity { not_before: bank.clock.now() - Duration::days(1), not_after: bank.clock.now() + Duration::days(9) };
    let stranger = Ca::root("Somebody else", life).unwrap();
    let elsewhere = Anchors::from_certificates(&[stranger.certificate().clone()]).unwrap();
    bank.server().app().trust.replace(everywhere(Trust::new(elsewhere, TrustPolicy::default())));
    let (status, body) = ask(&mut stream).await;
    assert!(status == 401 && body.contains("ISSUER_NOT_TRUSTED") && body.contains("\"invalid_client\""), "{body}");

    bank.server().app().trust.replace(everywhere(trust()));
    assert_eq!(ask(&mut stream).await, accepted, "and back");

    let policy = TrustPolicy { nca_countries: ["DE".to_owned()].into(), ..TrustPolicy::default() };
    let anchors = Anchors::from_pem(&fs::read(pki().1.file("qtsp.pem")).unwrap()).unwrap();
    bank.server().app().trust.replace(everywhere(Trust::new(anchors, policy)));
    assert!(ask(&mut stream).await.1.contains("NCA_COUNTRY_NOT_ACCEPTED"));
    bank.server().reload().await;
    assert_eq!(ask(&mut stream).await, accepted, "a reload reads the files again");
}

#[tokio::test]
async fn a_certificate_expires_on_an_open_connection() {
    let bank = Bank::start().await;
    let now = bank.clock.now();
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::seconds(30) };
    let issued = pki().1.qtsp.issue(&QwacSpec::new("PSDFR-ACPR-70002", "Brief", &[AccountInformation], validity)).unwrap();
    let hello = Hello { identity: Some((issued.chain, issued.key)), ..Hello::default() };
    let mut stream = hello::connect(hello.config(), bank.address, CIC.tpp_host).await.unwrap();
    assert!(ask(&mut stream).await.1.contains("\"invalid_token\""));
    bank.clock.advance(Duration::seconds(30));
    assert!(ask(&mut stream).await.1.contains("\"invalid_token\""), "to its last second");
    bank.clock.advance(Duration::seconds(1));
    assert!(ask(&mut stream).await.1.contains("CERTIFICATE_EXPIRED"), "though it was good half a minute ago");
}

/// Subjects in other words, other keys, other hosts: the organisation is who it is (RFC 4517 comparison of names is not needed).
#[tokio::test]
async fn a_renewed_certificate_of_the_organisation_is_as_good() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp(guichet::oauth::tpp::PspRole::ALL);
        let client = tpp.register(brand).await;
        let now = bank.clock.now();
        let validity = Validity { not_before: now - Duration::hours(1), not_after: now + Duration::days(47) };
        let mut spec = QwacSpec::new(&tpp.organisation, "Another legal name", &guichet::oauth::tpp::PspRole::ALL, validity);
        spec.host = "other.tpp.example".into();
        spec.country = "DE".into();
        let renewed = client.over(&bank.tpp_with(&spec));
        renewed.client_credentials().await.ok(200);
        client.client_credentials().await.ok(200);
        renewed.tpp.wire.get(client.registration_uri()).await.ok(200);
        let lookalike = client.over(&bank.tpp_named(
            &tpp.organisation.to_lowercase().replace("psdfr-acpr", "PSDFR-ACPR").replace('5', "6"),
            guichet::oauth::tpp::PspRole::ALL,
        ));
        lookalike.client_credentials().await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn a47_a_forwarded_certificate_counts_for_nothing() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let client = tpp.register(CIC).await;
    let pem = fs::read_to_string(pki().1.file("aisp.pem")).unwrap().replace('\n', "%0A");
    for name in ["client-cert", "x-forwarded-client-cert", "x-client-cert", "x-ssl-cert", "ssl-client-cert", "x-amzn-mtls-clientcert"] {
        let reply = bank.browser().send(Method::GET, client.registration_uri(), &[(name, &pem)], "").await.refused(401, "invalid_client");
        assert!(reply.description().starts_with("CERTIFICATE_MISSING"), "{name}");
        tpp.wire.send(Method::GET, client.registration_uri(), &[(name, &pem)], "").await.ok(200);
    }
}
