//! The operations: how each is asked for over HTTP, and what its ids are in SQL.

use crate::{
    CONNECTIONS,
    harness::{
        CIC,
        tpp::{CALLBACK, VERIFIER},
        wire::encode,
    },
    pgbench::{self, Names, Seen},
    site::{Caller, Site, token_id},
    supply::{self, PER_CONNECTION, Space, id, id_sql, secret_text},
    wire::{KeptAlive, Target, post},
};
use guichet::oauth::secret::HandleKind;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    ClientCredentials,
    Refresh,
    Introspection,
    CodeExchange,
    Revocation,
}

/// What was measured in one round.
pub struct Measured {
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// The server's user and system time, in microseconds an operation.
    pub cpu: f64,
}

/// The round in which the statements are captured.
const CAPTURE: u32 = 1;

impl Operation {
    pub const ALL: [Self; 5] = [Self::ClientCredentials, Self::Refresh, Self::Introspection, Self::CodeExchange, Self::Revocation];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Refresh => "refresh",
            Self::Introspection => "introspection",
            Self::CodeExchange => "code exchange",
            Self::Revocation => "revocation",
        }
    }

    /// Where the ids begin that pgbench makes for it.
    pub const fn space(self) -> u16 {
        256 * (1 + self as u16)
    }

    /// Makes what a round uses up.
    pub async fn supply(self, site: &mut Site, round: u32) {
        match self {
            Self::CodeExchange => supply::codes(site, round).await,
            Self::Revocation => supply::tokens(site, round).await,
            Self::ClientCredentials | Self::Refresh | Self::Introspection => {}
        }
    }

    /// How often a round can run it.
    pub fn most(self) -> Option<u32> {
        match self {
            Self::CodeExchange | Self::Revocation => Some(PER_CONNECTION * u32::try_from(CONNECTIONS).unwrap() * 9 / 10),
            Self::ClientCredentials | Self::Refresh | Self::Introspection => None,
        }
    }

    fn target(self, site: &Site, connection: usize) -> &Target {
        match self {
            Self::Introspection => &site.gateway,
            Self::ClientCredentials | Self::Refresh | Self::CodeExchange | Self::Revocation => &site.callers[connection].target,
        }
    }

    /// What one connection sends, one after the other, from the beginning again at the end.
    fn requests(self, site: &Site, connection: usize, round: u32) -> Vec<Vec<u8>> {
        let caller = &site.callers[connection];
        let token = CIC.channel("web").2;
        match self {
            Self::ClientCredentials => vec![ask(caller, token, &[("grant_type", "client_credentials"), ("scope", "pisp")])],
            Self::Refresh => vec![ask(caller, token, &[("grant_type", "refresh_token"), ("refresh_token", &caller.refresh_token)])],
            Self::Introspection => {
                let path = format!("/brands/{}/introspect", CIC.id);
                let request = |caller: &Caller| post(site.gateway.host, &path, &encode(&[("token", &caller.access_token)]));
                site.callers.iter().map(request).collect()
            }
            Self::CodeExchange => supplied(HandleKind::Code, Space::Code, round, connection, |code| {
                let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
                ask(caller, token, &form)
            }),
            Self::Revocation => {
                supplied(HandleKind::AccessToken, Space::Token, round, connection, |token| ask(caller, CIC.revocation, &[("token", token)]))
            }
        }
    }

    /// The ids in a capture: what stands for each in pgbench's script.
    pub fn names(self, site: &Site, round: u32) -> Names {
        let caller = &site.callers[0];
        let mut names = Names::from([(caller.client_id.parse().unwrap(), format!("'{}'", caller.client_id))]);
        // as each connection has its own consent, so has each client of pgbench
        let of_client = |ids: Vec<String>| format!("(array['{}']::uuid[])[:client_id::int + 1]", ids.join("', '"));
        let all = |id: fn(&Caller) -> uuid::Uuid| of_client(site.callers.iter().map(|c| id(c).to_string()).collect());
        let numbered = |space: Space| id_sql(space as u16, round, ":client_id::int", ":n::bigint");
        match self {
            Self::ClientCredentials => {}
            Self::Refresh => {
                names.insert(token_id(&caller.refresh_token), all(|c| token_id(&c.refresh_token)));
                names.insert(caller.grant, all(|c| c.grant));
                names.insert(caller.client_id.parse().unwrap(), all(|c| c.client_id.parse().unwrap()));
            }
            Self::Introspection => {
                names.extend(site.callers.iter().map(|c| (token_id(&c.access_token), all(|c| token_id(&c.access_token)))));
            }
            Self::CodeExchange => {
                names.insert(id(Space::Code, CAPTURE, 0, 2), numbered(Space::Code));
                names.insert(id(Space::Grant, CAPTURE, 0, 2), numbered(Space::Grant));
            }
            Self::Revocation => {
                names.insert(id(Space::Token, CAPTURE, 0, 2), numbered(Space::Token));
            }
        }
        names
    }
}

fn ask(caller: &Caller, path: &str, form: &[(&str, &str)]) -> Vec<u8> {
    let form: Vec<_> = form.iter().copied().chain([("client_id", caller.client_id.as_str())]).collect();
    post(caller.target.host, path, &encode(&form))
}

fn supplied(kind: HandleKind, space: Space, round: u32, connection: usize, request: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
    (1..=PER_CONNECTION).map(|n| request(&secret_text(kind, id(space, round, connection, n)))).collect()
}

/// What the program sends to PostgreSQL for each operation.
pub async fn statements(site: &mut Site) -> HashMap<Operation, Vec<Seen>> {
    let mut found = HashMap::new();
    for operation in Operation::ALL {
        operation.supply(site, CAPTURE).await;
    }
    pgbench::log_statements(site, true).await;
    for operation in Operation::ALL {
        let requests = operation.requests(site, 0, CAPTURE);
        let two = [requests[0].clone(), requests[1 % requests.len()].clone()];
        let mut connection = KeptAlive::open(operation.target(site, 0)).await;
        found.insert(operation, pgbench::capture(site, &mut connection, &two).await);
    }
    pgbench::log_statements(site, false).await;
    found
}

/// Loads the server for so long.
pub async fn measure(site: &Site, operation: Operation, round: u32, time: Duration) -> Measured {
    let mut connections = vec![];
    for n in 0..CONNECTIONS {
        let mut connection = KeptAlive::open(operation.target(site, n)).await;
        let mut requests = operation.requests(site, n, round).into_iter().cycle();
        // the first answer of a connection is not measured: its certificate may be judged anew
        connection.ask(&requests.next().unwrap()).await;
        connections.push((connection, requests));
    }
    let (began, cpu) = (Instant::now(), site.program.cpu());
    let most = operation.most().map_or(u32::MAX, |_| PER_CONNECTION - 1);
    let load = connections.into_iter().map(|(mut connection, mut requests)| {
        tokio::spawn(async move {
            let mut times = vec![];
            while began.elapsed() < time {
                assert!(times.len() < most as usize, "the rows of this round are used up");
                let request = requests.next().unwrap();
                let asked = Instant::now();
                connection.ask(&request).await;
                times.push(asked.elapsed());
            }
            times
        })
    });
    let mut times: Vec<Duration> = vec![];
    for connection in load.collect::<Vec<_>>() {
        times.extend(connection.await.unwrap());
    }
    let (elapsed, cpu) = (began.elapsed(), site.program.cpu() - cpu);
    times.sort_unstable();
    let count = times.len();
    let quantile = |percent: usize| times[(count * percent / 100).min(count - 1)].as_secs_f64() * 1e3;
    let operations = u32::try_from(count).map(f64::from).unwrap();
    let cpu = cpu.as_secs_f64() * 1e6 / operations;
    Measured { per_second: operations / elapsed.as_secs_f64(), p50: quantile(50), p99: quantile(99), cpu }
}
