//! `POST /v1/brands/{brand}/interactions`: the back end of the bank's app hands in the URL that the phone gave to the app.

use super::{
    body,
    interactions::{self, InteractionView},
    respond,
    site::InternalSite,
};
use crate::{
    flows::{
        exchange::{self, Exchanged},
        handoff,
    },
    oauth::{app_url::AppUrl, error::OAuthError},
    pages::negotiate,
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Request, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const LONGEST_KEY: usize = 255;

/// What the phone gave to the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationUrl {
    /// Whole and unchanged, as the app got it. Parameters that are not the authorization request's are not read.
    #[schema(
        example = "https://auth.bank.example/app/authorize?response_type=code&client_id=5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11&scope=aisp&state=af0ifjsldkj"
    )]
    pub authorize_url: String,
    /// What the app speaks, as in Accept-Language; the URL's own language comes first.
    #[serde(default)]
    #[schema(example = "fr")]
    pub language: Option<String>,
}

/// A journey for the app: its back end concludes it.
#[derive(Serialize, ToSchema)]
pub struct AppInteraction {
    /// Opens the interaction in the paths of `readInteraction`, `completeInteraction` and `failInteraction`.
    #[schema(example = "guti_AZt22qgAcACAAAAAAAAAAWmZ...")]
    pub ticket: String,
    /// RFC 3339: after this it has timed out.
    #[schema(example = "2026-11-28T09:10:00Z")]
    pub expires_at: String,
    pub interaction: InteractionView,
}

/// The request is refused, and the TPP is to learn it: the app opens this.
#[derive(Serialize, ToSchema)]
pub struct AppRedirection {
    #[schema(
        example = "https://tpp.example/callback?error=invalid_scope&error_description=scope%3A+missing&state=af0ifjsldkj&iss=https%3A%2F%2Fauth.bank.example"
    )]
    pub redirect_to: String,
    /// The bank does not serve the TPP at present, and has this to say to its customers first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

pub async fn begin(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    let brand = match site.brand(&brand) {
        Ok(brand) => brand,
        Err(error) => return respond::error(&error),
    };
    let key = match idempotency_key(request.headers()) {
        Ok(key) => key,
        Err(error) => return respond::error(&error),
    };
    let handed = match body::strict_json::<AuthorizationUrl>(request, site.limits.body).await {
        Ok(handed) => handed,
        Err(error) => return respond::error(&error),
    };
    let url = match AppUrl::read(&handed.authorize_url, brand) {
        Ok(url) => url,
        Err(refusal) => return counted("refused", respond::error(&refusal.into())),
    };
    let spoken = handed.language.as_deref().unwrap_or("");
    let lang = |ui_locales: Option<&str>| negotiate(url.lang.as_deref(), ui_locales, spoken, brand);
    let ticket = match exchange::exchange(&site.app, brand, &url, &lang, key.as_deref()).await {
        Ok(Ok(Exchanged::Journey(ticket))) => ticket,
        Ok(Ok(Exchanged::GoHome { location, notice })) => {
            return counted("go_home", respond::json(StatusCode::OK, &AppRedirection { redirect_to: location, notice }));
        }
        Ok(Err(refusal)) => return counted("refused", respond::error(&refusal.into())),
        Err(outage) => return respond::outage(&outage),
    };
    match handoff::read(&site.app, brand, ticket.reveal()).await {
        Ok(Ok(told)) => {
            let interaction = interactions::view(brand, told);
            let answer = AppInteraction { ticket: ticket.reveal().to_owned(), expires_at: interaction.deadline.clone(), interaction };
            counted("begun", respond::json(StatusCode::CREATED, &answer))
        }
        Ok(Err(refused)) => counted("refused", interactions::refuse(brand, refused)),
        Err(outage) => respond::outage(&outage),
    }
}

fn counted(outcome: &'static str, response: Response) -> Response {
    metrics::counter!("guichet_app_exchanges_total", "outcome" => outcome).increment(1);
    response
}

/// At most one, of visible ASCII.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let key = first.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        (_, _) => Err(OAuthError::IDEMPOTENCY_KEY_MALFORMED),
    }
}
