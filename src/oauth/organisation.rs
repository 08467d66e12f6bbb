//! What is known of an organisation: its clients, the certificates it was seen with, what it was merged with.

use super::{brand::BrandId, client::ClientId, tpp::OrganisationId};
use time::{Duration, OffsetDateTime};

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationSummary {
    pub organisation: OrganisationId,
    /// As its latest certificate says, or else as a client was registered.
    pub legal_name: Option<String>,
    /// Live ones, of all brands.
    pub clients: i64,
    /// That were seen, expired ones included.
    pub certificates: i64,
    /// When the first ends of those that are still valid.
    pub first_end: Option<OffsetDateTime>,
    /// When the last ends, valid or not: by then it must have renewed.
    pub last_end: Option<OffsetDateTime>,
    /// Of any certificate.
    pub last_seen_at: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOfOrganisation {
    pub id: ClientId,
    pub brand: BrandId,
    pub name: String,
    pub legal_name: String,
    pub scope: String,
    pub registered_at: OffsetDateTime,
}

/// A certificate as it was met at the tpp counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCertificate {
    /// SHA-256 over the DER.
    pub thumbprint: Vec<u8>,
    /// None of these five: it was last met by an older release.
    pub issuer: Option<String>,
    /// Hexadecimal.
    pub serial: Option<String>,
    pub not_before: Option<OffsetDateTime>,
    pub not_after: Option<OffsetDateTime>,
    pub roles: Option<Vec<String>>,
    /// Where it was accepted.
    pub brands: Vec<String>,
    pub first_seen_at: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
}

/// One organisation became another: its clients are the other's now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRecord {
    pub old: OrganisationId,
    pub new: OrganisationId,
    pub at: OffsetDateTime,
    pub by: String,
    pub reason: String,
    /// Until then certificates of `old` stand for clients of `new`.
    pub until: OffsetDateTime,
    /// How many were moved.
    pub clients: i64,
}

/// Whole days from `now` to `end`, rounded down: 0 on the last day, negative after.
pub fn days_left(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now).whole_seconds().div_euclid(Duration::DAY.whole_seconds())
}

/// How near a certificate's end is; each is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryThreshold {
    Expired,
    Day,
    Week,
    Fortnight,
    Month,
}

impl ExpiryThreshold {
    /// Soonest first.
    pub const ALL: [Self; 5] = [Self::Expired, Self::Day, Self::Week, Self::Fortnight, Self::Month];

    pub const fn days(self) -> i64 {
        match self {
            Self::Expired => 0,
            Self::Day => 1,
            Self::Week => 7,
            Self::Fortnight => 14,
            Self::Month => 30,
        }
    }

    /// The nearest that is reached: who comes late is told the latest news only. RFC 5280 s4.1.2.5: valid to its last second.
    pub fn reached(not_after: OffsetDateTime, now: OffsetDateTime) -> Option<Self> {
        let left = not_after - now;
        Self::ALL.into_iter().find(|threshold| match threshold {
            Self::Expired => left.is_negative(),
            Self::Day | Self::Week | Self::Fortnight | Self::Month => left <= Duration::days(threshold.days()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_nearest_threshold_that_is_reached_counts() {
        use ExpiryThreshold::{Day, Expired, Fortnight, Month, Week};
        let end = datetime!(2026-06-30 12:00:00 UTC);
        let cases = [
            (datetime!(2026-05-31 11:59:59 UTC), None, 30),
            (datetime!(2026-05-31 12:00:00 UTC), Some(Month), 30),
            (datetime!(2026-06-16 11:59:59 UTC), Some(Month), 14),
            (datetime!(2026-06-16 12:00:00 UTC), Some(Fortnight), 14),
            (datetime!(2026-06-23 12:00:00 UTC), Some(Week), 7),
            (datetime!(2026-06-29 11:59:59 UTC), Some(Week), 1),
            (datetime!(2026-06-29 12:00:00 UTC), Some(Day), 1),
            (datetime!(2026-06-30 12:00:00 UTC), Some(Day), 0),
            (datetime!(2026-06-30 12:00:01 UTC), Some(Expired), -1),
        ];
        for (now, threshold, days) in cases {
            assert_eq!((ExpiryThreshold::reached(end, now), days_left(end, now)), (threshold, days), "{now}");
        }
    }
}
