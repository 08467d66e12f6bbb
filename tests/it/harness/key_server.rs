//! A TPP's server with its key set, on loopback.

use super::bank::pki;
use guichet::tls::files::load_chain_and_key;
use serde_json::Value;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// Stops listening with its test.
#[derive(Clone)]
pub struct KeyServer {
    pub host: String,
    /// The whole answer; `None`: it takes the question and says nothing.
    answer: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    pub async fn start(set: &Value) -> Self {
        Self::listen(set, "127.0.0.1", None).await
    }

    /// As `localhost`, with the certificate that the bank's own hosts have.
    pub async fn start_tls(set: &Value) -> Self {
        let pki = &pki().1;
        let identity = load_chain_and_key(&pki.file("server.pem"), &pki.file("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap();
        Self::listen(set, "localhost", Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(set: &Value, name: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("{name}:{}", listener.local_addr().unwrap().port());
        let server = Self { host, answer: Arc::default(), asked: Arc::default() };
        server.says(200, &set.to_string());
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                serving.asked.fetch_add(1, SeqCst);
                let (serving, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serving.answer(socket).await,
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                serving.answer(socket).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    async fn answer(&self, mut socket: impl AsyncRead + AsyncWrite + Unpin) {
        let _ = socket.read(&mut [0; 4096]).await;
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Some(answer) => {
                let _ = socket.write_all(answer.as_bytes()).await;
                let _ = socket.shutdown().await;
            }
            None => std::future::pending().await,
        }
    }

    pub fn uri(&self) -> String {
        let scheme = if self.host.starts_with("localhost") { "https" } else { "http" };
        format!("{scheme}://{}/keys", self.host)
    }

    pub fn says(&self, status: u16, body: &str) {
        let head = format!("HTTP/1.1 {status} -\r\nlocation: http://{}/else\r\nconnection: close\r\n", self.host);
        *self.answer.lock().unwrap() = Some(format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
    }

    pub fn has(&self, set: &Value) {
        self.says(200, &set.to_string());
    }

    pub fn is_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    /// Connections so far.
    pub fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}
