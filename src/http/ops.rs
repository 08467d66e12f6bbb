//! For the bank's operators, on loopback: is it alive, is it ready, what does it measure.

use super::respond;
use crate::{
    app::App,
    flows::{self, SchemaState},
    telemetry::process,
};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

/// The process answers.
pub async fn live() -> Response {
    respond::json(StatusCode::OK, &json!({ "status": "live" }))
}

/// Requests would be answered now: the database is there and its schema is this program's.
pub async fn ready(app: App) -> Response {
    match flows::readiness(&app).await {
        Ok(SchemaState::Current { version } | SchemaState::Ahead { found: version, .. }) => {
            respond::json(StatusCode::OK, &json!({ "status": "ready", "schema": version }))
        }
        Ok(SchemaState::Older { found, needed }) => unready("schema_older", Some((found, needed))),
        Ok(SchemaState::Newer { found, needed }) => unready("schema_newer", Some((found, needed))),
        Err(outage) => {
            respond::log_outage(&outage);
            unready("database", None)
        }
    }
}

fn unready(why: &str, schema: Option<(i64, i64)>) -> Response {
    let schema = schema.map(|(found, needed)| json!({ "found": found, "needed": needed }));
    respond::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "unready", "why": why, "schema": schema }))
}

pub async fn metrics(app: App, handle: PrometheusHandle) -> Response {
    flows::measure(&app);
    process::measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}
