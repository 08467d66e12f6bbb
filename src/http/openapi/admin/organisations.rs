//! Organisations: third-party providers, whatever clients and certificates they have.

use super::{
    parts::{BY, acted, finish, finish_query, get, paged, path, post},
    sweeps,
};
use crate::{
    http::{
        admin::{MergeInto, OrganisationPage, OrganisationView, SweepOrder},
        openapi::{
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

pub const TAG: &str = "Administration: organisations and blocks";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<OrganisationView>(with::<OrganisationPage>(with::<MergeInto>(with::<SweepOrder>(components))))
}

pub fn all() -> Vec<Documented> {
    vec![
        get("/v1/admin/organisations", list()),
        get("/v1/admin/organisations/{organisation}", show()),
        post("/v1/admin/organisations/{organisation}/merge", merge()),
        post("/v1/admin/organisations/{organisation}/force-sca", force_sca()),
        post("/v1/admin/organisations/{organisation}/revoke-grants", revoke_grants()),
    ]
}

fn organisation() -> Parameter {
    path("organisation", "organizationIdentifier, percent-encoded where it must be.")
}

fn list() -> Operation {
    let description = "Third-party providers in the order of their identifiers: how many clients and certificates each has, and when the last \
                       certificate ends. `after` is an identifier here.";
    let page = json!({ "organisations": [example()] });
    let operation = operation("listOrganisations", TAG, "List organisations", description)
        .response("200", json_answer("A page.", "OrganisationPage", [("page", page)]));
    finish_query(paged(operation), [OAuthError::PAGE_LIMIT], [])
}

fn of_one(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, TAG, summary, description).parameter(organisation())
}

fn show() -> Operation {
    let operation =
        of_one("showOrganisation", "Show an organisation", "One organisation, and its merges. `listClients` tells its clients.")
            .response("200", json_answer("What is known of it.", "OrganisationView", [("organisation", example())]));
    finish(operation, [], [OAuthError::NO_SUCH_ORGANISATION], false)
}

fn merge() -> Operation {
    let description = "Makes the clients of one organisation another's, after a merger or a new authorisation number: consents and tokens live on. \
                       Undone only by another merge.";
    let operation =
        of_one("mergeOrganisation", "Merge an organisation", description).request_body(Some(body_of("Into which, and why.", "MergeInto")));
    let merged = json!({ "done": "merged", "merge": { "old": "PSDFR-ACPR-12345", "new": "PSDFR-ACPR-99999", "clients": 2 } });
    let [by, why] = BY;
    finish(
        acted(operation, "merged", merged),
        [
            by,
            why,
            OAuthError::ORGANISATION_MALFORMED,
            OAuthError::OVERLAP_DAYS,
            OAuthError::FORCED_IDENTIFIER,
            OAuthError::MERGE_SAME,
            OAuthError::MERGE_INTO_UNKNOWN,
            OAuthError::MERGE_TURNED,
        ],
        [OAuthError::NO_SUCH_ORGANISATION],
        true,
    )
}

fn force_sca() -> Operation {
    let description = "As of a client, for all clients of an organisation.";
    let operation = of_one("forceScaOfOrganisation", "Force SCA", description).request_body(Some(body_of("Where, and why.", "SweepOrder")));
    finish(acted(operation, "begun", sweeps::begun("force_sca")), BY, [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_ORGANISATION], true)
}

fn revoke_grants() -> Operation {
    let description =
        "As of a client, for all clients of an organisation. Block the organisation first where no new ones are to be given meanwhile.";
    let operation =
        of_one("revokeGrantsOfOrganisation", "Revoke all grants", description).request_body(Some(body_of("Where, and why.", "SweepOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "begun", sweeps::begun("revoke")),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_ORGANISATION],
        true,
    )
}

fn example() -> Value {
    json!({
        "organisation": "PSDFR-ACPR-12345",
        "legal_name": "Exemple SAS",
        "client_count": 2,
        "certificate_count": 1,
        "last_end": "2027-06-01T00:00:00Z",
        "days_left": 184,
        "last_seen_at": "2026-11-28T08:00:00Z",
    })
}
