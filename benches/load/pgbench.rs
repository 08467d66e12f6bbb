//! What PostgreSQL alone does with the same SQL: the statements that the program was seen to send, run by pgbench.

use crate::{
    CONNECTIONS,
    harness::sql::{execute, statements},
    site::Site,
    supply::id_sql,
    wire::KeptAlive,
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{collections::HashMap, fs, path::PathBuf, process::Command, time::Duration};
use uuid::Uuid;

/// A statement as PostgreSQL logged it.
#[derive(Debug)]
pub struct Seen {
    pub text: String,
    /// `None`: null.
    pub parameters: Vec<Option<String>>,
}

/// Has PostgreSQL write down every statement, or no longer.
pub async fn log_statements(site: &mut Site, on: bool) {
    let change = if on { "set log_statement = 'all'" } else { "reset log_statement" };
    for statement in [&format!("alter system {change}"), "alter system set log_line_prefix = '%a|'", "select pg_reload_conf()"] {
        execute(&mut site.sql, statement.to_owned()).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await; // each session learns of it by itself
}

/// What the program sends for this request, which it was asked before, so that nothing is read for the first time.
pub async fn capture(site: &Site, connection: &mut KeptAlive, requests: &[Vec<u8>; 2]) -> Vec<Seen> {
    connection.ask(&requests[0]).await;
    let log = site.postgres_dir.join("postgres.log");
    let before = fs::read_to_string(&log).unwrap().len();
    connection.ask(&requests[1]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let seen = read(&fs::read_to_string(&log).unwrap()[before..]);
    assert!(!seen.is_empty(), "no statement in PostgreSQL's log");
    seen
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

/// What stands for an id of the capture: the same one, or one that changes from one transaction to the next.
pub type Names = HashMap<Uuid, String>;

/// The script of one round. Ids that `names` does not know were made by the program, so each transaction makes its own,
/// in `space` and above.
pub async fn script(db: &mut PgConnection, seen: &[Seen], names: &Names, round: u32, space: u16) -> String {
    let known = statements();
    let mut names = names.clone();
    let mut script = "\\set n :n + 1\n".to_owned();
    for statement in seen {
        let types = known.iter().find(|k| k.text == statement.text).map_or(&[][..], |k| &k.types[..]);
        assert_eq!(types.len(), statement.parameters.len(), "{statement:?}");
        let mut text = statement.text.clone();
        for (at, (kind, value)) in types.iter().zip(&statement.parameters).enumerate().rev() {
            let value = match (value, *kind) {
                (None, _) => "null".to_owned(),
                (Some(value), "uuid") => {
                    let space = space + u16::try_from(names.len()).unwrap();
                    names.entry(value.parse().unwrap()).or_insert_with(|| id_sql(space, round, ":client_id::int", ":n::bigint")).clone()
                }
                (Some(value), "timestamptz") => moment(db, value).await,
                (Some(value), _) => format!("'{}'", value.replace('\'', "''")),
            };
            text = text.replace(&format!("${}", at + 1), &format!("{value}::{kind}"));
        }
        script.push_str(&text);
        script.push_str(";\n");
    }
    script
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

/// Transactions per second with as many clients as the server has connections.
pub fn run(program: &PathBuf, site: &Site, script: &str, seconds: u64, most: Option<u32>) -> f64 {
    let file = site.bank.folder().join("script.sql");
    fs::write(&file, script).unwrap();
    let clients = CONNECTIONS.to_string();
    let mut pgbench = Command::new(program);
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--define=n=0", "--username=guichet", "--client", &clients]);
    pgbench.arg("--time").arg(seconds.to_string()).arg("--file").arg(file).arg("--host").arg(site.postgres.socket()).arg("postgres");
    let out = pgbench.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&out.stderr));
    let after = |label: &str| text.split(label).nth(1).and_then(|rest| rest.split_ascii_whitespace().next()).unwrap().to_owned();
    let done: u32 = after("actually processed: ").parse().unwrap();
    if let Some(most) = most {
        assert!(done < most, "pgbench used up its rows: {done} of {most}");
    }
    after("tps = ").parse().unwrap()
}
