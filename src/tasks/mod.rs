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

use crate::app::{App, Current};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often a task looks at the server's clock.
const LOOK: Duration = Duration::from_millis(500);

/// When a task is to do something, by the server's clock.
struct Turns {
    current: Current,
    stop: CancellationToken,
    ticks: Interval,
    due: OffsetDateTime,
}

impl Turns {
    fn new(current: Current, stop: CancellationToken) -> Self {
        Self { current, stop, ticks: ticks(LOOK), due: OffsetDateTime::UNIX_EPOCH }
    }

    /// The first at once, the next when the clock comes to what [`Self::again`] said. `None`: the server stops.
    async fn next(&mut self) -> Option<(App, OffsetDateTime)> {
        loop {
            self.stop.run_until_cancelled(self.ticks.tick()).await?;
            let app = self.current.app();
            let now = app.clock.now();
            if now >= self.due {
                return Some((app, now));
            }
        }
    }

    fn again(&mut self, at: OffsetDateTime) {
        self.due = at;
    }
}

/// The first at once, then every so often; those that were missed are not made up for.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
