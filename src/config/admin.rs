//! `[admin]` and `[signing]`: how the bank's own people act, and what its keys are.

use super::{
    context::Context,
    reader::{Reader, choice, text},
};
use crate::{
    admin::{ActKind, AdminPolicy, Algorithm},
    oauth::brand::Brand,
};
use std::path::PathBuf;
use time::Duration;
use toml::de::DeValue;

/// How the database's signing keys are made and wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningSettings {
    /// `None`: keys of the database do not sign here.
    pub wrapping_key_file: Option<PathBuf>,
    pub algorithm: Algorithm,
    /// Before a key first signs, and after it last did.
    pub overlap: Duration,
    /// Servers rotate by themselves once the newest key is so old; `None`: they do not.
    pub rotate_after: Option<Duration>,
}

/// More hours than a token or a cache of keys lives.
const LONGEST_OVERLAP: u64 = 24 * 366;
/// Of a key before its successor is made, in days.
const LONGEST_LIFE: u64 = 3_650;
const LONGEST_PROPOSAL: u64 = 24 * 30;
/// Of a certificate's subject, in characters: as much as the audit trail keeps.
const LONGEST_SUBJECT: usize = 200;

pub fn read(table: &mut Reader<'_>) -> AdminPolicy {
    let acts = ActKind::ALL.map(|act| (act.name(), act));
    let read = AdminPolicy {
        four_eyes: table.list("four_eyes", |value| choice(value, &acts)).into_iter().collect(),
        proposal_lifetime: hours(table, "proposal_hours", LONGEST_PROPOSAL),
        shared_accounts: table.flag("shared_accounts"),
        api_certificates: table.list("api_certificates", subject).into_iter().collect(),
    };
    table.finish();
    read
}

fn subject(value: &DeValue<'_>) -> Result<String, String> {
    let subject = text(value)?;
    if subject.chars().count() > LONGEST_SUBJECT { Err(format!("has more than {LONGEST_SUBJECT} characters")) } else { Ok(subject) }
}

pub fn signing(table: &mut Reader<'_>, context: &Context) -> SigningSettings {
    let algorithms = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    let read = SigningSettings {
        wrapping_key_file: context.optional_file(table, "wrapping_key_file"),
        algorithm: table.choice("algorithm", &algorithms).unwrap_or(Algorithm::Es256),
        overlap: hours(table, "overlap_hours", LONGEST_OVERLAP),
        rotate_after: table.optional_number("rotate_after_days", 1..=LONGEST_LIFE).map(days),
    };
    if read.rotate_after.is_some() && read.wrapping_key_file.is_none() {
        table.note(
            "rotate_after_days",
            "`signing.rotate_after_days` needs `signing.wrapping_key_file`: nothing else wraps the keys that are made",
        );
    }
    table.finish();
    read
}

/// Brands whose access tokens are signed need a key that signs, and is published for as long as what it signed lives.
pub fn keys_for_tokens(table: &Reader<'_>, brands: &[Brand], files: &[PathBuf], signing: &SigningSettings) {
    for brand in brands.iter().filter(|brand| brand.access_tokens.is_signed()) {
        let id = &brand.id;
        if files.is_empty() && signing.wrapping_key_file.is_none() {
            let message = format!("brand {id} signs its access tokens: it needs `signing.wrapping_key_file` or `signing.key_files`");
            table.note("wrapping_key_file", message);
        }
        let longest = brand.access_token_lifetimes().max().unwrap_or_default();
        if signing.wrapping_key_file.is_some() && longest > signing.overlap {
            let hours = (longest.whole_seconds() + 3_599) / 3_600;
            let message = format!(
                "brand {id} signs access tokens that live for up to {} s: `signing.overlap_hours` must be {hours} at least, or a rotation would end them",
                longest.whole_seconds()
            );
            table.note("overlap_hours", message);
        }
    }
}

fn days(number: u64) -> Duration {
    Duration::days(i64::try_from(number).unwrap_or(i64::MAX))
}

fn hours(table: &mut Reader<'_>, key: &'static str, longest: u64) -> Duration {
    Duration::hours(i64::try_from(table.number(key, 1..=longest)).unwrap_or(1))
}
