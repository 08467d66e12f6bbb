//! The acts of the bank's own people: a closed list, each with its arguments.

use super::{
    key::{Algorithm, RotationRefusal},
    person::Person,
    sweep::Whose,
};
use crate::{
    oauth::{client::ClientId, grant::GrantId, profile::SecurityProfile, tpp::OrganisationId},
    standing::{BlockId, MergeRefusal, Notification, Target},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;
use utoipa::ToSchema;

/// An act's name: what `admin.four_eyes` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub enum ActKind {
    /// One that has no QWAC, and one that it has already.
    #[serde(rename = "client.register")]
    ClientRegister,
    #[serde(rename = "client.delete")]
    ClientDelete,
    #[serde(rename = "client.block")]
    ClientBlock,
    #[serde(rename = "client.unblock")]
    ClientUnblock,
    /// Of one client, or of all that an organisation has.
    #[serde(rename = "client.force_sca")]
    ClientForceSca,
    /// Hold a client to a stricter profile, or to what it registered.
    #[serde(rename = "client.profile")]
    ClientProfile,
    /// Of an organisation, a certificate, an issuer, a role.
    #[serde(rename = "block.add")]
    BlockAdd,
    #[serde(rename = "block.lift")]
    BlockLift,
    #[serde(rename = "grant.revoke")]
    GrantRevoke,
    #[serde(rename = "grant.force_sca")]
    GrantForceSca,
    /// All grants of a client or of an organisation.
    #[serde(rename = "grant.revoke_all")]
    GrantRevokeAll,
    #[serde(rename = "tpp.merge")]
    TppMerge,
    #[serde(rename = "key.rotate")]
    KeyRotate,
    #[serde(rename = "key.retire")]
    KeyRetire,
    #[serde(rename = "psu.erase")]
    PsuErase,
}

impl ActKind {
    pub const ALL: [Self; 15] = [
        Self::ClientRegister,
        Self::ClientDelete,
        Self::ClientBlock,
        Self::ClientUnblock,
        Self::ClientForceSca,
        Self::ClientProfile,
        Self::BlockAdd,
        Self::BlockLift,
        Self::GrantRevoke,
        Self::GrantForceSca,
        Self::GrantRevokeAll,
        Self::TppMerge,
        Self::KeyRotate,
        Self::KeyRetire,
        Self::PsuErase,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientRegister => "client.register",
            Self::ClientDelete => "client.delete",
            Self::ClientBlock => "client.block",
            Self::ClientUnblock => "client.unblock",
            Self::ClientForceSca => "client.force_sca",
            Self::ClientProfile => "client.profile",
            Self::BlockAdd => "block.add",
            Self::BlockLift => "block.lift",
            Self::GrantRevoke => "grant.revoke",
            Self::GrantForceSca => "grant.force_sca",
            Self::GrantRevokeAll => "grant.revoke_all",
            Self::TppMerge => "tpp.merge",
            Self::KeyRotate => "key.rotate",
            Self::KeyRetire => "key.retire",
            Self::PsuErase => "psu.erase",
        }
    }
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is to be done. Stored while it waits for a second person: members may be added, and none change their meaning.
/// Names no customer: of one who is to be forgotten it has a keyed digest, until it is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Without a QWAC, so that the bank says who it is (RFC 8705 s2.2).
    RegisterClient {
        brand: String,
        /// Replaces what is registered of this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
        organisation: OrganisationId,
        legal_name: String,
        /// RFC 7591.
        metadata: Map<String, Value>,
    },
    /// With its grants and tokens. Only one that the bank registered: others are their TPPs' to delete.
    DeleteClient {
        brand: String,
        client: ClientId,
    },
    Block {
        target: Target,
        /// `None`: at every brand.
        brand: Option<String>,
        psu_notice: Option<String>,
        authority: Option<Notification>,
    },
    Lift {
        block: BlockId,
        /// It shuts out a client, not what `guichet block` shuts out.
        of_client: bool,
    },
    /// The customers have to be authenticated anew.
    ForceSca {
        whose: Whose,
    },
    HoldClient {
        client: ClientId,
        brand: String,
        /// `None`: to what it registered.
        profile: Option<SecurityProfile>,
    },
    RevokeGrant {
        brand: String,
        grant: GrantId,
        psu_notice: Option<String>,
    },
    ForceScaOfGrant {
        brand: String,
        grant: GrantId,
    },
    RevokeAll {
        whose: Whose,
        psu_notice: Option<String>,
    },
    Merge {
        old: OrganisationId,
        new: OrganisationId,
        overlap_days: u16,
        forced: bool,
    },
    /// `at_once`: without the time in which a key is published before it signs.
    RotateKey {
        algorithm: Option<Algorithm>,
        at_once: bool,
    },
    RetireKey {
        kid: String,
    },
    ErasePsu {
        brand: String,
        /// Hexadecimal; told nobody. Who approves has to bring the reference that it is of. Empty once the act is decided.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        psu: String,
        /// Otherwise consents that are alive are a reason to refuse.
        end_consents: bool,
    },
}

impl Act {
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::RegisterClient { .. } => ActKind::ClientRegister,
            Self::DeleteClient { .. } => ActKind::ClientDelete,
            Self::Block { target: Target::Client(_), .. } => ActKind::ClientBlock,
            Self::Block {
                target: Target::Organisation(_) | Target::Certificate(_) | Target::IssuerName(_) | Target::IssuerKey(_) | Target::Role(..),
                ..
            } => ActKind::BlockAdd,
            Self::Lift { of_client: true, .. } => ActKind::ClientUnblock,
            Self::Lift { of_client: false, .. } => ActKind::BlockLift,
            Self::ForceSca { .. } => ActKind::ClientForceSca,
            Self::HoldClient { .. } => ActKind::ClientProfile,
            Self::RevokeGrant { .. } => ActKind::GrantRevoke,
            Self::ForceScaOfGrant { .. } => ActKind::GrantForceSca,
            Self::RevokeAll { .. } => ActKind::GrantRevokeAll,
            Self::Merge { .. } => ActKind::TppMerge,
            Self::RotateKey { .. } => ActKind::KeyRotate,
            Self::RetireKey { .. } => ActKind::KeyRetire,
            Self::ErasePsu { .. } => ActKind::PsuErase,
        }
    }

    /// Where it is in force; `None`: at every brand.
    pub fn brand(&self) -> Option<&str> {
        match self {
            Self::Block { brand, .. } => brand.as_deref(),
            Self::RegisterClient { brand, .. }
            | Self::DeleteClient { brand, .. }
            | Self::HoldClient { brand, .. }
            | Self::RevokeGrant { brand, .. }
            | Self::ForceScaOfGrant { brand, .. }
            | Self::ErasePsu { brand, .. } => Some(brand),
            Self::ForceSca { whose } | Self::RevokeAll { whose, .. } => whose.brand(),
            Self::Lift { .. } | Self::Merge { .. } | Self::RotateKey { .. } | Self::RetireKey { .. } => None,
        }
    }

    /// It is about a customer, whom nothing here names: whoever has it done must.
    pub fn needs_customer(&self) -> bool {
        self.kind() == ActKind::PsuErase
    }

    /// For programs: what it is about. The digest of a customer stays here, or whoever keeps what he reads could tell later whose a
    /// forgotten customer's events were.
    pub fn arguments(&self) -> Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        if let (true, Some(members)) = (self.needs_customer(), told.as_object_mut()) {
            members.remove("psu");
        }
        told
    }

    /// The same act has the same digest.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }
}

/// For people: what it is about.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegisterClient { brand, client: None, organisation, legal_name, .. } => {
                write!(f, "register a client of {organisation} ({legal_name}) at {brand}, without a QWAC")
            }
            Self::RegisterClient { brand, client: Some(client), organisation, legal_name, .. } => {
                write!(f, "replace what is registered of client {client} of {organisation} ({legal_name}) at {brand}")
            }
            Self::DeleteClient { brand, client } => write!(f, "delete client {client} at {brand} with its grants"),
            Self::Block { target, brand, .. } => {
                write!(f, "block {target}")?;
                brand.iter().try_for_each(|brand| write!(f, " at {brand}"))
            }
            Self::Lift { block, .. } => write!(f, "lift block {block}"),
            Self::ForceSca { whose } => write!(f, "have the customers of {whose} authenticated anew"),
            Self::HoldClient { client, profile: Some(profile), .. } => write!(f, "hold client {client} to {}", profile.name()),
            Self::HoldClient { client, profile: None, .. } => write!(f, "hold client {client} to what it registered"),
            Self::RevokeGrant { grant, .. } => write!(f, "revoke grant {}", grant.0),
            Self::ForceScaOfGrant { grant, .. } => write!(f, "have the customer of grant {} authenticated anew", grant.0),
            Self::RevokeAll { whose, .. } => write!(f, "revoke all grants of {whose}"),
            Self::Merge { old, new, .. } => write!(f, "make the clients of {old} those of {new}"),
            Self::RotateKey { at_once: false, .. } => f.write_str("make the next signing key"),
            Self::RotateKey { at_once: true, .. } => f.write_str("make a signing key that signs at once"),
            Self::RetireKey { kid } => write!(f, "retire signing key {kid}"),
            Self::ErasePsu { brand, end_consents: false, .. } => write!(f, "forget a customer of {brand}"),
            Self::ErasePsu { brand, end_consents: true, .. } => write!(f, "end the consents of a customer of {brand} and forget him"),
        }
    }
}

/// An act that somebody orders, and why.
#[derive(Clone, Debug)]
pub struct Order {
    pub act: Act,
    pub reason: String,
    pub by: Person,
}

/// Why an act cannot be done: nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActRefusal {
    NoSuchClient,
    /// What is to be registered is not admitted: the member, and why.
    Metadata {
        field: String,
        why: String,
    },
    /// Its TPP registered it, by a QWAC.
    ClientOfTpp,
    NoSuchOrganisation,
    NoSuchGrant,
    NoSuchBlock,
    Merge(MergeRefusal),
    /// The client's brand does not offer it.
    ProfileNotOffered,
    NoSuchKey,
    Rotation(RotationRefusal),
    /// Nobody said of whom it is.
    CustomerNeeded,
    /// Somebody named another one.
    OtherCustomer,
    /// Somebody named one.
    AboutNoCustomer,
    Erasure(ErasureRefusal),
}

/// Why a customer is not forgotten: nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureRefusal {
    /// Nothing here is about this customer.
    Unknown,
    ConsentsAlive(usize),
    JourneysUnderWay,
}

impl fmt::Display for ErasureRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("nothing here is about this customer"),
            Self::ConsentsAlive(count) => {
                write!(f, "{count} consents of the customer are alive: end them first, or say --end-consents")
            }
            Self::JourneysUnderWay => f.write_str("the customer is at a page of ours this moment: try again when the journey is over"),
        }
    }
}

impl fmt::Display for ActRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata { field, why } => write!(f, "{field}: {why}"),
            Self::ClientOfTpp => f.write_str("this client was registered by its TPP, with a QWAC: it is not the bank's to change"),
            Self::NoSuchClient => f.write_str("there is no such client"),
            Self::NoSuchOrganisation => f.write_str("this organisation has no client"),
            Self::NoSuchGrant => f.write_str("there is no such grant"),
            Self::NoSuchBlock => f.write_str("there is no such block"),
            Self::Merge(refusal) => refusal.fmt(f),
            Self::ProfileNotOffered => {
                f.write_str("the client's brand does not offer this profile: `clients_may_choose` of its `[brand.security]`")
            }
            Self::NoSuchKey => f.write_str("there is no such signing key in the database"),
            Self::Rotation(refusal) => refusal.fmt(f),
            Self::CustomerNeeded => f.write_str("of whom it is, is not stored: give his reference with --reference-file"),
            Self::OtherCustomer => f.write_str("the reference is another customer's than the one of whom it was proposed"),
            Self::AboutNoCustomer => f.write_str("a reference was given, and it is about no customer: is it the act that was meant?"),
            Self::Erasure(refusal) => refusal.fmt(f),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::oauth::tpp::PspRole;
    use std::collections::BTreeSet;
    use time::macros::date;
    use uuid::Uuid;

    fn all() -> Vec<Act> {
        let (id, grant) = (Uuid::nil(), GrantId(Uuid::nil()));
        let whose = Whose::Organisation { organisation: OrganisationId::new("PSDFR-ACPR-1"), brand: Some("cic".into()) };
        let told = Notification { on: date!(2026 - 11 - 27), reference: "ACPR 1".into() };
        let register = |client| Act::RegisterClient {
            brand: "cic".into(),
            client,
            organisation: OrganisationId::local("acme").unwrap(),
            legal_name: "Acme SA".into(),
            metadata: Map::from_iter([("scope".to_owned(), "aisp".into())]),
        };
        let block = |target, authority| Act::Block { target, brand: None, psu_notice: None, authority };
        vec![
            block(Target::Client(ClientId(id)), None),
            block(Target::Role(PspRole::AccountInformation, Some(OrganisationId::new("PSDFR-ACPR-1"))), Some(told)),
            block(Target::Certificate([7; 32]), None),
            Act::Lift { block: BlockId(id), of_client: true },
            Act::Lift { block: BlockId(id), of_client: false },
            Act::ForceSca { whose: whose.clone() },
            Act::HoldClient { client: ClientId(id), brand: "cic".into(), profile: Some(SecurityProfile::Fapi2) },
            Act::HoldClient { client: ClientId(id), brand: "cic".into(), profile: None },
            Act::RevokeGrant { brand: "cic".into(), grant, psu_notice: Some("said".into()) },
            Act::ForceScaOfGrant { brand: "cic".into(), grant },
            Act::RevokeAll { whose, psu_notice: None },
            Act::Merge { old: OrganisationId::new("a"), new: OrganisationId::new("b"), overlap_days: 30, forced: false },
            Act::RotateKey { algorithm: Some(Algorithm::Es256), at_once: false },
            Act::RetireKey { kid: "k".into() },
            Act::ErasePsu { brand: "cic".into(), psu: "5e".repeat(32), end_consents: false },
            Act::ErasePsu { brand: "cic".into(), psu: "5e".repeat(32), end_consents: true },
            Act::ErasePsu { brand: "cic".into(), psu: String::new(), end_consents: true },
            register(None),
            register(Some(ClientId(id))),
            Act::DeleteClient { brand: "cic".into(), client: ClientId(id) },
        ]
    }

    #[test]
    fn nobody_is_shown_of_whom_an_act_is_and_all_else_is_told() {
        for act in all() {
            let (stored, shown) = (serde_json::to_value(&act).unwrap(), act.arguments());
            assert!(!shown.to_string().contains("5e5e") && !act.to_string().contains("5e"), "{act}");
            assert!(act.needs_customer() || shown == stored, "{act}");
        }
    }

    #[test]
    fn what_waits_is_read_as_it_was_written_and_each_kind_has_an_act() {
        let (mut kinds, mut digests) = (BTreeSet::new(), BTreeSet::new());
        for act in all() {
            let written = serde_json::to_value(&act).unwrap();
            assert_eq!(serde_json::from_value::<Act>(written).unwrap(), act);
            kinds.insert(act.kind());
            assert!(digests.insert(act.digest()), "{act}");
        }
        assert_eq!(kinds, ActKind::ALL.into());
        for kind in ActKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
