//! The protected resource of a sandbox.

use super::parts::{empty_answer, json_schema_answer, object, operation, path_parameter, required, text, word};
use crate::oauth::scope::ScopeToken;
use utoipa::openapi::{ObjectBuilder, Type, path::Operation, security::SecurityRequirement};

const NO_SCOPES: [&str; 0] = [];

pub fn read() -> Operation {
    let description = "Sandboxes only: an example of what the bank's API does with an access token. It stands in the `Authorization` header alone \
                       (RFC 6750 s2.1) and comes over a connection with the client's certificate: the very one that a bound token was issued to \
                       (RFC 8705 s3), or any of the organisation's.";
    let told = object(
        "What is told of the token.",
        [
            required("scope", text("All of its scope.")),
            required("client_id", text("Whose it is.")),
            required("exp", ObjectBuilder::new().schema_type(Type::Integer).description(Some("Until when, in seconds since the epoch."))),
        ],
    );
    let scopes = word("The scope that the token must have.", ScopeToken::ALL.map(ScopeToken::as_str));
    let operation = operation("readSandboxResource", "Sandbox", "Try an access token", description)
        .parameter(path_parameter("scope", "What is tried.", scopes))
        .security(SecurityRequirement::new(super::QWAC, NO_SCOPES))
        .response("200", json_schema_answer("The token is good for this scope.", told.build()))
        .response("400", empty_answer("`invalid_request`: a token in the query, or an `Authorization` header that holds none."))
        .response("401", empty_answer("No token; or `invalid_token`: unknown, over, or not with this certificate."))
        .response("403", empty_answer("`insufficient_scope`: the token is good for something else."));
    super::machine(operation).build()
}
