//! What the audit trail costs: the program's own statement that issues a token, executed over some connections by turns without its
//! event, with the event as it was before there was a chain (one table, no position), as it is, and as it is with a sealer at work.
//!
//! `cargo bench --bench audit`, with `-- --quick` for a smoke test. The ratios count, not the figures: fsync is on, the disk is yours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use guichet::{
    clock::{Clock, Entropy, System},
    dev::postgres::{DevPostgres, Durability, ensure_installed},
    flows::audit::{
        seal::{self, Window},
        verify::{self, Asked},
    },
    oauth::partition::Partition,
    storage::{Db, MIGRATOR, PoolSettings, TokenStatement},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use std::{fs, sync::Arc, time::Duration as Wait};
use time::Duration;
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

const CONNECTIONS: usize = 16;
const FORMER: &str = "create table audit_former (id uuid primary key, at timestamptz not null, brand text not null, kind text not null,
                      client_id uuid, organisation text, grant_id uuid, reason text, actor text, subject text)";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trail {
    None,
    Former,
    Now,
    Sealed,
}

impl Trail {
    const ALL: [Self; 4] = [Self::None, Self::Former, Self::Now, Self::Sealed];

    const fn name(self) -> &'static str {
        match self {
            Self::None => "without the event",
            Self::Former => "one table, no chain",
            Self::Now => "tables of a month, positions",
            Self::Sealed => "the same, and the sealer",
        }
    }

    fn statement(self, table: &str) -> String {
        let text = TokenStatement::IssueClientCredentials.text(table);
        match self {
            Self::None => {
                let (head, rest) = text.split_once(",\naudit as (").unwrap();
                format!("{head}\n{}", rest.rsplit_once(")\n").unwrap().1)
            }
            Self::Former => text.replace("audit_events", "audit_former"),
            Self::Now | Self::Sealed => text,
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Figures {
    tokens: u64,
    seconds: f64,
    cpu: f64,
    wal: i64,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.seconds += other.seconds;
        self.cpu += other.cpu;
        self.wal += other.wal;
    }
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("this is a benchmark: cargo bench --bench audit");
        return;
    }
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(if quick { (2, Wait::from_secs(2)) } else { (6, Wait::from_secs(10)) }));
}

async fn run((rounds, each): (usize, Wait)) {
    ensure_installed().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = DevPostgres::start(&folder.path().join("postgres"), Durability::Durable).unwrap();
    let options = server.options("postgres");
    let pool = PgPool::connect_with(options.clone()).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    let (client, system) = (Uuid::from_u128(7), System::new());
    let table = Partition::of(system.now(), Duration::hours(3)).table();
    let number = i32::from(Partition::of(system.now(), Duration::hours(3)).number());
    for statement in [
        format!("select add_tokens_partition({number})"),
        FORMER.to_owned(),
        format!(
            "insert into clients (id, brand, organisation, legal_name, metadata, scope, secret_digests, registration_token_digests, fingerprint,
                                  created_at, updated_at, revision)
             values ('{client}', 'cic', 'PSDFR-ACPR-12345', 'TPP', '{{}}', 'pisp', '{{}}', '{{}}', '', now(), now(), 1)"
        ),
        "alter system set max_wal_size = '8GB'".to_owned(),
        "select pg_reload_conf()".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    }
    let mut figures = [Figures::default(); 4];
    for round in 0..rounds {
        for at in 0..4 {
            // another one begins each time
            let index = (at + round) % 4;
            let trail = Trail::ALL[index];
            figures[index].add(measure(&pool, &options, trail, trail.statement(&table).into(), client, each).await);
        }
    }
    println!("\n{CONNECTIONS} connections, {rounds} rounds of {each:?} by turns\n");
    println!("| trail | tokens/s | ratio | PostgreSQL's CPU, µs a token | ratio | WAL, bytes a token |\n|---|---|---|---|---|---|");
    let per = |f: &Figures| (f.tokens as f64 / f.seconds, f.cpu * 1e6 / f.tokens as f64, f.wal as f64 / f.tokens as f64);
    let first = per(&figures[0]);
    for (trail, figures) in Trail::ALL.iter().zip(&figures) {
        let (speed, cpu, wal) = per(figures);
        println!("| {} | {speed:.0} | {:.3} | {cpu:.0} | {:.3} | {wal:.0} |", trail.name(), speed / first.0, cpu / first.1);
    }
    prove(&options, &system).await;
}

async fn measure(pool: &PgPool, options: &PgConnectOptions, trail: Trail, text: Arc<str>, client: Uuid, each: Wait) -> Figures {
    sqlx::raw_sql("checkpoint").execute(pool).await.unwrap();
    let sealer = (trail == Trail::Sealed).then(|| tokio::spawn(seal_for_ever(options.clone())));
    let (cpu, wal, began) = (cpu(pool).await, wal(pool).await, Instant::now());
    let mut load = JoinSet::new();
    for _ in 0..CONNECTIONS {
        load.spawn(issue(options.clone(), text.clone(), client, began + each));
    }
    let tokens = load.join_all().await.into_iter().sum();
    let seconds = began.elapsed().as_secs_f64();
    let figures = Figures { tokens, seconds, cpu: self::cpu(pool).await - cpu, wal: self::wal(pool).await - wal };
    if let Some(sealer) = sealer {
        sealer.abort();
    }
    figures
}

/// One after the other until then; how many.
async fn issue(options: PgConnectOptions, text: Arc<str>, client: Uuid, until: Instant) -> u64 {
    let mut db =
        PgConnection::connect_with(&options.options([("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off")])).await.unwrap();
    let (system, mut tokens) = (System::new(), 0);
    let entropy: &dyn Entropy = &system;
    while Instant::now() < until {
        let now = system.now();
        let (id, digest) = (Partition::of(now, Duration::hours(3)).id(now, &entropy.bytes()), entropy.bytes::<32>());
        let issued: Option<time::OffsetDateTime> = sqlx::query_scalar(AssertSqlSafe(text.clone()))
            .bind(id)
            .bind(&digest[..])
            .bind("cic")
            .bind(client)
            .bind("pisp")
            .bind("web")
            .bind(now)
            .bind(now + Duration::hours(3))
            .bind(None::<&[u8]>)
            .bind(entropy.uuid(now))
            .bind(1_i64)
            .bind("client_credentials_issued")
            .fetch_optional(&mut db)
            .await
            .unwrap();
        assert!(issued.is_some());
        tokens += 1;
    }
    // what it used is counted by the system once it is known to have ended
    tokens
}

async fn seal_for_ever(options: PgConnectOptions) {
    let (db, system, mut window) = (database(&options), System::new(), Window::default());
    loop {
        if let Some(round) = seal::seal(&db, window, seal::EVERY, system.now()).await.unwrap() {
            window = window.adapted(round.events);
        }
        tokio::time::sleep(Wait::from_secs(1)).await;
    }
}

fn database(options: &PgConnectOptions) -> Db {
    let seconds = Wait::from_secs;
    let settings =
        PoolSettings { max_connections: 2, acquire_timeout: seconds(5), statement_timeout: seconds(30), idle_timeout: seconds(60) };
    Db::connect(options.clone(), &settings)
}

/// What was left is sealed, and all of it proved.
async fn prove(options: &PgConnectOptions, system: &System) {
    let (db, mut window, began) = (database(options), Window::default(), Instant::now());
    while let Some(round) = seal::seal(&db, window, Duration::ZERO, system.now()).await.unwrap() {
        window = window.adapted(round.events);
        if !round.behind {
            break;
        }
    }
    let sealed = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let report = verify::verify(&db, &Asked::default()).await.unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(report.counts.findings, 0, "{:?}", report.findings);
    let events = report.counts.events;
    println!(
        "\nthe backlog was sealed in {sealed:.1} s; {events} events of {} seals verified in {seconds:.1} s, {:.0} a second",
        report.counts.seals,
        events as f64 / seconds
    );
}

async fn wal(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint").fetch_one(pool).await.unwrap()
}

/// User and system time of PostgreSQL's processes, those that ended included, in seconds.
async fn cpu(pool: &PgPool) -> f64 {
    let own: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(pool).await.unwrap();
    let postmaster = stat(own.unsigned_abs()).map(|(parent, ..)| parent).unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of = |id: u32| {
        let (parent, own, ended) = stat(id)?;
        // proc(5): the postmaster's account has those of its children that it buried
        if id == postmaster {
            Some(own + ended)
        } else if parent == postmaster {
            Some(own)
        } else {
            None
        }
    };
    ids.filter_map(of).sum::<u64>() as f64 / 100.0
}

/// Parent, hundredths of a second of its own, and of ended children.
fn stat(id: u32) -> Option<(u32, u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // the split begins at field 3; the parent is field 4, the times are fields 14 to 17
    let fields: Vec<_> = stat.rsplit(") ").next()?.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().ok();
    Some((fields[1].parse().ok()?, ticks(11)? + ticks(12)?, ticks(13)? + ticks(14)?))
}
