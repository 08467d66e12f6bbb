//! The scopes of a PSD2 interface and the role each needs.

use super::tpp::{PspRole, Tpp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One scope token. A closed vocabulary: a new one makes the compiler list the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeToken {
    Aisp,
    ExtendedTransactionHistory,
    Cbpii,
    Pisp,
}

impl ScopeToken {
    pub const ALL: [Self; 4] = [Self::Aisp, Self::ExtendedTransactionHistory, Self::Cbpii, Self::Pisp];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aisp => "aisp",
            Self::ExtendedTransactionHistory => "extended_transaction_history",
            Self::Cbpii => "cbpii",
            Self::Pisp => "pisp",
        }
    }

    /// The role a certificate must carry today for this scope.
    pub const fn role(self) -> PspRole {
        match self {
            Self::Aisp | Self::ExtendedTransactionHistory => PspRole::AccountInformation,
            Self::Cbpii => PspRole::CardIssuing,
            Self::Pisp => PspRole::PaymentInitiation,
        }
    }

    fn parse(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == token)
    }
}

/// A set of scope tokens, sorted, never empty where it was parsed (RFC 6749 s3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<ScopeToken>);

/// Why a `scope` value is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeRefusal {
    Unknown,
    /// aisp and cbpii in one request, or pisp beside either: each is a consent of its own.
    Mixed,
    /// `extended_transaction_history` without `aisp`.
    ExtendedAlone,
}

impl Scope {
    /// Space-delimited tokens; a token said twice counts once.
    pub fn parse(text: &str) -> Result<Self, ScopeRefusal> {
        let tokens: Vec<_> =
            text.split(' ').filter(|t| !t.is_empty()).map(ScopeToken::parse).collect::<Option<_>>().ok_or(ScopeRefusal::Unknown)?;
        if tokens.is_empty() {
            return Err(ScopeRefusal::Unknown);
        }
        Ok(tokens.into_iter().collect())
    }

    /// What one PSU journey or one token may carry: a single family.
    pub fn for_one_consent(self) -> Result<Self, ScopeRefusal> {
        use ScopeToken::{Aisp, Cbpii, ExtendedTransactionHistory, Pisp};
        let families = [Aisp, Cbpii, Pisp].into_iter().filter(|t| self.contains(*t)).count();
        if families > 1 || (self.contains(ExtendedTransactionHistory) && (self.contains(Cbpii) || self.contains(Pisp))) {
            return Err(ScopeRefusal::Mixed);
        }
        if families == 0 {
            return Err(ScopeRefusal::ExtendedAlone);
        }
        Ok(self)
    }

    /// The family: the one of aisp, cbpii, pisp that a consent is about.
    pub fn family(&self) -> Option<ScopeToken> {
        self.0.iter().copied().find(|t| *t != ScopeToken::ExtendedTransactionHistory)
    }

    pub fn contains(&self, token: ScopeToken) -> bool {
        self.0.contains(&token)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|t| other.contains(*t))
    }

    pub fn without(&self, token: ScopeToken) -> Self {
        self.iter().filter(|t| *t != token).collect()
    }

    pub fn with(&self, token: ScopeToken) -> Self {
        self.iter().chain([token]).collect()
    }

    /// What both have.
    pub fn and(&self, other: &Self) -> Self {
        self.iter().filter(|t| other.contains(*t)).collect()
    }

    /// What of it the certificate's roles allow today.
    pub fn allowed_to(&self, tpp: &Tpp) -> Self {
        self.iter().filter(|t| tpp.has(t.role())).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = ScopeToken> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<ScopeToken> for Scope {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(tokens: I) -> Self {
        let mut tokens: Vec<_> = tokens.into_iter().collect();
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_once_and_written_sorted() {
        for (text, read) in [
            ("aisp", Ok("aisp")),
            ("extended_transaction_history aisp aisp", Ok("aisp extended_transaction_history")),
            ("AISP", Err(ScopeRefusal::Unknown)),
            ("", Err(ScopeRefusal::Unknown)),
            ("aisp openid", Err(ScopeRefusal::Unknown)),
            ("aisp cbpii", Err(ScopeRefusal::Mixed)),
            ("pisp extended_transaction_history", Err(ScopeRefusal::Mixed)),
            ("extended_transaction_history", Err(ScopeRefusal::ExtendedAlone)),
        ] {
            let got = Scope::parse(text).and_then(Scope::for_one_consent).map(|s| s.to_string());
            assert_eq!(got, read.map(str::to_owned), "{text}");
        }
    }
}
