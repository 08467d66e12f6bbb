//! An organisation gets another identifier: an operator says so, and its clients, consents and tokens live on.

use crate::{
    harness::{Bank, BankOptions, Brand, CIC, Client, LBP, Tpp, bank::BRANDS, together},
    identity::{active_with, qwac},
    register::with,
};
use serde_json::{Value, json};
use sqlx::Row;
use std::time::{Duration as Wait, Instant};
use time::Duration;

const SECOND: Wait = Wait::from_secs(1);
const OLD: &str = "PSDFR-ACPR-81001";
const NEW: &str = "PSDDE-BAFIN-81002";

pub async fn tpp_json(bank: &Bank, arguments: &[&str]) -> Value {
    bank.write_config(&BankOptions::default());
    serde_json::from_str(&bank.operator(&[&["tpp"], arguments, &["--json"]].concat()).await).unwrap()
}

fn order<'a>(old: &'a str, new: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["tpp", "merge", old, new, "--reason", "Merger of 1 June", "--by", "B. Operator"], more].concat()
}

async fn merged(bank: &Bank, old: &str, new: &str, more: &[&str]) -> String {
    bank.write_config(&BankOptions::default());
    bank.operator(&order(old, new, more)).await
}

/// A second server on the same database.
async fn beside(bank: &Bank) -> Bank {
    Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await
}

/// The same client and certificate at another server.
fn at<'a>(client: &Client<'_>, tpp: &Tpp<'a>) -> Client<'a> {
    Client {
        tpp: tpp.clone(),
        brand: client.brand,
        id: client.id.clone(),
        secret: client.secret.clone(),
        key: client.key.clone(),
        information: client.information.clone(),
    }
}

/// Until the organisation's own certificate is accepted for this client; how long that took.
async fn until_accepted(client: &Client<'_>) -> Wait {
    let began = Instant::now();
    while client.client_credentials().await.status != 200 {
        assert!(began.elapsed() < 5 * SECOND, "never");
        tokio::time::sleep(Wait::from_millis(10)).await;
    }
    began.elapsed()
}

#[tokio::test]
async fn clients_consents_and_tokens_live_on_under_the_new_identifier() {
    let bank = Bank::start().await;
    let other = beside(&bank).await;
    let (old, new) = (qwac(&bank, OLD, 300), qwac(&bank, NEW, 300));
    let (old_elsewhere, new_elsewhere) = (qwac(&other, OLD, 300), qwac(&other, NEW, 300));
    let own = new.register(CIC).await;
    let (cic, lbp) = (old.register(CIC).await, old.register(LBP).await);
    let tokens = cic.tokens("web", "aisp").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    // both servers remember the clients as the old organisation's
    for client in [&cic, &lbp] {
        client.client_credentials().await.ok(200);
        at(client, &old_elsewhere).client_credentials().await.ok(200);
        client.over(&new).client_credentials().await.refused(401, "invalid_client");
    }
    assert!(active_with(&bank, access, &old).await && !active_with(&bank, access, &new).await);

    let said = merged(&bank, OLD, NEW, &[]).await;
    assert!(said.contains("2 clients moved"), "{said}");
    for tpp in [&new, &new_elsewhere] {
        at(&cic, tpp).refresh(refresh).await.ok(200); // the clients are read anew: the new identifier counts at once
        at(&lbp, tpp).client_credentials().await.ok(200);
    }
    // the old certificate stands for them, from the first moment on and after everybody has heard
    let began = Instant::now();
    while began.elapsed() < SECOND * 3 / 2 {
        for tpp in [&old, &old_elsewhere] {
            at(&cic, tpp).client_credentials().await.ok(200);
            at(&cic, tpp).refresh(refresh).await.ok(200);
            at(&cic, tpp).tpp.wire.get(cic.registration_uri()).await.ok(200);
        }
        for tpp in [&old, &new] {
            assert!(active_with(&bank, access, tpp).await && active_with(&other, access, tpp).await);
        }
    }
    let kept = cic.introspect(access).await;
    assert_eq!((kept["active"].as_bool(), kept["organisation"].as_str()), (Some(true), Some(NEW)));
    own.client_credentials().await.ok(200);
    own.over(&old).client_credentials().await.ok(200);
    let registered = with(Tpp::metadata(CIC), json!({ "client_name": "During the overlap" }));
    let late = old.register_as(CIC, &registered).await;
    late.over(&new).client_credentials().await.ok(200);

    // the organisations, the audit, the version
    let shown = tpp_json(&bank, &["show", NEW]).await;
    assert_eq!(
        (shown["client_count"].as_i64(), shown["merges"][0]["old"].as_str(), shown["merges"][0]["clients"].as_i64()),
        (Some(4), Some(OLD), Some(2))
    );
    let shown = tpp_json(&bank, &["show", OLD]).await;
    assert_eq!((shown["client_count"].as_i64(), shown["merges"][0]["by"].as_str()), (Some(0), Some("B. Operator")));
    assert_eq!(shown["merges"][0]["reason"], "Merger of 1 June");
    assert_eq!(bank.audited("client_merged", OLD).await, 2);
    assert_eq!(bank.audited("organisation_merged", NEW).await, 1);
    let clients: Vec<_> =
        bank.audit().await.into_iter().filter(|event| event.kind == "client_merged").filter_map(|event| event.client).collect();
    assert!(clients.contains(&cic.id) && clients.contains(&lbp.id));

    // after the overlap only the new one counts
    for bank in [&bank, &other] {
        bank.clock.advance(Duration::days(30) + Duration::seconds(5));
    }
    for (tpp, bank) in [(&old, &bank), (&old_elsewhere, &other)] {
        at(&cic, tpp).client_credentials().await.refused(401, "invalid_client");
        at(&cic, tpp).refresh(refresh).await.refused(401, "invalid_client");
        tpp.wire.get(cic.registration_uri()).await.refused(401, "invalid_token");
        assert!(!active_with(bank, refresh, tpp).await);
    }
    let access = cic.over(&new).refresh(refresh).await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
    assert!(active_with(&bank, &access, &new).await && !active_with(&bank, &access, &old).await);
}

/// With no overlap: a server that remembers the client as the old organisation's, and has not heard, refuses it all the same.
#[tokio::test]
async fn the_revision_prevents_the_use_of_what_is_remembered() {
    let bank = Bank::start().await;
    let other = beside(&bank).await;
    let (old, new) = (qwac(&bank, OLD, 300), qwac(&bank, NEW, 300));
    new.register(CIC).await;
    let client = old.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let elsewhere = [qwac(&other, OLD, 300), qwac(&other, OLD, 300)];
    for tpp in &elsewhere {
        at(&client, tpp).client_credentials().await.ok(200);
        at(&client, tpp).refresh(refresh).await.ok(200);
    }
    // the verb reads the machine's clock, the servers read ones that stand still
    for bank in [&bank, &other] {
        bank.clock.advance(Duration::minutes(10));
    }
    merged(&bank, OLD, NEW, &["--overlap-days", "0"]).await;
    for tpp in [&old].into_iter().chain(&elsewhere) {
        at(&client, tpp).client_credentials().await.refused(401, "invalid_client");
        at(&client, tpp).refresh(refresh).await.refused(401, "invalid_client");
    }
    client.over(&new).refresh(refresh).await.ok(200);
}

#[tokio::test]
async fn a_merge_reaches_every_server_within_a_second() {
    let bank = Bank::start().await;
    let other = beside(&bank).await;
    let organisations: Vec<_> = (0..3).map(|n| format!("PSDFR-ACPR-8110{n}")).collect();
    let tpps: Vec<_> = organisations.iter().map(|o| (qwac(&bank, o, 300), qwac(&other, o, 300))).collect();
    let client = tpps[0].0.register(CIC).await;
    for (here, there) in &tpps[1..] {
        here.register(CIC).await;
        there.register(CIC).await;
    }
    // OLD -> MID -> NEW: the oldest certificate stands for the newest identifier
    merged(&bank, &organisations[0], &organisations[1], &[]).await;
    merged(&bank, &organisations[1], &organisations[2], &[]).await;
    let began = Instant::now();
    let resolved = |bank: &Bank| {
        let (first, now) = (guichet::oauth::tpp::OrganisationId::new(organisations[0].as_str()), guichet::clock::Clock::now(&*bank.clock));
        bank.server().app().standing.today().merges.resolve(&first, now).map(ToString::to_string)
    };
    while [&bank, &other].iter().any(|bank| resolved(bank).as_deref() != Some(organisations[2].as_str())) {
        assert!(began.elapsed() < SECOND, "one has not heard");
        tokio::time::sleep(Wait::from_millis(5)).await;
    }
    println!("both servers heard {:?} after the verb ended", began.elapsed());
    for (here, there) in &tpps {
        at(&client, here).client_credentials().await.ok(200);
        at(&client, there).client_credentials().await.ok(200);
    }

    // turned round: what was merged is undone by another merge
    merged(&bank, &organisations[2], &organisations[1], &[]).await;
    for (here, _) in &tpps {
        assert!(until_accepted(&at(&client, here)).await < SECOND);
    }
    let shown = tpp_json(&bank, &["show", &organisations[1]]).await;
    let merges = shown["merges"].as_array().unwrap();
    assert_eq!((merges.len(), merges[0]["old"].as_str()), (3, Some(organisations[2].as_str())));
    assert_eq!(merges[1]["until"], merges[0]["at"], "the earlier one ended with it");
}

async fn everything(bank: &Bank) -> String {
    let tables = "select (select string_agg(c::text, ' ' order by id) from clients c) as clients, (select count(*) from organisation_merges) as merges,
                         (select count(*) from audit_events) as events, (select version from versions where subject = 'standing') as version";
    let row = sqlx::query(tables).fetch_one(&bank.pool().await).await.unwrap();
    let (clients, merges): (String, i64) = (row.get("clients"), row.get("merges"));
    let (events, version): (i64, i64) = (row.get("events"), row.get("version"));
    format!("{clients} {merges} {events} {version}")
}

#[tokio::test]
async fn a_wrong_merge_is_refused_and_changes_nothing() {
    let bank = Bank::start().await;
    for organisation in ["PSDFR-ACPR-1", "PSDFR-ACPR-2", "PSDFR-ACPR-3", "PSDFR-ACPR-4"] {
        qwac(&bank, organisation, 300).register(CIC).await;
    }
    merged(&bank, "PSDFR-ACPR-1", "PSDFR-ACPR-2", &[]).await;
    merged(&bank, "PSDFR-ACPR-2", "PSDFR-ACPR-3", &[]).await;
    let before = everything(&bank).await;
    let cases: [(&str, &str, &[&str], i32, &str); 11] = [
        ("PSDFR-ACPR-4", "PSDFR-ACPR-4", &[], 7, "into itself"),
        ("PSDFR-ACPR-99", "PSDFR-ACPR-4", &[], 7, "nothing is known of the old organisation"),
        ("PSDFR-ACPR-99", "PSDFR-ACPR-4", &["--force"], 7, "nothing is known of the old organisation"),
        ("PSDFR-ACPR-4", "PSDFR-ACPR-99", &[], 7, "nothing is known of the new organisation"),
        ("PSDFR-ACPR-4", "PSDFR ACPR 99", &["--force"], 7, "NEW is not of the form"),
        ("PSDFR-ACPR-3", "PSDFR-ACPR-1", &[], 7, "by way of others"),
        ("PSDFR-ACPR-4", "PSDFR-ACPR-1", &[], 7, "itself was merged into \"PSDFR-ACPR-2\""),
        ("PSDFR-ACPR-1", "PSDFR-ACPR-4", &[], 7, "was merged into \"PSDFR-ACPR-2\" and its certificates stand"),
        ("PSDFR-ACPR-4", "", &[], 2, "organizationIdentifier"),
        ("PSDFR-ACPR-4", "PSDFR-ACPR-3\u{1b}[2J", &[], 2, "organizationIdentifier"),
        ("PSDFR-ACPR-4", "PSDFR-ACPR-3", &["--overlap-days", "4000"], 2, "overlap-days"),
    ];
    for (old, new, more, code, why) in cases {
        let (exit, said) = bank.operator_refused(&order(old, new, more)).await;
        assert_eq!(exit, code, "{old} {new}: {said}");
        assert!(said.contains(why), "{old} {new}: {said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
    let (exit, _) = bank.operator_refused(&["tpp", "merge", "PSDFR-ACPR-4", "PSDFR-ACPR-3", "--by", "B. Operator"]).await;
    assert_eq!(exit, 2, "without a reason");
    assert_eq!(everything(&bank).await, before);
    // with --force the new one may come later
    merged(&bank, "PSDFR-ACPR-4", "PSDFR-ACPR-99", &["--force"]).await;
    assert_ne!(everything(&bank).await, before);
    assert_eq!(bank.operator_refused(&["tpp", "show", "PSDFR-ACPR-98"]).await.0, 7);
}

#[tokio::test]
async fn no_registration_is_left_behind() {
    let bank = Bank::start().await;
    let (old, new) = (qwac(&bank, OLD, 300), qwac(&bank, NEW, 300));
    new.register(CIC).await;
    old.register(CIC).await;
    let register = async |brand: Brand, n: usize| {
        tokio::time::sleep(Wait::from_millis(n as u64 * 8)).await;
        let metadata = with(Tpp::metadata(brand), json!({ "client_name": format!("App {n}") }));
        old.try_register(brand, &metadata).await
    };
    let registering = together((0..60).map(|n| register(BRANDS[n % 2], n)));
    let (replies, said) = tokio::join!(registering, merged(&bank, OLD, NEW, &[]));
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    println!("{said}{statuses:?}");
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let count = async |organisation: &str| -> i64 {
        let count = "select count(*) from clients where organisation = $1";
        sqlx::query_scalar(count).bind(organisation).fetch_one(&bank.pool().await).await.unwrap()
    };
    assert_eq!(count(OLD).await, 0);
    assert_eq!(count(NEW).await, 62);
    assert!(!said.contains(" 61 clients moved") && !said.contains(" 1 clients moved"), "the merge came in between: {said}");
}

/// The kill switch sees both: who is blocked under either identifier is blocked with the old certificate.
#[tokio::test]
async fn a_block_of_either_identifier_holds_across_the_merge() {
    let bank = Bank::start().await;
    let (old, new) = (qwac(&bank, OLD, 300), qwac(&bank, NEW, 300));
    new.register(CIC).await;
    let client = old.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let access = tokens["access_token"].as_str().unwrap();
    merged(&bank, OLD, NEW, &[]).await;
    until_accepted(&client.over(&new)).await;
    for (blocked, old_is_out, new_is_out) in [(OLD, true, false), (NEW, true, true)] {
        let id = bank.block(&["--organisation", blocked]).await;
        let began = Instant::now();
        while client.client_credentials().await.status != 401 {
            assert!(began.elapsed() < SECOND, "the block of {blocked} is not in force");
        }
        for (tpp, out) in [(&old, old_is_out), (&new, new_is_out)] {
            let status = client.over(tpp).client_credentials().await.status;
            assert_eq!(status, if out { 401 } else { 200 }, "{blocked} blocked, {} comes", tpp.organisation);
            assert_eq!(active_with(&bank, access, tpp).await, !out, "{blocked} blocked, {} asks", tpp.organisation);
        }
        bank.unblock(&id).await;
        assert!(until_accepted(&client).await < 2 * SECOND);
    }
}
