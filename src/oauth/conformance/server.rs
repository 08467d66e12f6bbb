//! Lines of which no client is the cause.

use super::{Finding, NOT_OFFERED, Whose};
use crate::oauth::brand::Brand;

/// No setting changes it.
pub fn always(_: &Brand) -> Finding {
    Finding::met("by construction")
}

pub fn pushes(brand: &Brand) -> Finding {
    if brand.profiles.offer_fapi2() { Finding::met("by construction") } else { Finding::not_met(Whose::Bank, NOT_OFFERED) }
}

pub fn pushed_lifetime(brand: &Brand) -> Finding {
    if brand.profiles.offer_fapi2() {
        Finding::met(format!("{} s", brand.pushed_request_lifetime.whole_seconds()))
    } else {
        Finding::not_met(Whose::Bank, NOT_OFFERED)
    }
}

/// Longer ones do not load.
pub fn code_lifetime(brand: &Brand) -> Finding {
    Finding::met(format!("{} s", brand.code_lifetime.whole_seconds()))
}

pub fn resource_servers(brand: &Brand) -> Finding {
    match brand.access_tokens.audience() {
        Some(audience) => Finding::met(format!("each is for {audience}")),
        None => Finding::not_met(Whose::Bank, "`security.access_token_audience` names none (a \"should\")"),
    }
}

/// At a person's order, or by their age where the settings say so.
pub fn key_rotation(_: &Brand) -> Finding {
    Finding::met("by construction; unattended with `signing.rotate_after_days`")
}

pub fn dpop(_: &Brand) -> Finding {
    Finding::met("not offered: tokens are bound by certificates")
}

pub fn dnssec(_: &Brand) -> Finding {
    Finding::NotSeen("shown by `guichet doctor`, which asks a resolver (a \"should\")")
}
