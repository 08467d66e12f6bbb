//! Lines that a client meets or does not. Where the server takes nothing else, what was seen before counts no more.

use super::{ClientFacts, Finding, NOT_OFFERED, Whose};
use crate::oauth::practice::Practice;

const ENFORCED: &str = "anything else is refused";
const AUTHENTICATED: &str = "shown by its next request at a token endpoint";
const APPROVED: &str = "shown by the next request that its customer approves";

pub fn challenge(facts: &ClientFacts<'_>) -> Finding {
    if facts.brand.pkce_required || facts.in_force.needs_challenge() {
        return Finding::met(ENFORCED);
    }
    facts.ways(Practice::ChallengeSent, Practice::ChallengeMissing, "without a challenge", APPROVED)
}

pub fn pushed(facts: &ClientFacts<'_>) -> Finding {
    if facts.in_force.needs_pushed_requests() || facts.metadata.require_pushed_authorization_requests {
        return Finding::met(ENFORCED);
    }
    match facts.ways(Practice::RequestPushed, Practice::RequestInQuery, "in the query", APPROVED) {
        Finding::NotMet { why, .. } if !facts.brand.profiles.offer_fapi2() => {
            Finding::not_met(Whose::Bank, format!("{NOT_OFFERED}; {why}"))
        }
        Finding::NotSeen(_) if !facts.brand.profiles.offer_fapi2() => Finding::not_met(Whose::Bank, NOT_OFFERED),
        found @ (Finding::Met(_) | Finding::NotMet { .. } | Finding::NotSeen(_)) => found,
    }
}

pub fn redirect_uri(facts: &ClientFacts<'_>) -> Finding {
    if facts.in_force.needs_pushed_requests() {
        return Finding::met(ENFORCED);
    }
    if !facts.brand.profiles.offer_fapi2() {
        return Finding::not_met(Whose::Bank, NOT_OFFERED);
    }
    facts.ways(Practice::RedirectPushed, Practice::RedirectNotPushed, "without it", "shown by its next pushed request")
}

/// Whatever it registered: at a bank with secrets it shows one beside its certificate until it is held to more.
pub fn authentication(facts: &ClientFacts<'_>) -> Finding {
    if facts.brand.has_secret(facts.metadata, Some(facts.in_force)) {
        let seen = facts.seen.get(&Practice::BySecret);
        let why = "a secret beside its certificate: held to fapi2 it shows the certificate alone, or signs";
        return Finding::not_met(
            Whose::Tpp,
            seen.map_or_else(|| why.to_owned(), |seen| format!("{} last seen with {why}", seen.last_at.date())),
        );
    }
    Finding::met(format!("{}: {ENFORCED}", facts.metadata.token_endpoint_auth_method.as_str()))
}

pub fn audience(facts: &ClientFacts<'_>) -> Finding {
    if !signs_assertions(facts) {
        return Finding::met("it sends no assertions");
    }
    if facts.in_force.takes_issuer_alone_as_audience() {
        return Finding::met(ENFORCED);
    }
    facts.ways(Practice::AssertedToIssuer, Practice::AssertedToOther, "for another audience, or for several", AUTHENTICATED)
}

/// No other algorithm is taken of anybody.
pub fn algorithm(facts: &ClientFacts<'_>) -> Finding {
    let known = [(Practice::SignedPs256, "PS256"), (Practice::SignedEs256, "ES256"), (Practice::SignedEdDsa, "EdDSA")];
    let seen: Vec<_> = known.into_iter().filter(|(practice, _)| facts.seen.contains_key(practice)).map(|(_, name)| name).collect();
    match (seen.as_slice(), signs_assertions(facts) || facts.metadata.signing.signs_requests()) {
        ([], false) => Finding::met("it signs nothing"),
        ([], true) => Finding::met(ENFORCED),
        (names, _) => Finding::met(format!("seen: {}", names.join(", "))),
    }
}

pub fn binding(facts: &ClientFacts<'_>) -> Finding {
    let unbound = facts.seen.get(&Practice::UnboundTokenUsed).map(|seen| seen.last_at.date());
    match (facts.brand.certificate_bound_access_tokens || facts.in_force.binds_access_tokens(), unbound) {
        (true, None) => Finding::met("each new one is"),
        (true, Some(day)) => {
            Finding::not_met(Whose::Tpp, format!("{day} last seen with one of before that is not: a refresh or a new consent replaces it"))
        }
        (false, None) => Finding::not_met(Whose::Profile, "they are not, as the bank's dialect says"),
        (false, Some(day)) => Finding::not_met(Whose::Profile, format!("they are not, as the bank's dialect says; {day} last used")),
    }
}

pub fn rotation(facts: &ClientFacts<'_>) -> Finding {
    let rotates = facts.brand.scopes.iter().any(|policy| policy.refresh_token_rotation);
    if rotates && facts.in_force.may_rotate() {
        Finding::not_met(Whose::Profile, "the bank rotates them")
    } else {
        Finding::met("the bank does not rotate them")
    }
}

pub fn token_place(facts: &ClientFacts<'_>) -> Finding {
    let to_see = "shown at the sandbox's resource; the bank's API sees its own";
    facts.ways(Practice::TokenInHeader, Practice::TokenInQuery, "in the query", to_see)
}

fn signs_assertions(facts: &ClientFacts<'_>) -> bool {
    facts.metadata.token_endpoint_auth_method.signs()
}
