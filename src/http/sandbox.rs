//! The customers of a sandbox: the page that says what each does, and how somebody scripts more.

use super::{
    authorize::{accept_language, request_id},
    body,
    grants::answered,
    or_refuse,
    respond::{self, notice},
    site::{InternalSite, Site},
};
use crate::{
    flows::{
        Answer,
        sandbox::{self, SandboxCustomer},
    },
    oauth::{
        brand::{Brand, PsuAuthentication},
        error::OAuthError,
        sca::ScaFailure,
    },
    pages::{ChannelAnswer, Customers, NoticeKind, ScriptedCustomer, ScriptedWay, negotiate},
    sca::script::Script,
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is sent of one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Absent: the one that the built-in customers have.
    #[serde(default)]
    password: Option<String>,
    script: Script,
}

#[derive(Serialize)]
struct List {
    customers: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    login: String,
    /// Published: it opens nothing but the sandbox.
    password: String,
    /// What tokens and grants carry.
    subject: String,
    built_in: bool,
    /// How it ends by the first method that works; absent: approves.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    script: Script,
}

impl From<SandboxCustomer> for Entry {
    fn from(customer: SandboxCustomer) -> Self {
        Self {
            built_in: customer.built_in,
            login: customer.login,
            password: customer.password,
            subject: customer.reference.as_str().to_owned(),
            outcome: customer.script.outcome().map(|failure| failure.name()),
            script: customer.script,
        }
    }
}

/// For TPPs' developers: what the simulator goes by, and nothing else.
pub async fn page(State(site): State<Arc<Site>>, request: Request<Body>) -> Response {
    let page = site.page(negotiate(None, None, &accept_language(request.headers()), &site.brand));
    let all = match sandbox::list(&site.app.db, &site.brand).await {
        Ok(all) => all,
        Err(outage) => {
            respond::log_outage(&outage);
            return notice(StatusCode::SERVICE_UNAVAILABLE, page, NoticeKind::TemporarilyUnavailable, &request_id(&request));
        }
    };
    let listed: Vec<_> = all.iter().map(|customer| shown(customer, &site.brand)).collect();
    respond::page(StatusCode::OK, page, Customers { site: page, customers: &listed }.render())
}

fn shown<'c>(customer: &'c SandboxCustomer, brand: &'c Brand) -> ScriptedCustomer<'c> {
    let answers = |outcome: Option<ScaFailure>| {
        let channels = brand.channels.iter();
        channels.map(|channel| ChannelAnswer { channel: &channel.name, error: outcome.map(|failure| channel.wire_code(failure)) }).collect()
    };
    let ways = customer.script.ways().into_iter();
    ScriptedCustomer {
        login: &customer.login,
        password: &customer.password,
        ways: ways.map(|way| ScriptedWay { method: way.method, outcome: way.outcome, answers: answers(way.outcome) }).collect(),
        accounts: &customer.script.accounts,
    }
}

/// `GET /v1/brands/{brand}/sandbox/customers`: built-in ones first, then by login.
pub async fn list(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>) -> Response {
    let brand = match sandbox_of(&site, &brand) {
        Ok(brand) => brand,
        Err(error) => return respond::error(&error),
    };
    let all = sandbox::list(&site.app.db, brand).await;
    answered(StatusCode::OK, all.map(|all| Ok(List { customers: all.into_iter().map(Entry::from).collect() })))
}

/// `PUT /v1/brands/{brand}/sandbox/customers/{login}`: the same again changes nothing; another script replaces this one.
pub async fn put(State(site): State<Arc<InternalSite>>, Path((brand, login)): Path<(String, String)>, request: Request<Body>) -> Response {
    answered(StatusCode::OK, written(&site, &brand, &login, request).await)
}

async fn written(site: &InternalSite, brand: &str, login: &str, request: Request<Body>) -> Answer<Entry> {
    let brand = or_refuse!(sandbox_of(site, brand));
    let Wanted { password, script } = or_refuse!(body::strict_json(request, site.limits.body).await);
    Ok(sandbox::write(&site.app, brand, login, password, script).await?.map(Entry::from))
}

/// `DELETE /v1/brands/{brand}/sandbox/customers/{login}`: gone, also where there was none.
pub async fn delete(State(site): State<Arc<InternalSite>>, Path((brand, login)): Path<(String, String)>) -> Response {
    let brand = match sandbox_of(&site, &brand) {
        Ok(brand) => brand,
        Err(error) => return respond::error(&error),
    };
    match sandbox::remove(&site.app, brand, &login).await {
        Ok(Ok(())) => respond::no_content(),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}

/// Nobody scripts the customers of a real bank.
fn sandbox_of<'s>(site: &'s InternalSite, brand: &str) -> Result<&'s Brand, OAuthError> {
    let brand = site.brand(brand)?;
    if brand.psu_authentication == PsuAuthentication::Simulator { Ok(brand) } else { Err(OAuthError::NO_SUCH_SANDBOX) }
}
