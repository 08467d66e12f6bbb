use super::{
    accept::{self, Wanted},
    body, extract,
    grants::answered,
    or_refuse, respond,
    site::InternalSite,
};
use crate::{
    flows::{
        Answer,
        introspect::{self, Asked, CallersCertificate},
        signed_introspection::Seal,
    },
    oauth::{
        error::OAuthError,
        introspection::{IntrospectionBatch, IntrospectionResponses, PresentedToken},
        params::Params,
        signed_introspection::MEDIA_TYPE,
    },
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

/// RFC 7662 s2.1, for callers that the TLS layer authenticated against the bank's own CA; RFC 9701 s4 for those that want it signed.
pub async fn introspect(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    match answer(&site, &brand, request).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => respond::error(&error),
        Err(outage) => respond::outage(&outage),
    }
}

async fn answer(site: &InternalSite, brand: &str, request: Request<Body>) -> Answer<Response> {
    let brand = or_refuse!(site.brand(brand));
    let seal = match accept::wanted(request.headers(), MEDIA_TYPE) {
        Wanted::Json => None,
        Wanted::Other => Seal::of(&site.app, extract::bank_system(&request)).ok(),
        Wanted::OtherAlone => Some(or_refuse!(Seal::of(&site.app, extract::bank_system(&request)))),
    };
    let params = or_refuse!(body::form(request, site.limits.body).await.and_then(|form| Params::parse(&form).map_err(OAuthError::from)));
    let Some(token) = params.get("token") else { return Ok(Err(OAuthError::TOKEN_MISSING)) };
    let asked = Asked::new(&site.app, token, certificate(params.get("certificate"), params.get("certificate_thumbprint")));
    let told = introspect::answer(&site.app, asked, brand).await?;
    let response = match seal {
        None => respond::json(StatusCode::OK, &told),
        Some(seal) => respond::jwt(MEDIA_TYPE, or_refuse!(seal.close(&site.app, &told, brand))),
    };
    Ok(Ok(match told.cache_seconds {
        Some(seconds) => respond::private(response, seconds),
        None => response,
    }))
}

/// `POST /v1/brands/{brand}/introspections`: several in one request, each judged as if it came alone.
pub async fn batch(State(site): State<Arc<InternalSite>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    answered(StatusCode::OK, answers(&site, &brand, request).await)
}

async fn answers(site: &InternalSite, brand: &str, request: Request<Body>) -> Answer<IntrospectionResponses> {
    let brand = or_refuse!(site.brand(brand));
    // a token that is no text at all is one TPP's, and must not refuse the others'
    let batch: IntrospectionBatch = or_refuse!(body::strict_json_of_any_text(request, site.limits.body).await);
    let most = site.limits.tokens_per_introspection;
    if batch.tokens.len() > most {
        return Ok(Err(OAuthError::too_many_tokens(most)));
    }
    let asked = Asked::each(&site.app, batch.tokens.iter().map(asked).collect()).await;
    Ok(Ok(IntrospectionResponses { tokens: introspect::answers(&site.app, asked, brand).await? }))
}

fn asked(presented: &PresentedToken) -> (&str, CallersCertificate) {
    let PresentedToken { token, certificate: text, certificate_thumbprint } = presented;
    (token, certificate(text.as_deref(), certificate_thumbprint.as_deref()))
}

/// `certificate`: PEM or base64 DER, leaf first; `certificate_thumbprint`: SHA-256 in base64url or hexadecimal.
fn certificate(certificate: Option<&str>, thumbprint: Option<&str>) -> CallersCertificate {
    match (certificate, thumbprint) {
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
