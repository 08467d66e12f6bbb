//! App2App: where the bank's app is expected. The pages that a browser meets there, and how a journey survives.

use crate::harness::{
    Bank, BankOptions, Brand, LBP,
    psu::Psu,
    tpp::{CALLBACK, Client, STATE},
};
use guichet::oauth::tpp::PspRole;
use reqwest::Method;
use time::Duration;

/// The shipped bank with other lines, as a bank file of its own.
fn with_bank_file(change: impl FnOnce(&str) -> String) -> BankOptions {
    let text = change(include_str!("../../config/banks/labanquepostale.toml"));
    BankOptions { bank_file: Some((LBP, text)), ..BankOptions::default() }
}

async fn client_of(bank: &Bank, brand: Brand) -> Client<'_> {
    bank.tpp([PspRole::AccountInformation]).register(brand).await
}

#[tokio::test]
async fn a_browser_where_the_app_is_expected_may_go_on_and_that_is_kept() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    for channel in ["pph", "pmo"] {
        let url = client.authorize_url(channel, "aisp", &[]);
        let mut psu = Psu::arrive(&bank, LBP, &url).await;
        assert_eq!(psu.page.status, 200, "under the URL that the app claims: {:?}", psu.page);
        assert!(psu.page.body.contains("value=\"cancel\"") && !psu.page.body.contains("name=\"password\""), "{:?}", psu.page);
        // a form of a later step does nothing yet
        psu.post(&[("customer", "approves"), ("password", "sandbox"), ("decision", "sign_in")]).await;
        assert!(psu.page.body.contains("value=\"continue_here\""), "{:?}", psu.page);
        psu.post(&[("decision", "approve")]).await;
        assert!(psu.page.body.contains("value=\"continue_here\""), "{:?}", psu.page);
        // twice at once is once
        let (one, two) = tokio::join!(psu.click(&[("decision", "continue_here")]), psu.click(&[("decision", "continue_here")]));
        assert_eq!((one.status, two.status), (303, 303));
        psu.look().await;
        assert!(psu.page.body.contains("name=\"password\""), "{:?}", psu.page);
        assert_eq!(bank.audited("app_fallback", channel).await, 1);
        let code = psu.approve().await.code().to_owned();
        for (other, ..) in LBP.channels.iter().filter(|(name, ..)| *name != channel) {
            let url = client.authorize_url(channel, "aisp", &[]);
            let code = Psu::open(&bank, LBP, &url).await.approve().await.code().to_owned();
            client.redeem(other, "aisp", &code).await.refused(400, "invalid_grant");
            client.redeem(channel, "aisp", &code).await.refused(400, "invalid_grant");
        }
        client.redeem(channel, "aisp", &code).await.ok(200);
    }
    let fallback: i64 = sqlx::query_scalar("select count(*) from interactions where fallback").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(fallback, 6);
}

#[tokio::test]
async fn where_the_app_is_expected_the_customer_can_cancel_or_wait_and_gets_home() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let url = client.authorize_url("pph", "aisp", &[]);
    let landing = Psu::arrive(&bank, LBP, &url).await.cancel().await;
    assert_eq!((landing.get("error"), landing.get("state")), ("SCA_PSU_CANCELLATION", STATE));
    let mut psu = Psu::arrive(&bank, LBP, &url).await;
    bank.clock.advance(Duration::seconds(300));
    psu.post(&[("decision", "continue_here")]).await;
    assert_eq!(psu.go_home().await.get("error"), "SCA_PSU_TIMEOUT");
    assert_eq!(bank.audited_kind("app_fallback").await, 0);
}

/// Killed tab, back button, reload: the TPP's link again, and the journey's own URL, show where it stands.
#[tokio::test]
async fn the_same_request_again_resumes_the_journey() {
    let bank = Bank::start().await;
    for channel in ["web", "pph"] {
        let client = client_of(&bank, LBP).await;
        let url = client.authorize_url(channel, "aisp", &[]);
        let mut psu = Psu::arrive(&bank, LBP, &url).await;
        let again = async |psu: &Psu| Psu::arrive_with(&bank, LBP, &url, &[("cookie", &psu.cookie)]).await;
        assert_eq!(again(&psu).await.journey, psu.journey, "before a step: {channel}");
        psu = Psu::open_with(&bank, LBP, &url, &[("cookie", &psu.cookie)]).await;
        psu.sign_in("approves").await;
        let resumed = again(&psu).await;
        assert_eq!((resumed.journey.as_str(), &resumed.page.body), (psu.journey.as_str(), &psu.page.body), "signed in: {channel}");
        psu.post(&[("decision", "approve")]).await;
        // approved, and killed before the way home
        let resumed = again(&psu).await;
        assert_eq!(resumed.journey, psu.journey);
        let first = resumed.go_home().await.code().to_owned();
        // the TPP's page did not load: the code is replaced
        let code = again(&psu).await.go_home().await.code().to_owned();
        client.redeem(channel, "aisp", &first).await.refused(400, "invalid_grant");
        client.redeem(channel, "aisp", &code).await.ok(200);
        // answered: the next time is a new one
        assert_ne!(again(&psu).await.journey, psu.journey, "{channel}");
        // as for another browser, another channel and another request
        let mut psu = Psu::open(&bank, LBP, &url).await;
        psu.sign_in("approves").await;
        assert_ne!(Psu::arrive(&bank, LBP, &url).await.journey, psu.journey);
        let cookie = [("cookie", psu.cookie.as_str())];
        let other = client.authorize_url("pmo", "aisp", &[]);
        assert_ne!(Psu::arrive_with(&bank, LBP, &other, &cookie).await.journey, psu.journey);
        let other = client.authorize_url(channel, "aisp", &[("state", Some("other"))]);
        assert_ne!(Psu::arrive_with(&bank, LBP, &other, &cookie).await.journey, psu.journey);
        // cancelled, idle for too long: the customer comes to try again
        psu.post(&[("decision", "cancel")]).await;
        let fresh = again(&psu).await;
        assert_ne!(fresh.journey, psu.journey);
        bank.clock.advance(Duration::seconds(300));
        assert_ne!(again(&fresh).await.journey, fresh.journey);
    }
}

/// A URL that is the same for everybody brings nobody into another's journey at a shared browser.
#[tokio::test]
async fn a_request_without_state_and_challenge_is_nobodys_own() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let url = client.authorize_url("web", "aisp", &[("state", None), ("code_challenge", None), ("code_challenge_method", None)]);
    let mut psu = Psu::open(&bank, LBP, &url).await;
    psu.sign_in("approves").await;
    let next = Psu::open_with(&bank, LBP, &url, &[("cookie", &psu.cookie)]).await;
    assert_ne!(next.journey, psu.journey);
    assert!(next.page.body.contains("name=\"password\""), "{:?}", next.page);
}

#[tokio::test]
async fn a_segment_may_refuse_browsers_at_once() {
    let bank = Bank::with(with_bank_file(|text| text.replace("fallback = \"web\"", "fallback = \"error\""))).await;
    let client = client_of(&bank, LBP).await;
    let landing = Psu::arrive(&bank, LBP, &client.authorize_url("pph", "aisp", &[])).await.landed();
    assert_eq!((landing.uri.as_str(), landing.get("error")), (CALLBACK, "SCA_PSU_DEVICE_ERROR"));
    assert_eq!((landing.get("state"), landing.get("iss")), (STATE, bank.issuer(LBP).as_str()));
    client.approved("web", "aisp").await.code();
    let begun: i64 =
        sqlx::query_scalar("select count(*) from interactions where channel = 'pph'").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(begun, 0);
}

/// Nobody signs customers in, and no app can be opened: the TPP is told at once. With an app to open, that is offered alone.
#[tokio::test]
async fn without_pages_to_sign_in_the_app_is_all_there_is() {
    let app = "[[brand.app]]\nchannel = \"pph\"\nopen_url = \"com.banque.app://authorize\"\n";
    let options = BankOptions { one_brand_extra: Some((LBP, app.to_owned())), production: true, ..BankOptions::default() };
    let bank = Bank::with(options).await;
    let client = client_of(&bank, LBP).await;
    let landing = Psu::arrive(&bank, LBP, &client.authorize_url("pmo", "aisp", &[])).await.landed();
    assert_eq!(landing.get("error"), "TPP_ENROLLMENT_TECHNICAL_ERROR");
    let url = client.authorize_url("pph", "aisp", &[]);
    let mut psu = Psu::arrive(&bank, LBP, &url).await;
    let query = url.split_once('?').unwrap().1;
    let open = format!("href=\"com.banque.app://authorize?{}\"", query.replace('&', "&#38;"));
    assert!(psu.page.body.contains(&open), "{open} {:?}", psu.page);
    assert!(!psu.page.body.contains("value=\"continue_here\""), "{:?}", psu.page);
    let reply = psu.click(&[("decision", "continue_here")]).await;
    assert_eq!(reply.status, 303, "a made-up form goes nowhere");
    psu.look().await;
    assert!(!psu.page.body.contains("value=\"continue_here\""), "{:?}", psu.page);
    assert_eq!(psu.cancel().await.get("error"), "SCA_PSU_CANCELLATION");
    bank.browser().send(Method::GET, &url, &[], "").await.ok(200);
}
