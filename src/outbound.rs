//! The one door to strangers' servers: trusted lists, OCSP responders, revocation lists, clients' keys. What a certificate or a client
//! names as a URL is an invitation to knock anywhere; this door knocks at public addresses alone, follows nobody, reads no more than it was
//! told to and waits no longer.

use crate::config::OutboundSettings;
use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::{
    Client, ClientBuilder, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
    header::CONTENT_TYPE,
    redirect,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt;
use std::{
    collections::BTreeSet,
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Semaphore;
use url::{Host, Url};

/// Some list operators refuse clients without a name, or with a tool's.
const USER_AGENT: &str = "guichet/0.1";
const CONNECT: Duration = Duration::from_secs(5);
/// Kept open for the next question to the same responder.
const IDLE: Duration = Duration::from_secs(30);
const FETCHES_AT_ONCE: usize = 32;
/// A name server that does not answer holds a thread each.
const LOOKUPS_AT_ONCE: usize = 16;
const PUBLIC_PORTS: [u16; 2] = [80, 443];
/// Names that mean this machine or this network (RFC 6761, 6762, 8375, 9476).
const LOCAL_NAMES: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "lan", "alt", "test"];

/// A question to a stranger. A POST when it has a body, with its media type.
pub struct Fetch<'a> {
    pub url: &'a str,
    pub post: Option<(&'static str, Vec<u8>)>,
    /// Of the answer's body.
    pub max_bytes: usize,
    /// For everything: the turn, the name, the connection, the answer.
    pub deadline: Duration,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The URL leads to an address, port or scheme that this door does not open to.
    Forbidden,
    TimedOut,
    TooLarge,
    /// The answer sends elsewhere; it is not followed.
    Redirected,
    /// Neither a redirect nor a success.
    Status(u16),
    /// No such name, no connection, no TLS, or no whole answer.
    Failed,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden => f.write_str("its address, port or scheme is not allowed"),
            Self::TimedOut => f.write_str("no whole answer in time"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Redirected => f.write_str("the answer is a redirect, which is not followed"),
            Self::Status(status) => write!(f, "the answer has status {status}"),
            Self::Failed => f.write_str("it could not be reached"),
        }
    }
}

impl Error for FetchError {}

/// Cheap to clone; clones share the bounds.
#[derive(Clone)]
pub struct Outbound(Arc<Door>);

struct Door {
    /// Connects to public addresses alone, or to the proxy.
    guarded: Client,
    /// For the hosts that the operator listed.
    unguarded: Client,
    through_proxy: bool,
    /// `host:port`.
    private_hosts: BTreeSet<String>,
    turns: Semaphore,
}

impl Outbound {
    /// # Errors
    /// When the proxy's URL is none.
    pub fn new(settings: &OutboundSettings) -> Result<Self, String> {
        let tls = tls().map_err(|error| format!("outbound: {error}"))?;
        let proxied = |builder: ClientBuilder| match &settings.proxy_url {
            // it resolves the names; our guard then only sees the URL
            Some(url) => Ok(builder.proxy(Proxy::all(url).map_err(|error| format!("outbound.proxy_url: {error}"))?)),
            None => {
                Ok::<_, String>(builder.no_proxy().dns_resolver(Arc::new(PublicNames { turns: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)) })))
            }
        };
        let built = |builder: ClientBuilder| builder.build().map_err(|error| format!("outbound: {error}"));
        Ok(Self(Arc::new(Door {
            guarded: built(proxied(client(&tls))?)?,
            unguarded: built(client(&tls).no_proxy())?,
            through_proxy: settings.proxy_url.is_some(),
            private_hosts: settings.private_hosts.iter().cloned().collect(),
            turns: Semaphore::new(FETCHES_AT_ONCE),
        })))
    }

    /// The body of a successful answer.
    ///
    /// # Errors
    /// When there is none within the bounds.
    pub async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<u8>, FetchError> {
        tokio::time::timeout(fetch.deadline, self.0.exchange(fetch)).await.unwrap_or(Err(FetchError::TimedOut))
    }
}

impl Door {
    async fn exchange(&self, fetch: Fetch<'_>) -> Result<Vec<u8>, FetchError> {
        let (url, client) = self.admit(fetch.url)?;
        let _turn = self.turns.acquire().await.map_err(|_| FetchError::Failed)?;
        let request = match fetch.post {
            None => client.get(url),
            Some((media_type, body)) => client.post(url).header(CONTENT_TYPE, media_type).body(body),
        };
        let mut response = request.send().await.map_err(|error| reason(&error))?;
        match response.status() {
            status if status.is_success() => {}
            status if status.is_redirection() => return Err(FetchError::Redirected),
            status => return Err(FetchError::Status(status.as_u16())),
        }
        if response.content_length().is_some_and(|length| length > fetch.max_bytes as u64) {
            return Err(FetchError::TooLarge);
        }
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
            if body.len() + chunk.len() > fetch.max_bytes {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What the URL itself says; where its name leads is looked at when it is resolved.
    fn admit(&self, text: &str) -> Result<(Url, &Client), FetchError> {
        let url = Url::parse(text).map_err(|_| FetchError::Forbidden)?;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Err(FetchError::Forbidden) };
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Forbidden);
        }
        if self.private_hosts.contains(&format!("{host}:{port}")) {
            return Ok((url, &self.unguarded));
        }
        let allowed = PUBLIC_PORTS.contains(&port)
            && match host {
                Host::Ipv4(address) => is_public_v4(address),
                Host::Ipv6(address) => is_public_v6(address),
                Host::Domain(name) => is_public_name(name) || !self.through_proxy,
            };
        if allowed { Ok((url, &self.guarded)) } else { Err(FetchError::Forbidden) }
    }
}

fn client(tls: &ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE)
}

/// The system's authorities. What is fetched carries signatures of its own, so that a machine without any still works over http.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = || ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let mut config = match builder()?.with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "strangers' https URLs cannot be fetched");
            builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Resolves names to their public addresses alone, so that what was looked at is what is connected to.
struct PublicNames {
    turns: Arc<Semaphore>,
}

/// A name without any public address.
#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no public address")
    }
}

impl Error for NotPublic {}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let turns = self.turns.clone();
        Box::pin(async move {
            let turn = turns.acquire_owned().await?;
            // a task of its own: the turn lasts as long as the thread that asks, also when nobody waits any more
            let asked = tokio::spawn(async move {
                let _turn = turn;
                tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect::<Vec<SocketAddr>>)
            });
            let mut found = asked.await??;
            found.retain(|address| is_public(address.ip()));
            if found.is_empty() { Err(NotPublic.into()) } else { Ok(Box::new(found.into_iter()) as Addrs) }
        })
    }
}

fn reason(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(at) = cause {
        if at.is::<NotPublic>() {
            return FetchError::Forbidden;
        }
        last = at.to_string();
        cause = at.source();
    }
    tracing::debug!(host = error.url().and_then(Url::host_str), why = last, "a stranger's server gave no answer");
    if error.is_timeout() { FetchError::TimedOut } else { FetchError::Failed }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(a: u16, b: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

/// IANA's special-purpose addresses (RFC 6890 and its registry), multicast and the reserved rest.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// Global unicast (RFC 4291 s2.4); within it what is special: protocol assignments and Teredo, documentation, 6to4.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);
const SPECIAL_V6: [Ipv6Net; 4] = [v6(0x2001, 0, 23), v6(0x2001, 0x0db8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|net| net.contains(&address))
}

/// Addresses that embed an IPv4 address (mapped, NAT64, 6to4, Teredo) lie outside, or are special.
fn is_public_v6(address: Ipv6Addr) -> bool {
    GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
}

/// A name of the public DNS, as far as the name tells.
pub fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let under = |local: &&str| name == **local || name.strip_suffix(*local).is_some_and(|rest| rest.ends_with('.'));
    name.contains('.') && !LOCAL_NAMES.iter().any(under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in ["1.1.1.1", "9.255.255.255", "100.63.0.1", "172.15.0.1", "172.32.0.1", "2001:4860:4860::8888", "2a00::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn a_url_is_refused_by_what_it_says() {
        let door = |proxy: Option<&str>| {
            let settings = OutboundSettings {
                proxy_url: proxy.map(str::to_owned),
                private_hosts: vec!["127.0.0.1:8080".into(), "ocsp.bank:80".into()],
            };
            Outbound::new(&settings).unwrap()
        };
        let (direct, proxied) = (door(None), door(Some("http://proxy.bank:3128")));
        for (url, by_itself, by_proxy) in [
            ("http://ocsp.qtsp.example/", true, true),
            ("https://ocsp.qtsp.example/x?y", true, true),
            ("http://127.0.0.1:8080/", true, true),
            ("http://ocsp.bank/", true, true),
            // the resolver has the last word on names, where there is no proxy
            ("http://localhost/", true, false),
            ("http://intranet/", true, false),
            ("http://db.internal./", true, false),
            ("http://127.0.0.1/", false, false),
            ("http://127.0.0.1:8081/", false, false),
            ("http://0x7f.1/", false, false),
            ("http://2130706433/", false, false),
            ("http://169.254.169.254/latest/meta-data", false, false),
            ("http://[::1]/", false, false),
            ("http://[::ffff:10.0.0.1]/", false, false),
            ("http://ocsp.qtsp.example:22/", false, false),
            ("https://ocsp.qtsp.example:8443/", false, false),
            ("http://user@ocsp.qtsp.example/", false, false),
            ("ldap://ocsp.qtsp.example/", false, false),
            ("file:///etc/passwd", false, false),
            ("ocsp.qtsp.example", false, false),
            ("", false, false),
        ] {
            for (door, expected) in [(&direct, by_itself), (&proxied, by_proxy)] {
                assert_eq!(door.0.admit(url).is_ok(), expected, "{url}, proxy: {}", door.0.through_proxy);
            }
        }
    }
}
