//! `[tpp]`, `[psu]`, `[internal]` and `[ops]`: where the counters are.

use super::{
    context::Context,
    proxies,
    reader::{Reader, text},
};
use ipnet::IpNet;
use std::{net::SocketAddr, path::PathBuf};
use toml::de::DeValue;

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

#[derive(Clone, Debug)]
pub struct Internal {
    pub listener: Listener,
    /// PEM: who issues the certificates of the bank's own systems.
    pub client_ca_file: PathBuf,
}

pub(super) fn listener(table: &mut Reader<'_>, context: &Context) -> Listener {
    let read = Listener {
        address: address(table),
        certificate_file: context.file(table, "certificate_file"),
        key_file: context.file(table, "key_file"),
        proxy_protocol_from: if table.has("proxy_protocol_from") { table.list("proxy_protocol_from", proxies::network) } else { vec![] },
    };
    table.finish();
    read
}

pub(super) fn internal(table: &mut Reader<'_>, context: &Context) -> Internal {
    let client_ca_file = context.file(table, "client_ca_file");
    Internal { listener: listener(table, context), client_ca_file }
}

pub(super) fn address(table: &mut Reader<'_>) -> SocketAddr {
    let read = |v: &DeValue<'_>| text(v)?.parse().map_err(|_| "must be an IP address and a port, such as 0.0.0.0:8443".to_owned());
    table.need("address", read).unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)))
}

/// Only `tpp` and `psu` can be told apart on one address.
pub(super) fn one_address_each(table: &Reader<'_>, name: &str, address: SocketAddr, others: &[(&str, SocketAddr)]) {
    if let Some((other, _)) = others.iter().find(|(_, a)| *a == address && a.port() != 0) {
        table.note("address", format!("`{name}.address` is the address of `{other}`"));
    }
}
