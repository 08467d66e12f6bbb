//! How a change that somebody made, here or elsewhere, reaches this process within a second: one row is read, three times a
//! second, on a connection that no request waits for; what has another number than before is read anew.

use super::{load, revocation};
use crate::{
    app::App,
    config::Settings,
    flows::{
        Outage,
        admin::keys,
        standing::{self, Reading},
    },
    storage::Versions,
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Well below the second that a change may take.
const EVERY: Duration = Duration::from_millis(300);

/// What is kept in memory, and the numbers it was read at.
pub struct Watch {
    app: App,
    settings: Arc<Settings>,
    known: Versions,
    statuses: revocation::Reader,
    /// Said once, not three times a second.
    failing: bool,
}

/// Why a subject could not be read anew. What was known stays, and is tried again.
enum Failure {
    Outage(Outage),
    File(load::LoadError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outage(outage) => outage.fmt(f),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl Watch {
    /// Everything has been read for the first time, at these numbers or later ones.
    pub fn new(app: App, settings: Arc<Settings>, known: Versions, statuses: revocation::Reader) -> Self {
        Self { app, settings, known, statuses, failing: false }
    }

    /// Until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let began = Instant::now();
            match self.look().await {
                Ok(()) => {
                    self.app.trust.watched.note(began);
                    self.failing = false;
                }
                Err(failure) if !self.failing => {
                    tracing::error!(error = %failure, "trust kept as it was; trying on");
                    self.failing = true;
                }
                Err(_) => {}
            }
            metrics::gauge!("guichet_trust_watch_age_seconds").set(self.app.trust.watched.age(Instant::now()).as_secs_f64());
        }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let now = self.app.db.versions().await.map_err(Failure::Outage)?;
        // first, so that no unreadable file stands in the way of a block
        if now.standing != self.known.standing {
            match standing::reload(&self.app).await.map_err(Failure::Outage)? {
                Reading::Complete => {
                    self.known.standing = now.standing;
                    tracing::info!(version = now.standing, "blocks read anew");
                }
                // in force as soon as it is read; the blocks are already
                Reading::RegisterOnItsWay => {}
            }
        }
        if now.revocation != self.known.revocation || self.statuses.is_due() {
            self.statuses.read().await.map_err(Failure::Outage)?;
            self.known.revocation = now.revocation;
        }
        if now.signing != self.known.signing {
            keys::reload(&self.app).await.map_err(Failure::Outage)?;
            self.known.signing = now.signing;
            tracing::info!(version = now.signing, "signing keys read anew");
        }
        if now.snapshot != self.known.snapshot {
            reload_snapshot(&self.app, &self.settings).await?;
            self.known.snapshot = now.snapshot;
            tracing::info!(version = now.snapshot, "trusted lists read anew");
        }
        Ok(())
    }
}

/// The trust of every brand, from the lists as accepted now.
async fn reload_snapshot(app: &App, settings: &Arc<Settings>) -> Result<(), Failure> {
    let snapshot = app.db.accepted_snapshot().await.map_err(Failure::Outage)?;
    let trusts = load::trusts(settings, snapshot.as_ref()).map_err(Failure::File)?;
    load::note_ages(snapshot.as_ref());
    app.trust.replace(trusts);
    Ok(())
}
