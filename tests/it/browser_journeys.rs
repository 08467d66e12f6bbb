//! Journeys in a real browser: what the customer clicks, in what the bank's pages do to Chromium.

use crate::{
    harness::{
        Bank, Brand, Browser, CIC, LBP, Landing,
        browser::{DESKTOP, PHONE},
        tpp::{CALLBACK, Client, STATE},
    },
    sca_outcomes::{OUTCOMES, spelling},
};
use guichet::oauth::tpp::PspRole;

pub const LANGS: [&str; 4] = ["de", "en", "es", "fr"];

/// The TPP's link, in one language.
pub fn link(client: &Client<'_>, channel: &str, lang: &str) -> String {
    client.authorize_url(channel, "aisp", &[("ui_locales", Some(lang))]).replace("/oauth2/fr/", &format!("/oauth2/{lang}/"))
}

async fn a_client(bank: &Bank, brand: Brand) -> Client<'_> {
    bank.tpp([PspRole::AccountInformation]).register(brand).await
}

async fn approved(browser: &Browser, client: &Client<'_>, channel: &str, lang: &str) -> Landing {
    browser.go(&link(client, channel, lang)).await;
    browser.sign_in("approves").await;
    browser.decide("approve").await;
    browser.landed().await
}

#[track_caller]
fn came_home(landing: &Landing, client: &Client<'_>) {
    let issuer = client.tpp.bank.issuer(client.brand);
    assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, STATE, issuer.as_str()));
}

/// With scripts and without: the last page leaves by a navigation of its own, which `form-action` does not stop.
async fn approves_everywhere(brand: Brand) {
    let bank = Bank::start().await;
    let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
    for (channel, ..) in brand.channels {
        for (lang, screen, scripts) in
            LANGS.into_iter().zip([PHONE, DESKTOP, PHONE, DESKTOP]).zip([true, false, false, true]).map(|((l, s), j)| (l, s, j))
        {
            browser.resize(screen).await;
            browser.scripts(scripts).await;
            let landing = approved(&browser, &client, channel, lang).await;
            came_home(&landing, &client);
            client.redeem(channel, "aisp", landing.code()).await.ok(200);
        }
    }
}

#[tokio::test]
async fn cic_approves_in_every_language_on_phone_and_desktop() {
    approves_everywhere(CIC).await;
}

#[tokio::test]
async fn labanquepostale_approves_on_every_channel_in_every_language() {
    approves_everywhere(LBP).await;
}

async fn every_failure(brand: Brand, channel: &str) {
    let bank = Bank::start().await;
    let (client, browser) = (a_client(&bank, brand).await, Browser::of_size(PHONE).await);
    for (at, (reason, ..)) in OUTCOMES.into_iter().enumerate() {
        browser.scripts(at % 2 == 0).await;
        browser.go(&link(&client, channel, LANGS[at % 4])).await;
        browser.sign_in(reason).await;
        let landing = browser.taken_home().await;
        came_home(&landing, &client);
        assert_eq!(landing.get("error"), spelling(brand, channel, reason), "{reason}");
    }
}

#[tokio::test]
async fn every_failure_comes_home_from_cic() {
    every_failure(CIC, "web").await;
}

#[tokio::test]
async fn every_failure_comes_home_from_labanquepostale() {
    every_failure(LBP, "web").await;
    every_failure(LBP, "pph").await;
}
