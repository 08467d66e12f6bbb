//! What the TPP will get, before the customer lets it happen.

use super::{Site, Texts, TppIdentity, html};
use crate::oauth::{
    sca::ScaFailure,
    scope::{Scope, ScopeToken},
};
use askama::Template;

/// Information (aisp), consent (cbpii, PSD2 art. 65) or announcement of a payment (pisp).
/// Posts `csrf`, `decision` (`approve` or `cancel`) and, in a sandbox, `outcome` (`approve` or a [`ScaFailure::name`]) to `action`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    pub scope: &'a Scope,
    /// The brand asks for an explicit "allow" also for account information.
    pub explicit: bool,
    /// The last day of the access; `None`: until withdrawn. Not shown for payments.
    pub until: Option<CalendarDate>,
    pub action: &'a str,
    pub csrf: &'a str,
    /// The failures a developer may choose; empty outside a sandbox, and then nothing is offered.
    pub outcomes: &'a [SimulatedOutcome<'a>],
}

/// A failure and how this channel spells it on the wire.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedOutcome<'a> {
    pub failure: ScaFailure,
    pub wire_code: &'a str,
}

/// A day of the Gregorian calendar, `month` from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarDate {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

impl CalendarDate {
    pub(super) fn text(self, t: &Texts) -> String {
        let day = if self.day == 1 { t.first_day() } else { self.day.to_string() };
        t.date(&day, &month(self.month, t), &self.year.to_string())
    }
}

fn month(number: u8, t: &Texts) -> String {
    match number {
        1 => t.month_1(),
        2 => t.month_2(),
        3 => t.month_3(),
        4 => t.month_4(),
        5 => t.month_5(),
        6 => t.month_6(),
        7 => t.month_7(),
        8 => t.month_8(),
        9 => t.month_9(),
        10 => t.month_10(),
        11 => t.month_11(),
        _ => t.month_12(),
    }
}

/// What a scope asks for, as the pages tell it.
#[derive(Clone, Copy)]
pub(super) enum Request {
    AccountInformation { extended: bool },
    FundsConfirmation,
    Payment,
}

impl Request {
    /// A scope of one consent has a family; a scope without one has nothing but account history.
    pub(super) fn of(scope: &Scope) -> Self {
        match scope.family() {
            Some(ScopeToken::Cbpii) => Self::FundsConfirmation,
            Some(ScopeToken::Pisp) => Self::Payment,
            Some(ScopeToken::Aisp | ScopeToken::ExtendedTransactionHistory) | None => {
                Self::AccountInformation { extended: scope.contains(ScopeToken::ExtendedTransactionHistory) }
            }
        }
    }
}

impl Consent<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn request(&self) -> Request {
        Request::of(self.scope)
    }

    fn title(&self) -> String {
        let (t, tpp) = (self.site.t(), self.tpp.client_name());
        match self.request() {
            Request::AccountInformation { .. } if self.explicit => t.consent_aisp_title_explicit(tpp),
            Request::AccountInformation { .. } => t.consent_aisp_title(tpp),
            Request::FundsConfirmation => t.consent_cbpii_title(tpp),
            Request::Payment => t.consent_pisp_title(tpp),
        }
    }

    /// A payment's authorisation is for that payment, so there is nothing to end.
    fn duration(&self) -> Option<String> {
        let t = self.site.t();
        match self.request() {
            Request::AccountInformation { .. } | Request::FundsConfirmation => {
                Some(self.until.map_or_else(|| t.consent_until_withdrawn(), |date| t.consent_until(&date.text(t))))
            }
            Request::Payment => None,
        }
    }

    /// "Allow" only where something is consented to: asking twice for account information is an obstacle (EBA/OP/2020/10).
    fn approve_label(&self) -> String {
        let t = self.site.t();
        match self.request() {
            Request::AccountInformation { .. } if self.explicit => t.allow_button(),
            Request::FundsConfirmation => t.allow_button(),
            Request::AccountInformation { .. } | Request::Payment => t.continue_button(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::brand::Lang;

    #[test]
    fn a_date_reads_as_in_the_language() {
        for (lang, date, text) in [
            (Lang::De, (2026, 3, 1), "1. März 2026"),
            (Lang::En, (2027, 1, 31), "31 January 2027"),
            (Lang::Es, (2026, 12, 9), "9 de diciembre de 2026"),
            (Lang::Fr, (2026, 8, 1), "1er août 2026"),
            (Lang::Fr, (2026, 8, 2), "2 août 2026"),
        ] {
            let date = CalendarDate { year: date.0, month: date.1, day: date.2 };
            assert_eq!(date.text(Texts::of(lang)), text);
        }
        for lang in Lang::ALL {
            let names: std::collections::BTreeSet<_> = (1..=12).map(|m| month(m, Texts::of(lang))).collect();
            assert_eq!(names.len(), 12, "{lang:?}");
        }
    }
}
