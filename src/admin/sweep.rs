//! All grants of a client or of an organisation are ended, some at a time.

use crate::oauth::{brand::BrandId, client::ClientId, grant::EndReason, tpp::OrganisationId};
use serde::{Deserialize, Serialize};
use std::fmt;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whose grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Whose {
    Client {
        client: ClientId,
        brand: String,
    },
    Organisation {
        organisation: OrganisationId,
        /// `None`: at every brand.
        brand: Option<String>,
    },
}

impl Whose {
    pub fn brand(&self) -> Option<&str> {
        match self {
            Self::Client { brand, .. } => Some(brand),
            Self::Organisation { brand, .. } => brand.as_deref(),
        }
    }

    pub fn brand_id(&self) -> Option<BrandId> {
        self.brand().map(BrandId::new)
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client { client, .. } => write!(f, "client {client}"),
            Self::Organisation { organisation, brand: None } => write!(f, "organisation {organisation}"),
            Self::Organisation { organisation, brand: Some(brand) } => write!(f, "organisation {organisation} at {brand}"),
        }
    }
}

/// How grants are ended before their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// For good: the customer gives a new consent, or none.
    Revoke,
    /// RTS art. 10a(3): their SCA no longer counts.
    ForceSca,
}

impl Ending {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::ForceSca => "force_sca",
        }
    }

    /// What [`Self::name`] wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Revoke, Self::ForceSca].into_iter().find(|ending| ending.name() == name)
    }

    pub const fn reason(self) -> EndReason {
        match self {
            Self::Revoke => EndReason::EndedByBank,
            Self::ForceSca => EndReason::ScaForced,
        }
    }
}

/// Where such a piece of work stands. It goes on wherever it was left, by any server or by the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    pub id: Uuid,
    pub ending: Ending,
    pub whose: Whose,
    pub reason: String,
    pub psu_notice: Option<String>,
    /// As the audit trail has it: of two persons both.
    pub by: String,
    /// Grants that were given later are other consents.
    pub begun_at: OffsetDateTime,
    pub at_client: Option<ClientId>,
    pub at_grant: Option<Uuid>,
    pub clients: i64,
    pub grants: i64,
    pub finished_at: Option<OffsetDateTime>,
}

impl Sweep {
    pub fn new(
        id: Uuid,
        ending: Ending,
        whose: Whose,
        reason: String,
        psu_notice: Option<String>,
        by: String,
        now: OffsetDateTime,
    ) -> Self {
        let (clients, grants) = (0, 0);
        Self {
            id,
            ending,
            whose,
            reason,
            psu_notice,
            by,
            begun_at: now,
            at_client: None,
            at_grant: None,
            clients,
            grants,
            finished_at: None,
        }
    }

    pub fn view(&self) -> SweepView {
        let (client, organisation) = match &self.whose {
            Whose::Client { client, .. } => (Some(client.to_string()), None),
            Whose::Organisation { organisation, .. } => (None, Some(organisation.to_string())),
        };
        SweepView {
            sweep_id: self.id,
            ending: self.ending,
            brand: self.whose.brand().map(str::to_owned),
            client_id: client,
            organisation,
            reason: self.reason.clone(),
            by: self.by.clone(),
            begun_at: self.begun_at,
            clients: self.clients,
            grants: self.grants,
            finished_at: self.finished_at,
        }
    }
}

/// How far the ending of many grants has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SweepView {
    pub sweep_id: Uuid,
    pub ending: Ending,
    /// Absent: at every brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Whose grants: this client's, or all of `organisation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    pub reason: String,
    pub by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// Clients that are done.
    pub clients: i64,
    /// Grants that were ended.
    pub grants: i64,
    /// Absent: it goes on.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<OffsetDateTime>,
}
