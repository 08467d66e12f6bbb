//! Settings read anew while requests are answered: what changes counts from the next request or handshake on, what is under way
//! ends as it began, and what is wrong changes nothing.

use crate::{
    crash::without_delay,
    harness::{
        Bank, BankOptions, Brand, CIC, Client, LBP, Process,
        bank::{TWIN, pki, toml},
        hello::{Hello, exchange, status},
        raw::{Target, hear, statuses},
        traffic::{Identity, Line, Request, Traffic},
    },
};
use guichet::{
    clock::{Clock, System},
    dev::qwac::{Ca, QwacSpec, Validity},
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
    server::Reload,
};
use nix::sys::signal::Signal;
use rustls::pki_types::CertificateDer;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use time::Duration as Span;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};
use tokio_rustls::client::TlsStream;

const METADATA: &str = "/.well-known/oauth-authorization-server";
const SECOND: Duration = Duration::from_secs(1);

fn served(brands: &[Brand]) -> BankOptions {
    BankOptions { brands: brands.to_vec(), ..BankOptions::default() }
}

/// A certificate for every host of the tests, of an authority that all their clients believe.
struct Shown {
    pem: String,
    key_pem: String,
    leaf: CertificateDer<'static>,
}

fn made(count: usize) -> Vec<Shown> {
    let now = System::new().now();
    let validity = Validity { not_before: now - Span::days(1), not_after: now + Span::days(90) };
    let hosts = [CIC, LBP, TWIN].map(|brand| [brand.tpp_host, brand.psu_host]).concat();
    let issue = || pki().1.servers.issue_server(&hosts, validity).unwrap();
    (0..count).map(|_| issue()).map(|issued| Shown { leaf: issued.chain[0].clone(), pem: issued.pem, key_pem: issued.key_pem }).collect()
}

/// A bank whose certificate lies in files of its own.
async fn with_own_certificate(first: &Shown, extra: &str) -> (Bank, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    put(&folder, first);
    let bank = Bank::with(BankOptions { own_certificate: Some(folder.path().to_owned()), extra: extra.into(), ..served(&[]) }).await;
    (bank, folder)
}

fn put(folder: &tempfile::TempDir, shown: &Shown) {
    fs::write(folder.path().join("server.pem"), &shown.pem).unwrap();
    fs::write(folder.path().join("server.key"), &shown.key_pem).unwrap();
}

fn leaf(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn get(stream: &mut TlsStream<TcpStream>, host: &str, path: &str) -> u16 {
    status(&exchange(stream, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.unwrap().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_certificates_brands_and_limits_change_and_no_request_fails() {
    let certificates = made(8);
    let (bank, folder) = with_own_certificate(&certificates[0], "").await;
    let issued = pki().1.qtsp.issue(&QwacSpec::new("PSDFR-ACPR-84001", "Société", &[PaymentInitiation], today())).unwrap();
    let identity = Identity::new(&issued);
    let client = bank.tpp_issued(issued, "PSDFR-ACPR-84001").register(CIC).await;
    let request = Request::client_credentials(&client);
    let mut lines = vec![];
    for _ in 0..6 {
        lines.push((Line::open(&bank, CIC, &identity).await, request.clone()));
    }
    let traffic = Traffic::start(lines, Duration::from_millis(2));
    let (stop, mut newcomers, mut took) = (Arc::new(AtomicBool::new(false)), 0, vec![]);
    // each of these shakes hands anew, and sees one of the certificates
    let arrive = async {
        while !stop.load(SeqCst) {
            let mut stream = Hello::default().connect(bank.address, LBP.psu_host).await.unwrap();
            let shown = leaf(&stream);
            assert!(certificates.iter().any(|known| known.leaf == shown), "a certificate that was never put there");
            assert_eq!(get(&mut stream, LBP.psu_host, METADATA).await, 200);
            newcomers += 1;
        }
    };
    let change = async {
        for (round, certificate) in certificates.iter().enumerate().skip(1) {
            put(&folder, certificate);
            let brands: &[Brand] = if round % 2 == 1 { &[CIC, LBP, TWIN] } else { &[LBP, CIC] };
            let extra = format!("[limits]\nbody_bytes = {}\nconnections = {}\n", 4_096 * round, 300 * round);
            let options = BankOptions { own_certificate: Some(folder.path().to_owned()), extra, ..served(brands) };
            let began = Instant::now();
            assert!(bank.reload_with(&options).await.is_empty());
            took.push(began.elapsed());
            let mut fresh = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
            assert!(leaf(&fresh) == certificate.leaf, "the next handshake shows the new one");
            assert_eq!(get(&mut fresh, CIC.psu_host, METADATA).await, 200);
            let mut twin = Hello::default().connect(bank.address, TWIN.psu_host).await.unwrap();
            assert_eq!(get(&mut twin, TWIN.psu_host, METADATA).await, if round % 2 == 1 { 200 } else { 421 });
            sleep(SECOND / 10).await;
        }
        stop.store(true, SeqCst);
    };
    tokio::join!(arrive, change);
    let record = traffic.stop().await;
    let slowest = record.0.iter().map(|sample| sample.answered - sample.sent).max().unwrap();
    let requests = record.0.len();
    println!("{requests} requests on open connections, the slowest {slowest:?}, and {newcomers} on new ones during 7 reloads, {took:?}");
    let failed: Vec<_> = record.0.iter().filter(|sample| sample.said.as_deref() != Ok("200")).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(record.0.len() > 200 && newcomers > 20, "{} {newcomers}", record.0.len());
}

fn today() -> Validity {
    let now = System::new().now();
    Validity { not_before: now - Span::days(1), not_after: now + Span::days(300) }
}

#[tokio::test]
async fn an_open_connection_goes_on_under_the_certificate_it_began_with() {
    let certificates = made(2);
    let (bank, folder) = with_own_certificate(&certificates[0], "").await;
    let mut old = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    assert_eq!(get(&mut old, CIC.psu_host, METADATA).await, 200);
    put(&folder, &certificates[1]);
    assert!(matches!(bank.server().reload().await, Reload::TakenUp { .. }));
    assert_eq!(get(&mut old, CIC.psu_host, METADATA).await, 200);
    assert!(leaf(&old) == certificates[0].leaf);
    let mut new = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    assert!(leaf(&new) == certificates[1].leaf);
    assert_eq!(get(&mut new, CIC.psu_host, METADATA).await, 200);
}

#[tokio::test]
async fn what_is_wrong_keeps_everything_and_names_every_mistake() {
    let certificates = made(2);
    let (bank, folder) = with_own_certificate(&certificates[0], "").await;
    let own = BankOptions { own_certificate: Some(folder.path().to_owned()), ..served(&[]) };
    let unchanged = async || {
        let mut stream = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
        assert!(leaf(&stream) == certificates[0].leaf, "the old certificate");
        assert_eq!(get(&mut stream, CIC.psu_host, METADATA).await, 200);
        assert_eq!(get(&mut Hello::default().connect(bank.address, TWIN.psu_host).await.unwrap(), TWIN.psu_host, METADATA).await, 421);
    };
    let refused = |reload: Reload| match reload {
        Reload::Refused(why) => why,
        other @ (Reload::TakenUp { .. } | Reload::Failed(_)) => panic!("{other:?}"),
    };
    // settings that do not read, a good certificate and a new brand beside them
    put(&folder, &certificates[1]);
    let extra = "[limits]\nbody_byte = 1\nrequest_seconds = 0\n[reload]\nwatch = \"loud\"\n".to_owned();
    let why = refused(bank.try_reload_with(&BankOptions { extra, brands: vec![CIC, LBP, TWIN], ..own.clone() }).await);
    for mistake in ["body_byte", "request_seconds", "reload.watch"] {
        assert!(why.contains(mistake), "{mistake}: {why}");
    }
    assert!(why.lines().all(|line| line.starts_with("test.toml:")) && why.lines().count() == 3, "each with its place: {why}");
    unchanged().await;
    // settings that read, and two files that are good for nothing
    fs::write(folder.path().join("server.key"), &certificates[0].key_pem).unwrap();
    let anchors = folder.path().join("anchors.pem");
    fs::write(&anchors, "nothing").unwrap();
    let brand_extra = format!("[brand.trust]\nanchors_file = {anchors:?}\n");
    let why = refused(bank.try_reload_with(&BankOptions { brand_extra, brands: vec![CIC, LBP, TWIN], ..own.clone() }).await);
    assert!(why.contains("server.pem") && why.contains("anchors.pem"), "{why}");
    unchanged().await;
    // and once all is well
    put(&folder, &certificates[1]);
    assert!(bank.reload_with(&own).await.is_empty());
    let stream = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    assert!(leaf(&stream) == certificates[1].leaf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_brand_is_gone_and_its_data_is_there_when_it_comes_back() {
    let bank = Bank::with(served(&[CIC, LBP])).await;
    let tpp = bank.tpp(PspRole::ALL);
    let client = tpp.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    bank.reload_with(&served(&[LBP, TWIN])).await;
    for host in [CIC.psu_host, CIC.tpp_host] {
        bank.browser().get(&format!("{}{METADATA}", bank.origin(host))).await.ok(421);
    }
    let inside = |path: &str| format!("https://localhost:{}{path}", bank.internal.port());
    bank.gateway().form(&inside("/brands/cic/introspect"), &[], &[("token", access)]).await.ok(404);
    // the new one has its scripted customers from its first request on
    let twin = tpp.register(TWIN).await;
    assert!(twin.is_active(twin.tokens("web", "aisp").await["access_token"].as_str().unwrap()).await);
    bank.reload_with(&served(&[CIC, LBP])).await;
    assert!(client.is_active(access).await);
    client.refresh(refresh).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_ends_at_the_door_it_came_in_by() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let access = client.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
    let mut slow = Target::internal(&bank, "http/1.1").connect().await.unwrap();
    let (form, rest) = (format!("token={access}"), 5);
    let head = "POST /brands/cic/introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let begun = &form[..form.len() - rest];
    slow.write_all(format!("{head}Content-Length: {}\r\n\r\n{begun}", form.len()).as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    sleep(SECOND / 4).await; // it is under way
    bank.reload_with(&BankOptions { extra: "[limits]\nbody_bytes = 1024\n".into(), ..served(&[LBP]) }).await;
    slow.write_all(&form.as_bytes()[begun.len()..]).await.unwrap();
    let answer = hear(&mut slow, SECOND).await;
    assert!(statuses(&answer) == [200] && answer.contains("\"active\":true"), "{answer}");
    // the next one on the same connection
    slow.write_all(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()).as_bytes()).await.unwrap();
    assert_eq!(statuses(&hear(&mut slow, SECOND).await), [404]);
}

async fn cancelled(client: &Client<'_>) -> String {
    client.authorize("web", "aisp").await.cancel().await.get("error").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spelling_lifetimes_themes_limits_trust_and_registers_change_with_the_next_request() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/banks/labanquepostale.toml")).unwrap();
    let with = |text: &str, extra: &str, brand: &str| BankOptions {
        bank_file: Some((LBP, text.to_owned())),
        extra: extra.to_owned(),
        one_brand_extra: Some((LBP, brand.to_owned())),
        ..BankOptions::default()
    };
    let bank = Bank::with(with(&text, "", "")).await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    assert_eq!(cancelled(&client).await, "SCA_PSU_CANCELLATION");
    let page = bank.browser().get(&client.authorize_url("web", "aisp", &[])).await;
    assert_eq!(page.status, 303);
    let looks = async || client.authorize("web", "aisp").await.page.body;
    assert!(!looks().await.contains("A word below the page"));
    let lifetime = async || client.tokens("web", "aisp").await["expires_in"].as_i64().unwrap();
    let before = lifetime().await;

    let spelt = text.replace("\"SCA_PSU_CANCELLATION\"", "\"SCA_GIVEN_UP\"");
    let theme = "[brand.theme.text.fr]\nlegal = \"A word below the page\"\n[brand.scope.aisp]\naccess_token_seconds = 7200\n";
    bank.reload_with(&with(&spelt, "[limits]\nbody_bytes = 1024\n", theme)).await;
    assert_eq!(cancelled(&client).await, "SCA_GIVEN_UP");
    assert!(looks().await.contains("A word below the page"));
    assert!(lifetime().await == 7200 && before != 7200);
    let long = "x".repeat(2_000);
    assert_eq!(client.token("web", &[("grant_type", "client_credentials"), ("scope", &long)]).await.status, 413);

    // whom the brand trusts, and what its register says
    bank.reload_with(&with(&text, "[trust.register]\npolicy = \"refuse\"\n", "")).await;
    assert_eq!(client.token("web", &[("grant_type", "authorization_code"), ("code", "x")]).await.description(), "REGISTER_MISSING");
    let stranger = tempfile::tempdir().unwrap();
    let other = stranger.path().join("other.pem");
    fs::write(&other, Ca::root("Another", today()).unwrap().certificate_pem()).unwrap();
    bank.reload_with(&with(&text, "", &format!("[brand.trust]\nanchors_file = {other:?}\n"))).await;
    assert_eq!(client.token("web", &[("grant_type", "authorization_code"), ("code", "x")]).await.description(), "ISSUER_NOT_TRUSTED");
    bank.reload_with(&with(&text, "", "")).await;
    assert!(lifetime().await == before);
}

#[tokio::test]
async fn the_published_keys_and_the_clients_ca_of_the_bank_change() {
    let bank = Bank::start().await;
    let jwks = async || bank.browser().get(&format!("{}/cic/jwks", bank.origin(CIC.psu_host))).await.ok(200).json();
    assert_eq!(jwks().await["keys"].as_array().unwrap().len(), 0);
    let signing = pki().1.file("signing.key");
    bank.reload_with(&BankOptions { extra: format!("[signing]\nkey_files = [{signing:?}]\n"), ..BankOptions::default() }).await;
    assert_eq!(jwks().await["keys"].as_array().unwrap().len(), 1);

    let text = bank.text.lock().unwrap().clone();
    let (ours, theirs) = (pki().1.file("bank-ca.pem").display().to_string(), pki().1.file("server-ca.pem").display().to_string());
    *bank.text.lock().unwrap() = text.replace(&format!("client_ca_file = {ours:?}"), &format!("client_ca_file = {theirs:?}"));
    let open = bank.gateway();
    let ask = async |wire: &crate::harness::wire::Wire| {
        let url = format!("https://localhost:{}/events", bank.internal.port());
        wire.try_send(reqwest::Method::GET, &url, &[], "").await.ok().map(|reply| reply.status)
    };
    assert_eq!(ask(&open).await, Some(200));
    assert!(matches!(bank.server().reload().await, Reload::TakenUp { .. }));
    assert_eq!(ask(&open).await, Some(200), "an open connection was judged when it began");
    assert_eq!(ask(&bank.gateway()).await, None, "no new one");
    *bank.text.lock().unwrap() = text;
    assert!(matches!(bank.server().reload().await, Reload::TakenUp { .. }));
    assert_eq!(ask(&bank.gateway()).await, Some(200));
}

#[tokio::test]
async fn how_strictly_revocation_is_asked_for_changes_with_the_next_request() {
    let bank = Bank::start().await;
    let client = bank.tpp([PaymentInitiation]).register(CIC).await;
    client.client_credentials().await.ok(200);
    let lenient = bank.text.lock().unwrap().clone();
    let (before, after) = lenient.split_once("crl_files = [").unwrap();
    let strict = format!("{before}crl_files = []\n[trust.revocation]\nsandbox = \"hard\"\n{}", after.split_once(']').unwrap().1);
    *bank.text.lock().unwrap() = strict;
    assert!(matches!(bank.server().reload().await, Reload::TakenUp { .. }));
    assert_eq!(client.client_credentials().await.refused(401, "invalid_client").description(), "REVOCATION_POINTERS_MISSING");
    *bank.text.lock().unwrap() = lenient;
    assert!(matches!(bank.server().reload().await, Reload::TakenUp { .. }));
    client.client_credentials().await.ok(200);
}

#[tokio::test]
async fn without_its_database_it_takes_nothing_up() {
    let bank = Bank::start().await;
    bank.server().app().db.close().await;
    assert!(matches!(bank.try_reload_with(&served(&[CIC, LBP, TWIN])).await, Reload::Failed(_)));
    bank.browser().get(&format!("{}{METADATA}", bank.origin(TWIN.psu_host))).await.ok(421);
    bank.browser().get(&format!("{}{METADATA}", bank.origin(CIC.psu_host))).await.ok(200);
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_is_taken_up() {
    let bank = Bank::start().await;
    let text = bank.text.lock().unwrap().clone();
    let ops = format!("[ops]\naddress = \"{}\"", bank.ops);
    let changed = text
        .replace(&format!("address = \"{}\"", bank.address), "address = \"127.0.0.1:1\"")
        .replace(&ops, "[ops]\naddress = \"127.0.0.1:2\"")
        .replace("postgres://localhost/unused\"", "postgres://localhost/other\"\nmax_connections = 7")
        + "\n";
    let changed = changed.replace("level = \"trace\"", "level = \"trace\"\nformat = \"text\"");
    let changed = format!("[limits]\nbody_bytes = 1024\n{changed}");
    *bank.text.lock().unwrap() = changed.clone();
    for _ in 0..2 {
        let Reload::TakenUp { needs_restart } = bank.server().reload().await else { panic!() };
        let keys = ["database.max_connections", "database.url", "log.format", "ops.address", "psu.address", "tpp.address"];
        assert_eq!(needs_restart, keys, "also the next time");
    }
    let client = bank.tpp([PaymentInitiation]).register(CIC).await;
    client.client_credentials().await.ok(200);
    assert_eq!(client.token("web", &[("scope", &"x".repeat(2_000))]).await.status, 413, "the limit counts");
    let internal = text.split("[internal]").nth(1).unwrap().split("[ops]").next().unwrap();
    *bank.text.lock().unwrap() = text.replace(&format!("[internal]{internal}"), "");
    let Reload::TakenUp { needs_restart } = bank.server().reload().await else { panic!() };
    assert_eq!(needs_restart, ["internal.address"]);
    let access = client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
    assert!(client.is_active(&access).await, "the listener is served until the restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fewer_connections_are_let_in_from_the_next_one_on() {
    let bank = Bank::start().await;
    let mut first = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    bank.reload_with(&BankOptions { extra: "[limits]\nconnections = 1\nhandshakes = 1\nhandshake_seconds = 1\n".into(), ..served(&[]) })
        .await;
    assert_eq!(get(&mut first, CIC.psu_host, METADATA).await, 200);
    assert!(Hello::default().connect(bank.address, CIC.psu_host).await.is_err(), "one is open, and one is allowed");
    drop(first);
    let mut second = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    bank.reload_with(&BankOptions { extra: "[limits]\nconnections = 2\nhandshakes = 1\n".into(), ..served(&[]) }).await;
    let mut third = Hello::default().connect(bank.address, CIC.psu_host).await.unwrap();
    for stream in [&mut second, &mut third] {
        assert_eq!(get(stream, CIC.psu_host, METADATA).await, 200);
    }
}

/// What a metric says, as the ops counter shows it.
async fn metric(bank: &Bank, line: &str) -> f64 {
    let shown = bank.browser().get(&format!("http://{}/metrics", bank.ops)).await.ok(200).body;
    let found = shown.lines().find_map(|shown| shown.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or(0.0)
}

async fn until(what: &str, found: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + 10 * SECOND;
    while !found().await {
        assert!(Instant::now() < deadline, "{what}");
        sleep(SECOND / 50).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reloads_the_file_and_the_log_and_the_metrics_say_how_it_ended() {
    let bank = Bank::unserved(BankOptions { brands: vec![CIC, LBP], ..without_delay() }).await;
    let process = Process::serve(&bank).await;
    let text = |options: &BankOptions| toml(options, bank.address, bank.internal, bank.ops);
    let write = |options: &BankOptions| fs::write(bank.config_file(), text(options)).unwrap();
    let outcome = async |outcome: &str| metric(&bank, &format!("guichet_reloads_total{{outcome=\"{outcome}\"}} ")).await;
    let asked = async || bank.browser().get(&format!("{}{METADATA}", bank.origin(TWIN.psu_host))).await.status;
    assert_eq!(asked().await, 421);

    let quieter = text(&BankOptions { brands: vec![CIC, LBP, TWIN], ..BankOptions::default() });
    fs::write(bank.config_file(), quieter.replace("level = \"trace\"", "level = \"error\"")).unwrap();
    process.signal(Signal::SIGHUP);
    until("taken up", async || outcome("taken_up").await == 1.0).await;
    assert_eq!(asked().await, 200);
    let quiet = process.log().lines().count();
    bank.browser().get(&format!("{}{METADATA}", bank.origin(CIC.psu_host))).await.ok(200);
    assert_eq!(process.log().lines().count(), quiet, "requests are below the level: {}", process.log());

    write(&BankOptions { extra: "[limits]\nbody_byte = 1\nconnections = 0\n".into(), ..BankOptions::default() });
    process.signal(Signal::SIGHUP);
    until("refused", async || outcome("refused").await == 1.0).await;
    assert_eq!(metric(&bank, "guichet_configuration_refused ").await, 1.0);
    let log = process.log();
    for change in ["\"key\":\"log.level\",\"old\":\"\\\"trace\\\"\",\"new\":\"\\\"error\\\"\"", "\"key\":\"brand.cic-twin\""] {
        assert!(log.contains(change), "{change}: {log}");
    }
    assert!(log.contains("body_byte") && log.contains("connections") && log.contains("kept as they were"), "{log}");
    assert_eq!(asked().await, 200);

    write(&BankOptions { brands: vec![CIC, LBP], ..without_delay() });
    process.signal(Signal::SIGHUP);
    until("taken up", async || outcome("taken_up").await == 2.0).await;
    assert_eq!((asked().await, metric(&bank, "guichet_configuration_refused ").await), (421, 0.0));
    let loaded = metric(&bank, "guichet_configuration_loaded_seconds ").await;
    let now = System::new().now().unix_timestamp() as f64;
    assert!((now - 60.0..=now).contains(&loaded), "{loaded}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_asked_for_changed_files_are_taken_up_once_they_stand_still() {
    let certificates = made(2);
    let folder = tempfile::tempdir().unwrap();
    put(&folder, &certificates[0]);
    let watching = "[reload]\nwatch = true\nwatch_seconds = 1\n".to_owned() + &without_delay().extra;
    let own = || Some(folder.path().to_owned());
    let bank = Bank::unserved(BankOptions { own_certificate: own(), extra: watching, ..BankOptions::default() }).await;
    let process = Process::serve(&bank).await;
    let shown = async || leaf(&Hello::default().connect(bank.address, CIC.psu_host).await.unwrap());
    let count = async |outcome: &str| metric(&bank, &format!("guichet_reloads_total{{outcome=\"{outcome}\"}} ")).await;
    sleep(3 * SECOND).await;
    assert_eq!(count("taken_up").await, 0.0, "nothing changed, nothing is read");
    // half of a change: the certificate without its key
    fs::write(folder.path().join("server.pem"), &certificates[1].pem).unwrap();
    until("refused", async || count("refused").await == 1.0).await;
    assert!(shown().await == certificates[0].leaf);
    sleep(5 * SECOND / 2).await;
    assert_eq!(count("refused").await, 1.0, "the same files are not tried again and again");
    fs::write(folder.path().join("server.key"), &certificates[1].key_pem).unwrap();
    until("taken up", async || count("taken_up").await == 1.0).await;
    assert!(shown().await == certificates[1].leaf, "{}", process.log());
}
