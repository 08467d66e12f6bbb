//! What every call of a TPP comes to costs the same whatever the bank's size: executed on a bank's data set, each statement goes down
//! an index for each row, in one table of tokens, and touches no other page.

use crate::harness::{
    Bank, CIC, Client,
    bank::database,
    hot::{Example, Hot},
    mass::{LARGE_CLIENTS, Mass, organisation, presented},
    tpp::introspect,
};
use guichet::{
    clock::{Clock, System},
    oauth::{secret::HandleKind, tpp::PspRole},
    storage::TokenStatement,
};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

/// Enough for trees of several levels and thirty tables; more would tell nothing else.
const TOKENS: i64 = 50_000;

async fn faults(db: &mut PgConnection, hot: &Hot) -> Vec<String> {
    hot.faults(&hot.run(db).await)
}

#[tokio::test]
async fn no_call_of_a_tpp_costs_more_as_the_bank_grows() {
    let options = database().await;
    let (mut db, mut second) = (PgConnection::connect_with(&options).await.unwrap(), PgConnection::connect_with(&options).await.unwrap());
    let mass = Mass::new(TOKENS, CIC.id, System::new().now());
    mass.build(&mut db, &mut second).await;
    let example = Example::draw(&mass, &mut db).await;

    let named = TokenStatement::ALL.map(|statement| example.of(statement, false));
    // a table that this process does not know yet
    let through_parent = TokenStatement::ALL.map(|statement| example.of(statement, true));
    let (cached, empty) = (example.cached(), TokenStatement::ALL.map(|statement| example.of_empty_table(statement)));
    assert!(cached.len() > 5, "only {} statements about a grant or token in .sqlx", cached.len());
    let mut bad = vec![];
    for hot in named.iter().chain(&through_parent).chain(&cached).chain(&empty) {
        let found = faults(&mut db, hot).await;
        if !found.is_empty() {
            bad.push(format!("{}: {found:?}", hot.name));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));

    // what this test is for is seen by it
    let table = example.table();
    let worse = [
        (format!("select client_id from {table} where digest = $1"), "'\\x00'", format!("Seq Scan {table}")),
        ("select client_id from tokens where grant_id = $1".to_owned(), "gen_random_uuid()", "through the parent".to_owned()),
        ("select client_id from tokens where grant_id = $1".to_owned(), "gen_random_uuid()", "another table: tokens_week_".to_owned()),
        (
            format!("select client_id from {table} where id > $1 order by issued_at limit 1"),
            "'ffffffff-ffff-8fff-bfff-ffffffffffff'",
            "Sort".to_owned(),
        ),
        ("select id from grants where brand = 'cic' and psu > $1 limit 5".to_owned(), "''", "Actual Rows".to_owned()),
    ];
    for (text, argument, fault) in worse {
        let found = faults(&mut db, &example.other(&text, &[argument])).await;
        assert!(found.iter().any(|f| f.contains(&fault)), "{text}: {found:?}");
    }
    let counted = format!("analyze {}", mass.partitions().last().unwrap().table());
    let introspect = &empty[TokenStatement::Introspect as usize];
    assert_eq!(introspect.faults(&introspect.run_after(&mut db, &counted).await), Vec::<String>::new(), "known to be empty");
    let other_setting = "set local enable_seqscan = on";
    let found = introspect.faults(&introspect.run_after(&mut db, &format!("{other_setting}; {counted}")).await);
    assert!(found.iter().any(|f| f.contains("Seq Scan tokens_week_")), "with another setting than the program's: {found:?}");
    let mut revoke = example.of_empty_table(TokenStatement::Revoke);
    revoke.text = revoke.text.replace("where t.id = $1 and token.whole", "where t.id = token.id and token.whole");
    let found = revoke.faults(&revoke.run_after(&mut db, other_setting).await);
    assert!(found.iter().any(|f| f.contains("Seq Scan tokens_week_")), "planned before there is a token: {found:?}");
    let refresh = &named[TokenStatement::Refresh as usize];
    let found =
        refresh.faults(&refresh.run_after(&mut db, "alter table grants drop constraint grants_pkey; drop index grants_of_client").await);
    assert!(found.iter().any(|f| f.contains("grants")), "without its indexes: {found:?}");
    assert_eq!(faults(&mut db, refresh).await, Vec::<String>::new(), "with it again");
    for session in [db, second] {
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_generated_is_what_the_program_would_have_made() {
    let bank = Bank::start().await;
    let (mut db, mut second) =
        (PgConnection::connect_with(&bank.database).await.unwrap(), PgConnection::connect_with(&bank.database).await.unwrap());
    let mass = Mass::new(5000, CIC.id, bank.clock.now());
    mass.build(&mut db, &mut second).await;
    let stored =
        "select count(*) filter (where expires_at > $1), (select count(*) from grants where expires_at > $1 and revoked_at is null),
                         (select count(*) from grants), (select count(*) from tokens_default) from tokens";
    let stored: (i64, i64, i64, i64) = sqlx::query_as(stored).bind(mass.now).fetch_one(&mut db).await.unwrap();
    assert_eq!(stored, (5000, 5000, 10_000, 0));

    let clients = mass.client_ids(&mut db).await;
    let (tokens, grants) = (mass.draw_tokens(&mut db, 200).await, mass.draw_grants(&mut db, 200).await);
    for drawn in &tokens[..20] {
        let seen = introspect(&bank, CIC, &[("token", &presented(HandleKind::AccessToken, drawn.id))]).await.ok(200).json();
        assert_eq!((&seen["active"], &seen["client_id"]), (&true.into(), &clients[drawn.client as usize].to_string().into()), "{seen}");
    }
    let of = |client: u32| Client {
        tpp: bank.tpp_named(&organisation(client / 2), [PspRole::AccountInformation]),
        brand: CIC,
        id: clients[client as usize].to_string(),
        secret: None,
        key: None,
        information: Value::Null,
    };
    let grant = grants.iter().find(|drawn| drawn.client < LARGE_CLIENTS).unwrap();
    let answer = of(grant.client).refresh(&presented(HandleKind::RefreshToken, grant.id)).await.ok(200).json();
    assert_eq!(answer["scope"], "aisp");
    let token = tokens.iter().find(|drawn| drawn.client < LARGE_CLIENTS).unwrap();
    let (client, presented) = (of(token.client), presented(HandleKind::AccessToken, token.id));
    client.revoke(&presented).await.ok(200);
    assert!(!client.is_active(&presented).await);
    for session in [db, second] {
        session.close().await.unwrap();
    }
}
