//! What systemd is told of this process (sd_notify(3)), where it asks: datagrams to a socket.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::{
        linux::net::SocketAddrExt,
        unix::{ffi::OsStrExt, net::UnixDatagram},
    },
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Where this process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    Ready,
    Reloading,
    Stopping,
    /// For `systemctl status`.
    Status(&'a str),
    /// Alive.
    Watchdog,
}

/// Who started this process, if it wants to be told. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Supervisor(Option<Arc<Line>>);

#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    /// Killed after so long without a sign of life.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// `NOTIFY_SOCKET` and `WATCHDOG_USEC` of the environment. A socket that cannot be reached is told of, and done without.
    pub fn of_process(env: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let Some(name) = env("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self(None) };
        let number = |name| env(name)?.to_str()?.parse::<u64>().ok();
        // systemd sets both; a child of the process it meant is not meant
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0).map(Duration::from_micros);
        match connect(name.as_bytes()) {
            Ok(socket) => Self(Some(Arc::new(Line { socket, watchdog }))),
            Err(error) => {
                tracing::warn!(%error, "the supervisor's socket cannot be reached");
                Self(None)
            }
        }
    }

    /// Never waits: a supervisor that does not read is not worth an answer.
    pub fn tell(&self, notice: Notice<'_>) {
        let Some(line) = &self.0 else { return };
        let mut message = vec![];
        let written = match notice {
            Notice::Ready => write!(message, "READY=1\nSTATUS=serving"),
            Notice::Reloading => write!(message, "RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reading the settings", monotonic_micros()),
            Notice::Stopping => write!(message, "STOPPING=1\nSTATUS=stopping"),
            Notice::Status(text) => write!(message, "STATUS={}", text.replace('\n', " ")),
            Notice::Watchdog => write!(message, "WATCHDOG=1"),
        };
        if let Err(error) = written.and_then(|()| line.socket.send(&message)) {
            tracing::debug!(%error, "the supervisor was not told");
        }
    }

    /// Signs of life until `stop`, twice as often as they are due: as long as this task runs and the ops counter answers.
    pub async fn keep_watchdog(self, ops: SocketAddr, stop: CancellationToken) {
        let Some(every) = self.0.as_ref().and_then(|line| line.watchdog).map(|longest| longest / 2) else { return };
        let mut ticks = interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match timeout(every, is_live(ops)).await {
                Ok(Ok(true)) => self.tell(Notice::Watchdog),
                Ok(Ok(false) | Err(_)) | Err(_) => tracing::error!("the ops counter does not answer: no sign of life"),
            }
        }
    }
}

/// An abstract name begins with `@`.
fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => std::os::unix::net::SocketAddr::from_abstract_name(name)?,
        None => std::os::unix::net::SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// The clock that systemd compares with.
fn monotonic_micros() -> i64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    now.map_or(0, |now| now.tv_sec().saturating_mul(1_000_000).saturating_add(now.tv_nsec() / 1_000))
}

async fn is_live(ops: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(reachable(ops)).await?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n").await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    Ok(&head == b"HTTP/1.1 200")
}

/// Whoever listens everywhere listens on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_arrive_at_a_path_and_at_an_abstract_name() {
        let name = format!("guichet-supervisor-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let _ = std::fs::remove_file(&path);
        let abstracted = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let sockets = [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (UnixDatagram::bind_addr(&abstracted).unwrap(), format!("@{name}").into()),
        ];
        for (socket, name) in sockets {
            let supervisor = Supervisor::of_process(&|key| (key == "NOTIFY_SOCKET").then(|| name.clone()));
            let heard = || {
                let mut buffer = [0; 256];
                let length = socket.recv(&mut buffer).unwrap();
                String::from_utf8(buffer[..length].to_vec()).unwrap()
            };
            for (notice, expected) in [
                (Notice::Ready, "READY=1\nSTATUS=serving"),
                (Notice::Stopping, "STOPPING=1\nSTATUS=stopping"),
                (Notice::Status("two\nlines"), "STATUS=two lines"),
                (Notice::Watchdog, "WATCHDOG=1"),
            ] {
                supervisor.tell(notice);
                assert_eq!(heard(), expected);
            }
            supervisor.tell(Notice::Reloading);
            let said = heard();
            let micros = said.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap().parse::<i64>().unwrap();
            assert!(said.starts_with("RELOADING=1\n") && (0..1_000_000).contains(&(monotonic_micros() - micros)), "{said}");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_watchdog_of_another_process_is_not_ours() {
        let name = format!("@guichet-watchdog-{}", std::process::id());
        let abstracted = std::os::unix::net::SocketAddr::from_abstract_name(&name[1..]).unwrap();
        let _socket = UnixDatagram::bind_addr(&abstracted).unwrap();
        for (pid, expected) in [(Some(std::process::id()), Some(2)), (Some(1), None), (None, Some(2))] {
            let env = |key: &str| match key {
                "NOTIFY_SOCKET" => Some(OsString::from(&name)),
                "WATCHDOG_USEC" => Some("2000000".into()),
                "WATCHDOG_PID" => pid.map(|pid| pid.to_string().into()),
                _ => None,
            };
            let watchdog = Supervisor::of_process(&env).0.unwrap().watchdog;
            assert_eq!(watchdog, expected.map(Duration::from_secs), "{pid:?}");
        }
    }
}
