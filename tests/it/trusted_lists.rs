//! Trusted lists, real ones and of our own making: the way from the Official Journal to their signers, what they say, and that a
//! list that is only a little wrong is refused for its own reason.

use crate::harness::lists::{Collection, JOURNAL, JOURNAL_2019, MOST_BYTES, PIVOTS, enclosed_signer, judge};
use guichet::{
    dev::trusted_lists::{GeneratedSet, ListSigner, ListSpec, SignerKind, service},
    pki::trusted_list::{Criteria, Pointer, Qualification, Qualifier, Service, ServiceStatus, Use},
    trusted_lists::{Envelope, List, Lotl, OFFICIAL_SIGNERS, Refusal, Signer, follow, granted_for_web},
};
use std::collections::{BTreeMap, BTreeSet};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);

/// Why a list of the collection is refused, by how its manifest says it.
const REFUSED: [(&str, &str); 7] = [
    ("REFUSE: signature digest mismatch", "LIST_SIGNATURE_INVALID"),
    ("REFUSE: digest mismatch", "LIST_SIGNATURE_INVALID"),
    ("REFUSE: not well-formed", "LIST_NOT_WELL_FORMED"),
    ("REFUSE: no signature", "LIST_SIGNATURE_MISSING"),
    ("REFUSE: signature wrapping", "LIST_SIGNATURE_REFERENCES"),
    ("REFUSE: cryptographically VALID", "LIST_SIGNATURE_REFERENCES"),
    ("REFUSE: empty list", "LIST_SIGNATURE_MISSING"),
];

fn signers_of(lotl: &Lotl, territory: &str) -> Vec<Signer> {
    let pointer = lotl.pointers.iter().find(|pointer| pointer.territory == territory);
    pointer.map(|pointer| Signer::all(&pointer.signers)).unwrap_or_default()
}

#[test]
fn every_list_of_the_collection_is_judged_as_its_manifest_says() {
    let Some(collection) = Collection::find() else { return };
    let (of_2025, of_2026) = (collection.lotl_370().lotl, collection.lotl_388().lotl);
    let mut wrong = vec![];
    let entries = collection.manifest["trusted_lists"].as_array().unwrap();
    for entry in entries {
        let (file, expected) = (entry["file"].as_str().unwrap(), entry["expected"].as_str().unwrap());
        let (xml, facts) = (collection.read(file), &entry["facts"]);
        let territory = facts["territory"].as_str().unwrap_or_default();
        let signers = match (expected.contains("LOTL-370"), expected.contains("LOTL-388")) {
            (true, _) => signers_of(&of_2025, territory),
            (_, true) => signers_of(&of_2026, territory),
            _ => enclosed_signer(&xml),
        };
        let verdict = judge(&xml, &signers);
        let (code, why) = match &verdict {
            Ok(list) => {
                ("verified", format!("{} {} version {}, {} services", list.territory, list.sequence, list.version, list.services.len()))
            }
            Err(refusal) => (refusal.code(), refusal.to_string()),
        };
        println!("{file:40} {code:26} {why}");
        let refused = REFUSED.iter().find(|(begins, _)| expected.starts_with(begins)).map_or("verified", |(_, code)| code);
        let date = |key: &str| facts[key].as_str().map(|text| OffsetDateTime::parse(text, &Rfc3339).unwrap());
        let same = verdict.as_ref().is_ok_and(|list| {
            let numbers = (list.version.to_string(), list.sequence.to_string());
            (numbers.0.as_str(), numbers.1.as_str()) == (facts["version"].as_str().unwrap(), facts["sequence"].as_str().unwrap())
                && (Some(list.issued_at), list.next_update) == (date("issued"), date("next_update"))
        });
        if code != refused || (verdict.is_ok() && !same) {
            wrong.push(format!("{file}: {expected}: {code} {why}"));
        }
    }
    assert!(wrong.is_empty() && entries.len() >= 45, "{wrong:#?}");
}

/// Counted by others in the same files (the German list is not among them).
#[test]
fn the_services_of_2025_are_all_read() {
    let Some(collection) = Collection::find() else { return };
    let lotl = collection.lotl_370().lotl;
    let at = datetime!(2025-08-08 12:00 UTC);
    let mut found = vec![];
    for pointer in lotl.pointers.iter().filter(|pointer| pointer.territory != "DE") {
        let xml = collection.list(&format!("2025-08-08/{}", pointer.territory));
        found.extend(judge(&xml, &Signer::all(&pointer.signers)).unwrap().services);
    }
    // two French ones are withdrawn by a status that begins later
    let granted = |status: fn(&Service, OffsetDateTime) -> Option<ServiceStatus>| {
        found.iter().filter(|one| status(one, at) == Some(ServiceStatus::Granted)).count()
    };
    assert_eq!(granted(|one, _| one.periods.first().map(|period| period.status)), 818);
    assert_eq!(granted(|one, at| one.at(at).map(|period| period.status)), 820);
    assert_eq!((found.len(), granted_for_web(&found, at)), (1344, 110));
    assert!(found.iter().all(|one| !one.certificates.is_empty() && !one.provider.is_empty() && !one.name.is_empty()));
    // what is qualified by criteria: none that the standard defines is unknown here
    let qualifications: Vec<_> = found.iter().flat_map(|one| &one.periods).flat_map(|period| &period.qualifications).collect();
    let unknown: BTreeSet<_> =
        qualifications.iter().map(|one| format!("{:?}", one.criteria)).filter(|text| text.contains("Unknown")).collect();
    assert!(qualifications.len() > 1_000 && unknown.is_empty(), "{} {unknown:#?}", qualifications.len());
    assert!(found.iter().flat_map(|one| &one.periods).filter(|period| period.unknown_critical.is_some()).count() == 0);
    // Belgium's new list withdraws eleven of its services
    let belgium = judge(&collection.list("2026/BE-v6"), &signers_of(&collection.lotl_388().lotl, "BE")).unwrap();
    assert_eq!((belgium.version, granted_for_web(&belgium.services, NOW)), (6, 2));
}

#[test]
fn the_pivots_lead_from_the_journal_of_2019_to_the_list_of_2025() {
    let Some(collection) = Collection::find() else { return };
    let followed = collection.lotl_370();
    assert_eq!((followed.pivots.as_slice(), followed.other_journal), ([282, 300, 335, 341].as_slice(), None));
    assert_eq!(followed.lotl.pointers.len(), 31);

    let files: BTreeMap<_, _> = PIVOTS.iter().map(|name| (*name, collection.list(&format!("2025-08-08/{name}")))).collect();
    let lotl = collection.list("2025-08-08/LOTL-370");
    let start = collection.signers("oj-c-2026-1944-4");
    let with = |names: &[&str], pinned: &[Signer], journal: &str| {
        let pivots: Vec<_> = names.iter().map(|name| files[name].as_slice()).collect();
        let envelope = Envelope::open(&lotl, MOST_BYTES).unwrap();
        follow(&envelope, &pivots, pinned, journal, MOST_BYTES).map(|followed| followed.pivots)
    };
    // any of them missing, and none can be left out
    for (at, name) in PIVOTS.iter().enumerate() {
        let without: Vec<_> = PIVOTS.iter().copied().filter(|other| other != name).collect();
        let url = format!("https://ec.europa.eu/tools/lotl/eu-lotl-pivot-{}.xml", [282, 300, 335, 341][at]);
        assert_eq!(with(&without, &start, JOURNAL_2019), Err(Refusal::PivotMissing(url)), "{name}");
    }
    // other signers at the start, and a journal that the list does not name: every pivot is since
    assert_eq!(with(&PIVOTS, &collection.signers("oj-c-2026-1944-1"), JOURNAL_2019).unwrap_err().code(), "LIST_SIGNER_UNKNOWN");
    assert_eq!(with(&PIVOTS, &start, "https://eur-lex.europa.eu/none").unwrap(), [282, 300, 335, 341]);
    // the signer of the last step is not one of the first
    assert_eq!(with(&[], &start, JOURNAL).unwrap_err().code(), "LIST_PIVOT_MISSING");
}

#[test]
fn the_signers_that_come_with_the_program_are_those_of_the_journal_of_2026() {
    let official = Signer::from_pem(OFFICIAL_SIGNERS).unwrap();
    let digests: Vec<_> = official.iter().map(Signer::sha256).collect();
    for begins in ["236103f0", "b63d4167", "c0641c4f", "d2064fdd", "df7e2936", "e0a620fb"] {
        assert!(digests.iter().any(|digest| digest.starts_with(begins)), "{begins}");
    }
    assert_eq!(digests.len(), 6);
    let text = str::from_utf8(OFFICIAL_SIGNERS).unwrap();
    assert!(text.contains(JOURNAL) && digests.iter().all(|digest| text.contains(*digest)));
    let Some(collection) = Collection::find() else { return };
    let followed = collection.lotl_388();
    assert_eq!((followed.pivots.as_slice(), followed.other_journal), ([0; 0].as_slice(), None));
    // who pinned the certificates of 2019 hears of the new publication
    let lotl = collection.list("2026/LOTL-388");
    let pinned = follow(&Envelope::open(&lotl, MOST_BYTES).unwrap(), &[], &official, "https://eur-lex.europa.eu/other", MOST_BYTES);
    assert_eq!(pinned.unwrap_err().code(), "LIST_PIVOT_MISSING");
}

/// A new set of signers, by two pivots; the second takes the first signer away.
#[test]
fn pivots_are_followed_one_by_one() {
    let [first, second, third, stranger] = [(); 4].map(|()| ListSigner::new(SignerKind::EcdsaP256).unwrap());
    let url = |number: u64| format!("https://lists.example/lotl-pivot-{number}.xml");
    let (one, two) = (url(20), url(30));
    let lotl = |sequence, next: &[&ListSigner], references: &[&str], by: &ListSigner| {
        ListSpec::list_of_lists(sequence, vec![], next, references, NOW).sign(by).unwrap()
    };
    let pivots = |by_one: &ListSigner, by_two: &ListSigner| {
        [lotl(20, &[&second], &[&one, JOURNAL], by_one), lotl(30, &[&third], &[&two, &one, JOURNAL], by_two)]
    };
    let newest = |by: &ListSigner| lotl(40, &[&third], &[&two, &one, JOURNAL], by);
    let outcome = |pivots: &[String], newest: &str| {
        let pivots: Vec<_> = pivots.iter().map(String::as_bytes).collect();
        let envelope = Envelope::open(newest.as_bytes(), MOST_BYTES).unwrap();
        let pinned = [Signer::new(first.certificate.clone())];
        follow(&envelope, &pivots, &pinned, JOURNAL, MOST_BYTES).map(|f| f.pivots).map_err(|refusal| refusal.code())
    };
    assert_eq!(outcome(&pivots(&first, &second), &newest(&third)), Ok(vec![20, 30]));
    assert_eq!(outcome(&pivots(&first, &second), &newest(&first)), Err("LIST_SIGNER_UNKNOWN"), "the first signer was taken away");
    assert_eq!(outcome(&pivots(&first, &stranger), &newest(&third)), Err("LIST_SIGNER_UNKNOWN"), "no good second pivot");
    assert_eq!(outcome(&pivots(&second, &second), &newest(&third)), Err("LIST_SIGNER_UNKNOWN"), "no good first pivot");
    // the list that is itself the newest pivot is signed by those who may
    assert_eq!(outcome(&pivots(&first, &second)[..1], &pivots(&first, &second)[1]), Ok(vec![20]));
    // a newer publication since: the pivots still lead there, and it is said
    let announced = lotl(50, &[&third], &["https://eur-lex.europa.eu/eli/C/2030/1/oj", &two, &one, JOURNAL], &third);
    assert_eq!(outcome(&pivots(&first, &second), &announced), Ok(vec![20, 30]));
}

fn a_service_with_everything() -> Service {
    let mut service =
        service("Everything <&> \"quoted\"", vec![0x30, 0x03, 0x02, 0x01, 0x05], &[Use::WebSiteAuthentication, Use::Seals], NOW);
    let oids = |oids: &[&str]| oids.iter().map(|oid| (*oid).to_owned()).collect::<Vec<_>>();
    service.periods[0].qualifications = vec![
        Qualification {
            qualifiers: vec![Qualifier::QcStatement, Qualifier::QcForWebSiteAuthentication, Qualifier::Other],
            criteria: Criteria::All(vec![
                Criteria::KeyUsage(vec![(0, true), (5, false)]),
                Criteria::AtLeastOne(vec![
                    Criteria::PolicySet(oids(&["1.2.3", "0.4.0.194112.1.4"])),
                    Criteria::PolicySet(oids(&["2.5.29.32.0"])),
                ]),
                Criteria::None(vec![Criteria::ExtendedKeyUsage(oids(&["1.3.6.1.5.5.7.3.4"]))]),
                Criteria::SubjectAttributes(oids(&["2.5.4.97"])),
            ]),
        },
        Qualification {
            qualifiers: vec![Qualifier::NotQualified],
            criteria: Criteria::AtLeastOne(vec![Criteria::Unknown("strange".into())]),
        },
        Qualification { qualifiers: vec![Qualifier::QcForSeal, Qualifier::QcForSignature], criteria: Criteria::All(vec![]) },
    ];
    service.periods[1].unknown_critical = Some("Strange".into());
    service.periods[1].status = ServiceStatus::Withdrawn;
    service
}

#[test]
fn a_list_says_what_was_written_into_it_whoever_signs_and_in_both_versions() {
    let services = vec![a_service_with_everything(), service("Plain", vec![1, 2, 3], &[], NOW)];
    for kind in [SignerKind::EcdsaP256, SignerKind::Rsa, SignerKind::RsaPss] {
        let signer = ListSigner::new(kind).unwrap();
        for (version, by_id) in [(5, false), (6, true)] {
            let spec = ListSpec { version, by_id, ..ListSpec::national("EL", 12, services.clone(), NOW) };
            let xml = spec.sign(&signer).unwrap();
            let list =
                judge(xml.as_bytes(), &[Signer::new(signer.certificate.clone())]).unwrap_or_else(|refusal| panic!("{kind:?}: {refusal}"));
            assert_eq!((list.territory.as_str(), list.version, list.sequence), ("EL", version, 12));
            assert_eq!((list.issued_at, list.next_update), (spec.issued_at, spec.next_update));
            assert_eq!(list.services, services);
            // a byte order mark, as Finland writes
            assert!(judge(format!("\u{feff}{xml}").as_bytes(), &[Signer::new(signer.certificate.clone())]).is_ok());
        }
    }
}

#[test]
fn a_list_of_lists_points_where_was_written_into_it() {
    let signer = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let pointer = |territory: &str| Pointer {
        territory: territory.into(),
        url: format!("https://lists.example/{territory}.xml?a=b&c"),
        signers: vec![signer.certificate.clone(), vec![1, 2, 3]],
    };
    let spec = ListSpec::list_of_lists(
        9,
        vec![pointer("FR"), pointer("DE")],
        &[&signer],
        &["https://x.example/a-pivot-7.xml", JOURNAL, "https://other.example"],
        NOW,
    );
    let xml = spec.sign(&signer).unwrap();
    let lotl = Lotl::read(&Envelope::open(xml.as_bytes(), MOST_BYTES).unwrap()).unwrap();
    assert_eq!((lotl.pointers, lotl.next_signers), (spec.pointers, vec![Signer::new(signer.certificate.clone())]));
    assert_eq!(lotl.references, ["https://x.example/a-pivot-7.xml", JOURNAL]);
    // a national list is none
    let national = ListSpec::national("FR", 9, vec![], NOW).sign(&signer).unwrap();
    assert_eq!(Lotl::read(&Envelope::open(national.as_bytes(), MOST_BYTES).unwrap()), Err(Refusal::OtherType));
    // forms for people are passed over
    let pdf = xml.replace("application/vnd.etsi.tsl+xml", "application/pdf");
    assert!(Lotl::read(&Envelope::open(pdf.as_bytes(), MOST_BYTES).unwrap()).unwrap().pointers.is_empty());
}

/// What has the real lists' shapes and no file of theirs: the same way, from the pinned signer to every service.
#[test]
fn a_generated_set_is_read_from_the_pinned_signer_to_the_last_service() {
    let set = GeneratedSet::new(3, 124, "https://lists.example", JOURNAL, NOW).unwrap();
    let pinned = [Signer::new(set.signer.certificate.clone())];
    let envelope = Envelope::open(set.files[0].1.as_bytes(), MOST_BYTES).unwrap();
    let lotl = follow(&envelope, &[], &pinned, JOURNAL, MOST_BYTES).unwrap().lotl;
    assert_eq!(lotl.pointers.len(), 31);
    let mut services = 0;
    for (name, xml) in &set.files[1..] {
        let list: List = judge(xml.as_bytes(), &signers_of(&lotl, name.trim_end_matches(".xml"))).unwrap();
        services += list.services.len();
        assert_eq!(granted_for_web(&list.services, NOW), 1);
    }
    assert_eq!(services, 124);
}
