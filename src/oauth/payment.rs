//! A lodged payment or cancellation, and what the customer's approval of it is linked to (RTS art. 5).

use super::{brand::BrandId, client::ClientId, interaction::InteractionId, scope::Scope, secret::Digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use uuid::Uuid;

/// Of a lodged request; opaque, and good for its client alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentId(pub Uuid);

impl PaymentId {
    /// One spelling only.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A lodged request as it stood when a journey began: after a change it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentVersion {
    pub id: PaymentId,
    pub revision: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    Initiation,
    Cancellation,
}

impl PaymentKind {
    pub const ALL: [Self; 2] = [Self::Initiation, Self::Cancellation];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiation => "initiation",
            Self::Cancellation => "cancellation",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How often a standing order pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    Daily,
    Weekly,
    EveryTwoWeeks,
    Monthly,
    EveryTwoMonths,
    Quarterly,
    SemiAnnual,
    Annual,
}

impl Frequency {
    pub const ALL: [Self; 8] = [
        Self::Daily,
        Self::Weekly,
        Self::EveryTwoWeeks,
        Self::Monthly,
        Self::EveryTwoMonths,
        Self::Quarterly,
        Self::SemiAnnual,
        Self::Annual,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::EveryTwoWeeks => "every_two_weeks",
            Self::Monthly => "monthly",
            Self::EveryTwoMonths => "every_two_months",
            Self::Quarterly => "quarterly",
            Self::SemiAnnual => "semi_annual",
            Self::Annual => "annual",
        }
    }
}

/// What the bank's payment API lodged: what the customer sees and approves. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    pub kind: PaymentKind,
    /// The bank's own name of the payment.
    pub payment_id: String,
    /// A decimal number as in ISO 20022, such as `1234.50`.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    pub creditor_name: String,
    /// IBAN, or the scheme's own.
    pub creditor_account: String,
    /// `YYYY-MM-DD`; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_date: Option<String>,
    /// Absent: the customer chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debtor_account: Option<String>,
    /// Of a standing order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<Frequency>,
    /// Of a batch: how many payments `amount` sums up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_count: Option<u32>,
    /// What the payee is told (ISO 20022 Unstructured). Only of a payment that a TPP asked for by `authorization_details`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance_information: Option<String>,
}

impl Payment {
    /// What there is one live request of.
    pub fn key(&self, brand: &BrandId) -> Digest {
        Digest::of(format!("{} {} {}", brand.as_str(), self.kind.name(), self.payment_id).as_bytes())
    }
}

impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payment(..)")
    }
}

/// Goes out with the challenge and must come back with the result: an approval is of exactly this, and of nothing else.
#[derive(Clone, Copy)]
pub struct LinkedHash([u8; 32]);

impl LinkedHash {
    /// Over everything that is approved; each part with its length, so that no two approvals read the same.
    pub fn of(interaction: InteractionId, client: ClientId, scope: &Scope, payment: Option<&Payment>) -> Self {
        let mut hash = Sha256::new();
        let mut put = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        put(b"guichet linked_hash 1");
        put(interaction.0.as_bytes());
        put(client.0.as_bytes());
        put(scope.to_string().as_bytes());
        if let Some(payment) = payment {
            // exhaustive: whoever adds a field must say whether it is approved
            let Payment {
                kind,
                payment_id,
                amount,
                currency,
                creditor_name,
                creditor_account,
                execution_date,
                debtor_account,
                frequency,
                batch_count,
                remittance_information,
            } = payment;
            put(kind.name().as_bytes());
            for part in [payment_id, amount, currency, creditor_name, creditor_account] {
                put(part.as_bytes());
            }
            // absent differs from every text that may be there, the empty one too
            let count = batch_count.map(|count| count.to_string());
            for part in [execution_date.as_deref(), debtor_account.as_deref(), frequency.map(Frequency::name), count.as_deref()] {
                put(if part.is_some() { b"+" } else { b"-" });
                put(part.unwrap_or("").as_bytes());
            }
            // last, and nothing where there is none: what an earlier release began, and it alone knows, goes on
            if let Some(text) = remittance_information {
                put(b"+");
                put(text.as_bytes());
            }
        }
        Self(hash.finalize().into())
    }

    /// As it goes over the wire: base64url without padding.
    pub fn wire(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn is(&self, came_back: &str) -> bool {
        self.wire().as_bytes().ct_eq(came_back.as_bytes()).into()
    }
}

impl fmt::Debug for LinkedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkedHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{option, prelude::*, sample::select};

    /// Short texts over few letters, so that parts which run into each other would be found.
    fn text() -> impl Strategy<Value = String> {
        "[+\\-a1]{0,3}"
    }

    fn payments() -> impl Strategy<Value = Payment> {
        let texts = (text(), text(), text(), text(), text());
        let may = (option::of(text()), option::of(text()), option::of(select(&Frequency::ALL)), option::of(0_u32..12), option::of(text()));
        (select(&PaymentKind::ALL), texts, may).prop_map(|(kind, texts, may)| Payment {
            kind,
            payment_id: texts.0,
            amount: texts.1,
            currency: texts.2,
            creditor_name: texts.3,
            creditor_account: texts.4,
            execution_date: may.0,
            debtor_account: may.1,
            frequency: may.2,
            batch_count: may.3,
            remittance_information: may.4,
        })
    }

    fn hash(payment: Option<&Payment>) -> [u8; 32] {
        linked(1, 2, "pisp", payment).0
    }

    fn linked(interaction: u128, client: u128, scope: &str, payment: Option<&Payment>) -> LinkedHash {
        let scope = Scope::parse(scope).unwrap();
        LinkedHash::of(InteractionId(Uuid::from_u128(interaction)), ClientId(Uuid::from_u128(client)), &scope, payment)
    }

    /// A text moved on by a character from one member to its neighbour: what a customer reads is another payment.
    fn shifted(payment: &Payment) -> Vec<Payment> {
        type Text = fn(&mut Payment) -> &mut String;
        let members: [Text; 5] =
            [|p| &mut p.payment_id, |p| &mut p.amount, |p| &mut p.currency, |p| &mut p.creditor_name, |p| &mut p.creditor_account];
        let pairs = members.windows(2).filter_map(|pair| {
            let mut moved = payment.clone();
            let last = pair[0](&mut moved).pop()?;
            pair[1](&mut moved).insert(0, last);
            Some(moved)
        });
        let mut all: Vec<_> = pairs.collect();
        let swapped =
            Payment { execution_date: payment.debtor_account.clone(), debtor_account: payment.execution_date.clone(), ..payment.clone() };
        all.extend([swapped].into_iter().filter(|swapped| swapped != payment));
        all
    }

    proptest! {
        #[test]
        fn two_payments_are_approved_alike_only_if_they_are_the_same(a in payments(), b in payments()) {
            prop_assert_eq!(hash(Some(&a)) == hash(Some(&b)), a == b);
            prop_assert_ne!(hash(Some(&a)), hash(None));
            for moved in shifted(&a) {
                prop_assert_ne!(hash(Some(&a)), hash(Some(&moved)));
            }
        }

        #[test]
        fn any_change_of_any_member_is_another_approval(payment in payments(), other in payments(), more in "[0-9a-z]{1,4}") {
            let changes: [fn(&mut Payment, &Payment, &str); 11] = [
                |p, _, _| p.kind = if p.kind == PaymentKind::Initiation { PaymentKind::Cancellation } else { PaymentKind::Initiation },
                |p, _, more| p.payment_id += more,
                |p, _, more| p.amount += more,
                |p, _, more| p.currency += more,
                |p, _, more| p.creditor_name += more,
                |p, _, more| p.creditor_account += more,
                |p, other, _| p.execution_date.clone_from(&other.execution_date),
                |p, other, _| p.debtor_account.clone_from(&other.debtor_account),
                |p, other, _| p.frequency = other.frequency,
                |p, other, _| p.batch_count = other.batch_count,
                |p, other, _| p.remittance_information.clone_from(&other.remittance_information),
            ];
            for change in changes {
                let mut changed = payment.clone();
                change(&mut changed, &other, &more);
                prop_assert_eq!(hash(Some(&payment)) == hash(Some(&changed)), payment == changed);
            }
        }

        #[test]
        fn an_approval_is_of_one_journey_one_client_and_one_scope(payment in option::of(payments())) {
            let payment = payment.as_ref();
            let this = linked(1, 2, "pisp", payment);
            prop_assert!(this.is(&linked(1, 2, "pisp", payment).wire()));
            for other in [linked(3, 2, "pisp", payment), linked(1, 3, "pisp", payment), linked(1, 2, "aisp", payment), linked(2, 1, "pisp", payment)] {
                prop_assert!(!this.is(&other.wire()));
            }
        }

        #[test]
        fn nothing_but_the_hash_itself_comes_back(answer in "\\PC{0,60}", at in 0_usize..43) {
            let this = linked(1, 2, "pisp", None);
            prop_assert!(!this.is(&answer));
            let mut typed = this.wire().into_bytes();
            typed[at] = if typed[at] == b'A' { b'B' } else { b'A' };
            prop_assert!(!this.is(std::str::from_utf8(&typed).unwrap()));
            prop_assert!(!this.is(&this.wire()[..at]));
        }
    }
}
