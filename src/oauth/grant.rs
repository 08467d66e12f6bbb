//! What a customer consented to. The token's life is its grant's life.

use super::{brand::ScopePolicy, client::ClientId, scope::Scope};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantId(pub Uuid);

/// How the customer of a grant was authenticated: the bank's words, kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaEvidence {
    pub method: String,
    pub reference: Option<String>,
}

/// The bank's opaque name for a customer: never a login, an account or a name. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PsuReference(String);

impl PsuReference {
    pub fn new(reference: impl Into<String>) -> Self {
        Self(reference.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PsuReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PsuReference(..)")
    }
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub id: GrantId,
    pub client: ClientId,
    pub channel: String,
    pub scope: Scope,
    pub psu: PsuReference,
    /// The clock of RTS art. 10a starts here, not at a token's issue.
    pub sca_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
}

impl Grant {
    /// RTS art. 10a: counted from the last SCA.
    pub fn end(policy: &ScopePolicy, sca_at: OffsetDateTime) -> OffsetDateTime {
        sca_at + policy.grant_lifetime
    }

    pub fn is_alive(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}
