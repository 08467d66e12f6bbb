//! A certificate that nobody would issue, in every header in which products hand certificates over.

use crate::pki::forwarded::{Format, OTHER_HEADERS};
use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, DnType, KeyPair};
use std::collections::BTreeMap;

/// The subject's name: told by whoever believes the header.
pub const MARKER: &str = "Forged by guichet doctor";

pub struct Forged {
    der: Vec<u8>,
    pem: String,
}

/// `None`: this machine cannot make keys.
pub fn forge() -> Option<Forged> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, MARKER);
    let certificate = params.self_signed(&KeyPair::generate().ok()?).ok()?;
    Some(Forged { der: certificate.der().to_vec(), pem: certificate.pem() })
}

/// One value for each header; where formats share one, each of their values.
pub fn headers(forged: &Forged) -> Vec<(&'static str, String)> {
    let agreed = Format::ALL.into_iter().map(|format| (format.header(), value(format, forged)));
    let others = OTHER_HEADERS.into_iter().map(|header| (header, escaped(&forged.pem)));
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (header, value) in agreed.chain(others) {
        all.entry(header).or_default().push(value);
    }
    all.into_iter().flat_map(|(header, values)| values.into_iter().map(move |value| (header, value))).collect()
}

fn value(format: Format, forged: &Forged) -> String {
    let base64 = STANDARD.encode(&forged.der);
    match format {
        Format::Rfc9440 => format!(":{base64}:"),
        Format::Nginx | Format::AwsAlb | Format::AzureApplicationGateway => escaped(&forged.pem),
        Format::HaProxy | Format::AzureAppService | Format::BigIp => base64,
        Format::Envoy => format!("Cert=\"{}\"", escaped(&forged.pem)),
    }
}

/// RFC 3986 s2.1, of everything in PEM that a URL or a header could mistake.
fn escaped(pem: &str) -> String {
    let mut text = String::new();
    for c in pem.replace("\r\n", "\n").chars() {
        match c {
            '\n' => text += "%0A",
            ' ' => text += "%20",
            '+' => text += "%2B",
            '/' => text += "%2F",
            '=' => text += "%3D",
            other => text.push(other),
        }
    }
    text
}
