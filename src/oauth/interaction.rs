//! One customer's journey, from the authorization request to the answer the TPP gets. Expiry is a comparison, not a job.

use super::{
    brand::{Brand, Lang},
    channel::Channel,
    client::ClientId,
    grant::{GrantId, PsuReference},
    pkce::CodeChallenge,
    redirect::TrustedRedirect,
    sca::ScaFailure,
    scope::Scope,
    secret::Digest,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use uuid::Uuid;

/// Wrong passwords that end a journey (RTS art. 4(3)(b) allows at most 5).
pub const MOST_ATTEMPTS: i16 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InteractionId(pub Uuid);

/// The browser's own random value, kept in a cookie: a journey answers only the browser that began it.
#[derive(Clone)]
pub struct BrowserKey([u8; 32]);

impl BrowserKey {
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    pub fn parse(cookie: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        (cookie.len() == 43 && URL_SAFE_NO_PAD.decode_slice(cookie, &mut bytes).ok()? == 32).then_some(Self(bytes))
    }

    /// The cookie's value: where this is called, the key goes to its browser.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// The token that a form of this journey must bring back.
    pub fn csrf(&self, interaction: InteractionId) -> String {
        let mut hash = Sha256::new();
        hash.update(b"csrf");
        hash.update(self.0);
        hash.update(interaction.0.as_bytes());
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }

    pub fn accepts(&self, interaction: InteractionId, csrf: &str) -> bool {
        self.csrf(interaction).as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

impl fmt::Debug for BrowserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserKey(..)")
    }
}

/// Where the journey stands. Each state has the facts that are true in it.
#[derive(Clone, Debug)]
pub enum State {
    /// Nobody has signed in; so many wrong passwords so far.
    SignIn { attempts: i16 },
    /// Authenticated; the page that informs or asks is open.
    Consent { psu: PsuReference, sca_at: OffsetDateTime },
    /// Approved; the code goes out when the browser comes for it.
    Approved { grant: GrantId },
    /// Failed; the same answer however often the browser asks.
    Failed(ScaFailure),
}

#[derive(Clone, Debug)]
pub struct Interaction {
    pub id: InteractionId,
    pub channel: String,
    pub client: ClientId,
    pub redirect_uri: String,
    pub redirect_uri_sent: bool,
    pub tpp_state: Option<String>,
    pub scope: Scope,
    pub challenge: Option<CodeChallenge>,
    pub lang: Lang,
    pub browser: Digest,
    pub state: State,
    pub expires_at: OffsetDateTime,
    /// Last sign of life of the customer.
    pub active_at: OffsetDateTime,
}

/// What a request on this journey meets now.
#[derive(Clone, Debug)]
pub enum Stage {
    SignIn,
    Consent { psu: PsuReference, sca_at: OffsetDateTime },
    Deliver(GrantId),
    Fail(ScaFailure),
}

impl Interaction {
    pub fn redirect(&self, brand: &Brand) -> TrustedRedirect {
        TrustedRedirect::stored(self.redirect_uri.clone(), self.tpp_state.clone(), brand)
    }

    /// An open journey past its deadline, or idle for too long (RTS art. 4(3)(d)), has timed out.
    pub fn stage(&self, brand: &Brand, now: OffsetDateTime) -> Stage {
        let over = now >= self.expires_at || now - self.active_at >= brand.psu_session;
        match &self.state {
            State::Failed(failure) => Stage::Fail(*failure),
            State::Approved { grant } => Stage::Deliver(*grant),
            State::SignIn { .. } | State::Consent { .. } if over => Stage::Fail(ScaFailure::TimedOut),
            State::SignIn { .. } => Stage::SignIn,
            State::Consent { psu, sca_at } => Stage::Consent { psu: psu.clone(), sca_at: *sca_at },
        }
    }

    /// The redirect that tells the TPP how it failed, in the channel's spelling.
    pub fn failure_redirect(&self, failure: ScaFailure, channel: &Channel, brand: &Brand) -> String {
        self.redirect(brand).refuse(channel.wire_code(failure), failure.description())
    }
}
