//! What FAPI 2.0 asks for, line by line, held against a brand and each of its clients: what is configured, and what was seen.
//!
//! The numbers are those of `docs/rules.md`: each of its lines with a section of FAPI stands in [`LINES`], which a test compares.

mod client;
mod server;

use super::{
    brand::Brand,
    client_metadata::ClientMetadata,
    practice::{Practice, SeenPractices},
    profile::SecurityProfile,
};
use serde::Serialize;
use utoipa::ToSchema;

const NOT_OFFERED: &str = "the brand takes no pushed requests: `[brand.security]` offers no fapi2";

/// A line, and who answers for it.
pub struct Line {
    pub number: &'static str,
    pub asks: &'static str,
    /// Of the FAPI 2.0 Security Profile.
    pub section: &'static str,
    pub judge: Judge,
}

#[derive(Clone, Copy)]
pub enum Judge {
    /// The same for every client of a brand: the server sees to it, or the bank's settings do.
    Brand(fn(&Brand) -> Finding),
    Client(fn(&ClientFacts<'_>) -> Finding),
}

/// What is known of a client.
pub struct ClientFacts<'a> {
    pub brand: &'a Brand,
    pub metadata: &'a ClientMetadata,
    /// What it is held to now.
    pub in_force: SecurityProfile,
    /// Since the day from which the report is asked for.
    pub seen: &'a SeenPractices,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// And how that is known.
    Met(String),
    NotMet {
        whose: Whose,
        why: String,
    },
    /// And what would show it.
    NotSeen(&'static str),
}

/// Who has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// The TPP's software: held to `fapi2`, it would break.
    Tpp,
    /// Nobody but who holds the client to `fapi2`: then it is met.
    Profile,
    /// The bank's settings, for the whole brand.
    Bank,
}

impl Finding {
    fn met(how: impl Into<String>) -> Self {
        Self::Met(how.into())
    }

    fn not_met(whose: Whose, why: impl Into<String>) -> Self {
        Self::NotMet { whose, why: why.into() }
    }

    /// As it is told.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Met(_) => "met",
            Self::NotMet { .. } => "not_met",
            Self::NotSeen(_) => "not_seen_yet",
        }
    }

    pub fn why(&self) -> &str {
        match self {
            Self::Met(why) | Self::NotMet { why, .. } => why,
            Self::NotSeen(what) => what,
        }
    }

    pub const fn whose(&self) -> Option<Whose> {
        match self {
            Self::NotMet { whose, .. } => Some(*whose),
            Self::Met(_) | Self::NotSeen(_) => None,
        }
    }
}

/// Those that a brand answers for, with what is found.
pub fn of_brand(brand: &Brand) -> impl Iterator<Item = (&'static Line, Finding)> {
    LINES.iter().filter_map(move |line| match line.judge {
        Judge::Brand(judge) => Some((line, judge(brand))),
        Judge::Client(_) => None,
    })
}

/// The other ones, of a client.
pub fn of_client(facts: &ClientFacts<'_>) -> impl Iterator<Item = (&'static Line, Finding)> {
    LINES.iter().filter_map(move |line| match line.judge {
        Judge::Brand(_) => None,
        Judge::Client(judge) => Some((line, judge(facts))),
    })
}

impl ClientFacts<'_> {
    /// Which of two ways it goes. One that goes both has not left the wrong one.
    fn ways(&self, right: Practice, wrong: Practice, without: &str, to_see: &'static str) -> Finding {
        match (self.seen.get(&right), self.seen.get(&wrong)) {
            (right, Some(wrong)) => {
                let all = wrong.times.saturating_add(right.map_or(0, |seen| seen.times));
                let since = right.map_or(wrong.first_at, |right| right.first_at.min(wrong.first_at)).date();
                let why = format!("{} last seen {without}: {} of {all} times since {since}", wrong.last_at.date(), wrong.times);
                Finding::not_met(Whose::Tpp, why)
            }
            (Some(right), None) => Finding::met(format!("seen {} times, last on {}", right.times, right.last_at.date())),
            (None, None) => Finding::NotSeen(to_see),
        }
    }
}

const fn of_all(number: &'static str, asks: &'static str, section: &'static str, judge: fn(&Brand) -> Finding) -> Line {
    Line { number, asks, section, judge: Judge::Brand(judge) }
}

const fn of_each(number: &'static str, asks: &'static str, section: &'static str, judge: fn(&ClientFacts<'_>) -> Finding) -> Line {
    Line { number, asks, section, judge: Judge::Client(judge) }
}

#[rustfmt::skip]
pub const LINES: [Line; 40] = [
    of_all("A02", "An unknown client or redirect URI is answered by a page.", "5.3.2.1", server::always),
    of_all("A03", "Redirect URIs with http are refused.", "5.3.2.2", server::always),
    of_all("A04", "The only response type is code.", "5.3.2.2", server::always),
    of_each("A05", "PKCE with S256.", "5.3.2.2", client::challenge),
    of_all("A09", "iss is in every redirect.", "5.3.2.2", server::always),
    of_all("A10", "The authorization endpoint answers no CORS request.", "5.2.3", server::always),
    of_all("A11", "Redirects after a form are 303.", "5.3.2.2", server::always),
    of_all("A15", "The page names the TPP and what it gets.", "5.3.2.2", server::always),
    of_all("A16", "A long state works.", "5.3.2.2", server::always),
    of_each("A18", "Authorization requests come by PAR.", "5.3.2.2", client::pushed),
    of_all("A19", "PAR asks for client authentication.", "5.3.2.2", server::pushes),
    of_each("A20", "A pushed request names its redirect URI.", "5.3.2.2", client::redirect_uri),
    of_all("A21", "A pushed request lives for less than 600 s.", "5.3.2.2", server::pushed_lifetime),
    of_all("A22", "A request_uri is its client's, and spent by the answer.", "5.3.2.2", server::pushes),
    of_all("A23", "Codes live for at most 60 s.", "5.3.2.1", server::code_lifetime),
    of_all("A24", "A code used twice revokes what it gave.", "5.3.2.2", server::always),
    of_all("A26", "Codes and tokens carry at least 128 random bits.", "5.4.1", server::always),
    of_all("A27", "Only confidential clients.", "5.3.2.1", server::always),
    of_each("A28", "It authenticates by mutual TLS or a signed assertion.", "5.3.2.1", client::authentication),
    of_each("A29", "Its assertion's aud is the issuer, as one string.", "5.3.2.1", client::audience),
    of_all("A30", "iat and nbf a little ahead pass, far ahead do not.", "5.3.2.1", server::always),
    of_each("A31", "It signs by PS256, ES256 or EdDSA.", "5.4.1", client::algorithm),
    of_all("A32", "Weak keys are refused.", "5.4.1", server::always),
    of_each("A33", "Its access tokens are bound to its certificate.", "5.3.2.1", client::binding),
    of_all("A34", "There is no password grant.", "5.3.2.1", server::always),
    of_all("A35", "Access tokens name the resource servers they are for.", "5.3.2.1", server::resource_servers),
    of_each("A37", "Its refresh tokens stay the same.", "5.3.2.1", client::rotation),
    of_all("A42", "No client_id equals a subject.", "6", server::always),
    of_all("A43", "DPoP, if offered, binds codes.", "5.3.2.1", server::dpop),
    of_all("A44", "TLS 1.0 and 1.1 are refused.", "5.2.1", server::always),
    of_all("A45", "Browsers' hosts send HSTS.", "5.2.3", server::always),
    of_all("A46", "Machines' listeners speak TLS 1.2 with ECDHE and AES-GCM only.", "5.2.2", server::always),
    of_all("A48", "Outbound TLS checks names.", "5.2.1", server::always),
    of_all("A49", "The issuer's host has DNSSEC.", "5.2.1", server::dnssec),
    of_all("A50", "The metadata are where RFC 8414 says.", "5.3.2.1", server::always),
    of_all("A51", "Signing keys rotate with overlap.", "6", server::key_rotation),
    of_all("A52", "No kid is twice in a key set.", "5.4.2, 5.4.3", server::always),
    of_all("A53", "x5u and jku are not fetched.", "5.4.2", server::always),
    of_each("A54", "Access tokens come in the Authorization header only.", "5.3.4", client::token_place),
    of_all("A55", "Introspection tells expiry, revocation and binding.", "5.3.4", server::always),
];

#[cfg(test)]
mod tests;
