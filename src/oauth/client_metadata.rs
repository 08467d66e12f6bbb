//! What is registered of a client (RFC 7591 s2).

use super::{brand::Brand, certificate_subject, message_signing::MessageSigning, profile::SecurityProfile};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
}

impl GrantType {
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == text)
    }

    pub fn is_offered_by(self, brand: &Brand) -> bool {
        match self {
            Self::AuthorizationCode => true,
            Self::RefreshToken => brand.scopes.iter().any(|s| s.refresh_token),
            Self::ClientCredentials => brand.scopes.iter().any(|s| s.client_credentials_lifetime.is_some()),
        }
    }
}

/// RFC 7591 s2 `token_endpoint_auth_method`: how the client says who it is, beside what its brand asks of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// RFC 8705 s2.1: its organisation's QWAC alone.
    TlsClientAuth,
    /// OpenID Connect Core s9: an assertion that it signs (RFC 7523), beside the QWAC.
    PrivateKeyJwt,
}

impl AuthMethod {
    pub const ALL: [Self; 2] = [Self::TlsClientAuth, Self::PrivateKeyJwt];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsClientAuth => "tls_client_auth",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    pub const fn signs(self) -> bool {
        match self {
            Self::TlsClientAuth => false,
            Self::PrivateKeyJwt => true,
        }
    }

    pub const fn is_offered_by(self, brand: &Brand) -> bool {
        match self {
            Self::TlsClientAuth => true,
            Self::PrivateKeyJwt => brand.profiles.offer_fapi2(),
        }
    }
}

/// All that is registered of a client, as stored and as answered (RFC 7591 s3.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientMetadata {
    pub redirect_uris: Vec<String>,
    #[schema(value_type = String, example = "tls_client_auth")]
    pub token_endpoint_auth_method: AuthMethod,
    /// Of a client that signs its assertions: with this algorithm alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "PS256")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    pub grant_types: Vec<GrantType>,
    pub response_types: Vec<String>,
    pub client_name: String,
    /// What the certificate's roles allow of the scope asked for.
    #[schema(example = "aisp extended_transaction_history")]
    pub scope: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// An agent that acts in the organisation's name (PSD2 art. 19), as its customers know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// RFC 7517 key set; every key has a `kid`: the one that the bank assigned or, of a client that signs, its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The organizationIdentifier of the QWAC.
    #[schema(example = "PSDFR-ACPR-12345")]
    pub provider_legal_id: String,
    /// The subject of the QWAC that registered or last updated the client (RFC 4514), or what the client registered in its place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tls_client_auth_subject_dn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    /// Not in RFC 8705: a client that chose FAPI 2.0 registered the subject itself, so its certificate must say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub certificate_subject_must_match: bool,
    /// RFC 9126 s6: its authorization requests come pushed, or not at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// Not in RFC 7591: the rules that the client chose to be held to, where the brand leaves a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<SecurityProfile>,
    #[serde(flatten)]
    pub signing: MessageSigning,
    /// RFC 9396 s10: it asks with these types only; empty: with any that the brand offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// `client_name#fr` and the like.
    #[serde(flatten)]
    #[schema(ignore)]
    pub localized: BTreeMap<String, String>,
}

impl ClientMetadata {
    /// Which of RFC 8705's members it has, and what that says.
    pub fn certificate_subject(&self) -> Option<(&'static str, &str)> {
        let values = [
            Some(self.tls_client_auth_subject_dn.as_str()).filter(|name| !name.is_empty()),
            self.tls_client_auth_san_dns.as_deref(),
            self.tls_client_auth_san_uri.as_deref(),
            self.tls_client_auth_san_ip.as_deref(),
            self.tls_client_auth_san_email.as_deref(),
        ];
        certificate_subject::FIELDS.into_iter().zip(values).find_map(|(field, value)| Some((field, value?)))
    }

    /// The certificates (`x5c`, RFC 7517 s4.7) of the registered keys, leaf first, each with the member it stands in.
    pub fn key_certificates(&self) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
        let keys = self.jwks.as_ref().and_then(|set| set["keys"].as_array()).into_iter().flatten().enumerate();
        keys.filter_map(|(i, key)| Some((format!("jwks.keys[{i}].x5c"), STANDARD.decode(key["x5c"][0].as_str()?).ok()?)))
    }

    /// RFC 7591 s2.2: the name in the customer's language, or the plain one.
    pub fn name_in(&self, lang: &str) -> &str {
        self.localized
            .iter()
            .find_map(|(key, name)| {
                let tag = key.strip_prefix("client_name#")?;
                tag.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(lang)).then_some(name.as_str())
            })
            .unwrap_or(&self.client_name)
    }

    /// The same request again has the same digest: a retried registration finds its client by it.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }
}
