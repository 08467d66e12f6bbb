//! The bank's SCA on our pages: the reference back end completes every journey of both banks, channel by channel.

use crate::harness::{
    Bank, Landing,
    bank::BRANDS,
    psu::Psu,
    sca::{
        reference::{CODE, FAILURES, PASSWORD, STATES},
        reference_bank,
    },
    together,
    tpp::{CALLBACK, Client, STATE},
};
use guichet::oauth::{
    sca::ScaFailure,
    tpp::PspRole::{AccountInformation, CardIssuing},
};
use time::Duration;

/// Home with an error, whatever the channel's spelling of it.
#[track_caller]
pub fn home_with_error(landing: &Landing) {
    assert_eq!((landing.uri.as_str(), landing.get("state")), (CALLBACK, STATE), "{landing:?}");
    assert!(landing.params.contains_key("error") && !landing.params.contains_key("code"), "{landing:?}");
}

async fn signed_in<'a>(client: &Client<'a>, channel: &str, scope: &str, login: &str) -> Psu {
    let mut psu = client.authorize(channel, scope).await;
    // the channels of the app offer it first
    if psu.page.body.contains("continue_here") {
        psu.post(&[("decision", "continue_here")]).await;
    }
    psu.name(login, PASSWORD).await;
    psu
}

async fn redeemed(client: &Client<'_>, channel: &str, scope: &str, psu: &Psu) {
    let code = psu.go_home().await.code().to_owned();
    client.redeem(channel, scope, &code).await.ok(200);
}

#[tokio::test]
async fn the_reference_back_end_completes_every_journey() {
    let (bank, _) = reference_bank().await;
    for brand in BRANDS {
        let client = bank.tpp([AccountInformation, CardIssuing]).register(brand).await;
        for (channel, ..) in brand.channels {
            // one method, in the app: no choice, a page that waits
            let mut psu = signed_in(&client, channel, "aisp", "anna").await;
            psu.post(&[("decision", "approve")]).await;
            let decoupled_or_web = psu.page.body.contains("/status");
            assert!(decoupled_or_web, "{:?}", psu.page);
            assert_eq!(psu.status().await, "waiting");
            bank.clock.advance(Duration::seconds(2));
            assert_eq!(psu.status().await, "moved");
            psu.look().await;
            redeemed(&client, channel, "aisp", &psu).await;

            // one of three accounts, one of two methods
            let mut psu = signed_in(&client, channel, "cbpii", "carla").await;
            assert!(psu.page.body.contains("carla-3"), "{:?}", psu.page);
            psu.post(&[("decision", "accounts")]).await;
            assert!(psu.page.body.contains("carla-3"), "nothing was chosen: {:?}", psu.page);
            psu.post(&[("decision", "accounts"), ("account", "somebody-else")]).await;
            assert!(psu.page.body.contains("carla-3"), "only what was offered: {:?}", psu.page);
            psu.post(&[("decision", "accounts"), ("account", "carla-2")]).await;
            psu.post(&[("decision", "approve")]).await;
            let by_code = psu.page.body.contains("value=\"sms\"");
            if by_code {
                psu.post(&[("decision", "method"), ("method", "sms")]).await;
                psu.post(&[("decision", "otp"), ("otp", "000000")]).await;
                assert!(psu.page.body.contains("role=\"alert\""), "{:?}", psu.page);
                psu.post(&[("decision", "otp"), ("otp", CODE)]).await;
            } else {
                bank.clock.advance(Duration::seconds(2));
                psu.look().await;
            }
            redeemed(&client, channel, "cbpii", &psu).await;

            for login in FAILURES.iter().chain(&STATES) {
                let mut psu = signed_in(&client, channel, "aisp", login).await;
                psu.post(&[("decision", "approve")]).await;
                bank.clock.advance(Duration::seconds(2));
                psu.look().await;
                home_with_error(&psu.go_home().await);
                assert!(bank.audited("interaction_failed", login).await > 0, "{login}");
            }
        }
    }
}

#[tokio::test]
async fn the_bank_counts_attempts_and_a_new_journey_gives_no_fresh_ones() {
    let (bank, _) = reference_bank().await;
    let client = bank.tpp([AccountInformation]).register(BRANDS[0]).await;
    let mut psu = client.authorize("web", "aisp").await;
    for last in [false, false, true] {
        psu.name("anna", "wrong").await;
        assert_eq!(psu.page.body.contains("role=\"alert\""), !last, "{:?}", psu.page);
    }
    home_with_error(&psu.go_home().await);
    let psu = signed_in(&client, "web", "aisp", "anna").await;
    home_with_error(&psu.go_home().await);
    assert_eq!(bank.audited("interaction_failed", "suspended").await, 1);

    let mut psu = signed_in(&client, "web", "aisp", "ben").await;
    psu.post(&[("decision", "approve")]).await;
    for _ in 0..3 {
        psu.post(&[("decision", "otp"), ("otp", "111111")]).await;
    }
    home_with_error(&psu.go_home().await);
    assert_eq!(bank.audited("interaction_failed", "otp_suspended").await, 1);
}

/// Clicks, tabs and reloads all ask for one challenge; the bank hears of it when nobody waits any more.
#[tokio::test]
async fn a_crowd_of_clicks_asks_for_one_challenge_and_cancelling_ends_it_at_the_bank() {
    let (bank, reference) = reference_bank().await;
    let client = bank.tpp([AccountInformation]).register(BRANDS[0]).await;
    let mut psu = signed_in(&client, "web", "aisp", "carla").await;
    psu.post(&[("decision", "approve")]).await;
    together((0..8).map(|_| psu.click(&[("decision", "method"), ("method", "app")]))).await;
    assert_eq!(reference.challenges(), 1);
    psu.look().await;
    psu.post(&[("decision", "other_method")]).await;
    assert!(psu.page.body.contains("value=\"sms\""), "{:?}", psu.page);
    settled(&reference).await;
    psu.post(&[("decision", "method"), ("method", "app")]).await;
    assert_eq!(reference.challenges(), 2, "another one: the first is not taken up again");
    home_with_error(&psu.cancel().await);
}

/// The bank is told beside the answer.
async fn settled(reference: &crate::harness::sca::Reference) {
    for _ in 0..200 {
        if reference.was_cancelled() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the bank was not told");
}

/// A page that waits by itself keeps nobody's session alive, and an approval after the deadline is none.
#[tokio::test]
async fn waiting_is_no_sign_of_life() {
    let (bank, _) = reference_bank().await;
    let client = bank.tpp([AccountInformation]).register(BRANDS[0]).await;
    let mut psu = signed_in(&client, "web", "aisp", "ben").await;
    psu.post(&[("decision", "approve")]).await;
    for _ in 0..299 {
        bank.clock.advance(Duration::seconds(1));
    }
    psu.look().await;
    assert!(psu.page.body.contains("name=\"otp\""), "{:?}", psu.page);
    bank.clock.advance(Duration::seconds(1));
    psu.post(&[("decision", "otp"), ("otp", CODE)]).await;
    home_with_error(&psu.go_home().await);
    assert_eq!(bank.audited("interaction_failed", "timed_out").await, 1);
    assert_eq!(bank.audited("interaction_approved", "").await, 0);
}

/// Nothing of it for strangers.
#[tokio::test]
async fn the_status_of_a_journey_is_for_its_browser() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(BRANDS[0]).await;
    let mut psu = client.authorize("web", "aisp").await;
    psu.sign_in("approves_slowly").await;
    psu.post(&[("decision", "approve")]).await;
    let status = format!("{}/status", psu.journey);
    assert_eq!(bank.browser().get(&status).await.ok(403).json()["state"], "moved");
    let nobodys = format!("{}/cic/journeys/{}/status", bank.origin(BRANDS[0].psu_host), "0".repeat(32));
    bank.browser().get(&nobodys).await.ok(404);
    assert_eq!(psu.status().await, "waiting");
    bank.clock.advance(Duration::seconds(8));
    assert_eq!(psu.status().await, "moved");
    psu.look().await;
    redeemed(&client, "web", "aisp", &psu).await;
}

/// Each scripted customer whose challenge takes its time ends as the published list says.
#[tokio::test]
async fn the_sandboxes_patient_customers_do_what_is_listed() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation, CardIssuing]).register(BRANDS[0]).await;
    for customer in guichet::sca::simulator::customers().skip(16) {
        let mut psu = client.authorize("web", "cbpii").await;
        psu.sign_in(customer.login).await;
        if customer.script.accounts.len() > 1 {
            psu.post(&[("decision", "accounts"), ("account", "account-2")]).await;
        }
        psu.post(&[("decision", "approve")]).await;
        if customer.script.methods.len() > 1 {
            psu.post(&[("decision", "method"), ("method", "sms")]).await;
        }
        if psu.page.body.contains("name=\"otp\"") {
            psu.post(&[("decision", "otp"), ("otp", "654321")]).await;
            psu.post(&[("decision", "otp"), ("otp", guichet::sca::simulator::CODE)]).await;
        } else if !psu.page.body.contains("/return") {
            assert_eq!(psu.status().await, "waiting", "{}", customer.login);
            let patience = if customer.script.outcome() == Some(ScaFailure::TimedOut) { 120 } else { 10 };
            bank.clock.advance(Duration::seconds(patience));
            psu.look().await;
        }
        match customer.script.outcome() {
            None => redeemed(&client, "web", "cbpii", &psu).await,
            Some(failure) => {
                home_with_error(&psu.go_home().await);
                bank.expect_audit("interaction_failed", failure.name()).await;
            }
        }
    }
}
