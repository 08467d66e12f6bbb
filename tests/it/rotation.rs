//! Refresh tokens that follow one another, where a bank rotates them (RFC 9700 s4.14.2; FAPI 2.0 s5.3.2.1-9).

use crate::{
    grants_of_customers::{post, subject},
    harness::{Bank, BankOptions, CIC, Client, Held, Reply, Tpp, together, tpp::introspect},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation};
use serde_json::{Value, json};
use sqlx::Row;
use std::collections::HashSet;
use time::Duration;
use uuid::Uuid;

const ROLES: [PspRole; 3] = [AccountInformation, CardIssuing, PaymentInitiation];
const CROWD: usize = 64;

/// CIC with rotation for aisp, and none for cbpii.
fn rotating() -> BankOptions {
    let setting = "[brand.scope.aisp]\nrefresh_token_rotation = true\n";
    BankOptions { one_brand_extra: Some((CIC, setting.into())), ..BankOptions::default() }
}

async fn another(bank: &Bank, options: BankOptions) -> Bank {
    Bank::with(BankOptions { database: Some(bank.database.clone()), ..options }).await
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

fn next(reply: Reply) -> String {
    text(&reply.ok(200).json(), "refresh_token")
}

fn grant_of(refresh: &str) -> Uuid {
    Uuid::from_slice(&URL_SAFE_NO_PAD.decode(&refresh[5..]).unwrap()[..16]).unwrap()
}

/// Its tokens from the first one on, as many as were used and one more.
async fn chain(client: &Client<'_>, used: usize) -> Vec<String> {
    let mut chain = vec![text(&client.tokens("web", "aisp").await, "refresh_token")];
    for _ in 0..used {
        chain.push(next(client.refresh(chain.last().unwrap()).await));
    }
    chain
}

/// Why the grant ended, if it did.
async fn end_of(bank: &Bank, refresh: &str) -> Option<String> {
    let pool = bank.pool().await;
    let row = sqlx::query("select revoked_at is not null, revoked_reason from grants where id = $1").bind(grant_of(refresh));
    let row = row.fetch_one(&pool).await.unwrap();
    pool.close().await;
    row.get::<bool, _>(0).then(|| row.get(1))
}

#[tokio::test]
async fn a37_the_old_token_works_until_the_new_one_is_used_and_tells_the_same_again() {
    let bank = Bank::with(rotating()).await;
    let tpp = bank.tpp(ROLES);
    let client = tpp.register(CIC).await;
    let first = client.tokens("web", "aisp").await;
    let (zero, mut seen) = (text(&first, "refresh_token"), vec![text(&first, "access_token")]);
    let renewed = client.over(&bank.tpp_named(&tpp.organisation, ROLES));
    let mut told = HashSet::new();
    // answers that got lost, asked for again; with another certificate, too
    for now in [&client, &renewed, &client] {
        let answer = now.refresh(&zero).await.ok(200).json();
        told.insert(text(&answer, "refresh_token"));
        seen.push(text(&answer, "access_token"));
    }
    let one = told.iter().next().unwrap().clone();
    assert!(told.len() == 1 && one != zero && grant_of(&one) == grant_of(&zero), "one successor, of the same grant");
    assert!(client.is_active(&zero).await && client.is_active(&one).await);

    // a server that starts later tells the same
    let later = another(&bank, rotating()).await;
    let there = client.over(&later.tpp_named(&tpp.organisation, ROLES));
    assert_eq!(next(there.refresh(&zero).await), one);

    let two = next(client.refresh(&one).await);
    assert_eq!(next(there.refresh(&one).await), two, "its answer may get lost, too");
    assert!(![&zero, &one].contains(&&two));
    assert!(!client.is_active(&zero).await, "over since its successor was used");
    assert!(client.is_active(&one).await && client.is_active(&two).await);
    for token in &seen {
        assert!(client.is_active(token).await, "access tokens live on");
    }
    let exp = client.introspect(&two).await;
    assert_eq!(exp["exp"].as_i64().unwrap() - exp["auth_time"].as_i64().unwrap(), 180 * 86_400, "the consent gets no longer");
    // another scope of the same bank, which does not rotate
    let stays = text(&client.tokens("web", "cbpii").await, "refresh_token");
    assert!(client.refresh(&stays).await.ok(200).json()["refresh_token"].is_null());

    bank.clock.advance(Duration::days(181));
    client.refresh(&two).await.refused(400, "invalid_grant");
    bank.expect_audit("token_refused", "refresh_token_expired").await;
}

#[tokio::test]
async fn a38_a_token_that_comes_back_after_its_successor_was_used_ends_the_grant() {
    let bank = Bank::with(rotating()).await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let bystander = text(&client.tokens("web", "aisp").await, "refresh_token");
    for (used, replayed) in [(2, 0), (3, 1), (7, 0), (7, 5)] {
        let first = client.tokens("web", "aisp").await;
        let mut chain = vec![text(&first, "refresh_token")];
        let mut access = vec![text(&first, "access_token")];
        for _ in 0..used {
            let answer = client.refresh(chain.last().unwrap()).await.ok(200).json();
            chain.push(text(&answer, "refresh_token"));
            access.push(text(&answer, "access_token"));
        }
        assert_eq!(end_of(&bank, &chain[0]).await, None);
        client.refresh(&chain[replayed]).await.refused(400, "invalid_grant");
        assert_eq!(end_of(&bank, &chain[0]).await.as_deref(), Some("refresh_replayed"), "{replayed} of {used}");
        for token in chain.iter().chain(&access) {
            assert_eq!(client.introspect(token).await, json!({ "active": false }), "{replayed} of {used}");
        }
        for token in &chain {
            client.refresh(token).await.refused(400, "invalid_grant");
        }
    }
    let replays: Vec<_> = bank.audit().await.into_iter().filter(|event| event.kind == "refresh_replayed").collect();
    assert_eq!(replays.len(), 4, "one for each grant: what is dead cannot be replayed again");
    assert!(replays.iter().all(|event| event.client.as_ref() == Some(&client.id) && event.grant.is_some()));
    let psu = subject(&bank, CIC, "approves").await;
    let ended = post(&bank, CIC, "grants/search", &json!({ "subject": psu, "state": "ended" })).await.ok(200).json();
    assert_eq!(ended["grants"][0]["ended"]["by"], "replay", "{ended}");
    assert_eq!(ended["grants"][0]["ended"]["why"], "refresh_replayed", "{ended}");
    client.refresh(&bystander).await.ok(200);
}

/// Only a token that was given out is a replay, and only from its own client.
#[tokio::test]
async fn a_secret_that_was_never_given_out_ends_nothing_and_neither_does_a_stranger() {
    let bank = Bank::with(rotating()).await;
    let tpp = bank.tpp(ROLES);
    let client = tpp.register(CIC).await;
    let chain = chain(&client, 3).await;
    let mut sister = Tpp::metadata(CIC);
    sister["client_name"] = json!("Another app of the same house");
    let sister = tpp.register_as(CIC, &sister).await;
    let stranger = bank.tpp(ROLES).register(CIC).await;
    for thief in [&sister, &stranger] {
        for token in &chain {
            thief.refresh(token).await.refused(400, "invalid_grant");
        }
    }
    bank.expect_audit("token_refused", "refresh_token_of_other_client").await;
    for secret in [[0; 32], [7; 32], [255; 32]] {
        let bytes: Vec<u8> = grant_of(&chain[0]).into_bytes().into_iter().chain(secret).collect();
        client.refresh(&format!("gurt_{}", URL_SAFE_NO_PAD.encode(bytes))).await.refused(400, "invalid_grant");
    }
    // an old secret under another grant's id
    let other = text(&client.tokens("web", "aisp").await, "refresh_token");
    let other = next(client.refresh(&other).await);
    let other = next(client.refresh(&other).await);
    let old = URL_SAFE_NO_PAD.decode(&chain[0][5..]).unwrap();
    let mixed: Vec<u8> = grant_of(&other).into_bytes().into_iter().chain(old[16..].iter().copied()).collect();
    client.refresh(&format!("gurt_{}", URL_SAFE_NO_PAD.encode(mixed))).await.refused(400, "invalid_grant");
    bank.expect_audit("token_refused", "refresh_token_unknown").await;
    for alive in [&chain[3], &other] {
        assert_eq!(end_of(&bank, alive).await, None);
        client.refresh(alive).await.ok(200);
    }
}

#[tokio::test]
async fn both_tokens_that_are_good_can_be_given_back_and_one_that_is_over_ends_nothing() {
    let bank = Bank::with(rotating()).await;
    let client = bank.tpp(ROLES).register(CIC).await;
    for (nth, ends) in [(0, false), (1, false), (2, true), (3, true)] {
        let chain = chain(&client, 3).await;
        assert_eq!(client.is_active(&chain[nth]).await, ends, "{nth}");
        client.revoke(&chain[nth]).await.ok(200);
        assert_eq!(end_of(&bank, &chain[0]).await.is_some(), ends, "{nth}");
        assert_eq!(client.is_active(&chain[3]).await, !ends, "{nth}");
        client.revoke(&chain[nth]).await.ok(200);
    }
    assert_eq!(bank.audited_kind("grant_revoked").await, 4, "what ended nothing is no revocation");
}

/// A bank may begin and stop to rotate while consents live, one server after the other.
#[tokio::test]
async fn rotation_switched_on_or_off_loses_no_token_that_was_told() {
    let on = Bank::with(rotating()).await;
    let off = another(&on, BankOptions::default()).await;
    let client = off.tpp(ROLES).register(CIC).await;
    let rotating = client.over(&on.tpp_named(&client.tpp.organisation, ROLES));
    let stays = |reply: Reply| assert!(reply.ok(200).json()["refresh_token"].is_null());

    let zero = text(&client.tokens("web", "aisp").await, "refresh_token");
    stays(client.refresh(&zero).await);
    let one = next(rotating.refresh(&zero).await);
    // switched off: what was told stays good, and its use ends the one before it
    stays(client.refresh(&zero).await);
    assert!(client.is_active(&one).await);
    stays(client.refresh(&one).await);
    assert!(client.is_active(&one).await && !client.is_active(&zero).await);
    stays(client.refresh(&one).await);
    // and on again
    let two = next(rotating.refresh(&one).await);
    stays(client.refresh(&one).await);
    let three = next(rotating.refresh(&two).await);
    for token in [&two, &three] {
        assert!(client.is_active(token).await);
    }
    // what is over is over, whatever the bank does now
    client.refresh(&zero).await.refused(400, "invalid_grant");
    assert_eq!(end_of(&on, &zero).await.as_deref(), Some("refresh_replayed"));
    assert!(!client.is_active(&three).await);
}

/// The same client over eight connections, four to each server.
fn crowd<'a>(banks: &'a [Bank; 2], client: &Client<'a>) -> Vec<Client<'a>> {
    (0..8).map(|i| client.over(&banks[i % 2].tpp_named(&client.tpp.organisation, ROLES))).collect()
}

async fn two_servers() -> [Bank; 2] {
    let one = Bank::with(rotating()).await;
    let two = another(&one, rotating()).await;
    [one, two]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_with_one_token_is_told_one_successor() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let crowd = crowd(&banks, &client);
    let mut token = text(&client.tokens("web", "aisp").await, "refresh_token");
    for _ in 0..3 {
        let replies = together((0..CROWD).map(|i| crowd[i % 8].refresh(&token))).await;
        let answers: Vec<_> = replies.into_iter().map(|reply| reply.ok(200).json()).collect();
        let access: HashSet<_> = answers.iter().map(|answer| text(answer, "access_token")).collect();
        let told: HashSet<_> = answers.iter().map(|answer| text(answer, "refresh_token")).collect();
        assert_eq!((access.len(), told.len()), (CROWD, 1), "one family");
        let active = together(access.iter().map(|token| client.is_active(token))).await;
        assert!(active.into_iter().all(|active| active));
        token = told.into_iter().next().unwrap();
    }
    let pool = banks[0].pool().await;
    let generation: i32 =
        sqlx::query_scalar("select refresh_generation from grants where id = $1").bind(grant_of(&token)).fetch_one(&pool).await.unwrap();
    assert_eq!(generation, 2, "one step a crowd: the last one told is not used yet");
    let keys: i64 = sqlx::query_scalar("select count(*) from succession_key").fetch_one(&pool).await.unwrap();
    assert_eq!(keys, 1, "both servers go by one key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_left_after_a_revocation_that_met_a_crowd_of_refreshes() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let crowd = crowd(&banks, &client);
    for round in 0..8 {
        let old = text(&client.tokens("web", "aisp").await, "refresh_token");
        let new = next(client.refresh(&old).await);
        let given_back = [&old, &new][round % 2];
        let replies = together((0..12).map(async |i| match i == round {
            true => crowd[i % 8].revoke(given_back).await,
            false => crowd[i % 8].refresh(&old).await,
        }))
        .await;
        replies[round].clone().ok(200);
        let told = replies.iter().filter(|reply| reply.status == 200 && !reply.body.is_empty()).map(Reply::json);
        let told = told.flat_map(|answer| [text(&answer, "access_token"), text(&answer, "refresh_token")]);
        for token in told.chain([old.clone(), new.clone()]) {
            assert!(!client.is_active(&token).await, "round {round}");
        }
        assert_eq!(end_of(&banks[0], &old).await.as_deref(), Some("revoked_by_client"), "round {round}");
    }
}

/// What comes to the grant's row first and second, each having looked at it as it was before both: the old refresh token or the new one,
/// used or given back. Then whether the grant lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_once_come_to_what_they_would_one_after_the_other() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Does {
        UseOld,
        UseNew,
        GiveBackOld,
        GiveBackNew,
    }
    use Does::{GiveBackNew, GiveBackOld, UseNew, UseOld};
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let crowd = crowd(&banks, &client);
    for (first, second, answers, end) in [
        (UseOld, UseOld, [200, 200], None),
        (UseOld, UseNew, [200, 200], None),
        (UseNew, UseNew, [200, 200], None),
        (UseNew, UseOld, [200, 400], Some("refresh_replayed")),
        // it is over by then, and ends nothing
        (UseNew, GiveBackOld, [200, 200], None),
        (UseNew, GiveBackNew, [200, 200], Some("revoked_by_client")),
        (GiveBackOld, UseNew, [200, 400], Some("revoked_by_client")),
        (GiveBackNew, UseOld, [200, 400], Some("revoked_by_client")),
        (GiveBackOld, GiveBackNew, [200, 200], Some("revoked_by_client")),
    ] {
        let old = text(&client.tokens("web", "aisp").await, "refresh_token");
        let new = next(client.refresh(&old).await);
        let act = async |way: usize, does: Does| match does {
            UseOld => crowd[way].refresh(&old).await,
            UseNew => crowd[way].refresh(&new).await,
            GiveBackOld => crowd[way].revoke(&old).await,
            GiveBackNew => crowd[way].revoke(&new).await,
        };
        let held = Held::of(&banks[0], &[grant_of(&old)]).await;
        // the second one, at the other server, comes when the first one waits
        let (one, two) = tokio::join!(act(0, first), async {
            held.until_waiting(1).await;
            let (two, ()) = tokio::join!(act(1, second), async {
                held.until_waiting(2).await;
                held.let_go().await;
            });
            two
        });
        let case = format!("{first:?}, then {second:?}");
        assert_eq!([one.status, two.status], answers, "{case}: {one:?}, {two:?}");
        assert_eq!(end_of(&banks[0], &old).await.as_deref(), end, "{case}");
        let last = [one, two]
            .iter()
            .filter(|reply| reply.status == 200 && !reply.body.is_empty())
            .map(|reply| text(&reply.json(), "refresh_token"))
            .last();
        let newest = last.unwrap_or(new.clone());
        let uses_new = [first, second].contains(&UseNew);
        for (token, alive) in [(&old, !uses_new), (&new, true), (&newest, true)] {
            assert_eq!(client.is_active(token).await, alive && end.is_none(), "{case}");
        }
    }
}

/// Old and new at the same time: who comes late with the old one is a replay, and then nothing of the grant is left, nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn old_and_new_at_once_leave_one_family_or_none() {
    let banks = two_servers().await;
    let client = banks[0].tpp(ROLES).register(CIC).await;
    let crowd = crowd(&banks, &client);
    let (mut alive, mut dead) = (0, 0);
    for round in 0..12 {
        let old = text(&client.tokens("web", "aisp").await, "refresh_token");
        let new = next(client.refresh(&old).await);
        // one of the new among a crowd of the old, later in each round
        let replies = together((0..12).map(async |i| (i == round, crowd[i % 8].refresh(if i == round { &new } else { &old }).await))).await;
        let replayed = replies.iter().any(|(_, reply)| reply.status == 400);
        assert!(replies.iter().all(|(_, reply)| reply.status == 200 || reply.error() == "invalid_grant"), "{replies:?}");
        let told: HashSet<_> = replies
            .iter()
            .filter(|(_, reply)| reply.status == 200)
            .map(|(new, reply)| (*new, text(&reply.json(), "refresh_token")))
            .collect();
        let newest = told.iter().find(|(new, _)| *new).map(|(_, token)| token.clone());
        assert!(told.iter().all(|(from_new, token)| *from_new || *token == new), "the old one tells the new one");
        let tokens: Vec<_> = [old, new].into_iter().chain(newest).collect();
        for bank in &banks {
            let active =
                together(tokens.iter().map(async |token| introspect(bank, CIC, &[("token", token)]).await.json()["active"] == true));
            assert_eq!(active.await, [false, !replayed, !replayed][..tokens.len()], "round {round}");
        }
        if replayed { dead += 1 } else { alive += 1 }
    }
    println!("grants that lived: {alive}, that ended: {dead}");
    assert!(dead > 0, "no old token came late");
}
