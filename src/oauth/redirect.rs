//! Where an answer may go: exactly a redirect URI that the client registered (RFC 9700 s2.1, RFC 8252 s7.3).

use super::{
    brand::Brand,
    client::{Client, ClientId},
    params::Params,
    request_object::RequestObjectRefusal,
    response_mode::ResponseMode,
    secret::Secret,
};
use crate::jose::JwsAlgorithm;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use url::Url;

/// JARM s2.1: at most ten minutes.
const ANSWER_LIVES: Duration = Duration::minutes(5);

/// Why nobody may be redirected: the customer sees a page instead (RFC 6749 s4.1.2.1, RFC 9700 s4.11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRedirect {
    UnknownClient,
    /// `client_id` or `redirect_uri` sent twice.
    Ambiguous,
    /// Absent though several are registered.
    RedirectUriMissing,
    RedirectUriUnknown,
    /// RFC 9126 s4: no request of this client by that name, or it is over.
    RequestUri,
    /// A request object that counts for nothing, and nothing outside it says where to tell that.
    RequestObject(RequestObjectRefusal),
}

impl NoRedirect {
    /// The stable name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown_client",
            Self::Ambiguous => "ambiguous_redirect",
            Self::RedirectUriMissing => "redirect_uri_missing",
            Self::RedirectUriUnknown => "redirect_uri_unknown",
            Self::RequestUri => "pushed_request_unknown",
            Self::RequestObject(refusal) => refusal.name(),
        }
    }
}

/// A redirect URI that the client registered: an answer can only go there, and no redirect exists without it.
#[derive(Clone, Debug)]
pub struct TrustedRedirect {
    uri: String,
    state: Option<String>,
    mode: ResponseMode,
    client: ClientId,
    issuer: String,
}

/// An answer on its way home.
pub enum Answer {
    /// The redirect, whole.
    Query(String),
    /// None before it is signed.
    Jwt(Unsigned),
}

/// What is to travel as a JWT (JARM s2.1): nothing of it stands in the redirect otherwise.
pub struct Unsigned {
    uri: String,
    claims: Map<String, Value>,
}

impl TrustedRedirect {
    /// `signs`: as of [`ResponseMode::asked`].
    pub fn resolve(client: Option<&Client>, params: &Params, brand: &Brand, signs: Option<JwsAlgorithm>) -> Result<Self, NoRedirect> {
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
        // a state that was sent twice is no state, and a mode no mode
        let state = params.get("state").filter(|_| !params.is_repeated("state"));
        let mode = ResponseMode::asked(params, client, brand, signs).ok().filter(|_| !params.is_repeated("response_mode"));
        Ok(Self::stored(uri.to_owned(), state.map(str::to_owned), mode.unwrap_or_default(), client.id, brand))
    }

    /// One that was resolved before and kept with the interaction.
    pub fn stored(uri: String, state: Option<String>, mode: ResponseMode, client: ClientId, brand: &Brand) -> Self {
        Self { uri, state, mode, client, issuer: brand.issuer.clone() }
    }

    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    pub const fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// RFC 6749 s4.1.2.
    pub fn approve(&self, code: &Secret) -> Answer {
        self.with(&[("code", code.reveal())])
    }

    /// Approved, and no code: a cancelled payment, where the bank gives none for it.
    pub fn done(&self) -> Answer {
        self.with(&[])
    }

    /// RFC 6749 s4.1.2.1. `error` may be a bank's own code.
    pub fn refuse(&self, error: &str, description: &str) -> Answer {
        self.with(&[("error", error), ("error_description", description)])
    }

    /// `iss` is in every answer (RFC 9207 s2), of a JWT inside only (JARM s2.4).
    fn with(&self, answer: &[(&str, &str)]) -> Answer {
        let all = answer.iter().copied().chain(self.state.as_deref().map(|state| ("state", state))).chain([("iss", self.issuer.as_str())]);
        match self.mode {
            ResponseMode::Query => Answer::Query(self::with(&self.uri, all)),
            ResponseMode::Jwt => {
                let mut claims: Map<_, _> = all.map(|(name, value)| (name.to_owned(), json!(value))).collect();
                claims.insert("aud".to_owned(), json!(self.client.to_string()));
                Answer::Jwt(Unsigned { uri: self.uri.clone(), claims })
            }
        }
    }
}

impl Unsigned {
    /// What is to be signed (JARM s2.1).
    pub fn claims(&self, now: OffsetDateTime) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        claims.insert("exp".to_owned(), json!((now + ANSWER_LIVES).unix_timestamp()));
        claims
    }

    /// JARM s2.3.1: the redirect with the signed answer in it.
    pub fn carry(&self, jwt: &str) -> String {
        with(&self.uri, [("response", jwt)])
    }
}

/// RFC 6749 s3.1.2: the URI's own query is retained.
fn with<'a>(uri: &str, answer: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{query}")
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

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    fn redirect(uri: &str, state: Option<&str>, mode: ResponseMode) -> TrustedRedirect {
        TrustedRedirect {
            uri: uri.into(),
            state: state.map(str::to_owned),
            mode,
            client: ClientId(Uuid::nil()),
            issuer: "https://bank".into(),
        }
    }

    #[test]
    fn b52_a_signed_answer_has_everything_inside_and_nothing_beside_it() {
        let now = datetime!(2026-11-28 12:00 UTC);
        for (state, answer, expected) in [
            (Some("s"), 0, json!({ "code": "c", "state": "s" })),
            (None, 0, json!({ "code": "c" })),
            (Some("s"), 1, json!({ "error": "e", "error_description": "d", "state": "s" })),
            (Some("s"), 2, json!({ "state": "s" })),
        ] {
            let redirect = redirect("https://tpp.example/cb?a=b", state, ResponseMode::Jwt);
            let answer = match answer {
                0 => redirect.approve(&Secret::new("c")),
                1 => redirect.refuse("e", "d"),
                _ => redirect.done(),
            };
            let Answer::Jwt(unsigned) = answer else { panic!("in the query") };
            let mut claims = json!({ "iss": "https://bank", "aud": Uuid::nil(), "exp": now.unix_timestamp() + 300 });
            claims.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
            assert_eq!(Value::Object(unsigned.claims(now)), claims);
            assert_eq!(unsigned.carry("a.b-_.c"), "https://tpp.example/cb?a=b&response=a.b-_.c");
        }
        let Answer::Query(plain) = redirect("https://tpp.example/cb?", Some("s /"), ResponseMode::Query).done() else { panic!("signed") };
        assert_eq!(plain, "https://tpp.example/cb?state=s+%2F&iss=https%3A%2F%2Fbank");
    }

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
}
