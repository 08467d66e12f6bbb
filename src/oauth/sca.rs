//! Every way strong customer authentication can end badly, without spelling: how a bank names it on the wire is a row of its TOML.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why the customer did not get through. The closed set that a channel must spell out in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaFailure {
    /// The customer refused, or cancelled the pending approval or the OTP entry.
    Cancelled,
    /// The challenge expired unanswered.
    TimedOut,
    /// Third consecutive wrong PIN of this journey; the service is blocked now.
    BlockedAfterFailures,
    /// The customer's daily number of authentications is used up.
    DailyQuotaExceeded,
    /// No method at all.
    NoMethod,
    /// Third consecutive wrong OTP, now or earlier.
    OtpSuspended,
    /// The app was opened on a device that is not the enrolled one.
    WrongDevice,
    /// Requested, the bank has not validated it yet.
    WaitingForValidation,
    /// No device enrolled yet.
    PendingEnrollment,
    /// Blocked, waiting for a device to be enrolled.
    SuspendedEnrollment,
    /// Service switched off.
    Disabled,
    /// Service terminated.
    Terminated,
    /// Service already blocked.
    Suspended,
    /// A temporary technical failure.
    Technical,
}

impl ScaFailure {
    pub const ALL: [Self; 14] = [
        Self::Cancelled,
        Self::TimedOut,
        Self::BlockedAfterFailures,
        Self::DailyQuotaExceeded,
        Self::NoMethod,
        Self::OtpSuspended,
        Self::WrongDevice,
        Self::WaitingForValidation,
        Self::PendingEnrollment,
        Self::SuspendedEnrollment,
        Self::Disabled,
        Self::Terminated,
        Self::Suspended,
        Self::Technical,
    ];

    /// The name in a bank's TOML, in the sandbox and in the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::BlockedAfterFailures => "blocked_after_failures",
            Self::DailyQuotaExceeded => "daily_quota_exceeded",
            Self::NoMethod => "no_method",
            Self::OtpSuspended => "otp_suspended",
            Self::WrongDevice => "wrong_device",
            Self::WaitingForValidation => "waiting_for_validation",
            Self::PendingEnrollment => "pending_enrollment",
            Self::SuspendedEnrollment => "suspended_enrollment",
            Self::Disabled => "disabled",
            Self::Terminated => "terminated",
            Self::Suspended => "suspended",
            Self::Technical => "technical",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// The stable `error_description` that goes with the code. It never tells which factor was wrong (RTS art. 4(3)(a)).
    pub const fn description(self) -> &'static str {
        match self {
            Self::Cancelled => "the customer cancelled",
            Self::TimedOut => "the customer did not answer in time",
            Self::BlockedAfterFailures | Self::OtpSuspended | Self::Suspended | Self::WrongDevice => {
                "the customer could not be authenticated"
            }
            Self::DailyQuotaExceeded => "the customer's daily number of authentications is used up",
            Self::NoMethod
            | Self::WaitingForValidation
            | Self::PendingEnrollment
            | Self::SuspendedEnrollment
            | Self::Disabled
            | Self::Terminated => "the customer has no usable authentication method",
            Self::Technical => "the bank's authentication is temporarily unavailable",
        }
    }
}
