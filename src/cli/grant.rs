//! `guichet grant`: what customers allowed. A customer's reference is read from a file or standard input: command lines are seen by
//! others and kept in histories.

use super::{
    ConfigFile, Failure,
    act::{carry_out, sweep_through},
    client::client_id,
    operator::{Author, choose_brand, connect, moment, notice},
    psu::reference,
    table::{maybe, or_dash, print_facts, print_json, print_table},
    tpp::identifier,
};
use crate::{
    admin::{Act, GrantState, GrantView, GrantsOf, Whose},
    clock::{Clock, System},
    config::Settings,
    flows::admin::grants::{self, Search},
    oauth::{client::ClientId, grant::GrantId, tpp::OrganisationId},
    storage::Db,
};
use clap::{Args, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use uuid::Uuid;

#[derive(Subcommand)]
pub enum GrantStep {
    /// Grants of a customer, a client or an organisation, newest first. Whose they are is never printed
    Search {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long, value_name = "ID")]
        brand: String,
        #[command(flatten)]
        of: Of,
        /// live, ended (before its time), expired or all
        #[arg(long, default_value = "live", value_parser = state)]
        state: GrantState,
        /// Begin after this one
        #[arg(long, value_name = "GRANT_ID")]
        after: Option<Uuid>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[arg(long)]
        json: bool,
    },
    /// One grant
    Show {
        #[command(flatten)]
        config: ConfigFile,
        grant: Uuid,
        #[arg(long)]
        json: bool,
    },
    /// End a grant: every token under it is dead
    Revoke {
        #[command(flatten)]
        config: ConfigFile,
        grant: Uuid,
        /// For the bank's own people; never shown outside
        #[arg(long)]
        reason: String,
        /// What the customer is told beside that the bank ended it
        #[arg(long, value_name = "TEXT")]
        psu_notice: Option<String>,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
    /// End all live grants of a client or an organisation, some at a time; shut it out first, and nobody gets new ones
    RevokeAll {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        of: OfTpp,
        /// Only at this brand; without it, at all. A client has one
        #[arg(long, value_name = "ID")]
        brand: Option<String>,
        /// For the bank's own people; never shown outside
        #[arg(long)]
        reason: String,
        /// What the customers are told beside that the bank ended it
        #[arg(long, value_name = "TEXT")]
        psu_notice: Option<String>,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
    /// Have the customer of one grant authenticated anew (RTS art. 10a(3)): it expires
    ForceSca {
        #[command(flatten)]
        config: ConfigFile,
        grant: Uuid,
        /// Kept with the grant
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
    /// How far the ending of many grants has come, newest first
    Sweeps {
        #[command(flatten)]
        config: ConfigFile,
        /// Begin after this one
        #[arg(long, value_name = "ID")]
        after: Option<Uuid>,
        #[arg(long)]
        json: bool,
    },
    /// Go on with one until it is finished; servers do so by themselves
    Resume {
        #[command(flatten)]
        config: ConfigFile,
        sweep: Uuid,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Of {
    /// A file with the customer's reference, and nothing else
    #[arg(long, value_name = "FILE")]
    psu_file: Option<PathBuf>,
    /// The customer's reference is read from standard input
    #[arg(long)]
    psu_stdin: bool,
    #[arg(long, value_name = "CLIENT_ID", value_parser = client_id)]
    client: Option<ClientId>,
    /// organizationIdentifier: of all its clients
    #[arg(long, value_name = "ID", value_parser = identifier)]
    organisation: Option<OrganisationId>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct OfTpp {
    #[arg(long, value_name = "CLIENT_ID", value_parser = client_id)]
    client: Option<ClientId>,
    /// organizationIdentifier: of all its clients
    #[arg(long, value_name = "ID", value_parser = identifier)]
    organisation: Option<OrganisationId>,
}

impl Of {
    fn read(&self) -> Result<GrantsOf, Failure> {
        match (&self.psu_file, &self.client, &self.organisation) {
            (Some(file), ..) => Ok(GrantsOf::Customer(reference("--psu-file", file)?)),
            (None, Some(client), _) => Ok(GrantsOf::Client(*client)),
            (None, None, Some(organisation)) => Ok(GrantsOf::Organisation(organisation.clone())),
            (None, None, None) => Ok(GrantsOf::Customer(reference("--psu-stdin", Path::new("-"))?)),
        }
    }
}

fn state(word: &str) -> Result<GrantState, String> {
    let found = GrantState::ALL.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, state)| state).ok_or_else(|| "is live, ended, expired or all".to_owned())
}

pub async fn run(step: GrantStep) -> Result<ExitCode, Failure> {
    let now = System::new().now();
    match step {
        GrantStep::Search { config, brand, of, state, after, limit, json } => {
            let settings = config.settings()?;
            let (brand, of) = (choose_brand(&brand, &settings)?, of.read()?);
            let db = connect(&settings).await?;
            let page = grants::search(&db, &Search { brand: &brand, of: &of, state, after, limit: usize::from(limit) }, now).await?;
            if json {
                print_json(&page);
                return Ok(ExitCode::SUCCESS);
            }
            if page.grants.is_empty() {
                say!("no such grants");
            }
            let head = ["grant_id", "state", "client_id", "organisation", "scope", "channel", "since", "last used", "until", "why"];
            print_table(&head, page.grants.iter().map(row).collect());
            if let Some(next) = page.next {
                say!("more: --after {next}");
            }
            Ok(ExitCode::SUCCESS)
        }
        GrantStep::Show { config, grant, json } => {
            let db = connect(&config.settings()?).await?;
            let found = grants::show(&db, None, GrantId(grant), now).await?.ok_or_else(unknown)?;
            if json {
                print_json(&found)
            } else {
                describe(&found)
            }
            Ok(ExitCode::SUCCESS)
        }
        GrantStep::Revoke { config, grant, reason, psu_notice, author, json } => {
            let settings = config.settings()?;
            let psu_notice = notice(psu_notice.as_deref())?;
            let db = connect(&settings).await?;
            let act = Act::RevokeGrant { brand: brand_of(&db, grant).await?, grant: GrantId(grant), psu_notice };
            carry_out(&settings, &db, act, &reason, &author, json).await
        }
        GrantStep::ForceSca { config, grant, reason, author, json } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            let act = Act::ForceScaOfGrant { brand: brand_of(&db, grant).await?, grant: GrantId(grant) };
            carry_out(&settings, &db, act, &reason, &author, json).await
        }
        GrantStep::RevokeAll { config, of, brand, reason, psu_notice, author, json } => {
            let settings = config.settings()?;
            let psu_notice = notice(psu_notice.as_deref())?;
            let db = connect(&settings).await?;
            let act = Act::RevokeAll { whose: whose(&of, brand.as_deref(), &settings, &db).await?, psu_notice };
            carry_out(&settings, &db, act, &reason, &author, json).await
        }
        GrantStep::Sweeps { config, after, json } => {
            let db = connect(&config.settings()?).await?;
            let sweeps = db.sweeps_before(after, 100).await?;
            if json {
                print_json(&sweeps.iter().map(crate::admin::Sweep::view).collect::<Vec<_>>());
            } else if sweeps.is_empty() {
                say!("no such sweeps");
            } else {
                sweeps.iter().for_each(super::act::tell_sweep);
            }
            Ok(ExitCode::SUCCESS)
        }
        GrantStep::Resume { config, sweep, json } => sweep_through(&connect(&config.settings()?).await?, sweep, json).await,
    }
}

fn unknown() -> Failure {
    Failure(7, "there is no such grant".into())
}

async fn brand_of(db: &Db, grant: Uuid) -> Result<String, Failure> {
    let found = grants::show(db, None, GrantId(grant), System::new().now()).await?;
    found.map(|grant| grant.brand).ok_or_else(unknown)
}

async fn whose(of: &OfTpp, brand: Option<&str>, settings: &Settings, db: &Db) -> Result<Whose, Failure> {
    let brand = brand.map(|brand| choose_brand(brand, settings)).transpose()?.map(|brand| brand.to_string());
    match (&of.client, &of.organisation) {
        (Some(client), _) => {
            let known = db.known_client(*client).await?.filter(|known| brand.as_deref().is_none_or(|brand| known.brand.as_str() == brand));
            let known = known.ok_or_else(|| Failure(7, "there is no such client".into()))?;
            Ok(Whose::Client { client: *client, brand: known.brand.to_string() })
        }
        (None, Some(organisation)) => Ok(Whose::Organisation { organisation: organisation.clone(), brand }),
        (None, None) => Err(Failure(2, "whose? --client or --organisation".into())),
    }
}

fn row(grant: &GrantView) -> Vec<String> {
    vec![
        grant.grant_id.to_string(),
        grant.state.name().to_owned(),
        grant.client_id.to_string(),
        grant.organisation.to_string(),
        grant.scope.clone(),
        grant.channel.clone(),
        moment(grant.since),
        maybe(grant.last_used_at),
        moment(grant.until),
        or_dash(grant.why),
    ]
}

fn describe(grant: &GrantView) {
    print_facts(&[
        ("grant_id", Some(grant.grant_id.to_string())),
        ("state", Some(grant.state.name().to_owned())),
        ("brand", Some(grant.brand.clone())),
        ("client", Some(format!("{} {}", grant.client_id, grant.client_name))),
        ("organisation", Some(grant.organisation.to_string())),
        ("channel", Some(grant.channel.clone())),
        ("scope", Some(grant.scope.clone())),
        ("payment", grant.payment_request.map(|id| id.to_string())),
        ("since", Some(moment(grant.since))),
        ("last SCA", Some(format!("{} {}", moment(grant.last_sca_at), grant.sca_method.as_deref().unwrap_or("")))),
        ("last used", Some(maybe(grant.last_used_at))),
        ("until", Some(moment(grant.until))),
        ("ended", grant.ended_at.map(|at| format!("{}: {}", moment(at), or_dash(grant.why)))),
        ("told", grant.note.clone()),
        ("because", grant.sca_forced_why.clone()),
    ]);
}
