//! One test cluster for many test processes. Each holds `users.lock` shared; a supervisor ends the server when nobody does.

use super::{DevPostgres, Durability, START_DEADLINE, options, place, running};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long the cluster stays for the next test run.
const LINGER: Duration = Duration::from_secs(5);

/// The right to use the test cluster: as long as this lives, so does it.
#[derive(Debug)]
pub struct Attached {
    socket: PathBuf,
    _user: File,
}

impl Attached {
    pub fn options(&self, database: &str) -> PgConnectOptions {
        options(&self.socket, database)
    }
}

/// Joins the test cluster under `dir`. Who comes first has `exe dev-postgres DIR` start it, which calls [`supervise`].
///
/// # Errors
/// When no cluster came up within a minute, with what the supervisor said.
pub fn attach(dir: &Path, exe: &Path) -> io::Result<Attached> {
    place::private_dir(dir, place::run_as()?.as_ref())?;
    let dir = &dir.canonicalize()?;
    let user = File::create(dir.join("users.lock"))?;
    user.lock_shared()?; // waits for a supervisor that is ending
    let deadline = Instant::now() + START_DEADLINE;
    let mut supervisor = None;
    loop {
        if let Some(found) = running(dir) {
            // its parent must take note of its end
            supervisor.map(|mut child: Child| thread::spawn(move || child.wait()));
            return Ok(Attached { socket: found.socket, _user: user });
        }
        let failed = match &mut supervisor {
            None => {
                supervisor = Some(start_supervisor(dir, exe)?);
                false
            }
            Some(child) => child.try_wait()?.is_some_and(|status| !status.success()),
        };
        if failed || Instant::now() > deadline {
            let said = fs::read_to_string(dir.join("supervisor.log")).unwrap_or_default();
            return Err(io::Error::other(format!("no test cluster in {}: {said}", dir.display())));
        }
        thread::sleep(super::POLL);
    }
}

fn start_supervisor(dir: &Path, exe: &Path) -> io::Result<Child> {
    let log = File::create(dir.join("supervisor.log"))?;
    let mut command = Command::new(exe);
    command.arg("dev-postgres").arg(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
    command.spawn()
}

/// Runs the test cluster under `dir` until nobody uses it, then empties and ends it. Returns at once where one runs.
pub fn supervise(dir: &Path) -> io::Result<()> {
    let mut server = DevPostgres::start(dir, Durability::Volatile)?;
    if server.joined() {
        return Ok(());
    }
    let users = File::create(dir.join("users.lock"))?;
    loop {
        thread::sleep(LINGER);
        if server.ended() {
            return Err(io::Error::other("the test cluster's server ended by itself"));
        }
        if users.try_lock().is_ok() {
            break; // held until we are gone, so nobody comes in meanwhile
        }
    }
    let emptied = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(drop_databases(&server));
    server.stop();
    emptied.map_err(io::Error::other)
}

async fn drop_databases(server: &DevPostgres) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(&server.options("postgres")).await?;
    let names = "select format('%I', datname) from pg_database where datname not in ('postgres', 'template0', 'template1')";
    for name in sqlx::query_scalar::<_, String>(names).fetch_all(&mut connection).await? {
        sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut connection).await?;
    }
    connection.close().await
}
