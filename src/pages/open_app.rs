//! Where the bank's app was expected and a browser came.

use super::{Site, TppIdentity, html};
use crate::oauth::scope::Scope;
use askama::Template;

/// Open the app, go on here, or cancel. Posts `csrf` and `decision` (`continue_here` or `cancel`) to `action`.
#[derive(Template)]
#[template(path = "open_app.html")]
pub struct OpenApp<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub scope: &'a Scope,
    pub action: &'a str,
    pub csrf: &'a str,
    /// Opens the app with this request.
    pub open_url: Option<&'a str>,
    pub may_continue: bool,
    /// Going on here still needs the app, on another device.
    pub decoupled: bool,
}

impl OpenApp<'_> {
    pub fn render(&self) -> String {
        html(self)
    }
}
