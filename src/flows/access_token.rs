//! Access tokens as they are shown: a handle's own text, or a JWT that leads to the same row (RFC 9068).

use crate::{
    app::App,
    oauth::{
        access_jwt::{self, AccessTokenClaims, AccessTokenForm, Issued, TYP},
        brand::Brand,
        error::OAuthError,
        secret::{Handle, HandleKind, Secret},
    },
    signing::Signer,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What makes a brand's access tokens. Had before a code is spent: a bank that cannot sign must not take it.
pub enum Mint<'a> {
    Opaque,
    Jwt { audience: &'a str, signer: Signer },
}

impl<'a> Mint<'a> {
    pub fn of(app: &App, brand: &'a Brand, now: OffsetDateTime) -> Result<Self, OAuthError> {
        Ok(match &brand.access_tokens {
            AccessTokenForm::Opaque { .. } => Self::Opaque,
            AccessTokenForm::Jwt { audience } => {
                Self::Jwt { audience, signer: app.signing.signer(now).map_err(|_| OAuthError::NOT_SIGNING)? }
            }
        })
    }

    /// The half that is stored, and what [`Self::show`] needs of the other.
    pub fn mint(&self, id: Uuid, random: &[u8; 32]) -> (Handle, Secret) {
        match self {
            Self::Opaque => Handle::mint(HandleKind::AccessToken, id, random),
            Self::Jwt { .. } => Handle::mint_jti(id, random),
        }
    }

    /// What the client gets, now that it is stored and its end is known.
    pub fn show(&self, minted: Secret, token: &Issued<'_>) -> Result<Secret, OAuthError> {
        match self {
            Self::Opaque => Ok(minted),
            Self::Jwt { audience, signer } => {
                let signed = signer.sign(&AccessTokenClaims::new(token, audience, &minted), TYP);
                signed.map(Secret::new).map_err(|_| OAuthError::NOT_SIGNING)
            }
        }
    }
}

/// Of an access token in either form, whatever the brand issues today. `None`: none of ours.
pub fn presented(app: &App, text: &str) -> Option<Handle> {
    Handle::parse(HandleKind::AccessToken, text).or_else(|| signed(app, text))
}

/// Of a JWT that a published key of the bank signed as an access token.
pub fn signed(app: &App, text: &str) -> Option<Handle> {
    let signed = app.signing.verify(text, app.clock.now()).ok()?;
    access_jwt::handle(signed.typ.as_deref(), &signed.claims)
}
