//! Which of the customer's accounts.

use super::{Site, TppIdentity, consent::Request, format::AccountView, html};
use crate::oauth::{method::Account, scope::Scope};
use askama::Template;

/// Choosing one account or several. Posts `csrf`, `decision` (`accounts` or `cancel`), and the ids: `account`, or where several
/// may be chosen `account.0`, `account.1` and so on, by their place in the list.
#[derive(Template)]
#[template(path = "accounts.html")]
pub struct AccountChoice<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub scope: &'a Scope,
    pub action: &'a str,
    pub csrf: &'a str,
    pub accounts: &'a [Account],
    pub many: bool,
    /// Shown again because nothing was chosen.
    pub nothing_chosen: bool,
}

impl AccountChoice<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn title(&self) -> String {
        let (t, tpp) = (self.site.t(), self.tpp.client_name());
        match Request::of(self.scope) {
            Request::AccountInformation { .. } if self.many => t.accounts_title_some(tpp),
            Request::AccountInformation { .. } => t.accounts_title_one(tpp),
            Request::FundsConfirmation => t.accounts_title_cbpii(tpp),
            Request::Payment => t.accounts_title_pisp(),
        }
    }

    fn views(&self) -> Vec<AccountView<'_>> {
        self.accounts.iter().map(|account| AccountView::of(account, self.site.t())).collect()
    }
}
