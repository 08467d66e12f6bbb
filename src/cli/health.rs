//! `guichet health`: asks the server of these settings how it is, for health checks where there is no other client at hand.

use super::{ConfigFile, Failure, runtime};
use clap::{Args, ValueEnum};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Shorter than what health checks wait for.
const DEADLINE: Duration = Duration::from_secs(2);
/// Of an answer. It names what is missing, in a line.
const LONGEST: u64 = 16 << 10;

#[derive(Args)]
pub struct Health {
    #[command(flatten)]
    config: ConfigFile,
    /// What is asked
    #[arg(long, value_enum, default_value_t = Of::Ready)]
    of: Of,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    /// The process answers
    Live,
    /// The first start is over
    Started,
    /// Requests would be answered now
    Ready,
}

impl Of {
    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/livez",
            Self::Started => "/startedz",
            Self::Ready => "/readyz",
        }
    }
}

/// 5 where it is not well, or nobody answers.
pub fn run(asked: &Health) -> Result<ExitCode, Failure> {
    let address = reachable(asked.config.settings()?.ops);
    let path = asked.of.path();
    let answer = runtime()?.block_on(async { timeout(DEADLINE, get(address, path)).await });
    let unwell = |why: String| Failure(5, format!("http://{address}{path}: {why}"));
    let answer = answer.map_err(|_| unwell("no answer in time".to_owned()))?.map_err(|error| unwell(error.to_string()))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        say!("{body}");
        Ok(ExitCode::SUCCESS)
    } else {
        Err(unwell(format!("{status} {body}")))
    }
}

/// Who listens everywhere is reached on loopback.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listens.port())
}

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = vec![];
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
