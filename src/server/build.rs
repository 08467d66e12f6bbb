//! All that one set of settings makes, before any of it is in use.

use super::{
    StartError,
    error::Wrong,
    tls_sets::{self, TlsSets, forwarded},
};
use crate::{
    app::{App, Desks, House, Installed, Shared, WaysOut},
    config::{Limits, Settings, TracingSettings},
    http::{BodyLimits, HttpLimits, Inside, Tracing},
    oauth::brand::BrandId,
    outbound::Outbound,
    pki::trusted_list::Snapshot,
    sca::{Drivers, http::Http},
    signing::{self, KeyMaker, KeyPolicy, SigningDesk, WrappingKey, WrappingKeyError},
    tasks::load,
    tls::limits::ListenerLimits,
    trust::{TrustDesk, revocation::StatusDesk, standing::StandingDesk},
};
use std::{collections::BTreeMap, sync::Arc};

pub(super) struct Built {
    pub(super) installed: Installed,
    pub(super) inside: Inside,
    pub(super) tls: TlsSets,
    pub(super) limits: ListenerLimits,
}

/// What `before` learnt while it served goes on being known. Reads files, and waits for nothing else.
pub(super) fn build(
    settings: Settings,
    shared: &Arc<Shared>,
    snapshot: Option<&Snapshot>,
    before: Option<&App>,
    one_socket: bool,
) -> Result<Built, StartError> {
    let mut wrong = Wrong::default();
    let tls = tls_sets::load(&settings, one_socket, &mut wrong);
    let trusts = wrong.note(load::trusts(&settings, snapshot));
    let (key_files, key_maker) = (wrong.note(signing::load_files(&settings.signing_key_files)), wrong.note(key_maker(&settings)));
    let outbound = wrong.note(Outbound::new(&settings.outbound));
    let banks = banks(&settings, shared, before, &mut wrong);
    let forwarded = wrong.note(forwarded(settings.front_proxy.as_ref()));
    let keys = key_files.zip(key_maker);
    let (Some(tls), Some(trusts), Some((key_files, key_maker)), Some(outbound), Some(forwarded)) = (tls, trusts, keys, outbound, forwarded)
    else {
        return wrong.judge(None);
    };
    let brands: Vec<_> = settings.brands.iter().cloned().map(Arc::new).collect();
    let registers = settings.brands.iter().map(|brand| (brand.id.clone(), settings.trust_of(&brand.id).register.clone())).collect();
    let statuses = settings.brands.iter().map(|brand| (brand.id.clone(), settings.revocation_of(brand))).collect();
    let desks = match before {
        None => Desks { trust: TrustDesk::new(trusts), statuses: StatusDesk::new(statuses), standing: StandingDesk::new(registers) },
        Some(app) => {
            Desks { trust: app.trust.with(trusts), statuses: app.statuses.under(statuses), standing: app.standing.under(registers) }
        }
    };
    let signing = match before {
        None => SigningDesk::new(key_files, key_maker),
        Some(app) => app.signing.under(key_files, key_maker),
    };
    let house = House { signing, admin: settings.admin.clone() };
    let drivers = Drivers::new(&brands, &shared.db, banks, before.map(|app| &app.drivers));
    let app = App::new(shared.clone(), brands, desks, WaysOut { outbound, drivers }, house);
    let inside = Inside::new(&app, http_limits(&settings.limits), forwarded, tracing(&settings.tracing));
    let limits = listener_limits(&settings.limits);
    let certificates = tls.certificates.clone();
    wrong.judge(Some(Built { installed: Installed { settings, app, certificates }, inside, tls, limits }))
}

/// What keys of the database are made and wrapped with.
pub fn key_maker(settings: &Settings) -> Result<KeyMaker, WrappingKeyError> {
    let own = &settings.signing;
    let wrapping = own.wrapping_key_file.as_deref().map(WrappingKey::load).transpose()?;
    Ok(KeyMaker { wrapping, policy: KeyPolicy { algorithm: own.algorithm, overlap: own.overlap, rotate_after: own.rotate_after } })
}

/// The SCA back ends of the brands that have one.
fn banks(settings: &Settings, shared: &Shared, before: Option<&App>, wrong: &mut Wrong) -> BTreeMap<BrandId, Http> {
    let built = settings.drivers.iter().filter_map(|(brand, driver)| {
        let built = match before.and_then(|app| app.drivers.http(brand)) {
            Some(known) => known.renewed(driver),
            None => Http::new(brand.clone(), driver, shared.clock.clone()),
        };
        Some((brand.clone(), wrong.note(built.map_err(|why| format!("brand.sca of {brand}: {why}")))?))
    });
    built.collect()
}

/// Without an exporter no trace is kept.
fn tracing(settings: &TracingSettings) -> Tracing {
    let TracingSettings { goes_on_at, otlp_url, sample_one_in } = settings;
    Tracing { goes_on_at: goes_on_at.clone(), kept_of: if otlp_url.is_some() { *sample_one_in } else { 0 } }
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
