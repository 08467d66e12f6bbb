//! Signing keys: made ahead, taken up by every replica within a second, published before the first use and after the last.

use crate::{
    harness::{Bank, BankOptions, CIC},
    standing_blocks::replicas,
};
use guichet::signing::NotSigned;
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// A bank that may have keys of its own.
pub fn options(folder: &TempDir) -> BankOptions {
    let file = folder.path().join("wrapping-key");
    fs::write(&file, KEY).unwrap();
    BankOptions { extra: format!("[signing]\nwrapping_key_file = {file:?}\noverlap_hours = 24\n"), ..BankOptions::default() }
}

async fn kids(bank: &Bank) -> Vec<String> {
    let set = bank.browser().get(&format!("{}/{}/jwks", bank.issuer(CIC), CIC.id)).await.ok(200).json();
    assert!(!set.to_string().contains("\"d\""), "a private half: {set}");
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The command line goes by the machine's clock, of which the bank's lags a little behind.
fn tick(bank: &Bank) {
    bank.clock.advance(time::Duration::minutes(10));
}

pub async fn until(bank: &Bank, expected: &[&str]) {
    let began = Instant::now();
    while kids(bank).await != expected {
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}, not {expected:?}", kids(bank).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn signer(bank: &Bank) -> Result<String, NotSigned> {
    let app = bank.server().app();
    let token = app.signing.sign(&json!({ "sub": "me" }), "JWT", app.clock.now())?;
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
    Ok(serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned())
}

pub async fn rotate(bank: &Bank, args: &[&str]) -> Value {
    let told = bank.operator(&[&["key", "rotate", "--reason", "yearly", "--json"], args].concat()).await;
    tick(bank);
    serde_json::from_str::<Value>(&told).unwrap()["key"].clone()
}

async fn states(bank: &Bank) -> Vec<(String, String)> {
    let keys: Vec<Value> = serde_json::from_str(&bank.operator(&["key", "list", "--json"]).await).unwrap();
    keys.iter().map(|key| (key["kid"].as_str().unwrap().to_owned(), key["state"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a51_a_key_is_published_everywhere_before_it_signs_and_its_predecessor_after() {
    let folder = tempfile::tempdir().unwrap();
    let banks = replicas(&options(&folder)).await;
    assert_eq!((signer(&banks[0]), kids(&banks[0]).await.len()), (Err(NotSigned::NoKey), 0));
    let first = rotate(&banks[0], &["--at-once"]).await;
    let first = first["kid"].as_str().unwrap();
    tick(&banks[1]);
    for bank in &banks {
        until(bank, &[first]).await;
        assert_eq!(signer(bank).unwrap(), first);
    }
    let second = rotate(&banks[0], &["--algorithm", "EdDSA"]).await;
    assert_eq!(second["state"], "next");
    let second = second["kid"].as_str().unwrap();
    for bank in &banks {
        until(bank, &[first, second]).await;
        assert_eq!(signer(bank).unwrap(), first, "published before it signs");
    }
    let (code, error) = banks[0].operator_refused(&["key", "rotate", "--reason", "x"]).await;
    assert!(code == 7 && error.contains("the next key is there already"), "{error}");
    assert_eq!(states(&banks[0]).await, [(first.to_owned(), "active".to_owned()), (second.to_owned(), "next".to_owned())]);

    // time alone moves them on, at each replica
    for bank in &banks {
        bank.clock.advance(time::Duration::hours(25));
        assert_eq!((signer(bank).unwrap().as_str(), kids(bank).await.len()), (second, 2), "the former one is published on");
        bank.clock.advance(time::Duration::hours(24));
        assert_eq!((signer(bank).unwrap().as_str(), kids(bank).await), (second, vec![second.to_owned()]));
    }
    assert_eq!(banks[0].audited_kind("signing_key_made").await, 2);
    // nothing of a private half in the clear
    let rows: Vec<String> = sqlx::query_scalar("select k::text from signing_keys k").fetch_all(&banks[0].pool().await).await.unwrap();
    assert!(rows.iter().all(|row| !row.contains("\"d\"") && !row.contains("PRIVATE")), "{rows:?}");
    let metadata = banks[0].browser().get(&format!("{}/.well-known/oauth-authorization-server", banks[0].issuer(CIC))).await.ok(200).json();
    assert!(metadata["jwks_uri"].as_str().unwrap().ends_with("/cic/jwks"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a51_nobody_has_to_think_of_keys_that_are_rotated_by_their_age() {
    let folder = tempfile::tempdir().unwrap();
    let own = options(&folder);
    let banks = replicas(&BankOptions { extra: format!("{}rotate_after_days = 90\n", own.extra), ..own }).await;
    let on = |days| banks.iter().for_each(|bank| bank.clock.advance(time::Duration::days(days)));
    let published = async |count: usize| {
        let began = Instant::now();
        loop {
            let (one, other) = (kids(&banks[0]).await, kids(&banks[1]).await);
            if one.len() == count && one == other {
                return one;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{one:?} {other:?}, not {count}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // two servers that started together made one, and it signs
    let first = published(1).await;
    for bank in &banks {
        assert_eq!(signer(bank).unwrap(), first[0]);
    }
    on(89);
    published(1).await;
    on(1);
    let both = published(2).await;
    assert_eq!((&both[0], signer(&banks[1]).unwrap()), (&first[0], first[0].clone()), "published before it signs");
    on(2);
    let left = published(1).await;
    assert_eq!((&left[0], signer(&banks[0]).unwrap()), (&both[1], both[1].clone()));
    assert_eq!(banks[0].audited_kind("signing_key_made").await, 2);
    let why: String = sqlx::query_scalar("select actor || ': ' || reason from audit_events where kind = 'signing_key_made' limit 1")
        .fetch_one(&banks[0].pool().await)
        .await
        .unwrap();
    assert!(why.starts_with("guichet: ES256 from ") && why.ends_with("signing.rotate_after_days = 90"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_became_known_stops_at_once_and_one_that_signs_is_not_retired() {
    let folder = tempfile::tempdir().unwrap();
    let banks = replicas(&options(&folder)).await;
    let first = rotate(&banks[0], &["--at-once"]).await["kid"].as_str().unwrap().to_owned();
    let (code, error) = banks[0].operator_refused(&["key", "retire", &first, "--reason", "x"]).await;
    assert!(code == 7 && error.contains("this key signs"), "{error}");
    let next = rotate(&banks[0], &[]).await["kid"].as_str().unwrap().to_owned();
    until(&banks[0], &[&first, &next]).await;
    // a next key that is not wanted goes, and the one before it signs on for ever
    banks[0].operator(&["key", "retire", &next, "--reason", "wrong algorithm"]).await;
    tick(&banks[1]);
    until(&banks[1], &[&first]).await;
    banks[1].clock.advance(time::Duration::hours(100));
    assert_eq!(signer(&banks[1]).unwrap(), first);
    let second = rotate(&banks[0], &["--at-once"]).await["kid"].as_str().unwrap().to_owned();
    let said = banks[0].operator(&["key", "retire", &first, "--reason", "stolen"]).await;
    assert!(said.contains("private half is destroyed"), "{said}");
    tick(&banks[0]);
    until(&banks[0], &[&second]).await;
    assert_eq!(signer(&banks[0]).unwrap(), second);
    let again = banks[0].operator(&["key", "retire", &first, "--reason", "again"]).await;
    assert!(again.starts_with("retired before"), "{again}");
    let left: i64 =
        sqlx::query_scalar("select count(*) from signing_keys where sealed is not null").fetch_one(&banks[0].pool().await).await.unwrap();
    assert_eq!(left, 1, "private halves that are not needed are gone");
    let (code, error) = banks[0].operator_refused(&["key", "retire", "nobody", "--reason", "x"]).await;
    assert!(code == 7 && error.contains("no such signing key"), "{error}");
    let younger = banks[0].operator(&["key", "rotate", "--if-older-than", "90", "--reason", "timer"]).await;
    assert!(younger.contains("nothing is to be done"), "{younger}");
}

#[tokio::test]
async fn without_the_wrapping_key_nothing_is_made_and_with_another_one_nothing_signs() {
    let folder = tempfile::tempdir().unwrap();
    let with_key = options(&folder);
    let bank = Bank::with(BankOptions::default()).await;
    bank.write_config(&BankOptions::default());
    let (code, error) = bank.operator_refused(&["key", "rotate", "--reason", "x"]).await;
    assert!(code == 7 && error.contains("signing.wrapping_key_file"), "{error}");
    bank.write_config(&with_key);
    let kid = rotate(&bank, &["--at-once"]).await["kid"].as_str().unwrap().to_owned();
    until(&bank, &[&kid]).await;
    assert_eq!(signer(&bank), Err(NotSigned::Locked), "this server has no wrapping key");
    // under another wrapping key, once the halves are
    let former = folder.path().join("former-key");
    fs::write(&former, KEY).unwrap();
    fs::write(folder.path().join("wrapping-key"), "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=").unwrap();
    let other = Bank::with(BankOptions { database: Some(bank.database.clone()), ..with_key.clone() }).await;
    tick(&other);
    assert_eq!(signer(&other), Err(NotSigned::Locked));
    let said = bank.operator(&["key", "rewrap", "--old-file", former.to_str().unwrap()]).await;
    assert!(said.starts_with("1 private halves"), "{said}");
    let began = Instant::now();
    while signer(&other) != Ok(kid.clone()) {
        assert!(began.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fs::write(folder.path().join("wrapping-key"), "short").unwrap();
    let (code, error) = bank.operator_refused(&["key", "rotate", "--reason", "x"]).await;
    assert!(code == 3 && error.contains("openssl rand -base64 32") && !error.contains("short"), "{error}");
}
