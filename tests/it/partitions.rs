//! The tables that tokens live in: there before they are needed, gone after their time, and nobody waits for either.

use crate::harness::{Bank, BankOptions, CIC, Client, LBP, Process, bank::database, sql::execute, together};
use guichet::{
    clock::{Clock, System},
    oauth::{partition::Partition, tpp::PspRole},
    storage::{MIGRATOR, TableChange},
    tasks::{expiry, partitions},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use std::{
    collections::BTreeSet,
    time::{Duration as Wait, Instant},
};
use time::{Duration, OffsetDateTime};

async fn connect(bank: &Bank) -> PgConnection {
    PgConnection::connect_with(&bank.database).await.unwrap()
}

async fn texts(db: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(db).await.unwrap()
}

async fn number(db: &mut PgConnection, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(db).await.unwrap()
}

/// The tables that tokens are in, a line a token.
async fn homes(db: &mut PgConnection) -> Vec<String> {
    texts(db, "select tableoid::regclass::text from tokens order by 1").await
}

async fn tables(db: &mut PgConnection) -> BTreeSet<String> {
    texts(db, "select inhrelid::regclass::text from pg_inherits where inhparent = 'tokens'::regclass").await.into_iter().collect()
}

/// SQLSTATE of a statement that must fail.
async fn fails(db: &mut PgConnection, statement: &str) -> String {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(db).await.expect_err(statement);
    error.as_database_error().unwrap_or_else(|| panic!("{error}")).code().unwrap().into_owned()
}

async fn look(bank: &Bank) -> TableChange {
    partitions::look(&bank.server().app(), bank.clock.now()).await.unwrap()
}

/// Until one of the looks has dropped it.
async fn dropped(bank: &Bank, db: &mut PgConnection, table: Partition) {
    let began = Instant::now();
    while tables(db).await.contains(&table.table()) {
        assert!(began.elapsed() < Wait::from_secs(10), "{table:?} is still there");
        bank.clock.advance(Duration::MINUTE);
        look(bank).await;
    }
}

fn access(reply: &serde_json::Value) -> String {
    reply["access_token"].as_str().unwrap().to_owned()
}

async fn by_credentials(client: &Client<'_>) -> String {
    access(&client.client_credentials().await.ok(200).json())
}

/// A row of tokens, as a statement.
fn row(table: &str, id: uuid::Uuid, ends: OffsetDateTime) -> String {
    format!(
        "insert into {table} (id, digest, brand, client_id, scope, channel, issued_at, expires_at)
         values ('{id}', sha256('x'), 'cic', '{id}', 'pisp', 'web', to_timestamp({0}), to_timestamp({0}))",
        ends.unix_timestamp()
    )
}

/// The table of a day that is over, with tokens in it.
async fn past(db: &mut PgConnection, now: OffsetDateTime, days: i64) -> Partition {
    let then = now - Duration::days(days);
    let partition = Partition::of(then, Duration::ZERO);
    execute(db, format!("select add_tokens_partition({})", partition.number())).await;
    for n in 0..20 {
        execute(db, row(&partition.table(), partition.id(then, &[n; 10]), then)).await;
    }
    partition
}

#[tokio::test]
async fn tokens_of_ten_minutes_three_hours_and_180_days_live_side_by_side() {
    let bank = Bank::start().await;
    let now = bank.clock.now();
    let mut db = connect(&bank).await;
    let made = tables(&mut db).await;
    for (lifetime, ahead) in [(Duration::hours(3), Duration::days(3)), (Duration::days(180), Duration::weeks(2))] {
        for later in [Duration::ZERO, ahead] {
            let needed = Partition::of(now + later, lifetime).table();
            assert!(made.contains(&needed), "{needed} is not among {made:?}");
        }
    }
    let (cic, lbp) = (bank.tpp(PspRole::ALL).register(CIC).await, bank.tpp(PspRole::ALL).register(LBP).await);
    let tokens = [
        access(&cic.tokens("web", "aisp").await),
        by_credentials(&cic).await,
        by_credentials(&lbp).await,
        access(&lbp.tokens("pph", "aisp").await),
    ];
    let found = homes(&mut db).await;
    let (days, weeks): (Vec<_>, Vec<_>) = found.iter().partition(|home| home.starts_with("tokens_day_"));
    assert_eq!(days.len(), 3, "{found:?}");
    assert_eq!(weeks, [&Partition::of(now, Duration::days(180)).table()]);
    assert!(cic.is_active(&tokens[0]).await && cic.is_active(&tokens[1]).await);
    assert!(lbp.is_active(&tokens[2]).await && lbp.is_active(&tokens[3]).await);
    lbp.revoke(&tokens[3]).await.ok(200);
    cic.revoke(&tokens[0]).await.ok(200);
    assert!(!lbp.is_active(&tokens[3]).await && !cic.is_active(&tokens[0]).await);
    assert!(cic.is_active(&tokens[1]).await && lbp.is_active(&tokens[2]).await);
}

#[tokio::test]
async fn tables_of_coming_days_are_made_by_whoever_looks_first() {
    let bank = Bank::start().await;
    let other = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    let mut db = connect(&bank).await;
    for day in 1..=9 {
        for bank in [&bank, &other] {
            bank.clock.advance(Duration::DAY);
        }
        let changes = together((0..8).map(|n| look(if n % 2 == 0 { &bank } else { &other }))).await;
        assert!(changes.iter().filter(|change| **change == TableChange::Done).count() <= 1, "day {day}: {changes:?}");
        let furthest = Partition::of(bank.clock.now() + Duration::days(3), Duration::hours(3)).table();
        assert!(tables(&mut db).await.contains(&furthest), "day {day}: {furthest}");
    }
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let token = by_credentials(&client).await;
    assert_eq!(homes(&mut db).await, [Partition::of(bank.clock.now(), Duration::hours(3)).table()]);
    assert!(client.is_active(&token).await);
}

#[tokio::test]
async fn a_longer_lifetime_in_the_settings_has_its_tables_at_the_next_start() {
    let bank = Bank::start().await;
    let mut db = connect(&bank).await;
    let month = Partition::of(bank.clock.now(), Duration::days(30)).table();
    assert!(!tables(&mut db).await.contains(&month));
    let text = std::fs::read_to_string("config/banks/cic.toml").unwrap();
    let longer = text.replacen("access_token_seconds = 10_800", "access_token_seconds = 2_592_000", 1);
    assert!(text != longer);
    let options = BankOptions { database: Some(bank.database.clone()), bank_file: Some((CIC, longer)), ..BankOptions::default() };
    let next = Bank::with(options).await;
    assert!(tables(&mut db).await.contains(&month));
    let client = next.tpp(PspRole::ALL).register(CIC).await;
    next.clock.advance(Duration::SECOND);
    let token = access(&client.tokens("web", "aisp").await);
    assert!(homes(&mut db).await.contains(&month));
    // the one that was started before knows no such table
    assert!(client.over(&bank.tpp_named(&client.tpp.organisation, PspRole::ALL)).is_active(&token).await);
}

#[tokio::test]
async fn what_is_over_is_dropped_by_exactly_one_replica() {
    let bank = Bank::start().await;
    let other = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    let mut db = connect(&bank).await;
    let now = bank.clock.now();
    let mut done = vec![];
    for days in [400, 300, 200, 100, 90] {
        let table = past(&mut db, now, days).await;
        let drop = async |bank: &Bank| bank.server().app().db.drop_token_table(table).await.unwrap();
        let changes = together((0..16).map(|n| drop(if n % 2 == 0 { &bank } else { &other }))).await;
        assert!(!changes.contains(&TableChange::Alive), "{changes:?}");
        done.push(changes.iter().filter(|change| **change == TableChange::Done).count());
    }
    // each server looks once by itself when it has started, and may have been first
    assert!(done.iter().all(|once| *once <= 1) && done.iter().sum::<usize>() >= 3, "{done:?}");
    let (over, grace) = (past(&mut db, now, 3).await, past(&mut db, now, 1).await);
    dropped(&bank, &mut db, over).await;
    let left = tables(&mut db).await;
    assert!(left.contains(&grace.table()), "for a day another server's clock may be behind");
    assert!(left.contains(&Partition::of(now, Duration::HOUR).table()), "it is today's");
}

#[tokio::test]
async fn a_server_whose_clock_is_years_ahead_drops_nothing_that_is_alive() {
    let bank = Bank::start().await;
    let mut db = connect(&bank).await;
    let before = tables(&mut db).await;
    bank.clock.advance(Duration::days(3650));
    look(&bank).await;
    assert!(tables(&mut db).await.is_superset(&before));
    let today = Partition::of(System::new().now(), Duration::HOUR);
    assert_eq!(bank.server().app().db.drop_token_table(today).await.unwrap(), TableChange::Alive);
    // nor does it keep the others from their turns once it is right again
    let over = past(&mut db, System::new().now(), 3).await;
    bank.clock.advance(-Duration::days(3650));
    dropped(&bank, &mut db, over).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dropping_a_table_holds_up_nobody_and_waits_for_nobody() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let token = by_credentials(&client).await;
    let mut db = connect(&bank).await;
    let today = homes(&mut db).await.remove(0);

    // somebody holds tokens of today for long
    let mut long = connect(&bank).await;
    execute(&mut long, format!("begin; select * from {today} for update")).await;
    let mut slowest = Wait::ZERO;
    for days in 3..8 {
        let over = past(&mut db, bank.clock.now(), days).await;
        let asked = async |n: usize| {
            let began = Instant::now();
            match n % 2 {
                0 => drop(client.client_credentials().await.ok(200)),
                _ => assert!(client.is_active(&token).await),
            }
            began.elapsed()
        };
        let ((), times) = tokio::join!(dropped(&bank, &mut db, over), together((0..16).map(asked)));
        slowest = times.into_iter().max().unwrap().max(slowest);
    }
    println!("the slowest request meanwhile took {slowest:?}");
    assert!(slowest < Wait::from_secs(1), "{slowest:?}");
    execute(&mut long, "rollback".into()).await;

    // somebody reads all of them, as a backup does, or wrote some: the table waits, the look does not, and nobody behind it either
    for held in ["select count(*) from tokens".to_owned(), format!("update {today} set channel = channel")] {
        let over = past(&mut db, bank.clock.now(), 3).await;
        execute(&mut long, format!("begin; {held}")).await;
        bank.clock.advance(Duration::MINUTE);
        let began = Instant::now();
        look(&bank).await;
        assert!(began.elapsed() < Wait::from_secs(1), "{held}: {:?}", began.elapsed());
        assert!(tables(&mut db).await.contains(&over.table()), "{held}");
        assert!(client.is_active(&token).await);
        client.client_credentials().await.ok(200);
        execute(&mut long, "commit".into()).await;
        dropped(&bank, &mut db, over).await;
    }
}

#[tokio::test]
async fn making_a_table_waits_a_moment_at_most_and_is_tried_again() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let (mut db, mut long) = (connect(&bank).await, connect(&bank).await);
    execute(&mut long, "begin; select count(*) from tokens".into()).await;
    bank.clock.advance(Duration::days(10));
    let needed = Partition::of(bank.clock.now(), Duration::hours(3));
    let app = &bank.server().app();
    let began = Instant::now();
    assert_eq!(app.db.add_token_tables(&BTreeSet::from([needed])).await.unwrap(), TableChange::Busy);
    assert!(began.elapsed() < Wait::from_secs(1), "{:?}", began.elapsed());
    let token = by_credentials(&client).await;
    assert_eq!(homes(&mut db).await, ["tokens_default"]);
    assert!(client.is_active(&token).await, "nobody has to wait for it");
    execute(&mut long, "commit".into()).await;
    look(&bank).await;
    assert_eq!(homes(&mut db).await, [needed.table()], "made, and the token moved");
    assert!(client.is_active(&token).await);
    client.revoke(&token).await.ok(200);
    assert!(!client.is_active(&token).await);
}

#[tokio::test]
async fn a_table_that_is_not_known_or_is_gone_makes_no_difference_to_a_client() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let (mut db, app) = (connect(&bank).await, &bank.server().app());
    // there, and not known
    app.db.know_token_tables(&BTreeSet::new());
    let token = by_credentials(&client).await;
    let table = homes(&mut db).await.remove(0);
    assert_eq!(table, Partition::of(bank.clock.now(), Duration::hours(3)).table());
    assert!(client.is_active(&token).await);
    partitions::prepare(app, bank.clock.now()).await.unwrap();
    assert!(client.is_active(&token).await);
    app.db.know_token_tables(&BTreeSet::new());
    client.revoke(&token).await.ok(200);
    assert!(!client.is_active(&token).await);

    // known, asked before, and gone: by somebody's hand, for no server drops it
    for round in 0..2 {
        partitions::prepare(app, bank.clock.now()).await.unwrap();
        let tokens = client.tokens("web", "aisp").await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        assert!(client.is_active(&access(&tokens)).await);
        let landing = client.approved("web", "aisp").await;
        execute(&mut db, format!("drop table {table}")).await;
        match round {
            0 => {
                assert!(!client.is_active(&access(&tokens)).await, "it is gone");
                client.revoke(&access(&tokens)).await.ok(200);
            }
            _ => drop(client.client_credentials().await.ok(200)),
        }
        assert!(client.is_active(&access(&client.refresh(refresh).await.ok(200).json())).await);
        assert!(client.is_active(&access(&client.redeem("web", "aisp", landing.code()).await.ok(200).json())).await);
        assert!(homes(&mut db).await.iter().all(|home| home == "tokens_default"));
        look(&bank).await;
        assert!(homes(&mut db).await.iter().all(|home| *home == table), "made again, and what came meanwhile moved into it");
    }
}

#[tokio::test]
async fn a_table_that_is_gone_makes_no_difference_where_refresh_tokens_rotate() {
    let setting = "[brand.scope.aisp]\nrefresh_token_rotation = true\n";
    let bank = Bank::with(BankOptions { one_brand_extra: Some((CIC, setting.into())), ..BankOptions::default() }).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let mut db = connect(&bank).await;
    let first = client.tokens("web", "aisp").await;
    let second = client.refresh(first["refresh_token"].as_str().unwrap()).await.ok(200).json();
    execute(&mut db, format!("drop table {}", Partition::of(bank.clock.now(), Duration::hours(3)).table())).await;
    let third = client.refresh(second["refresh_token"].as_str().unwrap()).await.ok(200).json();
    assert!(client.is_active(&access(&third)).await);
}

#[tokio::test]
async fn an_id_is_there_once_whatever_table_it_is_written_to() {
    let bank = Bank::start().await;
    let (mut db, now) = (connect(&bank).await, bank.clock.now());
    let [day, week] = [Duration::HOUR, Duration::days(180)].map(|lifetime| Partition::of(now, lifetime));
    let (one, other) = (day.id(now, &[7; 10]), week.id(now, &[7; 10]));
    execute(&mut db, row("tokens", one, now)).await;
    execute(&mut db, row(&week.table(), other, now)).await;
    for table in ["tokens".to_owned(), day.table()] {
        assert_eq!(fails(&mut db, &row(&table, one, now)).await, "23505", "{table}");
    }
    for table in [week.table(), day.next().table(), "tokens_default".to_owned()] {
        assert_eq!(fails(&mut db, &row(&table, one, now)).await, "23514", "{table}");
    }
    assert_eq!(fails(&mut db, &row(&day.table(), other, now)).await, "23514");
    // also where it came before its table
    let later = Partition::of(now + Duration::days(50), Duration::HOUR);
    let (first, second) = (later.id(now, &[1; 10]), later.id(now, &[2; 10]));
    execute(&mut db, row("tokens", first, now)).await;
    execute(&mut db, format!("select add_tokens_partition({})", later.number())).await;
    assert_eq!(fails(&mut db, &row("tokens", first, now)).await, "23505");
    assert_eq!(fails(&mut db, &row("tokens_default", first, now)).await, "23514");
    execute(&mut db, row("tokens", second, now)).await;
    assert_eq!(number(&mut db, &format!("select count(*) from {}", later.table())).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_issued_while_their_table_is_made_are_all_there() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let (mut db, app) = (connect(&bank).await, &bank.server().app());
    for round in 0..5 {
        bank.clock.advance(Duration::days(20));
        let table = Partition::of(bank.clock.now(), Duration::hours(3));
        let make = async {
            tokio::time::sleep(Wait::from_millis(5)).await;
            app.db.add_token_tables(&BTreeSet::from([table])).await.unwrap()
        };
        let (_, tokens) = tokio::join!(make, together((0..48).map(|_| by_credentials(&client))));
        look(&bank).await;
        let active = together(tokens.iter().map(|token| client.is_active(token))).await;
        assert!(active.iter().all(|active| *active), "round {round}");
        let homes = homes(&mut db).await;
        assert_eq!(homes.iter().filter(|home| **home == table.table()).count(), 48, "round {round}");
        assert!(!homes.contains(&"tokens_default".to_owned()), "round {round}");
    }
}

/// What a process tells in its metrics.
async fn metric(bank: &Bank, name: &str) -> Option<f64> {
    let reply = bank.browser().try_send(reqwest::Method::GET, &format!("http://{}/metrics", bank.ops), &[], "").await.ok()?;
    reply.body.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[tokio::test]
async fn strays_in_the_default_table_raise_the_alarm_and_the_document_says_what_to_do() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let (mut db, now) = (connect(&bank).await, System::new().now());
    let (nobodys, over) =
        (Partition::of(now + Duration::days(40), Duration::HOUR), Partition::of(now - Duration::days(40), Duration::days(3)));
    for n in 0..3 {
        execute(&mut db, row("tokens", nobodys.id(now, &[n; 10]), now)).await;
        execute(&mut db, row("tokens", over.id(now, &[n; 10]), now)).await;
    }
    let said = bank.operator(&["migrate", "status"]).await;
    assert!(said.contains("tokens in tokens_default: 6"), "{said}");
    let server = Process::serve(&bank).await;
    let began = Instant::now();
    while metric(&bank, "guichet_tokens_in_default_partition").await != Some(3.0) {
        assert!(began.elapsed() < Wait::from_secs(10), "{:?}", metric(&bank, "guichet_tokens_in_default_partition").await);
        tokio::time::sleep(Wait::from_millis(20)).await;
    }
    assert!(server.log().contains("tokens are in tokens_default"), "{}", server.log());
    assert_eq!(metric(&bank, "guichet_token_tables_missing").await, Some(0.0));
    let days = metric(&bank, "guichet_token_tables{kind=\"day\"}").await;
    assert!(days >= Some(4.0), "{days:?}");
    let until = metric(&bank, "guichet_token_tables_until_seconds{kind=\"week\"}").await.unwrap();
    assert!(until > (now + Duration::days(180)).unix_timestamp() as f64);
    server.kill_9();

    let document = std::fs::read_to_string("docs/database.md").unwrap();
    let sql = document.split_once("## Tables of tokens").unwrap().1.split_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
    let [which, make] = [0, 1].map(|at| sql.split_inclusive(';').nth(at).unwrap().trim());
    let numbers: Vec<(i32, i64)> = sqlx::query_as(AssertSqlSafe(which.to_owned())).fetch_all(&mut db).await.unwrap();
    assert_eq!(numbers, [(i32::from(nobodys.number()), 3)]);
    let placeholder = make.split_once('(').unwrap().1.split_once(')').unwrap().0;
    execute(&mut db, make.replace(placeholder, &numbers[0].0.to_string())).await;
    assert_eq!(number(&mut db, "select count(*) from tokens_default").await, 0);
    assert_eq!(number(&mut db, &format!("select count(*) from {}", nobodys.table())).await, 3);
    let said = bank.operator(&["migrate", "status"]).await;
    assert!(!said.contains("tokens_default") && !said.contains("missing"), "{said}");
}

/// A role of a database's own.
async fn role(database: &PgConnectOptions, name: &str) -> (PgConnection, String, PgConnectOptions) {
    let mut admin = PgConnection::connect_with(database).await.unwrap();
    let role = format!("{name}_{}", database.get_database().unwrap());
    execute(&mut admin, format!("create role {role} login; grant usage on schema public to {role}")).await;
    let options = database.clone().username(&role);
    (admin, role, options)
}

#[tokio::test]
async fn a_role_that_may_only_use_rows_serves_and_keeps_the_tables() {
    let database = database().await;
    let (mut admin, role, options) = role(&database, "server").await;
    let document = std::fs::read_to_string("docs/database.md").unwrap();
    let grants = document.split_once("## Tables of tokens").unwrap().1.split("```sql\n").nth(2).unwrap().split_once("```").unwrap().0;
    execute(&mut admin, grants.replace("guichet_server", &role)).await;
    execute(&mut admin, format!("drop table {}", Partition::of(System::new().now(), Duration::hours(3)).table())).await;

    let bank = Bank::with(BankOptions { database: Some(options.clone()), ..BankOptions::default() }).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let over = past(&mut admin, bank.clock.now(), 5).await;
    bank.clock.advance(Duration::days(1));
    dropped(&bank, &mut admin, over).await;
    let tokens = client.tokens("web", "aisp").await;
    let refreshed = access(&client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json());
    let own = by_credentials(&client).await;
    assert!(homes(&mut admin).await.iter().all(|home| home.starts_with("tokens_day_")));
    client.revoke(&own).await.ok(200);
    assert!(!client.is_active(&own).await && client.is_active(&refreshed).await && client.is_active(&access(&tokens)).await);
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();

    let mut db = PgConnection::connect_with(&options).await.unwrap();
    let today = Partition::of(System::new().now(), Duration::HOUR);
    for (statement, code) in [
        ("create table more (id int)".to_owned(), "42501"),
        (format!("drop table {}", today.table()), "42501"),
        ("drop table tokens_default".to_owned(), "42501"),
        (format!("alter table tokens detach partition {}", today.table()), "42501"),
        // what it may do is no way to what it may not
        (format!("select drop_tokens_partition({})", today.number()), "55000"),
        ("select drop_tokens_partition(-1)".to_owned(), "22023"),
        ("select drop_tokens_partition(32767)".to_owned(), "22023"),
        ("select drop_tokens_partition(65536)".to_owned(), "22023"),
        ("select drop_tokens_partition(2147483647)".to_owned(), "22023"),
        ("select add_tokens_partition(-2147483648)".to_owned(), "22023"),
        ("select add_tokens_partition(32767)".to_owned(), "22023"),
        ("select add_tokens_partition(65535)".to_owned(), "22023"),
    ] {
        assert_eq!(fails(&mut db, &statement).await, code, "{statement}");
    }
    execute(&mut db, "select add_tokens_partition(null); select drop_tokens_partition(null)".into()).await;
    // tables and functions of a caller's own are not what the functions mean
    let next = Partition::of(bank.clock.now() + Duration::days(60), Duration::HOUR);
    execute(
        &mut db,
        format!(
            "create temporary table tokens (id uuid); create temporary table tokens_default (id uuid); create temporary table {} (id uuid);
             create function pg_temp.tokens_partition_name(int) returns text language sql as $$ select 'grants' $$;
             set search_path = pg_temp, public, pg_catalog; select public.add_tokens_partition({})",
            next.table(),
            next.number(),
        ),
    )
    .await;
    assert!(tables(&mut admin).await.contains(&next.table()));
    assert_eq!(number(&mut admin, "select count(*) from grants").await, 1);
    db.close().await.unwrap();
    let mut bank = bank;
    bank.server.take().unwrap().stop().await;
    execute(&mut admin, format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn whoever_was_not_allowed_to_cannot_touch_the_tables() {
    let database = database().await;
    let (mut admin, role, options) = role(&database, "reader").await;
    execute(&mut admin, format!("grant select on all tables in schema public to {role}")).await;
    let over = past(&mut admin, System::new().now(), 5).await;
    let mut db = PgConnection::connect_with(&options).await.unwrap();
    for function in ["add", "drop"] {
        assert_eq!(fails(&mut db, &format!("select {function}_tokens_partition({})", over.number())).await, "42501");
    }
    db.close().await.unwrap();
    execute(&mut admin, format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_server_that_may_not_make_tables_serves_and_says_so() {
    let database = database().await;
    let (mut admin, role, options) = role(&database, "rows").await;
    let today = Partition::of(System::new().now(), Duration::hours(3)).table();
    execute(&mut admin, format!("grant select, insert, update, delete on all tables in schema public to {role}; drop table {today}")).await;
    let mut bank = Bank::with(BankOptions { database: Some(options), ..BankOptions::default() }).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let token = by_credentials(&client).await;
    assert_eq!(homes(&mut admin).await, ["tokens_default"]);
    assert!(client.is_active(&token).await);
    let app = &bank.server().app();
    let outage = partitions::look(app, bank.clock.now()).await.unwrap_err();
    assert!(outage.to_string().contains("permission denied for function add_tokens_partition"), "{outage}");
    assert_eq!(app.db.count_tokens_in_default().await.unwrap(), 1);
    execute(&mut admin, format!("grant execute on function add_tokens_partition(int) to {role}")).await;
    look(&bank).await;
    assert_eq!(homes(&mut admin).await, [today]);
    assert!(client.is_active(&token).await);
    bank.server.take().unwrap().stop().await;
    execute(&mut admin, format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn who_may_insert_tokens_when_the_schema_is_made_may_have_tables_made() {
    let database = database().await;
    let (mut admin, role, options) = role(&database, "server").await;
    let name = format!("{}_new", database.get_database().unwrap());
    execute(&mut admin, format!("create database {name} template template0")).await;
    let pool = PgPool::connect_with(database.database(&name)).await.unwrap();
    let privileges = format!("alter default privileges grant select, insert, update, delete on tables to {role}");
    sqlx::raw_sql(AssertSqlSafe(privileges)).execute(&pool).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    let mut db = PgConnection::connect_with(&options.database(&name)).await.unwrap();
    let today = Partition::of(System::new().now(), Duration::HOUR);
    execute(&mut db, format!("select add_tokens_partition({})", today.number())).await;
    execute(&mut db, format!("select count(*) from {}, tokens_default", today.table())).await;
    db.close().await.unwrap();
    pool.close().await;
    execute(&mut admin, format!("drop database {name} with (force)")).await;
    execute(&mut admin, format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn what_nobody_may_read_any_more_is_forgotten_and_all_else_stays() {
    let bank = Bank::start().await;
    let mut db = connect(&bank).await;
    // the beginning of ids of this many days ago
    execute(
        &mut db,
        "create function ago(days int, n int) returns uuid language sql as $$
             select (lpad(to_hex((extract(epoch from now() - days * interval '1 day') * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid $$;
         insert into interactions (id, brand, channel, client_id, redirect_uri, redirect_uri_sent, scope, lang, browser_digest, state,
                                   created_at, active_at, expires_at)
         select ago(days, n), 'cic', 'web', ago(1, 1), '', true, 'aisp', 'fr', sha256(n::text::bytea), 'failed', now(), now(), now()
         from (values (29), (32), (400)) as d (days), generate_series(1, 700) n;
         insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, revoked_at)
         select ago(days, n), 'cic', ago(1, 1), 'web', 'aisp', 'psu', now(), now(), now() + (180 - days) * interval '1 day', revoked
         from (values (910, now()), (913, null), (913, now()), (2000, null)) as d (days, revoked), generate_series(1, 50) n
         on conflict do nothing;
         insert into payments (id, brand, client_id, kind, name, payment, revision, state, lodged_at, expires_at, grant_id, invalidated_grant_id)
         select ago(days, n), 'cic', ago(1, 1), 'initiation', days || state || n, '{}', 1, state, now(), now() - days * interval '1 day',
                case when state = 'used' then ago(1, 1) end, case when state = 'lodged' and n = 2 then ago(1, 1) end
         from (values (30, 'lodged'), (32, 'lodged'), (33, 'withdrawn'), (34, 'replaced'), (700, 'used'), (1097, 'used'), (1099, 'used')) as d (days, state),
              generate_series(1, 2) n;
         insert into trusted_list_imports (id, at, source, outcome) select ago(days, 1), now(), 'x', 'accepted'
         from (values (399), (401)) as d (days)"
            .into(),
    )
    .await;
    bank.clock.advance(Duration::HOUR);
    // the server's own look may be first
    let left = async |db: &mut PgConnection| {
        let mut left = vec![];
        for table in ["interactions", "grants", "payments", "trusted_list_imports"] {
            left.push(number(db, &format!("select count(*) from {table}")).await);
        }
        left
    };
    let began = Instant::now();
    loop {
        expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
        let found = left(&mut db).await;
        if found == [700, 50, 7, 1] {
            break;
        }
        assert!(began.elapsed() < Wait::from_secs(10), "{found:?}");
        tokio::time::sleep(Wait::from_millis(20)).await;
    }
    let states = texts(&mut db, "select state || ' ' || name from payments order by name").await;
    assert_eq!(
        states,
        ["used 1097used1", "used 1097used2", "lodged 30lodged1", "lodged 30lodged2", "lodged 32lodged2", "used 700used1", "used 700used2"]
            [..]
    );
}
