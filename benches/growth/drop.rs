//! A day's tokens go while others work.

use crate::{calls, figures::power, operation::Operation, site::Site, wire::KeptAlive};
use guichet::oauth::partition::Partition;
use sqlx::{AssertSqlSafe, PgConnection};
use std::time::{Duration, Instant};

const LOCK_NOT_AVAILABLE: &str = "55P03";
/// As the program waits.
const BETWEEN: Duration = Duration::from_millis(20);

pub struct Dropped {
    tokens: i64,
    /// In yesterday's table.
    rows: i64,
    mebibytes: f64,
    /// Milliseconds of the call that did it, and how many calls there were.
    dropped: (f64, u32),
    added: (f64, u32),
    /// Of an answer, in milliseconds: while nothing was dropped, and while or just after something was.
    largest_before: f64,
    largest_meanwhile: f64,
}

/// Half of the connections get tokens, the other half introspects. After as long as that took undisturbed, yesterday's table is
/// dropped and another one made.
pub async fn measure(site: &mut Site, time: Duration) -> Dropped {
    let yesterday = site.mass.yesterday();
    let table = yesterday.table();
    let facts = format!("select count(*), pg_total_relation_size('{table}') from {table}");
    let (rows, bytes): (i64, i64) = sqlx::query_as(AssertSqlSafe(facts)).fetch_one(&mut site.db).await.unwrap();

    let tokens = calls::lines(site, Operation::ClientCredentials).await.into_iter().step_by(2);
    let introspections = calls::lines(site, Operation::Introspection).await.into_iter().step_by(2);
    let mut ready = vec![];
    for line in tokens.chain(introspections).collect::<Vec<_>>() {
        let mut connection = KeptAlive::open(&line.target).await;
        connection.ask(&line.requests[0]).await;
        ready.push((connection, line.requests));
    }
    let began = Instant::now();
    let load = ready.into_iter().map(|(mut connection, requests)| {
        tokio::spawn(async move {
            let mut times = vec![];
            for request in requests.iter().cycle() {
                let asked = Instant::now();
                if asked - began >= 2 * time {
                    break;
                }
                connection.ask(request).await;
                times.push((asked - began, asked.elapsed()));
            }
            times
        })
    });
    let load: Vec<_> = load.collect();
    tokio::time::sleep(time).await;
    let disturbed = began.elapsed();
    let dropped = call(&mut site.second, &format!("drop_tokens_partition({})", yesterday.number())).await;
    // further ahead than the program itself makes any
    let later = Partition::of(site.mass.now, time::Duration::days(700));
    let added = call(&mut site.second, &format!("add_tokens_partition({})", later.number())).await;
    let (mut before, mut meanwhile) = (Duration::ZERO, Duration::ZERO);
    for connection in load {
        for (asked, took) in connection.await.unwrap() {
            let largest = if asked + took < disturbed { &mut before } else { &mut meanwhile };
            *largest = took.max(*largest);
        }
    }
    let [largest_before, largest_meanwhile] = [before, meanwhile].map(milliseconds);
    Dropped { tokens: site.mass.tokens, rows, mebibytes: bytes as f64 / 1024.0 / 1024.0, dropped, added, largest_before, largest_meanwhile }
}

/// How long a function took that must say that it did something. Where a lock is held it gives up at once, and is called again.
async fn call(db: &mut PgConnection, function: &str) -> (f64, u32) {
    let statement = format!("select {function}");
    for tries in 1..=1000 {
        let began = Instant::now();
        match sqlx::query_scalar::<_, bool>(AssertSqlSafe(statement.clone())).fetch_one(&mut *db).await {
            Ok(done) => {
                assert!(done, "{function}");
                return (milliseconds(began.elapsed()), tries);
            }
            Err(error) if error.as_database_error().and_then(|e| e.code()).as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                tokio::time::sleep(BETWEEN).await;
            }
            Err(error) => panic!("{function}: {error}"),
        }
    }
    panic!("{function}: somebody holds its lock")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub fn print(all: &[Dropped]) {
    println!(
        "\n| live tokens | tokens dropped | MiB | to drop, ms (calls) | to add a table, ms (calls) | longest answer before ms | meanwhile ms |"
    );
    println!("|---|---|---|---|---|---|---|");
    for d in all {
        println!(
            "| {} | {} | {:.0} | {:.1} ({}) | {:.1} ({}) | {:.1} | {:.1} |",
            power(d.tokens),
            d.rows,
            d.mebibytes,
            d.dropped.0,
            d.dropped.1,
            d.added.0,
            d.added.1,
            d.largest_before,
            d.largest_meanwhile
        );
    }
}
