//! The encodings of certificates in headers, each read strictly: nothing before, between or after.

use super::{
    super::{MAX_CERTIFICATES, der},
    Certificates, ForwardedRefusal,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sfv::{Item, List, ListEntry, Parser};

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// RFC 9440 s2.2: an item that is a byte sequence, without parameters.
pub fn byte_sequence(value: &[u8]) -> Result<Vec<u8>, ForwardedRefusal> {
    Parser::new(value).parse::<Item>().ok().and_then(bytes_of).ok_or(ForwardedRefusal::BadEncoding)
}

/// RFC 9440 s2.3: a list of byte sequences.
pub fn byte_sequences(value: &[u8]) -> Certificates {
    let list: List = Parser::new(value).parse().map_err(|_| ForwardedRefusal::BadEncoding)?;
    let each = list.into_iter().map(|entry| match entry {
        ListEntry::Item(item) => bytes_of(item),
        ListEntry::InnerList(_) => None,
    });
    each.collect::<Option<_>>().ok_or(ForwardedRefusal::BadEncoding)
}

fn bytes_of(item: Item) -> Option<Vec<u8>> {
    let bytes = item.bare_item.as_byte_sequence().filter(|_| item.params.is_empty())?;
    Some(bytes.to_vec())
}

/// One certificate in base64 with padding (RFC 4648 s4).
pub fn base64_leaf(value: &[u8]) -> Result<Vec<u8>, ForwardedRefusal> {
    let mut found = base64_chain(value)?;
    match (found.pop(), found.is_empty()) {
        (Some(leaf), true) => Ok(leaf),
        (Some(_), false) => Err(ForwardedRefusal::SeveralCertificates),
        (None, _) => Err(ForwardedRefusal::NotACertificate),
    }
}

/// Certificates one after another, all in one base64.
pub fn base64_chain(value: &[u8]) -> Certificates {
    let bytes = base64(value)?;
    let (mut found, mut rest) = (vec![], &bytes[..]);
    while !rest.is_empty() {
        if found.len() == MAX_CERTIFICATES {
            return Err(ForwardedRefusal::TooMany);
        }
        let mut reader = der::Reader::new(rest);
        reader.expect(der::SEQUENCE).map_err(|_| ForwardedRefusal::NotACertificate)?;
        let (one, after) = rest.split_at(rest.len() - reader.rest().len());
        found.push(one.to_vec());
        rest = after;
    }
    Ok(found)
}

/// RFC 7468 s5, with any white space, or none, where its lines end: headers have no lines.
pub fn pem(text: &[u8]) -> Certificates {
    let (mut found, mut rest) = (vec![], text.trim_ascii());
    while !rest.is_empty() {
        if found.len() == MAX_CERTIFICATES {
            return Err(ForwardedRefusal::TooMany);
        }
        let body = rest.strip_prefix(BEGIN).ok_or(ForwardedRefusal::BadEncoding)?;
        let end = body.iter().position(|byte| *byte == b'-').ok_or(ForwardedRefusal::BadEncoding)?;
        let (body, after) = body.split_at(end);
        let body: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        found.push(base64(&body)?);
        rest = after.strip_prefix(END).ok_or(ForwardedRefusal::BadEncoding)?.trim_ascii_start();
    }
    Ok(found)
}

fn base64(text: &[u8]) -> Result<Vec<u8>, ForwardedRefusal> {
    match STANDARD.decode(text) {
        Ok(bytes) if bytes.is_empty() => Err(ForwardedRefusal::NotACertificate),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(ForwardedRefusal::BadEncoding),
    }
}

/// RFC 3986 s2.1. A `+` is itself: this is no form.
pub fn unescape(text: &[u8]) -> Result<Vec<u8>, ForwardedRefusal> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut plain, mut bytes) = (Vec::with_capacity(text.len()), text.iter());
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else { return Err(ForwardedRefusal::BadEncoding) };
        plain.push(u8::try_from(16 * high + low).map_err(|_| ForwardedRefusal::BadEncoding)?);
    }
    Ok(plain)
}
