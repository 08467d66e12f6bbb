//! Which rules a client is held to: the bank's published dialect, or the FAPI 2.0 Security Profile.

use super::{
    brand::{Brand, ExchangeScope},
    client::Client,
    client_metadata::ClientMetadata,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// In order of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecurityProfile {
    /// What the bank publishes.
    Legacy,
    /// FAPI 2.0 Security Profile.
    Fapi2,
}

impl SecurityProfile {
    pub const ALL: [(&'static str, Self); 2] = [("legacy", Self::Legacy), ("fapi2", Self::Fapi2)];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Fapi2 => "fapi2",
        }
    }

    /// The parameters of an authorization request come by RFC 9126 only (FAPI 2.0 s5.3.2.2-3).
    pub const fn needs_pushed_requests(self) -> bool {
        self.is_fapi2()
    }

    /// Each authorization request has an S256 challenge (FAPI 2.0 s5.3.2.2-5).
    pub const fn needs_challenge(self) -> bool {
        self.is_fapi2()
    }

    /// Access tokens work with the client's certificate only (FAPI 2.0 s5.3.2.1-4).
    pub const fn binds_access_tokens(self) -> bool {
        self.is_fapi2()
    }

    /// Refresh tokens may be rotated where the bank does (FAPI 2.0 s5.3.2.1-9).
    pub const fn may_rotate(self) -> bool {
        !self.is_fapi2()
    }

    /// A code is exchanged by what RFC 6749 s4.1.3 knows, where no `scope` is; the dialect of a bank may want it.
    pub const fn exchanges_by_the_rfc(self) -> bool {
        self.is_fapi2()
    }

    /// A client's keys are called as it calls them: what it signs names them (FAPI 2.0 s5.4.3).
    pub const fn keeps_kids(self) -> bool {
        self.is_fapi2()
    }

    /// Of what a client signs for us (FAPI 2.0 s5.3.2.1-8).
    pub const fn takes_issuer_alone_as_audience(self) -> bool {
        self.is_fapi2()
    }

    /// What a client registers of its certificate's subject counts (RFC 8705 s2.1.2); of others its organisation alone does.
    pub const fn takes_registered_subjects(self) -> bool {
        self.is_fapi2()
    }

    const fn is_fapi2(self) -> bool {
        match self {
            Self::Legacy => false,
            Self::Fapi2 => true,
        }
    }
}

/// The profiles of a brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// Of a client that says nothing, and the least of any.
    pub least: SecurityProfile,
    /// The strictest that a client may choose.
    pub most: SecurityProfile,
}

impl Profiles {
    pub const LEGACY: Self = Self { least: SecurityProfile::Legacy, most: SecurityProfile::Legacy };

    /// Some client is held to FAPI 2.0, or may be.
    pub const fn offer_fapi2(self) -> bool {
        self.most.is_fapi2()
    }

    /// Of a client that chose, or did not: never less than the brand's, and never what the brand does not offer.
    pub fn of(self, metadata: &ClientMetadata) -> SecurityProfile {
        metadata.security_profile.unwrap_or(self.least).clamp(self.least, self.most)
    }
}

impl Brand {
    /// What a client of this brand is held to.
    pub fn profile_of(&self, client: &Client) -> SecurityProfile {
        self.profiles.of(&client.metadata)
    }

    /// Whether its exchange of a code repeats the scope.
    pub fn exchange_scope_of(&self, client: &Client) -> ExchangeScope {
        if self.profile_of(client).exchanges_by_the_rfc() { ExchangeScope::Optional } else { self.exchange_scope }
    }

    /// RFC 8705 s3: its access tokens work with the certificate only that they were issued to.
    /// Without a QWAC there is no organisation by which another certificate could be told to be its own.
    pub fn binds_access_tokens_of(&self, client: &Client) -> bool {
        self.certificate_bound_access_tokens
            || self.profile_of(client).binds_access_tokens()
            || !client.metadata.token_endpoint_auth_method.needs_qwac()
    }

    /// Its authorization requests come by RFC 9126 only, because of the profile or because it asked for that (RFC 9126 s6).
    pub fn needs_pushed_requests(&self, client: &Client) -> bool {
        self.profile_of(client).needs_pushed_requests() || client.metadata.require_pushed_authorization_requests
    }
}
