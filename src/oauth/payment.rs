//! A lodged payment or cancellation, and what the customer's approval of it is linked to (RTS art. 5).

use super::{client::ClientId, interaction::InteractionId, scope::Scope};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Of a lodged request; opaque, and good for its client alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentId(pub Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    Initiation,
    Cancellation,
}

/// What the bank's payment API lodged: what the customer sees and approves. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Of a standing order: `monthly` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<String>,
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
            put(match kind {
                PaymentKind::Initiation => b"initiation",
                PaymentKind::Cancellation => b"cancellation",
            });
            for part in [payment_id, amount, currency, creditor_name, creditor_account] {
                put(part.as_bytes());
            }
            for part in [execution_date, debtor_account, frequency] {
                put(if part.is_some() { b"+" } else { b"-" });
                put(part.as_deref().unwrap_or("").as_bytes());
            }
            put(batch_count.map_or_else(String::new, |count| count.to_string()).as_bytes());
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
