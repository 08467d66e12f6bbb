//! `deploy/ha` as it is shipped, started on loopback: PostgreSQL under Patroni with a synchronous standby, two replicas of the program.

use super::bank::{Bank, BankOptions, pki, toml};
use guichet::dev::{install::install, postgres::ensure_installed};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, chown, geteuid},
};
use reqwest::Method;
use sqlx::postgres::PgConnectOptions;
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);
/// Patroni's lock on the primary's place ends so long after the primary's last word. The example has 20 s.
pub const TTL: u64 = 10;
/// What the election, the new primary's start, HAProxy's checks and a machine that is doing other things may add.
pub const MARGIN: u64 = 30;
const PACKAGES: [&str; 5] = ["patroni", "etcd-server", "etcd-client", "haproxy", "pgbouncer"];

/// The example, running.
pub struct Patroni {
    folder: TempDir,
    port: u16,
}

fn ensure_tools() {
    let path = format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default());
    let missing = || {
        ["patroni", "etcd", "etcdctl", "haproxy", "pgbouncer"]
            .iter()
            .any(|tool| !env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
    };
    ensure_installed().unwrap();
    if missing() {
        let tried = install(&PACKAGES, "").err().unwrap_or_default();
        assert!(!missing(), "this test needs packages {} (Debian: apt-get install -y ..)\n{tried}", PACKAGES.join(" "));
    }
}

/// The first of a hundred ports below those that the system gives to clients.
fn free_ports() -> u16 {
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    let free = |port: &u16| (0..100).step_by(10).all(|more| TcpListener::bind((Ipv4Addr::LOCALHOST, port + more)).is_ok());
    (0..10).map(|more| first + more * 1000 % 12_000).find(free).unwrap()
}

impl Patroni {
    pub fn start() -> Self {
        ensure_tools();
        let site = Self { folder: tempfile::tempdir().unwrap(), port: free_ports() };
        fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let extra = "[rate_limits]\nclient_token = \"off\"\norganisation_token = \"off\"\norganisation_revocation = \"off\"";
        let settings = toml(&BankOptions { extra: extra.to_owned(), ..BankOptions::default() }, site.at(2), site.at(3), site.at(4));
        let keys = site.keys();
        fs::write(site.settings(), settings.replace(&pki().0.path().display().to_string(), &keys.display().to_string())).unwrap();
        site.run("up");
        site
    }

    /// The test PKI where the user that all this runs as may read it.
    fn keys(&self) -> PathBuf {
        let keys = self.folder.path().join("pki");
        fs::create_dir(&keys).unwrap();
        let user = User::from_name("postgres").unwrap().filter(|_| geteuid().is_root());
        for file in fs::read_dir(pki().0.path()).unwrap().flatten().filter(|file| file.path().is_file()) {
            let copy = keys.join(file.file_name());
            fs::copy(file.path(), &copy).unwrap();
            chown(&copy, user.as_ref().map(|user| user.uid), None).unwrap();
        }
        keys
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("guichet.toml")
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("ha")
    }

    fn at(&self, port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port + port).into()
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ha").join(script));
        command.env("HA_DIR", self.dir()).env("HA_PORT", self.port.to_string()).env("HA_TTL", TTL.to_string());
        command.env("HA_SETTINGS", self.settings()).env("GUICHET", env!("CARGO_BIN_EXE_guichet")).stdin(Stdio::null());
        command
    }

    pub fn run(&self, script: &str) {
        let out = self.command(script).output().unwrap();
        assert!(out.status.success(), "{script}: {}\n{}", String::from_utf8_lossy(&out.stderr), self.logs());
    }

    /// The end of each log.
    pub fn logs(&self) -> String {
        let logs = fs::read_dir(self.dir().join("log")).into_iter().flatten().flatten().map(|file| {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let last: Vec<_> = text.lines().rev().take(8).collect();
            format!("-- {}\n{}\n", file.file_name().display(), last.into_iter().rev().collect::<Vec<_>>().join("\n"))
        });
        logs.collect()
    }

    /// One of the two replicas, 1 or 2; 0: HAProxy before them.
    pub fn bank(&self, replica: u16) -> Bank {
        let [tpp, internal, ops] = if replica == 0 { [2, 3, 71] } else { [50, 60, 70].map(|first| first + replica) };
        let unused = PgConnectOptions::new_without_pgpass();
        Bank::elsewhere(tempfile::tempdir().unwrap(), unused, [self.at(tpp), self.at(internal), self.at(ops)])
    }

    /// The nodes whose Patroni says that theirs is the primary.
    pub async fn primaries(&self, bank: &Bank) -> Vec<u16> {
        let (mut found, browser) = (vec![], bank.browser());
        for node in 1..=3 {
            let url = format!("http://{}/primary", self.at(40 + node));
            let asked = browser.try_send(Method::OPTIONS, &url, &[], "");
            if tokio::time::timeout(SECOND, asked).await.is_ok_and(|reply| reply.is_ok_and(|reply| reply.status == 200)) {
                found.push(node);
            }
        }
        found
    }

    pub async fn primary(&self, bank: &Bank, other_than: Option<u16>) -> u16 {
        let deadline = Instant::now() + Duration::from_secs(TTL + MARGIN);
        loop {
            if let Some(node) = self.primaries(bank).await.into_iter().find(|node| Some(*node) != other_than) {
                return node;
            }
            assert!(Instant::now() < deadline, "no primary\n{}", self.logs());
            sleep(SECOND / 5).await;
        }
    }

    /// Patroni, PostgreSQL and all their processes: as much of a machine as a signal can take.
    pub fn signal(&self, node: u16, signal: Signal) {
        let read = |file: String| fs::read_to_string(self.dir().join(file)).ok()?.lines().next()?.trim().parse::<i32>().ok();
        let roots = [read(format!("pids/pg{node}")), read(format!("pg{node}/data/postmaster.pid"))];
        let mut all: Vec<i32> = roots.into_iter().flatten().collect();
        let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|process| {
                let stat = fs::read_to_string(process.path().join("stat")).ok()?;
                let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
                Some((process.file_name().to_str()?.parse().ok()?, parent))
            })
            .collect();
        let mut at = 0;
        while at < all.len() {
            all.extend(
                parents
                    .iter()
                    .filter(|(child, parent)| *parent == all[at] && !all.contains(child))
                    .map(|(child, _)| *child)
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        for process in all {
            let _ = kill(Pid::from_raw(process), signal);
        }
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        let _ = self.command("down").arg("--wipe").output();
    }
}
