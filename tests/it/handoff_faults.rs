//! A portal that lies, repeats itself, comes late or talks nonsense: never a token, never a trapped customer, never a lost journey.

use crate::{
    handoff::{BackEnd, Browser, redirect_to, ticket_of, with_portal},
    harness::{
        Bank, Brand, CIC, LBP, Landing, Reply,
        bank::BRANDS,
        together,
        tpp::{CALLBACK, Client, STATE},
    },
    register::with,
    sca_outcomes::came_home,
};
use guichet::{clock::Clock, oauth::tpp::PspRole};
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Instant};
use time::{Duration, format_description::well_known::Rfc3339};

/// A journey that is in the portal's hands.
struct Handed<'a> {
    client: Client<'a>,
    portal: BackEnd<'a>,
    browser: Browser,
    words: Value,
}

async fn handed<'a>(bank: &'a Bank, client: &Client<'a>, scope: &str) -> Handed<'a> {
    let portal = BackEnd::of(bank, client.brand);
    let browser = Browser::hand_over(client, "web", scope).await;
    let words = portal.completion(&browser.ticket).await;
    Handed { client: client.clone(), portal, browser, words }
}

impl Handed<'_> {
    async fn complete(&self, words: &Value) -> Reply {
        self.portal.complete(&self.browser.ticket, words).await
    }

    async fn status(&self) -> Value {
        self.portal.read(&self.browser.ticket).await.ok(200).json()["status"].clone()
    }

    /// Still open, and ends well when it is done properly.
    async fn goes_on(&self) {
        assert_eq!(self.status().await, "open");
        self.browser.code(&self.complete(&self.words).await.ok(200)).await;
    }

    async fn went_home(&self, refused: &Reply, reason: &str) {
        came_home(&self.browser.go_home(refused).await, &self.client, "web", reason);
    }
}

async fn grants(bank: &Bank) -> i64 {
    sqlx::query_scalar("select count(*) from grants").fetch_one(&bank.pool().await).await.unwrap()
}

async fn registered<'a>(bank: &'a Bank, brand: Brand) -> Client<'a> {
    bank.tpp(PspRole::ALL).register(brand).await
}

#[tokio::test]
async fn completing_without_what_is_required_concludes_nothing_and_says_what_is_missing() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        for scope in ["aisp", "cbpii", "pisp"] {
            let journey = handed(&bank, &client, scope).await;
            let required = journey.portal.read(&journey.browser.ticket).await.ok(200).json()["required"].clone();
            for (requirement, left_out) in [
                ("authenticate", json!({ "subject": null })),
                ("sca", json!({ "sca": null })),
                ("accounts", json!({ "accounts": [] })),
                ("explicit_consent", json!({ "explicit_consent": false })),
            ] {
                if !required.as_array().unwrap().contains(&json!(requirement)) {
                    continue;
                }
                let refused = journey.complete(&with(journey.words.clone(), left_out)).await.refused(409, "requirements_missing");
                assert_eq!(refused.json()["missing"], json!([requirement]), "{} {scope}", brand.id);
                assert!(refused.json().get("redirect_to").is_none(), "the customer can still do it");
            }
            let refused = journey.complete(&json!({})).await.refused(409, "requirements_missing");
            assert_eq!(refused.json()["missing"], required);
            journey.goes_on().await;
        }
    }
}

#[tokio::test]
async fn an_sca_of_another_time_is_none_of_this_journey() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, CIC).await;
    let journey = handed(&bank, &client, "aisp").await;
    let began = bank.clock.now();
    bank.clock.advance(Duration::seconds(300));
    let now = bank.clock.now();
    let at =
        |time: time::OffsetDateTime| json!({ "sca": with(journey.words["sca"].clone(), json!({ "at": time.format(&Rfc3339).unwrap() })) });
    for time in [began - Duration::seconds(61), began - Duration::days(1), now + Duration::seconds(61), now + Duration::days(1)] {
        let refused = journey.complete(&with(journey.words.clone(), at(time))).await.refused(409, "requirements_missing");
        assert_eq!((refused.description().as_str(), &refused.json()["missing"]), ("sca.at: not within this journey", &json!(["sca"])));
    }
    // a clock that is a little ahead gives no longer grant
    let words = with(journey.words.clone(), at(now + Duration::seconds(59)));
    let code = journey.browser.code(&journey.complete(&words).await.ok(200)).await;
    let token = client.redeem("web", "aisp", &code).await.ok(200).json();
    assert_eq!(client.introspect(token["access_token"].as_str().unwrap()).await["auth_time"], now.unix_timestamp());
    // written with any offset
    let journey = handed(&bank, &client, "aisp").await;
    let elsewhere = now.to_offset(time::UtcOffset::from_hms(5, 30, 0).unwrap()).format(&Rfc3339).unwrap();
    let words = with(journey.words.clone(), json!({ "sca": with(journey.words["sca"].clone(), json!({ "at": elsewhere })) }));
    journey.complete(&words).await.ok(200);
}

#[tokio::test]
async fn a_wrong_linked_hash_ends_the_journey() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, LBP).await;
    let others = handed(&bank, &client, "aisp").await.words["sca"]["linked_hash"].clone();
    for wrong in [others, json!("x"), json!("A".repeat(43))] {
        let journey = handed(&bank, &client, "aisp").await;
        let words = with(journey.words.clone(), json!({ "sca": with(journey.words["sca"].clone(), json!({ "linked_hash": wrong })) }));
        let refused = journey.complete(&words).await.refused(409, "linked_hash_mismatch");
        assert_eq!(journey.complete(&words).await.refused(409, "linked_hash_mismatch").json(), refused.json(), "a retry");
        journey.complete(&journey.words).await.refused(409, "already_concluded");
        journey.went_home(&refused, "technical").await;
    }
    assert_eq!(grants(&bank).await, 0);
}

#[tokio::test]
async fn a_journey_is_concluded_once_and_the_same_words_again_are_a_retry() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        let journey = handed(&bank, &client, "aisp").await;
        let first = journey.complete(&journey.words).await.ok(200);
        assert_eq!(journey.complete(&journey.words).await.ok(200).body, first.body);
        // the same, otherwise written
        let text = journey.words.to_string().replace(":true", " : true");
        let url =
            format!("https://localhost:{}/v1/brands/{}/interactions/{}/complete", bank.internal.port(), brand.id, journey.browser.ticket);
        let sent = bank.gateway().send(Method::POST, &url, &[("content-type", "application/json; charset=utf-8")], text).await;
        assert_eq!(sent.ok(200).body, first.body);
        for (member, value) in [("subject", json!("c-1002")), ("explicit_consent", json!(false)), ("accounts", json!(["a-2"]))] {
            let refused = journey.complete(&with(journey.words.clone(), json!({ member: value }))).await.refused(409, "already_concluded");
            assert!(refused.json().get("redirect_to").is_none(), "no code for other words: {refused:?}");
        }
        journey.portal.fail(&journey.browser.ticket, "cancelled").await.refused(409, "already_concluded");
        let code = journey.browser.code(&first).await;
        assert_eq!(journey.complete(&journey.words).await.ok(200).body, first.body);
        // fetched again before it was used, the code is replaced
        let again = journey.browser.code(&first).await;
        client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
        client.redeem("web", "aisp", &again).await.ok(200);
        assert_eq!(journey.browser.get(&redirect_to(&first)).await.status, 410);

        let journey = handed(&bank, &client, "aisp").await;
        let failed = journey.portal.fail(&journey.browser.ticket, "suspended").await.ok(200);
        assert_eq!(journey.portal.fail(&journey.browser.ticket, "suspended").await.ok(200).body, failed.body);
        let other = journey.portal.fail(&journey.browser.ticket, "cancelled").await.refused(409, "already_concluded");
        journey.complete(&journey.words).await.refused(409, "already_concluded");
        journey.went_home(&other, "suspended").await;
        assert_eq!(bank.audited("interaction_failed", "cancelled").await, 0);
    }
    assert_eq!(grants(&bank).await, 2);
}

#[tokio::test]
async fn an_outcome_after_the_deadline_is_a_timeout() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let before = bank.audited("interaction_failed", "timed_out").await;
        let client = registered(&bank, brand).await;
        let journey = handed(&bank, &client, "aisp").await;
        bank.clock.advance(Duration::seconds(599));
        assert_eq!(journey.status().await, "open");
        bank.clock.advance(Duration::seconds(1));
        let refused = journey.complete(&journey.words).await.refused(409, "interaction_timed_out");
        assert_eq!(journey.complete(&journey.words).await.refused(409, "interaction_timed_out").json(), refused.json());
        journey.portal.fail(&journey.browser.ticket, "cancelled").await.refused(409, "interaction_timed_out");
        journey.went_home(&refused, "timed_out").await;
        assert_eq!(bank.audited("interaction_failed", "timed_out").await, before + 1);
        // completed in time, fetched too late
        let journey = handed(&bank, &client, "aisp").await;
        let concluded = journey.complete(&journey.words).await.ok(200);
        bank.clock.advance(Duration::seconds(600));
        journey.went_home(&concluded, "timed_out").await;
        journey.went_home(&journey.complete(&journey.words).await, "timed_out").await;
    }
    let alive: i64 =
        sqlx::query_scalar("select count(*) from grants where revoked_at is null").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(alive, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_conclusions_at_once_one_counts() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, CIC).await;
    // a portal that is impatient: the same words
    let journey = handed(&bank, &client, "aisp").await;
    let answers: BTreeSet<_> =
        together((0..64).map(|_| journey.complete(&journey.words))).await.into_iter().map(|r| r.ok(200).body).collect();
    assert_eq!((answers.len(), grants(&bank).await), (1, 1));
    // one that does not know what it wants
    let journey = handed(&bank, &client, "aisp").await;
    let words: Vec<_> = (0..64).map(|n| with(journey.words.clone(), json!({ "subject": format!("c-{n}") }))).collect();
    let mut replies = together(words.iter().map(|words| journey.complete(words))).await;
    replies.extend(together((0..4).map(|_| journey.portal.fail(&journey.browser.ticket, "cancelled"))).await);
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(replies.iter().all(|reply| reply.status == 200 || reply.error() == "already_concluded"));
    assert_eq!(grants(&bank).await, 2);
    assert_eq!(bank.audited_kind("interaction_approved").await + bank.audited_kind("interaction_failed").await, 2);
}

#[tokio::test]
async fn a_body_that_does_not_read_is_refused_with_the_member_that_is_wrong() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, CIC).await;
    let journey = handed(&bank, &client, "cbpii").await;
    let sca = |member: &str, value: Value| json!({ "sca": with(journey.words["sca"].clone(), json!({ member: value })) });
    let text = "must be a text of 1 to 128 characters without control characters";
    for (changes, member, why) in [
        (json!({ "subject": "" }), "subject", text),
        (json!({ "subject": 7 }), "subject", text),
        (json!({ "subject": "x".repeat(129) }), "subject", text),
        (json!({ "subject": "a\u{0}b" }), "subject", text),
        (json!({ "psu": "c-1" }), "psu", "unknown member"),
        (json!({ "sca": "yes" }), "sca", "must be an object"),
        (sca("at", json!("yesterday")), "sca.at", "must be a time as in RFC 3339"),
        (sca("at", json!(1_800_000_000)), "sca.at", text),
        (sca("at", Value::Null), "sca.at", "missing"),
        (sca("method", Value::Null), "sca.method", "missing"),
        (sca("linked_hash", Value::Null), "sca.linked_hash", "missing"),
        (sca("reference", json!([])), "sca.reference", text),
        (sca("factor", json!("x")), "sca.factor", "unknown member"),
        (json!({ "accounts": {} }), "accounts", "must be a list of at most 100 accounts"),
        (json!({ "accounts": vec!["x"; 101] }), "accounts", "must be a list of at most 100 accounts"),
        (json!({ "accounts": [""] }), "accounts[0]", text),
        (json!({ "accounts": [1] }), "accounts[0]", "must be an object"),
        (json!({ "accounts": ["a", "a"] }), "accounts[1]", "is there twice"),
        (json!({ "accounts": ["a", { "id": "a" }] }), "accounts[1]", "is there twice"),
        (json!({ "accounts": [{ "iban": "FR76" }] }), "accounts[0].id", "missing"),
        (json!({ "accounts": [{ "id": "a", "currency": "euro" }] }), "accounts[0].currency", "must be three capital letters (ISO 4217)"),
        (json!({ "accounts": [{ "id": "a", "balance": 1 }] }), "accounts[0].balance", "unknown member"),
        (json!({ "accounts": ["a", "b"] }), "accounts", "the customer chooses one"),
        (json!({ "explicit_consent": "yes" }), "explicit_consent", "must be true or false"),
    ] {
        let refused = journey.complete(&with(journey.words.clone(), changes)).await.refused(400, "invalid_request");
        assert_eq!(refused.description(), format!("{member}: {why}"), "{refused:?}");
    }
    let unknown = journey.portal.fail(&journey.browser.ticket, "Cancelled").await.refused(400, "invalid_request");
    for (reason, ..) in crate::sca_outcomes::OUTCOMES {
        assert!(unknown.description().contains(reason), "{unknown:?}");
    }
    let url = format!("https://localhost:{}/v1/brands/cic/interactions/{}/complete", bank.internal.port(), journey.browser.ticket);
    let gateway = bank.gateway();
    for body in ["", "{", "[]", "null", "\"x\"", "{\"subject\":\"a\"} x", "\u{feff}{}"] {
        let reply = gateway.send(Method::POST, &url, &[("content-type", "application/json")], body).await;
        assert_eq!(reply.refused(400, "invalid_request").description(), "the body is not a JSON object", "{body}");
    }
    gateway.form(&url, &[], &[("subject", "a")]).await.refused(415, "invalid_request");
    let large = format!("{{\"subject\":\"{}\"}}", "x".repeat(2_000_000));
    gateway.send(Method::POST, &url, &[("content-type", "application/json")], large).await.refused(413, "invalid_request");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(gateway.send(method, &url, &[], "").await.ok(405).header("allow"), "POST");
    }
    journey.goes_on().await;
}

/// Any JSON at all: an exact refusal, and the journey stays as it was.
#[tokio::test]
async fn garbage_concludes_nothing() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, CIC).await;
    let journey = handed(&bank, &client, "aisp").await;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("2026-11-28T00:00:00Z")),
    ];
    let name = "subject|sca|accounts|explicit_consent|method|at|reference|linked_hash|id|iban|label|currency|[a-z\\PC]{0,6}";
    let value = leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    let mut runner = TestRunner::deterministic();
    for _ in 0..200 {
        let body = value.new_tree(&mut runner).unwrap().current();
        let reply = journey.complete(&body).await;
        let known = (reply.status, reply.error());
        assert!(known == (400, "invalid_request".into()) || known == (409, "requirements_missing".into()), "{body}: {reply:?}");
    }
    journey.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tpp_that_is_blocked_meanwhile_gets_nothing_until_the_block_is_lifted() {
    let bank = Bank::with(with_portal()).await;
    bank.write_config(&with_portal());
    let client = registered(&bank, CIC).await;
    let journey = handed(&bank, &client, "aisp").await;
    let id = bank.block(&["--organisation", &client.tpp.organisation]).await;
    let deadline = Instant::now() + std::time::Duration::from_secs(5);
    while journey.portal.read(&journey.browser.ticket).await.status == 200 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let read = journey.portal.read(&journey.browser.ticket).await.refused(409, "provider_not_served");
    let refused = journey.complete(&journey.words).await.refused(409, "provider_not_served");
    assert_eq!((redirect_to(&read), redirect_to(&refused)), (journey.browser.journey.clone(), journey.browser.journey.clone()));
    let page = journey.browser.get(&journey.browser.journey).await.ok(403);
    assert!(page.body.contains("/return"), "{page:?}");
    let home = Landing::read(journey.browser.get(&format!("{}/return", journey.browser.journey)).await.ok(303).header("location"));
    assert_eq!((home.uri.as_str(), home.get("error"), home.get("state")), (CALLBACK, "access_denied", STATE));
    bank.unblock(&id).await;
    while journey.portal.read(&journey.browser.ticket).await.status == 409 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    journey.goes_on().await;
}

#[tokio::test]
async fn a_client_that_was_deleted_meanwhile_gets_nothing_and_its_customer_goes_home() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, CIC).await;
    let (open, approved) = (handed(&bank, &client, "aisp").await, handed(&bank, &client, "aisp").await);
    let concluded = approved.complete(&approved.words).await.ok(200);
    client.delete().await.ok(204);
    open.portal.read(&open.browser.ticket).await.refused(409, "approval_void");
    let refused = open.complete(&open.words).await.refused(409, "approval_void");
    assert_eq!(open.complete(&open.words).await.refused(409, "approval_void").json(), refused.json());
    open.went_home(&refused, "technical").await;
    assert_eq!(grants(&bank).await, 1);
    // a code may still come; its token never
    let landing = approved.browser.go_home(&concluded).await;
    client.redeem("web", "aisp", landing.code()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_customer_who_cancels_on_our_side_is_not_approved_on_the_portals() {
    let bank = Bank::with(with_portal()).await;
    let client = registered(&bank, CIC).await;
    let journey = handed(&bank, &client, "aisp").await;
    // the journey's own page sends him on: there is no form of ours to post, and a forged one does nothing
    let sent = bank
        .browser()
        .form(&journey.browser.journey, &[("cookie", &journey.browser.cookie)], &[("csrf", "x"), ("decision", "cancel")])
        .await;
    assert_eq!(sent.status, 403);
    assert_eq!(ticket_of(journey.browser.get(&journey.browser.journey).await.ok(303).header("location")), journey.browser.ticket);
    journey.goes_on().await;
}
