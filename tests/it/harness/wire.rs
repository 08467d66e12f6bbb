//! HTTP over real TLS, with all of an answer at hand.

use super::{
    bank::{BRANDS, Bank, TWIN, pki},
    logs::Heard,
};
use guichet::tls::files::{load_certificates, load_chain_and_key};
use reqwest::{Method, header::HeaderMap};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// An HTTP client that follows no redirect.
#[derive(Clone)]
pub struct Wire {
    client: reqwest::Client,
    heard: Arc<Heard>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// The `error` of a refusal.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub fn description(&self) -> String {
        self.json()["error_description"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub fn refused(self, status: u16, error: &str) -> Self {
        assert_eq!((self.status, self.error().as_str()), (status, error), "{self:?}");
        assert!(self.header("cache-control").contains("no-store"), "{self:?}");
        self
    }
}

pub type Identity<'a> = Option<(&'a [CertificateDer<'static>], &'a PrivateKeyDer<'static>)>;

/// TLS as a peer of the bank speaks it: which authorities it believes, with which certificate it comes.
pub fn tls(authorities: &str, identity: Identity<'_>) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    for authority in load_certificates(&pki().1.file(authorities)).unwrap() {
        roots.add(authority).unwrap();
    }
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain.to_vec(), key.clone_key()).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

impl Wire {
    fn new(bank: &Bank, authorities: &str, identity: Identity<'_>, addresses: &[(&str, SocketAddr)]) -> Self {
        let mut config = tls(authorities, identity);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut client =
            reqwest::Client::builder().tls_backend_preconfigured(config).redirect(reqwest::redirect::Policy::none()).no_proxy();
        for (host, address) in addresses {
            client = client.resolve(host, *address);
        }
        Self { client: client.build().unwrap(), heard: bank.heard() }
    }

    fn public(bank: &Bank, identity: Identity<'_>) -> Self {
        let hosts: Vec<_> = BRANDS.iter().chain([&TWIN]).flat_map(|b| [(b.tpp_host, bank.address), (b.psu_host, bank.address)]).collect();
        Self::new(bank, "server-ca.pem", identity, &hosts)
    }

    pub fn with_certificate(bank: &Bank, chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Self {
        Self::public(bank, Some((chain, key)))
    }

    /// With one of the test PKI's own certificates, such as `expired`.
    pub fn with_file(bank: &Bank, name: &str) -> Self {
        let pki = &pki().1;
        let identity = load_chain_and_key(&pki.file(&format!("{name}.pem")), &pki.file(&format!("{name}.key"))).unwrap();
        Self::public(bank, Some((&identity.chain, &identity.key)))
    }

    /// From one of this machine's loopback addresses, with headers on each request.
    pub fn from(bank: &Bank, local: IpAddr, identity: Identity<'_>, headers: HeaderMap) -> Self {
        let mut config = tls("server-ca.pem", identity);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = reqwest::Client::builder().tls_backend_preconfigured(config).redirect(reqwest::redirect::Policy::none()).no_proxy();
        let hosts = BRANDS.iter().chain([&TWIN]).flat_map(|b| [b.tpp_host, b.psu_host]);
        let builder = hosts.fold(builder, |client, host| client.resolve(host, bank.address));
        Self { client: builder.local_address(local).default_headers(headers).build().unwrap(), heard: bank.heard() }
    }

    pub fn browser(bank: &Bank) -> Self {
        Self::public(bank, None)
    }

    pub fn gateway(bank: &Bank) -> Self {
        Self::internal(bank, Some("gateway"))
    }

    /// A caller of the internal counter with one of the test PKI's certificates, or none.
    pub fn internal(bank: &Bank, name: Option<&str>) -> Self {
        let pki = &pki().1;
        let read = |name| load_chain_and_key(&pki.file(&format!("{name}.pem")), &pki.file(&format!("{name}.key"))).unwrap();
        let identity = name.map(read);
        Self::new(bank, "bank-ca.pem", identity.as_ref().map(|i| (&i.chain[..], &i.key)), &[("localhost", bank.internal)])
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub async fn send(&self, method: Method, url: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Reply {
        self.try_send(method, url, headers, body).await.unwrap()
    }

    pub async fn try_send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Result<Reply, reqwest::Error> {
        let body = body.into();
        self.heard.request(url, headers, &body);
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = String::from_utf8_lossy(&response.bytes().await?).into_owned();
        self.heard.answer(&headers, &body);
        Ok(Reply { status, headers, body })
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.send(Method::GET, url, &[], "").await
    }

    pub async fn form(&self, url: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/x-www-form-urlencoded")]).collect();
        self.send(Method::POST, url, &headers, encode(form)).await
    }

    pub async fn json(&self, method: Method, url: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        self.send(method, url, &headers, body.to_string()).await
    }
}

pub fn encode(pairs: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        form.append_pair(name, value);
    }
    form.finish()
}
