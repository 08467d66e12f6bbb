//! What the TPP will get, before the customer lets it happen.

use super::{
    CalendarDate, Site, Texts, TppIdentity,
    format::{AccountView, account_number},
    html,
    payment::PaymentView,
};
use crate::oauth::{
    method::Account,
    payment::{Payment, PaymentKind},
    sca::ScaFailure,
    scope::{Scope, ScopeToken},
};
use askama::Template;

/// Information (aisp), consent (cbpii, PSD2 art. 65), or the payment to be confirmed (pisp).
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
    /// What was lodged; `None`: not a payment, or a sandbox's that nobody lodged.
    pub payment: Option<&'a Payment>,
    /// Chosen before; empty where nothing was to be chosen.
    pub accounts: &'a [Account],
    /// IBANs of those that the TPP asks for (RFC 9396); the customer need not follow.
    pub asked: &'a [&'a str],
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

    /// What the TPP would like, in one sentence.
    pub(super) fn lead(self, t: &Texts, brand: &str, tpp: &str) -> String {
        match self {
            Self::AccountInformation { extended: false } => t.sign_in_lead_aisp(brand, tpp),
            Self::AccountInformation { extended: true } => t.sign_in_lead_extended(brand, tpp),
            Self::FundsConfirmation => t.sign_in_lead_cbpii(brand, tpp),
            Self::Payment => t.sign_in_lead_pisp(brand, tpp),
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
            Request::Payment => match self.payment {
                None => t.consent_pisp_title(tpp),
                Some(payment) if payment.kind == PaymentKind::Cancellation => t.consent_cancellation_title(),
                Some(payment) if payment.frequency.is_some() => t.consent_standing_order_title(),
                Some(payment) if payment.batch_count.is_some() => t.consent_batch_title(),
                Some(_) => t.consent_payment_title(),
            },
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
            Request::Payment if self.cancels() => t.approve_cancellation_button(),
            Request::Payment if self.payment.is_some() => t.approve_payment_button(),
            Request::AccountInformation { .. } | Request::Payment => t.continue_button(),
        }
    }

    /// "Cancel" beside the cancelling of a payment could mean either.
    fn cancel_label(&self) -> String {
        let (t, tpp) = (self.site.t(), self.tpp.client_name());
        if self.cancels() { t.keep_payment(tpp) } else { t.cancel(tpp) }
    }

    fn cancels(&self) -> bool {
        self.payment.is_some_and(|payment| payment.kind == PaymentKind::Cancellation)
    }

    fn payment(&self) -> Option<PaymentView> {
        self.payment.map(|payment| PaymentView::of(payment, self.accounts, self.site.t()))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.iter().map(|iban| account_number(iban)).collect()
    }

    /// Those of a payment stand with it.
    fn accounts(&self) -> Vec<AccountView<'_>> {
        let alone = if self.payment.is_some() { &[] } else { self.accounts };
        alone.iter().map(|account| AccountView::of(account, self.site.t())).collect()
    }
}
