//! Bytes over real TLS, for what no HTTP client would send.

use super::bank::{Bank, pki};
use guichet::tls::files::{load_certificates, load_chain_and_key};
use rustls::{ClientConfig, RootCertStore};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A counter that speaks TLS.
#[derive(Clone)]
pub struct Target {
    pub host: &'static str,
    pub address: SocketAddr,
    config: Arc<ClientConfig>,
}

pub type Stream = TlsStream<TcpStream>;

/// Answers take no longer than this, or there is none.
const PATIENCE: Duration = Duration::from_secs(20);

impl Target {
    /// `identity`: one of the test PKI's certificates, such as `all` or `gateway`.
    pub fn new(host: &'static str, address: SocketAddr, authorities: &str, identity: Option<&str>, alpn: &str) -> Self {
        let pki = &pki().1;
        let mut roots = RootCertStore::empty();
        for authority in load_certificates(&pki.file(authorities)).unwrap() {
            roots.add(authority).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            Some(name) => {
                let identity = load_chain_and_key(&pki.file(&format!("{name}.pem")), &pki.file(&format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(identity.chain, identity.key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        Self { host, address, config: Arc::new(config) }
    }

    pub fn tpp(bank: &Bank, host: &'static str, alpn: &str) -> Self {
        Self::new(host, bank.address, "server-ca.pem", Some("all"), alpn)
    }

    pub fn psu(bank: &Bank, host: &'static str, alpn: &str) -> Self {
        Self::new(host, bank.address, "server-ca.pem", None, alpn)
    }

    pub fn internal(bank: &Bank, alpn: &str) -> Self {
        Self::new("localhost", bank.internal, "bank-ca.pem", Some("gateway"), alpn)
    }

    pub async fn connect(&self) -> io::Result<Stream> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        self.over(tcp).await
    }

    /// The handshake on a connection that is there.
    pub async fn over(&self, tcp: TcpStream) -> io::Result<Stream> {
        TlsConnector::from(self.config.clone()).connect(self.host.try_into().unwrap(), tcp).await
    }

    /// The bytes of a ClientHello for this counter.
    pub fn hello(&self) -> Vec<u8> {
        let mut hello = rustls::ClientConnection::new(self.config.clone(), self.host.try_into().unwrap()).unwrap();
        let mut bytes = vec![];
        hello.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// All that is answered to `bytes` until the server closes or `quiet` passes in silence.
    pub async fn say(&self, bytes: &[u8], quiet: Duration) -> String {
        let mut stream = self.connect().await.unwrap();
        let _ = stream.write_all(bytes).await; // it may be refused before it is all sent
        let _ = stream.flush().await;
        hear(&mut stream, quiet).await
    }
}

/// What is said until the end or a silence.
pub async fn hear(stream: &mut (impl AsyncReadExt + Unpin), quiet: Duration) -> String {
    let (mut heard, mut buffer) = (vec![], vec![0; 64 << 10]);
    let listening = async {
        while let Ok(Ok(read @ 1..)) = timeout(quiet, stream.read(&mut buffer)).await {
            heard.extend_from_slice(&buffer[..read]);
        }
    };
    timeout(PATIENCE, listening).await.expect("an end or a silence");
    String::from_utf8_lossy(&heard).into_owned()
}

/// The status codes of HTTP/1.1 answers, one after the other.
pub fn statuses(heard: &str) -> Vec<u16> {
    heard.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}
