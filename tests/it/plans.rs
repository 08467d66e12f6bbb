//! The plan of every statement of the program, as the committed sqlx cache holds them, on tables with a bank's rows: each
//! row that is not meant is a row too many, so nothing scans a table or sorts a crowd.

use crate::harness::{
    bank::database,
    sql::{ROWS, Statement, execute, statements},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// More rows than this from one node and the statement grows with the bank.
const MOST_ROWS: f64 = 200.0;
/// Tables that do not grow: a row for each subject or task; one key, and the few that sign; five for each country; none, or an alarm goes
/// off; one for each order of a person.
const FIXED: [&str; 11] = [
    "versions",
    "task_turns",
    "succession_key",
    "psu_digest_key",
    "trusted_lists",
    "tokens_default",
    "audit_events_default",
    "audit_horizon",
    "audit_drops",
    "signing_keys",
    "grant_sweeps",
];

/// Read by the quarter, for a report: as many rows as it is about, by an index all the same.
const REPORTED: [&str; 7] =
    ["figure_days", "figure_availability", "figure_direct", "figure_replies", "figure_failures", "figure_alive", "figure_writers"];

/// Between two positions of the audit trail, or behind the last one that is sealed: as many rows as transactions in that time, by an
/// index all the same.
const WINDOW: &str = "audit_events where position >= ";
const EXPORTED_WINDOW: &str = "where e.position >= $1 and e.position < $2";

/// The plan that serves whatever the parameters are, as a prepared statement comes to after five uses.
async fn generic_plan(db: &mut PgConnection, statement: &Statement) -> Value {
    let Statement { text, types } = statement;
    let declared = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
    let nothing: Vec<_> = types.iter().map(|t| format!("null::{t}")).collect();
    let given = if nothing.is_empty() { String::new() } else { format!("({})", nothing.join(", ")) };
    execute(db, format!("prepare asked {declared} as {text}")).await;
    let explain = format!("explain (format json) execute asked{given}");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut *db).await.unwrap();
    execute(db, "deallocate asked".to_owned()).await;
    plan[0]["Plan"].clone()
}

/// What in a plan costs more as the bank grows.
fn faults(plan: &Value, found: &mut Vec<String>) {
    faults_below(plan, false, found);
}

/// `limited`: a limit above stops reading, because nothing between needs all rows before it gives the first.
fn faults_below(node: &Value, limited: bool, found: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap();
    let on = node["Relation Name"].as_str().or(node["Index Name"].as_str()).unwrap_or("");
    match kind {
        "Seq Scan" if FIXED.contains(&on) => {}
        "Seq Scan" => found.push(format!("{kind} on {on}")),
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" if node["Index Cond"].is_null() && !FIXED.contains(&on) => {
            found.push(format!("whole index: {on}"))
        }
        _ => {}
    }
    let rows = node["Plan Rows"].as_f64().unwrap();
    if rows > MOST_ROWS && !limited && !REPORTED.iter().any(|table| on.starts_with(table)) {
        found.push(format!("{kind} {on}: {rows} rows"));
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        let streams = kind == "Limit" || limited && ["Index Scan", "Index Only Scan", "Nested Loop", "Result", "Unique"].contains(&kind);
        faults_below(below, streams, found);
    }
}

#[tokio::test]
async fn no_statement_costs_more_as_the_bank_grows() {
    let mut db = PgConnection::connect_with(&database().await).await.unwrap();
    execute(&mut db, ROWS.to_owned()).await;
    execute(&mut db, "set plan_cache_mode = force_generic_plan".to_owned()).await;

    let ours = statements();
    assert!(ours.len() > 30, "only {} statements in .sqlx", ours.len());
    let mut bad = vec![];
    for statement in &ours {
        let mut found = vec![];
        faults(&generic_plan(&mut db, statement).await, &mut found);
        let text = statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.contains(WINDOW) || text.contains(EXPORTED_WINDOW) {
            found.retain(|fault| !fault.ends_with(" rows"));
        }
        if !found.is_empty() {
            bad.push(format!("{found:?} in: {}", statement.text));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));

    // what this test is for is seen by it
    let worse = [
        ("select id from tokens where digest = $1", "bytea", "Seq Scan on tokens_day_20241004"),
        ("select id from clients where organisation = $1 order by created_at", "text", "Seq Scan on clients"),
        ("select client_id from grants where created_at < $1 order by id", "timestamptz", "rows"),
        ("select count(*) from grants where id > $1", "uuid", "rows"),
        ("select id from grants where id > $1 order by psu limit 10", "uuid", "rows"),
    ];
    for (text, kind, fault) in worse {
        let mut found = vec![];
        faults(&generic_plan(&mut db, &Statement { text: text.to_owned(), types: vec![kind] }).await, &mut found);
        assert!(found.iter().any(|f| f.contains(fault)), "{text}: {found:?}");
    }
    db.close().await.unwrap();
}
