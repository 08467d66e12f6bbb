//! For the bank's payment API: what its customers are to approve.

use super::{body, respond, site::InternalSite};
use crate::{
    flows::{Answer, payment},
    oauth::lodging::PaymentRequest,
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use std::sync::Arc;

type Site = State<Arc<InternalSite>>;

pub async fn lodge(State(site): Site, Path(brand): Path<String>, request: Request<Body>) -> Response {
    let (brand, body) = match (site.brand(&brand), body::json(request, site.limits.body).await) {
        (Ok(brand), Ok(body)) => (brand, body),
        (Err(error), _) | (_, Err(error)) => return respond::error(&error),
    };
    match payment::lodge(&site.app, brand, &body).await {
        Ok(Ok(lodged)) => respond::json(if lodged.new { StatusCode::CREATED } else { StatusCode::OK }, &lodged.request),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}

pub async fn read(State(site): Site, Path((brand, id)): Path<(String, String)>) -> Response {
    match site.brand(&brand) {
        Ok(brand) => answer(payment::find(&site.app, brand, &id).await),
        Err(error) => respond::error(&error),
    }
}

pub async fn change(State(site): Site, Path((brand, id)): Path<(String, String)>, request: Request<Body>) -> Response {
    match (site.brand(&brand), body::json(request, site.limits.body).await) {
        (Ok(brand), Ok(body)) => answer(payment::change(&site.app, brand, &id, &body).await),
        (Err(error), _) | (_, Err(error)) => respond::error(&error),
    }
}

pub async fn withdraw(State(site): Site, Path((brand, id)): Path<(String, String)>) -> Response {
    match site.brand(&brand) {
        Ok(brand) => answer(payment::withdraw(&site.app, brand, &id).await),
        Err(error) => respond::error(&error),
    }
}

pub async fn execute(State(site): Site, Path((brand, id)): Path<(String, String)>, request: Request<Body>) -> Response {
    match (site.brand(&brand), body::json(request, site.limits.body).await) {
        (Ok(brand), Ok(body)) => answer(payment::execute(&site.app, brand, &id, &body).await),
        (Err(error), _) | (_, Err(error)) => respond::error(&error),
    }
}

fn answer(answer: Answer<PaymentRequest>) -> Response {
    match answer {
        Ok(Ok(request)) => respond::json(StatusCode::OK, &request),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}
