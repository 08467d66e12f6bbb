//! Four eyes: acts that wait for a second person.

use super::{Call, answered, done_answer, or_refuse, page_of, person, query, read, refused};
use crate::{
    admin::{self, ActPage, DecisionRefusal, LONG, ProposalState},
    flows::admin::{Desk, NotDecided, act, acts, approve as approve_act, reject as reject_act},
    http::{respond, site::InternalSite},
    oauth::error::OAuthError,
};
use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who approves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveOrder {
    /// Another person than the one who proposed it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
}

/// Who rejects, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectOrder {
    /// Anybody; whoever proposed it takes it back.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// `GET /v1/admin/acts`.
pub async fn list(State(site): State<Arc<InternalSite>>, RawQuery(text): RawQuery) -> Response {
    answered(page(&site, text).await)
}

async fn page(site: &InternalSite, text: Option<String>) -> Call {
    let params = or_refuse!(query(text));
    let (after, limit) = or_refuse!(page_of(&params));
    let state = or_refuse!(match params.get("state") {
        None | Some("open") => Ok(Some(ProposalState::Open)),
        Some("approved") => Ok(Some(ProposalState::Approved)),
        Some("rejected") => Ok(Some(ProposalState::Rejected)),
        Some("expired") => Ok(Some(ProposalState::Expired)),
        Some("all") => Ok(None),
        Some(_) => Err(OAuthError::STATE_UNKNOWN),
    });
    let now = site.app.clock.now();
    let found = acts(&site.app.db, state, after, limit, now).await?;
    let page = ActPage { acts: found.acts.iter().map(|act| act.view(now)).collect(), next: found.next };
    Ok(Ok(respond::json(StatusCode::OK, &page)))
}

/// `GET /v1/admin/acts/{id}`.
pub async fn show(State(site): State<Arc<InternalSite>>, Path(id): Path<String>) -> Response {
    answered(found(&site, &id).await)
}

async fn found(site: &InternalSite, id: &str) -> Call {
    let id = or_refuse!(act_id(id));
    let found = act(&site.app.db, id).await?;
    Ok(found.map(|act| respond::json(StatusCode::OK, &act.view(site.app.clock.now()))).ok_or(OAuthError::NO_SUCH_ACT))
}

fn act_id(text: &str) -> Result<Uuid, OAuthError> {
    Uuid::try_parse(text).map_err(|_| OAuthError::NO_SUCH_ACT)
}

/// `POST /v1/admin/acts/{id}/approve`: once.
pub async fn approve(State(site): State<Arc<InternalSite>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answered(approved(&site, &id, request).await)
}

async fn approved(site: &InternalSite, id: &str, request: Request<Body>) -> Call {
    let id = or_refuse!(act_id(id));
    let (asked, account) = or_refuse!(read::<ApproveOrder>(site, request).await);
    let who = or_refuse!(person(&asked.by, account));
    Ok(match approve_act(&Desk::of(&site.app), id, who).await? {
        Ok((_, done)) => Ok(done_answer(&done)),
        Err(NotDecided::Decision(refusal)) => Err(not_decided(&refusal)),
        Err(NotDecided::Act(refusal)) => Err(refused(&refusal)),
    })
}

fn not_decided(refusal: &DecisionRefusal) -> OAuthError {
    match refusal {
        DecisionRefusal::Unknown => OAuthError::NO_SUCH_ACT,
        DecisionRefusal::Closed(_) => OAuthError::ACT_CLOSED,
        DecisionRefusal::SamePerson | DecisionRefusal::SameAccount => OAuthError::ACT_OF_SAME_PERSON,
    }
}

/// `POST /v1/admin/acts/{id}/reject`: once.
pub async fn reject(State(site): State<Arc<InternalSite>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answered(rejected(&site, &id, request).await)
}

async fn rejected(site: &InternalSite, id: &str, request: Request<Body>) -> Call {
    let id = or_refuse!(act_id(id));
    let (asked, account) = or_refuse!(read::<RejectOrder>(site, request).await);
    let who = or_refuse!(person(&asked.by, account));
    let why = or_refuse!(admin::text(&asked.reason, LONG).map_err(|_| OAuthError::WHY_MALFORMED));
    let desk = Desk::of(&site.app);
    Ok(match reject_act(&desk, id, who, why).await? {
        Ok(proposal) => Ok(respond::json(StatusCode::OK, &proposal.view(desk.now))),
        Err(refusal) => Err(not_decided(&refusal)),
    })
}
