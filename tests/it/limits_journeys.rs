//! Anybody can send an authorization request. What that leaves behind is bounded, and customers of others get through.

use crate::harness::{Bank, BankOptions, CIC, Client, Landing, Psu, together, tpp::STATE};
use guichet::{
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
    tasks::expiry,
};
use time::Duration;

const ROLES: [guichet::oauth::tpp::PspRole; 2] = [AccountInformation, PaymentInitiation];
/// `database.max_connections` of the test bank: as many statements at once may pass the bound together.
const CONNECTIONS: i64 = 20;

async fn bank(extra: &str) -> Bank {
    Bank::with(BankOptions { extra: extra.into(), ..BankOptions::default() }).await
}

async fn count(bank: &Bank, table: &'static str) -> i64 {
    let pool = bank.pool().await;
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(&pool).await.unwrap()
}

/// So many authorization requests without a cookie, all at once; where each was sent.
async fn flood(client: &Client<'_>, requests: usize) -> Vec<String> {
    let url = client.authorize_url("web", "aisp", &[]);
    let wire = client.tpp.bank.browser();
    let mut all = vec![];
    for _ in 0..requests.div_ceil(50) {
        let replies = together((0..50).map(|_| wire.get(&url))).await;
        all.extend(replies.into_iter().map(|reply| reply.ok(303).header("location").to_owned()));
    }
    all
}

#[tokio::test]
async fn a_flood_of_authorization_requests_leaves_a_bounded_number_of_rows_and_keeps_no_other_client_out() {
    let bank = bank("[limits]\nopen_journeys_of_client = 30\n[rate_limits]\nclient_authorize = \"off\"\n").await;
    let (flooded, other) = (bank.tpp(ROLES).register(CIC).await, bank.tpp(ROLES).register(CIC).await);
    let events = count(&bank, "audit_events").await;
    let answers = flood(&flooded, 400).await;
    let begun = answers.iter().filter(|location| location.starts_with('/')).count() as i64;
    let rows = count(&bank, "interactions").await;
    println!("400 requests, {begun} journeys, {rows} rows");
    assert!(begun == rows && (30..=30 + CONNECTIONS).contains(&rows), "{begun} {rows}");
    assert_eq!(count(&bank, "audit_events").await, events, "what nobody did is no event");
    // the others went home, with the code that stands for an overloaded server
    let home = answers.iter().find(|location| !location.starts_with('/')).unwrap();
    let landing = Landing::read(home);
    assert_eq!((landing.get("error"), landing.get("state")), ("temporarily_unavailable", STATE));
    other.tokens("web", "aisp").await;
    assert!(bank.audited_kind("interaction_begun").await == 1, "the one in which somebody acted");

    // after their time there is room again; a day later nothing is left of them
    bank.clock.advance(Duration::minutes(11));
    flooded.tokens("web", "aisp").await;
    bank.clock.advance(Duration::hours(25));
    expiry::look(&bank.server().app(), bank.server().app().clock.now()).await.unwrap();
    assert_eq!(count(&bank, "interactions").await, 2, "those that customers went through");
}

#[tokio::test]
async fn whoever_signs_in_makes_room_and_the_banks_app_needs_none() {
    let bank = bank("[limits]\nopen_journeys_of_client = 2\n").await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let url = client.authorize_url("web", "aisp", &[]);
    let mut first = client.authorize("web", "aisp").await;
    client.authorize("web", "aisp").await;
    assert_eq!(Psu::arrive(&bank, CIC, &url).await.landed().get("error"), "temporarily_unavailable");
    // he who has a journey goes on with it, and with the same link, too
    first.look().await;
    assert_eq!(first.page.status, 200);
    assert_eq!(Psu::arrive_with(&bank, CIC, &url, &[("cookie", &first.cookie)]).await.journey, first.journey);
    first.approve().await.code();
    client.authorize("web", "aisp").await;
}

#[tokio::test]
async fn the_clients_rate_is_kept_before_the_database_is_asked() {
    let bank = bank("[rate_limits]\nclient_authorize = \"1/min burst 3\"\n").await;
    let (hasty, other) = (bank.tpp(ROLES).register(CIC).await, bank.tpp(ROLES).register(CIC).await);
    let sent = flood(&hasty, 50).await;
    assert_eq!(sent.iter().filter(|location| location.starts_with('/')).count(), 3);
    assert_eq!(count(&bank, "interactions").await, 3);
    other.authorize("web", "aisp").await;
    bank.clock.advance(Duration::MINUTE);
    hasty.authorize("web", "aisp").await;
}

#[tokio::test]
async fn looking_and_waiting_leave_no_audit_event_but_the_first_act_does() {
    let bank = Bank::start().await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let events = count(&bank, "audit_events").await;
    let mut idle = client.authorize("web", "aisp").await;
    idle.look().await;
    bank.clock.advance(Duration::minutes(11));
    // the TPP learns that nobody came, however often it is asked
    for _ in 0..3 {
        let home = idle.wire.send(reqwest::Method::GET, &format!("{}/return", idle.journey), &[("cookie", &idle.cookie)], "").await;
        assert!(Landing::read(home.ok(303).header("location")).params.contains_key("error"));
    }
    assert_eq!(count(&bank, "audit_events").await, events);
    let mut there = client.authorize("web", "aisp").await;
    there.post(&[("decision", "cancel")]).await;
    let kinds: Vec<_> = bank.audit().await.split_off(events as usize).into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&"interaction_begun".to_owned()) && kinds.contains(&"interaction_failed".to_owned()), "{kinds:?}");
}
