//! A strict DER reader (X.690 s10): definite minimal lengths, low tag numbers, nothing left over.

use std::fmt::{self, Write};

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const NULL: u8 = 0x05;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const ENUMERATED: u8 = 0x0a;
pub const UTF8_STRING: u8 = 0x0c;
pub const NUMERIC_STRING: u8 = 0x12;
pub const PRINTABLE_STRING: u8 = 0x13;
pub const IA5_STRING: u8 = 0x16;
pub const UTC_TIME: u8 = 0x17;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

const CONSTRUCTED: u8 = 0x20;
const CLASS_BITS: u8 = 0xc0;
/// Deeper nesting than any certificate has; bounds the recursion of [`check`].
const MAX_DEPTH: usize = 32;

/// Why bytes are not DER; a fixed sentence, safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerError(pub &'static str);

/// One element: its identifier octet and its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    pub tag: u8,
    pub value: &'a [u8],
}

/// Elements one after another.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element's identifier octet.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element, of any type.
    pub fn any(&mut self) -> Result<Element<'a>, DerError> {
        let (&tag, rest) = self.rest.split_first().ok_or(DerError("an element is missing"))?;
        if tag & 0x1f == 0x1f {
            return Err(DerError("a tag number is above 30"));
        }
        let (length, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(DerError("an element is longer than what holds it"))?;
        self.rest = rest;
        Ok(Element { tag, value })
    }

    /// The next element with its header, as signatures cover it.
    pub fn whole(&mut self) -> Result<&'a [u8], DerError> {
        let before = self.rest;
        self.any()?;
        Ok(before.split_at(before.len() - self.rest.len()).0)
    }

    /// The contents of the next element, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        match self.any()? {
            element if element.tag == tag => Ok(element.value),
            Element { .. } => Err(DerError("an element has another type than the standard says")),
        }
    }

    /// The next element if it has this tag; otherwise nothing is read.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.rest.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    pub const fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError("bytes follow the last element")) }
    }
}

/// The contents of the one element that `bytes` must be.
pub fn only(bytes: &[u8], tag: u8) -> Result<&[u8], DerError> {
    let mut reader = Reader::new(bytes);
    let value = reader.expect(tag)?;
    reader.finish()?;
    Ok(value)
}

/// One element with these contents.
pub fn wrapped(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let header = match significant.as_slice() {
        [] => vec![tag, 0],
        [short @ 0..0x80] => vec![tag, *short],
        long => [&[tag, 0x80 | u8::try_from(long.len()).unwrap_or(0)], long].concat(),
    };
    [header.as_slice(), contents].concat()
}

/// `bytes` are exactly one element, and DER all the way down.
pub fn check(bytes: &[u8]) -> Result<(), DerError> {
    let mut reader = Reader::new(bytes);
    let element = reader.any()?;
    reader.finish()?;
    check_element(element, MAX_DEPTH)
}

/// An OBJECT IDENTIFIER's contents, in dots; hexadecimal where an arc does not fit 64 bits.
pub fn dotted(oid: &[u8]) -> String {
    in_dots(oid).unwrap_or_else(|| hexadecimal(oid))
}

/// Octets as hexadecimal digits.
pub fn hexadecimal(octets: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)]).collect()
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = bytes.split_first().ok_or(DerError("a length is missing"))?;
    let octets = match first {
        0..0x80 => return Ok((usize::from(first), rest)),
        0x80 => return Err(DerError("a length is indefinite (BER)")),
        0x81..=0x84 => usize::from(first & 0x7f),
        0x85..=0xff => return Err(DerError("a length is above 4 GiB")),
    };
    let (octets, rest) = rest.split_at_checked(octets).ok_or(DerError("a length is cut short"))?;
    let length = octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
    if length < 0x80 || octets.first() == Some(&0) {
        return Err(DerError("a length is not minimal (BER)"));
    }
    Ok((length, rest))
}

fn check_element(element: Element<'_>, depth: usize) -> Result<(), DerError> {
    if element.tag & CONSTRUCTED == 0 {
        return check_primitive(element);
    }
    let universal = element.tag & CLASS_BITS == 0;
    if universal && element.tag != SEQUENCE && element.tag != SET {
        return Err(DerError("a string is in pieces (BER)"));
    }
    let depth = depth.checked_sub(1).ok_or(DerError("elements are nested too deeply"))?;
    let mut reader = Reader::new(element.value);
    while !reader.is_empty() {
        check_element(reader.any()?, depth)?;
    }
    Ok(())
}

fn check_primitive(Element { tag, value }: Element<'_>) -> Result<(), DerError> {
    let fine = match tag {
        BOOLEAN => matches!(value, [0x00 | 0xff]),
        INTEGER => match value {
            [] => false,
            [_] => true,
            [first, second, ..] => !matches!((first, second >> 7), (0x00, 0) | (0xff, 1)),
        },
        BIT_STRING => value.first().is_some_and(|unused| *unused < 8 && (*unused == 0 || value.len() > 1)),
        NULL => value.is_empty(),
        OBJECT_IDENTIFIER => is_oid(value),
        UTF8_STRING => std::str::from_utf8(value).is_ok(),
        0x10 | 0x11 => false, // SEQUENCE and SET are never primitive
        _ => true,
    };
    if fine { Ok(()) } else { Err(DerError("a simple value is not encoded as DER asks")) }
}

/// Every arc complete and without leading zeros (X.690 s8.19.2).
fn is_oid(value: &[u8]) -> bool {
    let mut starts = true;
    for byte in value {
        if starts && *byte == 0x80 {
            return false;
        }
        starts = byte & 0x80 == 0;
    }
    starts && !value.is_empty()
}

fn in_dots(oid: &[u8]) -> Option<String> {
    if !is_oid(oid) {
        return None;
    }
    let mut dots = String::with_capacity(4 * oid.len());
    let mut arc = 0u64;
    for byte in oid {
        arc = arc.checked_mul(128)? | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if dots.is_empty() {
            let first = (arc / 40).min(2);
            write!(dots, "{first}").ok()?;
            arc -= first * 40;
        }
        write!(dots, ".{arc}").ok()?;
        arc = 0;
    }
    Some(dots)
}

impl fmt::Display for DerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_der_passes() {
        let deep = (0..200).fold(vec![0x05, 0x00], |inner, _| {
            let mut outer = vec![SEQUENCE];
            if inner.len() >= 0x80 {
                outer.extend([0x82, (inner.len() >> 8) as u8]);
            }
            outer.push(inner.len() as u8);
            outer.extend(inner);
            outer
        });
        let cases: [(&[u8], bool); 19] = [
            (&[0x30, 0x00], true),
            (&[0x30, 0x03, 0x02, 0x01, 0x05], true),
            (&[0x30, 0x80, 0x00, 0x00], false),
            (&[0x30, 0x81, 0x03, 0x02, 0x01, 0x05], false),
            (&[0x30, 0x82, 0x00, 0x03, 0x02, 0x01, 0x05], false),
            (&[0x30, 0x84, 0x00, 0x00, 0x00, 0x00], false),
            (&[0x30, 0x03, 0x02, 0x01], false),
            (&[0x30, 0x00, 0x00], false),
            (&[0x02, 0x02, 0x00, 0x05], false),
            (&[0x02, 0x02, 0x00, 0x85], true),
            (&[0x01, 0x01, 0x01], false),
            (&[0x05, 0x01, 0x00], false),
            (&[0x06, 0x02, 0x80, 0x01], false),
            (&[0x06, 0x02, 0x2a, 0x81], false),
            (&[0x0c, 0x01, 0xff], false),
            (&[0x2c, 0x03, 0x0c, 0x01, 0x41], false),
            (&[0x1f, 0x20, 0x00], false),
            (&[], false),
            (&deep, false),
        ];
        for (bytes, fine) in cases {
            assert_eq!(check(bytes).is_ok(), fine, "{bytes:02x?}");
        }
    }

    #[test]
    fn oids_are_written_in_dots_however_large() {
        assert_eq!(dotted(&[0x04, 0x00, 0x8b, 0xec, 0x43, 0x01, 0x00]), "0.4.0.194115.1.0");
        assert_eq!(dotted(&[0x2a, 0x86, 0x48]), "1.2.840");
        assert_eq!(dotted(&[0x55, 0x04, 0x61]), "2.5.4.97");
        let huge = [[0x2a].as_slice(), &[0xff; 12], &[0x7f]].concat();
        assert_eq!(dotted(&huge), format!("2a{}7f", "ff".repeat(12)));
    }
}
