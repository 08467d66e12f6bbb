//! For the bank's operators, on loopback: is it alive, has it started, is it ready, what does it measure.

use super::respond;
use crate::{
    app::Shared,
    flows::{
        self,
        health::{Check, Health, Report, Stage, State},
    },
    telemetry::process,
};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};

/// The process answers. Nothing else is looked at: who is not live is killed, and that mends no database.
pub async fn live() -> Response {
    respond::json(StatusCode::OK, &json!({ "status": "live" }))
}

/// The first start is over. It stays so.
pub fn started(health: &Health) -> Response {
    match health.stage() {
        Stage::Starting(what) => starting(what),
        Stage::Serving | Stage::Stopping => respond::json(StatusCode::OK, &json!({ "status": "started" })),
    }
}

/// Requests would be answered now.
pub async fn ready(health: &Health) -> Response {
    match health.stage() {
        Stage::Starting(what) => starting(what),
        Stage::Stopping => respond::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "stopping" })),
        Stage::Serving => match health.report().await {
            Some(report) => answer(&report),
            None => starting("settings"),
        },
    }
}

fn starting(what: &str) -> Response {
    respond::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "starting", "waits_for": what }))
}

fn answer(report: &Report) -> Response {
    let (code, status) = match report.state() {
        State::Well => (StatusCode::OK, "ready"),
        State::Degraded => (StatusCode::OK, "degraded"),
        State::Failing => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
    };
    let mut checks = Map::new();
    for check in &report.checks {
        match &check.of {
            None => drop(checks.insert(check.name.to_owned(), shown(check))),
            Some(of) => {
                if let Some(all) = checks.entry(check.name).or_insert_with(|| json!({})).as_object_mut() {
                    all.insert(of.clone(), shown(check));
                }
            }
        }
    }
    respond::json(code, &json!({ "status": status, "checks": checks }))
}

fn shown(check: &Check) -> Value {
    let state = match check.state {
        State::Well => "well",
        State::Degraded => "degraded",
        State::Failing => "failing",
    };
    let facts = check.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Value::Object([("state".to_owned(), json!(state))].into_iter().chain(facts).collect())
}

pub fn metrics(shared: &Shared, handle: &PrometheusHandle) -> Response {
    flows::measure(shared);
    process::measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}
