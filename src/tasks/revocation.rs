//! Asks about revocation ahead of need, so that requests find the answer in memory; and reads what other processes learnt.

use super::ticks;
use crate::{
    app::{App, Current},
    flows::{
        Outage,
        revocation::{AHEAD, IN_USE, LEASE, refresh},
    },
    pki::revocation::Status,
};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
/// With fewer questions under way, some more are begun.
const UNDER_WAY: usize = 16;
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// Answers that only prolong what is known are not announced; other processes read them this often.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// A row is seen after its time, when its writer commits: readers look back by this much.
const COMMIT_TAKES: time::Duration = time::Duration::seconds(20);

/// What this process has read of others' answers.
pub struct Reader {
    current: Current,
    /// The last change seen, by the database's clock.
    read_to: OffsetDateTime,
    read_at: Instant,
}

impl Reader {
    /// With everything that is in use already read.
    pub async fn start(current: Current) -> Result<Self, Outage> {
        let mut reader = Self { current, read_to: OffsetDateTime::UNIX_EPOCH, read_at: Instant::now() };
        reader.read().await?;
        Ok(reader)
    }

    pub fn is_due(&self) -> bool {
        self.read_at.elapsed() >= READ_AGAIN
    }

    pub async fn read(&mut self) -> Result<(), Outage> {
        let app = self.current.app();
        if app.statuses.max_age().is_none() {
            return Ok(());
        }
        self.read_at = Instant::now();
        let in_use = app.clock.now() - IN_USE;
        let mut since = self.read_to - COMMIT_TAKES;
        loop {
            let page = app.db.changed_statuses(since, in_use).await?;
            for stored in &page {
                app.statuses.put(stored.checked.key(), stored.record, stored.seen_at);
            }
            match page.last().map(|last| last.changed_at) {
                Some(last) if last > since => since = last,
                Some(_) | None => break,
            }
        }
        self.read_to = self.read_to.max(since);
        Ok(())
    }
}

/// Until `stop`. Idle as long as no brand asks.
pub async fn run(current: Current, stop: CancellationToken) {
    let (mut ticks, mut questions, mut kept_house) = (ticks(EVERY), JoinSet::new(), None);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        while questions.try_join_next().is_some() {}
        let app = current.app();
        if app.statuses.max_age().is_none() {
            continue;
        }
        if let Err(outage) = begin(&app, &mut questions).await {
            tracing::warn!(error = %outage, "statuses are not asked for ahead of need");
        }
        if kept_house.is_none_or(|at: Instant| at.elapsed() >= HOUSEKEEPING) {
            kept_house = Some(Instant::now());
            if let Err(outage) = keep_house(&app).await {
                tracing::warn!(error = %outage, "statuses are not tidied");
            }
        }
    }
}

/// Some of those whose time has come, where there is room for them.
async fn begin(app: &App, questions: &mut JoinSet<()>) -> Result<(), Outage> {
    if questions.len() >= UNDER_WAY {
        return Ok(());
    }
    let now = app.clock.now();
    let due = app.db.claim_due_statuses(now, now + LEASE, now - IN_USE).await?;
    for stored in due {
        let app = app.clone();
        questions.spawn(async move {
            if let Err(outage) = refresh(&app, &stored, AHEAD).await {
                tracing::warn!(error = %outage, "a certificate's status could not be stored");
            }
        });
    }
    Ok(())
}

/// Tells the database what was in use, frees what is not, and counts.
async fn keep_house(app: &App) -> Result<(), Outage> {
    let now = app.clock.now();
    let recently = now - time::Duration::minutes(2);
    app.db.see_certificates(&app.statuses.seen_since(recently), now).await?;
    app.statuses.forget_unseen(now - IN_USE);
    app.db.forget_expired_statuses(now).await?;
    let mut counts = [("good", 0u32), ("revoked", 0), ("unknown", 0), ("unreachable", 0), ("not_asked", 0)];
    for record in app.statuses.records() {
        let at = match record.status() {
            Status::Good(_) => 0,
            Status::Revoked(_) => 1,
            Status::Unknown => 2,
            Status::Unreachable { .. } => 3,
            Status::NotWarm => 4,
        };
        counts[at].1 += 1;
    }
    for (status, count) in counts {
        metrics::gauge!("guichet_revocation_certificates", "status" => status).set(count);
    }
    Ok(())
}
