//! Organisations, and what shuts somebody out.

use super::{Call, PlainOrder, answered, limit_of, notice, or_refuse, order, organisation, query, read, served_or_all};
use crate::{
    admin::{Act, SHORT, SweepView, Whose, text},
    flows::{admin::sweeps, kill_switch, organisation as organisations},
    http::{respond, site::InternalSite},
    oauth::{
        error::OAuthError,
        organisation::{MergeRecord, OrganisationSummary, days_left},
    },
    pki::psd_identifier,
    standing::{BlockId, Notification, Target},
};
use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use time::{Date, OffsetDateTime, macros::format_description};
use utoipa::ToSchema;
use uuid::Uuid;

/// Days for which certificates of a merged organisation stand for the other one, where nothing is said, and at most.
const USUAL_OVERLAP: u16 = 30;
const LONGEST_OVERLAP: u16 = 400;

/// What is known of an organisation.
#[derive(Serialize, ToSchema)]
pub struct OrganisationView {
    /// organizationIdentifier.
    #[schema(example = "PSDFR-ACPR-12345")]
    pub organisation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    /// Live ones, of all brands.
    pub client_count: i64,
    pub certificate_count: i64,
    /// When the last certificate ends that it was seen with.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_end: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<OffsetDateTime>,
    /// Only where one is asked for: whom it became, or who became it, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub merges: Vec<Value>,
}

impl OrganisationView {
    fn new(known: &OrganisationSummary, merges: &[MergeRecord], now: OffsetDateTime) -> Self {
        let merge = |merge: &MergeRecord| serde_json::json!({ "old": merge.old, "new": merge.new, "by": merge.by, "reason": merge.reason, "clients": merge.clients });
        Self {
            organisation: known.organisation.to_string(),
            legal_name: known.legal_name.clone(),
            client_count: known.clients,
            certificate_count: known.certificates,
            last_end: known.last_end,
            days_left: known.last_end.map(|end| days_left(end, now)),
            last_seen_at: known.last_seen_at,
            merges: merges.iter().map(merge).collect(),
        }
    }
}

/// In the order of identifiers.
#[derive(Serialize, ToSchema)]
pub struct OrganisationPage {
    pub organisations: Vec<OrganisationView>,
    /// There may be more: send it as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Live blocks, newest last.
#[derive(Serialize, ToSchema)]
pub struct BlockPage {
    #[schema(value_type = Vec<Object>)]
    pub blocks: Vec<Value>,
}

/// PSD2 art. 68(6).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorityTold {
    /// The day.
    #[schema(example = "2026-11-27")]
    pub on: String,
    /// What the authority calls it.
    #[schema(min_length = 1, max_length = 256)]
    pub reference: String,
}

/// What is shut out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockOrder {
    /// `organisation`, `certificate`, `issuer_name`, `issuer_key` or `role`.
    #[schema(example = "organisation")]
    pub target: String,
    /// organizationIdentifier, SHA-256 in hexadecimal, the issuer's name, or the role's, such as `PSP_AI`.
    #[schema(example = "PSDFR-ACPR-12345")]
    pub value: String,
    /// Of a role: the organisation that loses it; absent: everybody.
    #[serde(default)]
    pub of: Option<String>,
    /// Absent: at every brand.
    #[serde(default)]
    pub brand: Option<String>,
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    /// For the bank's own people; never shown outside.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// What customers of the TPP are told.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub psu_notice: Option<String>,
    /// Where it was told already.
    #[serde(default)]
    pub authority: Option<AuthorityTold>,
}

/// Whose clients become whose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeInto {
    /// The organizationIdentifier that it is now.
    pub into: String,
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// For so long certificates of the old one stand for clients of the new one; 30 by default.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 400)]
    pub overlap_days: Option<u16>,
    /// Also where nothing was ever seen of the new one.
    #[serde(default)]
    pub force: bool,
}

/// Of all its clients.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepOrder {
    /// Absent: at every brand.
    #[serde(default)]
    pub brand: Option<String>,
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// Where grants are revoked: what the customers are told.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub psu_notice: Option<String>,
}

/// `GET /v1/admin/organisations`.
pub async fn list(State(site): State<Arc<InternalSite>>, RawQuery(text): RawQuery) -> Response {
    answered(page(&site, text).await)
}

async fn page(site: &InternalSite, text: Option<String>) -> Call {
    let (params, now) = (or_refuse!(query(text)), site.app.clock.now());
    let limit = or_refuse!(limit_of(&params));
    let after = params.get("after").unwrap_or_default();
    // one more than is shown: is there a next page?
    let asked = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let found = organisations::list(&site.app.db, after, asked, now).await?;
    let more = found.len() > limit;
    let shown: Vec<_> = found.iter().take(limit).map(|known| OrganisationView::new(known, &[], now)).collect();
    let next = shown.last().filter(|_| more).map(|last| last.organisation.clone());
    Ok(Ok(respond::json(StatusCode::OK, &OrganisationPage { organisations: shown, next })))
}

/// `GET /v1/admin/organisations/{organisation}`.
pub async fn show(State(site): State<Arc<InternalSite>>, Path(id): Path<String>) -> Response {
    answered(found(&site, &id).await)
}

async fn found(site: &InternalSite, id: &str) -> Call {
    let (id, now) = (or_refuse!(organisation(id).map_err(|_| OAuthError::NO_SUCH_ORGANISATION)), site.app.clock.now());
    let found = organisations::show(&site.app.db, &id, now).await?;
    let view = |found: organisations::Portrait| OrganisationView::new(&found.summary, &found.merges, now);
    Ok(found.map(|found| respond::json(StatusCode::OK, &view(found))).ok_or(OAuthError::NO_SUCH_ORGANISATION))
}

/// `POST .../merge`.
pub async fn merge(State(site): State<Arc<InternalSite>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answered(merged(&site, &id, request).await)
}

async fn merged(site: &InternalSite, id: &str, request: Request<Body>) -> Call {
    let old = or_refuse!(organisation(id).map_err(|_| OAuthError::NO_SUCH_ORGANISATION));
    let (asked, account) = or_refuse!(read::<MergeInto>(site, request).await);
    let new = or_refuse!(organisation(&asked.into));
    let overlap_days = asked.overlap_days.unwrap_or(USUAL_OVERLAP);
    if overlap_days > LONGEST_OVERLAP {
        return Ok(Err(OAuthError::OVERLAP_DAYS));
    }
    if asked.force && psd_identifier(new.as_str()).is_none() {
        return Ok(Err(OAuthError::FORCED_IDENTIFIER));
    }
    let act = Act::Merge { old, new, overlap_days, forced: asked.force };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `POST .../force-sca`.
pub async fn force_sca(State(site): State<Arc<InternalSite>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answered(forced(&site, &id, request).await)
}

async fn forced(site: &InternalSite, id: &str, request: Request<Body>) -> Call {
    let organisation = or_refuse!(organisation(id).map_err(|_| OAuthError::NO_SUCH_ORGANISATION));
    let (asked, account) = or_refuse!(read::<SweepOrder>(site, request).await);
    let brand = or_refuse!(served_or_all(site, asked.brand.as_deref()));
    let act = Act::ForceSca { whose: Whose::Organisation { organisation, brand } };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `POST .../revoke-grants`.
pub async fn revoke_grants(State(site): State<Arc<InternalSite>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answered(revoked(&site, &id, request).await)
}

async fn revoked(site: &InternalSite, id: &str, request: Request<Body>) -> Call {
    let organisation = or_refuse!(organisation(id).map_err(|_| OAuthError::NO_SUCH_ORGANISATION));
    let (asked, account) = or_refuse!(read::<SweepOrder>(site, request).await);
    let brand = or_refuse!(served_or_all(site, asked.brand.as_deref()));
    let psu_notice = or_refuse!(notice(asked.psu_notice.as_deref()));
    let act = Act::RevokeAll { whose: Whose::Organisation { organisation, brand }, psu_notice };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `GET /v1/admin/blocks`: those in force; they are few.
pub async fn blocks(State(site): State<Arc<InternalSite>>) -> Response {
    answered(live_blocks(&site).await)
}

async fn live_blocks(site: &InternalSite) -> Call {
    let live = kill_switch::live(&site.app.db).await?;
    let blocks = live.iter().map(|block| serde_json::to_value(block).unwrap_or_default()).collect();
    Ok(Ok(respond::json(StatusCode::OK, &BlockPage { blocks })))
}

/// `POST /v1/admin/blocks`: again is the same block.
pub async fn block(State(site): State<Arc<InternalSite>>, request: Request<Body>) -> Response {
    answered(blocked(&site, request).await)
}

async fn blocked(site: &InternalSite, request: Request<Body>) -> Call {
    let (asked, account) = or_refuse!(read::<BlockOrder>(site, request).await);
    let brand = or_refuse!(served_or_all(site, asked.brand.as_deref()));
    let target = or_refuse!(target(&asked));
    let psu_notice = or_refuse!(notice(asked.psu_notice.as_deref()));
    let authority = or_refuse!(asked.authority.as_ref().map(notification).transpose());
    order(site, Act::Block { target, brand, psu_notice, authority }, &asked.by, &asked.reason, account).await
}

/// A client is blocked at its brand, where it is looked up.
fn target(asked: &BlockOrder) -> Result<Target, OAuthError> {
    let value = text(&asked.value, crate::admin::LONG).map_err(|_| OAuthError::TARGET_MALFORMED)?;
    let of = asked.of.as_deref().map(organisation).transpose()?;
    if of.is_some() && asked.target != "role" {
        return Err(OAuthError::TARGET_MALFORMED);
    }
    let target = Target::read(&asked.target, &value, of.as_ref().map_or("", |of| of.as_str()));
    target.filter(|target| target.client().is_none()).ok_or(OAuthError::TARGET_MALFORMED)
}

fn notification(told: &AuthorityTold) -> Result<Notification, OAuthError> {
    let on = Date::parse(&told.on, format_description!("[year]-[month]-[day]")).map_err(|_| OAuthError::AUTHORITY_INCOMPLETE)?;
    Ok(Notification { on, reference: text(&told.reference, SHORT).map_err(|_| OAuthError::AUTHORITY_INCOMPLETE)? })
}

/// `POST /v1/admin/blocks/{id}/lift`: again tells who lifted it.
pub async fn lift(State(site): State<Arc<InternalSite>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answered(lifted(&site, &id, request).await)
}

async fn lifted(site: &InternalSite, id: &str, request: Request<Body>) -> Call {
    let id = or_refuse!(Uuid::try_parse(id).map(BlockId).map_err(|_| OAuthError::NO_SUCH_BLOCK));
    let (asked, account) = or_refuse!(read::<PlainOrder>(site, request).await);
    let known = or_refuse!(kill_switch::find(&site.app.db, id).await?.ok_or(OAuthError::NO_SUCH_BLOCK));
    let act = Act::Lift { block: id, of_client: known.target.client().is_some() };
    order(site, act, &asked.by, &asked.reason, account).await
}

/// `GET /v1/admin/sweeps/{id}`: how far the ending of many grants has come.
pub async fn sweep(State(site): State<Arc<InternalSite>>, Path(id): Path<String>) -> Response {
    answered(sweep_of(&site, &id).await)
}

async fn sweep_of(site: &InternalSite, id: &str) -> Call {
    let id = or_refuse!(Uuid::try_parse(id).map_err(|_| OAuthError::NO_SUCH_SWEEP));
    let found: Option<SweepView> = sweeps::find(&site.app.db, id).await?.map(|sweep| sweep.view());
    Ok(found.map(|sweep| respond::json(StatusCode::OK, &sweep)).ok_or(OAuthError::NO_SUCH_SWEEP))
}
