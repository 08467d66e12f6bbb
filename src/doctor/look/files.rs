//! The files that the settings name.

use super::Believed;
use crate::{
    config::{Listener, Settings},
    doctor::{
        Finding,
        certificates::{ChainFile, KeyFile, Kind, ListFile},
    },
    tls::files::{load_certificates, load_chain_and_key},
};
use rustls::{
    CertificateError, Error,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};
use time::OffsetDateTime;
use url::Url;

/// No revocation list of a file is longer.
const LONGEST_LIST: u64 = 64 << 20;

pub fn look(settings: &Settings, believed: &Believed, now: OffsetDateTime) -> Vec<Finding> {
    let mut found = vec![];
    for file in chains(settings, believed, now) {
        found.extend(file.judge(now));
    }
    for file in keys(settings) {
        found.extend(file.judge());
    }
    for path in settings.brands.iter().flat_map(|brand| &settings.trust_of(&brand.id).crl_files) {
        found.extend(ListFile { path: path.clone(), lists: lists(path) }.judge(now));
    }
    found
}

fn chains(settings: &Settings, believed: &Believed, now: OffsetDateTime) -> Vec<ChainFile> {
    let file = |setting, path: &PathBuf, kind| ChainFile { setting, path: path.clone(), chain: read(path), kind };
    let server = |setting, listener: &Listener, hosts: Vec<String>| {
        let chain = read(&listener.certificate_file);
        let trusted = chain.as_ref().map_or(Ok(()), |chain| trusted(believed, chain, hosts.first(), now));
        ChainFile { setting, path: listener.certificate_file.clone(), chain, kind: Kind::Server { hosts, trusted } }
    };
    let hosts = |origin: fn(&crate::oauth::brand::Brand) -> &str| settings.brands.iter().filter_map(|brand| host(origin(brand))).collect();
    let mut all = vec![
        server("tpp.certificate_file", &settings.tpp, hosts(|brand| &brand.tpp_origin)),
        server("psu.certificate_file", &settings.psu, hosts(|brand| &brand.psu_origin)),
    ];
    if let Some(internal) = &settings.internal {
        all.push(server("internal.certificate_file", &internal.listener, vec![]));
        all.push(file("internal.client_ca_file", &internal.client_ca_file, Kind::Authorities));
    }
    all.extend(settings.front_proxy.iter().map(|proxy| file("tpp.front_proxy.client_ca_file", &proxy.client_ca_file, Kind::Authorities)));
    for driver in settings.drivers.values() {
        all.push(file("brand.sca.ca_file", &driver.ca_file, Kind::Authorities));
        all.push(file("brand.sca.client_certificate_file", &driver.client_certificate_file, Kind::Client));
    }
    let anchors = settings.brands.iter().filter_map(|brand| settings.trust_of(&brand.id).anchors_file.as_ref());
    all.extend(anchors.map(|path| file("trust.anchors_file", path, Kind::Authorities)));
    all
}

fn keys(settings: &Settings) -> Vec<KeyFile> {
    let of = |setting, listener: &Listener| key(setting, &listener.key_file, Some(&listener.certificate_file));
    let mut all = vec![of("tpp.key_file", &settings.tpp), of("psu.key_file", &settings.psu)];
    all.extend(settings.internal.iter().map(|internal| of("internal.key_file", &internal.listener)));
    let drivers = settings.drivers.values();
    all.extend(drivers.map(|driver| key("brand.sca.client_key_file", &driver.client_key_file, Some(&driver.client_certificate_file))));
    all.extend(settings.signing_key_files.iter().map(|path| key("signing.key_files", path, None)));
    all
}

fn host(origin: &str) -> Option<String> {
    Some(Url::parse(origin).ok()?.host_str()?.to_owned())
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    load_certificates(path).map_err(|error| error.problem.to_string())
}

/// Whether a client that believes these authorities finds a path. Time and name are looked at by themselves.
fn trusted(believed: &Believed, chain: &[CertificateDer<'_>], host: Option<&String>, now: OffsetDateTime) -> Result<(), String> {
    let (Some((leaf, rest)), Some(host)) = (chain.split_first(), host) else { return Ok(()) };
    let Ok(name) = ServerName::try_from(host.as_str()) else { return Ok(()) };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.unix_timestamp().unsigned_abs()));
    match believed.verify_server_cert(leaf, rest, &name, &[], now) {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(why)) if is_of_time_or_name(&why) => Ok(()),
        Err(why) => Err(why.to_string()),
    }
}

fn is_of_time_or_name(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
            | CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. }
    )
}

fn key(setting: &'static str, path: &Path, certificate: Option<&PathBuf>) -> KeyFile {
    let mode = fs::metadata(path).ok().map(|about| about.permissions().mode());
    let (belongs, problem) = match certificate {
        Some(certificate) => match load_chain_and_key(certificate, path) {
            Ok(identity) => (belongs(identity.chain, identity.key), None),
            // of the certificate's file its own row tells
            Err(error) => (None, (error.file == path).then(|| error.problem.to_string())),
        },
        None => (None, PrivateKeyDer::from_pem_file(path).err().map(|_| "no private key in it (PEM)".to_owned())),
    };
    KeyFile { setting, path: path.to_owned(), mode, belongs, problem }
}

/// `None`: it cannot be told.
fn belongs(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Option<bool> {
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).ok()?;
    match CertifiedKey::new(chain, key).keys_match() {
        Ok(()) => Some(true),
        Err(Error::InconsistentKeys(_)) => Some(false),
        Err(_) => None,
    }
}

fn lists(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LONGEST_LIST {
        return Err(format!("larger than {LONGEST_LIST} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let pem: Vec<_> = CertificateRevocationListDer::pem_slice_iter(&bytes).filter_map(Result::ok).map(|list| list.to_vec()).collect();
    Ok(if pem.is_empty() { vec![bytes] } else { pem })
}
