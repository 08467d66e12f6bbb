//! The line that each request leaves in the log: what it tells, what it is called, and what no log may tell.

use crate::harness::{
    Bank, CIC, LBP, Reply,
    sca::{bank_behind, reference::CODE},
    tpp::Tpp,
};
use axum::{
    extract::Request,
    middleware::{self, Next},
};
use guichet::oauth::tpp::PspRole::{self, AccountInformation};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// The lines of one endpoint.
fn lines(bank: &Bank, endpoint: &str) -> Vec<Value> {
    bank.requests().into_iter().filter(|line| line["endpoint"] == endpoint).collect()
}

/// The last of them, these members of it.
#[track_caller]
fn last(bank: &Bank, endpoint: &str, names: &[&str]) -> Value {
    let line = lines(bank, endpoint).pop().unwrap_or_else(|| panic!("no line of {endpoint}"));
    names.iter().map(|name| line.get(*name).cloned().unwrap_or(Value::Null)).collect()
}

const VERDICT: [&str; 5] = ["status", "outcome", "reason", "fault", "role"];

#[tokio::test]
async fn a_line_tells_who_asked_what_for_and_how_it_ended() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(LBP).await;
    let organisation = &client.tpp.organisation;
    assert_eq!(last(&bank, "register", &VERDICT), json!([201, "served", null, "none", "none"]));

    let code = client.authorize("pph", "aisp").await.approve().await.code().to_owned();
    assert_eq!(
        last(&bank, "authorize", &["brand", "channel", "role", "counter", "client_id", "organisation"]),
        json!(["labanquepostale", "pph", "ais", "psu", client.id, organisation])
    );
    assert_eq!(last(&bank, "journey_return", &["channel", "role", "outcome"]), json!(["pph", "ais", "served"]));

    let tokens = client.redeem("pph", "aisp", &code).await.ok(200).json();
    let who = ["brand", "channel", "client_id", "organisation", "method", "route", "counter"];
    assert_eq!(last(&bank, "token", &VERDICT), json!([200, "served", null, "none", "ais"]));
    assert_eq!(last(&bank, "token", &who), json!(["labanquepostale", "pph", client.id, organisation, "POST", "/pph/token", "tpp"]));
    let line = lines(&bank, "token").pop().unwrap();
    let (seconds, database) = (line["seconds"].as_f64().unwrap(), line["db_seconds"].as_f64().unwrap());
    assert!(line["db_statements"] == 1 && 0.0 < database && database < seconds, "one statement issues a token: {line}");

    client.redeem("pph", "aisp", &code).await.refused(400, "invalid_grant");
    assert_eq!(last(&bank, "token", &VERDICT), json!([400, "refused", "code_replayed", "tpp", "ais"]));
    client.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(last(&bank, "introspect", &VERDICT), json!([200, "served", "grant_ended", "none", "ais"]));
    client.client_credentials().await.ok(200);
    assert_eq!(last(&bank, "token", &VERDICT), json!([200, "served", null, "none", "pis"]));
}

#[tokio::test]
async fn whose_fault_it_was_is_told_where_the_status_does_not() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let unknown = client.authorize_url("web", "aisp", &[("client_id", Some("nobody"))]);
    bank.browser().get(&unknown).await.ok(400);
    assert_eq!(last(&bank, "authorize", &VERDICT), json!([400, "refused", "unknown_client", "tpp", "none"]));
    let without = client.authorize_url("web", "aisp", &[("scope", None)]);
    bank.browser().get(&without).await.ok(303);
    assert_eq!(last(&bank, "authorize", &VERDICT), json!([303, "refused", "scope_missing", "tpp", "none"]));

    client.authorize("web", "aisp").await.cancel().await;
    assert_eq!(last(&bank, "journey_return", &VERDICT), json!([303, "refused", "cancelled", "psu", "ais"]));
    let mut psu = client.authorize("web", "aisp").await;
    psu.sign_in("technical").await;
    psu.go_home().await;
    assert_eq!(last(&bank, "journey_return", &VERDICT), json!([303, "failed", "technical", "aspsp", "ais"]));
    bank.browser().get(&psu.journey).await.ok(403);
    assert_eq!(last(&bank, "journey", &VERDICT), json!([403, "refused", "cookie_lost", "psu", "ais"]));

    let url = format!("https://localhost:{}/brands/nobody/introspect", bank.internal.port());
    bank.gateway().form(&url, &[], &[("token", "x")]).await.ok(404);
    assert_eq!(last(&bank, "introspect", &VERDICT), json!([404, "refused", "no_such_brand", "aspsp", "none"]));
    bank.tpp([]).wire.get(&format!("{}/nowhere", bank.origin(CIC.tpp_host))).await.ok(404);
    assert_eq!(last(&bank, "none", &VERDICT), json!([404, "refused", "no_such_endpoint", "tpp", "none"]));
    let expired = crate::harness::wire::Wire::with_file(&bank, "expired");
    expired.json(Method::POST, &bank.tpp([]).registration_url(CIC), &[], &Tpp::metadata(CIC)).await.ok(401);
    assert_eq!(last(&bank, "register", &VERDICT), json!([401, "refused", "CERTIFICATE_EXPIRED", "tpp", "none"]));
}

async fn called(bank: &Bank, client: &crate::harness::Client<'_>, headers: &[(&str, &str)]) -> (Reply, Value) {
    let form = format!("grant_type=client_credentials&scope=pisp&client_id={}", client.id);
    let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/x-www-form-urlencoded")]).collect();
    let reply = client.tpp.wire.send(Method::POST, &client.url(CIC.channel("web").2), &headers, form).await.ok(200);
    (reply, lines(bank, "token").pop().unwrap())
}

#[tokio::test]
async fn a_callers_request_id_is_returned_and_stands_beside_ours() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let (reply, line) = called(&bank, &client, &[("x-request-id", "99391c7e-ad88-49ec-a2ad-99ddcb1f7721")]).await;
    assert_eq!(
        (reply.header("x-request-id"), &line["request_id"]),
        ("99391c7e-ad88-49ec-a2ad-99ddcb1f7721", &json!("99391c7e-ad88-49ec-a2ad-99ddcb1f7721"))
    );
    assert_eq!(line["event_id"].as_str().unwrap().len(), 32);
    for spoilt in ["", "a b", &"x".repeat(65)] {
        let (reply, line) = called(&bank, &client, &[("x-request-id", spoilt)]).await;
        assert_eq!((reply.header("x-request-id"), line.get("request_id")), (line["event_id"].as_str().unwrap(), None), "{spoilt:?}");
    }
    // a customer tells the bank's support what the page shows
    let page = bank
        .browser()
        .send(Method::GET, &client.authorize_url("web", "aisp", &[("client_id", None)]), &[("x-request-id", "mine")], "")
        .await;
    assert!(page.body.contains(page.header("x-request-id")) && page.header("x-request-id").len() == 32, "{page:?}");
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn the_banks_own_systems_traces_go_on_and_strangers_do_not() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let (reply, line) = called(&bank, &client, &[("traceparent", PARENT)]).await;
    assert_eq!((&line["trace_id"], line.get("parent_id"), reply.header("traceresponse")), (&line["event_id"], None, ""), "{line}");

    let url = format!("https://localhost:{}/events", bank.internal.port());
    let ask = async |parent: &str| {
        let reply = bank.gateway().send(Method::GET, &url, &[("traceparent", parent)], "").await.ok(200);
        (reply, lines(&bank, "events").pop().unwrap())
    };
    let (reply, line) = ask(PARENT).await;
    assert_eq!((&line["trace_id"], &line["parent_id"]), (&json!("4bf92f3577b34da6a3ce929d0e0e4736"), &json!("00f067aa0ba902b7")));
    let span = line["span_id"].as_str().unwrap();
    assert_eq!(reply.header("traceresponse"), format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-01"));
    let (reply, line) = ask(&PARENT.to_uppercase()).await;
    assert_eq!((&line["trace_id"], line.get("parent_id")), (&line["event_id"], None), "malformed: a new one");
    assert!(reply.header("traceresponse").starts_with(&format!("00-{}-", line["trace_id"].as_str().unwrap())));
}

#[tokio::test]
async fn the_banks_sca_is_told_which_trace_it_is_part_of() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ear = heard.clone();
    let (bank, _) = bank_behind("internal", |routes| {
        routes.layer(middleware::from_fn(move |request: Request, next: Next| {
            let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).unwrap_or("none");
            ear.lock().unwrap().push(parent.to_owned());
            next.run(request)
        }))
    })
    .await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let mut psu = client.authorize("web", "aisp").await;
    psu.name("anna", crate::harness::sca::reference::PASSWORD).await;
    let line = lines(&bank, "journey_step").pop().unwrap();
    let (trace, span) = (line["trace_id"].as_str().unwrap(), line["span_id"].as_str().unwrap());
    assert_eq!(heard.lock().unwrap().last().unwrap(), &format!("00-{trace}-{span}-00"));
}

/// Of every test's bank the same is looked at when it ends: here is a whole set of journeys, and that a secret would be found.
#[tokio::test]
async fn no_log_tells_a_secret_and_one_that_did_would_be_found() {
    let bank = Bank::start().await;
    let url = format!("https://localhost:{}/v1/brands/cic/sandbox/customers/mme_durand_75", bank.internal.port());
    let script = json!({ "methods": [{ "id": "sms", "label": "SMS", "answer": { "code": "814275" } }], "accounts": [] });
    let made = bank.gateway().json(Method::PUT, &url, &[], &json!({ "password": "correct-horse", "script": script })).await.ok(200).json();
    for brand in [CIC, LBP] {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        for (channel, ..) in brand.channels {
            let mut psu = client.authorize(channel, "aisp").await;
            if brand.id == CIC.id {
                psu.post(&[("customer", "mme_durand_75"), ("password", "wrong-horse-staple"), ("decision", "sign_in")]).await;
                psu.post(&[("customer", "mme_durand_75"), ("password", "correct-horse"), ("decision", "sign_in")]).await;
                psu.post(&[("decision", "approve")]).await;
                psu.post(&[("decision", "otp"), ("otp", "814275")]).await;
            } else {
                psu.sign_in("approves").await;
                psu.post(&[("decision", "approve")]).await;
            }
            let landing = psu.go_home().await;
            let tokens = client.redeem(channel, "aisp", landing.code()).await.ok(200).json();
            let access = tokens["access_token"].as_str().unwrap();
            client.introspect(access).await;
            if let Some(refresh) = tokens["refresh_token"].as_str() {
                client.refresh(refresh).await.ok(200);
                client.refresh(&format!("{refresh}x")).await.refused(400, "invalid_grant");
            }
            client.redeem(channel, "aisp", landing.code()).await.refused(400, "invalid_grant");
            client.revoke(access).await;
        }
    }
    assert!(bank.log().len() > 40 && bank.leaks().is_empty(), "{:#?}", bank.leaks());

    let secrets = bank.heard().secrets();
    for known in ["mme_durand_75", "correct-horse", "wrong-horse-staple", "814275", made["subject"].as_str().unwrap()] {
        assert!(secrets.contains(known), "{known}");
    }
    for prefix in ["guac_", "guat_", "gurt_", "gucs_"] {
        assert!(secrets.iter().any(|secret| secret.starts_with(prefix)), "{prefix}: {secrets:#?}");
    }
    for (told, secret) in secrets.iter().enumerate() {
        tracing::debug!(target: "guichet::test", secret);
        assert_eq!(bank.leaks().len(), told + 1, "{secret} would not be found");
    }
    assert!(CODE.len() == 6 && bank.log().last().unwrap()["target"] == "guichet::test");
    bank.heard().forget();
}
