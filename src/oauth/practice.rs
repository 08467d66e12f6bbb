//! What a client was seen to do: only what FAPI 2.0 asks for or forbids, and what is the client's own doing.

use super::client::ClientId;
use crate::jose::JwsAlgorithm;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Seen in requests that were good otherwise. What a request only claims is none: it was authenticated or signed, or a customer approved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Practice {
    /// It authenticated by its certificate alone.
    ByCertificate,
    /// By HTTP Basic beside the certificate.
    BySecret,
    /// By an assertion beside the certificate.
    ByAssertion,
    /// Its assertion's `aud` was the issuer, as one string.
    AssertedToIssuer,
    /// It was something else that the dialect takes.
    AssertedToOther,
    /// An assertion or a request object, by this algorithm.
    SignedPs256,
    SignedEs256,
    SignedEdDsa,
    /// A customer approved a request that was pushed.
    RequestPushed,
    /// He approved one that came in the query.
    RequestInQuery,
    /// He approved one with an S256 challenge.
    ChallengeSent,
    ChallengeMissing,
    /// A pushed request named its redirect URI.
    RedirectPushed,
    RedirectNotPushed,
    /// An access token bound to a certificate was used.
    BoundTokenUsed,
    UnboundTokenUsed,
    /// At the sandbox's resource.
    TokenInHeader,
    TokenInQuery,
}

impl Practice {
    pub const COUNT: usize = 18;
    pub const ALL: [Self; Self::COUNT] = [
        Self::ByCertificate,
        Self::BySecret,
        Self::ByAssertion,
        Self::AssertedToIssuer,
        Self::AssertedToOther,
        Self::SignedPs256,
        Self::SignedEs256,
        Self::SignedEdDsa,
        Self::RequestPushed,
        Self::RequestInQuery,
        Self::ChallengeSent,
        Self::ChallengeMissing,
        Self::RedirectPushed,
        Self::RedirectNotPushed,
        Self::BoundTokenUsed,
        Self::UnboundTokenUsed,
        Self::TokenInHeader,
        Self::TokenInQuery,
    ];

    /// As it is stored and told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByCertificate => "authenticated_by_certificate",
            Self::BySecret => "authenticated_by_secret",
            Self::ByAssertion => "authenticated_by_assertion",
            Self::AssertedToIssuer => "assertion_for_issuer",
            Self::AssertedToOther => "assertion_for_other_audience",
            Self::SignedPs256 => "signed_ps256",
            Self::SignedEs256 => "signed_es256",
            Self::SignedEdDsa => "signed_eddsa",
            Self::RequestPushed => "request_pushed",
            Self::RequestInQuery => "request_in_query",
            Self::ChallengeSent => "challenge_sent",
            Self::ChallengeMissing => "challenge_missing",
            Self::RedirectPushed => "redirect_uri_pushed",
            Self::RedirectNotPushed => "redirect_uri_not_pushed",
            Self::BoundTokenUsed => "bound_token_used",
            Self::UnboundTokenUsed => "unbound_token_used",
            Self::TokenInHeader => "token_in_header",
            Self::TokenInQuery => "token_in_query",
        }
    }

    /// What it signed by this algorithm.
    pub const fn signed(algorithm: JwsAlgorithm) -> Self {
        match algorithm {
            JwsAlgorithm::Ps256 => Self::SignedPs256,
            JwsAlgorithm::Es256 => Self::SignedEs256,
            JwsAlgorithm::EdDsa => Self::SignedEdDsa,
        }
    }

    /// `None`: of another release.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|practice| practice.name() == name)
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How often, and when. To within a minute; what a process that dies had not written yet is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub times: i64,
    pub first_at: OffsetDateTime,
    pub last_at: OffsetDateTime,
}

/// What one process saw of a client, and did not write down yet.
#[derive(Clone, Copy, Debug)]
pub struct Noted {
    pub client: ClientId,
    pub practice: Practice,
    pub seen: Seen,
}

/// Of one client.
pub type SeenPractices = BTreeMap<Practice, Seen>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_practice_has_a_name_and_a_place_of_its_own() {
        let names: BTreeSet<_> = Practice::ALL.map(Practice::name).into();
        assert_eq!(names.len(), Practice::COUNT);
        for (place, practice) in Practice::ALL.into_iter().enumerate() {
            assert_eq!((practice.index(), Practice::parse(practice.name())), (place, Some(practice)));
        }
        assert_eq!(Practice::parse("of_tomorrow"), None);
    }
}
