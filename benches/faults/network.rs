//! One replica lives behind a network that fails: a namespace of its own, from which PostgreSQL is reached over TCP.

use crate::{
    Outcome,
    harness::{Bank, BankOptions, Process, bank::toml, command::ensure},
    ledger::Ledger,
    load::{Load, around},
    site::{Cluster, Replica, SECOND, Site},
};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    task::JoinSet,
    time::sleep,
};

const HERE: Ipv4Addr = Ipv4Addr::new(10, 213, 77, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 213, 77, 2);
const NAMESPACE: &str = "guichet-faults";
const PORT: u16 = 5432;

/// The namespace, a cable to it, and a filter inside. Gone with this value.
struct Network;

fn run(line: &str) -> Result<(), String> {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().map_err(|error| format!("{line}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim())) }
}

impl Network {
    fn make() -> Result<Self, String> {
        Self::unmake();
        run(&format!("ip netns add {NAMESPACE}"))?;
        let network = Self;
        run(&format!("ip link add guichet-here type veth peer name guichet-there netns {NAMESPACE}"))?;
        run(&format!("ip addr add {HERE}/24 dev guichet-here"))?;
        run("ip link set guichet-here up")?;
        network.inside(&format!("ip addr add {THERE}/24 dev guichet-there"))?;
        network.inside("ip link set guichet-there up")?;
        network.inside("ip link set lo up")?;
        network.inside("nft add table ip faults")?;
        network.inside("nft add chain ip faults in { type filter hook input priority 0 ; }")?;
        Ok(network)
    }

    fn inside(&self, line: &str) -> Result<(), String> {
        run(&format!("ip netns exec {NAMESPACE} {line}"))
    }

    /// The kernel takes its time with a namespace: the cable goes first.
    fn unmake() {
        let _ = run("ip link del guichet-here");
        let _ = run(&format!("ip netns del {NAMESPACE}"));
    }

    fn heal(&self) {
        self.inside("nft flush chain ip faults in").unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        Self::unmake();
    }
}

/// PostgreSQL's socket, to be reached over the cable as long as the value lives.
async fn relay(cluster: &Cluster) -> JoinSet<()> {
    let listener = TcpListener::bind((HERE, PORT)).await.unwrap();
    let socket = cluster.socket().join(".s.PGSQL.5432");
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut tcp, _)) = listener.accept().await {
            let socket = socket.clone();
            open.spawn(async move {
                let Ok(mut unix) = UnixStream::connect(socket).await else { return };
                let _ = copy_bidirectional(&mut tcp, &mut unix).await;
            });
        }
    });
    accepting
}

async fn site(network: &Network) -> (Site, JoinSet<()>) {
    let cluster = Cluster::start().await;
    let relay = relay(&cluster).await;
    let here = Site::another(&cluster).await;
    assert!(here.command(&["migrate", "up"]).output().unwrap().status.success());
    let address = |port| SocketAddr::from((THERE, port));
    let addresses = [address(8443), address(9443), address(9090)];
    let there = Bank::elsewhere(tempfile::tempdir().unwrap(), cluster.options(), addresses);
    fs::write(there.config_file(), toml(&BankOptions::default(), there.address, there.internal, there.ops)).unwrap();
    let served = there.command(&["serve"]);
    let mut command = Command::new("ip");
    command.args(["netns", "exec", NAMESPACE]).arg(served.get_program()).args(served.get_args());
    command.envs(served.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("GUICHET_DATABASE_URL", format!("postgres://{}@{HERE}:{PORT}/postgres", guichet::dev::postgres::SUPERUSER));
    let process = Process::start(&there, command).await;
    let _ = network;
    (Site { cluster, replicas: vec![Replica::start(here, None).await, Replica::start(there, Some(process)).await] }, relay)
}

async fn broken(rules: &[&str], seconds: u32) -> Outcome {
    ensure(&["nft", "--version"], &["nftables", "iproute2"]).await;
    let network = Network::make()?;
    let (site, _relay) = site(&network).await;
    let (load, ledger) = (Load::prepare(&site).await, Ledger::default());
    let fault = async {
        for rule in rules {
            network.inside(&format!("nft add rule ip faults in {rule}")).unwrap();
        }
        sleep(seconds * SECOND).await;
        network.heal();
    };
    let ((), injected, healed) = around(&load, &site, &ledger, fault).await;
    Ok(ledger.close(&site, injected, healed).await)
}

/// Nothing comes through from the database any more, and nobody says so.
pub async fn partition() -> Outcome {
    broken(&["tcp sport 5432 drop"], 12).await
}

/// One packet of ten from anywhere is lost.
pub async fn loss() -> Outcome {
    broken(&["numgen random mod 100 < 10 drop"], 10).await
}
