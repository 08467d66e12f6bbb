//! Distinguished names as text.
//!
//! RFC 4514 s2: the last RDN first; a registered descriptor (RFC 4519 and the table of RFC 4514 s3) with the escaped
//! string, any other type in dots with `#` and the hexadecimal DER of its value. organizationIdentifier has no
//! registered descriptor, so it is written `2.5.4.97=#0c..`, as Java's `X500Principal` does.

use super::der::{self, DerError, Reader};
use super::oid;

#[rustfmt::skip]
const DESCRIPTORS: [(&[u8], &str); 14] = [
    (oid::COMMON_NAME, "CN"), (&[0x55, 4, 7], "L"), (&[0x55, 4, 8], "ST"), (oid::ORGANIZATION_NAME, "O"), (&[0x55, 4, 11], "OU"),
    (oid::COUNTRY_NAME, "C"), (&[0x55, 4, 9], "STREET"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"), (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x55, 4, 4], "SN"), (&[0x55, 4, 42], "givenName"), (&[0x55, 4, 5], "serialNumber"), (&[0x55, 4, 15], "businessCategory"),
    (&[0x55, 4, 17], "postalCode"),
];

/// A distinguished name, read.
#[derive(Debug)]
pub struct Name<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Debug)]
pub struct Attribute<'a> {
    pub id: &'a [u8],
    /// Identifier octet of the value.
    pub tag: u8,
    pub value: &'a [u8],
    /// It starts an RDN; the others of a multi-valued one follow.
    starts: bool,
}

impl<'a> Name<'a> {
    /// Reads the contents of a Name (RFC 5280 s4.1.2.4).
    pub fn read(contents: &'a [u8]) -> Result<Self, DerError> {
        let mut attributes = Vec::with_capacity(8);
        let mut rdns = Reader::new(contents);
        while !rdns.is_empty() {
            let mut rdn = Reader::new(rdns.expect(der::SET)?);
            let mut starts = true;
            while starts || !rdn.is_empty() {
                let mut parts = Reader::new(rdn.expect(der::SEQUENCE)?);
                let id = parts.expect(der::OBJECT_IDENTIFIER)?;
                let der::Element { tag, value } = parts.any()?;
                parts.finish()?;
                attributes.push(Attribute { id, tag, value, starts });
                starts = false;
            }
        }
        Ok(Self { attributes })
    }

    pub fn attributes(&self) -> impl DoubleEndedIterator<Item = &Attribute<'a>> {
        self.attributes.iter()
    }

    /// The RFC 4514 string.
    pub fn rfc4514(&self) -> String {
        let mut text = String::with_capacity(128);
        let mut rest = self.attributes.as_slice();
        while let Some(start) = rest.iter().rposition(|attribute| attribute.starts) {
            let (before, rdn) = rest.split_at(start);
            for attribute in rdn {
                text.push_str(if text.is_empty() {
                    ""
                } else if attribute.starts {
                    ","
                } else {
                    "+"
                });
                attribute.write(&mut text);
            }
            rest = before;
        }
        text
    }

    /// For people: the same order, with organizationIdentifier by its name and as text.
    pub fn readable(&self) -> String {
        let mut text = String::with_capacity(128);
        for attribute in self.attributes.iter().rev() {
            text.push_str(if text.is_empty() { "" } else { ", " });
            attribute.write_readable(&mut text);
        }
        text
    }
}

/// The same for a name by itself, given as its contents.
pub fn readable(contents: &[u8]) -> String {
    Name::read(contents).map_or_else(|_| format!("#{}", der::hexadecimal(contents)), |name| name.readable())
}

impl<'a> Attribute<'a> {
    /// The value of a string type that is read here.
    pub fn text(&self) -> Option<&'a str> {
        match self.tag {
            der::UTF8_STRING | der::PRINTABLE_STRING | der::NUMERIC_STRING | der::IA5_STRING => std::str::from_utf8(self.value).ok(),
            _ => None,
        }
    }

    fn descriptor(&self) -> Option<&'static str> {
        DESCRIPTORS.iter().find(|(oid, _)| *oid == self.id).map(|(_, name)| *name)
    }

    fn write(&self, out: &mut String) {
        let descriptor = self.descriptor();
        self.write_type(descriptor, out);
        match self.text().filter(|_| descriptor.is_some()) {
            Some(text) => escape(text, out),
            None => self.write_hexadecimal(out),
        }
    }

    fn write_readable(&self, out: &mut String) {
        let own = (self.id == oid::ORGANIZATION_IDENTIFIER).then_some("organizationIdentifier");
        self.write_type(own.or_else(|| self.descriptor()), out);
        match self.text() {
            Some(text) => out.extend(text.escape_debug()),
            None => self.write_hexadecimal(out),
        }
    }

    fn write_type(&self, descriptor: Option<&str>, out: &mut String) {
        match descriptor {
            Some(name) => out.push_str(name),
            None => out.push_str(&der::dotted(self.id)),
        }
        out.push('=');
    }

    /// The value's DER: its identifier octet, its length, its contents.
    fn write_hexadecimal(&self, out: &mut String) {
        out.push('#');
        out.push_str(&der::hexadecimal(&der::wrapped(self.tag, self.value)));
    }
}

/// RFC 4514 s2.4: what must be escaped, and nothing else but control characters, which may be.
fn escape(text: &str, escaped: &mut String) {
    for (at, character) in text.char_indices() {
        let edge_space = character == ' ' && (at == 0 || at + 1 == text.len());
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', character]),
            ' ' if edge_space => escaped.push_str("\\ "),
            '#' if at == 0 => escaped.push_str("\\#"),
            control if control.is_ascii_control() => escaped.push_str(&format!("\\{:02x}", u32::from(control))),
            plain => escaped.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
            let mut out = String::new();
            escape(text, &mut out);
            assert_eq!(out, escaped, "{text:?}");
        }
    }

    #[test]
    fn the_last_rdn_comes_first_and_unregistered_types_are_hexadecimal() {
        let name = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02FR\
            \x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x0c\x03A,B\
            \x31\x21\x30\x15\x06\x03\x55\x04\x61\x0c\x0ePSDFR-ACPR-123\x30\x08\x06\x03\x55\x04\x03\x0c\x01x";
        let name = Name::read(name).unwrap();
        assert_eq!(name.rfc4514(), "2.5.4.97=#0c0e50534446522d414350522d313233+CN=x,O=A\\,B,C=FR");
        assert_eq!(name.readable(), "CN=x, organizationIdentifier=PSDFR-ACPR-123, O=A,B, C=FR");
    }
}
