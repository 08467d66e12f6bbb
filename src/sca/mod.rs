//! How a bank authenticates its customers on our pages: one set of questions, asked of the sandbox's simulator or of the bank.

pub mod contract;
pub mod http;
pub mod script;
pub mod simulator;
pub mod wire;

mod breaker;
mod turns;

use self::{http::Http, simulator::Simulator};
use crate::{
    oauth::{
        brand::{Brand, BrandId, Lang, PsuAuthentication},
        client::Client,
        grant::PsuReference,
        interaction::{Challenge, Interaction, InteractionId, SignedIn},
        method::{Account, Eligibility},
        payment::Payment,
        sca::ScaFailure,
        secret::Secret,
    },
    storage::{Db, Outage},
};
use std::{collections::BTreeMap, fmt, sync::Arc};
use time::OffsetDateTime;
use turns::Turns;

/// What a question is about.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    pub brand: &'a Brand,
    pub interaction: &'a Interaction,
    pub client: &'a Client,
    pub payment: Option<&'a Payment>,
    pub now: OffsetDateTime,
}

/// What the bank makes of a login and a password.
#[derive(Debug)]
pub enum SignIn {
    Known(Eligibility),
    Wrong { attempts_left: u16 },
    Failed(ScaFailure),
}

/// How a challenge stands.
#[derive(Debug)]
pub struct Standing {
    /// The bank's name of the challenge.
    pub reference: String,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub enum Outcome {
    Pending { hint: Option<String>, until: Option<OffsetDateTime> },
    Approved(Proof),
    Failed(ScaFailure),
    WrongCode { attempts_left: u16 },
}

/// What the bank vouches for. Worth nothing until it was compared with what was asked.
pub struct Proof {
    pub method: String,
    pub at: OffsetDateTime,
    pub linked_hash: String,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({} at {})", self.method, self.at)
    }
}

/// Why there is no answer, or none that counts. Never what was asked: that may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody is asked at present: too many of the last questions had no answer.
    Open,
    /// Too many questions at once.
    Saturated,
    TimedOut,
    /// No connection, no TLS, or no whole answer.
    Unreachable,
    Status,
    TooLarge,
    /// Not the contract's JSON.
    Unreadable,
    /// An approval of something else.
    WrongHash,
    /// An approval from before the challenge, or from the future.
    WrongTime,
    /// Names another challenge or method than the one that was asked for.
    WrongChallenge,
    /// The bank says that the customer has no account.
    NoAccounts,
}

impl Fault {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Saturated => "saturated",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Status => "status",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::WrongHash => "wrong_hash",
            Self::WrongTime => "wrong_time",
            Self::WrongChallenge => "wrong_challenge",
            Self::NoAccounts => "no_accounts",
        }
    }

    /// The next question may well be answered.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Open | Self::Saturated | Self::TimedOut | Self::Unreachable | Self::Status => true,
            Self::TooLarge | Self::Unreadable | Self::WrongHash | Self::WrongTime | Self::WrongChallenge | Self::NoAccounts => false,
        }
    }
}

#[derive(Debug)]
pub enum NoAnswer {
    /// Our own database.
    Outage(Outage),
    Fault(Fault),
}

impl From<Outage> for NoAnswer {
    fn from(outage: Outage) -> Self {
        Self::Outage(outage)
    }
}

impl From<Fault> for NoAnswer {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The bank's SCA system, as the journey asks it.
pub enum Driver {
    Simulator(Simulator),
    Http(Http),
}

impl Driver {
    /// Who the customer is and how he may authenticate. `attempt` counts from 1.
    pub async fn eligibility(&self, on: Occasion<'_>, login: &str, password: &Secret, attempt: i16) -> Result<SignIn, NoAnswer> {
        match self {
            Self::Simulator(simulator) => Ok(simulator.eligibility(on.brand, login, password, attempt).await?),
            Self::Http(http) => Ok(http.eligibility(on, login, password, attempt).await?),
        }
    }

    pub async fn accounts(&self, on: Occasion<'_>, psu: &PsuReference) -> Result<Vec<Account>, NoAnswer> {
        match self {
            Self::Simulator(simulator) => Ok(simulator.accounts(on.brand, psu).await?),
            Self::Http(http) => Ok(http.accounts(on, psu).await?),
        }
    }

    /// Asks the bank to challenge the customer; asked again with the same challenge, it is the same.
    pub async fn challenge(&self, on: Occasion<'_>, who: &SignedIn, challenge: &Challenge) -> Result<Standing, NoAnswer> {
        match self {
            Self::Simulator(simulator) => Ok(simulator.standing(on, &who.psu, challenge).await?),
            Self::Http(http) => Ok(http.challenge(on, who, challenge).await?),
        }
    }

    pub async fn poll(&self, on: Occasion<'_>, who: &SignedIn, challenge: &Challenge, reference: &str) -> Result<Standing, NoAnswer> {
        match self {
            Self::Simulator(simulator) => Ok(simulator.standing(on, &who.psu, challenge).await?),
            Self::Http(http) => Ok(http.poll(on, reference).await?),
        }
    }

    /// The code that the customer typed: the challenge's try of this number.
    pub async fn answer(
        &self,
        on: Occasion<'_>,
        who: &SignedIn,
        challenge: &Challenge,
        reference: &str,
        code: &Secret,
    ) -> Result<Standing, NoAnswer> {
        match self {
            Self::Simulator(simulator) => Ok(simulator.answer(on, &who.psu, challenge, code).await?),
            Self::Http(http) => Ok(http.answer(on, challenge, reference, code).await?),
        }
    }

    /// Nobody waits for it any more. Best effort: a challenge that stays open at the bank is never asked about again.
    pub async fn cancel(&self, interaction: InteractionId, lang: Lang, reference: &str) {
        match self {
            Self::Simulator(_) => {}
            Self::Http(http) => http.cancel(interaction, lang.tag(), reference).await,
        }
    }
}

/// Each brand's driver, and who asked lately.
pub struct Drivers {
    by_brand: BTreeMap<BrandId, Arc<Driver>>,
    turns: Arc<Turns>,
}

impl Drivers {
    /// Sandboxes get the simulator, the others what their settings name. Who asked `before` is not forgotten.
    pub fn new(brands: &[Arc<Brand>], db: &Db, http: BTreeMap<BrandId, Http>, before: Option<&Self>) -> Self {
        let simulator = Arc::new(Driver::Simulator(Simulator::new(db.clone())));
        let simulated = brands.iter().filter(|brand| brand.psu_authentication == PsuAuthentication::Simulator);
        let simulated = simulated.map(|brand| (brand.id.clone(), simulator.clone()));
        let http = http.into_iter().map(|(brand, http)| (brand, Arc::new(Driver::Http(http))));
        let turns = before.map_or_else(Arc::default, |drivers| drivers.turns.clone());
        Self { by_brand: simulated.chain(http).collect(), turns }
    }

    /// The bank's own back end, where the brand has one.
    pub fn http(&self, brand: &BrandId) -> Option<&Http> {
        match &**self.by_brand.get(brand)? {
            Driver::Http(http) => Some(http),
            Driver::Simulator(_) => None,
        }
    }

    pub fn of(&self, brand: &BrandId) -> Option<&Arc<Driver>> {
        self.by_brand.get(brand)
    }

    /// A challenge is asked about once a second at most, however many pages wait for it.
    pub fn is_due(&self, challenge: &Challenge, now: OffsetDateTime) -> bool {
        self.turns.take(challenge.id, now)
    }
}
