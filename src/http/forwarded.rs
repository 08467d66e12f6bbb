//! Certificates in headers: on the front proxy's connections they are the client's, on all others they are removed unread.

use crate::{
    oauth::error::{ErrorCode, OAuthError},
    pki::{
        PresentedChain,
        forwarded::{self, Format, ForwardedRefusal, OTHER_HEADERS},
    },
    tls::{front_proxy::Hop, peer::Peer},
};
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Of decoded chains, in all.
const CACHED_BYTES: u64 = 16 << 20;
/// What a chain takes, about.
const USUAL_CHAIN: u64 = 4 << 10;

/// Where the front proxy puts the certificate of who came to it.
pub struct Handover {
    format: Format,
    header: HeaderName,
    chain_header: Option<HeaderName>,
}

impl Handover {
    /// `None`: one of the names is none.
    pub fn new(format: Format, header: &str, chain_header: Option<&str>) -> Option<Self> {
        Some(Self { format, header: header.parse().ok()?, chain_header: chain_header.map(str::parse).transpose().ok()? })
    }

    fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.header].into_iter().chain(&self.chain_header)
    }
}

/// Settles for each request, before anything else reads it, whose certificate counts.
pub struct Forwarded {
    handover: Option<Handover>,
    known: HashSet<HeaderName>,
    /// By digest of the headers' values, so that a warm request decodes nothing.
    chains: Cache<[u8; 32], PresentedChain, Bytes>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<[u8; 32], PresentedChain> for Bytes {
    fn weight(&self, _: &[u8; 32], chain: &PresentedChain) -> u64 {
        chain.certificates().iter().map(|certificate| certificate.len() as u64).sum::<u64>() + 128
    }
}

impl Forwarded {
    /// `None`: no front proxy; every such header is removed.
    pub fn new(handover: Option<Handover>) -> Self {
        let names = Format::ALL.into_iter().flat_map(|format| [Some(format.header()), format.chain_header()]).flatten();
        let mut known: HashSet<_> = names.chain(OTHER_HEADERS).map(HeaderName::from_static).collect();
        known.extend(handover.iter().flat_map(Handover::headers).cloned());
        let items = usize::try_from(CACHED_BYTES / USUAL_CHAIN).unwrap_or(usize::MAX);
        Self { handover, known, chains: Cache::with_weighter(items, CACHED_BYTES, Bytes) }
    }

    /// Leaves no certificate in the headers. On the front proxy's connection the request's [`Peer`] then has the chain that
    /// was handed over, or none: never the proxy's own.
    pub fn settle(&self, request: &mut Request<Body>) -> Result<(), OAuthError> {
        let hop = request.extensions().get::<Peer>().map_or(Hop::Direct, |peer| peer.hop);
        let chain = match (hop, &self.handover) {
            (Hop::FrontProxy, Some(from)) => Some(self.handed_over(from, request.headers_mut())),
            (Hop::FrontProxy, None) => Some(Ok(PresentedChain::default())),
            (Hop::Direct | Hop::Unproved(_), _) => None,
        };
        self.strip(request.headers_mut(), hop);
        let Some(chain) = chain else { return Ok(()) };
        let chain = chain.map_err(|why| {
            metrics::counter!("guichet_forwarded_certificates_refused_total", "reason" => why.name()).increment(1);
            refusal(why)
        })?;
        if let Some(peer) = request.extensions_mut().get_mut::<Peer>() {
            peer.chain = chain;
        }
        Ok(())
    }

    /// What is left of them counts for nothing.
    fn strip(&self, headers: &mut HeaderMap, hop: Hop) {
        let found: Vec<_> = headers.keys().filter(|name| self.known.contains(*name)).cloned().collect();
        if !found.is_empty() {
            metrics::counter!("guichet_forwarded_certificates_ignored_total", "peer" => hop.name()).increment(1);
        }
        for name in found {
            headers.remove(name);
        }
    }

    /// Takes the agreed headers out, and reads them.
    fn handed_over(&self, from: &Handover, headers: &mut HeaderMap) -> Result<PresentedChain, ForwardedRefusal> {
        let certificate = taken(headers, &from.header);
        let others = from.chain_header.as_ref().map_or_else(Vec::new, |name| taken(headers, name));
        let (certificate, others): (Vec<_>, Vec<_>) = (bytes(&certificate), bytes(&others));
        let key = digest_of([&certificate, &others]);
        if let Some(chain) = self.chains.get(&key) {
            return Ok(chain);
        }
        let Some(chain) = forwarded::read(from.format, &certificate, &others)? else { return Ok(PresentedChain::default()) };
        let chain = PresentedChain::new(chain);
        self.chains.insert(key, chain.clone());
        Ok(chain)
    }
}

fn taken(headers: &mut HeaderMap, name: &HeaderName) -> Vec<HeaderValue> {
    let values = headers.get_all(name).iter().cloned().collect();
    headers.remove(name);
    values
}

fn bytes(values: &[HeaderValue]) -> Vec<&[u8]> {
    values.iter().map(HeaderValue::as_bytes).collect()
}

/// Of all values, each with its length and each list with its own: no two requests share it that differ in them.
fn digest_of(lists: [&[&[u8]]; 2]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for list in lists {
        hash.update(list.len().to_be_bytes());
        for value in list {
            hash.update(value.len().to_be_bytes());
            hash.update(value);
        }
    }
    hash.finalize().into()
}

/// For the balancer's operator: the TPP cannot help it.
fn refusal(why: ForwardedRefusal) -> OAuthError {
    use ErrorCode::InvalidRequest;
    match why {
        ForwardedRefusal::Repeated => OAuthError::new(InvalidRequest, "forwarded certificate: sent more than once"),
        ForwardedRefusal::Empty => OAuthError::new(InvalidRequest, "forwarded certificate: the header is empty"),
        ForwardedRefusal::TooLarge => OAuthError::new(InvalidRequest, "forwarded certificate: too large"),
        ForwardedRefusal::TooMany => OAuthError::new(InvalidRequest, "forwarded certificate: too many certificates"),
        ForwardedRefusal::BadEncoding => OAuthError::new(InvalidRequest, "forwarded certificate: not in the encoding that is agreed"),
        ForwardedRefusal::NotACertificate => OAuthError::new(InvalidRequest, "forwarded certificate: not DER"),
        ForwardedRefusal::SeveralCertificates => OAuthError::new(InvalidRequest, "forwarded certificate: more than one where one is due"),
        ForwardedRefusal::SeveralElements => OAuthError::new(InvalidRequest, "forwarded certificate: elements of more than one hop"),
        ForwardedRefusal::NoCertificate => OAuthError::new(InvalidRequest, "forwarded certificate: the header holds none"),
        ForwardedRefusal::OtherChain => OAuthError::new(InvalidRequest, "forwarded certificate: the chain begins with another"),
        ForwardedRefusal::ChainAlone => OAuthError::new(InvalidRequest, "forwarded certificate: a chain without it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{front_proxy::Doubt, peer::Counter};

    fn request(hop: Hop, headers: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let address = ([127, 0, 0, 1], 1).into();
        let own = PresentedChain::new(vec![b"own".to_vec().into()]);
        request.extensions_mut().insert(Peer { address, socket: address, counter: Counter::Tpp, hop, chain: own });
        request
    }

    fn chain(request: &Request<Body>) -> Vec<Vec<u8>> {
        request.extensions().get::<Peer>().unwrap().chain.certificates().iter().map(|c| c.to_vec()).collect()
    }

    #[test]
    fn every_known_header_is_removed_and_counts_on_the_front_proxys_connection_only() {
        let forwarded = Forwarded::new(Handover::new(Format::Rfc9440, "x-qwac", Some("x-qwac-chain")));
        let names = Format::ALL.into_iter().flat_map(|format| [Some(format.header()), format.chain_header()]).flatten();
        let names: Vec<_> = names.chain(OTHER_HEADERS).chain(["x-qwac", "X-QWAC-Chain"]).collect();
        let all: Vec<_> = names.iter().map(|name| (*name, ":MAA=:")).chain([("accept", "*/*")]).collect();
        for hop in [Hop::Direct, Hop::Unproved(Doubt::OtherName)] {
            let mut request = request(hop, &all);
            forwarded.settle(&mut request).unwrap();
            assert_eq!(request.headers().keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
            assert_eq!(chain(&request), [b"own"]);
        }
        let once: Vec<_> = all.iter().filter(|(name, _)| *name != "x-qwac-chain").copied().collect();
        for _ in ["decoded", "cached"] {
            let mut request = request(Hop::FrontProxy, &once);
            forwarded.settle(&mut request).unwrap();
            assert_eq!(request.headers().keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
            assert_eq!(chain(&request), [[0x30, 0]]);
        }
        assert_eq!(forwarded.chains.len(), 1);
    }

    #[test]
    fn the_proxys_own_certificate_is_never_the_clients() {
        let forwarded = Forwarded::new(Handover::new(Format::Rfc9440, "client-cert", None));
        let mut without = request(Hop::FrontProxy, &[("x-ssl-cert", ":MAA=:")]);
        forwarded.settle(&mut without).unwrap();
        assert_eq!(chain(&without), Vec::<Vec<u8>>::new());
        let mut twice = request(Hop::FrontProxy, &[("client-cert", ":MAA=:"), ("client-cert", ":MAA=:")]);
        assert_eq!(forwarded.settle(&mut twice).unwrap_err().description, "forwarded certificate: sent more than once");
        assert!(twice.headers().is_empty());
        let mut unconfigured = request(Hop::FrontProxy, &[("client-cert", ":MAA=:")]);
        Forwarded::new(None).settle(&mut unconfigured).unwrap();
        assert!(chain(&unconfigured).is_empty() && unconfigured.headers().is_empty());
    }

    #[test]
    fn no_two_requests_share_a_digest() {
        let (a, b): (&[u8], &[u8]) = (b"a", b"b");
        let all = [digest_of([&[a, b], &[]]), digest_of([&[a], &[b]]), digest_of([&[b"ab"], &[]]), digest_of([&[], &[a, b]])];
        assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn every_refusal_has_a_text_of_its_own() {
        let texts: HashSet<_> = ForwardedRefusal::ALL.map(|why| refusal(why).description).into_iter().collect();
        let names: HashSet<_> = ForwardedRefusal::ALL.map(ForwardedRefusal::name).into_iter().collect();
        assert_eq!((texts.len(), names.len()), (11, 11));
    }
}
