//! Installing system packages with Debian's package manager, where that needs no question.

use nix::{
    sys::signal::{Signal, killpg},
    unistd::{Pid, geteuid},
};
use std::{
    env, fs, io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(600);
/// Two at once would find the package lists locked.
const LOCK: &str = "/run/guichet-install.lock";

/// Installs `packages`, after the shell lines of `before`, both as root.
///
/// # Errors
/// What was tried and how it ended; empty where nothing can be tried: no apt-get, or neither root nor a sudo that asks nothing.
pub fn install(packages: &[&str], before: &str) -> Result<(), String> {
    let Some(mut shell) = privileged_shell() else { return Err(String::new()) };
    eprintln!("Not found: {0}. Running apt-get update && apt-get install -y --no-install-recommends {0} ...", packages.join(" "));
    run(shell.arg(script(packages, before)), DEADLINE)
}

fn script(packages: &[&str], before: &str) -> String {
    format!(
        "set -e\nexec 9>>{LOCK}\nif command -v flock >/dev/null; then flock -w {} 9; fi\n{before}\napt-get update 9>&-\n\
         apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 {} 9>&-\n",
        DEADLINE.as_secs(),
        packages.join(" "),
    )
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
    let out = env::temp_dir().join(format!("guichet-install-{}-{:?}.log", std::process::id(), thread::current().id()));
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

    /// The script with an apt-get of our own, and its paths outside moved below `dir`.
    fn apt(dir: &Path, apt_get: &str, deadline: Duration) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt;
        let exe = dir.join("apt-get");
        fs::write(&exe, format!("#!/bin/sh\necho apt-get \"$@\"\n{apt_get}\n")).unwrap();
        fs::set_permissions(&exe, fs::Permissions::from_mode(0o755)).unwrap();
        let script = script(&["one", "two"], "echo first").replace(LOCK, &dir.join("lock").display().to_string());
        let path = format!("{}:{}", dir.display(), env::var("PATH").unwrap());
        run(Command::new("/bin/sh").env("PATH", path).arg("-c").arg(script), deadline)
    }

    #[test]
    fn an_installation_says_how_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let minute = Duration::from_secs(60);
        assert_eq!(apt(dir.path(), "true", minute), Ok(()));
        let failed = apt(dir.path(), "[ \"$1\" = update ] || { echo no such package; exit 100; }", minute).unwrap_err();
        let told = ["exit status: 100", "no such package", "first\napt-get update", "one two"];
        assert!(told.iter().all(|part| failed.contains(part)), "{failed}");
        let started = Instant::now();
        assert!(apt(dir.path(), "sleep 50", Duration::from_millis(100)).unwrap_err().starts_with("stopped after"));
        assert!(started.elapsed() < Duration::from_secs(20), "the sleeper is gone, too");
    }
}
