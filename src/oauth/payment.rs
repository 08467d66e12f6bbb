//! A lodged payment or cancellation, and what the customer's approval of it is linked to (RTS art. 5).

use super::{client::ClientId, interaction::InteractionId, scope::Scope};
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
