//! The audit trail is sealed while servers write, without anybody waiting; kept, dropped and moved without losing its proof.

use crate::harness::{
    Bank, BankOptions, CIC,
    sql::execute,
    together,
    tpp::introspect,
    trail::{CHAINS, EVENTS, Trail, kinds, sound},
};
use guichet::{
    audit::{AuditKind, month::Month},
    config::AuditSettings,
    flows::audit::{
        export::Reader,
        seal::{self, Window},
        verify::{self, Asked},
    },
    oauth::tpp::PspRole,
    storage::{Db, ExportQuery},
    tasks::audit,
};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use std::{collections::BTreeSet, time::Duration as Wait};
use time::Duration;
use uuid::Uuid;

async fn session(bank: &Bank) -> PgConnection {
    PgConnection::connect_with(&bank.database).await.unwrap()
}

const WRITE: &str = "insert into audit_events (id, at, brand, kind) values (gen_random_uuid(), now(), 'cic', 'token_issued')";

async fn horizon(db: &Db) -> i64 {
    db.audit_horizon().await.unwrap()
}

/// Waits for the servers' own sealers, which go by real time.
async fn sealed_above(db: &Db, position: i64) {
    for _ in 0..1200 {
        if horizon(db).await > position {
            return;
        }
        tokio::time::sleep(Wait::from_millis(50)).await;
    }
    panic!("nobody sealed {position}: {}", horizon(db).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_holds_while_two_servers_write_and_a_transaction_stays_open() {
    let bank = Bank::start().await;
    let other = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    let db = Db::new(bank.pool().await);
    let clients = [bank.tpp([PspRole::PaymentInitiation]).register(CIC).await, other.tpp([PspRole::PaymentInitiation]).register(CIC).await];

    // begins first, commits last
    let mut slow = session(&bank).await;
    execute(&mut slow, format!("begin; {WRITE}")).await;
    let open: i64 = sqlx::query_scalar("select max(position) from audit_events").fetch_one(&mut slow).await.unwrap();
    // one that comes to nothing
    let mut undone = session(&bank).await;
    execute(&mut undone, format!("begin; {WRITE}; rollback")).await;

    for _ in 0..3 {
        for _ in 0..5 {
            let calls = clients.iter().flat_map(|client| (0..4).map(move |_| client.client_credentials()));
            for answer in together(calls).await {
                let token = answer.ok(200).json()["access_token"].as_str().unwrap().to_owned();
                introspect(&bank, CIC, &[("token", &token)]).await.ok(200);
            }
        }
        let report = verify::verify(&db, &Asked::default()).await.unwrap();
        sound(&report);
        assert!(report.counts.open >= 1, "what comes after the open transaction waits for it: {:?}", report.counts);
        assert!(horizon(&db).await <= open, "nothing from its position on is sealed");
        tokio::time::sleep(seal::EVERY.unsigned_abs()).await;
    }
    execute(&mut slow, "commit".to_owned()).await;
    let last: i64 = sqlx::query_scalar("select max(position) from audit_events").fetch_one(&mut slow).await.unwrap();
    sealed_above(&db, last).await;
    let report = verify::verify(&db, &Asked::default()).await.unwrap();
    sound(&report);
    let there: i64 = sqlx::query_scalar("select count(*) from audit_events").fetch_one(&mut slow).await.unwrap();
    assert_eq!((report.counts.events, report.counts.open), (there as u64, 0));

    // a sealer that did not wait would have lost the slow one
    execute(&mut slow, format!("begin; {WRITE}")).await;
    sqlx::query("update audit_horizon set position = position + 1000").execute(&bank.pool().await).await.unwrap();
    execute(&mut slow, "commit".to_owned()).await;
    assert_eq!(kinds(&verify::verify(&db, &Asked::default()).await.unwrap()), ["event_not_sealed"]);
}

#[tokio::test]
async fn one_seals_at_a_time_and_the_next_takes_over_when_it_dies() {
    let trail = Trail::empty().await;
    trail.write("cic", AuditKind::TokenIssued, trail.now).await;
    trail.complete().await;
    let seal = |every| seal::seal(&trail.db, Window::default(), every, trail.now);
    let mut holder = PgConnection::connect_with(&trail.options).await.unwrap();
    execute(&mut holder, "begin; select position from audit_horizon for update".to_owned()).await;
    assert_eq!(seal(Duration::ZERO).await.unwrap(), None, "somebody is at it, and is not waited for");
    drop(holder);
    let round = loop {
        if let Some(round) = seal(Duration::ZERO).await.unwrap()
            && round.events > 0
        {
            break round;
        }
    };
    assert_eq!((round.events, round.seals), (1, 1));
    trail.write("cic", AuditKind::TokenIssued, trail.now).await;
    assert_eq!(seal(Duration::HOUR).await.unwrap(), None, "somebody was at it lately");
    trail.seal().await;
    assert_eq!(seal(Duration::ZERO).await.unwrap().map(|round| round.events), Some(0));
    sound(&trail.verify().await);
}

#[tokio::test]
async fn a_backlog_is_sealed_in_bounded_pieces() {
    let mut trail = Trail::empty().await;
    trail.round(trail.now).await;
    let many =
        "insert into audit_events (id, at, brand, kind) select gen_random_uuid(), now(), 'cic', 'token_issued' from generate_series(1, 40)";
    for _ in 0..30 {
        trail.tamper(many).await;
    }
    trail.complete().await;
    let (mut rounds, mut behind): (Vec<usize>, usize) = (vec![], 0);
    // narrower than a server's
    let narrow = (0..20).fold(Window::default(), |window, _| window.adapted(usize::MAX)).adapted(0);
    while rounds.iter().sum::<usize>() < 30 * 40 {
        let round = seal::seal(&trail.db, narrow, Duration::ZERO, trail.now).await.unwrap().unwrap();
        rounds.push(round.events);
        behind += usize::from(round.behind);
    }
    assert_eq!(rounds.iter().sum::<usize>(), 1200);
    assert!(rounds.iter().all(|events| *events <= 4 * 40) && behind >= 30 / 4 - 1, "{rounds:?}");
    sound(&trail.verify().await);
}

#[tokio::test]
async fn nobody_changes_an_event_or_a_seal_by_mistake() {
    let trail = Trail::sealed().await;
    trail.anchor().await;
    // the owner of the tables, without the superuser's setting
    let mut owner = PgConnection::connect_with(&trail.options).await.unwrap();
    let table = Month::of(trail.now).table();
    for (table, column) in [("audit_events", "brand"), (table.as_str(), "brand"), ("audit_seals", "root"), ("audit_anchors", "hash")] {
        for statement in [format!("update {table} set {column} = {column}"), format!("delete from {table}"), format!("truncate {table}")] {
            let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut owner).await;
            let code = refused.unwrap_err().as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
    }
    // a server's own user, as docs/database.md has it
    let user = format!("server_{}", std::process::id());
    execute(
        &mut owner,
        format!(
            "create role {user}; grant select, insert on audit_events, audit_seals, audit_anchors to {user};
             grant select, update on audit_horizon to {user}; grant select on audit_drops, audit_events_default to {user};
             grant execute on function add_audit_month(int), drop_audit_month(int, uuid), forget_audit_leaves(int), resume_audit_positions() to {user};
             set role {user}"
        ),
    )
    .await;
    for statement in [
        WRITE.to_owned(),
        "select resume_audit_positions()".to_owned(),
        format!("select add_audit_month({})", Month::of(trail.now).number()),
    ] {
        execute(&mut owner, statement).await;
    }
    for statement in
        ["update audit_events set kind = 'x'", "delete from audit_seals", "update audit_anchors set number = 1", "truncate audit_events"]
    {
        assert!(sqlx::query(statement).execute(&mut owner).await.is_err(), "{statement}");
    }
    execute(&mut owner, format!("reset role; drop owned by {user}; drop role {user}")).await;
    sound(&trail.verify().await);
}

#[tokio::test]
async fn a_month_is_dropped_with_a_word_and_its_seals_stay() {
    // the server itself drops nothing
    let bank = Bank::with(BankOptions { extra: "[audit]\nkeep_months = 1200".to_owned(), ..BankOptions::default() }).await;
    let mut trail = Trail::of(bank.database.clone()).await;
    let long_ago = trail.now - Duration::days(75 * 31);
    let month = Month::of(long_ago);
    trail.db.add_audit_month(month).await.unwrap();
    for at in [long_ago, long_ago, trail.now] {
        trail.round(at).await;
    }
    let app = &bank.server().app();
    let kept = |keep_months| AuditSettings { keep_months, anchor: Wait::from_secs(3600) };
    let seals = trail.count("select count(*) from audit_seals").await;
    audit::look(app, kept(80), app.clock.now()).await.unwrap();
    assert!(trail.db.audit_months().await.unwrap().contains(&month), "the bank keeps it");

    bank.clock.advance(Duration::MINUTE);
    audit::look(app, kept(70), app.clock.now()).await.unwrap();
    assert!(!trail.db.audit_months().await.unwrap().contains(&month));
    assert_eq!(bank.audited("audit_month_dropped", "kept for 70 months").await, 1);
    trail.seal().await;
    let report = trail.verify().await;
    sound(&report);
    assert_eq!(report.counts.dropped, (2 * EVENTS * CHAINS.len()) as u64);
    // the server's own sealer may have made one seal of what is several here
    assert!(trail.count("select count(*) from audit_seals where leaf_ids is null").await > 0);
    let next = month.next().number();
    let others = format!("select count(*) from audit_seals where (leaf_ids is null) <> (last_id < audit_month_first_id({next}))");
    assert_eq!(trail.count(&others).await, 0, "leaves went where all events did, and nowhere else");
    assert!(trail.count("select count(*) from audit_seals").await > seals, "the seals stayed");

    // without the word nothing is accepted
    trail.tamper("delete from audit_events where kind = 'audit_month_dropped'").await;
    assert!(kinds(&trail.verify().await).contains(&"seal_without_events"));
}

#[tokio::test]
async fn what_is_young_or_not_sealed_is_not_dropped() {
    let trail = Trail::empty().await;
    let long_ago = trail.now - Duration::days(75 * 31);
    let months = [Month::of(long_ago), Month::of(trail.now)];
    trail.db.add_audit_month(months[0]).await.unwrap();
    trail.write("cic", AuditKind::TokenIssued, long_ago).await;
    for month in months {
        let mut tx = trail.db.begin("drop").await.unwrap();
        assert_eq!(tx.drop_audit_month(month, Uuid::nil()).await.unwrap(), guichet::storage::TableChange::Alive, "{month}");
    }
    assert_eq!(trail.db.audit_months().await.unwrap().len(), 5);
}

/// Another cluster counts its transactions from the begin.
#[tokio::test]
async fn a_trail_that_was_restored_into_another_cluster_goes_on() {
    let mut trail = Trail::empty().await;
    let offset = |by: i64| {
        format!("create or replace function audit_offset() returns bigint language sql immutable parallel safe as 'select {by}::bigint'")
    };
    trail.tamper(&offset(1_000_000)).await;
    trail.round(trail.now).await;
    let told = trail.anchor().await;
    // written there, and not sealed before the dump
    trail.write("cic", AuditKind::TokenIssued, trail.now).await;

    trail.tamper(&offset(0)).await;
    let late = trail.write("cic", AuditKind::TokenRefreshed, trail.now).await;
    let round = seal::seal(&trail.db, Window::default(), Duration::ZERO, trail.now).await.unwrap().unwrap();
    assert!(round.below, "{round:?}");
    assert_eq!(kinds(&trail.verify().await), ["event_added"], "so it is not left");
    let system = guichet::clock::System::new();
    assert!(seal::resume(&trail.db, &system, trail.now).await.unwrap());
    assert!(!seal::resume(&trail.db, &system, trail.now).await.unwrap(), "once");
    trail.round(trail.now).await;
    let report = trail.verify_with(told).await;
    sound(&report);
    assert_eq!((report.counts.open, trail.count("select count(*) from audit_events where kind = 'audit_resumed'").await), (0, 1));
    let seals = trail.seals("cic").await;
    assert!(seals.iter().flat_map(|seal| seal.leaves.iter().flatten()).any(|leaf| leaf.id == late), "the late one is sealed, too");
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped_and_misses_nothing() {
    let mut trail = Trail::sealed().await;
    let everything = ExportQuery { brand: None, ids: [Uuid::nil(), Uuid::max()] };
    let mut reader = Reader::new(0);
    let read = async |reader: &mut Reader, query: &ExportQuery<'_>| {
        let mut ids = vec![];
        loop {
            let page = reader.next(&trail.db, query).await.unwrap();
            ids.extend(page.events.iter().map(|exported| (exported.event.id, exported.seal)));
            if page.end {
                return ids;
            }
        }
    };
    let first = read(&mut reader, &everything).await;
    assert_eq!(first.len(), 6 * EVENTS * CHAINS.len());
    assert!(first.iter().all(|(_, seal)| seal.is_some_and(|number| (1..=6).contains(&number))), "{first:?}");
    let id = trail.write("cic", AuditKind::TokenIssued, trail.now).await;
    assert!(read(&mut reader, &everything).await.is_empty(), "not sealed yet");
    trail.seal().await;
    assert_eq!(read(&mut reader, &everything).await, [(id, Some(7))]);
    // by brand and time
    let of_month = ExportQuery { brand: Some("cic"), ids: verify::ids(Some(trail.now - Duration::DAY), None) };
    assert_eq!(read(&mut Reader::new(0), &of_month).await.len(), 4 * EVENTS + 1);
    let ids: BTreeSet<_> = first.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), first.len());
    assert_eq!(trail.count("select count(*) from audit_events").await, first.len() as i64 + 1);
}

#[tokio::test]
async fn the_auditor_asks_by_the_command_line() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let mut trail = Trail::of(bank.database.clone()).await;
    trail.round(trail.now).await;
    let told = bank.operator(&["audit", "anchor"]).await;
    let anchors = bank.folder().join("anchors.jsonl");
    std::fs::write(&anchors, format!("a line of the log\n{told}")).unwrap();
    let anchors = anchors.to_str().unwrap();
    trail.round(trail.now).await;
    let said = bank.operator(&["audit", "verify", "--anchors", anchors]).await;
    assert!(said.contains("3 anchors given") && said.ends_with("the audit trail is what was sealed\n"), "{said}");
    for args in [&["--brand", "cic"][..], &["--brand", "*"], &["--from", "2026-01-01"], &["--from", "2026-01-01T00:00:00Z", "--json"]] {
        let args: Vec<_> = ["audit", "verify"].into_iter().chain(args.iter().copied()).collect();
        bank.operator(&args).await;
    }
    let lines = bank.operator(&["audit", "export", "--brand", "cic", "--from", "2026-01-01"]).await;
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2 * EVENTS);
    let Value::Object(event) = &events[0] else { panic!("{lines}") };
    assert_eq!(
        (&event["event"]["action"], &event["guichet"]["seal"], &event["guichet"]["brand"]),
        (&"token_issued".into(), &1.into(), &"cic".into())
    );
    let position = events[EVENTS - 1]["guichet"]["position"].to_string();
    let rest = bank.operator(&["audit", "export", "--brand", "cic", "--after", &position]).await;
    assert_eq!(rest.lines().count(), EVENTS);

    trail.tamper("update audit_events set reason = 'another' where brand = 'cic'").await;
    let output = bank.try_operator(&["audit", "verify"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(9), "{said}");
    assert!(said.contains("event_changed: event ") && said.contains("of cic") && said.contains("is NOT what was sealed"), "{said}");
    for args in [&["verify", "--brand", "nobody"][..], &["verify", "--from", "yesterday"], &["verify", "--anchors", "/dev/null"]] {
        let args: Vec<_> = ["audit"].into_iter().chain(args.iter().copied()).collect();
        assert_eq!(bank.operator_refused(&args).await.0, 2, "{args:?}");
    }
}
