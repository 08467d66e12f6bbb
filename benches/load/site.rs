//! What is measured: a durable PostgreSQL, the real program as a process of its own, registered clients with consents.

use crate::{
    CONNECTIONS,
    harness::{
        Bank, BankOptions, CIC, Client, Tpp,
        bank::{pki, toml},
        sql::{ROWS, execute},
        wire::{Wire, tls},
    },
    wire::Target,
};
use guichet::{
    clock::Clock,
    dev::{
        postgres::{DevPostgres, Durability, ensure_installed},
        qwac::{QwacSpec, Validity},
    },
    oauth::{
        secret::{Handle, HandleKind},
        tpp::PspRole,
    },
    tls::files::load_chain_and_key,
};
use sqlx::{Connection, PgConnection};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use time::Duration as Span;
use uuid::Uuid;

const DATABASE: &str = "postgres";
/// Organisations; the connections are spread over them.
const TPPS: usize = 4;

/// Dropped in this order.
pub struct Site {
    pub program: Program,
    pub sql: PgConnection,
    pub postgres: DevPostgres,
    pub postgres_dir: PathBuf,
    /// One client a connection.
    pub callers: Vec<Caller>,
    pub gateway: Target,
    /// A code that nobody will redeem, and a token of client_credentials: rows to copy.
    pub template_code: Uuid,
    pub template_token: Uuid,
    /// Its folder holds everything.
    pub bank: Bank,
}

/// A registered client, the connection it uses and the consent it holds.
pub struct Caller {
    pub target: Target,
    pub client_id: String,
    pub access_token: String,
    pub refresh_token: String,
    pub grant: Uuid,
}

/// The server; ended with this value.
pub struct Program(Child);

impl Program {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// User and system time spent so far.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // proc(5): fields 14 and 15, in ticks of a hundredth of a second; the split begins at field 3
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn guichet(folder: &Path, database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    command.env("GUICHET_CONFIG", folder.join("load.toml")).env("GUICHET_DATABASE_URL", database_url);
    command
}

fn serve(folder: &Path, database_url: &str, ready: SocketAddr) -> Program {
    let log = File::create(folder.join("guichet.log")).unwrap();
    let mut program = Program(guichet(folder, database_url).arg("serve").stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(ready).is_err() {
        assert!(program.0.try_wait().unwrap().is_none(), "{}", fs::read_to_string(folder.join("guichet.log")).unwrap());
        assert!(Instant::now() < deadline, "the server does not answer");
        thread::sleep(Duration::from_millis(20));
    }
    program
}

impl Site {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap(); // PostgreSQL has a user of its own
        ensure_installed().unwrap();
        let postgres_dir = folder.path().join("postgres");
        let postgres = DevPostgres::start(&postgres_dir, Durability::Durable).unwrap();
        let database_url = format!("postgres://guichet@localhost/{DATABASE}?host={}", postgres.socket().display());

        let addresses @ [tpp, internal, ops] = [free_address(), free_address(), free_address()];
        fs::write(folder.path().join("load.toml"), toml(&BankOptions::default(), tpp, internal, ops)).unwrap();
        assert!(guichet(folder.path(), &database_url).args(["migrate", "up"]).status().unwrap().success());
        let mut sql = PgConnection::connect_with(&postgres.options(DATABASE)).await.unwrap();
        execute(&mut sql, ROWS.to_owned()).await;
        let program = serve(folder.path(), &database_url, ops);

        let bank = Bank::elsewhere(folder, postgres.options(DATABASE), addresses);
        let mut callers = vec![];
        let (mut template_code, mut template_token) = (None, None);
        for n in 0..TPPS {
            let (tpp, target) = organisation(&bank, n);
            for _ in 0..CONNECTIONS / TPPS {
                let client = tpp.register(CIC).await;
                callers.push(caller(&client, &target).await);
                if template_code.is_none() {
                    template_code = Handle::parse(HandleKind::Code, client.approved("web", "aisp").await.code()).map(|code| code.id);
                    let token = client.client_credentials().await.ok(200).json();
                    template_token = Some(token_id(token["access_token"].as_str().unwrap()));
                }
            }
        }
        let pki = &pki().1;
        let identity = load_chain_and_key(&pki.file("gateway.pem"), &pki.file("gateway.key")).unwrap();
        let gateway =
            Target { address: internal, host: "localhost", tls: Arc::new(tls("bank-ca.pem", Some((&identity.chain, &identity.key)))) };
        let (template_code, template_token) = (template_code.unwrap(), template_token.unwrap());
        Self { program, sql, postgres, postgres_dir, callers, gateway, template_code, template_token, bank }
    }
}

fn organisation(bank: &Bank, n: usize) -> (Tpp<'_>, Target) {
    let (organisation, now) = (format!("PSDFR-ACPR-{}", 70_000 + n), bank.clock.now());
    let validity = Validity { not_before: now - Span::days(1), not_after: now + Span::days(90) };
    let roles = [PspRole::AccountInformation, PspRole::PaymentInitiation];
    let issued = pki().1.qtsp.issue(&QwacSpec::new(&organisation, "Load SAS", &roles, validity)).unwrap();
    let config = tls("server-ca.pem", Some((&issued.chain, &issued.key)));
    let wire = Wire::with_certificate(bank, &issued.chain, &issued.key);
    let chain = issued.chain.clone();
    (Tpp { bank, organisation, wire, chain }, Target { address: bank.address, host: CIC.tpp_host, tls: Arc::new(config) })
}

async fn caller(client: &Client<'_>, target: &Target) -> Caller {
    let tokens = client.tokens("web", "aisp").await;
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let seen = client.introspect(&text("access_token")).await;
    let grant = seen["grant_id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{seen}"));
    Caller {
        target: target.clone(),
        client_id: client.id.clone(),
        access_token: text("access_token"),
        refresh_token: text("refresh_token"),
        grant,
    }
}

pub fn token_id(token: &str) -> Uuid {
    let kinds = [HandleKind::AccessToken, HandleKind::RefreshToken];
    kinds.into_iter().find_map(|kind| Handle::parse(kind, token)).expect("a token of ours").id
}
