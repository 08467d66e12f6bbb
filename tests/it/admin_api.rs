//! The administrative part of the internal counter: who gets in, what each call answers, and that it is the command line's doing.

use crate::{
    grants_of_customers::subject,
    harness::{Bank, BankOptions, CIC, LBP, Reply, wire::Wire},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, time::Duration};

/// The subject of the test bank's certificate for its own systems.
const SUBJECT: &str = "O=Test bank, CN=gateway";
const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

fn options(more: &str) -> BankOptions {
    BankOptions { extra: format!("[admin]\napi_certificates = [{SUBJECT:?}]\n{more}\n"), ..BankOptions::default() }
}

async fn call(bank: &Bank, method: Method, path: &str, body: Option<&Value>) -> Reply {
    let url = format!("https://localhost:{}{path}", bank.internal.port());
    match body {
        Some(body) => bank.gateway().json(method, &url, &[], body).await,
        None => bank.gateway().send(method, &url, &[], "").await,
    }
}

async fn get(bank: &Bank, path: &str) -> Value {
    call(bank, Method::GET, path, None).await.ok(200).json()
}

async fn post(bank: &Bank, path: &str, body: Value) -> Reply {
    call(bank, Method::POST, path, Some(&body)).await
}

/// Every operation of the document that is administrative: method and path, ids filled in.
fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(guichet::http::internal_document()).unwrap();
    let mut all = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["tags"][0].as_str().is_some_and(|tag| tag.starts_with("Administration")) {
                all.push((Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path.clone()));
            }
        }
    }
    all
}

fn filled(path: &str, brand: &str) -> String {
    let path = path.replace("{brand}", brand).replace("{organisation}", "PSDFR-ACPR-0").replace("{kid}", "nobody");
    ["{client_id}", "{grant_id}", "{id}"].iter().fold(path, |path, name| path.replace(name, NOBODY))
}

#[tokio::test]
async fn nobody_administers_whom_the_settings_do_not_name() {
    let bank = Bank::start().await;
    let all = operations();
    assert_eq!(all.len(), 34);
    for (method, path) in all {
        let body = json!({ "by": "Ines", "reason": "x" });
        let reply = call(&bank, method.clone(), &filled(&path, CIC.id), (method == Method::POST).then_some(&body)).await;
        let told = reply.refused(403, "access_denied");
        assert!(told.description().contains("admin.api_certificates"), "{method} {path}");
    }
    // what other systems of the bank do goes on
    post(&bank, "/v1/brands/cic/introspections", json!({ "tokens": [] })).await.ok(200);
}

#[tokio::test]
async fn what_is_not_there_or_not_as_described_is_an_exact_refusal_and_changes_nothing() {
    let bank = Bank::with(options("")).await;
    for (method, path) in operations() {
        let case = format!("{method} {path}");
        if path.contains("{brand}") {
            let body = (method == Method::POST).then(|| json!({ "by": "Ines", "reason": "x" }));
            let reply = call(&bank, method.clone(), &filled(&path, "nobody"), body.as_ref()).await;
            assert_eq!((reply.status, reply.description().as_str()), (404, "no such brand"), "{case}");
        }
        if method == Method::GET && path.ends_with('}') {
            assert_eq!(call(&bank, method.clone(), &filled(&path, CIC.id), None).await.status, 404, "{case}");
        }
        if method != Method::POST || path.ends_with("/find") {
            continue;
        }
        // an act without who and why is none
        for body in [json!({}), json!({ "by": "Ines", "reason": "x", "unknown": 1 }), json!([])] {
            let reply = call(&bank, method.clone(), &filled(&path, CIC.id), Some(&body)).await;
            assert!([400, 404].contains(&reply.status), "{case}: {reply:?}");
        }
        let plain = call(&bank, Method::POST, &filled(&path, CIC.id), None).await;
        assert!([404, 415].contains(&plain.status), "{case}: {plain:?}");
    }
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let block = format!("/v1/brands/cic/clients/{}/block", client.id);
    let long = "x".repeat(2_001);
    for (path, body, says) in [
        (block.as_str(), json!({ "by": " ", "reason": "x" }), "by: "),
        (&block, json!({ "by": "I\u{7}", "reason": "x" }), "by: "),
        (&block, json!({ "by": "Ines", "reason": "" }), "reason: "),
        (&block, json!({ "by": "Ines", "reason": long }), "reason: "),
        (&block, json!({ "by": "Ines", "reason": "x", "psu_notice": "" }), "psu_notice: "),
        (&block, json!({ "by": "Ines", "reason": "x\u{0}" }), "the body is not the object described"),
        ("/v1/brands/cic/grants/find", json!({}), "whose grants"),
        ("/v1/brands/cic/grants/find", json!({ "subject": "a", "client_id": client.id }), "whose grants"),
        ("/v1/brands/cic/grants/find", json!({ "subject": "" }), "subject: "),
        ("/v1/brands/cic/grants/find", json!({ "client_id": "x" }), "client_id: "),
        ("/v1/brands/cic/grants/find", json!({ "organisation": "a\u{200b}" }), "organisation: "),
        ("/v1/brands/cic/grants/find", json!({ "client_id": client.id, "limit": 0 }), "limit: "),
        ("/v1/admin/blocks", json!({ "target": "client", "value": client.id, "by": "Ines", "reason": "x" }), "target, value, of"),
        ("/v1/admin/blocks", json!({ "target": "role", "value": "PSP_XX", "by": "Ines", "reason": "x" }), "target, value, of"),
        (
            "/v1/admin/blocks",
            json!({ "target": "organisation", "value": "a", "of": "b", "by": "Ines", "reason": "x" }),
            "target, value, of",
        ),
        (
            "/v1/admin/blocks",
            json!({ "target": "organisation", "value": "a", "by": "Ines", "reason": "x", "authority": { "on": "27.11.2026", "reference": "x" } }),
            "authority: ",
        ),
        (
            "/v1/admin/organisations/PSDFR-ACPR-1/merge",
            json!({ "into": "b", "by": "Ines", "reason": "x", "overlap_days": 401 }),
            "overlap_days",
        ),
        (
            "/v1/admin/organisations/PSDFR-ACPR-1/merge",
            json!({ "into": "b", "by": "Ines", "reason": "x", "force": true }),
            "into: with force",
        ),
    ] {
        let reply = post(&bank, path, body.clone()).await.refused(400, "invalid_request");
        assert!(reply.description().starts_with(says), "{path} {body}: {reply:?}");
    }
    for (query, says) in [
        ("clients?state=dead", "state: "),
        ("clients?limit=101", "limit: "),
        ("clients?after=x", "after: "),
        ("clients?after=1&after=2", "after: sent more than once"),
        ("journeys?stage=x", "stage: "),
        ("journeys?since=yesterday", "since, until: "),
        ("journeys?since=2026-11-28T09:00:00Z&until=2026-11-27T09:00:00Z", "since, until: "),
        ("journeys?client_id=x", "client_id: "),
    ] {
        let reply = call(&bank, Method::GET, &format!("/v1/brands/cic/{query}"), None).await.refused(400, "invalid_request");
        assert!(reply.description().starts_with(says), "{query}: {reply:?}");
    }
    for (path, says) in [("/v1/admin/acts?state=x", "state: "), ("/v1/admin/organisations?limit=x", "limit: ")] {
        assert!(call(&bank, Method::GET, path, None).await.refused(400, "invalid_request").description().starts_with(says), "{path}");
    }
    // another brand's client is none of this brand's
    let path = format!("/v1/brands/{}/clients/{}/block", LBP.id, client.id);
    post(&bank, &path, json!({ "by": "Ines", "reason": "x" })).await.refused(404, "invalid_request");
    let unblock = format!("/v1/brands/cic/clients/{}/unblock", client.id);
    post(&bank, &unblock, json!({ "by": "Ines", "reason": "x" })).await.refused(409, "invalid_request");
    post(&bank, "/v1/admin/keys/rotate", json!({ "by": "Ines", "reason": "x" })).await.refused(409, "invalid_request");
    let changed =
        ["block_added", "block_lifted", "grant_withdrawn", "sca_forced", "act_proposed", "organisation_merged", "signing_key_made"];
    for kind in changed {
        assert_eq!(bank.audited_kind(kind).await, 0, "{kind}");
    }
}

#[tokio::test]
async fn an_application_does_what_the_command_line_does_and_names_the_person() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrapping-key");
    fs::write(&file, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let bank = Bank::with(options(&format!("[signing]\nwrapping_key_file = {file:?}\n"))).await;
    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let client = tpp.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let access = tokens["access_token"].as_str().unwrap();
    let who = json!({ "by": "Ines", "reason": "because" });
    let path = |rest: &str| format!("/v1/brands/cic/{rest}");
    let of_client = |rest: &str| format!("/v1/brands/cic/clients/{}{rest}", client.id);

    let page = get(&bank, &path("clients")).await;
    assert_eq!((page["clients"].as_array().unwrap().len(), page.get("next")), (1, None));
    let shown = get(&bank, &of_client("")).await;
    assert_eq!((&shown["live_grants"], &shown["client_name"]), (&json!(1), &json!("Test app")));

    let blocked = post(&bank, &of_client("/block"), who.clone()).await.ok(200).json();
    assert_eq!((&blocked["done"], &blocked["block"]["by"]), (&json!("blocked"), &json!("Ines")));
    let again = post(&bank, &of_client("/block"), who.clone()).await.ok(200).json();
    assert_eq!((&again["done"], &again["block"]["id"]), (&json!("blocked_before"), &blocked["block"]["id"]));
    assert_eq!(get(&bank, &path("clients?state=blocked")).await["clients"].as_array().unwrap().len(), 1);
    assert_eq!(get(&bank, "/v1/admin/blocks").await["blocks"].as_array().unwrap().len(), 1);
    post(&bank, &of_client("/unblock"), who.clone()).await.ok(200);
    while client.client_credentials().await.status != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let actor = bank.audit().await.into_iter().find(|event| event.kind == "block_added").unwrap();
    assert!(actor.text.contains("Ines (O=Test bank, CN=gateway)"), "{actor:?}");

    let reference = subject(&bank, CIC, "approves").await;
    let found = post(&bank, &path("grants/find"), json!({ "subject": reference })).await.ok(200).json();
    let grant = found["grants"][0]["grant_id"].as_str().unwrap().to_owned();
    assert!(!found.to_string().contains(&reference));
    assert_eq!(get(&bank, &path(&format!("grants/{grant}"))).await["state"], "live");
    call(&bank, Method::GET, &format!("/v1/brands/labanquepostale/grants/{grant}"), None).await.refused(404, "invalid_request");
    let ended = post(&bank, &path(&format!("grants/{grant}/force-sca")), who.clone()).await.ok(200).json();
    assert_eq!((&ended["done"], &ended["grant"]["why"]), (&json!("grant_ended"), &json!("sca_forced")));
    let again = post(&bank, &path(&format!("grants/{grant}/revoke")), who.clone()).await.ok(200).json();
    assert_eq!((&again["done"], &again["grant"]["why"]), (&json!("grant_ended_before"), &json!("sca_forced")));
    assert!(!client.is_active(access).await);

    // the servers go on with it by themselves
    let next = client.tokens("web", "aisp").await;
    for (path, ending) in
        [(of_client("/revoke-grants"), "revoke"), (format!("/v1/admin/organisations/{}/force-sca", tpp.organisation), "force_sca")]
    {
        let begun = post(&bank, &path, who.clone()).await.ok(200).json();
        assert_eq!((&begun["done"], &begun["sweep"]["ending"]), (&json!("sweep_begun"), &json!(ending)));
        let sweep = format!("/v1/admin/sweeps/{}", begun["sweep"]["sweep_id"].as_str().unwrap());
        while get(&bank, &sweep).await.get("finished_at").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(!client.is_active(next["access_token"].as_str().unwrap()).await);

    let journeys = get(&bank, &path(&format!("journeys?client_id={}", client.id))).await;
    let journey = journeys["interactions"][0]["interaction_id"].as_str().unwrap();
    assert_eq!(get(&bank, &path(&format!("journeys/{journey}"))).await["stage"], "approved");
    assert_eq!(get(&bank, "/v1/admin/organisations").await["organisations"][0]["client_count"], 1);
    let organisation = format!("/v1/admin/organisations/{}", tpp.organisation);
    let into = json!({ "into": "PSDFR-ACPR-90210", "force": true, "by": "Ines", "reason": "x" });
    assert_eq!(post(&bank, &format!("{organisation}/merge"), into).await.ok(200).json()["merge"]["clients"], 1);
    assert_eq!(get(&bank, &organisation).await["merges"][0]["new"], "PSDFR-ACPR-90210");

    let made = post(&bank, "/v1/admin/keys/rotate", json!({ "by": "Ines", "reason": "first", "at_once": true })).await.ok(200).json();
    let kid = made["key"]["kid"].as_str().unwrap();
    post(&bank, &format!("/v1/admin/keys/{kid}/retire"), who.clone()).await.refused(409, "invalid_request");
    assert_eq!(get(&bank, "/v1/admin/keys").await["keys"][0]["state"], "active");
    post(&bank, "/v1/admin/keys/nobody/retire", who.clone()).await.refused(404, "invalid_request");
    let added = json!({ "target": "role", "value": "PSP_AI", "of": "PSDFR-ACPR-1", "by": "Ines", "reason": "x" });
    let block = post(&bank, "/v1/admin/blocks", added).await.ok(200).json();
    let lift = format!("/v1/admin/blocks/{}/lift", block["block"]["id"].as_str().unwrap());
    assert_eq!(post(&bank, &lift, who.clone()).await.ok(200).json()["done"], "lifted");
    assert_eq!(post(&bank, &lift, who).await.ok(200).json()["done"], "lifted_before");
}

#[tokio::test]
async fn an_act_of_four_eyes_is_answered_202_until_another_person_approves() {
    let bank = Bank::with(options("four_eyes = [\"client.block\"]")).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let path = format!("/v1/brands/cic/clients/{}/block", client.id);
    let waits = post(&bank, &path, json!({ "by": "Ines", "reason": "x" })).await.ok(202).json();
    assert_eq!((&waits["state"], &waits["act"], &waits["proposed_by"]["as"]), (&json!("open"), &json!("client.block"), &json!(SUBJECT)));
    let again = post(&bank, &path, json!({ "by": "Paul", "reason": "y" })).await.ok(202).json();
    assert_eq!((&again["act_id"], &again["reason"]), (&waits["act_id"], &json!("x")), "the same again is the same");
    let act = format!("/v1/admin/acts/{}", waits["act_id"].as_str().unwrap());
    assert_eq!(get(&bank, &act).await["what"], format!("block client {} at cic", client.id));
    post(&bank, &format!("{act}/approve"), json!({ "by": "INES" })).await.refused(403, "access_denied");
    let done = post(&bank, &format!("{act}/approve"), json!({ "by": "Paul" })).await.ok(200).json();
    assert_eq!(done["done"], "blocked");
    post(&bank, &format!("{act}/approve"), json!({ "by": "Paul" })).await.refused(409, "invalid_request");
    post(&bank, &format!("{act}/reject"), json!({ "by": "Paul", "reason": "late" })).await.refused(409, "invalid_request");
    assert_eq!(get(&bank, "/v1/admin/acts").await["acts"], json!([]));
    assert_eq!(get(&bank, "/v1/admin/acts?state=approved").await["acts"][0]["decided_by"]["name"], "Paul");
    bank.clock.advance(time::Duration::minutes(1));

    let other = bank.tpp([AccountInformation]).register(CIC).await;
    let path = format!("/v1/brands/cic/clients/{}/block", other.id);
    let waits = post(&bank, &path, json!({ "by": "Ines", "reason": "x" })).await.ok(202).json();
    let act = format!("/v1/admin/acts/{}", waits["act_id"].as_str().unwrap());
    bank.clock.advance(time::Duration::hours(24));
    let late = post(&bank, &format!("{act}/approve"), json!({ "by": "Paul" })).await.refused(409, "invalid_request");
    assert!(late.description().contains("expired"), "{late:?}");
    assert_eq!(get(&bank, &act).await["state"], "expired");
    other.client_credentials().await;
    assert_eq!(bank.audited_kind("block_added").await, 1);
}

/// The gate goes by the certificate, not by what the request says.
#[tokio::test]
async fn a_browser_or_a_tpp_never_reaches_it() {
    let bank = Bank::with(options("")).await;
    let tpp = bank.tpp([AccountInformation]);
    for path in ["/v1/admin/keys", "/v1/brands/cic/clients"] {
        assert_eq!(tpp.wire.get(&format!("{}{path}", bank.origin(CIC.tpp_host))).await.status, 404, "{path}");
        assert_eq!(bank.browser().get(&format!("{}{path}", bank.origin(CIC.psu_host))).await.status, 404, "{path}");
        let nobody = Wire::internal(&bank, None);
        let url = format!("https://localhost:{}{path}", bank.internal.port());
        assert!(nobody.try_send(Method::GET, &url, &[], "").await.is_err(), "no certificate, no connection");
    }
}
