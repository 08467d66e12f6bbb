//! Reads the operator's file, section by section.

use super::{
    AuditSettings, DATABASE_URL, DatabaseSettings, Effective, Internal, Limits, Listener, Log, LogFormat, OutboundSettings, ReloadSettings,
    Settings, StalePolicy, TracingSettings, TrustSettings, admin,
    bank::{self, BrandPlace, Overrides, SHIPPED_BANKS},
    collisions,
    effective::{Origin, Shown, Value},
    mistakes::{ENVIRONMENT, Findings, Source, Writer, suggestion},
    names, proxies, rates, read_text,
    reader::{self, Reader, Walk, choice, text},
    reason, revocation,
    sca::{self, DriverSettings},
    segments, trusted_lists,
};
use crate::{
    limits::Rates,
    oauth::brand::{Brand, BrandId},
    standing::{Country, RegisterPolicy, RegisterUse},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::de::DeValue;
use tracing::Level;

/// So many seconds late a gateway may learn of a revocation, and no more.
const LONGEST_INTROSPECTION_CACHE: u64 = 60;

/// What surrounds the file.
pub(super) struct Context {
    /// The file's own.
    pub folder: PathBuf,
    pub opened: Opened,
    /// Instead of the files' one.
    pub database_url: Option<String>,
}

/// Which of the files that the settings name are opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// All: they must be there and readable.
    All,
    /// Those whose content is settings: banks', and the database's URL.
    Settings,
    /// Banks' alone; which database is meant is left open.
    Banks,
}

impl Context {
    pub(super) fn file(&self, table: &mut Reader<'_>, key: &'static str) -> PathBuf {
        let findings = table.findings();
        table.need_in(key, |v, folder| self.path(v, folder, findings)).unwrap_or_default()
    }

    pub(super) fn optional_file(&self, table: &mut Reader<'_>, key: &'static str) -> Option<PathBuf> {
        let findings = table.findings();
        table.may_in(key, |v, folder| self.path(v, folder, findings))
    }

    pub(super) fn files(&self, table: &mut Reader<'_>, key: &'static str) -> Vec<PathBuf> {
        let findings = table.findings();
        table.list_in(key, |v, folder| self.path(v, folder, findings))
    }

    /// Relative to the folder of whoever names it.
    fn path(&self, value: &DeValue<'_>, folder: &Path, findings: &Findings) -> Result<PathBuf, String> {
        let path = folder.join(text(value)?);
        findings.reads(&path);
        if self.opened == Opened::All {
            let is_file = File::open(&path).and_then(|f| f.metadata()).map(|m| m.is_file());
            match is_file {
                Ok(true) => {}
                Ok(false) => return Err(format!("names {}, which is no file", path.display())),
                Err(e) => return Err(format!("names {}, which cannot be read: {}", path.display(), reason(&e))),
            }
        }
        Ok(path)
    }
}

pub(super) fn read(root: &mut Reader<'_>, context: &Context) -> Option<Settings> {
    let (mut tpp_table, mut psu_table) = (root.table("tpp"), root.table("psu"));
    let front_proxy = tpp_table.optional_table("front_proxy").and_then(|mut t| proxies::front_proxy(&mut t, context));
    let (tpp, psu) = (listener(&mut tpp_table, context), listener(&mut psu_table, context));
    if tpp.address == psu.address && tpp.proxy_protocol_from != psu.proxy_protocol_from {
        let written = if psu.proxy_protocol_from.is_empty() { &tpp_table } else { &psu_table };
        let why = "`proxy_protocol_from` of `tpp` and `psu` must be the same: on one address they are told apart only after that header";
        written.note("proxy_protocol_from", why);
    }
    let internal_table = root.optional_table("internal");
    let internal = internal_table.clone().map(|mut t| internal(&mut t, context));
    let mut ops_table = root.table("ops");
    let ops = address(&mut ops_table);
    ops_table.finish();
    let limits = limits(&mut root.table("limits"));
    let (rates, exempt_addresses) = rates::read(&mut root.table("rate_limits"));
    let (database, url_origin) = database(&mut root.table("database"), &limits, context);
    let mut trust_table = root.table("trust");
    let (trusted_lists, stale) = trusted_lists::read(&mut trust_table.table("lists"), context);
    let trust = trust(&mut trust_table, stale, context);
    let outbound = outbound(&mut root.table("outbound"));
    let audit = audit(&mut root.table("audit"));
    let log = log(&mut root.table("log"));
    let tracing = tracing(&mut root.table("tracing"));
    let mut signing = root.table("signing");
    let signing_key_files = context.files(&mut signing, "key_files");
    let signing = admin::signing(&mut signing, context);
    let admin = admin::read(&mut root.table("admin"));
    let reload = reload(&mut root.table("reload"));
    let mut effective = Effective::default();
    let Brands { brands, trust: brand_trust, rates: brand_rates, drivers } = brands(root, &trust, &rates, context, &mut effective);
    let has_source = trust.trusted_lists || trust_table.has("anchors_file");
    if !has_source && (brands.is_empty() || brands.iter().any(|brand| !brand_trust.contains_key(&brand.id))) {
        trust_table.note("anchors_file", "missing key `trust.anchors_file` (or `trust.trusted_lists = true`)");
    }
    root.finish();

    let taken = [("tpp", tpp.address), ("psu", psu.address)];
    one_address_each(&ops_table, "ops", ops, &taken);
    if let (Some(table), Some(internal)) = (&internal_table, &internal) {
        one_address_each(table, "internal", internal.listener.address, &[taken[0], taken[1], ("ops", ops)]);
    }
    root.leaves("", &["brand"], &mut Walk { base: &context.folder, sandbox: None, into: &mut effective });
    url_origin.tell(&database.url, &mut effective);
    Some(Settings {
        tpp,
        front_proxy,
        psu,
        internal,
        ops,
        database,
        trust,
        trusted_lists,
        outbound,
        limits,
        audit,
        rates,
        brand_rates,
        exempt_addresses,
        log: log?,
        reload,
        tracing,
        signing_key_files,
        signing,
        admin,
        brands,
        brand_trust,
        drivers,
        effective,
    })
}

/// Only `tpp` and `psu` can be told apart on one address.
fn one_address_each(table: &Reader<'_>, name: &str, address: SocketAddr, others: &[(&str, SocketAddr)]) {
    if let Some((other, _)) = others.iter().find(|(_, a)| *a == address && a.port() != 0) {
        table.note("address", format!("`{name}.address` is the address of `{other}`"));
    }
}

fn listener(table: &mut Reader<'_>, context: &Context) -> Listener {
    let read = Listener {
        address: address(table),
        certificate_file: context.file(table, "certificate_file"),
        key_file: context.file(table, "key_file"),
        proxy_protocol_from: if table.has("proxy_protocol_from") { table.list("proxy_protocol_from", proxies::network) } else { vec![] },
    };
    table.finish();
    read
}

fn internal(table: &mut Reader<'_>, context: &Context) -> Internal {
    let client_ca_file = context.file(table, "client_ca_file");
    Internal { listener: listener(table, context), client_ca_file }
}

fn address(table: &mut Reader<'_>) -> SocketAddr {
    let read = |v: &DeValue<'_>| text(v)?.parse().map_err(|_| "must be an IP address and a port, such as 0.0.0.0:8443".to_owned());
    table.need("address", read).unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)))
}

fn database(table: &mut Reader<'_>, limits: &Limits, context: &Context) -> (DatabaseSettings, UrlOrigin) {
    let (url, origin) = database_url(table, context);
    let read = DatabaseSettings {
        url: url.unwrap_or_default(),
        max_connections: u32::try_from(table.number("max_connections", 1..=1_000)).unwrap_or_default(),
        acquire_timeout: seconds(table, "acquire_timeout_seconds", 60),
        statement_timeout: seconds(table, "statement_timeout_seconds", 60),
        idle_timeout: seconds(table, "idle_timeout_seconds", 86_400),
    };
    if read.acquire_timeout.max(read.statement_timeout) > limits.request && !limits.request.is_zero() {
        let longer = if read.statement_timeout > limits.request { "statement_timeout_seconds" } else { "acquire_timeout_seconds" };
        table.note(longer, format!("`database.{longer}` is longer than `limits.request_seconds`: the request would be gone first"));
    }
    table.finish();
    (read, origin)
}

/// Where the database's URL is from.
enum UrlOrigin {
    Variable,
    /// Of its own.
    File(PathBuf),
    /// Where it can be read by everybody, or nowhere.
    Settings,
}

impl UrlOrigin {
    fn tell(self, url: &SecretString, effective: &mut Effective) {
        let origin = match self {
            Self::Settings => return,
            Self::Variable => {
                effective.remove("database.url_file");
                Origin::Variable(DATABASE_URL.to_owned())
            }
            Self::File(path) => Origin::File { file: path.display().to_string(), line: 1 },
        };
        effective.insert("database.url".to_owned(), Value { shown: Shown::secret(url.expose_secret()), origin, default: None });
    }
}

/// The environment, else the file, else a URL without password. All that are written are judged.
fn database_url(table: &mut Reader<'_>, context: &Context) -> (Option<SecretString>, UrlOrigin) {
    let from_env = context.database_url.as_ref();
    let from_file = table.file("url_file", |path| {
        // A variable that wins makes the file needless.
        if from_env.is_some() || context.opened == Opened::Banks {
            return Ok((String::new(), path.to_path_buf()));
        }
        let url = read_text(path).map_err(|why| format!("names {}, which {why}", path.display()))?;
        names::database_url(&url).map_err(|why| format!("names {}, whose content {why}", path.display()))?;
        Ok((url.trim().to_owned(), path.to_path_buf()))
    });
    let plain = table.may("url", |v| {
        let url = text(v)?;
        if names::has_password(&names::database_url(&url)?) {
            return Err("holds a password; put the URL into a file of its own and name it in `url_file`".to_owned());
        }
        Ok(url)
    });
    let (has_file, has_url) = (table.has("url_file"), table.has("url"));
    if has_file && has_url {
        table.note("url", "`database.url` and `database.url_file` exclude each other");
    }
    if let Some(url) = from_env {
        return match names::database_url(url) {
            Ok(_) => (Some(url.trim().into()), UrlOrigin::Variable),
            Err(why) => {
                table.findings().about(ENVIRONMENT, format!("`{DATABASE_URL}` {why}"));
                (None, UrlOrigin::Variable)
            }
        };
    }
    if !has_file && !has_url && context.opened != Opened::Banks {
        table.note("url_file", format!("missing key `database.url_file` (or the variable {DATABASE_URL})"));
    }
    match from_file {
        Some((url, path)) if context.opened != Opened::Banks => (Some(url.into()), UrlOrigin::File(path)),
        Some(_) | None => (plain.map(SecretString::from), UrlOrigin::Settings),
    }
}

fn trust(table: &mut Reader<'_>, stale: StalePolicy, context: &Context) -> TrustSettings {
    let countries: BTreeSet<_> = table.list("nca_countries", names::country).into_iter().collect();
    if countries.is_empty() {
        table.note("nca_countries", "`trust.nca_countries` needs at least one country");
    }
    let read = TrustSettings {
        trusted_lists: table.flag("trusted_lists"),
        anchors_file: context.optional_file(table, "anchors_file"),
        crl_files: context.files(table, "crl_files"),
        nca_countries: countries.into_iter().collect(),
        accept_server_auth_only: table.flag("accept_server_auth_only"),
        revocation: revocation::read(&mut table.table("revocation")),
        stale,
        register: register(&mut table.table("register"), &RegisterPolicy::default()),
    };
    if read.trusted_lists && read.anchors_file.is_some() {
        table.note("anchors_file", "`trust.anchors_file` and `trust.trusted_lists = true` exclude each other");
    }
    table.finish();
    read
}

/// A brand's own trust. Whom it trusts is never inherited and never added to; how strictly, is where it says nothing.
fn brand_trust(table: &mut Reader<'_>, sandbox: bool, general: &TrustSettings, context: &Context) -> TrustSettings {
    let anchors_file = context.optional_file(table, "anchors_file");
    let crl_files = if table.has("crl_files") { context.files(table, "crl_files") } else { Vec::new() };
    let trusted_lists = table.may("trusted_lists", reader::flag);
    let own = anchors_file.is_some() || trusted_lists.is_some() || !crl_files.is_empty();
    let countries: BTreeSet<_> = match table.has("nca_countries") {
        true => table.list("nca_countries", names::country).into_iter().collect(),
        false => general.nca_countries.iter().cloned().collect(),
    };
    if anchors_file.is_some() && !sandbox {
        table.note("anchors_file", "`brand.trust.anchors_file` is for sandboxes: a production brand trusts whom `[trust]` names");
    }
    if own && anchors_file.is_none() && trusted_lists != Some(true) {
        table.note(
            "anchors_file",
            "`brand.trust` names nobody to trust: `anchors_file`, `trusted_lists = true`, or neither of them and no `crl_files`",
        );
    }
    let read = TrustSettings {
        trusted_lists: if own { trusted_lists.unwrap_or(false) } else { general.trusted_lists },
        anchors_file: if own { anchors_file } else { general.anchors_file.clone() },
        crl_files: if own { crl_files } else { general.crl_files.clone() },
        nca_countries: countries.into_iter().collect(),
        accept_server_auth_only: table.may("accept_server_auth_only", reader::flag).unwrap_or(general.accept_server_auth_only),
        revocation: revocation::read_brand(table.optional_table("revocation"), sandbox, &general.revocation),
        stale: general.stale,
        register: match table.optional_table("register") {
            Some(mut own) => register(&mut own, &general.register),
            None => general.register.clone(),
        },
    };
    table.finish();
    read
}

/// What is not said is as in `general`.
fn register(table: &mut Reader<'_>, general: &RegisterPolicy) -> RegisterPolicy {
    let uses = [RegisterUse::Off, RegisterUse::Warn, RegisterUse::Refuse].map(|register| (register.name(), register));
    let mut days = |key, general: i64| table.optional_number(key, 1..=3_650).and_then(|days| i64::try_from(days).ok()).unwrap_or(general);
    let read = RegisterPolicy {
        warn_after: days("warn_after_days", general.warn_after),
        refuse_registrations_after: days("refuse_registrations_after_days", general.refuse_registrations_after),
        refuse_after: days("refuse_after_days", general.refuse_after),
        register: table.optional_choice("policy", &uses).unwrap_or(general.register),
        country: table.may("country", names::country).and_then(|code| Country::parse(&code)).or(general.country),
    };
    if read.warn_after > read.refuse_registrations_after || read.refuse_registrations_after > read.refuse_after {
        table.note(
            "refuse_after_days",
            "`register`: an old register warns first, then refuses registrations, then everything: the days must rise",
        );
    }
    table.finish();
    read
}

fn outbound(table: &mut Reader<'_>) -> OutboundSettings {
    let read = OutboundSettings {
        proxy_url: table.may("proxy_url", names::proxy_url),
        private_hosts: table.list("private_hosts", names::host_and_port),
    };
    table.finish();
    read
}

fn limits(table: &mut Reader<'_>) -> Limits {
    let read = Limits {
        connections: table.size("connections", 1..=1_000_000),
        handshakes: table.size("handshakes", 1..=1_000_000),
        handshake: seconds(table, "handshake_seconds", 60),
        header: seconds(table, "header_seconds", 60),
        body: seconds(table, "body_seconds", 60),
        body_bytes: table.size("body_bytes", 1_024..=1 << 20),
        header_bytes: table.size("header_bytes", 4_096..=1 << 20),
        request: seconds(table, "request_seconds", 300),
        requests_in_flight: table.size("requests_in_flight", 1..=1_000_000),
        requests_in_flight_of_one: table.size("requests_in_flight_of_one", 1..=1_000_000),
        clients_of_organisation: u32::try_from(table.number("clients_of_organisation", 1..=100_000)).unwrap_or(u32::MAX),
        open_journeys_of_client: u32::try_from(table.number("open_journeys_of_client", 1..=100_000)).unwrap_or(u32::MAX),
        tokens_per_introspection: table.size("tokens_per_introspection", 1..=1_000),
        connection_age: seconds(table, "connection_age_seconds", 86_400),
        shutdown_delay: Duration::from_secs(table.number("shutdown_delay_seconds", 0..=600)),
        drain: seconds(table, "drain_seconds", 600),
    };
    if read.handshakes > read.connections && read.connections > 0 {
        table.note("handshakes", "`limits.handshakes` is more than `limits.connections`");
    }
    if read.body > read.request && !read.request.is_zero() {
        table.note("body_seconds", "`limits.body_seconds` is longer than `limits.request_seconds`");
    }
    table.finish();
    read
}

fn audit(table: &mut Reader<'_>) -> AuditSettings {
    let read = AuditSettings {
        keep_months: i32::try_from(table.number("keep_months", 2..=1_200)).unwrap_or_default(),
        anchor: Duration::from_secs(table.number("anchor_minutes", 1..=10_080) * 60),
    };
    table.finish();
    read
}

fn log(table: &mut Reader<'_>) -> Option<Log> {
    let format = table.choice("format", &[("json", LogFormat::Json), ("text", LogFormat::Text)]);
    let levels = [("error", Level::ERROR), ("warn", Level::WARN), ("info", Level::INFO), ("debug", Level::DEBUG), ("trace", Level::TRACE)];
    let level = table.choice("level", &levels);
    table.finish();
    Some(Log { format: format?, level: level? })
}

fn reload(table: &mut Reader<'_>) -> ReloadSettings {
    let read = ReloadSettings { watch: table.flag("watch"), every: seconds(table, "watch_seconds", 3_600) };
    table.finish();
    read
}

fn tracing(table: &mut Reader<'_>) -> TracingSettings {
    const COUNTERS: [(&str, &str); 3] = [("tpp", "tpp"), ("psu", "psu"), ("internal", "internal")];
    let read = TracingSettings {
        goes_on_at: table.list("goes_on_at", |v| choice(v, &COUNTERS)),
        otlp_url: table.may("otlp_url", names::collector_url),
        sample_one_in: u32::try_from(table.number("sample_one_in", 1..=1_000_000)).unwrap_or(1),
    };
    if read.otlp_url.is_some() && !cfg!(feature = "otel") {
        table.note("otlp_url", "`tracing.otlp_url` needs a program that is built with `--features otel`");
    }
    table.finish();
    read
}

fn seconds(table: &mut Reader<'_>, key: &'static str, longest: u64) -> Duration {
    Duration::from_secs(table.number(key, 1..=longest))
}

/// The brands, and what of their rows the judgement need not know.
#[derive(Default)]
struct Brands {
    brands: Vec<Brand>,
    trust: BTreeMap<BrandId, TrustSettings>,
    rates: BTreeMap<BrandId, Rates>,
    drivers: BTreeMap<BrandId, DriverSettings>,
}

fn brands(root: &mut Reader<'_>, general: &TrustSettings, rates: &Rates, context: &Context, effective: &mut Effective) -> Brands {
    let mut read = Brands::default();
    let mut places: Vec<String> = Vec::new();
    for mut row in root.all_rows("brand") {
        let (brand, driver) = brand(&mut row, context, effective);
        let sandbox = brand.as_ref().is_none_or(|brand| brand.sandbox);
        let trust = row.optional_table("trust").map(|mut table| brand_trust(&mut table, sandbox, general, context));
        let rates = row.optional_table("rate_limits").map(|mut table| rates::of_brand(&mut table, rates));
        row.finish();
        let Some(brand) = brand else { continue };
        if let Some(rates) = rates {
            read.rates.insert(brand.id.clone(), rates);
        }
        if let Some(trust) = trust {
            read.trust.insert(brand.id.clone(), trust);
        }
        if let Some(driver) = driver {
            read.drivers.insert(brand.id.clone(), driver);
        }
        let others = || read.brands.iter().zip(&places);
        let meets = || others().find_map(|(b, place)| Some(format!("{} (the other is at {place})", collisions::between(b, &brand)?)));
        if let Some(why) = collisions::within(&brand).or_else(meets) {
            row.note("", why);
        }
        places.push(row.place());
        read.brands.push(brand);
    }
    read
}

fn brand(row: &mut Reader<'_>, context: &Context, effective: &mut Effective) -> (Option<Brand>, Option<DriverSettings>) {
    let bank = row.need("bank", text);
    let mut place = place(row);
    let sandbox = place.as_ref().is_none_or(|place| place.sandbox);
    let (authentication, driver) = row.optional_table("sca").map(|mut table| sca::read(&mut table, sandbox, context)).unwrap_or_default();
    if let Some(place) = &mut place {
        place.psu_authentication = authentication;
    }
    let introspection_cache = row.optional_number("introspection_cache_seconds", 0..=LONGEST_INTROSPECTION_CACHE).unwrap_or(0);
    let mut brand = described(row, bank, place, context, effective);
    if let Some(brand) = &mut brand {
        brand.introspection_cache = time::Duration::seconds(introspection_cache.cast_signed());
    }
    segments::read(row, brand.as_mut());
    (brand, driver)
}

fn described(
    row: &mut Reader<'_>,
    bank: Option<String>,
    place: Option<BrandPlace>,
    context: &Context,
    effective: &mut Effective,
) -> Option<Brand> {
    let overrides = Overrides {
        authorization: row.optional_table("authorization"),
        scope: row.optional_table("scope"),
        security: row.optional_table("security"),
        theme: row.optional_table("theme"),
    };
    let source = bank_file(&bank?, row)?;
    let table = reader::parse(&source, row.findings())?;
    // A bank file is judged even where its place is not known.
    let mut bank = Reader::new(&source, &table, row.findings());
    let brand = bank::read(&mut bank, overrides, place.clone().unwrap_or_default(), context.opened == Opened::All);
    let brand = place.and(brand)?;
    let mut walk = Walk { base: &context.folder, sandbox: Some(brand.sandbox), into: effective };
    row.clone().over(bank).leaves(&format!("brand.{}", brand.id), &[], &mut walk);
    Some(brand)
}

/// A shipped bank, or a file of the operator's own, relative to the one that names it.
fn bank_file(bank: &str, row: &Reader<'_>) -> Option<Source> {
    if let Some(source) = bank::source(bank) {
        return Some(source);
    }
    if !bank.contains('/') && Path::new(bank).extension().is_none() {
        let near = suggestion(bank, &SHIPPED_BANKS);
        row.note("bank", format!("`brand.bank`: no bank `{bank}` comes with the program, and a file would end in .toml{near}"));
        return None;
    }
    let path = row.source().folder.as_deref().unwrap_or(Path::new("")).join(bank);
    row.findings().reads(&path);
    match read_text(&path) {
        Ok(text) => {
            let folder = path.parent().map(Path::to_path_buf);
            Some(Source { name: path.display().to_string(), text: Cow::Owned(text), folder, writer: Writer::Bank })
        }
        Err(why) => {
            row.note("bank", format!("`brand.bank` names {}, which {why}", path.display()));
            None
        }
    }
}

fn place(row: &mut Reader<'_>) -> Option<BrandPlace> {
    let id = row.may("id", names::id);
    let sandbox = row.may("sandbox", reader::flag).unwrap_or_default();
    let issuer = row.need("issuer", |v| names::issuer(&text(v)?));
    let mut origin = |host, port| {
        let host = row.need(host, names::host);
        let port = row.optional_number(port, 1..=65_535).unwrap_or(443);
        host.map(|h| names::origin_of(&h, port))
    };
    let (tpp, psu) = (origin("tpp_host", "tpp_port"), origin("psu_host", "psu_port"));
    let place = BrandPlace { id, sandbox, issuer: issuer?, tpp_origin: tpp?, psu_origin: psu?, ..Default::default() };
    let on = |origin: &str| place.issuer.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !on(&place.tpp_origin) && !on(&place.psu_origin) {
        let message = format!("`brand.issuer` must begin with {} or {}: its metadata is served there", place.psu_origin, place.tpp_origin);
        row.note("issuer", message);
    }
    Some(place)
}
