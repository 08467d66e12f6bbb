//! The release before and this one on one database at the same time: the schema is brought up while the former serves, then both
//! serve, and what one gave, took or was told holds at the other.

use crate::harness::{
    Bank, BankOptions, CIC, Client, LBP, Process, Reply,
    bank::{Brand, empty_database},
    command::printed,
    previous, together,
    tpp::introspect,
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

async fn before() -> PathBuf {
    tokio::task::spawn_blocking(previous::program).await.unwrap()
}

fn this() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_guichet"))
}

fn access_token(reply: &Reply) -> String {
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

async fn is_active(bank: &Bank, brand: Brand, token: &str) -> bool {
    introspect(bank, brand, &[("token", token)]).await.ok(200).json()["active"] == true
}

/// Registered at one, redeemed at the other, refreshed at the first, known to both, revoked at the other, dead at both.
async fn crosses(one: &Bank, other: &Bank) {
    for brand in [CIC, LBP] {
        let here = one.tpp([AccountInformation, PaymentInitiation]).register(brand).await;
        let there = here.over(&other.tpp_named(&here.tpp.organisation, [AccountInformation, PaymentInitiation]));
        let payment = access_token(&there.client_credentials().await.ok(200));
        let landing = here.approved("web", "aisp").await;
        let tokens = there.redeem("web", "aisp", landing.code()).await.ok(200).json();
        let mut issued = vec![payment, tokens["access_token"].as_str().unwrap().to_owned()];
        if let Some(refresh) = tokens["refresh_token"].as_str() {
            issued.push(access_token(&here.refresh(refresh).await.ok(200)));
        }
        for token in &issued {
            assert!(is_active(one, brand, token).await && is_active(other, brand, token).await);
        }
        here.token("web", &Client::exchange("aisp", landing.code())).await.refused(400, "invalid_grant");
        // the replay ended the consent, at both
        assert!(!is_active(one, brand, &issued[1]).await && !is_active(other, brand, &issued[1]).await);
        there.revoke(&issued[0]).await.ok(200);
        assert!(!is_active(one, brand, &issued[0]).await && !is_active(other, brand, &issued[0]).await);
        assert_eq!(there.delete().await.status, 204);
        here.client_credentials().await.refused(401, "invalid_client");
    }
}

/// A TPP at work until `stop`: how many answers it got, all of them 200.
async fn work(client: &Client<'_>, refresh: &str, stop: &AtomicBool) -> usize {
    let mut answers = 0;
    while !stop.load(Ordering::SeqCst) {
        let token = access_token(&client.refresh(refresh).await.ok(200));
        assert!(client.is_active(&token).await);
        client.revoke(&token).await.ok(200);
        assert!(!client.is_active(&token).await);
        client.client_credentials().await.ok(200);
        answers += 5;
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_releases_serve_one_database() {
    let before = before().await;
    let former = Bank::unserved(BankOptions { database: Some(empty_database().await), ..BankOptions::default() }).await;
    let latter = Bank::unserved(BankOptions { database: Some(former.database.clone()), ..BankOptions::default() }).await;
    printed(&former.command_of(&before, &["migrate", "up"]).output().unwrap());
    let serving = Process::serve_with(&former, &before).await;
    let client = former.tpp([AccountInformation, PaymentInitiation]).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    // brought up, and joined by the next release, while the former works
    let stop = AtomicBool::new(false);
    let upgrade = async {
        let plan = latter.command(&["migrate", "plan"]).output().unwrap();
        println!("{}", printed(&plan));
        let mut up = latter.command(&["migrate", "up"]);
        let done = tokio::task::spawn_blocking(move || up.output().unwrap()).await.unwrap();
        printed(&done);
        let next = Process::serve_with(&latter, this()).await;
        crosses(&former, &latter).await;
        crosses(&latter, &former).await;
        stop.store(true, Ordering::SeqCst);
        next
    };
    let (answers, next) = tokio::join!(together((0..4).map(|_| work(&client, refresh, &stop))), upgrade);
    println!("{} answers of the former release while the schema was brought up, none of them wrong", answers.iter().sum::<usize>());
    // a former one that is started again, after a fall back say
    drop(serving);
    let again = Process::serve_with(&former, &before).await;
    crosses(&former, &latter).await;
    assert!(is_active(&latter, CIC, tokens["access_token"].as_str().unwrap()).await);
    for process in [&again, &next] {
        let log = process.log();
        assert!(!log.contains("ERROR") && !log.contains("\"level\":\"ERROR\""), "{log}");
    }
}
