//! A verdict as text, for `guichet cert inspect`.

use super::organisation::is_deceptive;
use super::{CertificateFacts, Verdict};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the certificate says, each reason with code, explanation and source, and the verdict as the last line.
pub fn describe(verdict: &Verdict) -> String {
    let mut lines = verdict.facts.as_ref().map(facts).unwrap_or_default();
    lines.extend(verdict.path.iter().map(|path| row("issuer key", &hex(&Sha256::digest(&path.issuer.spki)))));
    lines.extend(verdict.anchor().iter().map(|anchor| row("trusted by", anchor)));
    lines.extend(verdict.warnings.iter().map(|warning| row("warning", &warning.to_string())));
    for reason in &verdict.reasons {
        let detail = reason.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        lines.push(row("refused", &format!("{}{detail}", reason.code())));
        lines.push(row("", reason.explanation()));
        lines.push(row("", &format!("[{}]", reason.source())));
    }
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
    vec![
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
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn row(label: &str, value: &str) -> String {
    format!("{label:<14}{}", value.chars().map(printable).collect::<String>())
}

/// A certificate's texts are its holder's: nothing in them may steer a terminal.
fn printable(character: char) -> String {
    if is_deceptive(character) { character.escape_unicode().to_string() } else { character.to_string() }
}

fn date(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.unix_timestamp().to_string())
}
