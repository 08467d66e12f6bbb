//! The operator's verbs: what is wrong is told and changes nothing, what is there can be read.

use crate::harness::{Bank, CIC, bank::BankOptions};
use guichet::{clock::Clock, oauth::tpp::PspRole::AccountInformation};
use serde_json::{Value, json};
use std::fs;

async fn bank() -> Bank {
    let bank = Bank::unserved(BankOptions { extra: "[trust.register]\npolicy = \"refuse\"\n".into(), ..BankOptions::default() }).await;
    assert_eq!(bank.operator(&["block", "list"]).await, "nothing is blocked\n");
    bank
}

#[tokio::test]
async fn a_block_is_listed_with_all_that_was_said_of_it() {
    let bank = bank().await;
    let id = bank.block(&["--organisation", "PSDFR-ACPR-1", "--brand", CIC.id, "--psu-notice", "Fermé.", "--by", "Ines\u{a0}B"]).await;
    let listed: Value = serde_json::from_str(&bank.operator(&["block", "list", "--json"]).await).unwrap();
    let expected = json!([{
        "id": id, "target": "organisation", "value": "PSDFR-ACPR-1", "brand": "cic", "reason": "fraud suspected", "psu_notice": "Fermé.",
        "authority": null, "since": listed[0]["since"], "by": "Ines\u{a0}B", "lifted": null,
    }]);
    assert_eq!(listed, expected);
    let unknown = bank.operator(&["block", "add", "--certificate", &"ab".repeat(32), "--reason", "x"]).await;
    assert!(unknown.ends_with("known here  the certificate was never seen: are the digits right?\n"), "{unknown}");
    let id_of_it = unknown.lines().find_map(|line| line.strip_prefix("block ")).unwrap().trim().to_owned();
    bank.unblock(&id_of_it).await;
    let again = bank.operator(&["block", "add", "--organisation", "PSDFR-ACPR-1", "--brand", CIC.id, "--reason", "x"]).await;
    assert!(again.contains(&id) && again.contains("no client of this organisation is registered"), "{again}");
    let everywhere = bank.block(&["--organisation", "PSDFR-ACPR-1"]).await;
    assert_ne!(everywhere, id, "all brands' is another block");
    let told = bank.operator(&["block", "notified", &id, "--on", "2026-11-27", "--reference", "ACPR 1"]).await;
    assert!(told.contains("notified on 2026-11-27, ACPR 1"), "{told}");
    bank.unblock(&id).await;
    let again = bank.operator(&["block", "lift", &id, "--reason", "again"]).await;
    assert!(again.starts_with("lifted already") && again.contains("cleared") && !again.contains("again:"), "{again}");
    let live = bank.operator(&["block", "list"]).await;
    assert!(live.contains(&everywhere) && !live.contains(&id), "{live}");
    let all: Value = serde_json::from_str(&bank.operator(&["block", "list", "--all", "--json"]).await).unwrap();
    assert_eq!(
        (all.as_array().unwrap().len(), &all[0]["lifted"]["why"], &all[0]["authority"]["on"]),
        (3, &json!("cleared"), &json!("2026-11-27"))
    );
    // who was let in can be shut out again
    assert_ne!(bank.block(&["--organisation", "PSDFR-ACPR-1", "--brand", CIC.id]).await, id);
}

#[tokio::test]
async fn what_an_operator_mistypes_is_told_and_blocks_nobody() {
    let bank = bank().await;
    let cases: [(&[&str], &str); 11] = [
        (&["--reason", "x"], "what to block?"),
        (&["--organisation", "PSDFR-ACPR-1"], "--reason"),
        (&["--organisation", "PSDFR-ACPR-1", "--reason", " "], "--reason is empty"),
        (&["--organisation", "PSDFR-ACPR-1", "--reason", "x", "--brand", "cick"], "no brand \"cick\"; there are cic, labanquepostale"),
        (&["--organisation", "PSDFR-ACPR-1", "--reason", "x\u{1b}[2J"], "holds a control character"),
        (&["--organisation", "PSDFR-ACPR-1", "--certificate", "ab", "--reason", "x"], "cannot be used with"),
        (&["--certificate", "ab", "--reason", "x"], "--certificate is no SHA-256"),
        (&["--issuer-key", &"g".repeat(64), "--reason", "x"], "--issuer-key is no SHA-256"),
        (&["--role", "aisp", "--reason", "x"], "--role is PSP_AI, PSP_PI, PSP_IC or PSP_AS"),
        (&["--role", "PSP_AI", "--reason", "x", "--authority-notified", "2026-11-27"], "--authority-reference"),
        (&["--role", "PSP_AI", "--reason", "x", "--authority-notified", "27.11.2026", "--authority-reference", "x"], "a day is written"),
    ];
    for (flags, says) in cases {
        let (code, error) = bank.operator_refused(&[&["block", "add"], flags].concat()).await;
        assert!(code == 2 && error.contains(says), "{flags:?}: {code} {error}");
    }
    for verb in [&["lift"][..], &["notified", "--on", "2026-11-27", "--reference", "x"]] {
        let args = [&["block"], verb, &["01890000-0000-7000-8000-000000000000"][..]].concat();
        let args: Vec<_> = if verb[0] == "lift" { [&args[..], &["--reason", "x"]].concat() } else { args };
        let (code, error) = bank.operator_refused(&args).await;
        assert!(code == 2 && error.contains("no block with this id"), "{code} {error}");
    }
    assert_eq!(bank.operator(&["block", "list", "--all"]).await, "nothing is blocked\n");
    assert_eq!(bank.audit().await.len(), 0);
}

#[tokio::test]
async fn an_export_is_taken_whole_or_not_at_all() {
    let bank = bank().await;
    let file = bank.folder().join("register");
    let path = file.display().to_string();
    let head = "organizationIdentifier,name,roles,status\n";
    let import = |as_of| ["register", "import", path.as_str(), "--as-of", as_of, "--source", "ACPR"];
    let none = bank.operator(&["register", "show"]).await;
    assert!(
        none.starts_with("no register was ever imported") && none.contains("cic: refuse, everything is refused: REGISTER_MISSING"),
        "{none}"
    );

    fs::write(&file, format!("{head}PSDFR-ACPR-1,A,PSP_AI,authorised\nPSDFR-ACPR-1,A,PSP_XX,authorised\nx,A,PSP_AI,gone\n")).unwrap();
    let (code, error) = bank.operator_refused(&import("2026-11-20")).await;
    let told = [
        "line 3: roles: `PSP_XX`",
        "line 3: `PSDFR-ACPR-1` stands on line 2 already",
        "line 4: organizationIdentifier: `x`",
        "line 4: status",
    ];
    assert!(code == 3 && told.iter().all(|mistake| error.contains(mistake)), "{error}");

    let rows = (1..=5_100).map(|n| format!("PSDFR-ACPR-{n},Société {n},PSP_AI PSP_PI,authorised\n")).collect::<String>();
    fs::write(&file, format!("{head}{rows}")).unwrap();
    assert!(bank.operator(&import("2026-11-20")).await.contains("5100 authorised"));
    fs::write(&file, r#"[{"organizationIdentifier": "PSDFR-ACPR-7", "name": "Sept", "roles": ["PSP_AI"], "status": "authorised", "hostCountries": ["DE"]}]"#)
        .unwrap();
    for (as_of, says) in [
        ("2026-11-19", "the register in force is of 2026-11-20, which is later"),
        ("2026-11-20", "1 institutions where the register in force has 5100"),
    ] {
        let (code, error) = bank.operator_refused(&import(as_of)).await;
        assert!(code == 3 && error.contains(says), "{error}");
    }
    let (code, error) = bank.operator_refused(&import("2999-01-01")).await;
    assert!(code == 2 && error.contains("a day to come"), "{error}");
    let shown = bank.operator(&["register", "show", "PSDFR-ACPR-5100"]).await;
    assert!(["2026-11-20", "5100", "Société 5100", "PSP_PI PSP_AI", "not said"].iter().all(|part| shown.contains(part)), "{shown}");
    bank.operator(&[&import("2026-11-19")[..], &["--force"]].concat()).await;
    let shown: Value = serde_json::from_str(&bank.operator(&["register", "show", "PSDFR-ACPR-7", "--json"]).await).unwrap();
    assert_eq!(shown["register"]["as_of"], "2026-11-19");
    assert_eq!(shown["entry"], json!({ "name": "Sept", "status": "authorised", "roles": ["PSP_AI"], "hostCountries": ["DE"] }));
    let gone: Value = serde_json::from_str(&bank.operator(&["register", "show", "PSDFR-ACPR-8", "--json"]).await).unwrap();
    assert_eq!(gone["entry"], Value::Null);
    assert_eq!(bank.audited_kind("register_imported").await, 2);
}

/// The bound of an export, through file, parser, database and into a running server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_export_is_in_force_everywhere_soon() {
    let options = BankOptions { extra: "[trust.register]\npolicy = \"refuse\"\n".into(), ..BankOptions::default() };
    let bank = Bank::with(BankOptions { extra: options.extra.clone(), ..BankOptions::default() }).await;
    bank.write_config(&options);
    let file = bank.folder().join("register.csv");
    let mut text = "organizationIdentifier,name,roles,status,hostCountries\n".to_owned();
    for n in 0..guichet::register_file::MOST_ROWS {
        text += &format!("PSDFR-ACPR-{n},Société numéro {n},PSP_AI PSP_PI,authorised,AT BE DE ES IT LU NL\n");
    }
    fs::write(&file, text).unwrap();
    let began = std::time::Instant::now();
    let as_of = bank.clock.now().date().to_string();
    bank.operator(&["register", "import", &file.display().to_string(), "--as-of", &as_of, "--source", "test"]).await;
    let (imported, tpp) = (began.elapsed(), bank.tpp_named("PSDFR-ACPR-199999", [AccountInformation]));
    while tpp.try_register(CIC, &crate::harness::Tpp::metadata(CIC)).await.status != 201 {
        assert!(began.elapsed() < std::time::Duration::from_secs(100));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    println!(
        "{} institutions: imported in {imported:?}, in force {:?} later",
        guichet::register_file::MOST_ROWS,
        began.elapsed() - imported
    );
    // and while the next one is being read, a block does not wait for that
    let again = ["register", "import", &file.display().to_string(), "--as-of", &as_of, "--source", "test"].map(str::to_owned);
    bank.operator(&again.each_ref().map(String::as_str)).await;
    let began = std::time::Instant::now();
    bank.block(&["--organisation", "PSDFR-ACPR-199999"]).await;
    let commanded = began.elapsed();
    while tpp.try_register(CIC, &crate::harness::Tpp::metadata(CIC)).await.status != 401 {
        assert!(began.elapsed() - commanded < std::time::Duration::from_secs(1));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    println!("a block beside that: {:?} after the command ended", began.elapsed() - commanded);
}

#[test]
fn the_document_shows_exports_that_are_read() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tpps.md")).unwrap();
    // both stand in one chapter, and others show JSON, too
    let document = document.split_once("\n## Register\n").unwrap().1;
    let fenced = |language: &str| document.split(&format!("```{language}\n")).nth(1).unwrap().split("```").next().unwrap();
    let (csv, json) =
        (guichet::register_file::read(fenced("csv").as_bytes()).unwrap(), guichet::register_file::read(fenced("json").as_bytes()).unwrap());
    assert_eq!((csv.len(), &csv[0]), (2, &json[0]));
}
