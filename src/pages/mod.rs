//! The customer's and the developer's pages: values in, HTML out. Nothing from elsewhere, everything foreign escaped, and all of it
//! works without script: the one there is saves a waiting customer the reloading.
//!
//! The pages post to the server and then leave it by [`Return`]: a browser that enforces `form-action` also on redirects
//! would not follow a 303 from a form to the TPP.

mod accounts;
mod authentication;
mod certificate;
mod certificate_texts;
mod consent;
mod customers;
mod developers;
mod figures;
mod format;
mod language;
mod look;
mod messages;
mod not_served;
mod notice;
mod open_app;
mod openapi;
mod payment;
mod permissions;
mod returning;
mod sign_in;
#[cfg(test)]
mod tests;
mod texts;
mod tpp;
mod words;

pub use accounts::AccountChoice;
pub use authentication::{MethodChoice, OneTimeCode, Waiting};
pub use certificate::{CertificateForm, CertificatePage, HandedOver, Judged};
pub use certificate_texts::certificate_texts;
pub use consent::{Consent, SimulatedOutcome};
pub use customers::{ChannelAnswer, Customers, ScriptedCustomer, ScriptedWay};
pub use developers::Developers;
pub use figures::Figures;
pub use format::CalendarDate;
pub use language::negotiate;
pub use look::{Asset, Assets, Look, common_assets};
pub use not_served::NotServed;
pub use notice::{Notice, NoticeKind};
pub use open_app::OpenApp;
pub use permissions::{EndedView, OnePermission, PermissionList, PermissionView, Permissions, PermissionsClosed, permission_words};
pub use returning::{Outcome, Return};
pub use sign_in::{SignIn, SignInError};
pub use texts::{Texts, check};
pub use tpp::TppIdentity;
pub use words::scope_in_words;

use crate::oauth::{brand::Lang, secret::Digest};
use std::{fmt::Write, sync::LazyLock};

/// `Content-Security-Policy` of every page (BCP 4.16: no framing; 4.2.4: nothing from third parties).
pub const CSP: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// What a page does by itself, and so what its policy must allow beside [`CSP`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing: it has no script.
    Still,
    /// Leaves after a while.
    Leaves,
    /// Asks how the journey stands.
    Polls,
}

impl Behaviour {
    pub const ALL: [Self; 3] = [Self::Still, Self::Leaves, Self::Polls];

    /// The page's `Content-Security-Policy`.
    pub fn csp(self) -> String {
        match self {
            Self::Still => CSP.to_owned(),
            Self::Leaves => format!("{CSP}; script-src 'self'"),
            Self::Polls => format!("{CSP}; script-src 'self'; connect-src 'self'"),
        }
    }
}

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
    /// The brand's; `None`: the colours that come with the program.
    pub look: Option<&'a Look>,
}

impl Site<'_> {
    fn t(&self) -> &'static Texts {
        Texts::of(self.lang)
    }

    fn schemes(&self) -> &'static str {
        if self.look.is_none_or(|look| look.dark) { "light dark" } else { "light" }
    }

    fn logo(&self) -> Option<&str> {
        self.look?.logo.as_deref()
    }

    fn footer(&self) -> Option<look::Footer<'_>> {
        self.look?.footer(self.lang)
    }
}

const STYLESHEET: &str = include_str!("../../assets/guichet.css");
const SCRIPT: &str = include_str!("../../assets/guichet.js");

/// `guichet.<hash>.css`: another content is another name, so it may be cached for ever.
static STYLESHEET_NAME: LazyLock<String> = LazyLock::new(|| hashed("guichet", STYLESHEET.as_bytes(), "css"));
static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| hashed("guichet", SCRIPT.as_bytes(), "js"));

fn hashed(name: &str, content: &[u8], extension: &str) -> String {
    let mut hashed = format!("{name}.");
    for byte in &Digest::of(content).as_bytes()[..8] {
        // Writing to a String does not fail.
        let _ = write!(hashed, "{byte:02x}");
    }
    hashed + "." + extension
}

/// The path every page links to; served from [`common_assets`].
pub fn stylesheet_path() -> String {
    format!("/assets/{}", *STYLESHEET_NAME)
}

/// The path that a page which does something by itself links to.
pub fn script_path() -> String {
    format!("/assets/{}", *SCRIPT_NAME)
}

/// A template writes into a String, which does not fail.
fn html(template: &impl askama::Template) -> String {
    template.render().unwrap_or_default()
}
