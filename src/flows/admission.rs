//! Whether a request is let in just now: asked as soon as it is known whose it is, before its body is read and without a statement.

use crate::{
    app::App,
    limits::{Crowd, Limit, Of, Place, TooMany},
    oauth::{brand::Brand, error::OAuthError},
    pki::PresentedChain,
    telemetry::request,
};
use std::net::IpAddr;

/// At the tpp counter: an organisation as soon as its certificate is accepted, a client without a QWAC
/// once its key was found among those that it registered, everybody else by address. The verdict is remembered
/// for the certificates of the connection; one that is met for the first time is judged only where its address has room to be wrong.
pub fn at_tpp(app: &App, brand: &Brand, chain: &PresentedChain, address: IpAddr, limit: Limit) -> Result<Place, TooMany> {
    let limits = &app.limits;
    if !chain.is_empty() {
        if brand.takes_self_signed()
            && let Some(organisation) = app.trust.known(&brand.id, chain)
        {
            limits.take(limit, &brand.id, &organisation)?;
            return limits.enter_tpp(&organisation);
        }
        if !app.trust.accepted_before(&brand.id, chain) {
            limits.address_has_room(Limit::AddressRefused, &brand.id, address)?;
        }
        if let Ok(accepted) = &app.trust.judge(&brand.id, chain, app.clock.now()).verdict {
            let organisation = &accepted.tpp.organisation;
            request::note(|facts| facts.by(organisation));
            limits.take(limit, &brand.id, organisation)?;
            return limits.enter_tpp(organisation);
        }
    }
    limits.take_of_address(Limit::AddressRefused, &brand.id, address)?;
    limits.enter_tpp(("nobody", address))
}

/// At the psu counter everybody is a stranger, so the address is all there is.
pub fn at_psu(app: &App, brand: &Brand, address: IpAddr, limit: Limit) -> Result<Option<Place>, TooMany> {
    app.limits.take_of_address(limit, &brand.id, address)?;
    app.limits.enter_psu(address)
}

/// At the internal counter: one of the bank's own systems, by its certificate.
pub fn at_internal(app: &App, chain: &PresentedChain) -> Result<(), TooMany> {
    app.limits.take_of_caller(chain.digest())
}

impl From<TooMany> for OAuthError {
    fn from(TooMany { of, retry_after }: TooMany) -> Self {
        let error = match of {
            Crowd::AtOnce => Self::TOO_MANY_AT_ONCE,
            Crowd::Rate(Limit::OrganisationRefused) => Self::TOO_MANY_REFUSED,
            Crowd::Rate(limit) => match limit.of() {
                Of::Address | Of::Process => Self::TOO_MANY_OF_ADDRESS,
                Of::Organisation => Self::TOO_MANY_OF_ORGANISATION,
                Of::Client => Self::TOO_MANY_OF_CLIENT,
                Of::Caller => Self::TOO_MANY_OF_CALLER,
            },
        };
        Self { retry_after: Some(retry_after), ..error }
    }
}
