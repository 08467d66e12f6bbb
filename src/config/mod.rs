//! The settings: TOML in, checked values out. Every mistake is told at once, with its place; secrets come from files or the environment.
//!
//! `config/default.toml` is compiled in and lies below the operator's file: it is both the defaults and their documentation.
//! Above it lie the files of `conf.d` beside it, and above them the variables.

mod admin;
mod allowed;
mod bank;
mod collisions;
mod effective;
mod environment;
mod layers;
mod mistakes;
mod names;
mod proxies;
mod rates;
mod reader;
mod reference;
mod restart;
mod revocation;
mod sca;
mod segments;
mod settings;
mod theme;
mod trusted_lists;

pub use crate::pki::staleness::{StalePolicy, Staleness};
pub use admin::SigningSettings;
pub use allowed::Allowed;
pub use bank::{BrandPlace, SHIPPED_BANKS};
pub use effective::{Difference, Effective, Origin, Shown, Value, differences};
pub use environment::{DATABASE_URL, Environment, variable};
pub use mistakes::{Mistake, Mistakes};
pub use reference::{Entry, Reference, Written};
pub use restart::{NEEDS_RESTART, TakenUp};
pub use revocation::RevocationSettings;
pub use sca::DriverSettings;
pub use trusted_lists::TrustedLists;

use crate::{
    admin::AdminPolicy,
    limits::{Policy, Rates},
    oauth::brand::{Brand, BrandId},
    pki::{forwarded::Format, revocation::Policies},
    standing::RegisterPolicy,
};
use ipnet::IpNet;
use layers::Layers;
use mistakes::Findings;
use secrecy::SecretString;
use settings::{Context, Opened};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

const DEFAULT: &str = include_str!("../../config/default.toml");
/// No file of settings is longer.
pub const LONGEST_FILE: u64 = 1 << 20;

/// Everything that an operator decides.
#[derive(Debug)]
pub struct Settings {
    /// Machine endpoints: mutual TLS with a QWAC.
    pub tpp: Listener,
    /// The bank's balancer, where it ends TLS for TPPs. `None`: TPPs' certificates are those of their own connections.
    pub front_proxy: Option<FrontProxySettings>,
    /// Authorize and pages. May have the address of `tpp`: then the server name (SNI) tells which is meant.
    pub psu: Listener,
    /// The bank's own systems. `None`: no such listener.
    pub internal: Option<Internal>,
    /// Health and metrics, without TLS.
    pub ops: SocketAddr,
    pub database: DatabaseSettings,
    /// Of the brands that name none of their own.
    pub trust: TrustSettings,
    /// Of those that do: never mixed with the others'.
    pub brand_trust: BTreeMap<BrandId, TrustSettings>,
    /// How the EU trusted lists are fetched and accepted.
    pub trusted_lists: TrustedLists,
    pub outbound: OutboundSettings,
    pub limits: Limits,
    pub audit: AuditSettings,
    pub rates: Rates,
    /// Of the brands that differ.
    pub brand_rates: BTreeMap<BrandId, Rates>,
    /// Addresses that stand for many: no limit by address is kept of them.
    pub exempt_addresses: Vec<IpNet>,
    pub log: Log,
    pub reload: ReloadSettings,
    pub tracing: TracingSettings,
    /// PEM files with ES256 keys: all are published; the first signs while no key of the database does.
    pub signing_key_files: Vec<PathBuf>,
    /// How keys of the database are made and wrapped.
    pub signing: SigningSettings,
    /// How the bank's own people may act.
    pub admin: AdminPolicy,
    /// At least one.
    pub brands: Vec<Brand>,
    /// Of the brands whose customers the bank's own system authenticates on our pages.
    pub drivers: BTreeMap<BrandId, DriverSettings>,
    /// All of the above as it was written, with its origin.
    pub effective: Effective,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub address: SocketAddr,
    /// PEM: the chain, leaf first.
    pub certificate_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
    /// Balancers that must say by a PROXY header (version 2) for whom they come.
    pub proxy_protocol_from: Vec<IpNet>,
}

/// Who is the front proxy, and how it hands a TPP's certificate over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontProxySettings {
    /// At least one. Where its connections come from: addresses of sockets, never announced ones.
    pub peers: Vec<IpNet>,
    /// PEM: who issues the certificate that it shows to us.
    pub client_ca_file: PathBuf,
    /// At least one: a dNSName of that certificate, in lower case.
    pub client_names: Vec<String>,
    pub format: Format,
    /// In lower case, as `chain_header`.
    pub header: String,
    pub chain_header: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Internal {
    pub listener: Listener,
    /// PEM: who issues the certificates of the bank's own systems.
    pub client_ca_file: PathBuf,
}

#[derive(Debug)]
pub struct DatabaseSettings {
    pub url: SecretString,
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    pub statement_timeout: Duration,
    /// Idle connections are closed after this.
    pub idle_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSettings {
    /// The EU trusted lists as `guichet trust` accepted them.
    pub trusted_lists: bool,
    /// PEM bundle of the authorities that may issue QWACs.
    pub anchors_file: Option<PathBuf>,
    /// PEM or DER.
    pub crl_files: Vec<PathBuf>,
    /// ISO 3166-1 alpha-2, sorted, none twice: whose national authorities may have licensed a TPP.
    pub nca_countries: Vec<String>,
    /// Accept a QWAC whose extended key usage is server authentication alone.
    pub accept_server_auth_only: bool,
    pub revocation: RevocationSettings,
    /// What a trusted list past its NextUpdate is still good for.
    pub stale: StalePolicy,
    /// How the national register is used.
    pub register: RegisterPolicy,
}

impl Settings {
    pub fn trust_of(&self, brand: &BrandId) -> &TrustSettings {
        self.brand_trust.get(brand).unwrap_or(&self.trust)
    }

    pub fn revocation_of(&self, brand: &Brand) -> Policies {
        self.trust_of(&brand.id).revocation.policies(brand.sandbox)
    }

    /// What one peer may take of a process. The front proxy stands for all TPPs.
    pub fn limit_policy(&self) -> Policy {
        let front_proxies = self.front_proxy.iter().flat_map(|front_proxy| &front_proxy.peers);
        Policy {
            rates: self.rates.clone(),
            brands: self.brand_rates.clone().into_iter().collect(),
            exempt: self.exempt_addresses.iter().chain(front_proxies).copied().collect(),
            requests: self.limits.requests_in_flight,
            requests_of_one: self.limits.requests_in_flight_of_one,
            clients_of_organisation: self.limits.clients_of_organisation,
            open_journeys_of_client: self.limits.open_journeys_of_client,
        }
    }
}

/// How strangers' servers are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundSettings {
    /// http or https, without user and password.
    pub proxy_url: Option<String>,
    /// `host:port`, reached though their addresses are private, and without the proxy.
    pub private_hosts: Vec<String>,
}

/// What one process does at most, and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of a listener.
    pub connections: usize,
    /// TLS handshakes under way at once.
    pub handshakes: usize,
    pub handshake: Duration,
    /// To read a request's head.
    pub header: Duration,
    /// To read a request's body.
    pub body: Duration,
    pub body_bytes: usize,
    pub header_bytes: usize,
    /// From head to answer.
    pub request: Duration,
    pub requests_in_flight: usize,
    /// Of them, those of one organisation, or at the psu counter of one address.
    pub requests_in_flight_of_one: usize,
    /// Live clients of one organisation at one brand.
    pub clients_of_organisation: u32,
    /// Journeys of one client under way in which nobody has signed in.
    pub open_journeys_of_client: u32,
    /// Asked about in one introspection.
    pub tokens_per_introspection: usize,
    /// An older connection is closed after its current request, so that its certificate is shown again.
    pub connection_age: Duration,
    /// Told to end, a process goes on for so long, not ready, so that balancers notice.
    pub shutdown_delay: Duration,
    /// What running requests get at shutdown.
    pub drain: Duration,
}

/// When the settings are read anew without being told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadSettings {
    /// As soon as one of their files changed.
    pub watch: bool,
    /// How often these are looked at.
    pub every: Duration,
}

/// How the audit trail is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Events stay so many months after that of their making.
    pub keep_months: i32,
    /// How often the heads of the chains are told to the outside.
    pub anchor: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    pub level: tracing::Level,
}

/// W3C Trace Context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracingSettings {
    /// Listeners whose callers' traces go on.
    pub goes_on_at: Vec<&'static str>,
    /// Spans are sent there as OTLP; `None`: nowhere.
    pub otlp_url: Option<String>,
    /// Of traces that begin here one in so many is sent.
    pub sample_one_in: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

/// What the files said, and all the files that this depends on, also where something is wrong with them.
#[derive(Debug)]
pub struct Reading {
    pub settings: Result<Settings, Mistakes>,
    pub files: BTreeSet<PathBuf>,
}

/// The settings in the file at `path`, in `conf.d` beside it, and in the environment. Relative paths start at the folder of the file
/// that names them, those of variables at that of `path`. Every named file must be there and readable.
pub fn load(path: &Path, environment: &Environment) -> Result<Settings, Mistakes> {
    read(path, environment).settings
}

/// Like [`load`], for whoever wants to know of changes.
pub fn read(path: &Path, environment: &Environment) -> Reading {
    layered(path, environment, Opened::All)
}

/// Like [`load`], to be compared and not to be served: of the files that are named only those of banks are opened, and which
/// database is meant may be left open.
pub fn load_unserved(path: &Path) -> Result<Settings, Mistakes> {
    layered(path, &Environment::default(), Opened::Banks).settings
}

/// Like [`load`] for a text that is at hand, alone. Of the files it names, only bank files and `database.url_file` are opened.
pub fn parse(name: &str, text: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Mistakes> {
    let findings = Findings::default();
    let context = Context { folder: folder.to_path_buf(), opened: Opened::Settings, database_url: env(DATABASE_URL) };
    let settings = Layers::of_text(name, text, folder).settings(&context, &findings);
    findings.judge(settings)
}

fn layered(path: &Path, environment: &Environment, opened: Opened) -> Reading {
    let findings = Findings::default();
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let layers = Layers::of_files(path, &findings).below(environment, &folder, &findings);
    let context = Context { folder, opened, database_url: environment.database_url(&findings) };
    let settings = layers.settings(&context, &findings);
    Reading { files: findings.files(), settings: findings.judge(settings) }
}

/// A bank that comes with the program, `cic` or `labanquepostale`, at a place of the caller's choice.
pub fn shipped_brand(bank: &str, place: BrandPlace) -> Result<Brand, Mistakes> {
    let findings = Findings::default();
    let brand = bank::shipped(bank, place, &findings);
    findings.judge(brand)
}

/// The shipped banks in production, at hosts of no real bank: what the committed documents describe.
pub fn example_brands() -> Vec<Brand> {
    let place = |bank: &str| BrandPlace {
        id: None,
        sandbox: false,
        issuer: format!("https://auth.{bank}.example"),
        tpp_origin: format!("https://api.{bank}.example"),
        psu_origin: format!("https://auth.{bank}.example"),
        psu_authentication: None,
    };
    SHIPPED_BANKS.into_iter().filter_map(|bank| shipped_brand(bank, place(bank)).ok()).collect()
}

/// Why not, without the path: the caller names it.
fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|f| f.take(LONGEST_FILE + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > LONGEST_FILE => Err(format!("is longer than {LONGEST_FILE} bytes")),
        Ok(_) => Ok(text),
        Err(e) => Err(format!("cannot be read: {}", reason(&e))),
    }
}

fn reason(error: &io::Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests;
