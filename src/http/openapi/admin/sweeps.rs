//! The ending of many grants, some at a time.

use super::{
    grants::TAG,
    parts::{finish, get, path},
};
use crate::{
    admin::SweepView,
    http::openapi::{
        parts::{Documented, json_answer, operation},
        with,
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{ComponentsBuilder, path::Operation};

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<SweepView>(components)
}

pub fn all() -> Vec<Documented> {
    vec![get("/v1/admin/sweeps/{id}", show())]
}

fn show() -> Operation {
    let operation = operation("showSweep", TAG, "Show a sweep", "How far the ending of many grants has come. It goes on by itself.")
        .parameter(path("id", "`sweep_id` of the answer that began it."))
        .response("200", json_answer("The sweep.", "SweepView", [("under way", example("revoke"))]));
    finish(operation, [], [OAuthError::NO_SUCH_SWEEP], false)
}

pub fn example(ending: &str) -> Value {
    json!({
        "sweep_id": "019b76da-a800-7000-8000-000000000004",
        "ending": ending,
        "brand": "cic",
        "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
        "reason": "keys were stolen",
        "by": "Ines Moreau (CN=back-office.bank.example)",
        "begun_at": "2026-11-28T09:00:00Z",
        "clients": 0,
        "grants": 200,
    })
}

pub fn begun(ending: &str) -> Value {
    json!({ "done": "sweep_begun", "sweep": example(ending) })
}
