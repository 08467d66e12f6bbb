//! Which table a token lives in. Its id says so, so that no statement looks at another one, and what is over goes with its table.

use super::brand::Brand;
use std::{collections::BTreeSet, iter::successors};
use time::{Date, Duration, OffsetDateTime, Time, macros::format_description};
use uuid::{Builder, Uuid};

/// One table of tokens that end in the same day, or, where they live long, in the same week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

/// Up to this lifetime a token goes to the table of a day.
const SHORT: Duration = Duration::days(2);
/// Numbers from here are weeks.
const WEEKS: u16 = 0x8000;
/// No day has this number or a later one: 2059-09-18.
const MOST: i64 = 0x7fff;
/// 1970-01-05, the first Monday, in days since the epoch.
const FIRST_MONDAY: i64 = 4;
/// What a clock of another server may be behind.
const SKEW: Duration = Duration::minutes(10);
const EPOCH: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

impl Partition {
    /// Of a token that lives at most so long from now.
    pub fn of(now: OffsetDateTime, lifetime: Duration) -> Self {
        let [day, week] = Self::both_of(now + lifetime);
        if lifetime <= SHORT { day } else { week }
    }

    /// The day and the week of this time.
    pub fn both_of(at: OffsetDateTime) -> [Self; 2] {
        let days = (at - EPOCH).whole_days();
        [Self::numbered(0, days), Self::numbered(WEEKS, (days - FIRST_MONDAY).div_euclid(7))]
    }

    /// Outside of all days that a bank will see the clock is wrong, and the default table takes it.
    fn numbered(base: u16, number: i64) -> Self {
        Self(base | u16::try_from(number.clamp(0, MOST - 1)).unwrap_or(0))
    }

    pub const fn of_id(id: &Uuid) -> Self {
        let bytes = id.as_bytes();
        Self(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub const fn number(self) -> u16 {
        self.0
    }

    /// The day on which its tokens end, or the first day of that week.
    pub fn first_day(self) -> Date {
        let number = i64::from(self.0 & !WEEKS);
        let day = if self.is_week() { FIRST_MONDAY + 7 * number } else { number };
        (EPOCH + Duration::days(day)).date()
    }

    /// Where tokens of this lifetime go from now on, and for three days, or weeks, to come.
    pub fn ahead(now: OffsetDateTime, lifetime: Duration) -> impl Iterator<Item = Self> {
        let margin = if lifetime <= SHORT { Duration::days(3) } else { Duration::weeks(3) };
        let last = Self::of(now + margin, lifetime);
        successors(Some(Self::of(now - SKEW, lifetime)), |partition| Some(partition.next())).take_while(move |partition| *partition <= last)
    }

    /// What tokens of these brands go to, from now on and for some days or weeks.
    pub fn needed<'a>(brands: impl IntoIterator<Item = &'a Brand>, now: OffsetDateTime) -> BTreeSet<Self> {
        let lifetimes: BTreeSet<_> = brands.into_iter().flat_map(Brand::access_token_lifetimes).collect();
        lifetimes.into_iter().flat_map(|lifetime| Self::ahead(now, lifetime)).collect()
    }

    pub const fn is_week(self) -> bool {
        self.0 & WEEKS != 0
    }

    /// From then on every token in it is over.
    pub fn ends_at(self) -> OffsetDateTime {
        let days = if self.is_week() { 7 } else { 1 };
        self.first_day().with_time(Time::MIDNIGHT).assume_utc() + Duration::days(days)
    }

    /// The one after it, of its kind.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As the migration's `tokens_partition_name`.
    pub fn table(self) -> String {
        let (year, month, day) = self.first_day().to_calendar_date();
        let kind = if self.is_week() { "week" } else { "day" };
        format!("tokens_{kind}_{year:04}{:02}{day:02}", u8::from(month))
    }

    /// The one that has its tokens in this table. `None`: that table is of another kind.
    pub fn of_table(name: &str) -> Option<Self> {
        let (kind, day) = name.strip_prefix("tokens_")?.split_once('_')?;
        let date = Date::parse(day, format_description!("[year][month][day]")).ok()?;
        let day = (date.with_time(Time::MIDNIGHT).assume_utc() - EPOCH).whole_days();
        let (base, number) = if kind == "week" { (WEEKS, (day - FIRST_MONDAY).div_euclid(7)) } else { (0, day) };
        let found = Self(base | u16::try_from(number).ok().filter(|number| i64::from(*number) < MOST)?);
        (found.table() == name).then_some(found)
    }

    /// The first id that may be in it.
    pub const fn first_id(self) -> Uuid {
        Uuid::from_u128((self.0 as u128) << 112)
    }

    /// An id in it (RFC 9562 s5.8): its number, the second, 74 random bits. Ids made later come later.
    pub fn id(self, now: OffsetDateTime, random: &[u8; 10]) -> Uuid {
        let seconds = u32::try_from(now.unix_timestamp()).unwrap_or(0);
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&self.0.to_be_bytes());
        bytes[2..6].copy_from_slice(&seconds.to_be_bytes());
        bytes[6..].copy_from_slice(random);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn tables_have_the_names_of_their_days() {
        let now = datetime!(2026-11-28 10:00 UTC);
        for (lifetime, table, ends) in [
            (Duration::minutes(10), "tokens_day_20261128", datetime!(2026-11-29 0:00 UTC)),
            (Duration::days(2), "tokens_day_20261130", datetime!(2026-12-01 0:00 UTC)),
            (Duration::days(3), "tokens_week_20261130", datetime!(2026-12-07 0:00 UTC)),
            (Duration::days(180), "tokens_week_20270524", datetime!(2027-05-31 0:00 UTC)),
        ] {
            let partition = Partition::of(now, lifetime);
            assert_eq!((partition.table().as_str(), partition.ends_at()), (table, ends));
        }
    }

    #[test]
    fn tables_are_there_before_they_are_needed() {
        let tables = |now, lifetime| Partition::ahead(now, lifetime).map(Partition::table).collect::<Vec<_>>();
        assert_eq!(
            tables(datetime!(2026-11-28 0:05 UTC), Duration::hours(3)),
            ["tokens_day_20261128", "tokens_day_20261129", "tokens_day_20261130", "tokens_day_20261201"]
        );
        assert_eq!(tables(datetime!(2026-11-28 21:05 UTC), Duration::hours(3))[0], "tokens_day_20261128", "as a slower clock has it");
        assert_eq!(
            tables(datetime!(2026-11-28 12:00 UTC), Duration::days(180)),
            ["tokens_week_20270524", "tokens_week_20270531", "tokens_week_20270607", "tokens_week_20270614"]
        );
        assert_eq!(Partition::ahead(datetime!(2500-01-01 0:00 UTC), Duration::HOUR).count(), 1, "no day has a number by then");
    }

    #[test]
    fn only_what_a_table_of_tokens_is_called_names_one() {
        for name in [
            "tokens",
            "tokens_default",
            "tokens_day_",
            "tokens_day_2026",
            "tokens_day_20261301",
            "tokens_day_19691231",
            "tokens_day_20590918",
            "tokens_week_20261124",
            "tokens_week_99991231",
            "tokens_month_20261101",
            "tokens_day_20261128x",
            "day_20261128",
        ] {
            assert_eq!(Partition::of_table(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_table_is_found_by_its_name(number: u16) {
            let partition = Partition(number);
            prop_assume!(i64::from(number & !WEEKS) < MOST);
            prop_assert_eq!(Partition::of_table(&partition.table()), Some(partition));
            prop_assert_eq!(Partition::of_id(&partition.first_id()), partition);
            prop_assert!(partition.first_id() < partition.id(EPOCH + Duration::SECOND, &[0; 10]));
        }

        #[test]
        fn a_token_is_over_when_its_table_is_and_not_long_before(second in 2_000_000_i64..2_000_000_000, minutes in 0_i64..5_000_000, random: [u8; 10]) {
            let (now, lifetime) = (EPOCH + Duration::seconds(second), Duration::minutes(minutes));
            let partition = Partition::of(now, lifetime);
            prop_assert!(now + lifetime < partition.ends_at());
            prop_assert!(partition.ends_at() - (now + lifetime) <= Duration::days(7));
            let id = partition.id(now, &random);
            prop_assert_eq!(Partition::of_id(&id), partition);
            prop_assert!(id < partition.id(now + Duration::SECOND, &[0; 10]), "ordered by time");
            prop_assert!(partition.next().ends_at() > partition.ends_at());
        }
    }
}
