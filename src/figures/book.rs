//! What this process saw since it was last written down: sums and marks, bounded, that add up with those of other processes.

use super::{
    SECONDS_A_DAY,
    availability::{Alive, Marks, mark},
};
use crate::oauth::{brand::BrandId, fault::FaultSide, tpp::PspRole};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Marks that wait at most, of all brands: while the database is away for longer than some days, older ones stay.
const MOST_MARKS: usize = 100_000;

/// The service of PSD2 that a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    AccountInformation,
    PaymentInitiation,
    FundsConfirmation,
    /// It does not say: a registration, a revocation.
    Other,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::AccountInformation, Self::PaymentInitiation, Self::FundsConfirmation, Self::Other];

    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountInformation => "ais",
            Self::PaymentInitiation => "pis",
            Self::FundsConfirmation => "cbpii",
            Self::Other => "other",
        }
    }

    pub const fn of(role: Option<PspRole>) -> Self {
        match role {
            Some(PspRole::AccountInformation) => Self::AccountInformation,
            Some(PspRole::PaymentInitiation) => Self::PaymentInitiation,
            Some(PspRole::CardIssuing) => Self::FundsConfirmation,
            Some(PspRole::AccountServicing) | None => Self::Other,
        }
    }
}

/// A request of a TPP, or of a customer whom a TPP sent.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When it was received, in seconds since the epoch.
    pub received: i64,
    pub service: Service,
    /// In time, and not by an error of the server (5xx).
    pub replied: bool,
    pub fault: FaultSide,
    /// To the last byte of the answer.
    pub micros: u64,
}

/// Of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySum {
    pub requests: i64,
    pub micros: i64,
    pub not_replied: i64,
    /// Errors by whose fault.
    pub aspsp: i64,
    pub tpp: i64,
    pub psu: i64,
}

impl DaySum {
    fn add(&mut self, sample: &Sample) {
        self.requests += 1;
        self.micros = self.micros.saturating_add(i64::try_from(sample.micros).unwrap_or(i64::MAX));
        self.not_replied += i64::from(!sample.replied);
        match sample.fault {
            FaultSide::None => {}
            FaultSide::Aspsp => self.aspsp += 1,
            FaultSide::Tpp => self.tpp += 1,
            FaultSide::Psu => self.psu += 1,
        }
    }

    #[cfg(test)]
    fn join(&mut self, other: &Self) {
        self.requests += other.requests;
        self.micros = self.micros.saturating_add(other.micros);
        self.not_replied += other.not_replied;
        self.aspsp += other.aspsp;
        self.tpp += other.tpp;
        self.psu += other.psu;
    }
}

/// All that is to be written down together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Of this process: written twice, it counts once.
    pub number: i64,
    pub alive: Alive,
    pub brands: BTreeMap<BrandId, Marks>,
    /// Days are counted from the epoch.
    pub days: BTreeMap<(BrandId, i64, Service), DaySum>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.alive.is_empty() && self.brands.is_empty() && self.days.is_empty()
    }

    fn marks(&self) -> usize {
        self.alive.len() + self.brands.values().map(|marks| marks.replied.len() + marks.failed.len()).sum::<usize>()
    }

    fn note(&mut self, brand: &BrandId, sample: &Sample) {
        let key = (brand.clone(), sample.received.div_euclid(SECONDS_A_DAY), sample.service);
        self.days.entry(key).or_default().add(sample);
        if self.marks() >= MOST_MARKS {
            metrics::counter!("guichet_figures_dropped_total").increment(1);
            return;
        }
        let marks = match self.brands.get_mut(brand) {
            Some(marks) => marks,
            None => self.brands.entry(brand.clone()).or_default(),
        };
        match sample.replied {
            true => mark(&mut marks.replied, sample.received),
            false => *marks.failed.entry(sample.received).or_default() += 1,
        }
    }

    #[cfg(test)]
    fn join(&mut self, other: Self) {
        for (minute, seconds) in other.alive {
            *self.alive.entry(minute).or_default() |= seconds;
        }
        for (brand, marks) in other.brands {
            let own = self.brands.entry(brand).or_default();
            for (minute, seconds) in marks.replied {
                *own.replied.entry(minute).or_default() |= seconds;
            }
            for (second, count) in marks.failed {
                *own.failed.entry(second).or_default() += count;
            }
        }
        for (key, sum) in other.days {
            self.days.entry(key).or_default().join(&sum);
        }
    }
}

/// Of this process.
#[derive(Default)]
pub struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    open: Batch,
    /// Given out and perhaps written: it keeps its number until that is known.
    given: Option<Batch>,
    last: i64,
    /// Alive since.
    seen: Option<i64>,
}

impl Book {
    pub fn note(&self, brand: &BrandId, sample: &Sample) {
        self.pages().open.note(brand, sample);
    }

    /// This process has run since it last said so, or since now.
    pub fn alive(&self, now: i64) {
        let mut pages = self.pages();
        // a clock that jumped says nothing about the time between
        let from = pages.seen.filter(|seen| (0..=120).contains(&(now - seen))).unwrap_or(now);
        (from..=now).for_each(|second| mark(&mut pages.open.alive, second));
        pages.seen = Some(now);
    }

    /// What is to be written, the same again until `written`.
    pub fn give(&self) -> Option<Batch> {
        let mut pages = self.pages();
        if pages.given.is_none() {
            let mut open = std::mem::take(&mut pages.open);
            if open.is_empty() {
                return None;
            }
            pages.last += 1;
            open.number = pages.last;
            pages.given = Some(open);
        }
        pages.given.clone()
    }

    pub fn written(&self, number: i64) {
        let mut pages = self.pages();
        pages.given.take_if(|given| given.number == number);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(received: i64, replied: bool) -> Sample {
        let fault = if replied { FaultSide::None } else { FaultSide::Aspsp };
        Sample { received, service: Service::AccountInformation, replied, fault, micros: 1_500 }
    }

    #[test]
    fn a_batch_is_the_same_until_it_is_written() {
        let (book, brand) = (Book::default(), BrandId::new("cic"));
        assert_eq!(book.give(), None);
        book.note(&brand, &sample(100, true));
        book.note(&brand, &sample(100, false));
        let first = book.give().unwrap();
        book.note(&brand, &sample(101, true));
        assert_eq!(book.give(), Some(first.clone()));
        book.written(0);
        assert_eq!(book.give(), Some(first.clone()));
        book.written(first.number);
        let second = book.give().unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        let key = (brand.clone(), 0, Service::AccountInformation);
        let sum = DaySum { requests: 2, micros: 3_000, not_replied: 1, aspsp: 1, ..DaySum::default() };
        assert_eq!(first.days.get(&key), Some(&sum));
        assert_eq!(second.days.get(&key).map(|sum| sum.requests), Some(1));
        let mut both = first;
        both.join(second);
        assert_eq!(both.days.get(&key).map(|sum| sum.requests), Some(3));
        assert_eq!(both.brands[&brand].failed[&100], 1);
    }

    #[test]
    fn who_runs_marks_each_second_and_no_gap_of_the_clock() {
        let book = Book::default();
        book.alive(100);
        book.alive(110);
        book.alive(5_000);
        let seconds: u32 = book.give().unwrap().alive.values().map(|bits| bits.count_ones()).sum();
        assert_eq!(seconds, 11 + 1);
    }

    #[test]
    fn marks_are_bounded_and_sums_go_on() {
        let (book, brand) = (Book::default(), BrandId::new("cic"));
        for minute in 0..(MOST_MARKS as i64 + 10) {
            book.note(&brand, &sample(minute * 60, true));
        }
        let batch = book.give().unwrap();
        assert_eq!(batch.marks(), MOST_MARKS);
        assert_eq!(batch.days.values().map(|sum| sum.requests).sum::<i64>(), MOST_MARKS as i64 + 10);
    }
}
