//! The OpenAPI documents, from the brand's data, the core's wire shapes and its refusals.

mod admin;
mod authorize;
mod certificates;
mod discovery;
mod driver;
mod events;
mod exchange;
mod explain;
mod grants;
mod interactions;
mod introspect;
mod mistakes;
mod parts;
mod payments;
mod permissions;
mod pushed;
mod refusals;
mod registration;
mod resource;
mod sandbox;
mod token;

pub use certificates::REASONS;
pub use driver::driver_document;

use super::{
    endpoints::{Endpoint, endpoints},
    metadata::ServerMetadata,
    respond,
    site::{InternalSite, Site},
};
use crate::{
    oauth::{
        brand::{Brand, ClientAuth, Lang},
        details::AuthorizationDetails,
        error::ErrorBody,
        event::EventPage,
        introspection::{IntrospectionBatch, IntrospectionResponses},
        lodging::PaymentRequest,
        permission::{PermissionLink, PermissionLinkRequest, PermissionPage, PermissionSearch, PermissionWithdrawal},
        pushed::PushedResponse,
        registration::ClientInformation,
        token::TokenResponse,
    },
    pages::Developers,
    tls::peer::Counter,
};
use axum::{extract::State, response::Response};
use http::{Method, StatusCode};
use parts::{Documented, schema_ref, server, shared, spoken};
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, HttpMethod, Info, OpenApi, OpenApiBuilder, Paths, RefOr, Schema,
        path::{Operation, OperationBuilder},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

const QWAC: &str = "qwac";
const CLIENT_SECRET: &str = "client_secret";
const REGISTRATION_TOKEN: &str = "registration_access_token";
const BANK_CERTIFICATE: &str = "bank_certificate";

/// One brand's document: its own paths, grants and errors.
pub fn brand_document(brand: &Brand) -> OpenApi {
    let all = endpoints(brand).into_iter().filter_map(|endpoint| {
        let (origin, what) = match endpoint.counter() {
            Counter::Tpp => (&brand.tpp_origin, "For TPPs' software: mutual TLS with a QWAC."),
            Counter::Psu => (&brand.psu_origin, "For browsers and discovery: no client certificate."),
            Counter::Internal | Counter::Ops => return None,
        };
        let mut operation = describe(endpoint, brand);
        operation.servers = Some(vec![server(origin, what)]);
        Some(Documented { method: method_of(&endpoint.method())?, path: endpoint.path(brand), operation })
    });
    let components = ComponentsBuilder::new().schema("JsonWebKeySet", discovery::key_set()).schema("CertificateReport", explain::schema());
    let components = if brand.profiles.offer_fapi2() { with::<PushedResponse>(components) } else { components };
    let components = with::<TokenResponse>(with::<ClientInformation>(with::<ServerMetadata>(components)));
    let own = registration::schemas(brand).into_iter().chain(token::schemas(brand));
    let components = own.fold(components, |components, (name, schema)| components.schema(name, schema));
    let components = secured(components, brand);
    let title = format!("{}: authorization for TPPs{}", brand.display_name, if brand.sandbox { " (sandbox)" } else { "" });
    let mut built = document(&title, introduction(brand), all, components);
    if !brand.profiles.offer_fapi2() {
        say_nothing_of_details(&mut built);
    }
    built
}

/// Where no client can ask by `authorization_details`, no answer has any.
fn say_nothing_of_details(built: &mut OpenApi) {
    let Some(components) = &mut built.components else { return };
    let mut theirs = vec![(AuthorizationDetails::name().into_owned(), AuthorizationDetails::schema())];
    AuthorizationDetails::schemas(&mut theirs);
    for (name, _) in theirs {
        components.schemas.remove(&name);
    }
    for (schema, member) in [
        ("TokenResponse", "authorization_details"),
        ("ServerMetadata", "authorization_details_types_supported"),
        ("ClientMetadata", "authorization_details_types"),
    ] {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(schema) {
            object.properties.remove(member);
        }
    }
}

/// The internal counter's.
pub fn internal_document() -> OpenApi {
    let what = "For the bank's own systems: mutual TLS with a certificate of the bank's own authority.";
    let scheme = SecurityScheme::MutualTls { description: Some(what.into()), deprecated: None, extensions: None };
    let components = with::<EventPage>(with::<IntrospectionBatch>(with::<IntrospectionResponses>(ComponentsBuilder::new())));
    let components = with::<PermissionWithdrawal>(with::<PermissionSearch>(with::<PermissionPage>(components)));
    let components = with::<PermissionLinkRequest>(with::<PermissionLink>(components));
    let components =
        payments::schemas().into_iter().fold(with::<PaymentRequest>(components), |all, (name, schema)| all.schema(name, schema));
    let components = sandbox::schemas().into_iter().fold(components, |all, (name, schema)| all.schema(name, schema));
    let components = admin::schemas(components);
    let components = exchange::schemas(interactions::schemas(components)).security_scheme(BANK_CERTIFICATE, scheme);
    let mut built = document(
        "Guichet: internal counter",
        format!(
            "{what} Every answer has an `X-Request-Id`: the one that was sent, where it has 1 to 64 letters, digits, `-`, `_` and `.`. A `traceparent` (W3C Trace Context) goes on, and `traceresponse` tells our span."
        ),
        introspect::all(),
        components,
    );
    if let Some(components) = &mut built.components {
        components.responses.remove("OtherHost");
    }
    built
}

/// File name and text of the document of each brand, of the internal counter's, and of what a bank's SCA back end serves.
pub fn documents(brands: &[Brand]) -> Vec<(String, String)> {
    let of = |brand: &Brand| (format!("{}.json", brand.id), text_of(&brand_document(brand)));
    brands
        .iter()
        .map(of)
        .chain([("internal.json".to_owned(), text_of(&internal_document())), ("sca-driver.json".to_owned(), text_of(&driver_document()))])
        .collect()
}

fn text_of(document: &OpenApi) -> String {
    // through `Value`, whose members are sorted: the text depends on nothing but the content
    format!("{:#}\n", serde_json::to_value(document).unwrap_or_default())
}

fn describe(endpoint: Endpoint<'_>, brand: &Brand) -> Operation {
    match endpoint {
        Endpoint::Register => registration::register(brand),
        Endpoint::ReadClient => registration::read(brand),
        Endpoint::UpdateClient => registration::update(brand),
        Endpoint::DeleteClient => registration::delete(),
        Endpoint::Token(channel) => token::token(brand, channel),
        Endpoint::Revoke => token::revoke(brand),
        Endpoint::Push => pushed::push(brand),
        Endpoint::Authorize(channel) => authorize::authorize(brand, channel),
        Endpoint::Journey => authorize::look(),
        Endpoint::JourneyStep => authorize::step(),
        Endpoint::JourneyReturn => authorize::go_home(),
        Endpoint::JourneyStatus => authorize::status(),
        Endpoint::Customers => authorize::customers(),
        Endpoint::PermissionsOpen => permissions::open(),
        Endpoint::Permissions => permissions::list(),
        Endpoint::Permission => permissions::one(),
        Endpoint::PermissionEnd => permissions::end(),
        Endpoint::Metadata => discovery::metadata(brand),
        Endpoint::Jwks => discovery::jwks(),
        Endpoint::Document => discovery::document(),
        Endpoint::Developers => discovery::developers(),
        Endpoint::CertificateForm => explain::form(brand),
        Endpoint::CertificateCheck => explain::check(brand),
        Endpoint::PresentedCertificate => explain::presented(brand),
        Endpoint::SandboxResource => resource::read(),
    }
}

fn document(title: &str, description: String, all: impl IntoIterator<Item = Documented>, components: ComponentsBuilder) -> OpenApi {
    let mut paths = Paths::new();
    for Documented { method, path, operation } in all {
        paths.add_path_operation(path, vec![method], operation);
    }
    let components = with::<ErrorBody>(components).schema("OpenApiDocument", discovery::document_schema());
    let components = refusals::SHARED.into_iter().fold(components, |components, (name, errors)| {
        let refusals: Vec<_> = errors.iter().cloned().map(Into::into).collect();
        components.response(name, parts::refusal_answer(errors.first().map_or(500, |error| error.status()), &refusals))
    });
    let mut info = Info::new(title, env!("CARGO_PKG_VERSION"));
    info.description = Some(description);
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

/// The type's schema and those it refers to.
fn with<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    components.schemas_from_iter(schemas)
}

fn method_of(method: &Method) -> Option<HttpMethod> {
    let known = [
        (Method::GET, HttpMethod::Get),
        (Method::POST, HttpMethod::Post),
        (Method::PUT, HttpMethod::Put),
        (Method::DELETE, HttpMethod::Delete),
    ];
    known.into_iter().find(|(name, _)| name == method).map(|(_, known)| known)
}

/// What every machine endpoint may answer.
fn machine(operation: OperationBuilder) -> OperationBuilder {
    let answers = [
        ("404", "NotFound"),
        ("405", "MethodNotAllowed"),
        ("421", "OtherHost"),
        ("429", "TooManyRequests"),
        ("500", "ServerError"),
        ("503", "Unavailable"),
    ];
    shared(operation, &answers)
}

fn secured(components: ComponentsBuilder, brand: &Brand) -> ComponentsBuilder {
    let certificate = "A qualified website authentication certificate with the PSD2 statement (ETSI TS 119 495), and proof of its key in the TLS \
                       handshake (RFC 8705).";
    let http = |scheme, description: &str| {
        let mut http = Http::new(scheme);
        http.description = Some(description.to_owned());
        SecurityScheme::Http(http)
    };
    let components = components
        .security_scheme(QWAC, SecurityScheme::MutualTls { description: Some(certificate.into()), deprecated: None, extensions: None })
        .security_scheme(REGISTRATION_TOKEN, http(HttpAuthScheme::Bearer, "RFC 7592 s1.2. Optional beside the certificate."));
    match brand.client_auth {
        ClientAuth::Tls => components,
        ClientAuth::TlsAndSecretBasic => {
            components.security_scheme(CLIENT_SECRET, http(HttpAuthScheme::Basic, "RFC 6749 s2.3.1. Together with the certificate."))
        }
    }
}

fn introduction(brand: &Brand) -> String {
    let bound = if brand.certificate_bound_access_tokens {
        "Access tokens work only with the certificate they were issued to (RFC 8705 s3); refresh tokens with any certificate of the organisation, \
         so a renewed certificate costs no consent."
    } else {
        "Tokens are not bound to one certificate: any valid certificate of the organisation may present them."
    };
    format!(
        "OAuth 2.0 (RFC 6749) for third-party providers under PSD2. Machine endpoints are at `{}` and need a QWAC; customers and discovery are at \
         `{}` and need none. A client is known by the organizationIdentifier of its certificate and its `client_id`.\n\n{}\n\n{bound}\n\n\
         Errors are JSON with a stable pair of `error` and `error_description` (RFC 6749 s5.2), listed with each operation. Every answer has an \
         `X-Request-Id`: name it when you ask the bank. Machine endpoints return the one that you send, if it has 1 to 64 letters, digits, \
         `-`, `_` and `.`. Parameters are read once: none may be repeated, an empty one counts as absent (RFC 6749 s3.1).",
        brand.tpp_origin,
        brand.psu_origin,
        lifetimes(brand),
    )
}

/// What each scope gives, and for how long.
fn lifetimes(brand: &Brand) -> String {
    let rows = brand.scopes.iter().map(|policy| {
        let refresh = if policy.refresh_token { ", with a refresh token" } else { ", without a refresh token" };
        let own = policy
            .client_credentials_lifetime
            .map_or_else(String::new, |lifetime| format!(", by `client_credentials` {}", spoken(lifetime)));
        format!(
            "`{}`: access tokens live {}{refresh}{own}; the customer's consent lives {} from the last strong customer authentication.",
            policy.family.as_str(),
            spoken(policy.access_token_lifetime),
            spoken(policy.grant_lifetime)
        )
    });
    rows.collect::<Vec<_>>().join("\n\n")
}

fn built(site: &Site) -> &Value {
    site.document.get_or_init(|| serde_json::to_value(brand_document(&site.brand)).unwrap_or_default())
}

pub async fn document_of_site(State(site): State<Arc<Site>>) -> Response {
    respond::document(built(&site))
}

/// The same, to be read by people.
pub async fn page(State(site): State<Arc<Site>>) -> Response {
    let certificate_page = format!("/{}/{}/certificate", site.brand.id, site.brand.default_language.tag());
    let page = site.page(Lang::En);
    let html = Developers { site: page, document: built(&site), certificate_page: Some(&certificate_page) }.render();
    respond::page(StatusCode::OK, page, html)
}

static INTERNAL: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(internal_document()).unwrap_or_default());

pub async fn internal(State(_): State<Arc<InternalSite>>) -> Response {
    respond::document(&*INTERNAL)
}
