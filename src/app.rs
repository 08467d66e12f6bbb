//! What every request needs. Cheap to clone.

use crate::{
    admin::AdminPolicy,
    audit::psu::PsuDigestKey,
    clock::{Clock, Entropy},
    config::Settings,
    figures::Book,
    limits::{Limits, Policy},
    oauth::{
        brand::{Brand, BrandId},
        client::{Client, ClientId},
        rotation::SuccessionKey,
    },
    outbound::Outbound,
    practices::Practices,
    sca::Drivers,
    signing::SigningDesk,
    storage::Db,
    trust::{Sightings, TrustDesk, client_keys::ClientKeys, revocation::StatusDesk, standing::StandingDesk},
    uses::Uses,
};
use arc_swap::{ArcSwap, Guard};
use quick_cache::sync::Cache;
use std::{ops::Deref, sync::Arc};
use time::OffsetDateTime;
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

/// A request ends with the one that it began with.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What the settings made, built as a whole: a reload builds another, and what it shares is shared with that.
pub struct Parts {
    pub brands: Vec<Arc<Brand>>,
    pub trust: TrustDesk,
    pub statuses: StatusDesk,
    /// Blocks, register and merges, beside what certificates say.
    pub standing: StandingDesk,
    pub outbound: Outbound,
    /// Who authenticates the customers on our pages.
    pub drivers: Drivers,
    /// The keys that are published, and the one that signs.
    pub signing: SigningDesk,
    /// How the bank's own people may act.
    pub admin: Arc<AdminPolicy>,
    shared: Arc<Shared>,
}

/// What lasts as long as the process.
pub struct Shared {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Certificates in use that were written down lately.
    pub sightings: Sightings,
    /// When grants were last used, as far as that is not written down yet.
    pub uses: Uses,
    /// What clients were seen to do, as far as that is not written down yet.
    pub practices: Practices,
    /// What the regulator asks for, as far as that is not written down yet.
    pub figures: Book,
    /// This process, among those that write figures.
    pub process: Uuid,
    /// Clients as last read. Never trusted blindly: a write names the revision it relied on.
    pub clients: Cache<ClientId, Arc<Client>>,
    /// Of clients that keep them at their own servers.
    pub client_keys: ClientKeys,
    /// Read when it is first needed.
    pub succession_key: OnceCell<SuccessionKey>,
    /// As this.
    pub psu_digest_key: OnceCell<PsuDigestKey>,
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
}

/// What the bank's own people decide: their keys, and how they may act.
pub struct House {
    pub signing: SigningDesk,
    pub admin: AdminPolicy,
}

/// Whom we ask.
pub struct WaysOut {
    pub outbound: Outbound,
    pub drivers: Drivers,
}

const CACHED_CLIENTS: usize = 10_000;

impl Shared {
    pub fn new(db: Db, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, limits: Policy) -> Self {
        let limits = Arc::new(Limits::new(limits, clock.clone()));
        let process = entropy.uuid(clock.now());
        Self {
            db,
            clock,
            entropy,
            sightings: Sightings::new(),
            uses: Uses::new(),
            practices: Practices::new(),
            figures: Book::default(),
            process,
            clients: Cache::new(CACHED_CLIENTS),
            client_keys: ClientKeys::default(),
            succession_key: OnceCell::new(),
            psu_digest_key: OnceCell::new(),
            limits,
            explanations: Semaphore::new(1),
        }
    }
}

impl App {
    pub fn new(shared: Arc<Shared>, brands: Vec<Arc<Brand>>, desks: Desks, out: WaysOut, house: House) -> Self {
        Self(Arc::new(Parts {
            brands,
            trust: desks.trust,
            statuses: desks.statuses,
            standing: desks.standing,
            outbound: out.outbound,
            drivers: out.drivers,
            signing: house.signing,
            admin: Arc::new(house.admin),
            shared,
        }))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deref for Parts {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Parts {
    pub fn brand(&self, id: &BrandId) -> Option<&Arc<Brand>> {
        self.brands.iter().find(|b| b.id == *id)
    }
}

/// The settings in force, and what was made of them.
pub struct Installed {
    pub settings: Settings,
    pub app: App,
    pub certificates: Vec<OwnCertificate>,
}

/// A certificate that we show.
#[derive(Clone, Copy, Debug)]
pub struct OwnCertificate {
    /// The listener.
    pub shown_by: &'static str,
    pub not_after: OffsetDateTime,
}

/// What is installed at the moment: tasks look here each time they begin something.
#[derive(Clone)]
pub struct Current(Arc<ArcSwap<Installed>>);

impl Current {
    pub fn new(installed: Installed) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(installed)))
    }

    pub fn app(&self) -> App {
        self.0.load().app.clone()
    }

    pub fn installed(&self) -> Guard<Arc<Installed>> {
        self.0.load()
    }

    pub fn replace(&self, installed: Installed) {
        self.0.store(Arc::new(installed));
    }
}
