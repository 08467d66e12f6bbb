//! What the servers of the tests wrote into their logs, at the level that tells most, and what must not stand there: every secret
//! that went over a test's wire.

use super::bank::Bank;
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    config::{Log, LogFormat},
    oauth::sca::ScaFailure,
    telemetry,
};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, MutexGuard, Once, PoisonError},
    thread,
};
use tracing::Level;
use tracing_subscriber::util::SubscriberInitExt;

/// Of the threads that run several tests' servers; of those of one test all is kept while it runs.
const MOST_KEPT: usize = 64 << 20;

/// By the name of the thread that wrote: a test's own is the test's.
static WRITTEN: LazyLock<Mutex<HashMap<String, Written>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Written {
    /// Bytes that are no longer kept.
    forgotten: usize,
    text: Vec<u8>,
    /// Banks of the thread's test that still run.
    watched: usize,
}

fn written() -> MutexGuard<'static, HashMap<String, Written>> {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn this_thread() -> String {
    thread::current().name().unwrap_or("").to_owned()
}

/// Multi-threaded runtimes name theirs so.
const WORKERS: &str = "tokio-rt-worker";

struct Line;

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = written();
        let log = all.entry(this_thread()).or_default();
        if log.text.len() > MOST_KEPT {
            log.forgotten += log.text.drain(..MOST_KEPT / 2).count();
        }
        log.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All servers in this process log as `serve` does at `level = "trace"`.
fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| telemetry::log_to(&Log { format: LogFormat::Json, level: Level::TRACE }, || Line, false).init());
}

/// What went over the wires of a bank's test, and where its log begins.
pub struct Watched {
    heard: Arc<Heard>,
    from: [(String, usize); 2],
    /// Of a server that is a process of its own.
    file: PathBuf,
}

impl Watched {
    pub fn new(file: PathBuf) -> Self {
        capture();
        let from = [this_thread(), WORKERS.to_owned()].map(|name| {
            let mut all = written();
            let log = all.entry(name.clone()).or_default();
            log.watched += 1;
            (name, log.forgotten + log.text.len())
        });
        Self { heard: Arc::default(), from, file }
    }

    pub fn heard(&self) -> Arc<Heard> {
        self.heard.clone()
    }

    fn log(&self) -> String {
        let all = written();
        let mut log = fs::read(&self.file).unwrap_or_default();
        for (name, from) in &self.from {
            if let Some(written) = all.get(name) {
                log.extend_from_slice(&written.text[from.saturating_sub(written.forgotten).min(written.text.len())..]);
            }
        }
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Lines with a secret in them, and which.
    fn leaks(&self) -> Vec<String> {
        let (log, secrets) = (self.log(), self.heard.secrets());
        let found: BTreeSet<&String> = secrets.iter().filter(|secret| stands_in(&log, secret)).collect();
        let telling = |line: &str| found.iter().find(|secret| stands_in(line, secret)).map(|secret| format!("{secret}: {line}"));
        log.lines().filter_map(telling).collect()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !thread::panicking() {
            let leaks = self.leaks();
            assert!(leaks.is_empty(), "the log tells secrets: {leaks:#?}");
        }
        let mut all = written();
        for (name, _) in &self.from {
            if let Some(log) = all.get_mut(name) {
                log.watched -= 1;
                if log.watched == 0 {
                    all.remove(name);
                }
            }
        }
    }
}

/// As a word of its own: a code of six digits may well be part of a duration.
fn stands_in(text: &str, secret: &str) -> bool {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '.';
    text.match_indices(secret).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + secret.len()..].chars().next());
        secret.len() >= LONG || !(before.is_some_and(in_word) || after.is_some_and(in_word))
    })
}

/// Nothing so long stands anywhere by chance.
const LONG: usize = 20;
/// Shorter ones are words of their own.
const SHORTEST: usize = 6;

/// Secrets, and who the customers are.
#[derive(Default)]
pub struct Heard(Mutex<BTreeSet<String>>);

/// Members, parameters and fields whose values nobody may read in a log.
const SECRETS: [&str; 18] = [
    "access_token",
    "authorize_url",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "confirmation",
    "csrf",
    "interaction",
    "payment_evidence",
    "refresh_token",
    "registration_access_token",
    "request",
    "response",
    "state",
    "sub",
    "ticket",
    "token",
];
/// Of customers: short ones, too.
const CUSTOMERS: [&str; 8] = ["customer", "iban", "login", "otp", "password", "psu", "psu_id", "subject"];

impl Heard {
    pub fn secrets(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of a test that says on purpose what must not be said.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn keep(&self, value: &str, shortest: usize) {
        // words that the log may say: a scripted customer is called as what he meets, and his password is part of a path
        let code = value.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
        let closed = code || ScaFailure::from_name(value).is_some() || value == "sandbox" || value.len() < shortest;
        if !closed {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(value.to_owned());
        }
    }

    fn named(&self, name: &str, value: &str) {
        if CUSTOMERS.contains(&name) {
            self.keep(value, SHORTEST);
        } else if SECRETS.contains(&name) {
            self.keep(value, LONG);
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            self.keep(&encoded, LONG);
        }
    }

    pub fn request(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.url(url);
        for (name, value) in headers {
            match (*name, value.split_once(' ')) {
                ("authorization", Some(("Basic", encoded))) => {
                    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                    let secret = decoded.as_deref().and_then(|text| text.split_once(':')).map_or("", |(_, secret)| secret);
                    self.keep(secret, LONG);
                    self.keep(encoded, LONG);
                }
                ("authorization", Some((_, token))) => self.keep(token, LONG),
                ("cookie", _) => self.cookies(value),
                _ => {}
            }
        }
        self.body(body);
    }

    pub fn answer(&self, headers: &HeaderMap, body: &str) {
        for cookie in headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            self.cookies(cookie.split(';').next().unwrap_or(""));
        }
        if let Some(location) = headers.get("location").and_then(|value| value.to_str().ok()) {
            self.url(location);
        }
        for csrf in body.split("name=\"csrf\" value=\"").skip(1) {
            self.keep(csrf.split('"').next().unwrap_or(""), LONG);
        }
        self.body(body.as_bytes());
    }

    fn cookies(&self, text: &str) {
        text.split(';').filter_map(|pair| pair.split_once('=')).for_each(|(_, value)| self.keep(value, LONG));
    }

    /// Its query, and segments of its path that open something.
    fn url(&self, url: &str) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        path.split('/').filter(|segment| segment.starts_with("gu") && segment.contains('_')).for_each(|segment| self.keep(segment, LONG));
        url::form_urlencoded::parse(query.as_bytes()).for_each(|(name, value)| self.named(&name, &value));
    }

    fn body(&self, body: &[u8]) {
        match serde_json::from_slice(body) {
            Ok(json) => self.json(&json),
            Err(_) if body.len() < 100_000 && body.contains(&b'=') && !body.contains(&b'<') => {
                url::form_urlencoded::parse(body).for_each(|(name, value)| self.named(&name, &value));
            }
            Err(_) => {}
        }
    }

    fn json(&self, value: &Value) {
        match value {
            Value::Object(members) => {
                // a token without a customer is its client's
                let own = |name: &str| name == "sub" && members.get("client_id") == members.get("sub");
                for (name, value) in members.iter().filter(|(name, _)| !own(name)) {
                    if let Value::String(text) = value {
                        self.named(name, text);
                        self.url(text);
                    } else {
                        self.json(value);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.json(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

impl Bank {
    /// The log since this bank began, line by line; of a test with one thread it is its servers' alone.
    pub fn log(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.watched.log().lines().map(read).collect()
    }

    /// The request lines among them.
    pub fn requests(&self) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["target"] == "request").collect()
    }

    pub fn leaks(&self) -> Vec<String> {
        self.watched.leaks()
    }

    pub fn heard(&self) -> Arc<Heard> {
        self.watched.heard()
    }
}
