//! One customer's journey, from the authorization request to the answer the TPP gets. Expiry is a comparison, not a job.

use super::{
    brand::{Brand, BrandId, Lang, PsuAuthentication},
    channel::{Channel, Fallback},
    client::ClientId,
    details::AuthorizationDetails,
    grant::{GrantId, PsuReference},
    method::{Account, Method, MethodKind},
    payment::{LinkedHash, Payment, PaymentId, PaymentVersion},
    pkce::CodeChallenge,
    practice::Practice,
    redirect::{Answer, TrustedRedirect},
    response_mode::ResponseMode,
    sca::ScaFailure,
    scope::Scope,
    secret::{Digest, Handle, HandleKind, Secret},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use uuid::Uuid;

/// Passwords, and codes of one challenge, that a journey lets through to the bank, whose own count may end it sooner
/// (RTS art. 4(3)(b): at most 5).
pub const MOST_ATTEMPTS: i16 = 5;

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

    /// The key of a journey that the app's back end begins: it follows from what the back end calls it, so that a repetition meets
    /// the same journey. No browser ever holds it.
    pub fn of_app(brand: &BrandId, name: &str) -> Self {
        Self(Sha256::new().chain_update(b"app\0").chain_update(brand.as_str()).chain_update(b"\0").chain_update(name).finalize().into())
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

    /// What the bank's portal names the journey by. It follows from the key, so that a browser that comes back is sent on with
    /// the same one, and nothing but its digest is stored.
    pub fn ticket(&self, interaction: InteractionId) -> (Handle, Secret) {
        let mut hash = Sha256::new();
        hash.update(b"ticket");
        hash.update(self.0);
        hash.update(interaction.0.as_bytes());
        Handle::mint(HandleKind::Ticket, interaction.0, &hash.finalize().into())
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

/// Who began the journey, and so where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BegunBy {
    /// A browser: it alone fetches the answer, with its cookie.
    Browser,
    /// The bank's app, through its back end: that is told where the app goes home to.
    App,
}

/// A customer who named himself, and what he chose so far. Nothing is approved yet.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub psu: PsuReference,
    /// Those that work; at least one.
    pub methods: Vec<Method>,
    /// In `Accounts` those that the bank offers, later those that were chosen; empty where nothing is to be chosen.
    pub accounts: Vec<Account>,
}

/// A question that the bank's SCA system was asked to put to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Ours: asking twice with the same one is asking once.
    pub id: Uuid,
    pub method: String,
    pub kind: MethodKind,
    /// The bank's name of it; `None`: being asked for, or the answer got lost.
    pub reference: Option<String>,
    /// Where the code went, which device was called: the bank's words.
    pub hint: Option<String>,
    /// Codes sent to the bank so far, counted before each is sent.
    pub tried: i16,
    /// The last of them was wrong.
    pub wrong: bool,
    /// Looks in a row that the bank's systems did not answer.
    pub unanswered: i16,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub asked_at: OffsetDateTime,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub until: OffsetDateTime,
}

/// Where the journey stands. Each state has the facts that are true in it.
#[derive(Clone, Debug)]
pub enum State {
    /// A browser came where the bank's app was expected: open the app, go on here, or cancel.
    AppOffered,
    /// The bank's portal, or its app's back end, has it.
    HandedOff,
    /// Nobody has signed in; so many passwords were tried, each counted before the bank is asked.
    SignIn { attempts: i16 },
    /// Signed in; the accounts are to be chosen.
    Accounts(SignedIn),
    /// Signed in; the page that informs or asks is open.
    Consent(SignedIn),
    /// Wants to go on; by which method?
    Methods(SignedIn),
    /// Being authenticated.
    Challenged(SignedIn, Challenge),
    /// Approved; the code goes out when the browser comes for it.
    Approved { grant: GrantId },
    /// Approved, and the bank gives no code for it: a cancelled payment.
    Done,
    /// Failed; the same answer however often the browser asks.
    Failed(ScaFailure),
}

impl State {
    /// Where a journey begins that a browser brings, or why it ends at once.
    pub fn first(channel: &Channel, brand: &Brand) -> Result<Self, ScaFailure> {
        let Some(segment) = &channel.app else { return Self::in_browser(brand).ok_or(ScaFailure::Technical) };
        match segment.fallback {
            Fallback::Error => Err(ScaFailure::WrongDevice),
            Fallback::Web | Fallback::Decoupled if segment.open_url.is_some() || Self::in_browser(brand).is_some() => Ok(Self::AppOffered),
            // nothing to open and nobody to sign in with
            Fallback::Web | Fallback::Decoupled => Err(ScaFailure::Technical),
        }
    }

    /// Where it goes on in a browser. `None`: nobody authenticates customers there.
    pub const fn in_browser(brand: &Brand) -> Option<Self> {
        match brand.psu_authentication {
            PsuAuthentication::Simulator | PsuAuthentication::Driver => Some(Self::SignIn { attempts: 0 }),
            PsuAuthentication::Portal { .. } => Some(Self::HandedOff),
            PsuAuthentication::None => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Interaction {
    pub id: InteractionId,
    pub begun_by: BegunBy,
    pub channel: String,
    pub client: ClientId,
    pub redirect_uri: String,
    pub redirect_uri_sent: bool,
    pub tpp_state: Option<String>,
    /// How its client wants the answer.
    pub response_mode: ResponseMode,
    pub scope: Scope,
    /// What the TPP asks for in so many words (RFC 9396).
    pub details: Option<AuthorizationDetails>,
    /// The lodged payment that it is about, as it stood when the journey began. Another one is never approved by it.
    pub payment: Option<PaymentVersion>,
    /// The pushed request that it began with (RFC 9126).
    pub pushed: Option<Uuid>,
    pub challenge: Option<CodeChallenge>,
    pub lang: Lang,
    pub browser: Digest,
    /// Of the ticket; `None`: nobody but the browser has to do with it.
    pub ticket: Option<Digest>,
    /// Went on in the browser where the app was expected.
    pub fallback: bool,
    pub state: State,
    /// Of how the bank concluded it.
    pub conclusion: Option<Digest>,
    /// Of the authorization request; `None`: begun before it was kept.
    pub request: Option<Digest>,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// Last sign of life of the customer.
    pub active_at: OffsetDateTime,
}

/// What a request on this journey meets now.
#[derive(Clone, Debug)]
pub enum Stage {
    AppOffered,
    HandedOff,
    SignIn,
    Accounts(SignedIn),
    Consent(SignedIn),
    Methods(SignedIn),
    Challenged(SignedIn, Challenge),
    Deliver(GrantId),
    Done,
    Fail(ScaFailure),
}

impl Stage {
    /// Nothing is concluded yet: the customer, or whoever authenticates him, has something to do.
    pub const fn is_under_way(&self) -> bool {
        match self {
            Self::AppOffered
            | Self::HandedOff
            | Self::SignIn
            | Self::Accounts(_)
            | Self::Consent(_)
            | Self::Methods(_)
            | Self::Challenged(..) => true,
            Self::Deliver(_) | Self::Done | Self::Fail(_) => false,
        }
    }
}

impl Interaction {
    /// What its client does who had it approved.
    pub fn practices(&self) -> [Practice; 2] {
        let came = if self.pushed.is_some() { Practice::RequestPushed } else { Practice::RequestInQuery };
        [came, if self.challenge.is_some() { Practice::ChallengeSent } else { Practice::ChallengeMissing }]
    }

    /// Who signed in, while that is of use.
    pub const fn psu(&self) -> Option<&PsuReference> {
        match &self.state {
            State::Accounts(who) | State::Consent(who) | State::Methods(who) | State::Challenged(who, _) => Some(&who.psu),
            State::AppOffered | State::HandedOff | State::SignIn { .. } | State::Done | State::Approved { .. } | State::Failed(_) => None,
        }
    }

    /// A browser asked for it, and that is all: nobody has tried to sign in, gone on without the app, or concluded it.
    pub const fn is_untouched(&self) -> bool {
        let first = matches!(self.state, State::AppOffered | State::HandedOff | State::SignIn { attempts: 0 });
        first && !self.fallback && matches!(self.begun_by, BegunBy::Browser)
    }

    pub fn redirect(&self, brand: &Brand) -> TrustedRedirect {
        TrustedRedirect::stored(self.redirect_uri.clone(), self.tpp_state.clone(), self.response_mode, self.client, brand)
    }

    /// An open journey past its deadline, or idle for too long (RTS art. 4(3)(d)), has timed out. While the bank's own systems have
    /// it, they watch over the customer's session.
    pub fn stage(&self, brand: &Brand, now: OffsetDateTime) -> Stage {
        let late = now >= self.expires_at;
        let over = late || now - self.active_at >= brand.psu_session;
        match &self.state {
            State::Failed(failure) => Stage::Fail(*failure),
            State::Approved { grant } => Stage::Deliver(*grant),
            State::Done => Stage::Done,
            State::HandedOff if late => Stage::Fail(ScaFailure::TimedOut),
            State::HandedOff => Stage::HandedOff,
            State::AppOffered
            | State::SignIn { .. }
            | State::Accounts(_)
            | State::Consent(_)
            | State::Methods(_)
            | State::Challenged(..)
                if over =>
            {
                Stage::Fail(ScaFailure::TimedOut)
            }
            State::AppOffered => Stage::AppOffered,
            State::SignIn { .. } => Stage::SignIn,
            State::Accounts(who) => Stage::Accounts(who.clone()),
            State::Consent(who) => Stage::Consent(who.clone()),
            State::Methods(who) => Stage::Methods(who.clone()),
            State::Challenged(_, challenge) if now >= challenge.until => Stage::Fail(ScaFailure::TimedOut),
            State::Challenged(who, challenge) => Stage::Challenged(who.clone(), challenge.clone()),
        }
    }

    /// The payment that its details ask for. The bank knows it by the journey, which is approved once and never changes.
    pub fn instructed(&self) -> Option<Payment> {
        self.details.as_ref()?.payment(|| self.id.0.to_string())
    }

    /// Of what is to be approved: lodged before, or with the approval.
    pub fn payment_id(&self) -> Option<PaymentId> {
        let instructed = || self.instructed().map(|_| PaymentId(self.id.0));
        self.payment.map(|version| version.id).or_else(instructed)
    }

    /// What an approval of this journey is linked to.
    pub fn linked_hash(&self, payment: Option<&Payment>) -> LinkedHash {
        LinkedHash::of(self.id, self.client, &self.scope, payment)
    }

    /// The redirect that tells the TPP how it failed, in the channel's spelling.
    pub fn failure_redirect(&self, failure: ScaFailure, channel: &Channel, brand: &Brand) -> Answer {
        self.redirect(brand).refuse(channel.wire_code(failure), failure.description())
    }
}
