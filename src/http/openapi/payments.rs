//! The internal counter's payments: for the bank's payment API.

use super::{
    introspect::internal,
    parts::{
        Documented, Member, json_answer, json_body, object, operation, optional, path_parameter, refusal_answer, refused, required, shared,
        text, word,
    },
    refusals::Refusal,
};
use crate::oauth::{
    error::OAuthError,
    lodging::{LodgingRefusal, PaymentStatus},
    payment::{Frequency, PaymentKind},
    payment_fields::Fault,
};
use serde_json::{Value, json};
use utoipa::openapi::{HttpMethod, ObjectBuilder, Schema, Type, path::OperationBuilder};

const TAG: &str = "Payments";
const ALL: &str = "/v1/brands/{brand}/payments";
const ONE: &str = "/v1/brands/{brand}/payments/{payment_request}";
const ID: &str = "019b76da-a800-7000-8000-000000000002";

pub fn all() -> Vec<Documented> {
    let document = |method, path: &str, operation: OperationBuilder| Documented { method, path: path.into(), operation: operation.build() };
    vec![
        document(HttpMethod::Post, ALL, lodge()),
        document(HttpMethod::Get, ONE, read()),
        document(HttpMethod::Put, ONE, change()),
        document(HttpMethod::Delete, ONE, withdraw()),
        document(HttpMethod::Post, "/v1/brands/{brand}/payments/{payment_request}/use", execute()),
    ]
}

pub fn schemas() -> [(&'static str, Schema); 2] {
    let members = || {
        let client: [Member; 1] = [required("client_id", text("Of this brand, with scope `pisp`."))];
        client.into_iter().chain(members())
    };
    [
        (
            "PaymentLodging",
            Schema::Object(
                object("What the customer is to see and to approve. Members that are not listed are refused.", members()).build(),
            ),
        ),
        (
            "PaymentUse",
            Schema::Object(
                object(
                    "One execution.",
                    [required(
                        "reference",
                        text("The bank's own name of the execution: 1 to 128 visible ASCII characters.").max_length(Some(128)),
                    )],
                )
                .build(),
            ),
        ),
    ]
}

fn members() -> [Member; 10] {
    let account = "An IBAN without spaces, its check digits verified, or an account number of another scheme.";
    [
        required("kind", word("What is to be approved.", PaymentKind::ALL.map(PaymentKind::name))),
        required("payment_id", text("The bank's own name of the payment, unique within brand and kind.").max_length(Some(128))),
        required(
            "amount",
            text("ISO 20022: a decimal number, no more decimals than the currency has. Of a batch, the total.").max_length(Some(19)),
        ),
        required("currency", text("ISO 4217.")),
        required(
            "creditor_name",
            text("As the customer is to read it; no control, invisible or direction characters.").max_length(Some(140)),
        ),
        required("creditor_account", text(account).max_length(Some(34))),
        optional("execution_date", text("`YYYY-MM-DD`, not in the past. Absent: at once.")),
        optional("debtor_account", text(format!("{account} Absent: the customer chooses.")).max_length(Some(34))),
        optional("frequency", word("Of a standing order.", Frequency::ALL.map(Frequency::name))),
        optional(
            "batch_count",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .maximum(Some(1_000_000))
                .description(Some("Of a batch: how many payments `amount` sums up.")),
        ),
    ]
}

fn lodge() -> OperationBuilder {
    let description = "Before the TPP gets its answer: what its customer is to approve. `consent_approval_url` is the `consentApproval` link \
                       that the payment API hands to the TPP, which appends `redirect_uri`, `state`, `code_challenge` and \
                       `code_challenge_method`.\n\nSafe to repeat: the same payment (`kind` and `payment_id`) with the same content answers \
                       200 with the same request; with other content 409. A request that was withdrawn or has expired may be lodged anew.";
    let operation = operation("lodgePayment", TAG, "Lodge a payment or a cancellation", description)
        .parameter(brand())
        .request_body(Some(json_body("The payment.", super::schema_ref("PaymentLodging"), lodging())))
        .response("201", answer("Lodged.", "lodged", request(PaymentStatus::Lodged)))
        .response("200", answer("Lodged before, with the same content.", "lodged", request(PaymentStatus::Lodged)));
    with_body(refused(operation, bodies().chain(faults()).chain([LodgingRefusal::Differs.into(), OAuthError::NO_SUCH_BRAND.into()])))
}

fn read() -> OperationBuilder {
    let description = "Where it stands: `lodged`, `approved` (by whom, when, with which accounts), `used`, `withdrawn`, or `expired`: not \
                       approved in time, or approved and not used in time.";
    let examples = [("lodged", request(PaymentStatus::Lodged)), ("approved", request(PaymentStatus::Approved))];
    let operation = operation("readPayment", TAG, "Read a lodged payment", description)
        .response("200", json_answer("The request.", "PaymentRequest", examples));
    of_one(operation, [])
}

fn change() -> OperationBuilder {
    let description = "The payment as it is now. A customer who is looking at the former content cannot approve it any more: his journey fails, \
                       and the TPP may send him again. An approval that was given is invalidated: its grant is revoked, its tokens are dead, \
                       `invalidated_grant_id` says so, and the customer has to approve anew. The request keeps its id and its URL. Sending the \
                       same again changes nothing.";
    let operation = operation("changePayment", TAG, "Change a lodged payment", description)
        .request_body(Some(json_body("The whole payment.", super::schema_ref("PaymentLodging"), lodging())))
        .response("200", answer("The request as it is now.", "changed", request(PaymentStatus::Lodged)));
    let over = [PaymentStatus::Used, PaymentStatus::Withdrawn, PaymentStatus::Expired].map(|s| LodgingRefusal::Over(s).into());
    with_body(of_one(operation, bodies().chain(faults()).chain([LodgingRefusal::OtherPayment.into()]).chain(over)))
}

fn withdraw() -> OperationBuilder {
    let description = "Nobody can approve it any more. An approval that was given is revoked, its tokens are dead. Withdrawing twice is withdrawing once.";
    let operation = operation("withdrawPayment", TAG, "Withdraw a lodged payment", description)
        .response("200", answer("Withdrawn.", "withdrawn", request(PaymentStatus::Withdrawn)));
    of_one(operation, [LodgingRefusal::Over(PaymentStatus::Used).into()])
}

fn execute() -> OperationBuilder {
    let description = "Call it before the payment is executed: it answers 200 once, and the approval and its tokens are spent. The same \
                       `reference` again is a retry and answers 200; another one is a second execution and answers 409.";
    let operation = operation("usePayment", TAG, "Spend an approval on its execution", description)
        .request_body(Some(json_body("The execution.", super::schema_ref("PaymentUse"), json!({ "reference": "exec-2026-000017" }))))
        .response("200", answer("It is this execution's.", "used", request(PaymentStatus::Used)));
    let own = [
        LodgingRefusal::Faults(vec![Fault { member: "reference".into(), why: "must be 1 to 128 visible ASCII characters" }]),
        LodgingRefusal::NotApproved,
        LodgingRefusal::UsedOtherwise,
        LodgingRefusal::Over(PaymentStatus::Withdrawn),
        LodgingRefusal::Over(PaymentStatus::Expired),
    ];
    with_body(of_one(operation, bodies().chain(own.map(Refusal::from))))
}

fn of_one(operation: OperationBuilder, more: impl IntoIterator<Item = Refusal>) -> OperationBuilder {
    let id = path_parameter("payment_request", "As `lodgePayment` answered it.", ObjectBuilder::new().schema_type(Type::String));
    let operation = refused(operation.parameter(brand()).parameter(id), more);
    let missing = [OAuthError::NO_SUCH_BRAND.into(), LodgingRefusal::Unknown.into(), OAuthError::NO_SUCH_ENDPOINT.into()];
    internal(operation.response("404", refusal_answer(404, &missing)))
}

fn with_body(operation: OperationBuilder) -> OperationBuilder {
    shared(internal(operation), &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")])
}

fn bodies() -> impl Iterator<Item = Refusal> {
    [OAuthError::NO_HOST, OAuthError::BODY_BROKEN, OAuthError::NO_JSON_OBJECT].into_iter().map(Refusal::from)
}

/// One wrong member, and several.
fn faults() -> impl Iterator<Item = Refusal> {
    let fault = |member: &str, why| Fault { member: member.into(), why };
    let several = vec![fault("currency", "must be an ISO 4217 currency code"), fault("creditor_account", "is not a valid IBAN")];
    [vec![fault("client_id", "no client of this brand")], several].into_iter().map(|faults| LodgingRefusal::Faults(faults).into())
}

fn brand() -> utoipa::openapi::path::Parameter {
    path_parameter("brand", "The id of the brand.", ObjectBuilder::new().schema_type(Type::String))
}

fn answer(description: &str, name: &str, example: Value) -> utoipa::openapi::Response {
    json_answer(description, "PaymentRequest", [(name, example)])
}

fn lodging() -> Value {
    let mut lodging = payment();
    lodging["client_id"] = json!("5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11");
    lodging
}

fn payment() -> Value {
    json!({
        "kind": "initiation",
        "payment_id": "pay-2026-000042",
        "amount": "1234.50",
        "currency": "EUR",
        "creditor_name": "Librairie des Arts",
        "creditor_account": "FR7630006000011234567890189",
        "execution_date": "2026-06-01",
    })
}

fn request(status: PaymentStatus) -> Value {
    let url = format!(
        "https://auth.cic.example/oauth2/fr/banque/oauth2_authorization.aspx?response_type=code\
         &client_id=5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11&scope=pisp&payment_request={ID}"
    );
    let mut request = json!({
        "payment_request": ID,
        "client_id": "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11",
        "payment": payment(),
        "revision": 1,
        "state": status.name(),
        "lodged_at": "2026-05-31T09:00:00Z",
        "expires_at": "2026-05-31T09:30:00Z",
        "consent_approval_url": url,
        "consent_approval_urls": { "web": url },
    });
    if matches!(status, PaymentStatus::Approved | PaymentStatus::Used) {
        request["approval"] = json!({
            "grant_id": "019b76da-a800-7000-8000-000000000003",
            "sub": "psu_...",
            "approved_at": "2026-05-31T09:04:00Z",
            "until": "2026-05-31T12:04:00Z",
            "accounts": ["acc-1"],
        });
    }
    if status == PaymentStatus::Used {
        request["execution"] = json!({ "used_at": "2026-05-31T09:05:00Z", "reference": "exec-2026-000017" });
    }
    request
}
