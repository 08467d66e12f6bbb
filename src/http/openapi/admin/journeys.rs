//! Customers' journeys.

use super::parts::{finish, finish_query, get, paged, path, plain};
use crate::{
    admin::{JourneyPage, JourneyStage, JourneyView},
    http::openapi::{
        grants::brand,
        parts::{Documented, json_answer, operation, query, text, word},
        with,
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{ComponentsBuilder, Type, path::Operation};

const TAG: &str = "Administration: journeys";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<JourneyView>(with::<JourneyPage>(components))
}

pub fn all() -> Vec<Documented> {
    vec![get("/v1/brands/{brand}/journeys", list()), get("/v1/brands/{brand}/journeys/{id}", show())]
}

fn list() -> Operation {
    let description = "Customers' journeys, newest first: where each stands or stopped, why, on which channel, and when. Nothing of the customer. A \
                       page may hold fewer than asked for, even none, and not be the last: go on while there is a `next`.";
    let stages = JourneyStage::ALL.map(|(name, _)| name);
    let operation = operation("listJourneys", TAG, "List journeys", description)
        .parameter(brand())
        .parameter(query("client_id", false, "Only of this client.", plain(Type::String)))
        .parameter(query("stage", false, "Only at this stage.", word("Which.", stages)))
        .parameter(query("since", false, "Begun from then on; a day before `until` by default.", text("RFC 3339.")))
        .parameter(query("until", false, "Begun before; now by default.", text("RFC 3339.")))
        .response("200", json_answer("A page.", "JourneyPage", [("page", json!({ "interactions": [example()] }))]));
    finish_query(
        paged(operation),
        [
            OAuthError::AFTER_MALFORMED,
            OAuthError::PAGE_LIMIT,
            OAuthError::CLIENT_ID_MALFORMED,
            OAuthError::STAGE_UNKNOWN,
            OAuthError::TIME_MALFORMED,
        ],
        [OAuthError::NO_SUCH_BRAND],
    )
}

fn show() -> Operation {
    let operation = operation("showJourney", TAG, "Show a journey", "Where one journey stands or stopped.")
        .parameter(brand())
        .parameter(path("id", "`interaction_id`, as the portal's view and the log have it."))
        .response("200", json_answer("The journey.", "JourneyView", [("failed", example())]));
    finish(operation, [], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_JOURNEY], false)
}

fn example() -> Value {
    json!({
        "interaction_id": "019b76da-a800-7000-8000-000000000003",
        "brand": "cic",
        "channel": "web",
        "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
        "stage": "failed",
        "reason": "timed_out",
        "stopped_at": "challenged",
        "begun_by": "browser",
        "fallback": false,
        "language": "fr",
        "scope": "aisp",
        "begun_at": "2026-11-28T09:00:00Z",
        "active_at": "2026-11-28T09:01:00Z",
        "deadline": "2026-11-28T09:10:00Z",
    })
}
