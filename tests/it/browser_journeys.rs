//! Journeys in a real browser: what the customer clicks, in what the bank's pages do to Chromium.

use crate::{
    harness::{
        Bank, Brand, Browser, CIC, LBP, Landing,
        bank::BRANDS,
        browser::{DESKTOP, ENTER, NARROW, PHONE, SPACE, TAB, ZOOMED},
        elsewhere::Elsewhere,
        tpp::{CALLBACK, Client, STATE},
    },
    sca_outcomes::{OUTCOMES, spelling},
};
use guichet::oauth::tpp::PspRole;
use std::{
    env, fs,
    process::{Command, Stdio},
    thread,
    time::Instant,
};
use time::Duration;

pub const LANGS: [&str; 4] = ["de", "en", "es", "fr"];

/// The TPP's link, in one language.
pub fn link(client: &Client<'_>, channel: &str, lang: &str) -> String {
    link_for(client, channel, lang, "aisp")
}

pub fn link_for(client: &Client<'_>, channel: &str, lang: &str, scope: &str) -> String {
    in_language(&client.authorize_url(channel, scope, &[]), lang)
}

/// A link of either bank: one has the language in its path.
pub fn in_language(url: &str, lang: &str) -> String {
    format!("{url}&ui_locales={lang}").replace("/oauth2/fr/", &format!("/oauth2/{lang}/"))
}

/// The customer's browser on the sign-in page.
pub async fn begun(browser: &Browser, client: &Client<'_>, channel: &str, lang: &str) {
    browser.begin(&link(client, channel, lang)).await;
    browser.until("the sign-in page", async || browser.has("button[value=sign_in]").await).await;
}

async fn a_client(bank: &Bank, brand: Brand) -> Client<'_> {
    bank.tpp([PspRole::AccountInformation]).register(brand).await
}

async fn approved(browser: &Browser, client: &Client<'_>, channel: &str, lang: &str) -> Landing {
    browser.begin(&link(client, channel, lang)).await;
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
        browser.begin(&link(&client, channel, LANGS[at % 4])).await;
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

/// Two clicks before the first one's answer came: one approval.
#[tokio::test]
async fn a_double_click_approves_once() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        browser.begin(&link(&client, "web", "en")).await;
        browser.fill("input[name=customer]", "approves").await;
        browser.fill("input[name=password]", "sandbox").await;
        browser.double_click("button[value=sign_in]").await;
        browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
        browser.double_click("button[value=approve]").await;
        client.redeem("web", "aisp", browser.landed().await.code()).await.ok(200);
    }
    assert_eq!(bank.audited("interaction_approved", "").await, 2);
}

/// From each page back to the one before, and on again; from the TPP back to the bank, and no second code.
#[tokio::test]
async fn the_back_button_repeats_nothing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        browser.languages("en").await;
        let start = Elsewhere::get().page("tpp.example", &format!("<a href=\"{}\">Connect</a>", escaped(&link(&client, "web", "en"))));
        browser.go(&start).await;
        browser.click("a").await;
        browser.sign_in("approves").await;
        browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
        browser.back().await;
        if browser.url().await == start {
            browser.forward().await;
        }
        // the sign-in form where the browser kept it; sent again, it changes nothing
        if browser.has("button[value=sign_in]").await {
            browser.sign_in("technical").await;
        }
        browser.decide("approve").await;
        let landing = browser.landed().await;
        client.redeem("web", "aisp", landing.code()).await.ok(200);
        for _ in 0..2 {
            browser.back().await;
            if browser.url().await == start {
                break;
            }
            browser.until("the notice", async || browser.text().await.contains("already")).await;
            assert!(browser.url().await.starts_with(&bank.issuer(brand)), "{}", browser.url().await);
        }
        assert_eq!(bank.audited("sign_in_failed", "").await, 0);
    }
    assert_eq!((bank.audited("interaction_approved", "").await, bank.audited("code_issued", "").await), (2, 2));
}

/// A killed tab, a killed browser, lost cookies: it goes on, or says so, and the TPP's link begins anew.
#[tokio::test]
async fn a_lost_tab_resumes_and_lost_cookies_start_again() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, mut browser) = (a_client(&bank, brand).await, Browser::of_size(PHONE).await);
        for channel in ["web", brand.channels.last().unwrap().0] {
            begun(&browser, &client, channel, "de").await;
            let journey = browser.url().await;
            browser.lose_tab().await;
            browser.go(&journey).await;
            browser.sign_in("approves").await;
            browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
            browser.restart().await;
            browser.go(&journey).await;
            browser.decide("approve").await;
            client.redeem(channel, "aisp", browser.landed().await.code()).await.ok(200);
        }
        browser.begin(&link(&client, "web", "de")).await;
        browser.forget_cookies().await;
        browser.reload().await;
        browser.until("a notice", async || browser.has("h1").await && !browser.has("form").await).await;
        came_home(&approved(&browser, &client, "web", "de").await, &client);
    }
}

/// Cancel is on every page, and five idle minutes end the session.
#[tokio::test]
async fn cancelling_and_waiting_too_long_come_home() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::of_size(PHONE).await);
        for (signed_in, scripts) in [(false, true), (true, false)] {
            browser.scripts(scripts).await;
            for (idle, reason) in [(0, "cancelled"), (300, "timed_out")] {
                browser.begin(&link(&client, "web", "fr")).await;
                if signed_in {
                    browser.sign_in("approves").await;
                    browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
                }
                bank.clock.advance(Duration::seconds(idle));
                browser.decide("cancel").await;
                let landing = if idle == 0 { browser.landed().await } else { browser.taken_home().await };
                came_home(&landing, &client);
                assert_eq!(landing.get("error"), spelling(brand, "web", reason));
            }
        }
    }
}

/// Moves the focus with the Tab key to what has this name. On its way everything that has the focus shows it.
pub async fn tab_to(browser: &Browser, name: &str) {
    for _ in 0..40 {
        browser.press(TAB).await;
        let Some(focus) = browser.focus().await else { continue };
        assert!(focus.on_screen && focus.outline >= 2.0, "{focus:?}");
        if focus.name == name {
            return;
        }
    }
    panic!("Tab never came to {name}; at {} there is: {}", browser.url().await, browser.text().await);
}

/// Without mouse and finger, from the TPP's link to the way home.
#[tokio::test]
async fn a_whole_journey_needs_the_keyboard_only() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        for (screen, key, decision) in [(DESKTOP, ENTER, "approve"), (ZOOMED, SPACE, "approve"), (NARROW, SPACE, "cancel")] {
            browser.resize(screen).await;
            browser.begin(&link(&client, "web", "es")).await;
            tab_to(&browser, "customer").await;
            browser.press("approves").await;
            tab_to(&browser, "password").await;
            browser.press("sandbox").await;
            tab_to(&browser, "sign_in").await;
            browser.press(key).await;
            browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
            tab_to(&browser, decision).await;
            browser.press(key).await;
            let landing = browser.landed().await;
            if decision == "approve" {
                client.redeem("web", "aisp", landing.code()).await.ok(200);
            } else {
                assert_eq!(landing.get("error"), spelling(brand, "web", "cancelled"));
            }
        }
        // Enter in the last field signs in, too
        browser.begin(&link(&client, "web", "es")).await;
        browser.fill("input[name=customer]", "approves").await;
        tab_to(&browser, "password").await;
        browser.press(&format!("sandbox{ENTER}")).await;
        browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
    }
}

/// Why the last page leaves by a navigation of its own: Chromium follows no form's redirect to a host that `form-action` does
/// not name (CSP 3 s6.4.1).
#[tokio::test]
async fn a_form_is_not_redirected_past_form_action() {
    let browser = Browser::open().await;
    let away = Elsewhere::get().redirect("bank.example", CALLBACK);
    let form = |policy: &str| {
        format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"><form method=\"post\" action=\"{away}\"><button>Go</button></form>"
        )
    };
    browser.go(&Elsewhere::get().page("bank.example", &form("default-src 'none'"))).await;
    browser.click("button").await;
    browser.landed().await;
    let held = Elsewhere::get().page("bank.example", &form("form-action 'self'"));
    browser.go(&held).await;
    browser.click("button").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_ne!(browser.url().await, CALLBACK);
}

fn escaped(url: &str) -> String {
    url.replace('&', "&amp;")
}

/// Parent and process group of each process.
fn processes() -> Vec<(u32, u32, u32)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let read = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(1).map(str::parse);
        Some((pid, words.next()?.ok()?, words.next()?.ok()?))
    };
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + std::time::Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what}");
        thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// However the tests end: nothing of theirs goes on running.
#[test]
#[cfg(target_os = "linux")]
fn a_killed_test_run_leaves_no_browser() {
    let test = "browser_journeys::a_form_is_not_redirected_past_form_action";
    let mut run = Command::new(env::current_exe().unwrap());
    let mut run = run.args(["--exact", test]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut groups = vec![];
    until("its browser", || {
        let all = processes();
        groups = all.iter().filter(|(pid, parent, group)| *parent == run.id() && pid == group).map(|(pid, ..)| *pid).collect();
        groups.iter().any(|group| all.iter().filter(|(_, _, of)| of == group).count() > 4)
    });
    run.kill().unwrap();
    run.wait().unwrap();
    until("the end of its browser", || !processes().iter().any(|(_, _, group)| groups.contains(group)));
}
