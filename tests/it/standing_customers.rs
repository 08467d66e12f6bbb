//! A TPP that is blocked, at the customer's side: a page with the bank's words, a way home that carries the error, no code.

use crate::harness::{
    Bank, CIC, Client, LBP, Landing, Psu, Reply,
    bank::BankOptions,
    tpp::{CALLBACK, STATE},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use std::time::{Duration, Instant};

const NOTICE: &str = "Accès suspendu le 27 novembre.\nAppelez le 3639 <gratuit>.";

async fn bank() -> Bank {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    bank
}

/// Until an authorization URL is answered so.
async fn authorize_until(bank: &Bank, client: &Client<'_>, status: u16) -> Psu {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let psu = Psu::open(bank, client.brand, &client.authorize_url("web", "aisp", &[])).await;
        // a journey that began just before meets the block on its first page
        if psu.page.status == status && (status == 200 || psu.journey.is_empty()) {
            return psu;
        }
        assert!(Instant::now() < deadline, "{:?}", psu.page);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The link home of the page.
fn home(page: &Reply) -> String {
    let link = page.body.split("<a class=\"button\" href=\"").nth(1).unwrap_or_else(|| panic!("{page:?}"));
    link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

#[track_caller]
fn is_error(landing: &Landing, issuer: &str) {
    assert_eq!(landing.uri, CALLBACK);
    assert_eq!((landing.get("error"), landing.get("state"), landing.get("iss")), ("access_denied", STATE, issuer));
    assert_eq!(landing.get("error_description"), "the bank does not serve this provider at present");
    assert!(!landing.params.contains_key("code"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customer_reads_why_in_the_banks_words_and_goes_home_with_the_error() {
    let bank = bank().await;
    for brand in [CIC, LBP] {
        let client = bank.tpp([AccountInformation, PaymentInitiation]).register(brand).await;
        let id = bank.block(&["--organisation", &client.tpp.organisation, "--psu-notice", NOTICE]).await;
        let page = authorize_until(&bank, &client, 403).await.page;
        assert!(page.header("set-cookie").is_empty() && page.header("location").is_empty(), "no journey was begun: {page:?}");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
        for said in ["Accès suspendu le 27 novembre.", "Appelez le 3639 &#60;gratuit&#62;."] {
            assert!(page.body.contains(&format!("<p dir=\"auto\">{said}</p>")), "{}", page.body);
        }
        assert!(!page.body.contains("fraud suspected"), "the reason is the bank's own");
        is_error(&Landing::read(&home(&page)), &bank.issuer(brand));
        for (lang, frame) in [("fr", "pour le moment"), ("de", "zurzeit"), ("en", "at present"), ("es", "por el momento")] {
            let url = client.authorize_url("web", "aisp", &[("ui_locales", Some(lang))]).replace("/fr/", &format!("/{lang}/"));
            let page = Psu::open(&bank, brand, &url).await.page.ok(403);
            assert!(page.body.contains(&format!("<html lang=\"{lang}\"")) && page.body.contains(frame), "{lang}: {}", page.body);
            assert!(page.body.contains("Accès suspendu"), "the notice as it was written");
        }
        let audited = bank.audit().await;
        let refused: Vec<_> = audited.iter().filter(|e| e.kind == "standing_refused" && e.client.as_deref() == Some(&client.id)).collect();
        assert_eq!(refused.len(), 1, "once a minute: {refused:#?}");
        // a stranger's redirect URI is still no way home
        let url = client.authorize_url("web", "aisp", &[("redirect_uri", Some("https://evil.example/"))]);
        assert!(!Psu::open(&bank, brand, &url).await.page.ok(400).body.contains("evil.example"));
        bank.unblock(&id).await;
        authorize_until(&bank, &client, 200).await.approve().await.code();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journey_that_was_begun_stops_at_every_step_and_goes_on_when_the_block_is_lifted() {
    let bank = bank().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let issuer = bank.issuer(CIC);
    // at sign-in, at consent, and approved with the code not yet fetched
    let (signing_in, mut consenting, mut approved) =
        (client.authorize("web", "aisp").await, client.authorize("web", "aisp").await, client.authorize("web", "aisp").await);
    consenting.sign_in("approves").await;
    approved.sign_in("approves").await;
    approved.post(&[("decision", "approve")]).await;
    let elsewhere = bank.tpp([AccountInformation]).register(CIC).await;
    let id = bank.block(&["--role", "PSP_AI", "--organisation", &client.tpp.organisation, "--psu-notice", NOTICE]).await;
    authorize_until(&bank, &client, 403).await;
    authorize_until(&bank, &elsewhere, 200).await;

    for psu in [&signing_in, &consenting, &approved] {
        let page = psu.wire.send(reqwest::Method::GET, &psu.journey, &[("cookie", &psu.cookie)], "").await.ok(403);
        assert!(page.body.contains("Accès suspendu") && home(&page).ends_with("/return"), "{}", page.body);
        // the last page of an approved journey has no form any more
        let forms = [&[("customer", "approves"), ("password", "sandbox"), ("decision", "sign_in")][..], &[("decision", "approve")]];
        for form in forms.into_iter().filter(|_| !psu.csrf.is_empty()) {
            let page = psu.click(form).await.ok(403);
            assert!(page.body.contains("Accès suspendu"), "{form:?}: {page:?}");
        }
        is_error(&psu.fetch_answer().await, &issuer);
    }
    assert_eq!(bank.audited_kind("code_issued").await, 0);

    bank.unblock(&id).await;
    authorize_until(&bank, &client, 200).await;
    let mut landings = vec![signing_in.approve().await];
    consenting.look().await;
    consenting.post(&[("decision", "approve")]).await;
    landings.push(consenting.go_home().await);
    landings.push(approved.fetch_answer().await);
    for landing in landings {
        client.redeem("web", "aisp", landing.code()).await.ok(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_on_its_way_waits_for_the_block_to_end() {
    let bank = bank().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let code = client.approved("web", "aisp").await.code().to_owned();
    let id = bank.block(&["--organisation", &client.tpp.organisation]).await;
    authorize_until(&bank, &client, 403).await;
    let refused = client.redeem("web", "aisp", &code).await.refused(401, "invalid_client");
    assert_eq!(refused.description(), "CERTIFICATE_BLOCKED");
    bank.unblock(&id).await;
    authorize_until(&bank, &client, 200).await;
    client.redeem("web", "aisp", &code).await.ok(200);
}
