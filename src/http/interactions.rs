//! The bank's own systems read a journey that was handed to them, and say how it ended.

use super::{body, extract, respond, site::InternalSite};
use crate::{
    flows::handoff::{self, Refused, Status, Told, Way},
    oauth::{
        brand::{AccountChoice, Brand},
        conclusion::{Completion, ConclusionRefusal, Requirement, Said, account_choice, read_failure},
        details::AuthorizationDetails,
        error::OAuthError,
        interaction::BegunBy,
        payment::Payment,
        scope::ScopeToken,
    },
    pages::{TppIdentity, scope_in_words},
    telemetry::request,
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

/// A journey as the bank's system meets it.
#[derive(Serialize, ToSchema)]
pub struct InteractionView {
    /// Stays the same for the whole journey; for logs. It opens nothing.
    #[schema(example = "019b76da-a800-7000-8000-000000000001")]
    pub interaction_id: String,
    /// `open`, `completed` or `failed`.
    #[schema(example = "open")]
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "timed_out")]
    pub reason: Option<&'static str>,
    /// Of a failed one: where to send the customer. Of a completed one, `complete` tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
    #[schema(example = "cic")]
    pub brand: String,
    /// As customers know it.
    #[schema(example = "CIC")]
    pub brand_name: String,
    #[schema(example = "web")]
    pub channel: String,
    /// `browser`, or `app`: then `redirect_to` is the TPP's own, for the app to open.
    #[schema(example = "browser")]
    pub begun_by: &'static str,
    /// The customer went on in the browser where the bank's app was expected.
    pub fallback: bool,
    /// The customer's, for the portal's pages, too.
    #[schema(example = "fr")]
    pub language: &'static str,
    pub client: ClientView,
    pub scope: ScopeView,
    pub accounts: AccountsView,
    /// What is to be paid or cancelled; null where the journey is about no payment.
    #[schema(value_type = Option<Object>)]
    pub payment: Option<Payment>,
    /// What must have been done before `complete`.
    pub required: Vec<Requirement>,
    /// Goes into the SCA challenge, and must come back with its result (RTS art. 5).
    #[schema(example = "q8mnVK1cZBKZGQ3gkAxb4eKHvKqgsJmnDrcqPoWfW3Y")]
    pub linked_hash: String,
    /// RFC 3339.
    #[schema(example = "2026-11-28T09:00:00Z")]
    pub begun_at: String,
    /// After this the journey has timed out.
    #[schema(example = "2026-11-28T09:10:00Z")]
    pub deadline: String,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct ClientView {
    #[schema(example = "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11")]
    pub client_id: String,
    /// In the customer's language, where it was registered in it (RFC 7591 s2.2).
    pub client_name: String,
    /// As in the certificate.
    #[schema(example = "Exemple SAS")]
    pub legal_name: String,
    #[schema(example = "12345")]
    pub authorisation_number: String,
    /// organizationIdentifier of the certificate.
    #[schema(example = "PSDFR-ACPR-12345")]
    pub organisation: String,
    /// In whose name the client is shown where that is not the authorised company itself: an agent of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The roles under which it is registered.
    #[schema(example = json!(["PSP_AI"]))]
    pub roles: Vec<&'static str>,
}

/// What it asks for.
#[derive(Serialize, ToSchema)]
pub struct ScopeView {
    #[schema(example = json!(["aisp"]))]
    pub codes: Vec<&'static str>,
    /// In the customer's language, as our own pages would say it.
    pub words: Vec<String>,
}

/// Which accounts it is about.
#[derive(Serialize, ToSchema)]
pub struct AccountsView {
    /// `none`: as the bank's rule says; `one`, `some`: the customer chooses.
    #[schema(example = "one")]
    pub choose: &'static str,
    /// The account that the payment names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// IBANs that the TPP would like to have (RFC 9396). The customer may choose others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
}

/// Where the browser, or the app, goes next.
#[derive(Serialize, ToSchema)]
pub struct Redirection {
    #[schema(example = "https://auth.cic.example/cic/journeys/019b76daa80070008000000000000001/return?confirmation=...")]
    pub redirect_to: String,
}

/// A refused conclusion: the pair of every refusal, and what helps.
#[derive(Serialize, ToSchema)]
pub struct RefusedConclusion {
    #[schema(example = "requirements_missing")]
    pub error: &'static str,
    pub error_description: String,
    /// What the customer still has to do; the journey goes on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Requirement>,
    /// Where to send the customer: nothing is left to do in the portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
}

/// `GET /v1/brands/{brand}/interactions/{ticket}`.
pub async fn read(State(site): State<Arc<InternalSite>>, Path((brand, ticket)): Path<(String, String)>) -> Response {
    let brand = match site.brand(&brand) {
        Ok(brand) => brand,
        Err(error) => return respond::error(&error),
    };
    match handoff::read(&site.app, brand, &ticket).await {
        Ok(Ok(told)) => respond::json(StatusCode::OK, &view(brand, told)),
        Ok(Err(refused)) => refuse(brand, refused),
        Err(outage) => respond::outage(&outage),
    }
}

/// `POST .../complete`.
pub async fn complete(site: State<Arc<InternalSite>>, path: Path<(String, String)>, request: Request<Body>) -> Response {
    let read = |body: &Map<String, Value>| Completion::read(body).map(Said::Completed).map_err(ConclusionRefusal::from);
    conclude(site, path, request, read).await
}

/// `POST .../fail`.
pub async fn fail(site: State<Arc<InternalSite>>, path: Path<(String, String)>, request: Request<Body>) -> Response {
    conclude(site, path, request, |body| read_failure(body).map(Said::Failed)).await
}

async fn conclude(
    State(site): State<Arc<InternalSite>>,
    Path((brand, ticket)): Path<(String, String)>,
    request: Request<Body>,
    read: impl Fn(&Map<String, Value>) -> Result<Said, ConclusionRefusal>,
) -> Response {
    let brand = match site.brand(&brand) {
        Ok(brand) => brand,
        Err(error) => return respond::error(&error),
    };
    let by = extract::bank_system(&request);
    let said = match body::json(request, site.limits.body).await {
        Ok(body) => read(&body),
        Err(error) => return respond::error(&error),
    };
    let said = match said {
        Ok(said) => said,
        Err(refusal) => return refuse(brand, refusal.into()),
    };
    match handoff::conclude(&site.app, brand, &ticket, &said, &by).await {
        Ok(Ok(way)) => respond::json(StatusCode::OK, &Redirection { redirect_to: url_of(brand, way) }),
        Ok(Err(refused)) => refuse(brand, refused),
        Err(outage) => respond::outage(&outage),
    }
}

pub fn refuse(brand: &Brand, refused: Refused) -> Response {
    let missing = refused.refusal.missing().to_vec();
    let error = OAuthError::from(refused.refusal);
    let redirect_to = refused.way.map(|way| url_of(brand, way));
    if missing.is_empty() && redirect_to.is_none() {
        return respond::error(&error);
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    request::note(|facts| facts.verdict(error.reason, error.fault));
    let body = error.body();
    respond::json(status, &RefusedConclusion { error: body.error, error_description: body.error_description, missing, redirect_to })
}

fn url_of(brand: &Brand, way: Way) -> String {
    let page = |id| format!("{}{}", brand.psu_origin, super::authorize::path_of_journey(brand, id));
    match way {
        Way::Page(id) => page(id),
        Way::Return(id, None) => format!("{}/return", page(id)),
        Way::Return(id, Some(confirmation)) => format!("{}/return?confirmation={}", page(id), confirmation.reveal()),
        Way::Home(location) => location,
    }
}

pub fn view(brand: &Brand, told: Told) -> InteractionView {
    let Told { interaction, client, payment, required, status } = told;
    let (status, reason, redirect_to) = match status {
        Status::Open => ("open", None, None),
        Status::Completed => ("completed", None, None),
        Status::Failed(failure, way) => ("failed", Some(failure.name()), way.map(|way| url_of(brand, way))),
    };
    let lang = interaction.lang;
    let tpp = TppIdentity::new(client.metadata.name_in(lang.tag()), &client.legal_name, client.organisation.authorisation_number());
    let roles: BTreeSet<_> = client.scope.iter().map(ScopeToken::role).collect();
    InteractionView {
        interaction_id: interaction.id.0.to_string(),
        status,
        reason,
        redirect_to,
        brand: brand.id.to_string(),
        brand_name: brand.display_name.clone(),
        channel: interaction.channel.clone(),
        begun_by: match interaction.begun_by {
            BegunBy::Browser => "browser",
            BegunBy::App => "app",
        },
        fallback: interaction.fallback,
        language: lang.tag(),
        scope: ScopeView {
            codes: interaction.scope.iter().map(ScopeToken::as_str).collect(),
            words: scope_in_words(lang, &brand.display_name, tpp.client_name(), &interaction.scope),
        },
        client: ClientView {
            client_id: client.id.to_string(),
            client_name: tpp.client_name().to_owned(),
            legal_name: client.legal_name,
            authorisation_number: client.organisation.authorisation_number().to_owned(),
            organisation: client.organisation.to_string(),
            agent: client.metadata.agent,
            roles: roles.into_iter().map(crate::oauth::tpp::PspRole::name).collect(),
        },
        accounts: AccountsView {
            choose: match account_choice(brand, &interaction.scope, payment.as_ref()) {
                AccountChoice::None => "none",
                AccountChoice::One => "one",
                AccountChoice::Some => "some",
            },
            given: payment.as_ref().and_then(|payment| payment.debtor_account.clone()),
            asked: interaction.details.iter().flat_map(AuthorizationDetails::accounts).map(str::to_owned).collect(),
        },
        linked_hash: interaction.linked_hash(payment.as_ref()).wire(),
        payment,
        required,
        begun_at: written(interaction.created_at),
        deadline: written(interaction.expires_at),
    }
}

fn written(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}
