//! The contract of the SCA driver: what a bank serves and we ask. Its shapes are the types that write and read it.

use super::{
    parts::{Documented, body_of, header_parameter, json_answer, operation, path_parameter},
    with,
};
use crate::sca::wire::{
    AccountsAnswer, AccountsQuestion, ChallengeAnswer, ChallengeQuestion, CodeQuestion, EligibilityAnswer, EligibilityQuestion,
};
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, Info, ObjectBuilder, OpenApi, OpenApiBuilder, Paths, Response, Type,
    path::{Operation, OperationBuilder},
    security::{SecurityRequirement, SecurityScheme},
};

const CERTIFICATE: &str = "client_certificate";
const TAG: &str = "SCA back end";

/// What a bank implements where its brand has `mode = "driver"`.
pub fn driver_document() -> OpenApi {
    let mut paths = Paths::new();
    for Documented { method, path, operation } in all() {
        paths.add_path_operation(path, vec![method], operation);
    }
    let what = "Mutual TLS: Guichet shows the certificate that the brand's `client_certificate_file` names.";
    let scheme = SecurityScheme::MutualTls { description: Some(what.into()), deprecated: None, extensions: None };
    let components = ComponentsBuilder::new().security_scheme(CERTIFICATE, scheme);
    let components = with::<EligibilityAnswer>(with::<EligibilityQuestion<'_>>(components));
    let components = with::<AccountsAnswer>(with::<AccountsQuestion<'_>>(components));
    let components = with::<CodeQuestion<'_>>(with::<ChallengeAnswer>(with::<ChallengeQuestion<'_>>(components)));
    let mut info = Info::new("Guichet: SCA driver", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "What a bank's SCA back end serves, so that Guichet's pages can sign customers in and have them authenticated. Guichet is the client.\n\n\
         Answer within the brand's `deadline_seconds`, in JSON of at most 64 KiB, with exactly the members described here: an unknown or missing \
         one counts as no answer. A question whose answer got lost is asked again with the same `Idempotency-Key`: it must count once. Any \
         status beside the ones described counts as no answer; after five in a row Guichet asks once in 10 s only, and sends customers home with \
         the technical failure. Nothing that names a customer stands in a URL."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn all() -> Vec<Documented> {
    let at = |method, path: &str, operation| Documented { method, path: path.to_owned(), operation };
    vec![
        at(HttpMethod::Post, "/eligibility", eligibility()),
        at(HttpMethod::Post, "/accounts", accounts()),
        at(HttpMethod::Post, "/challenges", challenge()),
        at(HttpMethod::Get, "/challenges/{reference}", poll()),
        at(HttpMethod::Delete, "/challenges/{reference}", cancel()),
        at(HttpMethod::Post, "/challenges/{reference}/answer", answer()),
    ]
}

fn question(id: &str, summary: &str, description: &str) -> OperationBuilder {
    let none: [&str; 0] = [];
    operation(id, TAG, summary, description)
        .security(SecurityRequirement::new(CERTIFICATE, none))
        .parameter(header_parameter("X-Interaction-Id", true, "Of the journey: for the logs of both sides."))
        .parameter(header_parameter("Accept-Language", true, "Of the journey's pages: `de`, `en`, `es` or `fr`."))
}

fn repeatable(operation: OperationBuilder) -> OperationBuilder {
    let what = "The same key is the same question: it counts once, and has the same answer.";
    operation.parameter(header_parameter("Idempotency-Key", true, what))
}

fn of_challenge(operation: OperationBuilder) -> OperationBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    operation.parameter(path_parameter("reference", "Of the challenge, as the back end named it.", text))
}

fn eligibility() -> Operation {
    let description = "Is the password right, and how may the customer authenticate? The back end counts wrong passwords, across journeys: \
                       Guichet offers no fresh attempts by beginning anew, and sends at most five in one journey.";
    repeatable(question("eligibility", "Who is the customer", description))
        .request_body(Some(body_of("Login and password as typed.", "EligibilityQuestion")))
        .response("200", json_answer("What the bank makes of it.", "EligibilityAnswer", []))
        .build()
}

fn accounts() -> Operation {
    let description =
        "Asked where the customer has to choose. With one account there is nothing to choose, and with none the journey ends.";
    repeatable(question("accounts", "Which accounts the customer may choose", description))
        .request_body(Some(body_of("Whose.", "AccountsQuestion")))
        .response("200", json_answer("The accounts.", "AccountsAnswer", []))
        .build()
}

fn challenge() -> Operation {
    let description = "Put it to the customer: call his app, or send the code. Show him who asks (`journey.client`), for what, and of a payment \
                       amount, payee and date (RTS art. 5). `linked_hash` goes with it and must come back.";
    repeatable(question("challenge", "Authenticate the customer", description))
        .request_body(Some(body_of("Who, by which method, and for what.", "ChallengeQuestion")))
        .response("200", json_answer("How it stands.", "ChallengeAnswer", []))
        .response("201", json_answer("The same.", "ChallengeAnswer", []))
        .build()
}

fn poll() -> Operation {
    let description = "Asked once a second at most while the customer waits. What is settled stays so.";
    of_challenge(question("poll", "How a challenge stands", description))
        .response("200", json_answer("How it stands.", "ChallengeAnswer", []))
        .response("404", Response::new("No such challenge."))
        .build()
}

fn cancel() -> Operation {
    let description = "The customer went back or gave up: nobody waits for it any more. From then on it is `failed`.";
    of_challenge(question("cancel", "Forget a challenge", description)).response("204", Response::new("Done.")).build()
}

fn answer() -> Operation {
    let description = "The code that the customer typed. The back end counts wrong ones; the third in a row usually suspends the method.";
    of_challenge(repeatable(question("answer", "Judge a code", description)))
        .request_body(Some(body_of("The code.", "CodeQuestion")))
        .response("200", json_answer("How it stands.", "ChallengeAnswer", []))
        .build()
}
