//! `guichet interaction`: customers' journeys, and nothing of the customers.

use super::{
    ConfigFile, Failure,
    client::client_id,
    operator::{choose_brand, connect, day, moment, pages},
    table::{or_dash, print_facts, print_json, print_table},
};
use crate::{
    admin::{JourneyPage, JourneyStage, JourneyView},
    clock::{Clock, System},
    flows::admin::journeys::{self, Search},
    oauth::{brand::Brand, client::ClientId, interaction::InteractionId},
};
use clap::Subcommand;
use std::{process::ExitCode, sync::Arc};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

#[derive(Subcommand)]
pub enum InteractionStep {
    /// Journeys, newest first: those of the last day, unless it is said which
    List {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long, value_name = "ID")]
        brand: Option<String>,
        #[arg(long, value_name = "CLIENT_ID", value_parser = client_id)]
        client: Option<ClientId>,
        /// app_offered, handed_off, sign_in, accounts, consent, methods, challenged, approved, done or failed
        #[arg(long, value_parser = stage)]
        stage: Option<JourneyStage>,
        /// Begun from then on: a day or 2026-11-28T09:00:00Z
        #[arg(long, value_name = "TIME", value_parser = time)]
        since: Option<OffsetDateTime>,
        /// Begun before
        #[arg(long, value_name = "TIME", value_parser = time)]
        until: Option<OffsetDateTime>,
        /// Begin after this one
        #[arg(long, value_name = "ID")]
        after: Option<Uuid>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[arg(long)]
        json: bool,
    },
    /// One journey: stage, reason, channel, times
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// As `interaction_id` in the portal's view and in the log
        interaction: Uuid,
        #[arg(long)]
        json: bool,
    },
}

fn stage(word: &str) -> Result<JourneyStage, String> {
    let found = JourneyStage::ALL.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, stage)| stage).ok_or_else(|| format!("is one of {}", JourneyStage::ALL.map(|(name, _)| name).join(", ")))
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    let midnight = || day(text).map(|day| day.midnight().assume_utc());
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| midnight())
        .map_err(|_| "a time is written 2026-11-28 or 2026-11-28T09:00:00Z".to_owned())
}

pub async fn run(step: InteractionStep) -> Result<ExitCode, Failure> {
    let now = System::new().now();
    match step {
        InteractionStep::List { config, brand, client, stage, since, until, after, limit, json } => {
            let settings = config.settings()?;
            let brand = brand.as_deref().map(|brand| choose_brand(brand, &settings)).transpose()?;
            let db = connect(&settings).await?;
            let brands: Vec<Arc<Brand>> = settings.brands.into_iter().map(Arc::new).collect();
            let until = until.unwrap_or(now + Duration::MINUTE);
            let since = since.unwrap_or(until - Duration::DAY);
            let (interactions, next) = pages(limit.into(), after, async |after, limit| {
                let search = Search { brand: brand.as_ref(), client, stage, since, until, after, limit };
                let page = journeys::search(&db, &brands, &search, now).await?;
                Ok((page.interactions, page.next))
            })
            .await?;
            let page = JourneyPage { interactions, next };
            if json {
                print_json(&page);
                return Ok(ExitCode::SUCCESS);
            }
            if page.interactions.is_empty() {
                say!("no such journeys since {}", moment(since));
            }
            let head = ["interaction_id", "brand", "channel", "client_id", "stage", "reason", "scope", "begun", "active", "deadline"];
            print_table(&head, page.interactions.iter().map(row).collect());
            if let Some(next) = page.next {
                say!("more: --after {next}");
            }
            Ok(ExitCode::SUCCESS)
        }
        InteractionStep::Show { config, interaction, json } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            let brands: Vec<Arc<Brand>> = settings.brands.into_iter().map(Arc::new).collect();
            let found = journeys::show(&db, &brands, None, InteractionId(interaction), now).await?;
            let found = found.ok_or_else(|| Failure(7, "there is no such journey".into()))?;
            if json {
                print_json(&found)
            } else {
                describe(&found)
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn row(journey: &JourneyView) -> Vec<String> {
    vec![
        journey.interaction_id.to_string(),
        journey.brand.clone(),
        journey.channel.clone(),
        journey.client_id.to_string(),
        stands(journey),
        or_dash(journey.reason),
        journey.scope.clone(),
        moment(journey.begun_at),
        moment(journey.active_at),
        moment(journey.deadline),
    ]
}

fn stands(journey: &JourneyView) -> String {
    match journey.stopped_at {
        Some(stopped) => format!("{} at {}", journey.stage.name(), stopped.name()),
        None => journey.stage.name().to_owned(),
    }
}

fn describe(journey: &JourneyView) {
    let challenge = journey.challenge.as_ref();
    print_facts(&[
        ("interaction_id", Some(journey.interaction_id.to_string())),
        ("brand", Some(journey.brand.clone())),
        ("channel", Some(format!("{}{}", journey.channel, if journey.fallback { ", in the browser instead of the app" } else { "" }))),
        ("client_id", Some(journey.client_id.to_string())),
        ("scope", Some(journey.scope.clone())),
        ("begun by", Some(journey.begun_by.to_owned())),
        ("language", Some(journey.language.to_owned())),
        ("stage", Some(stands(journey))),
        ("reason", journey.reason.map(str::to_owned)),
        ("passwords", journey.attempts.map(|attempts| format!("{attempts} tried"))),
        ("method", challenge.map(|asked| format!("{}, asked {}, until {}", asked.method, moment(asked.asked_at), moment(asked.until)))),
        ("codes", challenge.map(|asked| format!("{} tried, {} looks unanswered", asked.tried, asked.unanswered))),
        ("payment", journey.payment_request.map(|id| id.to_string())),
        ("grant_id", journey.grant_id.map(|id| id.to_string())),
        ("begun", Some(moment(journey.begun_at))),
        ("active", Some(moment(journey.active_at))),
        ("deadline", Some(moment(journey.deadline))),
    ]);
}
