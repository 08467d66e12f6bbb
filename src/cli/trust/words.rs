//! What is said of a list, on one line. Texts from lists are a stranger's.

use super::desk::{Desk, Judged, Outcome};
use crate::{
    pki::trusted_list::{AcceptedList, Service, ServiceStatus, Use, Verification},
    trusted_lists::{granted_for_web, printable},
};
use time::{OffsetDateTime, macros::format_description};

pub(super) fn day(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

pub(super) fn verification(of: &Verification) -> String {
    match of {
        Verification::Signature { signer, algorithm, named_by } => {
            let algorithm = algorithm.rsplit('#').next().unwrap_or(algorithm);
            format!("signed by {} with {}, named by {}", signer.get(..16).unwrap_or(signer), printable(algorithm), printable(named_by))
        }
        Verification::Assumed { by } => format!("ASSUMED, {} vouches", printable(by)),
    }
}

/// What a service is at a time.
pub(super) fn state(service: &Service, now: OffsetDateTime) -> String {
    let Some(period) = service.at(now) else { return "not yet".to_owned() };
    let status = match period.status {
        ServiceStatus::Granted => "granted",
        ServiceStatus::Withdrawn => "withdrawn",
        ServiceStatus::Other => "not granted",
    };
    let uses = period.uses.iter().map(|one| match one {
        Use::WebSiteAuthentication => "websites",
        Use::Seals => "seals",
        Use::Signatures => "signatures",
    });
    let uses = uses.collect::<Vec<_>>().join(", ");
    let qualifications = if period.qualifications.is_empty() { "" } else { ", with qualifications" };
    let critical = period.unknown_critical.as_ref().map_or_else(String::new, |name| format!(", critical extension {}", printable(name)));
    let uses = if uses.is_empty() { String::new() } else { format!(" for {uses}") };
    format!("{status}{uses}{qualifications}{critical}")
}

pub(super) fn line(one: &Judged, desk: &Desk) -> String {
    let head = match &one.claims {
        Some((territory, 0)) => territory.clone(),
        Some((territory, sequence)) => format!("{territory} {sequence}"),
        None => "??".to_owned(),
    };
    let source = printable(&one.source);
    match &one.outcome {
        Outcome::Accepted { stale_since } => {
            let stale = stale_since.map_or_else(String::new, |since| format!("; WARNING: its NextUpdate was {}", day(since)));
            format!("{head:7} accepted: {}{stale} ({source})", content(one, desk))
        }
        Outcome::Unchanged => format!("{head:7} unchanged ({source})"),
        Outcome::Excluded => format!("{head:7} excluded by the configuration ({source})"),
        Outcome::Unused => format!("{head:7} not used by itself ({source})"),
        Outcome::Refused(refusal) => format!("{head:7} REFUSED {}: {refusal}; {} ({source})", refusal.code(), kept(one, desk)),
        Outcome::Unreachable(error) => format!("{head:7} NOT REACHED: {error}; {} ({source})", kept(one, desk)),
    }
}

fn content(one: &Judged, desk: &Desk) -> String {
    let Some(vouched) = &one.vouched else { return String::new() };
    let (list, by) = (&vouched.offer.list, verification(&vouched.offer.verification));
    match &vouched.pointers {
        Some(pointers) => format!("points to {} lists, {by}", pointers.len()),
        None => format!("{} services, {} granted for websites, {by}", list.services.len(), granted_for_web(&list.services, desk.now)),
    }
}

fn kept(one: &Judged, desk: &Desk) -> String {
    let accepted: Option<&AcceptedList> = one.claims.as_ref().and_then(|(territory, _)| desk.accepted(territory));
    accepted.map_or_else(
        || "nothing is accepted in its place".to_owned(),
        |list| format!("the accepted {} {} stays", list.territory, list.sequence),
    )
}
