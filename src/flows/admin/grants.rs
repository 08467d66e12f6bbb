//! Grants: found by client, organisation or customer; ended one at a time.

use super::{Desk, Done};
use crate::{
    admin::{ActRefusal, Ending, GrantPage, GrantState, GrantView, GrantsOf},
    audit::AuditKind,
    flows::permissions::news_of_withdrawal,
    oauth::{brand::BrandId, event::GrantWithdrawn, grant::GrantId},
    storage::{Db, GrantQuery, Outage, Tx},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// How a grant is ended, and why.
pub(super) struct How<'a> {
    pub ending: Ending,
    pub reason: &'a str,
    /// What the customer is told.
    pub psu_notice: Option<&'a str>,
    pub actor: &'a str,
}

/// A page of grants.
pub struct Search<'a> {
    pub brand: &'a BrandId,
    pub of: &'a GrantsOf,
    pub state: GrantState,
    pub after: Option<Uuid>,
    pub limit: usize,
}

/// Newest first.
pub async fn search(db: &Db, search: &Search<'_>, now: OffsetDateTime) -> Result<GrantPage, Outage> {
    // one more than is shown: is there a next page?
    let limit = i64::try_from(search.limit).unwrap_or(i64::MAX).saturating_add(1);
    let query = GrantQuery { brand: search.brand, of: search.of, state: search.state, now, before: search.after, limit };
    let mut grants = db.grants_of(&query).await?;
    let more = grants.len() > search.limit;
    grants.truncate(search.limit);
    let next = grants.last().filter(|_| more).map(|last| last.grant_id);
    Ok(GrantPage { grants, next })
}

/// Of any brand, or of one.
pub async fn show(db: &Db, brand: Option<&BrandId>, grant: GrantId, now: OffsetDateTime) -> Result<Option<GrantView>, Outage> {
    let found = db.find_grant_view(grant, now).await?;
    Ok(found.filter(|grant| brand.is_none_or(|brand| grant.brand == brand.as_str())))
}

pub(super) async fn end(
    desk: &Desk<'_>,
    tx: &mut Tx,
    brand: &BrandId,
    grant: GrantId,
    how: &How<'_>,
) -> Result<Result<Done, ActRefusal>, Outage> {
    let now = desk.now;
    let Some(found) = tx.lock_grant_view(brand, grant, now).await? else { return Ok(Err(ActRefusal::NoSuchGrant)) };
    match found.state {
        GrantState::Live => {}
        GrantState::Ended | GrantState::Expired | GrantState::All => return Ok(Ok(Done::GrantEndedBefore(Box::new(found)))),
    }
    let kind = match how.ending {
        Ending::Revoke => {
            tx.end_grants(&[grant.0], how.psu_notice, now).await?;
            AuditKind::GrantWithdrawn
        }
        Ending::ForceSca => {
            tx.force_sca(&[grant.0], how.reason, now).await?;
            AuditKind::ScaForced
        }
    };
    let event = desk.event(Some(brand.as_str()), kind, how.actor).client(found.client_id).organisation(&found.organisation);
    tx.record(&event.grant(grant).reason(how.reason.to_owned())).await?;
    let payload = GrantWithdrawn {
        grant_id: grant.0.to_string(),
        client_id: found.client_id.to_string(),
        scope: found.scope.clone(),
        by: how.ending.reason().by(),
        contacts: tx.contacts_of(found.client_id).await?,
    };
    // last: publishers take turns until commit
    tx.publish(&[news_of_withdrawal(&found.organisation, brand, payload)], now).await?;
    let ended = tx.lock_grant_view(brand, grant, now).await?.unwrap_or(found);
    Ok(Ok(Done::GrantEnded(Box::new(ended))))
}
