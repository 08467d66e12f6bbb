//! `guichet contract-check`: passes the reference back end, and finds what a broken one breaks.

use crate::harness::{
    bank::pki,
    sca::{
        Reference, listen,
        reference::{CODE, PASSWORD},
    },
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::HeaderMap,
    middleware::{self, Next},
    response::Response,
};
use guichet::clock::{Clock, System};
use serde_json::{Value, json};
use std::{process::Command, sync::Arc};

/// Exit code, and the rules that failed.
async fn checked(port: u16, login: &str) -> (i32, Vec<String>) {
    let file = |name: &str| pki().1.file(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    command.args(["contract-check", &format!("https://localhost:{port}"), "--login", login, "--password", PASSWORD, "--otp", CODE]);
    command.arg("--ca").arg(file("bank-ca.pem")).arg("--certificate").arg(file("gateway.pem")).arg("--key").arg(file("gateway.key"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(PASSWORD) && !text.contains(CODE), "{text}");
    let failed = text.lines().filter_map(|line| line.strip_prefix("FAIL  ")).map(|line| line.split(": ").next().unwrap().to_owned());
    (output.status.code().unwrap(), failed.collect())
}

fn reference() -> Router {
    Reference::new(Arc::new(|| System::new().now())).router()
}

/// The reference back end, with each answer to `path` changed.
fn broken(path: &'static str, change: fn(&mut Value)) -> Router {
    reference().layer(middleware::from_fn(move |request: Request, next: Next| async move {
        let hit = request.uri().path().ends_with(path);
        let (parts, body) = next.run(request).await.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if !hit || value.is_null() {
            return Response::from_parts(parts, Body::from(bytes));
        }
        change(&mut value);
        let mut parts = parts;
        parts.headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        Response::from_parts(parts, Body::from(value.to_string()))
    }))
}

fn approved(answer: &mut Value, member: &str, value: &str) {
    if answer["status"] == "approved" {
        answer[member] = json!(value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_back_end_keeps_the_contract() {
    let port = listen("internal", reference()).await;
    for login in ["anna", "ben", "carla"] {
        assert_eq!(checked(port, login).await, (0, vec![]), "{login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_back_end_fails_where_it_is_broken() {
    type Break = fn(&mut Value);
    let cases: [(&str, Break, &str); 5] = [
        ("/answer", |v| approved(v, "linked_hash", "x"), "it brings `linked_hash` back unchanged"),
        ("/answer", |v| approved(v, "at", "2020-01-01T00:00:00Z"), "its time lies between the challenge and now"),
        ("/accounts", |v| v["accounts"][0]["id"] = json!("an id with spaces"), "the customer's accounts are told"),
        ("/eligibility", |v| v["more"] = json!(1), "a wrong password is told as `wrong_credentials`"),
        ("/challenges", |v| v["reference"] = json!("../x"), "a challenge has a reference and is pending"),
    ];
    for (path, change, rule) in cases {
        let (code, failed) = checked(listen("internal", broken(path, change)).await, "ben").await;
        assert_eq!((code, failed), (8, vec![rule.to_owned()]), "{path}");
    }
    // nobody there, and nobody who is the bank
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for port in [away, listen("server", reference()).await] {
        assert_eq!(checked(port, "ben").await.0, 8);
    }
}
