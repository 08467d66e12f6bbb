//! What a customer consented to. The token's life is its grant's life.

use super::{
    brand::ScopePolicy,
    client::ClientId,
    scope::{Scope, ScopeToken},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(pub Uuid);

/// The byte of an id that tells the scope.
const SCOPE_BYTE: usize = 7;

impl GrantId {
    /// RFC 9562 s5.8: the millisecond, which keeps ids in order of time, one byte for the scope, 66 random bits.
    pub fn new(scope: &Scope, now: OffsetDateTime, random: &[u8; 10]) -> Self {
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(random);
        bytes[SCOPE_BYTE] = scope.iter().fold(0, |bits, token| bits | 1 << token as u8);
        Self(Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// What the grant's scope probably is: codes and refresh tokens carry this id, so what they give can be worked out before the
    /// database is asked. Its row decides.
    pub fn scope_hint(&self) -> Scope {
        let bits = self.0.as_bytes()[SCOPE_BYTE];
        ScopeToken::ALL.into_iter().filter(|token| bits & 1 << *token as u8 != 0).collect()
    }
}

/// Why a grant ended before its time. The name is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The customer took it back at his bank.
    WithdrawnByCustomer,
    /// The bank, for a reason of its own, such as fraud (RTS art. 10a(3)).
    EndedByBank,
    /// The bank has the customer authenticated anew (RTS art. 10a(3)): the last SCA counts no more.
    ScaForced,
    /// RFC 7009: the TPP gave it back.
    RevokedByClient,
    /// RFC 7592 s2.3: with its client.
    ClientDeleted,
    /// RFC 6749 s4.1.2: its code was used twice.
    CodeReplayed,
    /// RFC 9700 s4.14.2: a refresh token came back after its successor was used.
    RefreshReplayed,
    /// Nobody came for the code in time.
    AnswerNotFetched,
    /// The payment that it was for is made.
    PaymentUsed,
    /// What was lodged is no longer what the customer approved.
    PaymentChanged,
    /// The bank's payment API took the payment back.
    PaymentWithdrawn,
}

/// Whose doing the end of a grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    Customer,
    Tpp,
    Bank,
    /// Itself: what it was for is done.
    Use,
    /// Whoever used a code or a refresh token again that was over; every token was ended to be safe.
    Replay,
    /// Time.
    Expiry,
}

impl EndReason {
    pub const ALL: [Self; 11] = [
        Self::WithdrawnByCustomer,
        Self::EndedByBank,
        Self::ScaForced,
        Self::RevokedByClient,
        Self::ClientDeleted,
        Self::CodeReplayed,
        Self::RefreshReplayed,
        Self::AnswerNotFetched,
        Self::PaymentUsed,
        Self::PaymentChanged,
        Self::PaymentWithdrawn,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::WithdrawnByCustomer => "withdrawn_by_customer",
            Self::EndedByBank => "ended_by_bank",
            Self::ScaForced => "sca_forced",
            Self::RevokedByClient => "revoked_by_client",
            Self::ClientDeleted => "client_deleted",
            Self::CodeReplayed => "code_replayed",
            Self::RefreshReplayed => "refresh_replayed",
            Self::AnswerNotFetched => "answer_not_fetched",
            Self::PaymentUsed => "payment_used",
            Self::PaymentChanged => "payment_changed",
            Self::PaymentWithdrawn => "payment_withdrawn",
        }
    }

    /// Whatever the program did not write, somebody of the bank did at the database.
    pub fn from_stored(name: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|reason| Some(reason.name()) == name).unwrap_or(Self::EndedByBank)
    }

    pub const fn by(self) -> EndedBy {
        match self {
            Self::WithdrawnByCustomer => EndedBy::Customer,
            Self::RevokedByClient | Self::ClientDeleted => EndedBy::Tpp,
            Self::EndedByBank | Self::ScaForced | Self::AnswerNotFetched | Self::PaymentChanged | Self::PaymentWithdrawn => EndedBy::Bank,
            Self::PaymentUsed => EndedBy::Use,
            Self::CodeReplayed | Self::RefreshReplayed => EndedBy::Replay,
        }
    }
}

/// How the customer of a grant was authenticated: the bank's words, kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaEvidence {
    pub method: String,
    pub reference: Option<String>,
}

/// The bank's opaque name for a customer: never a login, an account or a name. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PsuReference(String);

impl PsuReference {
    pub fn new(reference: impl Into<String>) -> Self {
        Self(reference.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PsuReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PsuReference(..)")
    }
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub id: GrantId,
    pub client: ClientId,
    pub channel: String,
    pub scope: Scope,
    pub psu: PsuReference,
    /// The clock of RTS art. 10a starts here, not at a token's issue.
    pub sca_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
}

impl Grant {
    /// RTS art. 10a: counted from the last SCA.
    pub fn end(policy: &ScopePolicy, sca_at: OffsetDateTime) -> OffsetDateTime {
        sca_at + policy.grant_lifetime
    }

    pub fn is_alive(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_tells_the_scope_and_comes_after_earlier_ones(tokens in proptest::sample::subsequence(&ScopeToken::ALL[..], 1..=4), random: [u8; 10]) {
            let (scope, now): (Scope, _) = (tokens.into_iter().collect(), OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000));
            let id = GrantId::new(&scope, now, &random);
            prop_assert_eq!(id.scope_hint(), scope.clone());
            prop_assert!(id.0 < GrantId::new(&scope, now + time::Duration::MILLISECOND, &[0; 10]).0);
        }
    }
}
