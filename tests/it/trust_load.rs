//! Trusted lists and revocation under load, on two replicas: a change of either turns every open connection within a second,
//! and drops nothing that should pass.

use crate::harness::{
    Bank, BankOptions, CIC, Tpp,
    bank::pki,
    lists::JOURNAL,
    traffic::{Change, Identity, Line, Request, Traffic},
};
use guichet::{
    clock::{Clock, System},
    dev::{
        qtsp::Qtsp,
        qwac::{Ca, Issued, QwacSpec, Validity},
        trusted_lists::{ListSigner, ListSpec, SignerKind, service},
    },
    oauth::tpp::PspRole::PaymentInitiation,
    pki::trusted_list::{Pointer, Service, ServiceStatus, Use},
};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use time::{Duration as Span, OffsetDateTime};
use tokio::time::sleep;
use x509_parser::prelude::{FromDer, X509Certificate};

const LINES_EACH: usize = 4;
/// Between two changes, so that each is seen to hold.
const HOLD: Duration = Duration::from_millis(1_300);

fn copy(issued: &Issued) -> Issued {
    Issued { chain: issued.chain.clone(), key: issued.key.clone_key(), pem: issued.pem.clone(), key_pem: issued.key_pem.clone() }
}

async fn replicas(options: &BankOptions) -> [Bank; 2] {
    let one = Bank::with(options.clone()).await;
    let two = Bank::with(BankOptions { database: Some(one.database.clone()), ..options.clone() }).await;
    one.write_config(options);
    [one, two]
}

/// Connections of one certificate to both replicas, each asking for a token for ever; its client is registered first, as soon
/// as the certificate is accepted.
async fn stream(banks: &[Bank; 2], issued: &Issued, organisation: &str) -> Traffic {
    let tpp = banks[0].tpp_issued(copy(issued), organisation);
    let deadline = Instant::now() + Duration::from_secs(10);
    while tpp.try_register(CIC, &Tpp::metadata(CIC)).await.status != 201 {
        assert!(Instant::now() < deadline, "never accepted");
        sleep(Duration::from_millis(20)).await;
    }
    let (request, identity) = (Request::client_credentials(&tpp.register(CIC).await), Identity::new(issued));
    let mut lines = vec![];
    for at in 0..2 * LINES_EACH {
        let mut line = Line::open(&banks[at % 2], CIC, &identity).await;
        while line.ask(&request).await != "200" {
            assert!(Instant::now() < deadline, "never accepted");
            sleep(Duration::from_millis(20)).await;
        }
        lines.push((line, request.clone()));
    }
    Traffic::start(lines, Duration::from_millis(5))
}

/// A small union: one list, signed, in a folder.
struct Lists<'a> {
    folder: &'a Path,
    lotl: ListSigner,
    national: ListSigner,
    now: OffsetDateTime,
}

impl Lists<'_> {
    fn write(&self, sequence: u64, services: Vec<Service>) {
        let pointer = Pointer {
            territory: "FR".into(),
            url: "https://lists.example/FR.xml".into(),
            signers: vec![self.national.certificate.clone()],
        };
        if sequence == 1 {
            let lotl = ListSpec::list_of_lists(10, vec![pointer], &[&self.lotl], &[JOURNAL], self.now).sign(&self.lotl).unwrap();
            fs::write(self.folder.join("lotl.xml"), lotl).unwrap();
        }
        let list = ListSpec::national("FR", sequence, services, self.now).sign(&self.national).unwrap();
        fs::write(self.folder.join("FR.xml"), list).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_withdrawn_service_turns_every_connection_of_two_replicas_within_a_second() {
    let (folder, now) = (tempfile::tempdir().unwrap(), System::new().now());
    let [lotl, national] = [SignerKind::EcdsaP256, SignerKind::EcdsaP256].map(|kind| ListSigner::new(kind).unwrap());
    let signers = folder.path().join("signers.pem");
    fs::write(&signers, pem_of(&lotl.certificate)).unwrap();
    let lists_folder = folder.path().join("lists");
    fs::create_dir(&lists_folder).unwrap();
    let lists = Lists { folder: &lists_folder, lotl, national, now };

    let validity = Validity { not_before: now - Span::days(365), not_after: now + Span::days(3650) };
    let other = Ca::root("Another test issuer", validity).unwrap();
    let services = |status: ServiceStatus| {
        let web = |name: &str, der: Vec<u8>| service(name, der, &[Use::WebSiteAuthentication], now);
        let mut all = vec![web("Ours", pki().1.qtsp.certificate().to_vec()), web("Another", other.certificate().to_vec())];
        all.extend(["Un", "Deux", "Trois"].map(|name| web(name, name.as_bytes().to_vec())));
        all[0].periods[0].status = status;
        all
    };
    let options = BankOptions {
        extra: format!("[trust.lists]\nlotl_signers_file = {signers:?}\n"),
        brand_extra: "[brand.trust]\ntrusted_lists = true\n".into(),
        ..BankOptions::default()
    };
    let banks = replicas(&options).await;
    let import = async |sequence, status| {
        lists.write(sequence, services(status));
        banks[0].operator(&["trust", "import", &lists_folder.display().to_string()]).await;
    };
    let qwac = |organisation: &str| {
        let validity = Validity { not_before: now - Span::days(1), not_after: now + Span::days(300) };
        QwacSpec::new(organisation, "Société", &[PaymentInitiation], validity)
    };
    let ours = pki().1.qtsp.issue(&qwac("PSDFR-ACPR-83001")).unwrap();
    let others = other.issue(&qwac("PSDFR-ACPR-83002")).unwrap();

    let stranger = banks[0].tpp_issued(copy(&ours), "PSDFR-ACPR-83001");
    let refused = stranger.try_register(CIC, &Tpp::metadata(CIC)).await.refused(401, "invalid_client");
    assert_eq!(refused.description(), "ISSUER_NOT_TRUSTED", "nothing was imported yet");
    import(1, ServiceStatus::Granted).await;
    let (ours, others) = (stream(&banks, &ours, "PSDFR-ACPR-83001").await, stream(&banks, &others, "PSDFR-ACPR-83002").await);
    sleep(Duration::from_millis(300)).await;

    let began = Instant::now();
    let withdrawn = Change::by(import(2, ServiceStatus::Withdrawn)).await;
    sleep(HOLD).await;
    let held = Instant::now();
    let granted = Change::by(import(3, ServiceStatus::Granted)).await;
    sleep(HOLD).await;
    let (record, others, end) = (ours.stop().await, others.stop().await, Instant::now());

    let out = "401 SERVICE_WITHDRAWN";
    for (what, change, answers, from, to) in
        [("withdrawn", withdrawn, ["200", out], began, held), ("granted again", granted, [out, "200"], held, end)]
    {
        let took = record.turns(change, answers, from, to);
        println!("service {what}: the last old answer was asked for {took:?} after the import ended");
    }
    println!("{} and {} requests on {} connections", record.0.len(), others.0.len(), 4 * LINES_EACH);
    assert!(others.0.iter().all(|sample| sample.said.as_deref() == Ok("200")), "whom nothing concerns is never refused");
    assert!(record.0.len() > 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_revocation_turns_every_connection_of_two_replicas_within_a_second_once_it_is_known() {
    let (folder, now) = (tempfile::tempdir().unwrap(), System::new().now());
    let validity = Validity { not_before: now - Span::days(365), not_after: now + Span::days(3650) };
    let ca = Ca::root("A test issuer with status", validity).unwrap();
    let qtsp = Qtsp::start(&ca, Arc::new(System::new())).await.unwrap();
    let anchors = folder.path().join("ca.pem");
    fs::write(&anchors, ca.certificate_pem()).unwrap();
    let options = BankOptions {
        extra: format!("[trust.revocation]\nsandbox = \"hard\"\nmax_age_minutes = 60\n[outbound]\nprivate_hosts = [{:?}]\n", qtsp.host()),
        brand_extra: format!("[brand.trust]\nanchors_file = {anchors:?}\n"),
        ..BankOptions::default()
    };
    let banks = replicas(&options).await;
    let issue = |organisation: &str| {
        let validity = Validity { not_before: now - Span::days(1), not_after: now + Span::days(300) };
        let mut spec = QwacSpec::new(organisation, "Société", &[PaymentInitiation], validity);
        spec.ocsp = vec![qtsp.ocsp_url()];
        ca.issue(&spec).unwrap()
    };
    let (bad, good) = (issue("PSDFR-ACPR-83003"), issue("PSDFR-ACPR-83004"));
    let serial = X509Certificate::from_der(&bad.chain[0]).unwrap().1.raw_serial().to_vec();
    let (ours, others) = (stream(&banks, &bad, "PSDFR-ACPR-83003").await, stream(&banks, &good, "PSDFR-ACPR-83004").await);
    sleep(Duration::from_millis(300)).await;

    let (began, pool) = (Instant::now(), banks[0].pool().await);
    let revoked = Change::by(async {
        qtsp.revoke(&serial, 1);
        banks.iter().for_each(|bank| bank.clock.advance(Span::minutes(31)));
        let known = "select count(*) from certificate_status where said = 'revoked'";
        while sqlx::query_scalar::<_, i64>(known).fetch_one(&pool).await.unwrap() == 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "nobody asked");
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    sleep(HOLD).await;
    let (record, others, end) = (ours.stop().await, others.stop().await, Instant::now());
    let took = record.turns(revoked, ["200", "401 CERTIFICATE_REVOKED"], began, end);
    println!("revoked: known after {:?}; the last old answer was asked for {took:?} after that", revoked.done - revoked.began);
    assert!(others.0.iter().all(|sample| sample.said.as_deref() == Ok("200")), "whom nothing concerns is never refused");
    assert!(record.0.len() > 100);
}

pub fn pem_of(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}
