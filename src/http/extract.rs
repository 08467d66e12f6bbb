//! What machine endpoints have in common, read once: the QWAC's holder, the form, the credentials.

use super::{body, respond, site::Site};
use crate::{
    flows::{
        Caller,
        certificate::{self, Purpose},
    },
    oauth::{error::OAuthError, params::Params, tpp::Tpp},
    tls::peer::Peer,
};
use axum::{body::Body, extract::FromRequest, response::Response};
use http::{HeaderMap, HeaderValue, Request, header};
use std::{future::Future, sync::Arc};

/// Headers in which proxies hand on a client's certificate. TLS ends here: only a proved one counts (RFC 9700 s4.13).
const FORWARDED: [&str; 7] = [
    "client-cert",
    "client-cert-chain",
    "x-forwarded-client-cert",
    "x-client-cert",
    "x-ssl-cert",
    "ssl-client-cert",
    "x-amzn-mtls-clientcert",
];

/// The TPP behind the connection, judged for this request.
pub fn tpp<'a>(
    site: &'a Site,
    request: &Request<Body>,
    purpose: Purpose,
) -> impl Future<Output = Result<Arc<Tpp>, Response>> + Send + use<'a> {
    if FORWARDED.iter().any(|name| request.headers().contains_key(*name)) {
        metrics::counter!("guichet_forwarded_certificates_ignored_total").increment(1);
    }
    let chain = request.extensions().get::<Peer>().map(|peer| peer.chain.clone()).unwrap_or_default();
    async move {
        match certificate::identify(&site.app, &site.brand, &chain, purpose).await {
            Ok(Ok(tpp)) => Ok(tpp),
            Ok(Err(error)) => Err(respond::error(&error)),
            Err(outage) => Err(respond::outage(&outage)),
        }
    }
}

/// At most one `Authorization` header, in ASCII.
pub fn authorization(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let malformed = || OAuthError::AUTHORIZATION_MALFORMED;
    let first = values.next().map(HeaderValue::to_str).transpose().map_err(|_| malformed())?;
    if values.next().is_some() {
        return Err(malformed());
    }
    Ok(first.map(str::to_owned))
}

/// A form from a TPP: token and revocation read it alike.
pub struct ClientRequest(pub Caller);

impl FromRequest<Arc<Site>> for ClientRequest {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, site: &Arc<Site>) -> Result<Self, Response> {
        let tpp = tpp(site, &request, Purpose::Use).await?;
        let refuse = |error: OAuthError| respond::error(&error);
        let authorization = authorization(request.headers()).map_err(refuse)?;
        let form = body::form(request, site.limits.body).await.map_err(refuse)?;
        let params = Params::parse(&form).map_err(|refusal| respond::error(&refusal.into()))?;
        Ok(Self(Caller { brand: site.brand.clone(), tpp, authorization, params }))
    }
}
