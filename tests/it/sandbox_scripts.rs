//! Customers that somebody scripts for a sandbox, and the page that says of each what he will do.

use crate::{
    grants_of_customers::subject,
    harness::{Bank, BankOptions, Brand, CIC, LBP, Psu, Reply, bank::BRANDS, together},
};
use guichet::oauth::tpp::PspRole;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn url(bank: &Bank, brand: &str, login: &str) -> String {
    format!("https://localhost:{}/v1/brands/{brand}/sandbox/customers{login}", bank.internal.port())
}

async fn put(bank: &Bank, brand: Brand, login: &str, body: &Value) -> Reply {
    bank.gateway().json(Method::PUT, &url(bank, brand.id, &format!("/{login}")), &[], body).await
}

async fn listed(bank: &Bank, brand: Brand) -> Vec<Value> {
    bank.gateway().get(&url(bank, brand.id, "")).await.ok(200).json()["customers"].as_array().unwrap().clone()
}

async fn page(bank: &Bank, brand: Brand) -> String {
    let url = format!("{}/{}/customers", bank.origin(brand.psu_host), brand.id);
    bank.browser().send(Method::GET, &url, &[("accept-language", "en")], "").await.ok(200).body
}

fn app(after_seconds: u32) -> Value {
    json!({ "methods": [{ "id": "app", "label": "Phone", "answer": { "approves": { "after_seconds": after_seconds } } }], "accounts": [] })
}

/// One that types a code, with two accounts.
fn coded(code: &str) -> Value {
    json!({
        "methods": [{ "id": "sms", "label": "SMS", "answer": { "code": code } }],
        "accounts": [
            { "id": "a1", "iban": "FR7630099000010000000000120", "label": "Current", "currency": "EUR" },
            { "id": "a2", "iban": null, "label": "Savings", "currency": "USD" },
        ],
    })
}

#[tokio::test]
async fn a_scripted_customer_does_what_was_written() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let made = put(&bank, brand, "types_mine", &json!({ "password": "own", "script": coded("4711") })).await.ok(200).json();
        assert_eq!(
            (&made["login"], &made["password"], &made["built_in"], &made["outcome"]),
            (&json!("types_mine"), &json!("own"), &json!(false), &Value::Null)
        );
        let mut psu = client.authorize("web", "aisp").await;
        let sign_in = |password| [("customer", "types_mine"), ("password", password), ("decision", "sign_in")];
        psu.post(&sign_in("sandbox")).await;
        assert!(psu.page.body.contains("name=\"password\""), "the built-in customers' password is not his: {:?}", psu.page);
        psu.post(&sign_in("own")).await;
        psu.post(&[("decision", "approve")]).await;
        psu.post(&[("decision", "otp"), ("otp", "0000")]).await;
        psu.post(&[("decision", "otp"), ("otp", "4711")]).await;
        let landing = psu.go_home().await;
        let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
        let told = client.introspect(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(told["sub"], made["subject"]);

        // an early end, for each reason there is
        let script = json!({ "at_sign_in": "daily_quota_exceeded" });
        let made = put(&bank, brand, "ends_early", &json!({ "script": script })).await.ok(200).json();
        assert_eq!(made["outcome"], "daily_quota_exceeded");
        let mut psu = client.authorize("web", "aisp").await;
        psu.sign_in("ends_early").await;
        let landing = psu.go_home().await;
        let expected = if brand.id == CIC.id { "access_denied" } else { "NUMBER_SCA_EXCEEDED" };
        assert_eq!(landing.get("error"), expected);
    }
}

#[tokio::test]
async fn the_same_script_again_changes_nothing_and_another_replaces_it() {
    let bank = Bank::start().await;
    let first = put(&bank, CIC, "mine", &json!({ "script": app(8) })).await.ok(200);
    let again = put(&bank, CIC, "mine", &json!({ "script": app(8) })).await.ok(200);
    assert_eq!(first.json(), again.json());
    let other = put(&bank, CIC, "mine", &json!({ "script": { "at_sign_in": "cancelled" } })).await.ok(200).json();
    assert_eq!((&other["subject"], &other["outcome"]), (&first.json()["subject"], &json!("cancelled")), "he stays who he is");
    let all = listed(&bank, CIC).await;
    assert_eq!(all.iter().filter(|customer| customer["login"] == "mine").collect::<Vec<_>>(), [&other]);
    assert!(listed(&bank, LBP).await.iter().all(|customer| customer["login"] != "mine"), "another brand's customer is another");
    for customer in all.iter().filter(|customer| customer["built_in"] == true) {
        let login = customer["login"].as_str().unwrap();
        assert_eq!(customer["subject"], subject(&bank, CIC, login).await);
        put(&bank, CIC, login, &json!({ "script": app(0) })).await.refused(409, "invalid_request");
        bank.gateway().send(Method::DELETE, &url(&bank, "cic", &format!("/{login}")), &[], "").await.refused(409, "invalid_request");
    }
    for _ in 0..2 {
        bank.gateway().send(Method::DELETE, &url(&bank, "cic", "/mine"), &[], "").await.ok(204);
    }
    assert!(listed(&bank, CIC).await.iter().all(|customer| customer["login"] != "mine"));
}

#[tokio::test]
async fn scripts_and_their_number_are_bounded() {
    let bank = Bank::start().await;
    let one = |change: Value| {
        let method = json!({ "id": "m", "label": "L", "answer": "silent" });
        json!({ "script": { "methods": [crate::register::with(method, change)] } })
    };
    let account = |change: Value| {
        let account = json!({ "id": "a", "iban": null, "label": "L", "currency": "EUR" });
        json!({ "script": { "accounts": [crate::register::with(account, change)] } })
    };
    let method = json!({ "id": "m", "label": "L", "answer": "silent" });
    for (body, description) in [
        (json!({}), "the body is not the object described"),
        (json!({ "script": {}, "more": 1 }), "the body is not the object described"),
        (json!({ "script": { "outcome": "cancelled" } }), "the body is not the object described"),
        (json!({ "script": { "at_sign_in": "maybe" } }), "the body is not the object described"),
        (one(json!({ "answer": "maybe" })), "the body is not the object described"),
        (one(json!({ "answer": { "approves": { "after_seconds": -1 } } })), "the body is not the object described"),
        (one(json!({ "answer": { "approves": { "after_seconds": 601 } } })), "script: methods: after_seconds"),
        (one(json!({ "answer": { "code": "123" } })), "script: methods: a code"),
        (one(json!({ "answer": { "code": "12 34" } })), "script: methods: a code"),
        (one(json!({ "id": "" })), "script: methods: each has an id"),
        (one(json!({ "id": "<b>" })), "script: methods: each has an id"),
        (one(json!({ "label": " " })), "script: methods: label"),
        (one(json!({ "label": "x".repeat(101) })), "script: methods: label"),
        (json!({ "script": { "methods": [method, method] } }), "script: methods: each has an id"),
        (json!({ "script": { "methods": vec![&method; 6] } }), "script: at most"),
        (account(json!({ "id": "/" })), "script: accounts: each has an id"),
        (account(json!({ "iban": "FR 76" })), "script: accounts: an IBAN"),
        (account(json!({ "currency": "eur" })), "script: accounts: an IBAN"),
        (account(json!({ "label": "" })), "script: accounts: an IBAN"),
        (json!({ "password": "", "script": {} }), "password: "),
        (json!({ "password": "x".repeat(65), "script": {} }), "password: "),
    ] {
        let reply = put(&bank, CIC, "mine", &body).await.refused(400, "invalid_request");
        assert!(reply.description().starts_with(description), "{body}: {reply:?}");
    }
    for login in ["%20", "a%2fb", "%00", &"x".repeat(65), "%3Cb%3E"] {
        let reply = put(&bank, CIC, login, &json!({ "script": {} })).await;
        assert!([400, 404].contains(&reply.status) && reply.error() == "invalid_request", "{login}: {reply:?}");
    }
    // the hash is what takes the time: rows of the same kind, but one
    let fill = "insert into sandbox_customers (brand, login, password_hash, reference) select 'cic', 'n' || n, 'x', 'n' || n from generate_series(1, 199) n";
    sqlx::query(fill).execute(&bank.pool().await).await.unwrap();
    let script = json!({ "script": {} });
    let at_once = together(["the_last", "too_late"].map(|login| put(&bank, CIC, login, &script))).await;
    let mut statuses: Vec<_> = at_once.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let last = if at_once[0].status == 200 { "the_last" } else { "too_late" };
    let full = put(&bank, CIC, "one_more", &json!({ "script": {} })).await.refused(409, "invalid_request");
    assert!(full.description().contains("200"), "{full:?}");
    put(&bank, CIC, last, &json!({ "script": { "at_sign_in": "technical" } })).await.ok(200);
    put(&bank, LBP, "one_more", &json!({ "script": {} })).await.ok(200);
}

#[tokio::test]
async fn nobody_scripts_the_customers_of_a_real_bank() {
    let bank = Bank::with(BankOptions { production: true, ..BankOptions::default() }).await;
    for brand in ["cic", "nobody"] {
        let gateway = bank.gateway();
        gateway.get(&url(&bank, brand, "")).await.refused(404, "invalid_request");
        gateway.json(Method::PUT, &url(&bank, brand, "/mine"), &[], &json!({ "script": {} })).await.refused(404, "invalid_request");
        gateway.send(Method::DELETE, &url(&bank, brand, "/mine"), &[], "").await.refused(404, "invalid_request");
    }
    let page = bank.browser().get(&format!("{}/cic/customers", bank.origin(CIC.psu_host))).await;
    assert_eq!(page.status, 404);
}

/// The card of one customer.
fn card<'p>(page: &'p str, login: &str) -> &'p str {
    let from = page.find(&format!("<h2><code>{login}</code></h2>")).unwrap_or_else(|| panic!("{login} is not on the page"));
    page[from..].split("</section>").next().unwrap()
}

#[tokio::test]
async fn the_page_says_of_every_customer_what_he_does_on_every_channel() {
    let bank = Bank::start().await;
    let evil = "<script>alert(1)</script>";
    for brand in BRANDS {
        put(&bank, brand, "types_mine", &json!({ "password": "<own>", "script": coded("4711") })).await.ok(200);
        let method = |id: &str, answer: Value| json!({ "id": id, "label": evil, "answer": answer });
        let fails = json!({ "fails": { "after_seconds": 7, "reason": "wrong_device" } });
        let script = json!({ "methods": [method("a", fails), method("b", json!("silent")), method("c", json!({ "approves": { "after_seconds": 9 } }))] });
        put(&bank, brand, "does_much", &json!({ "script": script })).await.ok(200);
        let page = page(&bank, brand).await;
        assert!(!page.contains("<script>") && page.contains("&#60;script&#62;"), "{page}");
        let all = listed(&bank, brand).await;
        assert_eq!(page.matches("<h2><code>").count(), all.len(), "each once");
        for customer in &all {
            let card = card(&page, customer["login"].as_str().unwrap());
            assert!(
                card.contains(&format!(
                    "<code>{}</code>",
                    customer["password"].as_str().unwrap().replace('<', "&#60;").replace('>', "&#62;")
                ))
            );
            for (channel, ..) in brand.channels {
                assert!(card.contains(&format!("Answer on {channel}")), "{card}");
            }
            for account in customer["script"]["accounts"].as_array().unwrap() {
                assert!(card.contains(account["id"].as_str().unwrap()), "{card}");
            }
            for method in customer["script"]["methods"].as_array().unwrap() {
                let code = method["answer"]["code"].as_str().unwrap_or("");
                assert!(card.contains(code), "{card}");
            }
        }
        let much = card(&page, "does_much");
        assert!(much.contains("after 7 seconds") && much.contains("Nobody answers") && much.contains("after 9 seconds"), "{much}");
        if brand.id == LBP.id {
            assert!(much.contains("error=SCA_PSU_DEVICE_ERROR") && much.contains("error=SCA_PSU_TIMEOUT"), "{much}");
        }
        for (channel, ..) in brand.channels {
            assert_eq!(much.matches(&format!("Answer on {channel}")).count(), 3);
        }
    }
}

/// What the page says is what happens: each built-in customer that the customer himself has nothing to do for, on each channel.
#[tokio::test]
async fn the_page_keeps_its_word() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let page = page(&bank, brand).await;
        let ending: BTreeMap<_, _> = listed(&bank, brand)
            .await
            .into_iter()
            .filter(|customer| !customer["script"]["at_sign_in"].is_null())
            .map(|customer| (customer["login"].as_str().unwrap().to_owned(), customer))
            .collect();
        assert!(ending.len() >= 14);
        for (channel, ..) in brand.channels {
            for login in ending.keys() {
                let mut psu: Psu = client.authorize(channel, "aisp").await;
                psu.sign_in(login).await;
                let landing = psu.go_home().await;
                let said = format!("<dt>Answer on {channel}</dt><dd><code>error={}</code></dd>", landing.get("error"));
                assert!(card(&page, login).contains(&said), "{login} on {channel}: {landing:?}");
            }
        }
    }
}
