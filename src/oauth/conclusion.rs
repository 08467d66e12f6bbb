//! How the bank's own system says that a journey ended: what it must have seen to, and what is made of its word.

use super::{
    brand::{AccountChoice, Brand, PsuAuthentication},
    grant::{GrantId, PsuReference, ScaEvidence},
    interaction::{BegunBy, BrowserKey, Interaction, InteractionId, Stage, State},
    method::Account,
    payment::{Payment, PaymentKind},
    sca::ScaFailure,
    scope::{Scope, ScopeToken},
    secret::{Digest, Secret},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::fmt;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

/// How far the clock of the bank's system may be from ours.
pub const SKEW: Duration = Duration::seconds(60);
/// More accounts than a customer has.
pub const MOST_ACCOUNTS: usize = 100;
/// Of each text in a conclusion, in characters.
pub const LONGEST_TEXT: usize = 128;

/// What must have happened before a journey may be completed, in the order in which a portal asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// The customer named himself: `subject`.
    Authenticate,
    /// Strong customer authentication, in this journey and for what it is linked to: `sca`.
    Sca,
    /// The customer chose: `accounts`.
    Accounts,
    /// The customer said yes apart from the SCA: `explicit_consent`.
    ExplicitConsent,
}

impl Requirement {
    pub const ALL: [Self; 4] = [Self::Authenticate, Self::Sca, Self::Accounts, Self::ExplicitConsent];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Sca => "sca",
            Self::Accounts => "accounts",
            Self::ExplicitConsent => "explicit_consent",
        }
    }

    /// What this brand wants for this scope and payment.
    pub fn of(brand: &Brand, scope: &Scope, payment: Option<&Payment>) -> Vec<Self> {
        let wanted = |requirement: &Self| match requirement {
            Self::Authenticate | Self::Sca => true,
            Self::Accounts => account_choice(brand, scope, payment) != AccountChoice::None,
            Self::ExplicitConsent => match scope.family() {
                // PSD2 art. 65: the customer consents to each issuer
                Some(ScopeToken::Cbpii) => true,
                // what is paid is confirmed by the SCA that is linked to it (RTS art. 5)
                Some(ScopeToken::Pisp) => false,
                Some(ScopeToken::Aisp | ScopeToken::ExtendedTransactionHistory) | None => brand.explicit_consent,
            },
        };
        Self::ALL.into_iter().filter(wanted).collect()
    }
}

/// Whether accounts are to be chosen: not where the payment names its account, or is only to be cancelled.
pub fn account_choice(brand: &Brand, scope: &Scope, payment: Option<&Payment>) -> AccountChoice {
    let given = payment.is_some_and(|payment| payment.debtor_account.is_some() || payment.kind == PaymentKind::Cancellation);
    brand.policy(scope).filter(|_| !given).map_or(AccountChoice::None, |policy| policy.accounts)
}

/// What the bank's system says of a journey.
#[derive(Debug)]
pub enum Said {
    Completed(Completion),
    Failed(ScaFailure),
}

/// What it says to have seen to. `Debug` hides it.
pub struct Completion {
    pub subject: Option<PsuReference>,
    pub sca: Option<ReportedSca>,
    pub accounts: Vec<Account>,
    pub explicit_consent: bool,
}

pub struct ReportedSca {
    pub method: String,
    pub at: OffsetDateTime,
    pub reference: Option<String>,
    pub linked_hash: String,
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completion(..)")
    }
}

/// Which member of a body cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub member: String,
    pub why: &'static str,
}

const UNKNOWN: &str = "unknown member";
const NOT_TEXT: &str = "must be a text of 1 to 128 characters without control characters";
const NOT_A_TIME: &str = "must be a time as in RFC 3339";
const NOT_A_FLAG: &str = "must be true or false";
const NOT_AN_OBJECT: &str = "must be an object";
const NOT_ACCOUNTS: &str = "must be a list of at most 100 accounts";
const NOT_A_CURRENCY: &str = "must be three capital letters (ISO 4217)";
const MISSING: &str = "missing";
const TWICE: &str = "is there twice";

impl Completion {
    pub fn read(body: &Map<String, Value>) -> Result<Self, Malformed> {
        let body = Members { within: String::new(), members: body };
        body.only(&["subject", "sca", "accounts", "explicit_consent"])?;
        Ok(Self {
            subject: body.text("subject")?.map(PsuReference::new),
            sca: body.get("sca").map(|sca| ReportedSca::read(&body, sca)).transpose()?,
            accounts: body.get("accounts").map_or(Ok(vec![]), |list| accounts(&body, list))?,
            explicit_consent: match body.get("explicit_consent") {
                None => false,
                Some(Value::Bool(said)) => *said,
                Some(_) => return Err(body.wrong("explicit_consent", NOT_A_FLAG)),
            },
        })
    }

    fn missing(&self, requirement: Requirement) -> bool {
        match requirement {
            Requirement::Authenticate => self.subject.is_none(),
            Requirement::Sca => self.sca.is_none(),
            Requirement::Accounts => self.accounts.is_empty(),
            Requirement::ExplicitConsent => !self.explicit_consent,
        }
    }
}

impl ReportedSca {
    fn read(body: &Members<'_>, value: &Value) -> Result<Self, Malformed> {
        let sca = body.object("sca", value)?;
        sca.only(&["method", "at", "reference", "linked_hash"])?;
        let at = sca.needed("at")?;
        Ok(Self {
            method: sca.needed("method")?,
            at: OffsetDateTime::parse(&at, &Rfc3339).map_err(|_| sca.wrong("at", NOT_A_TIME))?,
            reference: sca.text("reference")?,
            linked_hash: sca.needed("linked_hash")?,
        })
    }
}

/// Each the bank's id alone, or with what the customer is to read of it later.
fn accounts(body: &Members<'_>, list: &Value) -> Result<Vec<Account>, Malformed> {
    let list = list.as_array().filter(|list| list.len() <= MOST_ACCOUNTS).ok_or_else(|| body.wrong("accounts", NOT_ACCOUNTS))?;
    let mut read: Vec<Account> = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let place = format!("accounts[{i}]");
        let account = account(body, &place, value)?;
        if read.iter().any(|other| other.id == account.id) {
            return Err(body.wrong(&place, TWICE));
        }
        read.push(account);
    }
    Ok(read)
}

fn account(body: &Members<'_>, place: &str, value: &Value) -> Result<Account, Malformed> {
    if let Value::String(id) = value {
        let id = Some(id).filter(|id| is_text(id)).ok_or_else(|| body.wrong(place, NOT_TEXT))?;
        return Ok(Account { id: id.clone(), iban: None, label: String::new(), currency: String::new() });
    }
    let account = body.object(place, value)?;
    account.only(&["id", "iban", "label", "currency"])?;
    let currency = account.text("currency")?.unwrap_or_default();
    if !(currency.is_empty() || currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(account.wrong("currency", NOT_A_CURRENCY));
    }
    Ok(Account { id: account.needed("id")?, iban: account.text("iban")?, label: account.text("label")?.unwrap_or_default(), currency })
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control)
}

/// A JSON object, and where it stands; `null` is absent.
struct Members<'a> {
    within: String,
    members: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    fn wrong(&self, member: &str, why: &'static str) -> Malformed {
        let dot = if self.within.is_empty() { "" } else { "." };
        Malformed { member: format!("{}{dot}{member}", self.within), why }
    }

    fn only(&self, known: &[&str]) -> Result<(), Malformed> {
        match self.members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(self.wrong(&unknown.chars().take(64).collect::<String>(), UNKNOWN)),
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn object(&self, name: &str, value: &'a Value) -> Result<Self, Malformed> {
        let members = value.as_object().ok_or_else(|| self.wrong(name, NOT_AN_OBJECT))?;
        Ok(Members { within: self.wrong(name, "").member, members })
    }

    fn text(&self, name: &str) -> Result<Option<String>, Malformed> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().filter(|text| is_text(text));
        text.map(|text| Some(text.to_owned())).ok_or_else(|| self.wrong(name, NOT_TEXT))
    }

    fn needed(&self, name: &str) -> Result<String, Malformed> {
        self.text(name)?.ok_or_else(|| self.wrong(name, MISSING))
    }
}

/// `{"reason": ..}` of a failure.
pub fn read_failure(body: &Map<String, Value>) -> Result<ScaFailure, ConclusionRefusal> {
    let body = Members { within: String::new(), members: body };
    body.only(&["reason"])?;
    ScaFailure::from_name(&body.needed("reason")?).ok_or(ConclusionRefusal::UnknownReason)
}

impl Said {
    /// The same words have the same digest: that is how a retry is known.
    pub fn digest(&self) -> Digest {
        let words = match self {
            Self::Failed(reason) => serde_json::to_vec(&("fail", reason.name())),
            Self::Completed(Completion { subject, sca, accounts, explicit_consent }) => {
                let sca = sca.as_ref().map(|sca| (&sca.method, sca.at.unix_timestamp_nanos(), &sca.reference, &sca.linked_hash));
                serde_json::to_vec(&("complete", subject.as_ref().map(PsuReference::as_str), sca, accounts, explicit_consent))
            }
        };
        // strings, numbers and lists of them: written without fail
        Digest::of(&words.unwrap_or_default())
    }
}

/// Why the bank's word is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConclusionRefusal {
    /// No such ticket, or another brand's.
    Unknown,
    Malformed(Malformed),
    /// No reason of the closed set.
    UnknownReason,
    /// More accounts than the customer was to choose.
    OneAccountOnly,
    Missing(Vec<Requirement>),
    /// Before the journey began, or in the future.
    ScaOfAnotherTime,
    /// What was approved is not what was asked for: the journey has failed.
    OtherLinkedHash,
    /// The deadline has passed: the journey has failed.
    Late,
    /// Blocked, or out of the register. The journey stays open, in case that ends in time.
    NotServed,
    /// The client was deleted, or the payment changed: the journey has failed.
    Void,
    AlreadyConcluded,
}

impl ConclusionRefusal {
    /// With examples of those that carry something.
    pub fn all() -> [Self; 11] {
        [
            Self::Unknown,
            Self::Malformed(Malformed { member: "sca.at".to_owned(), why: NOT_A_TIME }),
            Self::UnknownReason,
            Self::OneAccountOnly,
            Self::Missing(vec![Requirement::Accounts, Requirement::ExplicitConsent]),
            Self::ScaOfAnotherTime,
            Self::OtherLinkedHash,
            Self::Late,
            Self::NotServed,
            Self::Void,
            Self::AlreadyConcluded,
        ]
    }

    /// The name in the metric.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Malformed(_) | Self::UnknownReason | Self::OneAccountOnly => "malformed",
            Self::Missing(_) | Self::ScaOfAnotherTime => "missing",
            Self::OtherLinkedHash => "other_linked_hash",
            Self::Late => "late",
            Self::NotServed => "not_served",
            Self::Void => "void",
            Self::AlreadyConcluded => "already_concluded",
        }
    }

    /// What the customer still has to do, where that is why.
    pub fn missing(&self) -> &[Requirement] {
        match self {
            Self::Missing(missing) => missing,
            Self::ScaOfAnotherTime => &[Requirement::Sca],
            Self::Unknown
            | Self::Malformed(_)
            | Self::UnknownReason
            | Self::OneAccountOnly
            | Self::OtherLinkedHash
            | Self::Late
            | Self::NotServed
            | Self::Void
            | Self::AlreadyConcluded => &[],
        }
    }
}

impl From<Malformed> for ConclusionRefusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// How the journey's client stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Yes,
    NotNow,
    /// Deleted.
    Gone,
}

/// An approval that holds.
pub struct Accepted {
    pub psu: PsuReference,
    pub sca_at: OffsetDateTime,
    pub evidence: ScaEvidence,
    pub accounts: Vec<Account>,
}

/// What to do about the bank's word.
pub enum Verdict {
    Approve(Accepted),
    Fail(ScaFailure),
    /// It said so before: the same answer, and nothing changes.
    Repeat,
    Refuse(ConclusionRefusal),
    /// The journey ends badly, and the bank's system learns why.
    FailAndRefuse(ScaFailure, ConclusionRefusal),
}

/// A journey is concluded once; the same word again is a retry. `payment`: what it is about, or how it ends because that is no
/// longer there.
pub fn judge(
    brand: &Brand,
    interaction: &Interaction,
    payment: Result<Option<&Payment>, ScaFailure>,
    served: Served,
    said: &Said,
    now: OffsetDateTime,
) -> Verdict {
    if let Some(concluded) = &interaction.conclusion {
        return if said.digest().matches(concluded) {
            repeat(interaction, payment, said)
        } else {
            refuse(ConclusionRefusal::AlreadyConcluded)
        };
    }
    match interaction.stage(brand, now) {
        Stage::HandedOff => {}
        Stage::Fail(ScaFailure::TimedOut) => return Verdict::FailAndRefuse(ScaFailure::TimedOut, ConclusionRefusal::Late),
        Stage::Fail(_) | Stage::Deliver(_) | Stage::Done => return refuse(ConclusionRefusal::AlreadyConcluded),
        Stage::AppOffered | Stage::SignIn | Stage::Accounts(_) | Stage::Consent(_) | Stage::Methods(_) | Stage::Challenged(..) => {
            return refuse(ConclusionRefusal::Unknown);
        }
    }
    match said {
        Said::Failed(reason) => Verdict::Fail(*reason),
        Said::Completed(completion) => complete(brand, interaction, payment, served, completion, now),
    }
}

const fn refuse(refusal: ConclusionRefusal) -> Verdict {
    Verdict::Refuse(refusal)
}

/// A completion that made the journey fail is answered as it was.
fn repeat(interaction: &Interaction, payment: Result<Option<&Payment>, ScaFailure>, said: &Said) -> Verdict {
    match (&interaction.state, said) {
        (State::Failed(_), Said::Completed(completion))
            if payment.is_ok_and(|payment| links_to_another(interaction, payment, completion)) =>
        {
            refuse(ConclusionRefusal::OtherLinkedHash)
        }
        (State::Failed(_), Said::Completed(_)) => refuse(ConclusionRefusal::Void),
        (_, Said::Completed(_) | Said::Failed(_)) => Verdict::Repeat,
    }
}

fn links_to_another(interaction: &Interaction, payment: Option<&Payment>, completion: &Completion) -> bool {
    completion.sca.as_ref().is_some_and(|sca| !interaction.linked_hash(payment).is(&sca.linked_hash))
}

fn complete(
    brand: &Brand,
    interaction: &Interaction,
    payment: Result<Option<&Payment>, ScaFailure>,
    served: Served,
    completion: &Completion,
    now: OffsetDateTime,
) -> Verdict {
    let payment = match (served, payment) {
        (Served::Yes, Ok(payment)) => payment,
        (Served::NotNow, _) => return refuse(ConclusionRefusal::NotServed),
        (Served::Gone, _) => return Verdict::FailAndRefuse(ScaFailure::Technical, ConclusionRefusal::Void),
        (Served::Yes, Err(failure)) => return Verdict::FailAndRefuse(failure, ConclusionRefusal::Void),
    };
    if links_to_another(interaction, payment, completion) {
        return Verdict::FailAndRefuse(ScaFailure::Technical, ConclusionRefusal::OtherLinkedHash);
    }
    let missing: Vec<_> =
        Requirement::of(brand, &interaction.scope, payment).into_iter().filter(|wanted| completion.missing(*wanted)).collect();
    let (Some(psu), Some(sca), []) = (&completion.subject, &completion.sca, missing.as_slice()) else {
        return refuse(ConclusionRefusal::Missing(missing));
    };
    if sca.at < interaction.created_at - SKEW || sca.at > now + SKEW {
        return refuse(ConclusionRefusal::ScaOfAnotherTime);
    }
    if account_choice(brand, &interaction.scope, payment) == AccountChoice::One && completion.accounts.len() > 1 {
        return refuse(ConclusionRefusal::OneAccountOnly);
    }
    Verdict::Approve(Accepted {
        psu: psu.clone(),
        // by our clock it has happened: no grant lasts longer for a clock that is ahead
        sca_at: sca.at.min(now),
        evidence: ScaEvidence { method: sca.method.clone(), reference: sca.reference.clone() },
        accounts: completion.accounts.clone(),
    })
}

/// What the browser must bring from the bank's portal beside its cookie: so the code goes to the one in which the journey began
/// only if it is also the one in which the customer approved. Whoever sends his own journey's link to somebody else knows the
/// ticket, and neither grant nor conclusion. Nothing of it is stored.
pub fn confirmation(ticket: &Secret, grant: GrantId, conclusion: &Digest) -> Secret {
    let mut hash = Sha256::new();
    hash.update(b"confirmation");
    hash.update(ticket.reveal().as_bytes());
    hash.update(grant.0.as_bytes());
    hash.update(conclusion.as_bytes());
    Secret::new(URL_SAFE_NO_PAD.encode(hash.finalize()))
}

/// Where the bank's portal takes over: its URL with the ticket, and nothing else of the journey.
pub fn portal_of(brand: &Brand, browser: &BrowserKey, id: InteractionId) -> Option<String> {
    match &brand.psu_authentication {
        PsuAuthentication::Portal { url } => Some(format!("{url}?interaction={}", browser.ticket(id).1.reveal())),
        PsuAuthentication::Simulator | PsuAuthentication::Driver | PsuAuthentication::None => None,
    }
}

/// Does this browser come from the portal in which the customer approved?
pub fn is_confirmed(interaction: &Interaction, browser: &BrowserKey, brought: Option<&str>) -> bool {
    let (State::Approved { grant }, BegunBy::Browser, Some(conclusion)) =
        (&interaction.state, interaction.begun_by, &interaction.conclusion)
    else {
        return true;
    };
    let expected = confirmation(&browser.ticket(interaction.id).1, *grant, conclusion);
    brought.is_some_and(|brought| Secret::new(brought).digest().matches(&expected.digest()))
}
