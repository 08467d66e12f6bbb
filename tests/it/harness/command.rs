//! Programs of others, and our own, run with a deadline.

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, Output, Stdio},
    time::Duration,
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

/// What it printed, having ended well.
#[track_caller]
pub fn printed(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}: {}{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
