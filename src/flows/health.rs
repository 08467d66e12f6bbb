//! Whether this process has started, may be asked, and is well: what probes and operators are told.

use crate::{
    app::{App, Current, Installed, Shared},
    oauth::{brand::Brand, partition::Partition},
    pki::TrustState,
    signing::NotSigned,
    storage::{SchemaState, Vitals},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::{sync::Mutex as Turn, time::timeout};

/// A report is good for so long, however many ask.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// The database has so long to answer a probe.
const DEADLINE: Duration = Duration::from_secs(1);
/// Codes live for a minute at most: a clock that is further off than this would be noticed by TPPs.
const MOST_APART: time::Duration = time::Duration::seconds(5);
/// A certificate of ours that ends sooner is told of.
const ENDS_SOON: time::Duration = time::Duration::days(14);

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// And what it is waiting for.
    Starting(&'static str),
    Serving,
    /// Still answering, and wants no more.
    Stopping,
}

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Well,
    /// Requests are answered; somebody should look at it.
    Degraded,
    /// Requests would fail: send them elsewhere.
    Failing,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: &'static str,
    /// Which one, where there are several: a brand, a listener.
    pub of: Option<String>,
    pub state: State,
    /// Beside the state, by name.
    pub facts: Vec<(&'static str, Value)>,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub checks: Vec<Check>,
}

impl Report {
    /// As bad as the worst of all.
    pub fn state(&self) -> State {
        self.checks.iter().map(|check| check.state).max().unwrap_or(State::Well)
    }
}

/// How the settings came to be those in force.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    at: OffsetDateTime,
    /// What was tried after that was refused.
    refused: bool,
}

pub struct Health {
    shared: Arc<Shared>,
    stage: Mutex<Stage>,
    current: OnceLock<Current>,
    loaded: Mutex<Loaded>,
    /// One looks, the others wait for it.
    last: Turn<Option<(Instant, Arc<Report>)>>,
}

impl Health {
    pub fn new(shared: Arc<Shared>) -> Self {
        let loaded = Loaded { at: shared.clock.now(), refused: false };
        let health = Self {
            stage: Mutex::new(Stage::Starting("settings")),
            current: OnceLock::new(),
            loaded: Mutex::new(loaded),
            last: Turn::new(None),
            shared,
        };
        health.note_reload(true);
        health
    }

    pub fn stage(&self) -> Stage {
        *lock(&self.stage)
    }

    pub fn waits_for(&self, what: &'static str) {
        *lock(&self.stage) = Stage::Starting(what);
    }

    pub fn serves(&self, current: Current) {
        if self.current.set(current).is_ok() {
            *lock(&self.stage) = Stage::Serving;
        }
    }

    pub fn stops(&self) {
        *lock(&self.stage) = Stage::Stopping;
    }

    /// Settings were taken up, or refused.
    pub fn note_reload(&self, taken_up: bool) {
        let mut loaded = lock(&self.loaded);
        if taken_up {
            loaded.at = self.shared.clock.now();
            metrics::gauge!("guichet_configuration_loaded_seconds").set(loaded.at.unix_timestamp() as f64);
        }
        loaded.refused = !taken_up;
        metrics::gauge!("guichet_configuration_refused").set(if taken_up { 0.0 } else { 1.0 });
    }

    /// None: nothing is served yet.
    pub async fn report(&self) -> Option<Arc<Report>> {
        let current = self.current.get()?;
        let mut last = self.last.lock().await;
        if let Some((_, report)) = last.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR) {
            return Some(report.clone());
        }
        let report = Arc::new(self.look(&current.installed()).await);
        *last = Some((Instant::now(), report.clone()));
        Some(report)
    }

    async fn look(&self, installed: &Installed) -> Report {
        let (began, before) = (Instant::now(), self.shared.clock.now());
        let vitals = timeout(DEADLINE, self.shared.db.vitals()).await;
        let (took, now) = (began.elapsed(), self.shared.clock.now());
        let between = before + (now - before) / 2;
        let mut checks = match vitals {
            Ok(Ok(vitals)) => database(&vitals, took, between),
            Ok(Err(outage)) => {
                tracing::warn!(error = %outage, "not ready: the database");
                vec![no_database("no_answer")]
            }
            Err(_) => vec![no_database("timed_out")],
        };
        let app = &installed.app;
        checks.push(token_tables(app, now));
        checks.push(watch(app));
        checks.extend(trust(app, now));
        checks.extend(signing(app, now));
        checks.extend(app.brands.iter().filter_map(|brand| sca(app, brand)));
        checks.extend(installed.certificates.iter().map(|own| certificate(own.shown_by, own.not_after, now)));
        checks.push(configuration(*lock(&self.loaded)));
        Report { checks }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check<const N: usize>(name: &'static str, state: State, facts: [(&'static str, Value); N]) -> Check {
    Check { name, of: None, state, facts: facts.into() }
}

fn no_database(why: &'static str) -> Check {
    check("database", State::Failing, [("why", json!(why))])
}

fn database(vitals: &Vitals, took: Duration, now: OffsetDateTime) -> Vec<Check> {
    let (schema, found, needed) = match vitals.schema {
        SchemaState::Current { version } => (State::Well, version, version),
        SchemaState::Ahead { found, own } => (State::Well, found, own),
        SchemaState::Older { found, needed } | SchemaState::Newer { found, needed } => (State::Failing, found, needed),
    };
    let ahead = now - vitals.clock;
    let clock = if ahead.abs() > MOST_APART { State::Degraded } else { State::Well };
    vec![
        check("database", State::Well, [("milliseconds", json!(took.as_millis() as u64))]),
        check("schema", schema, [("found", json!(found)), ("needed", json!(needed))]),
        check("clock", clock, [("seconds_ahead_of_database", json!(rounded(ahead)))]),
    ]
}

/// In tenths.
fn rounded(duration: time::Duration) -> f64 {
    (duration.as_seconds_f64() * 10.0).round() / 10.0
}

/// Tokens without a table of their own are slower, and true all the same.
fn token_tables(app: &App, now: OffsetDateTime) -> Check {
    let needed: BTreeSet<_> = Partition::needed(app.brands.iter().map(AsRef::as_ref), now);
    let missing = needed.difference(&app.db.known_token_tables()).count();
    check("token_tables", if missing == 0 { State::Well } else { State::Degraded }, [("missing", json!(missing))])
}

/// Who knows nothing of today's blocks lets nobody in.
fn watch(app: &App) -> Check {
    let (now, watched) = (Instant::now(), &app.trust.watched);
    let state = if watched.is_recent(now) { State::Well } else { State::Failing };
    check("watch", state, [("age_seconds", json!(watched.age(now).as_secs()))])
}

/// A brand that trusts nobody is served by no replica; if none of the brands does, this one is of no use.
fn trust(app: &App, now: OffsetDateTime) -> Vec<Check> {
    let states: Vec<_> = app.brands.iter().map(|brand| (brand, app.trust.of(&brand.id).map(|today| today.trust().state(now)))).collect();
    let usable = |state: &Option<TrustState>| state.as_ref().is_some_and(TrustState::is_usable);
    let none = states.iter().all(|(_, state)| !usable(state));
    let checks = states.iter().map(|(brand, found)| {
        let state = match found {
            _ if none => State::Failing,
            Some(found) if found.is_usable() && found.stale == 0 => State::Well,
            Some(_) | None => State::Degraded,
        };
        let mut facts = vec![];
        if let Some(found) = found {
            facts.push(("authorities", json!(found.authorities)));
            if found.lists > 0 {
                facts.extend([("lists", json!(found.lists)), ("stale_lists", json!(found.stale))]);
                let due = found.first_next_update.map(|at| (at - now).whole_days());
                facts.push(("days_to_first_next_update", json!(due)));
            }
        }
        Check { name: "trust", of: Some(brand.id.to_string()), state, facts }
    });
    checks.collect()
}

/// Where access tokens are signed. If none of the brands can issue any, this replica is of no use.
fn signing(app: &App, now: OffsetDateTime) -> Option<Check> {
    let signed = app.brands.iter().filter(|brand| brand.access_tokens.is_signed()).count();
    if signed == 0 {
        return None;
    }
    let why = match app.signing.signer(now) {
        Ok(_) => return Some(check("signing", State::Well, [])),
        Err(NotSigned::NoKey) => "no_key",
        Err(NotSigned::Locked) => "locked",
    };
    let state = if signed == app.brands.len() { State::Failing } else { State::Degraded };
    Some(check("signing", state, [("why", json!(why))]))
}

/// Of brands whose bank has a back end. The others' journeys and all machine endpoints go on without it.
fn sca(app: &App, brand: &Brand) -> Option<Check> {
    let open = app.drivers.http(&brand.id)?.is_open();
    let state = if open { State::Degraded } else { State::Well };
    Some(Check { name: "sca", of: Some(brand.id.to_string()), state, facts: vec![("asked", json!(!open))] })
}

/// Taking a replica out does not renew a certificate.
fn certificate(of: &'static str, not_after: OffsetDateTime, now: OffsetDateTime) -> Check {
    let left = not_after - now;
    let state = if left < ENDS_SOON { State::Degraded } else { State::Well };
    Check { name: "certificates", of: Some(of.to_owned()), state, facts: vec![("days_left", json!(left.whole_days()))] }
}

fn configuration(Loaded { at, refused }: Loaded) -> Check {
    let state = if refused { State::Degraded } else { State::Well };
    check("configuration", state, [("loaded_at", json!(at.unix_timestamp())), ("last_reload_refused", json!(refused))])
}
