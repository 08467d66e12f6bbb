//! How an authorization response travels: its parameters in the query, or in a signed JWT (JARM).

use super::{authorize::AuthorizeRefusal, brand::Brand, client::Client, params::Params};
use crate::jose::JwsAlgorithm;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    #[default]
    Query,
    /// JARM s2.3.4; with `code` it is `query.jwt`.
    Jwt,
}

impl ResponseMode {
    /// `signs`: what the bank's key signs with now. A client that registered another algorithm gets no answer that it would not believe.
    pub fn asked(params: &Params, client: &Client, brand: &Brand, signs: Option<JwsAlgorithm>) -> Result<Self, AuthorizeRefusal> {
        let offered = brand.profiles.offer_fapi2();
        match params.get("response_mode") {
            None | Some("query") => Ok(Self::Query),
            Some("jwt" | "query.jwt") if offered => match (signs, client.metadata.signing.authorization_signed_response_alg) {
                (Some(_), None) => Ok(Self::Jwt),
                (Some(own), Some(registered)) if own == registered => Ok(Self::Jwt),
                (None | Some(_), _) => Err(AuthorizeRefusal::ResponseUnsigned),
            },
            Some(_) if offered => Err(AuthorizeRefusal::ResponseModeUnknown),
            Some(_) => Err(AuthorizeRefusal::ResponseModeUnsupported),
        }
    }

    /// What a journey remembers. `None`: as ever.
    pub const fn stored(self) -> Option<&'static str> {
        match self {
            Self::Query => None,
            Self::Jwt => Some("jwt"),
        }
    }

    /// What [`Self::stored`] wrote.
    pub fn from_stored(stored: Option<&str>) -> Option<Self> {
        match stored {
            None => Some(Self::Query),
            Some("jwt") => Some(Self::Jwt),
            Some(_) => None,
        }
    }
}
