//! A process that is measured from outside: its time, its memory, its end.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Settings under which one TPP may send what usually all of them send.
pub const AS_ONE_TPP: &str = "[rate_limits]\norganisation_token = \"off\"\norganisation_revocation = \"off\"\nclient_token = \"off\"\n\
     client_authorize = \"off\"\ninternal = \"off\"\n[limits]\nrequests_in_flight_of_one = 512\nopen_journeys_of_client = 100000\n";

/// Killed with this value, and its own children with it.
pub struct Program {
    child: Child,
    log: PathBuf,
    /// Itself and its children, once it is ready.
    family: Vec<u32>,
}

impl Program {
    /// Starts it with its output in `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { family: vec![child.id()], child, log: log.to_owned() }
    }

    /// Waits until it is ready, asking each `pause`.
    pub fn until(mut self, pause: Duration, ready: impl Fn() -> bool) -> Self {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            assert!(self.child.try_wait().unwrap().is_none(), "{}", fs::read_to_string(&self.log).unwrap());
            assert!(Instant::now() < deadline, "it is not ready; its log: {}", fs::read_to_string(&self.log).unwrap());
            thread::sleep(pause);
        }
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        self.family.extend(children.split_ascii_whitespace().map(|child| child.parse::<u32>().unwrap()));
        self
    }

    /// Waits until it accepts connections.
    pub fn until_listening(self, address: SocketAddr) -> Self {
        self.until(Duration::from_millis(20), || TcpStream::connect(address).is_ok())
    }

    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// User and system time spent so far.
    pub fn cpu(&self) -> Duration {
        self.family.iter().map(|id| cpu(*id)).sum()
    }

    /// Memory in MiB: its own, and its share of what it has in common with others.
    pub fn pss(&self) -> f64 {
        self.family.iter().map(|id| pss(*id)).sum()
    }
}

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub resident_mib: f64,
    pub descriptors: usize,
    pub threads: usize,
}

impl Program {
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

/// Of a running process.
pub fn held(id: u32) -> Held {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let kib: f64 = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    let count = |what: &str| fs::read_dir(format!("/proc/{id}/{what}")).unwrap().count();
    Held { resident_mib: kib / 1024.0, descriptors: count("fd"), threads: count("task") }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

fn cpu(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // proc(5): fields 14 and 15, in ticks of a hundredth of a second; the split begins at field 3
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn pss(id: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// This program itself, as a child that is something else.
pub fn this(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(role);
    command
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// For this process and its children.
pub fn allow_many_connections() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
}
