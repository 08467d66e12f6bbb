//! Certificates made here, each from the good one by one change; the verdict names exactly that change.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use guichet::oauth::tpp::PspRole;
use guichet::pki::{Anchors, Reason, Trust, TrustPolicy, Verdict, Warning, chain_from_pem_or_der, describe, judge, judge_content};
use proptest::prelude::*;
use rustls::pki_types::CertificateDer;
use std::sync::LazyLock;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const SEQ: u8 = 0x30;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        short @ 0..0x80 => vec![short as u8],
        middle @ 0x80..0x100 => vec![0x81, middle as u8],
        long => [&[0x83][..], &(long as u32).to_be_bytes()[1..]].concat(),
    };
    let length = if length.starts_with(&[0x83, 0]) { [&[0x82][..], &length[2..]].concat() } else { length };
    [&[tag][..], &length, &body].concat()
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQ, parts)
}

fn list(parts: &[Vec<u8>]) -> Vec<u8> {
    seq(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut body = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let mut septets: Vec<u8> = (0..9).map(|at| (arc >> (7 * at) & 0x7f) as u8).collect();
        while septets.len() > 1 && septets.last() == Some(&0) {
            septets.pop();
        }
        body.extend(septets.iter().enumerate().rev().map(|(at, septet)| if at == 0 { *septet } else { septet | 0x80 }));
    }
    tlv(0x06, &[&body])
}

fn text(tag: u8, value: &str) -> Vec<u8> {
    tlv(tag, &[value.as_bytes()])
}

fn attribute(kind: &str, tag: u8, value: &str) -> Vec<u8> {
    seq(&[&oid(kind), &text(tag, value)])
}

fn rdn(attributes: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &attributes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn subject(organisation: Option<&str>, identifier: Option<&str>) -> Vec<u8> {
    let mut rdns = vec![rdn(&[attribute("2.5.4.6", PRINTABLE, "FR")])];
    rdns.extend(organisation.map(|value| rdn(&[attribute("2.5.4.10", UTF8, value)])));
    rdns.extend(identifier.map(|value| rdn(&[attribute("2.5.4.97", UTF8, value)])));
    rdns.push(rdn(&[attribute("2.5.4.3", UTF8, "tpp.example")]));
    list(&rdns)
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    seq(&[&oid(id), critical, &tlv(0x04, &[value])])
}

fn eku(ids: &[&str]) -> Vec<u8> {
    extension("2.5.29.37", false, &list(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>()))
}

fn key_usage(unused: u8, bits: u8) -> Vec<u8> {
    extension("2.5.29.15", true, &tlv(0x03, &[&[unused, bits]]))
}

fn qc_type(ids: &[&str]) -> Vec<u8> {
    seq(&[&oid("0.4.0.1862.1.6"), &list(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>())])
}

fn qc_compliance() -> Vec<u8> {
    seq(&[&oid("0.4.0.1862.1.1")])
}

const WEB: &str = "0.4.0.1862.1.6.3";
const AI: (&str, &str) = ("0.4.0.19495.1.3", "PSP_AI");
const PI: (&str, &str) = ("0.4.0.19495.1.2", "PSP_PI");

fn psd2(roles: &[(&str, &str)], nca_id: &str) -> Vec<u8> {
    let roles: Vec<_> = roles.iter().map(|(id, name)| seq(&[&oid(id), &text(UTF8, name)])).collect();
    seq(&[&oid("0.4.0.19495.2"), &seq(&[&list(&roles), &text(UTF8, "Authority"), &text(UTF8, nca_id)])])
}

fn qc(statements: &[Vec<u8>]) -> Vec<u8> {
    extension(QC, false, &list(statements))
}

const QC: &str = "1.3.6.1.5.5.7.1.3";

fn utc(time: &str) -> Vec<u8> {
    text(0x17, time)
}

/// The parts of a certificate, each in DER, so that a test can replace one.
#[derive(Clone)]
struct Draft {
    version: Vec<u8>,
    serial: Vec<u8>,
    issuer: Option<Vec<u8>>,
    validity: Vec<u8>,
    subject: Vec<u8>,
    spki: Option<Vec<u8>>,
    key_usage: Vec<u8>,
    eku: Vec<u8>,
    qc: Vec<u8>,
    more: Vec<u8>,
    signature_algorithm: Vec<u8>,
}

fn good() -> Draft {
    Draft {
        version: tlv(0xa0, &[&[2, 1, 2]]),
        serial: vec![2, 2, 0x12, 0x34],
        issuer: None,
        validity: seq(&[&utc("260101000000Z"), &utc("270101000000Z")]),
        subject: subject(Some("Tiers de Confiance"), Some("PSDFR-ACPR-12345")),
        spki: None,
        key_usage: key_usage(7, 0x80),
        eku: eku(&["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]),
        qc: qc(&[qc_compliance(), qc_type(&[WEB]), psd2(&[AI, PI], "FR-ACPR")]),
        more: Vec::new(),
        signature_algorithm: seq(&[&oid("1.2.840.10045.4.3.2")]),
    }
}

/// A certification authority with a key made for the run.
struct Authority {
    key: EcdsaKeyPair,
    name: Vec<u8>,
    certificate: Vec<u8>,
}

static ISSUER: LazyLock<Authority> = LazyLock::new(|| Authority::new("QTSP", "1.3.6.1.5.5.7.3.2", None));

impl Authority {
    fn new(name: &str, usage: &str, above: Option<&Self>) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let name = list(&[rdn(&[attribute("2.5.4.3", UTF8, name)])]);
        let mut authority = Self { key, name, certificate: Vec::new() };
        let draft = Draft {
            subject: authority.name.clone(),
            issuer: Some(above.map_or_else(|| authority.name.clone(), |above| above.name.clone())),
            spki: Some(authority.spki()),
            key_usage: key_usage(1, 0x06),
            eku: eku(&[usage]),
            qc: Vec::new(),
            more: extension("2.5.29.19", true, &seq(&[&[1, 1, 0xff]])),
            ..good()
        };
        authority.certificate = above.unwrap_or(&authority).issue(&draft);
        authority
    }

    fn spki(&self) -> Vec<u8> {
        let algorithm = seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
        seq(&[&algorithm, &tlv(0x03, &[&[0], self.key.public_key().as_ref()])])
    }

    fn issue(&self, draft: &Draft) -> Vec<u8> {
        let extensions = tlv(0xa3, &[&seq(&[&draft.key_usage, &draft.eku, &draft.qc, &draft.more])]);
        let spki = draft.spki.clone().unwrap_or_else(|| self.spki());
        let issuer = draft.issuer.as_ref().unwrap_or(&self.name);
        let tbs = [&draft.version, &draft.serial, &draft.signature_algorithm, issuer, &draft.validity, &draft.subject, &spki, &extensions];
        self.sign(&seq(&tbs.map(Vec::as_slice)), &draft.signature_algorithm)
    }

    fn sign(&self, tbs: &[u8], algorithm: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&SystemRandom::new(), tbs).unwrap();
        seq(&[tbs, algorithm, &tlv(0x03, &[&[0], signature.as_ref()])])
    }

    /// A revocation list with these serial numbers.
    fn revoke(&self, serials: &[&[u8]], next_update: &str) -> Vec<u8> {
        let algorithm = seq(&[&oid("1.2.840.10045.4.3.2")]);
        let entries: Vec<_> = serials.iter().map(|serial| seq(&[serial, &utc("260301000000Z")])).collect();
        let entries = if entries.is_empty() { Vec::new() } else { list(&entries) };
        let number = tlv(0xa0, &[&seq(&[&extension("2.5.29.20", false, &[2, 1, 1])])]);
        let parts = [&vec![2, 1, 1], &algorithm, &self.name, &utc("260501000000Z"), &utc(next_update), &entries, &number];
        self.sign(&seq(&parts.map(Vec::as_slice)), &algorithm)
    }
}

fn trust_in(authority: &Authority, policy: TrustPolicy) -> Trust {
    Trust::new(Anchors::from_certificates(&[CertificateDer::from(authority.certificate.clone())]).unwrap(), policy)
}

fn trust() -> Trust {
    trust_in(&ISSUER, TrustPolicy::default())
}

fn judge_at(der: Vec<u8>, now: OffsetDateTime) -> Verdict {
    judge(&[CertificateDer::from(der)], &trust(), now)
}

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::code).collect()
}

fn codes_of(change: impl FnOnce(&mut Draft)) -> Vec<&'static str> {
    let mut draft = good();
    change(&mut draft);
    codes(&judge_at(ISSUER.issue(&draft), NOW))
}

#[test]
fn the_good_certificate_names_its_holder() {
    let der = ISSUER.issue(&good());
    let verdict = judge_at(der.clone(), NOW);
    assert_eq!((codes(&verdict), verdict.warnings.as_slice()), (vec![], &[][..]));
    assert!(describe(&verdict).ends_with("verdict: accepted\n"), "{}", describe(&verdict));
    let tpp = verdict.accepted().unwrap().tpp;
    assert_eq!(tpp.organisation.as_str(), "PSDFR-ACPR-12345");
    assert_eq!((tpp.legal_name.as_str(), tpp.nca_id.as_str()), ("Tiers de Confiance", "FR-ACPR"));
    assert_eq!(tpp.roles, [PspRole::PaymentInitiation, PspRole::AccountInformation]);
    assert_eq!(tpp.subject_dn, "CN=tpp.example,2.5.4.97=#0c1050534446522d414350522d3132333435,O=Tiers de Confiance,C=FR");
    assert_eq!(tpp.thumbprint.as_slice(), aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der).as_ref());
}

type Change = Box<dyn Fn(&mut Draft)>;

#[test]
#[rustfmt::skip]
fn each_fault_has_its_own_reason() {
    let cases: Vec<(&str, Change, &[&str])> = vec![
        // the envelope
        ("version 1", Box::new(|d| d.version = Vec::new()), &["CERTIFICATE_MALFORMED"]),
        ("version 2", Box::new(|d| d.version = tlv(0xa0, &[&[2, 1, 1]])), &["CERTIFICATE_MALFORMED"]),
        ("negative serial", Box::new(|d| d.serial = vec![2, 1, 0x80]), &["CERTIFICATE_MALFORMED"]),
        ("serial zero", Box::new(|d| d.serial = vec![2, 1, 0]), &["CERTIFICATE_MALFORMED"]),
        ("serial with a spare zero", Box::new(|d| d.serial = vec![2, 2, 0, 1]), &["CERTIFICATE_MALFORMED"]),
        ("serial of 22 octets", Box::new(|d| d.serial = tlv(2, &[&[1; 22]])), &["CERTIFICATE_MALFORMED"]),
        ("GeneralizedTime before 2050", Box::new(|d| d.validity = seq(&[&text(0x18, "20260101000000Z"), &utc("270101000000Z")])), &["CERTIFICATE_MALFORMED"]),
        ("ends before it begins", Box::new(|d| d.validity = seq(&[&utc("270101000000Z"), &utc("260101000000Z")])), &["CERTIFICATE_MALFORMED"]),
        ("indefinite length", Box::new(|d| d.subject = [&[0x30, 0x80][..], &rdn(&[attribute("2.5.4.3", UTF8, "x")]), &[0, 0]].concat()), &["CERTIFICATE_MALFORMED"]),
        ("length not minimal", Box::new(|d| d.more = vec![0x30, 0x81, 0x00]), &["CERTIFICATE_MALFORMED"]),
        ("200 levels of nesting", Box::new(|d| d.issuer = Some((0..200).fold(seq(&[]), |inner, _| seq(&[&inner])))), &["CERTIFICATE_MALFORMED"]),
        ("duplicate keyUsage", Box::new(|d| d.more = key_usage(7, 0x80)), &["DUPLICATE_EXTENSION"]),
        ("pre-certificate", Box::new(|d| d.more = extension("1.3.6.1.4.1.11129.2.4.3", true, &[5, 0])), &["UNKNOWN_CRITICAL_EXTENSION"]),
        ("critical policies", Box::new(|d| d.more = extension("2.5.29.32", true, &seq(&[&seq(&[&oid("0.4.0.19495.3.1")])]))), &["UNKNOWN_CRITICAL_EXTENSION"]),
        ("unknown extension, not critical", Box::new(|d| d.more = extension("1.2.3", false, &[5, 0])), &[]),
        // the key and the algorithm
        ("RSA 1024", Box::new(|d| d.spki = Some(rsa(128))), &["WEAK_KEY"]),
        ("RSA 2047", Box::new(|d| d.spki = Some(rsa_of(&[&[0x7f][..], &[0xff; 255]].concat()))), &["WEAK_KEY"]),
        ("RSA 2048", Box::new(|d| d.spki = Some(rsa(256))), &[]),
        ("RSA 16384", Box::new(|d| d.spki = Some(rsa(2048))), &["WEAK_KEY"]),
        ("P-192", Box::new(|d| d.spki = Some(seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.1")]), &tlv(3, &[&[0, 4], &[1; 48]])]))), &["KEY_ALGORITHM_NOT_ALLOWED"]),
        ("explicit curve", Box::new(|d| d.spki = Some(seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &seq(&[&[2, 1, 1]])]), &tlv(3, &[&[0, 4], &[1; 64]])]))), &["KEY_ALGORITHM_NOT_ALLOWED"]),
        ("Ed25519", Box::new(|d| d.spki = Some(seq(&[&seq(&[&oid("1.3.101.112")]), &tlv(3, &[&[0], &[1; 32]])]))), &["KEY_ALGORITHM_NOT_ALLOWED"]),
        ("ECDSA with SHA-1", Box::new(|d| d.signature_algorithm = seq(&[&oid("1.2.840.10045.4.1")])), &["SIGNATURE_ALGORITHM_NOT_ALLOWED"]),
        ("CA:TRUE", Box::new(|d| d.more = extension("2.5.29.19", true, &seq(&[&[1, 1, 0xff]]))), &["CA_CERTIFICATE"]),
        ("CA:FALSE", Box::new(|d| d.more = extension("2.5.29.19", true, &seq(&[]))), &[]),
        // keyUsage and extendedKeyUsage
        ("no keyUsage", Box::new(|d| d.key_usage = Vec::new()), &["KEY_USAGE_MISSING"]),
        ("keyEncipherment only", Box::new(|d| d.key_usage = key_usage(5, 0x20)), &["KEY_USAGE_NO_DIGITAL_SIGNATURE"]),
        ("keyCertSign beside digitalSignature", Box::new(|d| d.key_usage = key_usage(2, 0x84)), &["CA_CERTIFICATE"]),
        ("no EKU", Box::new(|d| d.eku = Vec::new()), &["EKU_MISSING"]),
        ("an empty EKU", Box::new(|d| d.eku = eku(&[])), &["CERTIFICATE_MALFORMED"]),
        ("serverAuth only", Box::new(|d| d.eku = eku(&["1.3.6.1.5.5.7.3.1"])), &["EKU_NO_CLIENT_AUTH"]),
        ("clientAuth only", Box::new(|d| d.eku = eku(&["1.3.6.1.5.5.7.3.2"])), &[]),
        ("clientAuth and emailProtection", Box::new(|d| d.eku = eku(&["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"])), &[]),
        ("anyEKU beside clientAuth", Box::new(|d| d.eku = eku(&["2.5.29.37.0", "1.3.6.1.5.5.7.3.2"])), &["EKU_ANY"]),
        ("2-QWAC", Box::new(|d| d.eku = eku(&["0.4.0.194115.1.0"])), &["EKU_TLS_BINDING", "EKU_NO_CLIENT_AUTH"]),
        // qcStatements
        ("no qcStatements", Box::new(|d| d.qc = Vec::new()), &["QC_STATEMENTS_MISSING"]),
        ("qcStatements twice", Box::new(|d| d.more = d.qc.clone()), &["QC_STATEMENTS_DUPLICATE"]),
        ("qcStatements critical", Box::new(|d| d.qc = extension(QC, true, &list(&[qc_compliance(), qc_type(&[WEB]), psd2(&[AI], "FR-ACPR")]))), &["QC_STATEMENTS_CRITICAL"]),
        ("a byte after qcStatements", Box::new(|d| d.qc = extension(QC, false, &[list(&[qc_compliance(), qc_type(&[WEB]), psd2(&[AI], "FR-ACPR")]), vec![0]].concat())), &["QC_STATEMENTS_MALFORMED"]),
        ("a bare statement", Box::new(|d| d.qc = extension(QC, false, &psd2(&[AI], "FR-ACPR"))), &["QC_STATEMENTS_MALFORMED"]),
        ("flattened roles", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[WEB]), flattened()])), &["QC_STATEMENTS_MALFORMED"]),
        ("no QcCompliance", Box::new(|d| d.qc = qc(&[qc_type(&[WEB]), psd2(&[AI], "FR-ACPR")])), &["QC_COMPLIANCE_MISSING"]),
        ("no QcType", Box::new(|d| d.qc = qc(&[qc_compliance(), psd2(&[AI], "FR-ACPR")])), &["QC_TYPE_MISSING"]),
        ("QSealC", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&["0.4.0.1862.1.6.2"]), psd2(&[AI], "FR-ACPR")])), &["QSEAL_CERTIFICATE"]),
        ("web and eseal", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[WEB, "0.4.0.1862.1.6.2"]), psd2(&[AI], "FR-ACPR")])), &["QC_TYPE_NOT_WEB"]),
        ("no type in QcType", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[]), psd2(&[AI], "FR-ACPR")])), &["QC_TYPE_NOT_WEB"]),
        ("Swiss law", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[WEB]), seq(&[&oid("0.4.0.1862.1.7"), &seq(&[&text(PRINTABLE, "CH")])]), psd2(&[AI], "FR-ACPR")])), &["QC_CC_LEGISLATION_PRESENT"]),
        ("PSD2 statement twice", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[WEB]), psd2(&[AI], "FR-ACPR"), psd2(&[AI], "FR-ACPR")])), &["QC_STATEMENT_REPEATED"]),
        // the PSD2 statement
        ("no PSD2 statement", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[WEB])])), &["PSD2_STATEMENT_MISSING"]),
        ("no role", Box::new(|d| d.qc = roles(&[])), &["ROLE_MISSING"]),
        ("role unspecified", Box::new(|d| d.qc = roles(&[("0.4.0.19495.1.0", "Unspecified")])), &["ROLE_UNSPECIFIED"]),
        ("unknown role beside a good one", Box::new(|d| d.qc = roles(&[AI, ("0.4.0.19495.1.5", "PSP_XX")])), &["ROLE_UNKNOWN"]),
        ("role of a giant arc", Box::new(|d| d.qc = roles(&[("0.4.0.19495.1.18446744073709551615", "PSP_AI")])), &["ROLE_UNKNOWN"]),
        ("role name of another", Box::new(|d| d.qc = roles(&[(AI.0, "PSP_PI")])), &["ROLE_NAME_MISMATCH"]),
        ("role name with an invisible space", Box::new(|d| d.qc = roles(&[(AI.0, "PSP_AI\u{200b}")])), &["ROLE_NAME_MISMATCH"]),
        ("a role twice", Box::new(|d| d.qc = roles(&[AI, AI])), &[]),
        ("nCAId without a hyphen", Box::new(|d| d.qc = qc(&[qc_compliance(), qc_type(&[WEB]), psd2(&[AI], "FRACPR")])), &["NCA_ID_MALFORMED", "NCA_MISMATCH"]),
        // the subject
        ("another authority", Box::new(|d| d.subject = subject(Some("T"), Some("PSDFR-ACPS-12345"))), &["NCA_MISMATCH"]),
        ("the same authority in another country", Box::new(|d| d.subject = subject(Some("T"), Some("PSDBE-ACPR-12345"))), &["NCA_MISMATCH"]),
        ("a British authority", Box::new(|d| { d.subject = subject(Some("T"), Some("PSDGB-FCA-1")); d.qc = qc(&[qc_compliance(), qc_type(&[WEB]), psd2(&[AI], "GB-FCA")]); }), &["NCA_COUNTRY_NOT_ACCEPTED"]),
        ("VAT number", Box::new(|d| d.subject = subject(Some("T"), Some("VATFR-12345"))), &["ORGANISATION_ID_NOT_PSD"]),
        ("no identifier", Box::new(|d| d.subject = subject(Some("T"), None)), &["ORGANISATION_ID_MISSING"]),
        ("no organisation", Box::new(|d| d.subject = subject(None, Some("PSDFR-ACPR-12345"))), &["ORGANISATION_NAME_MISSING"]),
        ("blank organisation", Box::new(|d| d.subject = subject(Some(" "), Some("PSDFR-ACPR-12345"))), &["ORGANISATION_NAME_MALFORMED"]),
        ("organisation written backwards", Box::new(|d| d.subject = subject(Some("T\u{202e}x"), Some("PSDFR-ACPR-12345"))), &["ORGANISATION_NAME_MALFORMED"]),
        ("NUL in the identifier", Box::new(|d| d.subject = subject(Some("T"), Some("PSDFR-ACPR-12345\0"))), &["CERTIFICATE_MALFORMED", "ORGANISATION_ID_MALFORMED"]),
        ("identifier as T61String", Box::new(|d| d.subject = identifiers(&[attribute("2.5.4.97", 0x14, "PSDFR-ACPR-12345")])), &["ORGANISATION_ID_MALFORMED"]),
        ("identifier as BMPString", Box::new(|d| d.subject = identifiers(&[attribute("2.5.4.97", 0x1e, "\0P\0S")])), &["ORGANISATION_ID_MALFORMED"]),
        ("identifier as PrintableString", Box::new(|d| d.subject = identifiers(&[attribute("2.5.4.97", PRINTABLE, "PSDFR-ACPR-12345")])), &[]),
        ("two identifiers", Box::new(|d| d.subject = identifiers(&[attribute("2.5.4.97", UTF8, "PSDFR-ACPR-12345"), attribute("2.5.4.97", UTF8, "PSDFR-ACPR-12346")])), &["ORGANISATION_ID_REPEATED"]),
        ("identifier in a multi-valued RDN", Box::new(|d| d.subject = identifiers(&[attribute("2.5.4.3", UTF8, "x"), attribute("2.5.4.97", UTF8, "PSDFR-ACPR-12345")])), &[]),
        ("cabfOrganizationIdentifier agrees", Box::new(|d| d.more = cabf("ACPR-12345")), &[]),
        ("cabfOrganizationIdentifier without the authority", Box::new(|d| d.more = cabf("12345")), &[]),
        ("cabfOrganizationIdentifier differs", Box::new(|d| d.more = cabf("ACPR-12346")), &["CABF_ORGANISATION_ID_MISMATCH"]),
    ];
    let wrong: Vec<_> = cases.iter().map(|(name, change, expected)| (name, codes_of(change), expected)).filter(|(_, found, expected)| found != *expected).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn rsa(octets: usize) -> Vec<u8> {
    rsa_of(&vec![0xff; octets])
}

fn rsa_of(modulus: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if modulus[0] & 0x80 == 0 { &[] } else { &[0] };
    let key = seq(&[&tlv(2, &[sign, modulus]), &[2, 3, 1, 0, 1]]);
    seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]), &tlv(3, &[&[0], &key])])
}

fn roles(roles: &[(&str, &str)]) -> Vec<u8> {
    qc(&[qc_compliance(), qc_type(&[WEB]), psd2(roles, "FR-ACPR")])
}

fn flattened() -> Vec<u8> {
    let roles = seq(&[&oid(AI.0), &text(UTF8, AI.1), &oid(PI.0), &text(UTF8, PI.1)]);
    seq(&[&oid("0.4.0.19495.2"), &seq(&[&seq(&[&roles]), &text(UTF8, "Authority"), &text(UTF8, "FR-ACPR")])])
}

fn identifiers(attributes: &[Vec<u8>]) -> Vec<u8> {
    list(&[rdn(&[attribute("2.5.4.10", UTF8, "T")]), rdn(attributes)])
}

fn cabf(reference: &str) -> Vec<u8> {
    extension("2.23.140.3.1", false, &seq(&[&text(PRINTABLE, "PSD"), &text(PRINTABLE, "FR"), &text(UTF8, reference)]))
}

#[test]
fn sizes_are_bounded_before_anything_is_parsed() {
    let leaf = CertificateDer::from(ISSUER.issue(&good()));
    let mut draft = good();
    let many: Vec<_> = (0..10_000).map(|_| AI).collect();
    draft.qc = roles(&many);
    let large = CertificateDer::from(ISSUER.issue(&draft));
    let verdict = |chain: &[CertificateDer<'_>]| codes(&judge(chain, &trust(), NOW));
    assert_eq!(verdict(&[]), ["CERTIFICATE_MISSING"]);
    assert_eq!(verdict(std::slice::from_ref(&large)), ["CERTIFICATE_TOO_LARGE", "CHAIN_TOO_LARGE"]);
    assert_eq!(verdict(&[leaf.clone(), large]), ["CHAIN_TOO_LARGE"]);
    assert_eq!(verdict(&vec![leaf.clone(); 300]), ["CHAIN_TOO_LONG", "CHAIN_TOO_LARGE"]);
    assert_eq!(verdict(&vec![leaf; 8]), [""; 0]);
}

#[test]
fn both_ends_of_the_validity_are_inside() {
    let der = ISSUER.issue(&good());
    let cases = [
        (datetime!(2025-12-31 23:59:59 UTC), vec!["CERTIFICATE_NOT_YET_VALID"]),
        (datetime!(2026-01-01 00:00 UTC), vec![]),
        (datetime!(2027-01-01 00:00 UTC), vec![]),
        (datetime!(2027-01-01 00:00:01 UTC), vec!["CERTIFICATE_EXPIRED"]),
    ];
    for (now, expected) in cases {
        assert_eq!(codes(&judge_at(der.clone(), now)), expected, "{now}");
    }
}

#[test]
fn all_that_is_wrong_is_said_in_the_order_of_the_checks() {
    let draft = Draft { eku: Vec::new(), qc: Vec::new(), subject: subject(Some("T"), None), ..good() };
    let stranger = Authority::new("Stranger", "1.3.6.1.5.5.7.3.2", None);
    let verdict = judge_at(stranger.issue(&draft), datetime!(2028-01-01 00:00 UTC));
    let expected = ["CERTIFICATE_EXPIRED", "ISSUER_NOT_TRUSTED", "EKU_MISSING", "QC_STATEMENTS_MISSING", "ORGANISATION_ID_MISSING"];
    assert_eq!(codes(&verdict), expected);
    let text = describe(&verdict);
    for reason in &verdict.reasons {
        assert!(text.contains(reason.code()) && text.contains(reason.explanation()) && text.contains(reason.source()), "{text}");
    }
    assert_eq!(verdict.accepted().unwrap_err().to_string(), expected.join(", "));
}

#[test]
fn only_the_anchors_key_makes_a_certificate() {
    let impostor = Authority::new("QTSP", "1.3.6.1.5.5.7.3.2", None);
    assert_eq!(codes(&judge_at(impostor.issue(&good()), NOW)), ["SIGNATURE_INVALID"]);
    let stranger = Authority::new("Stranger", "1.3.6.1.5.5.7.3.2", None);
    let chain = [CertificateDer::from(stranger.issue(&good())), CertificateDer::from(stranger.certificate.clone())];
    assert_eq!(codes(&judge(&chain, &trust(), NOW)), ["ISSUER_NOT_TRUSTED"]);
}

#[test]
fn an_intermediate_leads_to_its_root_or_is_the_anchor_itself() {
    let root = Authority::new("Root", "1.3.6.1.5.5.7.3.2", None);
    let middle = Authority::new("Middle", "1.3.6.1.5.5.7.3.2", Some(&root));
    let web = Authority::new("Web only", "1.3.6.1.5.5.7.3.1", Some(&root));
    let chain = |of: &Authority| [CertificateDer::from(of.issue(&good())), CertificateDer::from(of.certificate.clone())];
    let by_root = trust_in(&root, TrustPolicy::default());
    let path = judge(&chain(&middle), &by_root, NOW).path.unwrap();
    assert_eq!(path.chain, ["CN=Middle", "CN=Root"]);
    assert_eq!(path.issuer, guichet::pki::Issuer { name: middle.name.clone(), spki: middle.spki() });
    assert_eq!((path.holds_until, path.listed), (datetime!(2027-01-01 00:00 UTC), None));
    assert_eq!(codes(&judge(&chain(&middle)[..1], &by_root, NOW)), ["ISSUER_NOT_TRUSTED"]);
    let by_middle = judge(&chain(&middle)[..1], &trust_in(&middle, TrustPolicy::default()), NOW);
    assert_eq!((codes(&by_middle), by_middle.anchor()), (vec![], Some("CN=Middle")));
    assert_eq!(by_middle.path.unwrap().issuer, path.issuer);
    assert_eq!(codes(&judge(&chain(&web), &by_root, NOW)), ["ISSUER_INVALID"]);
}

#[test]
fn authorities_that_sign_each_other_lead_nowhere() {
    let one = Authority::new("One", "1.3.6.1.5.5.7.3.2", None);
    let two = Authority::new("Two", "1.3.6.1.5.5.7.3.2", Some(&one));
    let back = Draft {
        subject: one.name.clone(),
        spki: Some(one.spki()),
        key_usage: key_usage(1, 0x06),
        qc: Vec::new(),
        more: extension("2.5.29.19", true, &seq(&[&[1, 1, 0xff]])),
        ..good()
    };
    let loops = [two.issue(&good()), two.certificate.clone(), two.issue(&back), one.certificate.clone()].map(CertificateDer::from);
    assert_eq!(codes(&judge(&loops, &trust(), NOW)), ["ISSUER_NOT_TRUSTED"]);
}

#[test]
fn a_leaf_is_no_anchor() {
    let leaf = CertificateDer::from(ISSUER.issue(&good()));
    assert_eq!(
        Anchors::from_certificates(&[leaf]).err().map(|error| error.to_string()).as_deref(),
        Some("certificate 1 of the file is not a certification authority's")
    );
    assert!(Anchors::from_pem(b"no certificate here").is_err());
}

#[test]
fn what_the_policy_allows_is_allowed() {
    let server_only = Draft { eku: eku(&["1.3.6.1.5.5.7.3.1"]), ..good() };
    let web_authority = Authority::new("Web", "1.3.6.1.5.5.7.3.1", None);
    let policy = TrustPolicy { accept_server_auth_only: true, ..TrustPolicy::default() };
    let verdict = judge(&[CertificateDer::from(web_authority.issue(&server_only))], &trust_in(&web_authority, policy), NOW);
    assert_eq!((codes(&verdict), verdict.warnings), (vec![], vec![Warning::ServerAuthOnly]));

    let vat = Draft { subject: subject(Some("T"), Some("VATFR-12345")), ..good() };
    let policy = TrustPolicy { other_organisation_ids: ["VATFR-12345".to_owned()].into(), ..TrustPolicy::default() };
    let verdict = judge(&[CertificateDer::from(ISSUER.issue(&vat))], &trust_in(&ISSUER, policy), NOW);
    assert_eq!(codes(&verdict), [""; 0]);

    let policy = TrustPolicy { nca_countries: ["BE".to_owned()].into(), ..TrustPolicy::default() };
    let verdict = judge(&[CertificateDer::from(ISSUER.issue(&good()))], &trust_in(&ISSUER, policy), NOW);
    assert_eq!(codes(&verdict), ["NCA_COUNTRY_NOT_ACCEPTED"]);
}

#[test]
fn a_revoked_certificate_is_refused_as_such() {
    let stranger = Authority::new("QTSP", "1.3.6.1.5.5.7.3.2", None);
    let this: &[u8] = &[2, 2, 0x12, 0x34];
    let other: &[u8] = &[2, 2, 0x12, 0x35];
    let (fresh, stale) = ("260701000000Z", "260515000000Z");
    let cases = [
        ("listed", vec![ISSUER.revoke(&[this], fresh)], vec!["CERTIFICATE_REVOKED"], vec![]),
        ("not listed", vec![ISSUER.revoke(&[other], fresh)], vec![], vec![]),
        ("an empty list", vec![ISSUER.revoke(&[], fresh)], vec![], vec![]),
        (
            "listed in the second list",
            vec![ISSUER.revoke(&[other], fresh), ISSUER.revoke(&[this], fresh)],
            vec!["CERTIFICATE_REVOKED"],
            vec![],
        ),
        ("a stale list", vec![ISSUER.revoke(&[other], stale)], vec![], vec![Warning::CrlExpired]),
        ("listed in a stale list", vec![ISSUER.revoke(&[this], stale)], vec!["CERTIFICATE_REVOKED"], vec![Warning::CrlExpired]),
        ("an impostor's list", vec![stranger.revoke(&[this], fresh)], vec![], vec![Warning::CrlUnusable]),
        ("a list of another issuer", vec![Authority::new("Other", "1.3.6.1.5.5.7.3.2", None).revoke(&[this], fresh)], vec![], vec![]),
    ];
    for (name, lists, reasons, warnings) in cases {
        let verdict = judge(&[CertificateDer::from(ISSUER.issue(&good()))], &trust().with_crls(&lists).unwrap(), NOW);
        assert_eq!((codes(&verdict), verdict.warnings), (reasons, warnings), "{name}");
        let covered = verdict.path.unwrap().crl_covers_until;
        assert_eq!(
            covered.is_some(),
            ["not listed", "an empty list", "listed in the second list", "a stale list"].contains(&name),
            "{name}"
        );
    }
    assert!(trust().with_crls(&[b"no list".to_vec()]).is_err());
}

#[test]
fn a_file_may_be_pem_or_der() {
    let der = ISSUER.issue(&good());
    assert_eq!(chain_from_pem_or_der(&der).unwrap()[0].as_ref(), der);
    assert_eq!(chain_from_pem_or_der(b""), Err(Reason::CertificateMissing));
    assert!(chain_from_pem_or_der(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").is_err());
}

/// Where the value of qcStatements lies in the good certificate.
fn qc_range(der: &[u8]) -> std::ops::Range<usize> {
    let qc = good().qc;
    let at = der.windows(qc.len()).position(|window| window == qc).unwrap();
    at..at + qc.len()
}

#[test]
fn no_flipped_bit_of_the_statements_goes_unseen() {
    let der = ISSUER.issue(&good());
    let policy = TrustPolicy::default();
    let before = judge_content(&der, &policy).facts.unwrap();
    for at in qc_range(&der) {
        for bit in 0..8 {
            let mut bytes = der.clone();
            bytes[at] ^= 1 << bit;
            let content = judge_content(&bytes, &policy);
            let same = content.facts.as_ref().is_some_and(|facts| {
                facts.roles == before.roles && facts.nca_id == before.nca_id && facts.organisation_id == before.organisation_id
            });
            assert!(!content.reasons.is_empty() || same, "bit {bit} of byte {at}: {content:?}");
            assert!(!judge_at(bytes, NOW).reasons.is_empty(), "bit {bit} of byte {at} is accepted");
        }
    }
}

#[test]
fn no_cut_or_lengthened_certificate_is_accepted() {
    let der = ISSUER.issue(&good());
    for end in 0..der.len() {
        assert_eq!(codes(&judge_at(der[..end].to_vec(), NOW)), ["CERTIFICATE_MALFORMED"], "cut at {end}");
    }
    assert_eq!(codes(&judge_at([der, vec![0]].concat(), NOW)), ["CERTIFICATE_MALFORMED"]);
}

proptest! {
    #[test]
    fn any_byte_changed_anywhere_is_refused(at in 0usize..4096, with in 1u8..=255) {
        let mut der = ISSUER.issue(&good());
        let at = at % der.len();
        der[at] ^= with;
        prop_assert!(!judge_at(der, NOW).reasons.is_empty());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512), with_sequence: bool) {
        let bytes = if with_sequence { tlv(SEQ, &[&bytes]) } else { bytes };
        let verdict = judge_at(bytes, NOW);
        prop_assert!(!verdict.reasons.is_empty());
        describe(&verdict);
    }
}
