//! RFC 9701: introspection's answer under the bank's signature, for the system that asked.

use crate::{
    app::App,
    oauth::{
        brand::Brand,
        error::OAuthError,
        introspection::IntrospectionResponse,
        signed_introspection::{SignedIntrospection, TYP},
    },
    signing::{NotSigned, Signer},
};

/// Had before anything is looked at: who takes nothing else is refused at once where nothing signs.
pub struct Seal {
    signer: Signer,
    asker: String,
}

impl Seal {
    /// `asker`: what the system that asks is known by.
    pub fn of(app: &App, asker: String) -> Result<Self, OAuthError> {
        let signer = app.signing.signer(app.clock.now()).map_err(|why| match why {
            NotSigned::NoKey => OAuthError::NOTHING_SIGNED,
            NotSigned::Locked => OAuthError::NOT_SIGNING,
        })?;
        Ok(Self { signer, asker })
    }

    pub fn close(&self, app: &App, told: &IntrospectionResponse, brand: &Brand) -> Result<String, OAuthError> {
        let claims = SignedIntrospection::new(told, brand, &self.asker, app.clock.now());
        self.signer.sign(&claims, TYP).map_err(|_| OAuthError::NOT_SIGNING)
    }
}
