//! The kill switch.

use super::{
    organisations::TAG,
    parts::{BY, acted, finish, get, path, post},
};
use crate::{
    http::{
        admin::{BlockOrder, BlockPage},
        openapi::{
            parts::{Documented, body_of, json_answer, operation},
            with,
        },
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{ComponentsBuilder, path::Operation};

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<BlockPage>(with::<BlockOrder>(components))
}

pub fn all() -> Vec<Documented> {
    vec![get("/v1/admin/blocks", list()), post("/v1/admin/blocks", add()), post("/v1/admin/blocks/{id}/lift", lift())]
}

fn list() -> Operation {
    let operation = operation("listBlocks", TAG, "List blocks", "All that is blocked, oldest first.")
        .response("200", json_answer("They are few.", "BlockPage", [("blocks", json!({ "blocks": [example()] }))]));
    finish(operation, [], [], false)
}

fn add() -> Operation {
    let description = "Shuts out an organisation, a certificate, an issuer or a role, on every server within a second; nothing is revoked. Again is \
                       the same block.";
    let operation = operation("addBlock", TAG, "Block", description).request_body(Some(body_of("What, and why.", "BlockOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "blocked", json!({ "done": "blocked", "block": example() })),
        [
            by,
            why,
            OAuthError::PSU_NOTICE_MALFORMED,
            OAuthError::TARGET_MALFORMED,
            OAuthError::ORGANISATION_MALFORMED,
            OAuthError::AUTHORITY_INCOMPLETE,
        ],
        [OAuthError::NO_SUCH_BRAND],
        true,
    )
}

fn lift() -> Operation {
    let operation = operation("liftBlock", TAG, "Lift a block", "Tokens and consents work as before. Again tells who lifted it.")
        .parameter(path("id", "The block."))
        .request_body(Some(body_of("Why.", "PlainOrder")));
    finish(acted(operation, "lifted", json!({ "done": "lifted", "block": example() })), BY, [OAuthError::NO_SUCH_BLOCK], true)
}

pub fn example() -> Value {
    json!({
        "id": "019b76da-a800-7000-8000-000000000002",
        "target": "client",
        "value": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
        "brand": "cic",
        "reason": "tokens used from a botnet",
        "psu_notice": null,
        "authority": null,
        "since": "2026-11-28T09:00:00Z",
        "by": "Ines Moreau",
        "lifted": null,
    })
}
