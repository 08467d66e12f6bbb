//! A database that falls silent, closes what is open, or is not the primary any more, seen from the connections: no request waits
//! without an end, no connection is lost for good, and nothing is read where nothing may be written.

use crate::harness::{Bank, BankOptions, CIC, Client, bank::database, together};
use guichet::{
    dev::postgres::SUPERUSER,
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

const SECOND: Duration = Duration::from_secs(1);

/// A network between the program and its database.
struct Relay {
    address: SocketAddr,
    database: PgConnectOptions,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// What is connected now, each with its silence.
    lines: Mutex<Vec<(Arc<AtomicBool>, JoinHandle<()>)>>,
    /// New connections are silent from the start.
    silent: AtomicBool,
    opened: AtomicUsize,
    /// Packets from the program: each waits for its answer.
    asked: AtomicUsize,
}

impl Relay {
    async fn start() -> Self {
        let database = database().await;
        let path = format!("{}/.s.PGSQL.5432", database.get_socket().unwrap().display());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let relay = Self { address, database, state: state.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                state.opened.fetch_add(1, SeqCst);
                let silent = Arc::new(AtomicBool::new(state.silent.load(SeqCst)));
                let (silence, path, counted) = (silent.clone(), path.clone(), state.clone());
                let line = tokio::spawn(async move {
                    let server = UnixStream::connect(path).await.unwrap();
                    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                    let answered = AtomicUsize::new(0);
                    tokio::select! {
                        () = pass(from_client, to_server, &silence, &counted.asked) => {}
                        () = pass(from_server, to_client, &silence, &answered) => {}
                    }
                });
                state.lines.lock().unwrap().push((silent, line));
            }
        });
        relay
    }

    async fn bank(&self, database_extra: &str) -> Bank {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.address.port()).username(SUPERUSER);
        let options = options.database(self.database.get_database().unwrap()).ssl_mode(PgSslMode::Disable);
        Bank::with(BankOptions { database: Some(options), database_extra: database_extra.to_owned(), ..BankOptions::default() }).await
    }

    /// From now on nothing comes through, and nobody is told: a machine that lost its power.
    fn fall_silent(&self) {
        self.state.silent.store(true, SeqCst);
        self.state.lines.lock().unwrap().iter().for_each(|(silent, _)| silent.store(true, SeqCst));
    }

    /// New connections come through again: somebody took the silent one's place.
    fn recover(&self) {
        self.state.silent.store(false, SeqCst);
    }

    /// Closes all that is open.
    fn cut(&self) {
        self.state.lines.lock().unwrap().drain(..).for_each(|(_, line)| line.abort());
    }

    fn opened(&self) -> usize {
        self.state.opened.load(SeqCst)
    }

    fn asked(&self) -> usize {
        self.state.asked.load(SeqCst)
    }

    async fn straight(&self) -> PgConnection {
        PgConnection::connect_with(&self.database).await.unwrap()
    }

    async fn say(&self, statement: String) {
        let mut straight = self.straight().await;
        for statement in ["set default_transaction_read_only = off".to_owned(), statement] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut straight).await.unwrap();
        }
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, silent: &AtomicBool, passed: &AtomicUsize) {
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        passed.fetch_add(1, SeqCst);
        if !silent.load(SeqCst) && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    // whoever is silent does not say that he is gone, either
    while silent.load(SeqCst) {
        sleep(SECOND).await;
    }
}

async fn client(bank: &Bank) -> Client<'_> {
    bank.tpp([AccountInformation, PaymentInitiation]).register(CIC).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_holds_up_nobody_for_long_and_no_connection_for_good() {
    let relay = Relay::start().await;
    let bank = relay.bank("max_connections = 2\nstatement_timeout_seconds = 1").await;
    let client = client(&bank).await;
    together((0..4).map(|_| client.client_credentials())).await.into_iter().for_each(|reply| drop(reply.ok(200)));
    relay.fall_silent();
    for _ in 0..2 {
        let began = Instant::now();
        for reply in together((0..6).map(|_| client.client_credentials())).await {
            reply.refused(503, "temporarily_unavailable");
        }
        // for a connection, for the statement on it, and what a loaded machine may add
        assert!(began.elapsed() < 2 * SECOND + 2 * SECOND + 3 * SECOND, "{:?}", began.elapsed());
    }
    relay.recover();
    together((0..6).map(|_| client.client_credentials())).await.into_iter().for_each(|reply| drop(reply.ok(200)));
    // what no request waits for has found its way, too
    sleep(SECOND).await;
    client.client_credentials().await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_where_nothing_may_be_written() {
    let relay = Relay::start().await;
    let bank = relay.bank("").await;
    let client = client(&bank).await;
    let token = client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
    let name = relay.database.get_database().unwrap();
    // as a standby's sessions are, whose data may be of yesterday
    relay.say(format!("alter database {name} set default_transaction_read_only = on")).await;
    relay.cut();
    let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
    let asked = async || bank.gateway().form(&url, &[], &[("token", &token)]).await;
    for _ in 0..2 {
        assert_eq!(asked().await.status, 503);
    }
    relay.say(format!("alter database {name} reset default_transaction_read_only")).await;
    assert_eq!(asked().await.ok(200).json()["active"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_at_rest_cost_nobody_an_answer() {
    let relay = Relay::start().await;
    let bank = relay.bank("").await;
    let client = client(&bank).await;
    together((0..10).map(|_| client.client_credentials())).await;
    let mut refused = 0;
    for _ in 0..3 {
        sleep(SECOND).await; // they rest, but for what the server does for itself
        relay.cut();
        let answers = together((0..10).map(|_| client.client_credentials())).await;
        refused += answers.iter().filter(|reply| reply.status != 200).count();
    }
    assert!(refused <= 3, "{refused} of 30: more than one that was used a moment ago");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tpp_that_hangs_up_costs_no_connection() {
    let relay = Relay::start().await;
    let bank = relay.bank("max_connections = 4").await;
    let client = client(&bank).await;
    let token = client.tokens("web", "aisp").await["refresh_token"].as_str().unwrap().to_owned();
    together((0..4).map(|_| client.client_credentials())).await;
    let before = relay.opened();
    let mut other = relay.straight().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::query("select 1 from grants for update").execute(&mut *lock).await.unwrap();
    let left = together((0..4).map(|_| timeout(SECOND / 2, client.revoke(&token)))).await;
    assert!(left.iter().all(Result::is_err), "they waited for the lock");
    lock.rollback().await.unwrap();
    together((0..4).map(|_| client.client_credentials())).await.into_iter().for_each(|reply| drop(reply.ok(200)));
    // the one that the watch over trust has may be new
    assert!(relay.opened() <= before + 1, "{} connections, {before} before", relay.opened());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_one_round_trip_on_a_connection_just_used_and_two_on_one_that_has_rested() {
    let relay = Relay::start().await;
    let bank = relay.bank("").await;
    let client = client(&bank).await;
    let token = client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
    let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
    // the server asks something for itself now and then: what most tries count is a request's
    let (mut issued, mut introspected, mut rested) = (vec![], vec![], vec![]);
    for _ in 0..10 {
        client.client_credentials().await.ok(200);
        let before = relay.asked();
        client.client_credentials().await.ok(200);
        issued.push(relay.asked() - before);
        let before = relay.asked();
        bank.gateway().form(&url, &[], &[("token", &token)]).await.ok(200);
        introspected.push(relay.asked() - before);
        sleep(SECOND / 5).await;
        let before = relay.asked();
        client.client_credentials().await.ok(200);
        rested.push(relay.asked() - before);
    }
    let most = [&issued, &introspected, &rested].map(|tries| {
        let mut sorted = tries.clone();
        sorted.sort_unstable();
        sorted[tries.len() / 2]
    });
    assert_eq!(most, [1, 1, 2], "{issued:?} {introspected:?} {rested:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_nobody_needs_are_given_back() {
    let relay = Relay::start().await;
    let bank = relay.bank("idle_timeout_seconds = 1").await;
    let client = client(&bank).await;
    let mut straight = relay.straight().await;
    let mut open = async || {
        let count = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'guichet'";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut straight).await.unwrap()
    };
    together((0..20).map(|_| client.client_credentials())).await.into_iter().for_each(|reply| drop(reply.ok(200)));
    let at_work = open().await;
    // one request after another needs one connection, whoever used it last
    for _ in 0..6 {
        sleep(SECOND / 4).await;
        client.client_credentials().await.ok(200);
    }
    let in_the_end = open().await;
    // that one, what the server does for itself, and what it is told of changes by
    assert!(at_work > 4 && in_the_end <= 4, "{at_work} at work, {in_the_end} in the end");
}
