//! OCSP answers and revocation lists as bytes: real ones, and generated ones that are wrong in one thing each.

use super::harness::bank::pki;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use guichet::{
    dev::{
        der,
        qwac::{Issued, Signer, Validity},
        status::{List, OcspAnswer, Statement, unsuccessful},
    },
    pki::{
        Issuer,
        crl::{CrlError, RevocationList},
        ocsp::{Hash, OcspError, Question, Responder},
        status::{RevocationReason, Said, Serial},
    },
};
use proptest::{collection::vec, prelude::*};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::LazyLock,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use x509_parser::prelude::{FromDer, X509Certificate};

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const DAY: Duration = Duration::days(1);
const SERIAL: [u8; 3] = [0x8a, 1, 2];
const GOOD: Statement = Statement::Good;

struct Parties {
    issuer: Signer,
    other_issuer: Signer,
    delegate: Signer,
    unauthorised: Signer,
    late: Signer,
    /// A responder that another authority authorised.
    foreign: Signer,
}

static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let (_, pki) = pki();
    let valid = Validity { not_before: NOW - DAY, not_after: NOW + DAY };
    let past = Validity { not_before: NOW - DAY * 9, not_after: NOW - DAY };
    let of = |issued: Result<Issued, _>| Signer::of(&issued.unwrap()).unwrap();
    Parties {
        issuer: pki.qtsp.signer().unwrap(),
        other_issuer: pki.bank.signer().unwrap(),
        delegate: of(pki.qtsp.issue_responder("r", valid, true)),
        unauthorised: of(pki.qtsp.issue_responder("r", valid, false)),
        late: of(pki.qtsp.issue_responder("r", past, true)),
        foreign: of(pki.bank.issue_responder("r", valid, true)),
    }
});

fn issuer(signer: &Signer) -> Issuer {
    Issuer { name: signer.name.clone(), spki: signer.spki.clone() }
}

type Judged = Result<(Said, Responder), OcspError>;

fn ask(answer: &[u8], nonce: Option<&[u8]>) -> Judged {
    let issuer = issuer(&PARTIES.issuer);
    let question = Question { issuer: &issuer, serial: Serial::from_magnitude(&SERIAL).unwrap(), nonce };
    question.judge(answer, NOW).map(|(answer, responder)| (answer.said, responder))
}

fn answer(statement: Statement, change: impl FnOnce(&mut OcspAnswer<'static>)) -> Vec<u8> {
    let mut answer = OcspAnswer::new(&PARTIES.issuer, &SERIAL, statement, NOW);
    change(&mut answer);
    answer.der().unwrap()
}

fn delegated(by: &'static Signer) -> impl FnOnce(&mut OcspAnswer<'static>) {
    move |answer| {
        answer.responder = by;
        answer.certificates = vec![&by.certificate];
    }
}

#[test]
fn an_ocsp_answer_counts_only_when_all_of_it_is_right() {
    let parties = &*PARTIES;
    let by_issuer = |said| Ok((said, Responder::Issuer));
    let by_delegate = Ok((Said::Good, Responder::Delegate { no_check: true }));
    let superseded = Said::Revoked { at: NOW - DAY, reason: RevocationReason::Superseded };
    let unknown_critical = || der::extension(&[1, 2, 3], true, &[5, 0]);
    let minutes = Duration::minutes;
    let cases: Vec<(&str, Vec<u8>, Judged)> = vec![
        ("good", answer(GOOD, |_| ()), by_issuer(Said::Good)),
        ("revoked", answer(Statement::Revoked(NOW - DAY, 4), |_| ()), by_issuer(superseded)),
        ("unknown", answer(Statement::Unknown, |_| ()), by_issuer(Said::Unknown)),
        ("responder by name", answer(GOOD, |a| a.by_key = false), by_issuer(Said::Good)),
        ("CertID by SHA-256", answer(GOOD, |a| a.sha256 = true), by_issuer(Said::Good)),
        ("delegate by key", answer(GOOD, delegated(&parties.delegate)), by_delegate),
        (
            "delegate by name, second certificate",
            answer(GOOD, |a| {
                delegated(&parties.delegate)(a);
                a.by_key = false;
                a.certificates.insert(0, &parties.issuer.certificate);
            }),
            by_delegate,
        ),
        (
            "one of three",
            answer(GOOD, |a| {
                a.statements.insert(0, (vec![1], Statement::Revoked(NOW, 1)));
                a.statements.push((vec![2], Statement::Unknown));
            }),
            by_issuer(Said::Good),
        ),
        (
            "twice, and not alike",
            answer(GOOD, |a| a.statements.push((SERIAL.to_vec(), Statement::Revoked(NOW - DAY, 4)))),
            by_issuer(superseded),
        ),
        ("without nextUpdate", answer(GOOD, |a| a.next_update = None), by_issuer(Said::Good)),
        (
            "a little ahead of us",
            answer(GOOD, |a| (a.this_update, a.produced_at) = (NOW + minutes(5), NOW + minutes(5))),
            by_issuer(Said::Good),
        ),
        ("a little late", answer(GOOD, |a| (a.this_update, a.next_update) = (NOW - DAY, Some(NOW - minutes(5)))), by_issuer(Said::Good)),
        // wrong
        ("another certificate", answer(GOOD, |a| a.statements = vec![(vec![7], GOOD)]), Err(OcspError::OtherCertificate)),
        ("nothing said", answer(GOOD, |a| a.statements.clear()), Err(OcspError::OtherCertificate)),
        ("another issuer's serial", answer(GOOD, |a| a.issuer = &parties.other_issuer), Err(OcspError::OtherCertificate)),
        ("signed by a stranger", answer(GOOD, |a| a.responder = &parties.other_issuer), Err(OcspError::ResponderUnknown)),
        ("delegate's certificate left out", answer(GOOD, |a| a.responder = &parties.delegate), Err(OcspError::ResponderUnknown)),
        ("delegate without EKU", answer(GOOD, delegated(&parties.unauthorised)), Err(OcspError::DelegateNotAuthorised)),
        ("delegate's time is over", answer(GOOD, delegated(&parties.late)), Err(OcspError::DelegateOutOfDate)),
        ("delegate of another", answer(GOOD, delegated(&parties.foreign)), Err(OcspError::DelegateOfOtherIssuer)),
        ("expired", answer(GOOD, |a| (a.this_update, a.next_update) = (NOW - DAY, Some(NOW - minutes(6)))), Err(OcspError::Expired)),
        (
            "old, without nextUpdate",
            answer(GOOD, |a| (a.this_update, a.produced_at, a.next_update) = (NOW - minutes(16), NOW - minutes(16), None)),
            Err(OcspError::Expired),
        ),
        ("not yet", answer(GOOD, |a| (a.this_update, a.produced_at) = (NOW + minutes(6), NOW + minutes(6))), Err(OcspError::NotYet)),
        ("produced in the future", answer(GOOD, |a| a.produced_at = NOW + minutes(6)), Err(OcspError::NotYet)),
        ("produced before it was known", answer(GOOD, |a| a.produced_at = NOW - DAY), Err(OcspError::Contradiction)),
        ("ends before it begins", answer(GOOD, |a| a.next_update = Some(NOW - minutes(1))), Err(OcspError::Contradiction)),
        ("unknown critical extension", answer(GOOD, |a| a.extensions.push(unknown_critical())), Err(OcspError::UnknownCriticalExtension)),
        ("try later", unsuccessful(3), Err(OcspError::NotSuccessful(3))),
        ("unauthorized", unsuccessful(6), Err(OcspError::NotSuccessful(6))),
        ("successful and empty", unsuccessful(0), Err(OcspError::Malformed("it is successful and says nothing"))),
        ("nothing", vec![], Err(OcspError::Malformed("an element is missing"))),
        ("huge", vec![0x30; 65 * 1024], Err(OcspError::TooLarge)),
    ];
    println!("\n{:<40} verdict", "OCSP answer");
    let mut wrong = vec![];
    for (what, bytes, expected) in cases {
        let verdict = ask(&bytes, None);
        println!("{what:<40} {}", verdict.as_ref().map_or_else(ToString::to_string, |(said, by)| format!("{said:?} {by:?}")));
        if verdict != expected {
            wrong.push(format!("{what}: {verdict:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_nonce_that_comes_back_is_the_one_that_was_sent() {
    let with = |nonce: &[u8]| answer(GOOD, |a| a.nonce = Some(nonce.to_vec()));
    assert!(ask(&with(b"one"), Some(b"one")).is_ok());
    assert!(ask(&answer(GOOD, |_| ()), Some(b"one")).is_ok(), "few responders return it");
    assert_eq!(ask(&with(b"two"), Some(b"one")), Err(OcspError::NonceMismatch));
    let issuer = issuer(&PARTIES.issuer);
    let question = Question { issuer: &issuer, serial: Serial::from_magnitude(&SERIAL).unwrap(), nonce: Some(b"one") };
    for hash in [Hash::Sha1, Hash::Sha256] {
        let asked = guichet::dev::status::asked(&question.request(hash).unwrap()).unwrap();
        assert_eq!(asked, (SERIAL.to_vec(), Some(b"one".to_vec())), "{hash:?}");
    }
}

/// Real answers and lists, by those issuers that the collection holds: what each says, at a time when it counts and after.
#[test]
fn real_answers_and_lists_are_judged_by_their_issuers() {
    let serial = |hex| Serial::from_hex(hex).unwrap();
    let (harica, quovadis) = (serial("2479a985e0fa045015b0bd181f9421f0"), serial("59772e700669b7669fb012c5cdd13c3a281a0911"));
    let superseded = serial("40f6065343c04cb671e9c8250e90ebd58dd86e55");
    let digicert = serial("0371b58a86f6ce9c3ecb7bf42f9208fc");
    let belgian = serial("100000000000000565faf0dd68b37edd");
    let any = serial("01");
    let cases = [
        ("harica.ocsp.der", harica, datetime!(2025-11-07 12:00 UTC), "Good by the issuer"),
        ("harica.ocsp.der", harica, datetime!(2025-11-10 12:00 UTC), "OCSP_EXPIRED"),
        ("harica.ocsp.der", harica, datetime!(2025-11-05 12:00 UTC), "OCSP_NOT_YET"),
        ("harica.ocsp.der", any, datetime!(2025-11-07 12:00 UTC), "OCSP_OTHER_CERTIFICATE"),
        ("ocsp-response-sha256.der", quovadis, datetime!(2020-06-01 12:00 UTC), "Good by a delegate"),
        ("ocsp-response-eucrt-sha1.der", quovadis, datetime!(2020-06-06 12:00 UTC), "Good by a delegate"),
        ("ocsp-response-multi3-qv-sha256.der", quovadis, datetime!(2020-06-08 12:00 UTC), "Good by a delegate"),
        // of another issuer than the one that made this responder its delegate
        ("ocsp-response-multi3-qv-sha256.der", superseded, datetime!(2020-06-08 12:00 UTC), "OCSP_OTHER_CERTIFICATE"),
        ("ocsp-response-revoked-sha256.der", digicert, datetime!(2020-06-05 12:00 UTC), "issuer not in the collection"),
        ("eidc201631.crl.der", belgian, datetime!(2017-07-06 12:00 UTC), "issuer not in the collection"),
        ("d-trust_root_ca_1_2017.crl.der", any, datetime!(2018-07-01 12:00 UTC), "issuer not in the collection"),
        // RSASSA-PSS with a salt of 446 octets: RFC 4055 s3.1 and our cryptography want it as long as the hash
        ("root_issued_CRL.crl.der", any, datetime!(2024-09-01 12:00 UTC), "CRL_ALGORITHM_NOT_ALLOWED"),
        ("DS_NA2_CA-B1.crl.der", any, datetime!(2018-07-05 12:00 UTC), "issuer not in the collection"),
        ("pt_crl_with_critical_extension.crl.der", any, datetime!(2013-10-01 12:00 UTC), "issuer not in the collection"),
    ];
    let Some(issuers) = collected_issuers() else { return };
    println!("\n{} issuers\n{:<40} {:<42} verdict", issuers.len(), "file", "serial");
    let mut wrong = vec![];
    for (file, serial, now, expected) in cases {
        let bytes = fs::read(folder().join("rev").join(file)).unwrap();
        let judge =
            |issuer| if file.contains("ocsp") { answered(&bytes, issuer, serial, now) } else { listed(&bytes, issuer, serial, now) };
        let strangers = ["OCSP_RESPONDER_UNKNOWN", "OCSP_DELEGATE_OF_OTHER_ISSUER", "CRL_OTHER_ISSUER"];
        let found = issuers.iter().map(judge).find(|verdict| !strangers.contains(&verdict.as_str()));
        let found = found.unwrap_or_else(|| "issuer not in the collection".into());
        println!("{file:<40} {:<42} {found}", format!("{serial:?}"));
        if found != expected {
            wrong.push(format!("{file}, {serial:?}, {now}: {found}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn answered(bytes: &[u8], issuer: &Issuer, serial: Serial, now: OffsetDateTime) -> String {
    match (Question { issuer, serial, nonce: None }).judge(bytes, now) {
        Ok((answer, Responder::Issuer)) => format!("{:?} by the issuer", answer.said),
        Ok((answer, Responder::Delegate { .. })) => format!("{:?} by a delegate", answer.said),
        Err(error) => error.code().to_owned(),
    }
}

fn listed(bytes: &[u8], issuer: &Issuer, serial: Serial, now: OffsetDateTime) -> String {
    let answer = RevocationList::read(bytes, issuer).and_then(|list| list.answer(serial, &[], now));
    answer.map_or_else(|error| error.code().to_owned(), |answer| format!("{:?}", answer.said))
}

fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("GUICHET_QWAC_DATA").map_or_else(|| here.join("../shared/data/qwac"), PathBuf::from)
}

/// Every certificate in the collection's lists and anchors, as an issuer.
fn collected_issuers() -> Option<Vec<Issuer>> {
    let folder = folder();
    if !folder.is_dir() {
        eprintln!("\n*** {} IS ABSENT: no real answer is judged ***\n", folder.display());
        return None;
    }
    let mut found = BTreeMap::new();
    let mut add = |der: &[u8]| {
        if let Ok((_, x509)) = X509Certificate::from_der(der) {
            found.insert((x509.subject().as_raw().to_vec(), x509.public_key().raw.to_vec()), ());
        }
    };
    let mut open = vec![folder.join("tl"), folder.join("anchors")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("bad")));
        } else if path.extension().is_some_and(|ending| ending == "gz") {
            let mut xml = String::new();
            if GzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut xml).is_err() {
                continue;
            }
            for rest in xml.split("X509Certificate>").skip(1).step_by(2) {
                let text: String = rest.split('<').next().unwrap().chars().filter(|c| !c.is_whitespace()).collect();
                add(&STANDARD.decode(text).unwrap_or_default());
            }
        } else if let Ok(certificate) = CertificateDer::from_pem_file(&path) {
            add(&certificate);
        }
    }
    Some(found.into_keys().map(|(name, spki)| Issuer { name, spki }).collect())
}

/// Nothing that is not the signer's word counts: no octet may change but those that nobody reads.
#[test]
fn no_changed_octet_makes_a_revoked_certificate_good() {
    let bytes = answer(Statement::Revoked(NOW - DAY, 1), delegated(&PARTIES.delegate));
    let list = list(|list| list.revoked.push((SERIAL.to_vec(), NOW - DAY, Some(1))));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(!matches!(ask(&changed, None), Ok((Said::Good | Said::Unknown, _))), "octet {at}, bit {bit}");
        }
    }
    for at in 0..list.len() {
        for bit in 0..8 {
            let mut changed = list.clone();
            changed[at] ^= 1 << bit;
            assert!(!matches!(look_up(&changed, &[]), Ok(Said::Good)), "octet {at}, bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_them_panic(bytes in vec(any::<u8>(), 0..300), at in 0usize..400, with in vec(any::<u8>(), 0..9)) {
        let (_, _) = (ask(&bytes, None), look_up(&bytes, &[]));
        for mut good in [answer(GOOD, |_| ()), list(|_| ())] {
            let at = at.min(good.len());
            good.splice(at..(at + with.len()).min(good.len()), with.iter().copied());
            let (_, _) = (ask(&good, None), look_up(&good, &[]));
        }
    }
}

fn list(change: impl FnOnce(&mut List<'static>)) -> Vec<u8> {
    let mut list = List::new(&PARTIES.issuer, NOW);
    change(&mut list);
    list.der().unwrap()
}

fn look_up(der: &[u8], points: &[&str]) -> Result<Said, CrlError> {
    let list = RevocationList::read(der, &issuer(&PARTIES.issuer))?;
    let points: Vec<String> = points.iter().map(ToString::to_string).collect();
    list.answer(Serial::from_magnitude(&SERIAL).unwrap(), &points, NOW).map(|answer| answer.said)
}

#[test]
fn a_revocation_list_counts_only_when_it_says_all_of_the_certificate() {
    use RevocationReason::{CertificateHold, KeyCompromise, Unspecified};
    const POINT: &str = "http://crl.example/a.crl";
    let revoked = |reason| Ok(Said::Revoked { at: NOW - DAY, reason });
    let entry = |reason| (SERIAL.to_vec(), NOW - DAY, reason);
    let with_entry = |reason| move |list: &mut List<'static>| list.revoked.push((SERIAL.to_vec(), NOW - DAY, reason));
    let critical = |id: &[u64], value: &[u8]| der::extension(id, true, value);
    let point = |fields: &[Vec<u8>]| critical(&[2, 5, 29, 28], &der::sequence(fields));
    let set = |number: u8| der::element(0x80 | number, &[0xff]);
    let named = |url: &str| der::explicit(0, &der::explicit(0, &der::element(0x86, url.as_bytes())));
    let with = |extension: Vec<u8>| move |list: &mut List<'static>| list.extensions.push(extension);
    let minutes = Duration::minutes;
    let cases: Vec<(&str, Vec<u8>, Result<Said, CrlError>)> = vec![
        ("empty", list(|_| ()), Ok(Said::Good)),
        ("of version 1", list(|l| l.v1 = true), Ok(Said::Good)),
        (
            "revoked, version 1",
            list(|l| {
                l.v1 = true;
                l.revoked.push(entry(None));
            }),
            revoked(Unspecified),
        ),
        ("revoked", list(with_entry(Some(1))), revoked(KeyCompromise)),
        ("revoked, no reason", list(with_entry(None)), revoked(Unspecified)),
        ("revoked, a reason of the future", list(with_entry(Some(77))), revoked(Unspecified)),
        ("on hold", list(with_entry(Some(6))), revoked(CertificateHold)),
        ("on hold, then revoked", list(|l| l.revoked = vec![entry(Some(6)), entry(Some(1))]), revoked(KeyCompromise)),
        ("removed from the list", list(with_entry(Some(8))), Ok(Said::Good)),
        ("others revoked", list(|l| l.revoked = (1..=200).map(|n| (vec![n], NOW, None)).collect()), Ok(Said::Good)),
        (
            "among others",
            list(|l| {
                l.revoked = (1..=200).map(|n| (vec![n, 0], NOW, None)).collect();
                l.revoked.insert(77, entry(None));
            }),
            revoked(Unspecified),
        ),
        ("for this point", list(with(point(&[named(POINT)]))), Ok(Said::Good)),
        ("for users' certificates", list(with(point(&[set(1)]))), Ok(Said::Good)),
        // wrong
        ("for another point", list(with(point(&[named("http://crl.example/b.crl")]))), Err(CrlError::OtherDistributionPoint)),
        ("for authorities", list(with(point(&[set(2)]))), Err(CrlError::OtherScope)),
        ("for attributes", list(with(point(&[set(5)]))), Err(CrlError::OtherScope)),
        ("for some reasons", list(with(point(&[der::element(0x83, &[6, 0x40])]))), Err(CrlError::SomeReasons)),
        ("indirect", list(with(point(&[set(4)]))), Err(CrlError::Indirect)),
        ("delta", list(with(critical(&[2, 5, 29, 27], &der::integer(&[1])))), Err(CrlError::Delta)),
        ("unknown critical extension", list(with(critical(&[1, 2, 3], &[5, 0]))), Err(CrlError::UnknownCriticalExtension)),
        ("unknown other extension", list(with(der::extension(&[1, 2, 3], false, &[5, 0]))), Ok(Said::Good)),
        (
            "an entry of another issuer",
            list(|l| {
                l.revoked.push((vec![1], NOW, None));
                l.entry_extensions.push(critical(&[2, 5, 29, 29], &[0x30, 0]));
            }),
            Err(CrlError::Indirect),
        ),
        (
            "an entry with an unknown critical extension",
            list(|l| {
                l.revoked.push((vec![1], NOW, None));
                l.entry_extensions.push(critical(&[1, 2, 3], &[5, 0]));
            }),
            Err(CrlError::UnknownCriticalExtension),
        ),
        ("another issuer's", list(|l| l.issuer = &PARTIES.other_issuer), Err(CrlError::OtherIssuer)),
        ("expired", list(|l| (l.this_update, l.next_update) = (NOW - DAY, Some(NOW - minutes(6)))), Err(CrlError::Expired)),
        ("not yet", list(|l| l.this_update = NOW + minutes(6)), Err(CrlError::NotYet)),
        ("without nextUpdate", list(|l| l.next_update = None), Err(CrlError::Malformed("it has no nextUpdate"))),
        (
            "old, version 1, without nextUpdate",
            list(|l| (l.v1, l.this_update, l.next_update) = (true, NOW - DAY * 2, None)),
            Err(CrlError::Expired),
        ),
        ("ends before it begins", list(|l| l.next_update = Some(NOW - DAY)), Err(CrlError::Contradiction)),
        (
            "broken signature",
            {
                let mut der = list(|_| ());
                *der.last_mut().unwrap() ^= 1;
                der
            },
            Err(CrlError::SignatureInvalid),
        ),
        ("nothing", vec![], Err(CrlError::Malformed("an element is missing"))),
    ];
    println!("\n{:<46} verdict", "revocation list");
    let mut wrong = vec![];
    for (what, der, expected) in cases {
        let verdict = look_up(&der, &["ldap://elsewhere", POINT]);
        println!("{what:<46} {}", verdict.as_ref().map_or_else(ToString::to_string, |said| format!("{said:?}")));
        if verdict != expected {
            wrong.push(format!("{what}: {verdict:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
