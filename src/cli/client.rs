//! `guichet client`: registered clients.

use super::{
    ConfigFile, Failure,
    act::carry_out,
    conformance::report,
    operator::{Author, SHORT, choose_brand, connect, day, moment, notice, pages, text},
    table::{maybe, or_dash, print_facts, print_json, print_table},
    tpp::identifier,
};
use crate::{
    admin::{Act, BrandConformance, ClientPage, ClientState, ClientSummary, ConformancePage, RegisteredClient, Whose},
    clock::{Clock, System},
    config::Settings,
    flows::admin::{
        clients::{self, Search},
        conformance,
    },
    oauth::{client::ClientId, profile::SecurityProfile, tpp::OrganisationId},
    standing::{BlockId, Target},
    storage::Db,
};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};
use time::Date;
use uuid::Uuid;

/// Of what is registered: ten keys with their certificates have half of it.
const MOST_METADATA: u64 = 64 << 10;

#[derive(Subcommand)]
pub enum ClientStep {
    /// Clients, oldest first
    List {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long, value_name = "ID")]
        brand: Option<String>,
        /// Only of this organizationIdentifier
        #[arg(long, value_name = "ID", value_parser = identifier)]
        organisation: Option<OrganisationId>,
        /// live, blocked, deleted or all
        #[arg(long, default_value = "live", value_parser = state)]
        state: ClientState,
        /// Begin after this one
        #[arg(long, value_name = "CLIENT_ID")]
        after: Option<Uuid>,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[arg(long)]
        json: bool,
    },
    /// One client: what is registered, what shuts it out, certificates, live grants, last use. Never a key or a secret
    Show {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(value_parser = client_id)]
        client: ClientId,
        #[arg(long)]
        json: bool,
    },
    /// Register a client without a QWAC, known by the certificates of its keys (RFC 8705 s2.2), where the brand takes such
    Register {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long, value_name = "ID")]
        brand: String,
        /// What the bank calls who holds it: small letters, digits and -; kept as local:NAME
        #[arg(long, value_name = "NAME", value_parser = local)]
        organisation: OrganisationId,
        /// As the bank's customers are told
        #[arg(long, value_name = "NAME")]
        legal_name: String,
        /// A JSON object as of RFC 7591: redirect_uris, jwks or jwks_uri, scope and so on; `-` is standard input
        #[arg(long, value_name = "FILE")]
        metadata_file: PathBuf,
        /// Replace what is registered of this client of the organisation
        #[arg(long, value_name = "CLIENT_ID", value_parser = client_id)]
        replace: Option<ClientId>,
        /// Why it is let in, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
    /// Delete a client that the bank registered, with its grants and tokens
    Delete {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(value_parser = client_id)]
        client: ClientId,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
    },
    /// What each client still lacks for FAPI 2.0, line by line: from what is configured and registered, and from what was seen of it
    Conformance {
        #[command(flatten)]
        config: ConfigFile,
        /// Only this one
        #[arg(value_parser = client_id, conflicts_with_all = ["brand", "organisation", "after"])]
        client: Option<ClientId>,
        #[arg(long, value_name = "ID")]
        brand: Option<String>,
        /// Only of this organizationIdentifier
        #[arg(long, value_name = "ID", value_parser = identifier)]
        organisation: Option<OrganisationId>,
        /// What was last seen before this day counts no more; without it, 30 days ago
        #[arg(long, value_name = "DAY", value_parser = day)]
        since: Option<Date>,
        /// Begin after this one
        #[arg(long, value_name = "CLIENT_ID")]
        after: Option<Uuid>,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[arg(long)]
        json: bool,
    },
    /// Hold a client to a stricter profile than it registered, or to what it registered again
    Profile {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(value_parser = client_id)]
        client: ClientId,
        /// fapi2, or registered
        #[arg(value_parser = profile)]
        to: HeldTo,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
    },
    /// Shut a client out on every replica within a second; nothing is revoked
    Block {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        who: Who,
        /// For the bank's own people; never shown outside
        #[arg(long)]
        reason: String,
        /// What its customers are told; a line is a paragraph
        #[arg(long, value_name = "TEXT")]
        psu_notice: Option<String>,
        #[command(flatten)]
        author: Author,
    },
    /// Let it in again: tokens and consents work as before
    Unblock {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        who: Who,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
    },
    /// Have its customers authenticated anew (RTS art. 10a(3)): all its live grants expire, some at a time
    ForceSca {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        who: Who,
        /// Kept with each grant
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
}

/// What a client is held to; `None`: what it registered.
#[derive(Clone, Copy)]
pub struct HeldTo(Option<SecurityProfile>);

fn profile(word: &str) -> Result<HeldTo, String> {
    match word {
        "registered" => Ok(HeldTo(None)),
        "fapi2" => Ok(HeldTo(Some(SecurityProfile::Fapi2))),
        _ => Err("is fapi2 or registered".to_owned()),
    }
}

/// A client, or all clients of an organisation.
#[derive(Args)]
pub struct Who {
    #[arg(value_parser = client_id, required_unless_present = "organisation", conflicts_with = "organisation")]
    client: Option<ClientId>,
    /// All clients of this organizationIdentifier, those to come among them
    #[arg(long, value_name = "ID", value_parser = identifier)]
    organisation: Option<OrganisationId>,
    /// With --organisation: only at this brand; without it, at all
    #[arg(long, value_name = "ID", requires = "organisation")]
    brand: Option<String>,
}

impl Who {
    /// Asked of the database: a client's brand is its own.
    pub async fn whose(&self, settings: &Settings, db: &Db) -> Result<Whose, Failure> {
        match (&self.client, &self.organisation) {
            (Some(client), _) => {
                let known = db.known_client(*client).await?.ok_or_else(unknown)?;
                Ok(Whose::Client { client: *client, brand: known.brand.to_string() })
            }
            (None, Some(organisation)) => {
                let brand = self.brand.as_deref().map(|brand| choose_brand(brand, settings)).transpose()?;
                Ok(Whose::Organisation { organisation: organisation.clone(), brand: brand.map(|brand| brand.to_string()) })
            }
            (None, None) => Err(Failure(2, "whose? a client_id or --organisation".into())),
        }
    }
}

fn unknown() -> Failure {
    Failure(7, "there is no such client".into())
}

fn not_judged() -> Failure {
    Failure(7, "there is no such client, or it is deleted, or no brand of the settings has it".into())
}

fn state(word: &str) -> Result<ClientState, String> {
    let found = ClientState::ALL.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, state)| state).ok_or_else(|| "is live, blocked, deleted or all".to_owned())
}

fn local(text: &str) -> Result<OrganisationId, String> {
    OrganisationId::local(text).ok_or_else(|| "is not of small letters, digits and -, 64 at most".to_owned())
}

/// Of a TPP's own registration a body is bounded, too.
fn metadata(file: &Path) -> Result<Map<String, Value>, Failure> {
    let fail = |why: &dyn std::fmt::Display| Failure(2, format!("--metadata-file {}: {why}", file.display()));
    let mut bytes = Vec::new();
    let read = |source: &mut dyn Read, bytes: &mut Vec<u8>| source.take(MOST_METADATA + 1).read_to_end(bytes);
    if file == Path::new("-") {
        read(&mut std::io::stdin(), &mut bytes)
    } else {
        File::open(file).and_then(|mut file| read(&mut file, &mut bytes))
    }
    .map_err(|error| fail(&error))?;
    if bytes.len() as u64 > MOST_METADATA {
        return Err(fail(&format!("larger than {MOST_METADATA} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(|error| fail(&error))
}

pub fn client_id(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).ok_or_else(|| "is no client_id".to_owned())
}

pub async fn run(step: ClientStep) -> Result<ExitCode, Failure> {
    let now = System::new().now();
    match step {
        ClientStep::List { config, brand, organisation, state, after, limit, json } => {
            let settings = config.settings()?;
            let brand = brand.as_deref().map(|brand| choose_brand(brand, &settings)).transpose()?;
            let db = connect(&settings).await?;
            let (clients, next) = pages(limit.into(), after, async |after, limit| {
                let search = Search { brand: brand.as_ref(), organisation: organisation.as_ref(), state, after, limit };
                let page = clients::list(&db, &search, now).await?;
                Ok((page.clients, page.next))
            })
            .await?;
            let page = ClientPage { clients, next };
            if json {
                print_json(&page);
                return Ok(ExitCode::SUCCESS);
            }
            let head = ["client_id", "brand", "organisation", "name", "scope", "registered", "state"];
            print_table(&head, page.clients.iter().map(row).collect());
            if let Some(next) = page.next {
                say!("more: --after {next}");
            }
            Ok(ExitCode::SUCCESS)
        }
        ClientStep::Show { config, client, json } => {
            let db = connect(&config.settings()?).await?;
            let found = clients::show(&db, None, client, now).await?.ok_or_else(unknown)?;
            if json {
                print_json(&found)
            } else {
                describe(&found)
            }
            Ok(ExitCode::SUCCESS)
        }
        ClientStep::Register { config, brand, organisation, legal_name, metadata_file, replace, reason, author, json } => {
            let settings = config.settings()?;
            let brand = choose_brand(&brand, &settings)?.to_string();
            let legal_name = text("--legal-name", &legal_name, SHORT)?;
            let metadata = metadata(&metadata_file)?;
            let db = connect(&settings).await?;
            let act = Act::RegisterClient { brand, client: replace, organisation, legal_name, metadata };
            carry_out(&settings, &db, act, &reason, &author, json).await
        }
        ClientStep::Delete { config, client, reason, author } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            let known = db.known_client(client).await?.ok_or_else(unknown)?;
            let act = Act::DeleteClient { brand: known.brand.to_string(), client };
            carry_out(&settings, &db, act, &reason, &author, false).await
        }
        ClientStep::Conformance { config, client, brand, organisation, since, after, limit, json } => {
            let settings = config.settings()?;
            let brand = brand.as_deref().map(|brand| choose_brand(brand, &settings)).transpose()?;
            let since = since.map_or(now - conformance::USUAL, |day| day.midnight().assume_utc());
            let db = connect(&settings).await?;
            let page = match client {
                Some(client) => conformance::of_one(&db, &settings.brands, None, client, since).await?.ok_or_else(not_judged)?,
                None => {
                    let (pages, next) = pages(limit.into(), after, async |after, limit| {
                        let search =
                            conformance::Search { brand: brand.as_ref(), organisation: organisation.as_ref(), since, after, limit };
                        let page = conformance::page(&db, &settings.brands, &search).await?;
                        Ok((page.clients, page.next))
                    })
                    .await?;
                    let told = settings.brands.iter().filter(|known| brand.as_ref().is_none_or(|only| *only == known.id));
                    ConformancePage { since, brands: told.map(BrandConformance::of).collect(), clients: pages, next }
                }
            };
            if json {
                print_json(&page)
            } else {
                report(&page)
            }
            Ok(ExitCode::SUCCESS)
        }
        ClientStep::Profile { config, client, to, reason, author } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            let known = db.known_client(client).await?.ok_or_else(unknown)?;
            let act = Act::HoldClient { client, brand: known.brand.to_string(), profile: to.0 };
            carry_out(&settings, &db, act, &reason, &author, false).await
        }
        ClientStep::Block { config, who, reason, psu_notice, author } => {
            let settings = config.settings()?;
            let psu_notice = notice(psu_notice.as_deref())?;
            let db = connect(&settings).await?;
            let (target, brand) = target(who.whose(&settings, &db).await?);
            let act = Act::Block { target, brand, psu_notice, authority: None };
            carry_out(&settings, &db, act, &reason, &author, false).await
        }
        ClientStep::Unblock { config, who, reason, author } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            let (target, brand) = target(who.whose(&settings, &db).await?);
            let block = live_block(&db, &target, brand.as_deref()).await?;
            let act = Act::Lift { block, of_client: target.client().is_some() };
            carry_out(&settings, &db, act, &reason, &author, false).await
        }
        ClientStep::ForceSca { config, who, reason, author, json } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            let act = Act::ForceSca { whose: who.whose(&settings, &db).await? };
            carry_out(&settings, &db, act, &reason, &author, json).await
        }
    }
}

fn target(whose: Whose) -> (Target, Option<String>) {
    match whose {
        Whose::Client { client, brand } => (Target::Client(client), Some(brand)),
        Whose::Organisation { organisation, brand } => (Target::Organisation(organisation), brand),
    }
}

async fn live_block(db: &Db, target: &Target, brand: Option<&str>) -> Result<BlockId, Failure> {
    let live = db.live_blocks().await?;
    let of_brand = |of: Option<&str>| of == brand;
    let found = live.iter().find(|block| block.target == *target && of_brand(block.brand.as_ref().map(|brand| brand.as_str())));
    found.map(|block| block.id).ok_or_else(|| Failure(7, format!("nothing blocks {target} itself; `guichet block list` names the blocks")))
}

fn row(client: &ClientSummary) -> Vec<String> {
    vec![
        client.client_id.to_string(),
        client.brand.clone(),
        client.organisation.to_string(),
        client.client_name.clone(),
        client.scope.clone(),
        moment(client.registered_at),
        standing(client),
    ]
}

fn standing(client: &ClientSummary) -> String {
    match (&client.deleted_at, &client.blocked) {
        (Some(at), _) => format!("deleted {}", moment(*at)),
        (None, Some(block)) => format!("blocked: {}", block.target),
        (None, None) => "live".to_owned(),
    }
}

fn describe(view: &RegisteredClient) {
    let client = &view.client;
    let more = if view.live_grants >= view.live_grants_counted_to { " or more" } else { "" };
    let grant_types: Vec<_> = view.grant_types.iter().map(|grant| grant.as_str()).collect();
    print_facts(&[
        ("client_id", Some(client.client_id.to_string())),
        ("brand", Some(client.brand.clone())),
        ("organisation", Some(format!("{} {}", client.organisation, client.legal_name))),
        ("name", Some(client.client_name.clone())),
        ("state", Some(standing(client))),
        ("blocked", client.blocked.as_ref().map(|block| format!("{} by {}: {}", moment(block.since), block.by, block.reason))),
        ("scope", Some(client.scope.clone())),
        ("grant types", Some(grant_types.join(" "))),
        ("redirect URIs", Some(view.redirect_uris.join(" "))),
        ("contacts", (!view.contacts.is_empty()).then(|| view.contacts.join(" "))),
        ("description", view.description.clone()),
        ("agent", view.agent.clone()),
        ("client_uri", view.client_uri.clone()),
        ("software", view.software_id.as_ref().map(|id| format!("{id} {}", view.software_version.as_deref().unwrap_or("")))),
        ("certificate", (!view.certificate_subject.is_empty()).then(|| view.certificate_subject.clone())),
        (
            "keys",
            Some(format!(
                "{} registered{}",
                view.registered_keys,
                view.jwks_uri.as_ref().map_or_else(String::new, |uri| format!(", {uri}"))
            )),
        ),
        ("profile", view.security_profile.map(|profile| profile.name().to_owned())),
        ("held to", view.held_to.map(|profile| format!("{}, by the bank", profile.name()))),
        ("registered", Some(moment(client.registered_at))),
        ("updated", Some(moment(view.updated_at))),
        ("live grants", Some(format!("{}{more}", view.live_grants))),
        ("last used", Some(maybe(view.last_used_at))),
    ]);
    say!("\ncertificates: {}", view.certificates.len());
    let rows = view.certificates.iter().map(|seen| {
        let roles = seen.roles.as_ref().map(|roles| roles.join(" "));
        vec![seen.thumbprint.clone(), or_dash(seen.issuer.as_ref()), maybe(seen.not_after), or_dash(roles), moment(seen.last_seen_at)]
    });
    print_table(&["SHA-256", "issuer", "valid to", "roles", "last seen"], rows.collect());
}
