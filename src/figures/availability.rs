//! When the interface was down. From marks that replicas can put together in any order: which seconds had a request that was replied
//! to, and how many requests of which second were not.

use super::{CONSECUTIVE, MINUTE, REPLY_WITHIN};
use std::collections::{BTreeMap, VecDeque};

/// Minute since the epoch -> one bit for each of its seconds.
pub type Bits = BTreeMap<i64, u64>;

/// What is known of a brand's requests, by the second in which each was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Seconds with a request that was replied to.
    pub replied: Bits,
    /// Second since the epoch -> requests that were not.
    pub failed: BTreeMap<i64, u32>,
}

/// Seconds in which some process ran.
pub type Alive = Bits;

/// From `start` until before `end`, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: i64,
    pub end: i64,
}

impl Span {
    /// Seconds of it within `day`.
    pub fn within(self, day: Self) -> i64 {
        (self.end.min(day.end) - self.start.max(day.start)).max(0)
    }
}

pub fn mark(bits: &mut Bits, second: i64) {
    *bits.entry(second.div_euclid(MINUTE)).or_default() |= 1 << second.rem_euclid(MINUTE);
}

fn is_marked(bits: &Bits, second: i64) -> bool {
    bits.get(&second.div_euclid(MINUTE)).is_some_and(|minute| minute >> second.rem_euclid(MINUTE) & 1 == 1)
}

/// The first marked second from `second` on.
fn next_marked(bits: &Bits, second: i64) -> Option<i64> {
    let minute = second.div_euclid(MINUTE);
    bits.range(minute..).find_map(|(at, marks)| {
        let seen = if *at == minute { marks >> second.rem_euclid(MINUTE) << second.rem_euclid(MINUTE) } else { *marks };
        (seen != 0).then(|| at * MINUTE + i64::from(seen.trailing_zeros()))
    })
}

/// Guideline 2.4(b): down from the first of five consecutive requests that were not replied to within 30 s in all, with none replied to
/// between them, until the next that was; `until` where none was. A second that had both is taken for a reply between.
pub fn downtime(marks: &Marks, until: i64) -> Vec<Span> {
    let mut spans: Vec<Span> = vec![];
    let mut series: VecDeque<i64> = VecDeque::new();
    let mut last = i64::MIN;
    for (&second, &count) in &marks.failed {
        if spans.last().is_some_and(|span| second < span.end) || second >= until {
            continue;
        }
        if next_marked(&marks.replied, last.saturating_add(1)).is_some_and(|reply| reply <= second) {
            series.clear();
        }
        last = second;
        if is_marked(&marks.replied, second) {
            continue;
        }
        for _ in 0..count.min(CONSECUTIVE) {
            if series.len() == CONSECUTIVE as usize {
                series.pop_front();
            }
            series.push_back(second);
            let five = series.len() == CONSECUTIVE as usize;
            if let Some(&start) = series.front().filter(|first| five && second - **first <= REPLY_WITHIN) {
                spans.push(Span { start, end: next_marked(&marks.replied, second).map_or(until, |reply| reply.min(until)) });
                series.clear();
                break;
            }
        }
    }
    spans
}

/// Seconds of `day` in which nobody ran who could have seen a request.
pub fn unobserved(alive: &Alive, day: Span) -> i64 {
    let (first, last) = (day.start.div_euclid(MINUTE), (day.end - 1).div_euclid(MINUTE));
    let seen = alive.range(first..=last).map(|(minute, marks)| {
        let from = (day.start - minute * MINUTE).clamp(0, MINUTE);
        let to = (day.end - minute * MINUTE).clamp(0, MINUTE);
        let mask = ((1_u64 << to) - 1) & !((1_u64 << from) - 1);
        i64::from((marks & mask).count_ones())
    });
    (day.end - day.start - seen.sum::<i64>()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks(replied: &[i64], failed: &[(i64, u32)]) -> Marks {
        let mut marks = Marks { failed: failed.iter().copied().collect(), ..Marks::default() };
        replied.iter().for_each(|second| mark(&mut marks.replied, *second));
        marks
    }

    #[test]
    fn five_in_a_row_within_thirty_seconds_are_a_downtime() {
        let span = |start, end| Span { start, end };
        type Case<'a> = (&'a [i64], &'a [(i64, u32)], &'a [Span]);
        let cases: &[Case<'_>] = &[
            (&[], &[], &[]),
            // four are none
            (&[200], &[(100, 4)], &[]),
            // from the first of the five to the next reply
            (&[99, 250], &[(100, 1), (105, 2), (110, 1), (130, 1)], &[span(100, 250)]),
            // a second too far apart: the window moves on
            (&[250], &[(100, 1), (105, 1), (110, 1), (115, 1), (131, 1)], &[]),
            (&[250], &[(100, 1), (105, 1), (110, 1), (115, 1), (131, 1), (132, 1)], &[span(105, 250)]),
            // one that was replied to between them
            (&[107, 250], &[(100, 2), (105, 2), (110, 4)], &[]),
            // in the same second as one that was not
            (&[105, 250], &[(100, 4), (105, 9), (110, 4)], &[]),
            // what fails while it is down belongs to it
            (&[250], &[(100, 5), (160, 5), (200, 1)], &[span(100, 250)]),
            // and again
            (&[250, 400], &[(100, 5), (300, 5)], &[span(100, 250), span(300, 400)]),
            // nobody was replied to yet
            (&[], &[(100, 7)], &[span(100, 1000)]),
            (&[1500], &[(100, 7)], &[span(100, 1000)]),
        ];
        for (replied, failed, expected) in cases {
            assert_eq!(downtime(&marks(replied, failed), 1000), *expected, "{replied:?} {failed:?}");
        }
    }

    #[test]
    fn a_day_counts_its_own_part() {
        let day = Span { start: 86_400, end: 2 * 86_400 };
        assert_eq!(Span { start: 86_000, end: 87_000 }.within(day), 600);
        assert_eq!(Span { start: 0, end: 1_000_000 }.within(day), 86_400);
        assert_eq!(Span { start: 0, end: 86_400 }.within(day), 0);
        let mut alive = Alive::new();
        (86_410..86_530).for_each(|second| mark(&mut alive, second));
        assert_eq!(unobserved(&alive, day), 86_400 - 120);
        assert_eq!(unobserved(&alive, Span { start: 86_405, end: 86_415 }), 5);
    }

    proptest! {
        /// Told request by request, as the guideline puts it.
        #[test]
        fn marks_say_what_the_requests_one_by_one_say(requests in proptest::collection::btree_map(0_i64..300, (any::<bool>(), 1_u32..4), 0..80)) {
            let mut expected = vec![];
            let (mut series, mut down): (Vec<i64>, Option<i64>) = (vec![], None);
            for (second, (replied, count)) in &requests {
                if *replied {
                    series.clear();
                    if let Some(start) = down.take() {
                        expected.push(Span { start, end: *second });
                    }
                    continue;
                }
                for _ in 0..*count {
                    series.push(*second);
                    let five = series.len().checked_sub(5).map(|first| series[first]);
                    if down.is_none() && five.is_some_and(|first| second - first <= 30) {
                        down = five;
                    }
                }
            }
            expected.extend(down.map(|start| Span { start, end: 1000 }));
            let replied: Vec<_> = requests.iter().filter(|(_, (replied, _))| *replied).map(|(second, _)| *second).collect();
            let failed: Vec<_> = requests.iter().filter(|(_, (replied, _))| !*replied).map(|(second, (_, count))| (*second, *count)).collect();
            prop_assert_eq!(downtime(&marks(&replied, &failed), 1000), expected);
        }
    }
}
