//! A trust service provider that answers for its certificates: OCSP responder, revocation list and any file, on loopback. How it
//! answers can be changed while it runs, to all that a stranger's server may do to us.

use super::{
    qwac::{Ca, Issued, Signer, Validity},
    status::{List, OcspAnswer, Statement, asked, unsuccessful},
};
use crate::clock::Clock;
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const LONGEST_REQUEST: usize = 64 * 1024;
/// Of [`Behaviour::Huge`].
const HUGE: usize = 100 * 1024 * 1024;
const FOREVER: Duration = Duration::from_secs(3600);

/// What of the provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    Ocsp,
    Crl,
    File,
}

/// How a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// The truth, by the authority's own key.
    Honest,
    /// The truth, by a delegate.
    Delegated,
    /// The same by somebody whom the authority did not make a responder.
    DelegateUnauthorised,
    /// The truth, after a while.
    Slow(Duration),
    /// Accepts, reads, never answers.
    Silent,
    /// The truth with a broken signature.
    WrongSignature,
    /// About another certificate; as a list: another issuer's.
    OtherCertificate,
    /// Its time is over.
    Expired,
    NotYet,
    /// Without end, as far as anybody has read on.
    Huge,
    Garbage,
    /// To where nobody should be led.
    Redirect,
    Broken,
    /// OCSP only: tryLater.
    TryLater,
    /// OCSP only: no responder of that issuer knows the certificate.
    Unknown,
}

/// A running provider. Dropping it stops it.
pub struct Qtsp {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    issuer: Signer,
    delegate: Signer,
    stranger: Signer,
    clock: Arc<dyn Clock>,
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    behaviours: HashMap<Service, Behaviour>,
    requests: HashMap<Service, usize>,
    /// Octets that somebody took of answers without end.
    sent: usize,
    /// Serial magnitude: when, and CRLReason's number.
    revoked: HashMap<Vec<u8>, (OffsetDateTime, u8)>,
    files: HashMap<String, Vec<u8>>,
}

impl Drop for Qtsp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Qtsp {
    /// Answers for what `ca` issues, on a port of its own.
    pub async fn start(ca: &Ca, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (day, now) = (time::Duration::days(1), clock.now());
        let validity = Validity { not_before: now - day, not_after: now + day * 3650 };
        let signer = |issued: Result<Issued, rcgen::Error>| issued.and_then(|issued| Signer::of(&issued)).map_err(io::Error::other);
        let state = Arc::new(State {
            issuer: ca.signer().map_err(io::Error::other)?,
            delegate: signer(ca.issue_responder("Guichet test responder", validity, true))?,
            stranger: signer(ca.issue_responder("Guichet test responder", validity, false))?,
            clock,
            changing: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(serve(listener, state.clone()));
        Ok(Self { address, state, server })
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn ocsp_url(&self) -> String {
        format!("http://{}/ocsp", self.address)
    }

    pub fn crl_url(&self) -> String {
        format!("http://{}/crl", self.address)
    }

    /// Where [`Self::put`] puts it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub fn put(&self, path: &str, content: Vec<u8>) {
        self.changing().files.insert(path.to_owned(), content);
    }

    pub fn behave(&self, service: Service, behaviour: Behaviour) {
        self.changing().behaviours.insert(service, behaviour);
    }

    /// `reason`: CRLReason's number.
    pub fn revoke(&self, serial: &[u8], reason: u8) {
        let at = self.state.clock.now();
        self.changing().revoked.insert(magnitude(serial), (at, reason));
    }

    pub fn release(&self, serial: &[u8]) {
        self.changing().revoked.remove(&magnitude(serial));
    }

    /// How often a service was asked.
    pub fn requests(&self, service: Service) -> usize {
        self.changing().requests.get(&service).copied().unwrap_or(0)
    }

    /// How many octets of answers without end were taken.
    pub fn sent(&self) -> usize {
        self.changing().sent
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.state.changing()
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        let state = state.clone();
        // a peer that goes away is its own affair
        tokio::spawn(async move {
            let _ = exchange(socket, &state).await;
        });
    }
}

async fn exchange(mut socket: TcpStream, state: &State) -> io::Result<()> {
    let Some((path, body)) = read(&mut socket).await? else { return Ok(()) };
    let service = match path.as_str() {
        "ocsp" => Service::Ocsp,
        "crl" => Service::Crl,
        _ => Service::File,
    };
    let behaviour = state.behaviour(service);
    if let Behaviour::Slow(time) = behaviour {
        tokio::time::sleep(time).await;
    }
    if behaviour == Behaviour::Silent {
        tokio::time::sleep(FOREVER).await;
    }
    if behaviour == Behaviour::Huge {
        return flood(&mut socket, state).await;
    }
    if behaviour == Behaviour::Redirect {
        let elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return socket.write_all(elsewhere.as_bytes()).await;
    }
    if behaviour == Behaviour::Broken {
        return answer(&mut socket, "500 Internal Server Error", b"").await;
    }
    match state.content(service, behaviour, &path, &body) {
        Some(content) => answer(&mut socket, "200 OK", &content).await,
        None => answer(&mut socket, "404 Not Found", b"").await,
    }
}

async fn flood(socket: &mut TcpStream, state: &State) -> io::Result<()> {
    socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
    for _ in 0..HUGE / (1 << 16) {
        socket.write_all(&[0x30; 1 << 16]).await?;
        state.changing().sent += 1 << 16;
    }
    Ok(())
}

/// The path without its first slash, and the body.
async fn read(socket: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = vec![];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let path = head.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
                return Ok(Some((path, bytes.split_off(end + 4))));
            }
        }
        if bytes.len() > LONGEST_REQUEST || socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

async fn answer(socket: &mut TcpStream, status: &str, content: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
    socket.write_all(&[head.as_bytes(), content].concat()).await?;
    socket.shutdown().await
}

impl State {
    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts, too.
    fn behaviour(&self, service: Service) -> Behaviour {
        let mut changing = self.changing();
        *changing.requests.entry(service).or_default() += 1;
        changing.behaviours.get(&service).copied().unwrap_or(Behaviour::Honest)
    }

    fn content(&self, service: Service, behaviour: Behaviour, path: &str, body: &[u8]) -> Option<Vec<u8>> {
        if behaviour == Behaviour::Garbage {
            return Some(b"<html>the service is under maintenance</html>".to_vec());
        }
        match service {
            Service::Ocsp => self.ocsp(behaviour, body).ok(),
            Service::Crl => self.list(behaviour).ok(),
            Service::File => self.changing().files.get(path).cloned(),
        }
    }

    fn ocsp(&self, behaviour: Behaviour, request: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let Some((mut serial, nonce)) = asked(request) else { return Ok(unsuccessful(1)) };
        if behaviour == Behaviour::TryLater {
            return Ok(unsuccessful(3));
        }
        let revoked = self.changing().revoked.get(&serial).copied();
        let honest = revoked.map_or(Statement::Good, |(at, reason)| Statement::Revoked(at, reason));
        let statement = if behaviour == Behaviour::Unknown { Statement::Unknown } else { honest };
        if behaviour == Behaviour::OtherCertificate {
            serial.push(1);
        }
        let (this_update, next_update) = behaviour.times(self.clock.now());
        let mut response = OcspAnswer::new(&self.issuer, &serial, statement, this_update);
        (response.next_update, response.nonce) = (Some(next_update), nonce);
        let stranger = behaviour == Behaviour::DelegateUnauthorised;
        if stranger || behaviour == Behaviour::Delegated {
            response.responder = if stranger { &self.stranger } else { &self.delegate };
            response.certificates = vec![&response.responder.certificate];
        }
        Ok(behaviour.signed(response.der()?))
    }

    fn list(&self, behaviour: Behaviour) -> Result<Vec<u8>, rcgen::Error> {
        let issuer = if behaviour == Behaviour::OtherCertificate { &self.stranger } else { &self.issuer };
        let (this_update, next_update) = behaviour.times(self.clock.now());
        let mut list = List::new(issuer, this_update);
        list.next_update = Some(next_update);
        list.revoked = self.changing().revoked.iter().map(|(serial, (at, reason))| (serial.clone(), *at, Some(*reason))).collect();
        Ok(behaviour.signed(list.der()?))
    }
}

impl Behaviour {
    /// thisUpdate and nextUpdate.
    fn times(self, now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        let day = time::Duration::days(1);
        if self == Self::Expired {
            (now - day, now - day / 2)
        } else if self == Self::NotYet {
            (now + day / 2, now + day)
        } else {
            (now, now + day)
        }
    }

    fn signed(self, mut der: Vec<u8>) -> Vec<u8> {
        if let Some(last) = der.last_mut().filter(|_| self == Self::WrongSignature) {
            *last ^= 1;
        }
        der
    }
}

fn magnitude(serial: &[u8]) -> Vec<u8> {
    serial.iter().copied().skip_while(|octet| *octet == 0).collect()
}
