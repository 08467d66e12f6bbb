//! `guichet act`: acts that wait for a second person; and how every verb orders one.

use super::{
    ConfigFile, Failure, block,
    operator::{Author, LONG, connect, moment, text},
    psu::{reference, tell_erased},
    table::{or_dash, print_facts, print_json, print_table},
    tpp,
};
use crate::{
    admin::{Act, HeldClient, KeyView, Order, Proposal, ProposalState, Sweep},
    clock::{Clock, System},
    config::Settings,
    flows::{
        admin::{self, Desk, Done, NotDecided, Submitted, sweeps},
        erasure::Customer,
    },
    oauth::profile::SecurityProfile,
    server,
    signing::KeyMaker,
    storage::Db,
};
use clap::{Subcommand, ValueEnum};
use std::{path::PathBuf, process::ExitCode, time::Duration};
use uuid::Uuid;

/// Exit code of what waits for a second person.
pub const WAITS: u8 = 10;
/// While another process is at it.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Subcommand)]
pub enum ActStep {
    /// What waits, newest first
    List {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long, value_enum, default_value_t = Which::Open)]
        state: Which,
        /// Begin after this one
        #[arg(long, value_name = "ID")]
        after: Option<Uuid>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[arg(long)]
        json: bool,
    },
    /// One act: what, why, by whom, and what became of it
    Show {
        #[command(flatten)]
        config: ConfigFile,
        id: Uuid,
        #[arg(long)]
        json: bool,
    },
    /// Have it done: by another person than the one who proposed it
    Approve {
        #[command(flatten)]
        config: ConfigFile,
        id: Uuid,
        /// Of `psu.erase`: holds the bank's reference of the customer and nothing else; `-` is standard input
        #[arg(long, value_name = "FILE")]
        reference_file: Option<PathBuf>,
        #[command(flatten)]
        author: Author,
    },
    /// Have it not done; the one who proposed it may, too
    Reject {
        #[command(flatten)]
        config: ConfigFile,
        id: Uuid,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Which {
    Open,
    Approved,
    Rejected,
    Expired,
    All,
}

impl Which {
    const fn state(self) -> Option<ProposalState> {
        match self {
            Self::Open => Some(ProposalState::Open),
            Self::Approved => Some(ProposalState::Approved),
            Self::Rejected => Some(ProposalState::Rejected),
            Self::Expired => Some(ProposalState::Expired),
            Self::All => None,
        }
    }
}

/// What became of an order.
pub enum Ordered {
    Done(Box<Done>),
    /// A second person has to approve it, which was said.
    Waits,
}

/// What acts need, from the settings.
pub struct Means {
    system: System,
    keys: KeyMaker,
}

impl Means {
    pub fn new(settings: &Settings) -> Self {
        // a wrapping key that does not read stands in the way of keys, not of a block
        let keys = server::key_maker(settings).unwrap_or_else(|error| {
            eprintln!("guichet: {error}");
            KeyMaker::default()
        });
        Self { system: System::new(), keys }
    }

    pub fn desk<'a>(&'a self, settings: &'a Settings, db: &'a Db) -> Desk<'a> {
        let brands = settings.brands.iter().collect();
        Desk { db, entropy: &self.system, now: self.system.now(), policy: &settings.admin, brands, keys: &self.keys, customer: None }
    }
}

/// Done at once, or proposed.
pub async fn order(settings: &Settings, db: &Db, act: Act, reason: &str, author: &Author, json: bool) -> Result<Ordered, Failure> {
    order_of(settings, db, act, None, reason, author, json).await
}

async fn order_of(
    settings: &Settings,
    db: &Db,
    act: Act,
    customer: Option<&Customer>,
    reason: &str,
    author: &Author,
    json: bool,
) -> Result<Ordered, Failure> {
    let order = Order { act, reason: text("--reason", reason, LONG)?, by: author.person()? };
    let means = Means::new(settings);
    let desk = Desk { customer, ..means.desk(settings, db) };
    let submitted = admin::submit(&desk, order).await?.map_err(|refusal| Failure(7, refusal.to_string()))?;
    let (proposal, before) = match submitted {
        Submitted::Done(done) => return Ok(Ordered::Done(Box::new(done))),
        Submitted::Proposed(proposal) => (proposal, false),
        Submitted::ProposedBefore(proposal) => (proposal, true),
    };
    if json {
        print_json(&proposal.view(desk.now));
    } else {
        say!("{}", if before { "proposed already; it stays as it is" } else { "proposed: a second person has to approve it" });
        say!("");
        describe(&proposal, desk.now);
        let of = if proposal.act.needs_customer() { " --reference-file FILE" } else { "" };
        say!("\nguichet act approve {}{of} --by NAME", proposal.id);
    }
    Ok(Ordered::Waits)
}

/// [`order`], and says what became of it.
pub async fn carry_out(settings: &Settings, db: &Db, act: Act, reason: &str, author: &Author, json: bool) -> Result<ExitCode, Failure> {
    conclude(db, order(settings, db, act, reason, author, json).await?, json).await
}

/// An act that is of a customer, whom it does not name.
pub async fn carry_out_of(
    customer: &Customer,
    settings: &Settings,
    db: &Db,
    act: Act,
    reason: &str,
    author: &Author,
) -> Result<ExitCode, Failure> {
    conclude(db, order_of(settings, db, act, Some(customer), reason, author, false).await?, false).await
}

async fn conclude(db: &Db, ordered: Ordered, json: bool) -> Result<ExitCode, Failure> {
    match ordered {
        Ordered::Done(done) => finish(db, &done, json).await,
        Ordered::Waits => Ok(ExitCode::from(WAITS)),
    }
}

/// Says what was done; grants that are to be ended one after the other are.
async fn finish(db: &Db, done: &Done, json: bool) -> Result<ExitCode, Failure> {
    if let Done::Sweeping(sweep) = done {
        return sweep_through(db, sweep.id, json).await;
    }
    if json {
        print_json(&done.json())
    } else {
        tell(done)
    }
    Ok(ExitCode::SUCCESS)
}

/// Until all are ended. Whatever ends this process, a server goes on with it, or `guichet grant resume`.
pub async fn sweep_through(db: &Db, id: Uuid, json: bool) -> Result<ExitCode, Failure> {
    let system = System::new();
    loop {
        match sweeps::step(db, &system, id, system.now()).await? {
            Some(sweep) if sweep.finished_at.is_some() => break,
            Some(_) => {}
            None => match db.find_sweep(id).await? {
                None => return Err(Failure(7, "there is no such sweep; `guichet grant sweeps` names them".into())),
                Some(sweep) if sweep.finished_at.is_some() => break,
                Some(_) => tokio::time::sleep(LOOK_AGAIN).await,
            },
        }
    }
    let Some(sweep) = db.find_sweep(id).await? else { return Err(Failure::unexpected("the sweep is gone")) };
    if json {
        print_json(&sweep.view())
    } else {
        tell_sweep(&sweep)
    }
    Ok(ExitCode::SUCCESS)
}

pub fn tell_sweep(sweep: &Sweep) {
    let stands = if sweep.finished_at.is_some() { "finished" } else { "goes on" };
    say!("sweep {}: {} of {}: {stands}, {} grants ended", sweep.id, sweep.ending.name(), sweep.whose, sweep.grants);
}

pub fn tell(done: &Done) {
    match done {
        Done::Registered(client) => {
            say!("registered: client {} of {} at {}, scope {}", client.client_id, client.organisation, client.brand, client.scope)
        }
        Done::Reregistered(client) => say!("replaced: what is registered of client {}, scope {}", client.client_id, client.scope),
        Done::Deleted(client) => say!("deleted: client {client} with its grants and tokens"),
        Done::Blocked(block) => say!("blocked\n\n{}", block::describe(block)),
        Done::BlockedBefore(block) => say!("blocked already; the block in force stays as it is\n\n{}", block::describe(block)),
        Done::Lifted(block) => say!("lifted\n\n{}", block::describe(block)),
        Done::LiftedBefore(block) => say!("lifted already\n\n{}", block::describe(block)),
        Done::GrantEnded(grant) => say!("ended: grant {}, {}", grant.grant_id, or_dash(grant.why)),
        Done::GrantEndedBefore(grant) => say!("ended before, and stays as it is: grant {}, {}", grant.grant_id, or_dash(grant.why)),
        Done::Sweeping(sweep) => tell_sweep(sweep),
        Done::Held(held) => say!("client {} is held to {}", held.client_id, held_to(held)),
        Done::HeldBefore(held) => say!("so it was before: client {} is held to {}", held.client_id, held_to(held)),
        Done::Merged(record) => tpp::say_merged(record, false),
        Done::Rotated(key) => say!("key {} ({}), {}", key.kid, key.algorithm.name(), signs(key)),
        Done::Retired(key) => say!("retired: key {} is published no more, and its private half is destroyed", key.kid),
        Done::RetiredBefore(key) => say!("retired before: key {}", key.kid),
        Done::Erased(erased) => tell_erased(erased),
    }
}

fn held_to(held: &HeldClient) -> &'static str {
    held.held_to.map_or("what it registered", SecurityProfile::name)
}

fn signs(key: &KeyView) -> String {
    key.signs_from.map_or_else(String::new, |from| format!("published from now on, signs from {}", moment(from)))
}

pub async fn run(step: ActStep) -> Result<ExitCode, Failure> {
    let now = System::new().now();
    match step {
        ActStep::List { config, state, after, limit, json } => {
            let db = connect(&config.settings()?).await?;
            let found = admin::acts(&db, state.state(), after, usize::from(limit), now).await?;
            if json {
                let acts = found.acts.iter().map(|act| act.view(now)).collect();
                print_json(&crate::admin::ActPage { acts, next: found.next });
            } else if found.acts.is_empty() {
                say!("no such acts");
            } else {
                print_table(&["id", "act", "what", "state", "by", "expires"], found.acts.iter().map(|act| row(act, now)).collect());
            }
            if let (Some(next), false) = (found.next, json) {
                say!("more: --after {next}");
            }
            Ok(ExitCode::SUCCESS)
        }
        ActStep::Show { config, id, json } => {
            let db = connect(&config.settings()?).await?;
            let found = db.find_act(id).await?.ok_or_else(|| Failure(2, "there is no act with this id".into()))?;
            if json {
                print_json(&found.view(now))
            } else {
                describe(&found, now)
            }
            Ok(ExitCode::SUCCESS)
        }
        ActStep::Approve { config, id, reference_file, author } => {
            let settings = config.settings()?;
            let psu = reference_file.map(|file| reference("--reference-file", &file)).transpose()?;
            let (db, means, who) = (connect(&settings).await?, Means::new(&settings), author.person()?);
            let customer = match psu {
                Some(psu) => Some(Customer::of(&db, &means.system, psu).await?),
                None => None,
            };
            let desk = Desk { customer: customer.as_ref(), ..means.desk(&settings, &db) };
            match admin::approve(&desk, id, who).await? {
                Ok((_, done)) => {
                    say!("approved");
                    finish(&db, &done, false).await
                }
                Err(NotDecided::Decision(refusal)) => Err(Failure(7, refusal.to_string())),
                Err(NotDecided::Act(refusal)) => Err(Failure(7, format!("it cannot be done now, and stays open: {refusal}"))),
            }
        }
        ActStep::Reject { config, id, reason, author } => {
            let settings = config.settings()?;
            let (why, who) = (text("--reason", &reason, LONG)?, author.person()?);
            let (db, means) = (connect(&settings).await?, Means::new(&settings));
            let rejected = admin::reject(&means.desk(&settings, &db), id, who, why).await?;
            rejected.map_err(|refusal| Failure(7, refusal.to_string()))?;
            say!("rejected: it will not be done");
            Ok(ExitCode::SUCCESS)
        }
    }
}

const fn word(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "open",
        ProposalState::Approved => "approved",
        ProposalState::Rejected => "rejected",
        ProposalState::Expired => "expired",
    }
}

fn row(act: &Proposal, now: time::OffsetDateTime) -> Vec<String> {
    vec![
        act.id.to_string(),
        act.act.kind().to_string(),
        act.act.to_string(),
        word(act.state(now)).to_owned(),
        act.by.to_string(),
        moment(act.expires_at),
    ]
}

fn describe(act: &Proposal, now: time::OffsetDateTime) {
    let decided = act.decided.as_ref();
    print_facts(&[
        ("act", Some(act.id.to_string())),
        ("kind", Some(act.act.kind().to_string())),
        ("what", Some(act.act.to_string())),
        ("reason", Some(act.reason.clone())),
        ("proposed", Some(format!("{} by {}", moment(act.at), act.by))),
        ("expires", Some(moment(act.expires_at))),
        ("state", Some(word(act.state(now)).to_owned())),
        ("decided", decided.and_then(|decided| Some(format!("{} by {}", moment(decided.at), decided.by.as_ref()?)))),
        ("because", decided.and_then(|decided| decided.why.clone())),
        ("outcome", decided.and_then(|decided| decided.outcome.as_ref().map(ToString::to_string))),
    ]);
}
