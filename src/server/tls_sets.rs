//! What each socket shows and asks for in TLS.

use super::error::Wrong;
use crate::{
    app::OwnCertificate,
    config::{FrontProxySettings, Listener, Settings},
    http::{Forwarded, Handover},
    pki,
    tls::{
        config::{TlsSet, internal_config, psu_config, tpp_config},
        files::{Identity, load_certificates, load_chain_and_key},
        front_proxy::FrontProxy,
        peer::Counter,
    },
};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Loaded and not yet shown to anybody.
pub(super) struct TlsSets {
    tpp: TlsSet,
    psu: Option<TlsSet>,
    internal: Option<TlsSet>,
    pub(super) certificates: Vec<OwnCertificate>,
}

/// What handshakes look at, each time.
pub(super) struct Shown {
    pub(super) tpp: Arc<ArcSwap<TlsSet>>,
    pub(super) psu: Option<Arc<ArcSwap<TlsSet>>>,
    pub(super) internal: Option<Arc<ArcSwap<TlsSet>>>,
}

impl Shown {
    pub(super) fn new(sets: TlsSets) -> Self {
        let swappable = |set| Arc::new(ArcSwap::from_pointee(set));
        Self { tpp: swappable(sets.tpp), psu: sets.psu.map(swappable), internal: sets.internal.map(swappable) }
    }

    /// From the next handshake on. A socket that the new settings no longer have shows what it showed.
    pub(super) fn replace(&self, sets: TlsSets) {
        self.tpp.store(Arc::new(sets.tpp));
        for (shown, new) in [(&self.psu, sets.psu), (&self.internal, sets.internal)] {
            if let (Some(shown), Some(new)) = (shown, new) {
                shown.store(Arc::new(new));
            }
        }
    }
}

/// `one_socket`: tpp's serves psu, too.
pub(super) fn load(settings: &Settings, one_socket: bool, wrong: &mut Wrong) -> Option<TlsSets> {
    let mut certificates = vec![];
    let mut identity = |wrong: &mut Wrong, shown_by, listener: &Listener| {
        let identity = wrong.note(load_chain_and_key(&listener.certificate_file, &listener.key_file))?;
        note_end(shown_by, &identity, &mut certificates);
        Some(identity)
    };
    let of = |listener: &Listener, why| format!("{}: {why}", listener.certificate_file.display());
    let tpp = identity(wrong, "tpp", &settings.tpp);
    let tpp = tpp.and_then(|tpp| wrong.note(tpp_config(tpp).map_err(|why| of(&settings.tpp, why))));
    let psu = identity(wrong, "psu", &settings.psu);
    let psu = psu.and_then(|psu| wrong.note(psu_config(psu).map_err(|why| of(&settings.psu, why))));
    let front_proxy = settings.front_proxy.as_ref().map(|proxy| front_proxy(proxy, wrong));
    let internal = settings.internal.as_ref().map(|internal| {
        let listener = &internal.listener;
        let (identity, authorities) = (identity(wrong, "internal", listener), wrong.note(load_certificates(&internal.client_ca_file)));
        let (identity, authorities) = (identity?, authorities?);
        let config = wrong.note(internal_config(identity, &authorities).map_err(|why| of(listener, why)))?;
        Some(TlsSet::new(Counter::Internal, config).announced_from(listener.proxy_protocol_from.clone()))
    });
    let (tpp, psu) = (tpp?, psu?);
    let mut tpp = TlsSet::new(Counter::Tpp, tpp).announced_from(settings.tpp.proxy_protocol_from.clone());
    if let Some(front_proxy) = front_proxy {
        tpp = tpp.with_front_proxy(front_proxy?);
    }
    if one_socket {
        let hosts = settings.brands.iter().map(|brand| host_of(&brand.psu_origin));
        tpp = tpp.with_names(hosts, Counter::Psu, psu.clone());
    }
    let psu = (!one_socket).then(|| TlsSet::new(Counter::Psu, psu).announced_from(settings.psu.proxy_protocol_from.clone()));
    let internal = match internal {
        Some(internal) => Some(internal?),
        None => None,
    };
    Some(TlsSets { tpp, psu, internal, certificates })
}

fn note_end(shown_by: &'static str, identity: &Identity, certificates: &mut Vec<OwnCertificate>) {
    if let Some(not_after) = identity.chain.first().and_then(|leaf| pki::not_after(leaf)) {
        certificates.push(OwnCertificate { shown_by, not_after });
    }
}

/// Whom the tpp counter takes for the front proxy.
fn front_proxy(settings: &FrontProxySettings, wrong: &mut Wrong) -> Option<FrontProxy> {
    let file = &settings.client_ca_file;
    let authorities = wrong.note(load_certificates(file))?;
    let made = FrontProxy::new(settings.peers.clone(), &authorities, &settings.client_names);
    wrong.note(made.map_err(|error| format!("{}: no authority for the front proxy's certificate: {error}", file.display())))
}

pub(super) fn forwarded(settings: Option<&FrontProxySettings>) -> Result<Forwarded, &'static str> {
    let Some(settings) = settings else { return Ok(Forwarded::new(None)) };
    let handover = Handover::new(settings.format, &settings.header, settings.chain_header.as_deref());
    Ok(Forwarded::new(Some(handover.ok_or("tpp.front_proxy: no header has such a name")?)))
}

/// `https://host:port` -> `host`.
fn host_of(origin: &str) -> &str {
    let authority = origin.strip_prefix("https://").unwrap_or(origin);
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}
