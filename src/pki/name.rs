//! Distinguished names as text.
//!
//! RFC 4514 s2: the last RDN first; a registered descriptor (RFC 4519 and the table of RFC 4514 s3) with the escaped
//! string, any other type in dots with `#` and the hexadecimal DER of its value. organizationIdentifier has no
//! registered descriptor, so it is written `2.5.4.97=#0c..`, as Java's `X500Principal` does.

use super::der;
use super::oid;
use x509_parser::prelude::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

#[rustfmt::skip]
const DESCRIPTORS: [(&[u8], &str); 14] = [
    (oid::COMMON_NAME, "CN"), (&[0x55, 4, 7], "L"), (&[0x55, 4, 8], "ST"), (oid::ORGANIZATION_NAME, "O"), (&[0x55, 4, 11], "OU"),
    (oid::COUNTRY_NAME, "C"), (&[0x55, 4, 9], "STREET"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"), (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x55, 4, 4], "SN"), (&[0x55, 4, 42], "givenName"), (&[0x55, 4, 5], "serialNumber"), (&[0x55, 4, 15], "businessCategory"),
    (&[0x55, 4, 17], "postalCode"),
];

/// The RFC 4514 string of a name.
pub fn rfc4514(name: &X509Name<'_>) -> String {
    let mut rdns: Vec<_> = name.iter_rdn().map(rdn).collect();
    rdns.reverse();
    rdns.join(",")
}

/// For people: the same order, with organizationIdentifier by its name and as text.
pub fn readable(name: &X509Name<'_>) -> String {
    let mut parts: Vec<_> = name.iter_attributes().map(readable_attribute).collect();
    parts.reverse();
    parts.join(", ")
}

fn rdn(rdn: &RelativeDistinguishedName<'_>) -> String {
    rdn.iter().map(attribute).collect::<Vec<_>>().join("+")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().as_bytes();
    let descriptor = DESCRIPTORS.iter().find(|(oid, _)| *oid == id).map(|(_, name)| *name);
    match (descriptor, attribute.as_str()) {
        (Some(descriptor), Ok(text)) => format!("{descriptor}={}", escape(text)),
        (Some(descriptor), Err(_)) => format!("{descriptor}=#{}", hex_der(attribute)),
        (None, _) => format!("{}=#{}", der::dotted(id), hex_der(attribute)),
    }
}

fn readable_attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().as_bytes();
    let descriptor = DESCRIPTORS.iter().find(|(oid, _)| *oid == id).map(|(_, name)| (*name).to_owned());
    let name = if id == oid::ORGANIZATION_IDENTIFIER { Some("organizationIdentifier".to_owned()) } else { descriptor };
    let value = attribute.as_str().map_or_else(|_| format!("#{}", hex_der(attribute)), |text| text.escape_debug().to_string());
    format!("{}={value}", name.unwrap_or_else(|| der::dotted(id)))
}

/// RFC 4514 s2.4: what must be escaped, and nothing else but control characters, which may be.
fn escape(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (at, character) in text.chars().enumerate() {
        let edge_space = character == ' ' && (at == 0 || at == last);
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', character]),
            ' ' if edge_space => escaped.push_str("\\ "),
            '#' if at == 0 => escaped.push_str("\\#"),
            control if control.is_ascii_control() => escaped.push_str(&format!("\\{:02x}", u32::from(control))),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// The value's DER: its identifier octet, its length, its contents.
fn hex_der(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    let tag = u8::try_from(value.tag().0).unwrap_or(0) | if value.header.is_constructed() { 0x20 } else { 0 };
    der::wrapped(tag, attribute.as_slice()).iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use x509_parser::prelude::FromDer;

    #[test]
    fn what_rfc_4514_escapes_is_escaped() {
        let cases = [
            ("plain", "plain"),
            ("Sue, Grabbit & Runn", "Sue\\, Grabbit & Runn"),
            (" a b ", "\\ a b\\ "),
            ("#1", "\\#1"),
            ("a#b=c", "a#b=c"),
            ("\"+;<>\\", "\\\"\\+\\;\\<\\>\\\\"),
            ("a\0b", "a\\00b"),
            ("L\u{fc}ck", "L\u{fc}ck"),
            (" ", "\\ "),
            ("", ""),
        ];
        for (text, escaped) in cases {
            assert_eq!(escape(text), escaped, "{text:?}");
        }
    }

    #[test]
    fn the_last_rdn_comes_first_and_unregistered_types_are_hexadecimal() {
        let name = b"\x30\x3e\
            \x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02FR\
            \x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x0c\x03A,B\
            \x31\x21\x30\x15\x06\x03\x55\x04\x61\x0c\x0ePSDFR-ACPR-123\x30\x08\x06\x03\x55\x04\x03\x0c\x01x";
        let (_, name) = X509Name::from_der(name).unwrap();
        assert_eq!(rfc4514(&name), "2.5.4.97=#0c0e50534446522d414350522d313233+CN=x,O=A\\,B,C=FR");
        assert_eq!(readable(&name), "CN=x, organizationIdentifier=PSDFR-ACPR-123, O=A,B, C=FR");
    }
}
