//! Settings read anew while requests are answered: everything new is made first, then all of it counts at once, or nothing.

use super::{
    StartError,
    build::{Built, build},
    fixed::Fixed,
    source::Source,
    supervisor::{Notice, Supervisor},
    tls_sets::Shown,
};
use crate::{
    app::{App, Current, OwnCertificate, Shared},
    config::{Difference, Settings, TakenUp, differences},
    flows::{health::Health, sandbox},
    http::Door,
    tasks::partitions,
    telemetry,
    tls::limits::Bounds,
};
use std::sync::Arc;
use tokio::{signal::unix::Signal, sync::Mutex, task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

/// A server's parts that a reload touches.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) current: Current,
    pub(super) door: Door,
    pub(super) tls: Shown,
    /// Of each listener but ops.
    pub(super) bounds: Vec<Bounds>,
    pub(super) fixed: Fixed,
    pub(super) health: Arc<Health>,
    pub(super) source: Arc<Source>,
    pub(super) supervisor: Supervisor,
    /// One reload at a time.
    pub(super) turn: Mutex<()>,
}

/// How a reload ended. In each case requests are answered on.
#[derive(Debug)]
pub enum Reload {
    /// These keys count after a restart only.
    TakenUp { needs_restart: Vec<String> },
    /// Something in the files is wrong; nothing changed.
    Refused(String),
    /// The database was away; nothing changed.
    Failed(String),
}

impl Reload {
    const fn outcome(&self) -> &'static str {
        match self {
            Self::TakenUp { .. } => "taken_up",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

impl From<StartError> for Reload {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Configuration(why) => Self::Refused(why),
            StartError::Schema(_) | StartError::Unavailable(_) => Self::Failed(error.to_string()),
        }
    }
}

impl Running {
    pub(super) async fn reload(&self) -> Reload {
        let _turn = self.turn.lock().await;
        self.supervisor.tell(Notice::Reloading);
        let reload = self.take_up().await.unwrap_or_else(Reload::from);
        metrics::counter!("guichet_reloads_total", "outcome" => reload.outcome()).increment(1);
        self.health.note_reload(matches!(reload, Reload::TakenUp { .. }));
        match &reload {
            Reload::TakenUp { needs_restart } if needs_restart.is_empty() => tracing::info!("settings taken up"),
            Reload::TakenUp { needs_restart } => {
                tracing::warn!(needs_restart = needs_restart.join(" "), "settings taken up, but for what needs a restart");
            }
            Reload::Refused(mistakes) => tracing::error!(mistakes, "settings kept as they were: the new ones are wrong"),
            Reload::Failed(why) => {
                self.source.leave_unread();
                tracing::error!(error = why, "settings kept as they were: the new ones could not be taken up");
            }
        }
        self.supervisor.tell(Notice::Ready);
        match &reload {
            Reload::TakenUp { .. } => {}
            Reload::Refused(_) | Reload::Failed(_) => self.supervisor.tell(Notice::Status("serving with the settings of before")),
        }
        reload
    }

    async fn take_up(&self) -> Result<Reload, StartError> {
        let source = self.source.clone();
        let (settings, files) = off_the_runtime(move || source.read_anew()).await?;
        let settings = settings.map_err(|mistakes| StartError::Configuration(mistakes.to_string()))?;
        let needs_restart = self.fixed.differences(&settings);
        let changed = differences(&self.current.installed().settings.effective, &settings.effective);
        let built = self.build(settings).await?;
        prepare(&built.installed.app, Some(&self.current.app())).await?;
        // before the log may grow quieter
        for Difference { key, old, new, .. } in changed.iter().filter(|difference| difference.taken_up == TakenUp::Reload) {
            tracing::info!(key, old = shown(old.as_ref()), new = shown(new.as_ref()), "a setting is another");
        }
        for file in files {
            tracing::info!(file = %file.display(), "a file of the settings is another");
        }
        self.swap(built);
        Ok(Reload::TakenUp { needs_restart })
    }

    async fn build(&self, settings: Settings) -> Result<Built, StartError> {
        let snapshot = self.shared.db.accepted_snapshot().await?;
        let (shared, before, one_socket) = (self.shared.clone(), self.current.app(), self.fixed.one_socket());
        off_the_runtime(move || build(settings, &shared, snapshot.as_ref(), Some(&before), one_socket)).await?
    }

    /// Nothing here can fail or wait. The door first: no handshake promises a host that it does not know.
    fn swap(&self, Built { installed, inside, tls, limits }: Built) {
        telemetry::set_level(&installed.settings.log);
        self.shared.limits.replace(installed.settings.limit_policy());
        note_certificates(&installed.certificates);
        self.door.open(inside);
        self.current.replace(installed);
        self.tls.replace(tls);
        self.bounds.iter().for_each(|bounds| bounds.change(limits.clone()));
    }

    /// Reloads at each SIGHUP, until `stop`.
    pub(super) async fn at_signals(self: Arc<Self>, mut hangup: Signal, stop: CancellationToken) {
        while let Some(Some(())) = stop.run_until_cancelled(hangup.recv()).await {
            // cut short by `stop`: until the swap nothing has changed, and that takes no time
            stop.run_until_cancelled(self.reload()).await;
        }
    }

    /// Where the settings ask for it: reloads as soon as files changed and all of them stood still between two looks.
    pub(super) async fn at_changes(self: Arc<Self>, stop: CancellationToken) {
        let mut last = None;
        loop {
            let asked = self.current.installed().settings.reload;
            if stop.run_until_cancelled(sleep(asked.every)).await.is_none() {
                return;
            }
            if !asked.watch {
                continue;
            }
            let source = self.source.clone();
            let Ok(now) = off_the_runtime(move || source.look()).await else { continue };
            if self.source.is_read(&now) || last.as_ref() != Some(&now) {
                last = Some(now);
                continue;
            }
            tracing::info!("files of the settings changed");
            stop.run_until_cancelled(self.reload()).await;
        }
    }
}

/// What requests of these brands will need in the database. What was there `before` is there.
pub(super) async fn prepare(app: &App, before: Option<&App>) -> Result<(), StartError> {
    for brand in &app.brands {
        let known = before.and_then(|before| before.brand(&brand.id));
        if known.is_none_or(|known| known.psu_authentication != brand.psu_authentication) {
            sandbox::seed(&app.db, &*app.entropy, brand).await?;
        }
    }
    if let Err(outage) = partitions::prepare(app, app.clock.now()).await {
        tracing::error!(error = %outage, "the tables of tokens are not known yet; tokens go through their parent");
    }
    Ok(())
}

pub(super) fn note_certificates(certificates: &[OwnCertificate]) {
    for own in certificates {
        let ends = own.not_after.unix_timestamp() as f64;
        metrics::gauge!("guichet_listener_certificate_not_after_seconds", "counter" => own.shown_by).set(ends);
    }
}

fn shown(side: Option<&impl ToString>) -> String {
    side.map_or_else(|| "(not set)".to_owned(), ToString::to_string)
}

/// Reading files and keys takes a while: requests go on meanwhile.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StartError> {
    spawn_blocking(work).await.map_err(|error| StartError::Unavailable(error.to_string()))
}
