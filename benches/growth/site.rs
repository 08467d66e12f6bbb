//! A data set with the program in front of it, and those who ask.

use crate::{
    CONNECTIONS,
    harness::{
        BankOptions, CIC,
        bank::{pki, toml},
        mass::{Built, Mass, organisation},
        sql::execute,
        wire::tls,
    },
    postgres::Postgres,
    process::{AS_ONE_TPP, Program, free_address},
    sizes::{self, Sizes},
    wire::Target,
};
use guichet::{
    clock::{Clock, System},
    dev::qwac::{QwacSpec, Validity},
    oauth::{
        grant::GrantId,
        partition::Partition,
        scope::{Scope, ScopeToken},
        tpp::PspRole,
    },
    tls::files::load_chain_and_key,
};
use rustls::ClientConfig;
use sqlx::{Connection, PgConnection};
use std::{fs, net::SocketAddr, path::Path, process::Command, sync::Arc, time::Duration as Elapsed};
use time::Duration;
use uuid::Uuid;

/// One PostgreSQL for all data sets, with so much memory of its own.
pub async fn postgres(folder: &Path, shared_buffers: u64) -> Postgres {
    let mut postgres = Postgres::start(folder).await;
    execute(&mut postgres.sql, format!("alter system set shared_buffers = '{shared_buffers}MB'")).await;
    drop(postgres); // that counts from the next start
    let mut postgres = Postgres::start(folder).await;
    // enough that no checkpoint falls into a measurement, and no more disk than that
    postgres.set(&[("max_wal_size", "'4GB'")]).await;
    postgres
}

/// The large organisations with their QWACs, and the bank's gateway.
pub struct Parties {
    organisations: Vec<Arc<ClientConfig>>,
    gateway: Arc<ClientConfig>,
}

impl Parties {
    pub fn new() -> Self {
        let now = System::new().now();
        let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(90) };
        let roles = [PspRole::AccountInformation, PspRole::PaymentInitiation];
        let of = |o: usize| {
            let spec = QwacSpec::new(&organisation(u32::try_from(o).unwrap()), "Mass SAS", &roles, validity);
            let issued = pki().1.qtsp.issue(&spec).unwrap();
            Arc::new(tls("server-ca.pem", Some((&issued.chain, &issued.key))))
        };
        let pki = &pki().1;
        let identity = load_chain_and_key(&pki.file("gateway.pem"), &pki.file("gateway.key")).unwrap();
        let gateway = Arc::new(tls("bank-ca.pem", Some((&identity.chain, &identity.key))));
        Self { organisations: (0..CONNECTIONS).map(of).collect(), gateway }
    }
}

pub struct Site {
    pub program: Program,
    pub db: PgConnection,
    /// For what happens while the first one is busy.
    pub second: PgConnection,
    pub mass: Mass,
    pub built: Built,
    pub sizes: Sizes,
    /// Of the large organisations.
    pub tpps: Vec<Target>,
    pub gateway: Target,
    pub clients: Vec<Uuid>,
    /// What the load revoked since it was tidied up.
    pub revoked: Vec<Uuid>,
    /// Of PostgreSQL's first process.
    postmaster: u32,
}

impl Site {
    pub async fn open(postgres: &mut Postgres, parties: &Parties, folder: &Path, tokens: i64) -> Self {
        let name = format!("of_{tokens}");
        let (mut db, url) = (postgres.database(&name).await, postgres.url(&name));
        let mut second = PgConnection::connect_with(&postgres.server().options(&name)).await.unwrap();
        let folder = folder.join(&name);
        fs::create_dir(&folder).unwrap();
        let [tpp, internal, ops] = [free_address(), free_address(), free_address()];
        fs::write(
            folder.join("growth.toml"),
            toml(&BankOptions { extra: AS_ONE_TPP.into(), ..BankOptions::default() }, tpp, internal, ops),
        )
        .unwrap();
        assert!(guichet(&folder, &url).args(["migrate", "up"]).status().unwrap().success());

        let mass = Mass::new(tokens, CIC.id, System::new().now());
        let built = mass.build(&mut db, &mut second).await;
        eprintln!("{tokens} tokens: {built}");
        let (sizes, clients) = (sizes::of(&mass, &mut db).await, mass.client_ids(&mut db).await);

        let program = Program::start(guichet(&folder, &url).arg("serve"), &folder.join("guichet.log")).until_listening(ops);
        let target = |address: SocketAddr, host, tls: &Arc<ClientConfig>| Target { address, host, tls: tls.clone() };
        let tpps = parties.organisations.iter().map(|tls| target(tpp, CIC.tpp_host, tls)).collect();
        let gateway = target(internal, "localhost", &parties.gateway);
        let postmaster = postmaster(&mut db).await;
        Self { program, db, second, mass, built, sizes, tpps, gateway, clients, revoked: vec![], postmaster }
    }

    /// Reads what live tokens hang on into PostgreSQL's memory, where a bank has it after some hours.
    pub async fn fill_memory(&mut self) {
        let available = "select exists (select from pg_available_extensions where name = 'pg_prewarm')";
        let available: bool = sqlx::query_scalar(available).fetch_one(&mut self.db).await.unwrap();
        if !available {
            return eprintln!("pg_prewarm is absent (Debian: package postgresql-15 or postgresql-contrib): memory fills by use");
        }
        let statement = "create extension pg_prewarm;
            -- grants are in the order of time; the older third of them is over
            select pg_prewarm('grants', first_block => pg_relation_size('grants') / 8192 / 3), pg_prewarm('grants_pkey'), pg_prewarm('clients');
            select sum(pg_prewarm(relid)) from pg_partition_tree('tokens') where isleaf;
            select sum(pg_prewarm(relid)) from pg_partition_tree('tokens_pkey') where isleaf";
        execute(&mut self.db, statement.to_owned()).await;
    }

    /// User and system time of all of PostgreSQL's processes.
    pub fn postgres_cpu(&self) -> Elapsed {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        ids.filter_map(|id| Stat::read(id).filter(|stat| stat.parent == self.postmaster || id == self.postmaster))
            .map(|stat| stat.cpu)
            .sum()
    }

    /// Where the next byte of the write-ahead log comes to.
    pub async fn wal(&mut self) -> i64 {
        sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint").fetch_one(&mut self.db).await.unwrap()
    }

    /// Puts the data set back to what it was, so that a small one does not become a large one by being measured.
    pub async fn tidy_up(&mut self) {
        let began = self.mass.now + Duration::SECOND;
        let scope: Scope = [ScopeToken::Aisp].into_iter().collect();
        let first = GrantId::new(&scope, began, &[0; 10]).0;
        let mut tables = vec!["grants".to_owned(), "audit_events".to_owned()];
        for table in &tables {
            // no trigger keeps what is in the audit trail
            let delete = format!(
                "set session_replication_role = replica; delete from {table} where id >= '{first}'; reset session_replication_role"
            );
            execute(&mut self.db, delete).await;
        }
        for partition in self.mass.partitions() {
            let (table, first) = (partition.table(), partition.id(began, &[0; 10]));
            let revoked = self.revoked.iter().filter(|id| Partition::of_id(id) == partition);
            let revoked: Vec<_> = revoked.map(|id| format!("'{id}'")).collect();
            if !revoked.is_empty() {
                execute(&mut self.db, format!("update {table} set revoked_at = null where id in ({})", revoked.join(", "))).await;
            }
            execute(&mut self.db, format!("delete from {table} where id >= '{first}'")).await;
            if !partition.is_week() {
                tables.push(table);
            }
        }
        self.revoked.clear();
        execute(&mut self.db, format!("vacuum {}", tables.join(", "))).await;
        execute(&mut self.db, "checkpoint".to_owned()).await;
    }
}

async fn postmaster(db: &mut PgConnection) -> u32 {
    let own: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(db).await.unwrap();
    Stat::read(own.unsigned_abs()).unwrap().parent
}

fn guichet(folder: &Path, database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    command.env("GUICHET_CONFIG", folder.join("growth.toml")).env("GUICHET_DATABASE_URL", database_url);
    command
}

/// Of a process.
struct Stat {
    parent: u32,
    cpu: Elapsed,
}

impl Stat {
    /// `None`: it ended meanwhile.
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // proc(5): the split begins at field 3; the parent is field 4, the times are fields 14 and 15, in hundredths of a second
        let fields: Vec<_> = stat.rsplit(") ").next()?.split(' ').collect();
        let ticks = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
        Some(Self { parent: fields[1].parse().ok()?, cpu: Elapsed::from_millis(ticks * 10) })
    }
}
