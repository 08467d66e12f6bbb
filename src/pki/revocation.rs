//! What a certificate's status is worth now: the answers so far, the bank's policy and the time in; a standing out.

use super::found::Issuer;
use super::pointers::Pointers;
use super::reason::Reason;
use super::status::{Answer, RevocationReason, Said, Serial};
use sha2::{Digest, Sha256};
use std::fmt;
use time::{Duration, OffsetDateTime};

/// A certificate as its issuer knows it. By the key, not the name: cross certificates of one authority share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusKey {
    /// SHA-256 over the issuer's SubjectPublicKeyInfo.
    pub issuer: [u8; 32],
    pub serial: Serial,
}

impl StatusKey {
    pub fn new(issuer: &Issuer, serial: Serial) -> Self {
        Self { issuer: Sha256::digest(&issuer.spki).into(), serial }
    }

    /// An octet that differs from certificate to certificate, so that not all are asked about at once.
    fn spread(&self) -> i32 {
        let digest = Sha256::new().chain_update(self.issuer).chain_update(self.serial.magnitude()).finalize();
        digest.first().copied().unwrap_or(0).into()
    }
}

/// A certificate whose status is asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub issuer: Issuer,
    pub serial: Serial,
    pub pointers: Pointers,
    pub not_after: OffsetDateTime,
}

impl Checked {
    pub fn key(&self) -> StatusKey {
        StatusKey::new(&self.issuer, self.serial)
    }

    pub const fn has_pointers(&self) -> bool {
        !self.pointers.ocsp.is_empty() || !self.pointers.crl.is_empty()
    }
}

/// What happens when no fresh answer is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Status is not asked for.
    Off,
    /// The last good answer still counts for a grace, with a warning.
    Soft,
    /// The request is answered 503: an outage, not a refusal.
    Hard,
}

/// What a bank decides about revocation, for one kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub mode: Mode,
    /// How long past its nextUpdate, or past the first failure where there never was one, a soft policy does without an answer.
    pub grace: Duration,
    /// An answer counts as fresh for so long at most: a revoked certificate works no longer than that.
    pub max_age: Duration,
}

/// A bank's policies, by what the certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies {
    pub usual: Policy,
    pub registration: Policy,
    /// For QWACs of those who may initiate payments.
    pub payment: Policy,
}

impl Policies {
    /// The strictest of those that apply.
    pub fn of(&self, registers: bool, pays: bool) -> Policy {
        let rows = [(true, self.usual), (registers, self.registration), (pays, self.payment)];
        rows.into_iter().filter(|(applies, _)| *applies).map(|(_, policy)| policy).max_by_key(|policy| policy.mode).unwrap_or(self.usual)
    }

    pub const fn all(&self) -> [Policy; 3] {
        [self.usual, self.registration, self.payment]
    }
}

/// An answer that counted when it was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learnt {
    pub answer: Answer,
    pub at: OffsetDateTime,
}

/// What is known of one certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub learnt: Option<Learnt>,
    /// Since when asking has failed, and how often since then.
    pub failing_since: Option<OffsetDateTime>,
    pub failures: u32,
}

/// The same in the words that a verdict needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody has asked yet.
    NotWarm,
    Good(Good),
    Revoked(RevocationReason),
    /// The responder does not know the certificate.
    Unknown,
    Unreachable {
        since: OffsetDateTime,
        last_good: Option<Good>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Good {
    pub learnt_at: OffsetDateTime,
    /// nextUpdate.
    pub until: OffsetDateTime,
}

impl Good {
    /// Until when it is fresh.
    fn fresh_until(&self, policy: &Policy) -> OffsetDateTime {
        self.until.min(self.learnt_at + policy.max_age)
    }
}

/// How long a certificate that the responder does not know yet waits for the next question.
const UNKNOWN_AGAIN: Duration = Duration::minutes(1);
const FIRST_RETRY: Duration = Duration::seconds(5);
const LONGEST_RETRY: Duration = Duration::minutes(5);
/// Answers with a short life are not asked for more often than this.
const SHORTEST: Duration = Duration::seconds(20);

impl Record {
    /// After an answer. A revocation once seen is final, except a hold, which only a later answer lifts.
    pub fn answered(&self, answer: Answer, at: OffsetDateTime) -> Self {
        let kept = self.learnt.filter(|learnt| match learnt.answer.said {
            Said::Revoked { reason, .. } => {
                let worse = matches!(answer.said, Said::Revoked { reason, .. } if reason.is_final());
                reason.is_final() || (answer.this_update < learnt.answer.this_update && !worse)
            }
            Said::Good | Said::Unknown => false,
        });
        Self { learnt: Some(kept.unwrap_or(Learnt { answer, at })), failing_since: None, failures: 0 }
    }

    /// After a question without answer.
    pub fn failed(&self, at: OffsetDateTime) -> Self {
        Self { learnt: self.learnt, failing_since: self.failing_since.or(Some(at)), failures: self.failures.saturating_add(1) }
    }

    pub fn status(&self) -> Status {
        let good = match self.learnt.map(|learnt| (learnt.at, learnt.answer)) {
            Some((_, Answer { said: Said::Revoked { reason, .. }, .. })) => return Status::Revoked(reason),
            Some((_, Answer { said: Said::Unknown, .. })) => return Status::Unknown,
            Some((learnt_at, Answer { said: Said::Good, until, .. })) => Some(Good { learnt_at, until }),
            None => None,
        };
        match (self.failing_since, good) {
            (Some(since), last_good) => Status::Unreachable { since, last_good },
            (None, Some(good)) => Status::Good(good),
            (None, None) => Status::NotWarm,
        }
    }

    /// Whether nothing that comes can change it.
    pub fn is_final(&self) -> bool {
        matches!(self.status(), Status::Revoked(reason) if reason.is_final())
    }

    /// Whether another verdict follows from this one, whatever the policy: everybody must know at once.
    pub fn differs(&self, before: &Self) -> bool {
        let said = |record: &Self| record.learnt.map(|learnt| std::mem::discriminant(&learnt.answer.said));
        said(self) != said(before)
    }

    /// When to ask again: within half of what is left of the answer and of the age that answers may have, each certificate at
    /// another moment. None: never.
    pub fn next_check(&self, key: &StatusKey, max_age: Duration, now: OffsetDateTime) -> Option<OffsetDateTime> {
        if self.is_final() {
            return None;
        }
        let half = |wait: Duration| SHORTEST.max(wait / 2);
        let patience = match self.learnt.map(|learnt| (learnt.at, learnt.answer)) {
            _ if self.failures > 0 => (FIRST_RETRY * 2i32.pow(self.failures.min(8) - 1)).min(LONGEST_RETRY).min(half(max_age)),
            Some((_, Answer { said: Said::Unknown, .. })) => UNKNOWN_AGAIN.min(half(max_age)),
            Some((at, answer)) => half(max_age).min(half(answer.until - at)),
            None => Duration::ZERO,
        };
        // three quarters to all of it
        Some(now + patience - patience * key.spread() / 1024)
    }
}

/// What a verdict takes beside policy and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub status: Status,
    pub has_pointers: bool,
    /// As in [`super::FoundPath::crl_covers_until`]: such a list did not name the certificate.
    pub crl_covers_until: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Fine,
    /// Fine by a soft policy.
    Tolerated(Tolerance),
    Refused(Reason),
    /// Nobody can say now: an outage.
    Unavailable,
}

/// What a soft policy puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    NotFresh,
    NeverLearnt,
    PointersMissing,
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFresh => "the last good answer about its status is older than it should be",
            Self::NeverLearnt => "there never was an answer about its status",
            Self::PointersMissing => "it does not say where its status is published",
        })
    }
}

pub fn judge(evidence: &Evidence, policy: &Policy, now: OffsetDateTime) -> Standing {
    if policy.mode == Mode::Off {
        return Standing::Fine;
    }
    let (last_good, since) = match evidence.status {
        Status::Revoked(_) => return Standing::Refused(Reason::Revoked),
        Status::Unknown => return Standing::Refused(Reason::StatusUnknown),
        Status::Good(good) => (Some(good), now),
        Status::Unreachable { since, last_good } => (last_good, since),
        Status::NotWarm => (None, now),
    };
    if evidence.crl_covers_until.is_some_and(|until| until >= now) || last_good.is_some_and(|good| now <= good.fresh_until(policy)) {
        return Standing::Fine;
    }
    if !evidence.has_pointers {
        return match policy.mode {
            Mode::Hard => Standing::Refused(Reason::RevocationPointersMissing),
            Mode::Soft | Mode::Off => Standing::Tolerated(Tolerance::PointersMissing),
        };
    }
    let (tolerance, end) = match last_good {
        Some(good) => (Tolerance::NotFresh, good.until + policy.grace),
        None => (Tolerance::NeverLearnt, since + policy.grace),
    };
    if policy.mode == Mode::Soft && now <= end { Standing::Tolerated(tolerance) } else { Standing::Unavailable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const HARD: Policy = Policy { mode: Mode::Hard, grace: Duration::hours(6), max_age: Duration::hours(1) };
    const SOFT: Policy = Policy { mode: Mode::Soft, ..HARD };
    const OFF: Policy = Policy { mode: Mode::Off, ..HARD };

    fn good(learnt_minutes_ago: i64, ends_in_minutes: i64) -> Good {
        Good { learnt_at: NOW - Duration::minutes(learnt_minutes_ago), until: NOW + Duration::minutes(ends_in_minutes) }
    }

    #[test]
    fn a_status_is_worth_what_the_policy_says() {
        let away = |hours, last_good| Status::Unreachable { since: NOW - Duration::hours(hours), last_good };
        let (fine, unavailable) = (Standing::Fine, Standing::Unavailable);
        let (stale, never) = (Standing::Tolerated(Tolerance::NotFresh), Standing::Tolerated(Tolerance::NeverLearnt));
        let (revoked, unknown) = (Standing::Refused(Reason::Revoked), Standing::Refused(Reason::StatusUnknown));
        for (status, hard, soft) in [
            (Status::Good(good(0, 60)), &fine, &fine),
            (Status::Good(good(60, 1)), &fine, &fine),
            // older than the age that was promised, though the issuer still stands by it
            (Status::Good(good(61, 60)), &unavailable, &stale),
            (Status::Good(good(10, -1)), &unavailable, &stale),
            (Status::Good(good(500, -360)), &unavailable, &stale),
            (Status::Good(good(500, -361)), &unavailable, &unavailable),
            (away(0, Some(good(10, 10))), &fine, &fine),
            (away(1, Some(good(70, 10))), &unavailable, &stale),
            (away(9, Some(good(600, -361))), &unavailable, &unavailable),
            (away(6, None), &unavailable, &never),
            (away(7, None), &unavailable, &unavailable),
            (Status::NotWarm, &unavailable, &never),
            (Status::Unknown, &unknown, &unknown),
            (Status::Revoked(RevocationReason::KeyCompromise), &revoked, &revoked),
            (Status::Revoked(RevocationReason::CertificateHold), &revoked, &revoked),
        ] {
            let evidence = Evidence { status, has_pointers: true, crl_covers_until: None };
            assert_eq!((&judge(&evidence, &HARD, NOW), &judge(&evidence, &SOFT, NOW)), (hard, soft), "{status:?}");
            assert_eq!(judge(&evidence, &OFF, NOW), fine, "{status:?}");
            let covered = Evidence { crl_covers_until: Some(NOW), ..evidence };
            let expected = if matches!(hard, Standing::Refused(_)) { hard } else { &fine };
            assert_eq!(&judge(&covered, &HARD, NOW), expected, "{status:?} beside a list from a file");
        }
    }

    #[test]
    fn without_pointers_only_a_list_from_a_file_helps() {
        let evidence = |crl_covers_until| Evidence { status: Status::NotWarm, has_pointers: false, crl_covers_until };
        let (early, late) = (Some(NOW - Duration::SECOND), Some(NOW));
        for (covered, hard, soft) in [
            (None, Standing::Refused(Reason::RevocationPointersMissing), Standing::Tolerated(Tolerance::PointersMissing)),
            (early, Standing::Refused(Reason::RevocationPointersMissing), Standing::Tolerated(Tolerance::PointersMissing)),
            (late, Standing::Fine, Standing::Fine),
        ] {
            assert_eq!((judge(&evidence(covered), &HARD, NOW), judge(&evidence(covered), &SOFT, NOW)), (hard, soft), "{covered:?}");
        }
    }

    fn answer(said: Said, minute: i64) -> Answer {
        let this_update = NOW + Duration::minutes(minute);
        Answer { said, this_update, until: this_update + Duration::days(1) }
    }

    fn revoked(reason: RevocationReason) -> Said {
        Said::Revoked { at: NOW, reason }
    }

    #[test]
    fn a_revocation_is_final_and_a_hold_is_lifted_by_a_later_answer_only() {
        use RevocationReason::{CertificateHold, KeyCompromise};
        let record = |said| Record::default().answered(answer(said, 0), NOW);
        for (before, then, minute, now) in [
            (Said::Good, revoked(KeyCompromise), 1, revoked(KeyCompromise)),
            (Said::Good, revoked(CertificateHold), -1, revoked(CertificateHold)),
            (Said::Unknown, Said::Good, 0, Said::Good),
            (Said::Good, Said::Unknown, 1, Said::Unknown),
            (revoked(KeyCompromise), Said::Good, 9, revoked(KeyCompromise)),
            (revoked(KeyCompromise), Said::Unknown, 9, revoked(KeyCompromise)),
            (revoked(KeyCompromise), revoked(CertificateHold), 9, revoked(KeyCompromise)),
            (revoked(CertificateHold), Said::Good, -1, revoked(CertificateHold)),
            (revoked(CertificateHold), Said::Good, 1, Said::Good),
            (revoked(CertificateHold), revoked(KeyCompromise), -1, revoked(KeyCompromise)),
        ] {
            let after = record(before).answered(answer(then, minute), NOW);
            assert_eq!(after.learnt.map(|learnt| learnt.answer.said), Some(now), "{before:?}, then {then:?}");
            let still = after.failed(NOW).learnt.map(|learnt| learnt.answer.said);
            assert_eq!(still, Some(now), "an outage takes nothing back");
        }
    }

    #[test]
    fn the_next_question_comes_before_the_answer_ages() {
        let key = |octet| StatusKey { issuer: [octet; 32], serial: Serial::from_magnitude(&[octet]).unwrap() };
        let good = |life: Duration| Record::default().answered(Answer { said: Said::Good, this_update: NOW, until: NOW + life }, NOW);
        let fails = |times| (0..times).fold(Record::default(), |record, _| record.failed(NOW));
        let hour = Duration::hours(1);
        for (what, record, most) in [
            ("half of the age", good(Duration::days(3)), Duration::minutes(30)),
            ("half of the life", good(Duration::minutes(10)), Duration::minutes(5)),
            ("not without pause", good(Duration::seconds(2)), SHORTEST),
            ("failed once", fails(1), FIRST_RETRY),
            ("failed often", fails(50), LONGEST_RETRY),
            ("unknown", Record::default().answered(answer(Said::Unknown, 0), NOW), UNKNOWN_AGAIN),
        ] {
            let waits: Vec<Duration> = (1..=40).map(|octet| record.next_check(&key(octet), hour, NOW).unwrap() - NOW).collect();
            assert!(waits.iter().all(|wait| *wait <= most && *wait >= most * 3 / 4), "{what}: {waits:?}");
            assert!(waits.iter().collect::<std::collections::BTreeSet<_>>().len() > 20, "{what}: all at once");
        }
        let final_one = Record::default().answered(answer(revoked(RevocationReason::Superseded), 0), NOW);
        assert_eq!(final_one.next_check(&key(1), hour, NOW), None);
    }
}
