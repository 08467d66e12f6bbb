//! Path building over what QTSPs issue and clients send: order, gaps, cross certificates, generations of keys, algorithms.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::drafts::*;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING, ECDSA_P521_SHA384_ASN1_SIGNING,
    ECDSA_P521_SHA512_ASN1_SIGNING, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use guichet::pki::{Anchors, Purpose, Reason, Trust, TrustPolicy, Verdict, chain_from_pem_or_der, judge, validate_path};
use rustls::pki_types::CertificateDer;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use time::macros::datetime;

fn authority(name: &str, above: Option<&Authority>) -> Authority {
    Authority::with(Kind::p256(), name, above, |_| {})
}

fn anchors(authorities: &[&Authority]) -> Trust {
    let certificates: Vec<_> = authorities.iter().map(|one| CertificateDer::from(one.certificate.clone())).collect();
    Trust::new(Anchors::from_certificates(&certificates).unwrap(), TrustPolicy::default())
}

fn judged(leaf: &[u8], sent: &[&[u8]], trust: &Trust) -> Verdict {
    let chain: Vec<_> = [leaf].iter().chain(sent).map(|der| CertificateDer::from(der.to_vec())).collect();
    judge(&chain, trust, NOW)
}

fn said(verdict: &Verdict) -> Vec<(&'static str, String)> {
    verdict.reasons.iter().map(|reason| (reason.code(), reason.detail().unwrap_or_default())).collect()
}

fn refused(code: &'static str, detail: &str) -> Vec<(&'static str, String)> {
    vec![(code, detail.to_owned())]
}

/// authorityKeyIdentifier and subjectKeyIdentifier.
fn key_id_of_issuer(id: &[u8]) -> Vec<u8> {
    extension("2.5.29.35", false, &seq(&[&tlv(0x80, &[id])]))
}

fn key_id(id: &[u8]) -> Vec<u8> {
    extension("2.5.29.14", false, &tlv(0x04, &[id]))
}

#[test]
fn certificates_are_sent_in_any_order_and_more_than_needed() {
    let root = authority("Root", None);
    let one = authority("One", Some(&root));
    let two = authority("Two", Some(&one));
    let stranger = authority("Stranger", None);
    let leaf = two.issue(&good());
    let (r, a, b, x) = (&root.certificate[..], &one.certificate[..], &two.certificate[..], &stranger.certificate[..]);
    let trust = anchors(&[&root]);
    let cases: [(&str, &[&[u8]]); 7] = [
        ("in order", &[b, a]),
        ("with the root", &[b, a, r]),
        ("the wrong way round", &[r, a, b]),
        ("twice", &[a, b, a, b]),
        ("among others", &[x, a, x, b]),
        ("with the leaf again", &[&leaf, b, &leaf, a]),
        ("with one that cannot be read", &[b"\x30\x03no!", b, a]),
    ];
    for (name, sent) in cases {
        let verdict = judged(&leaf, sent, &trust);
        assert_eq!(said(&verdict), [], "{name}");
        assert_eq!(verdict.path.unwrap().chain, ["CN=Two", "CN=One", "CN=Root"], "{name}");
    }
    assert_eq!(judged(&leaf, &[b, a], &anchors(&[&root, &one])).path.unwrap().chain, ["CN=Two", "CN=One"]);
}

#[test]
fn a_gap_names_who_is_missing() {
    let root = authority("Root", None);
    let one = authority("One", Some(&root));
    let two = authority("Two", Some(&one));
    let leaf = two.issue(&good());
    let trust = anchors(&[&root]);
    let cases: [(&[&[u8]], &str); 4] =
        [(&[], "CN=Two"), (&[&two.certificate], "CN=One"), (&[&one.certificate], "CN=Two"), (&[&root.certificate], "CN=Two")];
    for (sent, missing) in cases {
        assert_eq!(said(&judged(&leaf, sent, &trust)), refused("ISSUER_NOT_TRUSTED", missing));
    }
    let strange = authority("Strange root", None);
    let other = authority("Other", Some(&strange));
    let sent: [&[u8]; 2] = [&other.certificate, &strange.certificate];
    assert_eq!(said(&judged(&other.issue(&good()), &sent, &trust)), refused("ISSUER_NOT_TRUSTED", "CN=Strange root"));
}

#[test]
fn a_cross_certificate_leads_from_a_new_root_to_a_known_one() {
    let old = authority("Old root", None);
    let new = authority("New root", None);
    let issuing = authority("Issuing", Some(&new));
    let cross = old.issue(&old.draft_of(&new));
    let leaf = issuing.issue(&good());
    let (i, n, c) = (&issuing.certificate[..], &new.certificate[..], &cross[..]);
    for sent in [[i, c, n], [n, c, i], [n, i, c]] {
        let verdict = judged(&leaf, &sent, &anchors(&[&old]));
        assert_eq!(said(&verdict), []);
        assert_eq!(verdict.path.unwrap().chain, ["CN=Issuing", "CN=New root", "CN=Old root"]);
        assert_eq!(judged(&leaf, &sent, &anchors(&[&old, &new])).path.unwrap().chain, ["CN=Issuing", "CN=New root"]);
    }
}

#[test]
fn generations_of_one_name_are_told_apart_by_their_keys() {
    let generation = |id: u8| Authority::with(Kind::p256(), "QTSP", None, move |draft| draft.more.extend(key_id(&[id; 20])));
    let known: Vec<_> = (0..4).map(generation).collect();
    let trust = anchors(&known.iter().collect::<Vec<_>>());
    for (id, authority) in (0u8..).zip(&known) {
        for more in [vec![], key_id_of_issuer(&[id; 20]), key_id_of_issuer(&[0; 20]), key_id_of_issuer(&[99; 20])] {
            let verdict = judged(&authority.issue(&Draft { more, ..good() }), &[], &trust);
            assert_eq!(said(&verdict), [], "{id}");
            assert_eq!(verdict.path.unwrap().issuer.spki, authority.spki());
        }
    }
    let next = generation(9);
    assert_eq!(said(&judged(&next.issue(&good()), &[], &trust)), refused("SIGNATURE_INVALID", ""));
    let named = next.issue(&Draft { more: key_id_of_issuer(&[9; 20]), ..good() });
    let missing = "CN=QTSP, by its key 0909090909090909090909090909090909090909";
    assert_eq!(said(&judged(&named, &[], &trust)), refused("ISSUER_NOT_TRUSTED", missing));
    assert_eq!(said(&judged(&named, &[&next.certificate], &trust)), refused("ISSUER_NOT_TRUSTED", missing));
    // The old generation vouches for the new one by a cross certificate under the same name.
    let cross = known[2].issue(&Draft { more: [basic_constraints(None), key_id_of_issuer(&[2; 20])].concat(), ..known[2].draft_of(&next) });
    let verdict = judged(&named, &[&cross], &trust);
    assert_eq!(said(&verdict), []);
    assert_eq!(verdict.path.unwrap().chain, ["CN=QTSP", "CN=QTSP"]);
}

static RSA: LazyLock<Arc<RsaKeyPair>> = LazyLock::new(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
const NULL: &[u8] = &[5, 0];

fn rsa_key() -> Vec<u8> {
    seq(&[&oid("1.2.840.113549.1.1.1"), NULL])
}

fn pkcs1(encoding: &'static dyn RsaEncoding, algorithm: &str, null: &[u8]) -> Kind {
    Kind::rsa(&RSA, encoding, seq(&[&oid(algorithm), null]), &rsa_key())
}

/// RFC 4055 s3.1: `null` of the hash identifiers, and a salt of this many octets.
fn pss_identifier(hash: &str, null: &[u8], salt: u8) -> Vec<u8> {
    let hash = seq(&[&oid(hash), null]);
    let mgf = seq(&[&oid("1.2.840.113549.1.1.8"), &hash]);
    let parameters = seq(&[&tlv(0xa0, &[&hash]), &tlv(0xa1, &[&mgf]), &tlv(0xa2, &[&[2, 1, salt]])]);
    seq(&[&oid("1.2.840.113549.1.1.10"), &parameters])
}

fn pss() -> Vec<(String, Kind)> {
    let hashes: [(&str, &'static dyn RsaEncoding, u8); 3] = [
        ("2.16.840.1.101.3.4.2.1", &RSA_PSS_SHA256, 32),
        ("2.16.840.1.101.3.4.2.2", &RSA_PSS_SHA384, 48),
        ("2.16.840.1.101.3.4.2.3", &RSA_PSS_SHA512, 64),
    ];
    let mut kinds = Vec::new();
    for (hash, encoding, salt) in hashes {
        for null in [NULL, &[]] {
            let identifier = pss_identifier(hash, null, salt);
            for (key, marking) in [("RSA", rsa_key()), ("PSS", seq(&[&oid("1.2.840.113549.1.1.10")])), ("restricted", identifier.clone())] {
                let name = format!("PSS {salt}, NULL {}, key marked {key}", !null.is_empty());
                kinds.push((name, Kind::rsa(&RSA, encoding, identifier.clone(), &marking)));
            }
        }
    }
    kinds
}

fn ecdsa_and_pkcs1() -> Vec<(String, Kind)> {
    let (p256, p384, p521) = ("1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35");
    let (sha256, sha384, sha512) = ("1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4");
    let ecdsa = [
        Kind::ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, p256, sha256),
        Kind::ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, p384, sha384),
        Kind::ecdsa(&ECDSA_P521_SHA256_ASN1_SIGNING, p521, sha256),
        Kind::ecdsa(&ECDSA_P521_SHA384_ASN1_SIGNING, p521, sha384),
        Kind::ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING, p521, sha512),
        pkcs1(&RSA_PKCS1_SHA256, "1.2.840.113549.1.1.11", NULL),
        pkcs1(&RSA_PKCS1_SHA384, "1.2.840.113549.1.1.12", NULL),
        pkcs1(&RSA_PKCS1_SHA512, "1.2.840.113549.1.1.13", NULL),
        pkcs1(&RSA_PKCS1_SHA256, "1.2.840.113549.1.1.11", &[]),
        pkcs1(&RSA_PKCS1_SHA512, "1.2.840.113549.1.1.13", &[]),
    ];
    ecdsa.into_iter().enumerate().map(|(at, kind)| (format!("ECDSA or PKCS #1, row {at}"), kind)).collect()
}

#[test]
fn every_allowed_algorithm_signs_as_anchor_and_in_between() {
    let root = authority("Root", None);
    for (name, kind) in ecdsa_and_pkcs1().into_iter().chain(pss()) {
        let issuing = Authority::with(kind, "Issuing", Some(&root), |_| {});
        let leaf = issuing.issue(&Draft { spki: Some(root.spki()), ..issuing.good() });
        assert_eq!(said(&judged(&leaf, &[], &anchors(&[&issuing]))), [], "{name}: anchor");
        assert_eq!(said(&judged(&leaf, &[&issuing.certificate], &anchors(&[&root]))), [], "{name}: between");
        let mut forged = leaf;
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(said(&judged(&forged, &[], &anchors(&[&issuing]))), refused("SIGNATURE_INVALID", ""), "{name}: forged");
    }
}

#[test]
fn other_algorithms_are_refused_wherever_they_stand() {
    let root = authority("Root", None);
    let sha1 = || pkcs1(&RSA_PKCS1_SHA256, "1.2.840.113549.1.1.5", NULL);
    let short_salt = || Kind::rsa(&RSA, &RSA_PSS_SHA256, pss_identifier("2.16.840.1.101.3.4.2.1", NULL, 20), &rsa_key());
    for kind in [sha1(), short_salt()] {
        let issuing = Authority::with(kind, "Issuing", None, |_| {});
        let leaf = issuing.issue(&Draft { spki: Some(root.spki()), ..issuing.good() });
        assert_eq!(said(&judged(&leaf, &[], &anchors(&[&issuing]))), refused("SIGNATURE_ALGORITHM_NOT_ALLOWED", ""));
        let below = authority("Below", Some(&issuing));
        let why = "it is signed by an algorithm that is not allowed";
        assert_eq!(said(&judged(&below.issue(&good()), &[&below.certificate], &anchors(&[&issuing]))), refused("ISSUER_INVALID", why));
    }
}

/// Made with OpenSSL; the keys are gone. RSA of 8192 bits takes long to make, of 1024 bits is not made here at all.
#[test]
fn rsa_counts_from_2048_to_8192_bits() {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/rsa").join(name);
    let read = |name: &str| chain_from_pem_or_der(&std::fs::read(file(name)).unwrap()).unwrap();
    for (root, chain, expected) in [
        ("root-8192.pem", "leaf-8192.pem", Ok(())),
        ("root-2048.pem", "chain-1024.pem", Err(Reason::IssuerInvalid("its key is too weak or of an algorithm that is not allowed"))),
    ] {
        let trust = Trust::new(Anchors::from_certificates(&read(root)).unwrap(), TrustPolicy::default());
        assert_eq!(validate_path(&read(chain), &trust, datetime!(2030-01-01 00:00 UTC), Purpose::ClientAuth), expected, "{chain}");
    }
}

fn names(id: &str, permitted: u8, name: &[u8]) -> Vec<u8> {
    extension(id, true, &seq(&[&tlv(permitted, &[&seq(&[name])])]))
}

#[test]
fn a_certificate_between_must_be_fit_to_be_there() {
    type Bend = Box<dyn Fn(&mut Draft)>;
    const PERMITTED: u8 = 0xa0;
    const EXCLUDED: u8 = 0xa1;
    let dns = |name: &str| tlv(0x82, &[name.as_bytes()]);
    let organisation = tlv(0xa4, &[&list(&[rdn(&[attribute("2.5.4.10", UTF8, "Tiers de Confiance")])])]);
    let constrained = |constraints: Vec<u8>| -> Bend { Box::new(move |draft| draft.more.extend(&constraints)) };
    let cases: Vec<(&str, Bend, &str)> = vec![
        ("as it should be", Box::new(|_| {}), ""),
        ("no basicConstraints", Box::new(|draft| draft.more.clear()), "it is not a certification authority's"),
        ("no keyUsage", Box::new(|draft| draft.key_usage.clear()), "its keyUsage does not allow it to sign certificates"),
        (
            "keyUsage for lists only",
            Box::new(|draft| draft.key_usage = key_usage(1, 2)),
            "its keyUsage does not allow it to sign certificates",
        ),
        ("expired", Box::new(|draft| draft.validity = seq(&[&utc("250101000000Z"), &utc("260531000000Z")])), "it is outside its validity"),
        (
            "not yet valid",
            Box::new(|draft| draft.validity = seq(&[&utc("260701000000Z"), &utc("270531000000Z")])),
            "it is outside its validity",
        ),
        ("of version 1", Box::new(|draft| draft.version.clear()), "path building cannot use it"),
        (
            "for servers only",
            Box::new(|draft| draft.eku = eku(&["1.3.6.1.5.5.7.3.1"])),
            "its extendedKeyUsage does not allow client authentication",
        ),
        ("for any purpose", Box::new(|draft| draft.eku = eku(&["2.5.29.37.0"])), ""),
        (
            "unknown critical extension",
            Box::new(|draft| draft.more.extend(extension("1.2.3", true, &[5, 0]))),
            "it has a critical extension that is not understood",
        ),
        ("unknown extension", Box::new(|draft| draft.more.extend(extension("1.2.3", false, &[5, 0]))), ""),
        ("negative serial number", Box::new(|draft| draft.serial = vec![2, 1, 0x80]), "its serial number is negative"),
        ("its names are permitted", constrained(names("2.5.29.30", PERMITTED, &dns("tpp.example"))), ""),
        (
            "other names are permitted",
            constrained(names("2.5.29.30", PERMITTED, &dns("other.example"))),
            "its name constraints do not allow this subject",
        ),
        (
            "its names are excluded",
            constrained(names("2.5.29.30", EXCLUDED, &dns("tpp.example"))),
            "its name constraints do not allow this subject",
        ),
        (
            "directory names: fails closed",
            constrained(names("2.5.29.30", PERMITTED, &organisation)),
            "its name constraints do not allow this subject",
        ),
    ];
    let root = authority("Root", None);
    let san = extension("2.5.29.17", false, &seq(&[&dns("api.tpp.example")]));
    for (name, bend, why) in cases {
        let between = Authority::with(Kind::p256(), "Between", Some(&root), bend);
        let verdict = judged(&between.issue(&Draft { more: san.clone(), ..good() }), &[&between.certificate], &anchors(&[&root]));
        let expected = if why.is_empty() { vec![] } else { refused("ISSUER_INVALID", why) };
        assert_eq!(said(&verdict), expected, "{name}");
    }
}

#[test]
fn a_path_is_no_longer_than_its_authorities_allow() {
    let root = authority("Root", None);
    for (length, fine) in [(0, false), (1, true)] {
        let one = Authority::with(Kind::p256(), "One", Some(&root), |draft| draft.more = basic_constraints(Some(length)));
        let two = authority("Two", Some(&one));
        let verdict = judged(&two.issue(&good()), &[&two.certificate, &one.certificate], &anchors(&[&root]));
        let expected = if fine { vec![] } else { refused("ISSUER_INVALID", "its path length does not allow this certificate") };
        assert_eq!(said(&verdict), expected, "{length}");
    }
}

#[test]
fn a_path_holds_until_the_first_of_its_certificates_ends() {
    let root = authority("Root", None);
    let short = Authority::with(Kind::p256(), "Short", Some(&root), |draft| {
        draft.validity = seq(&[&utc("260101000000Z"), &utc("260615000000Z")]);
    });
    let verdict = judged(&short.issue(&good()), &[&short.certificate], &anchors(&[&root]));
    assert_eq!(verdict.path.unwrap().holds_until, datetime!(2026-06-15 00:00 UTC));
}

/// Seven authorities that all bear the anchor's name: thousands of ways, none of which leads anywhere.
#[test]
fn what_is_sent_to_keep_us_busy_does_not() {
    let known = authority("Name", None);
    let many: Vec<_> = (0..7).map(|_| authority("Name", None)).collect();
    let sent: Vec<&[u8]> = many.iter().map(|one| &one.certificate[..]).collect();
    let leaf = many[0].issue(&good());
    let started = Instant::now();
    let verdict = judged(&leaf, &sent, &anchors(&[&known]));
    assert_eq!(said(&verdict), refused("ISSUER_INVALID", "the certificates sent can be arranged in too many ways"));
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}
