//! An event as a SIEM reads it: one JSON object, named after the Elastic Common Schema where that has a name.

use super::{EVERY_BRAND, chain::Recorded};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

/// Kinds that say that something was refused or failed.
const FAILURES: [&str; 14] = [
    "certificate_refused",
    "client_refused",
    "push_refused",
    "registration_refused",
    "sign_in_failed",
    "interaction_failed",
    "sca_fault",
    "token_refused",
    "code_replayed",
    "refresh_replayed",
    "revocation_refused",
    "trusted_list_refused",
    "standing_refused",
    "payment_refused",
];

/// Members are added, never renamed; what an event has not, its object has not.
pub fn object(event: &Recorded, seal: Option<i64>) -> Value {
    let text = |value: &Option<String>| value.as_ref().map(|text| Value::from(text.as_str()));
    let object = |members: Vec<(&str, Option<Value>)>| -> Value {
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
    };
    let outcome = if FAILURES.contains(&event.kind.as_str()) { "failure" } else { "success" };
    let ecs = object(vec![
        ("id", Some(event.id.to_string().into())),
        ("kind", Some("event".into())),
        ("dataset", Some("guichet.audit".into())),
        ("action", Some(event.kind.as_str().into())),
        ("outcome", Some(outcome.into())),
        ("reason", text(&event.reason)),
        ("sequence", Some(event.position.into())),
    ]);
    let own = object(vec![
        ("brand", Some(event.brand.as_str()).filter(|brand| *brand != EVERY_BRAND).map(Value::from)),
        ("client_id", event.client.map(|id| id.to_string().into())),
        ("grant_id", event.grant.map(|id| id.to_string().into())),
        ("subject", text(&event.subject)),
        ("psu_key", event.psu_key.map(|id| id.to_string().into())),
        ("position", Some(event.position.into())),
        ("seal", seal.map(Value::from)),
    ]);
    object(vec![
        ("@timestamp", Some(event.at.format(&Rfc3339).unwrap_or_default().into())),
        ("event", Some(ecs)),
        ("organization", text(&event.organisation).map(|id| json!({ "id": id }))),
        ("user", text(&event.actor).map(|name| json!({ "name": name }))),
        ("guichet", Some(own)),
    ])
}
