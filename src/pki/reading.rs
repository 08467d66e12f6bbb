//! What people hand over as a certificate: PEM with anything around it, DER, or base64 without its armour.

use super::der;
use super::reason::Reason;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{self, GeneralPurpose};
use rustls::pki_types::CertificateDer;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Copied texts lose their padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    general_purpose::GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The certificates, in the order in which they stand there. Line ends, indentation, text between them and `\n` written out
/// (as in JSON and in environment files) do no harm.
///
/// # Errors
/// `CertificateMissing` when there is nothing, `Malformed` when there is something else.
pub fn read_chain(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Reason> {
    if is_der(bytes) {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let text = text(bytes).ok_or(Reason::Malformed("it is neither PEM nor DER nor base64"))?;
    if text.trim().is_empty() {
        return Err(Reason::CertificateMissing);
    }
    if text.contains("-----BEGIN ") {
        return armoured(&text);
    }
    let der = decoded(&text).filter(|der| is_der(der)).ok_or(Reason::Malformed("it is neither PEM nor DER nor base64"))?;
    Ok(vec![CertificateDer::from(der)])
}

fn armoured(text: &str) -> Result<Vec<CertificateDer<'static>>, Reason> {
    let chain: Result<Vec<_>, _> = text.split(BEGIN).skip(1).map(block).collect();
    let chain = chain?;
    if chain.is_empty() { Err(Reason::CertificateMissing) } else { Ok(chain) }
}

fn block(text: &str) -> Result<CertificateDer<'static>, Reason> {
    let (body, _) = text.split_once(END).ok_or(Reason::Malformed("its PEM has no end"))?;
    decoded(body).map(CertificateDer::from).ok_or(Reason::Malformed("its PEM is not base64"))
}

/// Whether a private key is in it, readable or encrypted, in PEM, DER, base64 or as a JWK. Rather too often than once too rarely.
pub fn holds_private_key(bytes: &[u8]) -> bool {
    if is_key(bytes) {
        return true;
    }
    let Some(text) = text(bytes) else { return false };
    let jwk = text.contains("\"kty\"") && text.contains("\"d\"");
    text.contains("PRIVATE KEY") || jwk || decoded(&text).is_some_and(|der| is_key(&der))
}

/// PKCS #1, SEC 1, PKCS #8 and PKCS #12 begin with a version, an encrypted PKCS #8 with a password-based algorithm; a
/// certificate with neither.
fn is_key(der: &[u8]) -> bool {
    const VERSIONS: [&[u8]; 3] = [&[2, 1, 0], &[2, 1, 1], &[2, 1, 3]];
    const PKCS: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];
    let Some(inside) = inside(der) else { return false };
    let by_password = |algorithm: &[u8]| {
        let id = algorithm.get(2..).and_then(|id| id.strip_prefix(&PKCS));
        algorithm.first() == Some(&der::OBJECT_IDENTIFIER) && id.is_some_and(|arc| matches!(arc.first(), Some(5 | 12)))
    };
    VERSIONS.iter().any(|version| inside.starts_with(version)) || self::inside(inside).is_some_and(by_password)
}

/// What stands in a SEQUENCE, even if that is cut short.
fn inside(der: &[u8]) -> Option<&[u8]> {
    let (&[tag, length], rest) = der.split_first_chunk::<2>()?;
    let octets = if length < 0x80 { 0 } else { usize::from(length & 0x7f) };
    rest.get(octets..).filter(|_| tag == der::SEQUENCE)
}

/// A SEQUENCE longer than 127 octets: what no text begins with.
fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [der::SEQUENCE, 0x80..=0xff, ..])
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = str::from_utf8(bytes).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text).replace("\\n", "\n").replace("\\r", "\n"))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    BASE64.decode(packed).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As short as is_der allows; reading does not look inside.
    fn certificate(fill: u8) -> Vec<u8> {
        [vec![0x30, 0x81, 0x82, 0x30, 0x03, 0xa0, 0x01, 0x02], vec![fill; 0x7d]].concat()
    }

    fn pem(label: &str, der: &[u8], line_end: &str) -> String {
        let body = general_purpose::STANDARD.encode(der);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----{line_end}{}{line_end}-----END {label}-----{line_end}", lines.join(line_end))
    }

    #[test]
    fn a_certificate_is_read_in_every_form_that_people_paste() {
        let (leaf, issuer) = (certificate(1), certificate(2));
        let chain = |end: &str| pem("CERTIFICATE", &leaf, end) + &pem("CERTIFICATE", &issuer, end);
        let bare = general_purpose::STANDARD.encode(&leaf);
        for (case, given, count) in [
            ("DER", leaf.clone(), 1),
            ("PEM", chain("\n").into(), 2),
            ("Windows", chain("\r\n").into(), 2),
            ("old Mac", chain("\r").into(), 2),
            ("written out", chain("\\n").into(), 2),
            ("one line", chain(" ").into(), 2),
            ("indented", chain("\n    ").into(), 2),
            ("with a mark", format!("\u{feff}{}", chain("\n")).into(), 2),
            ("text around", format!("Bag Attributes\n  cn: é\n{}\nsubject=CN\n{}bye", chain("\n"), pem("X509 CRL", b"x", "\n")).into(), 2),
            ("bare", bare.clone().into(), 1),
            ("bare, no padding", format!("\n {}\r\n", bare.trim_end_matches('=')).into(), 1),
        ] {
            let read = read_chain(&given).unwrap_or_else(|reason| panic!("{case}: {reason}"));
            assert_eq!(read.len(), count, "{case}");
            assert_eq!(read[0].as_ref(), leaf, "{case}");
            assert!(!holds_private_key(&given), "{case}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_said_to_be_none() {
        let cut = pem("CERTIFICATE", &certificate(1), "\n");
        for (given, reason) in [
            (b"".as_slice(), Reason::CertificateMissing),
            (b" \r\n\t", Reason::CertificateMissing),
            (pem("CERTIFICATE REQUEST", b"abc", "\n").as_bytes(), Reason::CertificateMissing),
            (&cut.as_bytes()[..cut.len() / 2], Reason::Malformed("its PEM has no end")),
            (cut.replace("AQ==", "A*==").as_bytes(), Reason::Malformed("its PEM is not base64")),
            (b"hello", Reason::Malformed("it is neither PEM nor DER nor base64")),
            (b"\xff\xfe\x00", Reason::Malformed("it is neither PEM nor DER nor base64")),
        ] {
            assert_eq!(read_chain(given), Err(reason), "{}", String::from_utf8_lossy(given));
        }
    }

    #[test]
    fn a_private_key_is_noticed_in_every_form() {
        let pkcs8 = [&[0x30, 0x82, 0x01, 0x00, 2, 1, 0, 0x30], [0; 64].as_slice()].concat();
        let sec1 = [&[0x30, 0x77, 2, 1, 1, 4, 32], [7; 32].as_slice()].concat();
        let pkcs12 = [&[0x30, 0x82, 0x01, 0x00, 2, 1, 3, 0x30], [0; 64].as_slice()].concat();
        let by_password =
            |arc| [&[0x30, 0x82, 1, 0, 0x30, 0x40, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, arc, 13], [0; 64].as_slice()].concat();
        for der in [&pkcs8, &sec1, &pkcs12, &by_password(5), &by_password(12)] {
            assert!(holds_private_key(der) && holds_private_key(general_purpose::STANDARD.encode(der).as_bytes()), "{der:02x?}");
        }
        assert!(!holds_private_key(&by_password(1)), "a public key");
        for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
            let label = format!("{kind}PRIVATE KEY");
            let both = pem("CERTIFICATE", &certificate(1), "\r\n") + &pem(&label, &pkcs8, "\r\n");
            assert!(holds_private_key(both.as_bytes()), "{label}");
        }
        assert!(holds_private_key(br#"{ "kty": "EC", "d": "x" }"#) && !holds_private_key(br#"{ "kty": "EC", "x": "x" }"#));
    }
}
