//! The bank's own load balancer, where it ends TLS for TPPs: recognised by address and certificate together, or not at all.

use ipnet::IpNet;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::net::IpAddr;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Who is taken for the front proxy at the tpp counter.
#[derive(Clone, Debug)]
pub struct FrontProxy {
    peers: Vec<IpNet>,
    authorities: Vec<TrustAnchor<'static>>,
    /// dNSName, in lower case.
    names: Vec<String>,
}

/// What a connection is to the certificate headers on it. Only on the front proxy's do they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// No front proxy is expected from this address, or at this counter.
    Direct,
    /// From a front proxy's address, without the proof that it is one.
    Unproved(Doubt),
    FrontProxy,
}

/// Why a connection from a front proxy's address is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    NoCertificate,
    /// Not of the settings' authorities, not now, or not for clients.
    Untrusted,
    OtherName,
}

impl Hop {
    /// For the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Unproved(_) => "unproved",
            Self::FrontProxy => "front_proxy",
        }
    }
}

impl FrontProxy {
    pub fn new(peers: Vec<IpNet>, authorities: &[CertificateDer<'static>], names: &[String]) -> Result<Self, webpki::Error> {
        let authorities =
            authorities.iter().map(|authority| Ok(anchor_from_trusted_cert(authority)?.to_owned())).collect::<Result<_, _>>()?;
        Ok(Self { peers, authorities, names: names.iter().map(|name| name.to_ascii_lowercase()).collect() })
    }

    /// Once a connection, at the end of its handshake: the key of `chain` is proved, `socket` is what the kernel says, not
    /// what a PROXY header announced. A certificate that ends meanwhile counts until `ListenerLimits::max_age` at the longest.
    pub(super) fn recognise(&self, socket: IpAddr, chain: &[CertificateDer<'_>], now: UnixTime) -> Hop {
        if !listed(&self.peers, socket) {
            return Hop::Direct;
        }
        match self.doubt(chain, now) {
            None => Hop::FrontProxy,
            Some(doubt) => Hop::Unproved(doubt),
        }
    }

    fn doubt(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Option<Doubt> {
        let Some((leaf, rest)) = chain.split_first() else { return Some(Doubt::NoCertificate) };
        let Ok(leaf) = EndEntityCert::try_from(leaf) else { return Some(Doubt::Untrusted) };
        let usage = KeyUsage::client_auth();
        if leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &self.authorities, rest, now, usage, None, None).is_err() {
            return Some(Doubt::Untrusted);
        }
        // written out, never by a wildcard: the name is the proxy's, not a website's
        let known = leaf.valid_dns_names().any(|name| self.names.iter().any(|known| known.eq_ignore_ascii_case(name)));
        (!known).then_some(Doubt::OtherName)
    }
}

/// RFC 4291 s2.5.5.2: an IPv4 peer of an IPv6 socket is the IPv4 peer.
pub(super) fn listed(peers: &[IpNet], address: IpAddr) -> bool {
    peers.iter().any(|peer| peer.contains(&address.to_canonical()))
}
