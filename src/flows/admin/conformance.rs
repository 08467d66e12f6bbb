//! What each client still lacks for FAPI 2.0: its registration and what was seen of it, judged under the settings of today.

use super::clients::SCAN;
use crate::{
    admin::{BrandConformance, ClientConformance, ClientState, ConformancePage, Named},
    oauth::{
        brand::{Brand, BrandId},
        client::ClientId,
        conformance::ClientFacts,
        practice::SeenPractices,
        tpp::OrganisationId,
    },
    storage::{ClientQuery, Db, KnownClient, Outage},
};
use std::{borrow::Borrow, collections::BTreeMap};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// So far back what was seen counts, where nothing is said.
pub const USUAL: Duration = Duration::days(30);

/// Which clients, and since when.
pub struct Search<'a> {
    pub brand: Option<&'a BrandId>,
    pub organisation: Option<&'a OrganisationId>,
    pub since: OffsetDateTime,
    pub after: Option<Uuid>,
    pub limit: usize,
}

/// Live clients, oldest first. Those of brands that the settings do not have are passed over: nothing says what they are held to.
pub async fn page(db: &Db, brands: &[impl Borrow<Brand>], search: &Search<'_>) -> Result<ConformancePage, Outage> {
    let query = ClientQuery {
        brand: search.brand,
        organisation: search.organisation,
        state: ClientState::Live,
        blocked_clients: &[],
        blocked_organisations: &[],
        after: search.after,
        limit: i64::try_from(search.limit).unwrap_or(i64::MAX),
        scan: SCAN,
    };
    let found = db.known_clients(&query).await?;
    let next = found.next(search.limit);
    let ids: Vec<_> = found.fitting.iter().map(|client| client.id).collect();
    let seen = db.practices_of(&ids, search.since).await?;
    let clients = found.fitting.into_iter().filter_map(|client| judged(brands, client, &seen)).collect();
    let told = brands.iter().map(Borrow::borrow).filter(|brand| search.brand.is_none_or(|only| *only == brand.id));
    Ok(ConformancePage { since: search.since, brands: told.map(BrandConformance::of).collect(), clients, next })
}

/// One client, of any brand or of this one. `None`: it is not there, deleted, or of a brand that the settings do not have.
pub async fn of_one(
    db: &Db,
    brands: &[impl Borrow<Brand>],
    brand: Option<&BrandId>,
    id: ClientId,
    since: OffsetDateTime,
) -> Result<Option<ConformancePage>, Outage> {
    let found = db.known_client(id).await?.filter(|client| client.deleted_at.is_none());
    let Some(client) = found.filter(|client| brand.is_none_or(|brand| client.brand == *brand)) else { return Ok(None) };
    let seen = db.practices_of(&[id], since).await?;
    let Some(served) = served(brands, &client.brand) else { return Ok(None) };
    let clients = judged(brands, client, &seen).into_iter().collect();
    Ok(Some(ConformancePage { since, brands: vec![BrandConformance::of(served)], clients, next: None }))
}

fn served<'b>(brands: &'b [impl Borrow<Brand>], id: &BrandId) -> Option<&'b Brand> {
    brands.iter().map(Borrow::borrow).find(|brand| brand.id == *id)
}

fn judged(brands: &[impl Borrow<Brand>], client: KnownClient, seen: &BTreeMap<ClientId, SeenPractices>) -> Option<ClientConformance> {
    let nothing = SeenPractices::new();
    let KnownClient { id, organisation, metadata, held_to, .. } = client;
    let brand = served(brands, &client.brand)?;
    let in_force = brand.profiles.of(&metadata, held_to);
    let facts = ClientFacts { brand, metadata: &metadata, in_force, seen: seen.get(&id).unwrap_or(&nothing) };
    let named = Named { client_id: id, organisation, client_name: metadata.client_name.clone(), held_to };
    Some(ClientConformance::of(named, &facts))
}
