//! All the settings together, and the operator's file read section by section.

use super::{
    AuditSettings, DatabaseSettings, DriverSettings, Effective, FrontProxySettings, Internal, Limits, Listener, Log, OutboundSettings,
    ReloadSettings, SigningSettings, TracingSettings, TrustSettings, TrustedLists, admin,
    brands::{self, Brands},
    context::Context,
    database, limits, listeners, process, proxies, rates,
    reader::{Reader, Walk},
    telemetry, trust, trusted_lists,
};
use crate::{
    admin::AdminPolicy,
    limits::{Policy, Rates},
    oauth::brand::{Brand, BrandId},
    pki::revocation::Policies,
};
use ipnet::IpNet;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

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

pub(super) fn read(root: &mut Reader<'_>, context: &Context) -> Option<Settings> {
    let (mut tpp_table, mut psu_table) = (root.table("tpp"), root.table("psu"));
    let front_proxy = tpp_table.optional_table("front_proxy").and_then(|mut t| proxies::front_proxy(&mut t, context));
    let (tpp, psu) = (listeners::listener(&mut tpp_table, context), listeners::listener(&mut psu_table, context));
    if tpp.address == psu.address && tpp.proxy_protocol_from != psu.proxy_protocol_from {
        let written = if psu.proxy_protocol_from.is_empty() { &tpp_table } else { &psu_table };
        let why = "`proxy_protocol_from` of `tpp` and `psu` must be the same: on one address they are told apart only after that header";
        written.note("proxy_protocol_from", why);
    }
    let internal_table = root.optional_table("internal");
    let internal = internal_table.clone().map(|mut t| listeners::internal(&mut t, context));
    let mut ops_table = root.table("ops");
    let ops = listeners::address(&mut ops_table);
    ops_table.finish();
    let limits = limits::read(&mut root.table("limits"));
    let (rates, exempt_addresses) = rates::read(&mut root.table("rate_limits"));
    let (database, url_origin) = database::read(&mut root.table("database"), &limits, context);
    let mut trust_table = root.table("trust");
    let (trusted_lists, stale) = trusted_lists::read(&mut trust_table.table("lists"), context);
    let trust = trust::read(&mut trust_table, stale, context);
    let outbound = process::outbound(&mut root.table("outbound"));
    let audit = process::audit(&mut root.table("audit"));
    let log = telemetry::log(&mut root.table("log"));
    let tracing = telemetry::tracing(&mut root.table("tracing"));
    let mut signing_table = root.table("signing");
    let signing_key_files = context.files(&mut signing_table, "key_files");
    let signing = admin::signing(&mut signing_table, context);
    let admin = admin::read(&mut root.table("admin"));
    let reload = process::reload(&mut root.table("reload"));
    let mut effective = Effective::default();
    let Brands { brands, trust: brand_trust, rates: brand_rates, drivers } = brands::read(root, &trust, &rates, context, &mut effective);
    let has_source = trust.trusted_lists || trust_table.has("anchors_file");
    if !has_source && (brands.is_empty() || brands.iter().any(|brand| !brand_trust.contains_key(&brand.id))) {
        trust_table.note("anchors_file", "missing key `trust.anchors_file` (or `trust.trusted_lists = true`)");
    }
    admin::keys_for_tokens(&signing_table, &brands, &signing_key_files, &signing);
    root.finish();

    let taken = [("tpp", tpp.address), ("psu", psu.address)];
    listeners::one_address_each(&ops_table, "ops", ops, &taken);
    if let (Some(table), Some(internal)) = (&internal_table, &internal) {
        listeners::one_address_each(table, "internal", internal.listener.address, &[taken[0], taken[1], ("ops", ops)]);
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
