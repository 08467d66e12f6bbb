//! Software statements (RFC 7591 s2.3): what a directory says of a client and signs. Its members win over the client's own, then and later.

use super::{
    assertion::{self, Audience},
    error_code::ErrorCode,
    registration::RegistrationRefusal,
    tpp::OrganisationId,
};
use crate::jose::{self, JoseRefusal, JwsAlgorithm, KeySet, Signed};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};
use time::{Duration, OffsetDateTime};

/// The member of a registration (RFC 7591 s3.1.1).
pub const MEMBER: &str = "software_statement";
/// FAPI 2.0 s5.3.2.1-13 says so of clients' clocks: 10 s ahead must pass, 60 s must not.
const AHEAD: i64 = 30;
const LONGEST_ID: usize = 256;
/// RFC 8725 s3.11: what was signed for another purpose is no statement. RFC 7591 names no type.
const KIND: &str = "jwt";
/// RFC 7519 s4.1: of the JWT, and no client metadata; a statement in a statement is neither.
const OF_THE_JWT: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", MEMBER];

/// Whose statements a brand believes.
#[derive(Clone, Debug, Default)]
pub struct StatementPolicy {
    pub issuers: Vec<StatementIssuer>,
    /// Nobody registers without one.
    pub required: bool,
}

/// A directory that the bank chose to believe.
#[derive(Clone, Debug)]
pub struct StatementIssuer {
    /// RFC 7591 s2.3 `iss`, byte for byte.
    pub issuer: String,
    pub keys: IssuerKeys,
    pub algorithms: Vec<JwsAlgorithm>,
    /// Since `iat`; `None`: a statement says itself when it ends.
    pub max_age: Option<Duration>,
    /// The claim that must be the organizationIdentifier of the certificate.
    pub organisation_claim: Option<String>,
}

#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// As the settings have them.
    Held(Arc<KeySet>),
    /// Fetched from there.
    At(String),
}

/// Why a statement counts for nothing, or why nothing counts without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementRefusal {
    Missing,
    /// The brand believes nobody.
    NobodyBelieved,
    NotText,
    Jws(JoseRefusal),
    IssuerMissing,
    Issuer,
    Kind,
    Audience,
    /// A time that is no number.
    Time,
    /// `iat` or `nbf` lie too far ahead.
    Ahead,
    EndMissing,
    Expired,
    AgeMissing,
    TooOld,
    Id,
    OtherOrganisation,
}

impl StatementRefusal {
    pub fn all() -> impl Iterator<Item = Self> {
        let own = [
            Self::Missing,
            Self::NobodyBelieved,
            Self::NotText,
            Self::IssuerMissing,
            Self::Issuer,
            Self::Kind,
            Self::Audience,
            Self::Time,
            Self::Ahead,
            Self::EndMissing,
            Self::Expired,
            Self::AgeMissing,
            Self::TooOld,
            Self::Id,
            Self::OtherOrganisation,
        ];
        own.into_iter().chain(JoseRefusal::ALL.map(Self::Jws))
    }

    /// RFC 7591 s3.2.2: what is wrong in itself is invalid; what may be right, and not here, is not approved.
    const fn code(self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::InvalidClientMetadata,
            Self::NobodyBelieved | Self::Issuer | Self::OtherOrganisation => ErrorCode::UnapprovedSoftwareStatement,
            Self::NotText
            | Self::Jws(_)
            | Self::IssuerMissing
            | Self::Kind
            | Self::Audience
            | Self::Time
            | Self::Ahead
            | Self::EndMissing
            | Self::Expired
            | Self::AgeMissing
            | Self::TooOld
            | Self::Id => ErrorCode::InvalidSoftwareStatement,
        }
    }

    /// For the client's developers.
    const fn description(self) -> &'static str {
        match self {
            Self::Missing => "missing: clients register here with the statement of a trusted issuer",
            Self::NobodyBelieved => "no issuer of software statements is trusted here",
            Self::NotText => "must be a string",
            Self::Jws(JoseRefusal::Algorithm) => "alg: not one that its issuer signs by here",
            Self::Jws(JoseRefusal::NoKey) => "no key of its issuer fits its kid and alg",
            Self::Jws(JoseRefusal::Signature) => "the signature is not its issuer's",
            Self::Jws(refusal @ (JoseRefusal::TooLong | JoseRefusal::Malformed | JoseRefusal::Critical)) => refusal.description(),
            Self::IssuerMissing => "iss: missing",
            Self::Issuer => "iss: not trusted here",
            Self::Kind => "typ: signed for another purpose",
            Self::Audience => "aud: not meant for this server",
            Self::Time => "exp, iat, nbf: must be numbers",
            Self::Ahead => "iat or nbf: too far ahead",
            Self::EndMissing => "exp: missing",
            Self::Expired => "exp: it has expired",
            Self::AgeMissing => "iat: missing",
            Self::TooOld => "iat: older than is taken of this issuer",
            Self::Id => "jti: must be a string of at most 256 bytes without control characters",
            Self::OtherOrganisation => "not about the organisation of the certificate",
        }
    }
}

impl From<JoseRefusal> for StatementRefusal {
    fn from(refusal: JoseRefusal) -> Self {
        Self::Jws(refusal)
    }
}

impl From<StatementRefusal> for RegistrationRefusal {
    fn from(refusal: StatementRefusal) -> Self {
        Self { code: refusal.code(), field: MEMBER.into(), why: refusal.description().into() }
    }
}

/// What was sent, whoever wrote it. `null` is absent.
pub fn sent(asked: &Map<String, Value>) -> Option<&Value> {
    asked.get(MEMBER).filter(|value| !value.is_null())
}

/// A statement of somebody who is believed, if the signature is theirs.
#[derive(Debug)]
pub struct Presented<'a> {
    compact: &'a str,
    pub issuer: &'a StatementIssuer,
}

impl<'a> Presented<'a> {
    pub fn read(sent: &'a Value, policy: &'a StatementPolicy) -> Result<Self, StatementRefusal> {
        if policy.issuers.is_empty() {
            return Err(StatementRefusal::NobodyBelieved);
        }
        let compact = sent.as_str().ok_or(StatementRefusal::NotText)?;
        let claims = jose::peek(compact)?;
        let named = claims.text("iss").ok_or(StatementRefusal::IssuerMissing)?;
        let issuer = policy.issuers.iter().find(|known| known.issuer == named).ok_or(StatementRefusal::Issuer)?;
        Ok(Self { compact, issuer })
    }

    /// `keys`: its issuer's.
    pub fn verify(&self, keys: &KeySet) -> Result<Signed, JoseRefusal> {
        jose::verify(self.compact, keys, &self.issuer.algorithms)
    }

    /// `signed`: what [`Self::verify`] gave. `server`: the issuer of the brand itself.
    pub fn judge(
        &self,
        signed: Signed,
        server: &str,
        organisation: &OrganisationId,
        now: OffsetDateTime,
    ) -> Result<Statement, StatementRefusal> {
        judge(&signed, self.issuer, server, organisation, now)?;
        Ok(Statement { compact: self.compact.to_owned(), claims: signed.claims })
    }
}

/// Of a statement whose signature is its issuer's.
pub fn judge(
    signed: &Signed,
    issuer: &StatementIssuer,
    server: &str,
    organisation: &OrganisationId,
    now: OffsetDateTime,
) -> Result<(), StatementRefusal> {
    let claims = &signed.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if signed.typ.as_deref().is_some_and(|typ| typ != KIND) {
        return Err(StatementRefusal::Kind);
    }
    if text("iss") != Some(&issuer.issuer) {
        return Err(StatementRefusal::Issuer);
    }
    // RFC 7519 s4.1.3: whoever is not meant by it must not take it
    if let Some(aud) = claims.get("aud")
        && !Audience::AnyOf(vec![server.to_owned()]).is_met_by(Some(aud))
    {
        return Err(StatementRefusal::Audience);
    }
    judge_times(claims, issuer.max_age, now.unix_timestamp())?;
    let fits = |id: &str| (1..=LONGEST_ID).contains(&id.len()) && !id.chars().any(char::is_control);
    if claims.contains_key("jti") && !text("jti").is_some_and(fits) {
        return Err(StatementRefusal::Id);
    }
    match &issuer.organisation_claim {
        Some(claim) if text(claim).map(OrganisationId::new).as_ref() != Some(organisation) => Err(StatementRefusal::OtherOrganisation),
        Some(_) | None => Ok(()),
    }
}

/// It ends at its `exp`, or `max_age` after its `iat`; one of them it must have.
fn judge_times(claims: &Map<String, Value>, max_age: Option<Duration>, now: i64) -> Result<(), StatementRefusal> {
    let seconds = |name: &str| assertion::seconds(claims, name).map_err(|_| StatementRefusal::Time);
    let (issued, until) = (seconds("iat")?, seconds("exp")?);
    if [issued, seconds("nbf")?].into_iter().flatten().any(|at| at > now + AHEAD) {
        return Err(StatementRefusal::Ahead);
    }
    if until.is_some_and(|until| until <= now) {
        return Err(StatementRefusal::Expired);
    }
    match (max_age, issued, until) {
        (Some(_), None, _) => Err(StatementRefusal::AgeMissing),
        (Some(age), Some(at), _) if now.saturating_sub(at) > age.whole_seconds() => Err(StatementRefusal::TooOld),
        (None, _, None) => Err(StatementRefusal::EndMissing),
        (Some(_), Some(_), _) | (None, _, Some(_)) => Ok(()),
    }
}

/// A statement that counts, or did when it came.
#[derive(Clone)]
pub struct Statement {
    compact: String,
    claims: Map<String, Value>,
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement").finish_non_exhaustive()
    }
}

impl Statement {
    /// As it is registered: it was judged when it came.
    pub fn registered(compact: String) -> Result<Self, JoseRefusal> {
        let claims = jose::peek(&compact)?.into_claims();
        Ok(Self { compact, claims })
    }

    /// RFC 7591 s3.2.1: it is told unmodified.
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// By whom, and which, for the audit trail.
    pub fn named(&self) -> String {
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        match (text("iss").unwrap_or_default(), text("jti")) {
            (issuer, Some(id)) => format!("{issuer} {id}"),
            (issuer, None) => issuer.to_owned(),
        }
    }

    /// What is asked for where this statement speaks, too: its members win (RFC 7591 s2.3, s3.1.1). With a member go its translations:
    /// customers must not be shown a name in their language that the directory did not write.
    pub fn over(&self, asked: &Map<String, Value>) -> Map<String, Value> {
        let stated = self.claims.iter().filter(|(name, value)| !OF_THE_JWT.contains(&name.as_str()) && !value.is_null());
        let spoken_of: BTreeSet<&str> = stated.clone().map(|(name, _)| plain(name)).collect();
        let own = asked.iter().filter(|(name, _)| *name != MEMBER && !(name.contains('#') && spoken_of.contains(plain(name))));
        own.chain(stated).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// RFC 7591 s2.2: `client_name` of `client_name#fr`.
fn plain(name: &str) -> &str {
    name.split('#').next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
