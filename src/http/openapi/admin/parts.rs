//! What the operations of this part share.

use super::acts;
use crate::{
    http::openapi::{
        introspect::internal,
        parts::{Documented, json_answer, path_parameter, query, refusal_answer, refused, shared},
        refusals,
    },
    oauth::error::OAuthError,
};
use serde_json::Value;
use utoipa::openapi::{
    HttpMethod, ObjectBuilder, Type,
    path::{Operation, OperationBuilder, Parameter},
};

/// Of every order: who, and why.
pub const BY: [OAuthError; 2] = [OAuthError::BY_MALFORMED, OAuthError::WHY_MALFORMED];

pub fn get(path: &str, operation: Operation) -> Documented {
    Documented { method: HttpMethod::Get, path: path.to_owned(), operation }
}

pub fn post(path: &str, operation: Operation) -> Documented {
    Documented { method: HttpMethod::Post, path: path.to_owned(), operation }
}

pub fn plain(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

pub fn path(name: &str, what: &str) -> Parameter {
    path_parameter(name, what, plain(Type::String))
}

pub fn paged(operation: OperationBuilder) -> OperationBuilder {
    let number = plain(Type::Integer).minimum(Some(1)).maximum(Some(100));
    operation.parameter(query("after", false, "`next` of the page before.", plain(Type::String))).parameter(query(
        "limit",
        false,
        "At most so many; 50 by default.",
        number,
    ))
}

/// What every operation of this part answers beside its own: `missing` are its 404s.
pub fn finish<const N: usize, const M: usize>(
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
pub fn finish_query<const N: usize, const M: usize>(
    operation: OperationBuilder,
    own: [OAuthError; N],
    missing: [OAuthError; M],
) -> Operation {
    let all = [OAuthError::NOT_ADMINISTRATIVE].into_iter().chain(own).map(Into::into).chain(refusals::query());
    let absent: Vec<_> = [OAuthError::NO_SUCH_ENDPOINT].into_iter().chain(missing).map(Into::into).collect();
    internal(refused(operation, all).response("404", refusal_answer(404, &absent))).build()
}

/// 200 and 202 of an act.
pub fn acted(operation: OperationBuilder, name: &str, done: Value) -> OperationBuilder {
    operation.response("200", json_answer("Done.", "ActDone", [(name, done)])).response(
        "202",
        json_answer(
            "Not done yet: `admin.four_eyes` lists this act, and a second person has to approve it. The same again answers with the same \
             proposal.",
            "ProposalView",
            [("proposed", acts::example())],
        ),
    )
}
