//! To what the bank holds a client, over what it registered: in force with the client's next request, as any change of it is.

use super::{Desk, Done};
use crate::{
    admin::{ActRefusal, HeldClient},
    audit::AuditKind,
    oauth::{brand::BrandId, client::ClientId, profile::SecurityProfile},
    storage::{Outage, Tx},
};

/// Stricter only: less than what the brand or the client asks for holds nobody to less.
pub(super) async fn hold(
    desk: &Desk<'_>,
    tx: &mut Tx,
    brand: &BrandId,
    id: ClientId,
    profile: Option<SecurityProfile>,
    reason: &str,
    actor: &str,
) -> Result<Result<Done, ActRefusal>, Outage> {
    let profile = profile.filter(|profile| *profile > SecurityProfile::Legacy);
    let Some(client) = tx.lock_client(brand, id).await? else { return Ok(Err(ActRefusal::NoSuchClient)) };
    let most = desk.brands.iter().find(|served| served.id == *brand).map(|served| served.profiles.most);
    if profile.is_some_and(|profile| most.is_none_or(|most| profile > most)) {
        return Ok(Err(ActRefusal::ProfileNotOffered));
    }
    let held = HeldClient { client_id: id, brand: brand.to_string(), held_to: profile };
    if client.held_to == profile {
        return Ok(Ok(Done::HeldBefore(held)));
    }
    tx.hold_client(id, profile).await?;
    let to = profile.map_or("as registered", SecurityProfile::name);
    let event = desk.event(Some(brand.as_str()), AuditKind::ClientProfileSet, actor).client(id).organisation(&client.organisation);
    tx.record(&event.reason(format!("{to}: {reason}"))).await?;
    Ok(Ok(Done::Held(held)))
}
