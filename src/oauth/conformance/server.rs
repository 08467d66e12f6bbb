//! Lines of which no client is the cause.

use super::{Finding, Whose};
use crate::oauth::{access_jwt::AccessTokenForm, brand::Brand};

const NOT_OFFERED: &str = "the brand takes no pushed requests: `[brand.security]` offers no fapi2";

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
    match &brand.access_tokens {
        AccessTokenForm::Jwt { audience } => Finding::met(format!("each says {audience}")),
        AccessTokenForm::Opaque => Finding::not_met(Whose::Bank, "opaque tokens name none (a \"should\")"),
    }
}

pub fn dpop(_: &Brand) -> Finding {
    Finding::met("not offered: tokens are bound by certificates")
}

pub fn dnssec(_: &Brand) -> Finding {
    Finding::NotSeen("a matter of the installation (a \"should\"), not of this server")
}
