//! `[trust.revocation]` and what a brand says instead.

use super::reader::Reader;
use crate::pki::revocation::{Mode, Policies, Policy};
use time::Duration as Span;

/// What happens when nobody can say whether a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationSettings {
    pub usual: Mode,
    /// For a new client.
    pub registration: Mode,
    /// For QWACs of those who may initiate payments.
    pub payment: Mode,
    /// At a sandbox, instead of the three; none where a sandbox has said its own.
    pub sandbox: Option<Mode>,
    /// How long past its nextUpdate the last good answer counts where the mode is soft.
    pub grace: Span,
    /// A revoked certificate works no longer than this.
    pub max_age: Span,
}

impl RevocationSettings {
    /// Nobody is asked.
    pub const OFF: Self =
        Self { usual: Mode::Off, registration: Mode::Off, payment: Mode::Off, sandbox: None, grace: Span::ZERO, max_age: Span::HOUR };

    pub(super) fn policies(&self, sandbox: bool) -> Policies {
        let instead = self.sandbox.filter(|_| sandbox);
        let policy = |mode| Policy { mode: instead.unwrap_or(mode), grace: self.grace, max_age: self.max_age };
        Policies { usual: policy(self.usual), registration: policy(self.registration), payment: policy(self.payment) }
    }
}

const MODES: [(&str, Mode); 3] = [("hard", Mode::Hard), ("soft", Mode::Soft), ("off", Mode::Off)];

pub(super) fn read(table: &mut Reader<'_>) -> RevocationSettings {
    let mut mode = |key| table.choice(key, &MODES).unwrap_or(Mode::Hard);
    let (usual, registration, payment, sandbox) = (mode("usual"), mode("registration"), mode("payment"), mode("sandbox"));
    let read = RevocationSettings {
        usual,
        registration,
        payment,
        sandbox: Some(sandbox),
        grace: Span::hours(table.size("grace_hours", 0..=168) as i64),
        max_age: Span::minutes(table.size("max_age_minutes", 5..=1_440) as i64),
    };
    table.finish();
    read
}

/// Where a brand says nothing of its own, the general settings hold; a sandbox's are those for sandboxes.
pub(super) fn read_brand(table: Option<Reader<'_>>, sandbox: bool, general: &RevocationSettings) -> RevocationSettings {
    let Some(mut table) = table else { return *general };
    let instead = general.sandbox.filter(|_| sandbox);
    let mut mode = |key, otherwise| table.optional_choice(key, &MODES).unwrap_or(instead.unwrap_or(otherwise));
    let (usual, registration) = (mode("usual", general.usual), mode("registration", general.registration));
    let payment = mode("payment", general.payment);
    let read = RevocationSettings {
        usual,
        registration,
        payment,
        sandbox: None,
        grace: table.optional_number("grace_hours", 0..=168).map_or(general.grace, |hours| Span::hours(hours as i64)),
        max_age: table.optional_number("max_age_minutes", 5..=1_440).map_or(general.max_age, |minutes| Span::minutes(minutes as i64)),
    };
    table.finish();
    read
}
