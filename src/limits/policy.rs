//! What is limited, and how far.

use super::{rate::Rate, shares::Room};
use crate::oauth::brand::BrandId;
use ipnet::IpNet;
use std::collections::HashMap;

/// A rate of its own. Its name is its key in `[rate_limits]`, its default stands in config/default.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    AddressHandshakes,
    AddressAuthorize,
    AddressPages,
    AddressCertificate,
    /// At the tpp counter, with a certificate that is refused, or none.
    AddressRefused,
    OrganisationRegistration,
    OrganisationToken,
    OrganisationRevocation,
    OrganisationCertificate,
    /// Client authentications that failed.
    OrganisationRefused,
    ClientToken,
    ClientAuthorize,
    /// One of the bank's own systems, by its certificate.
    Internal,
    /// Audit events about refused certificates, of the whole process.
    AuditRefused,
}

/// Whose the bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Address,
    Organisation,
    Client,
    Caller,
    Process,
}

impl Of {
    /// The `limit` of `guichet_limited_total`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Organisation => "organisation",
            Self::Client => "client",
            Self::Caller => "caller",
            Self::Process => "process",
        }
    }
}

impl Limit {
    pub const ALL: [Self; 14] = [
        Self::AddressHandshakes,
        Self::AddressAuthorize,
        Self::AddressPages,
        Self::AddressCertificate,
        Self::AddressRefused,
        Self::OrganisationRegistration,
        Self::OrganisationToken,
        Self::OrganisationRevocation,
        Self::OrganisationCertificate,
        Self::OrganisationRefused,
        Self::ClientToken,
        Self::ClientAuthorize,
        Self::Internal,
        Self::AuditRefused,
    ];

    /// Key in the settings, whose bucket, the `endpoint` of `guichet_limited_total`.
    const fn row(self) -> (&'static str, Of, &'static str) {
        match self {
            Self::AddressHandshakes => ("address_handshakes", Of::Address, "handshake"),
            Self::AddressAuthorize => ("address_authorize", Of::Address, "authorize"),
            Self::AddressPages => ("address_pages", Of::Address, "pages"),
            Self::AddressCertificate => ("address_certificate", Of::Address, "certificate"),
            Self::AddressRefused => ("address_refused", Of::Address, "refused"),
            Self::OrganisationRegistration => ("organisation_registration", Of::Organisation, "registration"),
            Self::OrganisationToken => ("organisation_token", Of::Organisation, "token"),
            Self::OrganisationRevocation => ("organisation_revocation", Of::Organisation, "revocation"),
            Self::OrganisationCertificate => ("organisation_certificate", Of::Organisation, "certificate"),
            Self::OrganisationRefused => ("organisation_refused", Of::Organisation, "refused"),
            Self::ClientToken => ("client_token", Of::Client, "token"),
            Self::ClientAuthorize => ("client_authorize", Of::Client, "authorize"),
            Self::Internal => ("internal", Of::Caller, "internal"),
            Self::AuditRefused => ("audit_refused", Of::Process, "audit"),
        }
    }

    pub const fn name(self) -> &'static str {
        self.row().0
    }

    pub const fn of(self) -> Of {
        self.row().1
    }

    pub const fn endpoint(self) -> &'static str {
        self.row().2
    }

    /// A brand may differ in it. A handshake is over before its brand is known, and the bank's own systems serve all brands.
    pub const fn is_brands(self) -> bool {
        match self {
            Self::AddressHandshakes | Self::Internal => false,
            Self::AddressAuthorize
            | Self::AddressPages
            | Self::AddressCertificate
            | Self::AddressRefused
            | Self::OrganisationRegistration
            | Self::OrganisationToken
            | Self::OrganisationRevocation
            | Self::OrganisationCertificate
            | Self::OrganisationRefused
            | Self::ClientToken
            | Self::ClientAuthorize
            | Self::AuditRefused => true,
        }
    }
}

/// One rate for each limit. Nothing is limited unless somebody says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates([Rate; Limit::ALL.len()]);

impl Default for Rates {
    fn default() -> Self {
        Self([Rate::OFF; Limit::ALL.len()])
    }
}

impl Rates {
    pub const fn of(&self, limit: Limit) -> Rate {
        self.0[limit as usize]
    }

    pub const fn set(&mut self, limit: Limit, rate: Rate) {
        self.0[limit as usize] = rate;
    }
}

/// What a reload swaps as one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub rates: Rates,
    /// Of the brands that differ.
    pub brands: HashMap<BrandId, Rates>,
    /// Addresses that stand for many, or for the bank: no limit by address is kept of them.
    pub exempt: Vec<IpNet>,
    /// Requests at once at the tpp counter and at the psu counter, each.
    pub requests: usize,
    /// Of them, those of one organisation (psu: of one address).
    pub requests_of_one: usize,
    /// Live clients of one organisation at one brand; counted by the database.
    pub clients_of_organisation: u32,
    /// Open journeys of one client in which nobody has signed in; counted by the database.
    pub open_journeys_of_client: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rates: Rates::default(),
            brands: HashMap::new(),
            exempt: vec![],
            requests: usize::MAX,
            requests_of_one: usize::MAX,
            clients_of_organisation: u32::MAX,
            open_journeys_of_client: u32::MAX,
        }
    }
}

impl Policy {
    pub(super) const fn room(&self) -> Room {
        Room { all: self.requests, of_one: self.requests_of_one }
    }

    pub fn rate(&self, limit: Limit, brand: Option<&BrandId>) -> Rate {
        brand.and_then(|brand| self.brands.get(brand)).unwrap_or(&self.rates).of(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_place_and_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Limit::ALL.map(Limit::name).into_iter().collect();
        assert_eq!(names.len(), Limit::ALL.len());
        assert!(Limit::ALL.iter().enumerate().all(|(place, limit)| *limit as usize == place));
    }
}
