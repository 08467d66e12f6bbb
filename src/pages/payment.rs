//! The payment that the customer approves: on the page that asks, and again while it waits for the answer.

use super::{
    Texts,
    format::{AccountView, account_number, amount, day},
    tpp::plain,
};
use crate::oauth::{
    method::Account,
    payment::{Payment, PaymentKind},
};

/// One fact of it.
pub(super) struct PaymentRow {
    pub label: String,
    pub value: String,
    /// Not in the page's language.
    pub foreign: bool,
}

pub(super) struct PaymentView {
    pub heading: String,
    pub amount_label: String,
    pub amount: String,
    pub rows: Vec<PaymentRow>,
}

impl PaymentView {
    /// Everything that the approval is linked to and that says something to a customer.
    pub(super) fn of(payment: &Payment, accounts: &[Account], t: &Texts) -> Self {
        let ours = |label: String, value: String| PaymentRow { label, value, foreign: false };
        let theirs = |label: String, value: String| PaymentRow { label, value, foreign: true };
        let mut rows = vec![
            theirs(t.payment_payee(), plain(&payment.creditor_name)),
            theirs(t.payment_payee_account(), account_number(&payment.creditor_account)),
            ours(t.payment_date(), payment.execution_date.as_deref().map_or_else(|| t.payment_at_once(), |date| day(t, date))),
        ];
        if let Some(word) = &payment.frequency {
            rows.push(
                frequency(t, word).map_or_else(|| theirs(t.payment_frequency(), plain(word)), |text| ours(t.payment_frequency(), text)),
            );
        }
        if let Some(count) = payment.batch_count {
            rows.push(ours(t.payment_count(), count.to_string()));
        }
        if let Some(from) = from(payment, accounts, t) {
            rows.push(from);
        }
        let cancelled = payment.kind == PaymentKind::Cancellation;
        Self {
            heading: if cancelled { t.payment_cancelled_heading() } else { t.payment_heading() },
            amount_label: if payment.batch_count.is_some() { t.payment_total() } else { t.payment_amount() },
            amount: amount(t, &payment.amount, &payment.currency),
            rows,
        }
    }
}

/// The account that the customer chose, or else the one that the order names.
fn from(payment: &Payment, accounts: &[Account], t: &Texts) -> Option<PaymentRow> {
    let label = if accounts.len() > 1 { t.payment_from_several() } else { t.payment_from() };
    let chosen: Vec<_> = accounts
        .iter()
        .map(|account| AccountView::of(account, t))
        .map(|account| if account.label == account.number { account.label } else { format!("{} {}", account.label, account.number) })
        .map(|text| text.trim().to_owned())
        .collect();
    let value = if chosen.is_empty() { account_number(payment.debtor_account.as_deref()?) } else { chosen.join(", ") };
    Some(PaymentRow { label, value, foreign: true })
}

/// The words of ISO 20022 (`Frequency6Code`) and of the payment APIs in use.
fn frequency(t: &Texts, word: &str) -> Option<String> {
    let word: String = word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(24).collect();
    Some(match word.as_str() {
        "daily" | "dail" => t.frequency_daily(),
        "weekly" | "week" => t.frequency_weekly(),
        "everytwoweeks" | "fortnightly" | "frtn" | "towk" => t.frequency_two_weeks(),
        "monthly" | "mnth" => t.frequency_monthly(),
        "everytwomonths" | "tomn" => t.frequency_two_months(),
        "quarterly" | "qurt" | "qutr" => t.frequency_quarterly(),
        "semiannual" | "halfyearly" | "miyr" | "semi" => t.frequency_half_yearly(),
        "annual" | "yearly" | "year" => t.frequency_yearly(),
        _ => return None,
    })
}
