//! As little of an HTTP client as possible, so that the machine's time goes to the server: one connection, kept alive.

use crate::harness::wire::encode;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{io, net::SocketAddr, ops::Range, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const PATIENCE: Duration = Duration::from_secs(20);
const LARGEST_ANSWER: usize = 64 * 1024;

/// Where and as whom to connect.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub host: &'static str,
    pub tls: Arc<ClientConfig>,
}

pub struct KeptAlive {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// The bytes of a form posted over HTTP/1.1.
pub fn post(host: &str, path: &str, form: &[(&str, &str)]) -> Vec<u8> {
    let form = encode(form);
    let length = form.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

impl KeptAlive {
    pub async fn open(target: &Target) -> Self {
        let socket = TcpStream::connect(target.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let name = ServerName::try_from(target.host).unwrap();
        let stream = TlsConnector::from(target.tls.clone()).connect(name, socket).await.unwrap();
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// The body of the answer, which must be 200 and, for what a load test asks, small.
    pub async fn ask(&mut self, request: &[u8]) -> &[u8] {
        let body = self.attempt(request).await.unwrap();
        &self.buffer[body]
    }

    /// As [`Self::ask`], on a new connection where the server has ended this one: it does so at a certain age.
    pub async fn ask_for_ever(&mut self, target: &Target, request: &[u8]) {
        while self.attempt(request).await.is_err() {
            *self = Self::open(target).await;
        }
    }

    /// `Err`: the connection is over.
    async fn attempt(&mut self, request: &[u8]) -> io::Result<Range<usize>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = timeout(PATIENCE, self.read_head()).await.expect("the head in time")?;
        while self.buffer.len() < head + length {
            timeout(PATIENCE, self.more()).await.expect("the body in time")?;
        }
        let text = || format!("{}: {}", String::from_utf8_lossy(request), String::from_utf8_lossy(&self.buffer));
        assert!(self.buffer.starts_with(b"HTTP/1.1 200 "), "{}", text());
        Ok(head..head + length)
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        // a server that hung up first is as good
        let _ = self.stream.shutdown().await;
    }

    async fn read_head(&mut self) -> io::Result<(usize, usize)> {
        loop {
            self.more().await?;
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end]).unwrap();
                return Ok((end + 4, content_length(head).unwrap_or_else(|| panic!("no length: {head}"))));
            }
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        assert!(self.buffer.len() < LARGEST_ANSWER, "a large answer");
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn content_length(head: &str) -> Option<usize> {
    let value =
        |line: &str| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, v)| v.to_owned());
    head.split("\r\n").find_map(value)?.parse().ok()
}
