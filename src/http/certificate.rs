//! Why a certificate is accepted or refused: a page for TPP developers, and an answer about the certificate that is presented.

use super::{
    authorize::request_id,
    body::{self, BodyLimits},
    extract,
    respond::{self, notice},
    site::Site,
};
use crate::{
    flows::explain::{self, Explained, Unjudged},
    oauth::{brand::Lang, error::OAuthError},
    pages::{CertificateForm, CertificatePage, HandedOver, Judged, NoticeKind, negotiate},
    pki::{Report, holds_private_key},
};
use axum::{
    body::Body,
    extract::{FromRequest, Multipart, RawPathParams, State},
    response::Response,
};
use http::{HeaderMap, Request, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

/// The fields of the form in which a certificate may come.
const FIELDS: [&str; 2] = ["pasted", "file"];

/// What the form's page tells beside the form.
enum Outcome {
    Asking,
    Problem(HandedOver),
    Explained(Box<Explained>),
}

/// The form.
pub async fn form(State(site): State<Arc<Site>>, path: RawPathParams, request: Request<Body>) -> Response {
    match lang(&site, &path) {
        Some(lang) => page(&site, lang, &Outcome::Asking),
        None => refused(&site, negotiated(&site, &request), StatusCode::NOT_FOUND, &request_id(&request)),
    }
}

/// The form, sent. Nothing of what came is kept: the verdict is the answer, and a counter knows how it ended.
pub async fn check(State(site): State<Arc<Site>>, path: RawPathParams, request: Request<Body>) -> Response {
    let id = request_id(&request);
    let Some(lang) = lang(&site, &path) else { return refused(&site, negotiated(&site, &request), StatusCode::NOT_FOUND, &id) };
    if is_from_elsewhere(&site, request.headers()) {
        return refused(&site, lang, StatusCode::FORBIDDEN, &id);
    }
    match handed_over(request, site.limits.body).await {
        Ok(given) => page(&site, lang, &judge(&site, &given).await),
        Err(error) => refused(&site, lang, StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), &id),
    }
}

async fn judge(site: &Site, given: &[Vec<u8>]) -> Outcome {
    let bytes = match given {
        [] => return Outcome::Problem(HandedOver::Nothing),
        [only] => only,
        // of two, the one with the key, which the flow then finds
        [..] => match given.iter().find(|bytes| holds_private_key(bytes)) {
            Some(key) => key,
            None => return Outcome::Problem(HandedOver::Both),
        },
    };
    match explain::pasted(&site.app, &site.brand, bytes).await {
        Ok(explained) => Outcome::Explained(Box::new(explained)),
        Err(Unjudged::NoCertificate) => Outcome::Problem(HandedOver::NoCertificate),
        Err(Unjudged::PrivateKey) => Outcome::Problem(HandedOver::PrivateKey),
    }
}

/// What stands in the fields, blank ones left out.
async fn handed_over(request: Request<Body>, limits: BodyLimits) -> Result<Vec<Vec<u8>>, OAuthError> {
    body::expect_type(request.headers(), "multipart/form-data", OAuthError::NOT_A_FORM)?;
    let (parts, body) = request.into_parts();
    let whole = body::read(body, limits).await?;
    let broken = |_| OAuthError::BODY_BROKEN;
    let request = Request::from_parts(parts, Body::from(whole));
    let mut fields = Multipart::from_request(request, &()).await.map_err(|_| OAuthError::BODY_BROKEN)?;
    let mut given = Vec::new();
    while let Some(field) = fields.next_field().await.map_err(broken)? {
        let known = field.name().is_some_and(|name| FIELDS.contains(&name));
        let bytes = field.bytes().await.map_err(broken)?;
        if known && !bytes.trim_ascii().is_empty() {
            given.push(bytes.into());
        }
    }
    Ok(given)
}

fn page(site: &Site, lang: Lang, outcome: &Outcome) -> Response {
    let path = |lang: Lang| format!("/{}/{}/certificate", site.brand.id, lang.tag());
    let languages: Vec<_> = site.brand.languages.iter().map(|lang| (*lang, path(*lang))).collect();
    let (problem, judged) = match outcome {
        Outcome::Asking => (None, None),
        Outcome::Problem(problem) => (Some(*problem), None),
        Outcome::Explained(explained) => (None, Some(judged(explained))),
    };
    let form = CertificateForm {
        action: &path(lang),
        kilobytes: site.limits.body.bytes / 1000,
        languages: &languages,
        presented_url: &presented_url(site),
        problem,
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = site.page(lang);
    respond::page(status, page, CertificatePage { site: page, form: Some(form), judged }.render())
}

/// The certificate of this very connection, whatever the verdict: 200 also where it is refused or there is none, since what
/// was asked for is the verdict. It tells nobody anything but about their own certificate.
pub async fn presented(State(site): State<Arc<Site>>, request: Request<Body>) -> Response {
    let chain = extract::chain(&request);
    let explained = explain::presented(&site.app, &site.brand, &chain).await;
    if !prefers_html(request.headers()) {
        let check_page = format!("{}/{}/{}/certificate", site.brand.psu_origin, site.brand.id, site.brand.default_language.tag());
        let told = Presented { judged_at: explained.at, report: Report::of(&explained.verdict, explained.asked), check_page };
        return respond::json(StatusCode::OK, &told);
    }
    let page = site.page(negotiated(&site, &request));
    respond::page(StatusCode::OK, page, CertificatePage { site: page, form: None, judged: Some(judged(&explained)) }.render())
}

#[derive(Serialize)]
struct Presented {
    #[serde(with = "time::serde::rfc3339")]
    judged_at: OffsetDateTime,
    #[serde(flatten)]
    report: Report,
    /// Where a certificate can be pasted.
    check_page: String,
}

const fn judged(explained: &Explained) -> Judged<'_> {
    Judged { verdict: &explained.verdict, asked: explained.asked, at: explained.at }
}

fn presented_url(site: &Site) -> String {
    format!("{}/{}/certificate", site.brand.tpp_origin, site.brand.id)
}

/// Of the path, if the brand speaks it.
fn lang(site: &Site, path: &RawPathParams) -> Option<Lang> {
    let (_, tag) = path.iter().find(|(name, _)| *name == "lang")?;
    Lang::from_tag(tag).filter(|lang| lang.tag() == tag && site.brand.languages.contains(lang))
}

/// A browser names the page that a form was on; other software names none.
fn is_from_elsewhere(site: &Site, headers: &HeaderMap) -> bool {
    headers.get_all(header::ORIGIN).iter().any(|origin| origin.as_bytes() != site.brand.psu_origin.as_bytes())
}

/// RFC 9110 s12.5.1: HTML only where it is named, and liked better than JSON.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let weight = |media_type: &str| {
        let ranges = accept.split(',').take(32).filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
            let q = parts.find_map(|parameter| parameter.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
            q.filter(|_| named)
        });
        ranges.fold(0.0, f32::max)
    };
    weight("text/html") > weight("application/json")
}

fn refused(site: &Site, lang: Lang, status: StatusCode, id: &str) -> Response {
    let kind = match status {
        StatusCode::NOT_FOUND => NoticeKind::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => NoticeKind::TooLarge,
        _ => NoticeKind::MalformedRequest,
    };
    notice(status, site.page(lang), kind, id)
}

/// For a page whose path names no language.
fn negotiated(site: &Site, request: &Request<Body>) -> Lang {
    let accept = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    negotiate(None, None, accept, &site.brand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_for_those_who_like_it_better() {
        for (accept, html) in [
            ("", false),
            ("*/*", false),
            ("application/json", false),
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, text/html", false),
            ("application/json;q=0.5, text/html;q=0.6", true),
            ("text/html;q=0", false),
            ("text/html;q=x", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(prefers_html(&headers), html, "{accept}");
        }
    }
}
