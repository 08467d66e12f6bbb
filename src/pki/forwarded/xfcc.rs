//! Envoy's `x-forwarded-client-cert`: elements parted by `,`, each of `key=value` parted by `;`; a value that holds one of
//! `,;=` stands in double quotes, in which a backslash takes the next character as it is.

use super::{Certificates, ForwardedRefusal, encoding};

/// `Cert` is the leaf, `Chain` the chain with it. Of what else Envoy tells (By, Hash, Subject, URI, DNS) nothing counts here.
pub fn read(value: &[u8]) -> Certificates {
    let (mut certificate, mut chain, mut rest) = (None, None, value);
    loop {
        let Pair { key, value, after } = Pair::read(rest)?;
        let slot = if key.eq_ignore_ascii_case(b"cert") {
            &mut certificate
        } else if key.eq_ignore_ascii_case(b"chain") {
            &mut chain
        } else {
            &mut None
        };
        if slot.replace(value).is_some() {
            return Err(ForwardedRefusal::Repeated);
        }
        match after.split_first() {
            None => break,
            Some((b';', next)) => rest = next,
            Some((b',', _)) => return Err(ForwardedRefusal::SeveralElements),
            Some(_) => return Err(ForwardedRefusal::BadEncoding),
        }
    }
    chosen(certificate, chain)
}

fn chosen(certificate: Option<Vec<u8>>, chain: Option<Vec<u8>>) -> Certificates {
    let pem = |value: Vec<u8>| encoding::pem(&encoding::unescape(&value)?);
    match (certificate.map(pem).transpose()?, chain.map(pem).transpose()?) {
        (None, None) => Err(ForwardedRefusal::NoCertificate),
        (None, Some(chain)) => Ok(chain),
        (Some(leaf), chain) if leaf.len() == 1 => match chain {
            None => Ok(leaf),
            Some(chain) if chain.first() == leaf.first() => Ok(chain),
            Some(_) => Err(ForwardedRefusal::OtherChain),
        },
        (Some(leaf), _) if leaf.is_empty() => Err(ForwardedRefusal::NoCertificate),
        (Some(_), _) => Err(ForwardedRefusal::SeveralCertificates),
    }
}

struct Pair<'a> {
    key: &'a [u8],
    /// Without quotes.
    value: Vec<u8>,
    /// From the character that ended it.
    after: &'a [u8],
}

impl<'a> Pair<'a> {
    fn read(text: &'a [u8]) -> Result<Self, ForwardedRefusal> {
        let end = text.iter().position(|byte| *byte == b'=').ok_or(ForwardedRefusal::BadEncoding)?;
        let (key, value) = (&text[..end], &text[end + 1..]);
        if key.is_empty() || !key.iter().all(u8::is_ascii_alphanumeric) {
            return Err(ForwardedRefusal::BadEncoding);
        }
        if let Some(quoted) = value.strip_prefix(b"\"") {
            let (value, after) = quoted_value(quoted)?;
            return Ok(Self { key, value, after });
        }
        let end = value.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(value.len());
        Ok(Self { key, value: value[..end].to_vec(), after: &value[end..] })
    }
}

fn quoted_value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ForwardedRefusal> {
    let (mut value, mut bytes) = (vec![], text.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return Ok((value, bytes.as_slice())),
            b'\\' => value.push(*bytes.next().ok_or(ForwardedRefusal::BadEncoding)?),
            byte => value.push(*byte),
        }
    }
    Err(ForwardedRefusal::BadEncoding)
}
