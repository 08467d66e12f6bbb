//! The internal counter's exchange of an authorization URL: for the back end of the bank's app.

use super::{
    interactions::example,
    introspect::internal,
    parts::{Documented, json_answer, json_body, operation, path_parameter, refusal_answer, refused, schema_ref, shared},
    with,
};
use crate::{
    http::exchange::{AppInteraction, AppRedirection, AuthorizationUrl},
    http::interactions::InteractionView,
    oauth::{app_url::AppUrlRefusal, error::OAuthError, redirect::NoRedirect, request_object::RequestObjectRefusal},
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, ObjectBuilder, Type,
    path::{Operation, ParameterBuilder, ParameterIn},
};

const TICKET: &str = "guti_AZt22qgAcACAAAAAAAAAAbM0...";

pub fn documented() -> Documented {
    Documented { method: HttpMethod::Post, path: "/v1/brands/{brand}/interactions".into(), operation: exchange() }
}

/// What the operation refers to.
pub fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    with::<AuthorizationUrl>(with::<AppInteraction>(with::<AppRedirection>(components)))
}

fn exchange() -> Operation {
    let description = "The phone gave an authorization URL to the bank's app instead of the browser; the app's back end hands it in. It is judged \
                       as the browser's would be. 201: the back end reads the interaction by `ticket`, authenticates the customer in the app, \
                       and completes or fails it; the answer of that is what the app opens. 200: the request is refused, and the app opens \
                       `redirect_to` at once, so that the TPP learns why. 400: nobody may be told, and the app says so itself.\n\nWhatever \
                       else a TPP puts into the URL is not read; above all no device id. With an `Idempotency-Key` it is safe to repeat: the \
                       same key and URL answer the same interaction. A key is never forgotten: use a new one for each URL.";
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some("What the back end calls this exchange; a random UUID, say."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255))));
    let url = "https://auth.bank.example/app/authorize?response_type=code&client_id=5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11&scope=aisp&state=af0ifjsldkj";
    let body = json_body("What the app got.", schema_ref("AuthorizationUrl"), json!({ "authorize_url": url, "language": "fr" }));
    let nobody = [NoRedirect::UnknownClient, NoRedirect::Ambiguous, NoRedirect::RedirectUriMissing, NoRedirect::RedirectUriUnknown];
    let malformed = [OAuthError::NO_HOST, OAuthError::BODY_BROKEN, OAuthError::NO_JSON_OBJECT, OAuthError::BODY_MALFORMED];
    let malformed = malformed.into_iter().chain([OAuthError::IDEMPOTENCY_KEY_MALFORMED]);
    let malformed = malformed.chain(AppUrlRefusal::ALL.map(OAuthError::from)).chain(nobody.map(OAuthError::from));
    // where the client has several redirect URIs, and names none beside its request object
    let malformed = malformed.chain(RequestObjectRefusal::all().map(OAuthError::from));
    let operation = operation("exchangeAuthorizationUrl", "Interactions", "Exchange an authorization URL", description)
        .parameter(path_parameter("brand", "The id of the brand.", ObjectBuilder::new().schema_type(Type::String)))
        .parameter(key)
        .request_body(Some(body))
        .response("201", json_answer("An interaction for the app.", "AppInteraction", [("begun", begun())]))
        .response(
            "200",
            json_answer("Refused: the app opens this.", "AppRedirection", [("an error of the TPP", home(None)), ("blocked", blocked())]),
        )
        .response("404", refusal_answer(404, &[OAuthError::NO_SUCH_BRAND.into()]))
        .response("409", refusal_answer(409, &[OAuthError::IDEMPOTENCY_KEY_USED.into()]));
    let operation = refused(operation, malformed.map(Into::into));
    shared(internal(operation), &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")]).build()
}

fn begun() -> Value {
    let interaction = InteractionView { channel: "app".into(), begun_by: "app", ..example() };
    let answer = AppInteraction { ticket: TICKET.into(), expires_at: interaction.deadline.clone(), interaction };
    serde_json::to_value(answer).unwrap_or_default()
}

fn blocked() -> Value {
    home(Some("We do not work with this provider at present.".into()))
}

fn home(notice: Option<String>) -> Value {
    let error = "error=invalid_scope&error_description=scope%3A+missing&state=af0ifjsldkj&iss=https%3A%2F%2Fauth.bank.example";
    serde_json::to_value(AppRedirection { redirect_to: format!("https://tpp.example/callback?{error}"), notice }).unwrap_or_default()
}
