//! To forget a customer under four eyes: the second person brings his reference anew, and no act tells of whom it is or was.

use crate::{
    admin_acts::{bank, propose, said},
    audit_psu::{Customer, customer, naming},
    harness::{
        Bank, BankOptions, CIC,
        trail::{Trail, sound},
    },
};
use guichet::oauth::tpp::PspRole::AccountInformation;
use reqwest::Method;
use serde_json::{Value, json};

const SHARED: &str = "shared_accounts = true\napi_certificates = [\"O=Test bank, CN=gateway\"]";

fn erase<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let all = ["psu", "erase", "--brand", CIC.id, "--reference-file", file, "--reason", "request 12", "--by", "Ines"];
    all.into_iter().chain(more.iter().copied()).collect()
}

/// A file with another reference.
fn file(bank: &Bank, name: &str, reference: &str) -> String {
    let file = bank.folder().join(name);
    std::fs::write(&file, format!("{reference}\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Rows of acts that have a customer's digest.
async fn with_digest(bank: &Bank) -> Vec<String> {
    let rows = "select arguments->>'psu' from acts where arguments ? 'psu'";
    sqlx::query_scalar(rows).fetch_all(&bank.pool().await).await.unwrap()
}

async fn state(bank: &Bank, act: &str) -> String {
    let shown: Value = serde_json::from_str(&bank.operator(&["act", "show", act, "--json"]).await).unwrap();
    shown["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_customer_is_forgotten_when_another_person_brings_his_reference() {
    let bank = bank(SHARED).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let token = tokens["access_token"].as_str().unwrap();
    let Customer { reference, file: his } = customer(&bank).await;
    let trail = Trail::of(bank.database.clone()).await;
    trail.seal().await;

    // what could not be done is told at once
    let (code, why) = bank.operator_refused(&erase(&his, &[])).await;
    assert!(code == 7 && why.contains("1 consents of the customer are alive"), "{why}");
    let anothers = file(&bank, "another", "psu_another");
    let (code, why) = bank.operator_refused(&erase(&anothers, &["--end-consents"])).await;
    assert!(code == 7 && why.contains("nothing here is about this customer"), "{why}");
    assert_eq!(bank.operator(&["act", "list"]).await, "no such acts\n");

    let ordered = bank.try_operator(&erase(&his, &["--end-consents"])).await;
    let told = said(&ordered);
    assert!(ordered.status.code() == Some(10) && told.contains(" --reference-file FILE --by NAME"), "{told}");
    let id = propose(&bank, &erase(&his, &["--end-consents"])).await;
    assert!(told.contains(&id), "ordered again, it is the same: {told}");
    assert!(client.is_active(token).await && bank.audited_kind("psu_erased").await == 0, "nothing is done yet");
    assert_eq!(naming(&bank, &reference).await, ["grants", "interactions"], "and no act names him");
    let digests = with_digest(&bank).await;
    let [digest] = digests.as_slice() else { panic!("{digests:?}") };
    assert_eq!(digest.len(), 64);
    let looks: [&[&str]; 4] = [&["act", "list"], &["act", "list", "--json"], &["act", "show", &id], &["act", "show", &id, "--json"]];
    for look in looks {
        let shown = said(&bank.try_operator(look).await);
        assert!(shown.contains("end the consents of a customer of cic and forget him"), "{shown}");
        assert!(!shown.contains(&reference) && !shown.contains(&digest[..8]), "{look:?}: {shown}");
    }

    let approve = |more: &[&str]| {
        let all: Vec<String> = ["act", "approve", &id].iter().chain(more).map(|word| (*word).to_owned()).collect();
        let bank = &bank;
        async move { bank.operator_refused(&all.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    for (case, (code, says)) in [
        (vec!["--by", " ines ", "--reference-file", &his], (7, "another person")),
        (vec!["--by", "Paul"], (7, "stays open: of whom it is, is not stored: give his reference with --reference-file")),
        (vec!["--by", "Paul", "--reference-file", &anothers], (7, "stays open: the reference is another customer's")),
        (vec!["--by", "Paul", "--reference-file", "/nowhere"], (2, "--reference-file /nowhere")),
        (vec!["--by", "Paul", "--reference-file", "-"], (2, "holds no reference")),
    ] {
        let (found, why) = approve(&case).await;
        assert!(found == code && why.contains(says) && !why.contains(&reference), "{case:?}: {found} {why}");
    }
    let url = format!("https://localhost:{}/v1/admin/acts/{id}/approve", bank.internal.port());
    let reply = bank.gateway().json(Method::POST, &url, &[], &json!({ "by": "Paul" })).await.refused(409, "invalid_request");
    assert!(reply.description().contains("guichet act approve ID --reference-file FILE"), "{reply:?}");
    // a reference with an act of nobody: it is not the act that was meant
    let block = propose(&bank, &["client", "block", &client.id, "--reason", "x", "--by", "Ines"]).await;
    let (code, why) = bank.operator_refused(&["act", "approve", &block, "--by", "Paul", "--reference-file", &his]).await;
    assert!(code == 7 && why.contains("it is about no customer"), "{why}");
    assert!(client.is_active(token).await && state(&bank, &id).await == "open" && state(&bank, &block).await == "open");
    assert_eq!((bank.audited_kind("act_approved").await, bank.audited_kind("psu_erased").await), (0, 0), "refused: nothing happened");

    let told = bank.operator(&["act", "approve", &id, "--by", "Paul", "--reference-file", &his]).await;
    assert!(told.starts_with("approved\nforgotten: 1 consents no longer name the customer, 1 of them ended now"), "{told}");
    assert!(!client.is_active(token).await);
    assert_eq!(naming(&bank, &reference).await, [""; 0]);
    let audit = bank.audit().await;
    let erased: Vec<_> = audit.iter().filter(|event| event.kind == "psu_erased").collect();
    assert!(erased.len() == 1 && erased[0].text.contains("Ines (") && erased[0].text.contains("Paul ("), "both: {erased:?}");
    assert_eq!(bank.audited("act_approved", "psu.erase: end the consents of a customer of cic and forget him: request 12").await, 1);
    assert!(audit.iter().all(|event| !event.text.contains(&digest[..8])), "the trail cannot be asked for him");
    let shown: Value = serde_json::from_str(&bank.operator(&["act", "show", &id, "--json"]).await).unwrap();
    assert_eq!((&shown["state"], &shown["outcome"]["done"]), (&json!("approved"), &json!("psu_erased")));
    assert_eq!(shown["outcome"]["erasure"]["consents_ended"], 1);
    assert_eq!(with_digest(&bank).await, [""; 0]);
    let (code, why) = approve(&["--by", "Paul", "--reference-file", &his]).await;
    assert!(code == 7 && why.contains("approved before"), "{why}");
    trail.seal().await;
    sound(&trail.verify().await);
}

#[tokio::test]
async fn an_act_that_is_decided_or_void_has_nothing_of_its_customer() {
    let bank = bank(SHARED).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    client.tokens("web", "aisp").await;
    let his = customer(&bank).await.file;
    let order = erase(&his, &["--end-consents"]);
    let pool = bank.pool().await;

    let rejected = propose(&bank, &order).await;
    bank.operator(&["act", "reject", &rejected, "--by", "Paul", "--reason", "the law has us keep him"]).await;
    assert_eq!(with_digest(&bank).await, [""; 0]);
    let expired = propose(&bank, &order).await;
    // the command line goes by the machine's clock
    sqlx::query("update acts set expires_at = now() - interval '1 second' where decision is null").execute(&pool).await.unwrap();
    let open = propose(&bank, &order).await;
    assert_eq!(with_digest(&bank).await.len(), 1, "of the one that waits");

    // by another door he is forgotten meanwhile
    bank.write_config(&BankOptions::default());
    let told = bank.operator(&order).await;
    assert!(told.starts_with("forgotten: 1 consents no longer name the customer, 1 of them ended now"), "{told}");
    for (act, stands) in [(rejected, "rejected"), (expired, "expired"), (open.clone(), "expired")] {
        assert_eq!(state(&bank, &act).await, stands);
    }
    assert_eq!(with_digest(&bank).await, [""; 0]);
    let shown = bank.operator(&["act", "show", &open]).await;
    assert!(shown.contains("the customer was forgotten"), "{shown}");
    let (code, why) = bank.operator_refused(&["act", "approve", &open, "--by", "Paul", "--reference-file", &his]).await;
    assert!(code == 7 && why.contains("has expired"), "{why}");
    // whoever has a reference to try finds no act by what the table has of acts
    let same: i64 = sqlx::query_scalar("select count(*) - count(distinct digest) from acts").fetch_one(&pool).await.unwrap();
    assert_eq!(same, 0);
}
