//! How a change that somebody made, here or elsewhere, reaches this process within a second: one row is read, three times a
//! second, on a connection that no request waits for; what has another number than before is read anew.

use super::{load, revocation, ticks};
use crate::{
    app::{Current, Installed},
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
use tokio_util::sync::CancellationToken;

/// Well below the second that a change may take.
const EVERY: Duration = Duration::from_millis(300);

/// What is kept in memory, and the numbers it was read at.
pub struct Watch {
    current: Current,
    known: Versions,
    /// Whose trust is that of the known snapshot.
    installed: Arc<Installed>,
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
    pub fn new(current: Current, known: Versions, statuses: revocation::Reader) -> Self {
        let installed = Arc::clone(&current.installed());
        Self { current, known, installed, statuses, failing: false }
    }

    /// Until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = ticks(EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let (began, installed) = (Instant::now(), Arc::clone(&self.current.installed()));
            let watched = installed.app.trust.watched.clone();
            match self.look(installed).await {
                Ok(()) => {
                    watched.note(began);
                    self.failing = false;
                }
                Err(failure) if !self.failing => {
                    tracing::error!(error = %failure, "trust kept as it was; trying on");
                    self.failing = true;
                }
                Err(_) => {}
            }
            metrics::gauge!("guichet_trust_watch_age_seconds").set(watched.age(Instant::now()).as_secs_f64());
        }
    }

    async fn look(&mut self, installed: Arc<Installed>) -> Result<(), Failure> {
        let app = &installed.app;
        let now = app.db.versions().await.map_err(Failure::Outage)?;
        // first, so that no unreadable file stands in the way of a block
        if now.standing != self.known.standing {
            match standing::reload(app).await.map_err(Failure::Outage)? {
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
        // as of the lists, below: a reload copied what it found
        if now.signing != self.known.signing || !Arc::ptr_eq(&installed, &self.installed) {
            keys::reload(app).await.map_err(Failure::Outage)?;
            self.known.signing = now.signing;
            tracing::info!(version = now.signing, "signing keys read anew");
        }
        // a reload that began before the lists changed may have ended after this was told
        if now.snapshot != self.known.snapshot || !Arc::ptr_eq(&installed, &self.installed) {
            reload_snapshot(&installed).await?;
            self.known.snapshot = now.snapshot;
            self.installed = installed;
            tracing::info!(version = now.snapshot, "trusted lists read anew");
        }
        Ok(())
    }
}

/// The trust of every brand, from the lists as accepted now.
async fn reload_snapshot(Installed { settings, app, .. }: &Installed) -> Result<(), Failure> {
    let snapshot = app.db.accepted_snapshot().await.map_err(Failure::Outage)?;
    let trusts = load::trusts(settings, snapshot.as_ref()).map_err(Failure::File)?;
    load::note_ages(snapshot.as_ref());
    app.trust.replace(trusts);
    Ok(())
}
