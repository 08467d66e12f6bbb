//! What stands in front: balancers that announce addresses, and the front proxy that hands certificates over.

use super::{
    context::Context,
    names,
    reader::{Reader, text, wrong_type},
};
use crate::pki::forwarded::Format;
use ipnet::IpNet;
use std::{net::IpAddr, path::PathBuf};
use toml::de::DeValue;

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

/// Headers that mean something else to this server, or to HTTP.
const TAKEN: [&str; 12] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// `[tpp.front_proxy]`.
pub(super) fn front_proxy(table: &mut Reader<'_>, context: &Context) -> Option<FrontProxySettings> {
    let peers = table.list("peers", network);
    let client_names = table.list("client_names", names::host);
    for (key, empty) in [("peers", peers.is_empty()), ("client_names", client_names.is_empty())] {
        if empty && table.has(key) {
            table.note(key, format!("`tpp.front_proxy.{key}` needs at least one: nobody else is believed"));
        }
    }
    let client_ca_file = context.file(table, "client_ca_file");
    let format = table.choice("format", &Format::ALL.map(|format| (format.name(), format)));
    let (header, chain_header) = (table.may("header", header_name), table.may("chain_header", header_name));
    table.finish();
    let format = format?;
    if chain_header.is_some() && format.chain_header().is_none() {
        table.note(
            "chain_header",
            format!("`tpp.front_proxy.chain_header`: `{}` hands no chain over in a header of its own", format.name()),
        );
    }
    let header = header.unwrap_or_else(|| format.header().to_owned());
    let chain_header = chain_header.or_else(|| format.chain_header().map(str::to_owned));
    if chain_header.as_ref() == Some(&header) {
        table.note("chain_header", "`tpp.front_proxy.chain_header` is the header of the certificate itself");
    }
    Some(FrontProxySettings { peers, client_ca_file, client_names, format, header, chain_header })
}

/// A network in CIDR form, or one address. Never everybody.
pub(super) fn network(value: &DeValue<'_>) -> Result<IpNet, String> {
    let text = text(value)?;
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| "holds networks such as 10.0.0.0/8, or single addresses".to_owned())?;
    if network.prefix_len() == 0 {
        return Err(format!("cannot hold {network}: that is everybody"));
    }
    if network.trunc() == network { Ok(network) } else { Err(format!("holds {network}, which must be written as {}", network.trunc())) }
}

/// RFC 9110 s5.1, in lower case.
fn header_name(value: &DeValue<'_>) -> Result<String, String> {
    let name = value.as_str().ok_or_else(|| wrong_type(value, "a string"))?.to_ascii_lowercase();
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return Err("must be a header's name: letters, digits and `-`".into());
    }
    if TAKEN.contains(&name.as_str()) { Err(format!("cannot be `{name}`, which means something else")) } else { Ok(name) }
}
