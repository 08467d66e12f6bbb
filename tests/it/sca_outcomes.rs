//! Every way an SCA can end badly arrives at the TPP in the channel's own words, and the customer always gets home.

use crate::harness::{
    Bank, BankOptions, Brand, CIC, LBP, Landing,
    bank::BRANDS,
    psu::Psu,
    tpp::{CALLBACK, Client, STATE},
};
use guichet::oauth::tpp::PspRole;
use time::Duration;

/// Reason, then `error` at: bank A, bank B in a browser, bank B in the app.
pub const OUTCOMES: [(&str, &str, &str, &str); 14] = [
    ("cancelled", "access_denied", "SCA_PSU_CANCELLATION", "SCA_PSU_CANCELLATION"),
    ("timed_out", "access_denied", "SCA_PSU_TIMEOUT", "SCA_PSU_TIMEOUT"),
    ("blocked_after_failures", "access_denied", "SCA_PSU_FAIL", "SCA_PSU_METHOD_ERROR_SUSPENDED"),
    ("daily_quota_exceeded", "access_denied", "NUMBER_SCA_EXCEEDED", "NUMBER_SCA_EXCEEDED"),
    ("no_method", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR"),
    ("otp_suspended", "access_denied", "SCA_PSU_METHOD_ERROR_OTP_SUSPENDED", "SCA_PSU_METHOD_ERROR"),
    ("wrong_device", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_DEVICE_ERROR"),
    ("waiting_for_validation", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_WAITING_FOR_VALIDATION"),
    ("pending_enrollment", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_PENDING_ENROLLMENT"),
    ("suspended_enrollment", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_SUSPENDED_ENROLLMENT"),
    ("disabled", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_DISABLED"),
    ("terminated", "access_denied", "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_CANCELED"),
    ("suspended", "access_denied", "SCA_PSU_FAIL", "SCA_PSU_METHOD_ERROR_SUSPENDED"),
    ("technical", "temporarily_unavailable", "temporarily_unavailable", "TPP_ENROLLMENT_TECHNICAL_ERROR"),
];

pub fn spelling(brand: Brand, channel: &str, reason: &str) -> &'static str {
    let row = OUTCOMES.iter().find(|row| row.0 == reason).expect("one of the fourteen");
    match (brand.id, channel) {
        ("cic", _) => row.1,
        (_, "web") => row.2,
        (_, _) => row.3,
    }
}

/// Words that would tell which factor was wrong (RTS art. 4(3)(a)).
const TELLING: [&str; 6] = ["otp", "pin", "password", "login", "device", "enrol"];

#[track_caller]
pub fn came_home(landing: &Landing, client: &Client<'_>, channel: &str, reason: &str) {
    let brand = client.brand;
    assert_eq!(landing.uri, CALLBACK);
    assert_eq!(landing.get("error"), spelling(brand, channel, reason), "{} {channel} {reason}", brand.id);
    assert_eq!((landing.get("state"), landing.get("iss")), (STATE, client.tpp.bank.issuer(brand).as_str()));
    let description = landing.get("error_description").to_lowercase();
    assert!(!description.is_empty() && TELLING.iter().all(|word| !description.contains(word)), "{description}");
    assert_eq!(landing.params.len(), 4, "nothing else goes home: {landing:?}");
}

/// Each reason by the scripted customer who meets it, and by the choice on the consent page.
async fn every_outcome(brand: Brand, channel: &str) {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation]).register(brand).await;
    for (reason, ..) in OUTCOMES {
        let mut psu = client.authorize(channel, "aisp").await;
        psu.sign_in(reason).await;
        came_home(&psu.go_home().await, &client, channel, reason);
        came_home(&psu.fetch_answer().await, &client, channel, reason);

        let mut psu = client.authorize(channel, "aisp").await;
        psu.sign_in("approves").await;
        let offered = format!("value=\"{reason}\"");
        assert!(psu.page.body.contains(&offered), "{:?}", psu.page);
        psu.post(&[("decision", "approve"), ("outcome", reason)]).await;
        came_home(&psu.go_home().await, &client, channel, reason);
        assert_eq!(bank.audited("interaction_failed", reason).await, 2, "{reason}");
    }
    assert_eq!(bank.audited("code_issued", "").await, 0);
}

#[tokio::test]
async fn a09_b52_every_outcome_reaches_the_tpp_of_cic() {
    every_outcome(CIC, "web").await;
}

#[tokio::test]
async fn a09_b52_every_outcome_reaches_the_tpp_of_labanquepostale_web() {
    every_outcome(LBP, "web").await;
}

#[tokio::test]
async fn a09_b52_every_outcome_reaches_the_tpp_of_labanquepostale_pph() {
    every_outcome(LBP, "pph").await;
}

#[tokio::test]
async fn a09_b52_every_outcome_reaches_the_tpp_of_labanquepostale_pmo() {
    every_outcome(LBP, "pmo").await;
}

/// What the customer does, not what was scripted: cancels, waits, mistypes.
#[tokio::test]
async fn a_customer_who_cancels_waits_or_mistypes_gets_home() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp([PspRole::AccountInformation]).register(brand).await;
        for (channel, ..) in brand.channels {
            came_home(&client.authorize(channel, "aisp").await.cancel().await, &client, channel, "cancelled");

            let mut psu = client.authorize(channel, "aisp").await;
            psu.sign_in("approves").await;
            came_home(&psu.cancel().await, &client, channel, "cancelled");

            for signed_in in [false, true] {
                let mut psu = at_page(&client, channel, signed_in).await;
                bank.clock.advance(Duration::seconds(299));
                psu.look().await;
                assert!(psu.page.body.contains("<form"), "active until 5 minutes: {:?}", psu.page);
                bank.clock.advance(Duration::seconds(300));
                psu.look().await;
                came_home(&psu.go_home().await, &client, channel, "timed_out");

                // busy all the time, and still over at the deadline
                let mut psu = at_page(&client, channel, signed_in).await;
                for _ in 0..2 {
                    bank.clock.advance(Duration::seconds(299));
                    psu.look().await;
                    assert!(psu.page.body.contains("<form"), "{:?}", psu.page);
                }
                bank.clock.advance(Duration::seconds(2));
                psu.post(&[("decision", "approve"), ("customer", "approves"), ("password", "sandbox")]).await;
                came_home(&psu.go_home().await, &client, channel, "timed_out");
            }

            let mut psu = client.authorize(channel, "aisp").await;
            let csrf = psu.csrf.clone();
            for last in [false, false, true] {
                psu.post(&[("customer", "approves"), ("password", "wrong"), ("decision", "sign_in")]).await;
                assert_eq!(psu.page.body.contains("role=\"alert\""), !last, "{:?}", psu.page);
            }
            came_home(&psu.go_home().await, &client, channel, "blocked_after_failures");
            // no fresh attempt in the same journey
            psu.csrf = csrf;
            psu.sign_in("approves").await;
            came_home(&psu.go_home().await, &client, channel, "blocked_after_failures");
        }
    }
    bank.expect_audit("sign_in_failed", "").await;
    bank.expect_audit("interaction_failed", "timed_out").await;
}

async fn at_page<'a>(client: &Client<'a>, channel: &str, signed_in: bool) -> Psu {
    let mut psu = client.authorize(channel, "aisp").await;
    if signed_in {
        psu.sign_in("approves").await;
    }
    psu
}

/// Approved in time and fetched too late: an answer all the same, and no code.
#[tokio::test]
async fn an_approval_that_was_not_fetched_in_time_goes_home_as_a_timeout() {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation]).register(CIC).await;
    let mut psu = at_page(&client, "web", true).await;
    psu.post(&[("decision", "approve")]).await;
    bank.clock.advance(Duration::seconds(600));
    psu.look().await;
    came_home(&psu.go_home().await, &client, "web", "timed_out");
    came_home(&psu.fetch_answer().await, &client, "web", "timed_out");
    let alive: i64 =
        sqlx::query_scalar("select count(*) from grants where revoked_at is null").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(alive, 0, "a consent that nobody can use is none");

    // where a code did go home, a late reload sends no second answer
    let mut psu = at_page(&client, "web", true).await;
    psu.post(&[("decision", "approve")]).await;
    let code = psu.go_home().await.code().to_owned();
    bank.clock.advance(Duration::seconds(600));
    assert_eq!(psu.answer().await.status, 410);
    client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
}

/// Without anybody to authenticate customers, the customer goes home at once.
#[tokio::test]
async fn a_bank_without_sca_answers_technical() {
    let bank = Bank::with(BankOptions { production: true, ..BankOptions::default() }).await;
    let tpp = bank.tpp([PspRole::AccountInformation]);
    // the paths of production
    let cic = Brand {
        registration: "/cic/oauth2/registrations",
        revocation: "/cic/oauth2/revoke",
        channels: &[("web", "/oauth2/fr/banque/oauth2_authorization.aspx", "/cic/oauth2/token")],
        ..CIC
    };
    for brand in [cic, LBP] {
        let client = tpp.register(brand).await;
        for (channel, ..) in brand.channels {
            let psu = Psu::open(&bank, brand, &client.authorize_url(channel, "aisp", &[])).await;
            came_home(&psu.landed(), &client, channel, "technical");
        }
        let origin = bank.origin(brand.psu_host);
        bank.browser().get(&format!("{origin}/{}/customers", brand.id)).await.ok(404);
        if brand.id == "cic" {
            bank.browser().get(&format!("{origin}/oauth2/fr/sandbox/signin.html")).await.ok(404);
        }
    }
}

/// The choice of an outcome is the simulator's: a value it does not know is refused, one chosen before sign-in does nothing.
#[tokio::test]
async fn an_outcome_is_chosen_on_the_consent_page_only() {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation]).register(LBP).await;
    let mut psu = client.authorize("web", "aisp").await;
    psu.post(&[("decision", "approve"), ("outcome", "technical")]).await;
    assert!(psu.page.body.contains("name=\"password\""), "{:?}", psu.page);
    psu.post(&[("decision", "approve")]).await;
    assert!(psu.page.body.contains("name=\"password\""), "approving needs a sign-in: {:?}", psu.page);
    psu.sign_in("approves_too").await;
    let csrf = psu.csrf.clone();
    assert_eq!(psu.submit(&[("csrf", &csrf), ("decision", "approve"), ("outcome", "Technical")]).await.status, 400);
    assert_eq!(psu.submit(&[("csrf", &csrf), ("decision", "maybe")]).await.status, 400);
    psu.post(&[("decision", "approve"), ("outcome", "approve")]).await;
    assert!(psu.go_home().await.code().starts_with("guac_"));
}
