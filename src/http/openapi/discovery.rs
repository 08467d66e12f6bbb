//! What software and developers read before the first request.

use super::parts::{json_answer, object, operation, page_answer, required, shared};
use crate::{http::metadata::ServerMetadata, jose::JwsAlgorithm, oauth::brand::Brand};
use serde_json::json;
use utoipa::openapi::{
    ObjectBuilder, Schema, Type,
    path::{Operation, OperationBuilder},
    schema::ArrayBuilder,
};

const TAG: &str = "Discovery";

fn public(operation: OperationBuilder) -> OperationBuilder {
    let operation = operation
        .response("404", page_answer("There is nothing at this path: a page."))
        .response("405", page_answer("The path answers GET: a page."));
    shared(operation, &[("421", "OtherHost"), ("429", "TooManyRequests"), ("500", "ServerError"), ("503", "Unavailable")])
}

pub fn metadata(brand: &Brand) -> Operation {
    let description = "RFC 8414 s3. The well-known part stands before the path of the issuer. `channels` lists the pair of endpoints of each \
                       channel; `authorization_endpoint` and `token_endpoint` are the first channel's. May be kept for five minutes.";
    let signs = brand.profiles.offer_fapi2().then_some(JwsAlgorithm::Es256);
    let example = serde_json::to_value(ServerMetadata::of(brand, true, signs)).unwrap_or_default();
    let answer = json_answer("The metadata (RFC 8414 s2).", "ServerMetadata", [("metadata", example)]);
    public(operation("readMetadata", TAG, "Authorization server metadata", description).response("200", answer)).build()
}

pub fn jwks() -> Operation {
    let key = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "...", "x": "...", "y": "..." }] });
    let answer = json_answer("The keys.", "JsonWebKeySet", [("keys", key)]);
    let description = "RFC 7517 s5: the public keys of the bank's signatures. A key appears here before it signs.";
    public(operation("readKeys", TAG, "Key set", description).response("200", answer)).build()
}

pub fn key_set() -> Schema {
    let keys = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::Object).build());
    object("RFC 7517 s5.", [required("keys", keys)]).build().into()
}

pub fn document() -> Operation {
    let answer = json_answer("An OpenAPI 3.1 document.", "OpenApiDocument", []);
    public(operation("readOpenApi", TAG, "This document", "As this server really answers.").response("200", answer)).build()
}

pub fn document_schema() -> Schema {
    object("OpenAPI 3.1.0.", []).build().into()
}

pub fn developers() -> Operation {
    let description = "The same, to be read by people.";
    public(operation("readDevelopersPage", TAG, "Developers' page", description).response("200", page_answer("The page."))).build()
}
