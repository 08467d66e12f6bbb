//! From settings to a running server: files are read, sockets bound, listeners served until told to stop.

use crate::{
    app::{App, Desks, WaysOut},
    clock::{Clock, Entropy},
    config::{FrontProxySettings, Limits, Listener, Settings},
    flows::{sandbox, standing},
    http::{BodyLimits, Door, Forwarded, Handover, HttpLimits},
    limits,
    oauth::brand::BrandId,
    outbound::Outbound,
    sca::http::Http,
    signing,
    storage::{Db, Outage, PoolSettings, SchemaState},
    tasks::{audit, expiry, figures, load, partitions, revocation, uses, watch::Watch},
    tls::{
        config::{TlsSet, internal_config, psu_config, tpp_config},
        files::{load_certificates, load_chain_and_key},
        front_proxy::FrontProxy,
        limits::ListenerLimits,
        listener,
        peer::Counter,
    },
    trust::{TrustDesk, Trusts, revocation::StatusDesk, standing::StandingDesk},
};
use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sqlx::postgres::PgConnectOptions;
use std::{collections::BTreeMap, fmt, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Why the server does not start. Each kind has its exit code.
#[derive(Debug)]
pub enum StartError {
    /// A file or a setting is wrong.
    Configuration(String),
    /// The database has another schema than this program.
    Schema(SchemaState),
    /// The database is away, or an address is taken.
    Unavailable(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(why) | Self::Unavailable(why) => f.write_str(why),
            Self::Schema(state) => state.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<Outage> for StartError {
    fn from(outage: Outage) -> Self {
        Self::Unavailable(outage.to_string())
    }
}

fn configuration(why: impl fmt::Display) -> StartError {
    StartError::Configuration(why.to_string())
}

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

/// What a reload swaps, each as one value.
#[derive(Clone)]
struct TlsSets {
    tpp: Arc<ArcSwap<TlsSet>>,
    psu: Option<Arc<ArcSwap<TlsSet>>>,
    internal: Option<Arc<ArcSwap<TlsSet>>>,
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

/// A server that answers. Dropping it does not stop it: `stop` does.
pub struct Server {
    settings: Arc<Settings>,
    app: App,
    tls: TlsSets,
    stop: CancellationToken,
    listeners: JoinSet<()>,
}

impl Server {
    /// Reads the files, checks the schema, seeds sandboxes, then answers on `sockets`.
    pub async fn start(
        settings: Settings,
        database: PgConnectOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        sockets: Sockets,
        metrics: PrometheusHandle,
    ) -> Result<Self, StartError> {
        let db = Db::connect(database, &pool_settings(&settings));
        let schema = db.schema_state().await?;
        if let Some(fault) = schema.fault() {
            return Err(StartError::Schema(fault));
        }
        tracing::info!("{schema}");
        let versions = db.versions().await?;
        let snapshot = db.accepted_snapshot().await?;
        load::note_ages(snapshot.as_ref());
        let trust = TrustDesk::new(load::trusts(&settings, snapshot.as_ref()).map_err(configuration)?);
        let jwks = serde_json::to_value(signing::published(&settings.signing_key_files).map_err(configuration)?).map_err(configuration)?;
        let brands = settings.brands.iter().cloned().map(Arc::new).collect();
        let policies = settings.brands.iter().map(|brand| (brand.id.clone(), settings.trust_of(&brand.id).register.clone())).collect();
        let statuses = StatusDesk::new(settings.brands.iter().map(|brand| (brand.id.clone(), settings.revocation_of(brand))).collect());
        let outbound = Outbound::new(&settings.outbound).map_err(configuration)?;
        let out = WaysOut { outbound, banks: drivers(&settings, &clock)? };
        let limits = Arc::new(limits::Limits::new(settings.limit_policy(), clock.clone()));
        let desks = Desks { trust, statuses, standing: StandingDesk::new(policies), limits };
        let app = App::new(db, clock, entropy, brands, desks, out, jwks);
        standing::load(&app).await?;
        for brand in &app.brands {
            sandbox::seed(&app.db, &*app.entropy, brand).await?;
        }
        if let Err(outage) = partitions::prepare(&app, app.clock.now()).await {
            tracing::error!(error = %outage, "the tables of tokens are not known yet; tokens go through their parent");
        }
        audit::prepare(&app).await;
        let statuses = revocation::Reader::start(app.clone()).await?;
        let tls = TlsSets::load(&settings)?;
        let (stop, mut listeners) = (CancellationToken::new(), JoinSet::new());
        let door = Door::new(app.clone(), http_limits(&settings.limits), forwarded(settings.front_proxy.as_ref())?, metrics);
        let limits = listener_limits(&settings.limits);
        let mut listen = |socket, tls| {
            let limits = ListenerLimits { gate: Some(app.limits.gate(limits.max_connections)), ..limits.clone() };
            listeners.spawn(listener::serve(socket, tls, door.clone(), limits, stop.clone()));
        };
        listen(sockets.tpp, Some(tls.tpp.clone()));
        if let Some(socket) = sockets.psu {
            listen(socket, tls.psu.clone());
        }
        if let (Some(socket), Some(tls)) = (sockets.internal, &tls.internal) {
            listen(socket, Some(tls.clone()));
        }
        listen(sockets.ops, None);
        let settings = Arc::new(settings);
        listeners.spawn(Watch::new(app.clone(), settings.clone(), versions, statuses).run(stop.clone()));
        listeners.spawn(revocation::run(app.clone(), stop.clone()));
        listeners.spawn(expiry::run(app.clone(), stop.clone()));
        listeners.spawn(partitions::run(app.clone(), stop.clone()));
        listeners.spawn(audit::seal(app.clone(), stop.clone()));
        listeners.spawn(audit::keep(app.clone(), settings.audit, stop.clone()));
        listeners.spawn(uses::run(app.clone(), stop.clone()));
        listeners.spawn(figures::run(app.clone(), stop.clone()));
        Ok(Self { settings, app, tls, stop, listeners })
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Certificates, keys and trust anew from their files. A bad file keeps all as it was, loudly.
    pub async fn reload(&self) {
        match self.load().await {
            Ok((tls, trusts)) => {
                self.tls.replace(&tls);
                self.app.trust.replace(trusts);
                if let Err(error) = self.app.drivers.reload(&self.settings.drivers) {
                    tracing::error!(%error, "the SCA drivers' certificates kept as they were");
                }
                tracing::info!("certificates and trust reloaded");
            }
            Err(error) => tracing::error!(%error, "certificates and trust kept as they were"),
        }
    }

    async fn load(&self) -> Result<(TlsSets, Trusts), StartError> {
        let snapshot = self.app.db.accepted_snapshot().await?;
        Ok((TlsSets::load(&self.settings)?, load::trusts(&self.settings, snapshot.as_ref()).map_err(configuration)?))
    }

    /// Runs until SIGINT or SIGTERM; SIGHUP reads certificates and trust anew.
    pub async fn until_told(self, mut signals: Signals, metrics: PrometheusHandle) {
        let mut upkeep = tokio::time::interval(Duration::from_secs(5));
        loop {
            tokio::select! {
                _ = signals.interrupt.recv() => break,
                _ = signals.terminate.recv() => break,
                _ = signals.hangup.recv() => self.reload().await,
                _ = upkeep.tick() => metrics.run_upkeep(),
            }
        }
        self.stop().await;
    }

    /// Lets requests under way finish within the drain time.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.listeners.join_next().await.is_some() {}
        if let Err(outage) = uses::write(&self.app).await {
            tracing::warn!(error = %outage, "when grants were last used is lost for the last minutes");
        }
        if let Err(outage) = figures::write(&self.app).await {
            tracing::warn!(error = %outage, "the regulator's figures of the last seconds are lost");
        }
        self.app.db.close().await;
    }
}

impl TlsSets {
    fn load(settings: &Settings) -> Result<Self, StartError> {
        let identity = |listener: &Listener| load_chain_and_key(&listener.certificate_file, &listener.key_file).map_err(configuration);
        let tpp = tpp_config(identity(&settings.tpp)?).map_err(configuration)?;
        let psu = psu_config(identity(&settings.psu)?).map_err(configuration)?;
        let shared = settings.psu.address == settings.tpp.address;
        let hosts: Vec<_> = settings.brands.iter().map(|b| host_of(&b.psu_origin)).collect();
        let announced = |listener: &Listener| listener.proxy_protocol_from.clone();
        let tpp_set = TlsSet::new(Counter::Tpp, tpp).announced_from(announced(&settings.tpp));
        let tpp_set = match &settings.front_proxy {
            Some(settings) => tpp_set.with_front_proxy(front_proxy(settings)?),
            None => tpp_set,
        };
        let tpp_set = if shared { tpp_set.with_names(hosts, Counter::Psu, psu.clone()) } else { tpp_set };
        let internal = match &settings.internal {
            None => None,
            Some(internal) => {
                let authorities = load_certificates(&internal.client_ca_file).map_err(configuration)?;
                let config = internal_config(identity(&internal.listener)?, &authorities).map_err(configuration)?;
                Some(swappable(TlsSet::new(Counter::Internal, config).announced_from(announced(&internal.listener))))
            }
        };
        let psu = (!shared).then(|| swappable(TlsSet::new(Counter::Psu, psu).announced_from(announced(&settings.psu))));
        Ok(Self { tpp: swappable(tpp_set), psu, internal })
    }

    fn replace(&self, with: &Self) {
        self.tpp.store(with.tpp.load_full());
        for (old, new) in [(&self.psu, &with.psu), (&self.internal, &with.internal)] {
            if let (Some(old), Some(new)) = (old, new) {
                old.store(new.load_full());
            }
        }
    }
}

fn drivers(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<BTreeMap<BrandId, Http>, StartError> {
    let built = settings.drivers.iter().map(|(brand, driver)| {
        let built = Http::new(brand.clone(), driver, clock.clone());
        Ok((brand.clone(), built.map_err(|why| configuration(format!("brand.sca of {brand}: {why}")))?))
    });
    built.collect()
}

/// Whom the tpp counter takes for the front proxy.
fn front_proxy(settings: &FrontProxySettings) -> Result<FrontProxy, StartError> {
    let file = &settings.client_ca_file;
    let authorities = load_certificates(file).map_err(configuration)?;
    FrontProxy::new(settings.peers.clone(), &authorities, &settings.client_names)
        .map_err(|error| configuration(format!("{}: no authority for the front proxy's certificate: {error}", file.display())))
}

fn forwarded(settings: Option<&FrontProxySettings>) -> Result<Forwarded, StartError> {
    let Some(settings) = settings else { return Ok(Forwarded::new(None)) };
    let handover = Handover::new(settings.format, &settings.header, settings.chain_header.as_deref());
    Ok(Forwarded::new(Some(handover.ok_or_else(|| configuration("tpp.front_proxy: no header has such a name"))?)))
}

fn swappable(set: TlsSet) -> Arc<ArcSwap<TlsSet>> {
    Arc::new(ArcSwap::from_pointee(set))
}

/// `https://host:port` -> `host`.
fn host_of(origin: &str) -> &str {
    let authority = origin.strip_prefix("https://").unwrap_or(origin);
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

pub fn pool_settings(settings: &Settings) -> PoolSettings {
    PoolSettings {
        max_connections: settings.database.max_connections,
        acquire_timeout: settings.database.acquire_timeout,
        statement_timeout: settings.database.statement_timeout,
        idle_timeout: settings.database.idle_timeout,
    }
}

const fn http_limits(limits: &Limits) -> HttpLimits {
    let body = BodyLimits { bytes: limits.body_bytes, time: limits.body };
    HttpLimits::new(body, limits.request, limits.requests_in_flight, limits.tokens_per_introspection)
}

fn listener_limits(limits: &Limits) -> ListenerLimits {
    ListenerLimits {
        max_connections: limits.connections,
        max_handshakes: limits.handshakes,
        handshake: limits.handshake,
        idle: limits.header,
        max_header_bytes: limits.header_bytes,
        max_age: limits.connection_age,
        drain: limits.drain,
        ..ListenerLimits::default()
    }
}
