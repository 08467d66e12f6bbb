//! Registered clients, with what shuts them out.

use crate::{
    admin::{CertificateView, ClientPage, ClientState, ClientSummary, LiveBlock, RegisteredClient},
    oauth::{brand::BrandId, client::ClientId, organisation::SeenCertificate, tpp::OrganisationId},
    standing::{Block, Blocks, Merges, Roles, Subject, Target, fingerprint},
    storage::{ClientQuery, Db, KnownClient, Outage},
};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// Live grants are counted so far and no further.
const COUNTED_TO: i64 = 10_000;
/// Clients looked at for one page, whatever they are.
pub(super) const SCAN: i64 = 2_000;
/// Among so many of the newest grants the last use is looked for.
const NEWEST: i64 = 1_000;
/// Certificates of an organisation that are shown.
const CERTIFICATES: i64 = 20;

/// Which clients.
pub struct Search<'a> {
    pub brand: Option<&'a BrandId>,
    pub organisation: Option<&'a OrganisationId>,
    pub state: ClientState,
    pub after: Option<Uuid>,
    pub limit: usize,
}

/// What shuts clients out as a whole: blocks of them and of their organisations.
struct Shut {
    blocks: Blocks,
    merges: Merges,
    clients: Vec<Uuid>,
    organisations: Vec<String>,
}

impl Shut {
    async fn load(db: &Db, now: OffsetDateTime) -> Result<Self, Outage> {
        let live = db.live_blocks().await?;
        let clients = live.iter().filter_map(|block| block.target.client()).map(|client| client.0).collect();
        let organisations = live.iter().filter_map(whole_organisation).map(ToString::to_string).collect();
        Ok(Self { merges: Merges::new(db.running_merges(now).await?), clients, organisations, blocks: live.into_iter().collect() })
    }

    fn block(&self, client: &KnownClient, now: OffsetDateTime) -> Option<&Arc<Block>> {
        let also = self.merges.resolve(&client.organisation, now);
        let who = Subject { organisation: &client.organisation, client: Some(client.id), certificate: None, roles: Roles::NONE };
        self.blocks.whole(&who, also, &client.brand)
    }

    fn summary(&self, client: &KnownClient, now: OffsetDateTime) -> ClientSummary {
        ClientSummary {
            client_id: client.id,
            brand: client.brand.to_string(),
            organisation: client.organisation.clone(),
            legal_name: client.legal_name.clone(),
            client_name: client.metadata.client_name.clone(),
            scope: client.scope.clone(),
            registered_at: client.registered_at,
            deleted_at: client.deleted_at,
            blocked: if client.deleted_at.is_none() { self.block(client, now).map(|block| LiveBlock::from(&**block)) } else { None },
        }
    }
}

const fn whole_organisation(block: &Block) -> Option<&OrganisationId> {
    match &block.target {
        Target::Organisation(id) => Some(id),
        Target::Certificate(_) | Target::IssuerName(_) | Target::IssuerKey(_) | Target::Client(_) | Target::Role(..) => None,
    }
}

/// Oldest first. Bounded in what is looked at: a page may be shorter than asked for, and not be the last.
pub async fn list(db: &Db, search: &Search<'_>, now: OffsetDateTime) -> Result<ClientPage, Outage> {
    let shut = Shut::load(db, now).await?;
    let query = ClientQuery {
        brand: search.brand,
        organisation: search.organisation,
        state: search.state,
        blocked_clients: &shut.clients,
        blocked_organisations: &shut.organisations,
        after: search.after,
        limit: i64::try_from(search.limit).unwrap_or(i64::MAX),
        scan: SCAN,
    };
    let found = db.known_clients(&query).await?;
    let next = found.next(search.limit);
    let all = found.fitting.iter().map(|client| shut.summary(client, now));
    // a block may be another brand's
    let clients = all.filter(|client| search.state != ClientState::Blocked || client.blocked.is_some()).collect();
    Ok(ClientPage { clients, next })
}

/// Deleted or not; of any brand, or of one.
pub async fn show(db: &Db, brand: Option<&BrandId>, id: ClientId, now: OffsetDateTime) -> Result<Option<RegisteredClient>, Outage> {
    let found = db.known_client(id).await?;
    let Some(client) = found.filter(|client| brand.is_none_or(|brand| client.brand == *brand)) else { return Ok(None) };
    let summary = Shut::load(db, now).await?.summary(&client, now);
    let seen = db.certificates_of(&client.organisation, CERTIFICATES).await?;
    let here = seen.into_iter().filter(|certificate| certificate.brands.iter().any(|brand| brand == client.brand.as_str()));
    let certificates = here.map(certificate).collect();
    let counted = db.count_grants(id, COUNTED_TO, NEWEST, now).await?;
    let registered_keys = RegisteredClient::registered_keys(&client.metadata);
    let metadata = client.metadata;
    let certificate_subject = metadata.certificate_subject().map_or_else(String::new, |(_, value)| value.to_owned());
    Ok(Some(RegisteredClient {
        client: summary,
        updated_at: client.updated_at,
        redirect_uris: metadata.redirect_uris,
        grant_types: metadata.grant_types,
        contacts: metadata.contacts,
        description: metadata.description,
        agent: metadata.agent,
        client_uri: metadata.client_uri,
        software_id: metadata.software_id,
        software_version: metadata.software_version,
        certificate_subject,
        registered_keys,
        jwks_uri: metadata.jwks_uri,
        security_profile: metadata.security_profile,
        held_to: client.held_to,
        certificates,
        live_grants: counted.live,
        live_grants_counted_to: COUNTED_TO,
        last_used_at: counted.last_used_at,
    }))
}

fn certificate(seen: SeenCertificate) -> CertificateView {
    CertificateView {
        thumbprint: <[u8; 32]>::try_from(seen.thumbprint).map_or_else(|_| String::new(), |sha256| fingerprint::hex(&sha256)),
        serial: seen.serial,
        issuer: seen.issuer,
        not_after: seen.not_after,
        roles: seen.roles,
        last_seen_at: seen.last_seen_at,
    }
}

/// Whether a brand has, or had, a client.
pub async fn is_of(db: &Db, brand: &BrandId, id: ClientId) -> Result<bool, Outage> {
    Ok(db.known_client(id).await?.is_some_and(|client| client.brand == *brand))
}

/// The block of the client itself that is in force. `None`: there is none such.
pub async fn own_block(db: &Db, id: ClientId) -> Result<Option<Block>, Outage> {
    let live = db.live_blocks().await?;
    Ok(live.into_iter().find(|block| block.target.client() == Some(id)))
}
