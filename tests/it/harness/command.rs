//! Programs of others, and our own, run with a deadline.

use guichet::dev::install::install;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Seek, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use tokio::sync::{
    Mutex,
    mpsc::{UnboundedReceiver, unbounded_channel},
};

const DEADLINE: Duration = Duration::from_secs(120);

/// Runs to the end, `input` at its standard input. The runtime goes on meanwhile: the program may be talking to a bank in it.
pub async fn run(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let group = Pid::from_raw(child.id().cast_signed());
    // one that ends without reading closes the pipe
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    match tokio::time::timeout(DEADLINE, ended).await {
        Ok(output) => output.unwrap().unwrap(),
        Err(_) => {
            let _ = killpg(group, Signal::SIGKILL);
            panic!("{command:?} did not end within {DEADLINE:?}")
        }
    }
}

/// Runs to the end while `answer` answers whatever it asks, after `first`: JSON, one value a line. What stands in `told` of its last line.
pub async fn converse(mut command: Command, first: &Value, answer: impl AsyncFn(Value) -> Value) -> Value {
    let mut errors = tempfile::tempfile().unwrap();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone().unwrap()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (group, mut stdin, mut lines) = (Pid::from_raw(child.id().cast_signed()), child.stdin.take().unwrap(), lines_of(&mut child));
    let conversation = async move {
        let mut said = first.clone();
        loop {
            // one that ends without reading closes the pipe
            let _ = writeln!(stdin, "{said}");
            let line = lines.recv().await?;
            let asked: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            match asked.get("told") {
                Some(told) => return Some(told.clone()),
                None => said = answer(asked).await,
            }
        }
    };
    let told = tokio::time::timeout(DEADLINE, conversation).await.unwrap_or_default();
    if told.is_none() {
        // it fell silent, whether it ended or not
        let _ = killpg(group, Signal::SIGKILL);
    }
    let status = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    let mut text = String::new();
    errors.rewind().unwrap();
    errors.read_to_string(&mut text).unwrap();
    told.filter(|_| status.success()).unwrap_or_else(|| panic!("{command:?}: {status}: {text}"))
}

/// What it prints, as it comes.
fn lines_of(child: &mut Child) -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

/// Sees to it that `check` ends well: installs `packages` where that needs no question, and says which they are otherwise.
pub async fn ensure(check: &[&str], packages: &'static [&'static str]) {
    // one at a time, and the second finds what the first installed
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let works = async || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"exec "$@""#, "sh"]).args(check);
        run(command, "").await.status.success()
    };
    if works().await {
        return;
    }
    let tried = tokio::task::spawn_blocking(|| install(packages, "")).await.unwrap();
    let names = packages.join(" ");
    assert!(works().await, "this test needs the Debian packages {names}: apt-get install -y {names}. Tried: {tried:?}");
}

pub async fn ensure_curl() {
    ensure(&["curl", "--version"], &["curl", "ca-certificates"]).await;
}

/// What it printed, having ended well.
#[track_caller]
pub fn printed(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}: {}{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
