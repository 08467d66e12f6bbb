//! What each act does. One place for all of them, on the transaction at hand.

use super::{Desk, grants, keys, profiles, registrations, sweeps};
use crate::{
    admin::{Act, ActRefusal, ClientSummary, Ending, GrantView, HeldClient, KeyView, Order, Sweep, Whose},
    flows::{
        erasure::{self, Erased, Erasure},
        kill_switch::{self, Blocked, Change},
        organisation::{self, MergeOrder},
    },
    oauth::{brand::BrandId, client::ClientId, organisation::MergeRecord},
    standing::{Block, BlockId, Lifted, Target},
    storage::{Outage, Tx},
};
use serde_json::{Value, json};
use time::Duration;

/// What an act came to.
pub enum Done {
    Registered(ClientSummary),
    Reregistered(ClientSummary),
    Deleted(ClientId),
    Blocked(Block),
    /// The block in force stays as it is.
    BlockedBefore(Block),
    Lifted(Block),
    LiftedBefore(Block),
    /// With every token under it.
    GrantEnded(Box<GrantView>),
    /// However it ended.
    GrantEndedBefore(Box<GrantView>),
    /// Grants are ended one after the other from now on.
    Sweeping(Sweep),
    Held(HeldClient),
    HeldBefore(HeldClient),
    Merged(MergeRecord),
    Rotated(KeyView),
    Retired(KeyView),
    RetiredBefore(KeyView),
    Erased(Erased),
}

impl Done {
    /// For programs, and for whoever reads later what an act came to.
    pub fn json(&self) -> Value {
        let of = |done: &str, name: &str, what: Value| json!({ "done": done, name: what });
        let block = |done, block: &Block| of(done, "block", serde_json::to_value(block).unwrap_or_default());
        let grant = |done, grant: &GrantView| of(done, "grant", serde_json::to_value(grant).unwrap_or_default());
        let key = |done, key: &KeyView| of(done, "key", serde_json::to_value(key).unwrap_or_default());
        let client = |done, client: &ClientSummary| of(done, "client", serde_json::to_value(client).unwrap_or_default());
        match self {
            Self::Registered(made) => client("client_registered", made),
            Self::Reregistered(changed) => client("client_updated", changed),
            Self::Deleted(id) => of("client_deleted", "client", json!({ "client_id": id })),
            Self::Blocked(added) => block("blocked", added),
            Self::BlockedBefore(known) => block("blocked_before", known),
            Self::Lifted(lifted) => block("lifted", lifted),
            Self::LiftedBefore(lifted) => block("lifted_before", lifted),
            Self::GrantEnded(ended) => grant("grant_ended", ended),
            Self::GrantEndedBefore(ended) => grant("grant_ended_before", ended),
            Self::Sweeping(sweep) => of("sweep_begun", "sweep", serde_json::to_value(sweep.view()).unwrap_or_default()),
            Self::Held(held) => of("held", "client", serde_json::to_value(held).unwrap_or_default()),
            Self::HeldBefore(held) => of("held_before", "client", serde_json::to_value(held).unwrap_or_default()),
            Self::Merged(merge) => of("merged", "merge", json!({ "old": merge.old, "new": merge.new, "clients": merge.clients })),
            Self::Rotated(made) => key("rotated", made),
            Self::Retired(retired) => key("retired", retired),
            Self::RetiredBefore(retired) => key("retired_before", retired),
            Self::Erased(Erased { key, ended, grants }) => {
                of("psu_erased", "erasure", json!({ "psu_key": key, "consents_ended": ended, "consents_without_name": grants }))
            }
        }
    }

    /// It was so before.
    pub const fn changes_nothing(&self) -> bool {
        match self {
            Self::BlockedBefore(_) | Self::LiftedBefore(_) | Self::GrantEndedBefore(_) | Self::HeldBefore(_) | Self::RetiredBefore(_) => {
                true
            }
            Self::Registered(_)
            | Self::Reregistered(_)
            | Self::Deleted(_)
            | Self::Blocked(_)
            | Self::Lifted(_)
            | Self::GrantEnded(_)
            | Self::Sweeping(_)
            | Self::Held(_)
            | Self::Merged(_)
            | Self::Rotated(_)
            | Self::Retired(_)
            | Self::Erased(_) => false,
        }
    }

    /// Once it is stored.
    pub(super) fn count(&self) {
        match self {
            Self::GrantEnded(_) => metrics::counter!("guichet_grants_withdrawn_total", "by" => "bank").increment(1),
            Self::Erased(erased) => {
                let ended = u64::try_from(erased.ended).unwrap_or(u64::MAX);
                metrics::counter!("guichet_grants_withdrawn_total", "by" => "bank").increment(ended);
            }
            Self::Registered(_)
            | Self::Reregistered(_)
            | Self::Deleted(_)
            | Self::Blocked(_)
            | Self::BlockedBefore(_)
            | Self::Lifted(_)
            | Self::LiftedBefore(_)
            | Self::GrantEndedBefore(_)
            | Self::Sweeping(_)
            | Self::Held(_)
            | Self::HeldBefore(_)
            | Self::Merged(_)
            | Self::Rotated(_)
            | Self::Retired(_)
            | Self::RetiredBefore(_) => {}
        }
    }
}

/// `actor`: as the audit trail has it; of two persons both.
pub(super) async fn perform(desk: &Desk<'_>, tx: &mut Tx, order: &Order, actor: &str) -> Result<Result<Done, ActRefusal>, Outage> {
    let reason = order.reason.as_str();
    if desk.customer.is_some() && !order.act.needs_customer() {
        return Ok(Err(ActRefusal::AboutNoCustomer));
    }
    match &order.act {
        Act::RegisterClient { brand, client, organisation, legal_name, metadata } => {
            let wanted = registrations::Wanted { brand, client: *client, organisation, legal_name, metadata };
            registrations::register(desk, tx, &wanted, reason, actor).await
        }
        Act::DeleteClient { brand, client } => registrations::delete(desk, tx, brand, *client, reason, actor).await,
        Act::Block { target, .. } => {
            if let Target::Client(client) = target
                && tx.find_live_client(*client).await?.is_none()
            {
                return Ok(Err(ActRefusal::NoSuchClient));
            }
            let Some(block) = new_block(desk, order) else { return Ok(Err(ActRefusal::NoSuchBlock)) };
            Ok(Ok(match kill_switch::block(tx, desk.entropy, block, actor).await? {
                Blocked::Added(block) => Done::Blocked(block),
                Blocked::Already(block) => Done::BlockedBefore(block),
            }))
        }
        Act::Lift { block, .. } => lift(desk, tx, *block, order, actor).await,
        Act::ForceSca { whose } => sweeps::begin(desk, tx, Ending::ForceSca, whose, None, reason, actor).await,
        Act::RevokeAll { whose, psu_notice } => sweeps::begin(desk, tx, Ending::Revoke, whose, psu_notice.as_deref(), reason, actor).await,
        Act::HoldClient { client, brand, profile } => {
            profiles::hold(desk, tx, &BrandId::new(brand), *client, *profile, reason, actor).await
        }
        Act::RevokeGrant { brand, grant, psu_notice } => {
            let how = grants::How { ending: Ending::Revoke, reason, psu_notice: psu_notice.as_deref(), actor };
            grants::end(desk, tx, &BrandId::new(brand), *grant, &how).await
        }
        Act::ForceScaOfGrant { brand, grant } => {
            let how = grants::How { ending: Ending::ForceSca, reason, psu_notice: None, actor };
            grants::end(desk, tx, &BrandId::new(brand), *grant, &how).await
        }
        Act::Merge { old, new, overlap_days, forced } => {
            let order = MergeOrder {
                old: old.clone(),
                new: new.clone(),
                by: order.by.name.clone(),
                reason: reason.to_owned(),
                overlap: Duration::days((*overlap_days).into()),
                forced: *forced,
            };
            let brands: Vec<_> = desk.brands.iter().map(|brand| brand.id.clone()).collect();
            let merged = organisation::merge(tx, desk.entropy, &brands, order, actor, desk.now).await?;
            Ok(merged.map(Done::Merged).map_err(ActRefusal::Merge))
        }
        Act::RotateKey { algorithm, at_once } => keys::rotate(desk, tx, *algorithm, *at_once, reason, actor).await,
        Act::RetireKey { kid } => keys::retire(desk, tx, kid, reason, actor).await,
        Act::ErasePsu { brand, psu, end_consents } => {
            let Some(customer) = desk.customer else { return Ok(Err(ActRefusal::CustomerNeeded)) };
            let brand = BrandId::new(brand);
            if !customer.has_digest(&brand, psu) {
                return Ok(Err(ActRefusal::OtherCustomer));
            }
            let erasure = Erasure { brand: &brand, customer, end_consents: *end_consents, by: actor, reason };
            let erased = erasure::erase(tx, desk.entropy, &erasure, desk.now).await?;
            Ok(erased.map(Done::Erased).map_err(ActRefusal::Erasure))
        }
    }
}

fn new_block(desk: &Desk<'_>, order: &Order) -> Option<Block> {
    let Act::Block { target, brand, psu_notice, authority } = &order.act else { return None };
    Some(Block {
        id: BlockId(desk.entropy.uuid(desk.now)),
        target: target.clone(),
        brand: brand.as_deref().map(BrandId::new),
        reason: order.reason.clone(),
        psu_notice: psu_notice.clone(),
        authority: authority.clone(),
        since: desk.now,
        by: order.by.name.clone(),
        lifted: None,
    })
}

async fn lift(desk: &Desk<'_>, tx: &mut Tx, id: BlockId, order: &Order, actor: &str) -> Result<Result<Done, ActRefusal>, Outage> {
    let lifted = Lifted { at: desk.now, by: order.by.name.clone(), why: order.reason.clone() };
    Ok(match kill_switch::lift(tx, desk.entropy, id, lifted, actor).await? {
        Change::Done(block) => Ok(Done::Lifted(block)),
        Change::AlreadyLifted(block) => Ok(Done::LiftedBefore(block)),
        Change::Unknown => Err(ActRefusal::NoSuchBlock),
    })
}

/// A client or an organisation that has grants which could be ended.
pub(super) async fn check_whose(tx: &mut Tx, whose: &Whose) -> Result<Result<(), ActRefusal>, Outage> {
    Ok(match whose {
        Whose::Client { client, brand } => match tx.find_live_client(*client).await? {
            Some((of, _)) if of.as_str() == brand => Ok(()),
            Some(_) | None => Err(ActRefusal::NoSuchClient),
        },
        Whose::Organisation { organisation, .. } => match tx.client_after(organisation, whose.brand_id().as_ref(), None).await? {
            Some(_) => Ok(()),
            None => Err(ActRefusal::NoSuchOrganisation),
        },
    })
}
