//! The sandbox's sign-in page.

use super::{Site, Texts, TppIdentity, consent::Request, html, tpp::plain};
use crate::oauth::scope::Scope;
use askama::Template;

/// Signing in as a scripted customer. Posts `csrf`, `customer`, `password` and `decision` (`sign_in` or `cancel`) to `action`.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    /// What the TPP asks for, said in words.
    pub scope: &'a Scope,
    pub action: &'a str,
    pub csrf: &'a str,
    /// What was typed before, after an error; else empty.
    pub customer: &'a str,
    pub error: Option<SignInError>,
    /// Where the scripted customers are listed; empty: there are none.
    pub customers_url: &'a str,
}

/// Why the page is shown again. It tells neither which factor was wrong nor how many attempts are left (RTS art. 4(3)(a)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInError {
    Missing,
    WrongCredentials,
}

impl SignInError {
    fn text(self, t: &Texts) -> String {
        match self {
            Self::Missing => t.sign_in_missing(),
            Self::WrongCredentials => t.sign_in_wrong(),
        }
    }
}

impl SignIn<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn typed_customer(&self) -> String {
        plain(self.customer)
    }

    fn lead(&self) -> String {
        Request::of(self.scope).lead(self.site.t(), self.site.brand, self.tpp.client_name())
    }
}
