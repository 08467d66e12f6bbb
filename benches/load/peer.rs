//! The peer: node oidc-provider with a PostgreSQL adapter, as `benches/peer` has it. Started where node and npm are.

use crate::{
    CONNECTIONS,
    contender::{Caller, Contender, Gateway, Paths, exchange},
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
    process::{Program, free_address},
    wire::{KeptAlive, Target},
};
use guichet::dev::postgres::SUPERUSER;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use uuid::Uuid;

/// Connections to PostgreSQL, as the server has by default.
const POOL: u32 = 20;

pub struct Peer {
    program: Program,
    sql: PgConnection,
    callers: Vec<Caller>,
    gateway: Gateway,
}

impl Peer {
    /// Or why there is none.
    pub async fn start(postgres: &mut Postgres, parties: &Parties, folder: &Path) -> Result<Self, String> {
        let program = install()?;
        let mut sql = postgres.database("peer").await;
        let (pki, address) = (&pki().1, free_address());
        let clients = (0..CONNECTIONS).map(|n| json!({ "id": name(n), "certificate": parties.of(n).file }));
        let routes = Self::PATHS;
        let settings = json!({
            "issuer": format!("https://{}:{}", CIC.tpp_host, address.port()),
            "port": address.port(),
            "database": { "host": postgres.server().socket(), "user": SUPERUSER, "database": "peer" },
            "connections": POOL,
            "certificate": pki.file("server.pem"),
            "key": pki.file("server.key"),
            "authorities": [pki.file("qtsp.pem"), pki.file("bank-ca.pem")],
            "routes": { "token": routes.token, "introspection": routes.introspection, "revocation": routes.revocation },
            "redirect_uri": CALLBACK,
            "clients": clients.collect::<Value>(),
            "gateway": { "id": "gateway", "certificate": parties.gateway.file },
        });
        let file = folder.join("peer.json");
        fs::write(&file, settings.to_string()).unwrap();
        let mut command = Command::new("node");
        command.arg(program).arg(file).env("NODE_ENV", "production");
        let program = Program::start(&mut command, &folder.join("peer.log")).until_listening(address);
        let target = |tls| Target { address, host: CIC.tpp_host, tls };
        let one = Lot { number: 0, rows: 1 };
        supply_codes(&mut sql, one).await;
        let mut callers = vec![];
        for connection in 0..CONNECTIONS {
            callers.push(redeem(target(parties.of(connection).tls.clone()), connection, one).await);
        }
        execute(&mut sql, "analyze".to_owned()).await;
        Ok(Self {
            program,
            sql,
            callers,
            gateway: Gateway { target: target(parties.gateway.tls.clone()), fields: &[("client_id", "gateway")] },
        })
    }
}

/// The packages of `package-lock.json`, in a folder of the build, and the program beside them.
fn install() -> Result<PathBuf, String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer");
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer");
    fs::create_dir_all(&to).unwrap();
    let lock = fs::read(from.join("package-lock.json")).unwrap();
    let installed = fs::read(to.join("package-lock.json")).is_ok_and(|found| found == lock) && to.join("node_modules/pg").exists();
    for file in ["package.json", "package-lock.json", "adapter.mjs", "index.mjs"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let run = |program: &str, arguments: &[&str]| {
        let out = Command::new(program).args(arguments).current_dir(&to).output().map_err(|error| format!("{program}: {error}"))?;
        let why = || format!("{program} failed: {}", String::from_utf8_lossy(&out.stderr).trim());
        out.status.success().then_some(()).ok_or_else(why)
    };
    run("node", &["--version"])?;
    if !installed {
        run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    }
    Ok(to.join("index.mjs"))
}

fn name(connection: usize) -> String {
    format!("client-{connection}")
}

fn code(lot: Lot, connection: usize, n: u32) -> String {
    id(Uuid::nil(), Space::GRANT, lot, connection, n).to_string()
}

/// Codes with a grant each, as oidc-provider stores them. Its code is the id, and so is the grant's here.
async fn supply_codes(sql: &mut PgConnection, lot: Lot) {
    let (id, rows) = (id_sql(Uuid::nil(), Space::GRANT, lot, "c", "n"), rows_sql(lot));
    let statement = format!(
        "with rows as materialized (
             select {id}::text as id, 'client-' || c as client, extract(epoch from now())::int as now from {rows})
         insert into models (model, id, grant_id, expires_at, payload)
         select 'Grant', id, null, now() + interval '180 days', jsonb_build_object(
             'iat', now, 'exp', now + 15552000, 'jti', id, 'kind', 'Grant', 'accountId', 'psu', 'clientId', client,
             'openid', jsonb_build_object('scope', 'aisp')) from rows
         union all
         select 'AuthorizationCode', id, id, now() + interval '1 hour', jsonb_build_object(
             'iat', now, 'exp', now + 3600, 'jti', id, 'kind', 'AuthorizationCode', 'accountId', 'psu', 'clientId', client, 'grantId', id,
             'authTime', now, 'redirectUri', '{CALLBACK}', 'scope', 'aisp', 'codeChallenge', '{CHALLENGE}',
             'codeChallengeMethod', 'S256') from rows"
    );
    execute(sql, statement).await;
}

/// Tokens of client_credentials.
async fn supply_tokens(sql: &mut PgConnection, lot: Lot) {
    let (id, rows) = (id_sql(Uuid::nil(), Space::TOKEN, lot, "c", "n"), rows_sql(lot));
    let statement = format!(
        "insert into models (model, id, expires_at, payload)
         select 'ClientCredentials', id, now() + interval '3 hours', jsonb_build_object(
             'iat', now, 'exp', now + 10800, 'jti', id, 'kind', 'ClientCredentials', 'clientId', client, 'scope', 'pisp')
         from (select {id}::text as id, 'client-' || c as client, extract(epoch from now())::int as now from {rows}) as rows"
    );
    execute(sql, statement).await;
}

/// Its tokens come by a code, as a TPP's do.
async fn redeem(target: Target, connection: usize, lot: Lot) -> Caller {
    let caller = Caller { target, client: name(connection), access_token: String::new(), refresh_token: String::new() };
    let request = caller.ask(Peer::PATHS.token, &exchange(&code(lot, connection, 1)));
    let mut wire = KeptAlive::open(&caller.target).await;
    let tokens: Value = serde_json::from_slice(wire.ask(&request).await).unwrap();
    let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    Caller { access_token: text("access_token"), refresh_token: text("refresh_token"), ..caller }
}

impl Contender for Peer {
    const PATHS: Paths = Paths {
        token: "/token",
        introspection: "/token/introspection",
        revocation: "/token/revocation",
        // saves it the look for a refresh token
        hint: &[("token_type_hint", "access_token")],
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
            Operation::CodeExchange => supply_codes(&mut self.sql, lot).await,
            Operation::Revocation => supply_tokens(&mut self.sql, lot).await,
            Operation::ClientCredentials | Operation::Refresh | Operation::Introspection => {}
        }
    }

    fn code(&self, lot: Lot, connection: usize, n: u32) -> String {
        code(lot, connection, n)
    }

    fn token(&self, lot: Lot, connection: usize, n: u32) -> String {
        id(Uuid::nil(), Space::TOKEN, lot, connection, n).to_string()
    }
}
