//! Several tokens in one request, and how long an answer may be used again.

use crate::{
    grants_of_customers::{subject, withdraw},
    harness::{
        Bank, BankOptions, Brand, CIC, Client, LBP, Process, Reply, Tpp,
        bank::{BRANDS, everywhere, pki},
        tpp::introspect,
    },
    introspect::{BOUND, bound_brand, pem},
    payments::registered,
    standing_blocks::replicas,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::{
    clock::Clock,
    config,
    dev::{
        qwac::{QwacSpec, Validity},
        trusted_lists::service,
    },
    oauth::tpp::{
        OrganisationId,
        PspRole::{self, AccountInformation, PaymentInitiation},
    },
    pki::{
        Anchors, Trust, TrustPolicy,
        trusted_list::{AcceptedList, Snapshot, Use, Verification},
    },
    standing::Merges,
};
use proptest::{collection::vec, strategy::Strategy, strategy::ValueTree, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use time::Duration;
use uuid::Uuid;

const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];
/// `limits.tokens_per_introspection`.
const MOST: usize = 100;

fn url(bank: &Bank, brand: Brand) -> String {
    format!("https://localhost:{}/v1/brands/{}/introspections", bank.internal.port(), brand.id)
}

async fn send(bank: &Bank, brand: Brand, body: &Value) -> Reply {
    bank.gateway().json(Method::POST, &url(bank, brand), &[], body).await
}

async fn ask(bank: &Bank, brand: Brand, tokens: &[Value]) -> Vec<Value> {
    let reply = send(bank, brand, &json!({ "tokens": tokens })).await.ok(200);
    assert_eq!(reply.header("cache-control"), "no-store", "not as a whole");
    let answers = reply.json()["tokens"].as_array().unwrap().clone();
    assert_eq!(answers.len(), tokens.len());
    answers
}

fn question(token: &str) -> Value {
    json!({ "token": token })
}

/// Which of these tokens are active, asked alone.
async fn actives(bank: &Bank, brand: Brand, tokens: &[&str]) -> Vec<bool> {
    let questions: Vec<_> = tokens.iter().map(|token| question(token)).collect();
    ask(bank, brand, &questions).await.iter().map(|answer| answer["active"] == true).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn thumbprint(who: &Tpp<'_>) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(&who.chain[0]))
}

async fn machine_token(client: &Client<'_>) -> String {
    text(&client.client_credentials().await.ok(200).json(), "access_token").to_owned()
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_questions_and_one_that_is_no_token_harms_no_other() {
    let bank = Bank::start().await;
    for (brand, other) in [(CIC, LBP), (LBP, CIC)] {
        let client = bank.tpp(ROLES).register(brand).await;
        let (first, second) = (client.tokens("web", "aisp").await, client.tokens("web", "aisp").await);
        let (a, b, own) = (text(&first, "access_token"), text(&second, "access_token"), machine_token(&client).await);
        let tokens = [b, "", a, "x", &own, b, "a\0b", "\u{1f4a3}", &"x".repeat(9_000), a, b];
        let expected = [true, false, true, false, true, true, false, false, false, true, true];
        assert_eq!(actives(&bank, brand, &tokens).await, expected);
        assert_eq!(actives(&bank, other, &tokens).await, [false; 11], "another brand's");

        let questions = tokens.map(question);
        let answers = ask(&bank, brand, &questions).await;
        assert_eq!(
            [&answers[0], &answers[2], &answers[4], &answers[5]],
            [&client.introspect(b).await, &client.introspect(a).await, &client.introspect(&own).await, &answers[0]]
        );
        assert!(answers.iter().filter(|answer| answer["active"] == false).all(|answer| *answer == json!({ "active": false })));
        assert_eq!(ask(&bank, brand, &[]).await, [Value::Null; 0]);
    }
}

#[tokio::test]
async fn a_batch_is_bounded_and_holds_what_is_described_and_nothing_else() {
    let bank = Bank::start().await;
    let token = machine_token(&bank.tpp(ROLES).register(CIC).await).await;
    assert_eq!(actives(&bank, CIC, &[token.as_str(); MOST]).await, [true; MOST]);
    let refused = send(&bank, CIC, &json!({ "tokens": vec![question(&token); MOST + 1] })).await.refused(400, "invalid_request");
    assert_eq!(refused.description(), "tokens: at most 100 in one request");
    for body in [
        json!({}),
        json!({ "tokens": null }),
        json!({ "tokens": {} }),
        json!({ "tokens": token }),
        json!({ "tokens": [token] }),
        json!({ "tokens": [[token]] }),
        json!({ "tokens": [[token, null, null]] }),
        json!({ "tokens": [null] }),
        json!({ "tokens": [{}] }),
        json!({ "tokens": [{ "token": null }] }),
        json!({ "tokens": [{ "token": 1 }] }),
        json!({ "tokens": [{ "token": token, "certificate": 1 }] }),
        json!({ "tokens": [{ "token": token, "certificate_thumbprint": ["x"] }] }),
        json!({ "tokens": [{ "token": token, "token_type_hint": "access_token" }] }),
        json!({ "tokens": [{ "token": token, "brand": "labanquepostale" }] }),
        json!({ "tokens": [question(&token), { "Token": token }] }),
        json!({ "tokens": [question(&token)], "brand": "cic" }),
        json!({ "token": token }),
    ] {
        let reply = send(&bank, CIC, &body).await.refused(400, "invalid_request");
        assert!(reply.description().starts_with("the body is not the object described"), "{body}: {reply:?}");
        assert!(!reply.body.contains(&token));
    }
    let (gateway, url) = (bank.gateway(), url(&bank, CIC));
    let json_type = [("content-type", "application/json")];
    for body in ["", "x", "[]", "\"x\"", "{\"tokens\":[", "{\"tokens\":[{\"token\":\"\\ud800\"}]}"] {
        let reply = gateway.send(Method::POST, &url, &json_type, body).await.refused(400, "invalid_request");
        assert_eq!(reply.description(), "the body is not a JSON object", "{body}");
    }
    gateway.send(Method::POST, &url, &json_type, vec![b' '; 70_000]).await.refused(413, "invalid_request");
    gateway.form(&url, &[], &[("token", &token)]).await.refused(415, "invalid_request");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(gateway.send(method, &url, &[], "").await.ok(405).header("allow"), "POST");
    }
    let reply = gateway.json(Method::POST, &url.replace("/cic/", "/nobody/"), &[], &json!({ "tokens": [] })).await;
    assert_eq!(reply.refused(404, "invalid_request").description(), "no such brand");

    let few = BankOptions {
        extra: "[limits]\ntokens_per_introspection = 2\n".into(),
        database: Some(bank.database.clone()),
        ..BankOptions::default()
    };
    let strict = Bank::with(few).await;
    assert_eq!(actives(&strict, CIC, &[token.as_str(); 2]).await, [true, true]);
    let refused = send(&strict, CIC, &json!({ "tokens": vec![question(&token); 3] })).await.refused(400, "invalid_request");
    assert_eq!(refused.description(), "tokens: at most 2 in one request");
}

/// Every kind of token, alive and dead, of a brand whose tokens are bound to their certificates.
async fn tokens(bank: &Bank, client: &Client<'_>) -> Vec<String> {
    let expired = machine_token(client).await;
    bank.clock.advance(Duration::days(3));
    let first = client.tokens("web", "aisp").await;
    let (access, refresh) = (text(&first, "access_token"), text(&first, "refresh_token"));
    let refreshed = client.refresh(refresh).await.ok(200).json();
    let gone = client.tokens("web", "aisp").await;
    client.revoke(text(&gone, "refresh_token")).await.ok(200);
    let one_gone = machine_token(client).await;
    client.revoke(&one_gone).await.ok(200);
    let elsewhere = client.tpp.register(CIC).await.tokens("web", "aisp").await;
    let code = client.approved("web", "aisp").await;
    let end = access.len() - 4;
    let forged = format!("{}{}", &access[..end], if access.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let of_nobody = format!("guat_{}", URL_SAFE_NO_PAD.encode([[0xff; 16], [7; 16], [7; 16]].concat()));
    let owned = [
        access,
        refresh,
        text(&refreshed, "access_token"),
        text(&gone, "access_token"),
        text(&gone, "refresh_token"),
        text(&elsewhere, "access_token"),
        text(&elsewhere, "refresh_token"),
        text(&client.information, "registration_access_token"),
        code.code(),
        &machine_token(client).await,
        &access.replace("guat_", "gurt_"),
        &refresh.replace("gurt_", "guat_"),
        "guat_",
        "x",
    ]
    .map(str::to_owned);
    owned.into_iter().chain([expired, one_gone, forged, of_nobody]).collect()
}

/// What may come with a token: as form fields.
async fn certificates(bank: &Bank, tpp: &Tpp<'_>) -> Vec<Vec<(&'static str, String)>> {
    let renewed = bank.tpp_named(&tpp.organisation, ROLES);
    let (lesser, stranger) = (bank.tpp_named(&tpp.organisation, [PaymentInitiation]), bank.tpp(ROLES));
    let now = bank.clock.now();
    let brief = Validity { not_before: now - Duration::days(1), not_after: now + Duration::seconds(13) };
    let ending = bank.tpp_with(&QwacSpec::new(&tpp.organisation, "Test", &ROLES, brief));
    for seen in [&lesser, &stranger, &ending] {
        seen.wire.get(&format!("{}/x", seen.registration_url(BOUND))).await.refused(401, "invalid_token");
    }
    let whole = |who: &Tpp<'_>| vec![("certificate", pem(&who.chain[0]))];
    let seen = |who: &Tpp<'_>| vec![("certificate_thumbprint", thumbprint(who))];
    vec![
        vec![],
        whole(tpp),
        seen(tpp),
        whole(&renewed),
        seen(&renewed),
        whole(&lesser),
        seen(&lesser),
        whole(&stranger),
        seen(&stranger),
        whole(&ending),
        seen(&ending),
        vec![("certificate", "x".to_owned())],
        vec![("certificate_thumbprint", "0".repeat(64))],
        [whole(tpp), seen(tpp)].concat(),
    ]
}

#[tokio::test]
async fn each_is_judged_exactly_as_if_it_came_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bank = bound_brand(folder.path(), "introspection_cache_seconds = 20\n").await;
    let tpp = bank.tpp(ROLES);
    let client = tpp.register(BOUND).await;
    let (tokens, certificates) = (tokens(&bank, &client).await, certificates(&bank, &tpp).await);
    let mut alone = HashMap::new();
    for (t, token) in tokens.iter().enumerate() {
        for (c, certificate) in certificates.iter().enumerate() {
            let form: Vec<_> = [("token", token)].into_iter().chain(certificate.iter().map(|(name, value)| (*name, value))).collect();
            let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            alone.insert((t, c), introspect(&bank, BOUND, &form).await.ok(200).json());
        }
    }
    let active = alone.values().filter(|answer| answer["active"] == true).count();
    let hints: Vec<_> = alone.values().filter_map(|answer| answer["cache_seconds"].as_i64()).collect();
    assert!(active > 10 && alone.len() - active > 100 && hints.contains(&13) && hints.contains(&20), "{active}: {hints:?}");

    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        // whole certificates of a hundred would not fit a body
        let asked = vec((0..tokens.len(), 0..certificates.len()), 0..=18).new_tree(&mut runner).unwrap().current();
        let questions: Vec<_> = asked
            .iter()
            .map(|(t, c)| {
                let mut question = question(&tokens[*t]);
                certificates[*c].iter().for_each(|(name, value)| question[*name] = json!(value));
                question
            })
            .collect();
        let answers = ask(&bank, BOUND, &questions).await;
        for (key, answer) in asked.iter().zip(&answers) {
            assert_eq!(*answer, alone[key], "{key:?} of {asked:?}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_and_its_successor_are_told_apart_in_one_batch() {
    let rotates = "[brand.scope.aisp]\nrefresh_token_rotation = true\n".to_owned();
    let bank = Bank::with(BankOptions { one_brand_extra: Some((CIC, rotates)), ..BankOptions::default() }).await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let first = client.tokens("web", "aisp").await;
    let old = text(&first, "refresh_token");
    let second = client.refresh(old).await.ok(200).json();
    let new = text(&second, "refresh_token");
    assert_ne!(old, new);
    let neither = format!("{}{}", &old[..old.len() - 30], &new[new.len() - 30..]);
    assert_eq!(actives(&bank, CIC, &[old, new, &neither, old, new]).await, [true, true, false, true, true]);
    client.refresh(new).await.ok(200);
    let alone = [client.is_active(old).await, client.is_active(new).await];
    assert_eq!(actives(&bank, CIC, &[new, old]).await, [alone[1], alone[0]]);
    assert_eq!(alone, [false, true], "the successor was used");
}

#[tokio::test]
async fn a_certificate_of_before_a_merge_that_this_server_has_not_heard_of_still_stands() {
    let bank = Bank::start().await;
    let (old, stranger) = (bank.tpp(ROLES), bank.tpp(ROLES));
    let client = old.register(CIC).await;
    let token = machine_token(&client).await;
    // behind its back: no version tells it
    let pool = bank.pool().await;
    let merge = "insert into organisation_merges (id, old, new, at, by, reason, until, clients) values ($1, $2, $3, $4, 'x', 'x', $5, 1)";
    let now = bank.clock.now();
    sqlx::query(merge)
        .bind(Uuid::from_u128(1))
        .bind(&old.organisation)
        .bind("PSDFR-ACPR-99")
        .bind(now)
        .bind(now + Duration::days(1))
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update clients set organisation = 'PSDFR-ACPR-99' where id = $1::uuid").bind(&client.id).execute(&pool).await.unwrap();
    let with = |who: &Tpp<'_>| json!({ "token": token, "certificate": pem(&who.chain[0]) });
    let answers = ask(&bank, CIC, &[with(&old), with(&stranger), question(&token), question("x"), with(&old)]).await;
    let active: Vec<_> = answers.iter().map(|answer| answer["active"] == true).collect();
    assert_eq!(active, [true, false, true, false, true]);
    assert_eq!(answers[0], introspect(&bank, CIC, &[("token", &token), ("certificate", &pem(&old.chain[0]))]).await.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_server_ended_is_inactive_in_the_next_batch_at_another() {
    let banks = replicas(&BankOptions::default()).await;
    for brand in BRANDS {
        let psu = subject(&banks[0], brand, "approves").await;
        let client = banks[0].tpp(ROLES).register(brand).await;
        let (revoked, withdrawn, kept) =
            (client.tokens("web", "aisp").await, client.tokens("web", "aisp").await, client.tokens("web", "aisp").await);
        let own = machine_token(&client).await;
        let mut all: Vec<&str> = [&revoked, &withdrawn, &kept].map(|tokens| text(tokens, "access_token")).to_vec();
        all.push(&own);
        all.extend([&revoked, &withdrawn, &kept].iter().filter_map(|tokens| tokens["refresh_token"].as_str()));
        let now_alive = async |alive: [bool; 4]| {
            let mut expected = alive.to_vec();
            expected.extend(alive.iter().take(3).filter(|_| brand.refresh));
            assert_eq!(actives(&banks[1], brand, &all).await, expected, "{}", brand.id);
        };
        now_alive([true; 4]).await;
        client.revoke(&own).await.ok(200);
        now_alive([true, true, true, false]).await;
        client.revoke(revoked["refresh_token"].as_str().unwrap_or(text(&revoked, "access_token"))).await.ok(200);
        now_alive([false, true, true, false]).await;
        let grant = text(&client.introspect(text(&withdrawn, "access_token")).await, "grant_id").to_owned();
        withdraw(&banks[0], brand, &psu, &grant).await.ok(200);
        now_alive([false, false, true, false]).await;
        client.delete().await.ok(204);
        now_alive([false; 4]).await;
    }
}

/// How often each statement was sent, as the program itself counts.
async fn statements(bank: &Bank) -> HashMap<String, u64> {
    let metrics = bank.browser().get(&format!("http://{}/metrics", bank.ops)).await.ok(200).body;
    let counts = metrics.lines().filter_map(|line| line.strip_prefix("guichet_database_seconds_count{statement=\"")?.split_once("\"} "));
    counts.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_takes_one_statement_of_each_kind_however_many_tokens_it_holds() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let _process = Process::serve(&bank).await;
    let (client, other) = (bank.tpp(ROLES).register(CIC).await, bank.tpp(ROLES).register(CIC).await);
    let mut questions = vec![];
    for client in [&client, &other] {
        let tokens = client.tokens("web", "aisp").await;
        for token in [text(&tokens, "access_token"), text(&tokens, "refresh_token"), &machine_token(client).await] {
            questions.push(json!({ "token": token, "certificate_thumbprint": thumbprint(&client.tpp) }));
            questions.push(question(token));
        }
    }
    let before = statements(&bank).await;
    assert!(ask(&bank, CIC, &questions).await.iter().all(|answer| answer["active"] == true));
    let after = statements(&bank).await;
    let sent = |name: &str| after.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
    assert_eq!([sent("introspect_access_tokens"), sent("introspect_refresh_tokens"), sent("find_certificates")], [1, 1, 1]);
    assert_eq!([sent("introspect_access_token"), sent("find_certificate"), sent("merged_into")], [0, 0, 0]);

    // nothing of ours, and what was over long ago: nothing to look up
    let ended = format!("guat_{}", URL_SAFE_NO_PAD.encode([[0; 16], [7; 16], [7; 16]].concat()));
    assert_eq!(actives(&bank, CIC, &["x", "guat_", &ended]).await, [false; 3]);
    let last = statements(&bank).await;
    for name in ["introspect_access_tokens", "introspect_refresh_tokens", "find_certificates"] {
        assert_eq!(last[name], after[name], "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_learnt_of_one_is_503_for_all() {
    let bank = Bank::start().await;
    let (client, stranger) = (bank.tpp(ROLES).register(CIC).await, bank.tpp(ROLES));
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let pool = bank.pool().await;
    let with = |name: &str, value: String| json!({ "token": access, name: value });
    for (table, question, first) in [
        ("clients", question(access), question("x")),
        ("grants", question(refresh), question("x")),
        ("certificates", with("certificate_thumbprint", thumbprint(&client.tpp)), question(access)),
        ("organisation_merges", with("certificate", pem(&stranger.chain[0])), question(access)),
    ] {
        let rename = async |from: &str, to: &str| {
            let text = format!("alter table {from} rename to {to}");
            sqlx::query(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
        };
        rename(table, &format!("{table}_away")).await;
        let reply = send(&bank, CIC, &json!({ "tokens": [first, question, first] })).await.refused(503, "temporarily_unavailable");
        assert!(!reply.header("retry-after").is_empty() && !reply.body.contains("active"), "{table}: {reply:?}");
        rename(&format!("{table}_away"), table).await;
        send(&bank, CIC, &json!({ "tokens": [first, question] })).await.ok(200);
    }
}

/// Of the single call: `Cache-Control`, and what the answer says.
async fn hint(bank: &Bank, form: &[(&str, &str)]) -> (String, Value) {
    let reply = introspect(bank, CIC, form).await.ok(200);
    (reply.header("cache-control").to_owned(), reply.json()["cache_seconds"].clone())
}

fn kept(seconds: i64) -> (String, Value) {
    (format!("private, max-age={seconds}"), json!(seconds))
}

fn never() -> (String, Value) {
    ("no-store".to_owned(), Value::Null)
}

async fn keeping(seconds: u32, more: &str) -> Bank {
    let brand_extra = format!("introspection_cache_seconds = {seconds}\n");
    Bank::with(BankOptions { brand_extra, extra: more.to_owned(), ..BankOptions::default() }).await
}

#[tokio::test]
async fn an_answer_may_be_used_again_only_where_the_brand_says_so_and_until_nothing_has_ended() {
    for bank in [Bank::start().await, keeping(0, "").await] {
        let token = machine_token(&bank.tpp(ROLES).register(CIC).await).await;
        assert_eq!(hint(&bank, &[("token", &token)]).await, never());
        assert_eq!(ask(&bank, CIC, &[question(&token)]).await[0].get("cache_seconds"), None);
    }

    let bank = keeping(30, "").await;
    let client = registered(&bank, CIC).await;
    let token = machine_token(&client).await;
    let now = bank.clock.now();
    let brief = Validity { not_before: now - Duration::days(1), not_after: now + Duration::seconds(25) };
    let ending = pem(&bank.tpp_with(&QwacSpec::new(&client.tpp.organisation, "Test", &ROLES, brief)).chain[0]);
    let own = pem(&client.tpp.chain[0]);
    let alone = [("token", token.as_str())];
    let (with_own, with_ending) = ([alone[0], ("certificate", &own)], [alone[0], ("certificate", &ending)]);
    assert_eq!(hint(&bank, &alone).await, kept(30));
    assert_eq!(hint(&bank, &with_own).await, kept(30));
    assert_eq!(ask(&bank, CIC, &[question(&token), question("x")]).await[0]["cache_seconds"], 30);
    let left = hint(&bank, &with_ending).await.1.as_i64().unwrap();
    assert!((24..=25).contains(&left), "{left}: the certificate ends");
    bank.clock.advance(Duration::milliseconds(23_500));
    assert!(["private, max-age=1", "no-store"].contains(&hint(&bank, &with_ending).await.0.as_str()), "rounded down");
    assert_eq!(hint(&bank, &[("token", "x")]).await, never(), "an inactive one never");

    // of one payment: spent by one use
    let lodged = client.lodge(&json!({})).await;
    assert_eq!(hint(&bank, &[("token", &lodged.token("web").await)]).await, never());

    // to the second of its end
    let exp = client.introspect(&token).await["exp"].as_i64().unwrap();
    let tokens = client.tokens("web", "aisp").await;
    bank.clock.advance(Duration::seconds(exp - bank.clock.now().unix_timestamp() - 10));
    let left = hint(&bank, &alone).await.1.as_i64().unwrap();
    assert!((9..=10).contains(&left), "{left}");
    bank.clock.advance(Duration::seconds(10));
    assert_eq!(hint(&bank, &alone).await, never());

    // the grant ends before its last access token
    let refresh = text(&tokens, "refresh_token");
    let ends = client.introspect(refresh).await["exp"].as_i64().unwrap();
    bank.clock.advance(Duration::seconds(ends - bank.clock.now().unix_timestamp() - 20));
    let late = client.refresh(refresh).await.ok(200).json();
    let left = hint(&bank, &[("token", text(&late, "access_token"))]).await.1.as_i64().unwrap();
    assert!((19..=20).contains(&left), "{left}: the grant ends");
}

#[tokio::test]
async fn what_will_stop_to_stand_meanwhile_is_not_to_be_used_again() {
    let register =
        "[trust.register]\npolicy = \"refuse\"\nwarn_after_days = 1\nrefuse_registrations_after_days = 2\nrefuse_after_days = 2\n";
    let bank = keeping(30, register).await;
    bank.write_config(&BankOptions { extra: register.into(), ..BankOptions::default() });
    let tpp = bank.tpp(ROLES);
    let file = bank.folder().join("register.csv");
    let rows = format!("organizationIdentifier,name,roles,status,hostCountries\n{},A,PSP_AI PSP_PI,authorised,\n", tpp.organisation);
    std::fs::write(&file, rows).unwrap();
    let day = bank.clock.now().date();
    bank.operator(&["register", "import", &file.display().to_string(), "--as-of", &day.to_string(), "--source", "x", "--by", "x"]).await;
    while tpp.try_register(CIC, &Tpp::metadata(CIC)).await.status != 201 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // `refuse_after_days` counts whole days from the register's own
    let token = machine_token(&tpp.register(CIC).await).await;
    let asked = [("token", token.as_str())];
    assert_eq!(hint(&bank, &asked).await, kept(30));
    let too_old = (day + Duration::days(2)).midnight().assume_utc();
    bank.clock.advance(too_old - bank.clock.now() - Duration::seconds(20));
    let fresh = machine_token(&tpp.register(CIC).await).await;
    assert_eq!(hint(&bank, &[("token", &fresh)]).await, never(), "the register is too old in 20 s");
    bank.clock.advance(Duration::seconds(20));
    assert_eq!(introspect(&bank, CIC, &[("token", &fresh)]).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn a_certificate_that_will_be_out_meanwhile_gives_nothing_to_be_used_again() {
    let bank = keeping(30, "").await;
    let (client, own) = (bank.tpp(ROLES).register(CIC).await, bank.tpp(ROLES));
    let token = machine_token(&client).await;
    let (app, now) = (&bank.server().app(), bank.clock.now());
    let with = |who: &Tpp<'_>| [("token", token.clone()), ("certificate", pem(&who.chain[0]))];
    let hint = async |who: &Tpp<'_>| {
        let form = with(who);
        hint(&bank, &[(form[0].0, &form[0].1), (form[1].0, &form[1].1)]).await
    };
    assert_eq!(hint(&client.tpp).await, kept(30));

    // of an organisation that stands for the client's a little longer
    let merge = |until| (OrganisationId::new(&own.organisation), OrganisationId::new(&client.tpp.organisation), now + until);
    for (until, expected) in [(Duration::seconds(31), kept(30)), (Duration::seconds(29), never())] {
        app.standing.set_merges(Merges::new([merge(until)]));
        assert_eq!(hint(&own).await, expected, "{until}");
    }

    // its issuer's list can be relied on a little longer
    for (left, expected) in [(Duration::seconds(31), kept(30)), (Duration::seconds(29), never())] {
        let list = AcceptedList {
            territory: "FR".into(),
            version: 6,
            sequence: 1,
            issued_at: now,
            next_update: Some(now - Duration::days(30) + left),
            sha256: String::new(),
            source: "test".into(),
            accepted_at: now,
            verification: Verification::Assumed { by: "test".into() },
            services: vec![service("Ours", pki().1.qtsp.certificate().to_vec(), &[Use::WebSiteAuthentication], now - Duration::days(90))],
        };
        app.trust.replace(everywhere(Trust::new(Anchors::from_snapshot(&Snapshot { lists: vec![list] }), TrustPolicy::default())));
        assert_eq!(hint(&client.tpp).await, expected, "{left}");
    }
}

#[test]
fn a_brand_lets_answers_be_used_again_for_a_minute_at_most() {
    let with = |seconds: &str| {
        let shipped = include_str!("../../config/example.toml");
        let text = shipped.replacen("id = \"cic-sandbox\"", &format!("id = \"cic-sandbox\"\nintrospection_cache_seconds = {seconds}"), 1);
        config::parse("g.toml", &text, std::path::Path::new(""), &|_| Some("postgres://h/d".into())).map(|s| s.brands)
    };
    let brands = with("60").unwrap();
    assert_eq!((brands[0].introspection_cache, brands[1].introspection_cache), (Duration::MINUTE, Duration::ZERO));
    for wrong in ["61", "-1", "1.5", "\"5\""] {
        let said = with(wrong).unwrap_err().to_string();
        assert!(said.contains("`brand.introspection_cache_seconds`"), "{wrong}: {said}");
    }
}
