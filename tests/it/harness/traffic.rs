//! Requests on connections that stay open: one by one, or as a steady stream whose every answer is kept with its time. For
//! showing when a change takes effect, at which replica, and that nothing falls between.

use super::{
    bank::{Bank, Brand, pki},
    hello::{Hello, connect, exchange, status},
    tpp::Client,
    wire::encode,
};
use guichet::dev::qwac::{Issued, QwacSpec};
use serde_json::Value;
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::client::TlsStream;

/// A QWAC with its key, to be shown at any server.
#[derive(Clone)]
pub struct Identity(Arc<rustls::ClientConfig>);

impl Identity {
    pub fn new(issued: &Issued) -> Self {
        let hello = Hello { identity: Some((issued.chain.clone(), issued.key.clone_key())), ..Hello::default() };
        Self(hello.config())
    }

    /// From the test PKI's authority.
    pub fn issue(spec: &QwacSpec) -> (Issued, Self) {
        let issued = pki().1.qtsp.issue(spec).unwrap();
        let identity = Self::new(&issued);
        (issued, identity)
    }
}

/// One HTTP/1.1 connection of a TPP: opened once, and never again.
pub struct Line {
    stream: TlsStream<TcpStream>,
    host: &'static str,
}

/// The status, and of a refusal the first word of its description: `401 CERTIFICATE_BLOCKED`.
pub type Said = String;

impl Line {
    pub async fn open(bank: &Bank, brand: Brand, identity: &Identity) -> Self {
        let stream = connect(identity.0.clone(), bank.address, brand.tpp_host).await.unwrap();
        Self { stream, host: brand.tpp_host }
    }

    pub async fn try_ask(&mut self, request: &Request) -> io::Result<Said> {
        let body = encode(&request.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>());
        let authorization = request.authorization.iter().map(|value| format!("Authorization: {value}\r\n")).collect::<String>();
        let text = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{authorization}\r\n{body}",
            request.path,
            self.host,
            body.len(),
        );
        let (head, body) = exchange(&mut self.stream, &text).await?;
        let description = serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["error_description"].as_str()?.to_owned()));
        let reason = description.and_then(|text| Some(text.split([' ', ':', ',']).next()?.to_owned()));
        Ok(reason.map_or_else(|| status(&head).to_string(), |reason| format!("{} {reason}", status(&head))))
    }

    pub async fn ask(&mut self, request: &Request) -> Said {
        self.try_ask(request).await.unwrap()
    }
}

/// A form of a TPP.
#[derive(Clone, Debug)]
pub struct Request {
    path: String,
    form: Vec<(String, String)>,
    authorization: Option<String>,
}

impl Request {
    pub fn new(client: &Client<'_>, path: &str, form: &[(&str, &str)]) -> Self {
        let authorization = client.authorization();
        let id = authorization.is_none().then_some(("client_id", client.id.as_str()));
        let form = form.iter().copied().chain(id).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { path: path.to_owned(), form, authorization }
    }

    /// `pisp` by client_credentials: answered 200 as often as one likes.
    pub fn client_credentials(client: &Client<'_>) -> Self {
        Self::new(client, client.brand.channel("web").2, &[("grant_type", "client_credentials"), ("scope", "pisp")])
    }

    pub fn refresh(client: &Client<'_>, token: &str) -> Self {
        Self::new(client, client.brand.channel("web").2, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }
}

/// How long it took until every line was told this, one after the other, asked again and again.
#[track_caller]
pub fn until<'a>(lines: &'a mut [Line], request: &'a Request, expected: &'a str) -> impl Future<Output = Duration> + 'a {
    let caller = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        for (at, line) in lines.iter_mut().enumerate() {
            loop {
                let said = line.ask(request).await;
                if said == expected {
                    break;
                }
                assert!(began.elapsed() < Duration::from_secs(5), "line {at} still says {said:?}, not {expected:?} ({caller})");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        began.elapsed()
    }
}

/// One request of a stream.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which line.
    pub line: usize,
    pub sent: Instant,
    pub answered: Instant,
    /// `Err`: the connection broke.
    pub said: Result<Said, String>,
}

/// A steady stream of requests, a task for each line.
pub struct Traffic {
    running: JoinSet<()>,
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: Arc<AtomicBool>,
}

impl Traffic {
    /// Each line asks its request again as soon as `pause` has passed since the last answer.
    pub fn start(lines: impl IntoIterator<Item = (Line, Request)>, pause: Duration) -> Self {
        let traffic = Self { running: JoinSet::new(), samples: Arc::default(), stop: Arc::default() };
        let mut running = JoinSet::new();
        for (number, (mut line, request)) in lines.into_iter().enumerate() {
            let (samples, stop) = (traffic.samples.clone(), traffic.stop.clone());
            running.spawn(async move {
                while !stop.load(Relaxed) {
                    let sent = Instant::now();
                    let said = line.try_ask(&request).await.map_err(|error| error.to_string());
                    let broke = said.is_err();
                    samples.lock().unwrap().push(Sample { line: number, sent, answered: Instant::now(), said });
                    if broke {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self { running, ..traffic }
    }

    /// Every answer so far and those under way.
    pub async fn stop(mut self) -> Record {
        self.stop.store(true, Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
        let mut samples = std::mem::take(&mut *self.samples.lock().unwrap());
        samples.sort_by_key(|sample| sample.sent);
        Record(samples)
    }
}

/// All that a stream was answered, in the order of sending.
pub struct Record(pub Vec<Sample>);

/// A change while a stream runs: from just before it was begun to just after it was done.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub began: Instant,
    pub done: Instant,
}

impl Change {
    pub async fn by(action: impl Future<Output = ()>) -> Self {
        let began = Instant::now();
        action.await;
        Self { began, done: Instant::now() }
    }
}

impl Record {
    /// Nothing but `before` until the change began, nothing but `after` from one second after it was done, and only these two
    /// between; each line turns once. Judged between `from` and `to`, where other changes may be outside. Returns how long
    /// after the change was done the last `before` was asked for: how long it took at most.
    #[track_caller]
    pub fn turns(&self, change: Change, [before, after]: [&str; 2], from: Instant, to: Instant) -> Duration {
        let mut latest = Duration::ZERO;
        let mut turned = std::collections::BTreeMap::<usize, bool>::new();
        for sample in self.0.iter().filter(|sample| (from..to).contains(&sample.sent)) {
            let said = sample.said.as_ref().unwrap_or_else(|error| panic!("a connection broke: {error}: {sample:?}"));
            let is_after = said == after;
            assert!(is_after || said == before, "neither {before} nor {after}: {sample:?}");
            assert!(!is_after || sample.answered > change.began, "{after} before anything changed: {sample:?}");
            let turned = turned.entry(sample.line).or_default();
            assert!(is_after || !*turned, "{before} again after {after}: {sample:?}");
            *turned |= is_after;
            if !is_after {
                let late = sample.sent.saturating_duration_since(change.done);
                assert!(late < Duration::from_secs(1), "{before} for a request sent {late:?} after the change: {sample:?}");
                latest = latest.max(late);
            }
        }
        assert!(!turned.is_empty() && turned.values().all(|turned| *turned), "not every line saw {after}: {turned:?}");
        latest
    }
}
