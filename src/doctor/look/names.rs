//! Names of hosts, and where they lead.

use super::PATIENCE;
use crate::{config::Settings, doctor::brands::Host};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::{net::lookup_host, time::timeout};
use url::Url;

/// A host, and an address where it answers.
#[derive(Clone, Debug)]
pub struct Place {
    pub host: String,
    /// As the origin says it; that of `address` may be a balancer's.
    pub port: u16,
    pub address: SocketAddr,
}

impl Place {
    pub async fn find(origin: &str, fixed: Option<SocketAddr>) -> Result<Self, String> {
        let url = Url::parse(origin).map_err(|error| error.to_string())?;
        let host = url.host_str().ok_or("no host")?.to_owned();
        let port = url.port_or_known_default().ok_or("no port")?;
        let address = match fixed {
            Some(address) => address,
            None => resolve(&host, port).await?,
        };
        Ok(Self { host, port, address })
    }
}

/// Of every host of a brand.
pub async fn look(settings: &Settings) -> Vec<Host> {
    let origins = settings.brands.iter().flat_map(|brand| [&brand.tpp_origin, &brand.psu_origin]);
    let mut hosts = vec![];
    for origin in origins.collect::<BTreeSet<_>>() {
        let found = Place::find(origin, None).await;
        hosts.push(Host { name: origin.clone(), resolves: found.map(drop) });
    }
    hosts
}

/// `HOST:PORT`.
pub async fn address(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = text.rsplit_once(':').ok_or_else(|| format!("{text} is not HOST:PORT"))?;
    let port = port.parse().map_err(|_| format!("{text} is not HOST:PORT"))?;
    resolve(host.trim_matches(['[', ']']), port).await.map_err(|why| format!("{host}: {why}"))
}

/// RFC 6761 s6.3: `localhost` and all below it are this machine, whatever the system's resolver knows of that.
async fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let found = timeout(PATIENCE, lookup_host((name, port))).await.map_err(|_| "no answer of the resolver in time".to_owned())?;
    found.map_err(|error| error.to_string())?.next().ok_or_else(|| "it has no address".to_owned())
}
