//! Four eyes: acts that wait for a second person.

use super::{
    blocks,
    parts::{BY, finish, finish_query, get, paged, path, post},
};
use crate::{
    admin::{ActPage, ProposalView},
    http::{
        admin::{ApproveOrder, RejectOrder},
        openapi::{
            parts::{Documented, body_of, json_answer, operation, query, word},
            with,
        },
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ComponentsBuilder,
    path::{Operation, OperationBuilder},
};

const TAG: &str = "Administration: four eyes";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<ProposalView>(with::<ActPage>(with::<ApproveOrder>(with::<RejectOrder>(components))))
}

pub fn all() -> Vec<Documented> {
    vec![
        get("/v1/admin/acts", list()),
        get("/v1/admin/acts/{id}", show()),
        post("/v1/admin/acts/{id}/approve", approve()),
        post("/v1/admin/acts/{id}/reject", reject()),
    ]
}

fn list() -> Operation {
    let states = ["open", "approved", "rejected", "expired", "all"];
    let operation = operation("listActs", TAG, "List acts", "Acts that wait for a second person, or waited, newest first.")
        .parameter(query("state", false, "`open` by default.", word("Which.", states)))
        .response("200", json_answer("A page.", "ActPage", [("page", json!({ "acts": [example()] }))]));
    finish_query(paged(operation), [OAuthError::AFTER_MALFORMED, OAuthError::PAGE_LIMIT, OAuthError::STATE_UNKNOWN], [])
}

fn of_one(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, TAG, summary, description).parameter(path("id", "The act."))
}

fn show() -> Operation {
    let operation = of_one("showAct", "Show an act", "What, why, by whom, and what became of it.")
        .response("200", json_answer("The act.", "ProposalView", [("open", example())]));
    finish(operation, [], [OAuthError::NO_SUCH_ACT], false)
}

fn approve() -> Operation {
    let description = "Does it, once, in one transaction with the approval; by another person than the one who proposed it. Where it can no longer be \
                       done it is refused as the act itself would be, and stays open. An erasure \
                       (`psu.erase`) is approved at the command line, where the customer's reference is given anew.";
    let operation = of_one("approveAct", "Approve an act", description)
        .request_body(Some(body_of("Who approves.", "ApproveOrder")))
        .response("200", json_answer("Done.", "ActDone", [("blocked", json!({ "done": "blocked", "block": blocks::example() }))]));
    finish(
        operation,
        [
            OAuthError::BY_MALFORMED,
            OAuthError::ACT_CLOSED,
            OAuthError::ACT_OF_SAME_PERSON,
            OAuthError::ACT_AT_COMMAND_LINE,
            OAuthError::MERGE_SAME,
            OAuthError::MERGE_INTO_UNKNOWN,
            OAuthError::MERGE_TURNED,
            OAuthError::NEXT_KEY_THERE,
            OAuthError::KEY_SIGNS,
            OAuthError::NO_WRAPPING_KEY,
            OAuthError::TOO_MANY_KEYS,
            OAuthError::CLIENT_OF_TPP,
            OAuthError::metadata_of_act("scope", "unknown"),
        ],
        [
            OAuthError::NO_SUCH_ACT,
            OAuthError::NO_SUCH_CLIENT,
            OAuthError::NO_SUCH_GRANT_HERE,
            OAuthError::NO_SUCH_ORGANISATION,
            OAuthError::NO_SUCH_BLOCK,
            OAuthError::NO_SUCH_KEY,
        ],
        true,
    )
}

fn reject() -> Operation {
    let operation = of_one("rejectAct", "Reject an act", "It will not be done. Whoever proposed it may take it back.")
        .request_body(Some(body_of("Who, and why.", "RejectOrder")))
        .response("200", json_answer("The act as it stands.", "ProposalView", [("rejected", example())]));
    let [by, why] = BY;
    finish(operation, [by, why, OAuthError::ACT_CLOSED], [OAuthError::NO_SUCH_ACT], true)
}

pub fn example() -> Value {
    json!({
        "act_id": "019b76da-a800-7000-8000-000000000005",
        "act": "client.block",
        "state": "open",
        "brand": "cic",
        "what": "block client 5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11 at cic",
        "arguments": {
            "do": "block",
            "target": { "target": "client", "value": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11" },
            "brand": "cic",
            "psu_notice": null,
            "authority": null,
        },
        "reason": "tokens used from a botnet",
        "proposed_at": "2026-11-28T09:00:00Z",
        "proposed_by": { "name": "Ines Moreau", "through": "api", "as": "CN=back-office.bank.example" },
        "expires_at": "2026-11-29T09:00:00Z",
    })
}
