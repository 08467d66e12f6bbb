//! The pieces that every operation is made of.

use super::refusals::Refusal;
use crate::oauth::error::OAuthError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::Duration;
use utoipa::openapi::{
    Content, Header, HttpMethod, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema, SchemaFormat, Server, Type,
    content::ContentBuilder,
    example::ExampleBuilder,
    header::HeaderBuilder,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
};

pub const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// One documented method on one path.
pub struct Documented {
    pub method: HttpMethod,
    pub path: String,
    pub operation: Operation,
}

/// An operation with its name, where it stands in the contents and what it does.
pub fn operation(id: impl Into<String>, tag: &str, summary: impl Into<String>, description: impl Into<String>) -> OperationBuilder {
    OperationBuilder::new().operation_id(Some(id)).tag(tag).summary(Some(summary)).description(Some(description))
}

pub fn server(origin: &str, what: &str) -> Server {
    let mut server = Server::new(origin);
    server.description = Some(what.to_owned());
    server
}

pub fn text(description: impl Into<String>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

/// One of a closed list.
pub fn word<'a>(description: impl Into<String>, values: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    text(description).enum_values(Some(values))
}

pub fn uri(description: impl Into<String>) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::Custom("uri".to_owned())))
}

/// A member of an object or a form.
pub struct Member {
    name: String,
    required: bool,
    schema: RefOr<Schema>,
}

pub fn required(name: impl Into<String>, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name: name.into(), required: true, schema: schema.into() }
}

pub fn optional(name: impl Into<String>, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name: name.into(), required: false, schema: schema.into() }
}

pub fn object(description: impl Into<String>, members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    let empty = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    members.into_iter().fold(empty, |object, member| {
        let object = if member.required { object.required(&member.name) } else { object };
        object.property(member.name, member.schema)
    })
}

pub fn query(name: &str, needed: bool, description: impl Into<String>, schema: ObjectBuilder) -> Parameter {
    let required = if needed { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

pub fn header_parameter(name: &str, needed: bool, description: &str) -> Parameter {
    let mut parameter = query(name, needed, description, ObjectBuilder::new().schema_type(Type::String));
    parameter.parameter_in = ParameterIn::Header;
    parameter
}

pub fn path_parameter(name: &str, description: impl Into<String>, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

pub fn schema_ref(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

pub fn body(media_type: &str, description: &str, schema: impl Into<RefOr<Schema>>, example: Option<Value>) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(schema)).example(example).build();
    RequestBodyBuilder::new().description(Some(description)).required(Some(Required::True)).content(media_type, content).build()
}

pub fn form_body(description: &str, schema: impl Into<RefOr<Schema>>) -> RequestBody {
    body(FORM, description, schema, None)
}

/// A JSON body of a named shape.
pub fn body_of(description: &str, schema: &str) -> RequestBody {
    body(JSON, description, schema_ref(schema), None)
}

pub fn json_body(description: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> RequestBody {
    body(JSON, description, schema, Some(example))
}

/// A JSON answer with named examples.
pub fn json_answer<'a>(description: &str, schema: &str, examples: impl IntoIterator<Item = (&'a str, Value)>) -> Response {
    let examples = examples.into_iter().map(|(name, value)| (name, ExampleBuilder::new().value(Some(value)).build()));
    let content = ContentBuilder::new().schema(Some(schema_ref(schema))).examples_from_iter(examples).build();
    ResponseBuilder::new().description(description).content(JSON, content).build()
}

/// The same in a second form, a JWT of its own media type.
pub fn or_jwt(mut answer: Response, media_type: &str, claims: &str) -> Response {
    let about = text(format!("A JWT in compact form. Its claims: {claims}."));
    answer.content.insert(media_type.to_owned(), ContentBuilder::new().schema(Some(about)).into());
    answer
}

/// A JSON answer whose shape is nobody else's.
pub fn json_schema_answer(description: &str, schema: impl Into<RefOr<Schema>>) -> Response {
    ResponseBuilder::new().description(description).content(JSON, ContentBuilder::new().schema(Some(schema)).build()).build()
}

pub fn page_answer(description: &str) -> Response {
    let html = Content::new(Some(ObjectBuilder::new().schema_type(Type::String)));
    ResponseBuilder::new().description(description).content(HTML, html).build()
}

pub fn empty_answer(description: &str) -> Response {
    Response::new(description)
}

/// A redirect (RFC 9110 s15.4.4), with an example of `Location` for each outcome.
pub fn redirect_answer(description: impl Into<String>, location: &str, examples: impl IntoIterator<Item = (String, String)>) -> Response {
    let examples = examples.into_iter().map(|(name, url)| (name, ExampleBuilder::new().value(Some(json!(url))).build()));
    let header = HeaderBuilder::new().schema(Some(uri(location))).description(Some(location)).examples_from_iter(examples).build();
    ResponseBuilder::new().description(description).header("Location", header).build()
}

/// One response per status, one example per reason.
pub fn refused(operation: OperationBuilder, refusals: impl IntoIterator<Item = Refusal>) -> OperationBuilder {
    let mut by_status = BTreeMap::<u16, Vec<Refusal>>::new();
    for refusal in refusals {
        by_status.entry(refusal.error.status()).or_default().push(refusal);
    }
    by_status
        .into_iter()
        .fold(operation, |operation, (status, refusals)| operation.response(status.to_string(), refusal_answer(status, &refusals)))
}

/// The answers that several operations share, by name.
pub fn shared(operation: OperationBuilder, names: &[(&str, &str)]) -> OperationBuilder {
    names.iter().fold(operation, |operation, (status, name)| operation.response(*status, Ref::from_response_name(*name)))
}

pub fn refusal_answer(status: u16, refusals: &[Refusal]) -> Response {
    let examples = refusals.iter().map(|refusal| {
        let value = serde_json::to_value(refusal.error.body()).unwrap_or_default();
        let example = ExampleBuilder::new().value(Some(value));
        (
            name_of(&refusal.error),
            match refusal.why {
                Some(why) => example.summary(why),
                None => example,
            }
            .build(),
        )
    });
    let content = ContentBuilder::new().schema(Some(schema_ref("ErrorBody"))).examples_from_iter(examples).build();
    let response = ResponseBuilder::new().description(meaning(status)).content(JSON, content);
    match status {
        401 => response.header("WWW-Authenticate", header("RFC 9110 s11.6.1: how to authenticate.", Type::String)),
        429 => response.header("Retry-After", header("Seconds after which the same request is let in, if no others come.", Type::Integer)),
        503 => response.header("Retry-After", header("Seconds after which another try is worth it.", Type::Integer)),
        _ => response,
    }
    .build()
}

fn header(description: &str, kind: Type) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(description)).build()
}

/// `invalid_grant-the-code-has-expired`: stable, and unique within a response.
fn name_of(error: &OAuthError) -> String {
    let body = error.body();
    let text = format!("{} {}", body.error, body.error_description);
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request is refused; `error` says why, `error_description` which part of it. Sending it again unchanged does not help.",
        401 => "The certificate, the client or its token was not accepted.",
        404 => "There is nothing at this path.",
        405 => "The path answers other methods.",
        406 => "Nothing that the request accepts can be given.",
        408 => "The body did not arrive in time.",
        409 => "It stands otherwise than the request supposes. Read it, then decide.",
        413 => "The body is too large.",
        415 => "The body is of another type than this endpoint reads.",
        429 => "Too many requests of one address, organisation, client or system (RFC 6585 s4). Nothing was read or decided.",
        421 => "The host of the request is served on another connection (RFC 9110 s15.5.20): open a new one, with the right server name.",
        503 => "Nothing was decided: try again. A token that was to be revoked may still be alive.",
        _ => "An internal error. Nothing was decided.",
    }
}

/// `180 days`, `3 hours`, `90 seconds`.
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.whole_seconds();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (size, name) = units.into_iter().find(|(size, _)| seconds >= 2 * size && seconds % size == 0).unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}
