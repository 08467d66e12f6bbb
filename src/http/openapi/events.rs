//! The internal counter's events: for whoever mails TPPs.

use super::{
    introspect::internal,
    parts::{json_answer, operation, query, refused, shared},
    refusals,
};
use crate::{http::events::MOST, oauth::error::OAuthError};
use serde_json::json;
use utoipa::openapi::{ObjectBuilder, Type, path::Operation};

pub fn page() -> Operation {
    let description = "What happened that somebody outside this server should act upon, oldest first: today, that an organisation's \
                       certificate ends soon and no newer one was seen. Keep `next` and send it as `after` the next time; reading changes \
                       nothing, so any number of readers may each have their own place, and read again. An event is deleted after 400 days.";
    let number = || ObjectBuilder::new().schema_type(Type::Integer);
    let operation = operation("readEvents", "Events", "Read events", description)
        .parameter(query("after", false, "The id of the last event that was read; 0, the default, for all.", number().minimum(Some(0))))
        .parameter(query("limit", false, "At most so many; 100 by default.", number().minimum(Some(1)).maximum(Some(MOST))))
        .response("200", json_answer("The events.", "EventPage", [("expiring", expiring()), ("nothing new", nothing())]));
    let refusals = refusals::query().into_iter().chain([OAuthError::EVENTS_AFTER.into(), OAuthError::EVENTS_LIMIT.into()]);
    shared(internal(refused(operation, refusals)), &[("404", "NotFound")]).build()
}

fn expiring() -> serde_json::Value {
    json!({
        "events": [{
            "id": 42,
            "at": "2026-06-01T12:00:00Z",
            "kind": "certificate_expiring",
            "organisation": "PSDFR-ACPR-12345",
            "payload": {
                "thumbprint": "6f070ad1eb1cdc00820c3d976...",
                "serial": "3d5c0f",
                "legal_name": "Exemple SAS",
                "not_after": "2026-06-08T11:59:59Z",
                "days": 6,
                "threshold": 7,
                "brands": ["cic"],
                "contacts": ["security@tpp.example"],
            },
        }],
        "next": 42,
    })
}

fn nothing() -> serde_json::Value {
    json!({ "events": [], "next": 42 })
}
