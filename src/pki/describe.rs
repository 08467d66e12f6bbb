//! A verdict as text, for `guichet cert inspect`.

use super::organisation::visible;
use super::rules::{Asked, Assessed, Outcome, assess};
use super::{CertificateFacts, FoundPath, ListedAs, Verdict};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the certificate says, the chain found, each reason with code, explanation and source, every rule with its outcome and
/// what to do where it is broken, and the verdict as the last line.
pub fn describe(verdict: &Verdict) -> String {
    let mut lines = verdict.facts.as_ref().map(facts).unwrap_or_default();
    lines.extend(verdict.path.iter().map(|path| row("issuer key", &hex(&Sha256::digest(&path.issuer.spki)))));
    lines.extend(verdict.path.as_ref().map(path).unwrap_or_default());
    lines.extend(verdict.warnings.iter().map(|warning| row("warning", &warning.to_string())));
    for reason in &verdict.reasons {
        let detail = reason.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        lines.push(row("refused", &format!("{}{detail}", reason.code())));
        lines.push(row("", reason.explanation()));
        lines.push(row("", &format!("[{}]", reason.source())));
    }
    lines.push("rules".to_owned());
    lines.extend(assess(verdict, Asked::CertificateOnly).iter().flat_map(rule));
    lines.push(match verdict.reasons.len() {
        0 => "verdict: accepted".to_owned(),
        1 => "verdict: refused, 1 reason".to_owned(),
        count => format!("verdict: refused, {count} reasons"),
    });
    lines.join("\n") + "\n"
}

fn facts(facts: &CertificateFacts) -> Vec<String> {
    let roles: Vec<_> = facts.roles.iter().map(|role| role.name()).collect();
    let absent = || "(none)".to_owned();
    let mut lines = vec![
        row("subject", &facts.subject),
        row("subject_dn", &facts.subject_dn),
        row("issuer", &facts.issuer),
        row("serial", &facts.serial),
        row("organisation", &facts.organisation_name.clone().unwrap_or_else(absent)),
        row("identifier", &facts.organisation_id.clone().unwrap_or_else(absent)),
        row("roles", &if roles.is_empty() { absent() } else { roles.join(" ") }),
        row("authority", &facts.nca_id.as_ref().zip(facts.nca_name.as_ref()).map_or_else(absent, |(id, name)| format!("{id} ({})", name))),
        row("valid", &format!("{} to {}", date(facts.not_before), date(facts.not_after))),
        row("key", &facts.key.to_string()),
        row("signed with", &facts.signature_algorithm),
        row("key usage", &facts.key_usage.as_ref().map_or_else(absent, |names| names.join(" "))),
        row("ext. usage", &facts.extended_key_usage.as_ref().map_or_else(absent, |ids| ids.join(" "))),
        row("SHA-256", &hex(&facts.thumbprint)),
    ];
    lines.extend(pointers(facts));
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn pointers(facts: &CertificateFacts) -> Vec<String> {
    let all = [("status (OCSP)", &facts.pointers.ocsp), ("status (CRL)", &facts.pointers.crl), ("issuer at", &facts.pointers.ca_issuers)];
    all.into_iter().filter(|(_, urls)| !urls.is_empty()).map(|(label, urls)| row(label, &urls.join(" "))).collect()
}

fn path(path: &FoundPath) -> Vec<String> {
    let (anchor, between) = path.chain.split_last().map_or((None, &[][..]), |(anchor, between)| (Some(anchor), between));
    let mut lines: Vec<_> = between.iter().map(|issuer| row("issued under", issuer)).collect();
    let trusted = path.configured || path.listed.is_some();
    lines.extend(anchor.map(|anchor| row(if trusted { "trusted by" } else { "leads to" }, anchor)));
    lines.extend(path.configured.then(|| row("listed as", "(not by a list: trusted by configuration)")));
    lines.extend(path.listed.as_ref().map(|listed| {
        let ListedAs { service, provider, territory, list_sequence, .. } = listed;
        row("listed as", &format!("{service} ({provider}), list of {territory}, number {list_sequence}"))
    }));
    lines
}

/// One line, and where it is broken another one: what to do.
fn rule(assessed: &Assessed<'_>) -> Vec<String> {
    let (rule, advised) = (assessed.rule, matches!(assessed.outcome, Outcome::Fail(_)));
    let outcome = match assessed.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail(_) => "FAIL",
        Outcome::Warn(_) => "odd",
        Outcome::NotReached => "not reached",
    };
    let mut lines = vec![row(&format!("  {outcome}"), &format!("{} [{}]", rule.title(), rule.source()))];
    lines.extend(advised.then(|| row("", rule.advice())));
    lines
}

/// A certificate's texts are its holder's: nothing in them may steer a terminal.
fn row(label: &str, value: &str) -> String {
    format!("{label:<14}{}", visible(value))
}

fn date(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.unix_timestamp().to_string())
}
