//! For the bank's permission dashboard: a customer's grants, withdrawal, and the link to the page that stands ready.

use super::{body, or_refuse, respond, site::InternalSite};
use crate::{
    flows::{
        Answer,
        permissions::{self, Found, Withdrawal},
    },
    oauth::{
        brand::{Brand, Lang},
        error::OAuthError,
        grant::{GrantId, PsuReference},
        permission::{
            Permission, PermissionEntry, PermissionLink, PermissionLinkRequest, PermissionPage, PermissionSearch, PermissionWithdrawal,
            Withdrawer, is_reason, is_subject,
        },
    },
    pages::{TppIdentity, permission_words},
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// Where nothing is said.
const USUAL: i64 = 50;
pub const MOST: i64 = 100;

/// `POST /v1/brands/{brand}/grants/search`. The subject travels in the body: paths and queries end up in logs.
pub async fn search(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    answered(StatusCode::OK, found(&site, &brand, request).await)
}

async fn found(site: &InternalSite, brand: &str, request: Request<Body>) -> Answer<PermissionPage> {
    let brand = or_refuse!(site.brand(brand));
    let asked: PermissionSearch = or_refuse!(body::strict_json(request, site.limits.body).await);
    let (psu, lang) = or_refuse!(who_and_how(brand, asked.subject, asked.language.as_deref()));
    let limit = asked.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Ok(Err(OAuthError::PAGE_LIMIT));
    }
    let Found { permissions, next, now } =
        permissions::search(&site.app, brand, &psu, asked.state, asked.after.map(GrantId), limit).await?;
    let grants = permissions.iter().map(|permission| entry(permission, lang, now)).collect();
    Ok(Ok(PermissionPage { grants, next: next.map(|grant| grant.0) }))
}

/// `POST /v1/brands/{brand}/grants/{grant_id}/withdraw`: again is the same answer.
pub async fn withdraw(
    State(site): State<Arc<InternalSite>>,
    Path((brand, grant)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    answered(StatusCode::OK, withdrawn(&site, &brand, &grant, request).await)
}

async fn withdrawn(site: &InternalSite, brand: &str, grant: &str, request: Request<Body>) -> Answer<PermissionEntry> {
    let brand = or_refuse!(site.brand(brand));
    let asked: PermissionWithdrawal = or_refuse!(body::strict_json(request, site.limits.body).await);
    let (psu, lang) = or_refuse!(who_and_how(brand, asked.subject, None));
    match (&asked.reason, asked.by) {
        (Some(reason), _) if !is_reason(reason) => return Ok(Err(OAuthError::REASON_MALFORMED)),
        (None, Withdrawer::Bank) => return Ok(Err(OAuthError::REASON_MISSING)),
        (Some(_), _) | (None, Withdrawer::Customer) => {}
    }
    let Ok(grant) = Uuid::try_parse(grant) else { return Ok(Err(OAuthError::NO_SUCH_GRANT)) };
    let withdrawal = Withdrawal { by: asked.by, note: asked.reason.as_deref(), through: "internal" };
    let ended = permissions::withdraw(&site.app, brand, &psu, GrantId(grant), &withdrawal).await?;
    Ok(ended.map(|(permission, now)| entry(&permission, lang, now)).ok_or(OAuthError::NO_SUCH_GRANT))
}

/// `POST /v1/brands/{brand}/permissions`: a link for the browser of a customer whom the bank has just recognised.
pub async fn invite(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    answered(StatusCode::CREATED, invited(&site, &brand, request).await)
}

async fn invited(site: &InternalSite, brand: &str, request: Request<Body>) -> Answer<PermissionLink> {
    let brand = or_refuse!(site.brand(brand));
    let asked: PermissionLinkRequest = or_refuse!(body::strict_json(request, site.limits.body).await);
    let (psu, lang) = or_refuse!(who_and_how(brand, asked.subject, asked.language.as_deref()));
    let made = permissions::invite(&site.app, brand, psu, lang).await?;
    let url = format!("{}/{}/permissions/open/{}", brand.psu_origin, brand.id, made.link.reveal());
    Ok(Ok(PermissionLink { url, expires_at: made.until }))
}

fn who_and_how(brand: &Brand, subject: String, language: Option<&str>) -> Result<(PsuReference, Lang), OAuthError> {
    if !is_subject(&subject) {
        return Err(OAuthError::SUBJECT_MALFORMED);
    }
    let lang = match language {
        Some(tag) => Lang::from_tag(tag).filter(|lang| brand.languages.contains(lang)).ok_or(OAuthError::LANGUAGE_UNKNOWN)?,
        None => brand.default_language,
    };
    Ok((PsuReference::new(subject), lang))
}

fn entry(permission: &Permission, lang: Lang, now: OffsetDateTime) -> PermissionEntry {
    PermissionEntry::new(
        permission,
        permission_words(lang, &permission.scope, permission.payment.map(|(_, kind)| kind), &holder(permission, lang)),
        lang.tag(),
        now,
    )
}

/// The TPP as pages name it.
pub fn holder(permission: &Permission, lang: Lang) -> TppIdentity {
    TppIdentity::new(permission.metadata.name_in(lang.tag()), &permission.legal_name, permission.organisation.authorisation_number())
}

pub fn answered<T: Serialize>(status: StatusCode, answer: Answer<T>) -> Response {
    match answer {
        Ok(Ok(body)) => respond::json(status, &body),
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}
