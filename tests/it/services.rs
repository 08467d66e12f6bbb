//! The judgement of listed services: what an entry of a trusted list says decides, at both times that count.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use guichet::dev::qwac::{Ca, QwacSpec, Validity};
use guichet::oauth::tpp::PspRole;
use guichet::pki::trusted_list::{
    AcceptedList, Criteria, Period, Qualification, Qualifier, Service, ServiceStatus, Snapshot, Use, Verification,
};
use guichet::pki::{Anchors, Reason, Trust, TrustPolicy, Verdict, judge};
use rustls::pki_types::CertificateDer;
use std::sync::LazyLock;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const VALIDITY: Validity = Validity { not_before: datetime!(2026-03-01 00:00 UTC), not_after: datetime!(2027-03-01 00:00 UTC) };
const BEFORE: OffsetDateTime = datetime!(2020-01-01 00:00 UTC);
const AFTER_ISSUANCE: OffsetDateTime = datetime!(2026-04-01 00:00 UTC);
const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

static QTSP: LazyLock<Ca> = LazyLock::new(|| Ca::root("QTSP CA 1", VALIDITY).unwrap());
static QWAC: LazyLock<Vec<CertificateDer<'static>>> = LazyLock::new(|| issued_by(&QTSP));

fn issued_by(ca: &Ca) -> Vec<CertificateDer<'static>> {
    let spec = QwacSpec::new("PSDFR-ACPR-10001", "Tiers de confiance", &[PspRole::AccountInformation], VALIDITY);
    ca.issue(&spec).unwrap().chain
}

fn period(from: OffsetDateTime, status: ServiceStatus, uses: &[Use]) -> Period {
    Period { from, status, uses: uses.to_vec(), qualifications: vec![], unknown_critical: None }
}

fn granted(from: OffsetDateTime) -> Period {
    period(from, ServiceStatus::Granted, &[Use::WebSiteAuthentication])
}

fn qualified(qualifications: &[(&[Qualifier], Criteria)]) -> Period {
    let one =
        |(qualifiers, criteria): &(&[Qualifier], Criteria)| Qualification { qualifiers: qualifiers.to_vec(), criteria: criteria.clone() };
    Period { qualifications: qualifications.iter().map(one).collect(), ..granted(BEFORE) }
}

fn service(ca: &Ca, periods: Vec<Period>) -> Service {
    Service { provider: "Qualified SA".into(), name: "QWACs".into(), certificates: vec![ca.certificate().to_vec()], periods }
}

fn list(territory: &str, services: Vec<Service>) -> AcceptedList {
    AcceptedList {
        territory: territory.into(),
        version: 6,
        sequence: 42,
        issued_at: BEFORE,
        next_update: Some(NOW + Duration::days(30)),
        sha256: String::new(),
        source: "tests".into(),
        accepted_at: NOW,
        verification: Verification::Assumed { by: "tests".into() },
        services,
    }
}

fn trust(services: Vec<Service>) -> Trust {
    Trust::new(Anchors::from_snapshot(&Snapshot { lists: vec![list("FR", services)] }), TrustPolicy::default())
}

fn judged(periods: Vec<Period>) -> Verdict {
    judge(&QWAC[..1], &trust(vec![service(&QTSP, periods)]), NOW)
}

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::code).collect()
}

#[test]
fn a_granted_service_for_the_web_vouches_and_says_where_it_stands() {
    let verdict = judged(vec![granted(BEFORE)]);
    assert_eq!(codes(&verdict), [""; 0]);
    let path = verdict.path.unwrap();
    assert_eq!((path.chain.len(), path.holds_until), (1, VALIDITY.not_after));
    let listed = path.listed.unwrap();
    assert_eq!((listed.territory.as_str(), listed.provider.as_str(), listed.service.as_str()), ("FR", "Qualified SA", "QWACs"));
    assert_eq!((listed.list_sequence, listed.since, listed.next_update), (42, BEFORE, Some(NOW + Duration::days(30))));
}

#[test]
fn the_status_counts_now_and_at_issuance() {
    use ServiceStatus::{Granted, Other, Withdrawn};
    const WEB: &[Use] = &[Use::WebSiteAuthentication];
    const SEALS: &[Use] = &[Use::Seals];
    let cases = [
        ("granted throughout", vec![granted(BEFORE)], None),
        ("granted again before issuance", vec![granted(VALIDITY.not_before), period(BEFORE, Withdrawn, WEB)], None),
        ("withdrawn now", vec![period(AFTER_ISSUANCE, Withdrawn, WEB), granted(BEFORE)], Some("SERVICE_WITHDRAWN")),
        ("withdrawn at this very moment", vec![period(NOW, Withdrawn, WEB), granted(BEFORE)], Some("SERVICE_WITHDRAWN")),
        ("withdrawn from tomorrow on", vec![period(NOW + Duration::days(1), Withdrawn, WEB), granted(BEFORE)], None),
        ("of the time before eIDAS", vec![period(BEFORE, Other, WEB)], Some("SERVICE_NOT_GRANTED")),
        ("granted from tomorrow on", vec![granted(NOW + Duration::days(1))], Some("SERVICE_NOT_GRANTED")),
        ("granted after issuance", vec![granted(AFTER_ISSUANCE)], Some("SERVICE_NOT_GRANTED_AT_ISSUANCE")),
        ("withdrawn at issuance", vec![granted(AFTER_ISSUANCE), period(BEFORE, Withdrawn, WEB)], Some("SERVICE_NOT_GRANTED_AT_ISSUANCE")),
        ("for seals", vec![period(BEFORE, Granted, SEALS)], Some("SERVICE_NOT_FOR_WEB")),
        ("for nothing said", vec![period(BEFORE, Granted, &[])], Some("SERVICE_NOT_FOR_WEB")),
        ("withdrawn, and for seals only", vec![period(BEFORE, Withdrawn, SEALS)], Some("SERVICE_NOT_FOR_WEB")),
        ("for the web later", vec![granted(AFTER_ISSUANCE), period(BEFORE, Granted, SEALS)], Some("SERVICE_NOT_FOR_WEB")),
        ("for the web no longer", vec![period(AFTER_ISSUANCE, Granted, SEALS), granted(BEFORE)], Some("SERVICE_NOT_FOR_WEB")),
    ];
    for (name, periods, reason) in cases {
        let verdict = judged(periods);
        assert_eq!(codes(&verdict), Vec::from_iter(reason), "{name}");
        let path = verdict.path.unwrap();
        assert_eq!(path.listed.is_none(), reason.is_some(), "{name}");
        assert_eq!(path.chain.len(), 1, "{name}: the chain is shown even where it is refused");
    }
}

#[test]
fn a_change_that_the_list_announces_ends_the_verdict() {
    let tomorrow = NOW + Duration::days(1);
    let periods = vec![period(tomorrow, ServiceStatus::Withdrawn, &[Use::WebSiteAuthentication]), granted(BEFORE)];
    let trust = trust(vec![service(&QTSP, periods)]);
    let until = judge(&QWAC[..1], &trust, NOW).path.unwrap().holds_until;
    assert_eq!(codes(&judge(&QWAC[..1], &trust, until)), [""; 0]);
    assert_eq!(codes(&judge(&QWAC[..1], &trust, until + Duration::NANOSECOND)), ["SERVICE_WITHDRAWN"]);
    assert_eq!(until + Duration::NANOSECOND, tomorrow);
}

#[test]
fn an_extension_that_may_not_be_ignored_is_not() {
    let odd = Period { unknown_critical: Some("{urn:example}Odd".into()), ..granted(BEFORE) };
    let verdict = judged(vec![odd]);
    assert_eq!(codes(&verdict), ["SERVICE_NOT_UNDERSTOOD"]);
    assert_eq!(verdict.reasons[0].detail().unwrap(), "FR: Qualified SA, QWACs; extension {urn:example}Odd");
}

const QCP_W: &str = "0.4.0.194112.1.4";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

fn policy(id: &str) -> Criteria {
    Criteria::PolicySet(vec![id.into()])
}

#[test]
fn criteria_choose_the_certificates_that_they_describe() {
    use Criteria::{All, AtLeastOne, ExtendedKeyUsage, KeyUsage, None, SubjectAttributes};
    let (yes, no) = (policy(QCP_W), policy("1.2.3"));
    let fits = |criteria| codes(&judged(vec![qualified(&[(&[Qualifier::NotQualified], criteria)])])) == ["NOT_QUALIFIED_BY_LIST"];
    let cases = [
        (policy(QCP_W), true),
        (policy("1.2.3"), false),
        (Criteria::PolicySet(vec![QCP_W.into(), "0.4.0.19495.3.1".into()]), true),
        (Criteria::PolicySet(vec![QCP_W.into(), "1.2.3".into()]), false),
        (KeyUsage(vec![(0, true), (1, false)]), true),
        (KeyUsage(vec![(0, true), (1, true)]), false),
        (KeyUsage(vec![(8, false)]), true),
        (ExtendedKeyUsage(vec![CLIENT_AUTH.into()]), true),
        (ExtendedKeyUsage(vec!["1.3.6.1.5.5.7.3.4".into()]), false),
        (SubjectAttributes(vec!["2.5.4.97".into(), "2.5.4.10".into()]), true),
        (SubjectAttributes(vec!["2.5.4.5".into()]), false),
        (All(vec![yes.clone(), yes.clone()]), true),
        (All(vec![yes.clone(), no.clone()]), false),
        (AtLeastOne(vec![no.clone(), yes.clone()]), true),
        (AtLeastOne(vec![no.clone()]), false),
        (AtLeastOne(vec![]), false),
        (None(vec![no.clone()]), true),
        (None(vec![no.clone(), yes.clone()]), false),
        (All(vec![AtLeastOne(vec![no.clone(), yes.clone()]), None(vec![no])]), true),
    ];
    for (criteria, expected) in cases {
        assert_eq!(fits(criteria.clone()), expected, "{criteria:?}");
    }
}

#[test]
fn a_list_can_speak_against_a_certificate_but_not_replace_what_it_must_say() {
    use Qualifier::{NotQualified, Other, QcForSeal, QcForSignature, QcForWebSiteAuthentication, QcStatement};
    let unknown = || Criteria::Unknown("{urn:example}Moon".into());
    let maybe = |yes: bool| Criteria::All(vec![policy(if yes { QCP_W } else { "1.2.3" }), unknown()]);
    let fit = || policy(QCP_W);
    type Said = Vec<(&'static [Qualifier], Criteria)>;
    let cases: Vec<(&str, Said, Option<&str>)> = vec![
        ("confirmed", vec![(&[QcStatement, QcForWebSiteAuthentication, Other], fit())], None),
        ("not qualified", vec![(&[NotQualified], fit())], Some("NOT_QUALIFIED_BY_LIST")),
        ("not qualified, of others", vec![(&[NotQualified], policy("1.2.3"))], None),
        ("both at once", vec![(&[QcStatement], fit()), (&[NotQualified], fit())], Some("NOT_QUALIFIED_BY_LIST")),
        ("for seals", vec![(&[QcForSeal], fit())], Some("NOT_QUALIFIED_BY_LIST")),
        ("for signatures", vec![(&[QcForSignature], fit())], Some("NOT_QUALIFIED_BY_LIST")),
        ("two uses", vec![(&[QcForWebSiteAuthentication], fit()), (&[QcForSeal], fit())], Some("NOT_QUALIFIED_BY_LIST")),
        ("perhaps not qualified", vec![(&[NotQualified], maybe(true))], Some("SERVICE_NOT_UNDERSTOOD")),
        ("surely not meant", vec![(&[NotQualified], maybe(false))], None),
        ("perhaps confirmed", vec![(&[QcStatement, QcForWebSiteAuthentication], unknown())], None),
        ("perhaps for seals", vec![(&[QcForSeal], Criteria::None(vec![unknown()]))], Some("SERVICE_NOT_UNDERSTOOD")),
        ("surely for seals", vec![(&[QcForSeal], Criteria::AtLeastOne(vec![unknown(), fit()]))], Some("NOT_QUALIFIED_BY_LIST")),
    ];
    for (name, qualifications, reason) in cases {
        assert_eq!(codes(&judged(vec![qualified(&qualifications)])), Vec::from_iter(reason), "{name}");
    }
    // At issuance it counts as well.
    let then = Period { from: BEFORE, ..qualified(&[(&[NotQualified], fit())]) };
    assert_eq!(codes(&judged(vec![granted(AFTER_ISSUANCE), then])), ["NOT_QUALIFIED_BY_LIST"]);
    // A seal stays one, whatever the list says.
    let seal = QwacSpec::new("PSDFR-ACPR-10001", "Tiers de confiance", &[PspRole::AccountInformation], VALIDITY).into_seal();
    let chain = QTSP.issue(&seal).unwrap().chain;
    let said = qualified(&[(&[QcStatement, QcForWebSiteAuthentication], Criteria::All(vec![]))]);
    let verdict = judge(&chain[..1], &trust(vec![service(&QTSP, vec![said])]), NOW);
    assert!(codes(&verdict).contains(&"QSEAL_CERTIFICATE"), "{:?}", verdict.reasons);
}

#[test]
fn one_entry_of_several_for_a_key_suffices_wherever_it_stands() {
    let withdrawn = || vec![period(AFTER_ISSUANCE, ServiceStatus::Withdrawn, &[Use::WebSiteAuthentication]), granted(BEFORE)];
    let seals = || vec![period(BEFORE, ServiceStatus::Granted, &[Use::Seals])];
    let elsewhere = |services| {
        let lists = vec![list("BE", services), list("FR", vec![service(&QTSP, seals())])];
        Trust::new(Anchors::from_snapshot(&Snapshot { lists }), TrustPolicy::default())
    };
    let verdict = judge(&QWAC[..1], &elsewhere(vec![service(&QTSP, withdrawn()), service(&QTSP, vec![granted(BEFORE)])]), NOW);
    assert_eq!(codes(&verdict), [""; 0]);
    assert_eq!(verdict.path.unwrap().listed.unwrap().territory, "BE");
    // Of several that do not, the one that came nearest is told.
    let verdict = judge(&QWAC[..1], &elsewhere(vec![service(&QTSP, withdrawn())]), NOW);
    assert_eq!(codes(&verdict), ["SERVICE_WITHDRAWN"]);
    assert_eq!(verdict.reasons[0].detail().unwrap(), "BE: Qualified SA, QWACs");
}

#[test]
fn another_key_of_the_same_name_is_another_authority() {
    let twin = Ca::root("QTSP CA 1", VALIDITY).unwrap();
    let withdrawn = vec![period(AFTER_ISSUANCE, ServiceStatus::Withdrawn, &[Use::WebSiteAuthentication]), granted(BEFORE)];
    let trust = trust(vec![service(&QTSP, vec![granted(BEFORE)]), service(&twin, withdrawn)]);
    assert_eq!(codes(&judge(&QWAC[..1], &trust, NOW)), [""; 0]);
    assert_eq!(codes(&judge(&issued_by(&twin)[..1], &trust, NOW)), ["SERVICE_WITHDRAWN"]);
}

#[test]
fn the_nearest_listed_authority_decides_whatever_stands_above_it() {
    let root = Ca::root("Root", VALIDITY).unwrap();
    let listed = root.subordinate("Listed", VALIDITY).unwrap();
    let unlisted = root.subordinate("Unlisted", VALIDITY).unwrap();
    let withdrawn = vec![period(AFTER_ISSUANCE, ServiceStatus::Withdrawn, &[Use::WebSiteAuthentication]), granted(BEFORE)];
    let trust = trust(vec![service(&root, vec![granted(BEFORE)]), service(&listed, withdrawn)]);
    assert_eq!(codes(&judge(&issued_by(&unlisted), &trust, NOW)), [""; 0]);
    assert_eq!(codes(&judge(&issued_by(&listed), &trust, NOW)), ["SERVICE_WITHDRAWN"]);
}

#[test]
fn a_configured_authority_needs_no_list() {
    let own = Ca::root("Sandbox CA", VALIDITY).unwrap();
    let snapshot = Snapshot { lists: vec![list("FR", vec![service(&QTSP, vec![granted(BEFORE)])])] };
    let pem = own.issue(&QwacSpec::new("PSDFR-ACPR-1", "T", &[PspRole::AccountInformation], VALIDITY)).unwrap().pem;
    let authority = pem.split_inclusive("-----END CERTIFICATE-----\n").nth(1).unwrap();
    let anchors = Anchors::from_snapshot(&snapshot).with_pem(authority.as_bytes()).unwrap();
    assert_eq!(anchors.len(), 2);
    let trust = Trust::new(anchors, TrustPolicy::default());
    let verdict = judge(&issued_by(&own)[..1], &trust, NOW);
    assert_eq!((codes(&verdict), verdict.path.unwrap().listed), (vec![], None));
    assert!(judge(&QWAC[..1], &trust, NOW).path.unwrap().listed.is_some());
    // The lists alone know nothing of it.
    let verdict = judge(&issued_by(&own)[..1], &Trust::new(Anchors::from_snapshot(&snapshot), TrustPolicy::default()), NOW);
    assert_eq!(verdict.reasons, [Reason::UntrustedIssuer("O=Test authority, no real trust, CN=Sandbox CA".into())]);
}

#[test]
fn a_certificate_that_cannot_be_used_costs_its_own_service_only() {
    let mut broken = service(&QTSP, vec![granted(BEFORE)]);
    broken.certificates = vec![b"no certificate".to_vec(), QWAC[0].to_vec()];
    let anchors = Anchors::from_snapshot(&Snapshot { lists: vec![list("FR", vec![broken, service(&QTSP, vec![granted(BEFORE)])])] });
    assert_eq!((anchors.len(), anchors.unusable()), (1, 2));
    assert_eq!(codes(&judge(&QWAC[..1], &Trust::new(anchors, TrustPolicy::default()), NOW)), [""; 0]);
}
