//! The internal counter: the bank's own APIs ask about tokens (RFC 7662), its systems read events.

use super::{
    parts::{
        Documented, form_body, header_parameter, json_answer, json_body, object, operation, optional, or_jwt, path_parameter,
        refusal_answer, refused, required, schema_ref, shared, text, word,
    },
    refusals,
};
use crate::oauth::{
    error::OAuthError,
    introspection::{Confirmation, IntrospectionResponse, IntrospectionResponses},
    payment::PaymentKind,
    signed_introspection::MEDIA_TYPE,
};
use serde_json::json;
use utoipa::openapi::{
    HttpMethod, ObjectBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
    security::SecurityRequirement,
};

/// Method, path and operation of everything the internal router serves.
pub fn all() -> Vec<Documented> {
    let mut all = vec![
        Documented { method: HttpMethod::Post, path: "/brands/{brand}/introspect".into(), operation: introspect() },
        Documented { method: HttpMethod::Post, path: "/v1/brands/{brand}/introspections".into(), operation: batch() },
        Documented { method: HttpMethod::Get, path: "/events".into(), operation: super::events::page() },
        Documented { method: HttpMethod::Post, path: "/v1/brands/{brand}/grants/search".into(), operation: super::grants::search() },
        Documented {
            method: HttpMethod::Post,
            path: "/v1/brands/{brand}/grants/{grant_id}/withdraw".into(),
            operation: super::grants::withdraw(),
        },
        Documented { method: HttpMethod::Post, path: "/v1/brands/{brand}/permissions".into(), operation: super::grants::invite() },
        Documented { method: HttpMethod::Get, path: "/openapi.json".into(), operation: document() },
    ];
    all.push(super::exchange::documented());
    all.extend(super::interactions::all());
    all.extend(super::payments::all());
    all.extend(super::sandbox::all());
    all.extend(super::admin::all());
    all
}

pub fn internal(operation: OperationBuilder) -> OperationBuilder {
    let none: [&str; 0] = [];
    let operation = operation.security(SecurityRequirement::new(super::BANK_CERTIFICATE, none));
    shared(operation, &[("405", "MethodNotAllowed"), ("429", "TooManyRequests"), ("500", "ServerError"), ("503", "Unavailable")])
}

fn document() -> Operation {
    let answer = json_answer("An OpenAPI 3.1 document.", "OpenApiDocument", []);
    let operation = operation("readOpenApi", "Discovery", "This document", "As this server really answers.").response("200", answer);
    shared(internal(operation), &[("404", "NotFound")]).build()
}

fn introspect() -> Operation {
    let description = "RFC 7662. Is this token good now, and for whoever presented it? Send the TPP's certificate along: then its organisation, \
                       its roles and, where the token is bound (RFC 8705 s3), the certificate itself are judged in the same answer. Without \
                       it, the token alone is judged.\n\nA token of a payment that the customer approved is good for that payment alone: \
                       compare `payment_request` or `payment_id` before anything is executed, and spend the approval with `usePayment`.\n\nAn inactive token never says why (RFC 7662 s2.2). 503 is not `active: false`: ask \
                       again. Answers are not to be stored (`Cache-Control: no-store`): a revocation counts from the next request on. \
                       Where the brand's `introspection_cache_seconds` allows more, an active answer says for how long in `cache_seconds`, \
                       and in `Cache-Control: private, max-age`: for so long, at most 60 seconds, whoever uses it again may be late.\n\n\
                       RFC 9701: with `Accept: application/token-introspection+jwt` the answer comes as a JWT under the bank's signature, \
                       made for the system that asked (`aud`: the subject of its certificate). It is no access token, and nobody may \
                       take it for one.";
    let answer = json_answer(
        "The verdict.",
        "IntrospectionResponse",
        [
            ("active", value(&active())),
            ("good for one payment", value(&for_one_payment())),
            ("inactive", value(&IntrospectionResponse::inactive())),
        ],
    );
    let operation = operation("introspectToken", "Tokens", "Ask about a token", description)
        .parameter(brand())
        .parameter(header_parameter(
            "Accept",
            false,
            "`application/token-introspection+jwt` for a signed answer, if it is wanted no less than JSON.",
        ))
        .request_body(Some(form_body("The token, and the certificate that came with it.", form())))
        .response("200", or_jwt(answer, MEDIA_TYPE, "`iss`, `aud`, `iat`, and in `token_introspection` what the JSON would be"))
        .response("406", refusal_answer(406, &[OAuthError::NOTHING_SIGNED.into()]))
        .response("404", refusal_answer(404, &[OAuthError::NO_SUCH_BRAND.into(), OAuthError::NO_SUCH_ENDPOINT.into()]));
    let operation = internal(refused(operation, refusals::form().into_iter().chain([OAuthError::TOKEN_MISSING.into()])));
    shared(operation, &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotAForm")]).build()
}

fn brand() -> Parameter {
    let what = "The id of the brand whose API received the token; a token of another brand is inactive.";
    path_parameter("brand", what, ObjectBuilder::new().schema_type(Type::String))
}

/// Of `limits.tokens_per_introspection`, for the example.
const USUAL_BATCH: usize = 100;

fn batch() -> Operation {
    let description = "For gateways: several tokens in one request, each judged exactly as `introspectToken` judges it alone, at one time. The \
                       answers come in the order of the questions; the same token may be asked about twice, with two certificates. \
                       What cannot be read as a token is inactive and harms no other; what cannot be learnt is 503 for all. A certificate \
                       that was seen at this server is best named by its thumbprint: whole ones soon fill `limits.body_bytes`.\n\n\
                       The answer as a whole is not to be stored; each may say `cache_seconds`.";
    let question = json!({ "tokens": [
        { "token": "guat_...", "certificate_thumbprint": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" },
        { "token": "guat_..." },
    ] });
    let answers = IntrospectionResponses { tokens: vec![active(), IntrospectionResponse::inactive()] };
    let answer = json_answer("The verdicts.", "IntrospectionResponses", [("two", serde_json::to_value(&answers).unwrap_or_default())]);
    let operation = operation("introspectTokens", "Tokens", "Ask about several tokens", description)
        .parameter(brand())
        .request_body(Some(json_body(
            "The tokens, each with the certificate that came with it.",
            schema_ref("IntrospectionBatch"),
            question,
        )))
        .response("200", answer)
        .response("404", refusal_answer(404, &[OAuthError::NO_SUCH_BRAND.into(), OAuthError::NO_SUCH_ENDPOINT.into()]));
    let malformed = [OAuthError::NO_HOST, OAuthError::BODY_BROKEN, OAuthError::NO_JSON_OBJECT, OAuthError::BODY_MALFORMED];
    let refusals = malformed.into_iter().chain([OAuthError::too_many_tokens(USUAL_BATCH)]);
    let operation = internal(refused(operation, refusals.map(Into::into)));
    shared(operation, &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")]).build()
}

fn form() -> ObjectBuilder {
    object(
        "RFC 7662 s2.1, and what is known of the TPP's certificate: `certificate`, `certificate_thumbprint` or neither. Both together, or one \
         that cannot be read, make the token inactive.",
        [
            required("token", text("An access or refresh token.")),
            optional("token_type_hint", word("Not needed: the token itself tells its kind.", ["access_token", "refresh_token"])),
            optional("certificate", text("The TPP's certificate chain, leaf first: PEM, or the leaf as base64 DER.")),
            optional("certificate_thumbprint", text("SHA-256 of a certificate that was seen at this server, in base64url or hexadecimal.")),
        ],
    )
}

fn value(response: &IntrospectionResponse) -> serde_json::Value {
    serde_json::to_value(response).unwrap_or_default()
}

fn for_one_payment() -> IntrospectionResponse {
    IntrospectionResponse {
        scope: Some("pisp".into()),
        roles: Some(vec!["PSP_PI"]),
        accounts: Some(vec!["acc-1".into()]),
        payment_request: Some("019b76da-a800-7000-8000-000000000002".into()),
        payment_id: Some("pay-2026-000042".into()),
        payment_kind: Some(PaymentKind::Initiation),
        ..active()
    }
}

fn active() -> IntrospectionResponse {
    IntrospectionResponse {
        active: true,
        scope: Some("aisp".into()),
        client_id: Some("5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11".into()),
        token_type: Some("Bearer"),
        token_use: Some("access_token"),
        exp: Some(1_767_236_400),
        iat: Some(1_767_225_600),
        iss: Some("https://auth.cic.example".into()),
        aud: None,
        sub: Some("psu_...".into()),
        organisation: Some("PSDFR-ACPR-12345".into()),
        roles: Some(vec!["PSP_AI"]),
        brand: Some("cic".into()),
        channel: Some("web".into()),
        grant_id: Some("019b76da-a800-7000-8000-000000000001".into()),
        auth_time: Some(1_767_225_590),
        accounts: None,
        payment_request: None,
        payment_id: None,
        payment_kind: None,
        authorization_details: None,
        cnf: Some(Confirmation { x5t_s256: "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2".into() }),
        cache_seconds: None,
    }
}
