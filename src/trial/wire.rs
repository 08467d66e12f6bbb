//! One HTTP exchange, bounded in time and size, printed as it happens.

use super::mask;
use crate::tls::files::{load_certificates, load_chain_and_key};
use reqwest::{
    Client, Method, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde_json::Value;
use std::{
    error::Error,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const CONNECT: Duration = Duration::from_secs(5);
/// Of a whole exchange.
const EXCHANGE: Duration = Duration::from_secs(20);
const LONGEST_BODY: usize = 1 << 20;
/// More of a text that is neither JSON nor a page is not shown.
const LONGEST_TEXT: usize = 2_000;
/// The headers that a reader of a journey looks for.
const TOLD: [&str; 9] =
    ["authorization", "cookie", "content-type", "location", "set-cookie", "www-authenticate", "retry-after", "cache-control", "allow"];

/// What we show of ourselves in the handshake.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// An HTTP client that follows no redirect and keeps no cookie.
pub struct Wire {
    client: Client,
}

impl Wire {
    /// Trusts `authorities` alone: they are the bank's, or of a test PKI.
    pub fn new(authorities: &Path, identity: Option<&Identity>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for authority in load_certificates(authorities).map_err(text)? {
            roots.add(authority).map_err(|error| format!("{}: {error}", authorities.display()))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(text)?.with_root_certificates(roots);
        let mut tls = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let loaded = load_chain_and_key(certificate, key).map_err(text)?;
                let refused = |error| format!("{} and {}: {error}", certificate.display(), key.display());
                builder.with_client_auth_cert(loaded.chain, loaded.key).map_err(refused)?
            }
        };
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Loopback))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            .build();
        client.map(|client| Self { client }).map_err(|error| causes(&error))
    }
}

/// RFC 6761 s6.3: `localhost` and all below it are this machine, whatever the system's resolver knows of that.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            if host == "localhost" || host.ends_with(".localhost") {
                return Ok(Box::new(std::iter::once(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))) as Addrs);
            }
            let found: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A request's body.
pub enum Body<'a> {
    None,
    Form(&'a [(&'a str, &'a str)]),
    Json(&'a Value),
}

/// A whole answer.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// `null` where the body is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// This status, or what the server said instead.
    pub fn expect(self, status: u16) -> Result<Self, String> {
        if self.status == status { Ok(self) } else { Err(format!("expected {status}, got {}", self.complaint())) }
    }

    /// Status, `error` and `error_description` (RFC 6749 s5.2).
    fn complaint(&self) -> String {
        let document = self.json();
        let member = |name: &str| document[name].as_str().map(str::to_owned);
        let error = member("error").unwrap_or_else(|| title(&self.body).unwrap_or_default().to_owned());
        let description = member("error_description").map_or_else(String::new, |text| format!(": {text}"));
        format!("{} {error}{description}", self.status)
    }
}

/// Where the exchange is written to.
pub struct Transcript<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Transcript<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    pub fn say(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.out, "{line}").map_err(text)
    }

    /// What just happened, and where that is written.
    pub fn note(&mut self, what: &str, source: &str) -> Result<(), String> {
        self.say(&format!("= {what} ({source})\n"))
    }

    /// Sends, prints both sides, and returns the answer whatever its status.
    pub async fn send(
        &mut self,
        wire: &Wire,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Reply, String> {
        let mut request = wire.client.request(method.clone(), url);
        self.say(&format!("> {method} {}", mask::url(url)))?;
        for (name, value) in headers {
            request = request.header(*name, *value);
            self.say(&format!(">   {name}: {}", mask::header(name, value)))?;
        }
        let (content_type, sent, shown) = match body {
            Body::None => (None, String::new(), String::new()),
            Body::Form(pairs) => {
                let form = encode(pairs);
                let shown = mask::form(&form);
                (Some("application/x-www-form-urlencoded"), form, shown)
            }
            Body::Json(document) => (Some("application/json"), document.to_string(), pretty(document)),
        };
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type).body(sent);
            self.say(&format!(">   content-type: {content_type}"))?;
            self.block('>', &shown)?;
        }
        let response = request.send().await.map_err(|error| format!("{}: {}", origin(url), causes(&error)))?;
        let reply = read(response).await?;
        self.show(&reply).map_err(text)?;
        Ok(reply)
    }

    fn show(&mut self, reply: &Reply) -> io::Result<()> {
        let reason = reqwest::StatusCode::from_u16(reply.status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
        writeln!(self.out, "< {} {reason}", reply.status)?;
        for (name, value) in &reply.headers {
            if let (true, Ok(value)) = (TOLD.contains(&name.as_str()), value.to_str()) {
                writeln!(self.out, "<   {name}: {}", mask::header(name.as_str(), value))?;
            }
        }
        let shown = match serde_json::from_str::<Value>(&reply.body) {
            Ok(document) => pretty(&document),
            Err(_) => match title(&reply.body) {
                Some(title) => format!("(a page: {title})"),
                None => reply.body.chars().take(LONGEST_TEXT).collect(),
            },
        };
        for line in shown.lines() {
            writeln!(self.out, "<   {line}")?;
        }
        Ok(())
    }

    fn block(&mut self, side: char, body: &str) -> Result<(), String> {
        body.lines().try_for_each(|line| self.say(&format!("{side}   {line}")))
    }
}

async fn read(mut response: Response) -> Result<Reply, String> {
    let (status, headers, mut body) = (response.status().as_u16(), response.headers().clone(), vec![]);
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error))? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(format!("the answer is longer than {LONGEST_BODY} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(&mask::json(document)).unwrap_or_default()
}

fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The heading of a page.
pub fn title(page: &str) -> Option<&str> {
    Some(page.split_once("<title>")?.1.split_once("</title>")?.0.trim())
}

fn origin(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// An error with what caused it: reqwest's own message names only the request.
fn causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said = cause.to_string();
        next = cause.source();
    }
    said
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
