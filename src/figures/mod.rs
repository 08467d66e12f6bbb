//! The regulator's figures (RTS art. 32(4), EBA/GL/2018/07 guidelines 2 and 3): how long the interface was down, how fast it answered,
//! how often it failed, by day and brand. Judgement and sums only; `storage` keeps them, `pages` shows them.

mod availability;
mod book;
mod quarter;
mod report;

pub use availability::{Marks, Span};
pub use book::{Batch, Book, DaySum, Sample, Service};
pub use quarter::Quarter;
pub use report::{DayFigures, DirectDay, Evidence, LEAD, Report, ServiceFigures, availability, direct_days};

/// Guideline 2.4(b): a request without a reply within so many seconds was not replied to.
pub const REPLY_WITHIN: i64 = 30;
/// Guideline 2.4(b): so many consecutive requests without reply are a downtime.
pub const CONSECUTIVE: u32 = 5;
pub const SECONDS_A_DAY: i64 = 86_400;
const MINUTE: i64 = 60;
