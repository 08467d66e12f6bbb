//! A back end that is dead, slow, broken or lying: never a token, always a way home with `error` and `state`, never a hang.

use crate::{
    driver::home_with_error,
    harness::{
        Bank, BankOptions, CIC, LBP,
        psu::Psu,
        sca::{bank_behind, listen, reference::CODE, reference::PASSWORD, settings},
    },
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use guichet::oauth::tpp::PspRole::AccountInformation;
use http::StatusCode;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use time::Duration as Span;

/// What becomes of an answer.
#[derive(Clone)]
enum Lie {
    Instead(Value),
    Status(u16),
    Text(String),
    Silence,
    /// A body that never ends, a byte at a time.
    Drip,
    Huge,
    Break,
}

async fn told(lie: Lie, answer: Response) -> Response {
    match lie {
        Lie::Instead(value) => axum::Json(value).into_response(),
        Lie::Status(status) => (StatusCode::from_u16(status).unwrap(), answer.into_body()).into_response(),
        Lie::Text(text) => ([("content-type", "application/json")], text).into_response(),
        Lie::Silence => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            answer
        }
        Lie::Drip => {
            let drip = async { tokio::time::sleep(Duration::from_secs(30)).await };
            let (mut parts, body) = answer.into_parts();
            parts.headers.insert("content-length", "100000".parse().unwrap());
            drip.await;
            Response::from_parts(parts, body)
        }
        Lie::Huge => ([("content-type", "application/json")], vec![b' '; 1 << 20]).into_response(),
        Lie::Break => panic!("the back end breaks off"),
    }
}

/// The question of this path: `eligibility`, `challenge`, `poll` or `answer`.
fn question(request: &Request) -> &'static str {
    match (request.method().as_str(), request.uri().path()) {
        ("POST", "/eligibility") => "eligibility",
        ("POST", "/challenges") => "challenge",
        ("POST", path) if path.ends_with("/answer") => "answer",
        ("GET", _) => "poll",
        _ => "other",
    }
}

/// Tells `lie` in answer to this question, all others as they are.
fn lying(at: &'static str, lie: impl Fn(&Value) -> Lie + Clone + Send + Sync + 'static) -> impl FnOnce(Router) -> Router {
    move |routes| {
        routes.layer(middleware::from_fn(move |request: Request, next: Next| {
            let (hit, lie) = (question(&request) == at, lie.clone());
            async move {
                let answer = next.run(request).await;
                if !hit {
                    return answer;
                }
                let (parts, body) = answer.into_parts();
                let bytes = to_bytes(body, 1 << 20).await.unwrap();
                let was = serde_json::from_slice(&bytes).unwrap_or_default();
                told(lie(&was), Response::from_parts(parts, Body::from(bytes))).await
            }
        }))
    }
}

/// Goes as far as the back end lets it: signs in, approves, types the code, looks again.
async fn gone_through(bank: &Bank, psu: &mut Psu, login: &str) {
    psu.name(login, PASSWORD).await;
    psu.post(&[("decision", "approve")]).await;
    if login == "ben" {
        psu.post(&[("decision", "otp"), ("otp", CODE)]).await;
    }
    for _ in 0..4 {
        if psu.page.body.contains("/return") {
            break;
        }
        bank.clock.advance(Span::seconds(2));
        psu.look().await;
    }
}

#[track_caller]
fn in_time(began: Instant) {
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

async fn nothing_given(bank: &Bank) {
    let grants: i64 = sqlx::query_scalar("select count(*) from grants").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!((grants, bank.audited("code_issued", "").await), (0, 0));
}

/// The lie ends the journey at once or after a few looks, in the channel's words for a technical failure.
async fn honest_way_home(what: &str, at: &'static str, login: &str, lie: impl Fn(&Value) -> Lie + Clone + Send + Sync + 'static) {
    let (bank, _) = bank_behind("internal", lying(at, lie)).await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    let began = Instant::now();
    let mut psu = client.authorize("web", "aisp").await;
    gone_through(&bank, &mut psu, login).await;
    let landing = psu.go_home().await;
    home_with_error(&landing);
    assert_eq!(landing.get("error"), "temporarily_unavailable", "{what} at {at}");
    in_time(began);
    assert!(bank.audited("interaction_failed", "technical").await == 1, "{what} at {at}");
    nothing_given(&bank).await;
}

#[tokio::test]
async fn a_back_end_that_breaks_sends_the_customer_home() {
    for (at, login) in [("eligibility", "anna"), ("challenge", "anna"), ("poll", "anna"), ("answer", "ben")] {
        for (what, lie) in [
            ("500", Lie::Status(500)),
            ("503", Lie::Status(503)),
            ("404", Lie::Status(404)),
            ("302", Lie::Status(302)),
            ("garbage", Lie::Text("<html>".into())),
            ("nothing", Lie::Text(String::new())),
            ("another's JSON", Lie::Instead(json!({ "ok": true }))),
            ("huge", Lie::Huge),
            ("breaks off", Lie::Break),
        ] {
            honest_way_home(what, at, login, move |_| lie.clone()).await;
        }
    }
}

#[tokio::test]
async fn a_back_end_that_is_silent_or_slow_hangs_nobody() {
    for (at, login) in [("eligibility", "anna"), ("challenge", "anna"), ("answer", "ben")] {
        for (what, lie) in [("silence", Lie::Silence), ("drip", Lie::Drip)] {
            honest_way_home(what, at, login, move |_| lie.clone()).await;
        }
    }
}

/// RTS art. 5 and what else an approval must be.
#[tokio::test]
async fn an_approval_of_anything_else_is_none() {
    let lies: [(&str, &str, Value); 7] = [
        ("wrong_hash", "linked_hash", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("wrong_hash", "linked_hash", json!("")),
        ("wrong_time", "at", json!("2020-01-01T00:00:00Z")),
        ("wrong_time", "at", json!("2099-01-01T00:00:00Z")),
        ("wrong_challenge", "method", json!("sms")),
        ("wrong_challenge", "reference", json!("c-another")),
        ("unreadable", "at", json!("today")),
    ];
    for (reason, member, value) in lies {
        let (bank, _) = bank_behind(
            "internal",
            lying("poll", move |was| {
                let mut now = was.clone();
                if now["status"] == "approved" {
                    now[member] = value.clone();
                }
                Lie::Instead(now)
            }),
        )
        .await;
        let client = bank.tpp([AccountInformation]).register(CIC).await;
        let mut psu = client.authorize("web", "aisp").await;
        gone_through(&bank, &mut psu, "anna").await;
        home_with_error(&psu.go_home().await);
        assert_eq!(bank.audited("sca_fault", reason).await, 1, "{member}");
        nothing_given(&bank).await;
    }
}

/// A bank that says approved, then failed, then approved: the first answer counted.
#[tokio::test]
async fn a_second_answer_changes_nothing() {
    let approved = Arc::new(AtomicBool::new(false));
    let seen = approved.clone();
    let twist = lying("poll", move |was| {
        let again = was["status"] == "approved" && seen.swap(true, Ordering::SeqCst);
        if again {
            Lie::Instead(json!({ "status": "failed", "reference": was["reference"], "reason": "cancelled" }))
        } else {
            Lie::Instead(was.clone())
        }
    });
    let (bank, _) = bank_behind("internal", twist).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let mut psu = client.authorize("web", "aisp").await;
    gone_through(&bank, &mut psu, "anna").await;
    assert!(approved.load(Ordering::SeqCst));
    for _ in 0..3 {
        bank.clock.advance(Span::seconds(2));
        psu.look().await;
    }
    let code = psu.go_home().await.code().to_owned();
    client.redeem("web", "aisp", &code).await.ok(200);
}

#[tokio::test]
async fn whoever_is_not_the_banks_back_end_is_not_asked() {
    // of another authority
    let (bank, _) = bank_behind("server", |routes| routes).await;
    // nobody there; the breaker opens, and the next customers do not even wait
    let closed = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let away = Bank::with(BankOptions { brand_extra: settings(closed, 1), ..BankOptions::default() }).await;
    for bank in [bank, away] {
        let client = bank.tpp([AccountInformation]).register(LBP).await;
        for round in 0..7 {
            let mut psu = client.authorize("web", "aisp").await;
            psu.name("anna", PASSWORD).await;
            assert_eq!(psu.go_home().await.get("error"), "temporarily_unavailable");
            let reason = if round < 5 { "unreachable" } else { "open" };
            assert!(bank.audited("sca_fault", reason).await > 0, "{round}");
        }
        nothing_given(&bank).await;
    }
}

/// Once it is back, it is asked again: the injected clock says when.
#[tokio::test]
async fn the_breaker_closes_when_the_back_end_is_well_again() {
    let ill = Arc::new(AtomicBool::new(true));
    let state = ill.clone();
    let twist = lying("eligibility", move |was| if state.load(Ordering::SeqCst) { Lie::Status(500) } else { Lie::Instead(was.clone()) });
    let (bank, _) = bank_behind("internal", twist).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let arrives = async || {
        let mut psu = client.authorize("web", "aisp").await;
        psu.name("anna", PASSWORD).await;
        !psu.page.body.contains("/return")
    };
    for _ in 0..6 {
        assert!(!arrives().await);
    }
    ill.store(false, Ordering::SeqCst);
    assert!(!arrives().await, "not asked yet");
    bank.clock.advance(Span::seconds(10));
    assert!(arrives().await && arrives().await);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof!["known", "approved", "pending", "failed", "wrong_code", ".*"].prop_map(Value::from),
    ];
    let name = prop_oneof!["status", "reference", "method", "methods", "at", "linked_hash", "psu", "reason", "attempts_left", "[a-z]{1,5}"];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..7).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Any JSON at all, in answer to any question: a way home, and no token.
#[tokio::test]
async fn no_json_at_all_gives_a_token_or_holds_a_customer() {
    let mut runner = TestRunner::deterministic();
    let answers: Arc<Vec<Value>> = Arc::new((0..40).map(|_| any_json().new_tree(&mut runner).unwrap().current()).collect());
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for (at, login) in [("eligibility", "anna"), ("challenge", "anna"), ("poll", "anna"), ("answer", "ben")] {
        let (answers, next) = (answers.clone(), next.clone());
        let twist = lying(at, move |_| Lie::Instead(answers[next.fetch_add(1, Ordering::SeqCst) % answers.len()].clone()));
        let (bank, _) = bank_behind("internal", twist).await;
        let client = bank.tpp([AccountInformation]).register(CIC).await;
        for _ in 0..10 {
            let mut psu = client.authorize("web", "aisp").await;
            gone_through(&bank, &mut psu, login).await;
            home_with_error(&psu.go_home().await);
            // the breaker would spare the others
            bank.clock.advance(Span::seconds(11));
        }
        nothing_given(&bank).await;
    }
}

/// Nothing answers as nobody asked for it: the routes of the contract are all there are.
#[tokio::test]
async fn a_back_end_without_routes_is_no_back_end() {
    let port = listen("internal", Router::new()).await;
    let bank = Bank::with(BankOptions { brand_extra: settings(port, 1), ..BankOptions::default() }).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let mut psu = client.authorize("web", "aisp").await;
    psu.name("anna", PASSWORD).await;
    home_with_error(&psu.go_home().await);
    assert_eq!(bank.audited("sca_fault", "status").await, 1);
}
