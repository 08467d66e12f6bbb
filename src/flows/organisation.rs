//! Organisations: what is known of them, and how an operator merges two.

use crate::{
    app::App,
    audit::{AuditEvent, AuditKind, EVERY_BRAND},
    clock::Entropy,
    oauth::{
        brand::BrandId,
        organisation::{ClientOfOrganisation, MergeRecord, OrganisationSummary, SeenCertificate},
        tpp::OrganisationId,
    },
    standing::{Consequence, MergeAsked, MergeRefusal, Merges},
    storage::{Db, Outage, Subject, Tx},
};
use time::{Duration, OffsetDateTime};

/// An operator's order: `old` is `new` from now on.
pub struct MergeOrder {
    pub old: OrganisationId,
    pub new: OrganisationId,
    pub by: String,
    pub reason: String,
    /// For so long certificates of `old` stand for clients of `new`.
    pub overlap: Duration,
    /// Also where `new` has neither a client nor a certificate yet.
    pub forced: bool,
}

/// All that is known of one.
pub struct Portrait {
    pub summary: OrganisationSummary,
    pub clients: Vec<ClientOfOrganisation>,
    pub certificates: Vec<SeenCertificate>,
    pub merges: Vec<MergeRecord>,
}

/// Of each kind in a portrait.
const MOST: i64 = 1_000;

/// Organisations after an identifier, in the order of identifiers.
pub async fn list(db: &Db, after: &str, limit: i64, now: OffsetDateTime) -> Result<Vec<OrganisationSummary>, Outage> {
    let page = db.organisations(after, limit).await?;
    db.summaries(&page, now).await
}

/// Organisations with clients that must renew within a time; who has shown a certificate that lasts longer need not.
pub async fn expiring(db: &Db, within: Duration, limit: i64, now: OffsetDateTime) -> Result<Vec<OrganisationSummary>, Outage> {
    let page = db.organisations_ending(now, now + within, limit).await?;
    db.summaries(&page, now).await
}

/// None: nothing is known of it.
pub async fn show(db: &Db, organisation: &OrganisationId, now: OffsetDateTime) -> Result<Option<Portrait>, Outage> {
    let name = organisation.as_str().to_owned();
    let known = db.summaries(std::slice::from_ref(&name), now).await?.pop();
    let merges = db.merges_of(organisation, MOST).await?;
    let nothing = OrganisationSummary {
        organisation: organisation.clone(),
        legal_name: None,
        clients: 0,
        certificates: 0,
        first_end: None,
        last_end: None,
        last_seen_at: None,
    };
    let Some(summary) = known.or_else(|| (!merges.is_empty()).then_some(nothing)) else { return Ok(None) };
    let (clients, certificates) = (db.clients_of(organisation, MOST).await?, db.certificates_of(organisation, MOST).await?);
    Ok(Some(Portrait { summary, clients, certificates, merges }))
}

/// Clients, grants and tokens live on under the new identifier. In one transaction; every process hears of it within a second.
///
/// `actor`: who of the bank, as the audit trail has it.
pub async fn merge(
    tx: &mut Tx,
    entropy: &dyn Entropy,
    brands: &[BrandId],
    order: MergeOrder,
    actor: &str,
    now: OffsetDateTime,
) -> Result<Result<MergeRecord, MergeRefusal>, Outage> {
    let MergeOrder { old, new, by, reason, overlap, forced } = order;
    tx.lock_merges().await?;
    // a registration under way is waited for, so that its client comes along
    for brand in brands {
        tx.lock_registrations(brand, &old).await?;
    }
    let running = Merges::new(tx.running_merges(now).await?);
    let (old_is_known, new_is_known) = (tx.knows_organisation(&old).await?, tx.knows_organisation(&new).await?);
    let asked = MergeAsked { old: &old, new: &new, old_is_known, new_is_known, forced };
    match running.judge(&asked, now) {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Consequence::EndsTheReverse) => tx.end_merges(&new, now).await?,
        Ok(Consequence::None) => {}
    }
    tx.end_merges(&old, now).await?;
    let moved = tx.move_clients(&old, &new).await?;
    let clients = i64::try_from(moved.len()).unwrap_or(i64::MAX);
    let record = MergeRecord { old, new, at: now, by, reason, until: now + overlap, clients };
    let id = entropy.uuid(now);
    tx.insert_merge(id, &record).await?;
    let event = |brand: &BrandId, kind| AuditEvent::new(entropy.uuid(now), now, brand, kind).actor(actor).subject(id.to_string());
    for (client, brand) in moved {
        let event = event(&brand, AuditKind::ClientMerged).client(client);
        tx.record(&event.organisation(&record.new).reason(record.old.to_string())).await?;
    }
    let whole = event(&BrandId::new(EVERY_BRAND), AuditKind::OrganisationMerged);
    tx.record(&whole.organisation(&record.old).reason(record.new.to_string())).await?;
    tx.bump(Subject::Standing).await?;
    Ok(Ok(record))
}

/// The merges that stand, read anew into memory.
pub async fn load_merges(app: &App) -> Result<Merges, Outage> {
    Ok(Merges::new(app.db.running_merges(app.clock.now()).await?))
}
