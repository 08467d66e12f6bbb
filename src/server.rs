//! From settings to a running server: files are read, sockets bound, listeners served until told to stop.

mod build;
mod error;
mod fixed;
mod reload;
mod source;
mod supervisor;
mod tls_sets;

pub use build::key_maker;
pub use error::StartError;
pub use reload::Reload;
pub use source::Source;
pub use supervisor::Supervisor;

use crate::{
    app::{App, Current, Shared},
    clock::{Clock, Entropy},
    config::Settings,
    flows::{admin::keys, health::Health, standing},
    http::Door,
    storage::{Db, PoolSettings},
    tasks::{audit, expiry, figures, load, partitions, practices, revocation, signing, sweeps, uses, watch::Watch},
    tls::{
        limits::{Bounds, ListenerLimits, Stop},
        listener,
    },
};
use build::{Built, build};
use fixed::Fixed;
use metrics_exporter_prometheus::PrometheusHandle;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reload::{Running, note_certificates, prepare};
use sqlx::postgres::PgConnectOptions;
use std::{
    future::{Future, pending},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use supervisor::Notice;
use tls_sets::Shown;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
    task::JoinSet,
    time::sleep,
};

/// Lets this process have as many files open as the system lets it ask for: the bounds of the listeners are what should
/// bind, and the usual soft limit of 1024 is far below them. Returns how many that is.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// Sockets, bound before anything is told to anybody.
pub struct Sockets {
    pub tpp: TcpListener,
    /// `None`: tpp's socket serves both, told apart by SNI.
    pub psu: Option<TcpListener>,
    pub internal: Option<TcpListener>,
    pub ops: TcpListener,
}

impl Sockets {
    pub async fn bind(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            tpp: bind(settings.tpp.address).await?,
            psu: if settings.psu.address == settings.tpp.address { None } else { Some(bind(settings.psu.address).await?) },
            internal: match &settings.internal {
                Some(internal) => Some(bind(internal.listener.address).await?),
                None => None,
            },
            ops: bind(settings.ops).await?,
        })
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Unavailable(format!("cannot listen on {address}: {error}")))
}

/// The signals that a server obeys. Listened to before it is ready, so that none of them ends the process unasked.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub fn listen() -> io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hangup: signal(SignalKind::hangup())? })
    }
}

/// What a server is started with beside its settings.
pub struct Surroundings {
    pub database: PgConnectOptions,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub sockets: Sockets,
    pub metrics: PrometheusHandle,
    /// Where the settings came from.
    pub source: Source,
    pub supervisor: Supervisor,
}

/// A server that answers, until `stop` or `until_told`.
pub struct Server {
    running: Arc<Running>,
    metrics: PrometheusHandle,
    ops: SocketAddr,
    stop: Stop,
    /// What the ops counter and the tasks obey: they go on until the last request was answered.
    end: Stop,
    listeners: JoinSet<()>,
    upkeep: JoinSet<()>,
}

impl Server {
    /// Answers at the ops counter; reads the files, checks the schema, seeds sandboxes; then answers at the others.
    pub async fn start(settings: Settings, around: Surroundings) -> Result<Self, StartError> {
        let Surroundings { database, clock, entropy, sockets, metrics, source, supervisor } = around;
        let shared = Arc::new(Shared::new(Db::connect(database, &pool_settings(&settings)), clock, entropy, settings.limit_policy()));
        let health = Arc::new(Health::new(shared.clone()));
        let door = Door::new(shared.clone(), health.clone(), metrics.clone());
        let (stop, end) = (Stop::default(), Stop::default());
        let (mut listeners, mut upkeep) = (JoinSet::new(), JoinSet::new());
        let ops = sockets.ops.local_addr().map_err(|error| StartError::Unavailable(error.to_string()))?;
        upkeep.spawn(listener::serve(sockets.ops, None, door.clone(), Bounds::new(ListenerLimits::default()), end.clone()));
        let waits_for = |what| {
            health.waits_for(what);
            supervisor.tell(Notice::Status(what));
        };

        waits_for("the database's schema");
        let schema = shared.db.schema_state().await?;
        if let Some(fault) = schema.fault() {
            return Err(StartError::Schema(fault));
        }
        tracing::info!("{schema}");
        let versions = shared.db.versions().await?;
        waits_for("certificates and trust");
        let snapshot = shared.db.accepted_snapshot().await?;
        load::note_ages(snapshot.as_ref());
        let fixed = Fixed::of(&settings);
        let Built { installed, inside, tls, limits } = build(settings, &shared, snapshot.as_ref(), None, fixed.one_socket())?;
        waits_for("blocks and the register");
        standing::load(&installed.app).await?;
        keys::reload(&installed.app).await?;
        waits_for("sandboxes and tables of tokens");
        prepare(&installed.app, None).await?;
        waits_for("the audit trail");
        audit::prepare(&installed.app).await;
        note_certificates(&installed.certificates);
        let current = Current::new(installed);
        waits_for("revocation statuses");
        let statuses = revocation::Reader::start(current.clone()).await?;

        let tls = Shown::new(tls);
        door.open(inside);
        let mut bounds = vec![];
        let mut listen = |socket, tls| {
            let gate = Some(shared.limits.gate(limits.max_connections));
            let own = Bounds::new(ListenerLimits { gate, ..limits.clone() });
            bounds.push(own.clone());
            listeners.spawn(listener::serve(socket, tls, door.clone(), own, stop.clone()));
        };
        listen(sockets.tpp, Some(tls.tpp.clone()));
        if let Some(socket) = sockets.psu {
            listen(socket, tls.psu.clone());
        }
        if let (Some(socket), Some(tls)) = (sockets.internal, &tls.internal) {
            listen(socket, Some(tls.clone()));
        }
        upkeep.spawn(Watch::new(current.clone(), versions, statuses).run(end.drain.clone()));
        upkeep.spawn(revocation::run(current.clone(), end.drain.clone()));
        upkeep.spawn(expiry::run(current.clone(), end.drain.clone()));
        upkeep.spawn(partitions::run(current.clone(), end.drain.clone()));
        upkeep.spawn(signing::run(current.clone(), end.drain.clone()));
        upkeep.spawn(audit::seal(current.clone(), end.drain.clone()));
        upkeep.spawn(audit::keep(current.clone(), end.drain.clone()));
        upkeep.spawn(uses::run(current.clone(), end.drain.clone()));
        upkeep.spawn(practices::run(current.clone(), end.drain.clone()));
        upkeep.spawn(sweeps::run(current.clone(), end.drain.clone()));
        upkeep.spawn(figures::run(current.clone(), end.drain.clone()));
        health.serves(current.clone());
        let source = Arc::new(source);
        let running = Arc::new(Running { shared, current, door, tls, bounds, fixed, health, source, supervisor, turn: Mutex::new(()) });
        upkeep.spawn(running.clone().at_changes(stop.drain.clone()));
        Ok(Self { running, metrics, ops, stop, end, listeners, upkeep })
    }

    /// As it is now; a reload installs another.
    pub fn app(&self) -> App {
        self.running.current.app()
    }

    /// Everything anew from its files. What is wrong keeps all as it was, loudly.
    pub async fn reload(&self) -> Reload {
        self.running.reload().await
    }

    /// Runs until SIGINT or SIGTERM, then stops: at SIGTERM after a delay in which balancers notice. A second signal cuts what
    /// is left. SIGHUP reloads.
    pub async fn until_told(mut self, signals: Signals) {
        let Signals { mut interrupt, mut terminate, hangup } = signals;
        let supervisor = &self.running.supervisor;
        self.upkeep.spawn(self.running.clone().at_signals(hangup, self.stop.drain.clone()));
        self.upkeep.spawn(supervisor.clone().keep_watchdog(self.ops, self.end.drain.clone()));
        supervisor.tell(Notice::Ready);
        let mut upkeep = tokio::time::interval(Duration::from_secs(5));
        let delay = loop {
            tokio::select! {
                // somebody sits at the keyboard
                _ = interrupt.recv() => break Duration::ZERO,
                _ = terminate.recv() => break self.running.current.installed().settings.limits.shutdown_delay,
                _ = upkeep.tick() => self.metrics.run_upkeep(),
            }
        };
        let again = async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::warn!("told to stop again: cutting what is left");
        };
        self.end_after(delay, again).await;
    }

    /// Lets requests under way finish within the drain time.
    pub async fn stop(self) {
        self.end_after(Duration::ZERO, pending()).await;
    }

    async fn end_after(mut self, delay: Duration, cut: impl Future<Output = ()>) {
        self.running.supervisor.tell(Notice::Stopping);
        self.running.health.stops();
        tracing::info!(delay_seconds = delay.as_secs(), "stopping");
        let at_once = self.stop.cut.clone();
        let told = async {
            cut.await;
            at_once.cancel();
            pending::<()>().await;
        };
        tokio::select! {
            () = self.wind_down(delay) => {}
            () = told => {}
        }
    }

    async fn wind_down(&mut self, delay: Duration) {
        self.stop.cut.run_until_cancelled(sleep(delay)).await;
        self.stop.drain.cancel();
        while self.listeners.join_next().await.is_some() {}
        self.end.drain.cancel();
        self.end.cut.cancel();
        while self.upkeep.join_next().await.is_some() {}
        if let Err(outage) = uses::write(&self.app()).await {
            tracing::warn!(error = %outage, "when grants were last used is lost for the last minutes");
        }
        if let Err(outage) = practices::write(&self.app()).await {
            tracing::warn!(error = %outage, "what clients were seen to do is lost for the last minute");
        }
        if let Err(outage) = figures::write(&self.app()).await {
            tracing::warn!(error = %outage, "the regulator's figures of the last seconds are lost");
        }
        self.running.shared.db.close().await;
        tracing::info!("stopped");
    }
}

pub fn pool_settings(settings: &Settings) -> PoolSettings {
    PoolSettings {
        max_connections: settings.database.max_connections,
        acquire_timeout: settings.database.acquire_timeout,
        statement_timeout: settings.database.statement_timeout,
        idle_timeout: settings.database.idle_timeout,
    }
}
