//! The regulator's figures: what two replicas saw is put together, whichever served, and comes out as it happened.

use crate::harness::{Bank, BankOptions, CIC, Client, LBP, command::printed};
use guichet::{
    figures::{Batch, DaySum, Service},
    oauth::{
        brand::BrandId,
        tpp::PspRole::{AccountInformation, PaymentInitiation},
    },
    tasks::figures,
};
use serde_json::Value;
use sqlx::Executor;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

async fn two_servers() -> [Bank; 2] {
    let one = Bank::start().await;
    let two = Bank::with(BankOptions { database: Some(one.database.clone()), ..BankOptions::default() }).await;
    two.clock.advance(one.clock.advanced() - two.clock.advanced());
    // the verb's clock is the machine's, and has to be past what is seen
    let banks = [one, two];
    banks.iter().for_each(|bank| bank.clock.advance(Duration::minutes(-5)));
    banks
}

async fn written(banks: &[Bank; 2]) {
    for bank in banks {
        figures::write(&bank.server().app()).await.unwrap();
    }
}

/// By the verb, as an operator gets it.
fn exported(bank: &Bank, brand: &str, format: &str) -> String {
    bank.write_config(&BankOptions::default());
    printed(&bank.command(&["figures", "export", "--brand", brand, "--format", format]).output().unwrap())
}

fn today(bank: &Bank, brand: &str) -> Value {
    let report: Value = serde_json::from_str(&exported(bank, brand, "json")).unwrap();
    report["days"].as_array().unwrap().last().unwrap().clone()
}

async fn sql(bank: &Bank, statement: &'static str) {
    let pool = bank.pool().await;
    pool.execute(statement).await.unwrap();
    pool.close().await;
}

/// Away for this request, as far as the bank's customers can see.
async fn failing(client: &Client<'_>, times: usize) {
    for _ in 0..times {
        assert_eq!(client.client_credentials().await.status, 503);
    }
}

#[tokio::test]
async fn replicas_count_together_by_service_and_fault() {
    let banks = two_servers().await;
    let here = banks[0].tpp([AccountInformation, PaymentInitiation]).register(CIC).await;
    let there = here.over(&banks[1].tpp_named(&here.tpp.organisation, [AccountInformation, PaymentInitiation]));
    for client in [&here, &there, &there] {
        client.client_credentials().await.ok(200);
        client.refresh("gutr_nothing").await.refused(400, "invalid_grant");
    }
    let tokens = here.tokens("web", "aisp").await;
    there.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200);
    written(&banks).await;
    written(&banks).await;
    let day = today(&banks[0], "cic");
    let services = &day["services"];
    // the authorization request, the code, the refresh
    assert_eq!((&services["ais"]["requests"], &services["pis"]["requests"]), (&3.into(), &3.into()), "{day}");
    // the registration and three refreshes of nothing
    assert_eq!((&services["other"]["requests"], &services["other"]["errors_tpp"]), (&4.into(), &3.into()), "{day}");
    assert_eq!((&day["error_rate_percent"], &day["down_seconds"]), (&0.0.into(), &0.into()), "{day}");
    assert!(services["pis"]["mean_ms"].as_f64().unwrap() > 0.0, "{day}");
    let other: Value = serde_json::from_str(&exported(&banks[0], "labanquepostale", "json")).unwrap();
    assert!(other["days"].as_array().unwrap().iter().all(|day| day["requests"] == 0), "{other}");
}

#[tokio::test]
async fn five_without_reply_are_a_downtime_until_the_next_one_with() {
    let banks = two_servers().await;
    let here = banks[0].tpp([PaymentInitiation]).register(CIC).await;
    let there = here.over(&banks[1].tpp_named(&here.tpp.organisation, [PaymentInitiation]));
    let advance = |seconds| banks.iter().for_each(|bank| bank.clock.advance(Duration::seconds(seconds)));
    here.client_credentials().await.ok(200);
    written(&banks).await;
    advance(60);
    // three at one, two at the other
    sql(&banks[0], "alter table clients rename to elsewhere").await;
    failing(&here, 2).await;
    advance(10);
    failing(&there, 2).await;
    advance(10);
    failing(&here, 1).await;
    written(&banks).await;
    advance(70);
    written(&banks).await;
    sql(&banks[0], "alter table elsewhere rename to clients").await;
    there.client_credentials().await.ok(200);
    written(&banks).await;
    let sum = |name: &str| {
        let report: Value = serde_json::from_str(&exported(&banks[0], "cic", "json")).unwrap();
        report["days"].as_array().unwrap().iter().map(|day| day[name].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(sum("down_seconds"), 90);
    let csv = exported(&banks[0], "cic", "csv");
    assert!(csv.lines().next().unwrap().starts_with("brand,day,elapsed_seconds,down_seconds"), "{csv}");
    assert!(exported(&banks[0], "cic", "html").contains("<svg"));
    // four are none
    assert_eq!(today(&banks[0], "labanquepostale")["down_seconds"], 0);
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_counts_once() {
    let bank = Bank::start().await;
    let (db, process, now) = (&bank.server().app().db, Uuid::from_u128(7), OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
    let mut batch = Batch { number: 1, ..Batch::default() };
    batch.days.insert((BrandId::new("cic"), 20_000, Service::PaymentInitiation), DaySum { requests: 5, ..DaySum::default() });
    for number in [1, 1, 2] {
        batch.number = number;
        db.add_figures(process, &batch, now).await.unwrap();
    }
    let pool = bank.pool().await;
    let requests: i64 =
        sqlx::query_scalar("select sum(requests)::bigint from figure_days where day = '2024-10-04'").fetch_one(&pool).await.unwrap();
    assert_eq!(requests, 10);
}

#[tokio::test]
async fn the_banks_own_figures_stand_beside() {
    let bank = Bank::start().await;
    bank.clock.advance(Duration::minutes(-5));
    bank.tpp([PaymentInitiation]).register(LBP).await;
    figures::write(&bank.server().app()).await.unwrap();
    bank.write_config(&BankOptions::default());
    let (file, day) = (bank.folder().join("direct.csv"), guichet::clock::Clock::now(&*bank.clock).date());
    let import = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut command = bank.command(&["figures", "direct", "--brand", "labanquepostale", "--by", "B. Operator"]);
        command.arg(&file).output().unwrap()
    };
    let head = "day,down_seconds,mean_ms,error_rate_percent\n";
    let refused = import(&format!("{head}{day},90000,x,1\n{day},1\n"));
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("line 2: ") && said.contains("line 3: must have four fields"), "{said}");
    for seconds in [60, 61] {
        printed(&import(&format!("{head}{day},{seconds},88.5,\n")));
    }
    let day = today(&bank, "labanquepostale");
    assert_eq!((&day["direct"]["down_seconds"], &day["direct"]["mean_ms"]), (&61.into(), &88.5.into()), "{day}");
}

/// Marks of seconds are forgotten after 400 days; what they said of each day is not.
#[tokio::test]
async fn old_days_are_kept_in_short() {
    let bank = Bank::start().await;
    let client = bank.tpp([PaymentInitiation]).register(CIC).await;
    bank.clock.advance(Duration::SECOND);
    sql(&bank, "alter table clients rename to elsewhere").await;
    failing(&client, 5).await;
    figures::write(&bank.server().app()).await.unwrap();
    bank.clock.advance(Duration::seconds(30));
    figures::write(&bank.server().app()).await.unwrap();
    sql(&bank, "alter table elsewhere rename to clients").await;
    client.client_credentials().await.ok(200);
    figures::write(&bank.server().app()).await.unwrap();
    let pool = bank.pool().await;
    let app = &bank.server().app();
    for _ in 0..20 {
        bank.clock.advance(Duration::days(21));
        figures::forget(app, app.clock.now()).await.unwrap();
    }
    // by this call, or by the server itself, which may have had the turn
    for _ in 0..500 {
        let kept: (i64, i64) = sqlx::query_as(
            "select (select coalesce(sum(down_seconds), 0) from figure_availability where brand = 'cic'),
                    (select count(*) from figure_failures) + (select count(*) from figure_replies) + (select count(*) from figure_alive)",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        if kept.0 == 30 && kept.1 < 50 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the day is not kept");
}
