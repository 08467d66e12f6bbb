//! The national register, imported while TPPs are connected: a role lost, an authorisation withdrawn, an export grown old.

use crate::{
    harness::{
        Bank, CIC, LBP, Tpp,
        bank::BankOptions,
        traffic::{Request, until},
    },
    standing_blocks::{caller, replicas},
};
use guichet::{clock::Clock, oauth::tpp::PspRole::PaymentInitiation};
use std::{fs, time::Duration};
use time::Date;

const HEADER: &str = "organizationIdentifier,name,roles,status,hostCountries\n";

fn options() -> BankOptions {
    BankOptions {
        extra: "[trust.register]\npolicy = \"refuse\"\ncountry = \"FR\"\n".into(),
        one_brand_extra: Some((LBP, "[brand.trust.register]\npolicy = \"off\"\n".into())),
        ..BankOptions::default()
    }
}

/// Imports an export of these rows; what was printed.
async fn import(bank: &Bank, as_of: Date, rows: &str) -> String {
    let file = bank.folder().join("register.csv");
    fs::write(&file, format!("{HEADER}{rows}")).unwrap();
    let file = file.display().to_string();
    bank.operator(&["register", "import", &file, "--as-of", &as_of.to_string(), "--source", "EBA, downloaded", "--by", "Ines"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_register_decides_within_a_second_of_its_import_on_open_connections() {
    let banks = replicas(&options()).await;
    let bank = &banks[0];
    let today = bank.clock.now().date();
    let organisation = "PSDFR-ACPR-81001";
    // nobody registers at a bank that asks a register and has none
    let stranger = bank.tpp_named(organisation, [PaymentInitiation]);
    let refused = stranger.try_register(CIC, &Tpp::metadata(CIC)).await.refused(401, "invalid_client");
    assert_eq!(refused.description(), "REGISTER_MISSING");
    stranger.try_register(LBP, &Tpp::metadata(LBP)).await.ok(201);

    let others = "PSDFR-ACPR-1,A,PSP_AI,authorised,\nPSDFR-ACPR-2,B,PSP_AI,authorised,\n";
    let row = |roles: &str, status: &str| format!("{organisation},Société,{roles},{status},\n{others}");
    let said = import(bank, today, &row("PSP_AI PSP_PI", "authorised")).await;
    assert!(said.starts_with("in force") && said.contains("3 authorised, 0 suspended, 0 withdrawn"), "{said}");
    while stranger.try_register(CIC, &Tpp::metadata(CIC)).await.status != 201 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (client, _, mut lines) = caller(&banks, organisation).await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (aisp, pisp) = (Request::refresh(&client, refresh), Request::client_credentials(&client));
    for (what, rows, of_aisp, of_pisp, active) in [
        ("a role lost", row("PSP_PI", "authorised"), "400 ROLE_INVALID", "200", false),
        ("another lost, the first back", row("PSP_AI", "authorised"), "200", "400 ROLE_INVALID", true),
        ("withdrawn", row("PSP_AI PSP_PI", "withdrawn"), "401 AUTHORISATION_WITHDRAWN", "401 AUTHORISATION_WITHDRAWN", false),
        ("suspended", row("PSP_AI PSP_PI", "suspended"), "401 AUTHORISATION_SUSPENDED", "401 AUTHORISATION_SUSPENDED", false),
        ("not listed", others.to_owned(), "401 NOT_IN_REGISTER", "401 NOT_IN_REGISTER", false),
        ("as at first", row("PSP_AI PSP_PI", "authorised"), "200", "200", true),
    ] {
        import(bank, today, &rows).await;
        let took = until(&mut lines, &aisp, of_aisp).await;
        println!("{what}: at both replicas {took:?} after the command ended");
        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
        for line in &mut lines {
            assert_eq!((line.ask(&aisp).await, line.ask(&pisp).await), (of_aisp.to_owned(), of_pisp.to_owned()), "{what}");
        }
        assert_eq!(client.is_active(access).await, active, "{what}");
    }
    let kept = bank.audit().await.into_iter().filter(|event| event.kind == "register_imported").collect::<Vec<_>>();
    assert_eq!(kept.len(), 7);
    assert!(kept[0].text.contains("Ines") && kept[0].reason == format!("as of {today}, 3 institutions, from EBA, downloaded"), "{kept:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorisation_of_another_country_needs_a_passport() {
    let bank = Bank::with(options()).await;
    bank.write_config(&options());
    let today = bank.clock.now().date();
    let rows = "PSDDE-BAFIN-1,A,PSP_PI,authorised,ES FR\nPSDDE-BAFIN-2,B,PSP_PI,authorised,ES\nPSDFR-ACPR-3,C,PSP_PI,authorised,\n";
    import(&bank, today, rows).await;
    let tpp = |organisation| bank.tpp_named(organisation, [PaymentInitiation]);
    while tpp("PSDDE-BAFIN-1").try_register(CIC, &Tpp::metadata(CIC)).await.status != 201 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = tpp("PSDDE-BAFIN-2").try_register(CIC, &Tpp::metadata(CIC)).await.refused(401, "invalid_client");
    assert_eq!(refused.description(), "NOT_PASSPORTED");
    tpp("PSDFR-ACPR-3").register(CIC).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_register_stops_registrations_first_and_everything_in_the_end() {
    let bank = Bank::with(options()).await;
    bank.write_config(&options());
    let organisation = "PSDFR-ACPR-81002";
    let began = bank.clock.now().date();
    let rows = format!("{organisation},A,PSP_PI PSP_AI,authorised,\n");
    import(&bank, began, &rows).await;
    let tpp = bank.tpp_named(organisation, [PaymentInitiation]);
    let client = loop {
        match tpp.try_register(CIC, &Tpp::metadata(CIC)).await.status {
            201 => break tpp.register(CIC).await,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let token = client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
    assert!(client.is_active(&token).await);
    let mut metadata = Tpp::metadata(CIC);
    metadata["client_name"] = "Another".into();
    for (days, registration, use_) in [(29, 201, 200), (1, 401, 200), (59, 401, 200), (1, 401, 401)] {
        bank.clock.advance(time::Duration::days(days));
        metadata["description"] = format!("{days}").into();
        let reply = tpp.try_register(CIC, &metadata).await.ok(registration);
        let used = client.client_credentials().await.ok(use_);
        for refused in [reply, used].into_iter().filter(|reply| reply.status == 401) {
            assert_eq!(refused.refused(401, "invalid_client").description(), "REGISTER_TOO_OLD");
        }
    }
    assert!(!client.is_active(&token).await);
    // the bank without a register policy goes on
    tpp.try_register(LBP, &Tpp::metadata(LBP)).await.ok(201);
}
