//! What is wrong with a list is found, each for its own reason, before anything it says is believed.

use crate::harness::lists::{MOST_BYTES, judge};
use guichet::{
    dev::trusted_lists::{ListSigner, ListSpec, SignerKind, service},
    pki::trusted_list::{AcceptedList, Service, ServiceStatus, Use, Verification},
    trusted_lists::{Acceptance, Envelope, List, Offer, Refusal, Rules, Signer, accept},
};
use time::{Duration, OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);
const ROOT_END: &str = "</TrustServiceStatusList>";

fn spec() -> ListSpec {
    ListSpec::national("FR", 7, vec![service("Authority", vec![1, 2, 3], &[Use::WebSiteAuthentication], NOW)], NOW)
}

/// The signature's own text.
fn signature(xml: &str) -> &str {
    let from = xml.find("<ds:Signature ").unwrap();
    &xml[from..xml.find(ROOT_END).unwrap()]
}

fn replaced(xml: &str, from: &str, to: &str) -> String {
    assert!(xml.contains(from), "{from}");
    xml.replacen(from, to, 1)
}

#[test]
fn a_tampered_list_is_refused_for_its_own_reason() {
    let signer = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let pinned = [Signer::new(signer.certificate.clone())];
    let stranger = || ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let (whole, by_id) = (spec().sign(&signer).unwrap(), ListSpec { by_id: true, ..spec() }.sign(&signer).unwrap());
    assert!(judge(whole.as_bytes(), &pinned).is_ok() && judge(by_id.as_bytes(), &pinned).is_ok());

    let signature = signature(&by_id).to_owned();
    let unsigned = by_id.replace(&signature, "");
    let evil = |id: &str, inside: &str| {
        let content = replaced(&unsigned, "Svcstatus/granted", "Svcstatus/withdrawn");
        replaced(&replaced(&content, "Id=\"list\"", &format!("Id=\"{id}\"")), ROOT_END, &format!("{inside}{ROOT_END}"))
    };
    let entities: String = (0..10).map(|n| format!("<!ENTITY e{} \"{}\">", n + 1, format!("&e{n};").repeat(10))).collect();
    let bomb = format!("<!DOCTYPE TrustServiceStatusList [<!ENTITY e0 \"lol\">{entities}]>");
    let reference = |xml: &str| {
        let from = xml.find("<ds:Reference Type").unwrap();
        xml[from..xml.find("</ds:SignedInfo>").unwrap()].to_owned()
    };
    let extra = reference(&whole);
    let method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    let cases: Vec<(&str, String, &str)> = vec![
        ("signature stripped", unsigned.clone(), "LIST_SIGNATURE_MISSING"),
        ("a status changed", replaced(&whole, "Svcstatus/granted", "Svcstatus/withdrawn"), "LIST_SIGNATURE_INVALID"),
        (
            "a service added",
            replaced(&whole, "</TrustServiceProviderList>", "<TrustServiceProvider></TrustServiceProvider></TrustServiceProviderList>"),
            "LIST_SIGNATURE_INVALID",
        ),
        ("an attribute added", replaced(&whole, "<SchemeInformation>", "<SchemeInformation a=\"b\">"), "LIST_SIGNATURE_INVALID"),
        (
            "signed properties changed",
            replaced(
                &whole,
                "<xades:SignedSignatureProperties>",
                "<xades:SignedSignatureProperties><xades:SigningTime></xades:SigningTime>",
            ),
            "LIST_SIGNATURE_INVALID",
        ),
        ("signature value changed", replaced(&whole, "<ds:SignatureValue>", "<ds:SignatureValue>AAAA"), "LIST_SIGNATURE_INVALID"),
        (
            "wrapped: the signed list below another root",
            evil("evil", &format!("<Old>{unsigned}</Old>{signature}")),
            "LIST_SIGNATURE_REFERENCES",
        ),
        ("wrapped: with the same Id", evil("list", &format!("<Old>{unsigned}</Old>{signature}")), "LIST_SIGNATURE_INVALID"),
        (
            "wrapped: the signed list inside the signature",
            evil("evil", &replaced(&signature, "<ds:Object>", &format!("<ds:Object>{unsigned}</ds:Object><ds:Object>"))),
            "LIST_SIGNATURE_REFERENCES",
        ),
        (
            "wrapped: inside, with the same Id",
            evil("list", &replaced(&signature, "<ds:Object>", &format!("<ds:Object>{unsigned}</ds:Object><ds:Object>"))),
            "LIST_SIGNATURE_INVALID",
        ),
        ("wrapped: the whole file with its signature below another root", evil("evil", &by_id), "LIST_SIGNATURE_MISPLACED"),
        (
            "signature moved deeper",
            replaced(&unsigned, "</SchemeInformation>", &format!("{signature}</SchemeInformation>")),
            "LIST_SIGNATURE_MISPLACED",
        ),
        ("two signatures", replaced(&by_id, ROOT_END, &format!("{signature}{ROOT_END}")), "LIST_SIGNATURE_REPEATED"),
        (
            "a signature within the signature",
            replaced(&by_id, "<ds:Object>", &format!("<ds:Object>{signature}</ds:Object><ds:Object>")),
            "LIST_SIGNATURE_REPEATED",
        ),
        ("a third reference", replaced(&whole, "</ds:SignedInfo>", &format!("{extra}</ds:SignedInfo>")), "LIST_SIGNATURE_REFERENCES"),
        ("one reference", replaced(&whole, &extra, ""), "LIST_SIGNATURE_REFERENCES"),
        ("the properties alone, twice", replaced(&whole, "URI=\"\"", "URI=\"#properties\""), "LIST_SIGNATURE_REFERENCES"),
        ("a reference outside", replaced(&whole, "URI=\"#properties\"", "URI=\"https://lists.example/\""), "LIST_SIGNATURE_REFERENCES"),
        (
            "no certificate among the properties",
            replaced(&whole, "xades:CertDigest", "xades:Cert_Digest").replacen("/xades:CertDigest", "/xades:Cert_Digest", 1),
            "LIST_SIGNER_UNSTATED",
        ),
        ("signed by a stranger", spec().sign(&stranger()).unwrap(), "LIST_SIGNER_UNKNOWN"),
        ("signed by a stranger in the signer's name", spec().sign(&stranger().claiming_to_be(&signer)).unwrap(), "LIST_SIGNATURE_INVALID"),
        ("SHA-1", replaced(&whole, method, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"), "LIST_SIGNATURE_ALGORITHM"),
        (
            "RSA with a key on a curve",
            replaced(&whole, method, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
            "LIST_SIGNATURE_ALGORITHM",
        ),
        (
            "HMAC with the public key",
            replaced(&whole, method, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
            "LIST_SIGNATURE_ALGORITHM",
        ),
        (
            "an XPath transform",
            replaced(&whole, "http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/TR/1999/REC-xpath-19991116"),
            "LIST_SIGNATURE_INVALID",
        ),
        ("truncated", whole[..whole.len() * 2 / 3].to_owned(), "LIST_NOT_WELL_FORMED"),
        ("an entity bomb", format!("{bomb}{}", replaced(&whole, "Authority", "&e10;")), "LIST_DOCTYPE"),
        ("an outer entity", format!("<!DOCTYPE r SYSTEM \"file:///etc/passwd\">{whole}"), "LIST_DOCTYPE"),
        (
            "nested deep",
            replaced(&whole, "<SchemeInformation>", &format!("<SchemeInformation>{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000))),
            "LIST_TOO_DEEP",
        ),
        (
            "very many elements",
            replaced(&whole, "<SchemeInformation>", &format!("<SchemeInformation>{}", "<a></a>".repeat(100_001))),
            "LIST_TOO_COMPLEX",
        ),
        ("another root", whole.replace("TrustServiceStatusList", "TrustServiceStatus"), "LIST_NOT_A_TRUSTED_LIST"),
        ("another namespace", whole.replace("http://uri.etsi.org/02231/v2#", "http://uri.etsi.org/02231/v3#"), "LIST_NOT_A_TRUSTED_LIST"),
        ("nothing", String::new(), "LIST_NOT_WELL_FORMED"),
        ("another version", ListSpec { version: 4, ..spec() }.sign(&signer).unwrap(), "LIST_VERSION"),
        ("no territory", ListSpec { territory: "france".into(), ..spec() }.sign(&signer).unwrap(), "LIST_MALFORMED"),
        ("the number zero", ListSpec { sequence: 0, ..spec() }.sign(&signer).unwrap(), "LIST_MALFORMED"),
    ];
    let mut wrong = vec![];
    for (name, xml, expected) in &cases {
        let refusal = judge(xml.as_bytes(), &pinned).err();
        println!(
            "{name:64} {}",
            refusal.as_ref().map_or_else(|| "verified".to_owned(), |refusal| format!("{}: {refusal}", refusal.code()))
        );
        if refusal.as_ref().map(Refusal::code) != Some(expected) {
            wrong.push(format!("{name}: {refusal:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (bytes, expected) in [
        (whole.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), "LIST_NOT_UTF8"),
        ([whole.as_bytes(), b"\xff"].concat(), "LIST_NOT_UTF8"),
        (vec![b' '; MOST_BYTES + 1], "LIST_TOO_LARGE"),
    ] {
        assert_eq!(judge(&bytes, &pinned).unwrap_err().code(), expected);
    }
}

/// Canonicalization drops comments, so anyone can put one in: it must not change what is read.
#[test]
fn a_comment_in_a_signed_text_does_not_change_it() {
    let signer = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let pinned = [Signer::new(signer.certificate.clone())];
    let xml = spec().sign(&signer).unwrap();
    let commented =
        xml.replace("Svcstatus/gran", "Svcstatus/gran<!-- withdrawn -->").replace("<TSLSequenceNumber>", "<TSLSequenceNumber><!-- 9 -->");
    let [plain, with] = [&xml, &commented].map(|xml| judge(xml.as_bytes(), &pinned).unwrap());
    assert_ne!(plain.sha256, with.sha256);
    assert_eq!(List { sha256: String::new(), ..plain }, List { sha256: String::new(), ..with });
}

/// Every byte of a small list, changed: refused, or it says the same.
#[test]
fn no_flipped_byte_passes() {
    let signer = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    let pinned = [Signer::new(signer.certificate.clone())];
    let xml = spec().sign(&signer).unwrap().into_bytes();
    let good = List { sha256: String::new(), ..judge(&xml, &pinned).unwrap() };
    let mut passed = 0;
    for at in (0..xml.len()).step_by(3) {
        let mut flipped = xml.clone();
        flipped[at] ^= 1;
        if let Ok(list) = judge(&flipped, &pinned) {
            passed += 1;
            assert_eq!(List { sha256: String::new(), ..list }, good, "byte {at}");
        }
    }
    // KeyInfo and some attributes are not signed
    assert!(passed < 400, "{passed}");
}

fn services(granted: usize, withdrawn: usize) -> Vec<Service> {
    let mut all: Vec<_> = (0..granted + withdrawn).map(|n| service(&n.to_string(), vec![1], &[Use::WebSiteAuthentication], NOW)).collect();
    all[granted..].iter_mut().for_each(|one| one.periods[0].status = ServiceStatus::Withdrawn);
    all
}

fn list(spec: &ListSpec) -> List {
    let signer = ListSigner::new(SignerKind::EcdsaP256).unwrap();
    judge(spec.sign(&signer).unwrap().as_bytes(), &[Signer::new(signer.certificate.clone())]).unwrap()
}

#[test]
fn a_list_is_accepted_only_when_it_is_newer_current_and_not_suspiciously_smaller() {
    let before: AcceptedList = Offer {
        list: list(&ListSpec::national("FR", 7, services(6, 1), NOW)),
        source: "f".into(),
        verification: Verification::Assumed { by: "t".into() },
    }
    .accepted(NOW);
    let rules = Rules { refuse_after: Duration::days(30), most_loss_percent: 50, accept_smaller: vec![] };
    let newer = || ListSpec::national("FR", 8, services(6, 1), NOW);
    let until = |days: i64| ListSpec { next_update: Some(NOW + Duration::days(days)), ..newer() };
    let fresh = Ok(Acceptance::New { stale_since: None });
    let cases = [
        (newer(), fresh),
        (ListSpec { sequence: 6, ..newer() }, Err("LIST_OLDER")),
        (ListSpec { sequence: 7, ..newer() }, Err("LIST_SAME_NUMBER_OTHER_BYTES")),
        (ListSpec { sequence: 900, ..newer() }, fresh),
        (until(1), fresh),
        (until(-1), Ok(Acceptance::New { stale_since: Some(NOW - Duration::days(1)) })),
        (until(-30), Ok(Acceptance::New { stale_since: Some(NOW - Duration::days(30)) })),
        (until(-31), Err("LIST_EXPIRED")),
        (ListSpec { next_update: None, ..newer() }, Err("LIST_CLOSED")),
        (ListSpec { issued_at: NOW + Duration::hours(2), ..newer() }, Err("LIST_ISSUED_IN_FUTURE")),
        (ListSpec { services: services(3, 4), ..newer() }, fresh),
        (ListSpec { services: services(2, 5), ..newer() }, Err("LIST_SMALLER")),
        (ListSpec { services: services(0, 7), ..newer() }, Err("LIST_SMALLER")),
        (ListSpec { services: vec![], ..newer() }, Err("LIST_SMALLER")),
    ];
    for (spec, expected) in &cases {
        let verdict = accept(&list(spec), Some(&before), &rules, NOW).map_err(|refusal| refusal.code());
        assert_eq!(verdict, *expected, "{} {:?} {}", spec.sequence, spec.next_update, spec.services.len());
    }
    let unchanged = List { sha256: before.sha256.clone(), ..list(&ListSpec { sequence: 7, ..newer() }) };
    assert_eq!(accept(&unchanged, Some(&before), &rules, NOW), Ok(Acceptance::Unchanged));
    // an operator's word, for this territory alone; another limit; a first list
    let empty = list(&ListSpec { services: vec![], ..newer() });
    let with = |most_loss_percent, smaller: &[&str]| Rules {
        most_loss_percent,
        accept_smaller: smaller.iter().map(|t| (*t).to_owned()).collect(),
        ..rules.clone()
    };
    assert_eq!(accept(&empty, Some(&before), &with(50, &["FR"]), NOW), fresh.map_err(|_: &str| Refusal::Closed));
    assert_eq!(accept(&empty, Some(&before), &with(50, &["DE"]), NOW), Err(Refusal::Smaller { before: 6, after: 0 }));
    assert_eq!(accept(&empty, Some(&before), &with(100, &[]), NOW), Err(Refusal::Smaller { before: 6, after: 0 }));
    assert_eq!(accept(&empty, None, &rules, NOW), Ok(Acceptance::New { stale_since: None }));
    let third = list(&ListSpec { services: services(2, 5), ..newer() });
    assert_eq!(accept(&third, Some(&before), &with(70, &[]), NOW), Ok(Acceptance::New { stale_since: None }));
}

/// The envelope opens nothing that costs more than its size.
#[test]
fn opening_is_bounded_whatever_the_file_says() {
    let scopes: String = (0..100).map(|n| format!(" xmlns:n{n}=\"urn:x\"")).collect();
    for (name, xml) in [
        ("unclosed tags", "<a ".repeat(2_000_000)),
        ("open tags", "<a>".repeat(2_000_000)),
        ("attributes", format!("<r {}/>", (0..200_000).map(|n| format!("a{n}=\"\" ")).collect::<String>())),
        ("namespaces", format!("<r{scopes}>{}</r>", "<s xmlns:x=\"u\"/>".repeat(400_000))),
        ("one text", format!("<r>{}</r>", "&amp;".repeat(1_500_000))),
        ("comments", format!("<r>{}</r>", "<!---->".repeat(1_000_000))),
    ] {
        assert!(xml.len() <= MOST_BYTES, "{name}");
        let started = std::time::Instant::now();
        assert!(Envelope::open(xml.as_bytes(), MOST_BYTES).is_err(), "{name}");
        assert!(started.elapsed().as_secs() < 5, "{name}: {:?}", started.elapsed());
    }
}
