//! What lies between the consent page and the way home, in a real browser: waiting for the app, a one-time code, a choice of
//! methods and accounts; with script and without, with the keyboard alone.

use crate::{
    browser_journeys::{begun, in_language, link_for, tab_to},
    harness::{
        Bank, Browser, Client,
        bank::BRANDS,
        browser::{DOWN, ENTER, PHONE, SPACE},
    },
    sca_outcomes::spelling,
};
use guichet::{oauth::tpp::PspRole, sca::simulator::CODE};
use serde_json::json;
use time::Duration;

/// Before the challenge of this customer.
async fn challenged(browser: &Browser, client: &Client<'_>, login: &str, lang: &str) {
    begun(browser, client, "web", lang).await;
    browser.sign_in(login).await;
    browser.decide("approve").await;
}

/// The page asks how the journey stands, and without script reloads itself; either way it goes on when the app has answered.
#[tokio::test]
async fn waiting_goes_on_by_itself_with_script_and_without() {
    let bank = Bank::start().await;
    for (brand, scripts) in BRANDS.into_iter().flat_map(|brand| [(brand, true), (brand, false)]) {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let browser = Browser::of_size(PHONE).await;
        browser.scripts(scripts).await;
        challenged(&browser, &client, "approves_slowly", "fr").await;
        browser.until("the waiting page", async || browser.has("[role=status]").await).await;
        let journey = browser.url().await;
        browser.lose_tab().await;
        browser.scripts(scripts).await;
        browser.go(&journey).await;
        browser.until("the waiting page again", async || browser.has("[role=status]").await).await;
        bank.clock.advance(Duration::seconds(10));
        client.redeem("web", "aisp", browser.landed().await.code()).await.ok(200);
    }
}

/// Whatever ends the waiting, the customer comes home with it.
#[tokio::test]
async fn waiting_that_ends_badly_comes_home() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let browser = Browser::of_size(PHONE).await;
        for (login, seconds, reason) in [
            ("cancels_in_app", 6, "cancelled"),
            ("mistypes_pin_in_app", 6, "blocked_after_failures"),
            ("app_breaks_down", 6, "technical"),
            ("never_answers", 200, "timed_out"),
        ] {
            challenged(&browser, &client, login, "de").await;
            browser.until("the waiting page", async || browser.has("[role=status]").await).await;
            bank.clock.advance(Duration::seconds(seconds));
            assert_eq!(browser.taken_home().await.get("error"), spelling(brand, "web", reason), "{login}");
        }
        challenged(&browser, &client, "never_answers", "de").await;
        browser.until("the waiting page", async || browser.has("[role=status]").await).await;
        browser.decide("cancel").await;
        assert_eq!(browser.landed().await.get("error"), spelling(brand, "web", "cancelled"));
    }
}

/// A wrong code is told and asked for again; the right one, by keyboard alone, leads home; too many end it.
#[tokio::test]
async fn a_code_is_typed_mistyped_and_sent_twice() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let browser = Browser::open().await;
        challenged(&browser, &client, "types_a_code", "en").await;
        browser.fill("input[name=otp]", "000000").await;
        browser.decide("otp").await;
        browser.until("the problem", async || browser.has("[role=alert]").await).await;
        tab_to(&browser, "otp").await;
        browser.press(&format!("{CODE}{ENTER}")).await;
        client.redeem("web", "aisp", browser.landed().await.code()).await.ok(200);

        challenged(&browser, &client, "types_a_code", "es").await;
        browser.fill("input[name=otp]", CODE).await;
        browser.double_click("button[value=otp]").await;
        client.redeem("web", "aisp", browser.landed().await.code()).await.ok(200);

        browser.scripts(false).await;
        challenged(&browser, &client, "types_a_code", "fr").await;
        for _ in 0..3 {
            browser.fill("input[name=otp]", "000000").await;
            browser.decide("otp").await;
        }
        assert_eq!(browser.taken_home().await.get("error"), spelling(brand, "web", "otp_suspended"));
    }
    assert_eq!(bank.audited("interaction_approved", "").await, 4);
}

/// By keyboard: the method, then what it asks.
#[tokio::test]
async fn a_method_is_chosen_and_changed() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let browser = Browser::of_size(PHONE).await;
        challenged(&browser, &client, "chooses_a_method", "en").await;
        browser.until("the methods", async || browser.has("button[name=method]").await).await;
        tab_to(&browser, "app").await;
        browser.press(ENTER).await;
        browser.until("the waiting page", async || browser.has("[role=status]").await).await;
        browser.decide("other_method").await;
        browser.until("the methods", async || browser.has("button[name=method]").await).await;
        tab_to(&browser, "sms").await;
        browser.press(SPACE).await;
        browser.fill("input[name=otp]", CODE).await;
        browser.decide("otp").await;
        client.redeem("web", "aisp", browser.landed().await.code()).await.ok(200);
    }
}

/// By keyboard: one account of several; the page after it names the account.
#[tokio::test]
async fn an_account_is_chosen_with_the_keyboard() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        for scripts in [true, false] {
            let browser = Browser::of_size(PHONE).await;
            browser.scripts(scripts).await;
            browser.begin(&link_for(&client, "web", "fr", "cbpii")).await;
            browser.sign_in("chooses_an_account").await;
            browser.until("the accounts", async || browser.has("input[name=account]").await).await;
            // nothing chosen: the browser itself asks for a choice
            browser.decide_in_vain("accounts").await;
            assert!(browser.has("input[name=account]").await);
            tab_to(&browser, "account").await;
            browser.press(&format!("{DOWN}{SPACE}")).await;
            tab_to(&browser, "accounts").await;
            browser.press(ENTER).await;
            browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
            assert!(browser.text().await.contains("Compte joint"), "{}", browser.text().await);
            browser.decide("approve").await;
            client.redeem("web", "cbpii", browser.landed().await.code()).await.ok(200);
        }
    }
}

/// What was lodged stands on the page as the language writes it, is approved once, and so is its cancellation.
#[tokio::test]
async fn a_lodged_payment_is_read_and_confirmed() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let browser = Browser::of_size(PHONE).await;
        for (lang, amount, date, kind) in [
            ("de", "1.234,50", "31. Dezember 2099", "initiation"),
            ("en", "1,234.50", "31 December 2099", "cancellation"),
            ("es", "1234,50", "31 de diciembre de 2099", "initiation"),
            ("fr", "1 234,50", "31 décembre 2099", "initiation"),
        ] {
            let payment = json!({ "payment_id": format!("pay-{lang}"), "kind": kind, "execution_date": "2099-12-31" });
            let lodged = client.lodge(&payment).await;
            let link = in_language(&lodged.url("web"), lang);
            browser.begin(&link).await;
            browser.sign_in("approves").await;
            browser.until("the payment", async || browser.has("button[value=approve]").await).await;
            let text = browser.text().await.replace(['\u{a0}', '\u{202f}'], " ");
            for shown in [amount, date, "Librairie des Arts", "FR76 3000 6000 0112 3456 7890 189"] {
                assert!(text.contains(shown), "{shown}: {text}");
            }
            browser.double_click("button[value=approve]").await;
            client.redeem("web", "pisp", browser.landed().await.code()).await.ok(200);
            // the same link again
            browser.go(&link).await;
            let again = browser.taken_home().await;
            assert!(again.params.contains_key("error") && !again.params.contains_key("code"), "{again:?}");
        }
    }
}
