//! Random operations at two replicas at once, batch after batch. What was answered must be what one bank would have answered, asked
//! one after the other in some order, and what is alive afterwards, at both replicas, must be what is alive at that bank.
//!
//! So nothing that was acknowledged is lost, no token of a dead grant lives, a code gives once, and a grant has one family of
//! refresh tokens: each of these holds in `Model`, and whatever breaks one has no order that explains it.

use crate::{
    grants_of_customers::post,
    harness::{
        Bank, BankOptions, CIC, Client, Held, Landing, Reply, Tpp, together,
        tpp::{CALLBACK, VERIFIER},
        wire::Wire,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use time::Duration;
use uuid::Uuid;

const ROLES: [PspRole; 3] = [AccountInformation, CardIssuing, PaymentInitiation];
/// Of each client a grant whose refresh token stays and two whose refresh tokens follow one another.
const SCOPES: [&str; 3] = ["cbpii", "aisp", "aisp"];
const CLIENTS: usize = 2;
const GRANTS: usize = CLIENTS * SCOPES.len();
const CASES: usize = 20;
/// At once: so many have few enough orders.
const MOST: usize = 10;
/// An access token lives for 180 minutes, a code for one. The clocks of two servers are never quite the same, so no sum of pauses
/// is one of these.
const PAUSE: i64 = 100;

/// What is drawn; what it is about is looked up when its turn comes.
#[derive(Clone, Copy, Debug)]
enum Draw {
    /// A code that was not used yet, or, seldom, any.
    Redeem {
        grant: usize,
        again: bool,
        with_its_verifier: bool,
    },
    /// The newest refresh token that is known, or one so many before it; mostly of a grant that lives.
    Refresh {
        grant: usize,
        back: usize,
        dead: bool,
    },
    RefreshForged {
        grant: usize,
    },
    RevokeAccess {
        pick: usize,
    },
    RevokeRefresh {
        grant: usize,
        back: usize,
    },
    Withdraw {
        grant: usize,
    },
    LookAtAccess {
        pick: usize,
    },
    LookAtRefresh {
        grant: usize,
        back: usize,
    },
    Credentials {
        client: usize,
    },
    Update {
        client: usize,
    },
    Delete {
        client: usize,
    },
}

/// One operation, so many times at once, the first of them at this replica.
#[derive(Clone, Copy, Debug)]
struct Step {
    draw: Draw,
    times: usize,
    replica: usize,
}

#[derive(Clone, Debug)]
struct Batch {
    /// Times [`PAUSE`], before it.
    pauses: i64,
    /// Nothing gets at the grants until everything is under way.
    held: bool,
    steps: Vec<Step>,
}

/// Most of a batch is about one grant, or nothing would meet.
fn draw(about: usize) -> impl Strategy<Value = Draw> {
    let grant = || prop_oneof![3 => Just(about), 1 => 0..GRANTS];
    let back = || prop_oneof![5 => Just(0_usize), 4 => Just(1), 1 => Just(2), 1 => Just(3)];
    let (client, pick, seldom) = (0..CLIENTS, 0..64_usize, prop::bool::weighted(0.2));
    prop_oneof![
        40 => (grant(), back(), seldom.clone()).prop_map(|(grant, back, dead)| Draw::Refresh { grant, back, dead }),
        8 => (grant(), seldom.clone(), seldom).prop_map(|(grant, again, wrong)| Draw::Redeem { grant, again, with_its_verifier: !wrong }),
        3 => grant().prop_map(|grant| Draw::RefreshForged { grant }),
        6 => pick.clone().prop_map(|pick| Draw::RevokeAccess { pick }),
        5 => (grant(), back()).prop_map(|(grant, back)| Draw::RevokeRefresh { grant, back }),
        3 => grant().prop_map(|grant| Draw::Withdraw { grant }),
        8 => pick.prop_map(|pick| Draw::LookAtAccess { pick }),
        8 => (grant(), back()).prop_map(|(grant, back)| Draw::LookAtRefresh { grant, back }),
        4 => client.clone().prop_map(|client| Draw::Credentials { client }),
        3 => client.clone().prop_map(|client| Draw::Update { client }),
        1 => client.prop_map(|client| Draw::Delete { client }),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let times = || prop_oneof![4 => Just(1_usize), 2 => Just(2), 1 => Just(3)];
    let steps = (0..GRANTS).prop_flat_map(move |about| vec((draw(about), times(), 0..2_usize), 2..7));
    let steps = steps.prop_map(|steps| steps.into_iter().map(|(draw, times, replica)| Step { draw, times, replica }).collect());
    let pauses = prop_oneof![12 => Just(0_i64), 1 => Just(1), 1 => Just(2)];
    (pauses, prop::bool::ANY, steps).prop_map(|(pauses, held, steps)| Batch { pauses, held, steps })
}

/// An operation with all that it names.
#[derive(Clone, Debug)]
enum Op {
    Redeem {
        grant: usize,
        with_its_verifier: bool,
    },
    /// `nth` of its chain; `None`: never given out.
    Refresh {
        grant: usize,
        nth: Option<usize>,
        token: String,
    },
    RevokeAccess {
        token: String,
    },
    RevokeRefresh {
        grant: usize,
        nth: usize,
        token: String,
    },
    Withdraw {
        grant: usize,
    },
    LookAtAccess {
        token: String,
    },
    LookAtRefresh {
        grant: usize,
        nth: usize,
        token: String,
    },
    Credentials {
        client: usize,
    },
    Update {
        client: usize,
    },
    Delete {
        client: usize,
    },
}

impl Op {
    const fn name(&self) -> &'static str {
        match self {
            Self::Redeem { .. } => "redeem",
            Self::Refresh { .. } => "refresh",
            Self::RevokeAccess { .. } => "revoke access token",
            Self::RevokeRefresh { .. } => "revoke refresh token",
            Self::Withdraw { .. } => "withdraw",
            Self::LookAtAccess { .. } => "introspect access token",
            Self::LookAtRefresh { .. } => "introspect refresh token",
            Self::Credentials { .. } => "client_credentials",
            Self::Update { .. } => "update",
            Self::Delete { .. } => "delete",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Issued {
        access: String,
        refresh: Option<String>,
    },
    /// Acknowledged.
    Done,
    Active(bool),
    Refused(String),
    /// "Try again": nothing happened.
    Busy,
}

impl Answer {
    fn issued(reply: &Reply) -> Self {
        if reply.status != 200 {
            return Self::refused(reply);
        }
        let text = |name: &str| reply.json()[name].as_str().map(str::to_owned);
        Self::Issued { access: text("access_token").unwrap(), refresh: text("refresh_token") }
    }

    fn done(reply: &Reply) -> Self {
        if [200, 204].contains(&reply.status) { Self::Done } else { Self::refused(reply) }
    }

    fn refused(reply: &Reply) -> Self {
        if reply.status == 503 { Self::Busy } else { Self::Refused(format!("{} {}", reply.status, reply.error())) }
    }

    fn name(&self) -> String {
        match self {
            Self::Issued { refresh: None, .. } => "issued".into(),
            Self::Issued { refresh: Some(_), .. } => "issued with a refresh token".into(),
            Self::Done => "done".into(),
            Self::Active(active) => format!("active: {active}"),
            Self::Refused(refusal) => refusal.clone(),
            Self::Busy => "503".into(),
        }
    }

    fn is(&self, refusal: &str) -> bool {
        matches!(self, Self::Refused(refused) if refused == refusal)
    }
}

/// One bank that does one thing after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Model {
    minutes: i64,
    deleted: [bool; CLIENTS],
    grants: Vec<Grant>,
    /// By its text.
    access: BTreeMap<String, Access>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Grant {
    client: usize,
    rotates: bool,
    alive: bool,
    code_used: bool,
    /// Every refresh token that was told, in order.
    chain: Vec<String>,
    /// Of the chain.
    current: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Access {
    client: usize,
    grant: Option<usize>,
    until: i64,
    revoked: bool,
}

impl Grant {
    fn is_live(&self, nth: usize) -> bool {
        self.alive && nth >= self.current && nth < self.chain.len()
    }
}

const INVALID_GRANT: &str = "400 invalid_grant";

impl Model {
    fn new() -> Self {
        let grant = |number: usize| Grant {
            client: number / SCOPES.len(),
            rotates: SCOPES[number % SCOPES.len()] == "aisp",
            alive: true,
            code_used: false,
            chain: vec![],
            current: 0,
        };
        Self { minutes: 0, deleted: [false; CLIENTS], grants: (0..GRANTS).map(grant).collect(), access: BTreeMap::new() }
    }

    fn access_is_active(&self, token: &str) -> bool {
        let token = &self.access[token];
        !token.revoked
            && self.minutes < token.until
            && !self.deleted[token.client]
            && token.grant.is_none_or(|grant| self.grants[grant].alive)
    }

    fn refresh_is_active(&self, grant: usize, nth: usize) -> bool {
        self.grants[grant].is_live(nth) && !self.deleted[self.grants[grant].client]
    }

    fn issue(&mut self, token: &str, client: usize, grant: Option<usize>) -> bool {
        let token = self.access.insert(token.to_owned(), Access { client, grant, until: self.minutes + 180, revoked: false });
        token.is_none()
    }

    fn client_of(&self, op: &Op) -> Option<usize> {
        match op {
            Op::Redeem { grant, .. } | Op::Refresh { grant, .. } | Op::RevokeRefresh { grant, .. } => Some(self.grants[*grant].client),
            Op::RevokeAccess { token } => Some(self.access[token].client),
            Op::Credentials { client } | Op::Update { client } | Op::Delete { client } => Some(*client),
            Op::Withdraw { .. } | Op::LookAtAccess { .. } | Op::LookAtRefresh { .. } => None,
        }
    }

    /// Does the operation, now. `false`: this bank would have answered otherwise.
    fn does(&mut self, op: &Op, answer: &Answer) -> bool {
        if *answer == Answer::Busy {
            return true;
        }
        if self.client_of(op).is_some_and(|client| self.deleted[client]) {
            let managed = matches!(op, Op::Update { .. } | Op::Delete { .. });
            return answer.is(if managed { "401 invalid_token" } else { "401 invalid_client" });
        }
        match op {
            Op::Redeem { grant, with_its_verifier } => self.redeem(*grant, *with_its_verifier, answer),
            Op::Refresh { nth: None, .. } => answer.is(INVALID_GRANT),
            Op::Refresh { grant, nth: Some(nth), .. } => self.refresh(*grant, *nth, answer),
            Op::RevokeAccess { token } => {
                self.access.get_mut(token).unwrap().revoked = true;
                *answer == Answer::Done
            }
            Op::RevokeRefresh { grant, nth, .. } => {
                let grant = &mut self.grants[*grant];
                grant.alive &= !grant.is_live(*nth);
                *answer == Answer::Done
            }
            Op::Withdraw { grant } => {
                self.grants[*grant].alive = false;
                *answer == Answer::Done
            }
            Op::LookAtAccess { token } => *answer == Answer::Active(self.access_is_active(token)),
            Op::LookAtRefresh { grant, nth, .. } => *answer == Answer::Active(self.refresh_is_active(*grant, *nth)),
            Op::Credentials { client } => match answer {
                Answer::Issued { access, refresh: None } => self.issue(access, *client, None),
                Answer::Issued { .. } | Answer::Done | Answer::Active(_) | Answer::Refused(_) | Answer::Busy => false,
            },
            Op::Update { .. } => *answer == Answer::Done,
            Op::Delete { client } => {
                self.deleted[*client] = true;
                *answer == Answer::Done
            }
        }
    }

    /// RFC 6749 s4.1.2: once; again ends what it gave.
    fn redeem(&mut self, number: usize, with_its_verifier: bool, answer: &Answer) -> bool {
        let in_time = self.minutes == 0;
        let grant = &mut self.grants[number];
        if std::mem::replace(&mut grant.code_used, true) {
            grant.alive = false;
            return answer.is(INVALID_GRANT);
        }
        if !(in_time && with_its_verifier && grant.alive) {
            return answer.is(INVALID_GRANT);
        }
        let Answer::Issued { access, refresh: Some(refresh) } = answer else { return false };
        grant.chain.push(refresh.clone());
        let client = grant.client;
        self.issue(access, client, Some(number))
    }

    fn refresh(&mut self, number: usize, nth: usize, answer: &Answer) -> bool {
        let grant = &mut self.grants[number];
        if !grant.is_live(nth) {
            // a replay, where it had lived
            grant.alive = false;
            return answer.is(INVALID_GRANT);
        }
        let Answer::Issued { access, refresh } = answer else { return false };
        grant.current = nth;
        match (grant.rotates, refresh, grant.chain.get(nth + 1)) {
            (false, None, _) => {}
            // told before: the same again
            (true, Some(next), Some(told)) if next == told => {}
            (true, Some(next), None) => grant.chain.push(next.clone()),
            (true | false, ..) => return false,
        }
        let client = grant.client;
        self.issue(access, client, Some(number))
    }

    /// What is alive, by text.
    fn living(&self) -> BTreeMap<String, bool> {
        let access = self.access.keys().map(|token| (token.clone(), self.access_is_active(token)));
        let chains = self.grants.iter().enumerate();
        let refresh = chains.flat_map(|(grant, facts)| facts.chain.iter().enumerate().map(move |(nth, token)| (grant, nth, token)));
        access.chain(refresh.map(|(grant, nth, token)| (token.clone(), self.refresh_is_active(grant, nth)))).collect()
    }
}

/// Is there an order in which one bank answers all this, and after which just these tokens live? Then how that bank is.
fn explained(before: &Model, done: &[(Op, Answer)], seen: &BTreeMap<String, bool>) -> Option<Model> {
    let (all, mut tried, mut open) = ((1_u32 << done.len()) - 1, HashSet::new(), vec![(0_u32, before.clone())]);
    while let Some((so_far, model)) = open.pop() {
        if so_far == all && model.living() == *seen {
            return Some(model);
        }
        for (number, (op, answer)) in done.iter().enumerate().filter(|(number, _)| so_far & 1 << number == 0) {
            let mut after = model.clone();
            if after.does(op, answer) && tried.insert((so_far | 1 << number, after.clone())) {
                open.push((so_far | 1 << number, after));
            }
        }
    }
    None
}

/// A case at work: two servers of one database, and what is known so far.
struct Case<'a> {
    banks: &'a [Bank; 2],
    pool: PgPool,
    gateways: [Wire; 2],
    /// Of each client, two connections to each server.
    clients: Vec<[Client<'a>; 4]>,
    /// The code of each grant, and the customer.
    codes: Vec<(String, String)>,
    model: Model,
    /// How often each operation was answered how.
    met: BTreeMap<(&'static str, String), usize>,
}

async fn subjects(pool: &PgPool, grants: &[Uuid]) -> Vec<String> {
    let mut found = vec![];
    for grant in grants {
        found.push(sqlx::query_scalar("select psu from grants where id = $1").bind(grant).fetch_one(pool).await.unwrap());
    }
    found
}

/// A code and a refresh token begin with their grant's id.
fn grant_of(handle: &str) -> Uuid {
    let bytes = URL_SAFE_NO_PAD.decode(&handle[5..]).unwrap();
    Uuid::from_slice(&bytes[..16]).unwrap()
}

impl<'a> Case<'a> {
    async fn new(banks: &'a [Bank; 2]) -> Self {
        let mut clients = vec![];
        for _ in 0..CLIENTS {
            let client = banks[0].tpp(ROLES).register(CIC).await;
            let over = |number: usize| client.over(&banks[number % 2].tpp_named(&client.tpp.organisation, ROLES));
            clients.push([over(0), over(1), over(2), over(3)]);
        }
        let journeys = (0..GRANTS).map(|grant| clients[grant / SCOPES.len()][grant % 4].approved("web", SCOPES[grant % SCOPES.len()]));
        let codes: Vec<_> = together(journeys).await.iter().map(|landing: &Landing| landing.code().to_owned()).collect();
        let grants: Vec<_> = codes.iter().map(|code| grant_of(code)).collect();
        let pool = banks[0].pool().await;
        let codes = codes.into_iter().zip(subjects(&pool, &grants).await).collect();
        let gateways = [banks[0].gateway(), banks[1].gateway()];
        let mut case = Self { banks, pool, gateways, clients, codes, model: Model::new(), met: BTreeMap::new() };
        // of each client one code is left
        let redeemed = (0..GRANTS).filter(|grant| grant % SCOPES.len() != 2);
        let redeem = |grant| Draw::Redeem { grant, again: true, with_its_verifier: true };
        let steps = redeemed.map(|grant| Step { draw: redeem(grant), times: 1, replica: grant });
        case.run(&Batch { pauses: 0, held: false, steps: steps.collect() }).await;
        // and where refresh tokens follow one another, the second one is told
        let rotating = (0..GRANTS).filter(|grant| grant % SCOPES.len() == 1);
        let steps = rotating.map(|grant| Step { draw: Draw::Refresh { grant, back: 0, dead: true }, times: 1, replica: grant });
        case.run(&Batch { pauses: 0, held: false, steps: steps.collect() }).await;
        case
    }

    fn op(&self, draw: Draw) -> Option<Op> {
        let nth = |grant: usize, back: usize| Some(self.model.grants[grant].chain.len().checked_sub(1)?.saturating_sub(back));
        let refresh = |grant: usize, nth: usize| self.model.grants[grant].chain[nth].clone();
        let access = |pick: usize| self.model.access.keys().nth(pick % self.model.access.len().max(1)).cloned();
        Some(match draw {
            Draw::Redeem { grant, again, with_its_verifier } => {
                let unused = (0..GRANTS).map(|more| (grant + more) % GRANTS).find(|grant| !self.model.grants[*grant].code_used);
                Op::Redeem { grant: if again { grant } else { unused? }, with_its_verifier }
            }
            Draw::Refresh { grant, back, dead } => {
                let living = (0..GRANTS)
                    .map(|more| (grant + more) % GRANTS)
                    .find(|grant| dead || self.model.grants[*grant].is_live(self.model.grants[*grant].current));
                let grant = living.unwrap_or(grant);
                nth(grant, back).map(|nth| Op::Refresh { grant, nth: Some(nth), token: refresh(grant, nth) })?
            }
            Draw::RefreshForged { grant } => {
                let mut bytes = grant_of(&self.codes[grant].0).as_bytes().to_vec();
                bytes.extend([grant as u8; 32]);
                Op::Refresh { grant, nth: None, token: format!("gurt_{}", URL_SAFE_NO_PAD.encode(bytes)) }
            }
            Draw::RevokeAccess { pick } => Op::RevokeAccess { token: access(pick)? },
            Draw::RevokeRefresh { grant, back } => {
                nth(grant, back).map(|nth| Op::RevokeRefresh { grant, nth, token: refresh(grant, nth) })?
            }
            Draw::Withdraw { grant } => Op::Withdraw { grant },
            Draw::LookAtAccess { pick } => Op::LookAtAccess { token: access(pick)? },
            Draw::LookAtRefresh { grant, back } => {
                nth(grant, back).map(|nth| Op::LookAtRefresh { grant, nth, token: refresh(grant, nth) })?
            }
            Draw::Credentials { client } => Op::Credentials { client },
            Draw::Update { client } => Op::Update { client },
            Draw::Delete { client } => Op::Delete { client },
        })
    }

    async fn ask(&self, op: &Op, way: usize) -> Answer {
        let client = |number: usize| &self.clients[number][way % 4];
        let of_grant = |grant: usize| client(self.model.grants[grant].client);
        let bank = &self.banks[way % 2];
        match op {
            Op::Redeem { grant, with_its_verifier } => {
                let verifier = if *with_its_verifier { VERIFIER.to_owned() } else { VERIFIER.to_lowercase() };
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", &self.codes[*grant].0),
                    ("redirect_uri", CALLBACK),
                    ("code_verifier", &verifier),
                ];
                Answer::issued(&of_grant(*grant).token("web", &form).await)
            }
            Op::Refresh { grant, token, .. } => Answer::issued(&of_grant(*grant).refresh(token).await),
            Op::RevokeAccess { token } => Answer::done(&client(self.model.access[token].client).revoke(token).await),
            Op::RevokeRefresh { grant, token, .. } => Answer::done(&of_grant(*grant).revoke(token).await),
            Op::Withdraw { grant } => {
                let (code, subject) = &self.codes[*grant];
                let path = format!("grants/{}/withdraw", grant_of(code));
                Answer::done(&post(bank, CIC, &path, &json!({ "subject": subject })).await)
            }
            Op::LookAtAccess { token } | Op::LookAtRefresh { token, .. } => Answer::Active(self.is_active(way % 2, token).await),
            Op::Credentials { client: number } => Answer::issued(&client(*number).client_credentials().await),
            Op::Update { client: number } => {
                let mut metadata = Tpp::metadata(CIC);
                metadata["client_id"] = json!(client(*number).id);
                metadata["client_name"] = json!(format!("Name {way}"));
                Answer::done(&client(*number).manage(Method::PUT, &metadata).await)
            }
            Op::Delete { client: number } => Answer::done(&client(*number).delete().await),
        }
    }

    async fn is_active(&self, server: usize, token: &str) -> bool {
        let url = format!("https://localhost:{}/brands/{}/introspect", self.banks[server].internal.port(), CIC.id);
        self.gateways[server].form(&url, &[], &[("token", token)]).await.ok(200).json()["active"] == true
    }

    /// What lives, as both servers say.
    async fn look(&self, tokens: &BTreeSet<String>) -> BTreeMap<String, bool> {
        let [one, two] = [0, 1].map(|server| together(tokens.iter().map(move |token| self.is_active(server, token))));
        let (one, two) = tokio::join!(one, two);
        assert_eq!(one, two, "two servers disagree on {tokens:?}");
        tokens.iter().cloned().zip(one).collect()
    }

    async fn let_go_when_all_wait(held: Option<Held>) {
        if let Some(held) = held {
            held.until_all_wait().await;
            held.let_go().await;
        }
    }

    async fn run(&mut self, batch: &Batch) {
        for bank in self.banks {
            bank.clock.advance(Duration::minutes(PAUSE * batch.pauses));
        }
        self.model.minutes += PAUSE * batch.pauses;
        let ops = batch.steps.iter().filter_map(|step| Some((self.op(step.draw)?, step)));
        let ways = ops.flat_map(|(op, step)| (0..step.times).map(move |time| (op.clone(), step.replica + time)));
        let ways: Vec<_> = ways.take(MOST).collect();
        let asked = together(ways.iter().enumerate().map(|(number, (op, way))| self.ask(op, way + number / 2 * 2)));
        let grants: Vec<_> = self.codes.iter().map(|(code, _)| grant_of(code)).collect();
        let held = if batch.held { Some(Held::of(&self.banks[0], &grants).await) } else { None };
        let (answers, ()) = tokio::join!(asked, Self::let_go_when_all_wait(held));
        let done: Vec<_> = ways.into_iter().map(|(op, _)| op).zip(answers).collect();

        let told = done
            .iter()
            .filter_map(|(_, answer)| if let Answer::Issued { access, refresh } = answer { Some((access, refresh)) } else { None });
        let told = told.flat_map(|(access, refresh)| [Some(access), refresh.as_ref()]).flatten();
        let tokens: BTreeSet<_> = self.model.living().into_keys().chain(told.cloned()).collect();
        let seen = self.look(&tokens).await;
        let changing = done.iter().any(|(op, _)| matches!(op, Op::Update { .. }));
        assert!(changing || done.iter().all(|(_, answer)| *answer != Answer::Busy), "nothing changed, and it was to try again: {done:#?}");
        for (op, answer) in &done {
            *self.met.entry((op.name(), answer.name())).or_default() += 1;
        }
        match explained(&self.model, &done, &seen) {
            Some(model) => self.model = model,
            None => panic!("no order explains this.\nbefore: {:#?}\ndone: {done:#?}\nalive: {seen:#?}", self.model),
        }
    }

    /// A row and an event for each token that was answered, and none besides; a code gave once.
    async fn is_on_record(&self) {
        for (number, (code, _)) in self.codes.iter().enumerate() {
            let count =
                async |query: &'static str| -> i64 { sqlx::query_scalar(query).bind(grant_of(code)).fetch_one(&self.pool).await.unwrap() };
            let answered = self.model.access.values().filter(|access| access.grant == Some(number)).count();
            assert_eq!(count("select count(*) from tokens where grant_id = $1").await, i64::try_from(answered).unwrap());
            let events = "select count(*) from audit_events where grant_id = $1 and kind in ('token_issued', 'token_refreshed')";
            assert_eq!(count(events).await, i64::try_from(answered).unwrap());
            assert!(
                count("select count(*) from audit_events where grant_id = $1 and kind = 'token_issued'").await <= 1,
                "a code gave twice"
            );
        }
        self.pool.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_two_servers_do_at_once_one_bank_could_have_done_in_some_order() {
    let rotating = (CIC, "[brand.scope.aisp]\nrefresh_token_rotation = true\n".to_owned());
    let one = Bank::with(BankOptions { one_brand_extra: Some(rotating.clone()), ..BankOptions::default() }).await;
    let database = Some(one.database.clone());
    let two = Bank::with(BankOptions { one_brand_extra: Some(rotating), database, ..BankOptions::default() }).await;
    let (banks, mut runner, mut met) = ([one, two], TestRunner::deterministic(), BTreeMap::new());
    for _ in 0..CASES {
        let batches = vec(batch(), 4..12).new_tree(&mut runner).unwrap().current();
        let mut case = Case::new(&banks).await;
        for batch in &batches {
            case.run(batch).await;
        }
        case.is_on_record().await;
        for (what, times) in case.met {
            *met.entry(what).or_default() += times;
        }
    }
    println!("{met:#?}");
    for (op, answer) in [
        ("redeem", "issued with a refresh token"),
        ("redeem", INVALID_GRANT),
        ("refresh", "issued"),
        ("refresh", "issued with a refresh token"),
        ("refresh", INVALID_GRANT),
        ("refresh", "401 invalid_client"),
        ("revoke access token", "done"),
        ("revoke refresh token", "done"),
        ("withdraw", "done"),
        ("update", "done"),
        ("delete", "done"),
        ("introspect access token", "active: true"),
        ("introspect access token", "active: false"),
        ("introspect refresh token", "active: true"),
        ("introspect refresh token", "active: false"),
    ] {
        let times: usize = met.get(&(op, answer.to_owned())).copied().unwrap_or_default();
        assert!(times > 0, "never met: {op}, {answer}");
    }
}
