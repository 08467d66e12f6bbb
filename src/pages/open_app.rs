//! A browser came where the bank's app was expected.

use super::{Site, TppIdentity, consent::Request, html};
use crate::oauth::scope::Scope;
use askama::Template;

/// Open the app, go on here where that is allowed, or cancel. Posts `csrf` and `decision` (`continue_here` or `cancel`) to `action`.
#[derive(Template)]
#[template(path = "open_app.html")]
pub struct OpenApp<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub scope: &'a Scope,
    pub action: &'a str,
    pub csrf: &'a str,
    /// Opens the app; `None`: a page cannot.
    pub open_url: Option<&'a str>,
    pub may_continue: bool,
    /// Who goes on here still approves in the app.
    pub decoupled: bool,
}

impl OpenApp<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn lead(&self) -> String {
        Request::of(self.scope).lead(self.site.t(), self.site.brand, self.tpp.client_name())
    }
}
