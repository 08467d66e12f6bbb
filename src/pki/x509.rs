//! The parts of a certificate as slices of its DER (RFC 5280 s4.1), read once and strictly; nothing is copied.

use super::der::{self, DerError, Reader};
use time::{Date, Month, OffsetDateTime, Time};

/// More than any certificate has; bounds what looks for an extension.
const MAX_EXTENSIONS: usize = 64;

const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
/// INTEGER 2.
const V3: &[u8] = &[2, 1, 2];

/// Contents without identifier and length, unless said otherwise.
#[derive(Debug)]
pub struct Certificate<'a> {
    pub serial: &'a [u8],
    /// AlgorithmIdentifier.
    pub signature_algorithm: &'a [u8],
    pub issuer: &'a [u8],
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    pub subject: &'a [u8],
    pub key: Key<'a>,
    pub extensions: Vec<Extension<'a>>,
}

/// SubjectPublicKeyInfo.
#[derive(Debug)]
pub struct Key<'a> {
    pub algorithm: &'a [u8],
    /// With identifier and length.
    pub parameters: &'a [u8],
    pub bits: &'a [u8],
}

#[derive(Debug)]
pub struct Extension<'a> {
    pub id: &'a [u8],
    pub critical: bool,
    /// The contents of its OCTET STRING.
    pub value: &'a [u8],
}

impl Key<'_> {
    /// The SubjectPublicKeyInfo as it stood.
    pub fn spki(&self) -> Vec<u8> {
        let algorithm = [&der::wrapped(der::OBJECT_IDENTIFIER, self.algorithm), self.parameters].concat();
        let bits = der::wrapped(der::BIT_STRING, &[&[0], self.bits].concat());
        der::wrapped(der::SEQUENCE, &[der::wrapped(der::SEQUENCE, &algorithm), bits].concat())
    }
}

impl<'a> Certificate<'a> {
    /// Reads exactly one certificate of the profile of RFC 5280; the sentence of the error says what is not.
    pub fn read(bytes: &'a [u8]) -> Result<Self, DerError> {
        der::check(bytes)?;
        let mut outer = Reader::new(der::only(bytes, der::SEQUENCE)?);
        let (tbs, algorithm) = (outer.expect(der::SEQUENCE)?, outer.expect(der::SEQUENCE)?);
        bits(&mut outer)?;
        outer.finish()?;
        let certificate = Self::read_tbs(Reader::new(tbs))?;
        if certificate.signature_algorithm == algorithm { Ok(certificate) } else { Err(DerError("it names two signature algorithms")) }
    }

    fn read_tbs(mut tbs: Reader<'a>) -> Result<Self, DerError> {
        if tbs.optional(VERSION)? != Some(V3) {
            return Err(DerError("it is not of version 3"));
        }
        let serial = serial(tbs.expect(der::INTEGER)?)?;
        let signature_algorithm = tbs.expect(der::SEQUENCE)?;
        let issuer = tbs.expect(der::SEQUENCE)?;
        let (not_before, not_after) = validity(Reader::new(tbs.expect(der::SEQUENCE)?))?;
        let subject = tbs.expect(der::SEQUENCE)?;
        let key = key(Reader::new(tbs.expect(der::SEQUENCE)?))?;
        tbs.optional(ISSUER_UNIQUE_ID)?;
        tbs.optional(SUBJECT_UNIQUE_ID)?;
        let extensions = tbs.optional(EXTENSIONS)?.map(extensions).transpose()?.unwrap_or_default();
        tbs.finish()?;
        Ok(Self { serial, signature_algorithm, issuer, not_before, not_after, subject, key, extensions })
    }

    /// The value of the first extension with this identifier.
    pub fn extension(&self, id: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find(|extension| extension.id == id).map(|extension| extension.value)
    }

    /// The object identifier of the signature's algorithm.
    pub fn signature_oid(&self) -> &'a [u8] {
        Reader::new(self.signature_algorithm).expect(der::OBJECT_IDENTIFIER).unwrap_or_default()
    }
}

/// RFC 5280 s4.1.2.2: positive, and of 20 octets at most, beside the one that may only carry the sign.
fn serial(number: &[u8]) -> Result<&[u8], DerError> {
    let rules = [
        (number.first().is_some_and(|octet| octet & 0x80 == 0), "its serial number is negative"),
        (number.iter().any(|octet| *octet != 0), "its serial number is zero"),
        (number.len() <= 21, "its serial number is longer than 20 octets"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(number), |(_, broken)| Err(DerError(broken)))
}

fn validity(mut parts: Reader<'_>) -> Result<(OffsetDateTime, OffsetDateTime), DerError> {
    let (not_before, not_after) = (point(parts.any()?)?, point(parts.any()?)?);
    parts.finish()?;
    if not_before <= not_after { Ok((not_before, not_after)) } else { Err(DerError("its notAfter is before its notBefore")) }
}

/// RFC 5280 s4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050.
fn point(element: der::Element<'_>) -> Result<OffsetDateTime, DerError> {
    let time = time(element)?;
    let right = (element.tag == der::UTC_TIME) == (time.year() < 2050);
    if right { Ok(time) } else { Err(DerError("a time is not UTCTime until 2049, GeneralizedTime from 2050")) }
}

/// UTCTime or GeneralizedTime; whole seconds, in Greenwich.
pub(super) fn time(element: der::Element<'_>) -> Result<OffsetDateTime, DerError> {
    let wrong = DerError("a time is neither UTCTime nor GeneralizedTime");
    let (year, rest) = match (element.tag, element.value) {
        (der::UTC_TIME, [decade, year, rest @ ..]) => {
            let year = two(*decade, *year).ok_or(wrong)?;
            (if year < 50 { 2000 + i32::from(year) } else { 1900 + i32::from(year) }, rest)
        }
        (der::GENERALIZED_TIME, [millennium, century, decade, year, rest @ ..]) => {
            let (century, year) = (two(*millennium, *century).ok_or(wrong)?, two(*decade, *year).ok_or(wrong)?);
            (i32::from(century) * 100 + i32::from(year), rest)
        }
        _ => return Err(wrong),
    };
    within_year(year, rest).ok_or(DerError("a time is none"))
}

fn within_year(year: i32, rest: &[u8]) -> Option<OffsetDateTime> {
    let [m, o, d, a, h, u, i, n, s, e, b'Z'] = *rest else { return None };
    let month = Month::try_from(two(m, o)?).ok()?;
    let date = Date::from_calendar_date(year, month, two(d, a)?).ok()?;
    let time = Time::from_hms(two(h, u)?, two(i, n)?, two(s, e)?).ok()?;
    Some(date.with_time(time).assume_utc())
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    let digit = |octet: u8| octet.is_ascii_digit().then(|| octet - b'0');
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn key(mut parts: Reader<'_>) -> Result<Key<'_>, DerError> {
    let mut identifier = Reader::new(parts.expect(der::SEQUENCE)?);
    let bits = bits(&mut parts)?;
    parts.finish()?;
    Ok(Key { algorithm: identifier.expect(der::OBJECT_IDENTIFIER)?, parameters: identifier.rest(), bits })
}

/// A BIT STRING of whole octets, as keys and signatures are.
fn bits<'a>(parts: &mut Reader<'a>) -> Result<&'a [u8], DerError> {
    match parts.expect(der::BIT_STRING)? {
        [0, bits @ ..] => Ok(bits),
        _ => Err(DerError("a key or signature is not of whole octets")),
    }
}

fn extensions(tagged: &[u8]) -> Result<Vec<Extension<'_>>, DerError> {
    let mut list = Reader::new(der::only(tagged, der::SEQUENCE)?);
    let mut extensions = Vec::with_capacity(16);
    while !list.is_empty() {
        let mut parts = Reader::new(list.expect(der::SEQUENCE)?);
        let id = parts.expect(der::OBJECT_IDENTIFIER)?;
        let critical = parts.optional(der::BOOLEAN)?.is_some_and(|octets| octets == [0xff]);
        let value = parts.expect(der::OCTET_STRING)?;
        parts.finish()?;
        if extensions.len() == MAX_EXTENSIONS {
            return Err(DerError("it has more than 64 extensions"));
        }
        extensions.push(Extension { id, critical, value });
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_time_has_one_spelling() {
        let cases: [(u8, &str, Option<OffsetDateTime>); 14] = [
            (der::UTC_TIME, "260101000000Z", Some(datetime!(2026-01-01 00:00 UTC))),
            (der::UTC_TIME, "491231235959Z", Some(datetime!(2049-12-31 23:59:59 UTC))),
            (der::UTC_TIME, "500101000000Z", Some(datetime!(1950-01-01 00:00 UTC))),
            (der::GENERALIZED_TIME, "20500101000000Z", Some(datetime!(2050-01-01 00:00 UTC))),
            (der::GENERALIZED_TIME, "99991231235959Z", Some(datetime!(9999-12-31 23:59:59 UTC))),
            (der::GENERALIZED_TIME, "20260101000000Z", None),
            (der::GENERALIZED_TIME, "20500101000000.5Z", None),
            (der::UTC_TIME, "2601010000Z", None),
            (der::UTC_TIME, "260101000000+0100", None),
            (der::UTC_TIME, "260229000000Z", None),
            (der::UTC_TIME, "261301000000Z", None),
            (der::UTC_TIME, "26010100000 Z", None),
            (der::UTC_TIME, "260101000000Z ", None),
            (der::OCTET_STRING, "260101000000Z", None),
        ];
        for (tag, text, expected) in cases {
            assert_eq!(point(der::Element { tag, value: text.as_bytes() }).ok(), expected, "{text}");
        }
    }
}
