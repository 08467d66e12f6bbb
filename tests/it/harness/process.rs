//! The program itself as a child process, to be killed, stopped and measured from outside.

use super::bank::{Bank, BankOptions, database, toml};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::postgres::PgConnectOptions;
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

/// `guichet serve`, and how to reach it. Killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// In the bank's folder.
pub const LOG: &str = "guichet.log";

/// Below the ports that the system gives to clients, so that a server that was killed finds its own again.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 200) as u16 * 100;
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, first + NEXT.fetch_add(1, Ordering::SeqCst) % 2000));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// What `GUICHET_DATABASE_URL` says of a database behind a unix socket.
pub fn url(database: &PgConnectOptions) -> String {
    let socket = database.get_socket().unwrap().display();
    format!("postgres://{}@localhost/{}?host={socket}", database.get_username(), database.get_database().unwrap())
}

impl Bank {
    /// A bank whose server is a [`Process`]: its settings are in `guichet.toml` in its folder.
    pub async fn unserved(options: BankOptions) -> Self {
        let database = match &options.database {
            Some(database) => database.clone(),
            None => database().await,
        };
        let addresses = [free_address(), free_address(), free_address()];
        let bank = Self::elsewhere(tempfile::tempdir().unwrap(), database, addresses);
        fs::write(bank.config_file(), toml(&options, bank.address, bank.internal, bank.ops)).unwrap();
        bank
    }

    /// Writes the settings of a bank that is served in this process, for verbs of the command line.
    pub fn write_config(&self, options: &BankOptions) {
        fs::write(self.config_file(), toml(options, self.address, self.internal, self.ops)).unwrap();
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder().join("guichet.toml")
    }

    /// `guichet VERB --config FILE`, not yet started.
    pub fn command(&self, verb: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_guichet")), verb)
    }

    /// The same of another release.
    pub fn command_of(&self, program: &Path, verb: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(verb).arg("--config").arg(self.config_file());
        command.env("GUICHET_DATABASE_URL", url(&self.database)).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        command
    }

    /// Status of an address of the ops counter; 0 where nobody answers.
    pub async fn ops_status(&self, path: &str) -> u16 {
        let url = format!("http://{}{path}", self.ops);
        self.browser().try_send(reqwest::Method::GET, &url, &[], "").await.map_or(0, |reply| reply.status)
    }

    /// Until `/readyz` says so.
    pub async fn until_ready(&self, status: u16) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.ops_status("/readyz").await != status {
            assert!(Instant::now() < deadline, "/readyz never said {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Process {
    /// Starts the server and waits until it is ready.
    pub async fn serve(bank: &Bank) -> Self {
        Self::serve_with(bank, Path::new(env!("CARGO_BIN_EXE_guichet"))).await
    }

    /// Another release's server.
    pub async fn serve_with(bank: &Bank, program: &Path) -> Self {
        Self::start(bank, bank.command_of(program, &["serve"])).await
    }

    /// The server as this command starts it.
    pub async fn start(bank: &Bank, command: Command) -> Self {
        let process = Self::begun(bank, command);
        bank.until_ready(200).await;
        process
    }

    /// Starts the server, with these variables.
    pub fn begin(bank: &Bank, variables: &[(&str, &str)]) -> Self {
        Self::begin_with(bank, Path::new(env!("CARGO_BIN_EXE_guichet")), variables)
    }

    fn begin_with(bank: &Bank, program: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = bank.command_of(program, &["serve"]);
        command.envs(variables.iter().copied());
        Self::begun(bank, command)
    }

    fn begun(bank: &Bank, mut command: Command) -> Self {
        let log = bank.folder().join(LOG);
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub fn kill_9(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Its end, which must come by itself.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it still runs; its log ends\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
