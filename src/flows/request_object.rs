//! RFC 9101: a request that its client signed is opened with the client's own keys.

use super::client_keys::{self, Keys};
use crate::{
    app::App,
    jose::{self, JoseRefusal, JwsAlgorithm, Signed},
    oauth::{
        brand::Brand,
        client::Client,
        params::Params,
        practice::Practice,
        request_object::{self, RequestObjectRefusal},
    },
};
use std::borrow::Cow;
use time::OffsetDateTime;

/// What counts of a request that came as `params`: what its client signed, or all of it where the client need not sign and did not. Never
/// within a transaction: the client's server may be asked for its keys.
pub async fn open<'p>(
    app: &App,
    brand: &Brand,
    client: &Client,
    params: &'p Params,
    now: OffsetDateTime,
) -> Result<Cow<'p, Params>, RequestObjectRefusal> {
    // a repetition is refused by whoever judges the parameters, and so is an object where none is taken
    if !brand.profiles.offer_fapi2() || params.repeated().is_some() {
        return Ok(Cow::Borrowed(params));
    }
    let Some(object) = params.get("request") else {
        let needed = brand.needs_signed_requests(client);
        return if needed { Err(RequestObjectRefusal::Missing) } else { Ok(Cow::Borrowed(params)) };
    };
    if params.get("request_uri").is_some() {
        return Err(RequestObjectRefusal::BesideRequestUri);
    }
    if request_object::is_encrypted(object) {
        return Err(RequestObjectRefusal::Encrypted);
    }
    let registered = client.metadata.signing.request_object_signing_alg;
    let allowed = registered.as_ref().map_or(&JwsAlgorithm::ALL[..], std::slice::from_ref);
    let signed = verify(app, brand, client, object, allowed).await?;
    let params = request_object::read(&signed.claims, signed.typ.as_deref(), client.id, &brand.issuer, now)?;
    app.practices.note(client.id, [Practice::signed(signed.algorithm)], now);
    Ok(Cow::Owned(params))
}

async fn verify(app: &App, brand: &Brand, client: &Client, object: &str, allowed: &[JwsAlgorithm]) -> Result<Signed, RequestObjectRefusal> {
    let keys = |known| client_keys::of(app, brand, client, known);
    let mut signed = jose::verify(object, &keys(Keys::AtHand).await?.signing, allowed);
    // a key may have got a successor, also under its own name
    if matches!(signed, Err(JoseRefusal::NoKey | JoseRefusal::Signature)) && client_keys::may_have_changed(client) {
        signed = jose::verify(object, &keys(Keys::Missed).await?.signing, allowed);
    }
    Ok(signed?)
}
