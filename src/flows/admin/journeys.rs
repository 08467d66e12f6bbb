//! Journeys: where they stand or stopped.

use crate::{
    admin::{ChallengeView, JourneyPage, JourneyStage, JourneyView},
    oauth::{
        brand::{Brand, BrandId},
        client::ClientId,
        interaction::{BegunBy, Interaction, InteractionId, Stage, State},
    },
    storage::{Db, JourneyQuery, Outage},
};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// Journeys looked at for one page, whatever they are.
const SCAN: i64 = 2_000;

/// Which journeys.
pub struct Search<'a> {
    pub brand: Option<&'a BrandId>,
    pub client: Option<ClientId>,
    pub stage: Option<JourneyStage>,
    /// Begun from then on.
    pub since: OffsetDateTime,
    /// Begun before.
    pub until: OffsetDateTime,
    pub after: Option<Uuid>,
    pub limit: usize,
}

/// The lowest id of a time: ids are in order of time.
fn first_id(at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Builder::from_bytes(bytes).into_uuid()
}

/// Newest first. Bounded in what is looked at: a page may be shorter than asked for, and not be the last.
pub async fn search(db: &Db, brands: &[Arc<Brand>], search: &Search<'_>, now: OffsetDateTime) -> Result<JourneyPage, Outage> {
    let until = first_id(search.until);
    let before = search.after.map_or(until, |after| after.min(until));
    let query = JourneyQuery { brand: search.brand, client: search.client, from: first_id(search.since), before, scan: SCAN };
    let found = db.journeys(&query).await?;
    let mut interactions = vec![];
    for (brand, interaction) in &found.fitting {
        let Some(view) = view(brands, brand, interaction, now).filter(|view| search.stage.is_none_or(|stage| view.stage == stage)) else {
            continue;
        };
        interactions.push(view);
        if interactions.len() == search.limit {
            let next = interactions.last().map(|last| last.interaction_id);
            return Ok(JourneyPage { interactions, next });
        }
    }
    Ok(JourneyPage { interactions, next: found.next })
}

/// Of a brand that is served here.
pub async fn show(
    db: &Db,
    brands: &[Arc<Brand>],
    brand: Option<&BrandId>,
    id: InteractionId,
    now: OffsetDateTime,
) -> Result<Option<JourneyView>, Outage> {
    let found = db.find_journey(id).await?.filter(|(of, _)| brand.is_none_or(|brand| brand == of));
    Ok(found.and_then(|(brand, interaction)| view(brands, &brand, &interaction, now)))
}

/// `None`: of a brand that the settings do not name.
fn view(brands: &[Arc<Brand>], brand: &BrandId, interaction: &Interaction, now: OffsetDateTime) -> Option<JourneyView> {
    let brand = brands.iter().find(|known| known.id == *brand)?;
    let (stage, reason) = stage_of(&interaction.stage(brand, now));
    let stands = standing(&interaction.state);
    let (attempts, challenge, grant) = match &interaction.state {
        State::SignIn { attempts } => (Some(*attempts), None, None),
        State::Challenged(_, challenge) => {
            let challenge = ChallengeView {
                method: challenge.method.clone(),
                asked_at: challenge.asked_at,
                until: challenge.until,
                tried: challenge.tried,
                unanswered: challenge.unanswered,
            };
            (None, Some(challenge), None)
        }
        State::Approved { grant } => (None, None, Some(grant.0)),
        State::AppOffered
        | State::HandedOff
        | State::Accounts(_)
        | State::Consent(_)
        | State::Methods(_)
        | State::Done
        | State::Failed(_) => (None, None, None),
    };
    Some(JourneyView {
        interaction_id: interaction.id.0,
        brand: brand.id.to_string(),
        channel: interaction.channel.clone(),
        client_id: interaction.client,
        stage,
        reason,
        stopped_at: Some(stands).filter(|stands| *stands != stage),
        begun_by: match interaction.begun_by {
            BegunBy::Browser => "browser",
            BegunBy::App => "app",
        },
        fallback: interaction.fallback,
        language: interaction.lang.tag(),
        scope: interaction.scope.to_string(),
        attempts,
        challenge,
        payment_request: interaction.payment.map(|payment| payment.id.0),
        grant_id: grant,
        begun_at: interaction.created_at,
        active_at: interaction.active_at,
        deadline: interaction.expires_at,
    })
}

fn stage_of(stage: &Stage) -> (JourneyStage, Option<&'static str>) {
    match stage {
        Stage::AppOffered => (JourneyStage::AppOffered, None),
        Stage::HandedOff => (JourneyStage::HandedOff, None),
        Stage::SignIn => (JourneyStage::SignIn, None),
        Stage::Accounts(_) => (JourneyStage::Accounts, None),
        Stage::Consent(_) => (JourneyStage::Consent, None),
        Stage::Methods(_) => (JourneyStage::Methods, None),
        Stage::Challenged(..) => (JourneyStage::Challenged, None),
        Stage::Deliver(_) => (JourneyStage::Approved, None),
        Stage::Done => (JourneyStage::Done, None),
        Stage::Fail(failure) => (JourneyStage::Failed, Some(failure.name())),
    }
}

/// What the row says, whatever time it is.
const fn standing(state: &State) -> JourneyStage {
    match state {
        State::AppOffered => JourneyStage::AppOffered,
        State::HandedOff => JourneyStage::HandedOff,
        State::SignIn { .. } => JourneyStage::SignIn,
        State::Accounts(_) => JourneyStage::Accounts,
        State::Consent(_) => JourneyStage::Consent,
        State::Methods(_) => JourneyStage::Methods,
        State::Challenged(..) => JourneyStage::Challenged,
        State::Approved { .. } => JourneyStage::Approved,
        State::Done => JourneyStage::Done,
        State::Failed(_) => JourneyStage::Failed,
    }
}
