//! For the bank's own people, by way of its back office: the acts and views of the command line. Only certificates that the settings
//! name get in; the person is named in each call, and the application vouches for it.

mod acts;
mod clients;
mod conformance;
mod grants;
mod journeys;
mod keys;
mod orders;
mod registrations;
mod tpps;

pub use acts::{ApproveOrder, RejectOrder};
pub use clients::ProfileOrder;
pub use grants::GrantFind;
pub use keys::{KeyList, RotateOrder};
pub use orders::{NoticedOrder, PlainOrder};
pub use registrations::ClientOrder;
pub use tpps::{BlockOrder, BlockPage, MergeInto, OrganisationPage, OrganisationView, SweepOrder};

use super::{extract, or_refuse, respond, site::InternalSite};
use crate::{
    admin::{self, Act, ActRefusal, LONG, Order, Person, RotationRefusal, SHORT, Through},
    flows::{
        Outage,
        admin::{Desk, Done, Submitted},
    },
    oauth::{brand::Brand, error::OAuthError, params::Params, tpp::OrganisationId},
    pki::visible,
    standing::MergeRefusal,
};
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing::{MethodRouter, get, post},
};
use http::StatusCode;
use std::sync::Arc;
use uuid::Uuid;

/// Where nothing is said.
const USUAL: usize = 50;
/// Of a page.
const MOST: usize = 100;
/// Of an organizationIdentifier, in characters.
const LONGEST_IDENTIFIER: usize = 500;

/// A word for log and metrics, a path and what answers there.
pub type Row = (&'static str, &'static str, MethodRouter<Arc<InternalSite>>);

/// Every row of this part, behind the one gate.
pub fn rows(site: &Arc<InternalSite>) -> [Row; 34] {
    let rows: [Row; 34] = [
        ("admin_client_list", "/v1/brands/{brand}/clients", get(clients::list)),
        ("admin_client_register", "/v1/brands/{brand}/clients", post(registrations::register)),
        ("admin_client_replace", "/v1/brands/{brand}/clients/{client_id}/replace", post(registrations::replace)),
        ("admin_client_delete", "/v1/brands/{brand}/clients/{client_id}/delete", post(registrations::remove)),
        ("admin_client_show", "/v1/brands/{brand}/clients/{client_id}", get(clients::show)),
        ("admin_conformance_list", "/v1/brands/{brand}/conformance", get(conformance::list)),
        ("admin_conformance_show", "/v1/brands/{brand}/clients/{client_id}/conformance", get(conformance::show)),
        ("admin_client_profile", "/v1/brands/{brand}/clients/{client_id}/profile", post(clients::profile)),
        ("admin_client_block", "/v1/brands/{brand}/clients/{client_id}/block", post(clients::block)),
        ("admin_client_unblock", "/v1/brands/{brand}/clients/{client_id}/unblock", post(clients::unblock)),
        ("admin_client_force_sca", "/v1/brands/{brand}/clients/{client_id}/force-sca", post(clients::force_sca)),
        ("admin_client_revoke", "/v1/brands/{brand}/clients/{client_id}/revoke-grants", post(clients::revoke_grants)),
        ("admin_grant_find", "/v1/brands/{brand}/grants/find", post(grants::find)),
        ("admin_grant_show", "/v1/brands/{brand}/grants/{grant_id}", get(grants::show)),
        ("admin_grant_revoke", "/v1/brands/{brand}/grants/{grant_id}/revoke", post(grants::revoke)),
        ("admin_grant_force_sca", "/v1/brands/{brand}/grants/{grant_id}/force-sca", post(grants::force_sca)),
        ("admin_journey_list", "/v1/brands/{brand}/journeys", get(journeys::list)),
        ("admin_journey_show", "/v1/brands/{brand}/journeys/{id}", get(journeys::show)),
        ("admin_organisation_list", "/v1/admin/organisations", get(tpps::list)),
        ("admin_organisation_show", "/v1/admin/organisations/{organisation}", get(tpps::show)),
        ("admin_organisation_merge", "/v1/admin/organisations/{organisation}/merge", post(tpps::merge)),
        ("admin_organisation_force_sca", "/v1/admin/organisations/{organisation}/force-sca", post(tpps::force_sca)),
        ("admin_organisation_revoke", "/v1/admin/organisations/{organisation}/revoke-grants", post(tpps::revoke_grants)),
        ("admin_block_list", "/v1/admin/blocks", get(tpps::blocks)),
        ("admin_block_add", "/v1/admin/blocks", post(tpps::block)),
        ("admin_block_lift", "/v1/admin/blocks/{id}/lift", post(tpps::lift)),
        ("admin_sweep_show", "/v1/admin/sweeps/{id}", get(tpps::sweep)),
        ("admin_key_list", "/v1/admin/keys", get(keys::list)),
        ("admin_key_rotate", "/v1/admin/keys/rotate", post(keys::rotate)),
        ("admin_key_retire", "/v1/admin/keys/{kid}/retire", post(keys::retire)),
        ("admin_act_list", "/v1/admin/acts", get(acts::list)),
        ("admin_act_show", "/v1/admin/acts/{id}", get(acts::show)),
        ("admin_act_approve", "/v1/admin/acts/{id}/approve", post(acts::approve)),
        ("admin_act_reject", "/v1/admin/acts/{id}/reject", post(acts::reject)),
    ];
    let gate = middleware::from_fn_with_state(site.clone(), admit);
    rows.map(|(endpoint, path, handler)| (endpoint, path, handler.route_layer(gate.clone())))
}

/// The subject of the certificate that was let in.
#[derive(Clone)]
struct Account(String);

/// Nobody by default: other systems of the bank have certificates of the same authority.
async fn admit(State(site): State<Arc<InternalSite>>, mut request: Request, next: Next) -> Response {
    let account = extract::bank_system(&request);
    if !site.app.admin.api_certificates.contains(&account) {
        return respond::error(&OAuthError::NOT_ADMINISTRATIVE);
    }
    request.extensions_mut().insert(Account(account));
    next.run(request).await
}

fn account(request: &Request) -> String {
    request.extensions().get::<Account>().map_or_else(String::new, |account| account.0.clone())
}

/// What a call comes to: an answer, a refusal, or an outage.
type Call = Result<Result<Response, OAuthError>, Outage>;

fn answered(call: Call) -> Response {
    match call {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}

fn served<'a>(site: &'a InternalSite, brand: &str) -> Result<&'a Brand, OAuthError> {
    site.brand(brand)
}

/// A brand that may be left out.
fn served_or_all(site: &InternalSite, brand: Option<&str>) -> Result<Option<String>, OAuthError> {
    brand.map(|brand| served(site, brand).map(|brand| brand.id.to_string())).transpose()
}

fn person(by: &str, account: String) -> Result<Person, OAuthError> {
    let name = admin::text(by, SHORT).ok().filter(|name| !name.contains('\n')).ok_or(OAuthError::BY_MALFORMED)?;
    Ok(Person { name, through: Through::Api, account })
}

fn notice(text: Option<&str>) -> Result<Option<String>, OAuthError> {
    text.map(|text| admin::text(text, LONG).map_err(|_| OAuthError::PSU_NOTICE_MALFORMED)).transpose()
}

fn organisation(text: &str) -> Result<OrganisationId, OAuthError> {
    let fine = !text.trim().is_empty() && text.chars().count() <= LONGEST_IDENTIFIER && visible(text) == text;
    if fine { Ok(OrganisationId::new(text)) } else { Err(OAuthError::ORGANISATION_MALFORMED) }
}

/// `after` and `limit` of a page.
fn page_of(params: &Params) -> Result<(Option<Uuid>, usize), OAuthError> {
    let after = params.get("after").map(|text| Uuid::try_parse(text).map_err(|_| OAuthError::AFTER_MALFORMED)).transpose()?;
    Ok((after, limit_of(params)?))
}

fn limit_of(params: &Params) -> Result<usize, OAuthError> {
    let limit = params.get("limit").map_or(Some(USUAL), |text| text.parse().ok());
    limit.filter(|limit| (1..=MOST).contains(limit)).ok_or(OAuthError::PAGE_LIMIT)
}

/// Done (200), or proposed to a second person (202).
async fn order(site: &InternalSite, act: Act, by: &str, reason: &str, account: String) -> Call {
    let by = or_refuse!(person(by, account));
    let reason = or_refuse!(admin::text(reason, LONG).map_err(|_| OAuthError::WHY_MALFORMED));
    let desk = Desk::of(&site.app);
    Ok(match crate::flows::admin::submit(&desk, Order { act, reason, by }).await? {
        Ok(Submitted::Done(done)) => Ok(done_answer(&done)),
        Ok(Submitted::Proposed(proposal) | Submitted::ProposedBefore(proposal)) => {
            Ok(respond::json(StatusCode::ACCEPTED, &proposal.view(desk.now)))
        }
        Err(refusal) => Err(refused(&refusal)),
    })
}

fn done_answer(done: &Done) -> Response {
    respond::json(StatusCode::OK, &done.json())
}

fn refused(refusal: &ActRefusal) -> OAuthError {
    match refusal {
        ActRefusal::NoSuchClient => OAuthError::NO_SUCH_CLIENT,
        ActRefusal::ClientOfTpp => OAuthError::CLIENT_OF_TPP,
        ActRefusal::Metadata { field, why } => OAuthError::metadata_of_act(field, why),
        ActRefusal::NoSuchOrganisation => OAuthError::NO_SUCH_ORGANISATION,
        ActRefusal::NoSuchGrant => OAuthError::NO_SUCH_GRANT_HERE,
        ActRefusal::NoSuchBlock => OAuthError::NO_SUCH_BLOCK,
        ActRefusal::ProfileNotOffered => OAuthError::PROFILE_NOT_OFFERED,
        ActRefusal::NoSuchKey => OAuthError::NO_SUCH_KEY,
        ActRefusal::Merge(MergeRefusal::SameOrganisation | MergeRefusal::Local) => OAuthError::MERGE_SAME,
        ActRefusal::Merge(MergeRefusal::OldUnknown) => OAuthError::NO_SUCH_ORGANISATION,
        ActRefusal::Merge(MergeRefusal::NewUnknown) => OAuthError::MERGE_INTO_UNKNOWN,
        ActRefusal::Merge(MergeRefusal::NewBecame(_) | MergeRefusal::OldBecame(_) | MergeRefusal::Circle) => OAuthError::MERGE_TURNED,
        ActRefusal::Rotation(RotationRefusal::NextThere(_)) => OAuthError::NEXT_KEY_THERE,
        ActRefusal::Rotation(RotationRefusal::Active) => OAuthError::KEY_SIGNS,
        ActRefusal::Rotation(RotationRefusal::NoWrappingKey) => OAuthError::NO_WRAPPING_KEY,
        ActRefusal::Rotation(RotationRefusal::TooMany) => OAuthError::TOO_MANY_KEYS,
        // it takes longer than a call may, and no call names its customer
        ActRefusal::CustomerNeeded | ActRefusal::OtherCustomer | ActRefusal::AboutNoCustomer | ActRefusal::Erasure(_) => {
            OAuthError::ACT_AT_COMMAND_LINE
        }
    }
}

/// The query of a page.
fn query(text: Option<String>) -> Result<Params, OAuthError> {
    Params::parse(text.unwrap_or_default().as_bytes()).map_err(OAuthError::from)
}

/// The body, and by which certificate it came.
async fn read<T: serde::de::DeserializeOwned>(site: &InternalSite, request: http::Request<Body>) -> Result<(T, String), OAuthError> {
    let account = account(&request);
    Ok((super::body::strict_json(request, site.limits.body).await?, account))
}
