//! The audit trail says of whom an event is to whoever may ask, and to nobody once the customer is forgotten.

use crate::harness::{
    Bank, BankOptions, CIC, LBP,
    trail::{Trail, sound},
};
use guichet::oauth::tpp::PspRole;
use serde_json::Value;
use std::collections::BTreeSet;

pub struct Customer {
    pub reference: String,
    pub file: String,
}

/// The one who approved last.
pub async fn customer(bank: &Bank) -> Customer {
    let reference: String =
        sqlx::query_scalar("select psu from grants order by created_at desc limit 1").fetch_one(&bank.pool().await).await.unwrap();
    let file = bank.folder().join("reference");
    std::fs::write(&file, format!("{reference}\n")).unwrap();
    Customer { reference, file: file.to_str().unwrap().to_owned() }
}

/// Tables with a row that names him.
pub async fn naming(bank: &Bank, reference: &str) -> Vec<&'static str> {
    let (pool, mut found) = (bank.pool().await, vec![]);
    for table in ["grants", "interactions", "payments", "permission_visits", "events", "psu_keys", "audit_events", "audit_seals", "acts"] {
        let rows = format!("select count(*) from {table} t where t::text like $1");
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).bind(format!("%{reference}%")).fetch_one(&pool).await.unwrap();
        if rows > 0 {
            found.push(table);
        }
    }
    found
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_customer_is_forgotten_and_the_trail_stays_as_it_was_sealed() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let client = bank.tpp([PspRole::AccountInformation]).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let Customer { reference, file } = customer(&bank).await;
    let trail = Trail::of(bank.database.clone()).await;
    trail.seal().await;
    assert_eq!(naming(&bank, &reference).await, ["grants", "interactions"], "nowhere else");

    let of = ["--brand", CIC.id, "--reference-file", file.as_str()];
    let ask = |verb: &'static str, more: &'static [&'static str]| -> Vec<&str> {
        ["psu", verb].into_iter().chain(of).chain(more.iter().copied()).collect()
    };
    let said = bank.operator(&ask("events", &[])).await;
    let events = lines(&said);
    let kinds: BTreeSet<_> = events.iter().map(|event| event["event"]["action"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["code_issued", "interaction_approved", "signed_in"]), "no token call among them");
    let id = events[0]["event"]["id"].as_str().unwrap().to_owned();
    let reveal = ["psu", "reveal", id.as_str(), "--reason", "complaint 77"];
    assert_eq!(bank.operator(&reveal).await.trim(), reference);
    assert_eq!(bank.audited("psu_revealed", "complaint 77").await, 1);

    let (code, why) = bank.operator_refused(&ask("erase", &["--reason", "request 12"])).await;
    assert!(code == 7 && why.contains("1 consents of the customer are alive"), "{why}");
    assert!(client.is_active(tokens["access_token"].as_str().unwrap()).await, "refused: nothing happened");
    let said = bank.operator(&ask("erase", &["--reason", "request 12", "--end-consents"])).await;
    assert!(said.contains("1 consents no longer name the customer, 1 of them ended now"), "{said}");

    assert_eq!(naming(&bank, &reference).await, [""; 0]);
    assert!(!client.is_active(tokens["access_token"].as_str().unwrap()).await);
    assert_eq!((bank.audited("psu_erased", "request 12").await, bank.audited("grant_withdrawn", "ended_by_bank").await), (1, 1));
    let told: i64 =
        sqlx::query_scalar("select count(*) from events where kind = 'grant_withdrawn'").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(told, 1, "the TPP can be told");
    assert_eq!(bank.operator(&ask("events", &[])).await, "");
    assert_eq!(bank.operator_refused(&reveal).await.0, 7);
    let (code, why) = bank.operator_refused(&ask("erase", &["--reason", "request 12"])).await;
    assert!(code == 7 && why.contains("nothing here is about this customer"), "{why}");
    trail.seal().await;
    sound(&trail.verify().await);
    let exported = bank.operator(&["audit", "export", "--brand", CIC.id]).await;
    let still = lines(&exported).into_iter().filter(|event| event["guichet"]["psu_key"] == events[0]["guichet"]["psu_key"]).count();
    assert_eq!(still, events.len(), "his events are there, without him");

    // what comes later has nothing to do with what was forgotten
    client.tokens("web", "aisp").await;
    let again = lines(&bank.operator(&ask("events", &[])).await);
    assert!(again.len() == events.len() && again[0]["guichet"]["psu_key"] != events[0]["guichet"]["psu_key"]);
}

#[tokio::test]
async fn a_customer_at_one_of_our_pages_is_not_forgotten_under_his_hands() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let client = bank.tpp([PspRole::AccountInformation]).register(CIC).await;
    client.tokens("web", "aisp").await;
    let Customer { file, .. } = customer(&bank).await;
    let pool = bank.pool().await;
    sqlx::query("update grants set revoked_at = now()").execute(&pool).await.unwrap();
    sqlx::query("update interactions set state = 'consent'").execute(&pool).await.unwrap();
    let erase = ["psu", "erase", "--brand", CIC.id, "--reference-file", file.as_str(), "--reason", "request 12"];
    let (code, why) = bank.operator_refused(&erase).await;
    assert!(code == 7 && why.contains("at a page of ours"), "{why}");
    sqlx::query("update interactions set state = 'failed', failure = 'cancelled'").execute(&pool).await.unwrap();
    let elsewhere = ["psu", "erase", "--brand", LBP.id, "--reference-file", file.as_str(), "--reason", "request 12"];
    assert_eq!(bank.operator_refused(&elsewhere).await.0, 7, "another bank's customer");
    bank.operator(&erase).await;

    // nothing at standard input, and no such file
    for file in ["-", "/nowhere", "/dev/zero"] {
        let asked = ["psu", "events", "--brand", CIC.id, "--reference-file", file];
        assert_eq!(bank.operator_refused(&asked).await.0, 2, "{file}");
    }
}
