//! What a customer has allowed: the list, one permission that he may end, and what is said where neither can be shown.

use super::{CalendarDate, Site, Texts, TppIdentity, consent::Request, html, tpp::plain};
use crate::oauth::{brand::Lang, grant::EndedBy, payment::PaymentKind, permission::PermissionWords, scope::Scope};
use askama::Template;

/// All of one customer, newest first.
#[derive(Template)]
#[template(path = "permissions.html")]
pub struct Permissions<'a> {
    pub site: Site<'a>,
    /// `None`: not on this page.
    pub active: Option<PermissionList<'a>>,
    pub ended: Option<PermissionList<'a>>,
    /// Where the first page is; `None`: this is it.
    pub first: Option<&'a str>,
}

#[derive(Clone, Copy, Debug)]
pub struct PermissionList<'a> {
    pub permissions: &'a [PermissionView<'a>],
    /// Older ones.
    pub next: Option<&'a str>,
}

/// One of them: alive, with the question whether to end it, or ended. Posts `csrf` and `decision` (`end`) to `action`.
#[derive(Template)]
#[template(path = "permission.html")]
pub struct OnePermission<'a> {
    pub site: Site<'a>,
    pub permission: &'a PermissionView<'a>,
    pub action: &'a str,
    pub csrf: &'a str,
    /// The list.
    pub back: &'a str,
}

/// Why there is nothing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionsClosed {
    /// The link was used, has expired or never was.
    Link,
    /// Idle for too long, another browser, or the cookie is gone.
    Session,
}

impl PermissionsClosed {
    pub const ALL: [Self; 2] = [Self::Link, Self::Session];
}

#[derive(Template)]
#[template(path = "permissions_closed.html")]
struct ClosedPage<'a> {
    site: Site<'a>,
    title: String,
    text: String,
    advice: String,
}

/// A permission as it is told.
#[derive(Clone, Debug)]
pub struct PermissionView<'a> {
    pub tpp: TppIdentity,
    pub scope: &'a Scope,
    /// Of a lodged payment.
    pub payment: Option<PaymentKind>,
    /// How many the customer chose; `None`: he did not choose.
    pub accounts: Option<usize>,
    pub since: CalendarDate,
    pub authenticated: CalendarDate,
    /// `None`: not yet.
    pub used: Option<CalendarDate>,
    pub until: CalendarDate,
    pub ended: Option<EndedView<'a>>,
    /// Its own page.
    pub url: String,
}

#[derive(Clone, Copy, Debug)]
pub struct EndedView<'a> {
    pub on: CalendarDate,
    pub by: EndedBy,
    /// What was said to it.
    pub note: Option<&'a str>,
}

/// What a scope gives and what for, in words: the same on the page and in the bank's own dashboard.
pub fn permission_words(lang: Lang, scope: &Scope, payment: Option<PaymentKind>, tpp: &TppIdentity) -> PermissionWords {
    let (t, name) = (Texts::of(lang), tpp.client_name());
    match Request::of(scope) {
        Request::AccountInformation { extended } => {
            let history = extended.then(|| t.permission_data_history());
            let what = [t.permission_data_accounts(), t.permission_data_balances(), t.permission_data_transactions()];
            PermissionWords { what: what.into_iter().chain(history).collect(), why: t.permission_why_aisp(name) }
        }
        Request::FundsConfirmation => PermissionWords { what: vec![t.permission_data_funds()], why: t.permission_why_cbpii(name) },
        Request::Payment => match payment {
            Some(PaymentKind::Cancellation) => {
                PermissionWords { what: vec![t.permission_data_cancellation()], why: t.permission_why_cancellation(name) }
            }
            Some(PaymentKind::Initiation) | None => {
                PermissionWords { what: vec![t.permission_data_payment()], why: t.permission_why_pisp(name) }
            }
        },
    }
}

impl Permissions<'_> {
    pub fn render(&self) -> String {
        html(self)
    }
}

impl OnePermission<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn title(&self) -> String {
        let (t, name) = (self.site.t(), self.permission.tpp.client_name());
        if self.permission.ended.is_some() { t.permission_over_title(name) } else { t.permission_end_title(name) }
    }

    /// What is done is done: ending the permission takes no payment back.
    fn is_payment(&self) -> bool {
        matches!(Request::of(self.permission.scope), Request::Payment)
    }
}

impl PermissionsClosed {
    pub fn render(self, site: Site<'_>) -> String {
        let (t, brand) = (site.t(), site.brand);
        let (title, text, advice) = match self {
            Self::Link => (t.permissions_link_title(), t.permissions_link_text(), t.permissions_link_advice(brand)),
            Self::Session => (t.permissions_session_title(), t.permissions_session_text(), t.permissions_session_advice(brand)),
        };
        html(&ClosedPage { site, title, text, advice })
    }
}

impl PermissionView<'_> {
    fn words(&self, site: &Site<'_>) -> PermissionWords {
        permission_words(site.lang, self.scope, self.payment, &self.tpp)
    }

    fn ended(&self, site: &Site<'_>) -> Option<String> {
        let ended = self.ended?;
        let (t, date) = (site.t(), ended.on.text(site.t()));
        Some(match ended.by {
            EndedBy::Customer => t.permission_ended_customer(&date),
            EndedBy::Tpp => t.permission_ended_tpp(&date, self.tpp.client_name()),
            EndedBy::Bank => t.permission_ended_bank(site.brand, &date),
            EndedBy::Use => t.permission_ended_use(&date),
            EndedBy::Replay => t.permission_ended_replay(&date),
            EndedBy::Expiry => t.permission_ended_expiry(&date),
        })
    }

    fn note(&self) -> Option<String> {
        self.ended?.note.map(plain).filter(|note| !note.is_empty())
    }
}
