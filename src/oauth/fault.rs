//! Who is to blame where a request came to nothing: the regulator counts the bank's errors apart from everybody else's.

use super::sca::ScaFailure;

/// RTS art. 32(4) with EBA/GL/2018/07 guideline 2.4: only errors of the bank (ASPSP) count against its interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultSide {
    /// Nothing went wrong.
    #[default]
    None,
    /// The TPP: what it sent, what its certificate says, or that it may not ask.
    Tpp,
    /// The customer: cancelled, mistyped, was too slow, lost the browser, has nothing to authenticate with.
    Psu,
    /// The bank: this server, its database, its SCA, or another of its systems.
    Aspsp,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Also by the customer's browser: an authorization request is the TPP's.
    Tpp,
    Psu,
    /// The bank's own systems.
    Aspsp,
}

impl FaultSide {
    pub const ALL: [Self; 4] = [Self::None, Self::Tpp, Self::Psu, Self::Aspsp];

    /// The word in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tpp => "tpp",
            Self::Psu => "psu",
            Self::Aspsp => "aspsp",
        }
    }

    /// Of an answer of which nothing else is known. RFC 9110 s15.5, s15.6: 4xx is the asker's mistake, 5xx the server's.
    pub const fn of_status(status: u16, asker: Asker) -> Self {
        match (status, asker) {
            (..400, _) => Self::None,
            (400..500, Asker::Tpp) => Self::Tpp,
            (400..500, Asker::Psu) => Self::Psu,
            (400..500, Asker::Aspsp) | (500.., _) => Self::Aspsp,
        }
    }

    /// A journey's end. Only what the bank's side did not manage is the bank's.
    pub const fn of_sca(failure: ScaFailure) -> Self {
        match failure {
            ScaFailure::Technical | ScaFailure::WaitingForValidation => Self::Aspsp,
            ScaFailure::Cancelled
            | ScaFailure::TimedOut
            | ScaFailure::BlockedAfterFailures
            | ScaFailure::DailyQuotaExceeded
            | ScaFailure::NoMethod
            | ScaFailure::OtpSuspended
            | ScaFailure::WrongDevice
            | ScaFailure::PendingEnrollment
            | ScaFailure::SuspendedEnrollment
            | ScaFailure::Disabled
            | ScaFailure::Terminated
            | ScaFailure::Suspended => Self::Psu,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_askers_fault_and_an_outage_the_banks() {
        use FaultSide::{Aspsp, None, Psu, Tpp};
        for (status, [of_tpp, of_psu, of_bank]) in [
            (200, [None, None, None]),
            (303, [None, None, None]),
            (400, [Tpp, Psu, Aspsp]),
            (429, [Tpp, Psu, Aspsp]),
            (499, [Tpp, Psu, Aspsp]),
            (500, [Aspsp, Aspsp, Aspsp]),
            (503, [Aspsp, Aspsp, Aspsp]),
        ] {
            let got = [Asker::Tpp, Asker::Psu, Asker::Aspsp].map(|asker| FaultSide::of_status(status, asker));
            assert_eq!(got, [of_tpp, of_psu, of_bank], "{status}");
        }
    }
}
