//! Two replicas on one durable PostgreSQL, and what leads requests to those that are ready.

use crate::harness::{Bank, BankOptions, Process};
use guichet::dev::postgres::{DevPostgres, Durability, ensure_installed};
use nix::{
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::sleep;

pub const SECOND: Duration = Duration::from_secs(1);

pub fn allow_many_connections() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
}

/// A cluster of its own, durable, in a folder that the server's own user can reach.
pub struct Cluster {
    dir: PathBuf,
    server: Option<DevPostgres>,
    _folder: Option<TempDir>,
}

impl Cluster {
    /// Where one was taken from.
    pub fn none() -> Self {
        Self { dir: PathBuf::new(), server: None, _folder: None }
    }

    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut cluster = Self::start_in(folder.path()).await;
        cluster._folder = Some(folder);
        cluster
    }

    pub async fn start_in(folder: &Path) -> Self {
        ensure_installed().unwrap();
        let mut cluster = Self { dir: folder.join("cluster"), server: None, _folder: None };
        cluster.restart().await;
        cluster
    }

    /// Again from its files.
    pub async fn restart(&mut self) {
        self.server.take();
        let dir = self.dir.clone();
        self.server = Some(tokio::task::spawn_blocking(move || DevPostgres::start(&dir, Durability::Durable)).await.unwrap().unwrap());
    }

    pub fn options(&self) -> PgConnectOptions {
        self.server.as_ref().unwrap().options("postgres")
    }

    pub fn socket(&self) -> PathBuf {
        self.server.as_ref().unwrap().socket().to_owned()
    }

    pub fn ended(&self) -> bool {
        self.server.as_ref().is_none_or(DevPostgres::ended)
    }

    pub fn kill_9(&self) {
        let file = fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        kill(Pid::from_raw(file.lines().next().unwrap().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    pub async fn execute(&self, statement: &'static str) {
        let mut connection = PgConnection::connect_with(&self.options()).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }
}

/// A replica, and whether a balancer would send requests to it.
pub struct Replica {
    pub bank: &'static Bank,
    pub process: Option<Process>,
    ready: Arc<AtomicBool>,
}

pub struct Site {
    pub cluster: Cluster,
    pub replicas: Vec<Replica>,
}

/// How a balancer asks: often, and impatient.
const PROBE: Duration = Duration::from_millis(200);

impl Replica {
    pub async fn start(bank: Bank, process: Option<Process>) -> Self {
        let process = match process {
            Some(process) => process,
            None => Process::serve(&bank).await,
        };
        Self { process: Some(process), ..Self::watch(bank) }
    }

    /// One that somebody else has started.
    pub fn watch(bank: Bank) -> Self {
        // the clients of the load borrow it for the rest of the run
        let bank: &'static Bank = Box::leak(Box::new(bank));
        let ready = Arc::new(AtomicBool::new(true));
        let seen = ready.clone();
        tokio::spawn(async move {
            loop {
                let status = tokio::time::timeout(SECOND, bank.ops_status("/readyz")).await;
                seen.store(status.is_ok_and(|status| status == 200), Ordering::SeqCst);
                sleep(PROBE).await;
            }
        });
        Self { bank, process: None, ready }
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }
}

impl Site {
    pub async fn start() -> Self {
        Self::on(Cluster::start().await).await
    }

    pub async fn on(cluster: Cluster) -> Self {
        let first = Self::another(&cluster).await;
        assert!(first.command(&["migrate", "up"]).output().unwrap().status.success());
        let second = Self::another(&cluster).await;
        let replicas = vec![Replica::start(first, None).await, Replica::start(second, None).await];
        Self { cluster, replicas }
    }

    /// A replica's settings, not yet served.
    pub async fn another(cluster: &Cluster) -> Bank {
        Bank::unserved(BankOptions { database: Some(cluster.options()), ..BankOptions::default() }).await
    }

    pub fn bank(&self, replica: usize) -> &'static Bank {
        self.replicas[replica].bank
    }

    /// A replica that is ready, `preferred` if it is.
    pub fn ready(&self, preferred: usize) -> Option<usize> {
        let count = self.replicas.len();
        (0..count).map(|step| (preferred + step) % count).find(|replica| self.replicas[*replica].is_ready())
    }
}
