//! The sandbox's scripted customers.

use super::{Site, Texts, format::account_number, html, tpp::plain};
use crate::{
    oauth::{method::Account, sca::ScaFailure},
    sca::script::{ScriptedAnswer, ScriptedMethod},
};
use askama::Template;

/// The list that a developer signs in from.
#[derive(Template)]
#[template(path = "customers.html")]
pub struct Customers<'a> {
    pub site: Site<'a>,
    pub customers: &'a [ScriptedCustomer<'a>],
}

/// One scripted customer.
#[derive(Clone, Debug)]
pub struct ScriptedCustomer<'a> {
    pub login: &'a str,
    /// Published on purpose: it opens nothing but the sandbox.
    pub password: &'a str,
    /// Each way that a journey of his can go; at least one.
    pub ways: Vec<ScriptedWay<'a>>,
    pub accounts: &'a [Account],
}

/// What comes of one of his methods, and what the TPP gets on each channel.
#[derive(Clone, Debug)]
pub struct ScriptedWay<'a> {
    /// `None`: it does not come to a method.
    pub method: Option<&'a ScriptedMethod>,
    /// `None`: approves.
    pub outcome: Option<ScaFailure>,
    pub answers: Vec<ChannelAnswer<'a>>,
}

/// The redirect home of one channel: `error`, or a code.
#[derive(Clone, Copy, Debug)]
pub struct ChannelAnswer<'a> {
    pub channel: &'a str,
    pub error: Option<&'a str>,
}

impl Customers<'_> {
    pub fn render(&self) -> String {
        html(self)
    }
}

impl ScriptedCustomer<'_> {
    fn accounts(&self) -> Vec<String> {
        let iban = |account: &Account| account.iban.as_deref().map(account_number).unwrap_or_default();
        self.accounts
            .iter()
            .map(|account| format!("{} {} {}", plain(&account.label), account.id, iban(account)).trim_end().to_owned())
            .collect()
    }
}

impl ScriptedWay<'_> {
    fn outcome(&self, t: &Texts) -> String {
        self.outcome.map_or_else(|| t.outcome_approved(), |failure| t.outcome(failure))
    }

    fn label(&self) -> Option<String> {
        self.method.map(|method| plain(&method.label))
    }

    fn behaviour(&self, t: &Texts) -> Option<String> {
        Some(match &self.method?.answer {
            ScriptedAnswer::Approves { after_seconds: 0 } => t.customers_approves_at_once(),
            ScriptedAnswer::Approves { after_seconds } => t.customers_approves_after(&after_seconds.to_string()),
            ScriptedAnswer::Fails { after_seconds, .. } => t.customers_fails_after(&after_seconds.to_string()),
            ScriptedAnswer::Silent => t.customers_silent(),
            ScriptedAnswer::Code(code) => t.customers_types(code),
        })
    }
}
