//! Four eyes: an act waits for another person, is done once, and both are in the audit trail.

use crate::harness::{Bank, BankOptions, CIC, Client, together};
use guichet::oauth::tpp::PspRole::AccountInformation;
use serde_json::{Value, json};
use std::process::Output;

const FOUR_EYES: &str = "[admin]\nfour_eyes = [\"client.block\", \"client.unblock\", \"grant.revoke\", \"tpp.merge\", \"psu.erase\"]\n";

fn options(more: &str) -> BankOptions {
    BankOptions { extra: format!("{FOUR_EYES}{more}\n"), ..BankOptions::default() }
}

pub async fn bank(more: &str) -> Bank {
    let bank = Bank::with(options(more)).await;
    bank.write_config(&options(more));
    bank
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Orders an act that waits; its id.
pub async fn propose(bank: &Bank, args: &[&str]) -> String {
    let output = bank.try_operator(args).await;
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    let told = said(&output);
    told.lines()
        .find_map(|line| line.strip_prefix("guichet act approve "))
        .unwrap_or_else(|| panic!("{told}"))
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

async fn block(bank: &Bank, client: &Client<'_>) -> String {
    propose(bank, &["client", "block", &client.id, "--reason", "fraud suspected", "--by", "Ines"]).await
}

#[tokio::test]
async fn an_act_waits_for_another_person_and_is_done_once_with_both_in_the_audit_trail() {
    let bank = bank("shared_accounts = true").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let id = block(&bank, &client).await;
    assert!(client.is_active(tokens["access_token"].as_str().unwrap()).await, "nothing is done yet");
    assert_eq!(bank.operator(&["block", "list"]).await, "nothing is blocked\n");
    // ordered again, it is the same
    assert_eq!(propose(&bank, &["client", "block", &client.id, "--reason", "other words", "--by", "Ines"]).await, id);
    let shown: Value = serde_json::from_str(&bank.operator(&["act", "show", &id, "--json"]).await).unwrap();
    assert_eq!((&shown["act"], &shown["state"], &shown["reason"]), (&json!("client.block"), &json!("open"), &json!("fraud suspected")));
    assert!(bank.operator(&["act", "list"]).await.contains(&id));

    for name in ["Ines", " ines "] {
        let (code, error) = bank.operator_refused(&["act", "approve", &id, "--by", name]).await;
        assert!(code == 7 && error.contains("another person"), "{error}");
    }
    // of many at once one does it
    let approvals = (0..6).map(|n| {
        let (bank, id, name) = (&bank, &id, format!("Paul {n}"));
        async move { bank.try_operator(&["act", "approve", id, "--by", &name]).await }
    });
    let outcomes = together(approvals).await;
    assert_eq!(outcomes.iter().filter(|output| output.status.success()).count(), 1, "{outcomes:?}");
    for output in outcomes.iter().filter(|output| !output.status.success()) {
        assert!(output.status.code() == Some(7) && said(output).contains("approved before"), "{}", said(output));
    }
    assert_eq!(bank.audited_kind("block_added").await, 1);
    assert!(bank.operator(&["block", "list"]).await.contains(&client.id));
    let audit = bank.audit().await;
    let of = |kind: &str| audit.iter().find(|event| event.kind == kind).unwrap_or_else(|| panic!("no {kind}")).text.clone();
    assert!(of("act_proposed").contains("Ines (") && of("act_approved").contains("Paul "), "{audit:?}");
    assert!(of("block_added").contains("Ines (") && of("block_added").contains("Paul "), "both: {}", of("block_added"));
    let shown: Value = serde_json::from_str(&bank.operator(&["act", "show", &id, "--json"]).await).unwrap();
    assert_eq!((&shown["state"], &shown["outcome"]["done"]), (&json!("approved"), &json!("blocked")));
    // what is so already needs nobody
    let again = bank.operator(&["client", "block", &client.id, "--reason", "x", "--by", "Ines"]).await;
    assert!(again.starts_with("blocked already"), "{again}");
}

#[tokio::test]
async fn another_name_from_the_same_account_is_no_second_person() {
    let bank = bank("").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let id = block(&bank, &client).await;
    let (code, error) = bank.operator_refused(&["act", "approve", &id, "--by", "Paul"]).await;
    assert!(code == 7 && error.contains("account of the operating system"), "{error}");
    assert_eq!(bank.operator(&["block", "list"]).await, "nothing is blocked\n");
    // its proposer may take it back
    let said = bank.operator(&["act", "reject", &id, "--by", "Ines", "--reason", "not needed"]).await;
    assert!(said.starts_with("rejected"), "{said}");
    let (code, error) = bank.operator_refused(&["act", "approve", &id, "--by", "Paul"]).await;
    assert!(code == 7 && error.contains("it was rejected"), "{error}");
    bank.expect_audit("act_rejected", &format!("client.block: block client {} at cic: not needed", client.id)).await;
}

#[tokio::test]
async fn an_expired_proposal_is_dead_and_may_be_made_anew() {
    let bank = bank("shared_accounts = true").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let id = block(&bank, &client).await;
    // the command line goes by the machine's clock
    sqlx::query("update acts set expires_at = now() - interval '1 second'").execute(&bank.pool().await).await.unwrap();
    let (code, error) = bank.operator_refused(&["act", "approve", &id, "--by", "Paul"]).await;
    assert!(code == 7 && error.contains("has expired"), "{error}");
    assert_eq!(bank.operator(&["block", "list"]).await, "nothing is blocked\n");
    let anew = block(&bank, &client).await;
    assert_ne!(anew, id);
    let listed = |state| {
        let bank = &bank;
        async move { bank.operator(&["act", "list", "--state", state]).await }
    };
    assert!(listed("expired").await.contains(&id) && !listed("open").await.contains(&id) && listed("open").await.contains(&anew));
    bank.operator(&["act", "approve", &anew, "--by", "Paul"]).await;
    assert!(listed("approved").await.contains(&anew));
}

#[tokio::test]
async fn what_can_not_be_done_is_told_at_once_and_what_no_longer_can_stays_open() {
    let bank = bank("shared_accounts = true").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (code, error) = bank.operator_refused(&["tpp", "merge", "PSDFR-ACPR-1", "PSDFR-ACPR-2", "--reason", "x"]).await;
    assert!(code == 7 && error.contains("nothing is known of the old organisation"), "{error}");
    let id = block(&bank, &client).await;
    client.delete().await.ok(204);
    let (code, error) = bank.operator_refused(&["act", "approve", &id, "--by", "Paul"]).await;
    assert!(code == 7 && error.contains("stays open: there is no such client"), "{error}");
    let shown: Value = serde_json::from_str(&bank.operator(&["act", "show", &id, "--json"]).await).unwrap();
    assert_eq!(shown["state"], "open");
    assert_eq!(bank.audited_kind("act_approved").await, 0, "nothing of it stays");
    // an act that the list does not name is done at once
    let other = bank.tpp([AccountInformation]).register(CIC).await;
    let told = bank.operator(&["block", "add", "--organisation", &other.tpp.organisation, "--reason", "x"]).await;
    assert!(told.starts_with("blocked\n"), "{told}");
    // and one that it names may not be done by another door: a client's block is no other block
    let waits = block(&bank, &other).await;
    bank.operator(&["act", "approve", &waits, "--by", "Paul"]).await;
    let blocks: Value = serde_json::from_str(&bank.operator(&["block", "list", "--json"]).await).unwrap();
    let of_client = blocks.as_array().unwrap().iter().find(|block| block["target"] == "client").unwrap();
    let output = bank.try_operator(&["block", "lift", of_client["id"].as_str().unwrap(), "--reason", "x"]).await;
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
}
