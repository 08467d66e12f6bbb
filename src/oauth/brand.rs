//! A brand: one bank as TPPs and customers see it. All that differs between banks is a value in here, read from TOML.

pub use super::language::Lang;

use super::{
    access_jwt::AccessTokenForm,
    channel::Channel,
    client::Client,
    client_metadata::AuthMethod,
    profile::Profiles,
    scope::{Scope, ScopeToken},
    software_statement::StatementPolicy,
    theme::Theme,
};
use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};
use time::Duration;

/// Key of a brand in the configuration and in every row. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrandId(Arc<str>);

impl BrandId {
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For whoever keeps it, without copying it.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl fmt::Debug for BrandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BrandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a client proves who it is at token, revocation and the like. Mutual TLS with a QWAC is always part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// The certificate and `client_id` in the body (RFC 8705 s2.1).
    Tls,
    /// The certificate and `Authorization: Basic client_id:client_secret` (RFC 6749 s2.3.1).
    TlsAndSecretBasic,
}

/// What the brand does with RFC 7591/7592 requests.
#[derive(Clone, Debug)]
pub struct RegistrationPolicy {
    /// `POST` here; management at `{path}/{client_id}`.
    pub path: String,
    /// RFC 7592 s2.2 is offered; otherwise PUT is 405.
    pub update: bool,
    /// PUT may leave `client_id` out, against RFC 7592 s2.2.
    pub update_without_client_id: bool,
    pub max_redirect_uris: usize,
    /// An identical registration of the same organisation within this time answers with the same client.
    pub retry_window: Duration,
}

/// What a family of scopes gives, and for how long.
#[derive(Clone, Debug)]
pub struct ScopePolicy {
    /// `aisp`, `cbpii` or `pisp`.
    pub family: ScopeToken,
    pub access_token_lifetime: Duration,
    /// A refresh token comes with the code exchange.
    pub refresh_token: bool,
    /// Each refresh hands out the refresh token's successor, whose first use ends it.
    pub refresh_token_rotation: bool,
    /// How long after the last SCA the grant, and everything under it, lives (RTS art. 10a: 180 days for aisp).
    pub grant_lifetime: Duration,
    /// Access tokens by client_credentials, and for how long.
    pub client_credentials_lifetime: Option<Duration>,
    pub accounts: AccountChoice,
    /// Of pisp: an authorization request must name a lodged payment. Without one the customer would approve nobody knows what.
    pub payment_required: bool,
    /// Of pisp: how long a lodged payment waits for its customer.
    pub payment_request_lifetime: Duration,
    /// Of pisp: approving a cancellation gives a code like an initiation; otherwise the answer has `state` alone.
    pub cancellation_token: bool,
}

/// How `scope` on a code exchange is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeScope {
    /// May be absent; when sent, must be within what was granted.
    Optional,
    /// Must be sent and equal what was asked for.
    MustMatch,
}

/// Who authenticates the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PsuAuthentication {
    /// Scripted customers on our own pages. Only for a sandbox.
    Simulator,
    /// The bank's SCA system, asked by us, on our own pages.
    Driver,
    /// The bank's own pages: the browser is handed over, and the portal's back end reports how it ended.
    Portal {
        /// https; the ticket is appended as `interaction`.
        url: String,
    },
    /// Nobody: each journey ends with a technical failure at the TPP.
    None,
}

/// Which of the customer's accounts a consent is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChoice {
    /// As the bank's rule says; nothing is asked.
    None,
    /// The customer chooses one.
    One,
    /// The customer chooses at least one.
    Some,
}

/// One bank, complete and checked: `config` builds it and reports every contradiction at once.
#[derive(Clone, Debug)]
pub struct Brand {
    pub id: BrandId,
    pub display_name: String,
    /// RFC 8414 s2 issuer: https, no query, no fragment.
    pub issuer: String,
    pub sandbox: bool,
    /// `https://host[:port]` of the machine endpoints (mutual TLS).
    pub tpp_origin: String,
    /// `https://host[:port]` of authorize and pages.
    pub psu_origin: String,
    pub channels: Vec<Channel>,
    pub revocation_path: String,
    pub registration: RegistrationPolicy,
    /// RFC 7591 s2.3.
    pub statements: StatementPolicy,
    pub client_auth: ClientAuth,
    pub scopes: Vec<ScopePolicy>,
    pub exchange_scope: ExchangeScope,
    pub profiles: Profiles,
    /// What clients without a QWAC may be given, whom the bank registers itself (RFC 8705 s2.2). Empty: there are none.
    pub self_signed_scopes: Scope,
    /// Every authorization request must be a signed request object (RFC 9101 s10.5).
    pub signed_requests: bool,
    /// RFC 9126 s2.2 `expires_in`: from the push to the customer's browser. Below 600 s (FAPI 2.0 s5.3.2.2-12).
    pub pushed_request_lifetime: Duration,
    /// Every authorization request must carry an S256 challenge.
    pub pkce_required: bool,
    /// RFC 8705 s3: access tokens carry `cnf` and work only with the certificate they were issued to.
    pub certificate_bound_access_tokens: bool,
    pub access_tokens: AccessTokenForm,
    /// At most 60 s.
    pub code_lifetime: Duration,
    /// How long a journey may take from authorize to the answer.
    pub interaction_lifetime: Duration,
    /// Inactivity that ends the customer's session on our pages (RTS art. 4(3)(d): at most 5 minutes).
    pub psu_session: Duration,
    /// How long a gateway may use what introspection said without asking again, at most 60 s: so late it may learn of a revocation.
    /// Zero: not at all.
    pub introspection_cache: Duration,
    /// The AISP page asks for an explicit "allow"; otherwise it informs.
    pub explicit_consent: bool,
    pub languages: BTreeSet<Lang>,
    pub default_language: Lang,
    pub psu_authentication: PsuAuthentication,
    pub theme: Theme,
}

impl Brand {
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.name == name)
    }

    /// The policy of the family that `scope` is about.
    pub fn policy(&self, scope: &Scope) -> Option<&ScopePolicy> {
        let family = scope.family()?;
        self.scopes.iter().find(|p| p.family == family)
    }

    /// How long its access tokens live, whatever gave them.
    pub fn access_token_lifetimes(&self) -> impl Iterator<Item = Duration> {
        self.scopes.iter().flat_map(|policy| [Some(policy.access_token_lifetime), policy.client_credentials_lifetime]).flatten()
    }

    /// Every scope token this brand knows.
    pub fn offered_scopes(&self) -> Scope {
        let families: Scope = self.scopes.iter().map(|p| p.family).collect();
        if families.contains(ScopeToken::Aisp) { families.with(ScopeToken::ExtendedTransactionHistory) } else { families }
    }

    /// Clients may be known by keys that they registered, in place of a QWAC.
    pub fn takes_self_signed(&self) -> bool {
        !self.self_signed_scopes.is_empty()
    }

    /// What a client may ask for: what is registered of it, and without a QWAC no more than the bank gives to such clients today.
    pub fn scope_of<'c>(&self, client: &'c Client) -> Cow<'c, Scope> {
        match client.metadata.token_endpoint_auth_method {
            AuthMethod::TlsClientAuth | AuthMethod::PrivateKeyJwt => Cow::Borrowed(&client.scope),
            AuthMethod::SelfSignedTlsClientAuth => Cow::Owned(client.scope.and(&self.self_signed_scopes)),
        }
    }

    /// RFC 8414 s3.1: the well-known part goes before the issuer's path.
    pub fn metadata_path(&self) -> String {
        let rest = self.issuer.strip_prefix("https://").unwrap_or(&self.issuer);
        let path = rest.find('/').map_or("", |i| rest[i..].trim_end_matches('/'));
        format!("/.well-known/oauth-authorization-server{path}")
    }

    /// RFC 9126 s5.
    pub fn pushed_request_endpoint(&self) -> String {
        format!("{}/{}/par", self.tpp_origin, self.id)
    }

    /// As whom a client may address this server in what it signs (RFC 7523 s3, RFC 9126 s2).
    pub fn audiences(&self) -> Vec<String> {
        let tokens = self.channels.iter().map(|channel| format!("{}{}", self.tpp_origin, channel.token_path));
        let others = [self.issuer.clone(), self.pushed_request_endpoint(), format!("{}{}", self.tpp_origin, self.revocation_path)];
        others.into_iter().chain(tokens).collect()
    }

    pub fn registration_client_uri(&self, client_id: &str) -> String {
        format!("{}{}/{client_id}", self.tpp_origin, self.registration.path)
    }
}
