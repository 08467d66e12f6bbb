//! A registered client, and the one way to become an authenticated one.

use super::{
    brand::{Brand, BrandId, ClientAuth},
    client_metadata::{ClientMetadata, GrantType},
    params::{self, Params},
    scope::Scope,
    secret::{Digest, Secret},
    tpp::{OrganisationId, Tpp},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use time::OffsetDateTime;
use uuid::Uuid;

/// RFC 7591 s3.2.1 `client_id`: opaque to TPPs, a UUID here. Never equal to a customer's reference, which has a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub Uuid);

impl ClientId {
    /// Only the hyphenated lower-case form that was given out.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[derive(Clone, Debug)]
pub struct Client {
    pub id: ClientId,
    pub brand: BrandId,
    pub organisation: OrganisationId,
    pub legal_name: String,
    pub metadata: ClientMetadata,
    pub scope: Scope,
    /// Live client secrets, newest first. Two only after a retried registration.
    pub secrets: Vec<Digest>,
    /// Live registration access tokens, newest first.
    pub registration_tokens: Vec<Digest>,
    pub issued_at: OffsetDateTime,
    /// Rises with each change; a write that relied on an older one does nothing.
    pub revision: i64,
}

impl Client {
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }
}

/// Why no client stands behind a request. All are `invalid_client`, none tells whether the client exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRefusal {
    /// RFC 8705 s2: `client_id` must be in the request.
    IdMissing,
    /// The brand asks for HTTP Basic and there was none, or it could not be read.
    SecretMissing,
    /// HTTP Basic at a brand that authenticates by certificate alone.
    UnexpectedMethod,
    /// RFC 6749 s2.3: Basic and body name different clients, or a secret stands in the body.
    TwoMethods,
    Unknown,
    WrongSecret,
    /// The certificate belongs to another organisation than the client.
    OtherOrganisation,
    /// It proved who it is, and the bank shuts it out.
    Blocked,
}

impl ClientRefusal {
    pub const ALL: [Self; 8] = [
        Self::IdMissing,
        Self::SecretMissing,
        Self::UnexpectedMethod,
        Self::TwoMethods,
        Self::Unknown,
        Self::WrongSecret,
        Self::OtherOrganisation,
        Self::Blocked,
    ];

    /// The stable name in the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdMissing => "client_id_missing",
            Self::SecretMissing => "secret_missing",
            Self::UnexpectedMethod => "unexpected_method",
            Self::TwoMethods => "two_methods",
            Self::Unknown => "unknown_client",
            Self::WrongSecret => "wrong_secret",
            Self::OtherOrganisation => "other_organisation",
            Self::Blocked => "client_blocked",
        }
    }
}

/// What the request claims, before anything was looked up.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub client_id: ClientId,
    secret: Option<Secret>,
}

impl Credentials {
    /// `authorization` is the header's value, if there is one.
    pub fn read(brand: &Brand, authorization: Option<&str>, params: &Params) -> Result<Self, ClientRefusal> {
        let id = |text: &str| ClientId::parse(text).ok_or(ClientRefusal::Unknown);
        if params.get("client_secret").is_some() {
            return Err(ClientRefusal::TwoMethods);
        }
        match (brand.client_auth, authorization) {
            (ClientAuth::Tls, Some(_)) => Err(ClientRefusal::UnexpectedMethod),
            (ClientAuth::Tls, None) => Ok(Self { client_id: id(params.get("client_id").ok_or(ClientRefusal::IdMissing)?)?, secret: None }),
            (ClientAuth::TlsAndSecretBasic, None) => Err(ClientRefusal::SecretMissing),
            (ClientAuth::TlsAndSecretBasic, Some(header)) => {
                let (user, secret) = read_basic(header).ok_or(ClientRefusal::SecretMissing)?;
                if params.get("client_id").is_some_and(|sent| sent != user) {
                    return Err(ClientRefusal::TwoMethods);
                }
                Ok(Self { client_id: id(&user)?, secret: Some(secret) })
            }
        }
    }
}

/// RFC 7617, with RFC 6749 s2.3.1's form-encoding of both halves. The scheme's case does not matter.
fn read_basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    Some((params::decode(&decoded[..colon])?, Secret::new(params::decode(&decoded[colon + 1..])?)))
}

/// A client that proved who it is in this request: its credentials fit and its QWAC is its organisation's.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    tpp: Arc<Tpp>,
}

impl AuthenticatedClient {
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn tpp(&self) -> &Tpp {
        &self.tpp
    }
}

/// Any valid QWAC of the client's organisation authenticates it; certificates are not pinned.
pub fn authenticate(client: Option<Arc<Client>>, presented: &Credentials, tpp: Arc<Tpp>) -> Result<AuthenticatedClient, ClientRefusal> {
    let client = client.ok_or(ClientRefusal::Unknown)?;
    if let Some(secret) = &presented.secret {
        let digest = secret.digest();
        if !client.secrets.iter().fold(false, |found, stored| stored.matches(&digest) | found) {
            return Err(ClientRefusal::WrongSecret);
        }
    }
    if client.organisation != tpp.organisation {
        return Err(ClientRefusal::OtherOrganisation);
    }
    Ok(AuthenticatedClient { client, tpp })
}
