//! The bank's side of the contract: who its customers are, how they authenticate, and what it remembers of each question.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

pub const PASSWORD: &str = "demo";
pub const CODE: &str = "123456";
const MOST_WRONG: u16 = 3;
/// How long the app takes to approve.
pub const APP_TAKES: Duration = Duration::seconds(2);

/// Customers by login: anna approves in the app, ben types a code, carla may do either and has three accounts. A login that is
/// the name of a failure meets it in the app.
pub fn logins() -> Vec<&'static str> {
    ["anna", "ben", "carla"].into_iter().chain(FAILURES).collect()
}

/// What a challenge can report beside an approval.
pub const FAILURES: [&str; 6] = ["cancelled", "timed_out", "blocked_after_failures", "wrong_device", "suspended", "technical"];
/// What a method's state can be beside `active`: a login of this name has no other method.
pub const STATES: [&str; 7] =
    ["waiting_for_validation", "pending_enrollment", "suspended_enrollment", "disabled", "terminated", "otp_suspended", "no_method"];

type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Cheap to clone; clones share the memory.
#[derive(Clone)]
pub struct Bank {
    now: Clock,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// By login, in a row.
    wrong_passwords: HashMap<String, u16>,
    /// By the bank's reference, which is made of the challenge's id: asked for twice, it is the same.
    challenges: HashMap<String, Challenge>,
    /// By `Idempotency-Key`.
    answered: HashMap<String, Value>,
}

struct Challenge {
    login: String,
    method: String,
    linked_hash: String,
    asked_at: OffsetDateTime,
    wrong: u16,
    /// Once it is settled, it stays so.
    end: Option<Value>,
}

type Answer = Result<Json<Value>, StatusCode>;

impl Bank {
    pub fn new(now: Clock) -> Self {
        Self { now, memory: Arc::default() }
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/eligibility", post(eligibility))
            .route("/accounts", post(accounts))
            .route("/challenges", post(challenge))
            .route("/challenges/{reference}", get(poll).delete(cancel))
            .route("/challenges/{reference}/answer", post(answer))
            .with_state(self)
    }

    /// So that a test may see what was asked for, and that nobody waits for it any more.
    #[allow(dead_code)]
    pub fn was_cancelled(&self) -> bool {
        self.with(|memory| memory.challenges.values().any(|c| c.end.as_ref().is_some_and(|end| end["reason"] == "cancelled")))
    }

    #[allow(dead_code)]
    pub fn challenges(&self) -> usize {
        self.with(|memory| memory.challenges.len())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same key is the same question, and has the same answer.
    fn once(&self, headers: &HeaderMap, act: impl FnOnce(&mut Memory) -> Answer) -> Answer {
        let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).ok_or(StatusCode::BAD_REQUEST)?.to_owned();
        self.with(|memory| {
            if let Some(answer) = memory.answered.get(&key) {
                return Ok(Json(answer.clone()));
            }
            let Json(answer) = act(memory)?;
            memory.answered.insert(key, answer.clone());
            Ok(Json(answer))
        })
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, StatusCode> {
    value[name].as_str().ok_or(StatusCode::BAD_REQUEST)
}

/// The opaque name of a customer is no login; here it is good enough.
fn login_of(psu: &str) -> Option<&str> {
    psu.strip_prefix("psu-").filter(|login| is_known(login))
}

fn is_known(login: &str) -> bool {
    logins().contains(&login) || STATES.contains(&login)
}

fn methods(login: &str) -> Value {
    let app = json!({ "id": "app", "kind": "app", "label": "Demo app", "state": "active" });
    let sms = json!({ "id": "sms", "kind": "otp", "label": "SMS to +33 6 .. .. .. 12", "state": "active" });
    match login {
        "ben" => json!([sms]),
        "carla" => json!([app, sms]),
        "no_method" => json!([]),
        state if STATES.contains(&state) => json!([{ "id": "app", "kind": "app", "label": "Demo app", "state": state }]),
        _ => json!([app]),
    }
}

async fn eligibility(State(bank): State<Bank>, headers: HeaderMap, Json(asked): Json<Value>) -> Answer {
    let (login, password) = (text(&asked, "login")?, text(&asked, "password")?);
    bank.once(&headers, |memory| {
        let wrong = memory.wrong_passwords.entry(login.to_owned()).or_default();
        if *wrong >= MOST_WRONG {
            return Ok(Json(json!({ "status": "failed", "reason": "suspended" })));
        }
        if !is_known(login) || password != PASSWORD {
            *wrong += 1;
            return Ok(Json(json!({ "status": "wrong_credentials", "attempts_left": MOST_WRONG - *wrong })));
        }
        *wrong = 0;
        Ok(Json(json!({ "status": "known", "psu": format!("psu-{login}"), "methods": methods(login) })))
    })
}

async fn accounts(State(_): State<Bank>, Json(asked): Json<Value>) -> Answer {
    let login = login_of(text(&asked, "psu")?).ok_or(StatusCode::BAD_REQUEST)?;
    let account =
        |n: u32, iban: &str| json!({ "id": format!("{login}-{n}"), "iban": iban, "label": format!("Account {n}"), "currency": "EUR" });
    let mut accounts = vec![account(1, "FR7630099000010000000000120")];
    if login == "carla" {
        accounts.extend([account(2, "FR7630099000010000000000217"), account(3, "FR7630099000010000000000314")]);
    }
    Ok(Json(json!({ "accounts": accounts })))
}

async fn challenge(State(bank): State<Bank>, Json(asked): Json<Value>) -> Answer {
    let login = login_of(text(&asked, "psu")?).ok_or(StatusCode::BAD_REQUEST)?;
    let method = text(&asked, "method")?;
    if !methods(login).as_array().is_some_and(|all| all.iter().any(|one| one["id"] == method && one["state"] == "active")) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let (reference, now) = (format!("c-{}", text(&asked, "challenge")?), (bank.now)());
    let linked_hash = text(&asked, "linked_hash")?.to_owned();
    bank.with(|memory| {
        let new = || Challenge { login: login.to_owned(), method: method.to_owned(), linked_hash, asked_at: now, wrong: 0, end: None };
        let challenge = memory.challenges.entry(reference.clone()).or_insert_with(new);
        Ok(Json(challenge.standing(&reference, now)))
    })
}

async fn poll(State(bank): State<Bank>, Path(reference): Path<String>) -> Answer {
    let now = (bank.now)();
    bank.with(|memory| {
        let challenge = memory.challenges.get_mut(&reference).ok_or(StatusCode::NOT_FOUND)?;
        Ok(Json(challenge.standing(&reference, now)))
    })
}

async fn cancel(State(bank): State<Bank>, Path(reference): Path<String>) -> StatusCode {
    bank.with(|memory| match memory.challenges.get_mut(&reference) {
        Some(challenge) => {
            challenge.end.get_or_insert_with(|| failed(&reference, "cancelled"));
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    })
}

async fn answer(State(bank): State<Bank>, Path(reference): Path<String>, headers: HeaderMap, Json(asked): Json<Value>) -> Answer {
    let (code, now) = (text(&asked, "code")?, (bank.now)());
    bank.once(&headers, |memory| {
        let challenge = memory.challenges.get_mut(&reference).ok_or(StatusCode::NOT_FOUND)?;
        if challenge.end.is_none() && challenge.method == "sms" {
            if code == CODE {
                challenge.end = Some(challenge.approved(&reference, now));
            } else {
                challenge.wrong += 1;
                if challenge.wrong < MOST_WRONG {
                    let left = MOST_WRONG - challenge.wrong;
                    return Ok(Json(json!({ "status": "wrong_code", "reference": reference, "attempts_left": left })));
                }
                challenge.end = Some(failed(&reference, "otp_suspended"));
            }
        }
        Ok(Json(challenge.standing(&reference, now)))
    })
}

impl Challenge {
    fn standing(&mut self, reference: &str, now: OffsetDateTime) -> Value {
        let app_is_done = self.method == "app" && now - self.asked_at >= APP_TAKES;
        if self.end.is_none() && app_is_done {
            let failure = FAILURES.iter().find(|failure| **failure == self.login);
            self.end = Some(failure.map_or_else(|| self.approved(reference, self.asked_at + APP_TAKES), |why| failed(reference, why)));
        }
        let hint = if self.method == "sms" { "SMS to +33 6 .. .. .. 12" } else { "Demo app" };
        self.end.clone().unwrap_or_else(|| json!({ "status": "pending", "reference": reference, "hint": hint }))
    }

    fn approved(&self, reference: &str, at: OffsetDateTime) -> Value {
        let at = at.format(&Rfc3339).unwrap_or_default();
        json!({ "status": "approved", "reference": reference, "method": self.method, "at": at, "linked_hash": self.linked_hash })
    }
}

fn failed(reference: &str, reason: &str) -> Value {
    json!({ "status": "failed", "reference": reference, "reason": reason })
}
