//! Distinguished names as text (RFC 4514), compared as RFC 4517 compares them (RFC 8705 s2.1.2): by type, whatever it is called; without
//! regard to case and to spaces that mean nothing.

use std::{collections::BTreeSet, iter::Peekable, str::Chars};

/// Types that have a name (RFC 4519, RFC 4514 s3, and what certificates of TPPs have beside them).
const TYPES: [(&str, &str); 19] = [
    ("cn", "2.5.4.3"),
    ("sn", "2.5.4.4"),
    ("serialnumber", "2.5.4.5"),
    ("c", "2.5.4.6"),
    ("l", "2.5.4.7"),
    ("st", "2.5.4.8"),
    ("street", "2.5.4.9"),
    ("o", "2.5.4.10"),
    ("ou", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("businesscategory", "2.5.4.15"),
    ("postalcode", "2.5.4.17"),
    ("givenname", "2.5.4.42"),
    ("organizationidentifier", "2.5.4.97"),
    ("dc", "0.9.2342.19200300.100.1.25"),
    ("uid", "0.9.2342.19200300.100.1.1"),
    ("emailaddress", "1.2.840.113549.1.9.1"),
    ("e", "1.2.840.113549.1.9.1"),
    ("jurisdictionc", "1.3.6.1.4.1.311.60.2.1.3"),
];
/// No certificate's is as long.
const LONGEST: usize = 2_000;

/// Equal where the names are, however they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<BTreeSet<(String, Value)>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    /// Of a type that holds no text.
    Der(Vec<u8>),
}

impl DistinguishedName {
    /// `None`: not an RFC 4514 string, or with a type whose name nobody here knows.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= LONGEST).then_some(())?;
        let mut rest = text.chars().peekable();
        let mut names = vec![];
        let mut own = BTreeSet::new();
        loop {
            let kind = read_type(&mut rest)?;
            let (value, next) = read_value(&mut rest)?;
            own.insert((kind, value)).then_some(())?;
            match next {
                Some('+') => {}
                Some(_) => names.push(std::mem::take(&mut own)),
                None => break,
            }
        }
        names.push(own);
        Some(Self(names))
    }
}

/// In dots. Spaces around it mean nothing (RFC 2253 s4).
fn read_type(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut name = String::new();
    loop {
        match rest.next()? {
            '=' => break,
            c if c.is_ascii_alphanumeric() || ['.', '-', ' '].contains(&c) => name.push(c.to_ascii_lowercase()),
            _ => return None,
        }
    }
    let name = name.trim();
    let name = name.strip_prefix("oid.").unwrap_or(name);
    if let Some((_, oid)) = TYPES.iter().find(|(known, _)| *known == name) {
        return Some((*oid).to_owned());
    }
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (name.contains('.') && name.split('.').all(number)).then(|| name.to_owned())
}

/// The value, and the separator behind it.
fn read_value(rest: &mut Peekable<Chars<'_>>) -> Option<(Value, Option<char>)> {
    while rest.next_if_eq(&' ').is_some() {}
    let is_hexadecimal = rest.next_if_eq(&'#').is_some();
    let mut bytes = vec![];
    let next = loop {
        match rest.next() {
            None => break None,
            Some(separator @ (',' | '+')) => break Some(separator),
            Some('\\') if !is_hexadecimal => read_escape(rest, &mut bytes)?,
            Some('"' | ';' | '<' | '>' | '\0') => return None,
            Some(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    };
    let text = String::from_utf8(bytes).ok()?;
    let value = if is_hexadecimal { read_der(&hexadecimal(text.trim())?) } else { Value::Text(prepared(&text)) };
    Some((value, next))
}

/// RFC 4514 s3: a special character, or two hexadecimal digits.
fn read_escape(rest: &mut Peekable<Chars<'_>>, bytes: &mut Vec<u8>) -> Option<()> {
    let first = rest.next()?;
    match first.to_digit(16) {
        Some(high) => bytes.push(u8::try_from(high << 4 | rest.next()?.to_digit(16)?).ok()?),
        None if " \"#+,;<=>\\".contains(first) => bytes.push(u8::try_from(first).ok()?),
        None => return None,
    }
    Some(())
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    (!text.is_empty() && text.len().is_multiple_of(2) && text.is_ascii()).then_some(())?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// The text of a string type (RFC 5280 s4.1.2.4), else as it is.
fn read_der(der: &[u8]) -> Value {
    let text = || {
        let (tag, rest) = der.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, contents) = match first {
            0x81 => (usize::from(*rest.first()?), &rest[1..]),
            0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), &rest[2..]),
            short if *short < 0x80 => (usize::from(*short), rest),
            _ => return None,
        };
        // UTF8String, NumericString, PrintableString, IA5String
        ([0x0c, 0x12, 0x13, 0x16].contains(tag) && contents.len() == length).then_some(())?;
        std::str::from_utf8(contents).ok().map(prepared)
    };
    text().map_or_else(|| Value::Der(der.to_vec()), Value::Text)
}

/// RFC 4518 in what matters for names: case folded, spaces at the ends gone and those within made one.
fn prepared(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn b37_names_are_equal_however_they_are_written() {
        let name = "CN=tpp.example,2.5.4.97=#0c1050534446522d414350522d3132333435,O=Tiers de Confiance,C=FR";
        for same in [
            "cn=TPP.example,2.5.4.97=PSDFR-ACPR-12345,o=tiers  de   confiance,c=fr",
            "CN = tpp.example , organizationIdentifier=psdfr-acpr-12345 , O= Tiers de Confiance , C =FR",
            "2.5.4.3=tpp.example,OID.2.5.4.97=#131050534446522d414350522d3132333435,2.5.4.10=Tiers de Confiance,2.5.4.6=FR",
            "CN=tpp\\2eexample,2.5.4.97=PSDFR-ACPR-12345,O=\\54iers de Confiance,C=FR",
            "CN=tpp.example,2.5.4.97=PSDFR-ACPR-12345,O=\\ Tiers de Confiance\\ ,C=FR",
        ] {
            assert_eq!(DistinguishedName::parse(same), DistinguishedName::parse(name), "{same}");
        }
        for other in [
            "CN=tpp.example,O=Tiers de Confiance,C=FR",
            "C=FR,O=Tiers de Confiance,2.5.4.97=PSDFR-ACPR-12345,CN=tpp.example",
            "CN=tpp.example,2.5.4.97=PSDFR-ACPR-12346,O=Tiers de Confiance,C=FR",
            "CN=tpp.example,2.5.4.97=PSDFR-ACPR-12345,O=TiersdeConfiance,C=FR",
            "CN=tpp.example+2.5.4.97=PSDFR-ACPR-12345,O=Tiers de Confiance,C=FR",
            "CN=tpp.example,2.5.4.97=PSDFR-ACPR-12345,OU=Tiers de Confiance,C=FR",
        ] {
            let other = DistinguishedName::parse(other);
            assert!(other.is_some() && other != DistinguishedName::parse(name), "{other:?}");
        }
        let parse = DistinguishedName::parse;
        assert_eq!(parse("CN=a+O=b,C=FR"), parse("O=b + CN=A,C=FR"), "the order within an RDN is none");
        assert_eq!(parse("CN=L\\c3\\bcck"), parse("CN=L\u{dc}CK"), "escaped bytes are UTF-8");
        assert_eq!(parse("CN=a\\,b\\+c\\\\"), parse("CN=A\\2cB\\2bC\\5c"));
        assert_ne!(parse("CN=a\\,O=b"), parse("CN=a,O=b"));
    }

    #[test]
    fn b37_what_is_no_name_is_none() {
        for bad in [
            "",
            "CN",
            "=a",
            "CN=a,",
            "CN=a,,O=b",
            "CN=a+",
            "CN=\"a\"",
            "CN=a;O=b",
            "nobodyKnows=a",
            "2.=a",
            "2.5.4.3.=a",
            "CN=a\\",
            "CN=a\\zz",
            "CN=a\\4",
            "CN=#",
            "CN=#0",
            "CN=#0g",
            "CN=a<b",
            "CN=a+CN=a",
            "CN=\\ff",
        ] {
            assert_eq!(DistinguishedName::parse(bad), None, "{bad}");
        }
        assert_eq!(DistinguishedName::parse(&format!("CN={}", "a".repeat(LONGEST))), None);
        // bytes that are no text are themselves
        let parse = DistinguishedName::parse;
        assert!(parse("CN=#0402abcd") == parse("CN=#0402ABCD") && parse("CN=#0402abcd") != parse("CN=#0402abce"));
        assert!(parse("CN=#0c05aa").is_some() && parse("CN=#0c").is_some() && parse("CN=#0c82ff").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_none(text in "\\PC{0,60}") {
            let name = DistinguishedName::parse(&text);
            prop_assert_eq!(name.clone(), DistinguishedName::parse(&text));
        }

        #[test]
        fn what_is_escaped_is_read_back(text in "[a-z ,+=#;<>\\\\\"\u{e9}]{0,30}") {
            let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
            let name = DistinguishedName::parse(&format!("CN={escaped}"));
            prop_assert_eq!(name, Some(DistinguishedName(vec![[("2.5.4.3".to_owned(), Value::Text(prepared(&text)))].into()])));
        }
    }
}
