//! The authorization request (RFC 6749 s4.1.1, RFC 7636, RFC 9207): first whom we may answer, then what is asked.

use super::{
    brand::Brand,
    client::Client,
    params::Params,
    registration::GrantType,
    scope::{Scope, ScopeRefusal},
    secret::Secret,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

/// Longer states are refused, and still echoed.
pub const LONGEST_STATE: usize = 4096;

/// Why nobody may be redirected: the customer sees a page instead (RFC 6749 s4.1.2.1, RFC 9700 s4.11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRedirect {
    UnknownClient,
    /// `client_id` or `redirect_uri` sent twice.
    Ambiguous,
    /// Absent though several are registered.
    RedirectUriMissing,
    RedirectUriUnknown,
}

/// A redirect URI that the client registered: an answer can only go there, and no redirect exists without it.
#[derive(Clone, Debug)]
pub struct TrustedRedirect {
    uri: String,
    state: Option<String>,
    issuer: String,
}

impl TrustedRedirect {
    pub fn resolve(client: Option<&Client>, params: &Params, brand: &Brand) -> Result<Self, NoRedirect> {
        if ["client_id", "redirect_uri"].into_iter().any(|name| params.is_repeated(name)) {
            return Err(NoRedirect::Ambiguous);
        }
        let client = client.ok_or(NoRedirect::UnknownClient)?;
        let registered = &client.metadata.redirect_uris;
        let uri = match (params.get("redirect_uri"), registered.as_slice()) {
            (Some(asked), _) if registered.iter().any(|known| same_redirect(known, asked)) => asked,
            (Some(_), _) => return Err(NoRedirect::RedirectUriUnknown),
            (None, [only]) => only,
            (None, _) => return Err(NoRedirect::RedirectUriMissing),
        };
        // RFC 9700 s2.6: however it came to be registered
        if !is_protected(uri) {
            return Err(NoRedirect::RedirectUriUnknown);
        }
        // a state that was sent twice is no state
        let state = params.get("state").filter(|_| !params.is_repeated("state"));
        Ok(Self::stored(uri.to_owned(), state.map(str::to_owned), brand))
    }

    /// One that was resolved before and kept with the interaction.
    pub fn stored(uri: String, state: Option<String>, brand: &Brand) -> Self {
        Self { uri, state, issuer: brand.issuer.clone() }
    }

    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// RFC 6749 s4.1.2.
    pub fn approve(&self, code: &Secret) -> String {
        self.with(&[("code", code.reveal())])
    }

    /// RFC 6749 s4.1.2.1. `error` may be a bank's own code.
    pub fn refuse(&self, error: &str, description: &str) -> String {
        self.with(&[("error", error), ("error_description", description)])
    }

    /// RFC 6749 s3.1.2: the URI's own query is retained; `iss` is in every answer (RFC 9207 s2).
    fn with(&self, answer: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in answer {
            query.append_pair(name, value);
        }
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let separator = match self.uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.uri, query.finish())
    }
}

/// RFC 9700 s2.1: compared as exact strings; only the port of a loopback URI may differ (RFC 8252 s7.3).
fn same_redirect(registered: &str, asked: &str) -> bool {
    registered == asked || without_loopback_port(registered).is_some_and(|r| without_loopback_port(asked).is_some_and(|a| r == a))
}

fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    for host in ["http://127.0.0.1", "http://[::1]"] {
        if let Some(rest) = uri.strip_prefix(host) {
            let Some(port_on) = rest.strip_prefix(':') else {
                return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
            };
            let digits = port_on.bytes().take_while(u8::is_ascii_digit).count();
            let tail = &port_on[digits..];
            return (tail.is_empty() || tail.starts_with(['/', '?'])).then_some((host, tail));
        }
    }
    None
}

/// An answer over plain `http` could be read on its way, except on the customer's own machine.
fn is_protected(uri: &str) -> bool {
    uri.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) || without_loopback_port(uri).is_some()
}

/// May this URI be registered at all: https, or http on a loopback address (RFC 9700 s2.6, RFC 8252 s7.3).
pub fn registrable_redirect(uri: &str) -> Result<(), &'static str> {
    if uri.len() > 2000 {
        return Err("longer than 2000 characters");
    }
    // RFC 3986 s2: none of these is in a URI, and browsers read a backslash as a slash
    if !uri.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)) {
        return Err("not an ASCII URI");
    }
    let url = Url::parse(uri).map_err(|_| "not an absolute URI")?;
    if uri.contains('#') {
        return Err("has a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has user information");
    }
    match url.scheme() {
        "https" if is_protected(uri) && url.host_str().is_some_and(|h| !h.contains('*')) => Ok(()),
        "http" if is_protected(uri) => Ok(()),
        _ => Err("must be https"),
    }
}

/// RFC 7636 s4.2, S256 only: base64url of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        (text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()? == 32).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// RFC 7636 s4.6.
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.0.reveal()));
        computed.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

/// RFC 7636 s4.1: 43 to 128 unreserved characters.
#[derive(Clone, Debug)]
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        ((43..=128).contains(&text.len()) && text.bytes().all(unreserved)).then(|| Self(Secret::new(text)))
    }
}

/// What the TPP is told at its redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizeRefusal {
    Repeated(String),
    ResponseTypeMissing,
    ResponseTypeUnsupported,
    ResponseModeUnsupported,
    RequestObject,
    RequestUri,
    StateTooLong,
    GrantTypeNotRegistered,
    ScopeMissing,
    ScopeUnknown,
    ScopeMixed,
    ExtendedHistoryAlone,
    ScopeNotRegistered,
    ChallengeMissing,
    ChallengeMethod,
    ChallengeMalformed,
}

impl AuthorizeRefusal {
    /// Every reason, in the order of the checks; `repeated` is a parameter that was sent twice.
    pub fn all(repeated: &str) -> [Self; 16] {
        [
            Self::Repeated(repeated.to_owned()),
            Self::RequestObject,
            Self::RequestUri,
            Self::ResponseTypeUnsupported,
            Self::ResponseTypeMissing,
            Self::ResponseModeUnsupported,
            Self::StateTooLong,
            Self::GrantTypeNotRegistered,
            Self::ScopeMissing,
            Self::ScopeUnknown,
            Self::ScopeMixed,
            Self::ExtendedHistoryAlone,
            Self::ScopeNotRegistered,
            Self::ChallengeMissing,
            Self::ChallengeMethod,
            Self::ChallengeMalformed,
        ]
    }
}

/// A valid request, in the shape that a pushed one (RFC 9126) will have, too.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    pub scope: Scope,
    pub challenge: Option<CodeChallenge>,
    /// The client named its redirect URI, so the token request must repeat it (RFC 6749 s4.1.3).
    pub redirect_uri_sent: bool,
}

impl AuthorizationRequest {
    /// Judged against what the client registered; the certificate's roles are judged again at the token endpoint.
    pub fn parse(params: &Params, client: &Client, brand: &Brand) -> Result<Self, AuthorizeRefusal> {
        if let Some(name) = params.repeated() {
            return Err(AuthorizeRefusal::Repeated(name.to_owned()));
        }
        if params.get("request").is_some() {
            return Err(AuthorizeRefusal::RequestObject);
        }
        if params.get("request_uri").is_some() {
            return Err(AuthorizeRefusal::RequestUri);
        }
        match params.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(AuthorizeRefusal::ResponseTypeUnsupported),
            None => return Err(AuthorizeRefusal::ResponseTypeMissing),
        }
        if params.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(AuthorizeRefusal::ResponseModeUnsupported);
        }
        if params.get("state").is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(AuthorizeRefusal::StateTooLong);
        }
        if !client.may_use(GrantType::AuthorizationCode) {
            return Err(AuthorizeRefusal::GrantTypeNotRegistered);
        }
        Ok(Self {
            scope: read_scope(params, client, brand)?,
            challenge: read_challenge(params, brand)?,
            redirect_uri_sent: params.get("redirect_uri").is_some(),
        })
    }
}

fn read_scope(params: &Params, client: &Client, brand: &Brand) -> Result<Scope, AuthorizeRefusal> {
    let asked = params.get("scope").ok_or(AuthorizeRefusal::ScopeMissing)?;
    let scope = Scope::parse(asked).and_then(Scope::for_one_consent).map_err(|refusal| match refusal {
        ScopeRefusal::Unknown => AuthorizeRefusal::ScopeUnknown,
        ScopeRefusal::Mixed => AuthorizeRefusal::ScopeMixed,
        ScopeRefusal::ExtendedAlone => AuthorizeRefusal::ExtendedHistoryAlone,
    })?;
    if brand.policy(&scope).is_none() {
        return Err(AuthorizeRefusal::ScopeUnknown);
    }
    if !scope.is_within(&client.scope) {
        return Err(AuthorizeRefusal::ScopeNotRegistered);
    }
    Ok(scope)
}

fn read_challenge(params: &Params, brand: &Brand) -> Result<Option<CodeChallenge>, AuthorizeRefusal> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, _) if brand.pkce_required => Err(AuthorizeRefusal::ChallengeMissing),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(AuthorizeRefusal::ChallengeMissing),
        // RFC 7636 s4.3: no method means plain, which is not offered
        (Some(_), method) if method != Some("S256") => Err(AuthorizeRefusal::ChallengeMethod),
        (Some(challenge), _) => CodeChallenge::parse(challenge).map(Some).ok_or(AuthorizeRefusal::ChallengeMalformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_may_be_registered() {
        for (uri, ok) in [
            ("https://tpp.example/cb", true),
            ("https://tpp.example/cb?a=b", true),
            ("http://127.0.0.1:8080/cb", true),
            ("http://[::1]/cb", true),
            ("http://127.0.0.1.evil.example/cb", false),
            ("http://127.0.0.1:80@evil.example/cb", false),
            ("http://tpp.example/cb", false),
            ("http://localhost/cb", false),
            ("https://tpp.example/cb#f", false),
            ("https://u:p@tpp.example/cb", false),
            ("https://*.example/cb", false),
            ("javascript:alert(1)", false),
            ("/cb", false),
            ("https://tpp.example/c b", false),
            ("https:tpp.example/cb", false),
            ("https:/tpp.example/cb", false),
            ("https://tpp.example\\@evil.example/cb", false),
            ("https://tpp.example/\"><b>", false),
        ] {
            assert_eq!(registrable_redirect(uri).is_ok(), ok, "{uri}");
        }
    }

    #[test]
    fn a01_only_the_port_of_a_loopback_uri_may_differ() {
        for (registered, asked, same) in [
            ("https://tpp.example/cb", "https://tpp.example/cb", true),
            ("https://tpp.example/cb", "https://tpp.example/cb/", false),
            ("https://tpp.example/cb", "https://TPP.example/cb", false),
            ("https://tpp.example/cb", "https://tpp.example:443/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:5555/cb", true),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:5555/other", false),
            ("http://127.0.0.1/cb", "http://[::1]/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb", false),
        ] {
            assert_eq!(same_redirect(registered, asked), same, "{registered} {asked}");
        }
    }

    #[test]
    fn rfc_7636_appendix_b() {
        let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by(&CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap()));
        assert!(!challenge.is_met_by(&CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx").unwrap()));
        assert!(CodeVerifier::parse("short").is_none());
    }
}
