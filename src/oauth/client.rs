//! A registered client, and the one way to become an authenticated one.

use super::{
    assertion::{self, AssertionRefusal, Expected, KeysFault, Occasion},
    brand::{Brand, BrandId, ClientAuth},
    certificate_subject,
    client_metadata::{AuthMethod, ClientMetadata, GrantType},
    params::{self, Params},
    practice::Practice,
    presented::{Presented, Unjudged},
    profile::SecurityProfile,
    scope::Scope,
    secret::{Digest, Secret},
    tpp::{OrganisationId, Tpp},
};
use crate::jose::{self, JwsAlgorithm, KeySet, Signed};
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
    /// What the bank holds it to, over what it registered.
    pub held_to: Option<SecurityProfile>,
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
    /// HTTP Basic at a brand, or an assertion of a client, that authenticates by certificate alone.
    UnexpectedMethod,
    /// RFC 6749 s2.3: Basic and body name different clients, a secret stands in the body, or an assertion beside Basic.
    TwoMethods,
    Unknown,
    WrongSecret,
    /// The certificate belongs to another organisation than the client.
    OtherOrganisation,
    /// It is the client's organisation's, and does not say what the client registered of it.
    OtherSubject,
    /// No rule accepted the certificate, and the client is known by a QWAC.
    NotAccepted,
    /// The certificate's key is none of those that the client registered (RFC 8705 s2.2).
    OtherKey,
    /// Of a client that this certificate belongs to.
    Assertion(AssertionRefusal),
    /// It proved who it is, and the bank shuts it out.
    Blocked,
}

impl ClientRefusal {
    pub fn all() -> Vec<Self> {
        let own = [
            Self::IdMissing,
            Self::SecretMissing,
            Self::UnexpectedMethod,
            Self::TwoMethods,
            Self::Unknown,
            Self::WrongSecret,
            Self::OtherOrganisation,
            Self::OtherSubject,
            Self::NotAccepted,
            Self::OtherKey,
            Self::Blocked,
        ];
        own.into_iter().chain(AssertionRefusal::all().into_iter().map(Self::Assertion)).collect()
    }

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
            Self::OtherSubject => "other_subject",
            Self::NotAccepted => "certificate_not_accepted",
            Self::OtherKey => "other_key",
            Self::Assertion(refusal) => refusal.name(),
            Self::Blocked => "client_blocked",
        }
    }
}

impl From<KeysFault> for ClientRefusal {
    fn from(fault: KeysFault) -> Self {
        AssertionRefusal::Keys(fault).into()
    }
}

impl From<AssertionRefusal> for ClientRefusal {
    fn from(refusal: AssertionRefusal) -> Self {
        Self::Assertion(refusal)
    }
}

/// What the request claims, before anything was looked up.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// RFC 8705 s2: `client_id`, and the certificate.
    Certificate(ClientId),
    /// RFC 6749 s2.3.1, beside the certificate.
    Basic(ClientId, Secret),
    /// RFC 7523 s2.2, beside the certificate: whom it names, and the whole of it.
    Assertion(ClientId, Secret),
}

impl Credentials {
    /// `authorization` is the header's value, if there is one. A brand that takes no assertions does not look at them.
    pub fn read(brand: &Brand, authorization: Option<&str>, params: &Params) -> Result<Self, ClientRefusal> {
        if params.get("client_secret").is_some() {
            return Err(ClientRefusal::TwoMethods);
        }
        let asserts = params.get("client_assertion").or(params.get("client_assertion_type")).is_some();
        match (brand.client_auth, authorization) {
            (ClientAuth::Tls | ClientAuth::TlsAndSecretBasic, authorization)
                if asserts && AuthMethod::PrivateKeyJwt.is_offered_by(brand) =>
            {
                match authorization {
                    Some(_) => Err(ClientRefusal::TwoMethods),
                    None => read_assertion(params),
                }
            }
            (ClientAuth::Tls, Some(_)) => Err(ClientRefusal::UnexpectedMethod),
            (ClientAuth::Tls, None) => Ok(Self::Certificate(id(params.get("client_id").ok_or(ClientRefusal::IdMissing)?)?)),
            // those of FAPI 2.0 have none: whose request it is, is known later
            (ClientAuth::TlsAndSecretBasic, None) if brand.profiles.offer_fapi2() => {
                Ok(Self::Certificate(id(params.get("client_id").ok_or(ClientRefusal::SecretMissing)?)?))
            }
            (ClientAuth::TlsAndSecretBasic, None) => Err(ClientRefusal::SecretMissing),
            (ClientAuth::TlsAndSecretBasic, Some(header)) => {
                let (user, secret) = read_basic(header).ok_or(ClientRefusal::SecretMissing)?;
                if params.get("client_id").is_some_and(|sent| sent != user) {
                    return Err(ClientRefusal::TwoMethods);
                }
                Ok(Self::Basic(id(&user)?, secret))
            }
        }
    }

    pub const fn client_id(&self) -> ClientId {
        match self {
            Self::Certificate(id) | Self::Basic(id, _) | Self::Assertion(id, _) => *id,
        }
    }
}

fn id(text: &str) -> Result<ClientId, ClientRefusal> {
    ClientId::parse(text).ok_or(ClientRefusal::Unknown)
}

/// RFC 7521 s4.2: `client_id` may be left out, as the assertion names the client.
fn read_assertion(params: &Params) -> Result<Credentials, ClientRefusal> {
    if params.get("client_assertion_type") != Some(assertion::TYPE) {
        return Err(AssertionRefusal::Type.into());
    }
    let compact = params.get("client_assertion").ok_or(AssertionRefusal::Missing)?;
    let claims = jose::peek(compact).map_err(AssertionRefusal::from)?;
    let subject = claims.text("sub").ok_or(AssertionRefusal::Subject)?;
    if params.get("client_id").is_some_and(|sent| sent != subject) {
        return Err(AssertionRefusal::Subject.into());
    }
    Ok(Credentials::Assertion(id(subject)?, Secret::new(compact)))
}

/// RFC 7617, with RFC 6749 s2.3.1's form-encoding of both halves. The scheme's case does not matter.
fn read_basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    Some((params::decode(&decoded[..colon])?, Secret::new(params::decode(&decoded[colon + 1..])?)))
}

/// A client that proved who it is in this request: its credentials fit, and so does its certificate.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    holder: Holder,
}

/// Who holds the certificate.
#[derive(Clone, Debug)]
enum Holder {
    /// Its organisation, by a QWAC.
    Tpp(Arc<Tpp>),
    /// The client, by a key that it registered; and what it may be given without a QWAC.
    Client { thumbprint: [u8; 32], may_have: Scope },
}

impl AuthenticatedClient {
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn organisation(&self) -> &OrganisationId {
        match &self.holder {
            Holder::Tpp(tpp) => &tpp.organisation,
            Holder::Client { .. } => &self.client.organisation,
        }
    }

    /// SHA-256 over the certificate's DER (RFC 8705 s3.1).
    pub fn thumbprint(&self) -> &[u8; 32] {
        match &self.holder {
            Holder::Tpp(tpp) => &tpp.thumbprint,
            Holder::Client { thumbprint, .. } => thumbprint,
        }
    }

    /// What of it the certificate's roles allow today, or the bank's word in their place.
    pub fn may_have(&self, scope: &Scope) -> Scope {
        match &self.holder {
            Holder::Tpp(tpp) => scope.allowed_to(tpp),
            Holder::Client { may_have, .. } => scope.and(may_have),
        }
    }
}

/// A client whose certificate fits, and its secret where the brand has one.
pub enum Identified {
    Proven(Proof),
    /// Its assertion is still to be verified.
    Asserting(Asserting),
    /// Its certificate's key is still to be found among those that it registered.
    SelfSigned(SelfSigned),
}

/// By an accepted QWAC or by a registered key, never by one where the client is known by the other.
pub fn identify(
    client: Option<Arc<Client>>,
    credentials: &Credentials,
    brand: &Brand,
    presented: &Presented,
) -> Result<Identified, ClientRefusal> {
    let client = client.ok_or(ClientRefusal::Unknown)?;
    match (client.metadata.token_endpoint_auth_method, presented) {
        (AuthMethod::TlsClientAuth | AuthMethod::PrivateKeyJwt, Presented::Qwac(tpp)) => {
            identify_tpp(client, credentials, brand, tpp.clone())
        }
        (AuthMethod::TlsClientAuth | AuthMethod::PrivateKeyJwt, Presented::Unjudged(_)) => Err(ClientRefusal::NotAccepted),
        (AuthMethod::SelfSignedTlsClientAuth, Presented::Qwac(_)) => Err(ClientRefusal::OtherOrganisation),
        (AuthMethod::SelfSignedTlsClientAuth, Presented::Unjudged(certificate)) => match credentials {
            Credentials::Certificate(_) => Ok(Identified::SelfSigned(SelfSigned { client, certificate: *certificate })),
            Credentials::Basic(..) | Credentials::Assertion(..) => Err(ClientRefusal::UnexpectedMethod),
        },
    }
}

/// Any valid QWAC of the client's organisation authenticates it; certificates are not pinned, nor subjects, unless the client wants that.
fn identify_tpp(client: Arc<Client>, presented: &Credentials, brand: &Brand, tpp: Arc<Tpp>) -> Result<Identified, ClientRefusal> {
    let has_secret = brand.has_secret(&client.metadata, client.held_to);
    if let Credentials::Basic(_, secret) = presented
        && has_secret
    {
        let digest = secret.digest();
        if !client.secrets.iter().fold(false, |found, stored| stored.matches(&digest) | found) {
            return Err(ClientRefusal::WrongSecret);
        }
    }
    if client.organisation != tpp.organisation {
        return Err(ClientRefusal::OtherOrganisation);
    }
    if !certificate_subject::fits(&client.metadata, &tpp) {
        return Err(ClientRefusal::OtherSubject);
    }
    let method = client.metadata.token_endpoint_auth_method;
    let certified = AuthenticatedClient { client, holder: Holder::Tpp(tpp) };
    match (method, presented) {
        (AuthMethod::TlsClientAuth, Credentials::Certificate(_)) if has_secret => Err(ClientRefusal::SecretMissing),
        (AuthMethod::TlsClientAuth, Credentials::Basic(..)) if !has_secret => Err(ClientRefusal::UnexpectedMethod),
        (AuthMethod::TlsClientAuth, Credentials::Certificate(_) | Credentials::Basic(..)) => {
            Ok(Identified::Proven(Proof { client: certified, occasion: None }))
        }
        (AuthMethod::PrivateKeyJwt, Credentials::Assertion(_, assertion)) => {
            Ok(Identified::Asserting(Asserting { certified, assertion: assertion.clone() }))
        }
        (AuthMethod::TlsClientAuth, Credentials::Assertion(..)) => Err(ClientRefusal::UnexpectedMethod),
        (AuthMethod::PrivateKeyJwt, Credentials::Certificate(_) | Credentials::Basic(..)) => Err(AssertionRefusal::Missing.into()),
        // its organisation is none that a QWAC says
        (AuthMethod::SelfSignedTlsClientAuth, _) => Err(ClientRefusal::OtherOrganisation),
    }
}

/// A client that registers its keys, and a certificate whose key may be one of them.
pub struct SelfSigned {
    client: Arc<Client>,
    certificate: Unjudged,
}

impl SelfSigned {
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// RFC 8705 s2.2: the certificate "matches one of the certificates configured or registered for that particular client". What
    /// matches is left open; here it is the SubjectPublicKeyInfo, since the key is all that the handshake proves. The rest of such a
    /// certificate is its holder's own word: no name, date or signature in it is looked at, and a new one of the same key works.
    ///
    /// `registered`: SHA-256 over the SubjectPublicKeyInfo of each registered certificate (`x5c`, RFC 7517 s4.7).
    pub fn prove(&self, registered: &[[u8; 32]], brand: &Brand) -> Result<Proof, ClientRefusal> {
        if !registered.contains(&self.certificate.key) {
            return Err(ClientRefusal::OtherKey);
        }
        let holder = Holder::Client { thumbprint: self.certificate.thumbprint, may_have: brand.self_signed_scopes.clone() };
        Ok(Proof { client: AuthenticatedClient { client: self.client.clone(), holder }, occasion: None })
    }
}

/// A client with the right certificate and an assertion that anybody may have signed.
pub struct Asserting {
    certified: AuthenticatedClient,
    assertion: Secret,
}

impl Asserting {
    pub fn client(&self) -> &Client {
        &self.certified.client
    }

    /// With keys of the client's.
    pub fn verify(&self, keys: &KeySet) -> Result<Signed, AssertionRefusal> {
        Ok(jose::verify(self.assertion.reveal(), keys, &JwsAlgorithm::ALL)?)
    }

    /// `signed`: what [`Self::verify`] gave.
    pub fn judge(self, signed: &Signed, brand: &Brand, now: OffsetDateTime) -> Result<Proof, AssertionRefusal> {
        let occasion = assertion::judge(signed, &Expected::of(self.client(), brand), now)?;
        Ok(Proof { client: self.certified, occasion: Some(occasion) })
    }
}

/// A client that proved who it is, unless its assertion was used before.
pub struct Proof {
    client: AuthenticatedClient,
    occasion: Option<Occasion>,
}

impl Proof {
    pub fn client(&self) -> &Client {
        self.client.client()
    }

    pub fn shared_client(&self) -> Arc<Client> {
        self.client.client.clone()
    }

    /// By which certificate, where no rule on certificates and their holders was asked yet.
    pub fn self_signed(&self) -> Option<&[u8; 32]> {
        match &self.client.holder {
            Holder::Tpp(_) => None,
            Holder::Client { thumbprint, .. } => Some(thumbprint),
        }
    }

    /// A client without a QWAC may have no more than this.
    pub fn within(mut self, scope: &Scope) -> Self {
        if let Holder::Client { may_have, .. } = &mut self.client.holder {
            *may_have = may_have.and(scope);
        }
        self
    }

    /// What may be used once; `None` where nothing was asserted.
    pub const fn occasion(&self) -> Option<&Occasion> {
        self.occasion.as_ref()
    }

    /// How it did so.
    pub fn practices(&self, presented: &Credentials) -> impl Iterator<Item = Practice> + use<> {
        let asserted = self.occasion.map(|occasion| {
            let meant_for = if occasion.for_issuer { Practice::AssertedToIssuer } else { Practice::AssertedToOther };
            [meant_for, Practice::signed(occasion.algorithm)]
        });
        let by = match presented {
            Credentials::Certificate(_) => Practice::ByCertificate,
            Credentials::Basic(..) => Practice::BySecret,
            Credentials::Assertion(..) => Practice::ByAssertion,
        };
        [by].into_iter().chain(asserted.into_iter().flatten())
    }

    /// `first`: its occasion, if there is one, was not used before.
    pub fn admit(self, first: bool) -> Result<AuthenticatedClient, ClientRefusal> {
        if first || self.occasion.is_none() { Ok(self.client) } else { Err(AssertionRefusal::Replayed.into()) }
    }
}
