//! A channel: one way a customer reaches the bank (a browser, the bank's app), as a row of the bank's TOML.

use super::sca::ScaFailure;
use std::collections::BTreeMap;

/// RFC 6749 endpoints of one channel, and how it spells failures. A code asked for on one channel is worth nothing on another.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Unique within the brand: `web`, or what the bank calls the segment of an app. Kept with codes, grants and tokens.
    pub name: String,
    /// Path of the authorization endpoint; may hold `{lang}`.
    pub authorize_path: String,
    /// Path of the token endpoint. Channels may share one.
    pub token_path: String,
    /// The token endpoint of this channel also answers client_credentials.
    pub client_credentials: bool,
    /// The customer is expected in the bank's own app. `None`: in a browser.
    pub app: Option<AppSegment>,
    sca_errors: ScaSpelling,
}

/// App2App: the bank's app claims the authorization endpoint as its own (RFC 8252 s7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSegment {
    /// What a browser that reaches the endpoint meets: there the app did not take the link.
    pub fallback: Fallback,
    /// Opens the app from a page; the authorization request's query is appended. `None`: the page offers no such button.
    pub open_url: Option<String>,
    /// `TEAMID.bundle.id`: who may claim it on iOS.
    pub ios_app_ids: Vec<String>,
    /// Who may claim it on Android.
    pub android_apps: Vec<AndroidApp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndroidApp {
    pub package: String,
    /// SHA-256 of the signing certificates, as `AA:BB:..`. At least one.
    pub fingerprints: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// The customer may go on in the browser as on the web.
    Web,
    /// Goes on in the browser, and approves in the app on another device: no codes to type.
    Decoupled,
    /// The TPP is told that the app is not there.
    Error,
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
        app: Option<AppSegment>,
        sca_errors: ScaSpelling,
    ) -> Self {
        Self { name, authorize_path, token_path, client_credentials, app, sca_errors }
    }

    /// Opens the bank's app with an authorization request, as the phone does that lets the app take its URL.
    pub fn open_url(&self, query: &str) -> Option<String> {
        Some(format!("{}?{query}", self.app.as_ref()?.open_url.as_ref()?))
    }

    /// The value of `error` on the redirect home (RFC 6749 s4.1.2.1, or the bank's dialect).
    pub fn wire_code(&self, failure: ScaFailure) -> &str {
        &self.sca_errors.0[&failure]
    }
}
