//! A connection by hand: chosen server name, TLS version, suites and certificate; requests written as bytes.

use super::bank::pki;
use guichet::tls::files::{load_certificates, load_chain_and_key};
use rustls::{
    ClientConfig, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer},
    version::{TLS12, TLS13},
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How a peer comes.
pub struct Hello {
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub suites: Vec<SupportedCipherSuite>,
    pub identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pub alpn: &'static [u8],
}

impl Default for Hello {
    fn default() -> Self {
        Self { versions: vec![&TLS13, &TLS12], suites: aws_lc_rs::ALL_CIPHER_SUITES.to_vec(), identity: None, alpn: b"http/1.1" }
    }
}

impl Hello {
    /// With one of the test PKI's certificates, such as `aisp`.
    pub fn with(name: &str) -> Self {
        let identity = load_chain_and_key(&pki().1.file(&format!("{name}.pem")), &pki().1.file(&format!("{name}.key"))).unwrap();
        Self { identity: Some((identity.chain, identity.key)), ..Self::default() }
    }

    pub fn config(self) -> Arc<ClientConfig> {
        let provider = CryptoProvider { cipher_suites: self.suites, ..aws_lc_rs::default_provider() };
        let mut roots = RootCertStore::empty();
        for authority in ["server-ca.pem", "bank-ca.pem"] {
            roots.add(load_certificates(&pki().1.file(authority)).unwrap().remove(0)).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&self.versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![self.alpn.to_vec()];
        Arc::new(config)
    }

    pub async fn connect(self, address: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        connect(self.config(), address, name).await
    }
}

pub async fn connect(config: Arc<ClientConfig>, address: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(config).connect(name.to_owned().try_into().unwrap(), tcp).await
}

/// One request on a connection that stays open; the whole head of the answer and its body.
pub async fn exchange(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> io::Result<(String, String)> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = vec![];
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok((head.to_owned(), body.to_owned()));
            }
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::other(format!("broke off after {text:?}")));
        }
    }
}

/// The status of a head.
pub fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{head}"))
}
