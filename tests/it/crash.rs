//! The program and its database, killed and stopped while they work: what was answered holds, and the rest says "try again".

use crate::harness::{
    Bank, BankOptions, CIC, Process, Psu, Reply,
    load::{Acknowledged, Load, access_token},
    process::url,
    raw::{Target, hear, statuses},
    together,
    tpp::{Tpp, introspect},
};
use guichet::{
    dev::postgres::{DevPostgres, Durability, ensure_installed},
    storage::MIGRATOR,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::Method;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::Mutex,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

const SECOND: Duration = Duration::from_secs(1);
/// `database.acquire_timeout_seconds` and what a loaded machine may add.
const LONGEST_ANSWER: Duration = Duration::from_millis(2000 + 2000);

/// Told to end, it is at it at once.
pub fn without_delay() -> BankOptions {
    BankOptions {
        extra: "[limits]
shutdown_delay_seconds = 0
"
        .into(),
        ..BankOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_kill_9_of_the_server() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let mut process = Some(Process::serve(&bank).await);
    let acknowledged = Acknowledged::default();
    for _ in 0..2 {
        let load = Load::prepare(&bank, &acknowledged).await;
        let before = acknowledged.count();
        let kill = async {
            sleep(SECOND).await;
            process.take().unwrap().kill_9();
            load.stop();
        };
        tokio::join!(load.run(|_, _| {}), kill);
        process = Some(Process::serve(&bank).await);
        let after = acknowledged.count();
        assert!(after.0 > before.0 && after.1 > before.1, "there was load: {before:?}, {after:?}");
        acknowledged.holds(&load.client).await;
        load.client.refresh(&load.refresh).await.ok(200);
    }
    println!("kept through two kill -9: {:?} tokens (alive, revoked)", acknowledged.count());
}

/// A cluster of its own, durable, in a folder that the server's own user can reach.
struct Cluster {
    dir: TempDir,
    server: Option<DevPostgres>,
}

impl Cluster {
    async fn start() -> Self {
        ensure_installed().unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut cluster = Self { dir, server: None };
        cluster.restart().await;
        cluster
    }

    async fn restart(&mut self) {
        let dir = self.dir.path().join("cluster");
        let started = tokio::task::spawn_blocking(move || DevPostgres::start(&dir, Durability::Durable)).await;
        self.server = Some(started.unwrap().unwrap());
    }

    fn postmaster(&self) -> Pid {
        let file = fs::read_to_string(self.dir.path().join("cluster/data/postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
    }
}

/// What an outage may look like from outside. Answers of a kind that is neither success nor "try again" are collected.
#[derive(Default)]
struct Watch {
    unavailable: Mutex<usize>,
    wrong: Mutex<Vec<String>>,
    slowest: Mutex<Duration>,
}

impl Watch {
    fn see(&self, reply: Option<&Reply>, took: Duration) {
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = took.max(*slowest);
        match reply {
            Some(reply) if [200, 201, 303].contains(&reply.status) => {}
            Some(reply) if reply.status == 503 && reply.header("retry-after") == "2" => *self.unavailable.lock().unwrap() += 1,
            other => self.wrong.lock().unwrap().push(format!("{other:?}")),
        }
    }

    async fn time(&self, asked: impl Future<Output = Reply>) {
        let began = Instant::now();
        let reply = asked.await;
        self.see(Some(&reply), began.elapsed());
    }

    /// Every other endpoint that needs the database, round and round.
    async fn visit(&self, load: &Load<'_>) {
        let (client, bank) = (&load.client, load.client.tpp.bank);
        let token = load.client.client_credentials().await.ok(200);
        let (authorize, token) = (client.authorize_url("web", "aisp", &[]), access_token(&token));
        let journey = client.authorize("web", "aisp").await;
        while !load.is_stopped() {
            let form = [("token", token.as_str())];
            let update = async || {
                let mut metadata = Tpp::metadata(CIC);
                metadata["client_id"] = client.id.as_str().into();
                client.manage(Method::PUT, &metadata).await
            };
            tokio::join!(
                self.time(introspect(bank, CIC, &form)),
                self.time(async { Psu::open(bank, CIC, &authorize).await.page }),
                self.time(journey.click(&[("decision", "sign_in"), ("customer", "nobody"), ("password", "x")])),
                self.time(client.manage(Method::GET, &Value::Null)),
                self.time(async { client.tpp.try_register(CIC, &Tpp::metadata(CIC)).await }),
                self.time(update()),
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_database_is_never_a_refusal_and_ends_by_itself() {
    let mut cluster = Cluster::start().await;
    let database = cluster.server.as_ref().unwrap().options("postgres");
    let bank = Bank::unserved(BankOptions { database: Some(database), ..without_delay() }).await;
    assert_eq!(bank.command(&["serve"]).output().unwrap().status.code(), Some(4), "no schema yet");
    assert!(bank.command(&["migrate", "up"]).output().unwrap().status.success());
    let mut process = Process::serve(&bank).await;
    let (acknowledged, watch) = (Acknowledged::default(), Watch::default());
    let load = Load::prepare(&bank, &acknowledged).await;
    let outage = async {
        sleep(SECOND).await;
        let before = acknowledged.count();
        kill(cluster.postmaster(), Signal::SIGKILL).unwrap();
        bank.until_ready(503).await;
        sleep(5 * SECOND / 2).await; // longer than a request waits for a connection
        assert_eq!(bank.ops_status("/livez").await, 200, "the process itself is well");
        cluster.server.take(); // its guard has seen it end
        cluster.restart().await;
        bank.until_ready(200).await;
        let back = Instant::now();
        while acknowledged.count().0 < before.0 + 200 {
            assert!(back.elapsed() < 5 * SECOND, "it works again by itself");
            sleep(SECOND / 20).await;
        }
        load.stop();
    };
    tokio::join!(load.run(|reply, took| watch.see(reply, took)), watch.visit(&load), outage);
    let (wrong, slowest) = (watch.wrong.into_inner().unwrap(), watch.slowest.into_inner().unwrap());
    assert!(wrong.is_empty(), "{} answers, such as {}", wrong.len(), wrong[0]);
    let unavailable = watch.unavailable.into_inner().unwrap();
    println!("outage: {unavailable} answers 503, slowest answer {slowest:?}, kept {:?} tokens (alive, revoked)", acknowledged.count());
    assert!(unavailable > 10);
    assert!(slowest < LONGEST_ANSWER, "{slowest:?}");
    acknowledged.holds(&load.client).await;
    // a connection that died costs one answer "try again", if the load has not met it yet
    for _ in 0..3 {
        together((0..20).map(|_| load.client.client_credentials())).await;
    }
    for reply in together((0..40).map(|_| load.client.client_credentials())).await {
        reply.ok(200);
    }
    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended(5 * SECOND).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_at_the_start_is_said() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let away = bank.database.clone().socket("/nonexistent");
    let out = bank.command(&["serve"]).env("GUICHET_DATABASE_URL", url(&away)).output().unwrap();
    assert_eq!(out.status.code(), Some(5));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("guichet: database:"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_requests_finish_and_exits_with_0() {
    let bank = Bank::unserved(without_delay()).await;
    let mut process = Process::serve(&bank).await;
    let mut slow = Target::internal(&bank, "http/1.1").connect().await.unwrap();
    let head = "POST /brands/cic/introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    slow.write_all(format!("{head}Content-Length: 7\r\n\r\ntok").as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    sleep(SECOND / 4).await; // it is under way
    process.signal(Signal::SIGTERM);
    let deadline = Instant::now() + 2 * SECOND;
    while TcpStream::connect(bank.address).await.is_ok() {
        assert!(Instant::now() < deadline, "nobody new is let in");
        sleep(SECOND / 100).await;
    }
    slow.write_all(b"en=x").await.unwrap();
    let answer = hear(&mut slow, 2 * SECOND).await;
    assert!(statuses(&answer) == [200] && answer.ends_with("{\"active\":false}"), "{answer}");
    assert_eq!(process.ended(3 * SECOND).code(), Some(0), "{}", process.log());
}

fn ended_with(bank: &Bank, verb: &[&str]) -> (i32, String) {
    let out = bank.command(verb).output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
}

async fn write_schema_version(bank: &Bank, statement: &'static str) {
    let pool = bank.pool().await;
    sqlx::query(statement).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_schema_is_refused_with_4_and_says_which() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let known = MIGRATOR.iter().map(|m| m.version).max().unwrap();
    let newer =
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, '', 0)";
    write_schema_version(&bank, newer).await;
    write_schema_version(&bank, "update schema_compatibility set oldest = 9999").await;
    for verb in [&["serve"][..], &["migrate", "status"]] {
        let (code, said) = ended_with(&bank, verb);
        assert!(code == 4 && said.contains("9999") && said.contains(&format!("knows {known}")) && said.contains("newer"), "{said}");
    }
    write_schema_version(
        &bank,
        "delete from _sqlx_migrations where version >= (select max(version) from _sqlx_migrations where version < 9999)",
    )
    .await;
    for verb in [&["serve"][..], &["migrate", "status"]] {
        let (code, said) = ended_with(&bank, verb);
        assert!(code == 4 && said.contains(&format!("needs {known}")) && said.contains("guichet migrate up --config FILE"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_address_is_5_and_a_broken_configuration_3() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let taken = std::net::TcpListener::bind(bank.internal).unwrap();
    let (code, said) = ended_with(&bank, &["serve"]);
    assert!(code == 5 && said.contains(&format!("cannot listen on {}", bank.internal)), "{code} {said}");
    drop(taken);

    let config = fs::read_to_string(bank.config_file()).unwrap();
    let broken = config.replace("certificate_file", "certificat_file").replace("sandbox = true", "sandbox = \"yes\"");
    fs::write(bank.config_file(), format!("{broken}\n[limits]\nconnections = -1\n")).unwrap();
    let (code, said) = ended_with(&bank, &["serve"]);
    assert_eq!(code, 3, "{said}");
    for mistake in ["certificat_file", "certificate_file", "sandbox", "connections"] {
        assert!(said.contains(mistake), "{mistake} is not in\n{said}");
    }
    assert!(said.lines().filter(|line| line.contains("guichet.toml:")).count() >= 6, "each with its place:\n{said}");

    let file = |name: &str| bank.folder().join(name).display().to_string();
    fs::write(file("empty.pem"), "").unwrap();
    let anchors = config.lines().find(|line| line.starts_with("anchors_file")).unwrap();
    fs::write(bank.config_file(), config.replace(anchors, &format!("anchors_file = {:?}", file("empty.pem")))).unwrap();
    let (code, said) = ended_with(&bank, &["serve"]);
    assert!(code == 3 && said.contains("empty.pem"), "{code} {said}");
    fs::remove_file(bank.config_file()).unwrap();
    assert_eq!(ended_with(&bank, &["serve"]).0, 3);
}
