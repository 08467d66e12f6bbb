//! The TLS configuration of each counter, and the one value a reload swaps.

use super::{
    files::Identity,
    front_proxy::{FrontProxy, Hop, listed},
    peer::Counter,
    possession::ProofOfPossession,
};
use ipnet::IpNet;
use rustls::{
    RootCertStore, ServerConfig, SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use std::{collections::HashMap, error, fmt, net::IpAddr, sync::Arc};

/// Everything TLS of one socket. Behind one `ArcSwap`, so that no handshake sees half of a reload.
#[derive(Clone, Debug)]
pub struct TlsSet {
    default: Side,
    by_name: HashMap<String, Side>,
    /// Of whom a PROXY header is required before TLS; of nobody else one is read.
    announced_from: Vec<IpNet>,
}

/// A counter and the configuration its handshakes use.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) counter: Counter,
    pub(super) config: Arc<ServerConfig>,
    front_proxy: Option<Arc<FrontProxy>>,
}

impl Side {
    const fn new(counter: Counter, config: Arc<ServerConfig>) -> Self {
        Self { counter, config, front_proxy: None }
    }

    /// What the connection is that ended its handshake just now.
    pub(super) fn hop(&self, socket: IpAddr, chain: &[CertificateDer<'_>]) -> Hop {
        match (&self.front_proxy, self.config.time_provider.current_time()) {
            (Some(front_proxy), Some(now)) => front_proxy.recognise(socket, chain, now),
            (None, _) | (_, None) => Hop::Direct,
        }
    }
}

impl TlsSet {
    /// A socket whose connections stand at `counter`, whatever name they ask for, or none.
    pub fn new(counter: Counter, config: Arc<ServerConfig>) -> Self {
        Self { default: Side::new(counter, config), by_name: HashMap::new(), announced_from: vec![] }
    }

    /// Connections that ask for one of these names (SNI, RFC 6066 s3) stand at `counter` instead.
    pub fn with_names<'a>(mut self, names: impl IntoIterator<Item = &'a str>, counter: Counter, config: Arc<ServerConfig>) -> Self {
        let side = Side::new(counter, config);
        self.by_name.extend(names.into_iter().map(|name| (name.to_ascii_lowercase(), side.clone())));
        self
    }

    /// On connections without one of the names above, this proxy's header counts for the client's certificate.
    pub fn with_front_proxy(mut self, front_proxy: FrontProxy) -> Self {
        self.default.front_proxy = Some(Arc::new(front_proxy));
        self
    }

    /// Peers that say by a PROXY header for whom they come.
    pub fn announced_from(mut self, peers: Vec<IpNet>) -> Self {
        self.announced_from = peers;
        self
    }

    pub(super) fn is_announced(&self, socket: IpAddr) -> bool {
        listed(&self.announced_from, socket)
    }

    pub(super) fn side(&self, server_name: Option<&str>) -> &Side {
        server_name.and_then(|name| self.by_name.get(&name.to_ascii_lowercase())).unwrap_or(&self.default)
    }
}

/// Why a configuration cannot be made.
#[derive(Debug)]
pub enum TlsConfigError {
    /// The certificate is unusable, or the key is not its own.
    Identity(rustls::Error),
    /// An authority that is to vouch for clients is unusable.
    ClientAuthority(rustls::Error),
    /// No authority was given.
    NoClientAuthority(VerifierBuilderError),
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(error) => write!(f, "server certificate and key: {error}"),
            Self::ClientAuthority(error) => write!(f, "authority for client certificates: {error}"),
            Self::NoClientAuthority(error) => write!(f, "authorities for client certificates: {error}"),
        }
    }
}

impl error::Error for TlsConfigError {}

/// The tpp counter: a client certificate is asked for, its key proved, its content left to `pki`. No session
/// is ever resumed, because a resumed one would show a certificate nobody proved again.
pub fn tpp_config(identity: Identity) -> Result<Arc<ServerConfig>, TlsConfigError> {
    let provider = machine_provider();
    let verifier = ProofOfPossession(provider.signature_verification_algorithms);
    build(provider, Some(Arc::new(verifier)), identity)
}

/// The psu counter: browsers. No client certificate is asked for.
pub fn psu_config(identity: Identity) -> Result<Arc<ServerConfig>, TlsConfigError> {
    build(aws_lc_rs::default_provider(), None, identity)
}

/// The internal counter: a client certificate of one of the bank's own authorities, or no connection.
pub fn internal_config(identity: Identity, authorities: &[CertificateDer<'static>]) -> Result<Arc<ServerConfig>, TlsConfigError> {
    let provider = machine_provider();
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(TlsConfigError::ClientAuthority)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider.clone()))
        .clear_root_hint_subjects()
        .build()
        .map_err(TlsConfigError::NoClientAuthority)?;
    build(provider, Some(verifier), identity)
}

fn build(
    provider: CryptoProvider,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    identity: Identity,
) -> Result<Arc<ServerConfig>, TlsConfigError> {
    let asks = verifier.is_some();
    let builder =
        ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions().map_err(TlsConfigError::Identity)?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(identity.chain, identity.key).map_err(TlsConfigError::Identity)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if asks {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// FAPI 2.0 s5.2.2: on TLS 1.2 machines get ECDHE with AES-GCM and nothing else.
fn machine_provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(is_tls13_or_aes_gcm);
    provider
}

fn is_tls13_or_aes_gcm(suite: &SupportedCipherSuite) -> bool {
    use aws_lc_rs::cipher_suite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    };
    let allowed = [
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ];
    suite.tls13().is_some() || allowed.contains(suite)
}
