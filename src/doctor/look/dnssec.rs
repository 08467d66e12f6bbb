//! Asks resolvers about hosts.

use super::names::address;
use crate::{
    clock::{Entropy, System},
    doctor::dnssec::{Vouched, answer, question, resolvers},
    outbound::is_public_name,
};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{fs, net::UdpSocket, task::JoinSet, time::timeout};
use url::{Host, Url};

const SYSTEMS: &str = "/etc/resolv.conf";
/// For one answer; each resolver is asked twice, as a datagram may be lost.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
/// Of an answer without signatures.
const LONGEST: usize = 4096;

/// Of these origins, where their hosts are names of the public DNS. `resolver`: `HOST:PORT` in place of the system's own.
pub async fn look(origins: BTreeSet<String>, resolver: Option<&str>) -> Result<Vec<Vouched>, String> {
    let resolvers = match resolver {
        Some(one) => vec![address(one).await?],
        None => fs::read_to_string(SYSTEMS).await.map(|text| resolvers(&text)).unwrap_or_default(),
    };
    let mut asking = JoinSet::new();
    for origin in origins {
        let Some(host) = public_name(&origin) else { continue };
        let resolvers = resolvers.clone();
        asking.spawn(async move { Vouched { signed: ask(&host, &resolvers).await, origin } });
    }
    Ok(asking.join_all().await)
}

/// RFC 6761 and the like: what never leaves this machine or network is nobody's to sign.
fn public_name(origin: &str) -> Option<String> {
    match Url::parse(origin).ok()?.host()? {
        Host::Domain(name) if is_public_name(name) => Some(name.trim_end_matches('.').to_owned()),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// The first that answers has the word, as it has for the system.
async fn ask(host: &str, resolvers: &[SocketAddr]) -> Result<bool, String> {
    let mut last = format!("{SYSTEMS} names no resolver");
    for resolver in resolvers.iter().flat_map(|resolver| [resolver; TRIES]) {
        match timeout(PATIENCE, exchange(host, *resolver)).await {
            Ok(Ok(told)) => return told.map_err(|why| format!("{resolver}: {why}")),
            Ok(Err(error)) => last = format!("{resolver}: {error}"),
            Err(_) => last = format!("{resolver}: no answer in time"),
        }
    }
    Err(last)
}

/// What comes back is looked at until it is an answer to this very question.
async fn exchange(host: &str, resolver: SocketAddr) -> std::io::Result<Result<bool, String>> {
    let own: SocketAddr = if resolver.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(resolver).await?;
    let mut id = [0; 2];
    System::new().fill(&mut id);
    let id = u16::from_be_bytes(id);
    let Some(sent) = question(host, id) else { return Ok(Err("not a name of the DNS".to_owned())) };
    socket.send(&sent).await?;
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(told) = answer(buffer.get(..length).unwrap_or_default(), host, id) {
            return Ok(told);
        }
    }
}
