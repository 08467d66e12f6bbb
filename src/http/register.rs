use super::{
    body,
    extract::{self, Shown},
    respond,
    site::Site,
};
use crate::{
    flows::{
        Answer,
        certificate::Purpose,
        register::{self, Management},
    },
    oauth::{error::OAuthError, registration::ClientInformation, secret::Secret},
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Request, StatusCode};
use std::{future::Future, sync::Arc};

/// RFC 7591 s3.1.
pub async fn create(State(site): State<Arc<Site>>, request: Request<Body>) -> Response {
    let shown = Shown::new(&request, Purpose::Registration);
    if let Err(response) = shown.tpp(&site).await {
        return response;
    }
    let asked = match body::json_object(request, site.limits.body).await {
        Ok(asked) => asked,
        Err(error) => return respond::error(&error),
    };
    match shown.tpp(&site).await {
        Ok(tpp) => answer(StatusCode::CREATED, register::create(&site.app, &site.brand, &tpp, &asked).await),
        Err(response) => response,
    }
}

/// RFC 7592 s2.1.
pub async fn read(State(site): State<Arc<Site>>, Path(client): Path<String>, request: Request<Body>) -> Response {
    let shown = Shown::new(&request, Purpose::Use);
    match management(&site, &shown, client, &request).await {
        Ok(management) => answer(StatusCode::OK, register::read(&site.app, &management).await),
        Err(response) => response,
    }
}

/// RFC 7592 s2.2.
pub async fn update(State(site): State<Arc<Site>>, Path(client): Path<String>, request: Request<Body>) -> Response {
    let shown = Shown::new(&request, Purpose::Use);
    let management = match management(&site, &shown, client, &request).await {
        Ok(management) => management,
        Err(response) => return response,
    };
    let asked = match body::json_object(request, site.limits.body).await {
        Ok(asked) => asked,
        Err(error) => return respond::error(&error),
    };
    match shown.tpp(&site).await {
        Ok(tpp) => answer(StatusCode::OK, register::update(&site.app, &Management { tpp, ..management }, &asked).await),
        Err(response) => response,
    }
}

/// RFC 7592 s2.3.
pub async fn delete(State(site): State<Arc<Site>>, Path(client): Path<String>, request: Request<Body>) -> Response {
    let shown = Shown::new(&request, Purpose::Use);
    let management = match management(&site, &shown, client, &request).await {
        Ok(management) => management,
        Err(response) => return response,
    };
    match register::delete(&site.app, &management).await {
        Ok(Ok(())) => respond::no_content(),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}

fn answer(status: StatusCode, answer: Answer<ClientInformation>) -> Response {
    match answer {
        Ok(Ok(information)) => respond::json(status, &information),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}

/// The QWAC is enough; a registration access token that is sent must be right (RFC 7592 s2).
fn management<'a>(
    site: &'a Site,
    shown: &'a Shown,
    client: String,
    request: &Request<Body>,
) -> impl Future<Output = Result<Management, Response>> + Send + use<'a> {
    let token = bearer(request.headers());
    async move {
        let tpp = shown.tpp(site).await?;
        let token = token.map_err(|error| respond::error(&error))?;
        Ok(Management { brand: site.brand.clone(), tpp, client, token })
    }
}

/// RFC 6750 s2.1. The scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, OAuthError> {
    let Some(header) = extract::authorization(headers)? else { return Ok(None) };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(Secret::new(token.trim()))),
        _ => Err(OAuthError::NOT_A_BEARER_TOKEN),
    }
}
