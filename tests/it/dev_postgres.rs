//! The private PostgreSQL: it survives what happens to processes, and many tests share one.

use guichet::dev::postgres::{Attached, DevPostgres, Durability, attach, fresh_database, supervise};
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What [`other_process`] is to do.
const ROLE: &str = "GUICHET_TEST_POSTGRES_ROLE";

/// A folder that the server's own user can reach.
fn place() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn start(dir: &Path) -> DevPostgres {
    DevPostgres::start(dir, Durability::Durable).unwrap()
}

/// Runs one statement to its end.
fn run(options: &PgConnectOptions, statement: &'static str) -> sqlx::Result<Option<i64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect_with(options).await?;
        let found = sqlx::query_scalar(statement).fetch_optional(&mut connection).await?;
        connection.close().await?;
        Ok(found)
    })
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn postmaster(dir: &Path) -> Option<String> {
    Some(fs::read_to_string(dir.join("data/postmaster.pid")).ok()?.lines().next()?.to_owned())
}

fn alive(pid: &str) -> bool {
    // a zombie is not alive
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn kill_9(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

/// This very test binary as another process: `owner DIR` starts a server and holds it, `supervisor DIR` supervises one.
#[test]
fn other_process() {
    let Ok(role) = env::var(ROLE) else { return };
    let (role, dir) = role.split_once(' ').unwrap();
    if role == "supervisor" {
        return supervise(Path::new(dir)).unwrap();
    }
    let server = start(Path::new(dir));
    println!("\nready {}", server.joined());
    thread::sleep(Duration::from_secs(120)); // killed long before
}

fn owner(dir: &Path) -> (Child, bool) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "dev_postgres::other_process", "--nocapture"])
        .env(ROLE, format!("owner {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.strip_prefix("ready ")? == "true"));
    (child, said.expect("the other process started"))
}

#[test]
fn data_survives_and_no_port_is_open() {
    let place = place();
    let dir = place.path().join("pg");
    let mut server = start(&dir);
    assert!(!server.joined());
    run(&server.options("postgres"), "create table kept (x bigint)").unwrap();
    run(&server.options("postgres"), "insert into kept values (7)").unwrap();
    assert_eq!(
        run(&server.options("postgres"), "select count(*) from pg_settings where name = 'fsync' and setting = 'on'").unwrap(),
        Some(1)
    );
    assert_eq!(
        run(&server.options("postgres"), "select count(*) from pg_settings where name = 'listen_addresses' and setting = ''").unwrap(),
        Some(1)
    );
    let pid = postmaster(&dir).unwrap();
    server.stop();
    assert!(!alive(&pid), "stop waits for the end");
    let again = Instant::now();
    let server = start(&dir);
    assert!(again.elapsed() < Duration::from_millis(1500), "the second start took {:?}", again.elapsed());
    assert_eq!(run(&server.options("postgres"), "select x from kept").unwrap(), Some(7));
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_second_start_joins_and_both_read_the_same() {
    let place = place();
    let dir = place.path().join("pg");
    let (mut first, joined) = owner(&dir);
    assert!(!joined);
    let second = start(&dir);
    assert!(second.joined());
    run(&second.options("postgres"), "select 1::bigint").unwrap();
    drop(second); // a guest leaves the server alone
    assert!(alive(&postmaster(&dir).unwrap()));
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn starts_at_the_same_time_give_one_server() {
    let place = place();
    let dir = place.path().join("pg");
    let servers: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| start(&dir))).collect();
        starts.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(servers.iter().filter(|server| !server.joined()).count(), 1);
}

#[test]
fn a_killed_owner_leaves_no_server_and_no_loss() {
    let place = place();
    let dir = place.path().join("pg");
    let (mut owner, _) = owner(&dir);
    let guest = start(&dir);
    run(&guest.options("postgres"), "create table kept as select 7::bigint as x").unwrap();
    let pid = postmaster(&dir).unwrap();
    owner.kill().unwrap(); // SIGKILL
    owner.wait().unwrap();
    // at once, while the old server may still be on its way out
    let server = start(&dir);
    assert!(!server.joined());
    assert!(!alive(&pid) && postmaster(&dir).unwrap() != pid);
    assert_eq!(run(&server.options("postgres"), "select x from kept").unwrap(), Some(7));
}

#[test]
fn a_killed_owner_without_a_successor_leaves_no_server() {
    let place = place();
    let dir = place.path().join("pg");
    let (mut owner, _) = owner(&dir);
    let pid = postmaster(&dir).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("the server ends", || !alive(&pid));
    assert_eq!(postmaster(&dir), None, "it had the time to shut down in order");
}

#[test]
fn a_killed_server_starts_again_with_its_data() {
    let place = place();
    let dir = place.path().join("pg");
    let first = start(&dir);
    run(&first.options("postgres"), "create table kept as select 7::bigint as x").unwrap();
    kill_9(&postmaster(&dir).unwrap());
    until("its owner notices", || first.ended());
    let server = start(&dir); // though the first owner lives on
    assert!(!server.joined());
    drop(first); // and may go without harm
    assert_eq!(run(&server.options("postgres"), "select x from kept").unwrap(), Some(7));
}

/// Owner and guard are killed: the server lives on as an orphan, and the next start takes its place.
#[test]
fn an_orphan_is_replaced() {
    let place = place();
    let dir = place.path().join("pg");
    let (mut owner, _) = owner(&dir);
    let orphan = postmaster(&dir).unwrap();
    let stat = fs::read_to_string(format!("/proc/{orphan}/stat")).unwrap();
    let guard = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let watch = Command::new("pgrep").args(["-P", &guard, "sh"]).output().unwrap();
    kill_9(String::from_utf8(watch.stdout).unwrap().trim());
    kill_9(&guard);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(alive(&orphan));
    let server = start(&dir);
    assert!(!server.joined() && !alive(&orphan));
}

#[test]
fn an_interrupted_initdb_and_a_long_path_do_no_harm() {
    let place = place();
    let dir = place.path().join("long".repeat(30));
    let server = start(&dir);
    assert!(server.socket() != dir && run(&server.options("postgres"), "select 1::bigint").is_ok());
    let socket: PathBuf = server.socket().into();
    drop(server);
    fs::remove_dir_all(dir.join("data")).unwrap();
    fs::create_dir(dir.join("data.new.1")).unwrap();
    fs::write(dir.join("data.new.1/PG_VERSION"), "15").unwrap();
    let server = start(&dir);
    assert!(!dir.join("data.new.1").exists());
    assert_eq!(server.socket(), socket);
    drop(server);
    fs::remove_dir_all(socket).unwrap();
}

#[test]
fn what_is_in_the_way_is_said() {
    let place = place();
    let dir = place.path().join("pg");
    drop(start(&dir));
    fs::write(dir.join("data/PG_VERSION"), "9\n").unwrap();
    let said = DevPostgres::start(&dir, Durability::Durable).unwrap_err().to_string();
    assert!(said.contains("written by PostgreSQL 9, which is not installed"), "{said}");
    let open = place.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let said = DevPostgres::start(&open, Durability::Durable).unwrap_err().to_string();
    assert!(said.contains("with mode 0700"), "{said}");
}

/// Stands in for the program: `exe dev-postgres DIR`.
fn program(place: &Path) -> PathBuf {
    let exe = place.join("program");
    let test = env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = dev-postgres ] || exit 64\n{ROLE}=\"supervisor $2\" exec {} --exact dev_postgres::other_process\n",
        test.display()
    );
    fs::write(&exe, text).unwrap();
    fs::set_permissions(&exe, fs::Permissions::from_mode(0o755)).unwrap();
    exe
}

async fn table(pool: PgPool) -> sqlx::Result<()> {
    sqlx::query("create table seen (x bigint)").execute(&pool).await.map(drop)
}

async fn fresh(cluster: &Attached, template: &str, prepared: &AtomicUsize) -> PgConnectOptions {
    let prepare = async |pool| {
        prepared.fetch_add(1, Ordering::Relaxed);
        table(pool).await
    };
    fresh_database(|name| cluster.options(name), template, prepare).await.unwrap()
}

#[test]
fn tests_share_a_cluster_and_have_databases_of_their_own() {
    let place = place();
    let (dir, exe) = (place.path().join("pg"), program(place.path()));
    let clusters: Vec<_> = thread::scope(|scope| {
        let users: Vec<_> = (0..3).map(|_| scope.spawn(|| attach(&dir, &exe).unwrap())).collect();
        users.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let prepared = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let names = runtime.block_on(async {
        let failed = fresh_database(|name| clusters[0].options(name), "schema_1", async |_| Err("cut short")).await;
        assert_eq!(failed.unwrap_err().to_string(), "preparing the template database: cut short");
        let refused = fresh_database(|name| clusters[0].options(name), "x; drop", async |_| Ok::<(), String>(())).await;
        assert!(refused.is_err());
        let (one, two, three) = (&clusters[0], &clusters[1], &clusters[2]);
        let made = tokio::join!(fresh(one, "schema_1", &prepared), fresh(two, "schema_1", &prepared), fresh(three, "schema_1", &prepared));
        [made.0, made.1, made.2]
    });
    assert_eq!(prepared.load(Ordering::Relaxed), 1, "prepared once, copied three times");
    run(&names[0], "insert into seen values (1)").unwrap();
    assert_eq!(run(&names[0], "select count(*) from seen").unwrap(), Some(1));
    assert_eq!(run(&names[1], "select count(*) from seen").unwrap(), Some(0));
    let pid = postmaster(&dir).unwrap();
    drop(clusters);
    until("the last user's leaving ends the cluster", || !alive(&pid));
    let again = attach(&dir, &exe).unwrap();
    assert_eq!(run(&again.options("postgres"), "select count(*) from pg_database").unwrap(), Some(3), "nothing is left behind");
    let pid = postmaster(&dir).unwrap();
    drop(again);
    until("the next cluster ends, too", || !alive(&pid));
}

#[test]
fn a_supervisor_that_cannot_start_is_quoted() {
    let place = place();
    let exe = place.path().join("program");
    fs::write(&exe, "#!/bin/sh\necho no such verb >&2; exit 64\n").unwrap();
    fs::set_permissions(&exe, fs::Permissions::from_mode(0o755)).unwrap();
    let said = attach(&place.path().join("pg"), &exe).unwrap_err().to_string();
    assert!(said.contains("no such verb"), "{said}");
}
