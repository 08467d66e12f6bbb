//! Just enough of DER (ITU-T X.690) to write the extensions no crate has a type for.

use time::OffsetDateTime;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// Constructed, context-specific: `[n] EXPLICIT` for n below 31.
const CONTEXT: u8 = 0xa0;

/// One element: tag, definite length, content.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..=0x7f) => out.push(short),
        Ok(_) | Err(_) => {
            let length = content.len().to_be_bytes();
            let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
            out.push(0x80 | length.len() as u8);
            out.extend(length);
        }
    }
    out.extend(content);
    out
}

/// `SEQUENCE` of elements already written. Also serves `SEQUENCE OF`.
pub fn sequence<T: AsRef<[u8]>>(elements: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut content = vec![];
    for one in elements {
        content.extend_from_slice(one.as_ref());
    }
    element(SEQUENCE, &content)
}

/// `OBJECT IDENTIFIER` of at least two arcs, the first two below 3 and 40.
pub fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = vec![];
    let (first, rest) = arcs.split_at(arcs.len().min(2));
    let head = first.first().copied().unwrap_or(0) * 40 + first.get(1).copied().unwrap_or(0);
    for arc in std::iter::once(head).chain(rest.iter().copied()) {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group == 0 { 0 } else { 0x80 };
            content.push(((arc >> (7 * group)) & 0x7f) as u8 | more);
        }
    }
    element(OBJECT_IDENTIFIER, &content)
}

pub fn utf8(text: &str) -> Vec<u8> {
    element(UTF8_STRING, text.as_bytes())
}

pub fn printable(text: &str) -> Vec<u8> {
    element(PRINTABLE_STRING, text.as_bytes())
}

pub fn ia5(text: &str) -> Vec<u8> {
    element(IA5_STRING, text.as_bytes())
}

pub fn octets(bytes: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, bytes)
}

/// `BIT STRING` of whole octets.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes].concat())
}

/// `INTEGER` from its magnitude.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    let significant = magnitude.iter().position(|octet| *octet != 0).map_or(&[0][..], |at| &magnitude[at..]);
    let sign: &[u8] = if significant[0] & 0x80 == 0 { &[] } else { &[0] };
    element(INTEGER, &[sign, significant].concat())
}

pub fn enumerated(number: u8) -> Vec<u8> {
    element(ENUMERATED, &[number])
}

pub fn explicit(number: u8, inner: &[u8]) -> Vec<u8> {
    element(CONTEXT | number, inner)
}

/// `GeneralizedTime`, whole seconds.
pub fn generalized_time(at: OffsetDateTime) -> Vec<u8> {
    let (date, time) = (at.date(), at.time());
    let (hour, minute, second) = time.as_hms();
    let text = format!("{:04}{:02}{:02}{hour:02}{minute:02}{second:02}Z", date.year(), u8::from(date.month()), date.day());
    element(GENERALIZED_TIME, text.as_bytes())
}

/// RFC 5280's Extension.
pub fn extension(id: &[u64], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { element(BOOLEAN, &[0xff]) } else { vec![] };
    sequence([oid(id), critical, octets(value)])
}

/// The elements in `content`, as tag and content. Empty from where it is no DER.
pub fn elements(content: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut found, mut rest) = (vec![], content);
    while let [tag, first, after @ ..] = rest {
        let octets = usize::from(if first & 0x80 == 0 { 0 } else { first & 0x7f });
        let Some((length, after)) = after.split_at_checked(octets) else { break };
        let length = if octets == 0 { usize::from(*first) } else { length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)) };
        let Some((value, after)) = after.split_at_checked(length) else { break };
        found.push((*tag, value));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_in_x690() {
        assert_eq!(oid(&[0, 4, 0, 19495, 2]), [6, 6, 4, 0, 0x81, 0x98, 0x27, 2]);
        assert_eq!(oid(&[2, 5, 4, 97]), [6, 3, 0x55, 4, 0x61]);
        assert_eq!(utf8("é"), [0x0c, 2, 0xc3, 0xa9]);
        assert_eq!(sequence([printable("FR"), ia5("x")]), [0x30, 7, 0x13, 2, b'F', b'R', 0x16, 1, b'x']);
        assert_eq!(element(4, &[0; 127])[..2], [4, 0x7f]);
        assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 0x80]);
        assert_eq!(element(4, &[0; 255])[..3], [4, 0x81, 0xff]);
        assert_eq!(element(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }
}
