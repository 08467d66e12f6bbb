//! The program itself: `guichet dev` started, met, killed and started again, and the verbs beside it.

use crate::harness::command::{ensure_curl, printed, run};
use guichet::dev::pki::{Flaw, QWACS};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(90);

fn guichet(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    command.args(words);
    command
}

async fn call(words: &[&str]) -> Output {
    run(guichet(words), "").await
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Three ports in a row that nobody has.
fn free_ports() -> u16 {
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    (0..100).map(|_| any()).find(|port| *port < 65_000 && (0..3).all(|n| free(port + n))).expect("free ports")
}

/// A running `guichet dev`; killed when dropped.
struct Dev<'a> {
    child: Child,
    dir: &'a Path,
    /// From the start to the first `ready`.
    took: Duration,
}

impl<'a> Dev<'a> {
    fn start(dir: &'a Path, port: u16) -> Self {
        let started = Instant::now();
        let mut command = guichet(&["dev", "--dir", dir.to_str().unwrap(), "--port", &port.to_string()]);
        let (out, log) = (File::create(dir.join("said")).unwrap(), File::create(dir.join("log")).unwrap());
        let child = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn().unwrap();
        let mut dev = Self { child, dir, took: Duration::ZERO };
        while !is_ready(port + 2) {
            let ended = dev.child.try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < PATIENCE, "{ended:?}: {}", fs::read_to_string(dir.join("log")).unwrap());
            thread::sleep(Duration::from_millis(5));
        }
        dev.took = started.elapsed();
        dev
    }

    /// Its welcome; written just after it is ready.
    fn said(&self) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(self.dir.join("said")).unwrap();
            if said.contains(" try all") {
                return said;
            }
            assert!(Instant::now() < until, "{said}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn postgres(&self) -> Pid {
        let file = fs::read_to_string(self.dir.join("postgres/data/postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().trim().parse().unwrap())
    }

    fn interrupt(mut self) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "still there");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Dev<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut answer = String::new();
    asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// The command of the welcome that has `part`, run by a shell.
async fn pasted(said: &str, part: &str) -> String {
    let line = said.lines().find(|line| line.starts_with("    ") && line.contains(part)).unwrap_or_else(|| panic!("no {part} in {said}"));
    let mut shell = Command::new("sh");
    shell.args(["-c", line]);
    printed(&run(shell, "").await)
}

#[tokio::test]
async fn dev_starts_serves_ends_and_loses_nothing() {
    ensure_curl().await;
    let folder = tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let (dir, port) = (folder.path(), free_ports());
    let dir_text = dir.to_str().unwrap();

    let first = Dev::start(dir, port);
    println!("first start: {:?}", first.took);
    let said = first.said();
    assert!(pasted(&said, "/readyz").await.contains("ready"));
    assert!(pasted(&said, "api.cic.localhost").await.contains("client_id"));
    assert!(pasted(&said, " try all").await.ends_with("Everything went as expected.\n"));
    let cancelled = call(&["try", "authorize", "--dir", dir_text, "--brand", "labanquepostale", "--customer", "cancelled"]).await;
    assert!(printed(&cancelled).contains("SCA_PSU_CANCELLATION"));
    let unknown = call(&["try", "register", "--dir", dir_text, "--brand", "nobody"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(complaint(&unknown).contains("there are: cic, labanquepostale"), "{}", complaint(&unknown));
    let kept = printed(&call(&["try", "register", "--dir", dir_text, "--brand", "cic"]).await);
    let client = kept.lines().find_map(|line| line.strip_prefix("The client stays: ")).expect("a client's URI").to_owned();

    a_second_one_is_told_why_not(dir, port).await;
    verbs_on_its_files(dir).await;

    first.kill();
    let second = Dev::start(dir, port);
    println!("after kill -9: {:?}", second.took);
    let file = |name: &str| dir.join("pki").join(name).display().to_string();
    let (ca, cert, key) = (file("server-ca.pem"), file("all.pem"), file("all.key"));
    let mut curl = Command::new("curl");
    curl.args(["-q", "-sS", "--fail", "--noproxy", "*", "--cacert", &ca, "--cert", &cert, "--key", &key, &client]);
    let read = printed(&run(curl, "").await);
    assert!(client.ends_with(serde_json::from_str::<serde_json::Value>(&read).unwrap()["client_id"].as_str().unwrap()));

    let (took, postgres) = (second.took, second.postgres());
    assert!(kill(postgres, None).is_ok(), "PostgreSQL runs");
    assert_eq!(second.interrupt().code(), Some(0));
    assert_eq!(kill(postgres, None), Err(Errno::ESRCH), "PostgreSQL is gone");
    assert!(!dir.join("postgres/data/postmaster.pid").exists());

    let third = Dev::start(dir, port);
    println!("after Ctrl-C: {:?}", third.took);
    assert!(took.min(third.took) < Duration::from_secs(3), "ready after {took:?} and {:?}", third.took);
    assert_eq!(third.interrupt().code(), Some(0));
    let away = call(&["try", "register", "--dir", dir_text]).await;
    assert_eq!(away.status.code(), Some(1));
    assert!(complaint(&away).contains("refused"), "{}", complaint(&away));
}

async fn a_second_one_is_told_why_not(dir: &Path, port: u16) {
    let elsewhere = tempfile::tempdir().unwrap();
    for (dir, port, why) in [
        (dir, port, "cannot listen on"),
        (elsewhere.path(), port, "cannot listen on"),
        (dir, free_ports(), "another `guichet dev` runs there"),
    ] {
        let settings = fs::read(dir.join("dev.toml")).ok();
        let refused = call(&["dev", "--dir", dir.to_str().unwrap(), "--port", &port.to_string()]).await;
        assert_eq!(refused.status.code(), Some(5), "{}", complaint(&refused));
        assert!(complaint(&refused).contains(why), "{}", complaint(&refused));
        assert_eq!(fs::read(dir.join("dev.toml")).ok(), settings, "the first one's settings stay");
    }
}

async fn verbs_on_its_files(dir: &Path) {
    let config = dir.join("dev.toml").display().to_string();
    for qwac in QWACS {
        let file = dir.join("pki").join(format!("{}.pem", qwac.name)).display().to_string();
        let verdict = call(&["cert", "inspect", &file, "--config", &config]).await;
        let (code, reason) = match qwac.flaw {
            Flaw::None => (0, "verdict: accepted"),
            Flaw::Seal => (6, "QSEAL_CERTIFICATE"),
            Flaw::Expired => (6, "CERTIFICATE_EXPIRED"),
            Flaw::Revoked => (6, "CERTIFICATE_REVOKED"),
            Flaw::Untrusted => (6, "ISSUER_NOT_TRUSTED"),
        };
        let told = String::from_utf8_lossy(&verdict.stdout).into_owned();
        assert!(verdict.status.code() == Some(code) && told.contains(reason) && told.contains(qwac.organisation), "{}: {told}", qwac.name);
    }
    assert!(printed(&call(&["check-config", &config]).await).contains("no mistakes"));
    assert!(printed(&call(&["migrate", "status", "--config", &config]).await).contains("as this program needs"));
    assert!(printed(&call(&["migrate", "up", "--config", &config]).await).contains("up to date"));
}

#[tokio::test]
async fn verbs_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let written = printed(&call(&["openapi", "--dir", &path("api")]).await);
    assert!(written.lines().count() >= 2, "{written}");
    for file in written.lines() {
        let document: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{file}");
    }
    let help = printed(&call(&["--help"]).await);
    assert!(["dev", "try", "serve", "check-config", "migrate", "openapi", "cert"].iter().all(|verb| help.contains(&format!("  {verb} "))));
    assert!(help.contains("Exit codes:") && !help.contains("dev-postgres"), "{help}");
    assert!(printed(&call(&["try", "--help"]).await).contains("client-credentials"));

    fs::write(path("bad.toml"), "[tpp]\nadress = \"127.0.0.1:1\"\n").unwrap();
    for (words, code, why) in [
        (&["check-config", &path("bad.toml")][..], 3, "bad.toml:2"),
        (&["serve", "--config", &path("none.toml")], 3, "none.toml"),
        (&["cert", "inspect", &path("none.pem")], 3, "none.pem"),
        (&["dev", "--port", "65535"], 2, "65535"),
        (&["try", "nothing"], 2, "nothing"),
        (&["try", "register", "--issuer", "https://bank.example"], 2, "--ca"),
        (&["try", "register", "--dir", &path("none")], 1, "guichet dev"),
    ] {
        let refused = call(words).await;
        assert_eq!(refused.status.code(), Some(code), "{words:?}: {}", complaint(&refused));
        assert!(complaint(&refused).contains(why), "{words:?}: {}", complaint(&refused));
    }
}
