//! The way home.

use super::{Site, TppIdentity, html};
use askama::Template;

/// Takes the customer back to the TPP: at once where the browser does it, by a link where it does not (an app's scheme).
///
/// It stands at the end of a form's redirects, because `form-action 'self'` is enforced on each of them.
#[derive(Template)]
#[template(path = "return.html")]
pub struct Return<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    /// The registered redirect URI with the answer; only a `TrustedRedirect` gives one.
    pub url: &'a str,
}

impl Return<'_> {
    pub fn render(&self) -> String {
        html(self)
    }
}
