//! `guichet doctor`: a healthy bank has no finding, and each fault that is made has its own.

use crate::{
    front_proxy::{Balancer, LISTED},
    harness::{
        Bank, BankOptions, CIC, LBP, Reply,
        bank::{pki, toml},
        command::run,
        process::url,
        sca,
        wire::{Identity, Wire},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    clock::{Clock, System},
    config,
    dev::{
        postgres::{DevPostgres, Durability, fresh_database},
        qwac::{Issued, Validity},
    },
    doctor::Check,
    oauth::partition::Partition,
    pki::forwarded::Format,
    storage::{Db, MIGRATOR},
    tls::files::{load_certificates, load_chain_and_key},
};
use reqwest::{Method, header::HeaderMap};
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::CertificateDer, server::WebPkiClientVerifier};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::{
    collections::BTreeSet,
    env, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;

/// What the doctor said: exit code and findings.
pub struct Said(pub i32, pub Vec<Value>);

impl Said {
    pub fn codes(&self) -> BTreeSet<&str> {
        self.1.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    /// Just these, and the exit code that goes with them.
    #[track_caller]
    fn found(&self, codes: &[&str]) {
        assert_eq!(self.codes(), codes.iter().copied().collect(), "{:#?}", self.1);
        assert_eq!(self.0, if codes.is_empty() { 0 } else { 11 });
    }
}

pub fn ca() -> String {
    pki().1.file("server-ca.pem").display().to_string()
}

pub async fn doctor(bank: &Bank, database: &str, words: &[&str]) -> Said {
    let mut command = bank.command(&["doctor", "--json"]);
    command.args(words).env("GUICHET_DATABASE_URL", database);
    let output = run(command, "").await;
    let said = String::from_utf8(output.stdout).unwrap();
    let findings = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    Said(output.status.code().unwrap(), findings)
}

/// A durable cluster, the bank's database in it, and a role that may do what serving needs.
struct Clinic {
    bank: Bank,
    /// As the server comes.
    server: String,
    options: BankOptions,
    pool: PgPool,
    _cluster: DevPostgres,
    _folder: tempfile::TempDir,
}

impl Clinic {
    async fn open() -> Self {
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let place = folder.path().join("postgres");
        let cluster = tokio::task::spawn_blocking(move || DevPostgres::start(&place, Durability::Durable).unwrap()).await.unwrap();
        let prepare = async |pool: PgPool| {
            MIGRATOR.run(&pool).await.map_err(|e| e.to_string())?;
            Db::new(pool).add_token_tables(&needed()).await.map_err(|e| e.to_string()).map(drop)
        };
        let database = fresh_database(|name| cluster.options(name), "guichet_clinic", prepare).await.unwrap();
        let pool = PgPool::connect_with(database.clone()).await.unwrap();
        let roles = "create role guichet_server login;
            grant select, insert, update, delete on all tables in schema public to guichet_server;
            grant execute on function add_tokens_partition(int), drop_tokens_partition(int) to guichet_server;
            alter default privileges in schema public grant select, insert, update, delete on tables to guichet_server";
        for statement in roles.split(';') {
            sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&pool).await.unwrap();
        }
        let options = BankOptions { database: Some(database.clone()), ..BankOptions::default() };
        let bank = Bank::unserved(options.clone()).await;
        let server = url(&database.username("guichet_server"));
        Self { bank, server, options, pool, _cluster: cluster, _folder: folder }
    }

    async fn sql(&self, statements: &str) {
        for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
            sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    }

    fn healthy(&self) -> String {
        toml(&self.options, self.bank.address, self.bank.internal, self.bank.ops)
    }

    fn settings(&self, text: &str) {
        fs::write(self.bank.config_file(), text).unwrap();
    }

    async fn examine(&self, words: &[&str]) -> Said {
        let ca = ca();
        let words: Vec<_> = ["--ca", &ca].into_iter().chain(words.iter().copied()).collect();
        doctor(&self.bank, &self.server, &words).await
    }
}

fn needed() -> BTreeSet<Partition> {
    let brands = config::example_brands();
    Partition::needed(&brands, System::new().now())
}

fn days(from: i64, to: i64) -> Validity {
    let now = System::new().now();
    Validity { not_before: now + Duration::days(from), not_after: now + Duration::days(to) }
}

pub fn pem(chain: &[CertificateDer<'_>]) -> String {
    let one = |der: &CertificateDer<'_>| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
    chain.iter().map(one).collect()
}

fn hosts() -> [&'static str; 5] {
    [CIC.tpp_host, CIC.psu_host, LBP.tpp_host, LBP.psu_host, "localhost"]
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>, mode: u32) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

/// The settings with `issued` for customers.
fn with_certificate(clinic: &Clinic, name: &str, issued: &Issued) -> String {
    let folder = clinic.bank.folder();
    let certificate = write(folder, &format!("{name}.pem"), pem(&issued.chain), 0o644);
    let key = write(folder, &format!("{name}.key"), &issued.key_pem, 0o600);
    with_files(clinic, &certificate, &key)
}

/// The settings with these files for customers.
fn with_files(clinic: &Clinic, certificate: &str, key: &str) -> String {
    let (tpp, rest) = clinic.healthy().split_once("[psu]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let file = |name: &str| pki().1.file(name).display().to_string();
    let rest = rest.replacen(&format!("{:?}", file("server.pem")), &format!("{certificate:?}"), 1);
    format!("{tpp}[psu]{}", rest.replacen(&format!("{:?}", file("server.key")), &format!("{key:?}"), 1))
}

#[tokio::test]
async fn each_fault_of_files_and_settings_has_its_finding() {
    let clinic = Clinic::open().await;
    clinic.examine(&[]).await.found(&[]);
    let said = run(clinic.bank.command(&["doctor", "--ca", &ca()]), "").await;
    assert!(String::from_utf8_lossy(&said.stdout).contains("role_too_strong"), "as the owner: {said:?}");

    let folder = clinic.bank.folder();
    let file = |name: &str| pki().1.file(name).display().to_string();
    let servers = &pki().1.servers;
    let server = |validity| servers.issue_server(&hosts(), validity).unwrap();
    let mut swapped = server(days(-1, 90));
    swapped.chain.push(pki().1.bank.certificate().clone());
    let healthy = clinic.healthy();
    let section = |before: &str, text: &str| healthy.replacen(before, &format!("{text}\n{before}"), 1);
    let key = fs::read(file("server.key")).unwrap();
    let list = pki().1.qtsp.crl(&[], 1, days(-9, -2)).unwrap();
    let list = write(folder, "old.crl", list, 0o644);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let back_end = sca::listen("internal", axum::Router::new()).await;
    let in_production = |text: &str| text.replace("sandbox = true", "sandbox = false");
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("expired", with_certificate(&clinic, "expired", &server(days(-90, -1))), &["certificate_expired"]),
        ("not yet", with_certificate(&clinic, "later", &server(days(1, 90))), &["certificate_not_yet"]),
        ("ending", with_certificate(&clinic, "ending", &server(days(-60, 10))), &["certificate_expiring"]),
        (
            "of another host",
            with_certificate(&clinic, "other", &servers.issue_server(&["bank.example"], days(-1, 90)).unwrap()),
            &["certificate_of_other_host"],
        ),
        (
            "of another authority",
            with_certificate(&clinic, "own", &pki().1.bank.issue_server(&hosts(), days(-1, 90)).unwrap()),
            &["chain_untrusted"],
        ),
        ("not in order", with_certificate(&clinic, "swapped", &swapped), &["chain_broken"]),
        ("a key for all", with_files(&clinic, &file("server.pem"), &write(folder, "open.key", &key, 0o644)), &["key_exposed"]),
        ("another's key", with_files(&clinic, &file("server.pem"), &file("gateway.key")), &["key_of_another"]),
        ("no certificate", with_files(&clinic, &write(folder, "no.pem", "nothing", 0o644), &file("server.key")), &["file_unusable"]),
        ("an old list", healthy.replace(&format!("{:?}", file("qtsp.crl")), &format!("{list:?}")), &["revocation_list_old"]),
        (
            "an unknown host",
            healthy.replace("\"api.cic.localhost\"", "\"api.cic.invalid\""),
            &["host_unknown", "certificate_of_other_host"],
        ),
        ("a mistake", healthy.replace("[ops]", "[opps]"), &["settings"]),
        ("nobody authenticates", in_production(&healthy), &["nobody_authenticates"]),
        (
            "revocation is off",
            in_production(&section("[[brand]]", "[trust.revocation]\nusual = \"off\"")),
            &["nobody_authenticates", "revocation_ignored"],
        ),
        ("no lists", healthy.replace("[trust]\n", "[trust]\ntrusted_lists = true\n").replace(&anchors(), ""), &["trusted_list_old"]),
        ("no register", section("[[brand]]", "[trust.register]\npolicy = \"warn\""), &["register_old"]),
        ("no back end", healthy.clone() + &sca::settings(closed, 1), &["sca_away"]),
        ("a back end", healthy.clone() + &sca::settings(back_end, 3), &[]),
    ];
    for (name, text, codes) in cases {
        println!("{name}");
        clinic.settings(&text);
        let said = clinic.examine(&[]).await;
        said.found(codes);
    }
}

fn anchors() -> String {
    format!("anchors_file = {:?}\n", pki().1.file("qtsp.pem").display().to_string())
}

#[tokio::test]
async fn each_fault_of_the_database_has_its_finding() {
    let clinic = Clinic::open().await;
    let healthy: &[&str] = &[];
    clinic.examine(&[]).await.found(healthy);
    let table = needed().first().unwrap().table();
    let newest = MIGRATOR.iter().map(|migration| migration.version).max().unwrap();
    let take = format!(
        "create schema aside; create table aside.gone as select * from _sqlx_migrations where version = {newest}; delete from _sqlx_migrations where version = {newest}"
    );
    let put_back = "insert into _sqlx_migrations select * from aside.gone";
    let cases: Vec<(String, &str, &[&str])> = vec![
        ("revoke insert on clients from guichet_server".into(), "grant insert on clients to guichet_server", &["role_too_weak"]),
        (
            "revoke execute on function add_tokens_partition(int) from guichet_server".into(),
            "grant execute on function add_tokens_partition(int) to guichet_server",
            &["role_too_weak"],
        ),
        ("alter role guichet_server superuser".into(), "alter role guichet_server nosuperuser", &["role_too_strong"]),
        ("alter role guichet_server set synchronous_commit = off".into(), "alter role guichet_server reset all", &["commit_not_durable"]),
        (
            "alter system set autovacuum = off; select pg_reload_conf(); select pg_sleep(0.3)".into(),
            "alter system reset autovacuum; select pg_reload_conf(); select pg_sleep(0.3)",
            &["vacuum_off"],
        ),
        (
            "alter system set full_page_writes = off; select pg_reload_conf(); select pg_sleep(0.3)".into(),
            "alter system reset full_page_writes; select pg_reload_conf(); select pg_sleep(0.3)",
            &["fsync_off"],
        ),
        (take, put_back, &["schema_older"]),
    ];
    for (harm, heal, codes) in cases {
        println!("{harm}");
        clinic.sql(&harm).await;
        clinic.examine(&[]).await.found(codes);
        clinic.sql(heal).await;
    }
    clinic.sql(&format!("drop table {table}")).await;
    clinic.examine(&[]).await.found(&["token_tables_missing"]);
    Db::new(clinic.pool.clone()).add_token_tables(&needed()).await.unwrap();
    clinic.examine(&["--replicas", "100"]).await.found(&["too_few_connections"]);
    clinic.sql("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, '', 0); update schema_compatibility set oldest = 9999").await;
    clinic.examine(&[]).await.found(&["schema_newer"]);

    let nowhere = "postgres://guichet_server@localhost/nowhere?host=/nonexistent";
    doctor(&clinic.bank, nowhere, &["--ca", &ca()]).await.found(&["database_away"]);
}

/// What stands between clients and a bank: TLS ends here, and what passes may be changed.
struct Meddler {
    address: SocketAddr,
}

type Change = Arc<dyn Fn(&str, &mut Reply) + Send + Sync>;

/// Whom it asks for a certificate: by the name that is asked for.
#[derive(Clone, Copy)]
enum Asks {
    Tpps,
    Everybody,
    Nobody,
}

impl Meddler {
    /// Requests go on to the bank by `send`; `change` is given path and answer.
    async fn start(asks: Asks, send: impl Onwards, change: Change) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let send = Arc::new(send);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (send, change) = (send.clone(), change.clone());
                // whoever only tries a handshake hangs up
                tokio::spawn(async move { drop(serve(socket, asks, &*send, &change).await) });
            }
        });
        Self { address }
    }

    async fn examined(&self, bank: &Bank, origins: &[&str]) -> Said {
        let (ca, at) = (ca(), self.address.to_string());
        let words = [&["--from-outside"][..], origins, &["--only-outside", "--ca", &ca, "--connect", &at]].concat();
        doctor(bank, "postgres://localhost/unused", &words).await
    }
}

/// How the meddler passes a request on.
trait Onwards: Send + Sync + 'static {
    fn send(&self, host: &str, path: &str, headers: HeaderMap) -> impl Future<Output = Reply> + Send;
}

/// As it is, without the client's headers.
struct Plain {
    wire: Wire,
    port: u16,
}

impl Onwards for Plain {
    async fn send(&self, host: &str, path: &str, _: HeaderMap) -> Reply {
        self.wire.send(Method::GET, &format!("https://{host}:{}{path}", self.port), &[], "").await
    }
}

/// With whatever headers the client sent, on the balancer's own authority.
struct Spoofable {
    bank: Arc<Bank>,
    balancer: Arc<Balancer>,
}

impl Onwards for Spoofable {
    async fn send(&self, host: &str, path: &str, headers: HeaderMap) -> Reply {
        let own = self.balancer.certificate();
        let identity: Identity<'_> = Some((&own.chain[..], &own.key));
        let wire = Wire::from(&self.bank, IpAddr::from(LISTED), identity, headers);
        wire.send(Method::GET, &format!("https://{host}:{}{path}", self.bank.address.port()), &[], "").await
    }
}

fn tls(asks: bool) -> Arc<ServerConfig> {
    let file = |name: &str| pki().1.file(name);
    let identity = load_chain_and_key(&file("server.pem"), &file("server.key")).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(load_certificates(&file("bank-ca.pem")).unwrap().remove(0)).unwrap();
    let builder = if asks {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated().build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    Arc::new(builder.with_single_cert(identity.chain, identity.key).unwrap())
}

async fn serve(socket: tokio::net::TcpStream, asks: Asks, send: &impl Onwards, change: &Change) -> std::io::Result<()> {
    let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await?;
    let name = hello.client_hello().server_name().unwrap_or_default().to_owned();
    let asks = match asks {
        Asks::Tpps => name.starts_with("api."),
        Asks::Everybody => true,
        Asks::Nobody => false,
    };
    let mut stream = hello.into_stream(tls(asks)).await?;
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await? > 0 {}
    let head = String::from_utf8_lossy(&head).into_owned();
    let Some(path) = head.split(' ').nth(1) else { return Ok(()) };
    let mut headers = HeaderMap::new();
    for (field, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        if !["host", "accept"].contains(&field.to_ascii_lowercase().as_str()) {
            headers.append(field.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap());
        }
    }
    let mut reply = send.send(&name, path, headers).await;
    change(path, &mut reply);
    let mut answer = format!("HTTP/1.1 {} x\r\nContent-Length: {}\r\nConnection: close\r\n", reply.status, reply.body.len());
    for (name, value) in
        reply.headers.iter().filter(|(name, _)| !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()))
    {
        answer += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    stream.write_all(format!("{answer}\r\n{}", reply.body).as_bytes()).await?;
    stream.shutdown().await
}

#[tokio::test]
async fn each_fault_of_what_stands_in_front_has_its_finding() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let unused = "postgres://localhost/unused";
    let healthy = ["--from-outside", "--only-outside", "--ca", &ca()].map(str::to_owned);
    let healthy: Vec<_> = healthy.iter().map(String::as_str).collect();
    doctor(&bank, unused, &healthy).await.found(&[]);
    doctor(&bank, unused, &["--from-outside", &bank.origin(CIC.tpp_host), "--only-outside", "--ca", &ca()]).await.found(&[]);
    doctor(&bank, unused, &["--from-outside", "--only-outside"]).await.found(&["chain_untrusted"]);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    doctor(&bank, unused, &[&healthy[..], &["--connect", &closed]].concat()).await.found(&["port_closed"]);
    let mut stranger = bank.command(&["doctor", "--from-outside", "https://bank.example", "--only-outside", "--ca", &ca()]);
    stranger.env("GUICHET_DATABASE_URL", unused);
    assert_eq!(run(stranger, "").await.status.code(), Some(2));

    let plain = || Plain { wire: bank.browser(), port: bank.address.port() };
    let leave: Change = Arc::new(|_: &str, _: &mut Reply| {});
    // it makes the name of the connection the host of the request, so nobody's host is served
    let usual = "foreign_host_served";
    Meddler::start(Asks::Tpps, plain(), leave.clone()).await.examined(&bank, &[]).await.found(&[usual]);
    Meddler::start(Asks::Everybody, plain(), leave.clone())
        .await
        .examined(&bank, &[])
        .await
        .found(&[usual, "certificate_asked_of_customers"]);
    Meddler::start(Asks::Nobody, plain(), leave).await.examined(&bank, &[]).await.found(&[usual, "no_certificate_asked"]);

    const METADATA: &str = "/.well-known/oauth-authorization-server";
    let of_metadata = |change: fn(&mut Value)| -> Change {
        Arc::new(move |path: &str, reply: &mut Reply| {
            if path == METADATA {
                let mut document = reply.json();
                change(&mut document);
                reply.body = document.to_string();
            } else if path.ends_with("/jwks") {
                reply.body = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "d": "AA" }] }).to_string();
                reply.status = 200;
            }
        })
    };
    let header = |name: &'static str, value: Option<&'static str>| -> Change {
        Arc::new(move |_: &str, reply: &mut Reply| {
            reply.headers.remove(name);
            if let Some(value) = value {
                reply.headers.insert(name, value.parse().unwrap());
            }
        })
    };
    let cases: Vec<(Change, &[&str])> = vec![
        (of_metadata(|document| document["issuer"] = "https://evil.example".into()), &["metadata_differs"]),
        (of_metadata(|document| document["channels"] = json!([])), &["metadata_differs"]),
        (
            of_metadata(|document| document["jwks_uri"] = format!("{}/any/jwks", document["issuer"].as_str().unwrap()).into()),
            &["keys_unreadable"],
        ),
        (
            Arc::new(|path: &str, reply: &mut Reply| {
                if path == METADATA {
                    reply.body = "<html>".into()
                }
            }),
            &["metadata_unreadable"],
        ),
        (
            Arc::new(|path: &str, reply: &mut Reply| {
                if path == METADATA {
                    reply.status = 502
                }
            }),
            &["metadata_unreadable"],
        ),
        (
            Arc::new(|path: &str, reply: &mut Reply| {
                if path.ends_with("/token") {
                    reply.status = 404
                }
            }),
            &["endpoint_not_served"],
        ),
        (header("strict-transport-security", None), &["no_hsts"]),
        (header("strict-transport-security", Some("max-age=60")), &["no_hsts"]),
        (header("server", Some("nginx/1.18.0")), &["version_told"]),
    ];
    for (change, codes) in cases {
        let said = Meddler::start(Asks::Tpps, plain(), change).await.examined(&bank, &[]).await;
        said.found(&[&[usual][..], codes].concat());
    }
}

#[tokio::test]
async fn a_balancer_that_lets_certificates_in_headers_pass_is_found() {
    let balancer = Arc::new(Balancer::new());
    for format in [Format::Rfc9440, Format::Nginx, Format::HaProxy, Format::Envoy] {
        let options = BankOptions { extra: balancer.settings(format, ""), ..BankOptions::default() };
        let bank = Arc::new(Bank::with(options.clone()).await);
        bank.write_config(&options);
        let spoofable = Spoofable { bank: bank.clone(), balancer: balancer.clone() };
        let said = Meddler::start(Asks::Tpps, spoofable, Arc::new(|_: &str, _: &mut Reply| {}))
            .await
            .examined(&bank, &[&bank.origin(CIC.tpp_host)])
            .await;
        assert!(said.codes().contains("header_believed"), "{format:?}: {:?}", said.1);
        let taken = said.1.iter().any(|finding| {
            let seen = finding["seen"].as_str().unwrap();
            seen.starts_with(&format!("{}: the certificate in it was taken", format.header()))
        });
        assert!(taken, "{format:?}: {:#?}", said.1);
    }
}

/// Answers every hello as a server of twenty years ago would.
#[tokio::test]
async fn old_versions_and_weak_suites_are_found() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut hello = [0; 5];
                if socket.read_exact(&mut hello).await.is_ok() {
                    let _ = socket.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).await;
                }
            });
        }
    });
    let said =
        doctor(&bank, "postgres://localhost/unused", &["--from-outside", "--only-outside", "--ca", &ca(), "--connect", &address]).await;
    said.found(&["tls_old", "tls_weak", "tls_13_refused"]);
    let seen: BTreeSet<_> =
        said.1.iter().filter(|finding| finding["code"] == "tls_old").map(|finding| finding["seen"].as_str().unwrap()).collect();
    assert_eq!(seen, ["TLS 1.0", "TLS 1.1"].into());
}

#[test]
fn the_chapter_lists_every_finding() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("| code |").unwrap();
    let row = |check: &Check| format!("| `{}` | {} | {} | {} |\n", check.code(), check.gravity().name(), check.meaning(), check.advice());
    let table: String = Check::ALL.iter().map(row).collect();
    let whole = format!("{before}| code | gravity | what it means | what to do |\n|---|---|---|---|\n{table}");
    if env::var_os("GUICHET_WRITE_DOCS").is_some() {
        fs::write(&path, &whole).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == whole, "docs/doctor.md: GUICHET_WRITE_DOCS=1 cargo test --test it doctor");
    let codes: BTreeSet<_> = Check::ALL.iter().map(|check| check.code()).collect();
    assert_eq!(codes.len(), Check::ALL.len());
}
