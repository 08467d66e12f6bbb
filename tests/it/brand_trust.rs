//! Whom a brand trusts is its own: issuers of one never count at another, and verdicts are made once.

use crate::harness::{
    Bank, CIC, LBP, Tpp,
    bank::{BankOptions, everywhere, pki},
    tpp::introspect,
};
use crate::trust_load::pem_of;
use guichet::{
    clock::Clock,
    dev::{
        qwac::{Ca, QwacSpec, Validity},
        trusted_lists::service,
    },
    oauth::{brand::BrandId, tpp::PspRole::AccountInformation},
    pki::{
        Anchors, Trust, TrustPolicy,
        trusted_list::{AcceptedList, Snapshot, Use, Verification},
    },
};
use std::{
    fs,
    time::{Duration, Instant},
};

#[tokio::test]
async fn an_issuer_of_one_brand_counts_at_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let now = guichet::clock::System::new().now();
    let validity = Validity { not_before: now - time::Duration::days(1), not_after: now + time::Duration::days(30) };
    let own = Ca::root("The bank's own test issuer", validity).unwrap();
    let file = folder.path().join("own.pem");
    fs::write(&file, own.certificate_pem()).unwrap();
    let bank = Bank::with(BankOptions {
        one_brand_extra: Some((CIC, format!("[brand.trust]\nanchors_file = {file:?}"))),
        ..BankOptions::default()
    })
    .await;
    let spec = QwacSpec::new("PSDFR-ACPR-70100", "Of the bank's own", &[AccountInformation], validity);
    let of_own = bank.tpp_issued(own.issue(&spec).unwrap(), &spec.organisation);
    let of_qtsp = bank.tpp_issued(pki().1.qtsp.issue(&spec).unwrap(), &spec.organisation);
    for (tpp, at, elsewhere) in [(of_own, CIC, LBP), (of_qtsp, LBP, CIC)] {
        tpp.register(at).await;
        let refused = tpp.try_register(elsewhere, &Tpp::metadata(elsewhere)).await.refused(401, "invalid_client");
        assert_eq!(refused.description(), "ISSUER_NOT_TRUSTED");
    }
}

#[tokio::test]
async fn a_warm_connection_pays_no_verification() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let client = tpp.register(CIC).await;
    let judgements = || bank.server().app().trust.of(&BrandId::new(CIC.id)).unwrap().judgements();
    let before = judgements();
    for _ in 0..50 {
        tpp.wire.get(client.registration_uri()).await.ok(200);
        bank.clock.advance(time::Duration::seconds(10));
    }
    assert_eq!(judgements(), before, "for 500 s");
    bank.clock.advance(time::Duration::minutes(10));
    tpp.wire.get(client.registration_uri()).await.ok(200);
    assert_eq!(judgements(), before + 1, "now and then it is looked at again");
}

/// A scheme operator that is late costs new clients first, and in the end all that rests on its list; never a 401.
#[tokio::test]
async fn a_trusted_list_that_grows_old_is_relied_on_for_less_and_less() {
    let bank = Bank::start().await;
    let now = bank.clock.now();
    let list = |next_update| AcceptedList {
        territory: "FR".into(),
        version: 6,
        sequence: 1,
        issued_at: now,
        next_update: Some(next_update),
        sha256: String::new(),
        source: "test".into(),
        accepted_at: now,
        verification: Verification::Assumed { by: "test".into() },
        services: vec![service("Ours", pki().1.qtsp.certificate().to_vec(), &[Use::WebSiteAuthentication], now)],
    };
    let accept = |next_update| {
        let snapshot = Snapshot { lists: vec![list(next_update)] };
        bank.server().app().trust.replace(everywhere(Trust::new(Anchors::from_snapshot(&snapshot), TrustPolicy::default())));
    };
    accept(now + time::Duration::days(1));
    let tpp = bank.tpp([AccountInformation]);
    let client = tpp.register(CIC).await;
    let token = client.tokens("web", "aisp").await["refresh_token"].as_str().unwrap().to_owned();
    let register = async || tpp.try_register(CIC, &Tpp::metadata(CIC)).await;
    let used = async || tpp.wire.get(client.registration_uri()).await;
    let pem = tpp.chain.iter().map(|der| pem_of(der)).collect::<String>();
    let active = async || {
        let form = [("token", token.as_str()), ("certificate", pem.as_str())];
        introspect(&bank, CIC, &form).await.ok(200).json()["active"] == true
    };
    let stale = "TRUSTED_LIST_STALE: the trusted list that names the certificate's issuer is out of date here";
    // days after the list was accepted; may register, may use
    for (day, registers, uses) in [(1, true, true), (14, true, true), (16, false, true), (30, false, true), (32, false, false)] {
        let today = now + time::Duration::days(day);
        bank.clock.advance(today - bank.clock.now());
        let (registered, answered) = (register().await, used().await);
        assert_eq!((registered.status == 201, answered.status == 200), (registers, uses), "day {day}: {registered:?} {answered:?}");
        if !registers {
            assert_eq!(registered.refused(503, "temporarily_unavailable").description(), stale, "day {day}");
        }
        assert_eq!(active().await, uses, "day {day}");
    }
    accept(bank.clock.now() + time::Duration::days(1));
    used().await.ok(200);
    assert_eq!(register().await.status, 201, "the operator caught up");
}

/// What others decided must reach a process, or it lets nobody in.
#[tokio::test]
async fn a_process_cut_off_from_what_others_decide_answers_nobody() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let client = tpp.register(CIC).await;
    let pool = bank.pool().await;
    let mut held = pool.begin().await.unwrap();
    sqlx::query("lock table versions in access exclusive mode").execute(&mut *held).await.unwrap();
    let began = Instant::now();
    let status = async || tpp.wire.get(client.registration_uri()).await.status;
    while status().await == 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "still let in");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(began.elapsed() > Duration::from_secs(9), "a moment is no reason: {:?}", began.elapsed());
    assert_eq!(status().await, 503);
    held.rollback().await.unwrap();
    let back = Instant::now();
    while status().await != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "not back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
