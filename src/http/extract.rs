//! What machine endpoints have in common, read once: the QWAC's holder, the form, the credentials.

use super::{body, respond, site::Site};
use crate::{
    flows::{
        Caller,
        certificate::{self, Purpose},
    },
    oauth::{error::OAuthError, params::Params, presented::Presented, tpp::Tpp},
    pki::{self, PresentedChain},
    tls::peer::Peer,
};
use axum::{body::Body, extract::FromRequest, response::Response};
use http::{HeaderMap, HeaderValue, Request, header};
use std::sync::{Arc, atomic::AtomicBool};

/// Of a system's name in the audit trail.
const LONGEST_NAME: usize = 200;

/// Who came with a request, to be judged as often as time passed.
pub struct Shown {
    peer: Option<Peer>,
    purpose: Purpose,
}

impl Shown {
    /// The TPP behind the connection, or behind the front proxy (`Forwarded` settled which).
    pub fn new(request: &Request<Body>, purpose: Purpose) -> Self {
        Self { peer: request.extensions().get::<Peer>().cloned(), purpose }
    }

    /// The same where a client may also be known by a key that it registered.
    async fn client(&self, site: &Site) -> Result<Presented, Response> {
        match certificate::identify_client(&site.app, &site.brand, &self.chain()).await {
            Ok(Ok(presented)) => Ok(presented),
            Ok(Err(error)) => Err(respond::error(&error)),
            Err(outage) => Err(respond::outage(&outage)),
        }
    }

    fn chain(&self) -> PresentedChain {
        self.peer.as_ref().map(|peer| peer.chain.clone()).unwrap_or_default()
    }

    /// As the TPP stands now. Asked again after a body that may have taken seconds: a block must not wait for its sender.
    pub async fn tpp(&self, site: &Site) -> Result<Arc<Tpp>, Response> {
        match certificate::identify(&site.app, &site.brand, &self.chain(), self.purpose).await {
            Ok(Ok(tpp)) => Ok(tpp),
            Ok(Err(error)) => Err(respond::error(&error)),
            Err(outage) => Err(respond::outage(&outage)),
        }
    }
}

/// The certificates that the connection proved.
pub fn chain(request: &Request<Body>) -> PresentedChain {
    request.extensions().get::<Peer>().map(|peer| peer.chain.clone()).unwrap_or_default()
}

/// Which of the bank's own systems asks: the subject of the certificate that the internal listener accepted.
pub fn bank_system(request: &Request<Body>) -> String {
    let subject = chain(request).certificates().first().and_then(|leaf| pki::subject(leaf));
    subject.map_or_else(|| "bank".to_owned(), |subject| subject.chars().take(LONGEST_NAME).collect())
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

/// A form from a client: token, revocation and pushed requests read it alike. Only here a certificate may be good for its key alone.
pub struct ClientRequest(pub Caller);

impl FromRequest<Arc<Site>> for ClientRequest {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, site: &Arc<Site>) -> Result<Self, Response> {
        let shown = Shown::new(&request, Purpose::Use);
        shown.client(site).await?;
        let refuse = |error: OAuthError| respond::error(&error);
        let authorization = authorization(request.headers()).map_err(refuse)?;
        let form = body::form(request, site.limits.body).await.map_err(refuse)?;
        let presented = shown.client(site).await?;
        let params = Params::parse(&form).map_err(|refusal| respond::error(&refusal.into()))?;
        Ok(Self(Caller {
            brand: site.brand.clone(),
            presented,
            chain: shown.chain(),
            authorization,
            params,
            asserted: AtomicBool::default(),
        }))
    }
}
