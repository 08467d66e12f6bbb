//! While the bank authenticates the customer: by which method, waiting for the app, the one-time code.

use super::{Behaviour, Site, TppIdentity, html, payment::PaymentView, tpp::plain};
use crate::oauth::{
    method::{Method, MethodKind},
    payment::Payment,
};
use askama::Template;

/// Choosing a method: a button each. Posts `csrf` and `decision` (`method` with `method`, the method's id; or `cancel`) to `action`.
#[derive(Template)]
#[template(path = "methods.html")]
pub struct MethodChoice<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub action: &'a str,
    pub csrf: &'a str,
    pub methods: &'a [Method],
}

struct MethodView<'a> {
    id: &'a str,
    label: String,
    kind: String,
}

impl MethodChoice<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn views(&self) -> Vec<MethodView<'_>> {
        let t = self.site.t();
        let kind = |kind| match kind {
            MethodKind::App => t.methods_app(),
            MethodKind::Otp => t.methods_otp(),
        };
        self.methods.iter().map(|method| MethodView { id: &method.id, label: plain(&method.label), kind: kind(method.kind) }).collect()
    }
}

/// Waiting for an approval elsewhere. Its script asks `status_url`, with the page's cookie, until that answers `{"state":"moved"}`,
/// and then loads `action` anew; without script the page reloads itself. Posts `csrf` and `decision` (`other_method` or `cancel`).
#[derive(Template)]
#[template(path = "waiting.html")]
pub struct Waiting<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub action: &'a str,
    pub csrf: &'a str,
    /// Which device was called: the bank's words.
    pub hint: Option<&'a str>,
    pub payment: Option<&'a Payment>,
    pub status_url: &'a str,
    /// There is another method to choose.
    pub other_methods: bool,
}

impl Waiting<'_> {
    pub const BEHAVIOUR: Behaviour = Behaviour::Polls;

    pub fn render(&self) -> String {
        html(self)
    }

    fn hint(&self) -> Option<String> {
        hint(self.hint)
    }

    fn payment(&self) -> Option<PaymentView> {
        self.payment.map(|payment| PaymentView::of(payment, &[], self.site.t()))
    }
}

/// Typing a one-time code. Posts `csrf` and `decision` (`otp` with the field `otp`, `other_method` or `cancel`) to `action`.
#[derive(Template)]
#[template(path = "one_time_code.html")]
pub struct OneTimeCode<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub action: &'a str,
    pub csrf: &'a str,
    /// Where the code went: the bank's words.
    pub hint: Option<&'a str>,
    pub payment: Option<&'a Payment>,
    /// Shown again after a code that was not accepted.
    pub wrong: bool,
    /// There is another method to choose.
    pub other_methods: bool,
}

impl OneTimeCode<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn hint(&self) -> Option<String> {
        hint(self.hint)
    }

    fn payment(&self) -> Option<PaymentView> {
        self.payment.map(|payment| PaymentView::of(payment, &[], self.site.t()))
    }
}

fn hint(text: Option<&str>) -> Option<String> {
    text.map(plain).filter(|text| !text.is_empty())
}
