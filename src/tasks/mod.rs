//! What a server does beside answering: it watches for changes that others made, and prepares what requests will ask for.

pub mod audit;
pub mod expiry;
pub mod figures;
pub mod load;
pub mod partitions;
pub mod practices;
pub mod revocation;
pub mod signing;
pub mod sweeps;
pub mod uses;
pub mod watch;

use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The first at once, then every so often; those that were missed are not made up for.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
