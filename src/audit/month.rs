//! Which table an event lives in: that of the month in which its id was made.

use std::fmt;
use time::{Date, Month as Name, OffsetDateTime, Time};
use uuid::Uuid;

/// Counted from January 1970, as the migration's `audit_month_of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// No table has this number or a later one: in the year 2170 the clock is wrong.
const MOST: i32 = 2400;
/// Made before they are needed.
const AHEAD: i32 = 3;

impl Month {
    pub fn of(at: OffsetDateTime) -> Self {
        let (year, month, _) = at.to_offset(time::UtcOffset::UTC).to_calendar_date();
        Self(((year - 1970) * 12 + i32::from(u8::from(month)) - 1).clamp(0, MOST))
    }

    /// A UUIDv7 begins with milliseconds (RFC 9562 s5.7).
    pub fn of_id(id: &Uuid) -> Self {
        let seconds = i64::try_from((id.as_u128() >> 80) / 1000).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).map_or(Self(MOST), Self::of)
    }

    pub const fn number(self) -> i32 {
        self.0
    }

    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub const fn before(self, months: i32) -> Self {
        Self(self.0 - months)
    }

    pub fn begins_at(self) -> OffsetDateTime {
        let month = u8::try_from(self.0.rem_euclid(12) + 1).ok().and_then(|month| Name::try_from(month).ok()).unwrap_or(Name::January);
        let first = Date::from_calendar_date(1970 + self.0.div_euclid(12), month, 1).unwrap_or(Date::MIN);
        first.with_time(Time::MIDNIGHT).assume_utc()
    }

    /// The first id that may be in it.
    pub fn first_id(self) -> Uuid {
        first_id_of(self.begins_at())
    }

    pub fn table(self) -> String {
        let (year, month, _) = self.begins_at().to_calendar_date();
        format!("audit_events_{year:04}{:02}", u8::from(month))
    }

    /// `None`: that table is another one.
    pub fn of_table(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("audit_events_").filter(|digits| digits.len() == 6)?;
        let (year, month) = digits.split_at(4);
        let month = Self((year.parse::<i32>().ok()? - 1970) * 12 + month.parse::<i32>().ok()? - 1);
        (month.table() == name).then_some(month)
    }

    /// As [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_table(&format!("audit_events_{}", text.replace('-', "")))
    }

    /// Where events go from now on, and for some months to come; a slower clock may still be in the one before.
    pub fn ahead(now: OffsetDateTime) -> impl Iterator<Item = Self> {
        let Self(last) = Self::of(now);
        (Self::of(now - time::Duration::HOUR).0..=(last + AHEAD).min(MOST)).map(Self)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, _) = self.begins_at().to_calendar_date();
        write!(f, "{year:04}-{:02}", u8::from(month))
    }
}

/// Ids are in order of the millisecond of their making: none that was made before then is as large.
pub fn first_id_of(at: OffsetDateTime) -> Uuid {
    let millis = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn a_month_has_its_table_and_its_ids() {
        let month = Month::of(datetime!(2026-11-30 23:59:59 UTC));
        assert_eq!((month.number(), month.table().as_str(), month.to_string().as_str()), (682, "audit_events_202611", "2026-11"));
        assert_eq!(month.next().begins_at(), datetime!(2026-12-01 0:00 UTC));
        assert_eq!(month.next().first_id().to_string(), "01a22ee6-b000-0000-0000-000000000000");
        let tables: Vec<_> = Month::ahead(datetime!(2026-12-01 0:30 UTC)).map(Month::table).collect();
        assert_eq!(tables.join(" "), "audit_events_202611 audit_events_202612 audit_events_202701 audit_events_202702 audit_events_202703");
        for name in ["audit_events", "audit_events_default", "audit_events_202613", "audit_events_20261", "tokens_202611"] {
            assert_eq!(Month::of_table(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_month_is_found_by_its_name_and_by_its_ids(number in 0..MOST) {
            let month = Month(number);
            prop_assert_eq!(Month::of_table(&month.table()), Some(month));
            prop_assert_eq!(Month::parse(&month.to_string()), Some(month));
            prop_assert_eq!(Month::of(month.begins_at()), month);
            prop_assert_eq!(Month::of_id(&month.first_id()), month);
            prop_assert_eq!(Month::of_id(&Uuid::from_u128(month.next().first_id().as_u128() - 1)), month);
        }
    }
}
