//! `guichet audit`: the bank's evidence.

use super::{
    ConfigFile, Failure,
    operator::{choose_brand, connect, moment, runtime},
};
use crate::{
    audit::{
        chain::{Hash, Head},
        export,
        verify::MOST_NAMED,
    },
    clock::{Clock, System},
    config::Settings,
    flows::audit::{
        anchor,
        export::Reader,
        verify::{self, Asked, Report},
    },
    oauth::brand::BrandId,
    storage::{Db, ExportQuery},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use time::{Date, OffsetDateTime, Time, format_description::well_known::Rfc3339, macros::format_description};

/// The audit trail is not what was sealed.
const BROKEN: u8 = 9;
/// How soon `--follow` looks again.
const AGAIN: Duration = Duration::from_secs(1);
/// Bytes of one line of a file with anchors.
const LONGEST_LINE: u64 = 64 << 10;

#[derive(Subcommand)]
pub enum AuditStep {
    /// Compute every seal anew from the events: names what was changed, removed, added or moved, and ends with 9 if anything was
    Verify(VerifyArgs),
    /// Events as JSON lines for a SIEM, in order of position; only what is sealed, so that a reader may go on where it stopped
    Export(ExportArgs),
    /// The heads of the chains as JSON lines, to be kept where nobody of the bank's database can change them
    Anchor {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this brand's chain; `*` is that of what concerns all
    #[arg(long, value_name = "ID")]
    brand: Option<String>,
    /// From the seals of this day or moment on; those before are taken as they are
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<OffsetDateTime>,
    /// What `audit anchor` or the log told formerly: JSON lines, of which those that are no anchors are skipped
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    config: ConfigFile,
    #[arg(long, value_name = "ID")]
    brand: Option<String>,
    /// Events of this day or moment, and later ones
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<OffsetDateTime>,
    /// Events before this day or moment
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<OffsetDateTime>,
    /// Only events behind this `guichet.position`
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: i64,
    /// Go on for ever, with what is sealed meanwhile
    #[arg(long)]
    follow: bool,
}

pub fn act(step: AuditStep) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    match step {
        AuditStep::Verify(args) => {
            let settings = args.config.settings()?;
            let asked = Asked {
                brand: args.brand.as_deref().map(|brand| chain(brand, &settings)).transpose()?,
                from: args.from,
                anchors: args.anchors.as_deref().map(anchors).transpose()?.unwrap_or_default(),
            };
            let began = Instant::now();
            let report = runtime.block_on(async { Ok::<_, Failure>(verify::verify(&connect(&settings).await?, &asked).await?) })?;
            say(&report, began.elapsed(), args.json)
        }
        AuditStep::Export(args) => {
            let settings = args.config.settings()?;
            let brand = args.brand.as_deref().map(|brand| chain(brand, &settings)).transpose()?;
            runtime.block_on(async { write(&connect(&settings).await?, brand.as_ref(), &args).await })?;
            Ok(ExitCode::SUCCESS)
        }
        AuditStep::Anchor { config } => {
            let settings = config.settings()?;
            let now = System::new().now();
            let heads = runtime.block_on(async { Ok::<_, Failure>(anchor::anchor(&connect(&settings).await?, now).await?) })?;
            let lines = heads.iter().map(
                |Head { brand, number, hash, .. }| json!({ "at": moment(now), "brand": brand, "number": number, "hash": hash.to_string() }),
            );
            lines.for_each(|line| say!("{line}"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A brand, a former one, or that of what concerns all.
fn chain(brand: &str, settings: &Settings) -> Result<BrandId, Failure> {
    if brand == crate::audit::EVERY_BRAND { Ok(BrandId::new(brand)) } else { choose_brand(brand, settings) }
}

pub(super) fn time(text: &str) -> Result<OffsetDateTime, String> {
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).map(|day| day.with_time(Time::MIDNIGHT).assume_utc());
    OffsetDateTime::parse(text, &Rfc3339).or_else(|_| day()).map_err(|_| "a time is written 2026-11-27 or 2026-11-27T10:00:00Z".to_owned())
}

fn anchors(file: &Path) -> Result<Vec<Head>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure(2, format!("{}: {why}", file.display()));
    let mut reader = BufReader::new(File::open(file).map_err(|error| wrong(&error.kind()))?);
    let mut heads = vec![];
    loop {
        let mut line = vec![];
        let read = io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut line).map_err(|error| wrong(&error.kind()))?;
        if read == 0 {
            break;
        }
        heads.extend(serde_json::from_slice::<Value>(&line).ok().as_ref().and_then(head));
    }
    if heads.is_empty() { Err(wrong(&"no line is an anchor, as `guichet audit anchor` prints them")) } else { Ok(heads) }
}

fn head(line: &Value) -> Option<Head> {
    let (brand, number) = (line.get("brand")?.as_str()?.to_owned(), line.get("number")?.as_i64()?);
    Some(Head { brand, number, to: 0, hash: Hash::parse(line.get("hash")?.as_str()?)? })
}

fn say(report: &Report, took: Duration, as_json: bool) -> Result<ExitCode, Failure> {
    let Report { findings, counts, heads, anchors: [told, own] } = report;
    let seconds = took.as_secs_f64().max(0.001);
    if as_json {
        let finding = |finding: &crate::audit::finding::Finding| json!({ "kind": finding.name(), "what": finding.to_string() });
        let head = |head: &Head| json!({ "brand": head.brand, "number": head.number, "hash": head.hash.to_string() });
        super::operator::json(&json!({
            "sound": counts.findings == 0,
            "findings": findings.iter().map(finding).collect::<Vec<_>>(),
            "findings_in_all": counts.findings,
            "events": counts.events,
            "events_dropped": counts.dropped,
            "events_not_sealed_yet": counts.open,
            "seals": counts.seals,
            "anchors": told,
            "own_anchors": own,
            "heads": heads.iter().map(head).collect::<Vec<_>>(),
            "seconds": seconds,
        }))?;
    } else {
        findings.iter().for_each(|finding| say!("{finding}"));
        if counts.findings > findings.len() as u64 {
            say!("and {} more: at most {MOST_NAMED} are named", counts.findings - findings.len() as u64);
        }
        say!(
            "{} events, {} dropped by retention, {} not sealed yet; {} seals of {} chains; {told} anchors given, {own} of the database's own; \
             {seconds:.1} s, {:.0} events/s",
            counts.events,
            counts.dropped,
            counts.open,
            counts.seals,
            heads.len(),
            counts.events as f64 / seconds,
        );
        say!("{}", if counts.findings == 0 { "the audit trail is what was sealed" } else { "the audit trail is NOT what was sealed" });
    }
    Ok(if counts.findings == 0 { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

async fn write(db: &Db, brand: Option<&BrandId>, args: &ExportArgs) -> Result<(), Failure> {
    let query = ExportQuery { brand: brand.map(|brand| brand.as_str()), ids: verify::ids(args.from, args.to) };
    let (mut reader, mut out) = (Reader::new(args.after), io::stdout().lock());
    loop {
        let page = reader.next(db, &query).await?;
        for exported in &page.events {
            let line = export::object(&exported.event, exported.seal);
            // whoever read has gone: so do we
            if writeln!(out, "{line}").is_err() {
                return Ok(());
            }
        }
        if page.end && (out.flush().is_err() || !args.follow) {
            return Ok(());
        }
        if page.end {
            tokio::time::sleep(AGAIN).await;
        }
    }
}
