//! Grants of customers.

use super::parts::{BY, acted, finish, get, path, post};
use crate::{
    admin::{GrantPage, GrantView},
    http::{
        admin::GrantFind,
        openapi::{
            grants::brand,
            parts::{Documented, body_of, json_answer, operation},
            with,
        },
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ComponentsBuilder,
    path::{Operation, OperationBuilder, Parameter},
};

pub const TAG: &str = "Administration: grants";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<GrantView>(with::<GrantPage>(with::<GrantFind>(components)))
}

pub fn all() -> Vec<Documented> {
    vec![
        post("/v1/brands/{brand}/grants/find", find()),
        get("/v1/brands/{brand}/grants/{grant_id}", show()),
        post("/v1/brands/{brand}/grants/{grant_id}/revoke", revoke()),
        post("/v1/brands/{brand}/grants/{grant_id}/force-sca", force_sca()),
    ]
}

fn grant_id() -> Parameter {
    path("grant_id", "As a search or introspection told it.")
}

fn find() -> Operation {
    let description = "Grants of a customer, of a client or of an organisation's clients, newest first. Whose they are is never told. What ended is \
                       told until it is forgotten, two years later.";
    let operation = operation("findGrants", TAG, "Find grants", description)
        .parameter(brand())
        .request_body(Some(body_of("Whose grants.", "GrantFind")))
        .response("200", json_answer("A page.", "GrantPage", [("page", json!({ "grants": [example("live")] }))]));
    finish(
        operation,
        [
            OAuthError::SUBJECT_MALFORMED,
            OAuthError::CLIENT_ID_MALFORMED,
            OAuthError::ORGANISATION_MALFORMED,
            OAuthError::WHOSE_GRANTS,
            OAuthError::PAGE_LIMIT,
        ],
        [OAuthError::NO_SUCH_BRAND],
        true,
    )
}

fn of_one(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, TAG, summary, description).parameter(brand()).parameter(grant_id())
}

fn show() -> Operation {
    let operation = of_one("showGrant", "Show a grant", "One grant; whose it is, is not told.")
        .response("200", json_answer("The grant.", "GrantView", [("live", example("live"))]));
    finish(operation, [], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_GRANT_HERE], false)
}

fn revoke() -> Operation {
    let description = "Ends a grant for good, with every token under it. Again, or after it ended otherwise, tells how it ended.";
    let operation = of_one("revokeGrant", "Revoke a grant", description).request_body(Some(body_of("Why.", "NoticedOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "ended", json!({ "done": "grant_ended", "grant": example("ended") })),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_GRANT_HERE],
        true,
    )
}

fn force_sca() -> Operation {
    let description = "Has the customer of a grant authenticated anew (RTS art. 10a(3)): it expires now.";
    let operation = of_one("forceScaOfGrant", "Force SCA of a grant", description).request_body(Some(body_of("Why.", "PlainOrder")));
    finish(
        acted(operation, "ended", json!({ "done": "grant_ended", "grant": example("ended") })),
        BY,
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_GRANT_HERE],
        true,
    )
}

fn example(state: &str) -> Value {
    let mut grant = json!({
        "grant_id": "019b76da-a800-7000-8000-000000000001",
        "state": state,
        "brand": "cic",
        "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
        "organisation": "PSDFR-ACPR-12345",
        "client_name": "Exemple",
        "channel": "web",
        "scope": "aisp",
        "since": "2026-06-01T12:00:00Z",
        "last_sca_at": "2026-06-01T11:59:40Z",
        "until": "2026-11-28T11:59:40Z",
    });
    if state == "ended" {
        grant["ended_at"] = json!("2026-11-28T09:00:00Z");
        grant["ended_by"] = json!("bank");
        grant["why"] = json!("ended_by_bank");
    }
    grant
}
