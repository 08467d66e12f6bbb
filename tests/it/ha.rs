//! `deploy/ha` as it is shipped: PostgreSQL under Patroni with a synchronous standby, two replicas of the program. Its primary is
//! killed, and the next one stopped, while TPPs work.

use crate::harness::{
    Bank, BankOptions,
    bank::{pki, toml},
    load::{Acknowledged, Load},
};
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
    sync::Mutex,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);
/// Patroni's lock on the primary's place ends so long after the primary's last word. The example has 20 s.
const TTL: u64 = 10;
/// What the election, the new primary's start, HAProxy's checks and a machine that is doing other things may add.
const MARGIN: u64 = 30;
const PACKAGES: [&str; 5] = ["patroni", "etcd-server", "etcd-client", "haproxy", "pgbouncer"];

/// The example, running.
struct Site {
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

impl Site {
    fn start() -> Self {
        ensure_tools();
        let site = Self { folder: tempfile::tempdir().unwrap(), port: free_ports() };
        fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let settings = toml(&BankOptions::default(), site.at(2), site.at(3), site.at(4));
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
        command.env("GUICHET_HA_DIR", self.dir()).env("GUICHET_HA_PORT", self.port.to_string()).env("GUICHET_HA_TTL", TTL.to_string());
        command.env("GUICHET_HA_SETTINGS", self.settings()).env("GUICHET", env!("CARGO_BIN_EXE_guichet")).stdin(Stdio::null());
        command
    }

    fn run(&self, script: &str) {
        let out = self.command(script).output().unwrap();
        assert!(out.status.success(), "{script}: {}\n{}", String::from_utf8_lossy(&out.stderr), self.logs());
    }

    /// The end of each log.
    fn logs(&self) -> String {
        let logs = fs::read_dir(self.dir().join("log")).unwrap().flatten().map(|file| {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let last: Vec<_> = text.lines().rev().take(8).collect();
            format!("-- {}\n{}\n", file.file_name().display(), last.into_iter().rev().collect::<Vec<_>>().join("\n"))
        });
        logs.collect()
    }

    /// One of the two replicas, 1 or 2; 0: HAProxy before them.
    fn bank(&self, replica: u16) -> Bank {
        let [tpp, internal, ops] = if replica == 0 { [2, 3, 71] } else { [50, 60, 70].map(|first| first + replica) };
        let unused = PgConnectOptions::new_without_pgpass();
        Bank::elsewhere(tempfile::tempdir().unwrap(), unused, [self.at(tpp), self.at(internal), self.at(ops)])
    }

    /// The nodes whose Patroni says that theirs is the primary.
    async fn primaries(&self, bank: &Bank) -> Vec<u16> {
        let mut found = vec![];
        for node in 1..=3 {
            let url = format!("http://{}/primary", self.at(40 + node));
            let asked = bank.browser().try_send(Method::OPTIONS, &url, &[], "");
            if tokio::time::timeout(SECOND, asked).await.is_ok_and(|reply| reply.is_ok_and(|reply| reply.status == 200)) {
                found.push(node);
            }
        }
        found
    }

    async fn primary(&self, bank: &Bank, other_than: Option<u16>) -> u16 {
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
    fn signal(&self, node: u16, signal: Signal) {
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

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        let _ = self.command("down").arg("--wipe").output();
    }
}

/// All that one replica was asked.
struct Tally {
    answered: usize,
    /// 503
    unavailable: usize,
    /// No answer.
    broken: usize,
    wrong: Vec<String>,
    last_success: Instant,
    /// Between two successes.
    longest_silence: Duration,
    slowest: Duration,
}

impl Tally {
    fn new() -> Mutex<Self> {
        let (wrong, none) = (vec![], Duration::ZERO);
        let last_success = Instant::now();
        Mutex::new(Self { answered: 0, unavailable: 0, broken: 0, wrong, last_success, longest_silence: none, slowest: none })
    }

    fn see(&mut self, status: Option<u16>, took: Duration, said: impl FnOnce() -> String) {
        self.slowest = took.max(self.slowest);
        match status {
            Some(200) => {
                self.answered += 1;
                self.longest_silence = self.last_success.elapsed().max(self.longest_silence);
                self.last_success = Instant::now();
            }
            Some(503) => self.unavailable += 1,
            None => self.broken += 1,
            Some(_) => self.wrong.push(said()),
        }
    }
}

/// Loads both replicas while `fault` happens, and says what came of it.
async fn under_load(what: &str, replicas: &[Bank; 2], acknowledged: &Acknowledged, fault: impl Future<Output = ()>) {
    let loads = [Load::prepare(&replicas[0], acknowledged).await, Load::prepare(&replicas[1], acknowledged).await];
    let tallies = [Tally::new(), Tally::new()];
    let before = acknowledged.count();
    let run = |n: usize| {
        let (load, tally) = (&loads[n], &tallies[n]);
        let glances = async move {
            let gateway = load.client.tpp.bank.gateway();
            while !load.is_stopped() {
                let wrong = acknowledged.glance(&gateway, &load.client).await;
                if let Some(count @ 1..) = wrong {
                    tally.lock().unwrap().wrong.push(format!("{count} tokens are not what was acknowledged"));
                }
                sleep(SECOND / 20).await;
            }
        };
        let asked = load.run(move |reply, took| tally.lock().unwrap().see(reply.map(|r| r.status), took, || format!("{reply:?}")));
        async { tokio::join!(asked, glances) }
    };
    let fault = async {
        fault.await;
        loads.iter().for_each(Load::stop);
    };
    tokio::join!(run(0), run(1), fault);
    let after = acknowledged.count();
    for (name, (tally, load)) in ["straight", "through PgBouncer"].iter().zip(tallies.into_iter().zip(&loads)) {
        let tally = tally.into_inner().unwrap();
        println!(
            "{what}, {name}: {} requests, {} answered, {} said 503, {} broken, {} wrong; {:.1} s without service; slowest answer {:.1} s",
            tally.answered + tally.unavailable + tally.broken + tally.wrong.len(),
            tally.answered,
            tally.unavailable,
            tally.broken,
            tally.wrong.len(),
            tally.longest_silence.as_secs_f64(),
            tally.slowest.as_secs_f64(),
        );
        assert!(tally.wrong.is_empty(), "{}", tally.wrong[0]);
        assert!(tally.longest_silence < Duration::from_secs(TTL + MARGIN), "back within the failover time");
        acknowledged.holds(&load.client).await;
    }
    println!("{what}: acknowledged tokens {} -> {}, revocations {} -> {}, none lost", before.0, after.0, before.1, after.1);
    assert!(after.0 > before.0 && after.1 > before.1);
}

/// Until this many more tokens were acknowledged than there are now.
async fn progress(site: &Site, acknowledged: &Acknowledged, more: usize) {
    let (deadline, wanted) = (Instant::now() + Duration::from_secs(TTL + MARGIN), acknowledged.count().0 + more);
    while acknowledged.count().0 < wanted {
        assert!(Instant::now() < deadline, "no service\n{}", site.logs());
        sleep(SECOND / 20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_with_the_primary() {
    let site = tokio::task::spawn_blocking(Site::start).await.unwrap();
    let (front, replicas) = (site.bank(0), [site.bank(1), site.bank(2)]);
    let acknowledged = Acknowledged::default();
    let dead = site.primary(&front, None).await;
    under_load("primary killed", &replicas, &acknowledged, async {
        progress(&site, &acknowledged, 100).await;
        site.signal(dead, Signal::SIGKILL);
        site.primary(&front, Some(dead)).await;
        progress(&site, &acknowledged, 200).await;
    })
    .await;

    // brings back what was killed, and says so only when two standbys follow again
    site.run("up");
    let silent = site.primary(&front, None).await;
    assert_ne!(silent, dead, "the one that was killed follows");
    under_load("primary silent, then back", &replicas, &acknowledged, async {
        progress(&site, &acknowledged, 100).await;
        site.signal(silent, Signal::SIGSTOP);
        site.primary(&front, Some(silent)).await;
        progress(&site, &acknowledged, 200).await;
        site.signal(silent, Signal::SIGCONT);
        progress(&site, &acknowledged, 200).await;
    })
    .await;
    assert_eq!(site.primaries(&front).await.len(), 1, "{}", site.logs());
}
