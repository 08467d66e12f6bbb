//! Certificates from their parts, so that a test can bend one part, and authorities that sign them by any algorithm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RsaEncoding};
use guichet::pki::{Anchors, Reason, Trust, TrustPolicy, Verdict, judge};
use rustls::pki_types::CertificateDer;
use std::sync::{Arc, LazyLock};
use time::OffsetDateTime;
use time::macros::datetime;

pub const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
pub const UTF8: u8 = 0x0c;
pub const PRINTABLE: u8 = 0x13;
pub const SEQ: u8 = 0x30;

pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        short @ 0..0x80 => vec![short as u8],
        middle @ 0x80..0x100 => vec![0x81, middle as u8],
        long => [&[0x83][..], &(long as u32).to_be_bytes()[1..]].concat(),
    };
    let length = if length.starts_with(&[0x83, 0]) { [&[0x82][..], &length[2..]].concat() } else { length };
    [&[tag][..], &length, &body].concat()
}

pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQ, parts)
}

pub fn list(parts: &[Vec<u8>]) -> Vec<u8> {
    seq(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub fn oid(dotted: &str) -> Vec<u8> {
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

pub fn text(tag: u8, value: &str) -> Vec<u8> {
    tlv(tag, &[value.as_bytes()])
}

pub fn attribute(kind: &str, tag: u8, value: &str) -> Vec<u8> {
    seq(&[&oid(kind), &text(tag, value)])
}

pub fn rdn(attributes: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &attributes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub fn subject(organisation: Option<&str>, identifier: Option<&str>) -> Vec<u8> {
    let mut rdns = vec![rdn(&[attribute("2.5.4.6", PRINTABLE, "FR")])];
    rdns.extend(organisation.map(|value| rdn(&[attribute("2.5.4.10", UTF8, value)])));
    rdns.extend(identifier.map(|value| rdn(&[attribute("2.5.4.97", UTF8, value)])));
    rdns.push(rdn(&[attribute("2.5.4.3", UTF8, "tpp.example")]));
    list(&rdns)
}

pub fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    seq(&[&oid(id), critical, &tlv(0x04, &[value])])
}

pub fn eku(ids: &[&str]) -> Vec<u8> {
    extension("2.5.29.37", false, &list(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>()))
}

pub fn key_usage(unused: u8, bits: u8) -> Vec<u8> {
    extension("2.5.29.15", true, &tlv(0x03, &[&[unused, bits]]))
}

pub fn qc_type(ids: &[&str]) -> Vec<u8> {
    seq(&[&oid("0.4.0.1862.1.6"), &list(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>())])
}

pub fn qc_compliance() -> Vec<u8> {
    seq(&[&oid("0.4.0.1862.1.1")])
}

pub const WEB: &str = "0.4.0.1862.1.6.3";
pub const AI: (&str, &str) = ("0.4.0.19495.1.3", "PSP_AI");
pub const PI: (&str, &str) = ("0.4.0.19495.1.2", "PSP_PI");

pub fn psd2(roles: &[(&str, &str)], nca_id: &str) -> Vec<u8> {
    let roles: Vec<_> = roles.iter().map(|(id, name)| seq(&[&oid(id), &text(UTF8, name)])).collect();
    seq(&[&oid("0.4.0.19495.2"), &seq(&[&list(&roles), &text(UTF8, "Authority"), &text(UTF8, nca_id)])])
}

pub fn qc(statements: &[Vec<u8>]) -> Vec<u8> {
    extension(QC, false, &list(statements))
}

pub const QC: &str = "1.3.6.1.5.5.7.1.3";

pub fn utc(time: &str) -> Vec<u8> {
    text(0x17, time)
}

/// The parts of a certificate, each in DER, so that a test can replace one.
#[derive(Clone)]
pub struct Draft {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    pub issuer: Option<Vec<u8>>,
    pub validity: Vec<u8>,
    pub subject: Vec<u8>,
    pub spki: Option<Vec<u8>>,
    pub key_usage: Vec<u8>,
    pub eku: Vec<u8>,
    pub qc: Vec<u8>,
    pub more: Vec<u8>,
    pub signature_algorithm: Vec<u8>,
}

pub fn good() -> Draft {
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

/// A key with what it signs by.
pub enum Signer {
    Ecdsa(EcdsaKeyPair),
    Rsa(Arc<RsaKeyPair>, &'static dyn RsaEncoding),
}

/// How an authority signs: key, SubjectPublicKeyInfo and AlgorithmIdentifier of its signatures.
pub struct Kind {
    pub signer: Signer,
    pub spki: Vec<u8>,
    pub algorithm: Vec<u8>,
}

impl Kind {
    pub fn ecdsa(alg: &'static EcdsaSigningAlgorithm, curve: &str, signature: &str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref()).unwrap();
        let spki = seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid(curve)]), &tlv(0x03, &[&[0], key.public_key().as_ref()])]);
        Self { signer: Signer::Ecdsa(key), spki, algorithm: seq(&[&oid(signature)]) }
    }

    pub fn p256() -> Self {
        Self::ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, "1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2")
    }

    /// RSA: `marking` is the AlgorithmIdentifier of the key.
    pub fn rsa(key: &Arc<RsaKeyPair>, encoding: &'static dyn RsaEncoding, algorithm: Vec<u8>, marking: &[u8]) -> Self {
        let spki = seq(&[marking, &tlv(0x03, &[&[0], key.public_key().as_ref()])]);
        Self { signer: Signer::Rsa(key.clone(), encoding), spki, algorithm }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signer {
            Signer::Ecdsa(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Signer::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// A certification authority with a key made for the run.
pub struct Authority {
    pub kind: Kind,
    pub name: Vec<u8>,
    pub certificate: Vec<u8>,
}

pub static ISSUER: LazyLock<Authority> = LazyLock::new(|| Authority::new("QTSP", "1.3.6.1.5.5.7.3.2", None));

/// basicConstraints with cA and perhaps a pathLenConstraint.
pub fn basic_constraints(path_length: Option<u8>) -> Vec<u8> {
    let length = path_length.map(|length| vec![2, 1, length]).unwrap_or_default();
    extension("2.5.29.19", true, &seq(&[&[1, 1, 0xff], &length]))
}

impl Authority {
    pub fn new(name: &str, usage: &str, above: Option<&Self>) -> Self {
        Self::with(Kind::p256(), name, above, |draft| draft.eku = eku(&[usage]))
    }

    /// With a key of any kind, its certificate bent by `change`.
    pub fn with(kind: Kind, name: &str, above: Option<&Self>, change: impl FnOnce(&mut Draft)) -> Self {
        let name = list(&[rdn(&[attribute("2.5.4.3", UTF8, name)])]);
        let mut authority = Self { kind, name, certificate: Vec::new() };
        let issuer = above.unwrap_or(&authority);
        let mut draft = issuer.draft_of(&authority);
        change(&mut draft);
        authority.certificate = issuer.issue(&draft);
        authority
    }

    /// What this authority would say of another one.
    pub fn draft_of(&self, other: &Self) -> Draft {
        Draft {
            subject: other.name.clone(),
            issuer: Some(self.name.clone()),
            spki: Some(other.spki()),
            key_usage: key_usage(1, 0x06),
            eku: Vec::new(),
            qc: Vec::new(),
            more: basic_constraints(None),
            ..self.good()
        }
    }

    /// The good certificate, signed by this authority's algorithm.
    pub fn good(&self) -> Draft {
        Draft { signature_algorithm: self.kind.algorithm.clone(), ..good() }
    }

    pub fn spki(&self) -> Vec<u8> {
        self.kind.spki.clone()
    }

    pub fn issue(&self, draft: &Draft) -> Vec<u8> {
        let extensions = tlv(0xa3, &[&seq(&[&draft.key_usage, &draft.eku, &draft.qc, &draft.more])]);
        let spki = draft.spki.clone().unwrap_or_else(|| self.spki());
        let issuer = draft.issuer.as_ref().unwrap_or(&self.name);
        let tbs = [&draft.version, &draft.serial, &draft.signature_algorithm, issuer, &draft.validity, &draft.subject, &spki, &extensions];
        self.sign(&seq(&tbs.map(Vec::as_slice)), &draft.signature_algorithm)
    }

    pub fn sign(&self, tbs: &[u8], algorithm: &[u8]) -> Vec<u8> {
        seq(&[tbs, algorithm, &tlv(0x03, &[&[0], &self.kind.sign(tbs)])])
    }

    /// A revocation list with these serial numbers.
    pub fn revoke(&self, serials: &[&[u8]], next_update: &str) -> Vec<u8> {
        let algorithm = seq(&[&oid("1.2.840.10045.4.3.2")]);
        let entries: Vec<_> = serials.iter().map(|serial| seq(&[serial, &utc("260301000000Z")])).collect();
        let entries = if entries.is_empty() { Vec::new() } else { list(&entries) };
        let number = tlv(0xa0, &[&seq(&[&extension("2.5.29.20", false, &[2, 1, 1])])]);
        let parts = [&vec![2, 1, 1], &algorithm, &self.name, &utc("260501000000Z"), &utc(next_update), &entries, &number];
        self.sign(&seq(&parts.map(Vec::as_slice)), &algorithm)
    }
}

pub fn trust_in(authority: &Authority, policy: TrustPolicy) -> Trust {
    Trust::new(Anchors::from_certificates(&[CertificateDer::from(authority.certificate.clone())]).unwrap(), policy)
}

pub fn trust() -> Trust {
    trust_in(&ISSUER, TrustPolicy::default())
}

pub fn judge_at(der: Vec<u8>, now: OffsetDateTime) -> Verdict {
    judge(&[CertificateDer::from(der)], &trust(), now)
}

pub fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::code).collect()
}
