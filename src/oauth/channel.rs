//! A channel: one way a customer reaches the bank (a browser, the bank's app), as a row of the bank's TOML.

use super::sca::ScaFailure;
use std::collections::BTreeMap;

/// RFC 6749 endpoints of one channel, and how it spells failures. A code asked for on one channel is worth nothing on another.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Unique within the brand: `web`, `pph`, `pmo`. Kept with codes, grants and tokens.
    pub name: String,
    /// Path of the authorization endpoint; may hold `{lang}`.
    pub authorize_path: String,
    /// Path of the token endpoint. Channels may share one.
    pub token_path: String,
    /// The token endpoint of this channel also answers client_credentials.
    pub client_credentials: bool,
    /// The customer is expected in the bank's own app.
    pub app: bool,
    sca_errors: ScaSpelling,
}

/// Every failure has a spelling, or there is no such value.
#[derive(Clone, Debug)]
pub struct ScaSpelling(BTreeMap<ScaFailure, String>);

impl ScaSpelling {
    /// Gives the failures that lack a spelling, if any.
    pub fn new(rows: BTreeMap<ScaFailure, String>) -> Result<Self, Vec<ScaFailure>> {
        let missing: Vec<_> = ScaFailure::ALL.into_iter().filter(|f| !rows.contains_key(f)).collect();
        if missing.is_empty() { Ok(Self(rows)) } else { Err(missing) }
    }
}

impl Channel {
    pub fn new(
        name: String,
        authorize_path: String,
        token_path: String,
        client_credentials: bool,
        app: bool,
        sca_errors: ScaSpelling,
    ) -> Self {
        Self { name, authorize_path, token_path, client_credentials, app, sca_errors }
    }

    /// The value of `error` on the redirect home (RFC 6749 s4.1.2.1, or the bank's dialect).
    pub fn wire_code(&self, failure: ScaFailure) -> &str {
        &self.sca_errors.0[&failure]
    }
}
