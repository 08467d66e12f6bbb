//! What the settings say of the brands, beyond what makes them invalid.

use super::{Check, Finding};
use crate::{config::Settings, oauth::brand::PsuAuthentication, pki::revocation::Mode};

/// A host of a brand, and whether its name resolves.
pub struct Host {
    pub name: String,
    pub resolves: Result<(), String>,
}

pub fn judge_hosts(hosts: &[Host]) -> Vec<Finding> {
    let unknown = hosts.iter().filter_map(|host| Some((&host.name, host.resolves.as_ref().err()?)));
    unknown.map(|(name, why)| Finding::new(Check::HostUnknown, name, why.as_str())).collect()
}

pub fn judge(settings: &Settings) -> Vec<Finding> {
    let mut found = vec![];
    for brand in &settings.brands {
        if brand.psu_authentication == PsuAuthentication::None {
            found.push(Finding::new(Check::NobodyAuthenticates, brand.id.as_str(), "brand.sca is none"));
        }
        if !brand.sandbox && settings.revocation_of(brand).all().iter().any(|policy| policy.mode == Mode::Off) {
            found.push(Finding::new(Check::RevocationIgnored, brand.id.as_str(), "trust.revocation is off"));
        }
    }
    found
}
