//! The administrative part of the internal counter: for the bank's back office.

use super::{
    introspect::internal,
    parts::{
        Documented, body_of, json_answer, object, operation, path_parameter, query, refusal_answer, refused, required, shared, text, word,
    },
    refusals, with,
};
use crate::{
    admin::{
        ActPage, ClientPage, ClientState, GrantPage, GrantView, JourneyPage, JourneyStage, JourneyView, ProposalView, RegisteredClient,
        SweepView,
    },
    http::admin::{
        ApproveOrder, BlockClientOrder, BlockOrder, BlockPage, GrantFind, GrantRevokeOrder, KeyList, MergeInto, OrganisationPage,
        OrganisationView, PlainOrder, RejectOrder, RotateOrder, SweepOrder,
    },
    oauth::error::OAuthError,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, ObjectBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
};

const CLIENTS: &str = "Administration: clients";
const GRANTS: &str = "Administration: grants";
const JOURNEYS: &str = "Administration: journeys";
const TPPS: &str = "Administration: organisations and blocks";
const KEYS: &str = "Administration: keys";
const ACTS: &str = "Administration: four eyes";

pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = with::<RegisteredClient>(with::<ClientPage>(with::<GrantView>(with::<GrantPage>(components))));
    let components = with::<JourneyView>(with::<JourneyPage>(with::<ProposalView>(with::<ActPage>(components))));
    let components = with::<SweepView>(with::<KeyList>(with::<OrganisationView>(with::<OrganisationPage>(components))));
    let components = with::<BlockPage>(with::<BlockClientOrder>(with::<PlainOrder>(with::<GrantRevokeOrder>(components))));
    let components = with::<GrantFind>(with::<BlockOrder>(with::<MergeInto>(with::<SweepOrder>(components))));
    with::<RotateOrder>(with::<ApproveOrder>(with::<RejectOrder>(components))).schema("ActDone", done_schema())
}

/// What an act came to: its word, and what it is about.
fn done_schema() -> ObjectBuilder {
    let words = [
        "blocked",
        "blocked_before",
        "lifted",
        "lifted_before",
        "grant_ended",
        "grant_ended_before",
        "sweep_begun",
        "merged",
        "rotated",
        "retired",
        "retired_before",
    ];
    object(
        "What was done. Beside `done` stands what it is about: `block`, `grant`, `sweep`, `merge` or `key`. `.._before`: it was so, and stays.",
        [required("done", word("What was done.", words))],
    )
}

/// Method, path and operation of each.
pub fn all() -> Vec<Documented> {
    let of = |method, path: &str, operation| Documented { method, path: path.to_owned(), operation };
    let get = |path: &str, operation| of(HttpMethod::Get, path, operation);
    let post = |path: &str, operation| of(HttpMethod::Post, path, operation);
    vec![
        get("/v1/brands/{brand}/clients", list_clients()),
        get("/v1/brands/{brand}/clients/{client_id}", show_client()),
        post("/v1/brands/{brand}/clients/{client_id}/block", block_client()),
        post("/v1/brands/{brand}/clients/{client_id}/unblock", unblock_client()),
        post("/v1/brands/{brand}/clients/{client_id}/force-sca", force_sca_of_client()),
        post("/v1/brands/{brand}/clients/{client_id}/revoke-grants", revoke_grants_of_client()),
        post("/v1/brands/{brand}/grants/find", find_grants()),
        get("/v1/brands/{brand}/grants/{grant_id}", show_grant()),
        post("/v1/brands/{brand}/grants/{grant_id}/revoke", revoke_grant()),
        post("/v1/brands/{brand}/grants/{grant_id}/force-sca", force_sca_of_grant()),
        get("/v1/brands/{brand}/journeys", list_journeys()),
        get("/v1/brands/{brand}/journeys/{id}", show_journey()),
        get("/v1/admin/organisations", list_organisations()),
        get("/v1/admin/organisations/{organisation}", show_organisation()),
        post("/v1/admin/organisations/{organisation}/merge", merge()),
        post("/v1/admin/organisations/{organisation}/force-sca", force_sca_of_organisation()),
        post("/v1/admin/organisations/{organisation}/revoke-grants", revoke_grants_of_organisation()),
        get("/v1/admin/blocks", list_blocks()),
        post("/v1/admin/blocks", add_block()),
        post("/v1/admin/blocks/{id}/lift", lift_block()),
        get("/v1/admin/sweeps/{id}", show_sweep()),
        get("/v1/admin/keys", list_keys()),
        post("/v1/admin/keys/rotate", rotate()),
        post("/v1/admin/keys/{kid}/retire", retire()),
        get("/v1/admin/acts", list_acts()),
        get("/v1/admin/acts/{id}", show_act()),
        post("/v1/admin/acts/{id}/approve", approve()),
        post("/v1/admin/acts/{id}/reject", reject()),
    ]
}

fn plain(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

fn path(name: &str, what: &str) -> Parameter {
    path_parameter(name, what, plain(Type::String))
}

fn client_id() -> Parameter {
    path("client_id", "The client, as it was registered.")
}

fn grant_id() -> Parameter {
    path("grant_id", "As a search or introspection told it.")
}

fn organisation() -> Parameter {
    path("organisation", "organizationIdentifier, percent-encoded where it must be.")
}

fn paged(operation: OperationBuilder) -> OperationBuilder {
    let number = plain(Type::Integer).minimum(Some(1)).maximum(Some(100));
    operation.parameter(query("after", false, "`next` of the page before.", plain(Type::String))).parameter(query(
        "limit",
        false,
        "At most so many; 50 by default.",
        number,
    ))
}

/// What every operation of this part answers beside its own: `missing` are its 404s.
fn finish<const N: usize, const M: usize>(
    operation: OperationBuilder,
    own: [OAuthError; N],
    missing: [OAuthError; M],
    body: bool,
) -> Operation {
    let gate = OAuthError::NOT_ADMINISTRATIVE;
    let broken = [OAuthError::BODY_BROKEN, OAuthError::NO_JSON_OBJECT, OAuthError::BODY_MALFORMED];
    let broken = broken.into_iter().filter(|_| body);
    let operation = refused(operation, [gate].into_iter().chain(broken).chain(own).map(Into::into));
    let absent: Vec<_> = [OAuthError::NO_SUCH_ENDPOINT].into_iter().chain(missing).map(Into::into).collect();
    let operation = internal(operation.response("404", refusal_answer(404, &absent)));
    if body { shared(operation, &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")]).build() } else { operation.build() }
}

/// The same where a query is read.
fn finish_query<const N: usize, const M: usize>(operation: OperationBuilder, own: [OAuthError; N], missing: [OAuthError; M]) -> Operation {
    let all = [OAuthError::NOT_ADMINISTRATIVE].into_iter().chain(own).map(Into::into).chain(refusals::query());
    let absent: Vec<_> = [OAuthError::NO_SUCH_ENDPOINT].into_iter().chain(missing).map(Into::into).collect();
    internal(refused(operation, all).response("404", refusal_answer(404, &absent))).build()
}

/// 200 and 202 of an act.
fn acted(operation: OperationBuilder, name: &str, done: Value) -> OperationBuilder {
    operation.response("200", json_answer("Done.", "ActDone", [(name, done)])).response(
        "202",
        json_answer(
            "Not done yet: `admin.four_eyes` lists this act, and a second person has to approve it. The same again answers with the same \
             proposal.",
            "ProposalView",
            [("proposed", proposal())],
        ),
    )
}

const BY: [OAuthError; 2] = [OAuthError::BY_MALFORMED, OAuthError::WHY_MALFORMED];

fn list_clients() -> Operation {
    let states = ClientState::ALL.map(|(name, _)| name);
    let operation =
        operation("listClients", CLIENTS, "List clients", "Registered clients of a brand, oldest first, and what shuts them out.")
            .parameter(super::grants::brand())
            .parameter(query("organisation", false, "Only of this organizationIdentifier.", plain(Type::String)))
            .parameter(query("state", false, "`live` by default.", word("Which.", states)))
            .response("200", json_answer("A page.", "ClientPage", [("page", json!({ "clients": [client()] }))]));
    finish_query(
        paged(operation),
        [OAuthError::AFTER_MALFORMED, OAuthError::PAGE_LIMIT, OAuthError::STATE_UNKNOWN, OAuthError::ORGANISATION_MALFORMED],
        [OAuthError::NO_SUCH_BRAND],
    )
}

fn show_client() -> Operation {
    let description = "What is registered of a client, what shuts it out, certificates of its organisation, live grants and last use. No key, no \
                       secret, no digest of one.";
    let mut view = client();
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
    let operation = operation("showClient", CLIENTS, "Show a client", description)
        .parameter(super::grants::brand())
        .parameter(client_id())
        .response("200", json_answer("The client.", "RegisteredClient", [("client", view)]));
    finish(operation, [], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT], false)
}

fn of_client(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, CLIENTS, summary, description).parameter(super::grants::brand()).parameter(client_id())
}

fn block_client() -> Operation {
    let description = "Shuts one client out, on every server within a second: at token, revocation and management endpoints with 401 \
                       `CLIENT_BLOCKED`, at the customer's side with the bank's notice, at introspection as inactive. Nothing is revoked. Again is the \
                       same block.";
    let operation = of_client("blockClient", "Block a client", description).request_body(Some(body_of("Why.", "BlockClientOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "blocked", json!({ "done": "blocked", "block": block() })),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn unblock_client() -> Operation {
    let description = "Lifts the block of this client itself; one of its organisation stays. Tokens and consents work as before.";
    let operation = of_client("unblockClient", "Unblock a client", description).request_body(Some(body_of("Why.", "PlainOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "lifted", json!({ "done": "lifted", "block": block() })),
        [by, why, OAuthError::CLIENT_NOT_BLOCKED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn force_sca_of_client() -> Operation {
    let description = "Has the client's customers authenticated anew (RTS art. 10a(3)): each of its live grants expires now. A refresh is refused with \
                       `the refresh token has expired: the customer must authenticate again`; tokens are inactive. They are ended some at a time, \
                       by the servers: read the sweep.";
    let operation = of_client("forceScaOfClient", "Force SCA", description).request_body(Some(body_of("Why.", "PlainOrder")));
    finish(acted(operation, "begun", sweep_begun("force_sca")), BY, [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT], true)
}

fn revoke_grants_of_client() -> Operation {
    let description = "Ends each live grant of the client for good, some at a time: read the sweep. Block the client first where no new ones \
                       are to be given meanwhile.";
    let operation =
        of_client("revokeGrantsOfClient", "Revoke all grants", description).request_body(Some(body_of("Why.", "GrantRevokeOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "begun", sweep_begun("revoke")),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_CLIENT],
        true,
    )
}

fn find_grants() -> Operation {
    let description = "Grants of a customer, of a client or of an organisation's clients, newest first. Whose they are is never told. What ended is \
                       told until it is forgotten, two years later.";
    let operation = operation("findGrants", GRANTS, "Find grants", description)
        .parameter(super::grants::brand())
        .request_body(Some(body_of("Whose grants.", "GrantFind")))
        .response("200", json_answer("A page.", "GrantPage", [("page", json!({ "grants": [grant("live")] }))]));
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

fn of_grant(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, GRANTS, summary, description).parameter(super::grants::brand()).parameter(grant_id())
}

fn show_grant() -> Operation {
    let operation = of_grant("showGrant", "Show a grant", "One grant; whose it is, is not told.")
        .response("200", json_answer("The grant.", "GrantView", [("live", grant("live"))]));
    finish(operation, [], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_GRANT_HERE], false)
}

fn revoke_grant() -> Operation {
    let description = "Ends a grant for good, with every token under it. Again, or after it ended otherwise, tells how it ended.";
    let operation = of_grant("revokeGrant", "Revoke a grant", description).request_body(Some(body_of("Why.", "GrantRevokeOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "ended", json!({ "done": "grant_ended", "grant": grant("ended") })),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_GRANT_HERE],
        true,
    )
}

fn force_sca_of_grant() -> Operation {
    let description = "Has the customer of a grant authenticated anew (RTS art. 10a(3)): it expires now.";
    let operation = of_grant("forceScaOfGrant", "Force SCA of a grant", description).request_body(Some(body_of("Why.", "PlainOrder")));
    finish(
        acted(operation, "ended", json!({ "done": "grant_ended", "grant": grant("ended") })),
        BY,
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_GRANT_HERE],
        true,
    )
}

fn list_journeys() -> Operation {
    let description = "Customers' journeys, newest first: where each stands or stopped, why, on which channel, and when. Nothing of the customer. A \
                       page may hold fewer than asked for, even none, and not be the last: go on while there is a `next`.";
    let stages = JourneyStage::ALL.map(|(name, _)| name);
    let operation = operation("listJourneys", JOURNEYS, "List journeys", description)
        .parameter(super::grants::brand())
        .parameter(query("client_id", false, "Only of this client.", plain(Type::String)))
        .parameter(query("stage", false, "Only at this stage.", word("Which.", stages)))
        .parameter(query("since", false, "Begun from then on; a day before `until` by default.", text("RFC 3339.")))
        .parameter(query("until", false, "Begun before; now by default.", text("RFC 3339.")))
        .response("200", json_answer("A page.", "JourneyPage", [("page", json!({ "interactions": [journey()] }))]));
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

fn show_journey() -> Operation {
    let operation = operation("showJourney", JOURNEYS, "Show a journey", "Where one journey stands or stopped.")
        .parameter(super::grants::brand())
        .parameter(path("id", "`interaction_id`, as the portal's view and the log have it."))
        .response("200", json_answer("The journey.", "JourneyView", [("failed", journey())]));
    finish(operation, [], [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_JOURNEY], false)
}

fn list_organisations() -> Operation {
    let description = "Third-party providers in the order of their identifiers: how many clients and certificates each has, and when the last \
                       certificate ends. `after` is an identifier here.";
    let page = json!({ "organisations": [provider()] });
    let operation = operation("listOrganisations", TPPS, "List organisations", description)
        .response("200", json_answer("A page.", "OrganisationPage", [("page", page)]));
    finish_query(paged(operation), [OAuthError::PAGE_LIMIT], [])
}

fn of_organisation(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, TPPS, summary, description).parameter(organisation())
}

fn show_organisation() -> Operation {
    let operation =
        of_organisation("showOrganisation", "Show an organisation", "One organisation, and its merges. `listClients` tells its clients.")
            .response("200", json_answer("What is known of it.", "OrganisationView", [("organisation", provider())]));
    finish(operation, [], [OAuthError::NO_SUCH_ORGANISATION], false)
}

fn merge() -> Operation {
    let description = "Makes the clients of one organisation another's, after a merger or a new authorisation number: consents and tokens live on. \
                       Undone only by another merge.";
    let operation = of_organisation("mergeOrganisation", "Merge an organisation", description)
        .request_body(Some(body_of("Into which, and why.", "MergeInto")));
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

fn force_sca_of_organisation() -> Operation {
    let description = "As of a client, for all clients of an organisation.";
    let operation =
        of_organisation("forceScaOfOrganisation", "Force SCA", description).request_body(Some(body_of("Where, and why.", "SweepOrder")));
    finish(acted(operation, "begun", sweep_begun("force_sca")), BY, [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_ORGANISATION], true)
}

fn revoke_grants_of_organisation() -> Operation {
    let description =
        "As of a client, for all clients of an organisation. Block the organisation first where no new ones are to be given meanwhile.";
    let operation = of_organisation("revokeGrantsOfOrganisation", "Revoke all grants", description)
        .request_body(Some(body_of("Where, and why.", "SweepOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "begun", sweep_begun("revoke")),
        [by, why, OAuthError::PSU_NOTICE_MALFORMED],
        [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_ORGANISATION],
        true,
    )
}

fn list_blocks() -> Operation {
    let operation = operation("listBlocks", TPPS, "List blocks", "All that is blocked, oldest first.")
        .response("200", json_answer("They are few.", "BlockPage", [("blocks", json!({ "blocks": [block()] }))]));
    finish(operation, [], [], false)
}

fn add_block() -> Operation {
    let description = "Shuts out an organisation, a certificate, an issuer or a role, on every server within a second; nothing is revoked. Again is \
                       the same block.";
    let operation = operation("addBlock", TPPS, "Block", description).request_body(Some(body_of("What, and why.", "BlockOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "blocked", json!({ "done": "blocked", "block": block() })),
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

fn lift_block() -> Operation {
    let operation = operation("liftBlock", TPPS, "Lift a block", "Tokens and consents work as before. Again tells who lifted it.")
        .parameter(path("id", "The block."))
        .request_body(Some(body_of("Why.", "PlainOrder")));
    finish(acted(operation, "lifted", json!({ "done": "lifted", "block": block() })), BY, [OAuthError::NO_SUCH_BLOCK], true)
}

fn show_sweep() -> Operation {
    let operation = operation("showSweep", GRANTS, "Show a sweep", "How far the ending of many grants has come. It goes on by itself.")
        .parameter(path("id", "`sweep_id` of the answer that began it."))
        .response("200", json_answer("The sweep.", "SweepView", [("under way", sweep("revoke"))]));
    finish(operation, [], [OAuthError::NO_SUCH_SWEEP], false)
}

fn list_keys() -> Operation {
    let description =
        "The bank's signing keys, public facts only: of files, then of the database in the order in which they sign, retired ones last.";
    let operation = operation("listKeys", KEYS, "List signing keys", description)
        .response("200", json_answer("The keys.", "KeyList", [("keys", json!({ "keys": [key("active")] }))]));
    finish(operation, [], [], false)
}

fn rotate() -> Operation {
    let description = "Makes the next key: published from now on, it signs after `signing.overlap_hours`; the one before it is published as long after \
                       its last use. `at_once`: the next key, or a new one, signs now.";
    let operation = operation("rotateKeys", KEYS, "Rotate", description).request_body(Some(body_of("How, and why.", "RotateOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "rotated", json!({ "done": "rotated", "key": key("next") })),
        [by, why, OAuthError::NEXT_KEY_THERE, OAuthError::NO_WRAPPING_KEY, OAuthError::TOO_MANY_KEYS],
        [],
        true,
    )
}

fn retire() -> Operation {
    let description = "Takes a key out of the published set now: a next one, or one that signs no more. Its private half is destroyed. Again changes \
                       nothing.";
    let operation = operation("retireKey", KEYS, "Retire a key", description)
        .parameter(path("kid", "The key."))
        .request_body(Some(body_of("Why.", "PlainOrder")));
    let [by, why] = BY;
    finish(
        acted(operation, "retired", json!({ "done": "retired", "key": key("retired") })),
        [by, why, OAuthError::KEY_SIGNS],
        [OAuthError::NO_SUCH_KEY],
        true,
    )
}

fn list_acts() -> Operation {
    let states = ["open", "approved", "rejected", "expired", "all"];
    let operation = operation("listActs", ACTS, "List acts", "Acts that wait for a second person, or waited, newest first.")
        .parameter(query("state", false, "`open` by default.", word("Which.", states)))
        .response("200", json_answer("A page.", "ActPage", [("page", json!({ "acts": [proposal()] }))]));
    finish_query(paged(operation), [OAuthError::AFTER_MALFORMED, OAuthError::PAGE_LIMIT, OAuthError::STATE_UNKNOWN], [])
}

fn act(id: &str, summary: &str, description: &str) -> OperationBuilder {
    operation(id, ACTS, summary, description).parameter(path("id", "The act."))
}

fn show_act() -> Operation {
    let operation = act("showAct", "Show an act", "What, why, by whom, and what became of it.")
        .response("200", json_answer("The act.", "ProposalView", [("open", proposal())]));
    finish(operation, [], [OAuthError::NO_SUCH_ACT], false)
}

fn approve() -> Operation {
    let description = "Does it, once, in one transaction with the approval; by another person than the one who proposed it. Where it can no longer be \
                       done it is refused as the act itself would be, and stays open. An erasure \
                       (`psu.erase`) is approved at the command line, where the customer's reference is given anew.";
    let operation = act("approveAct", "Approve an act", description)
        .request_body(Some(body_of("Who approves.", "ApproveOrder")))
        .response("200", json_answer("Done.", "ActDone", [("blocked", json!({ "done": "blocked", "block": block() }))]));
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
    let operation = act("rejectAct", "Reject an act", "It will not be done. Whoever proposed it may take it back.")
        .request_body(Some(body_of("Who, and why.", "RejectOrder")))
        .response("200", json_answer("The act as it stands.", "ProposalView", [("rejected", proposal())]));
    let [by, why] = BY;
    finish(operation, [by, why, OAuthError::ACT_CLOSED], [OAuthError::NO_SUCH_ACT], true)
}

fn client() -> Value {
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

fn block() -> Value {
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

fn grant(state: &str) -> Value {
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

fn journey() -> Value {
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

fn provider() -> Value {
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

fn sweep(ending: &str) -> Value {
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

fn sweep_begun(ending: &str) -> Value {
    json!({ "done": "sweep_begun", "sweep": sweep(ending) })
}

fn key(state: &str) -> Value {
    json!({
        "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "algorithm": "ES256",
        "state": state,
        "made_at": "2026-11-28T09:00:00Z",
        "made_by": "Ines Moreau (root)",
        "signs_from": "2026-11-30T09:00:00Z",
        "can_sign": true,
    })
}

fn proposal() -> Value {
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
