//! Pushed authorization requests (RFC 9126).

use super::{
    authorize,
    parts::{Member, form_body, json_answer, object, operation, refused, spoken},
    refusals, token,
};
use crate::oauth::{
    authorize::AuthorizeRefusal,
    brand::Brand,
    error::OAuthError,
    pushed::{PushRefusal, PushedResponse},
    redirect::NoRedirect,
    request_object::RequestObjectRefusal,
};
use utoipa::openapi::path::Operation;

pub fn push(brand: &Brand) -> Operation {
    let description = format!(
        "RFC 9126. The client sends the authorization request itself and gets its name, `request_uri`; the customer's browser then brings \
         `client_id` and `request_uri` to an authorization endpoint within {}. It is bound to this client and works until its journey is \
         answered: a page that is loaded again does not end it. What stands beside it in the browser's query counts for nothing.\n\n{}",
        spoken(brand.pushed_request_lifetime),
        token::authentication(brand),
    );
    let members: Vec<Member> = authorize::members(brand);
    let form = object("RFC 9126 s2.1: an authorization request.", members);
    let example = PushedResponse {
        request_uri: "urn:ietf:params:oauth:request_uri:gupr_...".into(),
        expires_in: brand.pushed_request_lifetime.whole_seconds(),
    };
    let example = serde_json::to_value(example).unwrap_or_default();
    let operation = operation("pushAuthorizationRequest", "Authorization", "Push an authorization request", description)
        .request_body(Some(form_body("The request.", form.build())))
        .response("201", json_answer("Kept (RFC 9126 s2.2).", "PushedResponse", [("kept", example)]));
    let redirects = [NoRedirect::RedirectUriMissing, NoRedirect::RedirectUriUnknown].map(PushRefusal::Redirect);
    // a form tells of a repetition itself, and who pushed need not push
    let requests = authorize::verdicts(brand)
        .filter(|refusal| !matches!(refusal, AuthorizeRefusal::Repeated(_) | AuthorizeRefusal::NotPushed | AuthorizeRefusal::RequestUri));
    let own = [PushRefusal::RequestUri, PushRefusal::RedirectUriMissing]
        .into_iter()
        .chain(redirects)
        .chain(requests.map(PushRefusal::Request))
        .chain(RequestObjectRefusal::all().map(PushRefusal::Object));
    let own = own.map(OAuthError::from).map(Into::into);
    token::authenticated(brand, refused(operation, refusals::form().into_iter().chain(refusals::client(brand)).chain(own))).build()
}
