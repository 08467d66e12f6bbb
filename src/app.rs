//! What every request needs, built once. Cheap to clone.

use crate::{
    audit::psu::PsuDigestKey,
    clock::{Clock, Entropy},
    figures::Book,
    limits::Limits,
    oauth::{
        brand::{Brand, BrandId},
        client::{Client, ClientId},
        rotation::SuccessionKey,
    },
    outbound::Outbound,
    sca::{Drivers, http::Http},
    storage::Db,
    trust::{Sightings, TrustDesk, revocation::StatusDesk, standing::StandingDesk},
    uses::Uses,
};
use quick_cache::sync::Cache;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub brands: Vec<Arc<Brand>>,
    pub trust: TrustDesk,
    pub statuses: Arc<StatusDesk>,
    pub outbound: Outbound,
    /// Blocks, register and merges, beside what certificates say.
    pub standing: StandingDesk,
    /// Certificates in use that were written down lately.
    pub sightings: Sightings,
    /// When grants were last used, as far as that is not written down yet.
    pub uses: Uses,
    /// What the regulator asks for, as far as that is not written down yet.
    pub figures: Book,
    /// This process, among those that write figures.
    pub process: Uuid,
    /// RFC 7517 set of the signing keys' public halves.
    pub jwks: serde_json::Value,
    /// Clients as last read. Never trusted blindly: a write names the revision it relied on.
    pub clients: Cache<ClientId, Arc<Client>>,
    /// Read when it is first needed.
    pub succession_key: OnceCell<SuccessionKey>,
    /// As this.
    pub psu_digest_key: OnceCell<PsuDigestKey>,
    /// Who authenticates the customers on our pages.
    pub drivers: Drivers,
    /// How much each may take of this process.
    pub limits: Arc<Limits>,
    /// Explaining a certificate takes CPU, and anybody may ask: one at a time, so that it costs no more than one core.
    pub explanations: Semaphore,
}

/// What is known of TPPs today, in memory.
pub struct Desks {
    pub trust: TrustDesk,
    pub statuses: StatusDesk,
    pub standing: StandingDesk,
    pub limits: Arc<Limits>,
}

/// Whom we ask.
pub struct WaysOut {
    pub outbound: Outbound,
    /// The banks' SCA back ends.
    pub banks: BTreeMap<BrandId, Http>,
}

const CACHED_CLIENTS: usize = 10_000;

impl App {
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        brands: Vec<Arc<Brand>>,
        desks: Desks,
        out: WaysOut,
        jwks: serde_json::Value,
    ) -> Self {
        let process = entropy.uuid(clock.now());
        let drivers = Drivers::new(&brands, &db, out.banks);
        Self(Arc::new(Parts {
            db,
            clock,
            entropy,
            brands,
            trust: desks.trust,
            statuses: Arc::new(desks.statuses),
            standing: desks.standing,
            outbound: out.outbound,
            sightings: Sightings::new(),
            uses: Uses::new(),
            figures: Book::default(),
            process,
            jwks,
            clients: Cache::new(CACHED_CLIENTS),
            succession_key: OnceCell::new(),
            psu_digest_key: OnceCell::new(),
            drivers,
            limits: desks.limits,
            explanations: Semaphore::new(1),
        }))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    pub fn brand(&self, id: &BrandId) -> Option<&Arc<Brand>> {
        self.brands.iter().find(|b| b.id == *id)
    }
}
