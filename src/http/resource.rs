//! The protected resource of a sandbox: what a bank's gateway does with an access token, for its team to copy and for TPPs to try tokens at.

use super::{extract, respond, site::Site};
use crate::{
    app::App,
    flows::{
        Outage,
        introspect::{self, Asked, CallersCertificate},
    },
    oauth::{
        bearer::{self, BearerRefusal},
        brand::Brand,
        client::ClientId,
        error::OAuthError,
        introspection::IntrospectionResponse,
        practice::Practice,
        scope::ScopeToken,
    },
    pki::PresentedChain,
    telemetry::request,
};
use axum::{
    body::Body,
    extract::{RawPathParams, State},
    response::Response,
};
use http::{HeaderValue, Request, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;

/// What is told of the token; a bank would tell of the customer's accounts.
#[derive(Serialize)]
struct Resource {
    scope: Option<String>,
    client_id: Option<String>,
    /// Seconds since the epoch.
    exp: Option<i64>,
}

/// `GET /{brand}/sandbox/resource/{scope}`: given out for an access token that has this scope.
pub async fn read(State(site): State<Arc<Site>>, path: RawPathParams, request: Request<Body>) -> Response {
    let named = path.iter().find(|(name, _)| *name == "scope").map(|(_, value)| value);
    let Some(scope) = ScopeToken::ALL.into_iter().find(|scope| named == Some(scope.as_str())) else {
        return respond::error(&OAuthError::NO_SUCH_ENDPOINT);
    };
    match asked(&site.app, &request) {
        Ok(asked) => answered(answer(&site.app, &site.brand, asked, scope).await),
        Err(refusal) => {
            if refusal == BearerRefusal::InQuery {
                let query = request.uri().query().and_then(bearer::in_query);
                note_query(&site.app, &site.brand, query, extract::chain(&request)).await;
            }
            refused(refusal)
        }
    }
}

/// Whose good token it was that stood in the query: the bank is told which of its TPPs do that.
async fn note_query(app: &App, brand: &Brand, token: Option<String>, chain: PresentedChain) {
    let Some(token) = token else { return };
    let asked = Asked::new(app, &token, CallersCertificate::Chain(chain));
    if let Ok(told) = introspect::answer(app, asked, brand).await {
        note(app, &told, Practice::TokenInQuery);
    }
}

fn note(app: &App, told: &IntrospectionResponse, practice: Practice) {
    if let Some(client) = told.client_id.as_deref().and_then(ClientId::parse) {
        app.practices.note(client, [practice], app.clock.now());
    }
}

/// The certificate goes along always: none at all is not the token's either.
fn asked(app: &App, request: &Request<Body>) -> Result<Asked, BearerRefusal> {
    let headers: Vec<_> = request.headers().get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().ok()).collect();
    let token = bearer::presented(request.uri().query().unwrap_or_default(), &headers)?;
    Ok(Asked::new(app, token, CallersCertificate::Chain(extract::chain(request))))
}

/// A gateway asks `POST /brands/{brand}/introspect` at the internal counter, with `token` and `certificate`: the same verdict.
async fn answer(app: &App, brand: &Brand, asked: Asked, scope: ScopeToken) -> Result<Result<Resource, BearerRefusal>, Outage> {
    let told = introspect::answer(app, asked, brand).await?;
    note(app, &told, Practice::TokenInHeader);
    Ok(bearer::judge(&told, scope).map(|()| Resource { scope: told.scope, client_id: told.client_id, exp: told.exp }))
}

fn answered(answer: Result<Result<Resource, BearerRefusal>, Outage>) -> Response {
    match answer {
        Ok(Ok(resource)) => respond::json(StatusCode::OK, &resource),
        Ok(Err(refusal)) => refused(refusal),
        Err(outage) => respond::outage(&outage),
    }
}

fn refused(refusal: BearerRefusal) -> Response {
    request::note(|facts| facts.verdict(refusal.name(), None));
    let mut response = respond::status(StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED));
    if let Ok(challenge) = HeaderValue::from_str(&refusal.challenge()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
