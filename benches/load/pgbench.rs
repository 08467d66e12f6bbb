//! What PostgreSQL alone does with the same SQL: the statements that the program was seen to send, run by pgbench.

use crate::{
    CONNECTIONS,
    ids::{Lot, Space, id_sql},
    postgres::Postgres,
    wire::KeptAlive,
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Until what was written is counted.
const PATIENCE: Duration = Duration::from_secs(3);

/// A statement as PostgreSQL logged it.
#[derive(Debug)]
pub struct Seen {
    pub text: String,
    /// `None`: null.
    pub parameters: Vec<Option<String>>,
}

/// What the program sends for each of these requests. The least of it: at the first one something may be read that is remembered
/// then, and at any other the program may do something else meanwhile.
pub async fn capture(log: &Path, connection: &mut KeptAlive, requests: impl Iterator<Item = &Vec<u8>>) -> Vec<Seen> {
    let mut least: Option<Vec<Seen>> = None;
    for request in requests {
        let before = fs::read_to_string(log).unwrap().len();
        connection.ask(request).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let seen = read(&fs::read_to_string(log).unwrap()[before..]);
        assert!(!seen.is_empty(), "no statement in PostgreSQL's log");
        if least.as_ref().is_none_or(|least| seen.len() < least.len()) {
            least = Some(seen);
        }
    }
    least.unwrap()
}

fn read(log: &str) -> Vec<Seen> {
    let mut seen: Vec<Seen> = vec![];
    for entry in log.replace("\n\t", "\u{1}").lines().filter_map(|line| line.strip_prefix("guichet|")) {
        let entry = entry.replace('\u{1}', "\n");
        if let Some(text) = entry.strip_prefix("LOG:  statement: ") {
            seen.push(Seen { text: text.to_owned(), parameters: vec![] });
        } else if let Some((_, text)) = entry.strip_prefix("LOG:  execute ").and_then(|rest| rest.split_once(": ")) {
            seen.push(Seen { text: text.to_owned(), parameters: vec![] });
        } else if let Some((_, list)) = entry.strip_prefix("DETAIL:  ").and_then(|rest| rest.split_once("arameters: ")) {
            seen.last_mut().unwrap().parameters = parameters(list);
        }
    }
    seen
}

/// `$1 = 'it''s', $2 = NULL`
fn parameters(list: &str) -> Vec<Option<String>> {
    let (mut found, mut rest) = (vec![], list);
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            found.push(None);
            rest = value;
            continue;
        };
        let (mut text, mut chars) = (String::new(), quoted.char_indices().peekable());
        let mut end = quoted.len();
        while let Some((at, c)) = chars.next() {
            if c == '\'' && chars.next_if(|(_, next)| *next == '\'').is_none() {
                end = at + 1;
                break;
            }
            text.push(c);
        }
        found.push(Some(text));
        rest = &quoted[end..];
    }
    found
}

/// What stands for an id or a digest of the capture: one that changes from client to client, or from one transaction to the next.
pub type Names = HashMap<String, String>;

/// The script of one round. Ids that `names` does not know were made by the program, so each transaction makes its own.
pub async fn script(db: &mut PgConnection, seen: &[Seen], names: &Names, lot: Lot) -> String {
    let (mut names, mut made) = (names.clone(), 0);
    let mut script = "\\set n :n + 1\n".to_owned();
    for statement in seen {
        let types = types(db, statement).await;
        let mut text = statement.text.clone();
        for (at, (kind, value)) in types.iter().zip(&statement.parameters).enumerate().rev() {
            let value = match (value, kind.as_str()) {
                (None, _) => "null".to_owned(),
                (Some(value), "uuid") if !names.contains_key(value) => {
                    let own = id_sql(value.parse::<Uuid>().unwrap(), Space::of_pgbench(made), lot, ":client_id::int", ":n::bigint");
                    made += 1;
                    names.insert(value.clone(), own.clone());
                    own
                }
                (Some(value), "timestamp with time zone") => moment(db, value).await,
                (Some(value), _) => names.get(value).cloned().unwrap_or_else(|| format!("'{}'", value.replace('\'', "''"))),
            };
            text = text.replace(&format!("${}", at + 1), &format!("{value}::{kind}"));
        }
        script.push_str(&text);
        script.push_str(";\n");
    }
    script
}

/// Of its parameters, as PostgreSQL works them out.
async fn types(db: &mut PgConnection, statement: &Seen) -> Vec<String> {
    if statement.parameters.is_empty() {
        return vec![];
    }
    let prepare = format!("prepare seen as {}", statement.text);
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *db).await.unwrap();
    let types = "select parameter_types::text[] from pg_prepared_statements where name = 'seen'";
    let types: Vec<String> = sqlx::query_scalar(types).fetch_one(&mut *db).await.unwrap();
    sqlx::raw_sql("deallocate seen").execute(db).await.unwrap();
    assert_eq!(types.len(), statement.parameters.len(), "{statement:?}");
    types
}

/// As long from now as it was when it was seen.
async fn moment(db: &mut PgConnection, value: &str) -> String {
    let statement = format!("select extract(epoch from '{value}'::timestamptz - now())::bigint");
    let seconds: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(db).await.unwrap();
    format!("(now() + interval '{seconds} seconds')")
}

/// pgbench, where PostgreSQL's packages put it.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let own = std::env::var_os("PG_BIN_DIR").map(PathBuf::from);
    own.into_iter().chain(std::env::split_paths(&path)).chain(versions).map(|dir| dir.join("pgbench")).find(|file| file.exists())
}

/// What pgbench did.
pub struct Done {
    pub transactions: u32,
    pub per_second: f64,
}

/// The script on one of the databases, by so many clients.
pub fn run(program: &Path, postgres: &Postgres, database: &str, script: &str, clients: usize, seconds: u64) -> Done {
    let file = postgres.log().with_file_name("script.sql");
    fs::write(&file, script).unwrap();
    let mut pgbench = Command::new(program);
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--define=n=0", "--username=guichet"]);
    pgbench
        .args(["--client", &clients.to_string(), "--time", &seconds.to_string()])
        .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan");
    let out = pgbench.arg("--file").arg(file).arg("--host").arg(postgres.server().socket()).arg(database).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let after = |label: &str| text.split(label).nth(1).and_then(|rest| rest.split_ascii_whitespace().next()).map(str::to_owned);
    match (after("actually processed: ").and_then(|n| n.parse().ok()), after("tps = ").and_then(|n| n.parse().ok())) {
        (Some(transactions), Some(per_second)) if out.status.success() => Done { transactions, per_second },
        _ => panic!("pgbench: {text}{}", String::from_utf8_lossy(&out.stderr)),
    }
}

/// With as many clients as the server has connections; each transaction must write so many rows at least.
pub async fn measure(program: &Path, postgres: &Postgres, db: &mut PgConnection, script: &str, seconds: u64, writes: u32) -> f64 {
    let before = written(db).await;
    let done = run(program, postgres, crate::server::DATABASE, script, CONNECTIONS, seconds);
    let (rows, deadline) = (i64::from(done.transactions) * i64::from(writes), Instant::now() + PATIENCE);
    // each session tells its numbers as it ends
    while written(db).await - before < rows {
        assert!(Instant::now() < deadline, "{} transactions wrote less than {rows} rows: {script}", done.transactions);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done.per_second
}

/// Rows written since PostgreSQL began.
async fn written(db: &mut PgConnection) -> i64 {
    let statement = "select sum(n_tup_ins + n_tup_upd)::bigint from pg_stat_user_tables";
    sqlx::query_scalar(statement).fetch_one(db).await.unwrap()
}

/// Commits per second of a single client: the inverse of how long the disk takes.
pub async fn flushes(program: &Path, postgres: &mut Postgres, seconds: u64) -> f64 {
    sqlx::raw_sql("create table if not exists flushes (at timestamptz)").execute(&mut postgres.sql).await.unwrap();
    run(program, postgres, "postgres", "insert into flushes values (now());\n", 1, seconds).per_second
}
