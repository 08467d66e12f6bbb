//! Where a certificate says that its status and its issuer are published (RFC 5280 s4.2.1.13 and s4.2.2.1).

use super::der::{self, DerError, Reader};
use super::oid;

/// More than any certificate of a trusted list's services has.
const MAX_POINTERS: usize = 4;
/// Longer than any seen, in octets.
const MAX_URL: usize = 1024;

const URI: u8 = 0x86;
const CONTEXT_0: u8 = 0xa0;
const REASONS: u8 = 0x81;
const CRL_ISSUER: u8 = 0xa2;

/// URLs of `http` and `https`, as written; other schemes are left out. Chosen by whoever made the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// authorityInfoAccess, id-ad-ocsp.
    pub ocsp: Vec<String>,
    /// cRLDistributionPoints: complete lists by the certificate's own issuer.
    pub crl: Vec<String>,
    /// authorityInfoAccess, id-ad-caIssuers.
    pub ca_issuers: Vec<String>,
}

impl Pointers {
    /// Reads authorityInfoAccess.
    ///
    /// # Errors
    /// When something in it was left out; the rest is kept.
    pub fn read_information_access(&mut self, extension_value: &[u8]) -> Result<(), DerError> {
        der::check(extension_value)?;
        let mut descriptions = Reader::new(der::only(extension_value, der::SEQUENCE)?);
        let mut outcome = Ok(());
        while !descriptions.is_empty() {
            let mut description = Reader::new(descriptions.expect(der::SEQUENCE)?);
            let method = description.expect(der::OBJECT_IDENTIFIER)?;
            let location = description.any()?;
            description.finish()?;
            let list = match method {
                oid::AD_OCSP => &mut self.ocsp,
                oid::AD_CA_ISSUERS => &mut self.ca_issuers,
                _ => continue,
            };
            if location.tag == URI {
                outcome = outcome.and(add(list, location.value));
            }
        }
        outcome
    }

    /// The same for cRLDistributionPoints.
    ///
    /// # Errors
    /// As [`Pointers::read_information_access`].
    pub fn read_distribution_points(&mut self, extension_value: &[u8]) -> Result<(), DerError> {
        der::check(extension_value)?;
        let mut points = Reader::new(der::only(extension_value, der::SEQUENCE)?);
        let mut outcome = Ok(());
        while !points.is_empty() {
            outcome = outcome.and(self.distribution_point(points.expect(der::SEQUENCE)?)?);
        }
        outcome
    }

    fn distribution_point(&mut self, point: &[u8]) -> Result<Result<(), DerError>, DerError> {
        let mut parts = Reader::new(point);
        let name = parts.optional(CONTEXT_0)?;
        let reasons = parts.optional(REASONS)?;
        let crl_issuer = parts.optional(CRL_ISSUER)?;
        parts.finish()?;
        if reasons.is_some() || crl_issuer.is_some() {
            return Ok(Err(DerError("a revocation list of another issuer, or for some reasons only, is not asked for")));
        }
        let mut outcome = Ok(());
        // DistributionPointName is a CHOICE, so its tag stands around fullName's; the other choice is no URL.
        if let Some(full_name) = name.and_then(|name| der::only(name, CONTEXT_0).ok()) {
            let mut names = Reader::new(full_name);
            while !names.is_empty() {
                let name = names.any()?;
                if name.tag == URI {
                    outcome = outcome.and(add(&mut self.crl, name.value));
                }
            }
        }
        Ok(outcome)
    }
}

fn add(list: &mut Vec<String>, url: &[u8]) -> Result<(), DerError> {
    let has_scheme = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()));
    if !has_scheme("http://") && !has_scheme("https://") {
        return Ok(());
    }
    if url.len() > MAX_URL {
        return Err(DerError("a URL is longer than 1,024 octets"));
    }
    let url = url.iter().all(u8::is_ascii_graphic).then(|| String::from_utf8_lossy(url).into_owned());
    let url = url.ok_or(DerError("a URL has characters that a URL has not"))?;
    if list.contains(&url) {
        return Ok(());
    }
    if list.len() == MAX_POINTERS {
        return Err(DerError("there are more than four of a kind"));
    }
    list.push(url);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::der::wrapped as tlv;
    use super::*;

    fn access(method: &[u8], url: &[u8]) -> Vec<u8> {
        tlv(der::SEQUENCE, &[tlv(der::OBJECT_IDENTIFIER, method), tlv(URI, url)].concat())
    }

    fn point(urls: &[&[u8]], rest: &[u8]) -> Vec<u8> {
        let names: Vec<u8> = urls.iter().flat_map(|url| tlv(URI, url)).collect();
        tlv(der::SEQUENCE, &[tlv(CONTEXT_0, &tlv(CONTEXT_0, &names)), rest.to_vec()].concat())
    }

    #[test]
    fn only_urls_of_http_are_kept() {
        let mut found = Pointers::default();
        let descriptions = [
            access(oid::AD_OCSP, b"http://ocsp.example/"),
            access(oid::AD_OCSP, b"http://ocsp.example/"),
            access(oid::AD_CA_ISSUERS, b"HTTPS://ca.example/a.cer"),
            access(oid::AD_CA_ISSUERS, b"ldap://ca.example/cn=a"),
            access(&[0x2b, 6, 1, 5, 5, 7, 48, 9], b"http://else.example/"),
        ];
        assert_eq!(found.read_information_access(&tlv(der::SEQUENCE, &descriptions.concat())), Ok(()));
        let points = [point(&[b"ldap:///cn=a", b"http://crl.example/a.crl"], &[]), point(&[b"http://crl.example/b.crl"], &[])];
        assert_eq!(found.read_distribution_points(&tlv(der::SEQUENCE, &points.concat())), Ok(()));
        assert_eq!(found.ocsp, ["http://ocsp.example/"]);
        assert_eq!(found.ca_issuers, ["HTTPS://ca.example/a.cer"]);
        assert_eq!(found.crl, ["http://crl.example/a.crl", "http://crl.example/b.crl"]);
    }

    #[test]
    fn what_is_left_out_is_said_and_the_rest_is_kept() {
        let long = [b"http://a.example/".as_slice(), &[b'a'; MAX_URL]].concat();
        let five: Vec<Vec<u8>> = (0..5).map(|at| access(oid::AD_OCSP, format!("http://{at}.example/").as_bytes())).collect();
        let good = access(oid::AD_OCSP, b"http://ocsp.example/");
        let cases = [
            (five.concat(), 4),
            ([access(oid::AD_OCSP, &long), good.clone()].concat(), 1),
            ([access(oid::AD_OCSP, b"http://a b.example/"), good.clone()].concat(), 1),
            ([access(oid::AD_OCSP, b"http://a\0.example/"), good.clone()].concat(), 1),
            ([good.clone(), vec![0x30, 0x80, 0, 0]].concat(), 0),
            ([good, tlv(der::SEQUENCE, &tlv(URI, b"http://a.example/"))].concat(), 1),
        ];
        for (descriptions, kept) in cases {
            let mut found = Pointers::default();
            assert!(found.read_information_access(&tlv(der::SEQUENCE, &descriptions)).is_err(), "{descriptions:02x?}");
            assert_eq!(found.ocsp.len(), kept, "{descriptions:02x?}");
        }
        let indirect = point(&[b"http://crl.example/a.crl"], &tlv(CRL_ISSUER, &[]));
        let some_reasons = point(&[b"http://crl.example/a.crl"], &tlv(REASONS, &[6, 0x40]));
        let direct = point(&[b"http://crl.example/b.crl"], &[]);
        for odd in [indirect, some_reasons] {
            let mut found = Pointers::default();
            assert!(found.read_distribution_points(&tlv(der::SEQUENCE, &[odd, direct.clone()].concat())).is_err());
            assert_eq!(found.crl, ["http://crl.example/b.crl"]);
        }
    }
}
