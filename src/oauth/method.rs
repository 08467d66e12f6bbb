//! How a customer may authenticate, and what of it works today: what the bank's SCA system says, judged.

use super::{grant::PsuReference, sca::ScaFailure};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a method asks of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodKind {
    /// Approved on another device or in the bank's app: we wait.
    App,
    /// A code that the customer types here.
    Otp,
}

/// The states that a bank knows; all but one are a failure of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodState {
    Active,
    WaitingForValidation,
    PendingEnrollment,
    SuspendedEnrollment,
    Disabled,
    Terminated,
    Suspended,
    OtpSuspended,
}

impl MethodState {
    const fn failure(self) -> Option<ScaFailure> {
        match self {
            Self::Active => None,
            Self::WaitingForValidation => Some(ScaFailure::WaitingForValidation),
            Self::PendingEnrollment => Some(ScaFailure::PendingEnrollment),
            Self::SuspendedEnrollment => Some(ScaFailure::SuspendedEnrollment),
            Self::Disabled => Some(ScaFailure::Disabled),
            Self::Terminated => Some(ScaFailure::Terminated),
            Self::Suspended => Some(ScaFailure::Suspended),
            Self::OtpSuspended => Some(ScaFailure::OtpSuspended),
        }
    }
}

/// One method of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// The bank's own, opaque.
    pub id: String,
    pub kind: MethodKind,
    /// In the customer's words: "iPhone of M.", "SMS to +33 6 •• •• •• 12".
    pub label: String,
    pub state: MethodState,
}

/// What the bank says of a customer who named himself.
#[derive(Clone, Debug)]
pub struct Eligibility {
    pub psu: PsuReference,
    pub methods: Vec<Method>,
    /// Authentications left today; `None`: no quota.
    pub remaining: Option<u32>,
}

impl Eligibility {
    /// The methods that may be offered, or why none may: the quota first, then the first method's fault.
    pub fn usable(self) -> Result<(PsuReference, Vec<Method>), ScaFailure> {
        if self.remaining == Some(0) {
            return Err(ScaFailure::DailyQuotaExceeded);
        }
        let fault = self.methods.iter().find_map(|method| method.state.failure());
        let active: Vec<_> = self.methods.into_iter().filter(|method| method.state == MethodState::Active).collect();
        if active.is_empty() { Err(fault.unwrap_or(ScaFailure::NoMethod)) } else { Ok((self.psu, active)) }
    }
}

/// More than this many accounts are no choice for a page.
pub const MOST_ACCOUNTS: usize = 50;

/// An account that the customer may choose.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The bank's own, opaque: what grants and introspection carry.
    pub id: String,
    pub iban: Option<String>,
    pub label: String,
    /// ISO 4217.
    pub currency: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_offered_what_works_or_told_why_nothing_does() {
        use MethodState::{Active, Disabled, OtpSuspended};
        for (states, remaining, answer) in [
            (vec![], None, Err(ScaFailure::NoMethod)),
            (vec![Active], Some(0), Err(ScaFailure::DailyQuotaExceeded)),
            (vec![Disabled], None, Err(ScaFailure::Disabled)),
            (vec![OtpSuspended, Disabled], Some(3), Err(ScaFailure::OtpSuspended)),
            (vec![Disabled, Active, Active], Some(1), Ok(2)),
        ] {
            let methods =
                states.iter().map(|state| Method { id: "m".into(), kind: MethodKind::App, label: "phone".into(), state: *state }).collect();
            let usable = Eligibility { psu: PsuReference::new("p"), methods, remaining }.usable();
            assert_eq!(usable.map(|(_, methods)| methods.len()), answer, "{states:?} {remaining:?}");
        }
    }
}
