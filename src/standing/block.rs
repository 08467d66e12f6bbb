//! The kill switch: whom the bank's operator shut out, why, and who was told.

use super::{
    fingerprint,
    roles::Roles,
    subject::{CertificateRef, Subject},
};
use crate::oauth::{
    brand::BrandId,
    client::ClientId,
    tpp::{OrganisationId, PspRole},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{collections::HashMap, fmt, sync::Arc};
use time::{Date, OffsetDateTime, macros::format_description};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlockId(pub Uuid);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// What is shut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All certificates of it, the ones to come among them.
    Organisation(OrganisationId),
    /// SHA-256 over the certificate's DER.
    Certificate([u8; 32]),
    /// The certificate's issuer, by its name as `guichet cert inspect` shows it.
    IssuerName(String),
    /// The same by SHA-256 over its SubjectPublicKeyInfo: a name can have several keys.
    IssuerKey([u8; 32]),
    /// One client of an organisation; its others go on.
    Client(ClientId),
    /// One role, of everybody or of one organisation; its other roles go on.
    Role(PspRole, Option<OrganisationId>),
}

/// A target as rows, `--json` and audit events have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetRow {
    #[serde(rename = "target")]
    pub kind: &'static str,
    pub value: String,
    /// Of a role that one organisation lost; else empty.
    #[serde(rename = "of", skip_serializing_if = "String::is_empty")]
    pub organisation: String,
}

impl Target {
    pub fn row(&self) -> TargetRow {
        let (kind, value, organisation) = match self {
            Self::Organisation(id) => ("organisation", id.to_string(), None),
            Self::Certificate(sha256) => ("certificate", fingerprint::hex(sha256), None),
            Self::IssuerName(name) => ("issuer_name", name.clone(), None),
            Self::IssuerKey(sha256) => ("issuer_key", fingerprint::hex(sha256), None),
            Self::Client(id) => ("client", id.to_string(), None),
            Self::Role(role, of) => ("role", role.name().to_owned(), of.as_ref()),
        };
        TargetRow { kind, value, organisation: organisation.map(ToString::to_string).unwrap_or_default() }
    }

    /// What [`Self::row`] wrote.
    pub fn read(kind: &str, value: &str, organisation: &str) -> Option<Self> {
        Some(match kind {
            "organisation" => Self::Organisation(OrganisationId::new(value)),
            "certificate" => Self::Certificate(fingerprint::read(value)?),
            "issuer_name" => Self::IssuerName(value.to_owned()),
            "issuer_key" => Self::IssuerKey(fingerprint::read(value)?),
            "client" => Self::Client(ClientId::parse(value)?),
            "role" => {
                let of = (!organisation.is_empty()).then(|| OrganisationId::new(organisation));
                Self::Role(PspRole::ALL.into_iter().find(|role| role.name() == value)?, of)
            }
            _ => return None,
        })
    }

    /// The organisation that it is about, where it is about one.
    pub const fn organisation(&self) -> Option<&OrganisationId> {
        match self {
            Self::Organisation(id) | Self::Role(_, Some(id)) => Some(id),
            Self::Certificate(_) | Self::IssuerName(_) | Self::IssuerKey(_) | Self::Client(_) | Self::Role(_, None) => None,
        }
    }

    /// The client that it is about, where it is about one.
    pub const fn client(&self) -> Option<ClientId> {
        match self {
            Self::Client(id) => Some(*id),
            Self::Organisation(_) | Self::Certificate(_) | Self::IssuerName(_) | Self::IssuerKey(_) | Self::Role(..) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        write!(f, "{} {}", row.kind.replace('_', " "), row.value)?;
        if row.organisation.is_empty() { Ok(()) } else { write!(f, " of {}", row.organisation) }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.row().serialize(serializer)
    }
}

/// As [`Target::row`] wrote it.
impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Row {
            target: String,
            value: String,
            #[serde(default)]
            of: String,
        }
        let row = Row::deserialize(deserializer)?;
        Self::read(&row.target, &row.value, &row.of).ok_or_else(|| D::Error::custom("no target of a block"))
    }
}

/// PSD2 art. 68(6): the bank tells its authority at once that it shuts a provider out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    #[serde(serialize_with = "day", deserialize_with = "read_day")]
    pub on: Date,
    /// What the authority calls it: a file number, a mail's id.
    pub reference: String,
}

fn day<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

fn read_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let written = String::deserialize(deserializer)?;
    Date::parse(&written, format_description!("[year]-[month]-[day]")).map_err(D::Error::custom)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lifted {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub by: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    pub id: BlockId,
    #[serde(flatten)]
    pub target: Target,
    /// `None`: every brand's.
    #[serde(serialize_with = "brand_name")]
    pub brand: Option<BrandId>,
    /// For the bank's own people; never shown outside.
    pub reason: String,
    /// What customers of the TPP are told, in the words of the bank.
    pub psu_notice: Option<String>,
    pub authority: Option<Notification>,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    pub by: String,
    pub lifted: Option<Lifted>,
}

#[expect(clippy::ref_option, reason = "serde hands fields on by reference")]
fn brand_name<S: Serializer>(brand: &Option<BrandId>, serializer: S) -> Result<S::Ok, S::Error> {
    brand.as_ref().map(BrandId::as_str).serialize(serializer)
}

impl Block {
    fn is_for(&self, brand: &BrandId) -> bool {
        self.brand.as_ref().is_none_or(|own| own == brand)
    }
}

type Found = Vec<Arc<Block>>;

/// The live blocks by what they are asked for: each question is a look-up.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    organisations: HashMap<OrganisationId, Found>,
    certificates: HashMap<[u8; 32], Found>,
    issuer_names: HashMap<String, Found>,
    issuer_keys: HashMap<[u8; 32], Found>,
    clients: HashMap<ClientId, Found>,
    roles: Found,
    roles_of: HashMap<OrganisationId, Found>,
    count: usize,
}

impl FromIterator<Block> for Blocks {
    /// Lifted ones are left out.
    fn from_iter<I: IntoIterator<Item = Block>>(blocks: I) -> Self {
        let mut index = Self::default();
        for block in blocks.into_iter().filter(|block| block.lifted.is_none()).map(Arc::new) {
            index.count += 1;
            let place = match &block.target {
                Target::Organisation(id) => index.organisations.entry(id.clone()).or_default(),
                Target::Certificate(sha256) => index.certificates.entry(*sha256).or_default(),
                Target::IssuerName(name) => index.issuer_names.entry(name.clone()).or_default(),
                Target::IssuerKey(sha256) => index.issuer_keys.entry(*sha256).or_default(),
                Target::Client(id) => index.clients.entry(*id).or_default(),
                Target::Role(_, Some(id)) => index.roles_of.entry(id.clone()).or_default(),
                Target::Role(_, None) => &mut index.roles,
            };
            place.push(block);
        }
        index
    }
}

impl Blocks {
    pub const fn len(&self) -> usize {
        self.count
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What shuts the subject out altogether. `also`: who the organisation is now.
    pub fn whole(&self, who: &Subject<'_>, also: Option<&OrganisationId>, brand: &BrandId) -> Option<&Arc<Block>> {
        if self.is_empty() {
            return None;
        }
        let organisation = self.organisations.get(who.organisation).into_iter().chain(also.and_then(|id| self.organisations.get(id)));
        let certificate = who.certificate.as_ref().into_iter().flat_map(|certificate| self.of_certificate(certificate));
        let client = who.client.and_then(|id| self.clients.get(&id)).into_iter();
        organisation.chain(certificate).chain(client).flatten().find(|block| block.is_for(brand))
    }

    /// What shuts out this client of an organisation that may act.
    pub fn client(&self, id: ClientId, brand: &BrandId) -> Option<&Arc<Block>> {
        self.clients.get(&id).into_iter().flatten().find(|block| block.is_for(brand))
    }

    fn of_certificate(&self, certificate: &CertificateRef<'_>) -> impl Iterator<Item = &Found> {
        let name = certificate.issuer_name.and_then(|name| self.issuer_names.get(name));
        let key = certificate.issuer_key.and_then(|sha256| self.issuer_keys.get(sha256));
        self.certificates.get(certificate.sha256).into_iter().chain(name).chain(key)
    }

    /// What takes this role away.
    pub fn role(&self, role: PspRole, who: &OrganisationId, also: Option<&OrganisationId>, brand: &BrandId) -> Option<&Arc<Block>> {
        let own = self.roles_of.get(who).into_iter().chain(also.and_then(|id| self.roles_of.get(id))).flatten();
        let takes = |block: &Block| matches!(block.target, Target::Role(taken, _) if taken == role) && block.is_for(brand);
        self.roles.iter().chain(own).find(|block| takes(block))
    }

    pub fn roles_left(&self, roles: Roles, who: &OrganisationId, also: Option<&OrganisationId>, brand: &BrandId) -> Roles {
        if self.roles.is_empty() && self.roles_of.is_empty() {
            return roles;
        }
        roles.iter().filter(|role| self.role(*role, who, also, brand).is_none()).collect()
    }
}
