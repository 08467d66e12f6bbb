//! What is asked for the same things: the server, the floors, the peer.

use crate::{
    closed::{self, Line, Measured},
    floor::{Connections, Floor},
    harness::tpp::{CALLBACK, VERIFIER},
    ids::Lot,
    operation::Operation,
    options::Options,
    parties::Parties,
    peer::Peer,
    postgres::Postgres,
    process::Program,
    wire::{KeptAlive, Target, post},
};
use std::{path::Path, time::Duration};

pub trait Contender {
    const PATHS: Paths;

    fn program(&self) -> &Program;

    /// One a connection.
    fn callers(&self) -> &[Caller];

    fn gateway(&self) -> &Gateway;

    /// Makes what an operation spends.
    async fn supply(&mut self, operation: Operation, lot: Lot);

    /// The nth code of a lot for this connection.
    fn code(&self, lot: Lot, connection: usize, n: u32) -> String;

    /// The nth access token.
    fn token(&self, lot: Lot, connection: usize, n: u32) -> String;
}

pub struct Paths {
    pub token: &'static str,
    pub introspection: &'static str,
    pub revocation: &'static str,
    /// Said beside a token that is asked about or revoked, where it helps.
    pub hint: &'static [(&'static str, &'static str)],
}

/// A registered client, the connection it uses and what its consent gave it.
pub struct Caller {
    pub target: Target,
    pub client: String,
    pub access_token: String,
    pub refresh_token: String,
}

/// Who introspects.
pub struct Gateway {
    pub target: Target,
    /// Said beside the token.
    pub fields: &'static [(&'static str, &'static str)],
}

impl Caller {
    pub fn ask(&self, path: &str, form: &[(&str, &str)]) -> Vec<u8> {
        let form: Vec<_> = form.iter().copied().chain([("client_id", self.client.as_str())]).collect();
        post(self.target.host, path, &form)
    }
}

/// The form of a code exchange.
pub fn exchange(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]
}

fn introspect<C: Contender>(contender: &C, token: &str) -> Vec<u8> {
    let Gateway { target, fields } = contender.gateway();
    post(target.host, C::PATHS.introspection, &[&[("token", token)], C::PATHS.hint, fields].concat())
}

/// What each connection sends. The operations that spend nothing need no lot.
pub fn lines<C: Contender>(contender: &C, operation: Operation, lot: Lot) -> Vec<Line> {
    let Paths { token, introspection: _, revocation, hint } = C::PATHS;
    let each = |(connection, caller): (usize, &Caller)| {
        let requests = match operation {
            Operation::ClientCredentials => vec![caller.ask(token, &[("grant_type", "client_credentials"), ("scope", "pisp")])],
            Operation::Refresh => vec![caller.ask(token, &[("grant_type", "refresh_token"), ("refresh_token", &caller.refresh_token)])],
            Operation::Introspection => contender.callers().iter().map(|caller| introspect(contender, &caller.access_token)).collect(),
            Operation::CodeExchange => (1..=lot.rows).map(|n| caller.ask(token, &exchange(&contender.code(lot, connection, n)))).collect(),
            Operation::Revocation => {
                let revoke = |n| {
                    let token = contender.token(lot, connection, n);
                    caller.ask(revocation, &[&[("token", token.as_str())], hint].concat())
                };
                (1..=lot.rows).map(revoke).collect()
            }
        };
        let target = if operation == Operation::Introspection { &contender.gateway().target } else { &caller.target };
        Line { target: target.clone(), requests }
    };
    contender.callers().iter().enumerate().map(each).collect()
}

/// That it does what is measured: nothing is as fast as doing nothing.
pub async fn check<C: Contender>(contender: &mut C, lot: Lot) {
    for operation in Operation::ALL {
        contender.supply(operation, lot).await;
        let Line { target, requests } = lines(contender, operation, lot).swap_remove(0);
        let answer = ask(&target, &requests[0]).await;
        assert!(operation.answers().iter().all(|part| answer.contains(part)), "{}: {answer}", operation.name());
    }
    let (revoked, other) = (contender.token(lot, 0, 1), contender.token(lot, 1, 1));
    for (token, active) in [(revoked, "\"active\":false"), (other, "\"active\":true")] {
        let answer = ask(&contender.gateway().target, &introspect(contender, &token)).await;
        assert!(answer.contains(active), "{answer}");
    }
}

async fn ask(target: &Target, request: &[u8]) -> String {
    let mut connection = KeptAlive::open(target).await;
    String::from_utf8_lossy(connection.ask(request).await).into_owned()
}

/// One turn.
pub async fn measure(contender: &mut impl Contender, operation: Operation, lot: Lot, time: Duration) -> Measured {
    contender.supply(operation, lot).await;
    closed::measure(contender.program(), lines(contender, operation, lot), time, operation.spends()).await
}

/// What the server is compared with.
pub struct Others {
    pub floor: Floor,
    /// The same without sqlx's pool.
    pub strict_floor: Floor,
    pub peer: Option<Peer>,
    /// At rest, in MiB: floor, peer.
    pub rest: (f64, Option<f64>),
}

impl Others {
    pub async fn start(postgres: &mut Postgres, parties: &Parties, folder: &Path, options: &Options) -> Self {
        let floor = Floor::start(postgres, parties, folder, Connections::Pooled).await;
        let strict_floor = Floor::start(postgres, parties, folder, Connections::Held).await;
        let peer = if options.no_peer { Err("--no-peer".to_owned()) } else { Peer::start(postgres, parties, folder).await };
        let peer = peer.inspect_err(|why| println!("The peer's columns stay empty: {why}.\n")).ok();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let rest = (floor.program().pss(), peer.as_ref().map(|peer| peer.program().pss()));
        Self { floor, strict_floor, peer, rest }
    }
}
