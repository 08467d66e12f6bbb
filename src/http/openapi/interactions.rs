//! The internal counter's interactions: for the bank's portal and its app's back end.

use super::{
    introspect::internal,
    parts::{
        Documented, json_answer, json_body, object, operation, optional, path_parameter, refusal_answer, refused, required, schema_ref,
        shared, text, word,
    },
    with,
};
use crate::{
    http::interactions::{ClientView, InteractionView, Redirection, RefusedConclusion, ScopeView},
    oauth::{
        conclusion::{ConclusionRefusal, LONGEST_TEXT, MOST_ACCOUNTS, Requirement},
        error::OAuthError,
        sca::ScaFailure,
    },
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ArrayBuilder, ComponentsBuilder, HttpMethod, ObjectBuilder, OneOfBuilder, Response, SchemaFormat, Type,
    content::ContentBuilder,
    example::ExampleBuilder,
    path::{Operation, OperationBuilder},
    response::ResponseBuilder,
    schema::KnownFormat,
};

const TAG: &str = "Interactions";
const HASH: &str = "q8mnVK1cZBKZGQ3gkAxb4eKHvKqgsJmnDrcqPoWfW3Y";

pub fn all() -> [Documented; 3] {
    let path = "/v1/brands/{brand}/interactions/{ticket}";
    [
        Documented { method: HttpMethod::Get, path: path.into(), operation: read() },
        Documented { method: HttpMethod::Post, path: format!("{path}/complete"), operation: complete() },
        Documented { method: HttpMethod::Post, path: format!("{path}/fail"), operation: fail() },
    ]
}

/// What the operations refer to.
pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<InteractionView>(with::<Redirection>(with::<RefusedConclusion>(components))).schema("Completion", completion())
}

fn addressed(operation: OperationBuilder) -> OperationBuilder {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let ticket = "What the browser brought as `interaction`, or the exchange of an authorization URL gave. It opens this journey and nothing \
                  else; keep it out of logs.";
    operation
        .parameter(path_parameter("brand", "The id of the brand; a ticket of another brand is unknown.", string()))
        .parameter(path_parameter("ticket", ticket, string()))
        .response("404", refusal_answer(404, &[OAuthError::from(ConclusionRefusal::Unknown).into(), OAuthError::NO_SUCH_BRAND.into()]))
}

fn read() -> Operation {
    let description = "All that the customer must be shown, and all that must be done before `complete`. Reading changes nothing and may be \
                       repeated. A concluded journey is told as such by `status`; a failed one says where to send the customer.";
    let gone = [ConclusionRefusal::NotServed, ConclusionRefusal::Void];
    let operation = operation("readInteraction", TAG, "Read an interaction", description)
        .response("200", json_answer("The interaction.", "InteractionView", [("open", open()), ("timed out", timed_out())]))
        .response("409", conflict(&gone));
    internal(refused(addressed(operation), [OAuthError::NO_HOST.into()])).build()
}

fn complete() -> Operation {
    let description = "The customer was authenticated and agreed. Exactly once: the same body again is a retry and gets the same answer, \
                       another one is refused. Where something that is `required` is missing, nothing is concluded and the customer can still \
                       do it. `sca.at` must lie within the journey, `sca.linked_hash` must be the one that was read: a wrong one ends the \
                       journey.\n\nSend the customer to `redirect_to`, in the browser in which he approved and in no other: it carries a \
                       confirmation without which the code is not given out.";
    let example = json!({
        "subject": "c-7f3a9e",
        "sca": { "method": "app", "at": "2026-11-28T09:01:30Z", "reference": "sca-20261128-000123", "linked_hash": HASH },
        "accounts": [{ "id": "a-1", "iban": "FR7630006000011234567890189", "label": "Compte courant", "currency": "EUR" }],
        "explicit_consent": true,
    });
    let operation = operation("completeInteraction", TAG, "Complete an interaction", description)
        .request_body(Some(json_body("What was seen to.", schema_ref("Completion"), example)))
        .response("200", json_answer("Concluded.", "Redirection", [("a browser", browser()), ("an app", app())]));
    concluded(operation)
}

fn fail() -> Operation {
    let description = "The customer cancelled or could not be authenticated. Exactly once, as with `complete`. The TPP gets the channel's own \
                       code for the reason; the customer goes to `redirect_to`.";
    let reasons = ScaFailure::ALL.map(ScaFailure::name);
    let body = object("Why.", [required("reason", word("One of the closed set.", reasons))]);
    let operation = operation("failInteraction", TAG, "Fail an interaction", description)
        .request_body(Some(json_body("The reason.", body, json!({ "reason": "cancelled" }))))
        .response("200", json_answer("Concluded.", "Redirection", [("a browser", failed())]));
    concluded(operation)
}

fn concluded(operation: OperationBuilder) -> Operation {
    let (malformed, conflicts): (Vec<_>, Vec<_>) = ConclusionRefusal::all()
        .into_iter()
        .filter(|r| *r != ConclusionRefusal::Unknown)
        .partition(|r| OAuthError::from(r.clone()).status() == 400);
    let malformed = malformed.into_iter().map(OAuthError::from);
    let broken = [OAuthError::NO_HOST, OAuthError::BODY_BROKEN, OAuthError::NO_JSON_OBJECT];
    let operation =
        refused(addressed(operation), broken.into_iter().chain(malformed).map(Into::into)).response("409", conflict(&conflicts));
    shared(internal(operation), &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")]).build()
}

/// Nothing new was concluded; `missing` or `redirect_to` say what helps.
fn conflict(refusals: &[ConclusionRefusal]) -> Response {
    let examples = refusals.iter().map(|refusal| {
        let body = OAuthError::from(refusal.clone()).body();
        let value = RefusedConclusion {
            error: body.error,
            error_description: body.error_description,
            missing: refusal.missing().to_vec(),
            redirect_to: match refusal {
                ConclusionRefusal::OtherLinkedHash | ConclusionRefusal::Late | ConclusionRefusal::Void => Some(home()),
                ConclusionRefusal::NotServed => Some(home().replace("/return", "")),
                ConclusionRefusal::Unknown
                | ConclusionRefusal::Malformed(_)
                | ConclusionRefusal::UnknownReason
                | ConclusionRefusal::OneAccountOnly
                | ConclusionRefusal::Missing(_)
                | ConclusionRefusal::ScaOfAnotherTime
                | ConclusionRefusal::AlreadyConcluded => None,
            },
        };
        (refusal.name(), ExampleBuilder::new().value(Some(serde_json::to_value(value).unwrap_or_default())).build())
    });
    let content = ContentBuilder::new().schema(Some(schema_ref("RefusedConclusion"))).examples_from_iter(examples).build();
    let description = "As the journey stands, this cannot be. Where `missing` is sent, the customer can still do it; where `redirect_to` is \
                       sent, that is where he goes.";
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

fn completion() -> ObjectBuilder {
    let bounded = |what: &str| text(what).min_length(Some(1)).max_length(Some(LONGEST_TEXT));
    let sca = object(
        "The strong customer authentication of this journey.",
        [
            required("method", bounded("The bank's name of the method; kept as evidence.")),
            required("at", text("When the customer approved.").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))),
            optional("reference", bounded("The bank's reference of the authentication; kept as evidence.")),
            required("linked_hash", bounded("As it came back with the SCA's result.")),
        ],
    );
    let account = object(
        "An account, with what the customer's list of permissions will show of it.",
        [
            required("id", bounded("The bank's own, opaque; tokens carry it.")),
            optional("iban", bounded("")),
            optional("label", bounded("As the customer knows it.")),
            optional("currency", text("ISO 4217.").pattern(Some("^[A-Z]{3}$"))),
        ],
    );
    let account = OneOfBuilder::new().item(bounded("The bank's id of an account.")).item(account);
    let names = Requirement::ALL.map(Requirement::name).join("`, `");
    object(
        format!("What was seen to, by what an interaction may require: `{names}`. Every text has at most {LONGEST_TEXT} characters."),
        [
            optional("subject", bounded("The bank's opaque reference of the customer: no login, no name, no account.")),
            optional("sca", sca),
            optional("accounts", ArrayBuilder::new().items(account).max_items(Some(MOST_ACCOUNTS))),
            optional("explicit_consent", ObjectBuilder::new().schema_type(Type::Boolean)),
        ],
    )
}

fn home() -> String {
    "https://auth.cic.example/cic/journeys/019b76daa80070008000000000000001/return".into()
}

fn browser() -> Value {
    json!({ "redirect_to": format!("{}?confirmation=hB4Fv3o0Zk2vYw0mD8gQy5m0m9C1a7cJ3m1mWQ8s6xA", home()) })
}

fn failed() -> Value {
    json!({ "redirect_to": home() })
}

fn app() -> Value {
    json!({ "redirect_to": "https://tpp.example/callback?code=guac_...&state=af0ifjsldkj&iss=https%3A%2F%2Fauth.cic.example" })
}

fn open() -> Value {
    serde_json::to_value(example()).unwrap_or_default()
}

fn timed_out() -> Value {
    serde_json::to_value(InteractionView {
        status: "failed",
        reason: Some(ScaFailure::TimedOut.name()),
        redirect_to: Some(home()),
        ..example()
    })
    .unwrap_or_default()
}

pub fn example() -> InteractionView {
    InteractionView {
        interaction_id: "019b76da-a800-7000-8000-000000000001".into(),
        status: "open",
        reason: None,
        redirect_to: None,
        brand: "cic".into(),
        brand_name: "CIC".into(),
        channel: "web".into(),
        begun_by: "browser",
        fallback: false,
        language: "fr",
        client: ClientView {
            client_id: "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11".into(),
            client_name: "Mon budget".into(),
            legal_name: "Exemple SAS".into(),
            authorisation_number: "12345".into(),
            organisation: "PSDFR-ACPR-12345".into(),
            agent: None,
            roles: vec!["PSP_IC"],
        },
        scope: ScopeView {
            codes: vec!["cbpii"],
            words: vec!["CIC répond à cet émetteur de carte, et à personne d’autre, uniquement par oui ou par non.".into()],
        },
        accounts: crate::http::interactions::AccountsView { choose: "one", given: None, asked: vec![] },
        payment: None,
        required: Requirement::ALL.to_vec(),
        linked_hash: HASH.into(),
        begun_at: "2026-11-28T09:00:00Z".into(),
        deadline: "2026-11-28T09:10:00Z".into(),
    }
}
