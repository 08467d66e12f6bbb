//! One chromedriver for all tests of this process: found or installed, started once, ended with its browsers when the process ends.

use super::elsewhere::Elsewhere;
use guichet::dev::install::install;
use serde_json::{Value, json};
use std::{
    env,
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];
const START_DEADLINE: Duration = Duration::from_secs(30);

/// Ends the whole process group, browsers included, and removes its files when standard input ends: when the tests do,
/// however they do. A chromedriver that is told to stop leaves its browsers running.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
trap '' TERM
read -r _ <&3
kill -TERM 0
sleep 1
rm -rf "$TMPDIR"
kill -KILL 0
"#;

/// A running chromedriver. Its browsers reach this machine and nothing else.
pub struct Chromium {
    pub address: SocketAddr,
    binary: PathBuf,
    /// The guard, whose standard input lives as long as this process.
    _guard: Child,
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).flat_map(|dir| names.iter().map(move |name| dir.join(name))).find(|file| file.is_file())
}

/// The driver and the browser; installed first where that needs no question.
fn find() -> Result<(PathBuf, PathBuf), String> {
    let found = || Some((on_path(&["chromedriver"])?, on_path(&["chromium", "chromium-browser", "google-chrome", "chrome"])?));
    if let Some(found) = found() {
        return Ok(found);
    }
    let attempt = install(&PACKAGES, "").err().unwrap_or_else(|| "it left no chromedriver on the PATH".to_owned());
    found().ok_or_else(|| {
        let tried = if attempt.is_empty() { String::new() } else { format!("\nTried to install them: {attempt}") };
        let packages = PACKAGES.join(" ");
        format!("the browser tests need chromium and chromedriver on the PATH (Debian: apt-get install -y {packages}){tried}")
    })
}

impl Chromium {
    /// Panics, with what to install, where there is no browser: a test that needs one never passes without.
    pub fn get() -> &'static Self {
        static CHROMIUM: OnceLock<Result<Chromium, String>> = OnceLock::new();
        CHROMIUM.get_or_init(Self::start).as_ref().unwrap_or_else(|why| panic!("{why}"))
    }

    fn start() -> Result<Self, String> {
        let (driver, binary) = find()?;
        // removed by the guard, since nothing of a static is dropped
        let dir = TempDir::new().map_err(|e| e.to_string())?.keep();
        let log = dir.join("chromedriver.log");
        let said = File::create(&log).map_err(|e| e.to_string())?;
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(driver).arg("--port=0").process_group(0).stdin(Stdio::piped());
        // browsers keep their profiles in the folder, too
        guard.env("TMPDIR", &dir).env("HOME", &dir).env("XDG_CONFIG_HOME", &dir).env("XDG_CACHE_HOME", &dir);
        guard.stdout(said.try_clone().map_err(|e| e.to_string())?).stderr(said);
        let guard = guard.spawn().map_err(|e| e.to_string())?;
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let port = log.split_once("started successfully on port ").and_then(|(_, rest)| rest.split_once('.')?.0.parse().ok());
            if let Some(port) = port {
                return Ok(Self { address: (Ipv4Addr::LOCALHOST, port).into(), binary, _guard: guard });
            }
            if Instant::now() >= deadline {
                return Err(format!("chromedriver did not start: {log}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a new session asks for: other people's hosts are [`Elsewhere`], and there is no other network.
    pub fn capabilities(&self) -> Value {
        let elsewhere = Elsewhere::get().port();
        let hosts = format!("MAP *.example 127.0.0.1:{elsewhere}, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost");
        let arguments = json!([
            "--headless=new",
            "--no-sandbox", // Chromium refuses to run as root otherwise
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
            format!("--host-resolver-rules={hosts}"),
        ]);
        json!({"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": true,
            "timeouts": {"pageLoad": 20_000, "script": 30_000},
            "goog:chromeOptions": {"binary": self.binary, "args": arguments},
        }}})
    }

    /// Ends a session from a place that cannot wait for futures.
    pub fn end(&self, session: &str) {
        let Ok(mut socket) = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)) else { return };
        let _ = socket.set_read_timeout(Some(Duration::from_secs(5)));
        let request = format!("DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = socket.write_all(request.as_bytes());
        let _ = socket.read(&mut [0; 256]);
    }
}
