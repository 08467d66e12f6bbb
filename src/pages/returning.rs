//! The way home.

use super::{Behaviour, Site, TppIdentity, html};
use crate::oauth::sca::ScaFailure;
use askama::Template;

/// Takes the customer back to the TPP, by a link and by itself: at once, or after ten seconds where there is something to read.
///
/// It stands at the end of a form's redirects, because `form-action 'self'` is enforced on each of them.
#[derive(Template)]
#[template(path = "return.html")]
pub struct Return<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    /// The journey's way to the registered redirect URI with the answer; only a `TrustedRedirect` gives one.
    pub url: &'a str,
    pub outcome: Outcome,
}

/// How the journey ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Approved,
    Cancelled,
    Expired,
    Failed(ScaFailure),
}

impl Outcome {
    pub fn of(failure: Option<ScaFailure>) -> Self {
        match failure {
            None => Self::Approved,
            Some(ScaFailure::Cancelled) => Self::Cancelled,
            Some(ScaFailure::TimedOut) => Self::Expired,
            Some(failure) => Self::Failed(failure),
        }
    }
}

impl Return<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    pub fn behaviour(&self) -> Behaviour {
        match self.outcome {
            Outcome::Approved | Outcome::Cancelled => Behaviour::Still,
            Outcome::Expired | Outcome::Failed(_) => Behaviour::Leaves,
        }
    }

    fn at_once(&self) -> bool {
        self.behaviour() == Behaviour::Still
    }

    fn title(&self) -> String {
        let t = self.site.t();
        match self.outcome {
            Outcome::Approved | Outcome::Cancelled => t.return_title(self.tpp.client_name()),
            Outcome::Expired => t.expired_title(),
            Outcome::Failed(ScaFailure::Technical) => t.failure_technical_title(),
            Outcome::Failed(_) => t.failure_title(),
        }
    }

    /// Why nothing was approved.
    fn reason(&self) -> Option<String> {
        let failure = match self.outcome {
            Outcome::Approved => return None,
            Outcome::Cancelled => ScaFailure::Cancelled,
            Outcome::Expired => ScaFailure::TimedOut,
            Outcome::Failed(failure) => failure,
        };
        Some(self.site.t().failure(failure, self.site.brand, self.tpp.client_name()))
    }
}
