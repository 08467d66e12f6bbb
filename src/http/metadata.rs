//! What a TPP's software reads before its first request: RFC 8414 metadata and the key set.

use super::{respond, site::Site};
use crate::{
    flows,
    jose::JwsAlgorithm,
    oauth::{
        brand::{Brand, ClientAuth},
        client_metadata::{AuthMethod, GrantType},
        details::DetailsType,
    },
};
use axum::{extract::State, response::Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// RFC 8414 s2. Members that would be empty are left out.
#[derive(Serialize, ToSchema)]
pub struct ServerMetadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub registration_endpoint: String,
    pub revocation_endpoint: String,
    /// RFC 9126 s5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    /// RFC 9126 s5: of every client. Others may have registered it for themselves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    pub scopes_supported: Vec<&'static str>,
    /// RFC 9396 s10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<&'static str>,
    pub response_types_supported: [&'static str; 1],
    pub response_modes_supported: Vec<&'static str>,
    /// JARM s4: what the bank's key signs with now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signing_alg_values_supported: Option<[JwsAlgorithm; 1]>,
    /// RFC 9101 s10.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_parameter_supported: Option<bool>,
    /// Always false: only of pushed requests, which need no word of it (RFC 9126 s5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_uri_parameter_supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg_values_supported: Option<[JwsAlgorithm; 3]>,
    /// RFC 9101 s10.5: of every client. Others may have registered it for themselves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    pub grant_types_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// Where a method signs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub code_challenge_methods_supported: [&'static str; 1],
    pub ui_locales_supported: Vec<&'static str>,
    pub service_documentation: String,
    /// Not in RFC 8414: what is thought of the certificate with which it is asked, also of a refused one.
    pub certificate_endpoint: String,
    /// RFC 9207 s3.
    pub authorization_response_iss_parameter_supported: bool,
    /// RFC 8705 s3.3.
    pub tls_client_certificate_bound_access_tokens: bool,
    /// RFC 8705 s5: the same endpoints, said once more for clients that look here.
    pub mtls_endpoint_aliases: EndpointAliases,
    /// Not in RFC 8414: each channel's own pair of endpoints.
    pub channels: Vec<ChannelMetadata>,
}

#[derive(Serialize, ToSchema)]
pub struct EndpointAliases {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    pub token_endpoint: String,
    pub registration_endpoint: String,
    pub revocation_endpoint: String,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelMetadata {
    pub name: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
}

impl ServerMetadata {
    /// `signs`: what the bank's key signs with now, where the brand offers what is signed.
    pub fn of(brand: &Brand, has_keys: bool, signs: Option<JwsAlgorithm>) -> Self {
        let fapi2 = brand.profiles.offer_fapi2();
        let modes: &[_] = if signs.is_some() { &["query", "jwt", "query.jwt"] } else { &["query"] };
        let channels: Vec<_> = brand
            .channels
            .iter()
            .map(|channel| ChannelMetadata {
                name: channel.name.clone(),
                authorization_endpoint: format!(
                    "{}{}",
                    brand.psu_origin,
                    channel.authorize_path.replace("{lang}", brand.default_language.tag())
                ),
                token_endpoint: format!("{}{}", brand.tpp_origin, channel.token_path),
            })
            .collect();
        let first = channels.first().map(|c| (c.authorization_endpoint.clone(), c.token_endpoint.clone()));
        let (authorization_endpoint, token_endpoint) = first.unwrap_or_default();
        let registration_endpoint = format!("{}{}", brand.tpp_origin, brand.registration.path);
        let revocation_endpoint = format!("{}{}", brand.tpp_origin, brand.revocation_path);
        let push = fapi2.then(|| brand.pushed_request_endpoint());
        let registered = AuthMethod::ALL.into_iter().filter(|method| method.is_offered_by(brand)).map(AuthMethod::as_str);
        let methods: Vec<_> = match brand.client_auth {
            ClientAuth::Tls => registered.collect(),
            // those of FAPI 2.0 show no secret
            ClientAuth::TlsAndSecretBasic if fapi2 => ["client_secret_basic"].into_iter().chain(registered).collect(),
            ClientAuth::TlsAndSecretBasic => vec!["client_secret_basic"],
        };
        let algorithms: Vec<_> =
            if AuthMethod::PrivateKeyJwt.is_offered_by(brand) { JwsAlgorithm::ALL.map(JwsAlgorithm::name).into() } else { vec![] };
        Self {
            issuer: brand.issuer.clone(),
            authorization_endpoint,
            mtls_endpoint_aliases: EndpointAliases {
                pushed_authorization_request_endpoint: push.clone(),
                token_endpoint: token_endpoint.clone(),
                registration_endpoint: registration_endpoint.clone(),
                revocation_endpoint: revocation_endpoint.clone(),
            },
            token_endpoint,
            registration_endpoint,
            revocation_endpoint,
            pushed_authorization_request_endpoint: push,
            require_pushed_authorization_requests: brand.profiles.least.needs_pushed_requests(),
            jwks_uri: has_keys.then(|| format!("{}/{}/jwks", brand.psu_origin, brand.id)),
            scopes_supported: brand.offered_scopes().iter().map(|s| s.as_str()).collect(),
            authorization_details_types_supported: DetailsType::offered_by(brand).map(DetailsType::name).collect(),
            response_types_supported: ["code"],
            response_modes_supported: modes.to_vec(),
            authorization_signing_alg_values_supported: signs.map(|own| [own]),
            request_parameter_supported: fapi2.then_some(true),
            request_uri_parameter_supported: fapi2.then_some(false),
            request_object_signing_alg_values_supported: fapi2.then_some(JwsAlgorithm::ALL),
            require_signed_request_object: brand.signed_requests,
            grant_types_supported: GrantType::ALL.into_iter().filter(|g| g.is_offered_by(brand)).map(GrantType::as_str).collect(),
            token_endpoint_auth_methods_supported: methods.clone(),
            token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            revocation_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_signing_alg_values_supported: algorithms,
            code_challenge_methods_supported: ["S256"],
            ui_locales_supported: brand.languages.iter().map(|l| l.tag()).collect(),
            service_documentation: format!("{}/{}/developers", brand.psu_origin, brand.id),
            certificate_endpoint: format!("{}/{}/certificate", brand.tpp_origin, brand.id),
            authorization_response_iss_parameter_supported: true,
            tls_client_certificate_bound_access_tokens: brand.certificate_bound_access_tokens || brand.profiles.offer_fapi2(),
            channels,
        }
    }
}

/// RFC 8414 s3.
pub async fn metadata(State(site): State<Arc<Site>>) -> Response {
    let now = site.app.clock.now();
    let published = site.app.signing.published(now);
    let has_keys = published["keys"].as_array().is_some_and(|keys| !keys.is_empty());
    respond::document(&ServerMetadata::of(&site.brand, has_keys, flows::answer::signs(&site.app, &site.brand, now)))
}

/// RFC 7517 s5.
pub async fn jwks(State(site): State<Arc<Site>>) -> Response {
    respond::document(&site.app.signing.published(site.app.clock.now()))
}
