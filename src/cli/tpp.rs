//! `guichet tpp`: which organisations there are, when each must renew its certificate, and how two become one.

use super::{
    ConfigFile, Failure,
    act::{Ordered, WAITS, order},
    operator::{Author, connect, moment},
    table::{maybe, or_dash, print_json, print_table},
};
use crate::{
    admin::Act,
    clock::{Clock, System},
    flows::{
        admin::Done,
        organisation::{self, Portrait},
    },
    oauth::{
        organisation::{ClientOfOrganisation, MergeRecord, OrganisationSummary, SeenCertificate, days_left},
        tpp::OrganisationId,
    },
    pki::{psd_identifier, visible},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;
use time::{Duration, OffsetDateTime};

/// Of an identifier, in characters.
const LONGEST: usize = 500;

#[derive(Subcommand)]
pub enum Tpp {
    /// Organisations, how many clients and certificates each has, and when the last certificate ends
    List {
        #[command(flatten)]
        out: Output,
        /// Only organisations with clients that must renew within so many days: none of their certificates lasts longer
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=3650), conflicts_with = "after")]
        expiring_within: Option<u16>,
        /// Begin after this organisation
        #[arg(long, value_name = "ORGANISATION", default_value = "")]
        after: String,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// One organisation: its clients, its certificates, its merges
    Show {
        /// organizationIdentifier, such as PSDFR-ACPR-12345
        #[arg(value_parser = identifier)]
        organisation: OrganisationId,
        #[command(flatten)]
        out: Output,
    },
    /// Make the clients of one organisation another's, after a merger or a new authorisation number. Undone only by another merge
    Merge {
        #[arg(value_parser = identifier)]
        old: OrganisationId,
        #[arg(value_parser = identifier)]
        new: OrganisationId,
        /// Why, for the audit
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: Author,
        /// For so long certificates of OLD stand for clients of NEW
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(0..=400))]
        overlap_days: u16,
        /// Also where nothing was ever seen of NEW
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        out: Output,
    },
}

#[derive(Args)]
pub struct Output {
    #[command(flatten)]
    config: ConfigFile,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub fn identifier(text: &str) -> Result<OrganisationId, String> {
    let fine = !text.trim().is_empty() && text.chars().count() <= LONGEST && visible(text) == text;
    fine.then(|| OrganisationId::new(text)).ok_or_else(|| "is no organizationIdentifier".to_owned())
}

pub async fn run(verb: Tpp) -> Result<ExitCode, Failure> {
    let done = Ok(ExitCode::SUCCESS);
    let now = System::new().now();
    match verb {
        Tpp::List { out, expiring_within, after, limit } => list(&out, expiring_within, &after, i64::from(limit), now).await.and(done),
        Tpp::Show { organisation, out } => show(&out, &organisation, now).await.and(done),
        Tpp::Merge { old, new, reason, by, overlap_days, force, out } => {
            if force && psd_identifier(new.as_str()).is_none() {
                return Err(refused("NEW is not of the form PSDcc-AUTHORITY-NUMBER"));
            }
            merge(&out, Act::Merge { old, new, overlap_days, forced: force }, &reason, &by).await
        }
    }
}

fn refused(why: impl ToString) -> Failure {
    Failure(7, why.to_string())
}

async fn list(out: &Output, within: Option<u16>, after: &str, limit: i64, now: OffsetDateTime) -> Result<(), Failure> {
    let db = connect(&out.config.settings()?).await?;
    // one more than asked for tells whether there are more
    let found = match within {
        Some(days) => organisation::expiring(&db, Duration::days(days.into()), limit + 1, now).await,
        None => organisation::list(&db, after, limit + 1, now).await,
    };
    let mut found = found?;
    let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| more).map(|line| line.organisation.to_string());
    if out.json {
        let lines: Vec<_> = found.iter().map(|line| summary_json(line, now)).collect();
        print_json(&json!({ "organisations": lines, "more": more, "next": last.filter(|_| within.is_none()) }));
        return Ok(());
    }
    let head = ["organisation", "legal name", "clients", "certificates", "first ends", "last ends", "days left", "last seen"];
    print_table(&head, found.iter().map(|line| summary_row(line, now)).collect());
    match (last, within) {
        (None, _) => {}
        (Some(last), None) => say!("more: --after '{}'", visible(&last)),
        (Some(_), Some(_)) => say!("more: raise --limit"),
    }
    Ok(())
}

async fn show(out: &Output, organisation: &OrganisationId, now: OffsetDateTime) -> Result<(), Failure> {
    let db = connect(&out.config.settings()?).await?;
    let found = organisation::show(&db, organisation, now).await?;
    let Portrait { summary, clients, certificates, merges } = found.ok_or_else(|| refused("nothing is known of this organisation"))?;
    if out.json {
        let mut whole = summary_json(&summary, now);
        whole["clients"] = clients.iter().map(client_json).collect();
        whole["certificates"] = certificates.iter().map(|certificate| certificate_json(certificate, now)).collect();
        whole["merges"] = merges.iter().map(merge_json).collect();
        print_json(&whole);
        return Ok(());
    }
    say!("{} {}", visible(summary.organisation.as_str()), visible(summary.legal_name.as_deref().unwrap_or("")));
    say!("\nclients: {}", clients.len());
    print_table(&["brand", "client_id", "name", "scope", "registered"], clients.iter().map(client_row).collect());
    say!("\ncertificates: {}", certificates.len());
    let head = ["SHA-256", "serial", "issuer", "valid from", "valid to", "days left", "roles", "brands", "first seen", "last seen"];
    print_table(&head, certificates.iter().map(|certificate| certificate_row(certificate, now)).collect());
    say!("\nmerges: {}", merges.len());
    print_table(&["old", "new", "at", "old stands until", "clients", "by", "reason"], merges.iter().map(merge_row).collect());
    Ok(())
}

async fn merge(out: &Output, act: Act, reason: &str, by: &Author) -> Result<ExitCode, Failure> {
    let settings = out.config.settings()?;
    let db = connect(&settings).await?;
    match order(&settings, &db, act, reason, by, out.json).await? {
        Ordered::Waits => Ok(ExitCode::from(WAITS)),
        Ordered::Done(done) => {
            if let Done::Merged(record) = &*done {
                say_merged(record, out.json);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub fn say_merged(record: &MergeRecord, json: bool) {
    if json {
        return print_json(&merge_json(record));
    }
    let (old, new) = (visible(record.old.as_str()), visible(record.new.as_str()));
    say!("{old} is {new} now: {} clients moved; certificates of {old} stand for {new} until {}", record.clients, moment(record.until));
}

fn days(end: Option<OffsetDateTime>, now: OffsetDateTime) -> Option<i64> {
    end.map(|end| days_left(end, now))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn summary_row(line: &OrganisationSummary, now: OffsetDateTime) -> Vec<String> {
    vec![
        line.organisation.to_string(),
        or_dash(line.legal_name.as_ref()),
        line.clients.to_string(),
        line.certificates.to_string(),
        maybe(line.first_end),
        maybe(line.last_end),
        or_dash(days(line.last_end, now)),
        maybe(line.last_seen_at),
    ]
}

fn summary_json(line: &OrganisationSummary, now: OffsetDateTime) -> Value {
    json!({
        "organisation": line.organisation.as_str(),
        "legal_name": line.legal_name,
        "client_count": line.clients,
        "certificate_count": line.certificates,
        "first_end": line.first_end.map(moment),
        "last_end": line.last_end.map(moment),
        "days_left": days(line.last_end, now),
        "last_seen_at": line.last_seen_at.map(moment),
    })
}

fn client_row(client: &ClientOfOrganisation) -> Vec<String> {
    vec![client.brand.to_string(), client.id.to_string(), client.name.clone(), client.scope.clone(), moment(client.registered_at)]
}

fn client_json(client: &ClientOfOrganisation) -> Value {
    json!({
        "brand": client.brand.as_str(),
        "client_id": client.id.to_string(),
        "client_name": client.name,
        "legal_name": client.legal_name,
        "scope": client.scope,
        "registered_at": moment(client.registered_at),
    })
}

fn certificate_row(certificate: &SeenCertificate, now: OffsetDateTime) -> Vec<String> {
    vec![
        hex(&certificate.thumbprint),
        or_dash(certificate.serial.as_ref()),
        or_dash(certificate.issuer.as_ref()),
        maybe(certificate.not_before),
        maybe(certificate.not_after),
        or_dash(days(certificate.not_after, now)),
        or_dash(certificate.roles.as_ref().map(|roles| roles.join(" "))),
        certificate.brands.join(" "),
        moment(certificate.first_seen_at),
        moment(certificate.last_seen_at),
    ]
}

fn certificate_json(certificate: &SeenCertificate, now: OffsetDateTime) -> Value {
    json!({
        "thumbprint": hex(&certificate.thumbprint),
        "serial": certificate.serial,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.map(moment),
        "not_after": certificate.not_after.map(moment),
        "days_left": days(certificate.not_after, now),
        "roles": certificate.roles,
        "brands": certificate.brands,
        "first_seen_at": moment(certificate.first_seen_at),
        "last_seen_at": moment(certificate.last_seen_at),
    })
}

fn merge_row(merge: &MergeRecord) -> Vec<String> {
    vec![
        merge.old.to_string(),
        merge.new.to_string(),
        moment(merge.at),
        moment(merge.until),
        merge.clients.to_string(),
        merge.by.clone(),
        merge.reason.clone(),
    ]
}

fn merge_json(merge: &MergeRecord) -> Value {
    json!({
        "old": merge.old.as_str(),
        "new": merge.new.as_str(),
        "at": moment(merge.at),
        "until": moment(merge.until),
        "clients": merge.clients,
        "by": merge.by,
        "reason": merge.reason,
    })
}
