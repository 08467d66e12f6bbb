//! The floor: an axum and sqlx server that does only the necessary SQL over mutual TLS. A process of its own with a database of its
//! own in the same PostgreSQL; it shares no code with the program.

mod server;

use crate::{
    CONNECTIONS,
    contender::{Caller, Contender, Gateway, Paths},
    harness::{
        CIC,
        bank::pki,
        sql::execute,
        tpp::{CALLBACK, CHALLENGE},
    },
    ids::{Lot, Space, id, id_sql, rows_sql},
    operation::Operation,
    parties::Parties,
    postgres::Postgres,
    process::{Program, free_address, this},
    wire::Target,
};
pub use server::serve;
use server::{SCHEMA, digest, handle};
use sqlx::PgConnection;
use std::path::Path;
use uuid::Uuid;

/// The argument that makes this program the floor.
pub const CHILD: &str = "--floor";

/// Secret half of every code and token that is made here.
const SECRET: [u8; 32] = [7; 32];

/// How it holds its connections to PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Connections {
    /// In sqlx's pool with its usual settings: a question when one is taken and when it comes back.
    Pooled,
    /// In a list: nothing but the statement.
    Held,
}

impl Connections {
    const fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Held => "held",
        }
    }
}

pub struct Floor {
    program: Program,
    sql: PgConnection,
    callers: Vec<Caller>,
    gateway: Gateway,
}

impl Floor {
    pub async fn start(postgres: &mut Postgres, parties: &Parties, folder: &Path, connections: Connections) -> Self {
        let name = format!("floor_{}", connections.name());
        let mut sql = postgres.database(&name).await;
        execute(&mut sql, SCHEMA.to_owned()).await;
        let (pki, address) = (&pki().1, free_address());
        let mut command = this(CHILD);
        command.arg(address.to_string()).arg(postgres.url(&name)).arg(connections.name());
        command.args(["server.pem", "server.key", "qtsp.pem", "bank-ca.pem"].map(|file| pki.file(file)));
        let program = Program::start(&mut command, &folder.join(format!("{name}.log"))).until_listening(address);
        let target = |tls| Target { address, host: CIC.tpp_host, tls };
        let mut callers = vec![];
        for connection in 0..CONNECTIONS {
            callers.push(insert_caller(&mut sql, target(parties.of(connection).tls.clone())).await);
        }
        execute(&mut sql, "analyze".to_owned()).await;
        Self { program, sql, callers, gateway: Gateway { target: target(parties.gateway.tls.clone()), fields: &[] } }
    }

    /// The client of each connection, in SQL.
    fn client(&self) -> String {
        let clients: Vec<_> = self.callers.iter().map(|caller| format!("'{}'", caller.client)).collect();
        format!("(array[{}]::uuid[])[c + 1]", clients.join(", "))
    }

    async fn supply_codes(&mut self, lot: Lot) {
        let (id, client, rows) = (id_sql(Uuid::nil(), Space::GRANT, lot, "c", "n"), self.client(), rows_sql(lot));
        let digest = hex(&digest(&SECRET));
        let statement = format!(
            "insert into grants (id, client_id, scope, psu, created_at, expires_at, code_digest, code_expires_at, redirect_uri, challenge)
             select {id}, {client}, 'aisp', 'psu', now(), now() + interval '180 days', {digest}, now() + interval '1 hour',
                    '{CALLBACK}', '{CHALLENGE}' from {rows}"
        );
        execute(&mut self.sql, statement).await;
    }

    async fn supply_tokens(&mut self, lot: Lot) {
        let (id, client, rows) = (id_sql(Uuid::nil(), Space::TOKEN, lot, "c", "n"), self.client(), rows_sql(lot));
        let digest = hex(&digest(&SECRET));
        let statement = format!(
            "insert into tokens (id, client_id, scope, issued_at, expires_at, digest)
             select {id}, {client}, 'pisp', now(), now() + interval '3 hours', {digest} from {rows}"
        );
        execute(&mut self.sql, statement).await;
    }
}

async fn insert_caller(sql: &mut PgConnection, target: Target) -> Caller {
    let ids = "select gen_random_uuid(), gen_random_uuid(), gen_random_uuid()";
    let (client, grant, access_token): (Uuid, Uuid, Uuid) = sqlx::query_as(ids).fetch_one(&mut *sql).await.unwrap();
    let digest = hex(&digest(&SECRET));
    let statement = format!(
        "insert into clients values ('{client}', 'PSDFR-ACPR-70000');
         insert into grants (id, client_id, scope, psu, created_at, expires_at, refresh_digest)
         values ('{grant}', '{client}', 'aisp', 'psu', now(), now() + interval '180 days', {digest});
         insert into tokens (id, client_id, grant_id, scope, issued_at, expires_at, digest)
         values ('{access_token}', '{client}', '{grant}', 'aisp', now(), now() + interval '3 hours', {digest})"
    );
    execute(sql, statement).await;
    let text = |id| handle(id, &SECRET);
    Caller { target, client: client.to_string(), access_token: text(access_token), refresh_token: text(grant) }
}

fn hex(bytes: &[u8]) -> String {
    format!("'\\x{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

impl Contender for Floor {
    const PATHS: Paths = Paths {
        token: "/sandbox/cic/oauth2/token",
        introspection: "/brands/cic/introspect",
        revocation: "/sandbox/cic/oauth2/revoke",
        hint: &[],
    };

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
            Operation::CodeExchange => self.supply_codes(lot).await,
            Operation::Revocation => self.supply_tokens(lot).await,
            Operation::ClientCredentials | Operation::Refresh | Operation::Introspection => {}
        }
    }

    fn code(&self, lot: Lot, connection: usize, n: u32) -> String {
        handle(id(Uuid::nil(), Space::GRANT, lot, connection, n), &SECRET)
    }

    fn token(&self, lot: Lot, connection: usize, n: u32) -> String {
        handle(id(Uuid::nil(), Space::TOKEN, lot, connection, n), &SECRET)
    }
}
