//! Clients without a QWAC: the bank's own people say who they are, what they may be given and by which keys they are known.

use super::{Desk, Done};
use crate::{
    admin::{ActRefusal, ClientSummary},
    audit::AuditKind,
    flows::register,
    oauth::{
        brand::Brand,
        client::{Client, ClientId},
        registrant::Registrant,
        tpp::OrganisationId,
    },
    storage::{Outage, Tx},
};
use serde_json::{Map, Value};

/// What is to be registered.
pub(super) struct Wanted<'a> {
    pub brand: &'a str,
    /// In place of what is registered of this one.
    pub client: Option<ClientId>,
    pub organisation: &'a OrganisationId,
    pub legal_name: &'a str,
    pub metadata: &'a Map<String, Value>,
}

type Outcome = Result<Result<Done, ActRefusal>, Outage>;

fn refused(field: &str, why: impl Into<String>) -> Outcome {
    Ok(Err(ActRefusal::Metadata { field: field.to_owned(), why: why.into() }))
}

fn brand<'a>(desk: &Desk<'a>, id: &str) -> Option<&'a Brand> {
    desk.brands.iter().find(|brand| brand.id.as_str() == id).copied()
}

/// Judged as a TPP's own registration is (RFC 7591), and by what the brand gives to clients without a QWAC.
pub(super) async fn register(desk: &Desk<'_>, tx: &mut Tx, wanted: &Wanted<'_>, reason: &str, actor: &str) -> Outcome {
    let Some(brand) = brand(desk, wanted.brand) else { return refused("brand", "no such brand") };
    if !wanted.organisation.is_local() {
        return refused("organisation", "must be of the bank's own naming: local: and small letters, digits or -");
    }
    if wanted.legal_name.contains('\n') {
        return refused("legal_name", "must be one line");
    }
    // no column of text or JSON keeps it, and a proposal has all that was sent
    if serde_json::to_string(wanted.metadata).is_ok_and(|text| text.contains("\\u0000")) {
        return refused("metadata", "holds a NUL");
    }
    let known = match wanted.client {
        None => None,
        Some(id) => match of_bank(tx, brand, id).await? {
            Ok(client) if client.organisation == *wanted.organisation => Some(client),
            Ok(client) => return refused("organisation", format!("the client is of {}", client.organisation)),
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let whose = Registrant::Named { organisation: wanted.organisation, legal_name: wanted.legal_name };
    let uris = known.as_ref().map_or(&[][..], |client| &client.metadata.redirect_uris);
    let (metadata, scope) = match register::admit(wanted.metadata, whose, brand, uris, None) {
        Ok(admitted) => admitted,
        Err(refusal) => return refused(&refusal.field, refusal.why),
    };
    let legal_name = wanted.legal_name.to_owned();
    let (client, kind) = match known {
        Some(known) => {
            let client = Client { metadata, scope, legal_name, ..known };
            tx.update_client(&client, None, desk.now).await?;
            (client, AuditKind::ClientUpdated)
        }
        None => {
            let client = Client {
                id: ClientId(desk.entropy.uuid(desk.now)),
                brand: brand.id.clone(),
                organisation: wanted.organisation.clone(),
                legal_name,
                metadata,
                scope,
                // nothing that it could manage itself by (RFC 7592): it has no QWAC
                secrets: vec![],
                registration_tokens: vec![],
                issued_at: desk.now,
                revision: 1,
            };
            tx.insert_client(&client, None, desk.now).await?;
            (client, AuditKind::ClientRegistered)
        }
    };
    let event = desk.event(Some(brand.id.as_str()), kind, actor).client(client.id);
    tx.record(&event.organisation(&client.organisation).reason(reason.to_owned())).await?;
    let summary = summary(&client);
    Ok(Ok(if wanted.client.is_some() { Done::Reregistered(summary) } else { Done::Registered(summary) }))
}

pub(super) async fn delete(desk: &Desk<'_>, tx: &mut Tx, brand_id: &str, id: ClientId, reason: &str, actor: &str) -> Outcome {
    let Some(brand) = brand(desk, brand_id) else { return Ok(Err(ActRefusal::NoSuchClient)) };
    let client = match of_bank(tx, brand, id).await? {
        Ok(client) => client,
        Err(refusal) => return Ok(Err(refusal)),
    };
    tx.delete_client(id, desk.now).await?;
    let event = desk.event(Some(brand.id.as_str()), AuditKind::ClientDeleted, actor).client(id);
    tx.record(&event.organisation(&client.organisation).reason(reason.to_owned())).await?;
    Ok(Ok(Done::Deleted(id)))
}

async fn of_bank(tx: &mut Tx, brand: &Brand, id: ClientId) -> Result<Result<Client, ActRefusal>, Outage> {
    Ok(match tx.lock_client(&brand.id, id).await? {
        None => Err(ActRefusal::NoSuchClient),
        Some(client) if client.organisation.is_local() => Ok(client),
        Some(_) => Err(ActRefusal::ClientOfTpp),
    })
}

fn summary(client: &Client) -> ClientSummary {
    ClientSummary {
        client_id: client.id,
        brand: client.brand.to_string(),
        organisation: client.organisation.clone(),
        legal_name: client.legal_name.clone(),
        client_name: client.metadata.client_name.clone(),
        scope: client.scope.to_string(),
        registered_at: client.issued_at,
        deleted_at: None,
        blocked: None,
    }
}
