//! Many at once, over real connections, at two servers of one database: what happens once happens once, and what one
//! server was told the other one knows.

use crate::{
    grants_of_customers::{post, subject},
    harness::{
        Bank, BankOptions, Brand, CIC, Client, LBP, Landing, Psu, Reply, Tpp, together,
        tpp::{CALLBACK, introspect},
    },
};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Instant,
};

const CROWD: usize = 64;
const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];

/// Two servers that share nothing but their database: what one remembers is not what the other one wrote.
async fn two_servers() -> [Bank; 2] {
    let one = Bank::start().await;
    let two = Bank::with(BankOptions { database: Some(one.database.clone()), ..BankOptions::default() }).await;
    [one, two]
}

/// The same client over eight connections, four to each server, each with a QWAC of its own.
fn crowd<'a>(banks: &'a [Bank; 2], client: &Client<'a>) -> Vec<Client<'a>> {
    (0..8).map(|i| client.over(&banks[i % 2].tpp_named(&client.tpp.organisation, ROLES))).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// The tokens of those that were answered 200.
fn issued(replies: &[Reply]) -> Vec<String> {
    let tokens: Vec<_> = replies.iter().filter(|r| r.status == 200).map(|r| text(&r.json(), "access_token")).collect();
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), tokens.len(), "no token is given twice");
    tokens
}

async fn count_alive(client: &Client<'_>, tokens: &[String]) -> usize {
    let seen = together(tokens.iter().map(|token| client.is_active(token))).await;
    seen.into_iter().filter(|active| *active).count()
}

async fn count_rows(bank: &Bank, query: &'static str) -> i64 {
    let pool = bank.pool().await;
    let count = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_redeemed_by_a_crowd_gives_once_and_then_takes_back() {
    let banks = two_servers().await;
    for (brand, channel) in [(CIC, "web"), (LBP, "pph")] {
        let client = banks[0].tpp(ROLES).register(brand).await;
        let (landing, crowd) = (client.approved(channel, "aisp").await, crowd(&banks, &client));
        let replies = together((0..CROWD).map(|i| crowd[i % 8].redeem(channel, "aisp", landing.code()))).await;
        let won = issued(&replies);
        assert_eq!(won.len(), 1, "{}: one redemption succeeds", brand.id);
        for reply in replies.iter().filter(|r| r.status != 200) {
            reply.clone().refused(400, "invalid_grant");
        }
        assert_eq!(count_alive(&client, &won).await, 0, "{}: the others were replays, which end what the code gave", brand.id);
        for reply in replies.iter().filter(|_| brand.refresh).filter(|r| r.status == 200) {
            let refresh = text(&reply.json(), "refresh_token");
            assert!(!client.is_active(&refresh).await);
            client.refresh(&refresh).await.refused(400, "invalid_grant");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn codes_redeemed_once_each_at_the_same_time_all_stay_alive() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let crowd = crowd(&banks, &client);
    let landings = together(crowd.iter().map(|c| c.approved("web", "aisp"))).await;
    let replies = together(landings.iter().zip(&crowd).map(|(landing, c)| c.redeem("web", "aisp", landing.code()))).await;
    let tokens = issued(&replies);
    assert_eq!((tokens.len(), count_alive(&client, &tokens).await), (8, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_refreshes_with_one_token_and_no_grant_is_lost() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let first = client.tokens("web", "aisp").await;
    let (refresh, crowd) = (text(&first, "refresh_token"), crowd(&banks, &client));
    let replies = together((0..CROWD).map(|i| crowd[i % 8].refresh(&refresh))).await;
    let mut tokens = issued(&replies);
    assert_eq!(tokens.len(), CROWD, "{:?}", replies.iter().find(|r| r.status != 200));
    assert!(replies.iter().all(|r| r.json()["refresh_token"].is_null()), "the refresh token is not replaced");
    tokens.extend([text(&first, "access_token"), refresh.clone()]);
    assert_eq!(count_alive(&client, &tokens).await, CROWD + 2);
    client.refresh(&refresh).await.ok(200);
}

/// Answers of a race: tokens that were given, and the acknowledgement of what should have ended them.
enum Raced {
    Given(Reply),
    Ended(Reply),
}

impl Raced {
    fn status(&self) -> u16 {
        let (Self::Given(reply) | Self::Ended(reply)) = self;
        reply.status
    }
}

/// `give` by a crowd, and `end` once among them, later in each round.
async fn race(round: usize, give: impl AsyncFn(usize) -> Reply, end: impl AsyncFn() -> Reply) -> Vec<Raced> {
    together((0..16).map(async |i| if i == round % 16 { Raced::Ended(end().await) } else { Raced::Given(give(i).await) })).await
}

fn given(raced: &[Raced]) -> Vec<Reply> {
    raced.iter().filter_map(|r| if let Raced::Given(reply) = r { Some(reply.clone()) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_active_after_an_acknowledged_revocation_whatever_was_under_way() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let crowd = crowd(&banks, &client);
    let (mut before, mut after) = (0, 0);
    for round in 0..16 {
        let first = client.tokens("web", "aisp").await;
        let refresh = text(&first, "refresh_token");
        let raced = race(round, async |i| crowd[i % 8].refresh(&refresh).await, async || crowd[round % 8].revoke(&refresh).await).await;
        let given = given(&raced);
        assert!(raced.iter().all(|r| matches!((r, r.status()), (_, 200) | (Raced::Given(_), 400))), "round {round}");
        let mut tokens = issued(&given);
        (before, after) = (before + tokens.len(), after + given.len() - tokens.len());
        tokens.extend([text(&first, "access_token"), refresh.clone()]);
        assert_eq!(count_alive(&client, &tokens).await, 0, "round {round}");
        crowd[round % 8].refresh(&refresh).await.refused(400, "invalid_grant");
    }
    println!("refreshes that came before the revocation: {before}, after it: {after}");
    assert!(before > 0 && after > 0, "no race was run: {before} before, {after} after");
}

/// One answer of a gateway that asks all the time.
struct Look {
    sent: Instant,
    answered: Instant,
    active: bool,
}

/// The customer withdraws at one server while the bank's gateways ask both of them about what he allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_consent_is_over_at_both_servers_as_soon_as_its_withdrawal_is_acknowledged() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let psu = subject(&banks[0], CIC, "approves").await;
    let gateways: Vec<_> = (0..8).map(|i| (banks[i % 2].gateway(), banks[i % 2].internal.port())).collect();
    for round in 0..8 {
        let tokens = client.tokens("web", "aisp").await;
        let token = text(&tokens, ["access_token", "refresh_token"][round % 2]);
        let grant = text(&client.introspect(&token).await, "grant_id");
        let (asked, acknowledged) = (AtomicUsize::new(0), AtomicBool::new(false));
        let look = async |i: usize| {
            let (gateway, port) = &gateways[i];
            let url = format!("https://localhost:{port}/brands/{}/introspect", CIC.id);
            let (mut looks, mut after) = (vec![], 0);
            while after < 3 {
                after += usize::from(acknowledged.load(Ordering::SeqCst));
                let sent = Instant::now();
                let active = gateway.form(&url, &[], &[("token", &token)]).await.ok(200).json()["active"] == true;
                looks.push(Look { sent, answered: Instant::now(), active });
                asked.fetch_add(1, Ordering::SeqCst);
            }
            looks
        };
        let withdraw = async {
            while asked.load(Ordering::SeqCst) < 16 * (1 + round % 3) {
                tokio::task::yield_now().await;
            }
            let began = Instant::now();
            post(&banks[round / 2 % 2], CIC, &format!("grants/{grant}/withdraw"), &json!({ "subject": psu })).await.ok(200);
            let done = Instant::now();
            acknowledged.store(true, Ordering::SeqCst);
            (began, done)
        };
        let (looks, (began, done)) = tokio::join!(together((0..8).map(look)), withdraw);
        for looks in looks {
            assert!(looks.windows(2).all(|pair| pair[0].active || !pair[1].active), "round {round}: alive again");
            for look in looks {
                assert!(look.active || look.answered > began, "round {round}: over before anything ended it");
                assert!(!look.active || look.sent < done, "round {round}: alive for whoever asked after it was acknowledged");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_client_gets_nothing_that_lives() {
    let banks = two_servers().await;
    for (round, brand) in [CIC, LBP, CIC, LBP, CIC, LBP].into_iter().enumerate() {
        let client = banks[0].tpp(ROLES).register(brand).await;
        let crowd = crowd(&banks, &client);
        let landings = together(crowd.iter().take(3).map(|c| c.approved("web", "aisp"))).await;
        let refresh = client.tokens("web", "aisp").await["refresh_token"].as_str().map(str::to_owned);
        let give = async |i: usize| match (i % 5, &refresh) {
            (3, _) => crowd[i % 8].client_credentials().await,
            (4, Some(refresh)) => crowd[i % 8].refresh(refresh).await,
            (code, _) => crowd[i % 8].redeem("web", "aisp", landings[code % 3].code()).await,
        };
        let raced = race(5 * round, give, async || client.delete().await).await;
        for reply in given(&raced).into_iter().filter(|r| r.status != 200) {
            assert!(["invalid_client", "invalid_grant"].contains(&reply.error().as_str()), "{reply:?}");
        }
        assert!(raced.iter().any(|r| matches!(r, Raced::Ended(reply) if reply.status == 204)));
        let tokens: Vec<_> = issued(&given(&raced)).into_iter().chain(refresh).collect();
        assert_eq!(count_alive(&client, &tokens).await, 0, "round {round}");
        for there in &crowd {
            there.client_credentials().await.refused(401, "invalid_client");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_of_equal_registrations_makes_one_client() {
    let banks = two_servers().await;
    for brand in [CIC, LBP] {
        let tpp = banks[0].tpp(ROLES);
        let tpps: Vec<Tpp<'_>> = (0..8).map(|i| banks[i % 2].tpp_named(&tpp.organisation, ROLES)).collect();
        let clients = together((0..32).map(|i| tpps[i % 8].register(brand))).await;
        assert_eq!(clients.iter().map(|c| &c.id).collect::<HashSet<_>>().len(), 1, "{}", brand.id);
        // each retry gives fresh credentials and two of them live: those of the last two
        let accepted = together(clients.iter().map(|c| c.client_credentials())).await.into_iter().filter(|r| r.status == 200).count();
        assert_eq!(accepted, if brand.basic { 2 } else { 32 }, "{}", brand.id);
    }
    assert_eq!(count_rows(&banks[0], "select count(*) from clients").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_organisation_at_its_limit_is_refused_and_nobody_waits_for_it() {
    let banks = two_servers().await;
    let tpp = banks[0].tpp(ROLES);
    let named = |i: usize| {
        let mut metadata = Tpp::metadata(CIC);
        metadata["client_name"] = json!(format!("App {i}"));
        metadata
    };
    let made: Vec<_> = (0..200).map(named).collect();
    for some in made.chunks(20) {
        together(some.iter().map(|metadata| tpp.register_as(CIC, metadata))).await;
    }
    let more: Vec<_> = (200..200 + CROWD).map(named).collect();
    for reply in together(more.iter().map(|metadata| tpp.try_register(CIC, metadata))).await {
        reply.refused(400, "invalid_client_metadata");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_at_once_leave_one_of_them_whole_and_hinder_no_token() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let (crowd, refresh) = (crowd(&banks, &client), text(&client.tokens("web", "aisp").await, "refresh_token"));
    let update = |i: usize| {
        let mut metadata = Tpp::metadata(CIC);
        metadata["client_id"] = json!(client.id);
        metadata["client_name"] = json!(format!("Name {i}"));
        metadata["redirect_uris"] = json!([format!("https://tpp.example/{i}")]);
        metadata
    };
    let replies = together((0..CROWD).map(async |i| match i % 3 {
        0 => crowd[i % 8].manage(Method::PUT, &update(i)).await,
        1 => crowd[i % 8].refresh(&refresh).await,
        _ => crowd[i % 8].client_credentials().await,
    }))
    .await;
    for (i, reply) in replies.iter().enumerate() {
        // a client that changes all the time may have to ask again; it is not refused
        assert!(reply.status == 200 || (i % 3 != 0 && reply.status == 503), "{i}: {reply:?}");
    }
    let stored = client.manage(Method::GET, &Value::Null).await.ok(200).json();
    let (name, uri) = (text(&stored, "client_name"), stored["redirect_uris"][0].as_str().unwrap());
    assert_eq!(name.strip_prefix("Name ").unwrap(), uri.strip_prefix("https://tpp.example/").unwrap(), "of one update, not of two");
    let written = replies.iter().step_by(3).map(Reply::json).any(|r| r["client_name"] == stored["client_name"]);
    assert!(written, "what is stored was answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_double_click_approves_once_and_one_answer_can_be_redeemed() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let mut psu = client.authorize("web", "aisp").await;
    psu.sign_in("approves").await;
    let browsers: Vec<Psu> = (0..8).map(|i| psu.over(&banks[i % 2])).collect();
    let clicks = together((0..CROWD).map(|i| browsers[i % 8].click(&[("decision", "approve")]))).await;
    assert!(clicks.iter().all(|r| r.status == 303), "{:?}", clicks.iter().find(|r| r.status != 303));
    assert_eq!(count_rows(&banks[0], "select count(*) from grants").await, 1, "one consent");
    assert_eq!(count_rows(&banks[0], "select count(*) from audit_events where kind = 'interaction_approved'").await, 1);

    let landings = together((0..CROWD).map(|i| browsers[i % 8].fetch_answer())).await;
    assert!(landings.iter().all(|l| l.uri == CALLBACK));
    let replies = together(landings.iter().map(|l| client.redeem("web", "aisp", l.code()))).await;
    let tokens = issued(&replies);
    assert_eq!(tokens.len(), 1, "each fetch replaces the code that was not used yet");
    assert_eq!(count_alive(&client, &tokens).await, 1, "codes that were replaced are unknown, not replayed");
    assert_eq!(psu.answer().await.status, 410);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_asked_for_by_a_crowd_is_shown_to_all() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(LBP).await;
    let psu = client.authorize("web", "aisp").await;
    // the second server has not heard of the client yet, and each request holds a connection to its database
    let mut browser = psu.over(&banks[1]);
    let journey = std::mem::replace(&mut browser.journey, banks[1].origin(LBP.psu_host));
    browser.look().await; // one connection for all that follows, so that it arrives together
    browser.journey = journey;
    for answer in together((0..CROWD).map(|_| browser.answer())).await {
        assert_eq!((answer.status, answer.header("location")), (303, url::Url::parse(&psu.journey).unwrap().path()), "{answer:?}");
    }
}

async fn put(client: &Client<'_>, change: impl FnOnce(&mut Value)) {
    let mut metadata = Tpp::metadata(client.brand);
    metadata["client_id"] = json!(client.id);
    change(&mut metadata);
    client.manage(Method::PUT, &metadata).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_server_changed_the_other_judges_at_once() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let there = client.over(&banks[1].tpp_named(&client.tpp.organisation, ROLES));
    let with_grants = async |grants: &[&str]| put(&client, |m| m["grant_types"] = json!(grants)).await;

    there.client_credentials().await.ok(200);
    with_grants(&["authorization_code"]).await;
    there.client_credentials().await.refused(400, "unauthorized_client");
    with_grants(&["authorization_code", "client_credentials"]).await;
    there.client_credentials().await.ok(200);

    with_grants(&["authorization_code", "client_credentials", "refresh_token"]).await;
    let refresh = text(&there.tokens("web", "aisp").await, "refresh_token");
    with_grants(&["authorization_code"]).await;
    there.refresh(&refresh).await.refused(400, "unauthorized_client");
    with_grants(&["authorization_code", "refresh_token"]).await;
    there.refresh(&refresh).await.ok(200);

    // a code is not spent by a verdict on what the client was
    put(&client, |m| m["scope"] = json!("pisp")).await;
    let landing = {
        put(&client, |m| m["scope"] = json!("aisp")).await;
        there.approved("web", "aisp").await
    };
    put(&client, |m| m["scope"] = json!("pisp")).await;
    there.token("web", &[("grant_type", "refresh_token"), ("refresh_token", "gurt_x")]).await.refused(400, "invalid_grant");
    put(&client, |m| m["scope"] = json!("aisp")).await;
    there.redeem("web", "aisp", landing.code()).await.ok(200);

    // a redirect URI that was given up takes nobody home, neither with a code nor with an error
    let bad = there.authorize_url("web", "nonsense", &[]);
    assert_eq!(Psu::open(&banks[1], CIC, &bad).await.landed().get("error"), "invalid_scope");
    put(&client, |m| m["redirect_uris"] = json!(["https://tpp.example/elsewhere"])).await;
    for url in [bad, there.authorize_url("web", "aisp", &[])] {
        assert_eq!(Psu::open(&banks[1], CIC, &url).await.page.status, 400);
    }
}

async fn deleted_here_gone_there(banks: &[Bank; 2], brand: Brand) {
    let client = banks[0].tpp(ROLES).register(brand).await;
    let there = client.over(&banks[1].tpp_named(&client.tpp.organisation, ROLES));
    let tokens = there.tokens("web", "aisp").await;
    let access = text(&tokens, "access_token");
    let own = text(&there.client_credentials().await.ok(200).json(), "access_token");
    let landing = there.approved("web", "aisp").await;
    let signing_in = there.authorize("web", "aisp").await;
    let mut consenting = there.authorize("web", "aisp").await;
    consenting.sign_in("approves").await;
    client.delete().await.ok(204);

    // journeys under way end, before anything else could remind the other server: nothing can be consented to any more
    let ended = |landing: Landing| assert!(landing.params.contains_key("error") && !landing.params.contains_key("code"), "{landing:?}");
    ended(signing_in.fetch_answer().await);
    let clicked = consenting.click(&[("decision", "approve")]).await;
    assert_eq!(clicked.status, 303, "{clicked:?}");
    ended(consenting.fetch_answer().await);
    for token in [&access, &own] {
        assert_eq!(introspect(&banks[1], brand, &[("token", token)]).await.ok(200).json(), json!({ "active": false }));
    }
    there.client_credentials().await.refused(401, "invalid_client");
    there.token("web", &[("grant_type", "nonsense")]).await.refused(401, "invalid_client");
    there.redeem("web", "aisp", landing.code()).await.refused(401, "invalid_client");
    there.redeem("web", "aisp", "guac_unknown").await.refused(401, "invalid_client");
    there.revoke(&access).await.refused(401, "invalid_client");
    if let Some(refresh) = tokens["refresh_token"].as_str() {
        there.refresh(refresh).await.refused(401, "invalid_client");
        there.refresh("gurt_unknown").await.refused(401, "invalid_client");
    }
    for scope in ["aisp", "nonsense"] {
        assert_eq!(Psu::open(&banks[1], brand, &there.authorize_url("web", scope, &[])).await.page.status, 400, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_server_deleted_is_gone_at_the_other() {
    let banks = two_servers().await;
    for brand in [CIC, LBP] {
        deleted_here_gone_there(&banks, brand).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_secret_that_fell_off_is_refused_where_it_was_remembered() {
    let banks = two_servers().await;
    let tpp = banks[0].tpp(ROLES);
    let first = tpp.register(LBP).await;
    let there = first.over(&banks[1].tpp_named(&tpp.organisation, ROLES));
    there.client_credentials().await.ok(200);
    let (second, third) = (tpp.register(LBP).await, tpp.register(LBP).await);
    assert_eq!((&first.id, &second.id), (&second.id, &third.id), "registered again, within the window");
    there.client_credentials().await.refused(401, "invalid_client");
    for client in [second, third] {
        client.over(&there.tpp).client_credentials().await.ok(200);
    }
}
