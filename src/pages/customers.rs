//! The sandbox's scripted customers.

use super::{Site, Texts, html};
use crate::oauth::sca::ScaFailure;
use askama::Template;

/// The list that a developer signs in from.
#[derive(Template)]
#[template(path = "customers.html")]
pub struct Customers<'a> {
    pub site: Site<'a>,
    pub customers: &'a [ScriptedCustomer<'a>],
}

/// One scripted customer and what the TPP gets from it on each channel.
#[derive(Clone, Debug)]
pub struct ScriptedCustomer<'a> {
    pub login: &'a str,
    /// Published on purpose: it opens nothing but the sandbox.
    pub password: &'a str,
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
    fn behaviour(&self, t: &Texts) -> String {
        self.outcome.map_or_else(|| t.outcome_approved(), |failure| t.outcome(failure))
    }
}
