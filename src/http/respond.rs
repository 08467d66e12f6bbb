//! Answers: JSON that nobody stores, pages with their headers, redirects that are always 303.

use crate::{
    flows::Outage,
    oauth::error::{ErrorCode, OAuthError},
    pages::{Behaviour, CSP, HEADERS, Notice, NoticeKind, Site as PageSite, TppIdentity},
    telemetry::request,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// RFC 6797: for every answer on a browser's host.
pub const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
/// Seconds after which a 503 is worth another try.
const RETRY_AFTER: &str = "2";

/// RFC 6749 s5.1: answers with credentials are stored nowhere.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let Ok(text) = serde_json::to_vec(body) else { return self::status(StatusCode::INTERNAL_SERVER_ERROR) };
    stored_nowhere(status, "application/json", text)
}

/// As [`json`], of one of the media types that a JWT comes as.
pub fn jwt(media_type: &'static str, compact: String) -> Response {
    stored_nowhere(StatusCode::OK, media_type, compact.into_bytes())
}

fn stored_nowhere(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body).into_response()
}

/// A document that may be cached for a while: metadata, keys, OpenAPI.
pub fn document(body: &impl Serialize) -> Response {
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response.headers_mut().remove(header::PRAGMA);
    response
}

/// An answer that its asker, and nobody between, may use again for so long (RFC 9111 s5.2.2).
pub fn private(mut response: Response, seconds: u32) -> Response {
    if let Ok(kept) = HeaderValue::from_str(&format!("private, max-age={seconds}")) {
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
        response.headers_mut().remove(header::PRAGMA);
    }
    response
}

pub fn error(error: &OAuthError) -> Response {
    request::note(|facts| facts.verdict(error.reason, error.fault));
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &error.body());
    if let Some(challenge) = challenge(error) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    response
}

/// RFC 9110 s11.6.1: a 401 says how to authenticate.
fn challenge(error: &OAuthError) -> Option<&'static str> {
    match (error.status(), error.code) {
        (401, ErrorCode::InvalidToken) => Some("Bearer error=\"invalid_token\""),
        (401, _) => Some("Basic realm=\"guichet\""),
        _ => None,
    }
}

/// 503 with Retry-After: try again, nothing was refused. `reason` is the log's.
pub fn unavailable(reason: &'static str) -> Response {
    error(&OAuthError::UNAVAILABLE.named(reason))
}

/// Logged once, here where it is answered.
pub fn outage(outage: &Outage) -> Response {
    log_outage(outage);
    unavailable("outage")
}

pub fn log_outage(outage: &Outage) {
    tracing::error!(event_id = request::event().map(display), error = %outage, "outage");
    metrics::counter!("guichet_outages_total").increment(1);
    request::note(|facts| facts.verdict("outage", None));
}

pub fn status(status: StatusCode) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

pub fn no_content() -> Response {
    status(StatusCode::NO_CONTENT)
}

/// RFC 9700 s4.12: 303, so that a form's body is never sent on.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else { return status(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    add_page_headers(&mut response);
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

pub fn page(status: StatusCode, site: PageSite<'_>, html: String) -> Response {
    let mut response = (status, Body::from(html)).into_response();
    add_page_headers(&mut response);
    response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(site.lang.tag()));
    response
}

/// A page that does something by itself.
pub fn live_page(status: StatusCode, site: PageSite<'_>, behaviour: Behaviour, html: String) -> Response {
    let mut response = page(status, site, html);
    if let Ok(csp) = HeaderValue::from_str(&behaviour.csp()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    }
    response
}

pub fn notice(status: StatusCode, site: PageSite<'_>, kind: NoticeKind, request_id: &str) -> Response {
    tell(status, &Notice { site, kind, request_id, detail: None, home: None })
}

/// A notice with a line for the TPP's developers: nobody else would tell them.
pub fn notice_with_detail(status: StatusCode, site: PageSite<'_>, kind: NoticeKind, request_id: &str, detail: &str) -> Response {
    tell(status, &Notice { site, kind, request_id, detail: Some(detail), home: None })
}

/// A notice that offers to start again at the TPP: `home` is its identity, and its own site if it registered one.
pub fn notice_with_home(
    status: StatusCode,
    site: PageSite<'_>,
    kind: NoticeKind,
    request_id: &str,
    home: Option<(&TppIdentity, Option<&str>)>,
) -> Response {
    tell(status, &Notice { site, kind, request_id, detail: None, home })
}

fn tell(status: StatusCode, notice: &Notice<'_>) -> Response {
    request::note(|facts| facts.verdict(notice.kind.name(), None));
    let mut response = page(status, notice.site, notice.render());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    response
}

/// "Continue here" leads to the bank's portal: browsers that apply `form-action` to a form's redirects, too, must let it.
pub fn allow_forms_to(response: &mut Response, url: &str) {
    let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    if let Ok(policy) = HeaderValue::from_str(&format!("{CSP} {origin}")) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

fn add_page_headers(response: &mut Response) {
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
