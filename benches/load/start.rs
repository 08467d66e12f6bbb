//! How long the server takes from its start until it is ready, and what it needs when nobody asks anything.

use crate::{
    contender::Contender,
    options::Options,
    process::Program,
    server::Server,
    table::{self, Spread},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(1);
/// Until what starting needs is done.
const SETTLED: Duration = Duration::from_secs(2);

/// The program, ready, and how long that took. `ops`: where it says so.
pub fn timed(command: &mut Command, log: &Path, ops: SocketAddr) -> (Program, Duration) {
    let began = Instant::now();
    let program = Program::start(command, log).until(POLL, || is_ready(ops));
    (program, began.elapsed())
}

fn is_ready(ops: SocketAddr) -> bool {
    let Ok(mut socket) = TcpStream::connect(ops) else { return false };
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {ops}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    socket.write_all(request.as_bytes()).is_ok() && socket.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

pub fn run(server: &mut Server, options: &Options) {
    let (mut times, mut rest) = (Spread::new(0), Spread::new(1));
    for _ in 0..options.rounds().max(3) {
        times.push(server.restart().as_secs_f64() * 1e3);
        thread::sleep(SETTLED);
        rest.push(server.program().pss());
    }
    table::print("Start", &["from start to ready, ms", "memory at rest (PSS), MiB"], &[vec![times.to_string(), rest.to_string()]]);
}
