//! RFC 9101: a request that its client signed is opened with the client's own keys.

use crate::{
    app::App,
    jose::{self, JwsAlgorithm, KeySet},
    oauth::{
        brand::Brand,
        client::Client,
        params::Params,
        request_object::{self, RequestObjectRefusal},
    },
    storage::Outage,
};
use std::borrow::Cow;
use time::OffsetDateTime;

/// What counts of a request that came as `params`: what its client signed, or all of it where the client need not sign and did not.
pub async fn open<'p>(
    app: &App,
    brand: &Brand,
    client: &Client,
    params: &'p Params,
    now: OffsetDateTime,
) -> Result<Result<Cow<'p, Params>, RequestObjectRefusal>, Outage> {
    // a repetition is refused by whoever judges the parameters, and so is an object where none is taken
    if !brand.profiles.offer_fapi2() || params.repeated().is_some() {
        return Ok(Ok(Cow::Borrowed(params)));
    }
    let Some(object) = params.get("request") else {
        let needed = brand.needs_signed_requests(client);
        return Ok(if needed { Err(RequestObjectRefusal::Missing) } else { Ok(Cow::Borrowed(params)) });
    };
    if params.get("request_uri").is_some() {
        return Ok(Err(RequestObjectRefusal::BesideRequestUri));
    }
    if request_object::is_encrypted(object) {
        return Ok(Err(RequestObjectRefusal::Encrypted));
    }
    let registered = client.metadata.signing.request_object_signing_alg;
    let allowed = registered.as_ref().map_or(&JwsAlgorithm::ALL[..], std::slice::from_ref);
    let keys = client_keys(app, client).await?;
    Ok(match jose::verify(object, &keys, allowed) {
        Ok(signed) => request_object::read(&signed.claims, signed.typ.as_deref(), client.id, &brand.issuer, now).map(Cow::Owned),
        Err(refusal) => Err(RequestObjectRefusal::Jws(refusal)),
    })
}

/// The keys by which `client` signs.
async fn client_keys(_app: &App, client: &Client) -> Result<KeySet, Outage> {
    Ok(client.metadata.jwks.as_ref().map(KeySet::read).unwrap_or_default())
}
