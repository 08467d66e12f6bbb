//! Finding PostgreSQL's server binaries, and installing them where that can be done without a question.

use nix::{
    sys::signal::{Signal, killpg},
    unistd::{Pid, geteuid},
};
use std::{
    env, error, fmt, fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const INSTALL_DEADLINE: Duration = Duration::from_secs(600);

/// As root. The configuration keeps Debian from starting a system-wide cluster, which nobody here asked for.
const APT: &str = r#"
set -e
conf=/etc/postgresql-common/createcluster.conf
if [ ! -e "$conf" ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' > "$conf"
fi
apt-get update
apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql
"#;

/// A folder with `postgres` and `initdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinDir(PathBuf);

impl BinDir {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `15` from `postgres (PostgreSQL) 15.14`.
    fn major(&self) -> Option<String> {
        let out = Command::new(self.0.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(out.stdout).ok()?;
        Some(text.split(' ').nth(2)?.chars().take_while(char::is_ascii_digit).collect())
    }
}

/// No server binaries, and why they could not be had.
#[derive(Debug)]
pub struct MissingPostgres {
    /// What was tried and how it ended; empty when nothing could be tried.
    pub attempt: String,
}

impl fmt::Display for MissingPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no PostgreSQL server found. Install package `postgresql` (Debian, Ubuntu: apt-get install -y postgresql; ")?;
        f.write_str("macOS: brew install postgresql@17), or set PG_BIN_DIR to the folder with `postgres` and `initdb`")?;
        if self.attempt.is_empty() { Ok(()) } else { write!(f, ".\nTried to install it: {}", self.attempt) }
    }
}

impl error::Error for MissingPostgres {}

/// The server binaries; installed first, with Debian's package manager, when there are none and no password is needed for it.
pub fn ensure_installed() -> Result<BinDir, MissingPostgres> {
    if let Some(found) = candidates().next() {
        return Ok(found);
    }
    let Some(mut shell) = privileged_shell() else { return Err(MissingPostgres { attempt: String::new() }) };
    eprintln!("No PostgreSQL server found: running apt-get update && apt-get install -y --no-install-recommends postgresql ...");
    let attempt = run(shell.arg(APT), INSTALL_DEADLINE).err().unwrap_or_else(|| "it left no server binaries".into());
    candidates().next().ok_or(MissingPostgres { attempt })
}

/// The newest binaries, or for existing data those of the version that wrote it.
pub(super) fn find_for(data: &Path) -> io::Result<BinDir> {
    let missing = || io::Error::other(MissingPostgres { attempt: String::new() });
    let Ok(wrote) = fs::read_to_string(data.join("PG_VERSION")) else { return candidates().next().ok_or_else(missing) };
    let wrote = wrote.trim();
    if candidates().next().is_none() {
        return Err(missing());
    }
    let why = || format!("{} was written by PostgreSQL {wrote}, which is not installed: install it, or remove the folder", data.display());
    candidates().find(|found| found.major().as_deref() == Some(wrote)).ok_or_else(|| io::Error::other(why()))
}

/// `PG_BIN_DIR`, `PATH`, then where Debian, Red Hat and Homebrew put them, newest first.
fn candidates() -> impl Iterator<Item = BinDir> {
    let mut versioned: Vec<(u32, PathBuf)> = vec![];
    for root in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"] {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().replace("postgresql@", "").replace("pgsql-", "");
            versioned.extend(name.parse().ok().map(|version| (version, entry.path().join("bin"))));
        }
    }
    versioned.sort_by(|one, other| other.cmp(one));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = env::var_os("PG_BIN_DIR").map(PathBuf::from).into_iter().collect();
    all.extend(env::split_paths(&path));
    all.extend(versioned.into_iter().map(|(_, dir)| dir));
    all.into_iter().filter(|dir| dir.join("postgres").is_file() && dir.join("initdb").is_file()).map(BinDir)
}

/// `sh -c` as root, where there is apt-get and we are root or may become it unasked.
fn privileged_shell() -> Option<Command> {
    let succeeds = |command: &mut Command| command.stdin(Stdio::null()).output().is_ok_and(|out| out.status.success());
    if !succeeds(Command::new("apt-get").arg("--version")) {
        return None;
    }
    let mut shell = if geteuid().is_root() {
        Command::new("/bin/sh")
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "/bin/sh"]);
        sudo
    } else {
        return None;
    };
    shell.env("DEBIAN_FRONTEND", "noninteractive").arg("-c");
    Some(shell)
}

/// Runs to the end or the deadline. The error is what it printed last.
fn run(command: &mut Command, deadline: Duration) -> Result<(), String> {
    let out = env::temp_dir().join(format!("guichet-install-{}.log", std::process::id()));
    let ended = log_to(command, &out, deadline);
    let printed = fs::read_to_string(&out).unwrap_or_default();
    let _ = fs::remove_file(&out);
    match ended {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("{status}\n{printed}")),
        Ok(None) => Err(format!("stopped after {} s\n{printed}", deadline.as_secs())),
        Err(error) => Err(error.to_string()),
    }
}

fn log_to(command: &mut Command, out: &Path, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let _ = fs::remove_file(out);
    let log = fs::OpenOptions::new().write(true).create_new(true).open(out)?;
    let mut child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
    let until = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The script with an apt-get of our own, and its one path outside moved below `dir`.
    fn apt(dir: &Path, apt_get: &str, deadline: Duration) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt;
        let exe = dir.join("apt-get");
        fs::write(&exe, format!("#!/bin/sh\necho apt-get \"$@\"\n{apt_get}\n")).unwrap();
        fs::set_permissions(&exe, fs::Permissions::from_mode(0o755)).unwrap();
        let script = APT.replace("/etc/", &format!("{}/etc/", dir.display()));
        let path = format!("{}:{}", dir.display(), env::var("PATH").unwrap());
        run(Command::new("/bin/sh").env("PATH", path).arg("-c").arg(script), deadline)
    }

    #[test]
    fn an_installation_says_how_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let minute = Duration::from_secs(60);
        assert_eq!(apt(dir.path(), "true", minute), Ok(()));
        let conf = dir.path().join("etc/postgresql-common/createcluster.conf");
        assert_eq!(fs::read_to_string(&conf).unwrap(), "create_main_cluster = false\n");
        fs::write(&conf, "somebody's own").unwrap();
        let failed = apt(dir.path(), "[ \"$1\" = update ] || { echo no such package; exit 100; }", minute).unwrap_err();
        assert!(failed.contains("exit status: 100") && failed.contains("no such package") && failed.contains("apt-get update"), "{failed}");
        assert_eq!(fs::read_to_string(&conf).unwrap(), "somebody's own");
        let started = Instant::now();
        assert!(apt(dir.path(), "sleep 50", Duration::from_millis(100)).unwrap_err().starts_with("stopped after"));
        assert!(started.elapsed() < Duration::from_secs(20), "the sleeper is gone, too");
    }
}
