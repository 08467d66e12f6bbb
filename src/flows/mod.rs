//! The shell: read the clock, begin, load, ask `oauth`, write, audit, commit. No HTTP, no SQL text.

mod access_token;
pub mod admin;
pub mod admission;
pub mod answer;
pub mod audit;
pub mod authorize;
pub mod certificate;
mod certified_keys;
pub mod client;
pub mod client_keys;
pub mod conclusion;
mod count;
pub mod erasure;
pub mod events;
pub mod exchange;
pub mod explain;
pub mod handoff;
pub mod health;
pub mod introspect;
pub mod journey;
pub mod kill_switch;
pub mod organisation;
pub mod payment;
pub mod permissions;
pub mod pushed;
pub mod register;
pub mod register_import;
mod request_object;
pub mod revocation;
pub mod revoke;
pub mod sandbox;
pub mod signed_introspection;
mod software_statement;
pub mod standing;
pub mod stranger;
pub mod token;

use crate::{
    app::{App, Shared},
    audit::{
        AuditEvent, AuditKind,
        psu::{PsuDigestKey, PsuKey},
    },
    oauth::{
        brand::Brand, error::OAuthError, grant::PsuReference, interaction::Interaction, params::Params, presented::Presented,
        rotation::SuccessionKey,
    },
    pki::PresentedChain,
    telemetry::request,
};

pub use crate::storage::Outage;

use crate::storage::Tx;

use std::sync::{Arc, atomic::AtomicBool};
use time::OffsetDateTime;

/// The outer `Err` is an outage, the inner one a refusal: they never look alike.
pub type Answer<T> = Result<Result<T, OAuthError>, Outage>;

/// A request at an endpoint of clients, with its certificate judged as far as that goes.
pub struct Caller {
    pub brand: Arc<Brand>,
    pub presented: Presented,
    /// As it came.
    pub chain: PresentedChain,
    /// The `Authorization` header's value.
    pub authorization: Option<String>,
    pub params: Params,
    /// The assertion in `params` was used by this request, which may look at its client more than once.
    pub asserted: AtomicBool,
}

/// Of a journey, for the request line.
fn note(interaction: &Interaction) {
    request::note(|facts| {
        facts.client = Some(interaction.client);
        facts.channel = Some(interaction.channel.as_str().into());
        facts.about(&interaction.scope);
    });
}

/// What only somebody who asks makes worth looking at.
pub fn measure(shared: &Shared) {
    let pool = shared.db.pool_state();
    for (state, count) in [("idle", pool.idle), ("used", pool.used)] {
        metrics::gauge!("guichet_database_connections", "state" => state).set(count);
    }
    metrics::gauge!("guichet_database_connections_most").set(pool.most);
    metrics::gauge!("guichet_database_waiting").set(pool.waiting);
}

impl App {
    /// What leads from a refresh token to the one after it.
    async fn succession_key(&self) -> Result<&SuccessionKey, Outage> {
        self.succession_key.get_or_try_init(|| self.db.succession_key(self.entropy.bytes())).await
    }

    /// What leads from a customer to his key in the audit trail.
    pub async fn psu_digest_key(&self) -> Result<&PsuDigestKey, Outage> {
        self.psu_digest_key.get_or_try_init(|| self.db.psu_digest_key(self.entropy.bytes())).await
    }

    /// The event says of whom it is, to whoever has his key.
    async fn of_customer(&self, tx: &mut Tx, brand: &Brand, event: AuditEvent, psu: &PsuReference) -> Result<AuditEvent, Outage> {
        let digest = self.psu_digest_key().await?.digest(&brand.id, psu);
        let fresh = PsuKey::new(self.entropy.uuid(event.at), self.entropy.bytes());
        let key = tx.psu_key(&brand.id, &digest, &fresh, event.at).await?;
        let sealed = key.seal(event.id, psu, self.entropy.bytes());
        Ok(event.psu(sealed))
    }

    fn event(&self, now: OffsetDateTime, brand: &Brand, kind: AuditKind) -> AuditEvent {
        AuditEvent::new(self.entropy.uuid(now), now, &brand.id, kind)
    }
}
