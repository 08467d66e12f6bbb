//! `guichet block`: the kill switch.

use super::{
    ConfigFile, Failure,
    act::{Ordered, WAITS, carry_out, order, tell},
    operator::{Author, LONG, SHORT, choose_brand, connect, day, json, moment, notice, plain, runtime, text},
};
use crate::{
    admin::Act,
    clock::{Clock, System},
    config::Settings,
    flows::kill_switch::{self, Change},
    oauth::tpp::{OrganisationId, PspRole},
    standing::{Block, BlockId, Notification, Target, fingerprint},
    storage::Db,
};
use clap::{Args, Subcommand};
use std::process::ExitCode;
use time::Date;
use uuid::Uuid;

#[derive(Subcommand)]
pub enum BlockStep {
    /// Shut out an organisation, a certificate, an issuer or a role, on every replica within a second; nothing is revoked
    Add(Box<AddArgs>),
    /// What is blocked
    List {
        #[command(flatten)]
        config: ConfigFile,
        /// Lifted ones, too
        #[arg(long)]
        all: bool,
        #[arg(long)]
        json: bool,
    },
    /// End a block: tokens and consents work as before
    Lift {
        #[command(flatten)]
        config: ConfigFile,
        id: Uuid,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
    },
    /// Record that the authority was told (PSD2 art. 68(6))
    Notified {
        #[command(flatten)]
        config: ConfigFile,
        id: Uuid,
        /// Day on which it was told
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        on: Date,
        /// What the authority calls it
        #[arg(long)]
        reference: String,
        #[command(flatten)]
        author: Author,
    },
}

#[derive(Args)]
pub struct AddArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// organizationIdentifier: all its certificates, or with --role this role of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["certificate", "issuer", "issuer_key"])]
    organisation: Option<String>,
    /// SHA-256 of a certificate, in hexadecimal
    #[arg(long, value_name = "SHA256", conflicts_with_all = ["issuer", "issuer_key", "role"])]
    certificate: Option<String>,
    /// Issuer of certificates, by its name as `cert inspect` shows it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["issuer_key", "role"])]
    issuer: Option<String>,
    /// Issuer of certificates, by the SHA-256 of its public key as `cert inspect` shows it
    #[arg(long, value_name = "SHA256", conflicts_with = "role")]
    issuer_key: Option<String>,
    /// PSP_AI, PSP_PI, PSP_IC or PSP_AS: of everybody, or with --organisation of one; other roles go on
    #[arg(long)]
    role: Option<String>,
    /// Only at this brand; without it, at all
    #[arg(long, value_name = "ID")]
    brand: Option<String>,
    /// For the bank's own people; never shown outside
    #[arg(long)]
    reason: String,
    /// What customers of the TPP are told; a line is a paragraph
    #[arg(long, value_name = "TEXT")]
    psu_notice: Option<String>,
    /// Day on which the authority was told (PSD2 art. 68(6)), where it was already
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, requires = "authority_reference")]
    authority_notified: Option<Date>,
    /// What the authority calls it
    #[arg(long, value_name = "TEXT", requires = "authority_notified")]
    authority_reference: Option<String>,
    #[command(flatten)]
    author: Author,
}

pub fn act(step: BlockStep) -> Result<ExitCode, Failure> {
    let (system, runtime) = (System::new(), runtime()?);
    match step {
        BlockStep::Add(args) => {
            let settings = args.config.settings()?;
            let act = new_block(&args, &settings)?;
            runtime.block_on(async {
                let db = connect(&settings).await?;
                let target = target(&args)?;
                let known = known_here(&db, &settings, &target).await?;
                let Ordered::Done(done) = order(&settings, &db, act, &args.reason, &args.author, false).await? else {
                    return Ok(ExitCode::from(WAITS));
                };
                tell(&done);
                say!("{:<12}{known}", "known here");
                Ok(ExitCode::SUCCESS)
            })
        }
        BlockStep::List { config, all, json: as_json } => {
            let settings = config.settings()?;
            let blocks = runtime.block_on(async { list(&connect(&settings).await?, all).await })?;
            if as_json {
                json(&blocks)?;
            } else if blocks.is_empty() {
                say!("nothing is blocked");
            } else {
                say!("{}", blocks.iter().map(describe).collect::<Vec<_>>().join("\n\n"));
            }
            Ok(ExitCode::SUCCESS)
        }
        BlockStep::Lift { config, id, reason, author } => {
            let settings = config.settings()?;
            runtime.block_on(async {
                let db = connect(&settings).await?;
                let known = db.find_block(BlockId(id)).await?.ok_or_else(unknown)?;
                let of_client = known.target.client().is_some();
                let act = Act::Lift { block: BlockId(id), of_client };
                carry_out(&settings, &db, act, &reason, &author, false).await
            })
        }
        BlockStep::Notified { config, id, on, reference, author } => {
            let settings = config.settings()?;
            let (by, now) = (author.name()?, system.now());
            let told = Notification { on, reference: text("--reference", &reference, SHORT)? };
            let change = runtime.block_on(async {
                Ok::<_, Failure>(kill_switch::notified(&connect(&settings).await?, &system, BlockId(id), told, &by, now).await?)
            })?;
            say("recorded", change)
        }
    }
}

fn say(done: &str, change: Change) -> Result<ExitCode, Failure> {
    match change {
        Change::Done(block) => say!("{done}\n\n{}", describe(&block)),
        Change::AlreadyLifted(block) => say!("lifted already\n\n{}", describe(&block)),
        Change::Unknown => return Err(unknown()),
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown() -> Failure {
    Failure(2, "there is no block with this id; `guichet block list --all` names them".into())
}

async fn list(db: &Db, all: bool) -> Result<Vec<Block>, Failure> {
    if !all {
        let mut live = db.live_blocks().await?;
        live.sort_by_key(|block| block.since);
        return Ok(live);
    }
    let (mut blocks, mut after) = (vec![], BlockId(Uuid::nil()));
    loop {
        let page = db.blocks_after(after).await?;
        match page.last() {
            Some(last) => after = last.id,
            None => return Ok(blocks),
        }
        blocks.extend(page);
    }
}

fn new_block(args: &AddArgs, settings: &Settings) -> Result<Act, Failure> {
    let psu_notice = notice(args.psu_notice.as_deref())?;
    let authority = match (args.authority_notified, &args.authority_reference) {
        (Some(on), Some(reference)) => Some(Notification { on, reference: text("--authority-reference", reference, SHORT)? }),
        (_, _) => None,
    };
    let brand = args.brand.as_deref().map(|brand| choose_brand(brand, settings)).transpose()?.map(|brand| brand.to_string());
    Ok(Act::Block { target: target(args)?, brand, psu_notice, authority })
}

fn target(args: &AddArgs) -> Result<Target, Failure> {
    let wrong = |why: &str| Failure(2, why.to_owned());
    let sha256 = |flag: &str, digits: &str| {
        fingerprint::read(digits).ok_or_else(|| Failure(2, format!("{flag} is no SHA-256: 64 hexadecimal digits, with or without colons")))
    };
    let organisation = args.organisation.as_deref().map(|id| text("--organisation", id, SHORT).map(OrganisationId::new)).transpose()?;
    match (&args.role, organisation, &args.certificate, &args.issuer, &args.issuer_key) {
        (Some(name), of, ..) => {
            let role = PspRole::ALL.into_iter().find(|role| role.name() == name);
            Ok(Target::Role(role.ok_or_else(|| wrong("--role is PSP_AI, PSP_PI, PSP_IC or PSP_AS"))?, of))
        }
        (None, Some(id), ..) => Ok(Target::Organisation(id)),
        (None, None, Some(digits), ..) => Ok(Target::Certificate(sha256("--certificate", digits)?)),
        (None, None, None, Some(name), _) => Ok(Target::IssuerName(text("--issuer", name, LONG)?)),
        (None, None, None, None, Some(digits)) => Ok(Target::IssuerKey(sha256("--issuer-key", digits)?)),
        (None, None, None, None, None) => Err(wrong("what to block? --organisation, --certificate, --issuer, --issuer-key or --role")),
    }
}

/// A block of what nobody has is most likely a mistyped one, and then shuts out nobody.
async fn known_here(db: &Db, settings: &Settings, target: &Target) -> Result<String, Failure> {
    if let Target::Certificate(sha256) = target {
        let seen = db.find_certificate(sha256).await?.is_some();
        return Ok(if seen { "the certificate was seen" } else { "the certificate was never seen: are the digits right?" }.to_owned());
    }
    let Some(organisation) = target.organisation() else { return Ok("not asked: it is about many".to_owned()) };
    let (mut tx, mut clients) = (db.begin("count_clients").await?, 0);
    for brand in &settings.brands {
        clients += tx.count_clients(&brand.id, organisation).await?;
    }
    Ok(match clients {
        0 => "no client of this organisation is registered: is it spelled right?".to_owned(),
        1 => "1 registered client".to_owned(),
        many => format!("{many} registered clients"),
    })
}

pub fn describe(block: &Block) -> String {
    let mut rows = vec![
        ("block", block.id.to_string()),
        ("target", block.target.to_string()),
        ("brand", block.brand.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string)),
        ("reason", block.reason.clone()),
        ("since", format!("{} by {}", moment(block.since), block.by)),
    ];
    rows.extend(block.psu_notice.iter().map(|notice| ("psu notice", notice.clone())));
    rows.push((
        "authority",
        match &block.authority {
            Some(told) => format!("notified on {}, {}", told.on, told.reference),
            None => "not notified yet: PSD2 art. 68(6) asks for it at once; then `guichet block notified`".to_owned(),
        },
    ));
    rows.extend(block.lifted.iter().map(|end| ("lifted", format!("{} by {}: {}", moment(end.at), end.by, end.why))));
    rows.iter().map(|(label, value)| format!("{label:<12}{}", plain(value))).collect::<Vec<_>>().join("\n")
}
