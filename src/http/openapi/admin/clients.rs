//! Registered clients of a brand.

use super::{
    blocks,
    parts::{BY, acted, finish, finish_query, get, paged, path, plain, post},
    sweeps,
};
use crate::{
    admin::{ClientPage, ClientState, ConformancePage, RegisteredClient},
    http::{
        admin::{ClientOrder, ProfileOrder},
        openapi::{
            grants::brand,
            parts::{Documented, body_of, json_answer, operation, query, word},
            with,
        },
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ComponentsBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
};

const TAG: &str = "Administration: clients";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = with::<RegisteredClient>(with::<ClientPage>(with::<ClientOrder>(components)));
    with::<ProfileOrder>(with::<ConformancePage>(components))
}

pub fn all() -> Vec<Documented> {
    vec![
        get("/v1/brands/{brand}/clients", list()),
        post("/v1/brands/{brand}/clients", register()),
        get("/v1/brands/{brand}/clients/{client_id}", show()),
        post("/v1/brands/{brand}/clients/{client_id}/replace", replace()),
        post("/v1/brands/{brand}/clients/{client_id}/delete", delete()),
        get("/v1/brands/{brand}/conformance", conformances()),
        get("/v1/brands/{brand}/clients/{client_id}/conformance", conformance()),
        post("/v1/brands/{brand}/clients/{client_id}/profile", profile()),
        post("/v1/brands/{brand}/clients/{client_id}/block", block()),
        post("/v1/brands/{brand}/clients/{client_id}/unblock", unblock()),
        post("/v1/brands/{brand}/clients/{client_id}/force-sca", force_sca()),
        post("/v1/brands/{brand}/clients/{client_id}/revoke-grants", revoke_grants()),
    ]
}

fn client_id() -> Parameter {
    path("client_id", "The client, as it was registered.")
}

fn list() -> Operation {
    let states = ClientState::ALL.map(|(name, _)| name);
    let operation = operation("listClients", TAG, "List clients", "Registered clients of a brand, oldest first, and what shuts them out.")
        .parameter(brand())
        .parameter(query("organisation", false, "Only of this organizationIdentifier.", plain(Type::String)))
        .parameter(query("state", false, "`live` by default.", word("Which.", states)))
        .response("200", json_answer("A page.", "ClientPage", [("page", json!({ "clients": [example()] }))]));
    finish_query(
        paged(operation),
        [OAuthError::AFTER_MALFORMED, OAuthError::PAGE_LIMIT, OAuthError::STATE_UNKNOWN, OAuthError::ORGANISATION_MALFORMED],
        [OAuthError::NO_SUCH_BRAND],
    )
}

fn show() -> Operation {
    let description = "What is registered of a client, what shuts it out, certificates of its organisation, live grants and last use. No key, no \
                       secret, no digest of one.";
    let mut view = example();
    for (name, value) in [
        ("updated_at", json!("2026-01-05T09:00:00Z")),
        ("redirect_uris", json!(["https://tpp.example/callback"])),
        ("grant_types", json!(["authorization_code", "refresh_token"])),
        ("contacts", json!(["security@tpp.example"])),
        ("certificate_subject", json!("CN=tpp.example,O=Exemple SAS,C=FR")),
        ("registered_keys", json!(1)),
        ("certificates", json!([])),
        ("live_grants", json!(4711)),
        ("live_grants_counted_to", json!(10_000)),
        ("last_used_at", json!("2026-11-28T08:59:00Z")),
    ] {
        view[name] = value;
    }
    let operation = of_one("showClient", "Show a client", description)
        .response("200", json_answer("The client.", "RegisteredClient", [("client", view)]));
    finish(operation, [], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT], false)
}

fn of_one(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, TAG, summary, description).parameter(brand()).parameter(client_id())
}

fn wanted() -> [OAuthError; 4] {
    let [by, why] = BY;
    [by, why, OAuthError::ORGANISATION_MALFORMED, OAuthError::metadata_of_act("redirect_uris", "missing")]
}

fn register() -> Operation {
    let description = "Registers a client without a QWAC (RFC 8705 s2.2), where `security.self_signed_scopes` of the brand gives such clients \
                       anything: the bank says who it is, and vouches for it. It is known by the certificates (`x5c`) of its keys, in \
                       `metadata.jwks` or at `metadata.jwks_uri`, and cannot manage itself.";
    let operation = operation("registerClientWithoutQwac", TAG, "Register a client without a QWAC", description)
        .parameter(brand())
        .request_body(Some(body_of("Who it is, and what is registered of it.", "ClientOrder")));
    let done = json!({ "done": "client_registered", "client": local() });
    finish(acted(operation, "registered", done), wanted(), [OAuthError::NO_SUCH_BRAND], true)
}

fn replace() -> Operation {
    let description = "Replaces all that is registered of a client that the bank registered. Its grants and tokens stay.";
    let operation = of_one("replaceClientWithoutQwac", "Replace what is registered", description)
        .request_body(Some(body_of("The same organisation, and what is registered from now on.", "ClientOrder")));
    let done = json!({ "done": "client_updated", "client": local() });
    let [by, why, organisation, metadata] = wanted();
    finish(
        acted(operation, "replaced", done),
        [by, why, organisation, metadata, OAuthError::CLIENT_OF_TPP],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn delete() -> Operation {
    let description = "Deletes a client that the bank registered, its grants and tokens with it. This cannot be undone.";
    let operation = of_one("deleteClientWithoutQwac", "Delete", description).request_body(Some(body_of("Why.", "PlainOrder")));
    let done = json!({ "done": "client_deleted", "client": { "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11" } });
    let [by, why] = BY;
    finish(
        acted(operation, "deleted", done),
        [by, why, OAuthError::CLIENT_OF_TPP],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn conformances() -> Operation {
    let description = "What each live client of a brand still lacks for FAPI 2.0, line by line, from what is configured and registered and from what \
                       was seen of it; and what the brand answers for, once. Right to within a minute.";
    let operation = operation("listConformance", TAG, "List what clients lack for FAPI 2.0", description)
        .parameter(brand())
        .parameter(query("organisation", false, "Only of this organizationIdentifier.", plain(Type::String)))
        .parameter(since())
        .response("200", json_answer("A page.", "ConformancePage", [("page", conformance_example())]));
    finish_query(
        paged(operation),
        [OAuthError::AFTER_MALFORMED, OAuthError::PAGE_LIMIT, OAuthError::DAY_MALFORMED, OAuthError::ORGANISATION_MALFORMED],
        [OAuthError::NO_SUCH_BRAND],
    )
}

fn conformance() -> Operation {
    let operation = of_one("showConformance", "Show what a client lacks for FAPI 2.0", "As in the list, of one client.")
        .parameter(since())
        .response("200", json_answer("The client, and its brand.", "ConformancePage", [("client", conformance_example())]));
    finish_query(operation, [OAuthError::DAY_MALFORMED], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT])
}

fn since() -> Parameter {
    query("since", false, "A day: what was last seen before it counts no more. 30 days ago by default.", plain(Type::String))
}

fn conformance_example() -> Value {
    let line = |line: &str, asks: &str, section: &str, finding: &str, why: &str| json!({ "line": line, "asks": asks, "section": section, "finding": finding, "why": why });
    let mut pushed = line(
        "A18",
        "Authorization requests come by PAR.",
        "5.3.2.2",
        "not_met",
        "2026-11-27 last seen in the query: 20 of 41 times since 2026-11-02",
    );
    pushed["whose"] = json!("tpp");
    json!({
        "since": "2026-10-29T00:00:00Z",
        "brands": [{
            "brand": "cic",
            "offers_fapi2": true,
            "lines": [line("A23", "Codes live for at most 60 s.", "5.3.2.1", "met", "60 s")],
        }],
        "clients": [{
            "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
            "brand": "cic",
            "organisation": "PSDFR-ACPR-12345",
            "client_name": "Exemple",
            "security_profile": "legacy",
            "lacks": ["A18"],
            "not_seen_yet": [],
            "lines": [pushed],
            "seen": [{
                "practice": "request_in_query",
                "times": 20,
                "first_seen_at": "2026-11-02T08:00:00Z",
                "last_seen_at": "2026-11-27T17:00:00Z",
            }],
        }],
    })
}

fn profile() -> Operation {
    let description = "Holds a client to a stricter profile than it registered, or to what it registered again. In force with its next request, on every \
                       server. Access tokens of before stay as they are until they end. Stricter only: `legacy` asks nothing of anybody.";
    let operation =
        of_one("holdClient", "Hold a client to a profile", description).request_body(Some(body_of("To what, and why.", "ProfileOrder")));
    let [by, why] = BY;
    let held = json!({ "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11", "brand": "cic", "held_to": "fapi2" });
    finish(
        acted(operation, "held", json!({ "done": "held", "client": held })),
        [by, why, OAuthError::PROFILE_NOT_OFFERED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn block() -> Operation {
    let description = "Shuts one client out, on every server within a second: at token, revocation and management endpoints with 401 \
                       `CLIENT_BLOCKED`, at the customer's side with the bank's notice, at introspection as inactive. Nothing is revoked. Again is the \
                       same block.";
    let operation = of_one("blockClient", "Block a client", description).request_body(Some(body_of("Why.", "NoticedOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "blocked", json!({ "done": "blocked", "block": blocks::example() })),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn unblock() -> Operation {
    let description = "Lifts the block of this client itself; one of its organisation stays. Tokens and consents work as before.";
    let operation = of_one("unblockClient", "Unblock a client", description).request_body(Some(body_of("Why.", "PlainOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "lifted", json!({ "done": "lifted", "block": blocks::example() })),
        [by, why, OAuthError::CLIENT_NOT_BLOCKED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn force_sca() -> Operation {
    let description = "Has the client's customers authenticated anew (RTS art. 10a(3)): each of its live grants expires now. A refresh is refused with \
                       `the refresh token has expired: the customer must authenticate again`; tokens are inactive. They are ended some at a time, \
                       by the servers: read the sweep.";
    let operation = of_one("forceScaOfClient", "Force SCA", description).request_body(Some(body_of("Why.", "PlainOrder")));
    finish(acted(operation, "begun", sweeps::begun("force_sca")), BY, [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT], true)
}

fn revoke_grants() -> Operation {
    let description = "Ends each live grant of the client for good, some at a time: read the sweep. Block the client first where no new ones \
                       are to be given meanwhile.";
    let operation = of_one("revokeGrantsOfClient", "Revoke all grants", description).request_body(Some(body_of("Why.", "NoticedOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "begun", sweeps::begun("revoke")),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn local() -> Value {
    let mut client = example();
    client["organisation"] = json!("local:acme");
    client["legal_name"] = json!("Acme SA");
    client
}

fn example() -> Value {
    json!({
        "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
        "brand": "cic",
        "organisation": "PSDFR-ACPR-12345",
        "legal_name": "Exemple SAS",
        "client_name": "Exemple",
        "scope": "aisp",
        "registered_at": "2026-01-05T09:00:00Z",
    })
}
