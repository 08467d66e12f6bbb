//! One question to the outside: is this certificate revoked? OCSP first, then the list.

use crate::{
    app::App,
    outbound::{Fetch, FetchError},
    pki::{
        crl::{MAX_LIST, RevocationList},
        ocsp::{Hash, MAX_ANSWER, Question, REQUEST_TYPE},
        revocation::Checked,
        status::Answer,
    },
    trust::hosts::Kind,
};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

/// How long each kind of question may take, all its URLs together.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub ocsp: Duration,
    pub list: Duration,
    /// A request waits.
    pub urgent: bool,
}

/// While a request waits: together they are below what it waits.
pub const FOR_A_REQUEST: Patience = Patience { ocsp: Duration::from_millis(1_200), list: Duration::from_millis(700), urgent: true };
pub const AHEAD: Patience = Patience { ocsp: Duration::from_secs(5), list: Duration::from_secs(20), urgent: false };

/// What was answered and by which URL, or the code of the first thing that went wrong.
pub type Asked = Result<(Answer, String), &'static str>;

/// Each URL once; the first answer that counts.
pub async fn ask(app: &App, checked: &Checked, patience: Patience) -> Asked {
    let mut first_failure = None;
    let ends = Instant::now() + patience.ocsp;
    for url in &checked.pointers.ocsp {
        match within(ends, ocsp(app, checked, url, ends)).await {
            Ok(answer) => return Ok(answer),
            Err(code) => first_failure = first_failure.or(Some(code)),
        }
    }
    let ends = Instant::now() + patience.list;
    for url in &checked.pointers.crl {
        match within(ends, list(app, checked, url, ends, patience.urgent)).await {
            Ok(answer) => return Ok(answer),
            Err(code) => first_failure = first_failure.or(Some(code)),
        }
    }
    Err(first_failure.unwrap_or("NO_POINTERS"))
}

async fn within(ends: Instant, asking: impl Future<Output = Asked>) -> Asked {
    timeout_at(ends, asking).await.unwrap_or(Err("TIMED_OUT"))
}

async fn ocsp(app: &App, checked: &Checked, url: &str, ends: Instant) -> Asked {
    let question = Question { issuer: &checked.issuer, serial: checked.serial, nonce: None };
    let request = question.request(Hash::Sha1).map_err(|_| "ISSUER_UNREADABLE")?;
    let body = fetch(app, Kind::Ocsp, url, Some((REQUEST_TYPE, request)), MAX_ANSWER, ends).await?;
    let verdict = question.judge(&body, app.clock.now());
    count(Kind::Ocsp, verdict.as_ref().map_or_else(|error| error.code(), |_| "answered"));
    let (answer, _) = verdict.map_err(|error| {
        tracing::warn!(url, %error, "an OCSP answer does not count");
        error.code()
    })?;
    Ok((answer, url.to_owned()))
}

async fn list(app: &App, checked: &Checked, url: &str, ends: Instant, urgent: bool) -> Asked {
    let key = checked.key();
    let read = match fresh_list(app, url, key.issuer) {
        Some(list) => list,
        None => {
            let lists = &app.statuses.lists;
            let _turn = if urgent { &lists.urgent_readers } else { &lists.readers }.acquire().await.map_err(|_| "STOPPING")?;
            // somebody may have read it while we waited
            match fresh_list(app, url, key.issuer) {
                Some(list) => list,
                None => read_list(app, checked, url, ends).await?,
            }
        }
    };
    let answer = read.answer(checked.serial, &checked.pointers.crl, app.clock.now()).map_err(|error| error.code());
    count(Kind::List, answer.err().unwrap_or("answered"));
    Ok((answer?, url.to_owned()))
}

/// Fetched so lately that a newer one would not be asked for either.
fn fresh_list(app: &App, url: &str, issuer: [u8; 32]) -> Option<Arc<RevocationList>> {
    let (now, age) = (app.clock.now(), app.statuses.max_age()?);
    app.statuses.lists.get(url, issuer, now - age / 4).filter(|list| list.until > now)
}

async fn read_list(app: &App, checked: &Checked, url: &str, ends: Instant) -> Result<Arc<RevocationList>, &'static str> {
    let fetched_at: OffsetDateTime = app.clock.now();
    let der = fetch(app, Kind::List, url, None, MAX_LIST, ends).await?;
    let issuer = checked.issuer.clone();
    // megabytes are hashed and sorted: not on a thread that answers requests
    let read = tokio::task::spawn_blocking(move || RevocationList::read(&der, &issuer)).await.map_err(|_| "STOPPING")?;
    let list = Arc::new(read.map_err(|error| {
        tracing::warn!(url, %error, "a revocation list does not count");
        count(Kind::List, error.code());
        error.code()
    })?);
    app.statuses.lists.put(url, checked.key().issuer, list.clone(), fetched_at);
    Ok(list)
}

async fn fetch(
    app: &App,
    kind: Kind,
    url: &str,
    post: Option<(&'static str, Vec<u8>)>,
    max_bytes: usize,
    ends: Instant,
) -> Result<Vec<u8>, &'static str> {
    let host = host_of(url);
    let turns = app.statuses.hosts.turns(kind, host, app.clock.now()).ok_or("HOST_RESTS")?;
    let Ok(turn) = timeout_at(ends, turns.acquire()).await else { return Err("HOST_BUSY") };
    let deadline = ends.saturating_duration_since(Instant::now());
    let fetched = app.outbound.fetch(Fetch { url, post, max_bytes, deadline }).await;
    drop(turn);
    app.statuses.hosts.note(kind, host, fetched.is_ok(), app.clock.now());
    fetched.map_err(|error| {
        tracing::warn!(url, %error, "no answer about revocation");
        let code = match error {
            FetchError::Forbidden => "FETCH_FORBIDDEN",
            FetchError::TimedOut => "TIMED_OUT",
            FetchError::TooLarge => "FETCH_TOO_LARGE",
            FetchError::Redirected => "FETCH_REDIRECTED",
            FetchError::Status(_) => "FETCH_STATUS",
            FetchError::Failed => "FETCH_FAILED",
        };
        count(kind, code);
        code
    })
}

/// `http://host:port/path` -> `host:port`.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn count(kind: Kind, outcome: &'static str) {
    metrics::counter!("guichet_revocation_answers_total", "kind" => kind.name(), "outcome" => outcome).increment(1);
}
