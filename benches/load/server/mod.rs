//! The server itself: the real program as a process of its own, registered clients with consents.

mod supply;

use crate::{
    CONNECTIONS,
    closed::Line,
    contender::{Caller, Contender, Gateway, Paths, lines},
    harness::{
        Bank, BankOptions, CIC, Client, Tpp,
        bank::toml,
        sql::{ROWS, execute},
        wire::Wire,
    },
    ids::{Lot, Space, id, id_sql},
    operation::Operation,
    parties::{Organisation, Parties},
    pgbench::{self, Names, Seen},
    postgres::Postgres,
    process::{AS_ONE_TPP, Program, free_address},
    start,
    wire::{KeptAlive, Target},
};
use guichet::oauth::secret::{Handle, HandleKind};
use sqlx::PgConnection;
use std::{collections::HashMap, fs, net::SocketAddr, path::Path, process::Command, time::Duration};
use uuid::Uuid;

pub const DATABASE: &str = "guichet";

/// The lot with which the statements are captured.
const CAPTURE: Lot = Lot { number: 1, rows: 4 };

/// Dropped in this order.
pub struct Server {
    program: Program,
    sql: PgConnection,
    /// One client a connection.
    callers: Vec<Caller>,
    gateway: Gateway,
    /// A grant whose code nobody will redeem, and a token of client_credentials: rows to copy.
    template_grant: Uuid,
    template_token: Uuid,
    database_url: String,
    bank: Bank,
}

/// One that answers at these addresses, not yet started.
fn command(folder: &Path, [tpp, internal, ops]: [SocketAddr; 3], database_url: &str) -> Command {
    let file = folder.join("guichet.toml");
    fs::write(&file, toml(&BankOptions { extra: AS_ONE_TPP.into(), ..BankOptions::default() }, tpp, internal, ops)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    command.env("GUICHET_CONFIG", file).env("GUICHET_DATABASE_URL", database_url);
    command
}

impl Server {
    pub async fn start(postgres: &mut Postgres, parties: &Parties) -> Self {
        let mut sql = postgres.database(DATABASE).await;
        let (database_url, addresses) = (postgres.url(DATABASE), [free_address(), free_address(), free_address()]);
        let bank = Bank::elsewhere(tempfile::tempdir().unwrap(), postgres.server().options(DATABASE), addresses);
        let migrated = command(bank.folder(), addresses, &database_url).args(["migrate", "up"]).output().unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        execute(&mut sql, ROWS.to_owned()).await;
        // those rows are not lists that a server could read
        execute(&mut sql, "delete from trusted_lists".to_owned()).await;
        let (program, _) = serve(&bank, &database_url);

        let mut callers = vec![];
        let (mut template_grant, mut template_token) = (None, None);
        for connection in 0..CONNECTIONS {
            let organisation = parties.of(connection);
            // one of its own: the same registration again would answer with the same client
            let mut metadata = Tpp::metadata(CIC);
            metadata["client_name"] = format!("Load {connection}").into();
            let client = tpp(&bank, organisation).register_as(CIC, &metadata).await;
            let target = Target { address: bank.address, host: CIC.tpp_host, tls: organisation.tls.clone() };
            callers.push(consented(&client, target).await);
            if template_grant.is_none() {
                template_grant = Some(of(HandleKind::Code, client.approved("web", "aisp").await.code()).id);
                let token = client.client_credentials().await.ok(200).json();
                template_token = Some(of(HandleKind::AccessToken, token["access_token"].as_str().unwrap()).id);
            }
        }
        let target = Target { address: bank.internal, host: "localhost", tls: parties.gateway.internal_tls.clone() };
        let gateway = Gateway { target, fields: &[] };
        let (template_grant, template_token) = (template_grant.unwrap(), template_token.unwrap());
        execute(&mut sql, "analyze".to_owned()).await;
        Self { program, sql, callers, gateway, template_grant, template_token, database_url, bank }
    }

    /// Starts it anew at the same place: how long that takes.
    pub fn restart(&mut self) -> Duration {
        self.program.end();
        let (program, time) = serve(&self.bank, &self.database_url);
        self.program = program;
        time
    }

    /// Access tokens of client_credentials that nobody will use.
    pub async fn add_tokens(&mut self, lot: Lot) {
        supply::tokens(self, lot).await;
    }

    /// What the program sends to PostgreSQL for each operation.
    pub async fn statements(&mut self, postgres: &mut Postgres) -> HashMap<Operation, Vec<Seen>> {
        let mut found = HashMap::new();
        for operation in Operation::ALL {
            self.supply(operation, CAPTURE).await;
        }
        postgres.log_statements(true).await;
        for operation in Operation::ALL {
            let Line { target, requests } = lines(self, operation, CAPTURE).swap_remove(0);
            let mut connection = KeptAlive::open(&target).await;
            let requests = requests.iter().cycle().take(CAPTURE.rows as usize);
            found.insert(operation, pgbench::capture(&postgres.log(), &mut connection, requests).await);
        }
        postgres.log_statements(false).await;
        found
    }

    /// What stands in pgbench's script for the ids and digests of a capture. As each connection has a client, a consent and rows
    /// of its own, so has each client of pgbench.
    pub fn names(&self, operation: Operation, lot: Lot) -> Names {
        let each = |values: Vec<String>, kind: &str| format!("(array['{}']::{kind}[])[:client_id::int + 1]", values.join("', '"));
        let mut names = Names::new();
        let clients = self.callers.iter().map(|caller| caller.client.clone()).collect::<Vec<_>>();
        names.insert(clients[0].clone(), each(clients, "uuid"));
        for (kind, token) in [
            (HandleKind::RefreshToken, (|caller| &caller.refresh_token) as fn(&Caller) -> &String),
            (HandleKind::AccessToken, |caller| &caller.access_token),
        ] {
            let handles: Vec<_> = self.callers.iter().map(|caller| of(kind, token(caller))).collect();
            let ids = each(handles.iter().map(|handle| handle.id.to_string()).collect(), "uuid");
            let digests = each(handles.iter().map(|handle| hex(handle.digest.as_bytes())).collect(), "bytea");
            for handle in handles {
                names.insert(handle.id.to_string(), ids.clone());
                names.insert(hex(handle.digest.as_bytes()), digests.clone());
            }
        }
        let (template, space) = match operation {
            Operation::CodeExchange => (self.template_grant, Space::GRANT),
            Operation::Revocation => (self.template_token, Space::TOKEN),
            Operation::ClientCredentials | Operation::Refresh | Operation::Introspection => return names,
        };
        let each = id_sql(template, space, lot, ":client_id::int", ":n::bigint");
        names.extend((1..=CAPTURE.rows).map(|n| (id(template, space, CAPTURE, 0, n).to_string(), each.clone())));
        names
    }

    pub fn sql(&mut self) -> &mut PgConnection {
        &mut self.sql
    }
}

fn serve(bank: &Bank, database_url: &str) -> (Program, Duration) {
    let mut command = command(bank.folder(), [bank.address, bank.internal, bank.ops], database_url);
    start::timed(command.arg("serve"), &bank.folder().join("guichet.log"), bank.ops)
}

fn tpp<'a>(bank: &'a Bank, organisation: &Organisation) -> Tpp<'a> {
    let (chain, key) = (organisation.issued.chain.clone(), &organisation.issued.key);
    Tpp { bank, organisation: organisation.name.clone(), wire: Wire::with_certificate(bank, &chain, key), chain }
}

/// A code or token of ours.
fn of(kind: HandleKind, text: &str) -> Handle {
    Handle::parse(kind, text).expect("one of ours")
}

/// As PostgreSQL writes bytes.
fn hex(bytes: &[u8]) -> String {
    format!("\\x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

async fn consented(client: &Client<'_>, target: Target) -> Caller {
    let tokens = client.tokens("web", "aisp").await;
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Caller { target, client: client.id.clone(), access_token: text("access_token"), refresh_token: text("refresh_token") }
}

impl Contender for Server {
    const PATHS: Paths = Paths { token: CIC.channels[0].2, introspection: "/brands/cic/introspect", revocation: CIC.revocation, hint: &[] };

    fn program(&self) -> &Program {
        &self.program
    }

    fn callers(&self) -> &[Caller] {
        &self.callers
    }

    fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    async fn supply(&mut self, operation: Operation, lot: Lot) {
        match operation {
            Operation::CodeExchange => supply::codes(self, lot).await,
            Operation::Revocation => supply::tokens(self, lot).await,
            Operation::ClientCredentials | Operation::Refresh | Operation::Introspection => {}
        }
    }

    fn code(&self, lot: Lot, connection: usize, n: u32) -> String {
        supply::secret_text(HandleKind::Code, id(self.template_grant, Space::GRANT, lot, connection, n))
    }

    fn token(&self, lot: Lot, connection: usize, n: u32) -> String {
        supply::secret_text(HandleKind::AccessToken, id(self.template_token, Space::TOKEN, lot, connection, n))
    }
}
