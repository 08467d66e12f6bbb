//! Every page in a real browser, in every language: axe-core finds nothing, it fits on every screen, and its picture is kept
//! in `target/screenshots` for people to look at.

use crate::{
    browser_journeys::{in_language, link, link_for},
    grants_of_customers::subject,
    harness::{
        Bank, Brand, Browser, CIC, Client, LBP, Psu,
        bank::pki,
        browser::{DESKTOP, PHONE, TAB},
        looks::{forget_pictures, write_index},
        samples::samples,
    },
    permissions_page::link as permissions,
};
use guichet::oauth::{brand::Lang, tpp::PspRole};
use serde_json::json;
use std::{fs, time::Duration};
use tokio::time::timeout;

/// Once in some thousand pictures Chromium never answers; the next one does. Below the driver's own deadline.
const STUCK: Duration = Duration::from_secs(45);

/// A page and how to get to it.
struct Page {
    name: String,
    way: Way,
    /// Fields to fill in and a button to press once there.
    then: Vec<(&'static str, String)>,
}

enum Way {
    /// An address, and the cookie of the browser that is on its way there.
    Open(String, Option<String>),
    /// A page that moves on at once, or that only an accident shows: as the server writes it.
    Written(String),
}

impl Page {
    fn new(name: &str, way: Way) -> Self {
        Self { name: name.to_owned(), way, then: vec![] }
    }

    fn open(name: &str, url: &str) -> Self {
        Self::new(name, Way::Open(url.to_owned(), None))
    }

    fn of_journey(name: &str, psu: &Psu) -> Self {
        Self::new(name, Way::Open(psu.journey.clone(), Some(psu.cookie.clone())))
    }

    fn then(self, steps: &[(&'static str, &str)]) -> Self {
        Self { then: steps.iter().map(|(css, text)| (*css, (*text).to_owned())).collect(), ..self }
    }

    /// Without the refresh that would take the browser away.
    fn held(name: &str, psu: &Psu) -> Self {
        let lines = psu.page.body.lines().filter(|line| !line.contains("http-equiv=\"refresh\""));
        Self::new(name, Way::Written(lines.collect::<Vec<_>>().join("\n")))
    }

    async fn show(&self, browser: &Browser, origin: &str, blank: &str) {
        match &self.way {
            Way::Open(url, cookie) => {
                browser.forget_cookies().await;
                if let Some(cookie) = cookie {
                    browser.take_cookie(origin, cookie).await;
                }
                browser.go(url).await;
            }
            Way::Written(html) => {
                // any page of the bank, for its headers and the stylesheet
                browser.go(blank).await;
                browser.show(html).await;
            }
        }
        for (css, text) in &self.then {
            if text.is_empty() { browser.click(css).await } else { browser.paste(css, text).await }
        }
        browser.until("a page with a heading", async || browser.has("h1").await).await;
    }
}

/// The customer's browser at the beginning of a journey in this language.
async fn begun(client: &Client<'_>, lang: &str, scope: &str) -> Psu {
    Psu::open(client.tpp.bank, client.brand, &link_for(client, "web", lang, scope)).await
}

async fn signed_in(client: &Client<'_>, lang: &str, scope: &str) -> Psu {
    signed_in_as("approves", client, lang, scope).await
}

async fn signed_in_as(login: &str, client: &Client<'_>, lang: &str, scope: &str) -> Psu {
    let mut psu = begun(client, lang, scope).await;
    psu.sign_in(login).await;
    psu
}

/// Before the challenge of this customer.
async fn challenged(login: &str, client: &Client<'_>, lang: &str) -> Psu {
    let mut psu = signed_in_as(login, client, lang, "aisp").await;
    psu.post(&[("decision", "approve")]).await;
    psu
}

/// Samples of pages that a journey leads to, and notices that a request brings.
const SEEN_ON_A_JOURNEY: [&str; 8] = [
    "15-accounts-one",
    "30-methods",
    "31-waiting",
    "35-code",
    "70-notice-unknownclient",
    "70-notice-wrongredirecturi",
    "70-notice-notfound",
    "70-notice-alreadyanswered",
];

/// Every page of a bank in one language.
async fn pages(bank: &Bank, client: &Client<'_>, lang: &'static str) -> Vec<Page> {
    let (brand, origin) = (client.brand, bank.origin(client.brand.psu_host));
    let mut all = vec![];
    if let Some((channel, ..)) = brand.channels.iter().find(|channel| channel.0 == "pph") {
        all.push(Page::open("01-app-offered", &link(client, channel, lang)));
    }
    let psu = begun(client, lang, "aisp").await;
    all.push(Page::of_journey("10-sign-in", &psu));
    let wrong = [("input[name=customer]", "Zoë"), ("input[name=password]", "wrong"), ("button[value=sign_in]", "")];
    all.push(Page::of_journey("11-sign-in-wrong", &psu).then(&wrong));
    for (name, scope) in [
        ("20-consent-aisp", "aisp"),
        ("21-consent-history", "aisp extended_transaction_history"),
        ("22-consent-cbpii", "cbpii"),
        ("23-consent-pisp", "pisp"),
    ] {
        all.push(Page::of_journey(name, &signed_in(client, lang, scope).await));
    }
    let lodged = client.lodge(&json!({ "payment_id": format!("pay-{lang}"), "execution_date": "2099-12-31" })).await;
    let mut psu = Psu::open(bank, brand, &in_language(&lodged.url("web"), lang)).await;
    psu.sign_in("approves").await;
    all.push(Page::of_journey("24-payment-lodged", &psu));
    all.push(Page::of_journey("14-accounts", &signed_in_as("chooses_an_account", client, lang, "cbpii").await));
    all.push(Page::of_journey("29-methods", &challenged("chooses_a_method", client, lang).await));
    all.push(Page::of_journey("33-waiting", &challenged("approves_slowly", client, lang).await));
    let psu = challenged("types_a_code", client, lang).await;
    all.push(Page::of_journey("34-code", &psu));
    let wrong = [("input[name=otp]", "000000"), ("button[value=otp]", "")];
    all.push(Page::of_journey("36-code-wrong", &psu).then(&wrong));
    all.push(Page::held("50-approved", &challenged("approves", client, lang).await));
    let psu = signed_in_as("technical", client, lang, "aisp").await;
    all.push(Page::of_journey("54-failed", &psu));
    let mut psu = begun(client, lang, "aisp").await;
    psu.post(&[("decision", "cancel")]).await;
    all.push(Page::held("51-cancelled", &psu));

    let lost = begun(client, lang, "aisp").await;
    all.push(Page::open("60-cookie-lost", &lost.journey));
    let mut used = signed_in(client, lang, "aisp").await;
    used.post(&[("decision", "approve")]).await;
    client.redeem("web", "aisp", used.fetch_answer().await.code()).await.ok(200);
    all.push(Page::new("61-answered", Way::Open(format!("{}/return", used.journey), Some(used.cookie.clone()))));
    let url = link(client, "web", lang);
    all.push(Page::open("62-unknown-client", &url.replace(&client.id, "nobody")));
    all.push(Page::open("63-wrong-redirect", &url.replace("tpp.example", "other.example")));
    all.push(Page::open("64-not-found", &format!("{origin}/nowhere")));
    let written = samples(brand, Lang::from_tag(lang).unwrap(), &format!("/{}/customers", brand.id));
    let seen = |name: &str| SEEN_ON_A_JOURNEY.contains(&name);
    all.extend(written.into_iter().filter(|(name, _)| !seen(name)).map(|(name, html)| Page::new(&name, Way::Written(html))));
    all.push(Page::open("80-customers", &format!("{origin}/{}/customers", brand.id)));
    let certificate = format!("{origin}/{}/{lang}/certificate", brand.id);
    all.push(Page::open("81-certificate", &certificate));
    for (name, file) in [("82-certificate-good", "all.pem"), ("83-certificate-bad", "expired.pem")] {
        let pem = fs::read_to_string(pki().1.file(file)).unwrap();
        all.push(Page::open(name, &certificate).then(&[("textarea[name=pasted]", &pem), ("main form button", "")]));
    }
    let psu = subject(bank, brand, "approves").await;
    let visit = async || permissions(bank, brand, json!({ "subject": psu, "language": lang })).await;
    let used = visit().await;
    all.push(Page::open("90-permissions", &used));
    all.push(Page::open("91-permissions-question", &visit().await).then(&[("main a[href*=\"/permissions/\"]", "")]));
    all.push(Page::open("92-permissions-link-used", &used));
    if lang == "en" {
        all.push(Page::open("84-developers", &format!("{origin}/{}/developers", brand.id)));
    }
    all
}

/// A page shown, its pictures kept; what is wrong with it. Colours do not depend on the language: once is enough for the dark ones.
async fn problems(browser: &Browser, page: &Page, brand: Brand, origin: &str, lang: &str, dark: bool) -> Vec<String> {
    browser.resize(PHONE).await;
    page.show(browser, origin, &format!("{origin}/{}/customers", brand.id)).await;
    let mut found = vec![];
    for screen in [PHONE, DESKTOP] {
        browser.resize(screen).await;
        browser.keep_picture(brand.id, lang, &page.name, screen.name).await;
        found.extend(browser.axe().await);
        found.extend(browser.misfits(screen).await);
    }
    if dark {
        browser.media(&[("prefers-color-scheme", "dark")]).await;
        browser.resize(PHONE).await;
        browser.keep_picture(brand.id, lang, &page.name, "dark").await;
        found.extend(browser.contrast().await.into_iter().map(|problem| format!("dark: {problem}")));
        browser.media(&[]).await;
    }
    found.extend(browser.misfits_when_enlarged().await);
    found
}

/// Shows all pages of a bank in some languages, and gathers what is wrong with them.
async fn look_at(brand: Brand, langs: [&'static str; 2]) {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation, PspRole::CardIssuing, PspRole::PaymentInitiation]).register(brand).await;
    let (mut browser, origin, mut wrong) = (Browser::open().await, bank.origin(brand.psu_host), vec![]);
    for lang in langs {
        browser.languages(lang).await;
        forget_pictures(&format!("{}/{lang}", brand.id));
        for page in pages(&bank, &client, lang).await {
            let dark = lang == langs[0];
            let found = match timeout(STUCK, problems(&browser, &page, brand, &origin, lang, dark)).await {
                Ok(found) => found,
                Err(_) => {
                    browser.replace().await;
                    browser.languages(lang).await;
                    problems(&browser, &page, brand, &origin, lang, dark).await
                }
            };
            wrong.extend(found.into_iter().map(|problem| format!("{} {lang} {}: {problem}", brand.id, page.name)));
        }
    }
    write_index();
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn cic_in_german_and_english_can_be_used_by_everybody() {
    look_at(CIC, ["de", "en"]).await;
}

#[tokio::test]
async fn cic_in_spanish_and_french_can_be_used_by_everybody() {
    look_at(CIC, ["fr", "es"]).await;
}

#[tokio::test]
async fn labanquepostale_in_german_and_english_can_be_used_by_everybody() {
    look_at(LBP, ["de", "en"]).await;
}

#[tokio::test]
async fn labanquepostale_in_spanish_and_french_can_be_used_by_everybody() {
    look_at(LBP, ["fr", "es"]).await;
}

/// What is injected into a good page is found, one by one: the checks above can fail.
#[tokio::test]
async fn what_is_wrong_with_a_page_is_found() {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation]).register(CIC).await;
    let browser = Browser::open().await;
    for (rule, damage) in [
        ("color-contrast", "document.querySelector('h1').style.color = '#999'"),
        ("label", "document.querySelector('label').remove()"),
        ("html-has-lang", "document.documentElement.removeAttribute('lang')"),
        ("button-name", "document.querySelector('button').textContent = ''"),
        ("image-alt", "document.querySelector('main').append(new Image())"),
        ("landmark-one-main", "const main = document.querySelector('main'); main.replaceWith(...main.childNodes)"),
        (
            "target-size",
            "document.querySelectorAll('button').forEach(b => b.style.cssText = 'min-height:0;height:10px;width:10px;padding:0;display:inline-block;margin:0;overflow:hidden')",
        ),
    ] {
        browser.go(&link(&client, "web", "en")).await;
        assert_eq!(browser.axe().await, [""; 0], "nothing is wrong with it");
        browser.js(damage, json!([])).await;
        let found = browser.axe().await;
        assert!(found.iter().any(|line| line.starts_with(rule)), "{rule}: {found:#?}");
    }
    for damage in [
        "const p = document.querySelector('main p'); p.style.width = '400px'",
        "const p = document.querySelector('main p'); p.style.cssText = 'height:1rem;overflow:hidden'",
        "const p = document.querySelector('main p'); p.style.cssText = 'white-space:nowrap'",
    ] {
        browser.resize(PHONE).await;
        browser.go(&link(&client, "web", "en")).await;
        assert_eq!(browser.misfits_when_enlarged().await, [""; 0]);
        browser.js(damage, json!([])).await;
        assert!(!browser.misfits_when_enlarged().await.is_empty(), "{damage}");
    }
    browser.press(TAB).await;
    assert!(browser.focus().await.unwrap().outline >= 2.0);
    let hides =
        "const sheet = new CSSStyleSheet(); sheet.replaceSync('* { outline: none !important }'); document.adoptedStyleSheets = [sheet]";
    browser.js(hides, json!([])).await;
    assert!(browser.focus().await.unwrap().outline < 2.0, "a focus that cannot be seen");
}
