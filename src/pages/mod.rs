//! The customer's and the developer's pages: values in, HTML out. No script, nothing from elsewhere, everything foreign escaped.
//!
//! The pages post to the server and then leave it by [`Return`]: a browser that enforces `form-action` also on redirects
//! would not follow a 303 from a form to the TPP.

mod certificate;
mod certificate_texts;
mod consent;
mod customers;
mod developers;
mod language;
mod not_served;
mod notice;
mod openapi;
mod returning;
mod sign_in;
#[cfg(test)]
mod tests;
mod texts;
mod tpp;
mod words;

pub use certificate::{CertificateForm, CertificatePage, HandedOver, Judged};
pub use certificate_texts::certificate_texts;
pub use consent::{CalendarDate, Consent, SimulatedOutcome};
pub use customers::{ChannelAnswer, Customers, ScriptedCustomer};
pub use developers::Developers;
pub use language::negotiate;
pub use not_served::NotServed;
pub use notice::{Notice, NoticeKind};
pub use returning::Return;
pub use sign_in::{SignIn, SignInError};
pub use texts::{Texts, check};
pub use tpp::TppIdentity;
pub use words::scope_in_words;

use crate::oauth::{brand::Lang, secret::Digest};
use std::{fmt::Write, sync::LazyLock};

/// `Content-Security-Policy` of every page (BCP 4.16: no framing; 4.2.4: nothing from third parties).
pub const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Headers that go with every page. `same-origin` hides the URL from others, and unlike `no-referrer` keeps `Origin` on our own posts.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", CSP),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
];

/// What stands around every page.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    pub lang: Lang,
    /// The brand's display name; empty where no brand was recognised.
    pub brand: &'a str,
    pub sandbox: bool,
}

impl Site<'_> {
    fn t(&self) -> &'static Texts {
        Texts::of(self.lang)
    }
}

const STYLESHEET: &str = include_str!("../../assets/guichet.css");

/// `guichet.<hash>.css`: another content is another name, so it may be cached for ever.
static STYLESHEET_NAME: LazyLock<String> = LazyLock::new(|| {
    let mut name = String::from("guichet.");
    for byte in &Digest::of(STYLESHEET.as_bytes()).as_bytes()[..8] {
        // Writing to a String does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + ".css"
});

/// The path every page links to; served from [`asset`].
pub fn stylesheet_path() -> String {
    format!("/assets/{}", *STYLESHEET_NAME)
}

/// What stands at `/assets/{name}`: content type and bytes, immutable.
pub fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    (name == *STYLESHEET_NAME).then_some(("text/css; charset=utf-8", STYLESHEET.as_bytes()))
}

/// A template writes into a String, which does not fail.
fn html(template: &impl askama::Template) -> String {
    template.render().unwrap_or_default()
}
