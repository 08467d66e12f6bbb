use super::{body, respond, site::InternalSite};
use crate::{
    flows::introspect::{self, CallersCertificate},
    oauth::{brand::BrandId, error::OAuthError, params::Params},
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{Request, StatusCode};
use std::sync::Arc;

/// RFC 7662 s2.1, for callers that the TLS layer authenticated against the bank's own CA.
pub async fn introspect(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    let brand = BrandId::new(&brand);
    if site.app.brand(&brand).is_none() {
        return respond::error(&OAuthError::NO_SUCH_BRAND);
    }
    let params = match body::form(request, site.limits.body).await.and_then(|form| Params::parse(&form).map_err(OAuthError::from)) {
        Ok(params) => params,
        Err(error) => return respond::error(&error),
    };
    let Some(token) = params.get("token") else {
        return respond::error(&OAuthError::TOKEN_MISSING);
    };
    match introspect::answer(&site.app, token, certificate(&params), &brand).await {
        Ok(answer) => respond::json(StatusCode::OK, &answer),
        Err(outage) => respond::outage(&outage),
    }
}

/// `certificate`: PEM or base64 DER, leaf first; `certificate_thumbprint`: SHA-256 in base64url or hexadecimal.
fn certificate(params: &Params) -> CallersCertificate {
    match (params.get("certificate"), params.get("certificate_thumbprint")) {
        (None, None) => CallersCertificate::NotSaid,
        (Some(text), None) => {
            let der = STANDARD.decode(text.split_ascii_whitespace().collect::<String>());
            CallersCertificate::read(der.as_deref().unwrap_or(text.as_bytes()))
        }
        (None, Some(text)) => sha256(text).map_or(CallersCertificate::Unreadable, CallersCertificate::Thumbprint),
        (Some(_), Some(_)) => CallersCertificate::Unreadable,
    }
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    match text.len() {
        43 => (URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()? == 32).then_some(bytes),
        64 => {
            for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            Some(bytes)
        }
        _ => None,
    }
}
