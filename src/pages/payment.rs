//! The payment that the customer approves: on the page that asks, and again while it waits for the answer.

use super::{
    Texts,
    format::{AccountView, account_number, amount, day},
    tpp::plain,
};
use crate::oauth::{
    method::Account,
    payment::{Frequency, Payment, PaymentKind},
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
        if let Some(frequency) = payment.frequency {
            rows.push(ours(t.payment_frequency(), frequency_in_words(frequency, t)));
        }
        if let Some(count) = payment.batch_count {
            rows.push(ours(t.payment_count(), count.to_string()));
        }
        if let Some(reference) = &payment.remittance_information {
            rows.push(theirs(t.payment_reference(), plain(reference)));
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

fn frequency_in_words(frequency: Frequency, t: &Texts) -> String {
    match frequency {
        Frequency::Daily => t.frequency_daily(),
        Frequency::Weekly => t.frequency_weekly(),
        Frequency::EveryTwoWeeks => t.frequency_two_weeks(),
        Frequency::Monthly => t.frequency_monthly(),
        Frequency::EveryTwoMonths => t.frequency_two_months(),
        Frequency::Quarterly => t.frequency_quarterly(),
        Frequency::SemiAnnual => t.frequency_half_yearly(),
        Frequency::Annual => t.frequency_yearly(),
    }
}
