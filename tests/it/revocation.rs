//! A server whose trust service provider is slow, wrong, silent or huge, or revokes: what TPPs are answered, and how soon.

use crate::harness::{Bank, BankOptions, Brand, CIC, Client, LBP, Reply, Tpp, bank::TestClock, together, tpp::introspect, wire::Wire};
use guichet::{
    clock::{Clock, System},
    dev::{
        qtsp::{Behaviour, Qtsp, Service},
        qwac::{Ca, Issued, QwacSpec, Validity},
    },
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use std::{
    fs,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use time::{Duration as Span, OffsetDateTime};
use tokio::time::sleep;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a request waits at most for a certificate that was never met, and what a loaded machine may add.
const COLD: Duration = Duration::from_millis(2_000 + 2_000);
/// On a warm connection nothing is waited for.
const WARM: Duration = Duration::from_millis(700);
const KEY_COMPROMISE: u8 = 1;
const HOLD: u8 = 6;

/// The bank's clock, from when there is one.
#[derive(Default)]
struct BankTime(OnceLock<Arc<TestClock>>);

impl Clock for BankTime {
    fn now(&self) -> OffsetDateTime {
        self.0.get().map_or_else(|| System::new().now(), |clock| clock.now())
    }
}

/// An authority, providers that answer for it, and the trust in it as a brand's settings.
struct Scene {
    ca: Ca,
    time: Arc<BankTime>,
    qtsps: Vec<Qtsp>,
    folder: TempDir,
}

/// Where a certificate points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Points {
    Ocsp,
    List,
    Both,
    Nowhere,
}

impl Scene {
    async fn new(providers: usize) -> Self {
        let now = System::new().now();
        let validity = Validity { not_before: now - Span::days(365), not_after: now + Span::days(3650) };
        let (ca, time) = (Ca::root("Guichet test issuer with status", validity).unwrap(), Arc::new(BankTime::default()));
        let mut qtsps = vec![];
        for _ in 0..providers {
            qtsps.push(Qtsp::start(&ca, time.clone()).await.unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), ca.certificate_pem()).unwrap();
        Self { ca, time, qtsps, folder }
    }

    /// CIC asks as the settings say, La Banque Postale is hard throughout.
    async fn bank(&self, cic: &str, database: Option<PgConnectOptions>) -> Bank {
        let hosts: Vec<_> = self.qtsps.iter().map(Qtsp::host).collect();
        let bank = Bank::with(BankOptions {
            extra: format!("[trust.revocation]\nsandbox = \"hard\"\n[outbound]\nprivate_hosts = {hosts:?}\n"),
            brand_extra: format!("[brand.trust]\nanchors_file = {:?}\n", self.folder.path().join("ca.pem")),
            one_brand_extra: Some((CIC, format!("[brand.trust.revocation]\n{cic}\n"))),
            database,
            ..BankOptions::default()
        })
        .await;
        let _ = self.time.0.set(bank.clock.clone());
        bank
    }

    /// A QWAC of an organisation.
    fn qwac(&self, organisation: &str, roles: &[PspRole], points: Points, qtsp: &Qtsp) -> Qwac {
        let now = self.time.now();
        let validity = Validity { not_before: now - Span::days(1), not_after: now + Span::days(400) };
        let mut spec = QwacSpec::new(organisation, "Société", roles, validity);
        if matches!(points, Points::Ocsp | Points::Both) {
            spec.ocsp = vec![qtsp.ocsp_url()];
        }
        if matches!(points, Points::List | Points::Both) {
            spec.crl = vec![qtsp.crl_url()];
        }
        let issued = self.ca.issue(&spec).unwrap();
        let serial = X509Certificate::from_der(&issued.chain[0]).unwrap().1.raw_serial().to_vec();
        Qwac { issued, serial, organisation: organisation.to_owned() }
    }

    /// A new organisation's, with both pointers.
    fn usual(&self) -> Qwac {
        self.qwac(&organisation(), &[AccountInformation], Points::Both, &self.qtsps[0])
    }
}

struct Qwac {
    issued: Issued,
    serial: Vec<u8>,
    organisation: String,
}

impl Qwac {
    fn at<'b>(&self, bank: &'b Bank) -> Tpp<'b> {
        let wire = Wire::with_certificate(bank, &self.issued.chain, &self.issued.key);
        Tpp { bank, organisation: self.organisation.clone(), chain: self.issued.chain.clone(), wire }
    }
}

/// What a TPP keeps of its client.
struct Registration(Brand, String, Option<String>, Value);

impl Registration {
    fn of(client: &Client<'_>) -> Self {
        Self(client.brand, client.id.clone(), client.secret.clone(), client.information.clone())
    }

    fn with<'b>(&self, tpp: Tpp<'b>) -> Client<'b> {
        let Self(brand, id, secret, information) = self;
        Client { tpp, brand: *brand, id: id.clone(), secret: secret.clone(), key: None, information: information.clone() }
    }
}

fn organisation() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("PSDFR-ACPR-{}", 80_000 + NEXT.fetch_add(1, Relaxed))
}

const HARD: &str = "usual = \"hard\"";
const SOFT: &str = "usual = \"soft\"";

/// A request that a good certificate is answered 200.
async fn ask(client: &Client<'_>) -> Reply {
    client.revoke("no-such-token").await
}

async fn timed(client: &Client<'_>) -> (Reply, Duration) {
    let began = Instant::now();
    let reply = ask(client).await;
    (reply, began.elapsed())
}

/// `200`, or the status with the reason.
fn verdict(reply: &Reply) -> String {
    match reply.status {
        200 => "200".into(),
        status => format!("{status} {}", reply.description().split(':').next().unwrap()),
    }
}

/// Asks until it is answered so; every answer on the way is `before`, and none waits.
async fn until(client: &Client<'_>, before: &str, after: &str, within: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let (reply, took) = timed(client).await;
        assert!(took < WARM, "a warm connection waited {took:?}");
        let verdict = verdict(&reply);
        if verdict == after {
            return began.elapsed();
        }
        assert_eq!(verdict, before, "expected {after} in the end");
        assert!(began.elapsed() < within, "still {before} after {:?}", began.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn whatever_the_provider_does_the_answer_comes_in_time_and_is_right() {
    use Behaviour::*;
    let unknown = "401 CERTIFICATE_STATUS_UNKNOWN";
    let (bad, by_list) = (["503 CERTIFICATE_STATUS_UNAVAILABLE", "200"], ["200", "200"]);
    // by OCSP alone, by OCSP with an honest list beside it, by a list alone: under a hard policy and a soft one
    let (slow, slower) = (Slow(Duration::from_millis(300)), Slow(Duration::from_secs(30)));
    let cases: [(Behaviour, [[&str; 2]; 3]); 15] = [
        (Honest, [["200", "200"]; 3]),
        (Delegated, [["200", "200"]; 3]),
        (slow, [["200", "200"]; 3]),
        (slower, [bad, by_list, bad]),
        (Silent, [bad, by_list, bad]),
        (WrongSignature, [bad, by_list, bad]),
        (OtherCertificate, [bad, by_list, bad]),
        (Expired, [bad, by_list, bad]),
        (NotYet, [bad, by_list, bad]),
        (Huge, [bad, by_list, bad]),
        (Garbage, [bad, by_list, bad]),
        (Redirect, [bad, by_list, bad]),
        (Broken, [bad, by_list, bad]),
        (DelegateUnauthorised, [bad, by_list, ["200", "200"]]),
        (Unknown, [[unknown, unknown], [unknown, unknown], ["200", "200"]]),
    ];
    let scene = Scene::new(1 + cases.len() * 3).await;
    let bank = scene.bank(SOFT, None).await;
    let mut qtsps = scene.qtsps[1..].iter();
    let organisation = organisation();
    let first = scene.qwac(&organisation, &[AccountInformation], Points::Both, &scene.qtsps[0]).at(&bank);
    let clients = [first.register(LBP).await, first.register(CIC).await];
    println!("\n{:<22} {:<10} {:<5} {:<36} {:>8} {:>8}", "provider", "points", "mode", "verdict", "cold ms", "warm ms");
    let (mut wrong, mut slowest) = (vec![], [Duration::ZERO; 2]);
    for (behaviour, expected) in cases {
        for (points, expected) in [Points::Ocsp, Points::Both, Points::List].into_iter().zip(expected) {
            let qtsp = qtsps.next().unwrap();
            for service in [Service::Ocsp, Service::Crl] {
                let honest = points == Points::Both && service == Service::Crl;
                qtsp.behave(service, if honest { Honest } else { behaviour });
            }
            for ((client, mode), expected) in clients.iter().zip(["hard", "soft"]).zip(expected) {
                // the host that did not answer a moment ago may be asked again
                bank.clock.advance(Span::seconds(31));
                let client = client.over(&scene.qwac(&organisation, &[AccountInformation], points, qtsp).at(&bank));
                let ((cold, cold_took), (warm, warm_took)) = (timed(&client).await, timed(&client).await);
                let (cold, warm) = (verdict(&cold), verdict(&warm));
                let name = format!("{behaviour:?}");
                let points = format!("{points:?}");
                println!("{name:<22} {points:<10} {mode:<5} {cold:<36} {:>8} {:>8}", cold_took.as_millis(), warm_took.as_millis());
                if cold != expected || warm != expected {
                    wrong.push(format!("{name} {points} {mode}: {cold}, then {warm}, expected {expected}"));
                }
                slowest = [slowest[0].max(cold_took), slowest[1].max(warm_took)];
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(slowest[0] < COLD && slowest[1] < WARM, "cold, warm: {slowest:?}");
}

#[tokio::test]
async fn an_answer_without_end_costs_no_more_than_its_bound() {
    const LIST: usize = 20 << 20;
    /// What both kernels and the HTTP library hold on the way.
    const ON_THE_WAY: usize = 16 << 20;
    let scene = Scene::new(1).await;
    let (bank, qtsp) = (scene.bank(HARD, None).await, &scene.qtsps[0]);
    qtsp.behave(Service::Ocsp, Behaviour::Huge);
    qtsp.behave(Service::Crl, Behaviour::Huge);
    let tpp = scene.qwac(&organisation(), &[AccountInformation], Points::Ocsp, qtsp).at(&bank);
    let refused = tpp.try_register(CIC, &Tpp::metadata(CIC)).await;
    assert_eq!(verdict(&refused), "503 CERTIFICATE_STATUS_UNAVAILABLE");
    assert!(qtsp.sent() < ON_THE_WAY, "{} octets of an OCSP answer were taken", qtsp.sent());
    let before = qtsp.sent();
    bank.clock.advance(Span::seconds(31));
    let tpp = scene.qwac(&organisation(), &[AccountInformation], Points::List, qtsp).at(&bank);
    tpp.try_register(CIC, &Tpp::metadata(CIC)).await.refused(503, "temporarily_unavailable");
    assert!(qtsp.sent() - before < LIST + ON_THE_WAY, "{} octets of a list were taken", qtsp.sent() - before);
}

#[tokio::test]
async fn a_certificate_revoked_in_mid_session_stops_working_on_the_open_connection() {
    let scene = Scene::new(1).await;
    let (bank, qtsp) = (scene.bank(HARD, None).await, &scene.qtsps[0]);
    let qwac = scene.usual();
    let (tpp, serial) = (qwac.at(&bank), &qwac.serial);
    let client = tpp.register(CIC).await;
    for _ in 0..20 {
        assert_eq!(verdict(&ask(&client).await), "200");
    }
    assert_eq!(qtsp.requests(Service::Ocsp), 1, "asked once, and not by every request");
    let token = client.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
    let with_certificate = async || {
        let form = [("token", token.as_str()), ("certificate", qwac.issued.pem.as_str())];
        introspect(&bank, CIC, &form).await.ok(200).json()["active"] == true
    };
    assert!(client.is_active(&token).await && with_certificate().await);
    qtsp.revoke(serial, KEY_COMPROMISE);
    assert_eq!(verdict(&ask(&client).await), "200", "nobody knows yet");
    // half of the age that answers may have
    bank.clock.advance(Span::minutes(31));
    let took = until(&client, "200", "401 CERTIFICATE_REVOKED", Duration::from_secs(10)).await;
    println!("\nrevoked; learnt and refused {} ms after it was time to ask", took.as_millis());
    bank.expect_audit("certificate_refused", "CERTIFICATE_REVOKED").await;
    assert!(!with_certificate().await, "nor at the bank's API");
    assert!(client.is_active(&token).await, "the token itself is as it was: another certificate of the TPP may use it");
    // for good, whatever is said later
    qtsp.release(serial);
    for _ in 0..3 {
        bank.clock.advance(Span::hours(2));
        assert_eq!(verdict(&ask(&client).await), "401 CERTIFICATE_REVOKED");
    }
    assert_eq!(verdict(&tpp.try_register(CIC, &Tpp::metadata(CIC)).await), "401 CERTIFICATE_REVOKED");
}

#[tokio::test]
async fn a_renewed_certificate_works_while_the_old_one_is_revoked() {
    let scene = Scene::new(1).await;
    let (bank, qtsp) = (scene.bank(HARD, None).await, &scene.qtsps[0]);
    let old = scene.usual();
    let client = old.at(&bank).register(CIC).await;
    let renewed = scene.qwac(&old.organisation, &[AccountInformation], Points::Both, qtsp);
    let over_new = client.over(&renewed.at(&bank));
    assert_eq!(verdict(&ask(&over_new).await), "200");
    qtsp.revoke(&old.serial, KEY_COMPROMISE);
    bank.clock.advance(Span::minutes(31));
    until(&client, "200", "401 CERTIFICATE_REVOKED", Duration::from_secs(10)).await;
    assert_eq!(verdict(&ask(&over_new).await), "200");
}

#[tokio::test]
async fn a_hold_is_refused_and_lifted() {
    let scene = Scene::new(1).await;
    let (bank, qtsp) = (scene.bank(HARD, None).await, &scene.qtsps[0]);
    let qwac = scene.usual();
    let (tpp, serial) = (qwac.at(&bank), &qwac.serial);
    let client = tpp.register(CIC).await;
    qtsp.revoke(serial, HOLD);
    bank.clock.advance(Span::minutes(31));
    until(&client, "200", "401 CERTIFICATE_REVOKED", Duration::from_secs(10)).await;
    qtsp.release(serial);
    bank.clock.advance(Span::minutes(31));
    until(&client, "401 CERTIFICATE_REVOKED", "200", Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_process_that_did_not_ask_refuses_within_a_second() {
    let scene = Scene::new(1).await;
    let one = scene.bank(HARD, None).await;
    let other = scene.bank(HARD, Some(one.database.clone())).await;
    let qwac = scene.usual();
    let client = qwac.at(&one).register(CIC).await;
    let there = client.over(&qwac.at(&other));
    assert_eq!(verdict(&ask(&there).await), "200");
    assert_eq!(scene.qtsps[0].requests(Service::Ocsp), 1, "what one process learnt the other has read");
    scene.qtsps[0].revoke(&qwac.serial, KEY_COMPROMISE);
    // time passes at one of them alone: the other does not ask
    one.clock.advance(Span::minutes(31));
    until(&client, "200", "401 CERTIFICATE_REVOKED", Duration::from_secs(10)).await;
    let took = until(&there, "200", "401 CERTIFICATE_REVOKED", Duration::from_secs(1)).await;
    println!("\nthe other process refused {} ms later", took.as_millis());
    assert_eq!(scene.qtsps[0].requests(Service::Ocsp), 2);
}

#[tokio::test]
async fn an_outage_of_the_provider_is_borne_as_the_policy_says() {
    let scene = Scene::new(1).await;
    let (bank, qtsp) = (scene.bank(SOFT, None).await, &scene.qtsps[0]);
    let tpp = scene.usual().at(&bank);
    let (soft, hard) = (tpp.register(CIC).await, tpp.register(LBP).await);
    let both = async || [verdict(&ask(&soft).await), verdict(&ask(&hard).await)];
    assert_eq!(both().await, ["200", "200"]);
    qtsp.behave(Service::Ocsp, Behaviour::Silent);
    qtsp.behave(Service::Crl, Behaviour::Broken);
    let unavailable = "503 CERTIFICATE_STATUS_UNAVAILABLE";
    println!("\n{:<34} {:<36} {:<36}", "last good answer, valid for a day", "soft", "hard");
    let mut passed = Span::ZERO;
    for (minutes, expected) in [
        (59, ["200", "200"]),
        (61, ["200", unavailable]),
        (24 * 60 + 5 * 60 + 59, ["200", unavailable]),
        (24 * 60 + 6 * 60 + 1, [unavailable, unavailable]),
    ] {
        bank.clock.advance(Span::minutes(minutes) - passed);
        passed = Span::minutes(minutes);
        let began = Instant::now();
        let found = both().await;
        assert!(began.elapsed() < WARM * 2, "{:?}", began.elapsed());
        println!("{:<34} {:<36} {:<36}", format!("{} h {} min ago", minutes / 60, minutes % 60), found[0], found[1]);
        assert_eq!(found, expected, "{minutes} min after");
    }
    let reply = ask(&hard).await.refused(503, "temporarily_unavailable");
    assert!(!reply.header("retry-after").is_empty());
    qtsp.behave(Service::Ocsp, Behaviour::Honest);
    bank.clock.advance(Span::minutes(6));
    for client in [&soft, &hard] {
        until(client, unavailable, "200", Duration::from_secs(15)).await;
    }
}

#[tokio::test]
async fn what_was_learnt_outlives_the_process() {
    let scene = Scene::new(1).await;
    let mut bank = scene.bank(HARD, None).await;
    let database = bank.database.clone();
    let (good, revoked) = (scene.usual(), scene.usual());
    let client = Registration::of(&good.at(&bank).register(CIC).await);
    let lost = revoked.at(&bank).register(CIC).await;
    scene.qtsps[0].revoke(&revoked.serial, KEY_COMPROMISE);
    bank.clock.advance(Span::minutes(31));
    until(&lost, "200", "401 CERTIFICATE_REVOKED", Duration::from_secs(10)).await;
    let lost = Registration::of(&lost);
    bank.server.take().unwrap().stop().await;
    let asked = scene.qtsps[0].requests(Service::Ocsp);
    scene.qtsps[0].behave(Service::Ocsp, Behaviour::Broken);
    scene.qtsps[0].behave(Service::Crl, Behaviour::Broken);
    let again = scene.bank(HARD, Some(database)).await;
    assert_eq!(verdict(&ask(&client.with(good.at(&again))).await), "200");
    assert_eq!(verdict(&ask(&lost.with(revoked.at(&again))).await), "401 CERTIFICATE_REVOKED");
    assert!(scene.qtsps[0].requests(Service::Ocsp) <= asked + 1, "only what was due is asked for");
}

#[tokio::test]
async fn a_certificate_without_pointers_is_as_good_as_the_policy_says() {
    let scene = Scene::new(1).await;
    let bank = scene.bank("usual = \"soft\"\nregistration = \"soft\"", None).await;
    let tpp = scene.qwac(&organisation(), &[AccountInformation], Points::Nowhere, &scene.qtsps[0]).at(&bank);
    let hard = tpp.try_register(LBP, &Tpp::metadata(LBP)).await;
    assert_eq!(verdict(&hard), "401 REVOCATION_POINTERS_MISSING");
    assert_eq!(tpp.try_register(CIC, &Tpp::metadata(CIC)).await.status, 201);
}

#[tokio::test]
async fn registrations_and_payments_have_policies_of_their_own() {
    let scene = Scene::new(1).await;
    let qtsp = &scene.qtsps[0];
    let bank = scene.bank("usual = \"soft\"\nregistration = \"hard\"\npayment = \"hard\"", None).await;
    let (information, payments) = (organisation(), organisation());
    let first = scene.qwac(&information, &[AccountInformation], Points::Both, qtsp).at(&bank);
    let second = scene.qwac(&payments, &[AccountInformation, PaymentInitiation], Points::Both, qtsp).at(&bank);
    let (reads, pays) = (first.register(CIC).await, second.register(CIC).await);
    qtsp.behave(Service::Ocsp, Behaviour::Broken);
    qtsp.behave(Service::Crl, Behaviour::Broken);
    bank.clock.advance(Span::minutes(61));
    let unavailable = "503 CERTIFICATE_STATUS_UNAVAILABLE";
    assert_eq!(verdict(&ask(&reads).await), "200");
    assert_eq!(verdict(&ask(&pays).await), unavailable);
    assert_eq!(verdict(&first.try_register(CIC, &Tpp::metadata(CIC)).await), unavailable);
}

#[tokio::test]
async fn many_at_once_with_a_new_certificate_ask_once() {
    let scene = Scene::new(1).await;
    let (bank, qtsp) = (scene.bank(HARD, None).await, &scene.qtsps[0]);
    let tpp = scene.usual().at(&bank);
    let client = tpp.register(CIC).await;
    qtsp.behave(Service::Ocsp, Behaviour::Slow(Duration::from_millis(400)));
    let renewed = scene.qwac(&tpp.organisation, &[AccountInformation], Points::Both, qtsp).at(&bank);
    let client = client.over(&renewed);
    let before = qtsp.requests(Service::Ocsp);
    let verdicts = together((0..30).map(|_| ask(&client))).await;
    assert!(verdicts.iter().all(|reply| reply.status == 200));
    assert_eq!(qtsp.requests(Service::Ocsp), before + 1);
}
