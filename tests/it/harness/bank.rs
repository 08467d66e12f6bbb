//! A running server with both shipped banks.

use super::{logs::Watched, process::LOG, tpp::Tpp, wire::Wire};
use guichet::{
    clock::{Clock, System},
    config::{self, BrandPlace, Reading},
    dev::{
        pki::TestPki,
        postgres::{Attached, attach, ensure_installed, fresh_database},
        qwac::{Issued, QwacSpec, Validity},
    },
    flows::sandbox,
    oauth::{brand::BrandId, partition::Partition, tpp::PspRole},
    pki::Trust,
    server::{Reload, Server, Sockets, Source, Supervisor, Surroundings},
    storage::{Db, MIGRATOR},
    telemetry,
    trust::{Today, Trusts},
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{
    collections::BTreeSet,
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;

/// A brand of the test bank, as a TPP knows it from its documentation.
#[derive(Clone, Copy, Debug)]
pub struct Brand {
    pub id: &'static str,
    /// The shipped bank that it is a brand of.
    pub bank: &'static str,
    pub tpp_host: &'static str,
    pub psu_host: &'static str,
    pub registration: &'static str,
    pub revocation: &'static str,
    /// Name, authorization path (French), token path.
    pub channels: &'static [(&'static str, &'static str, &'static str)],
    /// HTTP Basic beside the certificate.
    pub basic: bool,
    pub refresh: bool,
    pub update: bool,
}

pub const CIC: Brand = Brand {
    id: "cic",
    bank: "cic",
    tpp_host: "api.cic.localhost",
    psu_host: "cic.localhost",
    registration: "/sandbox/cic/oauth2/registrations",
    revocation: "/sandbox/cic/oauth2/revoke",
    channels: &[("web", "/oauth2/fr/sandbox/signin.html", "/sandbox/cic/oauth2/token")],
    basic: false,
    refresh: true,
    update: true,
};

pub const LBP: Brand = Brand {
    id: "labanquepostale",
    bank: "labanquepostale",
    tpp_host: "api.labanquepostale.localhost",
    psu_host: "labanquepostale.localhost",
    registration: "/register",
    revocation: "/revoke",
    channels: &[("web", "/authorize", "/token"), ("pph", "/pph/authorize", "/pph/token"), ("pmo", "/pmo/authorize", "/pmo/token")],
    basic: true,
    refresh: false,
    update: false,
};

pub const BRANDS: [Brand; 2] = [CIC, LBP];

/// A second brand of the same bank, at hosts of its own: always a sandbox. Served where `BankOptions::brands` says so.
pub const TWIN: Brand = Brand { id: "cic-twin", tpp_host: "api.cic-twin.localhost", psu_host: "cic-twin.localhost", ..CIC };

impl Brand {
    pub fn channel(&self, name: &str) -> (&'static str, &'static str, &'static str) {
        *self.channels.iter().find(|c| c.0 == name).expect("a channel of this brand")
    }

    /// Every grant type that the brand offers.
    pub fn grant_types(&self) -> Vec<&'static str> {
        let refresh = self.refresh.then_some("refresh_token");
        ["authorization_code", "client_credentials"].into_iter().chain(refresh).collect()
    }
}

/// Moves only when told.
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Since the epoch, for sums with `advance`.
    pub fn advanced(&self) -> Duration {
        self.now() - OffsetDateTime::UNIX_EPOCH
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.whole_microseconds().try_into().expect("fits"), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::microseconds(self.0.load(Ordering::SeqCst))
    }
}

/// What differs from the usual test bank.
#[derive(Clone, Default)]
pub struct BankOptions {
    /// TOML below the generated one: `[limits]` and the like.
    pub extra: String,
    /// TOML inside `[tpp]` and `[psu]`, which share a socket.
    pub listener_extra: String,
    /// TOML inside `[internal]`.
    pub internal_extra: String,
    /// TOML inside `[database]`.
    pub database_extra: String,
    /// TOML inside each `[[brand]]`.
    pub brand_extra: String,
    /// TOML inside the `[[brand]]` of one bank.
    pub one_brand_extra: Option<(Brand, String)>,
    /// The text of a bank file of its own in a shipped one's place; it keeps the shipped one's `name`.
    pub bank_file: Option<(Brand, String)>,
    /// Serves as the banks do in production: no simulator.
    pub production: bool,
    /// The folder of the `server.pem` and `server.key` that tpp and psu show, instead of the test PKI.
    pub own_certificate: Option<PathBuf>,
    /// Empty: [`BRANDS`].
    pub brands: Vec<Brand>,
    /// A database that another server uses, too.
    pub database: Option<PgConnectOptions>,
}

pub struct Bank {
    pub clock: Arc<TestClock>,
    /// tpp and psu.
    pub address: SocketAddr,
    pub internal: SocketAddr,
    pub ops: SocketAddr,
    pub database: PgConnectOptions,
    pub server: Option<Server>,
    /// The settings' text, as the server reads it when it is told to.
    pub text: Arc<Mutex<String>>,
    /// Looks through the log at the end.
    pub(super) watched: Watched,
    folder: TempDir,
}

/// One test PKI for all tests: keys cost time.
pub fn pki() -> &'static (TempDir, TestPki) {
    static PKI: OnceLock<(TempDir, TestPki)> = OnceLock::new();
    PKI.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let hosts: Vec<_> = BRANDS.iter().chain([&TWIN]).flat_map(|b| [b.tpp_host, b.psu_host]).chain(["localhost"]).collect();
        let made = TestPki::load_or_create(dir.path(), &hosts, System::new().now()).unwrap();
        (dir, made)
    })
}

fn cluster() -> &'static Attached {
    static CLUSTER: OnceLock<Attached> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        ensure_installed().unwrap();
        let dir = std::env::temp_dir().join("guichet-test-postgres");
        attach(&dir, Path::new(env!("CARGO_BIN_EXE_guichet"))).unwrap()
    })
}

/// A migrated and seeded database of its own.
pub async fn database() -> PgConnectOptions {
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let digest: u64 = MIGRATOR
        .iter()
        .flat_map(|m| m.checksum.iter())
        .fold(0xcbf2_9ce4_8422_2325, |sum, b| (sum ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    let prepare = async |pool: PgPool| {
        MIGRATOR.run(&pool).await.map_err(|e| e.to_string())?;
        let (db, mut brands) = (Db::new(pool), vec![]);
        for brand in BRANDS {
            let origin = |host: &str| format!("https://{host}");
            let (tpp_origin, psu_origin) = (origin(brand.tpp_host), origin(brand.psu_host));
            let place =
                BrandPlace { id: None, sandbox: true, issuer: psu_origin.clone(), tpp_origin, psu_origin, psu_authentication: None };
            let brand = config::shipped_brand(brand.id, place).map_err(|e| e.to_string())?;
            sandbox::seed(&db, &System::new(), &brand).await.map_err(|e| e.to_string())?;
            brands.push(brand);
        }
        let tables = Partition::needed(&brands, System::new().now());
        db.add_token_tables(&tables).await.map_err(|e| e.to_string())?;
        Ok::<_, String>(())
    };
    fresh_database(|name| cluster.options(name), &format!("guichet_{digest:016x}"), prepare).await.unwrap()
}

/// A database without any table.
pub async fn empty_database() -> PgConnectOptions {
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    fresh_database(|name| cluster.options(name), "guichet_empty", async |_| Ok::<_, String>(())).await.unwrap()
}

/// One trust for all brands.
pub fn everywhere(trust: Trust) -> Trusts {
    let today = Arc::new(Today::new(trust));
    BRANDS.iter().map(|brand| (BrandId::new(brand.id), today.clone())).collect()
}

async fn socket() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

impl Bank {
    pub async fn start() -> Self {
        Self::with(BankOptions::default()).await
    }

    pub async fn with(options: BankOptions) -> Self {
        let ((tpp, address), (internal, internal_address), (ops, ops_address)) = (socket().await, socket().await, socket().await);
        let mut bank = Self::without_server(&options, address, internal_address, ops_address).await;
        bank.write_settings(&options);
        let source = bank.source();
        let settings = source.read().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let around = Surroundings {
            database: bank.database.clone(),
            clock: bank.clock.clone(),
            entropy: Arc::new(System::new()),
            sockets: Sockets { tpp, psu: None, internal: Some(internal), ops },
            metrics: telemetry::detached_metrics(),
            source,
            supervisor: Supervisor::default(),
        };
        bank.server = Some(Server::start(settings, around).await.unwrap());
        bank
    }

    fn write_settings(&self, options: &BankOptions) {
        if let Some((brand, text)) = &options.bank_file {
            std::fs::write(self.folder().join(format!("{}.toml", brand.id)), text).unwrap();
        }
        *self.text.lock().unwrap() = toml(options, self.address, self.internal, self.ops);
    }

    fn source(&self) -> Source {
        let (text, folder) = (self.text.clone(), self.folder().to_owned());
        let read = move || config::parse("test.toml", &text.lock().unwrap(), &folder, &|_| None);
        Source::new(move || Reading { settings: read(), files: BTreeSet::new() })
    }

    /// The server reads other settings.
    pub async fn try_reload_with(&self, options: &BankOptions) -> Reload {
        self.write_settings(options);
        self.server().reload().await
    }

    /// And takes them up. The keys that need a restart.
    pub async fn reload_with(&self, options: &BankOptions) -> Vec<String> {
        match self.try_reload_with(options).await {
            Reload::TakenUp { needs_restart } => needs_restart,
            other @ (Reload::Refused(_) | Reload::Failed(_)) => panic!("{other:?}"),
        }
    }

    /// All but the server that answers at these addresses.
    pub(super) async fn without_server(options: &BankOptions, address: SocketAddr, internal: SocketAddr, ops: SocketAddr) -> Self {
        let database = match &options.database {
            Some(database) => database.clone(),
            None => database().await,
        };
        let now = System::new().now().unix_timestamp() * 1_000_000;
        let (clock, folder) = (Arc::new(TestClock(AtomicI64::new(now))), tempfile::tempdir().unwrap());
        let watched = Watched::new(folder.path().join(LOG));
        Self { clock, address, internal, ops, database, server: None, text: Arc::default(), watched, folder }
    }

    /// A bank whose server is a process of its own, at these addresses.
    pub fn elsewhere(folder: TempDir, database: PgConnectOptions, [address, internal, ops]: [SocketAddr; 3]) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(System::new().now().unix_timestamp() * 1_000_000)));
        let watched = Watched::new(folder.path().join(LOG));
        Self { clock, address, internal, ops, database, server: None, text: Arc::default(), watched, folder }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn origin(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }

    pub fn issuer(&self, brand: Brand) -> String {
        self.origin(brand.psu_host)
    }

    /// A new organisation with these roles and a QWAC that lives for two years.
    pub fn tpp(&self, roles: impl IntoIterator<Item = PspRole>) -> Tpp<'_> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let organisation = format!("PSDFR-ACPR-{}", 50_000 + NEXT.fetch_add(1, Ordering::SeqCst));
        self.tpp_named(&organisation, roles)
    }

    /// Another QWAC of an organisation, as after a renewal.
    pub fn tpp_named(&self, organisation: &str, roles: impl IntoIterator<Item = PspRole>) -> Tpp<'_> {
        let roles: Vec<_> = roles.into_iter().collect();
        let now = self.clock.now();
        let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(730) };
        self.tpp_with(&QwacSpec::new(organisation, &format!("Société {organisation}"), &roles, validity))
    }

    pub fn tpp_with(&self, spec: &QwacSpec) -> Tpp<'_> {
        self.tpp_issued(pki().1.qtsp.issue(spec).unwrap(), &spec.organisation)
    }

    /// A TPP with a certificate of any issuer.
    pub fn tpp_issued(&self, issued: Issued, organisation: &str) -> Tpp<'_> {
        let wire = Wire::with_certificate(self, &issued.chain, &issued.key);
        Tpp { bank: self, organisation: organisation.to_owned(), chain: issued.chain, wire }
    }

    /// A caller of the internal counter, with the bank's own certificate.
    pub fn gateway(&self) -> Wire {
        Wire::gateway(self)
    }

    /// A browser without certificate or cookies.
    pub fn browser(&self) -> Wire {
        Wire::browser(self)
    }

    pub async fn pool(&self) -> PgPool {
        PgPool::connect_with(self.database.clone()).await.unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The settings of a test bank at these addresses.
pub fn toml(options: &BankOptions, tpp: SocketAddr, internal: SocketAddr, ops: SocketAddr) -> String {
    let file = |name: &str| pki().1.file(name).display().to_string();
    let shown = |name: &str| match &options.own_certificate {
        Some(folder) => folder.join(name).display().to_string(),
        None => file(name),
    };
    let (server, key) = (shown("server.pem"), shown("server.key"));
    let BankOptions { listener_extra, internal_extra, database_extra, .. } = options;
    let mut text = format!(
        "[tpp]\naddress = \"{tpp}\"\ncertificate_file = {server:?}\nkey_file = {key:?}\n{listener_extra}\n\
         [psu]\naddress = \"{tpp}\"\ncertificate_file = {server:?}\nkey_file = {key:?}\n{listener_extra}\n\
         [internal]\naddress = \"{internal}\"\ncertificate_file = {:?}\nkey_file = {:?}\nclient_ca_file = {:?}\n{internal_extra}\n\
         [ops]\naddress = \"{ops}\"\n[log]\nlevel = \"trace\"\n[database]\nurl = \"postgres://localhost/unused\"\n{database_extra}\n[trust]\nanchors_file = {:?}\ncrl_files = [{:?}]\n{}\n",
        file("internal.pem"),
        file("internal.key"),
        file("bank-ca.pem"),
        file("qtsp.pem"),
        file("qtsp.crl"),
        options.extra,
    );
    let brands = if options.brands.is_empty() { &BRANDS[..] } else { &options.brands };
    for brand in brands {
        let port = tpp.port();
        write!(
            text,
            "[[brand]]\nbank = \"{bank}{own}\"\nid = \"{id}\"\nsandbox = {sandbox}\nissuer = \"https://{psu}:{port}\"\ntpp_host = \"{tpp_host}\"\n\
             psu_host = \"{psu}\"\ntpp_port = {port}\npsu_port = {port}\n{extra}\n",
            bank = brand.bank,
            id = brand.id,
            own = if options.bank_file.as_ref().is_some_and(|(one, _)| one.id == brand.id) { ".toml" } else { "" },
            sandbox = !options.production || brand.id == TWIN.id,
            psu = brand.psu_host,
            tpp_host = brand.tpp_host,
            extra = options.brand_extra,
        )
        .unwrap();
        if let Some((_, extra)) = options.one_brand_extra.as_ref().filter(|(one, _)| one.id == brand.id) {
            writeln!(text, "{extra}").unwrap();
        }
    }
    text
}
