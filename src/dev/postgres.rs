//! A private PostgreSQL from the system's own binaries: no port, no password, no set-up.
//!
//! Layout of its directory: `data` (the cluster), `.s.PGSQL.5432` (the socket, elsewhere when the path is long),
//! `postgres.log`, `owner.lock`, held while its owner and
//! the server live (the system lets go of it even after `kill -9`), `users.lock` of a cluster shared by tests.

mod binaries;
mod databases;
mod place;
mod shared;

pub use binaries::{BinDir, MissingPostgres, ensure_installed};
pub use databases::{FreshDatabaseError, fresh_database};
pub use place::{default_data_dir, state_dir};
pub use shared::{Attached, attach, supervise};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::{Pid, User},
};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Who may do everything in the cluster.
pub const SUPERUSER: &str = "guichet";
/// Beginning of the name of a cluster in the making.
const UNFINISHED: &str = "data.new.";
const POLL: Duration = Duration::from_millis(10);
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// Ends the server (fast shutdown) when its standard input ends: when its owner says so, and when its owner dies.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill -INT $server; } 2>/dev/null &
watch=$!
wait $server; code=$?
kill $watch 2>/dev/null
exit $code
"#;

/// How much a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Durable,
    /// Everything. For tests.
    Volatile,
}

/// A running server. Dropping the one that started it stops it.
#[derive(Debug)]
pub struct DevPostgres {
    socket: PathBuf,
    owned: Option<Owned>,
}

/// A server that ends when `alive` is closed, by us or by the system.
#[derive(Debug)]
struct Owned {
    guard: Pid,
    alive: ChildStdin,
    /// Waits for the guard's end, then lets go of `owner.lock`.
    keeper: JoinHandle<()>,
}

/// How to reach database `name` of the server whose socket is in `socket`.
pub fn options(socket: &Path, name: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket).port(5432).username(SUPERUSER).database(name).ssl_mode(PgSslMode::Disable)
}

impl DevPostgres {
    /// Starts the cluster under `dir`, making it at first, or joins the server somebody else runs there.
    ///
    /// # Errors
    /// What is missing or in the way, in words for the person at the keyboard.
    pub fn start(dir: &Path, durability: Durability) -> io::Result<Self> {
        let user = place::run_as()?;
        place::private_dir(dir, user.as_ref())?;
        let dir = &dir.canonicalize()?;
        let (owner, deadline) = (File::create(dir.join("owner.lock"))?, Instant::now() + START_DEADLINE);
        loop {
            match owner.try_lock() {
                Ok(()) => return Self::own(dir, durability, user.as_ref(), owner, deadline),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if let Some(found) = running(dir) {
                return Ok(Self { socket: found.socket, owned: None });
            }
            if Instant::now() >= deadline {
                let why = format!("another process has the database in {} and its server does not answer", dir.display());
                return Err(io::Error::other(why));
            }
            thread::sleep(POLL);
        }
    }

    /// Whether another process started the server, which then ends with that process.
    pub fn joined(&self) -> bool {
        self.owned.is_none()
    }

    pub fn options(&self, database: &str) -> PgConnectOptions {
        options(&self.socket, database)
    }

    /// Where the socket is.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether the server this one started is gone.
    pub fn ended(&self) -> bool {
        self.owned.as_ref().is_some_and(|owned| owned.keeper.is_finished())
    }

    /// Asks the server to disconnect everybody and write everything down, and waits for it.
    pub fn stop(&mut self) {
        let Some(Owned { guard, alive, keeper }) = self.owned.take() else { return };
        drop(alive);
        if !wait_until(STOP_DEADLINE, || keeper.is_finished()) {
            let _ = killpg(guard, Signal::SIGQUIT); // at once; it recovers at the next start
        }
        let _ = keeper.join();
    }

    fn own(dir: &Path, durability: Durability, user: Option<&User>, owner: File, deadline: Instant) -> io::Result<Self> {
        if let Some(orphan) = running(dir) {
            let _ = kill(orphan.pid, Signal::SIGINT); // its owner is dead: it is on its way out, or lost its guard, too
        }
        let data = dir.join("data");
        let bin = binaries::find_for(&data)?;
        if !data.join("PG_VERSION").exists() {
            create_cluster(&bin, dir, durability, user)?;
        }
        let socket = place::socket_dir(dir, user)?;
        loop {
            let mut guard = spawn_server(&bin, dir, &socket, durability, user)?;
            if wait_until(deadline.saturating_duration_since(Instant::now()), || {
                running(dir).is_some() || !matches!(guard.try_wait(), Ok(None))
            }) && matches!(guard.try_wait(), Ok(None))
            {
                return Ok(Self { socket, owned: Some(Owned::new(guard, owner)?) });
            }
            let _ = killpg(pid(&guard), Signal::SIGQUIT);
            let _ = guard.wait();
            let log = fs::read_to_string(dir.join("postgres.log")).unwrap_or_default();
            if !predecessor_is_leaving(&log) || Instant::now() >= deadline {
                return Err(io::Error::other(format!("postgres did not start in {}:\n{log}", dir.display())));
            }
            thread::sleep(5 * POLL);
        }
    }
}

impl Owned {
    fn new(mut guard: Child, owner: File) -> io::Result<Self> {
        let (id, alive) = (pid(&guard), guard.stdin.take().ok_or_else(|| io::Error::other("the guard has no input"))?);
        let keeper = thread::Builder::new().name("postgres".into()).spawn(move || {
            let _ = guard.wait();
            drop(owner);
        })?;
        Ok(Self { guard: id, alive, keeper })
    }
}

impl Drop for DevPostgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server's own two ways to say that the last one on this data has not ended yet.
fn predecessor_is_leaving(log: &str) -> bool {
    log.contains("lock file \"postmaster.pid\" already exists") || log.contains("is still in use")
}

/// Into a folder of another name, renamed when complete: one that was cut short never looks finished. The name is this
/// process's own, since an initdb outlives the one who started it.
fn create_cluster(bin: &BinDir, dir: &Path, durability: Durability, user: Option<&User>) -> io::Result<()> {
    for entry in fs::read_dir(dir)?.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let _ = fs::remove_dir_all(entry.path());
    }
    let unfinished = dir.join(format!("{UNFINISHED}{}", std::process::id()));
    let mut initdb = command(&bin.path().join("initdb"), dir, user);
    initdb.args(["--encoding=UTF8", "--locale=C", "--auth=trust", "--username", SUPERUSER]);
    if durability == Durability::Volatile {
        initdb.arg("--no-sync");
    }
    let out = initdb.arg("-D").arg(&unfinished).output()?;
    if !out.status.success() {
        return Err(io::Error::other(format!("initdb: {}", String::from_utf8_lossy(&out.stderr))));
    }
    fs::rename(&unfinished, dir.join("data"))
}

fn spawn_server(bin: &BinDir, dir: &Path, socket: &Path, durability: Durability, user: Option<&User>) -> io::Result<Child> {
    let log = File::create(dir.join("postgres.log"))?;
    let mut guard = command(Path::new("/bin/sh"), dir, user);
    guard.args(["-c", GUARD, "guard"]).arg(bin.path().join("postgres")).arg("-D").arg(dir.join("data")).arg("-k").arg(socket);
    for setting in ["listen_addresses=", "port=5432", "unix_socket_permissions=0700", "max_connections=200", "jit=off"] {
        guard.args(["-c", setting]);
    }
    if durability == Durability::Volatile {
        for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB"] {
            guard.args(["-c", setting]);
        }
    }
    guard.process_group(0); // a terminal's Ctrl-C is for us; the server ends after we have drained
    guard.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn()
}

struct Running {
    pid: Pid,
    socket: PathBuf,
}

/// The server that says it is ready and answers. `postmaster.pid` has its pid first, its socket's folder fifth, its status eighth.
fn running(dir: &Path) -> Option<Running> {
    let file = fs::read_to_string(dir.join("data/postmaster.pid")).ok()?;
    let lines: Vec<_> = file.lines().map(str::trim).collect();
    let (pid, socket) = (Pid::from_raw(lines.first()?.parse().ok()?), PathBuf::from(lines.get(4)?));
    let answers = *lines.get(7)? == "ready" && UnixStream::connect(socket.join(".s.PGSQL.5432")).is_ok();
    answers.then_some(Running { pid, socket })
}

fn command(exe: &Path, dir: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new(exe);
    command.current_dir(dir).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("LC_ALL", "C").env("TZ", "UTC");
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw()); // std lets go of root's groups, too
    }
    command
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}
