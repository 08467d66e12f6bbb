//! Clients as the bank's own people see and shut them out: at every replica within a second, and nothing is revoked.

use crate::{
    grants_of_customers::subject,
    harness::{
        Bank, BankOptions, CIC, LBP, Psu, Tpp,
        command::{printed, run},
        tpp::introspect,
        traffic::{Request, until},
    },
    standing_blocks::{caller, replicas},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, time::Duration};

/// The command line goes by the machine's clock, of which the bank's lags a little behind; and ids of one millisecond are in no order.
fn tick(bank: &Bank) {
    bank.clock.advance(time::Duration::minutes(10));
}

const BLOCKED: &str = "401 CLIENT_BLOCKED";

async fn listed(bank: &Bank, args: &[&str]) -> Vec<Value> {
    let told = bank.operator(&[&["client", "list", "--json"], args].concat()).await;
    serde_json::from_str::<Value>(&told).unwrap()["clients"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_client_is_out_everywhere_within_a_second_its_sister_goes_on_and_nothing_is_revoked() {
    let banks = replicas(&BankOptions::default()).await;
    let (client, _, mut lines) = caller(&banks, "PSDFR-ACPR-81001").await;
    let mut other = Tpp::metadata(CIC);
    other["client_name"] = json!("Sister");
    let sister = client.tpp.register_as(CIC, &other).await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (renew, own, hers) =
        (Request::refresh(&client, refresh), Request::client_credentials(&client), Request::client_credentials(&sister));
    let begun = client.authorize("web", "aisp").await;

    let said = banks[0].operator(&["client", "block", &client.id, "--reason", "keys stolen", "--psu-notice", "Fermé pour enquête."]).await;
    assert!(said.starts_with("blocked\n") && said.contains(&format!("client {}", client.id)) && said.contains("keys stolen"), "{said}");
    let took = until(&mut lines, &renew, BLOCKED).await;
    println!("client blocked: at both replicas {took:?} after the command ended");
    assert!(took < Duration::from_secs(1), "{took:?}");
    for (at, line) in lines.iter_mut().enumerate() {
        assert_eq!((line.ask(&own).await.as_str(), line.ask(&hers).await.as_str()), (BLOCKED, "200"), "replica {at}");
        let told = introspect(&banks[at], CIC, &[("token", access)]).await.ok(200).json();
        assert_eq!(told, json!({ "active": false }), "replica {at}");
    }
    client.revoke(access).await.refused(401, "invalid_client");
    for (method, body) in [(Method::GET, None), (Method::PUT, Some(Tpp::metadata(CIC))), (Method::DELETE, None)] {
        let reply = match &body {
            Some(body) => client.manage(method.clone(), body).await,
            None => client.tpp.wire.send(method.clone(), client.registration_uri(), &[], "").await,
        };
        assert!(reply.status == 401 && reply.description().starts_with("CLIENT_BLOCKED"), "{method}: {reply:?}");
    }
    // a new journey, and one that was begun before: the customer is told, and the TPP gets no code
    let psu = Psu::open(
        &banks[1],
        CIC,
        &client.authorize_url("web", "aisp", &[]).replace(&banks[0].address.port().to_string(), &banks[1].address.port().to_string()),
    )
    .await;
    assert!(psu.page.body.contains("Fermé pour enquête.") && psu.page.body.contains("access_denied"), "{:?}", psu.page);
    let mut begun = begun;
    begun.look().await;
    assert!(begun.page.body.contains("Fermé pour enquête."), "{:?}", begun.page);
    // who keeps trying does not fill the audit trail
    let told = banks[0].audited("standing_refused", "CLIENT_BLOCKED").await;
    assert!((1..=2).contains(&told), "{told}: once a minute and process");

    let shown: Value = serde_json::from_str(&banks[0].operator(&["client", "show", &client.id, "--json"]).await).unwrap();
    assert_eq!(
        (&shown["blocked"]["reason"], &shown["live_grants"], &shown["registered_keys"]),
        (&json!("keys stolen"), &json!(1), &json!(0))
    );
    let blocked = listed(&banks[0], &["--state", "blocked", "--brand", CIC.id]).await;
    assert_eq!(blocked.iter().map(|client| client["client_id"].as_str().unwrap()).collect::<Vec<_>>(), [client.id.as_str()]);

    let again = banks[0].operator(&["client", "block", &client.id, "--reason", "again"]).await;
    assert!(again.starts_with("blocked already") && again.contains("keys stolen"), "{again}");
    let said = banks[0].operator(&["client", "unblock", &client.id, "--reason", "keys exchanged"]).await;
    assert!(said.starts_with("lifted\n"), "{said}");
    until(&mut lines, &renew, "200").await;
    assert!(client.is_active(access).await, "nothing was revoked");
    let (code, error) = banks[0].operator_refused(&["client", "unblock", &client.id, "--reason", "again"]).await;
    assert!(code == 7 && error.contains("nothing blocks"), "{code} {error}");
    for kind in ["block_added", "block_lifted"] {
        let event = banks[0].audit().await.into_iter().find(|event| event.kind == kind).unwrap();
        assert!(event.client.as_deref() == Some(&client.id) && event.text.contains("operator ("), "{event:?}");
    }
}

#[tokio::test]
async fn clients_are_listed_by_brand_organisation_and_state_and_shown_without_a_secret() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let cic = tpp.register(CIC).await;
    tick(&bank);
    let lbp = tpp.register(LBP).await;
    tick(&bank);
    let stranger = bank.tpp([AccountInformation]).register(CIC).await;
    stranger.delete().await.ok(204);
    let ids = |found: Vec<Value>| found.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let organisation = tpp.organisation.as_str();
    for (args, expected) in [
        (vec![], vec![&cic.id, &lbp.id]),
        (vec!["--brand", "cic"], vec![&cic.id]),
        (vec!["--organisation", organisation], vec![&cic.id, &lbp.id]),
        (vec!["--state", "deleted"], vec![&stranger.id]),
        (vec!["--state", "all", "--limit", "2"], vec![&cic.id, &lbp.id]),
        (vec!["--state", "all", "--after", &lbp.id], vec![&stranger.id]),
        (vec!["--state", "blocked"], vec![]),
    ] {
        assert_eq!(ids(listed(&bank, &args).await).iter().collect::<Vec<_>>(), expected, "{args:?}");
    }
    // the organisation's own block shuts all of them out, at one brand
    bank.operator(&["client", "block", "--organisation", organisation, "--brand", "labanquepostale", "--reason", "x"]).await;
    assert_eq!(ids(listed(&bank, &["--state", "blocked"]).await), [lbp.id.as_str()]);
    bank.operator(&["client", "unblock", "--organisation", organisation, "--brand", "labanquepostale", "--reason", "x"]).await;

    let tokens = cic.tokens("web", "aisp").await;
    for json in [&["client", "show", &lbp.id, "--json"][..], &["client", "show", &cic.id], &["client", "list", "--json"]] {
        let told = bank.operator(json).await;
        for secret in [lbp.secret.as_deref().unwrap(), tokens["access_token"].as_str().unwrap(), "registration_access_token", "digest"] {
            assert!(!told.contains(secret), "{json:?}");
        }
    }
    let shown: Value = serde_json::from_str(&bank.operator(&["client", "show", &cic.id, "--json"]).await).unwrap();
    assert_eq!((&shown["live_grants"], &shown["redirect_uris"][0]), (&json!(1), &json!("https://tpp.example/callback")));
    assert_eq!(shown["certificates"].as_array().unwrap().len(), 1);
    for (args, code, says) in [
        (vec!["client", "show", "nobody"], 2, "no client_id"),
        (vec!["client", "show", "01890000-0000-7000-8000-000000000000"], 7, "no such client"),
        (vec!["client", "block", "01890000-0000-7000-8000-000000000000", "--reason", "x"], 7, "no such client"),
        (vec!["client", "block", &cic.id], 2, "--reason"),
        (vec!["client", "block", "--reason", "x"], 2, "required"),
        (vec!["client", "block", &cic.id, "--reason", "x\u{1b}"], 2, "holds a control character"),
        (vec!["client", "list", "--state", "dead"], 2, "live, blocked, deleted or all"),
    ] {
        let (found, error) = bank.operator_refused(&args).await;
        assert!(found == code && error.contains(says), "{args:?}: {found} {error}");
    }
}

#[tokio::test]
async fn grants_are_found_by_customer_client_and_organisation_and_the_customer_is_never_on_a_command_line_or_printed() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let first = client.tokens("web", "aisp").await;
    tick(&bank);
    let second = client.tokens("web", "aisp").await;
    let reference = subject(&bank, CIC, "approves").await;
    let file = bank.folder().join("customer");
    fs::write(&file, format!("{reference}\n")).unwrap();
    let organisation = client.tpp.organisation.as_str();
    let search = async |args: &[&str]| -> Value {
        let told = bank.operator(&[&["grant", "search", "--brand", "cic", "--json"], args].concat()).await;
        assert!(!told.contains(&reference), "{told}");
        serde_json::from_str(&told).unwrap()
    };
    let count = |page: &Value| page["grants"].as_array().unwrap().len();
    let by_file = ["--psu-file", file.to_str().unwrap()];
    for of in [&by_file[..], &["--client", &client.id], &["--organisation", organisation]] {
        let page = search(of).await;
        assert_eq!((count(&page), page.get("next")), (2, None), "{of:?}");
        let one = search(&[of, &["--limit", "1"]].concat()).await;
        assert_eq!(one["next"], one["grants"][0]["grant_id"]);
        let rest = search(&[of, &["--after", one["next"].as_str().unwrap()]].concat()).await;
        assert_eq!((count(&rest), &rest["grants"][0]["grant_id"]), (1, &page["grants"][1]["grant_id"]), "{of:?}");
    }
    let command = bank.command(&["grant", "search", "--brand", "cic", "--psu-stdin"]);
    let told = printed(&run(command, &format!("{reference}\r\n")).await);
    assert!(told.matches(" live ").count() == 2 && !told.contains(&reference), "{told}");
    let command = bank.command(&["grant", "search", "--brand", "cic", "--psu-stdin"]);
    let refused = run(command, "psu\u{7}1").await;
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && !error.contains("psu\u{7}1"), "{error}");
    let (code, error) = bank.operator_refused(&["grant", "search", "--brand", "cic"]).await;
    assert!(code == 2 && error.contains("--psu-file"), "{error}");

    // revoked: dead at once, told to the TPP's mailer, and not told by whom to the customer's TPP
    let grants = search(&by_file).await["grants"].clone();
    let id = grants[1]["grant_id"].as_str().unwrap();
    let said = bank.operator(&["grant", "revoke", id, "--reason", "customer's phone stolen", "--psu-notice", "Appelez-nous."]).await;
    assert!(said.starts_with("ended: grant ") && said.contains("ended_by_bank"), "{said}");
    assert!(
        !client.is_active(first["access_token"].as_str().unwrap()).await
            && client.is_active(second["access_token"].as_str().unwrap()).await
    );
    client.refresh(first["refresh_token"].as_str().unwrap()).await.refused(400, "invalid_grant");
    let again = bank.operator(&["grant", "revoke", id, "--reason", "again"]).await;
    assert!(again.starts_with("ended before"), "{again}");
    let shown: Value = serde_json::from_str(&bank.operator(&["grant", "show", id, "--json"]).await).unwrap();
    assert_eq!((&shown["state"], &shown["why"], &shown["note"]), (&json!("ended"), &json!("ended_by_bank"), &json!("Appelez-nous.")));
    assert_eq!((count(&search(&[&by_file[..], &["--state", "ended"]].concat()).await), count(&search(&by_file).await)), (1, 1));
    let event = bank.audit().await.into_iter().rfind(|event| event.kind == "grant_withdrawn").unwrap();
    assert_eq!((event.reason.as_str(), event.grant.as_deref()), ("customer's phone stolen", Some(id)));
    assert!(!event.text.contains(&reference));

    // expired by time
    bank.clock.advance(time::Duration::days(181));
    assert_eq!(count(&search(&[&by_file[..], &["--state", "all"]].concat()).await), 2);
}

#[tokio::test]
async fn forced_sca_ends_the_sca_clock_of_one_grant_with_the_right_error_and_a_reason() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (first, second) = (client.tokens("web", "aisp").await, client.tokens("web", "aisp").await);
    let text = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let id = client.introspect(&text(&first, "access_token")).await["grant_id"].as_str().unwrap().to_owned();
    let said = bank.operator(&["grant", "force-sca", &id, "--reason", "odd use at night"]).await;
    tick(&bank);
    assert!(said.contains("sca_forced"), "{said}");
    let refused = client.refresh(&text(&first, "refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(refused.description(), "the refresh token has expired: the customer must authenticate again");
    assert_eq!(client.introspect(&text(&first, "access_token")).await, json!({ "active": false }));
    assert_eq!(client.introspect(&text(&first, "refresh_token")).await, json!({ "active": false }));
    assert!(client.is_active(&text(&second, "access_token")).await, "another consent");
    let shown: Value = serde_json::from_str(&bank.operator(&["grant", "show", &id, "--json"]).await).unwrap();
    assert_eq!(
        (&shown["state"], &shown["ended_by"], &shown["why"], &shown["sca_forced_why"]),
        (&json!("ended"), &json!("bank"), &json!("sca_forced"), &json!("odd use at night"))
    );
    // the customer reads that the bank did it; the bank's own words are not for him
    let reference = subject(&bank, CIC, "approves").await;
    let told = crate::grants_of_customers::post(&bank, CIC, "grants/search", &json!({ "subject": reference, "state": "ended" })).await;
    let told = told.ok(200).json();
    assert_eq!((&told["grants"][0]["ended"]["by"], &told["grants"][0]["ended"]["why"]), (&json!("bank"), &json!("sca_forced")));
    assert!(!told.to_string().contains("odd use"), "{told}");
    bank.expect_audit("sca_forced", "odd use at night").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_grants_of_an_organisation_end_some_at_a_time_whoever_goes_on_with_it_and_new_ones_live() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let served = Bank::with(BankOptions { database: Some(bank.database.clone()), ..BankOptions::default() }).await;
    served.write_config(&BankOptions::default());
    let tpp = served.tpp([AccountInformation]);
    let (cic, lbp) = (tpp.register(CIC).await, tpp.register(LBP).await);
    let (at_cic, at_lbp) = (cic.tokens("web", "aisp").await, lbp.tokens("web", "aisp").await);
    let pool = served.pool().await;
    // as a bank's would: more than one batch
    sqlx::query(
        "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at)
         select gen_random_uuid(), 'cic', $1::uuid, 'web', 'aisp', 'psu' || n, now() - interval '1 day', now() - interval '1 day',
                now() + interval '100 days'
         from generate_series(1, 500) n",
    )
    .bind(&cic.id)
    .execute(&pool)
    .await
    .unwrap();
    let said = served.operator(&["client", "force-sca", &cic.id, "--reason", "leak"]).await;
    tick(&served);
    assert!(said.contains("force_sca of client") && said.contains("finished, 501 grants ended"), "{said}");
    let refused = cic.refresh(at_cic["refresh_token"].as_str().unwrap()).await.refused(400, "invalid_grant");
    assert!(refused.description().contains("must authenticate again"), "{refused:?}");
    assert!(lbp.is_active(at_lbp["access_token"].as_str().unwrap()).await, "another client");
    assert_eq!(served.audited("sca_forced", "leak").await, 501);

    // begun, and left alone: a server goes on with it
    let fresh = cic.tokens("web", "aisp").await;
    tick(&served);
    sqlx::query("insert into grant_sweeps (id, brand, kind, organisation, reason, begun_by, begun_at) values (gen_random_uuid(), '*', 'revoke', $1, 'left alone', 'me', $2)")
        .bind(&tpp.organisation)
        .bind(guichet::clock::Clock::now(&*served.clock))
        .execute(&pool)
        .await
        .unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while sqlx::query_scalar::<_, i64>("select count(*) from grant_sweeps where finished_at is null").fetch_one(&pool).await.unwrap() > 0 {
        assert!(std::time::Instant::now() < deadline, "nobody goes on with it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        !cic.is_active(fresh["access_token"].as_str().unwrap()).await && !lbp.is_active(at_lbp["access_token"].as_str().unwrap()).await
    );
    let sweeps = served.operator(&["grant", "sweeps"]).await;
    assert!(sweeps.contains("revoke of organisation") && sweeps.contains("finished, 2 grants ended"), "{sweeps}");
    assert_eq!(served.audited_kind("grant_sweep_finished").await, 2);
    // consents of later are others
    tick(&served);
    let later = cic.tokens("web", "aisp").await;
    assert!(cic.is_active(later["access_token"].as_str().unwrap()).await);
    let (code, error) = served.operator_refused(&["grant", "revoke-all", "--organisation", "PSDFR-ACPR-0", "--reason", "x"]).await;
    assert!(code == 7 && error.contains("has no client"), "{error}");
}

#[tokio::test]
async fn a_journey_tells_where_it_stopped_and_nothing_of_the_customer() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let waiting = client.authorize("web", "aisp").await;
    bank.clock.advance(time::Duration::seconds(5));
    let mut consenting = client.authorize("web", "aisp").await;
    consenting.sign_in("approves").await;
    bank.clock.advance(time::Duration::seconds(5));
    client.authorize("web", "aisp").await.cancel().await;
    bank.clock.advance(time::Duration::seconds(5));
    client.approved("web", "aisp").await;
    let id_of = |journey: &str| uuid::Uuid::try_parse(journey.rsplit('/').next().unwrap()).unwrap().to_string();
    let list = async |args: &[&str]| -> Vec<Value> {
        let told = bank.operator(&[&["interaction", "list", "--json"], args].concat()).await;
        serde_json::from_str::<Value>(&told).unwrap()["interactions"].as_array().unwrap().clone()
    };
    let all = list(&["--client", &client.id]).await;
    let stages: Vec<_> = all.iter().map(|journey| journey["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["approved", "failed", "consent", "sign_in"], "newest first");
    assert_eq!(all[1]["reason"], "cancelled");
    assert_eq!(list(&["--brand", LBP.id]).await.len(), 0);
    assert_eq!(list(&["--stage", "failed"]).await.len(), 1);
    assert_eq!(list(&["--until", "2020-01-01"]).await.len(), 0);
    let page = list(&["--limit", "1"]).await;
    assert_eq!(list(&["--after", page[0]["interaction_id"].as_str().unwrap()]).await, all[1..]);
    let reference = subject(&bank, CIC, "approves").await;
    let shown = bank.operator(&["interaction", "show", &id_of(&consenting.journey)]).await;
    assert!(shown.contains("consent") && !shown.contains(&reference) && !shown.contains(crate::harness::tpp::STATE), "{shown}");
    let shown = bank.operator(&["interaction", "show", &id_of(&waiting.journey), "--json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["stage"], &shown["attempts"], &shown["client_id"]), (&json!("sign_in"), &json!(0), &json!(client.id)));
    let (code, error) = bank.operator_refused(&["interaction", "show", "01890000-0000-7000-8000-000000000000"]).await;
    assert!(code == 7 && error.contains("no such journey"), "{error}");
}
