//! What probes are told: alive, started, ready; each thing by its name, and which of them take a replica out.

use crate::{
    crash::without_delay,
    harness::{
        Bank, BankOptions, CIC, LBP, Process, Reply,
        bank::everywhere,
        sca::{listen, settings},
        together,
    },
};
use axum::Router;
use guichet::{
    oauth::{brand::BrandId, tpp::PspRole::AccountInformation},
    pki::Trust,
    trust::{Today, Trusts},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use time::Duration as Span;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

async fn ops(bank: &Bank, path: &str) -> Reply {
    bank.browser().get(&format!("http://{}{path}", bank.ops)).await
}

/// As soon as it is so; a report is good for a second.
async fn until(bank: &Bank, what: &str, so: impl Fn(u16, &Value) -> bool) -> Value {
    let deadline = Instant::now() + 10 * SECOND;
    loop {
        let reply = ops(bank, "/readyz").await;
        if so(reply.status, &reply.json()) {
            return reply.json();
        }
        assert!(Instant::now() < deadline, "never {what}: {reply:?}");
        sleep(SECOND / 20).await;
    }
}

#[tokio::test]
async fn a_bank_that_is_well_names_everything_that_it_needs() {
    let bank = Bank::start().await;
    assert_eq!(ops(&bank, "/livez").await.ok(200).json(), json!({ "status": "live" }));
    assert_eq!(ops(&bank, "/startedz").await.ok(200).json(), json!({ "status": "started" }));
    let told = ops(&bank, "/readyz").await.ok(200).json();
    assert_eq!(told["status"], "ready", "{told}");
    let names: BTreeSet<&str> = told["checks"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["certificates", "clock", "configuration", "database", "schema", "token_tables", "trust", "watch"];
    assert_eq!(names, expected.into());
    for (check, within) in [("trust", &[CIC.id, LBP.id][..]), ("certificates", &["internal", "psu", "tpp"])] {
        let found: Vec<_> = told["checks"][check].as_object().unwrap().iter().collect();
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), within);
        assert!(found.iter().all(|(_, check)| check["state"] == "well"), "{told}");
    }
    assert_eq!(told["checks"]["trust"][CIC.id]["authorities"], 2);
    assert_eq!(told["checks"]["schema"]["found"], told["checks"]["schema"]["needed"]);
    assert!(told["checks"]["certificates"]["tpp"]["days_left"].as_i64().unwrap() > 300, "{told}");
}

#[tokio::test]
async fn what_is_only_odd_takes_no_replica_out() {
    let bank = Bank::start().await;
    bank.clock.advance(Span::seconds(30));
    let told = until(&bank, "another clock than the database's", |_, told| told["checks"]["clock"]["state"] == "degraded").await;
    assert!((29.0..=32.0).contains(&told["checks"]["clock"]["seconds_ahead_of_database"].as_f64().unwrap()), "{told}");
    assert_eq!(told["status"], "degraded");
    ops(&bank, "/readyz").await.ok(200);
    bank.clock.advance(Span::days(390));
    let told = until(&bank, "near its end", |_, told| told["checks"]["certificates"]["tpp"]["state"] == "degraded").await;
    assert!(told["checks"]["certificates"]["tpp"]["days_left"].as_i64().unwrap() < 14, "{told}");
    ops(&bank, "/readyz").await.ok(200);
}

#[tokio::test]
async fn one_brand_that_trusts_nobody_is_odd_and_all_of_them_are_no_use() {
    let bank = Bank::start().await;
    let (app, good) = (&bank.server().app(), bank.server().app().trust.of(&BrandId::new(CIC.id)).unwrap());
    let nobody = || Arc::new(Today::new(Trust::nobody()));
    app.trust.replace(Trusts::from([(BrandId::new(CIC.id), good.clone()), (BrandId::new(LBP.id), nobody())]));
    let told = until(&bank, "one of two", |_, told| told["checks"]["trust"][LBP.id]["state"] == "degraded").await;
    assert_eq!((&told["status"], &told["checks"]["trust"][CIC.id]["state"]), (&json!("degraded"), &json!("well")));
    app.trust.replace(everywhere(Trust::nobody()));
    let told = until(&bank, "none", |status, _| status == 503).await;
    assert_eq!((&told["status"], &told["checks"]["trust"][CIC.id]["state"]), (&json!("unready"), &json!("failing")));
    app.trust.replace(Trusts::from([(BrandId::new(CIC.id), good.clone()), (BrandId::new(LBP.id), good)]));
    until(&bank, "well again", |status, told| status == 200 && told["checks"]["trust"][LBP.id]["state"] == "well").await;
}

#[tokio::test]
async fn a_bank_whose_back_end_is_away_is_named_and_goes_on() {
    let port = listen("internal", Router::new().fallback(|| async { http::StatusCode::BAD_GATEWAY })).await;
    let bank = Bank::with(BankOptions { one_brand_extra: Some((CIC, settings(port, 1))), ..BankOptions::default() }).await;
    let told = ops(&bank, "/readyz").await.ok(200).json();
    assert_eq!(told["checks"]["sca"], json!({ "cic": { "state": "well", "asked": true } }), "the other has no back end");
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    for _ in 0..6 {
        let mut psu = client.authorize("web", "aisp").await;
        psu.name("anybody", "x").await;
    }
    let told = until(&bank, "not asked", |_, told| told["checks"]["sca"]["cic"]["asked"] == false).await;
    assert_eq!((&told["status"], &told["checks"]["sca"]["cic"]["state"]), (&json!("degraded"), &json!("degraded")));
    ops(&bank, "/readyz").await.ok(200);
    // the same back end, and what is known of it, after a reload
    bank.server().reload().await;
    until(&bank, "still known", |_, told| told["checks"]["sca"]["cic"]["asked"] == false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_schema_and_a_database_that_is_away_or_silent_take_it_out() {
    let bank = Bank::start().await;
    let pool = bank.pool().await;
    let later = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'x', true, '', 0)";
    sqlx::query(later).execute(&pool).await.unwrap();
    let told = until(&bank, "a newer schema", |_, told| told["checks"]["schema"]["found"] == 9999).await;
    assert_eq!(told["checks"]["schema"]["state"], "well", "that keeps what this release needs");
    sqlx::query("update schema_compatibility set oldest = 9999").execute(&pool).await.unwrap();
    let told = until(&bank, "another schema", |status, _| status == 503).await;
    assert_eq!(told["checks"]["schema"]["state"], "failing");
    assert_eq!(told["checks"]["database"]["state"], "well");
    sqlx::query("delete from _sqlx_migrations where version = 9999").execute(&pool).await.unwrap();
    until(&bank, "ready", |status, _| status == 200).await;

    let mut holding = pool.begin().await.unwrap();
    sqlx::query("lock table _sqlx_migrations in access exclusive mode").execute(&mut *holding).await.unwrap();
    let began = Instant::now();
    let told = until(&bank, "silent", |status, _| status == 503).await;
    assert_eq!(told["checks"]["database"], json!({ "state": "failing", "why": "timed_out" }));
    assert!(began.elapsed() < 4 * SECOND, "a probe is answered within its deadline: {:?}", began.elapsed());
    assert_eq!(told["checks"]["watch"]["state"], "well", "what is known otherwise is said all the same");
    assert_eq!(ops(&bank, "/livez").await.status, 200);
    holding.rollback().await.unwrap();
    until(&bank, "ready", |status, _| status == 200).await;

    bank.server().app().db.close().await;
    let told = until(&bank, "away", |status, _| status == 503).await;
    assert_eq!(told["checks"]["database"], json!({ "state": "failing", "why": "no_answer" }));
    assert_eq!(ops(&bank, "/livez").await.status, 200);
    assert_eq!(ops(&bank, "/startedz").await.status, 200, "it has started once and for all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_start_is_seen_and_a_storm_of_probes_does_not_reach_the_database() {
    let bank = Bank::unserved(without_delay()).await;
    let pool = bank.pool().await;
    let mut holding = pool.begin().await.unwrap();
    sqlx::query("lock table _sqlx_migrations in access exclusive mode").execute(&mut *holding).await.unwrap();
    let process = Process::begin(&bank, &[]);
    let deadline = Instant::now() + 4 * SECOND;
    while bank.ops_status("/livez").await != 200 {
        assert!(Instant::now() < deadline, "{}", process.log());
        sleep(SECOND / 50).await;
    }
    let waiting = json!({ "status": "starting", "waits_for": "the database's schema" });
    // it waits for its settings first
    while ops(&bank, "/startedz").await.json() != waiting {
        assert!(Instant::now() < deadline, "{}", process.log());
        sleep(SECOND / 50).await;
    }
    for path in ["/startedz", "/readyz"] {
        assert_eq!(ops(&bank, path).await.ok(503).json(), waiting);
    }
    holding.rollback().await.unwrap();
    bank.until_ready(200).await;
    assert_eq!(bank.ops_status("/startedz").await, 200);

    let looks = async || {
        let shown = ops(&bank, "/metrics").await.ok(200).body;
        let line = shown.lines().find_map(|line| line.strip_prefix("guichet_database_seconds_count{statement=\"clock\"} "));
        line.unwrap().parse::<u32>().unwrap()
    };
    let (before, began) = (looks().await, Instant::now());
    for _ in 0..20 {
        let replies = together((0..20).map(|_| ops(&bank, "/readyz"))).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
    }
    let (asked, seconds) = (looks().await - before, began.elapsed().as_secs());
    println!("400 probes within {:?}: the database was asked {asked} times", began.elapsed());
    assert!(u64::from(asked) <= seconds + 2, "{asked} in {seconds} s");
}
