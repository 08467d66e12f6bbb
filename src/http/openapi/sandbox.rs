//! The internal counter's sandbox: customers that somebody scripts.

use super::{
    grants::brand,
    introspect::internal,
    parts::{
        Documented, empty_answer, json_answer, json_body, object, operation, optional, path_parameter, refusal_answer, refused, required,
        schema_ref, shared, text, word,
    },
};
use crate::oauth::{
    error::{ErrorCode, OAuthError},
    sca::ScaFailure,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ArrayBuilder, HttpMethod, ObjectBuilder, OneOfBuilder, Schema, Type,
    path::{Operation, OperationBuilder, Parameter},
};

const TAG: &str = "Sandbox";
const ALL: &str = "/v1/brands/{brand}/sandbox/customers";
const ONE: &str = "/v1/brands/{brand}/sandbox/customers/{login}";

pub fn all() -> Vec<Documented> {
    let document = |method, path: &str, operation: Operation| Documented { method, path: path.into(), operation };
    vec![document(HttpMethod::Get, ALL, list()), document(HttpMethod::Put, ONE, put()), document(HttpMethod::Delete, ONE, delete())]
}

pub fn schemas() -> [(&'static str, Schema); 4] {
    let failures = || ScaFailure::ALL.map(ScaFailure::name);
    let seconds =
        || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(600)).description(Some("After the challenge."));
    let approves = object("Approves in the app.", [required("after_seconds", seconds())]);
    let fails =
        object("The app reports a failure.", [required("after_seconds", seconds()), required("reason", word("Which.", failures()))]);
    let answer = OneOfBuilder::new()
        .description(Some("What comes of a challenge."))
        .item(word("Nobody answers, and the challenge runs out.", ["silent"]))
        .item(object("Approves.", [required("approves", approves)]))
        .item(object("Fails.", [required("fails", fails)]))
        .item(object(
            "This one-time code is right; the third wrong one suspends the method.",
            [required("code", text("4 to 12 letters or digits."))],
        ));
    let states = [
        "active",
        "waiting_for_validation",
        "pending_enrollment",
        "suspended_enrollment",
        "disabled",
        "terminated",
        "suspended",
        "otp_suspended",
    ];
    let method = object(
        "One method.",
        [
            required("id", text("1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`, unique.")),
            required("label", text("What the customer reads.").max_length(Some(100))),
            optional("state", word("`active` by default; of all others a journey is told when no method is active.", states)),
            required("answer", answer),
        ],
    );
    let account = object(
        "One account.",
        [
            required("id", text("1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`, unique.")),
            optional("iban", text("Without spaces.")),
            required("label", text("What the customer reads.").max_length(Some(100))),
            required("currency", text("ISO 4217.")),
        ],
    );
    let script = object(
        "What a customer does; the same each time.",
        [
            optional("at_sign_in", word("Gets no further than the sign-in.", failures())),
            optional(
                "methods",
                ArrayBuilder::new().max_items(Some(5)).items(method).description(Some("None: the customer has no method.")),
            ),
            optional("accounts", ArrayBuilder::new().max_items(Some(20)).items(account)),
        ],
    );
    let wanted = object(
        "One customer.",
        [
            optional("password", text("Published; the built-in customers' by default.").max_length(Some(64))),
            required("script", schema_ref("SandboxScript")),
        ],
    );
    let customer = object(
        "One customer.",
        [
            required("login", text("Typed at the sign-in.")),
            required("password", text("Published: it opens nothing but the sandbox.")),
            required("subject", text("What tokens and grants carry.")),
            required("built_in", ObjectBuilder::new().schema_type(Type::Boolean)),
            optional("outcome", word("How a journey ends by the first method that works; absent: approved.", failures())),
            required("script", schema_ref("SandboxScript")),
        ],
    );
    let customers = object("All of a brand.", [required("customers", ArrayBuilder::new().items(schema_ref("SandboxCustomer")))]);
    [
        ("SandboxScript", Schema::Object(script.build())),
        ("SandboxCustomerWanted", Schema::Object(wanted.build())),
        ("SandboxCustomer", Schema::Object(customer.build())),
        ("SandboxCustomers", Schema::Object(customers.build())),
    ]
}

fn list() -> Operation {
    let description = "All customers of a sandbox with what each does: what the simulator goes by, and the page of test customers shows.";
    let operation = operation("listSandboxCustomers", TAG, "List test customers", description).response(
        "200",
        json_answer("By login, built-in ones first.", "SandboxCustomers", [("one", json!({ "customers": [customer()] }))]),
    );
    of_sandbox(operation, []).build()
}

fn put() -> Operation {
    let description = "Writes a customer down. The same again changes nothing; another script replaces the former one, and he stays who he is: \
                       `subject`, and what he allowed. Journeys under way go on by the new script. At most 200 of a brand.";
    let body = json_body("What he does.", schema_ref("SandboxCustomerWanted"), json!({ "script": script() }));
    let operation = operation("putSandboxCustomer", TAG, "Script a test customer", description)
        .parameter(login())
        .request_body(Some(body))
        .response("200", json_answer("The customer.", "SandboxCustomer", [("one", customer())]));
    let fault = OAuthError::described(ErrorCode::InvalidRequest, "script: methods: a code has 4 to 12 letters or digits".to_owned());
    let own = [
        OAuthError::BODY_BROKEN,
        OAuthError::NO_JSON_OBJECT,
        OAuthError::BODY_MALFORMED,
        OAuthError::SANDBOX_LOGIN,
        OAuthError::SANDBOX_PASSWORD,
    ];
    let refusals = own.into_iter().chain([fault, OAuthError::SANDBOX_BUILT_IN, OAuthError::SANDBOX_FULL]);
    shared(of_sandbox(operation, refusals), &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")]).build()
}

fn delete() -> Operation {
    let operation = operation("deleteSandboxCustomer", TAG, "Remove a test customer", "Gone, also where there was none.")
        .parameter(login())
        .response("204", empty_answer("Gone."));
    of_sandbox(operation, [OAuthError::SANDBOX_BUILT_IN]).build()
}

fn of_sandbox(operation: OperationBuilder, own: impl IntoIterator<Item = OAuthError>) -> OperationBuilder {
    let absent = [OAuthError::NO_SUCH_BRAND, OAuthError::NO_SUCH_SANDBOX, OAuthError::NO_SUCH_ENDPOINT].map(Into::into);
    let operation = refused(operation.parameter(brand()), own.into_iter().map(Into::into));
    internal(operation.response("404", refusal_answer(404, &absent)))
}

fn login() -> Parameter {
    path_parameter("login", "1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`.", ObjectBuilder::new().schema_type(Type::String))
}

fn script() -> Value {
    json!({
        "methods": [{ "id": "sms", "label": "SMS", "answer": { "code": "4711" } }],
        "accounts": [{ "id": "a1", "iban": "FR7630099000010000000000120", "label": "Compte courant", "currency": "EUR" }],
    })
}

fn customer() -> Value {
    json!({ "login": "types_mine", "password": "sandbox", "subject": "psu_...", "built_in": false, "script": script() })
}
