//! The test PKI is what it says, lasts, and renews itself.

use guichet::{
    dev::{
        pki::{Flaw, QWACS, TestPki},
        qwac::{Ca, Issued, KeyKind, QwacSpec, Validity},
    },
    oauth::tpp::PspRole,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration as StdDuration};
use time::{Duration, OffsetDateTime, macros::datetime};
use webpki::{EndEntityCert, Error, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder};
use x509_parser::prelude::{FromDer, X509Certificate};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const HOSTS: [&str; 3] = ["mtls.bank.example", "login.bank.example", "127.0.0.1"];

fn read(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

fn chain(pki: &TestPki, name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(pki.file(&format!("{name}.pem"))).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What webpki says of a chain, with the trust anchors and the revocation list as files give them.
fn path(pki: &TestPki, name: &str, now: OffsetDateTime) -> Result<(), Error> {
    let bundle = chain(pki, "qtsp");
    let anchors: Vec<_> = bundle.iter().map(|anchor| webpki::anchor_from_trusted_cert(anchor).unwrap()).collect();
    let crl = OwnedCertRevocationList::from_der(&fs::read(pki.file("qtsp.crl")).unwrap()).unwrap().into();
    let crls = [&crl];
    let revocation = RevocationOptionsBuilder::new(&crls).unwrap().with_depth(webpki::RevocationCheckDepth::EndEntity).build();
    let now = UnixTime::since_unix_epoch(StdDuration::from_secs(now.unix_timestamp() as u64));
    let chain = chain(pki, name);
    let leaf = EndEntityCert::try_from(&chain[0]).unwrap();
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &chain[1..], now, KeyUsage::client_auth(), Some(revocation), None)
        .map(drop)
}

#[test]
fn each_qwac_passes_or_fails_as_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::load_or_create(dir.path(), &HOSTS, NOW).unwrap();
    for one in &QWACS {
        let found = path(&pki, one.name, NOW);
        match one.flaw {
            Flaw::None | Flaw::Seal => assert_eq!(found, Ok(()), "{}", one.name), // webpki does not know what a seal is
            Flaw::Expired => assert!(matches!(found, Err(Error::CertExpired { .. })), "{found:?}"),
            Flaw::Revoked => assert_eq!(found, Err(Error::CertRevoked)),
            Flaw::Untrusted => assert_eq!(found, Err(Error::UnknownIssuer)),
        }
        let chain = chain(&pki, one.name);
        let (_, leaf) = X509Certificate::from_der(&chain[0]).unwrap();
        let (_, issuing) = X509Certificate::from_der(&chain[1]).unwrap();
        assert_eq!(leaf.issuer().as_raw(), issuing.subject().as_raw());
        let organisation = leaf.subject().iter_by_oid(&x509_parser::der_parser::oid!(2.5.4.97)).next().unwrap();
        assert_eq!(organisation.as_str().unwrap(), one.organisation);
        assert_eq!(leaf.subject().iter_organization().next().unwrap().as_str().unwrap(), one.legal_name);
        let usage = leaf.key_usage().unwrap().unwrap().value;
        assert_eq!(usage.digital_signature(), one.flaw != Flaw::Seal);
        assert!(
            PrivateKeyDer::from_pem_file(pki.file(&format!("{}.key", one.name))).is_ok_and(|key| matches!(key, PrivateKeyDer::Pkcs8(_)))
        );
    }
}

#[test]
fn files_are_private_kept_and_renewed() {
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::load_or_create(dir.path(), &HOSTS, NOW).unwrap();
    let first = read(dir.path());
    for name in first.keys() {
        assert_eq!(fs::metadata(pki.file(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    TestPki::load_or_create(dir.path(), &HOSTS, NOW).unwrap();
    let changed = |now: &BTreeMap<String, Vec<u8>>, then: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
        now.iter().filter(|(name, content)| then.get(*name) != Some(content)).map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(changed(&read(dir.path()), &first), ["qtsp.crl"], "only the revocation list is new each time");
    // eight days before the QWACs end nothing happens, six days before they are renewed
    TestPki::load_or_create(dir.path(), &HOSTS, NOW + Duration::days(357)).unwrap();
    assert_eq!(changed(&read(dir.path()), &first), ["qtsp.crl"]);
    let later = NOW + Duration::days(359);
    let pki = TestPki::load_or_create(dir.path(), &HOSTS, later).unwrap();
    let renewed = changed(&read(dir.path()), &first);
    assert!(renewed.contains(&"aisp.pem".into()) && renewed.contains(&"aisp.key".into()), "{renewed:?}");
    assert!(
        !renewed.iter().any(|name| name.starts_with("qtsp-") || name.starts_with("server") || name.starts_with("expired")),
        "{renewed:?}"
    );
    assert_eq!((path(&pki, "aisp", later), path(&pki, "revoked", later)), (Ok(()), Err(Error::CertRevoked)), "the new one is revoked, too");
}

#[test]
fn other_hosts_or_a_lost_authority_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::load_or_create(dir.path(), &HOSTS, NOW).unwrap();
    let first = read(dir.path());
    TestPki::load_or_create(dir.path(), &HOSTS[..2], NOW).unwrap();
    let second = read(dir.path());
    assert_ne!(first["server.pem"], second["server.pem"]);
    assert_eq!(first["aisp.pem"], second["aisp.pem"]);
    fs::remove_file(pki.file("qtsp-issuing.key")).unwrap();
    let pki = TestPki::load_or_create(dir.path(), &HOSTS[..2], NOW).unwrap();
    assert_eq!(path(&pki, "aisp", NOW), Ok(()), "issued again by the new authority");
    fs::write(pki.file("pisp.pem"), "cut short").unwrap();
    let pki = TestPki::load_or_create(dir.path(), &HOSTS[..2], NOW).unwrap();
    assert_eq!(path(&pki, "pisp", NOW), Ok(()));
}

#[test]
fn many_at_once_agree() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let made: Vec<_> =
            (0..4).map(|_| scope.spawn(|| TestPki::load_or_create(dir.path(), &HOSTS, NOW).unwrap().qtsp.certificate().clone())).collect();
        let made: Vec<_> = made.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(made.iter().all(|one| *one == made[0]));
    });
}

fn validity() -> Validity {
    Validity { not_before: NOW - Duration::days(1), not_after: NOW + Duration::days(365) }
}

fn issue(spec: &QwacSpec) -> Issued {
    Ca::root("QTSP", validity()).unwrap().issue(spec).unwrap()
}

/// Openssl reads each kind of key and prints the statements, so the DER is not only what we believe it to be.
#[test]
fn openssl_reads_every_kind() {
    for (key, says) in
        [(KeyKind::P256, "prime256v1"), (KeyKind::P384, "secp384r1"), (KeyKind::P521, "secp521r1"), (KeyKind::Rsa2048, "2048 bit")]
    {
        let spec = QwacSpec { key, ..QwacSpec::new("PSDMT-MFSA-A 12345", "Malta Test", &PspRole::ALL, validity()) };
        let (issued, dir) = (issue(&spec), tempfile::tempdir().unwrap());
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        fs::write(&cert, &issued.pem).unwrap();
        fs::write(&key, &issued.key_pem).unwrap();
        let openssl = |args: &[&str], file: &Path| {
            let out = Command::new("openssl").args(args).arg("-in").arg(file).output().expect("openssl is installed");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8(out.stdout).unwrap()
        };
        let text = openssl(&["x509", "-noout", "-text", "-nameopt", "utf8"], &cert);
        assert!(text.contains(says) && text.contains("PSDMT-MFSA-A 12345") && text.contains("qcStatements"), "{text}");
        assert_eq!(openssl(&["pkey", "-pubout"], &key), openssl(&["x509", "-noout", "-pubkey"], &cert));
    }
}

#[test]
fn statements_are_those_of_the_standards() {
    let spec = QwacSpec::new("PSDFR-ACPR-1", "X", &[PspRole::AccountInformation], validity());
    let content = spec.qc_statements_der();
    // TS 119 495 s5.1, by hand: SEQUENCE { 0.4.0.19495.2, SEQUENCE { SEQUENCE { SEQUENCE { 0.4.0.19495.1.3, "PSP_AI" } }, "ACPR", "FR-ACPR" } }
    let psd2: &[u8] = b"\x30\x2e\x06\x06\x04\x00\x81\x98\x27\x02\x30\x24\x30\x13\x30\x11\x06\x07\x04\x00\x81\x98\x27\x01\x03\x0c\x06PSP_AI\x0c\x04ACPR\x0c\x07FR-ACPR";
    assert!(content.ends_with(psd2), "{content:02x?}");
    let web: &[u8] = b"\x30\x13\x06\x06\x04\x00\x8e\x46\x01\x06\x30\x09\x06\x07\x04\x00\x8e\x46\x01\x06\x03";
    assert!(content.windows(web.len()).any(|window| window == web), "{content:02x?}");
    let issued = issue(&spec);
    let (_, leaf) = X509Certificate::from_der(&issued.chain[0]).unwrap();
    let found = leaf.get_extension_unique(&x509_parser::der_parser::oid!(1.3.6.1.5.5.7.1.3)).unwrap().unwrap();
    assert_eq!((found.critical, found.value), (false, content.as_slice()));
}
