//! The internal counter's grants: for the bank's permission dashboard.

use super::{
    introspect::internal,
    parts::{json_answer, json_body, operation, path_parameter, refusal_answer, refused, schema_ref, shared},
};
use crate::oauth::error::OAuthError;
use serde_json::{Value, json};
use utoipa::openapi::{
    ObjectBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
};

const TAG: &str = "Grants";

pub fn search() -> Operation {
    let description = "What a customer has allowed, newest first: who may do what and why, since when, when he was last authenticated, when it was \
                       last used, until when, and how it ended. What ended is told for two years. Grants of a deleted client are told of, too.";
    let body =
        json_body("Whose grants.", schema_ref("PermissionSearch"), json!({ "subject": "psu_7f3a", "state": "active", "language": "fr" }));
    let answer = json_answer(
        "One page.",
        "PermissionPage",
        [("active", json!({ "grants": [active()] })), ("ended", json!({ "grants": [ended()] }))],
    );
    let operation =
        operation("searchGrants", TAG, "List a customer's grants", description).request_body(Some(body)).response("200", answer);
    of_brand(operation, [OAuthError::LANGUAGE_UNKNOWN, OAuthError::PAGE_LIMIT], [])
}

pub fn withdraw() -> Operation {
    let description = "Ends the grant: from the answer on, every token under it is dead. For the customer, in his bank's own dashboard; or for the \
                       bank (`by`), which says why. Again, or after it ended otherwise, changes nothing: the answer tells how it ended. Readers \
                       of events learn of it as `grant_withdrawn`.";
    let body =
        json_body("Whose grant it is.", schema_ref("PermissionWithdrawal"), json!({ "subject": "psu_7f3a", "reason": "No longer needed" }));
    let operation = operation("withdrawGrant", TAG, "Withdraw a grant", description)
        .parameter(path_parameter(
            "grant_id",
            "As `searchGrants` or introspection told it.",
            ObjectBuilder::new().schema_type(Type::String),
        ))
        .request_body(Some(body))
        .response("200", json_answer("The grant as it stands.", "PermissionEntry", [("ended", ended())]));
    of_brand(operation, [OAuthError::REASON_MALFORMED, OAuthError::REASON_MISSING], [OAuthError::NO_SUCH_GRANT])
}

pub fn invite() -> Operation {
    let description = "A link to a page where the customer sees and ends his grants, for a bank without a dashboard of its own. The bank has to \
                       recognise the customer first; it sends his browser to the link at once, which opens once and within two minutes.";
    let body = json_body("Who he is.", schema_ref("PermissionLinkRequest"), json!({ "subject": "psu_7f3a", "language": "fr" }));
    let link = json!({ "url": "https://auth.cic.example/cic/permissions/open/gupl_...", "expires_at": "2026-06-01T12:02:00Z" });
    let operation = operation("invitePermissions", TAG, "Open the customer's own page", description)
        .request_body(Some(body))
        .response("201", json_answer("The link.", "PermissionLink", [("link", link)]));
    of_brand(operation, [OAuthError::LANGUAGE_UNKNOWN], [])
}

/// What every operation on a brand's customers refuses, and this one beside that.
pub fn of_brand<const N: usize, const M: usize>(operation: OperationBuilder, own: [OAuthError; N], missing: [OAuthError; M]) -> Operation {
    let malformed = [OAuthError::BODY_BROKEN, OAuthError::NO_JSON_OBJECT, OAuthError::BODY_MALFORMED, OAuthError::SUBJECT_MALFORMED];
    let absent: Vec<_> = [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_ENDPOINT].into_iter().chain(missing).map(Into::into).collect();
    let operation = refused(operation.parameter(brand()), malformed.into_iter().chain(own).map(Into::into));
    let operation = internal(operation.response("404", refusal_answer(404, &absent)));
    shared(operation, &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")]).build()
}

pub fn brand() -> Parameter {
    path_parameter("brand", "The id of the brand.", ObjectBuilder::new().schema_type(Type::String))
}

fn active() -> Value {
    json!({
        "grant_id": "019b76da-a800-7000-8000-000000000001",
        "state": "active",
        "who": {
            "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
            "client_name": "Exemple",
            "legal_name": "Exemple SAS",
            "authorisation_number": "12345",
            "organisation": "PSDFR-ACPR-12345",
            "roles": ["PSP_AI"],
        },
        "what": { "scope": ["aisp"], "words": ["vos comptes de paiement, avec leur num\u{e9}ro et le nom du titulaire", "..."] },
        "why": "Pour vous montrer vos comptes dans Exemple.",
        "channel": "web",
        "since": "2026-01-01T12:00:00Z",
        "last_sca": { "at": "2026-01-01T11:59:40Z", "method": "app" },
        "last_used_at": "2026-05-31T04:10:00Z",
        "until": "2026-06-30T11:59:40Z",
    })
}

fn ended() -> Value {
    let mut entry = active();
    entry["state"] = json!("ended");
    entry["ended"] =
        json!({ "at": "2026-06-01T12:00:00Z", "by": "customer", "why": "withdrawn_by_customer", "reason": "No longer needed" });
    entry
}
