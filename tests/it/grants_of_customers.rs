//! What a customer allowed, as his bank's permission dashboard is told, and how he takes it back.

use crate::{
    harness::{Bank, BankOptions, Brand, CIC, Client, LBP, Reply, Tpp, bank::BRANDS, together, tpp::introspect, wire::Wire},
    register::with,
};
use guichet::{
    clock::{Clock, Entropy, System},
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
    tasks::{expiry, uses},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// The internal counter's answer to a JSON body.
pub async fn post(bank: &Bank, brand: Brand, path: &str, body: &Value) -> Reply {
    let url = format!("https://localhost:{}/v1/brands/{}/{path}", bank.internal.port(), brand.id);
    bank.gateway().json(Method::POST, &url, &[], body).await
}

/// The reference of a scripted customer: what tokens carry as `sub`.
pub async fn subject(bank: &Bank, brand: Brand, login: &str) -> String {
    let query = sqlx::query_scalar("select reference from sandbox_customers where brand = $1 and login = $2").bind(brand.id).bind(login);
    query.fetch_one(&bank.pool().await).await.unwrap()
}

async fn search(bank: &Bank, brand: Brand, body: Value) -> Value {
    post(bank, brand, "grants/search", &body).await.ok(200).json()
}

async fn grants(bank: &Bank, brand: Brand, subject: &str, state: &str) -> Vec<Value> {
    let found = search(bank, brand, json!({ "subject": subject, "state": state, "limit": 100 })).await;
    assert!(found.get("next").is_none(), "{found}");
    found["grants"].as_array().unwrap().clone()
}

pub async fn withdraw(bank: &Bank, brand: Brand, subject: &str, grant: &str) -> Reply {
    post(bank, brand, &format!("grants/{grant}/withdraw"), &json!({ "subject": subject })).await
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn time(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().unwrap_or_else(|| panic!("no time: {value}")), &Rfc3339).unwrap()
}

/// The grant under a token.
async fn grant_of(client: &Client<'_>, token: &str) -> String {
    text(&client.introspect(token).await, "grant_id").to_owned()
}

#[tokio::test]
async fn a_dashboard_is_told_who_may_do_what_and_why_since_when_and_until() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let psu = subject(&bank, brand, "approves").await;
        assert_eq!(search(&bank, brand, json!({ "subject": psu })).await, json!({ "grants": [] }), "{}", brand.id);
        let metadata = with(Tpp::metadata(brand), json!({ "client_name": "Tipp", "client_name#fr": "Le Tipp" }));
        let client = bank.tpp(PspRole::ALL).register_as(brand, &metadata).await;
        let began = bank.clock.now();
        let tokens = client.tokens("web", "aisp").await;
        let id = grant_of(&client, text(&tokens, "access_token")).await;
        bank.clock.advance(Duration::SECOND);
        client.tokens("web", "cbpii").await;
        bank.clock.advance(Duration::SECOND);
        client.tokens("web", "pisp").await;

        let found = grants(&bank, brand, &psu, "active").await;
        let scopes: Vec<_> = found.iter().map(|grant| grant["what"]["scope"].clone()).collect();
        assert_eq!(scopes, [json!(["pisp"]), json!(["cbpii"]), json!(["aisp"])], "newest first");
        let grant = &found[2];
        assert_eq!((text(grant, "grant_id"), text(grant, "state"), text(grant, "channel")), (id.as_str(), "active", "web"));
        assert_eq!(
            grant["who"],
            json!({
                "client_id": client.id,
                "client_name": "Le Tipp",
                "legal_name": format!("Société {}", client.tpp.organisation),
                "authorisation_number": client.tpp.organisation.rsplit('-').next().unwrap(),
                "organisation": client.tpp.organisation,
                "roles": ["PSP_AI"],
            })
        );
        assert_eq!(grant["what"]["words"].as_array().unwrap().len(), 3);
        assert!(text(grant, "why").contains("Le Tipp"));
        assert!((began..began + Duration::SECOND).contains(&time(&grant["since"])), "{grant}");
        assert_eq!(time(&grant["until"]), time(&grant["last_sca"]["at"]) + Duration::days(180));
        assert!(grant.get("ended").is_none());
        assert_eq!(found[0]["who"]["roles"], json!(["PSP_PI"]));

        // the same in other words
        let mut spoken = BTreeSet::new();
        for language in ["de", "en", "es", "fr"] {
            let found = search(&bank, brand, json!({ "subject": psu, "language": language, "state": "all" })).await;
            let grant = &found["grants"][2];
            assert_eq!(text(&grant["who"], "client_name"), if language == "fr" { "Le Tipp" } else { "Tipp" });
            spoken.insert((text(grant, "why").to_owned(), grant["what"]["words"].to_string()));
        }
        assert_eq!(spoken.len(), 4, "{spoken:?}");

        // of nobody else, and at no other brand
        let other = if brand.id == CIC.id { LBP } else { CIC };
        assert_eq!(search(&bank, other, json!({ "subject": psu })).await, json!({ "grants": [] }));
        let neighbour = subject(&bank, brand, "approves_too").await;
        assert_eq!(search(&bank, brand, json!({ "subject": neighbour })).await, json!({ "grants": [] }));
    }
}

/// What there is to say of how one grant ended.
async fn ended(bank: &Bank, brand: Brand, psu: &str, id: &str) -> (String, String) {
    assert!(grants(bank, brand, psu, "active").await.iter().all(|grant| grant["grant_id"] != id), "{id} is alive");
    let found = grants(bank, brand, psu, "ended").await;
    let grant = found.iter().find(|grant| grant["grant_id"] == id).unwrap_or_else(|| panic!("{id} is not told of: {found:?}"));
    assert_eq!(text(grant, "state"), "ended");
    assert!(time(&grant["ended"]["at"]) <= bank.clock.now());
    (text(&grant["ended"], "by").to_owned(), text(&grant["ended"], "why").to_owned())
}

#[tokio::test]
async fn each_way_to_end_a_grant_says_whose_doing_it_was() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let psu = subject(&bank, brand, "approves").await;
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let ended = async |id: &str| ended(&bank, brand, &psu, id).await;
        let is = |by: &str, why: &str| (by.to_owned(), why.to_owned());
        let alive = async || {
            // or two have the same time, and no order
            bank.clock.advance(Duration::SECOND);
            let tokens = client.tokens("web", "aisp").await;
            let access = text(&tokens, "access_token").to_owned();
            (grant_of(&client, &access).await, access, tokens["refresh_token"].as_str().map(str::to_owned))
        };

        // the TPP gives it back: by its refresh token, or by the only token that it has
        let (id, access, refresh) = alive().await;
        client.revoke(refresh.as_deref().unwrap_or(&access)).await.ok(200);
        assert_eq!(ended(&id).await, is("tpp", "revoked_by_client"));

        // one of several access tokens is not the grant
        if let (id, access, Some(_)) = alive().await {
            client.revoke(&access).await.ok(200);
            assert!(grants(&bank, brand, &psu, "active").await.iter().any(|grant| grant["grant_id"] == id));
        }

        let (id, access, _) = alive().await;
        withdraw(&bank, brand, &psu, &id).await.ok(200);
        assert_eq!(ended(&id).await, is("customer", "withdrawn_by_customer"));
        assert!(!client.is_active(&access).await);

        let (id, ..) = alive().await;
        let body = json!({ "subject": psu, "by": "bank", "reason": "Suspected fraud" });
        let reply = post(&bank, brand, &format!("grants/{id}/withdraw"), &body).await.ok(200).json();
        assert_eq!(text(&reply["ended"], "reason"), "Suspected fraud");
        assert_eq!(ended(&id).await, is("bank", "ended_by_bank"));

        let code = client.approved("web", "aisp").await.code().to_owned();
        let tokens = client.redeem("web", "aisp", &code).await.ok(200).json();
        let id = grant_of(&client, text(&tokens, "access_token")).await;
        client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
        assert_eq!(ended(&id).await, is("replay", "code_replayed"));

        // approved, and nobody came for the code in time
        bank.clock.advance(Duration::SECOND);
        let mut journey = client.authorize("web", "aisp").await;
        journey.sign_in("approves").await;
        journey.post(&[("decision", "approve")]).await;
        let found = grants(&bank, brand, &psu, "active").await;
        let id = text(&found[0], "grant_id").to_owned();
        bank.clock.advance(Duration::minutes(11));
        journey.answer().await;
        assert_eq!(ended(&id).await, is("bank", "answer_not_fetched"));

        // somebody of the bank at the database, as was the only way once
        let (id, ..) = alive().await;
        let by_hand = "update grants set revoked_at = $2 where id = $1";
        let id_ = Uuid::parse_str(&id).unwrap();
        sqlx::query(by_hand).bind(id_).bind(bank.clock.now()).execute(&bank.pool().await).await.unwrap();
        assert_eq!(ended(&id).await, is("bank", "ended_by_bank"));

        // time; and what is done to it afterwards does not change that
        let (id, ..) = alive().await;
        let deleted = alive().await.0;
        bank.clock.advance(Duration::days(180));
        assert_eq!(ended(&id).await, is("expiry", "expired"));
        let reply = withdraw(&bank, brand, &psu, &id).await.ok(200).json();
        assert_eq!(text(&reply["ended"], "by"), "expiry", "it had ended already");
        let last = alive().await.0;
        client.delete().await.ok(204);
        assert_eq!(ended(&last).await, is("tpp", "client_deleted"));
        assert_eq!(ended(&deleted).await, is("expiry", "expired"));
        assert_eq!(ended(&id).await, is("expiry", "expired"));
    }
}

#[tokio::test]
async fn history_reaches_two_years_back() {
    let bank = Bank::start().await;
    let psu = subject(&bank, LBP, "approves").await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    let tokens = client.tokens("web", "aisp").await;
    let withdrawn = grant_of(&client, text(&tokens, "access_token")).await;
    bank.clock.advance(Duration::days(1));
    withdraw(&bank, LBP, &psu, &withdrawn).await.ok(200);
    let tokens = client.tokens("web", "aisp").await;
    let expires = grant_of(&client, text(&tokens, "access_token")).await;
    let ids = async || -> Vec<String> {
        let found = grants(&bank, LBP, &psu, "ended").await;
        found.iter().map(|grant| text(grant, "grant_id").to_owned()).collect()
    };
    bank.clock.advance(Duration::days(731) - Duration::SECOND);
    assert_eq!(ids().await, [expires.clone(), withdrawn], "to its last second, whole leap years");
    bank.clock.advance(Duration::SECOND);
    assert_eq!(ids().await, [expires.as_str()], "it ended two years ago");
    bank.clock.advance(Duration::days(179));
    assert_eq!(ids().await, [expires.as_str()], "ended later than it");
    bank.clock.advance(Duration::days(1));
    assert!(ids().await.is_empty() && grants(&bank, LBP, &psu, "all").await.is_empty());
}

/// Grants of a customer with these ids, the newest last.
async fn plant(bank: &Bank, brand: Brand, psu: &str, client: &Client<'_>, count: i32) {
    let statement = "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at)
                     select ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, $2, 'web', 'aisp', $3, $4, $4, $5
                     from generate_series(1, $6) n";
    let query = sqlx::query(statement).bind(brand.id).bind(Uuid::parse_str(&client.id).unwrap()).bind(psu);
    let now = bank.clock.now();
    query.bind(now).bind(now + Duration::days(180)).bind(count).execute(&bank.pool().await).await.unwrap();
}

#[tokio::test]
async fn pages_are_bounded_and_nothing_that_happens_meanwhile_moves_them() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    plant(&bank, CIC, "a customer", &client, 125).await;
    let (mut seen, mut after, mut sizes) = (vec![], Value::Null, vec![]);
    loop {
        let page = search(&bank, CIC, json!({ "subject": "a customer", "after": after })).await;
        let ids: Vec<_> = page["grants"].as_array().unwrap().iter().map(|grant| text(grant, "grant_id").to_owned()).collect();
        sizes.push(ids.len());
        // one of this page ends, and a newer one is added: neither is met twice, none is passed over
        withdraw(&bank, CIC, "a customer", &ids[0]).await.ok(200);
        let added = "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at)
                     select $1, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at from grants where psu = 'a customer' limit 1";
        sqlx::query(added).bind(<dyn Entropy>::uuid(&System::new(), bank.clock.now())).execute(&bank.pool().await).await.unwrap();
        seen.extend(ids);
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [50, 50, 25]);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 125);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
    let exactly = search(&bank, CIC, json!({ "subject": "a customer", "limit": 100, "state": "active", "after": seen[24] })).await;
    assert!(exactly["grants"].as_array().unwrap().len() == 98 && exactly.get("next").is_none(), "the last page says so");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_request_is_said_and_nothing_more() {
    let bank = Bank::start().await;
    let search = async |body: &Value| post(&bank, CIC, "grants/search", body).await;
    for (body, description) in [
        (json!([]), "the body is not a JSON object"),
        (json!({}), "the body is not the object described"),
        (json!({ "subject": 1 }), "the body is not the object described"),
        (json!({ "subject": "a", "sub": "b" }), "the body is not the object described"),
        (json!({ "subject": "a\u{0}b" }), "the body is not the object described"),
        (json!({ "subject": "a", "after": "x" }), "the body is not the object described"),
        (json!({ "subject": "a", "state": "dead" }), "the body is not the object described"),
        (json!({ "subject": "a", "limit": 1.5 }), "the body is not the object described"),
        (json!({ "subject": "" }), "subject: "),
        (json!({ "subject": "a\nb" }), "subject: "),
        (json!({ "subject": "x".repeat(256) }), "subject: "),
        (json!({ "subject": "a", "language": "it" }), "language: "),
        (json!({ "subject": "a", "language": "" }), "language: "),
        (json!({ "subject": "a", "limit": 0 }), "limit: "),
        (json!({ "subject": "a", "limit": 101 }), "limit: "),
        (json!({ "subject": "a", "limit": -1 }), "limit: "),
    ] {
        let reply = search(&body).await.refused(400, "invalid_request");
        assert!(reply.description().starts_with(description), "{body}: {reply:?}");
    }
    search(&json!({ "subject": "x".repeat(255), "state": null })).await.refused(400, "invalid_request");
    search(&json!({ "subject": "x".repeat(255) })).await.ok(200);
    search(&json!({ "subject": "x".repeat(70_000) })).await.refused(413, "invalid_request");
    let (gateway, url) = (bank.gateway(), format!("https://localhost:{}/v1/brands/cic/grants/search", bank.internal.port()));
    let typed = [("content-type", "application/json")];
    gateway.send(Method::POST, &url, &typed, "{\"subject\":").await.refused(400, "invalid_request");
    gateway.send(Method::POST, &url, &typed, b"\xff".to_vec()).await.refused(400, "invalid_request");
    gateway.form(&url, &[], &[("subject", "a")]).await.refused(415, "invalid_request");
    assert_eq!(gateway.get(&url).await.ok(405).header("allow"), "POST");
    let nobody = url.replace("/cic/", "/nobody/");
    gateway.json(Method::POST, &nobody, &[], &json!({ "subject": "a" })).await.refused(404, "invalid_request");
    // who has no certificate of the bank's does not get in
    for name in [None, Some("aisp")] {
        let sent = Wire::internal(&bank, name).try_send(Method::POST, &url, &typed, "{\"subject\":\"a\"}").await;
        assert!(sent.is_err(), "{name:?}");
    }

    let psu = subject(&bank, CIC, "approves").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let id = grant_of(&client, access).await;
    let end = async |brand: Brand, id: &str, body: Value| post(&bank, brand, &format!("grants/{id}/withdraw"), &body).await;
    end(CIC, &id, json!({ "subject": "somebody else" })).await.refused(404, "invalid_request");
    end(LBP, &id, json!({ "subject": psu })).await.refused(404, "invalid_request");
    end(CIC, "x", json!({ "subject": psu })).await.refused(404, "invalid_request");
    end(CIC, &Uuid::nil().to_string(), json!({ "subject": psu })).await.refused(404, "invalid_request");
    end(CIC, &id, json!({ "subject": psu, "by": "tpp" })).await.refused(400, "invalid_request");
    end(CIC, &id, json!({ "subject": psu, "by": "bank" })).await.refused(400, "invalid_request");
    for reason in [" ".to_owned(), "x".repeat(201), "a\nb".to_owned(), String::new()] {
        end(CIC, &id, json!({ "subject": psu, "reason": reason })).await.refused(400, "invalid_request");
    }
    assert!(client.is_active(access).await && client.is_active(refresh).await, "nothing of it ended anything");
    assert_eq!(bank.audited_kind("grant_withdrawn").await, 0);
}

#[tokio::test]
async fn a_withdrawal_happens_once_and_is_told_to_whoever_tells_the_tpp() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let psu = subject(&bank, brand, "approves").await;
        let metadata = with(Tpp::metadata(brand), json!({ "contacts": ["security@tpp.example"] }));
        let client = bank.tpp([AccountInformation]).register_as(brand, &metadata).await;
        let tokens = client.tokens("web", "aisp").await;
        let access = text(&tokens, "access_token");
        let id = grant_of(&client, access).await;
        let before = bank.audited_kind("grant_withdrawn").await;
        let first = withdraw(&bank, brand, &psu, &id);
        let replies = together([first, withdraw(&bank, brand, &psu, &id), withdraw(&bank, brand, &psu, &id)]).await;
        bank.clock.advance(Duration::HOUR);
        let again = withdraw(&bank, brand, &psu, &id).await;
        for reply in replies.iter().chain([&again]) {
            assert_eq!((reply.status, &reply.body), (200, &again.body), "the same answer");
        }
        assert_eq!(bank.audited_kind("grant_withdrawn").await, before + 1);
        let events = bank.audit().await;
        let event = events.iter().rfind(|event| event.kind == "grant_withdrawn").unwrap();
        assert_eq!((event.grant.as_deref(), event.client.as_deref()), (Some(id.as_str()), Some(client.id.as_str())));
        assert!(event.reason == "withdrawn_by_customer" && event.text.contains("customer") && !event.text.contains(&psu), "{event:?}");

        let url = format!("https://localhost:{}/events?limit=500", bank.internal.port());
        let told = bank.gateway().get(&url).await.ok(200).json();
        let told: Vec<_> = told["events"].as_array().unwrap().iter().filter(|event| event["payload"]["grant_id"] == id.as_str()).collect();
        assert_eq!(told.len(), 1);
        assert_eq!((text(told[0], "kind"), text(told[0], "brand")), ("grant_withdrawn", brand.id));
        assert_eq!(text(told[0], "organisation"), client.tpp.organisation);
        let payload = json!({
            "grant_id": id, "client_id": client.id, "scope": "aisp", "by": "customer", "contacts": ["security@tpp.example"],
        });
        assert_eq!(told[0]["payload"], payload);
        assert!(!told[0].to_string().contains(&psu), "the TPP knows its customers by its own names");
    }
}

/// After a withdrawal was answered nothing is alive, whatever was under way.
#[tokio::test]
async fn a_withdrawal_wins_against_refresh_exchange_and_introspection() {
    let bank = Bank::start().await;
    let psu = subject(&bank, CIC, "approves").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    for round in 0..6 {
        let tokens = client.tokens("web", "aisp").await;
        let (access, refresh) = (text(&tokens, "access_token").to_owned(), text(&tokens, "refresh_token").to_owned());
        let id = grant_of(&client, &access).await;
        let (mut given, mut withdrawn) = (vec![access.clone(), refresh.clone()], None);
        let refreshes = together((0..4).map(|_| client.refresh(&refresh)));
        let look = async || introspect(&bank, CIC, &[("token", &access)]).await;
        let lookups = together((0..4).map(|_| look()));
        let end = async {
            tokio::time::sleep(std::time::Duration::from_millis(round)).await;
            withdrawn = Some(withdraw(&bank, CIC, &psu, &id).await.ok(200));
            // from here on, and not a moment later
            (client.is_active(&access).await, client.is_active(&refresh).await, client.refresh(&refresh).await.status)
        };
        let (replies, looks, after) = tokio::join!(refreshes, lookups, end);
        assert_eq!(after, (false, false, 400));
        assert!(looks.iter().all(|reply| reply.status == 200));
        for reply in replies {
            match reply.status {
                200 => given.push(text(&reply.json(), "access_token").to_owned()),
                _ => drop(reply.refused(400, "invalid_grant")),
            }
        }
        for token in &given {
            assert!(!client.is_active(token).await, "round {round}");
        }

        // approved, and withdrawn before the code is used
        let code = client.approved("web", "aisp").await.code().to_owned();
        let id = text(&grants(&bank, CIC, &psu, "active").await[0], "grant_id").to_owned();
        let (ended, redeemed) = tokio::join!(withdraw(&bank, CIC, &psu, &id), client.redeem("web", "aisp", &code));
        ended.ok(200);
        if redeemed.status == 200 {
            let tokens = redeemed.json();
            assert!(!client.is_active(text(&tokens, "access_token")).await && !client.is_active(text(&tokens, "refresh_token")).await);
        }
        client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
    }
}

async fn last_used(bank: &Bank, id: &str) -> Option<OffsetDateTime> {
    let query = sqlx::query_scalar("select last_used_at from grants where id = $1").bind(Uuid::parse_str(id).unwrap());
    query.fetch_one(&bank.pool().await).await.unwrap()
}

#[tokio::test]
async fn a_use_is_told_without_a_write_of_its_own() {
    let bank = Bank::start().await;
    let other = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    let psu = subject(&bank, CIC, "approves").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    // the task of each writes when its clock moves on, which it does not
    let began = bank.clock.now();
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let id = grant_of(&client, access).await;
    assert_eq!(last_used(&bank, &id).await, None, "nothing was written by the exchange and the look at it");
    uses::write(&bank.server().app()).await.unwrap();
    assert_eq!(last_used(&bank, &id).await, Some(began));

    // within ten minutes nothing is written again, by neither process
    bank.clock.advance(Duration::minutes(10) - Duration::SECOND);
    client.refresh(refresh).await.ok(200);
    uses::write(&bank.server().app()).await.unwrap();
    let ask_other = async || introspect(&other, CIC, &[("token", access)]).await.ok(200).json()["active"] == true;
    let lag = bank.clock.now() - other.clock.now();
    other.clock.advance(lag);
    assert!(ask_other().await);
    uses::write(&other.server().app()).await.unwrap();
    assert_eq!(last_used(&bank, &id).await, Some(began));

    bank.clock.advance(Duration::SECOND);
    assert!(client.is_active(access).await);
    uses::write(&bank.server().app()).await.unwrap();
    let second = began + Duration::minutes(10);
    assert_eq!(last_used(&bank, &id).await, Some(second));
    assert_eq!(time(&grants(&bank, CIC, &psu, "active").await[0]["last_used_at"]), second);

    // what is refused is no use, and an old note does not turn the time back
    bank.clock.advance(Duration::minutes(11));
    assert!(!client.is_active("guat_x").await);
    let wrong_brand = introspect(&bank, LBP, &[("token", access)]).await.ok(200).json();
    assert_eq!(wrong_brand, json!({ "active": false }));
    bank.server()
        .app()
        .db
        .note_uses(&[(guichet::oauth::grant::GrantId(Uuid::parse_str(&id).unwrap()), began)], uses_every())
        .await
        .unwrap();
    uses::write(&bank.server().app()).await.unwrap();
    assert_eq!(last_used(&bank, &id).await, Some(second));

    // the task does it by the clock
    assert!(client.is_active(access).await);
    let third = bank.clock.now();
    bank.clock.advance(Duration::seconds(31));
    let started = std::time::Instant::now();
    while last_used(&bank, &id).await != Some(third) {
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", last_used(&bank, &id).await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn uses_every() -> Duration {
    guichet::uses::EVERY
}

#[tokio::test]
async fn a_server_that_stops_writes_down_what_was_used() {
    let mut bank = Bank::start().await;
    let (id, began) = {
        let client = bank.tpp([AccountInformation]).register(LBP).await;
        let tokens = client.tokens("web", "aisp").await;
        (grant_of(&client, text(&tokens, "access_token")).await, bank.clock.now())
    };
    assert_eq!(last_used(&bank, &id).await, None);
    bank.server.take().unwrap().stop().await;
    assert_eq!(last_used(&bank, &id).await, Some(began));
}

#[tokio::test]
async fn a_row_that_is_being_changed_holds_no_batch_up() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let mut ids = vec![];
    for _ in 0..2 {
        let tokens = client.tokens("web", "aisp").await;
        ids.push(grant_of(&client, text(&tokens, "access_token")).await);
    }
    let pool = bank.pool().await;
    let mut changing = pool.begin().await.unwrap();
    let held = Uuid::parse_str(&ids[0]).unwrap();
    sqlx::query("select 1 from grants where id = $1 for update").bind(held).execute(&mut *changing).await.unwrap();
    uses::write(&bank.server().app()).await.unwrap();
    assert!(last_used(&bank, &ids[0]).await.is_none() && last_used(&bank, &ids[1]).await.is_some());
    changing.rollback().await.unwrap();
}

#[tokio::test]
async fn visits_are_forgotten_the_day_after() {
    let bank = Bank::start().await;
    post(&bank, CIC, "permissions", &json!({ "subject": "a" })).await.ok(201);
    let pool = bank.pool().await;
    let count = async || sqlx::query_scalar::<_, i64>("select count(*) from permission_visits").fetch_one(&pool).await.unwrap();
    bank.clock.advance(Duration::HOUR);
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    assert_eq!(count().await, 1);
    bank.clock.advance(Duration::hours(25));
    expiry::look(&bank.server().app(), bank.clock.now()).await.unwrap();
    let started = std::time::Instant::now();
    while count().await > 0 {
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_payments_grant_says_what_became_of_it() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let psu = subject(&bank, brand, "approves").await;
        let client = bank.tpp([PaymentInitiation, AccountInformation]).register(brand).await;
        let approved = async |name: &str, kind: &str| {
            let lodged = client.lodge(&json!({ "payment_id": name, "kind": kind })).await;
            let token = lodged.token("web").await;
            let id = grant_of(&client, &token).await;
            let found = grants(&bank, brand, &psu, "active").await;
            let grant = found.into_iter().find(|grant| grant["grant_id"] == id.as_str()).unwrap();
            assert_eq!(grant["what"]["payment"], json!({ "payment_request": lodged.id, "kind": kind }), "{grant}");
            (lodged, id, grant)
        };
        let is = |by: &str, why: &str| (by.to_owned(), why.to_owned());
        let (lodged, id, initiation) = approved("used", "initiation").await;
        lodged.execute("x").await.ok(200);
        assert_eq!(ended(&bank, brand, &psu, &id).await, is("use", "payment_used"));
        let (lodged, id, _) = approved("changed", "initiation").await;
        lodged.change(&json!({ "amount": "5.00" })).await.ok(200);
        assert_eq!(ended(&bank, brand, &psu, &id).await, is("bank", "payment_changed"));
        let (lodged, id, _) = approved("withdrawn", "initiation").await;
        lodged.withdraw().await.ok(200);
        assert_eq!(ended(&bank, brand, &psu, &id).await, is("bank", "payment_withdrawn"));
        let (_, id, cancellation) = approved("cancelled", "cancellation").await;
        assert_ne!(cancellation["what"]["words"], initiation["what"]["words"]);
        withdraw(&bank, brand, &psu, &id).await.ok(200);
        assert_eq!(ended(&bank, brand, &psu, &id).await, is("customer", "withdrawn_by_customer"));
    }
}
