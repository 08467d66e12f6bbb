//! All grants of a client or of an organisation, ended some at a time: each some in one transaction with their audit events and with
//! the note of how far it has come. Whoever finds one unfinished goes on with it, and nobody does what is done.

use super::{Desk, Done, perform::check_whose};
use crate::{
    admin::{ActRefusal, Ending, Sweep, Whose},
    audit::{AuditEvent, AuditKind, EVERY_BRAND},
    clock::Entropy,
    flows::permissions::news_of_withdrawal,
    oauth::{brand::BrandId, client::ClientId, event::GrantWithdrawn},
    storage::{Db, LiveGrant, Outage, Tx},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// Grants ended in one transaction: a refresh waits for it no longer than that.
const BATCH: i64 = 200;

pub(super) async fn begin(
    desk: &Desk<'_>,
    tx: &mut Tx,
    ending: Ending,
    whose: &Whose,
    psu_notice: Option<&str>,
    reason: &str,
    actor: &str,
) -> Result<Result<Done, ActRefusal>, Outage> {
    if let Err(refusal) = check_whose(tx, whose).await? {
        return Ok(Err(refusal));
    }
    let (id, notice) = (desk.entropy.uuid(desk.now), psu_notice.map(str::to_owned));
    let sweep = Sweep::new(id, ending, whose.clone(), reason.to_owned(), notice, actor.to_owned(), desk.now);
    tx.insert_sweep(&sweep).await?;
    tx.record(&told(desk.entropy, &sweep, AuditKind::GrantSweepBegun, desk.now).reason(format!("{}: {reason}", ending.name()))).await?;
    Ok(Ok(Done::Sweeping(sweep)))
}

fn told(entropy: &dyn Entropy, sweep: &Sweep, kind: AuditKind, now: OffsetDateTime) -> AuditEvent {
    let brand = BrandId::new(sweep.whose.brand().unwrap_or(EVERY_BRAND));
    let event = AuditEvent::new(entropy.uuid(now), now, &brand, kind).actor(&sweep.by).subject(sweep.id.to_string());
    match &sweep.whose {
        Whose::Client { client, .. } => event.client(*client),
        Whose::Organisation { organisation, .. } => event.organisation(organisation),
    }
}

pub async fn find(db: &Db, id: Uuid) -> Result<Option<Sweep>, Outage> {
    db.find_sweep(id).await
}

/// How far it came. `None`: it is finished, or another process is at it.
pub async fn step(db: &Db, entropy: &dyn Entropy, id: Uuid, now: OffsetDateTime) -> Result<Option<Sweep>, Outage> {
    let mut tx = db.begin("sweep_grants").await?;
    let Some(mut sweep) = tx.take_sweep(id).await? else { return Ok(None) };
    let client = match sweep.at_client {
        Some(client) => Some(client),
        None => next_client(&mut tx, &sweep, None).await?,
    };
    let Some(client) = client else { return finish(tx, entropy, sweep, now).await };
    let grants = tx.lock_grants_of_client(client, sweep.begun_at, sweep.at_grant, now, BATCH).await?;
    end(&mut tx, entropy, &sweep, client, &grants, now).await?;
    let ended = i64::try_from(grants.len()).unwrap_or(i64::MAX);
    let counted = u64::try_from(grants.len()).unwrap_or(u64::MAX);
    sweep.grants += ended;
    if ended == BATCH {
        (sweep.at_client, sweep.at_grant) = (Some(client), grants.last().map(|last| last.id.0));
    } else {
        sweep.clients += 1;
        (sweep.at_client, sweep.at_grant) = (next_client(&mut tx, &sweep, Some(client)).await?, None);
    }
    let stands = if sweep.at_client.is_none() {
        finish(tx, entropy, sweep, now).await?
    } else {
        tx.advance_sweep(&sweep).await?;
        tx.commit().await?;
        Some(sweep)
    };
    metrics::counter!("guichet_grants_withdrawn_total", "by" => "bank").increment(counted);
    Ok(stands)
}

/// The client to begin with, or the one after another.
async fn next_client(tx: &mut Tx, sweep: &Sweep, after: Option<ClientId>) -> Result<Option<ClientId>, Outage> {
    match &sweep.whose {
        Whose::Client { client, .. } => Ok(after.is_none().then_some(*client)),
        Whose::Organisation { organisation, .. } => tx.client_after(organisation, sweep.whose.brand_id().as_ref(), after).await,
    }
}

async fn finish(mut tx: Tx, entropy: &dyn Entropy, mut sweep: Sweep, now: OffsetDateTime) -> Result<Option<Sweep>, Outage> {
    sweep.finished_at = Some(now);
    tx.advance_sweep(&sweep).await?;
    let event = told(entropy, &sweep, AuditKind::GrantSweepFinished, now);
    tx.record(&event.reason(format!("{} grants of {} clients", sweep.grants, sweep.clients))).await?;
    tx.commit().await?;
    Ok(Some(sweep))
}

async fn end(
    tx: &mut Tx,
    entropy: &dyn Entropy,
    sweep: &Sweep,
    client: ClientId,
    grants: &[LiveGrant],
    now: OffsetDateTime,
) -> Result<(), Outage> {
    let Some((_, organisation)) = tx.find_live_client(client).await? else { return Ok(()) };
    if grants.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = grants.iter().map(|grant| grant.id.0).collect();
    let kind = match sweep.ending {
        Ending::Revoke => {
            tx.end_grants(&ids, sweep.psu_notice.as_deref(), now).await?;
            AuditKind::GrantWithdrawn
        }
        Ending::ForceSca => {
            tx.force_sca(&ids, &sweep.reason, now).await?;
            AuditKind::ScaForced
        }
    };
    let contacts = tx.contacts_of(client).await?;
    let mut events = Vec::with_capacity(grants.len());
    for grant in grants {
        let event = AuditEvent::new(entropy.uuid(now), now, &grant.brand, kind).client(client).organisation(&organisation);
        tx.record(&event.grant(grant.id).actor(&sweep.by).subject(sweep.id.to_string()).reason(sweep.reason.clone())).await?;
        let payload = GrantWithdrawn {
            grant_id: grant.id.0.to_string(),
            client_id: client.to_string(),
            scope: grant.scope.clone(),
            by: sweep.ending.reason().by(),
            contacts: contacts.clone(),
        };
        events.push(news_of_withdrawal(&organisation, &grant.brand, payload));
    }
    // last: publishers take turns until commit
    tx.publish(&events, now).await?;
    Ok(())
}
