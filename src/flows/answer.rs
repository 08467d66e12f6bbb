//! The answer to an authorization request, as the redirect that takes it home.

use crate::{
    app::App,
    jose::JwsAlgorithm,
    oauth::{brand::Brand, redirect::Answer},
    storage::Outage,
};
use time::OffsetDateTime;

/// RFC 8725 s3.11. JARM names none of its own.
const TYP: &str = "JWT";

/// By what the bank signs answers now. `None`: it does not, or the brand offers no such thing.
pub fn signs(app: &App, brand: &Brand, now: OffsetDateTime) -> Option<JwsAlgorithm> {
    app.signing.algorithm(now).filter(|_| brand.profiles.offer_fapi2()).map(JwsAlgorithm::from)
}

/// A client that asked for a signed answer gets no other: without a key that opens it is an outage, and the journey waits.
pub fn location(app: &App, answer: &Answer, now: OffsetDateTime) -> Result<String, Outage> {
    match answer {
        Answer::Query(location) => Ok(location.clone()),
        Answer::Jwt(unsigned) => {
            let jwt = app.signing.sign(&unsigned.claims(now), TYP, now).map_err(|_| Outage::unsigned())?;
            Ok(unsigned.carry(&jwt))
        }
    }
}
