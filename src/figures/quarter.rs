//! A quarter of a year: what is published together.

use std::{fmt, str::FromStr};
use time::{Date, Month};

/// Written `2026-Q4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarter {
    year: i32,
    /// 0 to 3.
    index: u8,
}

impl Quarter {
    pub fn of(day: Date) -> Self {
        Self { year: day.year(), index: (u8::from(day.month()) - 1) / 3 }
    }

    pub fn first_day(self) -> Date {
        let month = Month::try_from(self.index * 3 + 1).unwrap_or(Month::January);
        Date::from_calendar_date(self.year, month, 1).unwrap_or(Date::MIN)
    }

    /// Of the next quarter, the first.
    pub fn end(self) -> Date {
        let next = if self.index == 3 { Self { year: self.year + 1, index: 0 } } else { Self { index: self.index + 1, ..self } };
        next.first_day()
    }

    pub fn days(self) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(self.first_day()), |day| day.next_day()).take_while(move |day| *day < self.end())
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year, self.index + 1)
    }
}

impl FromStr for Quarter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a quarter is written 2026-Q4".to_owned();
        let (year, index) = text.split_once("-Q").ok_or_else(wrong)?;
        let year = year.parse().ok().filter(|year| (2000..=9000).contains(year)).ok_or_else(wrong)?;
        let index: u8 = index.parse().ok().filter(|index| (1..=4).contains(index)).ok_or_else(wrong)?;
        Ok(Self { year, index: index - 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn a_quarter_has_its_days_and_no_others() {
        let quarter: Quarter = "2028-Q1".parse().unwrap();
        let days: Vec<_> = quarter.days().collect();
        assert_eq!((days[0], *days.last().unwrap(), days.len()), (date!(2028 - 01 - 01), date!(2028 - 03 - 31), 91));
        let last: Quarter = "2026-Q4".parse().unwrap();
        assert_eq!((last.end(), last.to_string()), (date!(2027 - 01 - 01), "2026-Q4".to_owned()));
        for (day, expected) in [(date!(2026 - 03 - 31), "2026-Q1"), (date!(2026 - 04 - 01), "2026-Q2"), (date!(2026 - 12 - 31), "2026-Q4")]
        {
            assert_eq!(Quarter::of(day).to_string(), expected);
        }
        for wrong in ["2026", "2026-Q0", "2026-Q5", "26-Q1", "2026-q1", "2026-Q", "-Q1", "99999-Q1", "2026-Q11"] {
            assert!(wrong.parse::<Quarter>().is_err(), "{wrong}");
        }
    }
}
