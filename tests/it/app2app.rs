//! App2App: where the bank's app is expected. The pages that a browser meets there, and how a journey survives.

use crate::{
    handoff::BackEnd,
    harness::{
        Bank, BankOptions, Brand, CIC, LBP, Landing, Reply,
        bank::BRANDS,
        psu::Psu,
        together,
        tpp::{CALLBACK, Client, STATE},
    },
};
use guichet::oauth::tpp::PspRole;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

/// The shipped bank with other lines, as a bank file of its own.
pub fn with_bank_file(change: impl FnOnce(&str) -> String) -> BankOptions {
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
    // nor does one customer's answer in the app close another's tab
    let url = client.authorize_url("pph", "aisp", &[("state", None), ("code_challenge", None), ("code_challenge_method", None)]);
    let mut tab = Psu::arrive(&bank, LBP, &url).await;
    approved_in_app(&bank, &url).await.code();
    tab.post(&[("decision", "continue_here")]).await;
    assert!(tab.page.body.contains("name=\"password\""), "{:?}", tab.page);
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

const PRINTS: [&str; 2] = [
    "FA:C6:17:45:DC:09:03:78:6F:B9:ED:E6:2A:96:2B:39:9F:73:48:F0:BB:6F:89:9B:83:32:66:75:91:03:3B:9C",
    "00:C6:17:45:DC:09:03:78:6F:B9:ED:E6:2A:96:2B:39:9F:73:48:F0:BB:6F:89:9B:83:32:66:75:91:03:3B:9C",
];
const APPLE: &str = "/.well-known/apple-app-site-association";
const ANDROID: &str = "/.well-known/assetlinks.json";

/// A bank with a third segment, whose path holds a language.
fn third_segment(text: &str) -> String {
    let spelling = text.split("name = \"pmo\"").nth(1).unwrap().split("[channel.sca_errors]").nth(1).unwrap().split("\n[").next().unwrap();
    let row = "[[channel]]\nname = \"vip\"\nauthorize = \"/vip/{lang}/authorize\"\ntoken = \"/vip/token\"\nclient_credentials = false\n\
               app = true\nfallback = \"decoupled\"\n[channel.sca_errors]";
    // before the next table, wherever that stands
    text.replacen("[[channel]]", &format!("{row}{spelling}\n[[channel]]"), 1)
}

/// Field by field, as Apple and Android document them.
#[tokio::test]
async fn phones_learn_which_app_takes_which_url() {
    let [one, two] = PRINTS;
    let android = |package: &str, prints: &str| format!("android_apps = [{{ package = \"{package}\", fingerprints = [{prints}] }}]\n");
    let apps = format!(
        "[[brand.app]]\nchannel = \"pph\"\nios_app_ids = [\"ABCDE12345.com.banque.app\"]\n{}\
         [[brand.app]]\nchannel = \"pmo\"\nios_app_ids = [\"ABCDE12345.com.banque.pro\", \"ABCDE12345.com.banque.app\"]\n{}\
         [[brand.app]]\nchannel = \"vip\"\nios_app_ids = [\"ABCDE12345.com.banque.app\"]\n",
        android("com.banque.app", &format!("{one:?}")),
        android("com.banque.app", &format!("{one:?}, {two:?}")),
    );
    let options = BankOptions { one_brand_extra: Some((LBP, apps)), ..with_bank_file(third_segment) };
    let bank = Bank::with(options).await;
    let ask = async |host: &str, path: &str| bank.browser().get(&format!("{}{path}", bank.origin(host))).await;
    for path in [APPLE, ANDROID] {
        let reply = ask(LBP.psu_host, path).await.ok(200);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("cache-control"), "public, max-age=300");
        assert!(reply.header("location").is_empty() && reply.header("set-cookie").is_empty(), "{reply:?}");
        // the other bank has no apps
        ask(CIC.psu_host, path).await.ok(404);
    }
    let apple = ask(LBP.psu_host, APPLE).await.json();
    assert_eq!(
        apple,
        json!({ "applinks": { "details": [
            { "appIDs": ["ABCDE12345.com.banque.app"], "components": [{ "/": "/pmo/authorize" }, { "/": "/pph/authorize" }, { "/": "/vip/??/authorize" }] },
            { "appIDs": ["ABCDE12345.com.banque.pro"], "components": [{ "/": "/pmo/authorize" }] },
        ] } })
    );
    let links = ask(LBP.psu_host, ANDROID).await.json();
    let handle = "delegate_permission/common.handle_all_urls";
    let components = json!([{ "/": "/pmo/authorize" }, { "/": "/pph/authorize" }, { "/": "*", "exclude": true }]);
    assert_eq!(
        links,
        json!([{
            "relation": [handle],
            "target": { "namespace": "android_app", "package_name": "com.banque.app", "sha256_cert_fingerprints": [two, one] },
            "relation_extensions": { handle: { "dynamic_app_link_components": components } },
        }])
    );
    // what is claimed is served to browsers, and a journey's own URLs are not claimed
    let client = client_of(&bank, LBP).await;
    let url = client.authorize_url("pph", "aisp", &[]);
    let psu = Psu::arrive(&bank, LBP, &url).await;
    assert_eq!(psu.page.status, 200);
    let journey = url::Url::parse(&psu.journey).unwrap().path().to_owned();
    let claimed = |path: &str| ["/pmo/authorize", "/pph/authorize"].contains(&path) || (path.starts_with("/vip/") && path.len() == 17);
    assert!(claimed("/vip/fr/authorize") && !claimed(&journey) && !claimed(&format!("{journey}/return")));
    // a segment that nobody wrote code for
    let url = url.replace("/pph/authorize", "/vip/de/authorize");
    let mut psu = Psu::open(&bank, LBP, &url).await;
    assert!(psu.page.body.contains("<html lang=\"de\"") && psu.page.body.contains("name=\"password\""), "{:?}", psu.page);
    psu.sign_in("approves").await;
    psu.post(&[("decision", "approve")]).await;
    let code = psu.go_home().await.code().to_owned();
    client.token("pph", &Client::exchange("aisp", &code)).await.refused(400, "invalid_grant");
    let code = Psu::open(&bank, LBP, &url).await.approve().await.code().to_owned();
    client.post("/vip/token", &Client::exchange("aisp", &code)).await.ok(200);
    bank.expect_audit("app_fallback", "vip").await;
}

/// Banks are data: no channel of theirs is named in the code.
#[test]
fn no_segment_stands_in_the_code() {
    let mut folders = vec![std::path::PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                // how the shipped banks' files read is tested there
                folders.extend((!path.ends_with("config/tests")).then_some(path));
            } else if !path.ends_with("config/tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("pph") && !text.contains("pmo"), "{}", path.display());
            }
        }
    }
}

/// The back end of the bank's app hands in what the phone gave to the app.
async fn hand_in(bank: &Bank, brand: Brand, body: &Value, keys: &[&str]) -> Reply {
    let url = format!("https://localhost:{}/v1/brands/{}/interactions", bank.internal.port(), brand.id);
    let headers: Vec<_> = keys.iter().map(|key| ("idempotency-key", *key)).collect();
    bank.gateway().json(Method::POST, &url, &headers, body).await
}

pub async fn exchange(bank: &Bank, url: &str, keys: &[&str]) -> Reply {
    hand_in(bank, LBP, &json!({ "authorize_url": url, "language": "en" }), keys).await
}

async fn begun_in_app(bank: &Bank, url: &str) -> String {
    exchange(bank, url, &[]).await.ok(201).json()["ticket"].as_str().unwrap().to_owned()
}

/// The customer approved in the app: where the app goes home to.
pub async fn approved_in_app(bank: &Bank, url: &str) -> Landing {
    let (desk, ticket) = (BackEnd::of(bank, LBP), begun_in_app(bank, url).await);
    let concluded = desk.complete(&ticket, &desk.completion(&ticket).await).await.ok(200).json();
    Landing::read(concluded["redirect_to"].as_str().unwrap())
}

async fn count(bank: &Bank, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&bank.pool().await).await.unwrap()
}

#[tokio::test]
async fn the_app_exchanges_its_url_for_an_interaction_and_goes_home() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let desk = BackEnd::of(&bank, LBP);
    for channel in ["pph", "pmo"] {
        // what a TPP says of a device is not read
        let url = client.authorize_url(channel, "aisp", &[("device_id", Some("1234")), ("ui_locales", Some("de"))]);
        let reply = exchange(&bank, &url, &[]).await.ok(201);
        assert!(!reply.body.contains("1234") && reply.header("cache-control") == "no-store", "{reply:?}");
        let begun = reply.json();
        let told = &begun["interaction"];
        assert_eq!((&told["begun_by"], &told["channel"], &told["status"]), (&"app".into(), &channel.into(), &"open".into()));
        assert_eq!(
            (&told["language"], &told["client"]["client_name"], &begun["expires_at"]),
            (&"de".into(), &"Test app".into(), &told["deadline"])
        );
        let ticket = begun["ticket"].as_str().unwrap();
        assert_eq!(desk.read(ticket).await.ok(200).json(), *told, "the same as it is read later");
        // no browser gets into it
        let id = told["interaction_id"].as_str().unwrap().replace('-', "");
        let page = format!("{}/{}/journeys/{id}", bank.origin(LBP.psu_host), LBP.id);
        bank.browser().get(&page).await.ok(403);
        let body = desk.completion(ticket).await;
        let home = desk.complete(ticket, &body).await.ok(200).json();
        let landing = Landing::read(home["redirect_to"].as_str().unwrap());
        assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, STATE, bank.issuer(LBP).as_str()));
        client.redeem(channel, "aisp", landing.code()).await.ok(200);

        let ticket = begun_in_app(&bank, &url).await;
        let home = desk.fail(&ticket, "wrong_device").await.ok(200).json();
        let landing = Landing::read(home["redirect_to"].as_str().unwrap());
        assert_eq!((landing.get("error"), landing.get("state")), ("SCA_PSU_DEVICE_ERROR", STATE));

        let ticket = begun_in_app(&bank, &url).await;
        let body = desk.completion(&ticket).await;
        bank.clock.advance(Duration::seconds(600));
        let late = desk.complete(&ticket, &body).await.ok(409).json();
        assert_eq!(Landing::read(late["redirect_to"].as_str().unwrap()).get("error"), "SCA_PSU_TIMEOUT");
    }
}

/// The tab that offered the app says nothing more once the app has answered.
#[tokio::test]
async fn the_browsers_tab_knows_when_the_app_has_answered() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let url = client.authorize_url("pph", "aisp", &[]);
    let mut tab = Psu::arrive(&bank, LBP, &url).await;
    let ticket = begun_in_app(&bank, &url).await;
    tab.look().await;
    assert!(tab.page.body.contains("value=\"continue_here\""), "until then it may go on here: {:?}", tab.page);
    let desk = BackEnd::of(&bank, LBP);
    desk.complete(&ticket, &desk.completion(&ticket).await).await.ok(200);
    assert_eq!(tab.click(&[("decision", "continue_here")]).await.status, 410);
    tab.look().await;
    assert_eq!(tab.page.status, 410);
    assert_eq!(tab.answer().await.status, 410);
    let again = Psu::arrive_with(&bank, LBP, &url, &[("cookie", &tab.cookie)]).await;
    assert_eq!(again.page.status, 410);
    // the same URL later, in a browser that did not wait for the app, is a new try
    assert_eq!(Psu::arrive(&bank, LBP, &url).await.page.status, 200);
    // another request of the same TPP is another matter
    let other = client.authorize_url("pph", "aisp", &[("state", Some("other"))]);
    assert_eq!(Psu::arrive_with(&bank, LBP, &other, &[("cookie", &tab.cookie)]).await.page.status, 200);
}

#[tokio::test]
async fn an_exchange_may_be_repeated() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let url = client.authorize_url("pph", "aisp", &[]);
    let replies = together((0..8).map(|_| exchange(&bank, &url, &["7c3f"]))).await;
    let tickets: std::collections::BTreeSet<_> =
        replies.into_iter().map(|reply| reply.ok(201).json()["ticket"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tickets.len(), 1);
    assert_eq!((count(&bank, "select count(*) from interactions").await, bank.audited_kind("interaction_begun").await), (1, 1));
    // in another order it is the same URL
    let (path, query) = url.split_once('?').unwrap();
    let turned: Vec<_> = query.split('&').rev().collect();
    let reply = exchange(&bank, &format!("{path}?{}", turned.join("&")), &["7c3f"]).await.ok(201);
    assert!(tickets.contains(reply.json()["ticket"].as_str().unwrap()));
    for other in [client.authorize_url("pmo", "aisp", &[]), client.authorize_url("pph", "cbpii", &[])] {
        let reply = exchange(&bank, &other, &["7c3f"]).await.refused(409, "invalid_request");
        assert_eq!(reply.description(), "Idempotency-Key: used before, for another authorize_url");
    }
    assert!(!tickets.contains(&begun_in_app(&bank, &url).await), "without a key each is its own");
    for keys in [&[""][..], &["a b"], &["\u{e9}"], &["x", "x"], &[&"k".repeat(256)]] {
        let reply = exchange(&bank, &url, keys).await.refused(400, "invalid_request");
        assert!(reply.description().starts_with("Idempotency-Key"), "{reply:?}");
    }
    exchange(&bank, &url, &[&"k".repeat(255)]).await.ok(201);
}

#[tokio::test]
async fn an_exchange_takes_an_apps_url_and_no_other() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let url = client.authorize_url("pph", "aisp", &[]);
    let no_endpoint = "authorize_url: no authorization endpoint of an app";
    let elsewhere = "authorize_url: not on the brand's host for customers";
    let origin = bank.origin(LBP.psu_host);
    for (url, why) in [
        (client.authorize_url("web", "aisp", &[]), no_endpoint),
        (url.replace("/pph/authorize", "/pph/authorize/"), no_endpoint),
        (url.replace("/pph/authorize", "/PPH/authorize"), no_endpoint),
        (url.replace("/pph/authorize", "/pph/%61uthorize"), no_endpoint),
        (format!("{origin}/labanquepostale/journeys/01a21f8297f0784a9f5ac5c5a0687a4b"), no_endpoint),
        (url.replace(LBP.psu_host, CIC.psu_host), elsewhere),
        (url.replace(LBP.psu_host, LBP.tpp_host), elsewhere),
        (url.replace("https://", "http://"), elsewhere),
        (url.replace("https://", "https://user@"), elsewhere),
        (url.replace(&format!(":{}", bank.address.port()), ""), elsewhere),
        (format!("https://evil.example/?{url}"), elsewhere),
        (url.split_once(".localhost").unwrap().1.to_owned(), "authorize_url: not an absolute URL"),
        (String::new(), "authorize_url: not an absolute URL"),
        (format!("{url}&a=%FF"), "authorize_url: the query is not form-encoded UTF-8, or too long"),
    ] {
        let reply = exchange(&bank, &url, &[]).await.refused(400, "invalid_request");
        assert_eq!(reply.description(), why, "{url}");
    }
    // as the phone may hand it over
    exchange(&bank, &format!("{url}#fragment"), &[]).await.ok(201);
    exchange(&bank, &url.replace(LBP.psu_host, &LBP.psu_host.to_uppercase()), &[]).await.ok(201);
    for body in [json!({}), json!({ "authorize_url": 1 }), json!({ "authorize_url": url, "device_id": "x" }), json!([url])] {
        hand_in(&bank, LBP, &body, &[]).await.refused(400, "invalid_request");
    }
    let body = json!({ "authorize_url": url });
    hand_in(&bank, LBP, &body, &[]).await.ok(201);
    let reply = hand_in(&bank, CIC, &body, &[]).await.refused(400, "invalid_request");
    assert_eq!(reply.description(), elsewhere);
    hand_in(&bank, Brand { id: "nobody", ..LBP }, &body, &[]).await.refused(404, "invalid_request");
}

/// What a request comes to, whoever brings it.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Journey,
    Home(String),
    Nobody(&'static str),
}

const NOBODY: [(&str, &str, &str); 5] = [
    ("unknown client", "client_id: unknown to this brand", "We do not know this service"),
    ("ambiguous", "client_id or redirect_uri: sent more than once", "This request is not valid"),
    ("redirect_uri missing", "redirect_uri: missing, and the client has several", "We cannot send you back safely"),
    ("redirect_uri unknown", "redirect_uri: not one of the client's", "We cannot send you back safely"),
    ("malformed", "authorize_url: the query is not form-encoded UTF-8, or too long", "This request is not valid"),
];

async fn in_the_app(bank: &Bank, url: &str) -> Verdict {
    let reply = exchange(bank, url, &[]).await;
    match reply.status {
        201 => Verdict::Journey,
        200 => Verdict::Home(reply.json()["redirect_to"].as_str().unwrap().to_owned()),
        400 => Verdict::Nobody(NOBODY.iter().find(|row| reply.description() == row.1).unwrap_or_else(|| panic!("{url} {reply:?}")).0),
        _ => panic!("{url} {reply:?}"),
    }
}

/// `expected`: the browser's page does not tell all reasons apart.
async fn in_the_browser(bank: &Bank, url: &str, expected: &Verdict) -> Verdict {
    let reply = bank.browser().send(Method::GET, url, &[("accept-language", "en")], "").await;
    match (reply.status, reply.header("location")) {
        (200, _) if reply.body.contains("value=\"continue_here\"") => Verdict::Journey,
        (303, location) => Verdict::Home(location.to_owned()),
        (400, _) => {
            let fits = |row: &&(&str, &str, &str)| reply.body.contains(row.2);
            let exact = NOBODY.iter().filter(fits).find(|row| *expected == Verdict::Nobody(row.0));
            Verdict::Nobody(exact.or_else(|| NOBODY.iter().find(fits)).unwrap_or_else(|| panic!("{url} {reply:?}")).0)
        }
        _ => panic!("{url} {reply:?}"),
    }
}

#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Double(usize),
    Set(usize, String),
    Add(String, String),
    Raw(String),
    Swap,
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("aisp".to_owned()),
        Just("pisp".to_owned()),
        Just("aisp pisp".to_owned()),
        Just("token".to_owned()),
        Just("https://evil.example/callback".to_owned()),
        Just(format!("{CALLBACK}/")),
        Just("plain".to_owned()),
        Just("00000000-0000-0000-0000-000000000000".to_owned()),
        "[a-zA-Z0-9._~-]{1,60}",
        "\\PC{1,30}",
        (4_000..6_000_usize).prop_map(|length| "s".repeat(length)),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let names = ["request", "request_uri", "response_mode", "ui_locales", "device_id", "nonce", "code_challenge"].map(str::to_owned);
    let one = prop_oneof![
        2 => (0..7_usize).prop_map(Change::Drop),
        2 => (0..7_usize).prop_map(Change::Double),
        4 => ((0..7_usize), values()).prop_map(|(at, value)| Change::Set(at, value)),
        2 => (proptest::sample::select(names.to_vec()), values()).prop_map(|(name, value)| Change::Add(name, value)),
        1 => proptest::sample::select(vec!["%", "%FF", "a=%00", "&&&", "=", "é=ü", "x=%zz", "+++", "a b"]).prop_map(|raw| Change::Raw(raw.to_owned())),
        1 => Just(Change::Raw((0..70).map(|i| format!("p{i}=1&")).collect())),
        1 => Just(Change::Swap),
    ];
    proptest::collection::vec(one, 0..4)
}

fn changed(url: &str, changes: &[Change]) -> String {
    let (path, query) = url.split_once('?').unwrap();
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut raw = String::new();
    for change in changes {
        let at = |at: &usize| (!pairs.is_empty()).then(|| at % pairs.len());
        match change {
            Change::Drop(n) => drop(at(n).map(|n| pairs.remove(n))),
            Change::Double(n) => {
                if let Some(n) = at(n) {
                    pairs.push(pairs[n].clone());
                }
            }
            Change::Set(n, value) => {
                if let Some(n) = at(n) {
                    pairs[n].1.clone_from(value);
                }
            }
            Change::Add(name, value) => pairs.push((name.clone(), value.clone())),
            Change::Raw(text) => raw += &format!("&{text}"),
            Change::Swap => pairs.reverse(),
        }
    }
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    format!("{path}?{}{raw}", crate::harness::wire::encode(&pairs))
}

/// Parameters dropped, doubled, changed, made up, huge, in other scripts; other channels and other brands' clients.
#[tokio::test]
async fn the_app_and_the_browser_get_the_same_verdict_for_the_same_url() {
    let bank = Bank::start().await;
    let client = client_of(&bank, LBP).await;
    let other = client_of(&bank, CIC).await;
    let mut runner = TestRunner::deterministic();
    let (mut journeys, mut homes, mut nobodies) = (0, 0, 0);
    for case in 0..240 {
        let channel = ["pph", "pmo"][case % 2];
        let whose = if case % 12 == 0 { Client { id: other.id.clone(), ..client.clone() } } else { client.clone() };
        let steps = changes().new_tree(&mut runner).unwrap().current();
        let url = changed(&whose.authorize_url(channel, "aisp", &[]), &steps);
        let app = in_the_app(&bank, &url).await;
        let browser = in_the_browser(&bank, &url, &app).await;
        assert_eq!(app, browser, "{url}");
        match app {
            Verdict::Journey => journeys += 1,
            Verdict::Home(_) => homes += 1,
            Verdict::Nobody(_) => nobodies += 1,
        }
    }
    assert!(journeys > 20 && homes > 20 && nobodies > 20, "{journeys} {homes} {nobodies}");
    // a web channel's URL is the browser's alone
    let web = client.authorize_url("web", "aisp", &[]);
    exchange(&bank, &web, &[]).await.refused(400, "invalid_request");
}

/// Begun in the app or fallen back to the browser: its code is worth nothing anywhere else, and after that nothing at all.
#[tokio::test]
async fn a_code_of_an_app_dies_at_every_other_token_endpoint() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([PspRole::AccountInformation]);
    let (client, at_cic) = (tpp.register(LBP).await, tpp.register(CIC).await);
    for own in ["pph", "pmo"] {
        for in_app in [true, false] {
            for endpoint in BRANDS.iter().flat_map(|brand| brand.channels.iter().map(|(name, ..)| (brand.id, *name))) {
                if endpoint == (LBP.id, own) {
                    continue;
                }
                // of its own each time, as a TPP's is: the clock stands still here
                let state = format!("{own} {in_app} {endpoint:?}");
                let url = client.authorize_url(own, "aisp", &[("state", Some(&state))]);
                let landing = if in_app { approved_in_app(&bank, &url).await } else { Psu::open(&bank, LBP, &url).await.approve().await };
                let code = landing.code();
                if endpoint.0 == LBP.id {
                    let before = bank.audited("token_refused", "code_of_other_channel").await;
                    client.redeem(endpoint.1, "aisp", code).await.refused(400, "invalid_grant");
                    assert_eq!(bank.audited("token_refused", "code_of_other_channel").await, before + 1, "{own} {endpoint:?}");
                    client.redeem(own, "aisp", code).await.refused(400, "invalid_grant");
                } else {
                    at_cic.redeem(endpoint.1, "aisp", code).await.refused(400, "invalid_grant");
                }
            }
        }
    }
}

/// iOS lost it, or it is another browser: start again, at the TPP's own site if it has one.
#[tokio::test]
async fn without_its_cookie_a_journey_says_where_to_start_again() {
    let bank = Bank::start().await;
    let mut metadata = crate::harness::Tpp::metadata(LBP);
    metadata["client_uri"] = json!("https://tpp.example/start");
    let client = bank.tpp([PspRole::AccountInformation]).register_as(LBP, &metadata).await;
    let url = client.authorize_url("web", "aisp", &[("ui_locales", Some("en"))]);
    let mut psu = Psu::open(&bank, LBP, &url).await;
    psu.sign_in("approves").await;
    let other = Psu::open(&bank, LBP, &url).await;
    let secret = url::form_urlencoded::byte_serialize(STATE.as_bytes()).collect::<String>();
    for cookie in ["", other.cookie.as_str()] {
        for path in ["", "/return"] {
            let reply = bank.browser().send(Method::GET, &format!("{}{path}", psu.journey), &[("cookie", cookie)], "").await.ok(403);
            assert!(reply.body.contains("href=\"https://tpp.example/start\"") && reply.body.contains("Test app"), "{reply:?}");
            for hidden in [STATE, &secret, CALLBACK, "<form", "csrf", "approves"] {
                assert!(!reply.body.contains(hidden), "{hidden} {reply:?}");
            }
        }
    }
    let reply = bank.browser().form(&psu.journey, &[], &[("csrf", &psu.csrf), ("decision", "cancel")]).await.ok(403);
    assert!(reply.body.contains("https://tpp.example/start"), "{reply:?}");
    // what it says is true: the same link, and the TPP gets its answer
    other.approve().await.code();
    // it moved nothing, and over is over
    psu.post(&[("decision", "cancel")]).await;
    assert_eq!(psu.go_home().await.get("error"), "SCA_PSU_CANCELLATION");
    let reply = bank.browser().get(&psu.journey).await.ok(403);
    assert!(!reply.body.contains("tpp.example"), "{reply:?}");
}
